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
from .actions_params import parse_api_time
from .actions_props import count_members
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    page_items,
    token_number,
)
from .actions_reports import REPORT_LIST_MODULES
from .actions_revisions import REVISION_LIST_MODULES
from .actions_search import SEARCH_LIST_MODULES
from .actions_select import DOWN_WAYS, ListKeys, ListQuery, pick, redirect_clause
from .actions_users import USER_LIST_MODULES
from .records import PageRow, format_time
from .store import PAGE_COLUMNS
from .titles import Title


def query_allpages(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allpages."""
    args = run.args
    if run.is_generator and run.query.pages.is_following:
        raise refuse(
            "params",
            'Use "gapfilterredir=nonredirects" instead of "redirects" when using '
            '"allpages" as a generator.',
        )
    pages = ListQuery(run, "page", {"title": str}, "ns = ?", args["namespace"])
    pages.add_titles()
    pages.add(redirect_clause(run))
    for name, sign in (("minsize", ">="), ("maxsize", "<=")):
        if args[name] is not None:
            pages.add("size %s ?" % sign, args[name])
    if args["prtype"]:
        places = ", ".join("?" * len(args["prtype"]))
        pages.add(
            "EXISTS (SELECT 1 FROM protection WHERE protection.ns = page.ns AND"
            " protection.title = page.title AND type IN (%s))" % places,
            *args["prtype"],
        )
    return page_items(PageRow._make(row) for row in pages.fetch(PAGE_COLUMNS))


def query_categorymembers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=categorymembers."""
    args, limit = run.args, run.args["limit"]
    title = run.call.find_title(args, prefix=run.prefix)
    if title.namespace != 14:
        raise refuse("invalidcategory", "The category name you entered is not valid.")
    is_down = args["dir"] in DOWN_WAYS
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
    return [
        QueryItem(
            pick(
                args["prop"],
                ids={"pageid": page_id},
                title=pages[page_id].title.entry,
                sortkey={"sortkey": sortkey.encode("utf-8").hex()},
                sortkeyprefix={"sortkeyprefix": prefix},
                type={"type": kind},
                timestamp={"timestamp": format_time(when)},
            ),
            pages[page_id],
        )
        for page_id, kind, sortkey, prefix, when in rows
    ]


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


def _read_sortkey(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8")


def _members_by_sortkey(
    run: ModuleRun, category: str, is_down: bool
) -> List[Tuple[Any, ...]]:
    """Return members kind by kind, each in the order of an index: no sorting."""
    first, *place = run.continue_values(str, _read_sortkey, token_number) or [""]
    if first and first not in MEMBER_KINDS:
        raise bad_continue()
    order = "sortkey%s, category_member.page%s" % ((" DESC" if is_down else "",) * 2)
    rows: List[Tuple[Any, ...]] = []
    kinds = MEMBER_KINDS[::-1] if is_down else MEMBER_KINDS
    for kind in kinds[kinds.index(first) if first else 0 :]:
        if kind not in run.args["type"]:
            continue
        where = "category = ? AND kind = ?"
        values: List[Any] = [category, kind]
        if kind == first:
            sign = "<=" if is_down else ">="
            where += " AND (sortkey, category_member.page) %s (?, ?)" % sign
            values += place
        count = run.args["limit"] + 1 - len(rows)
        rows += _select_members(run, where, values, order, count)
    return rows


def _members_by_time(
    run: ModuleRun, category: str, is_down: bool
) -> List[Tuple[Any, ...]]:
    keys: ListKeys = {"time": str, "category_member.page": token_number}
    members = ListQuery(run, "", keys, "category = ?", category)
    members.add_in("kind", run.args["type"])
    members.add_times()
    place = run.continue_values(*keys.values())
    if place is not None:
        place[0] = parse_api_time(place[0], 0)
        if place[0] is None:
            raise bad_continue()
    members.start_at(place)
    where = " AND ".join(members.conditions)
    order = "time%s, category_member.page%s" % ((" DESC" if is_down else "",) * 2)
    return _select_members(run, where, members.values, order, run.args["limit"] + 1)


#: The kind of link that a list is about.
BACKLINK_KINDS = {"backlinks": "page", "embeddedin": "template", "imageusage": "file"}


def query_backlinks(run: ModuleRun) -> List[QueryItem]:
    """Answer backlinks, embeddedin and imageusage."""
    title = run.call.find_title(run.args, prefix=run.prefix)
    links = ListQuery(
        run,
        "link JOIN page ON page.id = link.page",
        {"from_ns": token_number, "link.page": token_number},
        "kind = ? AND link.ns = ? AND link.title = ?",
        BACKLINK_KINDS[run.module.name],
        title.namespace,
        title.key,
    )
    links.add_namespaces("from_ns")
    links.add(redirect_clause(run))
    ids = [row[0] for row in links.fetch("link.page")]
    pages = run.store.find_pages_by_id(ids)
    items = page_items(pages[number] for number in ids)
    for item in items:
        if item.page is not None and item.page.redirect is not None:
            item.entry["redirect"] = True
    return items


def query_alllinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alllinks: one entry for each link, or each target."""
    args, namespace = run.args, run.args["namespace"]
    keys: ListKeys = {"title": str, "page": token_number}
    if args["unique"]:
        keys = {"title": str}
    links = ListQuery(run, "link", keys, "kind = 'page' AND ns = ?", namespace)
    links.add_titles()
    if args["unique"]:
        links.verb = "SELECT DISTINCT"
    items = []
    for key, page in links.fetch("title, 0" if args["unique"] else "title, page"):
        title = Title(namespace, key)
        shown = pick(args["prop"], ids={"fromid": page}, title=title.entry)
        items.append(QueryItem(shown, None, title))
    return items


def query_allcategories(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allcategories."""
    categories = ListQuery(run, "category", {"title": str}, "pages > 0")
    categories.add_titles()
    items = []
    for key, *counts in categories.fetch("title, pages, subcats, files"):
        entry: Dict[str, Any] = {run.call.text_key("category"): key.replace("_", " ")}
        size = count_members(*counts)
        entry.update(pick(run.args["prop"], size=size, hidden={"hidden": False}))
        items.append(QueryItem(entry, None, Title(14, key)))
    return items


_backlink_params = """
title: text
pageid: number
continue: text
namespace: namespaces
dir: one of ascending descending = ascending
filterredir: one of all redirects nonredirects = all
limit: limit
redirect: flag
"""

LIST_MODULES: List[QueryModule] = [
    QueryModule("list/backlinks", "bl", query_backlinks, _backlink_params, True),
    QueryModule("list/embeddedin", "ei", query_backlinks, _backlink_params, True),
    QueryModule("list/imageusage", "iu", query_backlinks, _backlink_params, True),
    QueryModule(
        "list/allpages",
        "ap",
        query_allpages,
        """
        from, continue, to, prefix: text
        namespace: namespace = 0
        filterredir: one of all redirects nonredirects = all
        minsize, maxsize: number
        prtype: optional any of edit move upload
        prlevel: texts
        prfiltercascade: one of cascading noncascading all = all
        limit: limit
        dir: one of ascending descending = ascending
        filterlanglinks: one of withlanglinks withoutlanglinks all = all
        prexpiry: one of indefinite definite all = all
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/categorymembers",
        "cm",
        query_categorymembers,
        """
        title: text
        pageid: number
        prop: any of ids title sortkey sortkeyprefix type timestamp = ids title
        namespace: namespaces
        type: any of page subcat file = page subcat file
        continue: text
        limit: limit
        sort: one of sortkey timestamp = sortkey
        dir: one of asc desc ascending descending newer older reverse = ascending
        start, end: time
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/alllinks",
        "al",
        query_alllinks,
        """
        continue, from, to, prefix: text
        unique: flag
        prop: any of ids title = title
        namespace: namespace = 0
        limit: limit
        dir: one of ascending descending = ascending
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/allcategories",
        "ac",
        query_allcategories,
        """
        from, continue, to, prefix: text
        dir: one of ascending descending = ascending
        min, max: number
        limit: limit
        prop: any of size hidden
        """,
        is_generator=True,
    ),
    *REVISION_LIST_MODULES,
    *FILE_LIST_MODULES,
    *CHANGE_LIST_MODULES,
    *SEARCH_LIST_MODULES,
    *REPORT_LIST_MODULES,
    *USER_LIST_MODULES,
]
