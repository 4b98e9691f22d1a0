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
        self.next_fake = -1

    def load(self, args: Dict[str, Any], raw_titles: str) -> None:
        """Resolve the parameters; ActionFailure where two sources are given."""
        self.is_following = args["redirects"]
        given = [
            name for name in ("titles", "pageids", "revids") if args[name] is not None
        ]
        if len(given) > 1:
            raise refuse(
                "multisource",
                'The "%s" parameter cannot be used with "%s".' % (given[1], given[0]),
            )
        if args["titles"] is not None:
            self.add_titles(args["titles"], split_values(raw_titles))
        elif args["pageids"] is not None:
            self.add_ids(args["pageids"])
        elif args["revids"] is not None:
            self.add_revisions(args["revids"])

    def _fake(self) -> int:
        number = self.next_fake
        self.next_fake -= 1
        return number

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
                self.normalized.append(
                    {"fromencoded": True, "from": quote(data, safe="-_.~"), "to": text}
                )
            title = self._read_title(text)
            if title is not None:
                wanted.append(title)
        for title in wanted:
            if title.namespace < 0 and title not in self.special.values():
                self.special[self._fake()] = title
        self.add_known(title for title in wanted if title.namespace >= 0)

    def _read_title(self, text: str) -> Optional[Title]:
        if text.strip().startswith("#"):
            # A place on no page: noted, and nothing else said of it.
            self.normalized.append({"fromencoded": False, "from": text, "to": ""})
            return None
        try:
            title = parse_title(text)
        except InvalidTitle as error:
            self.invalid[self._fake()] = (text, str(error))
            return None
        if title.interwiki:
            full = "%s:%s" % (title.interwiki, title.text)
            if full != text:
                note = {"fromencoded": False, "from": text, "to": full}
                self.normalized.append(note)
            self.interwiki.append({"title": full, "iw": title.interwiki})
            return None
        full = str(title)
        if full != text:
            self.normalized.append({"fromencoded": False, "from": text, "to": full})
        title = title._replace(fragment="")
        return title

    def add_known(self, titles: Iterable[Title]) -> None:
        """Resolve titles of this wiki, redirects too where those are asked for."""
        # Namespace by namespace in the order of their first title, as a LinkBatch.
        by_namespace: Dict[int, Dict[str, None]] = {}
        for title in titles:
            by_namespace.setdefault(title.namespace, {})[title.key] = None
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
        if self.is_following:
            self._follow()

    def add_ids(self, ids: Sequence[int]) -> None:
        """Resolve ids of pages."""
        found = self.store.find_pages_by_id(ids)
        for number in sorted(found):
            self.good[number] = found[number]
        self.missing_ids += [number for number in ids if number not in found]
        if self.is_following:
            self._follow()

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
        if self.is_following:
            self._follow()

    def _follow(self) -> None:
        seen = set()
        for _ in range(MAX_REDIRECT_HOPS):
            leading = [page for page in self.good.values() if page.redirect is not None]
            if not leading:
                return
            targets = []
            for page in leading:
                del self.good[page.id]
                target = parse_title(page.redirect or "")
                if page.id in seen:
                    continue
                seen.add(page.id)
                self.redirects.append({"from": page.text, "to": str(target)})
                targets.append(target._replace(fragment=""))
            for target in targets:
                if target.namespace < 0 and target not in self.special.values():
                    self.special[self._fake()] = target
            self.is_following = False
            self.add_known(target for target in targets if target.namespace >= 0)
            self.is_following = True

    @property
    def numbered(self) -> List[Tuple[int, Title]]:
        """The titles of pages that are there or could be, with their numbers."""
        found = [(number, page.title) for number, page in self.good.items()]
        return found + list(self.missing.items())

    def notes(self, version: int) -> Dict[str, Any]:
        """Return what a reply says beside the pages: normalized, redirects, ..."""
        said: Dict[str, Any] = {}
        for name, entries in (
            ("normalized", self.normalized),
            ("redirects", self.redirects),
            ("interwiki", self.interwiki),
        ):
            if entries:
                said[name] = entries
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
