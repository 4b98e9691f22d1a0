"""Properties of pages in action=query: info, links, categories and their like.

In: a ModuleRun.  Out: values beside each page, or titles for a generator.
Holds: nothing.
Spec: MediaWiki 1.39's prop modules.  Not here: revisions (actions_revisions.py),
files (actions_files.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .actions_files import FILE_PROP_MODULES
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    token_number,
)
from .actions_revisions import REVISION_PROP_MODULES
from .actions_select import (
    LIST_PARAMS,
    ListKeys,
    ListQuery,
    add_each_page,
    pick,
    query_nothing,
    show_fields,
)
from .markup import escape_html
from .records import PageRow, format_expiry, format_time
from .titles import InvalidTitle, Title, parse_title, title_text


def query_info(run: ModuleRun) -> None:
    """Answer prop=info."""
    for number, title in run.pages.missing.items():
        run.entry(number).update(_common_info(run, title, None))
    for number, page in run.pages.good.items():
        entry = run.entry(number)
        entry.update(_common_info(run, page.title, page))
        for action in run.args["testactions"] or ():
            entry.setdefault("actions", {})[action] = run.call.may(action)


def _common_info(
    run: ModuleRun, title: Title, page: Optional[PageRow]
) -> Dict[str, Any]:
    store, call, props = run.store, run.call, run.args["prop"]
    language, full = store.site.language, str(title)
    other_page = Title(title.namespace ^ 1, title.key)
    url = call.page_url(full)
    edit_url = "%s/w/index.php?title=%s&action=edit"
    said: Dict[str, Any] = {
        "contentmodel": page.model if page else "wikitext",
        "pagelanguage": language,
        "pagelanguagehtmlcode": language,
        "pagelanguagedir": "ltr",
        **pick(
            props,
            associatedpage=str(other_page),
            fullurl=url,
            canonicalurl=url,
            editurl=edit_url % (call.request.host_url, url.partition("/wiki/")[2]),
            displaytitle=escape_html(full),
            readable=True,
        ),
    }
    if page is not None:
        said["touched"] = format_time(page.touched)
        said["lastrevid"] = page.latest
        said["length"] = page.size
        if page.redirect is not None:
            said["redirect"] = True
        if page.is_new:
            said["new"] = True
        said.update(pick(props, varianttitles={language: full}))
    if "protection" in props:
        said["protection"] = _protections(run, title)
        said["restrictiontypes"] = ["edit", "move"] if page else ["create"]
        if title.namespace == 6:
            said["restrictiontypes"].append("upload")
    # A page has the number of the one it is talked about on, and the other way round.
    other = "subjectid" if title.namespace % 2 else "talkid"
    if other in props:
        found = store.find_page(other_page)
        if found is not None:
            said[other] = found.id
    if "watchers" in props and call.may("unwatchedpages"):
        said["watchers"] = store.db.value(
            "SELECT COUNT(*) FROM watch WHERE ns = ? AND title = ?",
            (title.namespace & ~1, title.key),
        )
    if "watched" in props and call.requester.account:
        said["watched"] = store.is_watched(call.requester.account, title)
    return said


def display_title(title: Title) -> str:
    """Return the HTML that stands over a page."""
    name = title_text(title.namespace, "")[:-1]
    main = '<span class="mw-page-title-main">%s</span>' % escape_html(title.text)
    if not name:
        return main
    return (
        '<span class="mw-page-title-namespace">%s</span>'
        '<span class="mw-page-title-separator">:</span>%s' % (escape_html(name), main)
    )


def _protections(run: ModuleRun, title: Title) -> List[Dict[str, Any]]:
    rows = run.store.db.all(
        "SELECT type, level, expiry FROM protection WHERE ns = ? AND title = ?"
        " AND (expiry IS NULL OR expiry > ?) ORDER BY type",
        (title.namespace, title.key, run.call.now),
    )
    return [
        {"type": kind, "level": level, "expiry": format_expiry(expiry)}
        for kind, level, expiry in rows
    ]


def query_contributors(run: ModuleRun) -> None:
    """Answer prop=contributors: who wrote the pages, and how many nameless ones."""
    shown = "hidden NOT LIKE '%user%'"
    sql = (
        "SELECT COUNT(DISTINCT user) FROM revision WHERE page = ? AND account = 0 AND "
    )
    for page in run.pages.good:
        anonymous = run.store.db.value(sql + shown, (page,))
        if anonymous:
            run.entry(page)["anoncontributors"] = anonymous

    def show(account: int, user: str) -> QueryItem:
        return QueryItem({"userid": account, "name": user})

    people = ListQuery(run, "revision", {"account": token_number}, shown)
    people.add("account > 0")
    people.verb = "SELECT DISTINCT"
    add_each_page(people, "account, user", show)


def count_members(members: int, subcats: int, files: int) -> Dict[str, int]:
    """Return how much is in a category."""
    pages = members - subcats - files
    return {"size": members, "pages": pages, "files": files, "subcats": subcats}


def query_categoryinfo(run: ModuleRun) -> None:
    """Answer prop=categoryinfo."""
    for number, title in run.pages.numbered:
        if title.namespace != 14:
            continue
        row = run.store.db.one(
            "SELECT pages, subcats, files FROM category WHERE title = ?", (title.key,)
        )
        if row is not None:
            entry = {**count_members(*row), "hidden": False}
            run.entry(number)["categoryinfo"] = entry


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
    keys: ListKeys = {"ns": token_number, "title": str}
    if kind == "file":
        keys = {"title": str}
    links = ListQuery(run, "link", keys, "kind = ?", kind)
    if kind != "file":
        links.add_namespaces()
    wanted = _link_values(run, "titles" if name == "links" else name)
    if wanted is not None:
        links.add_titles(wanted)

    def show(*row: Any) -> QueryItem:
        title = Title(*row[-2:])
        return QueryItem(title.entry, None, title)

    return add_each_page(links, ", ".join([*keys, "ns, title"]), show)


def query_categories(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=categories."""
    links = ListQuery(run, "category_member", {"category": str})
    wanted = _link_values(run, "categories")
    if wanted is not None:
        keys = [title.key for title in wanted if title.namespace == 14]
        links.add_in("category", keys)

    def show(category: str, sortkey: str, prefix: str, when: int) -> QueryItem:
        title = Title(14, category)
        row = {"sortkey": sortkey, "timestamp": when, "hidden": False}
        entry = {**title.entry, **show_fields(run, row)}
        if "sortkey" in entry:
            entry["sortkeyprefix"] = prefix
        return QueryItem(entry, None, title)

    return add_each_page(links, "category, sortkey, prefix, time", show)


def query_extlinks(run: ModuleRun) -> None:
    """Answer prop=extlinks."""

    def show(place: str, url: str) -> QueryItem:
        return QueryItem({run.call.text_key("url"): url})

    links = ListQuery(run, "outlink", {"place": str})
    add_each_page(links, "sort_url || '|' || position AS place, url", show)


def query_iwlinks(run: ModuleRun) -> None:
    """Answer prop=iwlinks."""

    def show(full: str) -> QueryItem:
        prefix, _, key = full.partition(":")
        title = Title(0, key)
        return QueryItem({"prefix": prefix, run.call.text_key("title"): title.text})

    links = ListQuery(run, "link", {"title": str}, "kind = 'interwiki'")
    add_each_page(links, "title", show)


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

PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "prop/info",
        "in",
        query_info,
        """
        prop: starred any of protection talkid watched watchers subjectid \
            associatedpage url readable~ displaytitle varianttitles
        testactions: texts
        continue: text
        """,
    ),
    QueryModule("prop/pageprops", "pp", query_nothing, "continue: text\nprop: texts"),
    QueryModule(
        "prop/contributors", "pc", query_contributors, "limit: limit\ncontinue: text"
    ),
    QueryModule("prop/categoryinfo", "ci", query_categoryinfo, "continue: text"),
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
    *REVISION_PROP_MODULES,
    *FILE_PROP_MODULES,
]
