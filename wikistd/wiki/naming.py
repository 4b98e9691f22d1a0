"""Titles as MediaWiki reads them: text in, namespace, name and fragment out.

Spec: https://www.mediawiki.org/wiki/Manual:Page_title and what
`action=query&titles=` answers.  Pure.  Not here: asking the wiki for its namespaces
(wiki/site.py).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple
from urllib.parse import quote

LONGEST_TITLE_BYTES = 255
LONGEST_SPECIAL_BYTES = 512

_naming_blanks = (
    "[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
)
_naming_marks = "[\u200e\u200f\u202a-\u202e]+"
_naming_prefix = r"(?s)(.+?)_*:_*(.*)"
_naming_entity = r"&(?:#[0-9]+|#[xX][0-9A-Fa-f]+|(?:[A-Za-z0-9]|[^\x00-\x7f])+);"
#: What no title may hold, whatever the wiki's settings.
_naming_illegal = (
    r"[\x00-\x1f\x7f#<>\[\]|{}\ufffd]|%[0-9A-Fa-f]{2}"
    r"|&(?:[A-Za-z0-9]|[^\x00-\x7f])+;|&#[0-9]+;|&#x[0-9A-Fa-f]+;"
)


class SiteNamespace(NamedTuple):
    """A namespace of a wiki; immutable."""

    id: int
    name: str
    canonical: str
    aliases: Tuple[str, ...]
    is_first_letter: bool
    is_content: bool
    has_subpages: bool


class SiteTitle(NamedTuple):
    """A title in its parts; immutable.  `text` has no namespace, and blanks."""

    namespace: int
    prefix: str
    text: str
    fragment: str
    interwiki: str

    def __str__(self) -> str:
        return self.full

    @property
    def full(self) -> str:
        """The title as the wiki writes it, without the fragment."""
        name = "%s:%s" % (self.prefix, self.text) if self.prefix else self.text
        return "%s:%s" % (self.interwiki, name) if self.interwiki else name

    @property
    def path(self) -> str:
        """The title as it stands in the address of the page."""
        # MediaWiki leaves these readable.
        return quote(self.full.replace(" ", "_"), safe=";@$!*(),/~:-._")


class TitleRules:
    """How one wiki reads titles; immutable and thread-safe.

    Made from the `general`, `namespaces`, `namespacealiases` and `interwikimap` of
    its siteinfo, in either formatversion.
    """

    def __init__(self, siteinfo: Mapping[str, Any]) -> None:
        general = siteinfo.get("general", {})
        aliases: Dict[int, List[str]] = {}
        for item in siteinfo.get("namespacealiases", ()):
            name = item.get("alias", item.get("*", ""))
            aliases.setdefault(int(item["id"]), []).append(name)
        self.namespaces: Dict[int, SiteNamespace] = {}
        self._by_name: Dict[str, int] = {}
        for item in siteinfo.get("namespaces", {}).values():
            number = int(item["id"])
            space = SiteNamespace(
                number,
                item.get("name", item.get("*", "")),
                item.get("canonical", ""),
                tuple(aliases.get(number, ())),
                item.get("case", general.get("case")) != "case-sensitive",
                item.get("content", False) is not False,
                item.get("subpages", False) is not False,
            )
            self.namespaces[number] = space
            for name in (space.name, space.canonical) + space.aliases:
                if name or number == 0:
                    self._by_name[namespace_key(name)] = number
        self._by_name.setdefault("", 0)
        self.interwiki = {
            item["prefix"]: item for item in siteinfo.get("interwikimap", ())
        }

    def parse(self, text: str) -> SiteTitle:
        """Return the parts of a title; ValueError with the reason if it is none."""
        name = clean_title(text)
        number, interwiki = 0, ""
        if name.startswith(":"):
            name = name[1:].lstrip("_")
        key, rest = self._split(name)
        if key.replace("_", " ") in self.interwiki and key not in self._by_name:
            name, interwiki = rest, key.replace("_", " ")
            key = ""
            if "local" in self.interwiki[interwiki]:
                # A prefix for this wiki itself: what follows is read here.
                interwiki = ""
                key, rest = self._split(name)
        if key in self._by_name and key:
            number, name = self._by_name[key], rest
            inner, _ = self._split(name)
            if number == 1 and inner and (
                inner in self._by_name or inner in self.interwiki
            ):
                raise ValueError(
                    "%r cannot be a title: a talk page of a prefix" % text
                )
        name, mark, fragment = name.partition("#")
        fragment = fragment.replace("_", " ") if mark else ""
        name = name.strip("_")
        self._check(text, name, number, interwiki)
        space = self.namespaces.get(number)
        if space is not None and space.is_first_letter and not interwiki:
            name = name[:1].upper() + name[1:]
        prefix = space.name.replace("_", " ") if space is not None else ""
        return SiteTitle(number, prefix, name.replace("_", " "), fragment, interwiki)

    @staticmethod
    def _split(name: str) -> Tuple[str, str]:
        """Return what may be a prefix, as it is compared, and what follows it."""
        found = re.fullmatch(_naming_prefix, name)
        return (namespace_key(found.group(1)), found.group(2)) if found else ("", name)

    def _check(self, text: str, name: str, number: int, interwiki: str) -> None:
        """Raise ValueError when `name`, in underscores, is no name of a page."""
        reason = ""
        illegal = re.search(_naming_illegal, name)
        if illegal is not None:
            reason = "it holds %r" % illegal.group(0)
        elif name in (".", "..") or re.search(r"^\.{1,2}/|/\.{1,2}(/|$)", name):
            reason = "it is a relative path"
        elif "~~~" in name:
            reason = "it holds a signature"
        elif name.startswith(":"):
            reason = "it begins with a colon"
        elif not name and not interwiki:
            reason = "it is empty or the name of a namespace"
        else:
            most = LONGEST_SPECIAL_BYTES if number == -1 else LONGEST_TITLE_BYTES
            size = len(name.encode("utf-8", "surrogatepass"))
            if size > most:
                reason = "it has %d bytes, more than %d" % (size, most)
        if reason:
            raise ValueError("%r cannot be a title: %s" % (text, reason))


def clean_title(text: str) -> str:
    """Return `text` in NFC, without marks of direction, blanks as one underscore."""
    if "&" in text:
        from html import unescape  # 3 ms

        # What stands for nothing stays as it is.
        text = re.sub(_naming_entity, lambda found: unescape(found.group(0)), text)
    text = unicodedata.normalize("NFC", text)
    text = re.sub(_naming_marks, "", text)
    return re.sub(_naming_blanks, "_", text).strip("_")


def namespace_key(name: str) -> str:
    """Return a namespace's name as it is compared."""
    return re.sub(_naming_blanks, "_", name).strip("_").lower()
