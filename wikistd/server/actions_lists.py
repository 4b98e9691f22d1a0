"""Lists of pages in action=query: all, of a category, that link here, found by words.

In: a ModuleRun.  Out: items, which a generator takes as pages.
Holds: nothing.
Spec: MediaWiki 1.39's list modules.  Not here: lists of changes and users
(actions_changes.py), revisions (actions_revisions.py), files (actions_files.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .actions import refuse
from .actions_changes import CHANGE_LIST_MODULES
from .actions_continue import bad_continue
from .actions_files import FILE_LIST_MODULES
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_namespace,
    param_namespaces,
    param_number,
    param_text,
    param_time,
    parse_api_time,
    require_one,
)
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    list_module,
    namespace_clause,
    page_items,
)
from .actions_reports import REPORT_LIST_MODULES
from .actions_revisions import REVISION_LIST_MODULES
from .actions_search import SEARCH_LIST_MODULES, title_key
from .actions_users import USER_LIST_MODULES
from .records import format_time
from .titles import (
    Title,
    title_text,
)

_dir_param = param_choice("ascending descending", "ascending")


def query_allpages(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allpages."""
    args = run.args
    if run.is_generator and run.query.pages.is_following:
        raise refuse(
            "params",
            'Use "gapfilterredir=nonredirects" instead of "redirects" when using '
            '"allpages" as a generator.',
        )
    is_down = args["dir"] == "descending"
    after, before = ("<=", ">=") if is_down else (">=", "<=")
    where, values = "page.ns = ?", [args["namespace"]]
    parts = run.continue_parts(1)
    for value, sign in (
        (parts[0] if parts else None, after),
        (title_key(args["from"]) if args["from"] is not None else None, after),
        (title_key(args["to"]) if args["to"] is not None else None, before),
    ):
        if value is not None:
            where += " AND page.title %s ?" % sign
            values.append(value)
    if args["prefix"]:
        prefix = title_key(args["prefix"])
        where += " AND page.title >= ? AND page.title < ?"
        values += [prefix, prefix + "\U0010ffff"]
    if args["filterredir"] != "all":
        is_redirect = args["filterredir"] == "redirects"
        where += " AND page.redirect IS %sNULL" % ("NOT " if is_redirect else "")
    for name, sign in (("minsize", ">="), ("maxsize", "<=")):
        if args[name] is not None:
            where += " AND page.size %s ?" % sign
            values.append(args[name])
    join = ""
    if args["prtype"]:
        where += (
            " AND EXISTS (SELECT 1 FROM protection WHERE protection.ns = page.ns AND"
            " protection.title = page.title AND type IN (%s))"
            % ", ".join("?" * len(args["prtype"]))
        )
        values += args["prtype"]
    pages = run.store.query_pages(
        "%s ORDER BY page.title%s" % (where, " DESC" if is_down else ""),
        values,
        args["limit"] + 1,
        join=join,
    )
    if len(pages) > args["limit"]:
        run.go_on("continue", pages.pop().key)
    return page_items(pages)


def _category_title(run: ModuleRun) -> Title:
    args = run.args
    require_one(args, run.prefix, ("title", "pageid"))
    if args["pageid"] is not None:
        page = run.store.find_pages_by_id([args["pageid"]]).get(args["pageid"])
        if page is None:
            text = "There is no page with ID %d." % args["pageid"]
            raise refuse("nosuchpageid", text)
        title = Title(page.namespace, page.key)
    else:
        title = run.call.read_title(args["title"])
    if title.namespace != 14:
        raise refuse("invalidcategory", "The category name you entered is not valid.")
    return title


def query_categorymembers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=categorymembers."""
    args, props, limit = run.args, run.args["prop"], run.args["limit"]
    title = _category_title(run)
    is_down = args["dir"] in ("descending", "desc", "older", "reverse")
    by_time = args["sort"] == "timestamp"
    rows = (
        _members_by_time(run, title.key, is_down)
        if by_time
        else _members_by_sortkey(run, title.key, is_down)
    )
    if len(rows) > limit:
        page_id, kind, sortkey, _, when = rows.pop()
        token = "%s|%s|%d" % (kind, sortkey.encode("utf-8").hex(), page_id)
        run.go_on(
            "continue", "%s|%d" % (format_time(when), page_id) if by_time else token
        )
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    items = []
    for page_id, kind, sortkey, prefix, when in rows:
        page = pages[page_id]
        entry: Dict[str, Any] = {}
        if "ids" in props:
            entry["pageid"] = page.id
        if "title" in props:
            entry.update(ns=page.namespace, title=page.text)
        if "sortkey" in props:
            entry["sortkey"] = sortkey.encode("utf-8").hex()
        if "sortkeyprefix" in props:
            entry["sortkeyprefix"] = prefix
        if "type" in props:
            entry["type"] = kind
        if "timestamp" in props:
            entry["timestamp"] = format_time(when)
        items.append(QueryItem(entry, page))
    return items


#: The order of MediaWiki's enum.
MEMBER_KINDS = ("page", "subcat", "file")


def _select_members(
    run: ModuleRun, where: str, values: List[Any], order: str, count: int
) -> List[Tuple[Any, ...]]:
    if run.args["namespace"]:
        where += " AND " + namespace_clause("page.ns", run.args["namespace"])
    return run.store.db.all(
        "SELECT category_member.page, kind, sortkey, prefix, time FROM category_member"
        " CROSS JOIN page ON page.id = category_member.page WHERE %s ORDER BY %s"
        " LIMIT %d" % (where, order, count),
        values,
    )


def _members_by_sortkey(
    run: ModuleRun, category: str, is_down: bool
) -> List[Tuple[Any, ...]]:
    """Return members kind by kind, each in the order of an index: no sorting."""
    parts = run.continue_parts(3)
    start: Tuple[str, str, int] = ("", "", 0)
    if parts is not None:
        try:
            sortkey = bytes.fromhex(parts[1]).decode("utf-8")
            start = (parts[0], sortkey, int(parts[2]))
            MEMBER_KINDS.index(start[0])
        except ValueError as error:
            raise bad_continue() from error
    order = "sortkey%s, category_member.page%s" % ((" DESC" if is_down else "",) * 2)
    rows: List[Tuple[Any, ...]] = []
    kinds = list(reversed(MEMBER_KINDS)) if is_down else list(MEMBER_KINDS)
    for kind in kinds[kinds.index(start[0]) if start[0] else 0 :]:
        if kind not in run.args["type"]:
            continue
        where = "category = ? AND kind = ?"
        values: List[Any] = [category, kind]
        if kind == start[0]:
            sign = "<=" if is_down else ">="
            where += " AND (sortkey, category_member.page) %s (?, ?)" % sign
            values += start[1:]
        count = run.args["limit"] + 1 - len(rows)
        rows += _select_members(run, where, values, order, count)
    return rows


def _members_by_time(
    run: ModuleRun, category: str, is_down: bool
) -> List[Tuple[Any, ...]]:
    args, after = run.args, "<=" if is_down else ">="
    where = "category = ? AND kind IN (%s)" % ", ".join("?" * len(args["type"]))
    values: List[Any] = [category, *args["type"]]
    for name, sign in (("start", after), ("end", ">=" if is_down else "<=")):
        if args[name] is not None:
            where += " AND time %s ?" % sign
            values.append(args[name])
    parts = run.continue_parts(2)
    if parts is not None:
        when = parse_api_time(parts[0], 0)
        if when is None or not parts[1].isdigit():
            raise bad_continue()
        where += " AND (time, category_member.page) %s (?, ?)" % after
        values += [when, int(parts[1])]
    order = "time%s, category_member.page%s" % ((" DESC" if is_down else "",) * 2)
    return _select_members(run, where, values, order, args["limit"] + 1)


def _query_backlinks(run: ModuleRun, kind: str) -> List[QueryItem]:
    """Answer backlinks, embeddedin and imageusage."""
    args, limit = run.args, run.args["limit"]
    require_one(args, run.prefix, ("title", "pageid"))
    if args["pageid"] is not None:
        page = run.store.find_pages_by_id([args["pageid"]]).get(args["pageid"])
        if page is None:
            text = "There is no page with ID %d." % args["pageid"]
            raise refuse("nosuchpageid", text)
        title = Title(page.namespace, page.key)
    else:
        title = run.call.read_title(args["title"])
    where = "kind = ? AND link.ns = ? AND link.title = ?"
    values: List[Any] = [kind, title.namespace, title.key]
    if args["namespace"]:
        where += " AND " + namespace_clause("from_ns", args["namespace"])
    if args["filterredir"] != "all":
        is_redirect = args["filterredir"] == "redirects"
        where += " AND page.redirect IS %sNULL" % ("NOT " if is_redirect else "")
    parts = run.continue_parts(2)
    if parts is not None:
        if not all(part.isdigit() for part in parts):
            raise bad_continue()
        where += " AND (from_ns, link.page) >= (?, ?)"
        values += [int(parts[0]), int(parts[1])]
    way = " DESC" if args["dir"] == "descending" else ""
    rows = run.store.db.all(
        "SELECT link.page, from_ns FROM link JOIN page ON page.id = link.page"
        " WHERE %s ORDER BY from_ns%s, link.page%s LIMIT %d"
        % (where, way, way, limit + 1),
        values,
    )
    if len(rows) > limit:
        page_id, namespace = rows.pop()
        run.go_on("continue", "%d|%d" % (namespace, page_id))
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    items = []
    for page_id, _ in rows:
        found = pages[page_id]
        entry: Dict[str, Any] = {
            "pageid": found.id,
            "ns": found.namespace,
            "title": found.text,
        }
        if found.redirect is not None:
            entry["redirect"] = True
        items.append(QueryItem(entry, found))
    return items


def query_backlinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=backlinks."""
    return _query_backlinks(run, "page")


def query_embeddedin(run: ModuleRun) -> List[QueryItem]:
    """Answer list=embeddedin."""
    return _query_backlinks(run, "template")


def query_imageusage(run: ModuleRun) -> List[QueryItem]:
    """Answer list=imageusage."""
    return _query_backlinks(run, "file")


def query_alllinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alllinks: one entry for each link, or each target."""
    args, limit = run.args, run.args["limit"]
    where, values = "kind = 'page' AND ns = ?", [args["namespace"]]
    is_unique = args["unique"]
    parts = run.continue_parts(1 if is_unique else 2)
    if parts is not None:
        if is_unique:
            where += " AND title >= ?"
            values.append(parts[0])
        elif parts[1].isdigit():
            where += " AND (title, page) >= (?, ?)"
            values += [parts[0], int(parts[1])]
        else:
            raise bad_continue()
    if args["from"] is not None:
        where += " AND title >= ?"
        values.append(title_key(args["from"]))
    if args["to"] is not None:
        where += " AND title <= ?"
        values.append(title_key(args["to"]))
    if args["prefix"]:
        prefix = title_key(args["prefix"])
        where += " AND title >= ? AND title < ?"
        values += [prefix, prefix + "\U0010ffff"]
    columns = "DISTINCT title, 0" if is_unique else "title, page"
    rows = run.store.db.all(
        "SELECT %s FROM link WHERE %s ORDER BY title%s LIMIT %d"
        % (columns, where, "" if is_unique else ", page", limit + 1),
        values,
    )
    if len(rows) > limit:
        key, page = rows.pop()
        run.go_on("continue", key if is_unique else "%s|%d" % (key, page))
    items = []
    for key, page in rows:
        entry: Dict[str, Any] = {}
        if "ids" in args["prop"]:
            entry["fromid"] = page
        if "title" in args["prop"]:
            entry.update(ns=args["namespace"], title=title_text(args["namespace"], key))
        items.append(QueryItem(entry, None, Title(args["namespace"], key)))
    return items


def query_allcategories(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allcategories."""
    args = run.args
    is_down = args["dir"] == "descending"
    after, before = ("<=", ">=") if is_down else (">=", "<=")
    where, values = "pages > 0", []
    parts = run.continue_parts(1)
    for value, sign in (
        (parts[0] if parts else None, after),
        (title_key(args["from"]) if args["from"] is not None else None, after),
        (title_key(args["to"]) if args["to"] is not None else None, before),
    ):
        if value is not None:
            where += " AND title %s ?" % sign
            values.append(value)
    if args["prefix"]:
        prefix = title_key(args["prefix"])
        where += " AND title >= ? AND title < ?"
        values += [prefix, prefix + "\U0010ffff"]
    rows = run.store.db.all(
        "SELECT title, pages, subcats, files FROM category WHERE %s ORDER BY title%s"
        " LIMIT %d" % (where, " DESC" if is_down else "", args["limit"] + 1),
        values,
    )
    if len(rows) > args["limit"]:
        run.go_on("continue", rows.pop()[0])
    items = []
    name = "category" if run.call.version >= 2 else "*"
    for key, pages, subcats, files in rows:
        entry: Dict[str, Any] = {name: key.replace("_", " ")}
        if "size" in args["prop"]:
            entry.update(
                size=pages, pages=pages - subcats - files, files=files, subcats=subcats
            )
        if "hidden" in args["prop"]:
            entry["hidden"] = False
        items.append(QueryItem(entry, None, Title(14, key)))
    return items


_backlink_params = {
    "title": param_text(),
    "pageid": param_number(),
    "continue": param_text(),
    "namespace": param_namespaces(),
    "dir": _dir_param,
    "filterredir": param_choice("all redirects nonredirects", "all"),
    "limit": param_limit(),
    "redirect": param_flag(),
}


LIST_MODULES: List[QueryModule] = [
    list_module(
        "allpages",
        "ap",
        {
            "from": param_text(),
            "continue": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "namespace": param_namespace(0),
            "filterredir": param_choice("all redirects nonredirects", "all"),
            "minsize": param_number(),
            "maxsize": param_number(),
            "prtype": param_choices("edit move upload", is_optional=True),
            "prlevel": param_list(),
            "prfiltercascade": param_choice("cascading noncascading all", "all"),
            "limit": param_limit(),
            "dir": _dir_param,
            "filterlanglinks": param_choice(
                "withlanglinks withoutlanglinks all", "all"
            ),
            "prexpiry": param_choice("indefinite definite all", "all"),
        },
        query_allpages,
    ),
    list_module(
        "categorymembers",
        "cm",
        {
            "title": param_text(),
            "pageid": param_number(),
            "prop": param_choices(
                "ids title sortkey sortkeyprefix type timestamp", "ids title"
            ),
            "namespace": param_namespaces(),
            "type": param_choices("page subcat file", "page subcat file"),
            "continue": param_text(),
            "limit": param_limit(),
            "sort": param_choice("sortkey timestamp", "sortkey"),
            "dir": param_choice(
                "asc desc ascending descending newer older reverse", "ascending"
            ),
            "start": param_time(),
            "end": param_time(),
        },
        query_categorymembers,
    ),
    list_module("backlinks", "bl", _backlink_params, query_backlinks),
    list_module("embeddedin", "ei", _backlink_params, query_embeddedin),
    list_module("imageusage", "iu", _backlink_params, query_imageusage),
    list_module(
        "alllinks",
        "al",
        {
            "continue": param_text(),
            "from": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "unique": param_flag(),
            "prop": param_choices("ids title", "title"),
            "namespace": param_namespace(0),
            "limit": param_limit(),
            "dir": _dir_param,
        },
        query_alllinks,
    ),
    list_module(
        "allcategories",
        "ac",
        {
            "from": param_text(),
            "continue": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "dir": _dir_param,
            "min": param_number(),
            "max": param_number(),
            "limit": param_limit(),
            "prop": param_choices("size hidden"),
        },
        query_allcategories,
    ),
    *REVISION_LIST_MODULES,
    *FILE_LIST_MODULES,
    *CHANGE_LIST_MODULES,
    *SEARCH_LIST_MODULES,
    *REPORT_LIST_MODULES,
    *USER_LIST_MODULES,
]
