"""HTTP/1.1 answers, their bodies: a head and bytes in; the body's bytes out.

`body_decoder(head, method)` gives the decoder for the body behind a head, which is of
a known length, in chunks, or ends with the connection: `feed(data)` returns payload,
`is_done` says when the message is complete, `leftover` what came after it, `feed_eof()`
raises when the connection ended too early, `wanted` says how much to receive at once.

Spec: RFC 9112 6 and 7, strictly, as the heads.  Pure.  Not here: heads
(formats/http1.py), sockets and deadlines (web/connection.py), content codings
(web/decoding.py), bodies that are sent (web/bodies.py).
"""

from __future__ import annotations

import re
from typing import Dict, List, Tuple, Union

from ..errors import ConnectionLost, HeaderError, LimitExceeded, ProtocolError
from .http1 import HTTP1_TEXT_BYTES, ResponseHead, parse_fields, shown_bytes

MAX_TRAILER_FIELDS = 100  # as http.client's limit since 2026
MAX_TRAILER_BYTES = 16384  # trailers are rare and short; aiohttp allows 8 KB a line
MAX_CHUNK_LINE_BYTES = 4096  # size and extensions; nobody sends extensions
LARGE_CHUNK_BYTES = 16384
MAX_LENGTH_DIGITS = 18  # the largest that fits 64 bits; h11 allows 20

_HTTP1_DIGITS = re.compile(r"[0-9]{1,%d}" % MAX_LENGTH_DIGITS)
_HTTP1_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?"
)
_HTTP1_KNOWN_SIZES = 4096  # chunk size lines remembered by one decoder


class LengthDecoder:
    """A body of `length` bytes.  One owner."""

    __slots__ = ("length", "remaining", "is_done", "leftover", "trailers")

    wanted = None  # any number of bytes may be received at once

    def __init__(self, length: int) -> None:
        self.length = length
        self.remaining = length
        self.is_done = length == 0
        self.leftover = b""
        self.trailers: List[Tuple[str, str]] = []

    def feed(self, data: bytes) -> bytes:
        """Return the payload in `data`."""
        size = len(data)
        if size < self.remaining:
            self.remaining -= size
            return data
        if size > self.remaining:
            self.leftover = data[self.remaining :]
            data = data[: self.remaining]
        self.remaining = 0
        self.is_done = True
        return data

    def feed_eof(self) -> None:
        """Raise ConnectionLost if bytes are missing."""
        if not self.is_done:
            raise ConnectionLost(
                "connection ended after %d of %d bytes of the body"
                % (self.length - self.remaining, self.length),
                received=self.length - self.remaining,
                expected=self.length,
            )


class CloseDecoder:
    """A body that ends with the connection: it cannot be told from one cut short."""

    __slots__ = ("is_done", "leftover", "trailers", "remaining")

    wanted = None  # any number of bytes may be received at once

    def __init__(self) -> None:
        self.is_done = False
        self.leftover = b""
        self.remaining = 0  # not known
        self.trailers: List[Tuple[str, str]] = []

    def feed(self, data: bytes) -> bytes:
        """Return `data`."""
        return data

    def feed_eof(self) -> None:
        """Note the end."""
        self.is_done = True


class ChunkDecoder:
    """A body in chunks; decodes all complete chunks of the bytes fed in one pass.

    `trailers` holds the fields after the last chunk when `is_done`.  One owner.
    """

    __slots__ = (
        "is_done",
        "leftover",
        "trailers",
        "remaining",
        "max_trailer_bytes",
        "_begun",
        "_large_size",
        "_between",
        "_buffer",
        "_state",
        "_sizes",
    )

    def __init__(self, *, max_trailer_bytes: int = MAX_TRAILER_BYTES) -> None:
        self.is_done = False
        self.leftover = b""
        self.trailers: List[Tuple[str, str]] = []
        self.remaining = 0  # of the present chunk
        self.max_trailer_bytes = max_trailer_bytes
        self._begun = 0  # bytes of the chunks so far, with all of the present one
        self._large_size = 0  # of the present chunk, or else the last one; 0: is small
        self._between = b""  # its size line, with the CRLF before it
        self._buffer = b""  # an unfinished line: short
        self._state = "size"
        self._sizes: Dict[bytes, int] = {}  # size lines that were parsed before

    def wanted(self, size: int) -> int:
        """Return how many bytes to receive at once, `size` at most.

        Of large chunks only what is theirs, and between them a line as long as the last
        one: what holds the end of a chunk must be cut and copied, a third of the CPU.
        """
        if not self._large_size:
            return size
        left = self.remaining or len(self._between)
        return left if left < size else size

    def feed(self, data: bytes) -> bytes:
        """Return the payload in `data`."""
        if 0 < len(data) <= self.remaining:
            # Most of a large chunk: passed on without a copy.
            self.remaining -= len(data)
            if not self.remaining:
                self._state = "end"
            return data
        if data == self._between and self._state == "end" and not self._buffer:
            # Between two large chunks of one size, as `wanted` asked for it.
            self.remaining = self._large_size
            self._begun += self._large_size
            self._state = "data"
            return b""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        pieces: List[bytes] = []
        received = self.received
        position = 0
        size = len(data)
        while position < size:
            if self._state == "data":
                piece = data[position : position + self.remaining]
                pieces.append(piece)
                position += len(piece)
                self.remaining -= len(piece)
                if self.remaining:
                    break
                self._state = "end"
            elif self._state == "end":
                if data[position : position + 2] != b"\r\n":
                    self._need_crlf(data, position)
                    break
                position += 2
                self._state = "size"
            elif self._state == "size":
                position = self._take_whole_chunks(data, position, pieces)
                line_end = data.find(b"\r\n", position)
                if line_end < 0:
                    self._keep_line(data, position)
                    break
                line = data[position:line_end]
                self.remaining = self._parse_size(line)
                is_plain = self.remaining and len(line) <= 8  # no extension
                if is_plain and len(self._sizes) < _HTTP1_KNOWN_SIZES:
                    self._sizes[line] = self.remaining
                if self.remaining > LARGE_CHUNK_BYTES:
                    self._large_size = self.remaining
                    self._between = b"\r\n" + line + b"\r\n"
                elif self._large_size and self.remaining:
                    self._large_size, self._between = 0, b""
                position = line_end + 2
                self._state = "data" if self.remaining else "trailers"
            elif self._state == "trailers":
                self._read_trailers(data, position)
                break
            else:
                self.leftover += data[position:]
                break
        payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._begun = received + len(payload) + self.remaining
        return payload

    @property
    def received(self) -> int:
        """How many bytes of the body have come."""
        return self._begun - self.remaining

    def feed_eof(self) -> None:
        """Raise ConnectionLost if the last chunk has not come."""
        if not self.is_done:
            raise ConnectionLost(
                "connection ended after %d bytes of the body, before its last chunk"
                % self.received,
                received=self.received,
            )

    def _take_whole_chunks(
        self, data: bytes, position: int, pieces: List[bytes]
    ) -> int:
        """Take the chunks that are all there and whose sizes are known; return where.

        Streams send a chunk for each line of 15 or 1,500 bytes: looking a size line up
        takes a third of the time that parsing it does, 0.5 instead of 1.5 us a chunk.
        """
        find, sizes, add = data.find, self._sizes, pieces.append
        try:
            while True:
                line_end = find(b"\r\n", position)
                if line_end < 0:
                    return position
                start = line_end + 2
                end = start + sizes[data[position:line_end]]
                if data[end : end + 2] != b"\r\n":
                    return position
                add(data[start:end])
                position = end + 2
        except KeyError:
            return position

    def _need_crlf(self, data: bytes, position: int) -> None:
        if data[position:] == b"\r":
            self._buffer = b"\r"
            return
        raise ProtocolError(
            "chunk is followed by %s, not by CRLF"
            % shown_bytes(data[position : position + 2]),
            spec="RFC 9112 7.1",
        )

    def _keep_line(self, data: bytes, position: int) -> None:
        line = data[position:]
        if len(line) > MAX_CHUNK_LINE_BYTES or b"\n" in line:
            self._parse_size(line)  # raises
        self._buffer = line

    def _parse_size(self, line: bytes) -> int:
        if len(line) > MAX_CHUNK_LINE_BYTES:
            raise LimitExceeded(
                "chunk size line of more than %d bytes" % MAX_CHUNK_LINE_BYTES,
                name="max_chunk_line_bytes",
                limit=MAX_CHUNK_LINE_BYTES,
            )
        match = _HTTP1_CHUNK_LINE.fullmatch(line)
        if match is None:
            raise ProtocolError(
                "bad chunk size line %s" % shown_bytes(line.partition(b"\n")[0]),
                spec="RFC 9112 7.1",
            )
        return int(match.group(1), 16)

    def _read_trailers(self, data: bytes, position: int) -> None:
        if data[position : position + 2] == b"\r\n":
            end = position
        else:
            found = data.find(b"\r\n\r\n", position)
            if found < 0:
                self._buffer = block = data[position:]
                # The CR of the empty line is none of the trailers' bytes.
                self._check_trailers(block[:-1] if block.endswith(b"\n\r") else block)
                return
            end = found + 2
            self._check_trailers(data[position:end])
            block = data[position:found]
            lines = str(block, "latin-1").split("\r\n")
            if block.translate(None, HTTP1_TEXT_BYTES) != b"\r\n" * (len(lines) - 1):
                raise HeaderError("trailer holds a control character")
            if len(lines) > MAX_TRAILER_FIELDS:
                raise LimitExceeded(
                    "body has %d trailer fields, more than %d"
                    % (len(lines), MAX_TRAILER_FIELDS),
                    name="max_trailer_fields",
                    limit=MAX_TRAILER_FIELDS,
                )
            self.trailers = parse_fields(lines).items()
        self._state = "done"
        self.is_done = True
        self.leftover = data[end + 2 :]

    def _check_trailers(self, block: bytes) -> None:
        if len(block) > self.max_trailer_bytes:
            raise LimitExceeded(
                "trailers exceed max_trailer_bytes=%d" % self.max_trailer_bytes,
                name="max_trailer_bytes",
                limit=self.max_trailer_bytes,
            )


def parse_content_length(text: str) -> int:
    """Parse Content-Length; several equal values count as one, RFC 9110 8.6."""
    value, *others = {each.strip(" \t") for each in text.split(",")}
    if others or not _HTTP1_DIGITS.fullmatch(value):
        raise ProtocolError(
            "bad Content-Length %s" % ascii(text[:60]), spec="RFC 9110 8.6"
        )
    return int(value)


def body_decoder(
    head: ResponseHead, method: str, *, max_trailer_bytes: int = MAX_TRAILER_BYTES
) -> Union[LengthDecoder, CloseDecoder, ChunkDecoder]:
    """Return the decoder for the body of `head`, the answer to `method`.

    Source: RFC 9112 6.3.  Contradictions that could make two readers see two different
    bodies raise ProtocolError.
    """
    fields = head.fields
    status = head.status
    index = fields._index
    is_bare = method in ("HEAD", "CONNECT")
    if status == 200 and not is_bare and "transfer-encoding" not in index:
        # Most answers, by the shortest way.
        lengths = index.get("content-length", ())
        if len(lengths) == 1 and _HTTP1_DIGITS.fullmatch(lengths[0]):
            return LengthDecoder(int(lengths[0]))
    codings = fields.joined("transfer-encoding")
    length = None
    if "content-length" in fields:
        length = parse_content_length(fields.joined("content-length"))
    if codings and codings.strip().lower() != "chunked":
        raise ProtocolError(
            "transfer coding %s is not known here, only chunked" % ascii(codings[:60]),
            spec="RFC 9112 6.1",
        )
    if (
        # RFC 9112 6.3: these never have a body, whatever their fields say.
        method == "HEAD"
        or status < 200
        or status in (204, 304)
        or (method == "CONNECT" and status < 300)
    ):
        return LengthDecoder(0)
    if codings:
        return ChunkDecoder(max_trailer_bytes=max_trailer_bytes)
    if length is not None:
        return LengthDecoder(length)
    return CloseDecoder()
