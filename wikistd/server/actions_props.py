"""Properties of pages in action=query: info, links, categories and their like.

In: a ModuleRun.  Out: values beside each page.
Holds: nothing.
Spec: MediaWiki 1.39's prop modules.  Not here: revisions (actions_revisions.py),
files (actions_files.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .actions_continue import bad_continue
from .actions_files import FILE_PROP_MODULES
from .actions_links import LINK_PROP_MODULES
from .actions_params import (
    param_choices,
    param_limit,
    param_list,
    param_text,
)
from .actions_query import ModuleRun, QueryModule
from .actions_revisions import REVISION_PROP_MODULES
from .markup import escape_html
from .records import PageRow, format_time
from .titles import Title, talk_namespace, title_text

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
        said["displaytitle"] = escape_html(full)
    if "watchers" in props and run.call.may("unwatchedpages"):
        said["watchers"] = run.store.db.value(
            "SELECT COUNT(*) FROM watch WHERE ns = ? AND title = ?",
            (title.namespace & ~1, title.key),
        )
    if "readable" in props:
        said["readable"] = True
    if "varianttitles" in props and page is not None:
        said["varianttitles"] = {language: full}
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


PROP_MODULES: List[QueryModule] = [
    QueryModule("info", "prop", "in", INFO_PARAMS, query_info),
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
    *LINK_PROP_MODULES,
    *REVISION_PROP_MODULES,
    *FILE_PROP_MODULES,
]
