"""HTTP/1.1 requests: bytes in, RequestHead and body out, or a RequestRefused.

Spec: RFC 9112, read strictly: where two readers could disagree about where a request
ends (RFC 9112 11.2, smuggling), the request is refused and the connection ends.
Pure.  Not here: sockets, time limits and replies (server/running.py).
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

#: nginx in front of a wiki takes addresses of 20 KB; no browser sends more than 32.
MAX_REQUEST_LINE_BYTES = 32768
#: http.client's own limit for one line, here for all lines of the head.
MAX_REQUEST_HEAD_BYTES = 65536
#: http.client's own limit for an answer.
MAX_REQUEST_HEADERS = 100
#: MediaWiki's default upload limit is 100 MB; some room for the form around it.
MAX_REQUEST_BODY_BYTES = 128 * 1024 * 1024
#: A chunk-size line is some hexadecimal digits; extensions are read past.
MAX_INCOMING_LINE_BYTES = 4096

# Compiled when first used: nobody who only imports the package needs them.
_incoming_line = rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP/([0-9]\.[0-9])\Z"
# Bytes past ASCII are let in: people type such addresses into plain tools.
_incoming_target = rb"[\x21\x22\x24-\x7e\x80-\xff]+\Z"
# RFC 9112 5.1 and 5.2: no blank before the colon, no continued lines.  RFC 9110 5.5:
# visible characters, blanks, tabs and bytes past ASCII.
_incoming_field = rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)\Z"
_incoming_chunk_size = rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\Z"
_incoming_host = r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?\Z"


class RequestRefused(Exception):
    """A request that cannot be taken: `status` and a sentence; the connection ends."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class RequestHead(NamedTuple):
    """The first line and the header fields of a request.  Immutable.

    `headers` are (name in lower case, value) in the order they came.  `content_length`
    is 0 without that field; `is_chunked` says that the body ends by itself.
    """

    method: str
    target: str
    version: str
    headers: List[Tuple[str, str]]
    content_length: int
    is_chunked: bool
    keeps_alive: bool
    expects_continue: bool

    def get(self, name: str) -> Optional[str]:
        """Return the last value of the header `name` (lower case), or None."""
        return dict(self.headers).get(name)


class RequestParser:
    """Reads requests that follow each other on one connection.  Has one owner.

    `feed()` what has arrived; `read_head()` returns the next head, None while it is
    not complete; `read_body()` the next part of its body, None while there is none
    yet, b"" at its end.  The body is read to its end before the next head.
    """

    def __init__(
        self,
        *,
        max_line_bytes: int = MAX_REQUEST_LINE_BYTES,
        max_head_bytes: int = MAX_REQUEST_HEAD_BYTES,
        max_headers: int = MAX_REQUEST_HEADERS,
        max_body_bytes: int = MAX_REQUEST_BODY_BYTES,
    ) -> None:
        self.max_line_bytes = max_line_bytes
        self.max_head_bytes = max_head_bytes
        self.max_headers = max_headers
        self.max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._scanned = 0
        # What comes next: "head"; "data" and "chunk" have `_left` bytes to come;
        # "size", "crlf" and "trailers" are the lines around chunks.
        self._state = "head"
        self._left = 0
        self._body_bytes = self._trailer_bytes = 0
        self._refused: Optional[RequestRefused] = None
        self._match_field = re.compile(_incoming_field).match

    @property
    def has_input(self) -> bool:
        """Whether bytes wait that nobody has read yet."""
        return bool(self._buffer)

    @property
    def is_between_requests(self) -> bool:
        """Whether the last request was read to its end and no byte of another came."""
        return self._state == "head" and not self._buffer

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrive, cut anywhere."""
        self._buffer += data

    def take_rest(self) -> bytes:
        """Return what was fed and not read: it belongs to another protocol now."""
        return self._take(len(self._buffer), 0)

    def _take(self, size: int, skipped: int) -> bytes:
        """Return so many bytes of the buffer; as many behind them are passed over."""
        data = bytes(self._buffer[:size])
        del self._buffer[: size + skipped]
        self._scanned = 0
        return data

    def _refuse(self, status: int, sentence: str) -> RequestRefused:
        # Once refused, always refused: after a broken line nobody knows what is next.
        self._refused = RequestRefused(status, sentence)
        return self._refused

    def read_head(self) -> Optional[RequestHead]:
        """Return the next request's head, or None while it is not complete."""
        if self._refused is not None:
            raise self._refused
        if self._state != "head":
            raise RuntimeError("the body of the request before was not read to its end")
        buffer = self._buffer
        # RFC 9112 2.2: an empty line before the request line is passed over.
        while buffer[:2] == b"\r\n":
            self._take(0, 2)
        seen = self._scanned
        end = buffer.find(b"\r\n\r\n", max(0, seen - 3))
        stop = len(buffer) if end < 0 else end
        ends = buffer.count(b"\r\n", max(0, seen - 1), stop)
        if buffer.count(b"\n", seen, stop) != ends:
            raise self._refuse(400, "a line ends with LF alone, not with CR LF")
        limit = self.max_line_bytes
        if stop > limit and buffer.find(b"\r\n", 0, limit + 2) < 0:
            raise self._refuse(414, "request line exceeds %d bytes" % limit)
        if stop > self.max_head_bytes:
            text = "request head exceeds %d bytes" % self.max_head_bytes
            raise self._refuse(431, text)
        if end < 0:
            self._scanned = stop
            return None
        head = self._parse_head(self._take(end, 4).split(b"\r\n"))
        self._body_bytes = self._trailer_bytes = 0
        if head.is_chunked:
            self._state = "size"
        elif head.content_length:
            self._state, self._left = "data", head.content_length
        return head

    def read_body(self, max_bytes: int = 65536) -> Optional[bytes]:
        """Return at most `max_bytes` of the body, b"" at its end, None for not yet."""
        if self._refused is not None:
            raise self._refused
        while self._state not in ("head", "data", "chunk"):
            end = self._buffer.find(b"\r\n", max(0, self._scanned - 1))
            self._scanned = len(self._buffer) if end < 0 else end
            if self._scanned > MAX_INCOMING_LINE_BYTES:
                text = "a line of the chunks exceeds %d bytes" % MAX_INCOMING_LINE_BYTES
                raise self._refuse(400, text)
            if end < 0:
                return None
            self._take_chunk_line(self._take(end, 2))
        if self._state == "head":
            return b""
        if not self._buffer:
            return None
        part = self._take(min(self._left, max_bytes), 0)
        self._left -= len(part)
        if not self._left:
            self._state = "head" if self._state == "data" else "crlf"
        return part

    def _take_chunk_line(self, line: bytes) -> None:
        if self._state == "crlf":
            if line:
                raise self._refuse(400, "a chunk is longer than its size says")
            self._state = "size"
        elif self._state == "size":
            match = re.match(_incoming_chunk_size, line)
            if not match:
                text = "the size of a chunk is not a number: %r" % line[:40]
                raise self._refuse(400, text)
            self._left = int(match.group(1), 16)
            self._body_bytes += self._left
            if self._body_bytes > self.max_body_bytes:
                text = "request body exceeds %d bytes" % self.max_body_bytes
                raise self._refuse(413, text)
            self._state = "chunk" if self._left else "trailers"
        else:
            # Trailers are checked and dropped: nothing here has a use for them.
            self._trailer_bytes += len(line) + 2
            if self._trailer_bytes > self.max_head_bytes:
                text = "trailers exceed %d bytes" % self.max_head_bytes
                raise self._refuse(431, text)
            if line:
                self._parse_field(line)
            else:
                self._state = "head"

    def _parse_field(self, line: bytes) -> Tuple[str, str]:
        match = self._match_field(line)
        if not match:
            raise self._refuse(400, "not a header field: %r" % line[:80])
        name, value = match.groups()
        return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")

    def _parse_head(self, lines: List[bytes]) -> RequestHead:
        if len(lines) - 1 > self.max_headers:
            raise self._refuse(431, "more than %d header fields" % self.max_headers)
        match = re.match(_incoming_line, lines[0])
        if not match:
            raise self._refuse(400, "not a request line: %r" % lines[0][:80])
        method, target, version = (part.decode("latin-1") for part in match.groups())
        if version not in ("1.1", "1.0"):
            raise self._refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        if not re.match(_incoming_target, match.group(2)):
            raise self._refuse(400, "the address holds a character it must not")
        headers = [self._parse_field(line) for line in lines[1:]]
        named: Dict[str, List[str]] = {}
        for name, value in headers:
            named.setdefault(name, []).append(value)
        is_chunked = self._is_chunked(named, version)
        length = 0 if is_chunked else self._parse_length(named)
        hosts = named.get("host", [])
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            raise self._refuse(400, "exactly one Host header is wanted")
        if hosts and not is_host(hosts[0]):
            raise self._refuse(400, "the Host header is malformed")
        options = _incoming_words(named, "connection")
        keeps_alive = "keep-alive" in options
        if version == "1.1":
            keeps_alive = "close" not in options
        expects = _incoming_words(named, "expect")
        if expects and expects != ["100-continue"]:
            raise self._refuse(417, "only Expect: 100-continue is understood")
        expects_continue = bool(expects) and version == "1.1"
        return RequestHead(
            method,
            target,
            version,
            headers,
            length,
            is_chunked,
            keeps_alive,
            expects_continue,
        )

    def _is_chunked(self, named: Dict[str, List[str]], version: str) -> bool:
        codings = named.get("transfer-encoding")
        if not codings:
            return False
        if "content-length" in named:
            text = "both Content-Length and Transfer-Encoding are given"
            raise self._refuse(400, text)
        if version == "1.0":
            raise self._refuse(400, "Transfer-Encoding in a request of HTTP/1.0")
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise self._refuse(501, "the only Transfer-Encoding taken is chunked")
        return True

    def _parse_length(self, named: Dict[str, List[str]]) -> int:
        lengths = named.get("content-length")
        if not lengths:
            return 0
        # Two equal lengths could be taken (RFC 9112 6.3), but nobody sends them.
        if len(lengths) > 1 or not re.match(r"[0-9]{1,18}\Z", lengths[0]):
            raise self._refuse(400, "Content-Length is not one plain number")
        length = int(lengths[0])
        if length > self.max_body_bytes:
            sizes = (length, self.max_body_bytes)
            raise self._refuse(413, "request body of %d bytes exceeds %d" % sizes)
        return length


def is_host(text: str) -> bool:
    """Return whether `text` is a host and perhaps a port; "" is one too."""
    return re.match(_incoming_host, text) is not None


def _incoming_words(named: Dict[str, List[str]], name: str) -> List[str]:
    words = ",".join(named.get(name, [])).split(",")
    return [word.strip().lower() for word in words if word.strip()]
