"""Titles: what a person types in, namespace and key out, as MediaWiki reads them.

Spec: MediaWiki's Title, first-letter case, English namespaces.  Pure.  Not here:
whether a page of that title exists (store.py).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Dict, NamedTuple, Optional, Tuple
from urllib.parse import quote

#: Number and name of each namespace; talk pages have the odd numbers.
NAMESPACE_NAMES: Dict[int, str] = {
    -2: "Media",
    -1: "Special",
    0: "",
    1: "Talk",
    2: "User",
    3: "User talk",
    4: "Project",
    5: "Project talk",
    6: "File",
    7: "File talk",
    8: "MediaWiki",
    9: "MediaWiki talk",
    10: "Template",
    11: "Template talk",
    12: "Help",
    13: "Help talk",
    14: "Category",
    15: "Category talk",
}
NAMESPACE_ALIASES = {"image": 6, "image talk": 7}
_title_namespaces = {
    **{name.lower(): number for number, name in NAMESPACE_NAMES.items() if name},
    **NAMESPACE_ALIASES,
}
#: Prefixes that lead to another wiki.
INTERWIKI_PREFIXES = {
    "commons": "https://commons.wikimedia.org/wiki/$1",
    "mediawikiwiki": "https://www.mediawiki.org/wiki/$1",
    "metawikimedia": "https://meta.wikimedia.org/wiki/$1",
    "mw": "https://www.mediawiki.org/wiki/$1",
    "wikidata": "https://www.wikidata.org/wiki/$1",
    "wikipedia": "https://en.wikipedia.org/wiki/$1",
    "wiktionary": "https://en.wiktionary.org/wiki/$1",
}
#: Special pages whose names MediaWiki writes with other capitals than people do.
SPECIAL_PAGE_NAMES = {
    name.lower(): name
    for name in (
        "AllPages ApiHelp BlankPage BotPasswords Categories Contributions Diff "
        "ExpandTemplates Export Import ListFiles ListUsers Log "
        "MyPage MyTalk MovePage NewPages PermanentLink Preferences Random "
        "RecentChanges Redirect Search "
        "SpecialPages Statistics Upload UploadStash UserLogin UserLogout Version "
        "Watchlist WhatLinksHere"
    ).split()
}
MAX_TITLE_BYTES = 255  # MediaWiki's page_title column

EMPTY_TITLE_REASON = (
    "The requested page title is empty or contains only the name of a namespace."
)
_title_bad_char = re.compile(
    # Written without ranges past ASCII, of which re would make a table of 64 KB (5 ms).
    r"[\x00-\x1f\x7f#<>\[\]{|}]"
    r"|%[0-9A-Fa-f]{2}|&(?:[A-Za-z0-9]|[^\x00-\x7f])+;|&#[0-9]+;|&#x[0-9A-Fa-f]+;"
)
_title_reference = re.compile(
    r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z0-9]{1,40});"
)
_title_invisible = re.compile("[\u200e\u200f\u202a-\u202e]+")
_title_blanks = re.compile(
    "[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u3000]+"
)


class InvalidTitle(ValueError):
    """Text that cannot be the title of a page; the message says why."""


class Title(NamedTuple):
    """Namespace number and key (underscores).  Immutable.

    `interwiki` is set for a title of another wiki, whose key is then as given.
    """

    namespace: int
    key: str
    fragment: str = ""
    interwiki: str = ""

    @property
    def text(self) -> str:
        """The title without its namespace, with blanks."""
        return self.key.replace("_", " ")

    @property
    def talk(self) -> Title:
        """The title of the talk page; of a talk page its own."""
        return Title(self.namespace | 1, self.key)

    @property
    def entry(self) -> Dict[str, Any]:
        """Namespace and full title, as replies have them."""
        return {"ns": self.namespace, "title": title_text(self.namespace, self.key)}

    def __str__(self) -> str:
        return title_text(self.namespace, self.key)


def title_text(namespace: int, key: str) -> str:
    """Return the full title with blanks: 2, "A_b" gives "User:A b"."""
    name = NAMESPACE_NAMES[namespace]
    text = key.replace("_", " ")
    return "%s:%s" % (name, text) if name else text


def quote_title(title: str) -> str:
    """Return a title as it stands in the path of an address."""
    return quote(title.replace(" ", "_"), safe="/:()*,;@!$~")


def find_namespace(name: str) -> Optional[int]:
    """Return the number of the namespace called `name`, whatever its capitals."""
    wanted = name.strip(" _").replace("_", " ").lower()
    if not wanted:
        return None
    return _title_namespaces.get(wanted)


def upper_first(text: str) -> str:
    """Return `text` with its first letter capital, as PHP does it: "ßa" is "SSa"."""
    return text[:1].upper() + text[1:]


def title_key(text: str) -> str:
    """Return the key that a part of a title stands for, "gap from" and such."""
    return upper_first(text.replace(" ", "_"))


def user_key(text: str) -> str:
    """Return the name that a part of a user's name stands for."""
    return upper_first(text.replace("_", " "))


def decode_references(text: str) -> str:
    """Return `text` with character references of HTML decoded: &amp; and &#65;."""
    if "&" not in text:
        return text
    from html.entities import html5  # 2 ms of import, where a title has an ampersand

    def decode(match: re.Match[str]) -> str:
        name = match.group(1)
        if not name.startswith("#"):
            return html5.get(name + ";", match.group())
        digits = name[1:]
        is_hex = digits[:1] in "xX"
        number = int(digits[1:], 16) if is_hex else int(digits)
        return (
            chr(number)
            if 0x20 <= number < 0xD800 or 0xE000 <= number < 0x110000
            else ("\ufffd")
        )

    return _title_reference.sub(decode, text)


def parse_title(text: str, default_namespace: int = 0) -> Title:
    """Return the Title that `text` names.  InvalidTitle where it names none."""
    decoded = unicodedata.normalize("NFC", decode_references(text))
    if "\ufffd" in decoded:
        raise InvalidTitle(
            "The requested page title contains an invalid UTF-8 sequence."
        )
    rest = _title_invisible.sub("", decoded)
    rest = _title_blanks.sub(" ", rest).strip(" ")
    namespace, interwiki = default_namespace, ""
    if rest.startswith(":"):
        namespace, rest = 0, rest[1:].lstrip(" ")
    prefix, colon, after = rest.partition(":")
    if colon and prefix.strip():
        number = find_namespace(prefix)
        if number is not None:
            namespace, rest = number, after.strip(" ")
        elif prefix.strip().lower() in INTERWIKI_PREFIXES:
            interwiki, rest = prefix.strip().lower(), after.strip(" ")
    if namespace == 1 and rest:
        _check_talk(rest)
    rest, _, fragment = rest.partition("#")
    rest = rest.rstrip(" ")
    if not interwiki:
        _check_title(rest, namespace)
    if namespace == -1:
        head, slash, tail = rest.partition("/")
        rest = (
            SPECIAL_PAGE_NAMES.get(head.replace(" ", "").lower(), head) + slash + tail
        )
    if not interwiki:
        rest = upper_first(rest)
    return Title(namespace, rest.replace(" ", "_"), fragment, interwiki)


def _check_talk(rest: str) -> None:
    """Refuse Talk:User:x, which would be a talk page of a prefix."""
    prefix, colon, _ = rest.partition(":")
    is_prefix = find_namespace(prefix) is not None
    if colon and (is_prefix or prefix.strip().lower() in INTERWIKI_PREFIXES):
        raise InvalidTitle(
            "The requested page title refers to a talk page that cannot exist."
        )


def _check_title(rest: str, namespace: int) -> None:
    if not rest:
        raise InvalidTitle(EMPTY_TITLE_REASON)
    bad = _title_bad_char.search(rest)
    if bad:
        raise InvalidTitle(
            'The requested page title contains invalid characters: "%s".' % bad.group()
        )
    parts = rest.split("/")
    if "." in parts or ".." in parts:
        raise InvalidTitle(
            "Title has relative path. Relative page titles (./, ../) are invalid, "
            "because they will often be unreachable when handled by user's browser."
        )
    if "~~~" in rest:
        raise InvalidTitle(
            "The requested page title contains invalid magic tilde sequence "
            "(<nowiki>~~~</nowiki>)."
        )
    if rest.startswith(":"):
        raise InvalidTitle(
            "The requested page title contains an invalid colon at the beginning."
        )
    limit = 512 if namespace == -1 else MAX_TITLE_BYTES
    if len(rest.encode("utf-8", "surrogatepass")) > limit:
        raise InvalidTitle(
            "The requested page title is too long. It must be no longer than %d bytes "
            "in UTF-8 encoding." % limit
        )


def default_model(title: Title) -> str:
    """Return the content model of a new page: by its name in some namespaces."""
    if title.namespace in (2, 8):
        ending = title.key.rpartition(".")[2]
        models = {"js": "javascript", "css": "css", "json": "json"}
        if title.namespace == 8 or "/" in title.key:
            return models.get(ending, "wikitext")
    return "wikitext"


def clean_text(text: str) -> Tuple[str, bool]:
    """Return text as the wiki stores it: NFC, no control characters; and if it was.

    Characters that cannot be are replaced by U+FFFD, as MediaWiki does.
    """
    cleaned = _title_control.sub("\ufffd", text)
    if not cleaned.isascii():
        cleaned = unicodedata.normalize("NFC", cleaned)
    return cleaned, cleaned == text


_title_control = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
