"""Summaries of edits as HTML: their links and the sections they name.

In: a comment and the title of its page.  Out: what MediaWiki calls parsedcomment.
Holds: nothing; reads the store for which pages exist.  Not here: the text of pages
(markup.py).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from .files import file_path
from .markup import escape_html
from .store import PageStore
from .titles import (
    INTERWIKI_PREFIXES,
    InvalidTitle,
    Title,
    decode_references,
    parse_title,
    quote_title,
)

_comment_section = re.compile(r"/\*(.*?)\*/")
_comment_link = re.compile(
    r"\[\[(?P<target>[^\[\]|]+)(?:\|(?P<words>(?:\]?[^\]])*))?\]\](?P<trail>[a-z]*)"
)
_comment_media = re.compile(r"\s*media\s*:", re.I)
#: An arrow, and the mark that what follows is written from left to right.
SECTION_SIGN = "\u2192\u200e"
SECTION_START = '<span dir="auto"><span class="autocomment">'


def parse_comment(store: PageStore, comment: str, title: Title) -> str:
    """Return a comment on the page `title` as HTML."""
    plain = _escape(decode_references(comment.replace("\n", " ")))
    if "/*" in plain:
        plain = _mark_sections(plain, title)
    if "[[" not in plain:
        return plain
    return _comment_link.sub(lambda match: _show_link(store, match, title), plain)


def _mark_sections(comment: str, title: Title) -> str:
    """Return an escaped comment with /* its sections */ as links to them."""

    def mark(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        section = re.sub(r"\[\[:?|\]\]", "", name)
        shown = name.replace("[[", "&#91;&#91;").replace("]]", "&#93;&#93;")
        if section:
            target = title._replace(fragment=_fragment(decode_references(section)))
            shown = _anchor(_path_of(target), "", str(title), SECTION_SIGN + shown)
        if match.end() < len(comment):
            shown += ": "
        return SECTION_START + shown + "</span>" if shown else ""

    marked = _comment_section.sub(mark, comment)
    # What follows a section is inside of it; the comment's own "<" are escaped.
    return marked + "</span>" * marked.count(SECTION_START)


def _show_link(store: PageStore, match: re.Match[str], title: Title) -> str:
    """Return the HTML of one link; it stays as it is where it names no page."""
    name, trail = match.group("target").lstrip(), match.group("trail")
    name = name[1:] if name.startswith(":") else name
    if "%" in name:
        name = unquote(name).replace("<", "&lt;").replace(">", "&gt;")
    words = (match.group("words") or name) + trail
    media = _comment_media.match(name)
    try:
        if name.startswith("#"):
            target = title._replace(fragment=decode_references(name[1:]))
        elif media:
            target = parse_title(name[media.end() :], 6)
        else:
            target = parse_title(name)
    except InvalidTitle:
        return match.group()
    url, kind, full = _path_of(target), "", str(target)
    if media:  # the bytes of a file, or where it can be uploaded
        url, kind, full = "/w/images/" + file_path(target.key), "internal", target.text
        if store.get_file(target.key) is None:
            name = quote_title(target.key)
            url = "/w/index.php?title=Special:Upload&wpDestFile=" + name
            kind = "new"
    elif target.interwiki:
        there = INTERWIKI_PREFIXES[target.interwiki]
        url = there.replace("$1", quote_title(target.key))
        url, kind = url + _hash_of(target), "extiw"
        full = "%s:%s" % (target.interwiki, target.text)
    elif target.namespace >= 0:
        page = store.find_page(target)
        is_file = target.namespace == 6 and store.get_file(target.key) is not None
        if page is not None and page.redirect is not None:
            kind = "mw-redirect"
        elif page is None and not is_file:
            url = "/w/index.php?title=%s&action=edit&redlink=1" % quote_title(full)
            kind, full = "new", full + " (page does not exist)"
    return _anchor(url, kind, full, words)


def _anchor(url: str, kind: str, title: str, words: str) -> str:
    """Return a link; `words` are escaped, the rest is not."""
    return '<a href="%s"%s title="%s">%s</a>' % (
        _escape(url),
        ' class="%s"' % kind if kind else "",
        _escape(title),
        words,
    )


def _escape(text: str) -> str:
    """Return text escaped, apostrophes as PHP writes them."""
    return escape_html(text).replace("&#x27;", "&#039;")


def _path_of(title: Title) -> str:
    return "/wiki/" + quote_title(str(title)) + _hash_of(title)


def _hash_of(title: Title) -> str:
    return "#" + _fragment(title.fragment) if title.fragment else ""


def _fragment(text: str) -> str:
    """Return the id of a section as browsers look for it."""
    blank = re.sub(r"[ \t\n\xa0]+", "_", text.strip())
    return re.sub(r"%([0-9A-Fa-f]{2})", r"%25\1", blank)
