"""What pages link to, and what links to them, as properties in action=query.

In: a ModuleRun.  Out: values beside each page, or titles for a generator.
Holds: nothing.
Spec: MediaWiki 1.39's links, templates, images, categories, extlinks, linkshere, ...
Not here: the other properties (actions_props.py), lists of them (actions_lists.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    token_number,
)
from .actions_select import DOWN_WAYS, pick, query_nothing, show_time
from .titles import InvalidTitle, Title, parse_title


def _link_values(run: ModuleRun, name: str) -> Optional[List[Title]]:
    texts = run.args[name]
    if texts is None:
        return None
    titles = []
    for text in texts:
        try:
            titles.append(parse_title(text))
        except InvalidTitle as error:
            run.warn("invalidtitle", "%s: %s" % (text, error))
    return titles


def _each_page(
    run: ModuleRun, name: str, keys: Dict[str, Any], sql: str, values: Any = ()
) -> List[Tuple[int, Any]]:
    """Return the rows of the pages, page by page, one more than the limit takes.

    `sql` has a place for the page first, then for `values`, and one %s for what
    follows.  `keys` are the columns it selects first, by which it is sorted.
    """
    way, sign = ("", ">=")
    if run.args.get("dir") in DOWN_WAYS:
        way, sign = " DESC", "<="
    place = run.continue_values(token_number, *keys.values())
    columns, left = list(keys), run.args["limit"] + 1
    found: List[Tuple[int, Any]] = []
    for page in sorted(run.pages.good, reverse=way != ""):
        clause, more = "", []
        if place is not None and page != place[0]:
            if (page > place[0]) == (way != ""):
                continue
        elif place is not None:
            marks = ", ".join("?" * len(columns))
            clause = " AND (%s) %s (%s)" % (", ".join(columns), sign, marks)
            more = place[1:]
        order = ", ".join(column + way for column in columns)
        clause += " ORDER BY %s LIMIT %d" % (order, left - len(found))
        rows = run.store.db.all(sql % clause, [page, *values, *more])
        found += [(page, row) for row in rows]
    return found


#: The kind of link that a property is about.
LINK_KINDS = {
    "links": "page",
    "templates": "template",
    "images": "file",
    "linkshere": "page",
    "transcludedin": "template",
    "fileusage": "file",
    "redirects": "redirect",
}


def query_links(run: ModuleRun) -> List[QueryItem]:
    """Answer links, templates and images, as values or for a generator."""
    name, kind = run.module.name, LINK_KINDS[run.module.name]
    keys = {"ns": token_number, "title": str}
    if kind == "file":
        del keys["ns"]
    where = " AND kind = ?"
    values: List[Any] = [kind]
    if run.args.get("namespace"):
        where += " AND " + namespace_clause("ns", run.args["namespace"])
    wanted = _link_values(run, "titles" if name == "links" else name)
    if wanted is not None:
        each = "(ns = ? AND title = ?)"
        where += " AND (%s)" % (" OR ".join([each] * len(wanted)) or "0")
        values += [value for title in wanted for value in title[:2]]
    sql = "SELECT %s, ns, title FROM link WHERE page = ?%s%%s"
    sql %= (", ".join(keys), where)
    found: List[QueryItem] = []
    for page, row in _each_page(run, name, keys, sql, values):
        title = Title(*row[-2:])
        token = "|".join(map(str, (page, *row[:-2])))
        if not run.add_in_turn(page, name, title.entry, token, len(found)):
            break
        found.append(QueryItem({}, None, title))
    return found


def query_categories(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=categories."""
    wanted = _link_values(run, "categories")
    sql = "SELECT category, sortkey, prefix, time FROM category_member WHERE page = ?"
    values: List[str] = []
    if wanted is not None:
        values = [title.key for title in wanted if title.namespace == 14]
        sql += " AND category IN (%s)" % ", ".join("?" * len(values))
    found: List[QueryItem] = []
    for page, row in _each_page(
        run, "categories", {"category": str}, sql + "%s", values
    ):
        category, sortkey, prefix, when = row
        title = Title(14, category)
        key = {"sortkey": sortkey.encode("utf-8").hex(), "sortkeyprefix": prefix}
        entry = {
            **title.entry,
            **show_time(run.args["prop"], when),
            **pick(run.args["prop"], sortkey=key, hidden={"hidden": False}),
        }
        token = "%d|%s" % (page, category)
        if not run.add_in_turn(page, "categories", entry, token, len(found)):
            break
        found.append(QueryItem(entry, None, title))
    return found


def query_extlinks(run: ModuleRun) -> None:
    """Answer prop=extlinks."""
    sql = (
        "SELECT sort_url || '|' || position AS place, url FROM outlink WHERE page = ?%s"
    )
    found = _each_page(run, "extlinks", {"place": str}, sql)
    for count, (page, (place, url)) in enumerate(found):
        entry = {run.call.text_key("url"): url}
        token = "%d|%s" % (page, place)
        if not run.add_in_turn(page, "extlinks", entry, token, count):
            return


def query_iwlinks(run: ModuleRun) -> None:
    """Answer prop=iwlinks."""
    sql = "SELECT title FROM link WHERE kind = 'interwiki' AND page = ?%s"
    found = _each_page(run, "iwlinks", {"title": str}, sql)
    for count, (page, (full,)) in enumerate(found):
        prefix, _, title = full.partition(":")
        entry = {"prefix": prefix, run.call.text_key("title"): title.replace("_", " ")}
        token = "%d|%s" % (page, full)
        if not run.add_in_turn(page, "iwlinks", entry, token, count):
            return


def query_linking(run: ModuleRun) -> List[QueryItem]:
    """Answer linkshere, transcludedin, fileusage and redirects."""
    name, kind = run.module.name, LINK_KINDS[run.module.name]
    limit = run.args["limit"]
    targets = {page.title[:2]: number for number, page in run.pages.good.items()}
    for group in (run.pages.missing, run.pages.special if kind == "redirect" else {}):
        targets.update((title[:2], number) for number, title in group.items())
    if kind == "file":
        targets = {key: number for key, number in targets.items() if key[0] == 6}
    if not targets:
        return []
    # The token has the target as far as there are several, then the linking page.
    has_namespace = len({namespace for namespace, _ in targets}) > 1
    has_title = len({key for _, key in targets}) > 1
    kinds = [int] * has_namespace + [str] * has_title + [token_number]
    place = run.continue_values(*kinds)
    start: Tuple[Any, ...] = (-9, "", 0)
    if place is not None:
        only = next(iter(targets))
        start = (
            place[0] if has_namespace else only[0],
            place[-2] if has_title else only[1],
            place[-1],
        )
    found: List[QueryItem] = []
    for target in sorted(targets):
        if target < start[:2]:
            continue
        first = start[2] if target == start[:2] else 0
        title = Title(*target)
        ids = _linking_ids(run, kind, title, first, limit - len(found) + 1)
        pages = run.store.find_pages_by_id(ids)
        for linking in ids:
            page = pages[linking]
            token = "|".join(
                [str(target[0])] * has_namespace
                + [target[1]] * has_title
                + [str(linking)]
            )
            entry = dict(page.entry)
            if kind != "redirect":
                entry["redirect"] = page.redirect is not None
            if not run.add_in_turn(targets[target], name, entry, token, len(found)):
                return found
            found.append(QueryItem(entry, page))
    return found


def _linking_ids(
    run: ModuleRun, kind: str, target: Title, first: int, count: int
) -> List[int]:
    """Return the pages from `first` on that link to one target, by their numbers."""
    sql = "SELECT id FROM page WHERE redirect = ? AND id >= ? ORDER BY id LIMIT ?"
    values: Tuple[Any, ...] = (str(target), first, count)
    if kind != "redirect":
        spaces = run.args["namespace"]
        sql = (
            "SELECT link.page FROM link JOIN page ON page.id = link.page WHERE kind = ?"
            " AND link.ns = ? AND link.title = ? AND link.page >= ? AND %s"
            " ORDER BY link.page LIMIT ?"
            % (namespace_clause("page.ns", spaces) if spaces else "1")
        )
        values = (kind, *target[:2], first, count)
    return [number for (number,) in run.store.db.all(sql, values)]


_link_params = """
limit: limit
continue: text
dir: one of ascending descending = ascending
"""
_linking_params = """
prop: any of pageid title redirect = pageid title redirect
namespace: namespaces
show: any of redirect !redirect
limit: limit
continue: text
"""

LINK_PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "prop/links",
        "pl",
        query_links,
        _link_params + "namespace: namespaces\ntitles: texts",
        is_generator=True,
    ),
    QueryModule(
        "prop/templates",
        "tl",
        query_links,
        _link_params + "namespace: namespaces\ntemplates: texts",
        is_generator=True,
    ),
    QueryModule(
        "prop/images",
        "im",
        query_links,
        _link_params + "images: texts",
        is_generator=True,
    ),
    QueryModule(
        "prop/categories",
        "cl",
        query_categories,
        _link_params
        + """
        prop: any of sortkey timestamp hidden
        show: any of hidden !hidden
        categories: texts
        """,
        is_generator=True,
    ),
    QueryModule(
        "prop/extlinks",
        "el",
        query_extlinks,
        """
        limit: limit
        continue, protocol, query: text
        expandurl: deprecated flag
        """,
    ),
    QueryModule(
        "prop/iwlinks",
        "iw",
        query_iwlinks,
        """
        prop: any of url
        prefix, title: text
        dir: one of ascending descending = ascending
        limit: limit
        continue: text
        """,
    ),
    QueryModule(
        "prop/langlinks",
        "ll",
        query_nothing,
        """
        prop: any of url langname autonym
        lang, title: text
        dir: one of ascending descending = ascending
        inlanguagecode: text = en
        limit: limit
        continue: text
        url: deprecated flag
        """,
    ),
    QueryModule("prop/linkshere", "lh", query_linking, _linking_params, True),
    QueryModule("prop/transcludedin", "ti", query_linking, _linking_params, True),
    QueryModule("prop/fileusage", "fu", query_linking, _linking_params, True),
    QueryModule("prop/redirects", "rd", query_linking, _linking_params, True),
]
