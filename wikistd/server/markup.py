"""Wikitext, as little of it as a wiki for bots needs: links, sections, merges.

In: the text of a page.  Out: what it links to, its sections, a merge of two edits.
Pure.  Not here: templates (kept out: a wikitext parser is not this package's job).
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple
from urllib.parse import quote

from .titles import InvalidTitle, Title, parse_title

#: Longer texts are not merged line by line: difflib is quadratic in the worst case.
MAX_MERGE_LINES = 20000

_markup_comment = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_markup_unparsed = re.compile(r"<(?:(nowiki)|(pre))\b", re.I)
_markup_unparsed_ends = (
    re.compile(r"</nowiki\s*>", re.I),
    re.compile(r"</pre\s*>", re.I),
)
_markup_link = re.compile(
    r"\[\[([^\[\]|\n]{1,400})(?:\|((?:[^\[\]]|\[[^\[\]]*\])*))?\]\]"
)
#: Blanks are stripped afterwards: looked for here too, a run of them could be split
#: in as many ways as it is long.
_markup_template = re.compile(r"\{\{([^{}|<>\[\]#]+)(\||\}\})?")
_markup_url = re.compile(
    r"(?:https?|ftps?|ircs?|mailto|news)://[^][<>\"\x00-\x20\x7f|]+"
)
_markup_redirect = re.compile(r"\s*#redirect\s*(?::\s*)?\[\[([^\[\]|\n]+)", re.I)
_markup_heading = re.compile(r"^(={1,6})(.+?)\1[ \t]*$", re.M)
#: Names in double braces that are no templates.
MAGIC_WORDS = frozenset(
    "PAGENAME FULLPAGENAME BASEPAGENAME NAMESPACE SITENAME CURRENTYEAR CURRENTMONTH "
    "CURRENTDAY CURRENTTIME CURRENTTIMESTAMP NUMBEROFPAGES NUMBEROFARTICLES "
    "SUBPAGENAME TALKPAGENAME REVISIONID !".split()
)


def escape_html(text: str, *, is_quoted: bool = True) -> str:
    """Return `text` with the signs of HTML escaped, as html.escape (3 ms of import)."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if is_quoted:
        text = text.replace('"', "&quot;").replace("'", "&#x27;")
    return text


class PageLinks(NamedTuple):
    """What one text links to.  Categories map a key to its sort key."""

    pages: List[Title]
    templates: List[Title]
    files: List[Title]
    categories: Dict[str, str]
    interwikis: List[Title]
    urls: List[str]
    redirect: Optional[Title]


def strip_unparsed(text: str) -> str:
    """Return `text` without comments and without what is in nowiki and pre."""
    if "<" not in text:
        return text
    return _replace_unparsed(_markup_comment.sub("", text), lambda found: " ")


def _replace_unparsed(text: str, replace: Callable[[str], str]) -> str:
    """Return `text` with each nowiki and pre replaced; the time grows with its length.

    Without its end a tag is text, as it is for MediaWiki.
    """
    pieces: List[str] = []
    position = tag_end = 0
    endless: Set[int] = set()  # which of the two has no end from here on
    for match in _markup_unparsed.finditer(text):
        kind = (match.lastindex or 1) - 1
        if match.start() < position or kind in endless:
            continue
        if tag_end <= match.start():
            tag_end = text.find(">", match.end()) + 1
            if not tag_end:
                break
        end = _markup_unparsed_ends[kind].search(text, tag_end)
        if end is None:
            endless.add(kind)
            continue
        pieces.append(text[position : match.start()])
        pieces.append(replace(text[match.start() : end.end()]))
        position = end.end()
    pieces.append(text[position:])
    return "".join(pieces)


def find_redirect(text: str) -> Optional[Title]:
    """Return where a page with this text leads, or None."""
    match = _markup_redirect.match(text)
    try:
        target = parse_title(match.group(1)) if match else None
    except InvalidTitle:
        return None
    return None if target is None or target.interwiki else target


def find_links(text: str) -> PageLinks:
    """Return what `text` links to, in the order of the text, each once."""
    # Dicts keep the order, and each title once.
    pages: Dict[Title, None] = {}
    templates: Dict[Title, None] = {}
    files: Dict[Title, None] = {}
    interwikis: Dict[Title, None] = {}
    categories: Dict[str, str] = {}
    plain = strip_unparsed(text)
    done: Set[str] = set()
    for target, label in _markup_link.findall(plain):
        # A page names some targets again and again; each is read once (a third of
        # the time of saving a page), but for categories, whose last label counts.
        title = None if target in done else _read_link(target)
        done.add(target)
        if title is None:
            continue
        is_plain = not target.lstrip().startswith(":")
        if title.interwiki:
            interwikis[title] = None
        elif title.namespace == 14 and is_plain:
            categories[title.key] = label.strip()
            done.discard(target)
        elif title.namespace == 6 and is_plain:
            files[title] = None
        elif title.namespace >= 0:
            pages[title] = None
    for words, end in _markup_template.findall(plain):
        name, line_end, _ = words.lstrip().partition("\n")
        name = name.rstrip()
        if not (end or line_end) or not 0 < len(name) <= 255:
            continue
        head = name.partition(":")[0].strip()
        if head in MAGIC_WORDS or head.startswith(("#", "subst", "lc", "uc", "ns")):
            continue
        title = _read_link(name, 10)
        if title is not None and title.namespace >= 0 and not title.interwiki:
            templates[title] = None
    urls = dict.fromkeys(url.rstrip(".,;:!?'") for url in _markup_url.findall(plain))
    return PageLinks(
        list(pages),
        list(templates),
        list(files),
        categories,
        list(interwikis),
        list(urls),
        find_redirect(text),
    )


def _read_link(target: str, default_namespace: int = 0) -> Optional[Title]:
    try:
        return parse_title(target, default_namespace)._replace(fragment="")
    except InvalidTitle:
        return None


def sort_url(url: str) -> str:
    """Return the form in which addresses are sorted: the host's labels turned round."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    host, colon, port = host.partition(":")
    labels = ".".join(reversed(host.lower().split("."))) + "."
    return "%s://%s%s%s/%s" % (scheme, labels, colon, port, path if slash else "")


class Section(NamedTuple):
    """One heading of a text: its level, words, and where its section is."""

    number: int
    level: int
    heading: str
    start: int
    end: int


def find_sections(text: str) -> List[Section]:
    """Return the sections of `text`; each ends where one of its level begins."""
    masked = _mask_unparsed(text)
    heads = [
        (len(match.group(1)), match.group(2).strip(), match.start())
        for match in _markup_heading.finditer(masked)
    ]
    found = []
    ends = [len(text)] * 7  # by level, looking from the end
    for number, (level, heading, start) in reversed([*enumerate(heads, 1)]):
        found.append(Section(number, level, heading, start, ends[level]))
        ends[level:] = [start] * (7 - level)
    return found[::-1]


def _mask_unparsed(text: str) -> str:
    """Return `text` with comments blank and nowiki as letters, of the same length."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    def cover(found: str) -> str:
        return re.sub(r"[^\n]", "x", found)

    return _replace_unparsed(_markup_comment.sub(blank, text), cover)


def _section_span(text: str, index: int) -> Optional[Tuple[int, int]]:
    """Return where section `index` is (0 is what precedes the first), or None."""
    sections = find_sections(text)
    if index == 0:
        return 0, sections[0].start if sections else len(text)
    if not 0 < index <= len(sections):
        return None
    return sections[index - 1].start, sections[index - 1].end


def get_section(text: str, index: int) -> Optional[str]:
    """Return section `index` of `text` (0 is what precedes the first), or None."""
    span = _section_span(text, index)
    return None if span is None else text[slice(*span)].rstrip()


def replace_section(text: str, index: int, new: str) -> Optional[str]:
    """Return `text` with section `index` replaced by `new`, or None without one."""
    span = _section_span(text, index)
    if span is None:
        return None
    body = new.rstrip()
    gap = "\n\n" if body else ""
    return (text[: span[0]] + body + gap + text[span[1] :]).rstrip()


def merge_texts(base: str, theirs: str, mine: str) -> Optional[str]:
    """Return both edits of `base` in one text, or None where they touch or overlap.

    Line by line, as diff3 does it: two changes of neighbouring lines are a conflict.
    """
    if mine == theirs or theirs == base:
        return mine
    if mine == base:
        return theirs
    old, left, right = (part.split("\n") for part in (base, theirs, mine))
    if max(len(old), len(left), len(right)) > MAX_MERGE_LINES:
        return None
    changes = sorted([*_line_changes(old, left, 0), *_line_changes(old, right, 1)])
    merged: List[str] = []
    position, last_end, last_side = 0, -1, 0
    for start, end, side, lines in changes:
        if side != last_side and start <= last_end:
            return None
        merged += old[position:start] + lines
        position, last_end, last_side = end, end, side
    return "\n".join(merged + old[position:])


def _line_changes(
    old: List[str], new: List[str], side: int
) -> Iterator[Tuple[int, int, int, List[str]]]:
    import difflib  # 3 ms of import; only edits that collide come here

    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != "equal":
            yield start, end, side, new[new_start:new_end]


def sign_text(text: str, user: str, stamp: str) -> str:
    """Replace ~~~~~, ~~~~ and ~~~ by the time, the signature with it, and without."""
    if "~~~" not in text:
        return text
    name = "[[User:%s|%s]] ([[User talk:%s|talk]])" % (user, user, user)
    text = text.replace("~~~~~", stamp).replace("~~~~", name + " " + stamp)
    return text.replace("~~~", name)


def render_html(text: str, title: Title, existing: Set[Tuple[int, str]]) -> str:
    """Return plain HTML of `text`: headings, paragraphs, lists, links, bold, italics.

    Everything else of wikitext is shown as it is written.  Nothing in the result is
    markup of the text's own: it is all escaped.
    """
    plain = _markup_comment.sub("", text).replace("{{PAGENAME}}", title.text)
    blocks: List[str] = []
    paragraph: List[str] = []
    for line in [*plain.split("\n"), ""]:
        heading = _markup_heading.match(line)
        bullet = re.match(r"[*#]+\s*(.*)", line)
        if line and not heading and not bullet:
            paragraph.append(_render_line(line, existing))
            continue
        words = "\n".join(paragraph).strip()
        paragraph.clear()
        if words:
            blocks.append("<p>%s\n</p>" % words)
        if heading:
            level, words = len(heading.group(1)), heading.group(2).strip()
            anchor = escape_html(words.replace(" ", "_"))
            blocks.append(
                '<h%d><span class="mw-headline" id="%s">%s</span></h%d>'
                % (level, anchor, _render_line(words, existing), level)
            )
        elif bullet:
            item = _render_line(bullet.group(1), existing)
            blocks.append("<ul><li>%s</li></ul>" % item)
    return '<div class="mw-parser-output">%s</div>' % "\n".join(blocks)


def _render_line(line: str, existing: Set[Tuple[int, str]]) -> str:
    pieces: List[str] = []
    position = 0
    for match in _markup_link.finditer(line):
        pieces.append(_render_words(line[position : match.start()]))
        pieces.append(_render_link(match.group(1), match.group(2), existing))
        position = match.end()
    pieces.append(_render_words(line[position:]))
    return "".join(pieces).rstrip()


def _render_link(
    target: str, label: Optional[str], existing: Set[Tuple[int, str]]
) -> str:
    try:
        title = parse_title(target)
    except InvalidTitle:
        return _render_words("[[%s]]" % target)
    if title.namespace in (6, 14) and not target.lstrip().startswith(":"):
        return ""
    words = _render_words(label if label else target.strip().lstrip(":"))
    address = quote(str(title).replace(" ", "_"), safe="/:()*,;@!$~")
    full = escape_html(str(title))
    if title.namespace < 0 or title[:2] in existing:
        return '<a href="/wiki/%s" title="%s">%s</a>' % (address, full, words)
    return (
        '<a href="/w/index.php?title=%s&amp;action=edit&amp;redlink=1" class="new" '
        'title="%s (page does not exist)">%s</a>' % (address, full, words)
    )


def _render_words(words: str) -> str:
    escaped = escape_html(words, is_quoted=False)
    escaped = re.sub(r"'{3}(.+?)'{3}", r"<b>\1</b>", escaped)
    return re.sub(r"''(.+?)''", r"<i>\1</i>", escaped)
