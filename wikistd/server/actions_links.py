"""What pages link to, and what links to them, as properties in action=query.

In: a ModuleRun.  Out: values beside each page, or titles for a generator.
Holds: nothing.
Spec: MediaWiki 1.39's links, templates, images, categories, extlinks, linkshere, ...
Not here: the other properties (actions_props.py), lists of them (actions_lists.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .actions_continue import bad_continue
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
from .records import format_time
from .titles import InvalidTitle, Title, parse_title, title_text


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
    if not ids:
        return []
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
    if not run.pages.good:
        return []
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
    if not run.pages.good:
        return
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
        "SELECT sort_url || '|' || position AS place, url FROM outlink WHERE page = ?"
        " AND place >= ? ORDER BY place LIMIT ?",
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


def _query_linking(run: ModuleRun, name: str, kind: str) -> List[QueryItem]:
    """Answer linkshere, transcludedin, fileusage and redirects."""
    limit = run.args["limit"]
    targets = {
        (page.namespace, page.key): number for number, page in run.pages.good.items()
    }
    for group in (run.pages.missing, run.pages.special if kind == "redirect" else {}):
        for number, title in group.items():
            targets[title.namespace, title.key] = number
    if kind == "file":
        targets = {key: number for key, number in targets.items() if key[0] == 6}
    # The token has the target as far as there are several, then the linking page.
    has_namespace = len({namespace for namespace, _ in targets}) > 1
    has_title = len({key for _, key in targets}) > 1
    start: Tuple[Any, ...] = (-9, "", 0)
    if run.args["continue"] is not None and targets:
        start = _linking_start(run, targets, has_namespace, has_title)
    found: List[QueryItem] = []
    for namespace, key in sorted(targets):
        if (namespace, key) < start[:2]:
            continue
        number = targets[namespace, key]
        first = start[2] if (namespace, key) == start[:2] else 0
        ids = _linking_ids(run, kind, namespace, key, first, limit - len(found) + 1)
        pages = run.store.find_pages_by_id(ids)
        for linking in ids:
            token = "|".join(
                [str(namespace)] * has_namespace + [key] * has_title + [str(linking)]
            )
            page = pages[linking]
            entry: Dict[str, Any] = {
                "pageid": page.id,
                "ns": page.namespace,
                "title": page.text,
            }
            if kind != "redirect":
                entry["redirect"] = page.redirect is not None
            full = len(found) >= limit
            if full or not (run.is_generator or run.add_value(number, name, entry)):
                run.go_on("continue", token)
                return found
            found.append(QueryItem(entry, page))
    return found


def _linking_start(
    run: ModuleRun,
    targets: Dict[Tuple[int, str], int],
    has_namespace: bool,
    has_title: bool,
) -> Tuple[int, str, int]:
    """Return target and linking page of a continue parameter."""
    parts = run.continue_parts(1 + has_namespace + has_title) or []
    only = next(iter(targets))
    try:
        namespace = int(parts[0]) if has_namespace else only[0]
        key = parts[-2] if has_title else only[1]
        return namespace, key, int(parts[-1])
    except ValueError as error:
        raise bad_continue() from error


def _linking_ids(
    run: ModuleRun, kind: str, namespace: int, key: str, first: int, count: int
) -> List[int]:
    """Return the pages from `first` on that link to one target, by their numbers."""
    if kind == "redirect":
        rows = run.store.db.all(
            "SELECT id FROM page WHERE redirect = ? AND id >= ? ORDER BY id LIMIT ?",
            (title_text(namespace, key), first, count),
        )
        return [row[0] for row in rows]
    condition = "kind = ? AND link.ns = ? AND link.title = ? AND link.page >= ?"
    if run.args["namespace"]:
        condition += " AND " + namespace_clause("page.ns", run.args["namespace"])
    rows = run.store.db.all(
        "SELECT link.page FROM link JOIN page ON page.id = link.page"
        " WHERE %s ORDER BY link.page LIMIT %d" % (condition, count),
        (kind, namespace, key, first),
    )
    return [row[0] for row in rows]


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


LINK_PROP_MODULES: List[QueryModule] = [
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
            "dir": param_choice("ascending descending", "ascending"),
            "limit": param_limit(),
            "continue": param_text(),
        },
        query_iwlinks,
    ),
    QueryModule(
        "langlinks",
        "prop",
        "ll",
        {
            "prop": param_choices("url langname autonym"),
            "lang": param_text(),
            "title": param_text(),
            "dir": param_choice("ascending descending", "ascending"),
            "inlanguagecode": param_text("en"),
            "limit": param_limit(),
            "continue": param_text(),
            "url": param_flag(is_deprecated=True),
        },
        query_langlinks,
    ),
    _linking_module("linkshere", "lh", query_linkshere),
    _linking_module("transcludedin", "ti", query_transcludedin),
    _linking_module("fileusage", "fu", query_fileusage),
    _linking_module("redirects", "rd", query_redirects),
]
