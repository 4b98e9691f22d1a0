"""Content codings: compressed bytes in, at most as many bytes out as are asked for.

Spec: RFC 9110 8.4, RFC 1950 to 1952.  Holds: the state of one body.
Not here: chunks and lengths (formats/http1body.py), reading (web/response.py).
"""

from __future__ import annotations

import urllib.request
from typing import Any, List

from ..errors import ConnectionLost, LimitExceeded, ProtocolError
from .response import Response, response_of_stock

MAX_CODINGS = 5  # one is usual; a hundred chained ones are an attack
_DECODING_INPUT_BYTES = 65536


class InflateDecoder:
    """Decodes gzip (also of several members) or deflate.  One owner.

    `push` takes compressed bytes, `pull(limit)` returns at most `limit` decoded bytes,
    b"" when it needs more input; `finish` raises when the end is missing.
    """

    def __init__(self, coding: str) -> None:
        import zlib

        self.coding = coding
        self._zlib = zlib
        self._is_gzip = coding == "gzip"
        self._inflate: Any = None
        self._input = b""
        self._ended = False
        self._between = False  # two members of gzip, or the last one and the end

    def push(self, data: bytes) -> None:
        """Take compressed bytes."""
        if not self._ended:
            self._input = self._input + data if self._input else data

    def pull(self, limit: int) -> bytes:
        """Return at most `limit` decoded bytes, b"" when more input is needed."""
        while not self._ended and (self._input or self._inflate is not None):
            if self._inflate is None and not self._begin():
                break
            given = self._input
            try:
                output: bytes = self._inflate.decompress(given, limit)
            except self._zlib.error as error:
                self._ended = True
                raise ProtocolError(
                    "%s body is damaged: %s" % (self.coding, error),
                    spec="RFC 1952" if self._is_gzip else "RFC 1950",
                ) from error
            self._input = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._next_member()
            # Without input it is what zlib held back when `limit` cut it short.
            if output or not given:
                return output
        return b""

    def _begin(self) -> bool:
        """Return whether compressed data, maybe another member, begins in the input."""
        if len(self._input) < 2:
            return False
        first, second = self._input[:2]
        bits = 31
        if not self._is_gzip:
            # RFC 1950 2.2: the zlib header, which the coding "deflate" should have;
            # some servers send raw deflate instead.
            has_header = first & 15 == 8 and (first * 256 + second) % 31 == 0
            bits = 15 if has_header else -15
        elif self._between and (first, second) != (0x1F, 0x8B):
            # Padding or rubbish behind the end: ignored, as everybody does.
            self._ended = True
            self._input = b""
            return False
        self._between = False
        self._inflate = self._zlib.decompressobj(bits)
        return True

    def _next_member(self) -> None:
        self._input = self._inflate.unused_data
        self._inflate = None
        self._between = True
        self._ended = not self._is_gzip

    def finish(self) -> None:
        """Raise ConnectionLost if the end of the compressed data has not come."""
        has_more = self._input and not self._between
        if not self._ended and (has_more or self._inflate is not None):
            raise ConnectionLost(
                "%s body ends in the middle of its compressed data" % self.coding,
                phase="body",
                retryable=True,
            )


class ChainDecoder:
    """Several codings, undone one after the other.  One owner."""

    def __init__(self, decoders: List[Any]) -> None:
        self._decoders = decoders

    def push(self, data: bytes) -> None:
        """Take compressed bytes."""
        self._decoders[0].push(data)

    def pull(self, limit: int) -> bytes:
        """Return at most `limit` decoded bytes, b"" when more input is needed."""
        return self._pull(len(self._decoders) - 1, limit)

    def _pull(self, level: int, limit: int) -> bytes:
        decoder = self._decoders[level]
        while True:
            output: bytes = decoder.pull(limit)
            if output or level == 0:
                return output
            data = self._pull(level - 1, _DECODING_INPUT_BYTES)
            if not data:
                return b""
            decoder.push(data)

    def finish(self) -> None:
        """Raise if any of the codings lacks its end."""
        for decoder in self._decoders:
            decoder.finish()


def content_decoder(codings: str) -> Any:
    """Return a decoder for a Content-Encoding value, None if there is nothing to undo.

    Raises ProtocolError for a coding that was not asked for and is not known here.
    """
    names = [name.strip().lower() for name in codings.split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > MAX_CODINGS:
        raise LimitExceeded(
            "answer has %d content codings, more than %d" % (len(names), MAX_CODINGS),
            name="max_codings",
            limit=MAX_CODINGS,
        )
    decoders: List[Any] = []
    for name in reversed(names):
        if name in ("gzip", "x-gzip"):
            decoders.append(InflateDecoder("gzip"))
        elif name == "deflate":
            decoders.append(InflateDecoder("deflate"))
        else:
            raise ProtocolError(
                "content coding %s is not known here, only gzip and deflate"
                % ascii(name[:40]),
                spec="RFC 9110 8.4",
            )
    if not decoders:
        return None
    return decoders[0] if len(decoders) == 1 else ChainDecoder(decoders)


def accepted_codings() -> str:
    """Return what this Python can undo, as an Accept-Encoding value."""
    try:
        import zlib  # noqa: F401
    except ImportError:
        return "identity"
    return "gzip, deflate"


class DecodingHandler(urllib.request.BaseHandler):
    """Ask for compressed answers and undo the compression while they are read.

    Thread-safe.  Works alone in `build_opener`.  A request with a Range is left alone:
    a range of compressed bytes is of no use.
    """

    handler_order = 700

    def __init__(self) -> None:
        self._accepted = accepted_codings()

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add Accept-Encoding."""
        headers = request.headers
        extra = request.unredirected_hdrs
        if "Accept-encoding" in headers or "Range" in headers or "Range" in extra:
            return request
        extra.setdefault("Accept-encoding", self._accepted)
        return request

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Let the response decode itself while it is read."""
        codings = response.headers.get_all("content-encoding")
        if not codings or request.get_method() == "HEAD":
            return response
        if not isinstance(response, Response):
            response = response_of_stock(response, request)
        try:
            response.decode_with(content_decoder(", ".join(codings)))
        except BaseException:
            response.close()
            raise
        return response

    https_request = http_request
    https_response = http_response
