"""Properties of pages in action=query: info, links, categories and their like.

In: a ModuleRun.  Out: values beside each page.
Holds: nothing.
Spec: MediaWiki 1.39's prop modules.  Not here: revisions (actions_revisions.py),
files (actions_files.py).
"""

from __future__ import annotations

import html
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .actions_continue import bad_continue
from .actions_files import FILE_PROP_MODULES
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_namespaces,
    param_text,
)
from .actions_query import ModuleRun, QueryItem, QueryModule, namespace_clause
from .actions_revisions import REVISION_PROP_MODULES
from .records import PageRow, format_time
from .titles import InvalidTitle, Title, parse_title, talk_namespace, title_text

INFO_PARAMS = {
    "prop": param_choices(
        "protection talkid watched watchers visitingwatchers notificationtimestamp "
        "subjectid associatedpage url readable preload preloadcontent editintro "
        "displaytitle varianttitles linkclasses",
        old_values="readable preload",
        takes_all=True,
    ),
    "testactions": param_list(),
    "continue": param_text(),
}


def query_info(run: ModuleRun) -> None:
    """Answer prop=info."""
    props = set(run.args["prop"])
    watched = _watched(run) if "watched" in props else set()
    for number, title in list(run.pages.missing.items()):
        entry = run.entry(number)
        entry.update(_common_info(run, title, None, props))
        _add_watched(run, entry, title, props, watched)
    for number, page in list(run.pages.good.items()):
        entry = run.entry(number)
        title = Title(page.namespace, page.key)
        entry.update(_common_info(run, title, page, props))
        _add_watched(run, entry, title, props, watched)
        for action in run.args["testactions"] or ():
            entry.setdefault("actions", {})[action] = run.call.may(action)


def _common_info(
    run: ModuleRun, title: Title, page: Optional[PageRow], props: Any
) -> Dict[str, Any]:
    language = run.store.site.language
    said: Dict[str, Any] = {
        "contentmodel": page.model if page else "wikitext",
        "pagelanguage": language,
        "pagelanguagehtmlcode": language,
        "pagelanguagedir": "ltr",
    }
    if page is not None:
        said["touched"] = format_time(page.touched)
        said["lastrevid"] = page.latest
        said["length"] = page.size
        if page.redirect is not None:
            said["redirect"] = True
        if page.is_new:
            said["new"] = True
    full = title_text(title.namespace, title.key)
    if "protection" in props:
        said["protection"] = _protections(run, title)
        said["restrictiontypes"] = ["edit", "move"] if page else ["create"]
        if title.namespace == 6:
            said["restrictiontypes"].append("upload")
    if "talkid" in props and title.namespace % 2 == 0:
        talk = run.store.find_page(Title(talk_namespace(title.namespace), title.key))
        if talk is not None:
            said["talkid"] = talk.id
    if "subjectid" in props and title.namespace % 2 == 1:
        subject = run.store.find_page(Title(title.namespace - 1, title.key))
        if subject is not None:
            said["subjectid"] = subject.id
    if "associatedpage" in props:
        other = title.namespace ^ 1
        said["associatedpage"] = title_text(other, title.key)
    if "url" in props:
        said["fullurl"] = said["canonicalurl"] = run.call.page_url(full)
        said["editurl"] = "%s/w/index.php?title=%s&action=edit" % (
            run.call.request.host_url,
            run.call.page_url(full).partition("/wiki/")[2],
        )
    if "displaytitle" in props:
        said["displaytitle"] = display_title(title)
    if "varianttitles" in props:
        said["varianttitles"] = {language: full}
    return said


def display_title(title: Title) -> str:
    """Return the HTML that stands over a page."""
    name = title_text(title.namespace, "")[:-1]
    main = '<span class="mw-page-title-main">%s</span>' % html.escape(title.text)
    if not name:
        return main
    return (
        '<span class="mw-page-title-namespace">%s</span>'
        '<span class="mw-page-title-separator">:</span>%s' % (html.escape(name), main)
    )


def _protections(run: ModuleRun, title: Title) -> List[Dict[str, Any]]:
    rows = run.store.db.all(
        "SELECT type, level, expiry FROM protection WHERE ns = ? AND title = ?"
        " AND (expiry IS NULL OR expiry > ?) ORDER BY type",
        (title.namespace, title.key, run.call.now),
    )
    return [
        {
            "type": kind,
            "level": level,
            "expiry": "infinity" if expiry is None else format_time(expiry),
        }
        for kind, level, expiry in rows
    ]


def _watched(run: ModuleRun) -> Any:
    rows = run.store.db.all(
        "SELECT ns, title FROM watch WHERE account = ?", (run.call.requester.account,)
    )
    return set(rows)


def _add_watched(
    run: ModuleRun, entry: Dict[str, Any], title: Title, props: Any, watched: Any
) -> None:
    if "watched" in props and run.call.requester.account:
        entry["watched"] = (title.namespace, title.key) in watched


def _link_values(run: ModuleRun, name: str) -> Optional[List[Title]]:
    texts = run.args.get(name)
    if texts is None:
        return None
    titles = []
    for text in texts:
        try:
            titles.append(parse_title(text))
        except InvalidTitle as error:
            run.warn("invalidtitle", "%s: %s" % (text, error))
    return titles


def _query_links(
    run: ModuleRun, kind: str, name: str, filter_name: str, *, has_namespace: bool
) -> List[QueryItem]:
    """Answer links, templates and images, as values or for a generator."""
    args, ids = run.args, sorted(run.pages.good)
    limit: int = args["limit"]
    parts = run.continue_parts(3 if has_namespace else 2)
    start: Tuple[int, int, str] = (0, -1, "")
    if parts is not None:
        numbers = parts[:-1]
        if not all(number.isdigit() for number in numbers):
            raise bad_continue()
        namespace = int(numbers[1]) if has_namespace else 6
        start = (int(numbers[0]), namespace, parts[-1])
    where = "kind = ? AND page = ?"
    values: List[Any] = []
    if args.get("namespace"):
        where += " AND " + namespace_clause("ns", args["namespace"])
    wanted = _link_values(run, filter_name)
    if wanted is not None:
        if not wanted:
            return []
        where += " AND (%s)" % " OR ".join(["(ns = ? AND title = ?)"] * len(wanted))
        for title in wanted:
            values += [title.namespace, title.key]
    is_down = args["dir"] == "descending"
    order = "ns DESC, title DESC" if is_down else "ns, title"
    found: List[QueryItem] = []
    for page in reversed(ids) if is_down else ids:
        if parts is not None and (page > start[0] if is_down else page < start[0]):
            continue
        condition, more = where, [kind, page, *values]
        if parts is not None and page == start[0]:
            condition += " AND (ns, title) %s (?, ?)" % ("<=" if is_down else ">=")
            more += [start[1], start[2]]
        rows = run.store.db.all(
            "SELECT ns, title FROM link WHERE %s ORDER BY %s LIMIT %d"
            % (condition, order, limit - len(found) + 1),
            more,
        )
        for namespace, key in rows:
            token = "%d|%d|%s" % (page, namespace, key)
            if not has_namespace:
                token = "%d|%s" % (page, key)
            if len(found) >= limit:
                run.go_on("continue", token)
                return found
            entry = {"ns": namespace, "title": title_text(namespace, key)}
            if not run.is_generator and not run.add_value(page, name, entry):
                run.go_on("continue", token)
                return found
            found.append(QueryItem(entry, None, Title(namespace, key)))
    return found


def query_links(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=links."""
    return _query_links(run, "page", "links", "titles", has_namespace=True)


def query_templates(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=templates."""
    return _query_links(run, "template", "templates", "templates", has_namespace=True)


def query_images(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=images."""
    return _query_links(run, "file", "images", "images", has_namespace=False)


def query_categories(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=categories."""
    args, limit = run.args, run.args["limit"]
    parts = run.continue_parts(2)
    if parts is not None and not parts[0].isdigit():
        raise bad_continue()
    wanted = _link_values(run, "categories")
    props = args["prop"] or []
    found: List[QueryItem] = []
    is_down = args["dir"] == "descending"
    for page in sorted(run.pages.good, reverse=is_down):
        condition = "page = ?"
        values: List[Any] = [page]
        if parts is not None:
            first = int(parts[0])
            if page > first if is_down else page < first:
                continue
            if page == first:
                condition += " AND category %s ?" % ("<=" if is_down else ">=")
                values.append(parts[1])
        if wanted is not None:
            keys = [title.key for title in wanted if title.namespace == 14]
            condition += " AND category IN (%s)" % ", ".join("?" * len(keys))
            values += keys
        rows = run.store.db.all(
            "SELECT category, sortkey, prefix, time FROM category_member WHERE %s"
            " ORDER BY category%s LIMIT %d"
            % (condition, " DESC" if is_down else "", limit - len(found) + 1),
            values,
        )
        for category, sortkey, prefix, when in rows:
            entry: Dict[str, Any] = {"ns": 14, "title": title_text(14, category)}
            if "sortkey" in props:
                entry["sortkey"] = sortkey.encode("utf-8").hex()
                entry["sortkeyprefix"] = prefix
            if "timestamp" in props:
                entry["timestamp"] = format_time(when)
            if "hidden" in props:
                entry["hidden"] = False
            full = len(found) >= limit
            if full or not (
                run.is_generator or run.add_value(page, "categories", entry)
            ):
                run.go_on("continue", "%d|%s" % (page, category))
                return found
            found.append(QueryItem(entry, None, Title(14, category)))
    return found


def _query_by_position(
    run: ModuleRun,
    name: str,
    sql: str,
    show: Callable[[Sequence[Any]], Dict[str, Any]],
) -> None:
    """Answer a prop whose continue is "page|position", which `sql` selects first.

    `sql` has three places: the page, the first position, how many.
    """
    parts = run.continue_parts(2)
    start = (0, "")
    if parts is not None:
        if not parts[0].isdigit():
            raise bad_continue()
        start = (int(parts[0]), parts[1])
    count = 0
    for page in sorted(run.pages.good):
        if page < start[0]:
            continue
        first: Any = start[1] if page == start[0] else ""
        rows = run.store.db.all(sql, (page, first, run.args["limit"] - count + 1))
        for row in rows:
            token = "%d|%s" % (page, row[0])
            if count >= run.args["limit"] or not run.add_value(page, name, show(row)):
                run.go_on("continue", token)
                return
            count += 1


def query_extlinks(run: ModuleRun) -> None:
    """Answer prop=extlinks."""
    _query_by_position(
        run,
        "extlinks",
        "SELECT url, url FROM outlink WHERE page = ? AND url >= ? ORDER BY url LIMIT ?",
        lambda row: {run.call.content_key if run.call.version < 2 else "url": row[1]},
    )


def query_iwlinks(run: ModuleRun) -> None:
    """Answer prop=iwlinks."""

    def show(row: Sequence[Any]) -> Dict[str, Any]:
        prefix, _, title = str(row[1]).partition(":")
        return {
            "prefix": prefix,
            "title" if run.call.version >= 2 else "*": title.replace("_", " "),
        }

    _query_by_position(
        run,
        "iwlinks",
        "SELECT title, title FROM link WHERE kind = 'interwiki' AND page = ?"
        " AND title >= ? ORDER BY title LIMIT ?",
        show,
    )


def query_langlinks(run: ModuleRun) -> None:
    """Answer prop=langlinks: this wiki has one language."""


def query_pageprops(run: ModuleRun) -> None:
    """Answer prop=pageprops."""
    for page in sorted(run.pages.good):
        rows = run.store.db.all(
            "SELECT name, value FROM page_prop WHERE page = ? ORDER BY name", (page,)
        )
        wanted = run.args["prop"]
        props = {name: value for name, value in rows if not wanted or name in wanted}
        if props:
            run.entry(page)["pageprops"] = props


def query_contributors(run: ModuleRun) -> None:
    """Answer prop=contributors: who wrote the pages, and how many nameless ones."""
    for page in sorted(run.pages.good):
        anonymous = run.store.db.value(
            "SELECT COUNT(DISTINCT user) FROM revision WHERE page = ? AND account = 0"
            " AND hidden NOT LIKE '%user%'",
            (page,),
        )
        if anonymous:
            run.entry(page)["anoncontributors"] = anonymous
    parts = run.continue_parts(2)
    if parts is not None and not (parts[0].isdigit() and parts[1].isdigit()):
        raise bad_continue()
    start = (int(parts[0]), int(parts[1])) if parts else (0, 0)
    count = 0
    for page in sorted(run.pages.good):
        if page < start[0]:
            continue
        first = start[1] if page == start[0] else 0
        rows = run.store.db.all(
            "SELECT DISTINCT account, user FROM revision WHERE page = ? AND account > 0"
            " AND hidden NOT LIKE '%user%' AND account >= ? ORDER BY account LIMIT ?",
            (page, first, run.args["limit"] - count + 1),
        )
        for account, user in rows:
            entry = {"userid": account, "name": user}
            full = count >= run.args["limit"]
            if full or not run.add_value(page, "contributors", entry):
                run.go_on("continue", "%d|%d" % (page, account))
                return
            count += 1


def query_categoryinfo(run: ModuleRun) -> None:
    """Answer prop=categoryinfo."""
    pages = [
        (number, page.key)
        for number, page in run.pages.good.items()
        if page.namespace == 14
    ]
    pages += [
        (number, title.key)
        for number, title in run.pages.missing.items()
        if title.namespace == 14
    ]
    for number, key in pages:
        row = run.store.db.one(
            "SELECT pages, subcats, files FROM category WHERE title = ?", (key,)
        )
        if row is not None:
            run.entry(number)["categoryinfo"] = {
                "size": row[0],
                "pages": row[0] - row[1] - row[2],
                "files": row[2],
                "subcats": row[1],
                "hidden": False,
            }


def _query_linking(run: ModuleRun, name: str, kind: str) -> List[QueryItem]:
    """Answer linkshere, transcludedin, fileusage and redirects."""
    parts = run.continue_parts(1)
    if parts is not None and not parts[0].isdigit():
        raise bad_continue()
    start, limit = int(parts[0]) if parts else 0, run.args["limit"]
    targets = {
        (page.namespace, page.key): number for number, page in run.pages.good.items()
    }
    for number, title in run.pages.missing.items():
        targets[title.namespace, title.key] = number
    found: List[QueryItem] = []
    rows: List[Tuple[Any, ...]] = []
    for (namespace, key), number in targets.items():
        condition = "kind = ? AND link.ns = ? AND link.title = ? AND link.page >= ?"
        values: List[Any] = [kind, namespace, key, start]
        if run.args["namespace"]:
            condition += " AND " + namespace_clause("page.ns", run.args["namespace"])
        if kind == "redirect":
            condition = "page.redirect = ? AND page.id >= ?"
            values = [title_text(namespace, key), start]
            sql = "SELECT page.id FROM page WHERE %s ORDER BY page.id LIMIT %d"
        else:
            sql = (
                "SELECT link.page FROM link JOIN page ON page.id = link.page"
                " WHERE %s ORDER BY link.page LIMIT %d"
            )
        found_rows = run.store.db.all(sql % (condition, limit + 1), values)
        rows += [(row[0], number) for row in found_rows]
    rows.sort()
    pages = run.store.find_pages_by_id([row[0] for row in rows[: limit + 1]])
    for linking, number in rows:
        if len(found) >= limit:
            run.go_on("continue", str(linking))
            break
        page = pages[linking]
        entry: Dict[str, Any] = {
            "pageid": page.id,
            "ns": page.namespace,
            "title": page.text,
        }
        if kind != "redirect":
            entry["redirect"] = page.redirect is not None
        if not run.is_generator and not run.add_value(number, name, entry):
            run.go_on("continue", str(linking))
            break
        found.append(QueryItem(entry, page))
    return found


def query_linkshere(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=linkshere."""
    return _query_linking(run, "linkshere", "page")


def query_transcludedin(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=transcludedin."""
    return _query_linking(run, "transcludedin", "template")


def query_fileusage(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=fileusage."""
    return _query_linking(run, "fileusage", "file")


def query_redirects(run: ModuleRun) -> List[QueryItem]:
    """Answer prop=redirects."""
    return _query_linking(run, "redirects", "redirect")


_link_params = {
    "limit": param_limit(),
    "continue": param_text(),
    "dir": param_choice("ascending descending", "ascending"),
}
_linking_params = {
    "prop": param_choices("pageid title redirect", "pageid title redirect"),
    "namespace": param_namespaces(),
    "show": param_choices("redirect !redirect"),
    "limit": param_limit(),
    "continue": param_text(),
}


def _linking_module(name: str, prefix: str, run: Any) -> QueryModule:
    return QueryModule(name, "prop", prefix, _linking_params, run, run)


PROP_MODULES: List[QueryModule] = [
    QueryModule("info", "prop", "in", INFO_PARAMS, query_info),
    QueryModule(
        "links",
        "prop",
        "pl",
        {**_link_params, "namespace": param_namespaces(), "titles": param_list()},
        query_links,
        query_links,
    ),
    QueryModule(
        "templates",
        "prop",
        "tl",
        {**_link_params, "namespace": param_namespaces(), "templates": param_list()},
        query_templates,
        query_templates,
    ),
    QueryModule(
        "images",
        "prop",
        "im",
        {**_link_params, "images": param_list()},
        query_images,
        query_images,
    ),
    QueryModule(
        "categories",
        "prop",
        "cl",
        {
            **_link_params,
            "prop": param_choices("sortkey timestamp hidden"),
            "show": param_choices("hidden !hidden"),
            "categories": param_list(),
        },
        query_categories,
        query_categories,
    ),
    QueryModule(
        "extlinks",
        "prop",
        "el",
        {
            "limit": param_limit(),
            "continue": param_text(),
            "protocol": param_text(),
            "query": param_text(),
            "expandurl": param_flag(is_deprecated=True),
        },
        query_extlinks,
    ),
    QueryModule(
        "iwlinks",
        "prop",
        "iw",
        {
            "prop": param_choices("url"),
            "prefix": param_text(),
            "title": param_text(),
            "limit": param_limit(),
            "continue": param_text(),
        },
        query_iwlinks,
    ),
    QueryModule(
        "langlinks",
        "prop",
        "ll",
        {"limit": param_limit(), "continue": param_text(), "lang": param_text()},
        query_langlinks,
    ),
    QueryModule(
        "pageprops",
        "prop",
        "pp",
        {"continue": param_text(), "prop": param_list()},
        query_pageprops,
    ),
    QueryModule(
        "contributors",
        "prop",
        "pc",
        {
            "limit": param_limit(),
            "continue": param_text(),
            "group": param_list(),
            "excludegroup": param_list(),
            "rights": param_list(),
            "excluderights": param_list(),
        },
        query_contributors,
    ),
    QueryModule(
        "categoryinfo", "prop", "ci", {"continue": param_text()}, query_categoryinfo
    ),
    _linking_module("linkshere", "lh", query_linkshere),
    _linking_module("transcludedin", "ti", query_transcludedin),
    _linking_module("fileusage", "fu", query_fileusage),
    _linking_module("redirects", "rd", query_redirects),
    *REVISION_PROP_MODULES,
    *FILE_PROP_MODULES,
]
