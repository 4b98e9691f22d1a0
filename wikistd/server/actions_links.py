"""What pages link to, and what links to them, as properties in action=query.

In: a ModuleRun.  Out: values beside each page, or titles for a generator.
Holds: nothing.
Spec: MediaWiki 1.39's links, templates, images, categories, extlinks, linkshere, ...
Not here: the other properties (actions_props.py), lists of them (actions_lists.py).
"""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    token_number,
)
from .actions_select import LIST_PARAMS, add_each_page, pick, query_nothing, show_fields
from .records import PageRow
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
    where = ""
    values: List[Any] = [kind]
    if run.args.get("namespace"):
        where = " AND " + namespace_clause("ns", run.args["namespace"])
    wanted = _link_values(run, "titles" if name == "links" else name)
    if wanted is not None:
        each = "(ns = ? AND title = ?)"
        where += " AND (%s)" % (" OR ".join([each] * len(wanted)) or "0")
        values += [value for title in wanted for value in title[:2]]

    def show(*row: Any) -> QueryItem:
        title = Title(*row[-2:])
        return QueryItem(title.entry, None, title)

    sql = "SELECT %s, ns, title FROM link WHERE page = ? AND kind = ?%s%%s"
    return add_each_page(run, keys, sql % (", ".join(keys), where), values, show)


def query_categories(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=categories."""
    wanted = _link_values(run, "categories")
    sql = "SELECT category, sortkey, prefix, time FROM category_member WHERE page = ?"
    values: List[str] = []
    if wanted is not None:
        values = [title.key for title in wanted if title.namespace == 14]
        sql += " AND category IN (%s)" % ", ".join("?" * len(values))

    def show(category: str, sortkey: str, prefix: str, when: int) -> QueryItem:
        title = Title(14, category)
        row = {"sortkey": sortkey, "timestamp": when, "hidden": False}
        shown = show_fields(run, row)
        if "sortkey" in shown:
            shown["sortkeyprefix"] = prefix
        return QueryItem({**title.entry, **shown}, None, title)

    return add_each_page(run, {"category": str}, sql + "%s", values, show)


def query_extlinks(run: ModuleRun) -> None:
    """Answer prop=extlinks."""
    sql = (
        "SELECT sort_url || '|' || position AS place, url FROM outlink WHERE page = ?%s"
    )

    def show(place: str, url: str) -> QueryItem:
        return QueryItem({run.call.text_key("url"): url})

    add_each_page(run, {"place": str}, sql, (), show)


def query_iwlinks(run: ModuleRun) -> None:
    """Answer prop=iwlinks."""

    def show(full: str) -> QueryItem:
        prefix, _, key = full.partition(":")
        title = Title(0, key)
        return QueryItem({"prefix": prefix, run.call.text_key("title"): title.text})

    sql = "SELECT title FROM link WHERE kind = 'interwiki' AND page = ?%s"
    add_each_page(run, {"title": str}, sql, (), show)


def query_linking(run: ModuleRun) -> List[QueryItem]:
    """Answer linkshere, transcludedin, fileusage and redirects."""
    kind, limit = LINK_KINDS[run.module.name], run.args["limit"]
    props = ["ids" if each == "pageid" else each for each in run.args["prop"]]
    targets = {page.title[:2]: number for number, page in run.pages.good.items()}
    for group in (run.pages.missing, run.pages.special if kind == "redirect" else {}):
        targets.update((title[:2], number) for number, title in group.items())
    if kind == "file":
        targets = {key: number for key, number in targets.items() if key[0] == 6}
    place = run.continue_values(int, str, token_number) or [-9, "", 0]
    found: List[QueryItem] = []
    for target in sorted(targets):
        if [*target] < place[:2]:
            continue
        first = place[2] if [*target] == place[:2] else 0
        for page in _linking_pages(run, kind, target, first, limit - len(found) + 1):
            entry = pick(props, **page.entry, redirect=page.redirect is not None)
            token = "%d|%s|%d" % (*target, page.id)
            if not run.add_in_turn(targets[target], entry, token, len(found)):
                return found
            found.append(QueryItem(entry, page))
    return found


def _linking_pages(
    run: ModuleRun, kind: str, target: Tuple[int, str], first: int, count: int
) -> List[PageRow]:
    """Return the pages from the id `first` on that link to one target."""
    if kind == "redirect":
        where = "redirect = ? AND id >= ? ORDER BY id"
        return run.store.query_pages(where, (str(Title(*target)), first), count)
    where = "kind = ? AND link.ns = ? AND link.title = ? AND link.page >= ?"
    if run.args["namespace"]:
        where += " AND " + namespace_clause("page.ns", run.args["namespace"])
    return run.store.query_pages(
        where + " ORDER BY link.page",
        (kind, *target, first),
        count,
        join="JOIN link ON link.page = page.id",
    )


_linking_params = """
prop: any of pageid title redirect = pageid title redirect
namespace: namespaces
limit: limit
continue: text
"""

LINK_PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "prop/links",
        "pl",
        query_links,
        LIST_PARAMS + "namespace: namespaces\ntitles: texts",
        is_generator=True,
    ),
    QueryModule(
        "prop/templates",
        "tl",
        query_links,
        LIST_PARAMS + "namespace: namespaces\ntemplates: texts",
        is_generator=True,
    ),
    QueryModule(
        "prop/images",
        "im",
        query_links,
        LIST_PARAMS + "images: texts",
        is_generator=True,
    ),
    QueryModule(
        "prop/categories",
        "cl",
        query_categories,
        LIST_PARAMS + "prop: any of sortkey timestamp hidden\ncategories: texts",
        is_generator=True,
    ),
    QueryModule("prop/extlinks", "el", query_extlinks, "limit: limit\ncontinue: text"),
    QueryModule("prop/iwlinks", "iw", query_iwlinks, LIST_PARAMS),
    QueryModule("prop/langlinks", "ll", query_nothing, LIST_PARAMS + "prop: texts"),
    QueryModule("prop/linkshere", "lh", query_linking, _linking_params, True),
    QueryModule("prop/transcludedin", "ti", query_linking, _linking_params, True),
    QueryModule("prop/fileusage", "fu", query_linking, _linking_params, True),
    QueryModule(
        "prop/redirects",
        "rd",
        query_linking,
        """
        prop: any of pageid title fragment = pageid title
        namespace: namespaces
        limit: limit
        continue: text
        """,
        is_generator=True,
    ),
]
