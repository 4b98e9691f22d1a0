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
from .actions_files import FILE_LIST_MODULES
from .actions_props import count_members
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    bad_continue,
    page_items,
    token_number,
)
from .actions_reports import REPORT_LIST_MODULES
from .actions_revisions import REVISION_LIST_MODULES
from .actions_search import SEARCH_LIST_MODULES
from .actions_select import (
    DOWN_WAYS,
    LIST_PARAMS,
    TITLE_RANGE_PARAMS,
    ListKeys,
    ListQuery,
    name_fields,
    pick,
    read_hex,
    read_moment,
    redirect_clause,
    show_fields,
    write_token,
)
from .actions_users import USER_LIST_MODULES
from .records import PageRow
from .store import PAGE_COLUMNS
from .titles import Title, title_key


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
    pages.add_range("title", title_key)
    pages.add(redirect_clause(run))
    pages.add_given(minsize="size >= ?", maxsize="size <= ?")
    pages.add_in(
        "type",
        args["prtype"] or None,
        where="EXISTS (SELECT 1 FROM protection WHERE protection.ns = page.ns AND"
        " protection.title = page.title AND %s)",
    )
    return page_items(PageRow(*row) for row in pages.fetch(PAGE_COLUMNS))


#: The order of MediaWiki's enum.
MEMBER_KINDS = ("page", "subcat", "file")
_member_fields = (
    "category_member.page AS pageid, kind AS type, sortkey, prefix AS sortkeyprefix,"
    " time AS timestamp"
)


def query_categorymembers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=categorymembers."""
    title = run.call.find_title(run.args, prefix=run.prefix)
    if title.namespace != 14:
        raise refuse("invalidcategory", "The category name you entered is not valid.")
    is_by_time = run.args["sort"] == "timestamp"
    rows = _members_by_time(run, title) if is_by_time else _members_by_kind(run, title)
    pages = run.store.find_pages_by_id([row["pageid"] for row in rows])
    items = []
    for row in rows:
        page = pages[row["pageid"]]
        items.append(QueryItem(show_fields(run, row, page.title), page))
    return items


def _select_members(run: ModuleRun, category: Title, first_key: ListKeys) -> ListQuery:
    members = ListQuery(
        run,
        # Never the other way round: a category is small, a wiki large.
        "category_member CROSS JOIN page ON page.id = category_member.page",
        {**first_key, "category_member.page": token_number},
        "category = ?",
        category.key,
    )
    members.add_namespaces("page.ns")
    return members


def _members_by_time(run: ModuleRun, category: Title) -> List[Dict[str, Any]]:
    members = _select_members(run, category, {"time": read_moment})
    members.add_in("kind", run.args["type"])
    members.add_times()
    return members.fetch_fields(_member_fields)


def _members_by_kind(run: ModuleRun, category: Title) -> List[Dict[str, Any]]:
    """Return members kind by kind, each in the order of an index: no sorting."""
    key: ListKeys = {"sortkey": read_hex}
    first, *place = run.continue_values(str, read_hex, token_number) or [""]
    if first and first not in MEMBER_KINDS:
        raise bad_continue()
    rows: List[Tuple[Any, ...]] = []
    limit = run.args["limit"]
    kinds = MEMBER_KINDS[::-1] if run.args["dir"] in DOWN_WAYS else MEMBER_KINDS
    for kind in kinds[kinds.index(first) if first else 0 :]:
        if kind in run.args["type"]:
            members = _select_members(run, category, key)
            members.add("kind = ?", kind)
            members.start_at(place if kind == first else None)
            rows += members.select(_member_fields, limit - len(rows))
    found = name_fields(_member_fields, rows)
    if len(found) > limit:
        last = found.pop()
        place = [last["type"], last["sortkey"], last["pageid"]]
        run.go_on("continue", write_token({"kind": str, **key, "page": str}, place))
    return found


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
    items = []
    for page in links.fetch_pages("link.page"):
        more = {} if page.redirect is None else {"redirect": True}
        items.append(QueryItem({**page.entry, **more}, page))
    return items


def query_alllinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alllinks: one entry for each link, or each target."""
    args, namespace = run.args, run.args["namespace"]
    keys: ListKeys = {"title": str, "page": token_number}
    if args["unique"]:
        keys = {"title": str}
    links = ListQuery(run, "link", keys, "kind = 'page' AND ns = ?", namespace)
    links.add_range("title", title_key)
    if args["unique"]:
        links.verb = "SELECT DISTINCT"
    items = []
    for key, page in links.fetch("title, 0" if args["unique"] else "title, page"):
        title = Title(namespace, key)
        shown = pick(args["prop"], fromid=page, **title.entry)
        items.append(QueryItem(shown, None, title))
    return items


def query_allcategories(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allcategories."""
    categories = ListQuery(run, "category", {"title": str}, "pages > 0")
    categories.add_range("title", title_key)
    categories.add_given(min="pages >= ?", max="pages <= ?")
    items = []
    for key, *counts in categories.fetch("title, pages, subcats, files"):
        title = Title(14, key)
        entry: Dict[str, Any] = {run.call.text_key("category"): title.text}
        if "size" in run.args["prop"]:
            entry.update(count_members(*counts))
        entry.update(pick(run.args["prop"], hidden=False))
        items.append(QueryItem(entry, None, title))
    return items


_backlink_params = (
    LIST_PARAMS
    + """
title: text
pageid: number
namespace: namespaces
filterredir: one of all redirects nonredirects = all
"""
)
LIST_MODULES: List[QueryModule] = [
    QueryModule("list/backlinks", "bl", query_backlinks, _backlink_params, True),
    QueryModule("list/embeddedin", "ei", query_backlinks, _backlink_params, True),
    QueryModule("list/imageusage", "iu", query_backlinks, _backlink_params, True),
    QueryModule(
        "list/allpages",
        "ap",
        query_allpages,
        TITLE_RANGE_PARAMS
        + """
        namespace: namespace = 0
        filterredir: one of all redirects nonredirects = all
        minsize, maxsize: number
        prtype: optional any of edit move upload
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
        TITLE_RANGE_PARAMS
        + """
        unique: flag
        prop: any of ids title = title
        namespace: namespace = 0
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/allcategories",
        "ac",
        query_allcategories,
        TITLE_RANGE_PARAMS + "min, max: number\nprop: any of size hidden",
        is_generator=True,
    ),
    *REVISION_LIST_MODULES,
    *FILE_LIST_MODULES,
    *CHANGE_LIST_MODULES,
    *SEARCH_LIST_MODULES,
    *REPORT_LIST_MODULES,
    *USER_LIST_MODULES,
]
