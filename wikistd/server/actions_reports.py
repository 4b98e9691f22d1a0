"""Lists for those who look after a wiki: outside links, short pages, tags.

In: a ModuleRun.  Out: items, which a generator takes as pages.  Holds: nothing.
Spec: MediaWiki 1.39's list modules.  Not here: lists of pages by title or link
(actions_lists.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .actions import refuse
from .actions_continue import bad_continue
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_namespaces,
    param_number,
    param_text,
    param_time,
)
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    list_module,
    namespace_clause,
    page_items,
)
from .comments import parse_comment
from .markup import sort_url
from .records import format_stamp, format_time
from .titles import (
    Title,
    title_text,
)


def query_exturlusage(run: ModuleRun) -> List[QueryItem]:
    """Answer list=exturlusage."""
    args, limit = run.args, run.args["limit"]
    where = "1 = 1"
    values: List[Any] = []
    if args["query"]:
        protocol = args["protocol"] or "http"
        wanted = sort_url("%s://%s" % (protocol, args["query"].replace("*.", "")))
        where += " AND sort_url >= ? AND sort_url < ?"
        values += [wanted.rstrip("/"), wanted.rstrip("/") + "\U0010ffff"]
    if args["namespace"]:
        where += " AND " + namespace_clause("page.ns", args["namespace"])
    parts = run.continue_parts(2)
    if parts is not None:
        url, _, number = "|".join(parts).rpartition("|")
        if not number.isdigit():
            raise bad_continue()
        where += " AND (sort_url, outlink.page) >= (?, ?)"
        values += [url, int(number)]
    rows = run.store.db.all(
        "SELECT outlink.page, url, sort_url FROM outlink JOIN page"
        " ON page.id = outlink.page WHERE %s ORDER BY sort_url, outlink.page LIMIT %d"
        % (where, limit + 1),
        values,
    )
    if len(rows) > limit:
        page_id, _, key = rows.pop()
        run.go_on("continue", "%s|%d" % (key, page_id))
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    items = []
    for page_id, url, _ in rows:
        page = pages[page_id]
        entry: Dict[str, Any] = {}
        if "ids" in args["prop"]:
            entry["pageid"] = page.id
        if "title" in args["prop"]:
            entry.update(ns=page.namespace, title=page.text)
        if "url" in args["prop"]:
            entry["url"] = url
        items.append(QueryItem(entry, page))
    return items


def query_iwbacklinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=iwbacklinks."""
    args, limit = run.args, run.args["limit"]
    where, values = "kind = 'interwiki'", []
    if args["title"] is not None and args["prefix"] is None:
        text = 'The "%stitle" parameter may only be used with "%sprefix".'
        raise refuse("invalidparammix", text % (run.prefix, run.prefix))
    run.continue_parts(3)
    if args["prefix"]:
        start = "%s:%s" % (args["prefix"], (args["title"] or "").replace(" ", "_"))
        end = start + ("\U0010ffff" if args["title"] is None else "")
        where += " AND link.title >= ? AND link.title <= ?"
        values += [start, end]
    rows = run.store.db.all(
        "SELECT page FROM link WHERE %s ORDER BY title, page LIMIT %d" % (where, limit),
        values,
    )
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    return page_items([pages[row[0]] for row in rows])


def query_pageswithprop(run: ModuleRun) -> List[QueryItem]:
    """Answer list=pageswithprop."""
    args, limit = run.args, run.args["limit"]
    parts = run.continue_parts(1)
    start = int(parts[0]) if parts and parts[0].isdigit() else 0
    rows = run.store.db.all(
        "SELECT page, value FROM page_prop WHERE name = ? AND page >= ? ORDER BY page"
        " LIMIT ?",
        (args["propname"], start, limit + 1),
    )
    if len(rows) > limit:
        run.go_on("continue", str(rows.pop()[0]))
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    return page_items([pages[row[0]] for row in rows])


def query_protectedtitles(run: ModuleRun) -> List[QueryItem]:
    """Answer list=protectedtitles."""
    rows = run.store.db.all(
        "SELECT ns, title, level, expiry, time, user, reason FROM protection"
        " WHERE type = 'create' AND (expiry IS NULL OR expiry > ?) ORDER BY ns, title"
        " LIMIT ?",
        (run.call.now, run.args["limit"]),
    )
    items = []
    for namespace, key, level, expiry, when, user, reason in rows:
        entry = {"ns": namespace, "title": title_text(namespace, key)}
        values = {
            "timestamp": format_time(when),
            "user": user,
            "userid": run.store.actor(user).account,
            "comment": reason,
            "expiry": "infinity" if expiry is None else format_time(expiry),
            "level": level,
        }
        entry.update(
            {name: values[name] for name in run.args["prop"] if name in values}
        )
        title = Title(namespace, key)
        if "parsedcomment" in run.args["prop"]:
            entry["parsedcomment"] = parse_comment(run.store, reason, title)
        items.append(QueryItem(entry, None, title))
    return items


def query_querypage(run: ModuleRun) -> None:
    """Answer list=querypage for the few reports that this wiki knows."""
    args = run.args
    name, limit, offset = args["page"], args["limit"], args["offset"]
    if name in ("Ancientpages", "Shortpages", "Longpages"):
        column = "revision.time" if name == "Ancientpages" else "page.size"
        way = " DESC" if name == "Longpages" else ""
        rows = run.store.db.all(
            "SELECT page.ns, page.title, %s FROM page JOIN revision"
            " ON revision.id = page.latest WHERE page.ns = 0 AND redirect IS NULL"
            " ORDER BY %s%s, page.id LIMIT %d OFFSET %d"
            % (column, column, way, limit + 1, offset)
        )
    else:
        rows = run.store.db.all(
            "SELECT page.ns, page.title, 0 FROM page WHERE page.ns = 0 AND"
            " redirect IS NULL AND NOT EXISTS (SELECT 1 FROM category_member"
            " WHERE category_member.page = page.id) ORDER BY title LIMIT %d OFFSET %d"
            % (limit + 1, offset)
        )
    if len(rows) > limit:
        rows.pop()
        run.go_on("offset", offset + limit)
    results = []
    for namespace, key, value in rows:
        entry: Dict[str, Any] = {"value": str(value)}
        if name == "Ancientpages":
            entry = {"value": format_stamp(value), "timestamp": format_time(value)}
        results.append({**entry, "ns": namespace, "title": title_text(namespace, key)})
    run.query.result["querypage"] = {"name": name, "results": results}


def query_tags(run: ModuleRun) -> List[QueryItem]:
    """Answer list=tags."""
    args, limit = run.args, run.args["limit"]
    parts = run.continue_parts(1)
    rows = run.store.db.all("SELECT name, is_manual FROM tag")
    known = {name: bool(manual) for name, manual in rows}
    names = sorted({*SOFTWARE_TAGS, *known})
    names = [name for name in names if parts is None or name >= parts[0]]
    items: List[QueryItem] = []
    for name in names:
        if len(items) >= limit:
            run.go_on("continue", name)
            break
        props = args["prop"]
        entry: Dict[str, Any] = {"name": name}
        if "displayname" in props:
            entry["displayname"] = SOFTWARE_TAGS.get(name, (name, ""))[0]
        if "description" in props:
            entry["description"] = SOFTWARE_TAGS.get(name, ("", ""))[1]
        if "hitcount" in props:
            entry["hitcount"] = run.store.db.value(
                "SELECT COUNT(*) FROM revision WHERE ' ' || tags || ' ' LIKE ?",
                ("%% %s %%" % name,),
            )
        if "defined" in props:
            entry["defined"] = True
        if "source" in props:
            entry["source"] = ["extension" if name in SOFTWARE_TAGS else "manual"]
        if "active" in props:
            entry["active"] = True
        items.append(QueryItem(entry))
    return items


#: Tags that the software itself gives to edits: what they are called, and for what.
SOFTWARE_TAGS: Dict[str, Tuple[str, str]] = {
    "mw-blank": ("Blanking", "Edits that blank a page"),
    "mw-changed-redirect-target": (
        "Redirect target changed",
        "Edits that change the target of a redirect",
    ),
    "mw-contentmodelchange": (
        "content model change",
        "Edits that change the content model of a page",
    ),
    "mw-new-redirect": (
        "New redirect",
        "Edits that create a new redirect or change a page to a redirect",
    ),
    "mw-removed-redirect": (
        "Removed redirect",
        "Edits that change an existing redirect to a non-redirect",
    ),
    "mw-replace": ("Replaced", "Edits that remove more than 90% of the content"),
    "mw-rollback": ("Rollback", "Edits that roll back previous edits"),
    "mw-undo": ("Undo", "Edits that undo previous edits"),
}


REPORT_LIST_MODULES: List[QueryModule] = [
    list_module(
        "exturlusage",
        "eu",
        {
            "prop": param_choices("ids title url", "ids title url"),
            "continue": param_text(),
            "protocol": param_text(""),
            "query": param_text(),
            "namespace": param_namespaces(),
            "limit": param_limit(),
            "expandurl": param_flag(is_deprecated=True),
        },
        query_exturlusage,
    ),
    list_module(
        "iwbacklinks",
        "iwbl",
        {
            "prefix": param_text(),
            "title": param_text(),
            "continue": param_text(),
            "limit": param_limit(),
            "prop": param_choices("iwprefix iwtitle"),
            "dir": param_choice("ascending descending", "ascending"),
        },
        query_iwbacklinks,
    ),
    list_module(
        "pageswithprop",
        "pwp",
        {
            "propname": param_text(is_required=True),
            "prop": param_choices("ids title value", "ids title"),
            "continue": param_text(),
            "limit": param_limit(),
            "dir": param_choice("ascending descending", "ascending"),
        },
        query_pageswithprop,
    ),
    list_module(
        "protectedtitles",
        "pt",
        {
            "namespace": param_namespaces(),
            "level": param_list(),
            "limit": param_limit(),
            "dir": param_choice("newer older", "older"),
            "start": param_time(),
            "end": param_time(),
            "prop": param_choices(
                "timestamp user userid comment parsedcomment expiry level",
                "timestamp level",
            ),
            "continue": param_text(),
        },
        query_protectedtitles,
    ),
    QueryModule(
        "querypage",
        "list",
        "qp",
        {
            "page": param_choice(
                "Ancientpages Shortpages Longpages Uncategorizedpages", is_required=True
            ),
            "offset": param_number(0, 0),
            "limit": param_limit(),
        },
        query_querypage,
    ),
    QueryModule(
        "tags",
        "list",
        "tg",
        {
            "continue": param_text(),
            "limit": param_limit(),
            "prop": param_choices(
                "displayname description hitcount defined source active"
            ),
        },
        query_tags,
    ),
]
