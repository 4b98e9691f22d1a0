"""Lists for those who look after a wiki: outside links, short pages, tags.

In: a ModuleRun.  Out: items, which a generator takes as pages.  Holds: nothing.
Spec: MediaWiki 1.39's list modules.  Not here: lists of pages by title or link
(actions_lists.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .actions import refuse
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    page_items,
    token_number,
)
from .actions_select import (
    LIST_PARAMS,
    TAG_CLAUSE,
    TIME_RANGE_PARAMS,
    ListQuery,
    pick,
    query_nothing,
    show_fields,
)
from .markup import sort_url
from .records import format_stamp, format_time, parse_stamp
from .titles import Title


def query_exturlusage(run: ModuleRun) -> List[QueryItem]:
    """Answer list=exturlusage."""
    args = run.args
    links = ListQuery(
        run,
        "outlink JOIN page ON page.id = outlink.page",
        {"sort_url": str, "outlink.page": token_number},
    )
    if args["query"]:
        protocol = args["protocol"] or "http"
        wanted = sort_url("%s://%s" % (protocol, args["query"].replace("*.", "")))
        links.add_prefix("sort_url", wanted.rstrip("/"))
    links.add_namespaces("page.ns")
    items = []
    for row in links.fetch_fields("outlink.page AS pageid, url, ns, page.title AS key"):
        title = Title(row["ns"], row["key"])
        items.append(QueryItem(show_fields(run, row, title), None, title))
    return items


def query_iwbacklinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=iwbacklinks."""
    args, keys = run.args, {"title": str, "page": token_number}
    links = ListQuery(run, "link", keys, "kind = 'interwiki'")
    if args["title"] is not None and args["prefix"] is None:
        text = 'The "%stitle" parameter may only be used with "%sprefix".'
        raise refuse("invalidparammix", text % (run.prefix, run.prefix))
    if args["prefix"]:
        start = args["prefix"] + ":"
        if args["title"] is None:
            links.add_prefix("title", start)
        else:
            links.add("title = ?", start + args["title"].replace(" ", "_"))
    return page_items(links.fetch_pages("page"))


def query_protectedtitles(run: ModuleRun) -> List[QueryItem]:
    """Answer list=protectedtitles."""
    titles = ListQuery(
        run,
        "protection",
        {"time": parse_stamp, "ns": token_number, "title": str},
        "type = 'create' AND (expiry IS NULL OR expiry > ?)",
        run.call.now,
    )
    titles.add_namespaces()
    titles.add_in("level", run.args["level"])
    titles.add_times()
    items = []
    for row in titles.fetch_fields(
        "ns, title, level, expiry, time AS timestamp, user, reason AS comment"
    ):
        title = Title(row["ns"], row["title"])
        row["userid"] = run.store.actor(row["user"]).account
        row["anon"] = not row["userid"]
        entry = {**title.entry, **show_fields(run, row, title)}
        items.append(QueryItem(entry, None, title))
    return items


#: What each report counts, which pages it is about, and in which order.
_report_queries = {
    "Ancientpages": ("revision.time", "1", "revision.time"),
    "Longpages": ("page.size", "1", "page.size DESC"),
    "Shortpages": ("page.size", "1", "page.size"),
    "Uncategorizedpages": (
        "0",
        "page.id NOT IN (SELECT page FROM category_member)",
        "page.title",
    ),
}


def query_querypage(run: ModuleRun) -> None:
    """Answer list=querypage for the few reports that this wiki knows."""
    name, limit, offset = (run.args[key] for key in ("page", "limit", "offset"))
    rows = run.store.db.all(
        "SELECT page.ns, page.title, %s FROM page JOIN revision"
        " ON revision.id = page.latest WHERE page.ns = 0 AND redirect IS NULL AND %s"
        " ORDER BY %s, page.id LIMIT ? OFFSET ?" % _report_queries[name],
        (limit + 1, offset),
    )
    if len(rows) > limit:
        rows.pop()
        run.go_on("offset", offset + limit)
    results = []
    for namespace, key, value in rows:
        entry: Dict[str, Any] = {"value": str(value)}
        if name == "Ancientpages":
            entry = {"value": format_stamp(value), "timestamp": format_time(value)}
        results.append({**entry, **Title(namespace, key).entry})
    run.query.result["querypage"] = {"name": name, "results": results}


def query_tags(run: ModuleRun) -> List[QueryItem]:
    """Answer list=tags."""
    props, limit = run.args["prop"], run.args["limit"]
    known = {name for (name,) in run.store.db.all("SELECT name FROM tag")}
    (first,) = run.continue_values(str) or [""]
    names = sorted(name for name in {*SOFTWARE_TAGS, *known} if name >= first)
    if len(names) > limit:
        run.go_on("continue", names[limit])
    items: List[QueryItem] = []
    for name in names[:limit]:
        shown, description = SOFTWARE_TAGS.get(name, (name, ""))
        entry = pick(
            ["name", *props],
            name=name,
            displayname=shown,
            description=description,
            defined=True,
            source=["extension" if name in SOFTWARE_TAGS else "manual"],
            active=True,
        )
        if "hitcount" in props:
            sql = "SELECT COUNT(*) FROM revision WHERE " + TAG_CLAUSE
            entry["hitcount"] = run.store.db.value(sql, (name,))
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
    QueryModule(
        "list/exturlusage",
        "eu",
        query_exturlusage,
        """
        prop: any of ids title url = ids title url
        continue: text
        protocol, query: text
        namespace: namespaces
        limit: limit
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/iwbacklinks",
        "iwbl",
        query_iwbacklinks,
        LIST_PARAMS + "prefix, title: text",
        is_generator=True,
    ),
    QueryModule(
        "list/pageswithprop",
        "pwp",
        query_nothing,
        LIST_PARAMS + "propname: required text\nprop: texts",
        is_generator=True,
    ),
    QueryModule(
        "list/protectedtitles",
        "pt",
        query_protectedtitles,
        TIME_RANGE_PARAMS
        + """
        namespace: namespaces
        level: texts
        prop: any of timestamp user userid comment parsedcomment expiry level \
            = timestamp level
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/querypage",
        "qp",
        query_querypage,
        """
        page: required one of Ancientpages Shortpages Longpages Uncategorizedpages
        offset: number from 0 = 0
        limit: limit
        """,
    ),
    QueryModule(
        "list/tags",
        "tg",
        query_tags,
        """
        continue: text
        limit: limit
        prop: any of displayname description hitcount defined source active
        """,
    ),
]
