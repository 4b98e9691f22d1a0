"""Header field values: text in, values out, and the checks before text goes out.

Spec: RFC 9110, 8187, 8288; WHATWG MIME Sniffing.  Pure.  Linear in the length of the
text, whatever it holds.  Not here: Content-Disposition (disposition.py); splitting a
head into fields (http1.py); cookies (web/cookies.py).
"""

from __future__ import annotations

import collections
import collections.abc
import datetime
import re
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    MutableMapping,
    Optional,
    Tuple,
    Union,
)

#: RFC 9110 5.6.2.
HEADER_TOKEN_CHARS = (
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
#: RFC 9110 11.2, without the equals signs at the end.
HEADER_TOKEN68_CHARS = (
    "-._~+/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
HEADER_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HEADER_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
HEADER_BLANKS = " \t"
HEADER_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
#: Charsets that text from the network may choose: `punycode` takes quadratic time,
#: `unicode_escape` and `utf-7` make characters that the bytes do not show.
HEADER_CHARSET_PREFIXES = (
    "utf8", "utf16", "utf32", "iso8859", "latin", "l1", "usascii", "ascii",
    "windows", "cp", "koi8", "gb", "big5", "shiftjis", "sjis", "eucjp", "euckr",
    "iso2022", "tis620", "mac",
)  # fmt: skip

MAX_BOUNDARY_CHARS = 70  # RFC 2046 5.1.1

if TYPE_CHECKING:
    HeaderSource = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]
    FieldMapping = MutableMapping[str, str]
else:
    # For typing.get_type_hints; the aliases themselves would need typing.
    HeaderSource = object
    FieldMapping = collections.abc.MutableMapping


class Challenge(collections.namedtuple("Challenge", "scheme token68 params")):
    """One challenge of WWW-Authenticate: `scheme` and the keys of `params` lower-case.

    `token68` is the lone value some schemes carry, else "".
    """

    __slots__ = ()
    scheme: str
    token68: str
    params: Dict[str, str]


class PartHeaders(FieldMapping):
    """Ordered header fields; names compare without case.  Has one owner.

    `fields[name]` is the first value; setting it replaces all of that name.
    `pairs` lists every field as given, `getall(name)` every value of one.
    """

    __slots__ = ("pairs",)

    def __init__(self, source: Optional[HeaderSource] = None) -> None:
        self.pairs: List[Tuple[str, str]] = []
        # An email.message.Message has items() too, but is no Mapping.
        if isinstance(source, PartHeaders):
            source = source.pairs
        items: Any = getattr(source, "items", None)
        pairs: Any = items() if items else source or ()
        for name, value in pairs:
            self.pairs.append((str(name), str(value)))

    def __getitem__(self, name: str) -> str:
        for value in self.getall(name):
            return value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        wanted = name.lower()
        places = [i for i, pair in enumerate(self.pairs) if pair[0].lower() == wanted]
        if not places:
            self.pairs.append((name, value))
            return
        self.pairs[places[0]] = (name, value)
        for i in reversed(places[1:]):
            del self.pairs[i]

    def __delitem__(self, name: str) -> None:
        kept = [pair for pair in self.pairs if pair[0].lower() != name.lower()]
        if len(kept) == len(self.pairs):
            raise KeyError(name)
        self.pairs = kept

    def __iter__(self) -> Iterator[str]:
        names: Dict[str, str] = {}
        for name, _ in self.pairs:
            names.setdefault(name.lower(), name)
        return iter(names.values())

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.pairs})

    def __repr__(self) -> str:
        # A value may be a secret, but not of those that say what the content is.
        return "<PartHeaders %s>" % ", ".join(
            "%s: %.100s" % pair if pair[0].lower().startswith("content-") else pair[0]
            for pair in self.pairs
        )

    def add(self, name: str, value: str) -> None:
        """Add one field, whether or not there is one of that name."""
        self.pairs.append((name, value))

    def getall(self, name: str) -> List[str]:
        """Return the values of every field called `name`, in order."""
        wanted = name.lower()
        return [value for key, value in self.pairs if key.lower() == wanted]


def is_token(text: str) -> bool:
    """Tell whether `text` is a token (RFC 9110 5.6.2)."""
    return bool(text) and not text.strip(HEADER_TOKEN_CHARS)


def check_token(text: str, what: str) -> None:
    """Raise ValueError unless `text` is a token; `what` names it in the sentence."""
    if not is_token(text):
        raise ValueError("%s %.100r is not a token (RFC 9110 5.6.2)" % (what, text))


def check_header(name: str, value: str) -> None:
    """Raise ValueError unless `name: value` may be sent as a header field.

    The name must be a token; the value may hold no control character but tab, and
    only what latin-1 can encode.  The value is not shown: it may be a secret.
    """
    check_token(name, "header name")
    if value.isascii() and value.isprintable():
        return
    control = find_control(value)
    if control:
        raise ValueError(
            "value of header %s has the control character %r at offset %d"
            % (name, control, value.index(control))
        )
    for place, char in enumerate(value):
        if char > "\xff":
            raise ValueError(
                "value of header %s has %r at offset %d, which latin-1 cannot encode"
                % (name, char, place)
            )


def check_fields(names: List[str], values: List[Any]) -> None:
    """Raise for the first field that cannot be sent; of a value, show controls only."""
    # All of them in two matches, 2 us for eight fields; one each costs 5.
    try:
        together = "".join(values)
        if (
            HEADER_TOKEN.fullmatch("".join(names))
            and "" not in names
            and not HEADER_CONTROLS.search(together)
        ):
            together.encode("latin-1")
            return
    except (TypeError, UnicodeEncodeError):
        # Told apart below.
        pass
    for name, value in zip(names, values):
        check_token(name, "header name")
        if not isinstance(value, str):
            raise TypeError(
                "value of header %s is %s, not a str" % (name, type(value).__name__)
            )
        if max(value, default="") > "\xff":
            # Not by check_header, which shows the character: it may be a password's.
            raise ValueError(
                "value of header %s holds characters beyond latin-1: percent-encode it"
                % name
            )
        check_header(name, value)


def find_control(text: str) -> str:
    """Return the first character that no header may hold, "" without one."""
    found = HEADER_CONTROLS.search(text)
    return found.group() if found else ""


def unfold_lines(lines: List[str]) -> List[str]:
    """Return the lines of a header with those that begin with blanks joined to theirs.

    RFC 9112 5.2: each fold, with the blanks around it, becomes a space.
    """
    groups: List[List[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and groups:
            groups[-1][-1] = groups[-1][-1].rstrip(HEADER_BLANKS)
            groups[-1].append(line.strip(HEADER_BLANKS))
        else:
            groups.append([line])
    return [" ".join(group) for group in groups]


def is_byte_count(text: str) -> bool:
    """Tell whether `text` is the value of a Content-Length.

    int() would take "+5", "1_0", " 5" and digits of other scripts; 18 digits are more
    than any disk holds, and a million would take int() long.
    """
    return text.isascii() and text.isdigit() and len(text) <= 18


def encode_utf8(text: str, what: str) -> bytes:
    """Return `text` as UTF-8; the ValueError for half a character shows none of it."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        pass  # It holds the text, maybe a secret: not kept as the context of ours.
    raise ValueError("%s holds a lone surrogate, which is no text" % what)


def quote_string(text: str) -> str:
    """Return `text` as a quoted-string (RFC 9110 5.6.4)."""
    check_header("quoted-string", text)
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def check_boundary(boundary: Union[str, bytes]) -> bytes:
    """Return `boundary` as bytes; ValueError unless it can be one.

    1 to 70 printable ASCII characters, no blank at the end: more than RFC 2046 5.1.1
    lists, because more is in use.
    """
    try:
        raw = boundary.encode("ascii") if isinstance(boundary, str) else bytes(boundary)
    except UnicodeEncodeError:
        raise ValueError("boundary %.100r is not ASCII" % boundary) from None
    if not 1 <= len(raw) <= MAX_BOUNDARY_CHARS:
        raise ValueError(
            "boundary has %d characters, RFC 2046 allows 1 to %d"
            % (len(raw), MAX_BOUNDARY_CHARS)
        )
    if raw.endswith(b" ") or any(not 32 <= byte < 127 for byte in raw):
        raise ValueError("boundary %.100r holds what a boundary must not" % boundary)
    return raw


def parse_mimetype(text: Optional[str]) -> Tuple[str, str, str, Dict[str, str]]:
    """Split a media type into (type, subtype, suffix, parameters).

    `application/rss+xml; charset="utf-8"` is ("application", "rss", "xml",
    {"charset": "utf-8"}).  Type and names are lower-case, values as given; of a
    parameter given twice the first counts.  Never raises: what is missing is "".
    """
    if not text:
        return "", "", "", {}
    essence, _, rest = text.partition(";")
    essence = essence.strip().lower()
    if essence == "*":
        essence = "*/*"
    maintype, _, subtype = essence.partition("/")
    # RFC 6838 4.2.8: the suffix follows the last plus sign.
    subtype, plus, suffix = subtype.rpartition("+")
    if not plus:
        subtype, suffix = suffix, ""
    return maintype.strip(), subtype.strip(), suffix, _header_parameters(rest)


def parse_content_type(text: Optional[str]) -> Tuple[str, Dict[str, str]]:
    """Return ("type/subtype", parameters); broken is application/octet-stream."""
    maintype, subtype, suffix, params = parse_mimetype(text)
    full = "%s/%s" % (maintype, subtype + ("+" + suffix if suffix else ""))
    if not (is_token(maintype) and is_token(full.partition("/")[2])):
        return "application/octet-stream", {}
    return full, params


def get_charset_from_content_type(content_type: Optional[str]) -> Optional[str]:
    """Return the charset a Content-Type names, for `bytes.decode`; None without one.

    Common misspellings (`windows1251`, `win-1251`, `x-euc-jp`) become Python's names.
    Whether the codec exists is not checked: see `known_charset`.
    """
    value = parse_mimetype(content_type)[3].get("charset", "")
    charset = value.strip("\"' \t").lower()
    plain = charset.replace("-", "").replace("_", "").replace(" ", "")
    if plain == "xeucjp":
        return "euc_jp"
    digits = plain.lstrip("abcdefghijklmnopqrstuvwxyz")
    letters = plain[: len(plain) - len(digits)]
    if letters.endswith(("windows", "win", "cp")) and digits.isdigit():
        return "cp" + digits
    return charset or None


def known_charset(name: str) -> Optional[str]:
    """Return `name` if it is a charset that text from the network may choose."""
    plain = name.lower().replace("-", "").replace("_", "")
    if not plain.isascii() or not plain.startswith(HEADER_CHARSET_PREFIXES):
        return None
    if not plain.isprintable():  # PyPy looks for the charset of "utf-8\0", and finds it
        return None
    try:
        "a".encode(name)
    except (LookupError, ValueError):
        return None
    return name


def parse_retry_after(text: Optional[str], now: float) -> Optional[float]:
    """Return how many seconds after `now` (Unix time) to come back, None if unclear.

    Accepts seconds, fractions of them, and an HTTP-date.  Never negative.
    """
    value = (text or "").strip()
    if value and len(value) <= 64 and not value.lstrip("-").strip("0123456789."):
        try:
            return max(0.0, float(value))
        except ValueError:
            return None
    moment = parse_http_date(value, now)
    return None if moment is None else max(0.0, moment - now)


def parse_http_date(text: str, now: float) -> Optional[float]:
    """Return the Unix time of an HTTP-date in any of its three forms, else None.

    `now` settles the century of RFC 850 years (RFC 9110 5.6.7).
    """
    if len(text) > 64 or not text.isascii():
        return None
    words = text.replace(",", " ").replace("-", " ").split()
    if words and words[-1].upper() in ("GMT", "UTC"):
        del words[-1]
    elif len(words) == 5:  # Sun Nov  6 08:49:37 1994
        words = [words[0], words[2], words[1], words[4], words[3]]
    if len(words) != 5:
        return None
    clock = words[4].split(":")
    numbers = [words[1], words[3]] + clock
    if len(clock) != 3 or words[2].lower() not in HEADER_MONTHS:
        return None
    if not all(number.isdigit() and len(number) <= 4 for number in numbers):
        return None
    day, year, hour, minute, second = [int(number) for number in numbers]
    month = HEADER_MONTHS.index(words[2].lower()) + 1
    if len(words[3]) == 2:
        # RFC 9110 5.6.7: more than 50 years ahead means the past century.
        this_year = 1970 + int(now // 31556952)
        year += this_year - this_year % 100
        year -= 100 if year > this_year + 50 else 0
    if year < 1600 or second > 60:  # a leap second is the 60th, which datetime refuses
        return None
    try:
        moment = datetime.datetime(year, month, day, hour, minute)
    except ValueError:
        return None
    return (moment - datetime.datetime(1970, 1, 1)).total_seconds() + second


def parse_challenges(text: str) -> List[Challenge]:
    """Return the challenges of a WWW-Authenticate or Proxy-Authenticate value.

    Several header fields: join their values with ", ".  Of a parameter given twice
    the first counts; what cannot be understood is skipped up to the next comma.
    """
    found: List[Challenge] = []
    i, size = 0, len(text)
    while i < size:
        i = skip_header_chars(text, i, ", \t")
        end = skip_header_chars(text, i, HEADER_TOKEN_CHARS)
        if end == i:
            i = find_header_stop(text, i, ",")
            continue
        word = text[i:end].lower()
        equals = skip_header_chars(text, end, HEADER_BLANKS)
        if text[equals : equals + 1] == "=":
            value, i = _header_value(text, equals + 1, ",")
            if found and value is not None:
                found[-1].params.setdefault(word, value)
            continue
        i = equals
        token68 = ""
        stop = skip_header_chars(text, i, HEADER_TOKEN68_CHARS)
        after = skip_header_chars(
            text, skip_header_chars(text, stop, "="), HEADER_BLANKS
        )
        if i > end and stop > i and text[after : after + 1] in ("", ","):
            token68, i = text[i:after].rstrip(), after
        found.append(Challenge(word, token68, {}))
    return found


def parse_link(text: str) -> List[Tuple[str, Dict[str, str]]]:
    """Return the links of a Link value as (target as given, parameters) (RFC 8288).

    Names of parameters are lower-case; of one given twice the first counts; `title*`
    is decoded.  Broken links are skipped.
    """
    links: List[Tuple[str, Dict[str, str]]] = []
    i, size = 0, len(text)
    while i < size:
        i = skip_header_chars(text, i, ", \t")
        end = text.find(">", i) if text[i : i + 1] == "<" else -1
        if end < 0:
            # Without a ">" ahead nothing that follows can be a link either.
            i = find_header_stop(text, i, ",") if text[i : i + 1] != "<" else size
            continue
        target = text[i + 1 : end].strip()
        params: Dict[str, str] = {}
        i = skip_header_chars(text, end + 1, HEADER_BLANKS)
        while text[i : i + 1] == ";":
            stop = find_header_stop(text, i + 1, "=;,")
            name = text[i + 1 : stop].strip().lower()
            value: Optional[str] = ""
            i = stop
            if text[stop : stop + 1] == "=":
                value, i = _header_value(text, stop + 1, ";,")
            if name.endswith("*") and value is not None:
                value = decode_ext_value(value)
            if name and value is not None:
                params.setdefault(name, value)
        links.append((target, params))
        i = find_header_stop(text, i, ",")
    return links


def skip_header_chars(text: str, i: int, chars: str) -> int:
    """Return where, from text[i] on, the first character not of `chars` stands."""
    while i < len(text) and text[i] in chars:
        i += 1
    return i


def find_header_stop(text: str, i: int, stops: str) -> int:
    """Return where, from text[i] on, the first character of `stops` stands."""
    while i < len(text) and text[i] not in stops:
        i += 1
    return i


def read_quoted_string(
    text: str, i: int, escapes: Optional[str] = None
) -> Tuple[Optional[str], int]:
    """Read the quoted-string that starts at text[i]; (None, end) if it never ends.

    A backslash escapes any character, or only those of `escapes` if that is given.
    """
    i += 1
    pieces: List[str] = []
    quote = text.find('"', i)
    while quote >= 0:
        slash = -1 if escapes == "" else text.find("\\", i, quote)
        if slash < 0:
            pieces.append(text[i:quote])
            return "".join(pieces), quote + 1
        escaped = text[slash + 1]
        kept = slash if escapes is None or escaped in escapes else slash + 1
        pieces.append(text[i:kept] + escaped)
        i = slash + 2
        if quote < i:
            quote = text.find('"', i)
    return None, len(text)


def _header_value(text: str, i: int, stops: str) -> Tuple[Optional[str], int]:
    """Read a token or quoted-string after "=", and go on to one of `stops`."""
    i = skip_header_chars(text, i, HEADER_BLANKS)
    if text[i : i + 1] == '"':
        value, end = read_quoted_string(text, i)
        return value, find_header_stop(text, end, stops)
    end = find_header_stop(text, i, stops)
    return text[i:end].strip(), end


def _header_parameters(text: str) -> Dict[str, str]:
    params: Dict[str, str] = {}
    i, size = 0, len(text)
    while i < size:
        end = text.find(";", i)
        end = size if end < 0 else end
        equals = text.find("=", i, end)
        name, value = text[i : end if equals < 0 else equals].strip().lower(), ""
        if equals >= 0:
            # Not by _header_value, which looks at each character: twice as fast.
            start = skip_header_chars(text, equals + 1, HEADER_BLANKS)
            value = text[start:end].strip()
            if text[start : start + 1] == '"':
                quoted, end = read_quoted_string(text, start)
                value = text[start + 1 :] if quoted is None else quoted
                end = text.find(";", end)
                end = size if end < 0 else end
        if name:
            params.setdefault(name, value)
        i = end + 1
    return params


def decode_ext_value(text: str) -> Optional[str]:
    """Decode charset'language'percent-encoded (RFC 8187); None if it is broken."""
    if not is_token(text) or text.count("'") != 2:
        return None
    given, _, coded = text.split("'")
    charset = known_charset(given or "utf-8")
    raw = unquote_strictly(coded)
    if charset is None or raw is None:
        return None
    try:
        value = raw.decode(charset)
    except UnicodeDecodeError:
        return None
    # latin-1 decodes everything: 80 to 9f are controls there, so it was not latin-1.
    return None if any("\x80" <= char <= "\x9f" for char in value) else value


def unquote_strictly(text: str) -> Optional[bytes]:
    """Undo percent-encoding; None if a percent sign lacks its two digits."""
    first, *rest = text.split("%")
    pieces = [first.encode("utf-8", "replace")]
    for piece in rest:
        if len(piece) < 2 or piece[:2].strip("0123456789abcdefABCDEF"):
            return None
        pieces.append(bytes([int(piece[:2], 16)]))
        pieces.append(piece[2:].encode("utf-8", "replace"))
    return b"".join(pieces)
