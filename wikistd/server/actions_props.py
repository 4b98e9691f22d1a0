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
from .actions_query import ModuleRun, QueryItem, QueryModule, token_number
from .actions_revisions import REVISION_PROP_MODULES
from .actions_select import add_each_page, pick, query_nothing
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
    where = "FROM revision WHERE page = ? AND hidden NOT LIKE '%user%' AND account"
    for page in run.pages.good:
        sql = "SELECT COUNT(DISTINCT user) %s = 0" % where
        anonymous = run.store.db.value(sql, (page,))
        if anonymous:
            run.entry(page)["anoncontributors"] = anonymous

    def show(account: int, user: str) -> QueryItem:
        return QueryItem({"userid": account, "name": user})

    sql = "SELECT DISTINCT account, user %s > 0" % where.replace("%", "%%")
    add_each_page(run, {"account": token_number}, sql + "%s", (), show)


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
    *LINK_PROP_MODULES,
    *REVISION_PROP_MODULES,
    *FILE_PROP_MODULES,
]
