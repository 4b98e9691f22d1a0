"""HTTP/1.1 requests: bytes in, RequestHead and body out, or a RequestRefused.

Spec: RFC 9112, read strictly: where two readers could disagree about where a request
ends (RFC 9112 11.2, smuggling), the request is refused and the connection ends.
Pure.  Not here: sockets, time limits and replies (server/running.py).
"""

from __future__ import annotations

import re
from typing import Callable, List, NamedTuple, Optional, Tuple, TypeVar

IncomingPart = TypeVar("IncomingPart")

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

_incoming_token_bytes = b"!#$%&'*+-.^_`|~0123456789" + bytes(
    [*range(0x41, 0x5B), *range(0x61, 0x7B)]
)
# RFC 9110 5.5: visible characters, blanks, tabs and bytes past ASCII.
_incoming_value_bytes = b"\t" + bytes([*range(0x20, 0x7F), *range(0x80, 0x100)])
# Bytes past ASCII are let in: people type such addresses into plain tools.
_incoming_target_bytes = bytes([0x21, 0x22, *range(0x24, 0x7F), *range(0x80, 0x100)])
# Compiled when first used: nobody who only imports the package needs them.
_incoming_host = r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?\Z"
_incoming_chunk_size = rb"([0-9A-Fa-f]{1,15})[\t ]*(?:;.*)?\Z"


class RequestRefused(Exception):
    """A request that cannot be taken: `status` and a sentence; the connection ends."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class RequestHead(NamedTuple):
    """The first line and the header fields of a request.  Immutable.

    `headers` are (name in lower case, value) in the order they came.  `content_length`
    is None without that field; `is_chunked` says that the body ends by itself.
    """

    method: str
    target: str
    version: Tuple[int, int]
    headers: List[Tuple[str, str]]
    content_length: Optional[int]
    is_chunked: bool
    keeps_alive: bool
    expects_continue: bool

    def get(self, name: str) -> Optional[str]:
        """Return the last value of the header `name` (lower case), or None."""
        found = None
        for key, value in self.headers:
            if key == name:
                found = value
        return found


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
        self._body_bytes = 0
        self._trailer_bytes = 0
        self._refused: Optional[RequestRefused] = None

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
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def read_head(self) -> Optional[RequestHead]:
        """Return the next request's head, or None while it is not complete."""
        return self._guard(self._read_head)

    def read_body(self, max_bytes: int = 65536) -> Optional[bytes]:
        """Return at most `max_bytes` of the body, b"" at its end, None for not yet."""
        return self._guard(lambda: self._read_body(max_bytes))

    def _guard(self, read: Callable[[], IncomingPart]) -> IncomingPart:
        # Once refused, always refused: after a broken line nobody knows what is next.
        if self._refused is not None:
            raise self._refused
        try:
            return read()
        except RequestRefused as refused:
            self._refused = refused
            raise

    def _read_head(self) -> Optional[RequestHead]:
        if self._state != "head":
            raise RuntimeError("the body of the request before was not read to its end")
        buffer = self._buffer
        # RFC 9112 2.2: an empty line before the request line is passed over.
        while buffer[:2] == b"\r\n":
            del buffer[:2]
            self._scanned = 0
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        stop = len(buffer) if end < 0 else end
        seen = self._scanned
        if buffer.count(b"\n", seen, stop) != buffer.count(
            b"\r\n", max(0, seen - 1), stop
        ):
            raise RequestRefused(400, "a line ends with LF alone, not with CR LF")
        if end < 0 or end > self.max_head_bytes:
            first = buffer.find(b"\r\n", 0, self.max_line_bytes + 2)
            if first < 0 and stop > self.max_line_bytes:
                raise RequestRefused(
                    414, "request line exceeds %d bytes" % self.max_line_bytes
                )
            if stop > self.max_head_bytes:
                raise RequestRefused(
                    431, "request head exceeds %d bytes" % self.max_head_bytes
                )
            self._scanned = stop
            return None
        lines = bytes(buffer[:end]).split(b"\r\n")
        del buffer[: end + 4]
        self._scanned = 0
        head = self._parse_head(lines)
        self._body_bytes = self._trailer_bytes = 0
        if head.is_chunked:
            self._state = "size"
        elif head.content_length:
            self._state, self._left = "data", head.content_length
        return head

    def _read_body(self, max_bytes: int) -> Optional[bytes]:
        while True:
            if self._state == "head":
                return b""
            if self._state in ("data", "chunk"):
                if not self._buffer:
                    return None
                part = bytes(self._buffer[: min(self._left, max_bytes)])
                del self._buffer[: len(part)]
                self._left -= len(part)
                if not self._left:
                    self._state = "head" if self._state == "data" else "crlf"
                return part
            line = self._read_line()
            if line is None:
                return None
            self._take_chunk_line(line)

    def _read_line(self) -> Optional[bytes]:
        end = self._buffer.find(b"\r\n", max(0, self._scanned - 1))
        if end < 0:
            self._scanned = len(self._buffer)
        if max(end, self._scanned) > MAX_INCOMING_LINE_BYTES:
            raise RequestRefused(
                400, "a line of the chunks exceeds %d bytes" % MAX_INCOMING_LINE_BYTES
            )
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._scanned = 0
        return line

    def _take_chunk_line(self, line: bytes) -> None:
        if self._state == "crlf":
            if line:
                raise RequestRefused(400, "a chunk is longer than its size says")
            self._state = "size"
        elif self._state == "size":
            match = re.match(_incoming_chunk_size, line, re.S)
            if not match or line.translate(None, _incoming_value_bytes):
                raise RequestRefused(
                    400, "the size of a chunk is not a number: %r" % line[:40]
                )
            self._left = int(match.group(1), 16)
            self._body_bytes += self._left
            if self._body_bytes > self.max_body_bytes:
                raise RequestRefused(
                    413, "request body exceeds %d bytes" % self.max_body_bytes
                )
            self._state = "chunk" if self._left else "trailers"
        else:
            # Trailers are checked and dropped: nothing here has a use for them.
            self._trailer_bytes += len(line) + 2
            if self._trailer_bytes > self.max_head_bytes:
                raise RequestRefused(
                    431, "trailers exceed %d bytes" % self.max_head_bytes
                )
            if line:
                _incoming_field(line)
            else:
                self._state = "head"

    def _parse_head(self, lines: List[bytes]) -> RequestHead:
        if len(lines[0]) > self.max_line_bytes:
            raise RequestRefused(
                414, "request line exceeds %d bytes" % self.max_line_bytes
            )
        if len(lines) - 1 > self.max_headers:
            raise RequestRefused(431, "more than %d header fields" % self.max_headers)
        parts = lines[0].split(b" ")
        if len(parts) != 3 or not is_incoming_token(parts[0]):
            raise RequestRefused(400, "not a request line: %r" % lines[0][:80])
        if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            if re.match(rb"HTTP/[0-9]\.[0-9]\Z", parts[2]):
                raise RequestRefused(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
            raise RequestRefused(400, "not a request line: %r" % lines[0][:80])
        version = (1, 1) if parts[2] == b"HTTP/1.1" else (1, 0)
        method = parts[0].decode("ascii")
        if not parts[1] or parts[1].translate(None, _incoming_target_bytes):
            raise RequestRefused(400, "the address holds a character it must not")
        target = parts[1].decode("latin-1")
        headers = [_incoming_field(line) for line in lines[1:]]
        content_length, is_chunked = self._frame(headers, version)
        hosts = [value for name, value in headers if name == "host"]
        if len(hosts) > 1 or (not hosts and version == (1, 1)):
            raise RequestRefused(400, "exactly one Host header is wanted")
        if hosts and not is_host(hosts[0]):
            raise RequestRefused(400, "the Host header is malformed")
        options = _incoming_list(headers, "connection")
        keeps_alive = (
            "close" not in options if version == (1, 1) else "keep-alive" in options
        )
        expects = _incoming_list(headers, "expect")
        if expects and expects != ["100-continue"]:
            raise RequestRefused(417, "only Expect: 100-continue is understood")
        return RequestHead(
            method,
            target,
            version,
            headers,
            content_length,
            is_chunked,
            keeps_alive,
            bool(expects) and version == (1, 1),
        )

    def _frame(
        self, headers: List[Tuple[str, str]], version: Tuple[int, int]
    ) -> Tuple[Optional[int], bool]:
        lengths = [value for name, value in headers if name == "content-length"]
        codings = [value for name, value in headers if name == "transfer-encoding"]
        if codings:
            if lengths:
                raise RequestRefused(
                    400, "both Content-Length and Transfer-Encoding are given"
                )
            if version == (1, 0):
                raise RequestRefused(400, "Transfer-Encoding in a request of HTTP/1.0")
            if [coding.lower() for coding in codings] != ["chunked"]:
                raise RequestRefused(501, "the only Transfer-Encoding taken is chunked")
            return None, True
        if not lengths:
            return None, False
        # Two equal lengths could be taken (RFC 9112 6.3), but nobody sends them.
        if len(lengths) > 1 or not re.match(r"[0-9]{1,18}\Z", lengths[0]):
            raise RequestRefused(400, "Content-Length is not one plain number")
        length = int(lengths[0])
        if length > self.max_body_bytes:
            raise RequestRefused(
                413,
                "request body of %d bytes exceeds %d" % (length, self.max_body_bytes),
            )
        return length, False


def is_host(text: str) -> bool:
    """Return whether `text` is a host and perhaps a port; "" is one too."""
    return re.match(_incoming_host, text) is not None


def is_incoming_token(text: bytes) -> bool:
    """Return whether `text` is a token, RFC 9110 5.6.2."""
    return bool(text) and not text.translate(None, _incoming_token_bytes)


def _incoming_field(line: bytes) -> Tuple[str, str]:
    # RFC 9112 5.1 and 5.2: no blank before the colon, no continued lines.
    name, colon, value = line.partition(b":")
    is_broken = not colon or value.translate(None, _incoming_value_bytes)
    if is_broken or not is_incoming_token(name):
        raise RequestRefused(400, "not a header field: %r" % line[:80])
    return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")


def _incoming_list(headers: List[Tuple[str, str]], name: str) -> List[str]:
    joined = ",".join(value for key, value in headers if key == name)
    return [part.strip().lower() for part in joined.split(",") if part.strip()]
