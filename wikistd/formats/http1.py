"""HTTP/1.1 answers, their heads: bytes in; status line and header fields out.

`HeadParser.feed(data)` gives a `ResponseHead` once the empty line has come; `leftover`
holds what followed it.  `is_reusable(head)` says whether another answer may follow.

Spec: RFC 9112, strictly: what a lenient parser would guess is a ProtocolError here,
because two parsers that guess differently are how answers get swapped.  Pure.
Not here: the body behind a head (formats/http1body.py), sockets and deadlines
(web/connection.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..errors import (
    ConnectionLost,
    HeaderError,
    LimitExceeded,
    ProtocolError,
    limit_exceeded,
)
from .headers import HEADER_BLANKS, HEADER_TOKEN, unfold_lines

MAX_HEADER_BYTES = 65536  # whole head; http.client allows as much for one line
MAX_HEADER_FIELDS = 256  # http.client stops at 100; Wikimedia sends about 30
MAX_INTERIM_RESPONSES = 100  # 1xx before the final answer

if TYPE_CHECKING:
    # Lines of earlier heads, parsed: (lower-case name, (name, value)).
    KnownLines = Dict[str, Tuple[str, Tuple[str, str]]]
MAX_KNOWN_LINES = 128  # of one connection; then it begins anew
MAX_KNOWN_LINE_CHARACTERS = 256  # longer ones are mostly cookies: never twice the same

_HTTP1_STATUS_LINE = re.compile(
    r"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?"
)
_HTTP1_LONE_LF = re.compile(rb"(?<!\r)\n")
# All bytes that may stand inside a line.  What bytes.translate leaves when they are
# deleted must be one CRLF for each line: the cheapest whole-head check (0.5 us a KB).
HTTP1_TEXT_BYTES = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
_HTTP1_PREFIX = b"HTTP/1."
_HTTP1_SHOWN_BYTES = 60  # of a bad line, in a message


class HeaderFields:
    """Header fields of an answer, in order, looked up without regard to case.

    Has what `email.message.Message` offers to readers (`get`, `get_all`, `items`,
    `get_content_type`, ...), so that stock and third-party handlers work on it.
    A str for each value; bytes above 0x7F are read as latin-1.  One owner.
    """

    __slots__ = ("_pairs", "_index")

    def __init__(self, pairs: Iterable[Tuple[str, str]] = ()) -> None:
        self._pairs = list(pairs)
        self._index: Dict[str, List[str]] = {}
        for name, value in self._pairs:
            self._index.setdefault(name.lower(), []).append(value)

    def get(self, name: str, default: Any = None, failobj: Any = None) -> Any:
        """Return the first value of `name`, or `default`."""
        values = self._index.get(name.lower())
        if values is None:
            return failobj if default is None else default
        return values[0]

    def get_all(self, name: str, failobj: Any = None) -> Any:
        """Return the list of all values of `name`, or `failobj`."""
        values = self._index.get(name.lower())
        return failobj if values is None else list(values)

    def joined(self, name: str) -> str:
        """Return all values of a list-like field as one, "" when there is none."""
        values = self._index.get(name)
        if values is None:
            return ""
        return values[0] if len(values) == 1 else ", ".join(values)

    def __getitem__(self, name: str) -> Optional[str]:
        value: Optional[str] = self.get(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        """Append a field, as `email.message.Message` does."""
        self._pairs.append((name, value))
        self._index.setdefault(name.lower(), []).append(value)

    def __delitem__(self, name: str) -> None:
        key = name.lower()
        if self._index.pop(key, None) is not None:
            self._pairs = [pair for pair in self._pairs if pair[0].lower() != key]

    def add_header(self, name: str, value: str) -> None:
        """Append a field."""
        self[name] = value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._pairs)

    def keys(self) -> List[str]:
        """Return the names, in order, with repetitions."""
        return [name for name, _ in self._pairs]

    def values(self) -> List[str]:
        """Return the values, in order."""
        return [value for _, value in self._pairs]

    def items(self) -> List[Tuple[str, str]]:
        """Return (name, value) pairs, in order."""
        return list(self._pairs)

    def get_content_type(self) -> str:
        """Return the media type in lower case, "text/plain" when it is unusable."""
        text = str(self.get("content-type", "")).partition(";")[0].strip().lower()
        return text if text.count("/") == 1 else "text/plain"

    def get_content_maintype(self) -> str:
        """Return the part of the media type before the slash."""
        return self.get_content_type().partition("/")[0]

    def get_content_subtype(self) -> str:
        """Return the part of the media type after the slash."""
        return self.get_content_type().partition("/")[2]

    def get_param(
        self,
        param: str,
        failobj: Any = None,
        header: str = "content-type",
        unquote: bool = True,
    ) -> Any:
        """Return a parameter of a field such as Content-Type, or `failobj`."""
        for piece in str(self.get(header, "")).split(";")[1:]:
            name, equals, value = piece.partition("=")
            if equals and name.strip().lower() == param.lower():
                value = value.strip()
                return value.strip('"') if unquote else value
        return failobj

    def get_content_charset(self, failobj: Any = None) -> Any:
        """Return the charset parameter in lower case, or `failobj`."""
        charset = self.get_param("charset")
        return charset.lower() if charset else failobj

    def __str__(self) -> str:
        return "".join("%s: %s\n" % pair for pair in self._pairs) + "\n"

    as_string = __str__

    def __repr__(self) -> str:
        # Names only: values hold cookies.
        return "<HeaderFields %s>" % ", ".join(self.keys())


class ResponseHead:
    """Status line and header fields of one answer; `minor_version` is 0 or 1."""

    __slots__ = ("status", "reason", "minor_version", "fields")

    def __init__(
        self, status: int, reason: str, minor_version: int, fields: HeaderFields
    ) -> None:
        self.status = status
        self.reason = reason
        self.minor_version = minor_version
        self.fields = fields

    def is_interim(self) -> bool:
        """Return whether another head follows (1xx, but not 101)."""
        return self.status < 200 and self.status != 101

    def is_keepalive(self) -> bool:
        """Return whether the connection stays open after this message, RFC 9112 9.3."""
        tokens = self.fields.joined("connection")
        if not tokens or tokens == "keep-alive":
            return self.minor_version > 0 or bool(tokens)
        words = [word.strip() for word in tokens.lower().split(",")]
        if "close" in words:
            return False
        return self.minor_version > 0 or "keep-alive" in words

    def __repr__(self) -> str:
        return "<ResponseHead %d, %d fields>" % (self.status, len(self.fields))


def shown_bytes(data: bytes, size: int = _HTTP1_SHOWN_BYTES) -> str:
    """Return the start of `data` as it may stand in a message: escaped, bounded."""
    text = ascii(bytes(data[:size]))[1:]
    return text + " ..." if len(data) >= size else text


def _http1_check_newlines(data: bytes, start: int) -> None:
    found = _HTTP1_LONE_LF.search(data, start)
    if found:
        begin = data.rfind(b"\n", 0, found.start()) + 1
        raise HeaderError(
            "line %s of the answer's head ends with LF alone, not CRLF"
            % shown_bytes(data[begin : found.start()].partition(b":")[0], 40),
            spec="RFC 9112 2.2",
        )


def _http1_bad_status_line(data: bytes) -> ProtocolError:
    line = data.partition(b"\n")[0]
    line = line[:-1] if line.endswith(b"\r") else line
    hint = ""
    if line[:1] in (b"\x15", b"\x16"):
        hint = ": it looks like TLS, try https"
    return ProtocolError(
        "bad status line %s, wanted 'HTTP/1.1 200 OK'%s" % (shown_bytes(line), hint),
        spec="RFC 9112 4",
    )


def parse_fields(
    lines: List[str],
    *,
    max_header_fields: int = MAX_HEADER_FIELDS,
    known: Optional[KnownLines] = None,
) -> HeaderFields:
    """Parse header lines without their CRLF (latin-1 text, no controls).

    `known` remembers lines that were parsed before: a server says most of them again.
    """
    if len(lines) > max_header_fields:
        raise LimitExceeded(
            "answer has %d header fields, more than max_header_fields=%d"
            % (len(lines), max_header_fields),
            name="max_header_fields",
            limit=max_header_fields,
        )
    if known is None:
        known = {}
    elif len(known) > MAX_KNOWN_LINES:
        known.clear()
    fields = HeaderFields()
    pairs = fields._pairs
    index = fields._index
    for line in lines:
        # A third of the cost of parsing: 29 fields take 6 us instead of 16.
        field = known.get(line)
        if field is None:
            name, colon, value = line.partition(":")
            if not colon or not HEADER_TOKEN.fullmatch(name):
                return parse_fields(
                    _http1_unfold(lines), max_header_fields=max_header_fields
                )
            field = (name.lower(), (name, value.strip(HEADER_BLANKS)))
            if len(line) <= MAX_KNOWN_LINE_CHARACTERS:
                known[line] = field
        key, pair = field
        pairs.append(pair)
        if key in index:
            index[key].append(pair[1])
        else:
            index[key] = [pair[1]]
    return fields


def _http1_unfold(lines: List[str]) -> List[str]:
    """Return the lines with folds undone, each "Name: value", or raise HeaderError."""
    unfolded = unfold_lines(lines)
    for line in unfolded:
        name, colon, _ = line.partition(":")
        if not colon or not name:
            raise HeaderError(
                "header line %s is not 'Name: value'"
                % ascii(line[:60] if not colon else ":"),
                spec="RFC 9112 5",
            )
        if not HEADER_TOKEN.fullmatch(name):
            raise HeaderError(
                "header name %s is not a token" % ascii(name[:60]),
                spec="RFC 9112 5.1",
            )
    return unfolded


def _http1_control_error(data: bytes) -> ProtocolError:
    _http1_check_newlines(data, 0)
    lines = data.split(b"\r\n")
    line = next(each for each in lines if each.translate(None, HTTP1_TEXT_BYTES))
    if line is lines[0]:
        return _http1_bad_status_line(line)
    return HeaderError(
        "header line %s holds the control character 0x%02x"
        % (
            shown_bytes(line.partition(b":")[0], 40),
            line.translate(None, HTTP1_TEXT_BYTES)[0],
        ),
        spec="RFC 9110 5.5",
    )


class HeadParser:
    """Collects the bytes of answers' heads, one after the other.  One owner.

    `feed(data)` returns the head when it is complete, else None; then `leftover` holds
    the bytes after it.  Raises ProtocolError as soon as the bytes cannot become a head.
    """

    __slots__ = (
        "max_header_bytes",
        "max_header_fields",
        "known_lines",
        "_buffer",
        "leftover",
    )

    def __init__(
        self,
        *,
        max_header_bytes: int = MAX_HEADER_BYTES,
        max_header_fields: int = MAX_HEADER_FIELDS,
    ) -> None:
        self.max_header_bytes = max_header_bytes
        self.max_header_fields = max_header_fields
        self.known_lines: KnownLines = {}
        self._buffer = b""
        self.leftover = b""

    def feed(self, data: bytes) -> Optional[ResponseHead]:
        """Take the next bytes; return the head when it is complete."""
        searched = len(self._buffer)
        buffer = self._buffer + data if searched else bytes(data)
        end = buffer.find(b"\r\n\r\n", max(0, searched - 3))
        if end < 0:
            self._buffer = buffer
            self._check_unfinished(buffer, searched)
            return None
        if end + 4 > self.max_header_bytes:
            raise self._too_long(buffer)
        self.leftover = buffer[end + 4 :]
        self._buffer = b""
        head = buffer[: end + 4]
        if not head.startswith(_HTTP1_PREFIX):
            raise _http1_bad_status_line(head)
        lines = str(head[:-4], "latin-1").split("\r\n")
        if head.translate(None, HTTP1_TEXT_BYTES) != b"\r\n" * (len(lines) + 1):
            raise _http1_control_error(head)
        first = lines.pop(0)
        status, reason, minor_version = 200, "OK", 1
        if first != "HTTP/1.1 200 OK":
            match = _HTTP1_STATUS_LINE.fullmatch(first)
            if match is None:
                raise _http1_bad_status_line(head)
            status = int(match.group(2))
            reason = (match.group(3) or "").strip()
            minor_version = 1 if match.group(1) != "0" else 0
        fields = parse_fields(
            lines, max_header_fields=self.max_header_fields, known=self.known_lines
        )
        return ResponseHead(status, reason, minor_version, fields)

    def feed_eof(self) -> None:
        """Raise ConnectionLost: the connection ended before the head did."""
        buffer = self._buffer
        if buffer and not buffer.startswith(_HTTP1_PREFIX):
            raise _http1_bad_status_line(buffer)
        if not buffer:
            raise ConnectionLost("server closed the connection without an answer")
        raise ConnectionLost(
            "server closed the connection after %d bytes of the answer's head"
            % len(buffer)
        )

    def _check_unfinished(self, buffer: bytes, searched: int) -> None:
        # Told at once, not when the time is used up: a server that speaks something
        # else, or ends its lines otherwise, never sends the empty line we wait for.
        if not buffer.startswith(_HTTP1_PREFIX) and (
            b"\n" in buffer or len(buffer) >= _HTTP1_SHOWN_BYTES
        ):
            raise _http1_bad_status_line(buffer)
        if len(buffer) >= self.max_header_bytes:
            raise self._too_long(buffer)
        _http1_check_newlines(buffer, searched)

    def _too_long(self, buffer: bytes) -> LimitExceeded:
        first = buffer.find(b"\r\n")
        long_line = first < 0 or first > self.max_header_bytes
        what = "status line" if long_line else "answer's head"
        return limit_exceeded(what, "max_header_bytes", self.max_header_bytes)


def is_reusable(head: ResponseHead) -> bool:
    """Return whether another answer may follow this one on the same connection."""
    if head.status == 101:
        return False
    index = head.fields._index
    if "transfer-encoding" in index and (
        # RFC 9112 6.1: with both fields, or from an HTTP/1.0 sender, the framing is
        # suspect: the answer is taken, the connection is not used again.
        "content-length" in index or head.minor_version == 0
    ):
        return False
    return head.is_keepalive()
