"""The pages that a query is about: titles, ids and generators resolved.

In: titles, pageids, revids as they were sent.  Out: pages, missing ones and the rest.
Spec: MediaWiki 1.39's ApiPageSet.  Holds: the pages of one call.
Not here: what is said of them (actions_props.py).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple
from urllib.parse import quote

from .actions import refuse
from .actions_params import split_values
from .records import PageRow, RevisionRow
from .store import PageStore
from .titles import (
    SPECIAL_PAGE_NAMES,
    InvalidTitle,
    Title,
    clean_text,
    parse_title,
)

#: A chain of redirects is followed this far; MediaWiki resolves each hop it sees.
MAX_REDIRECT_HOPS = 10
PAGE_SET_PARAMS = """
titles: texts
pageids, revids: numbers
redirects, converttitles: flag
"""


class PageSet:
    """The pages of one query.  One owner.

    `good` are the pages that exist, by id.  Everything else gets a number below zero,
    in the order in which MediaWiki meets it: `missing`, `special`, `invalid`.
    """

    def __init__(self, store: PageStore) -> None:
        self.store = store
        self.good: Dict[int, PageRow] = {}
        self.missing: Dict[int, Title] = {}
        self.special: Dict[int, Title] = {}
        self.invalid: Dict[int, Tuple[str, str]] = {}
        self.missing_ids: List[int] = []
        self.bad_revisions: List[int] = []
        self.revisions: Dict[int, RevisionRow] = {}
        self.normalized: List[Dict[str, Any]] = []
        self.redirects: List[Dict[str, Any]] = []
        self.interwiki: List[Dict[str, Any]] = []
        self.is_following = False
        self.last_fake = 0

    def load(self, args: Dict[str, Any], raw_titles: str) -> None:
        """Resolve the parameters; ActionFailure where two sources are given."""
        self.is_following = args["redirects"]
        sources = ("titles", "pageids", "revids")
        given = [name for name in sources if args[name] is not None]
        if len(given) > 1:
            raise refuse(
                "multisource",
                'The "%s" parameter cannot be used with "%s".' % (given[1], given[0]),
            )
        if given == ["titles"]:
            self.add_titles(args["titles"], split_values(raw_titles))
        self.add_ids(args["pageids"] or ())
        if given == ["revids"]:
            self.add_revisions(args["revids"])

    def _fake(self) -> int:
        self.last_fake -= 1
        return self.last_fake

    def _normalize(self, text: str, full: str, *, is_encoded: bool = False) -> None:
        """Note that a title stands for another one than was sent, if it does."""
        if text != full:
            note = {"fromencoded": is_encoded, "from": text, "to": full}
            self.normalized.append(note)

    def add_titles(self, texts: Sequence[str], raw: Sequence[str] = ()) -> None:
        """Resolve titles as a person writes them."""
        originals: Dict[str, str] = {}
        for each in raw:
            originals.setdefault(clean_text(each)[0], each)
        wanted: List[Title] = []
        for text in texts:
            original = originals.get(text, text)
            if original != text:
                data = original.encode("utf-8", "surrogateescape")
                self._normalize(quote(data, safe="-_.~"), text, is_encoded=True)
            title = self._read_title(text)
            if title is not None:
                wanted.append(title)
        self.add_known(wanted)

    def _read_title(self, text: str) -> Optional[Title]:
        if text.strip().startswith("#"):
            # A place on no page: noted, and nothing else said of it.
            self._normalize(text, "")
            return None
        try:
            title = parse_title(text)
        except InvalidTitle as error:
            self.invalid[self._fake()] = (text, str(error))
            return None
        if title.interwiki:
            full = "%s:%s" % (title.interwiki, title.text)
            self._normalize(text, full)
            self.interwiki.append({"title": full, "iw": title.interwiki})
            return None
        self._normalize(text, str(title))
        return title._replace(fragment="")

    def add_known(self, titles: Iterable[Title]) -> None:
        """Resolve titles of this wiki, redirects too where those are asked for."""
        self._resolve(titles)
        self._follow()

    def _resolve(self, titles: Iterable[Title]) -> None:
        # Namespace by namespace in the order of their first title, as a LinkBatch.
        by_namespace: Dict[int, Dict[str, None]] = {}
        for title in titles:
            if title.namespace >= 0:
                by_namespace.setdefault(title.namespace, {})[title.key] = None
            elif title not in self.special.values():
                self.special[self._fake()] = title
        wanted = [
            (namespace, key) for namespace, keys in by_namespace.items() for key in keys
        ]
        found = self.store.find_pages(wanted)
        for page in sorted(found.values(), key=lambda each: each.title):
            self.good[page.id] = page
        known = {title[:2] for title in self.missing.values()}
        for namespace, key in wanted:
            if (namespace, key) not in found and (namespace, key) not in known:
                self.missing[self._fake()] = Title(namespace, key)

    def add_ids(self, ids: Sequence[int]) -> None:
        """Resolve ids of pages."""
        found = self.store.find_pages_by_id(ids)
        self.missing_ids += [number for number in ids if number not in found]
        self.add_pages(found[number] for number in sorted(found))

    def add_revisions(self, ids: Sequence[int]) -> None:
        """Resolve ids of revisions."""
        found = self.store.find_revisions(ids)
        self.revisions.update(found)
        self.bad_revisions += [number for number in ids if number not in found]
        self.add_ids(sorted({revision.page for revision in found.values()}))

    def add_pages(self, pages: Iterable[PageRow]) -> None:
        """Take pages that a generator has found."""
        for page in pages:
            self.good[page.id] = page
        self._follow()

    def _follow(self) -> None:
        seen = set()
        for _ in range(MAX_REDIRECT_HOPS if self.is_following else 0):
            leading = [page for page in self.good.values() if page.redirect is not None]
            if not leading:
                return
            targets = []
            for page in leading:
                del self.good[page.id]
                target = parse_title(page.redirect or "")
                if page.id not in seen:
                    seen.add(page.id)
                    self.redirects.append({"from": page.text, "to": str(target)})
                    targets.append(target._replace(fragment=""))
            self._resolve(targets)

    @property
    def numbered(self) -> List[Tuple[int, Title]]:
        """The titles of pages that are there or could be, with their numbers."""
        found = [(number, page.title) for number, page in self.good.items()]
        return found + list(self.missing.items())

    def notes(self) -> Dict[str, Any]:
        """Return what a reply says beside the pages: normalized, redirects, ..."""
        said: Dict[str, Any] = {
            name: getattr(self, name)
            for name in ("normalized", "redirects", "interwiki")
            if getattr(self, name)
        }
        if self.bad_revisions:
            said["badrevids"] = {
                str(number): {"revid": number, "missing": True}
                for number in self.bad_revisions
            }
        return said

    def entries(self) -> Dict[int, Dict[str, Any]]:
        """Return an entry for each page, by id, with what every query says of it."""
        shown: Dict[int, Dict[str, Any]] = {}
        for number, title in self.missing.items():
            shown[number] = {**title.entry, "missing": True}
            if is_known_message(title):
                shown[number]["known"] = True
        for number, (text, reason) in self.invalid.items():
            shown[number] = {"title": text, "invalidreason": reason, "invalid": True}
        for number in self.missing_ids:
            shown[number] = {"pageid": number, "missing": True}
        for number, title in self.special.items():
            shown[number] = {**title.entry, "special": True}
            if is_unknown_special(title):
                shown[number]["missing"] = True
        for number, page in self.good.items():
            shown[number] = page.entry
        return shown


def is_unknown_special(title: Title) -> bool:
    """Return whether this wiki has no special page of that title, nor any Media."""
    name = title.key.partition("/")[0]
    return title.namespace < -1 or name not in SPECIAL_PAGE_NAMES.values()


def is_known_message(title: Title) -> bool:
    """Return whether a page that nobody wrote has a text of the software."""
    return title.namespace == 8 and title.key in ("Sidebar", "Mainpage", "Aboutsite")
