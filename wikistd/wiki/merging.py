"""Replies of one batch merged into whole pages, and pages mapped to what was asked.

Spec: https://www.mediawiki.org/wiki/API:Query (normalized, converted, redirects,
interwiki), API:Continue (batchcomplete); formatversion 2.  Pure.  Not here: asking
for them (wiki/fetching.py).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence
from urllib.parse import unquote

#: Prefixes of the parameters of lists and properties, with which ...limit is made.
MODULE_PREFIXES = {
    "allcategories": "ac",
    "alldeletedrevisions": "adr",
    "allfileusages": "af",
    "allimages": "ai",
    "alllinks": "al",
    "allpages": "ap",
    "allredirects": "ar",
    "allrevisions": "arv",
    "alltransclusions": "at",
    "backlinks": "bl",
    "categories": "cl",
    "categorymembers": "cm",
    "contributors": "pc",
    "deletedrevisions": "drv",
    "duplicatefiles": "df",
    "embeddedin": "ei",
    "extlinks": "el",
    "exturlusage": "eu",
    "fileusage": "fu",
    "geosearch": "gs",
    "images": "im",
    "imageusage": "iu",
    "iwbacklinks": "ibl",
    "iwlinks": "iw",
    "langbacklinks": "lbl",
    "langlinks": "ll",
    "links": "pl",
    "linkshere": "lh",
    "pageswithprop": "pwp",
    "prefixsearch": "ps",
    "protectedtitles": "pt",
    "querypage": "qp",
    "random": "rn",
    "recentchanges": "rc",
    "redirects": "rd",
    "search": "sr",
    "templates": "tl",
    "transcludedin": "ti",
    "watchlist": "wl",
    "watchlistraw": "wr",
}

#: Props that hand out lists in small portions (10) unless told otherwise.
LIMITED_PROPS = frozenset(
    "categories contributors duplicatefiles extlinks fileusage images iwlinks"
    " langlinks links linkshere redirects templates transcludedin".split()
)


def merge_page(into: Dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add to a page what another reply of the same batch tells of it.

    Lists go on, mappings are merged, other values are replaced.
    """
    for key, value in more.items():
        old = into.get(key)
        if isinstance(old, list) and isinstance(value, list):
            if old != value:
                old.extend(value)
        elif isinstance(old, dict) and isinstance(value, dict):
            merge_page(old, value)
        else:
            into[key] = value


class PageBatch:
    """The replies of one batch, merged; one owner."""

    def __init__(self) -> None:
        self.pages: Dict[Any, Dict[str, Any]] = {}
        self.moved: Dict[str, str] = {}
        self.interwiki: Dict[str, str] = {}
        self.is_truncated = False
        self.replies = 0

    def add(self, document: Any) -> None:
        """Take in one more reply; one without pages adds none (miser mode)."""
        query = document.get("query")
        if not isinstance(query, dict):
            return
        for page in query.get("pages") or []:
            identity = page.get("pageid") or page.get("title")
            known = self.pages.get(identity)
            if known is None:
                self.pages[identity] = page
            else:
                merge_page(known, page)
        for item in query.get("normalized") or []:
            start = item["from"]
            if item.get("fromencoded"):
                start = unquote(start, errors="replace")
            self.moved[start] = item["to"]
        for kind in ("converted", "redirects"):
            for item in query.get(kind) or []:
                self.moved.setdefault(item["from"], item["to"])
        for item in query.get("interwiki") or []:
            self.interwiki[item["title"]] = item["iw"]

    def in_order(self) -> List[Dict[str, Any]]:
        """Return the pages as the generator listed them, where it says how."""
        pages = list(self.pages.values())
        if all("index" in page for page in pages):
            pages.sort(key=lambda page: int(page["index"]))
        return pages

    def for_titles(self, titles: Iterable[str]) -> List[Dict[str, Any]]:
        """Return one page for each of `titles`, its key "asked" the title asked for."""
        by_title = {page.get("title"): page for page in self.pages.values()}
        found = []
        for asked in titles:
            title = asked
            for _ in range(len(self.moved) + 1):  # A circle of redirects ends.
                page = by_title.get(title)
                if page is not None or title not in self.moved:
                    break
                title = self.moved[title]
            if page is not None:
                found.append(dict(page, asked=asked))
            elif title in self.interwiki:
                where = self.interwiki[title]
                found.append({"title": title, "interwiki": where, "asked": asked})
            else:
                found.append(untold_page(asked))
        return found

    def for_pageids(self, pageids: Iterable[int]) -> List[Dict[str, Any]]:
        """Return one page for each of `pageids`."""
        lost = {"missing": True}
        return [
            dict(self.pages.get(pageid) or dict(lost, pageid=pageid), asked=pageid)
            for pageid in pageids
        ]

    def for_revids(self, revids: Iterable[int]) -> List[Dict[str, Any]]:
        """Return a page with that one revision for each of `revids`."""
        by_revid = {}
        for page in self.pages.values():
            for revision in page.get("revisions") or []:
                if "revid" in revision:
                    by_revid[revision["revid"]] = dict(page, revisions=[revision])
        return [
            dict(by_revid.get(revid) or {"missing": True, "revid": revid}, asked=revid)
            for revid in revids
        ]


def untold_page(asked: str) -> Dict[str, Any]:
    """Return a page for a title of which the reply says nothing."""
    if not asked.strip(" _"):
        reason = "The requested page title is empty."
        page = {"title": asked, "invalid": True, "invalidreason": reason}
        return dict(page, asked=asked)
    return {"title": asked, "missing": True, "untold": True, "asked": asked}


def has_texts(params: Mapping[str, Any]) -> bool:
    """Return whether a query asks for the texts of revisions, dear to the wiki."""
    return "revisions" in word_list(params.get("prop")) and bool(
        {"content", "parsetree"} & set(word_list(params.get("rvprop")))
    )


def word_list(value: Any) -> List[str]:
    """Return the words of a multi-value, however it was given."""
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, str):
        return value.split("|")
    return [str(word) for word in value] if isinstance(value, Sequence) else list(value)


def fill_limits(params: Dict[str, Any]) -> None:
    """Ask for the largest portions of what comes in lists, where nothing is said."""
    for prop in word_list(params.get("prop")):
        if prop in LIMITED_PROPS:
            params.setdefault(MODULE_PREFIXES[prop] + "limit", "max")


def generator_limit_name(generator: Any) -> Optional[str]:
    """Return the parameter that says how many pages a generator lists at once."""
    prefix = MODULE_PREFIXES.get(generator) if isinstance(generator, str) else None
    return None if prefix is None else "g" + prefix + "limit"


def is_truncated(document: Any) -> bool:
    """Return whether the wiki cut a reply because it grew too large."""
    found = document.get("warnings")
    if isinstance(found, dict):
        return "result" in found
    return any(
        isinstance(item, dict) and item.get("code") == "truncatedresult"
        for item in found or []
    )
