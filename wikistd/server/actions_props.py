"""Properties of pages in action=query: info, links, categories and their like.

In: a ModuleRun.  Out: values beside each page.
Holds: nothing.
Spec: MediaWiki 1.39's prop modules.  Not here: revisions (actions_revisions.py),
files (actions_files.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .actions_files import FILE_PROP_MODULES
from .actions_links import LINK_PROP_MODULES
from .actions_query import ModuleRun, QueryModule, token_number
from .actions_revisions import REVISION_PROP_MODULES
from .actions_select import query_nothing
from .markup import escape_html
from .records import PageRow, format_expiry, format_time
from .titles import Title, title_text


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
    language, props = run.store.site.language, run.args["prop"]
    full, other_page = str(title), Title(title.namespace ^ 1, title.key)
    said: Dict[str, Any] = {
        "contentmodel": page.model if page else "wikitext",
        "pagelanguage": language,
        "pagelanguagehtmlcode": language,
        "pagelanguagedir": "ltr",
    }
    if "associatedpage" in props:
        said["associatedpage"] = str(other_page)
    if "url" in props:
        url = said["fullurl"] = said["canonicalurl"] = run.call.page_url(full)
        said["editurl"] = "%s/w/index.php?title=%s&action=edit" % (
            run.call.request.host_url,
            url.partition("/wiki/")[2],
        )
    if "displaytitle" in props:
        said["displaytitle"] = escape_html(full)
    if "readable" in props:
        said["readable"] = True
    if page is not None:
        said["touched"] = format_time(page.touched)
        said["lastrevid"] = page.latest
        said["length"] = page.size
        if page.redirect is not None:
            said["redirect"] = True
        if page.is_new:
            said["new"] = True
        if "varianttitles" in props:
            said["varianttitles"] = {language: full}
    if "protection" in props:
        said["protection"] = _protections(run, title)
        said["restrictiontypes"] = ["edit", "move"] if page else ["create"]
        if title.namespace == 6:
            said["restrictiontypes"].append("upload")
    # A page has the number of the one it is talked about on, and the other way round.
    other = "subjectid" if title.namespace % 2 else "talkid"
    if other in props:
        found = run.store.find_page(other_page)
        if found is not None:
            said[other] = found.id
    watched = (title.namespace & ~1, title.key)
    if "watchers" in props and run.call.may("unwatchedpages"):
        said["watchers"] = run.store.db.value(
            "SELECT COUNT(*) FROM watch WHERE ns = ? AND title = ?", watched
        )
    account = run.call.requester.account
    if "watched" in props and account:
        said["watched"] = run.store.is_watched(account, title)
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
    for page in sorted(run.pages.good):
        anonymous = run.store.db.value(
            "SELECT COUNT(DISTINCT user) FROM revision WHERE page = ? AND account = 0"
            " AND hidden NOT LIKE '%user%'",
            (page,),
        )
        if anonymous:
            run.entry(page)["anoncontributors"] = anonymous
    start = run.continue_values(token_number, token_number) or (0, 0)
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
            token = "%d|%d" % (page, account)
            if not run.add_in_turn(page, "contributors", entry, token, count):
                return
            count += 1


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


PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "prop/info",
        "in",
        query_info,
        """
        prop: starred any of protection talkid watched watchers visitingwatchers \
            notificationtimestamp subjectid associatedpage url readable~ preload~ \
            preloadcontent editintro displaytitle varianttitles linkclasses
        testactions: texts
        continue: text
        """,
    ),
    QueryModule("prop/pageprops", "pp", query_nothing, "continue: text\nprop: texts"),
    QueryModule(
        "prop/contributors",
        "pc",
        query_contributors,
        """
        limit: limit
        continue: text
        group, excludegroup, rights, excluderights: texts
        """,
    ),
    QueryModule("prop/categoryinfo", "ci", query_categoryinfo, "continue: text"),
    *LINK_PROP_MODULES,
    *REVISION_PROP_MODULES,
    *FILE_PROP_MODULES,
]
