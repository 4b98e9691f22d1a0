"""BodyReader: a body being read, in whatever way the caller likes.

In: a connection (or file) and the decoder of its framing.  Out: the body as a file, by
lines, or as it arrives.  Spec: RFC 9112 6 and 8.
Holds: the connection, until the body has ended.
Not here: status, headers, text and JSON (web/response.py), compression
(web/decoding.py).
"""

from __future__ import annotations

import copy
import http.client
import io
from typing import Any, Callable, Iterator, List, Optional, Tuple

from ..clock import Deadline
from ..errors import ConnectionLost, LimitExceeded, ProtocolError, WikistdError
from ..formats.http1body import CloseDecoder, LengthDecoder
from .connect import stream_error
from .connection import RECEIVE_BYTES
from .origins import without_userinfo

MAX_CONTENT_BYTES = 2**28  # read into memory at once; larger answers are for download()
READ_LINE_BYTES = 2**20  # aiohttp stops at 64 KB; dumps have longer lines
DECODE_BYTES = 16384  # decoded at once, at least
MAX_RECEIVE_BYTES = 120000  # taken before they come; malloc maps from 128 KB on
READ_AHEAD_BYTES = 16384  # for who reads a few bytes at a time; http.client has 8192


class BodyReader(http.client.HTTPResponse):
    """The body of an answer.  One owner; `abort()` may be called from any thread."""

    # What most responses never change stands here: 1 us less for each of them.
    max_body_bytes: Optional[int] = None
    #: The end of the call: for a streamed body that is passed over, or an error's.
    call_deadline: Optional[Deadline] = None
    #: Bytes of the body that came so far, after decoding.
    total_bytes = 0
    _decoder: Any = None
    _buffer = b""
    _offset = 0
    _pending = b""
    _error: Optional[BaseException] = None
    _is_closed = False
    _ended = False
    _is_reusable = False
    #: Takes the connection back.
    _release: Optional[Callable[[Any, Optional[bool]], None]] = None
    deadline: Optional[Deadline] = None
    idle_timeout: Optional[float] = None

    url = ""
    request: Any = None

    def __init__(self, stream: Any, framing: Any, is_switched: bool) -> None:
        # HTTPResponse.__init__ is not called: it would make a file of a socket.
        self._stream = stream
        self._framing = framing
        leftover = stream.buffer
        if leftover:
            stream.buffer = b""
            self._pending = framing.feed(leftover)
        if is_switched:
            # The connection now speaks another protocol: kept for `detach`.
            self._ended = True
        elif framing.is_done:
            self._finish()

    # -- the body, from below

    def decode_with(self, decoder: Any) -> None:
        """Undo a content coding from here on: an object with push, pull and finish."""
        self._decoder = decoder
        if decoder is not None and self._pending:
            decoder.push(self._pending)
            self._pending = b""

    def _finish(self, is_whole: bool = True) -> None:
        """Give the connection back: the body has ended, or is given up."""
        self._ended = True
        release = self._release
        if release is not None:
            self._release = None
            let_go = getattr(self.request, "let_go", None)
            if let_go is not None:
                let_go(self._stream)
            is_reusable = is_whole and self._is_reusable
            release(self._stream, is_reusable and not self._framing.leftover)

    def _receive(self, size: int) -> bytes:
        """Return the next bytes of the body as sent, b"" at its end."""
        pending = self._pending
        if pending:
            self._pending = b""
            return pending
        framing = self._framing
        if size > MAX_RECEIVE_BYTES:
            size = MAX_RECEIVE_BYTES
        try:
            while not self._ended:
                wanted = framing.wanted
                data: bytes = self._stream.receive(
                    size if wanted is None else wanted(size),
                    self.deadline,
                    self.idle_timeout,
                )
                left = framing.remaining - len(data)
                if left > 0 and data:
                    # Payload and nothing else, as all of a large body but its end.
                    framing.remaining = left
                    return data
                if data:
                    data = framing.feed(data)
                elif getattr(self._stream, "aborted", False):
                    raise ConnectionAbortedError
                else:
                    self._is_reusable = False  # a socket of a hook cannot be asked
                    framing.feed_eof()
                if framing.is_done:
                    self._finish()
                if data:
                    return data
        except BaseException as error:
            raise self._failed(error) from None
        if self._error is not None:
            raise self._error
        if self._is_closed and not framing.is_done:
            raise ValueError("the response is closed")
        if self._release is not None:
            self._finish(False)  # a 101 that nobody asked for, and so nobody detaches
        return b""

    def _failed(self, error: BaseException) -> BaseException:
        self._finish(False)
        peer = getattr(self.request, "host", None) or "the server"
        ours = stream_error(error, self._stream, "body", url=self.url, peer=peer)
        if isinstance(ours, ConnectionLost):
            ours.received = ours.received or self.total_bytes
        if isinstance(ours, WikistdError):
            self._error = copy.copy(ours)  # itself refers to us by its traceback
        elif isinstance(ours, Exception):
            self._error = ours
        return ours

    def _more(self, size: int) -> bytes:
        """Return the next decoded bytes, about `size`, b"" at the end of the body."""
        data = self._receive(size) if self._decoder is None else self._decoded(size)
        self.total_bytes = total = self.total_bytes + len(data)
        limit = self.max_body_bytes
        if limit is not None and total > limit:
            raise self._too_large(limit)
        return data

    def _decoded(self, size: int) -> bytes:
        decoder = self._decoder
        try:
            # Each call copies the input that is left: never for a few bytes only.
            size = max(size, DECODE_BYTES)
            data: bytes = decoder.pull(size)
            while not data:
                raw = self._receive(RECEIVE_BYTES)
                if not raw:
                    decoder.finish()
                    break
                decoder.push(raw)
                data = decoder.pull(size)
            return data
        except (ProtocolError, ConnectionLost) as error:
            raise self._failed(error) from None

    def _too_large(self, limit: int) -> BaseException:
        message = (
            "body of %s exceeds max_body_bytes=%d: use download(), stream=True or a "
            "higher limit" % (without_userinfo(self.url), limit)
        )
        return self._failed(LimitExceeded(message, name="max_body_bytes", limit=limit))

    def _take_buffer(self) -> bytes:
        data = self._buffer[self._offset :] if self._offset else self._buffer
        self._buffer = b""
        self._offset = 0
        return data

    # -- the body as a file

    def read(self, amt: Optional[int] = None) -> bytes:
        """Return `amt` bytes, fewer only at the end of the body; or all the rest."""
        if amt is None or amt < 0:
            return self._read_rest()
        if self._buffer or not amt:
            offset = self._offset
            if len(self._buffer) - offset >= amt:
                self._offset = offset + amt
                return self._buffer[offset : offset + amt]
            data = self._take_buffer()
        else:
            data = self._more(amt if amt > READ_AHEAD_BYTES else READ_AHEAD_BYTES)
            if len(data) == amt or not data:
                return data
        if len(data) > amt:
            # Read ahead, or come along with the head.
            self._buffer = data
            self._offset = amt
            return data[:amt]
        pieces = [data] if data else []
        size = amt - len(data)
        while size > 0:
            data = self._more(size)
            if not data:
                break
            if len(data) > size:
                self._buffer = data
                self._offset = size
                data = data[:size]
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    def _read_rest(self) -> bytes:
        limit = self.max_body_bytes
        if limit is None:
            # Whoever wants it all at once gets it in memory, and so a limit.
            limit = MAX_CONTENT_BYTES
        announced = self._framing.remaining
        if announced and isinstance(self._framing, LengthDecoder):
            if announced > limit:
                raise self._too_large(limit)
        pieces = [self._take_buffer()]
        self._take_all(self._more, pieces, limit)
        return pieces[1] if len(pieces) == 2 and not pieces[0] else b"".join(pieces)

    def _take_all(
        self, more: Callable[[int], bytes], pieces: List[bytes], limit: int
    ) -> None:
        """Add to `pieces` what `more` gives until the end, `limit` bytes at most."""
        size = sum(map(len, pieces))
        try:
            while True:
                data = more(RECEIVE_BYTES)
                if not data:
                    break
                pieces.append(data)
                size += len(data)
                if size > limit:
                    raise self._too_large(limit)
        except BaseException:
            pieces.clear()  # The traceback would hold them.
            raise

    def readinto(self, buffer: Any) -> int:
        """Read into a writable buffer; return how many bytes, 0 at the end."""
        # By read(), as readinto1 by read1(), and not as a stock response does.
        return io.BufferedIOBase.readinto(self, buffer)

    def read1(self, n: int = -1) -> bytes:
        """Return what is there, `n` bytes at most; waits only if there is nothing."""
        size = RECEIVE_BYTES if n < 0 else n
        if self._offset >= len(self._buffer):
            self._buffer = self._more(size)
            self._offset = 0
        offset = self._offset
        data = self._buffer[offset : offset + size]
        self._offset = offset + len(data)
        return data

    def peek(self, n: int = -1) -> bytes:
        """Return what is there without taking it; waits only if there is nothing."""
        if self._offset >= len(self._buffer):
            self._fill()
        return self._buffer[self._offset :]

    def _fill(self) -> bool:
        """Put what comes next into the buffer; return False at the end."""
        self._buffer = self._more(RECEIVE_BYTES)
        self._offset = 0
        return bool(self._buffer)

    def readline(self, limit: int = -1) -> bytes:  # type: ignore[override]
        """Return the next line with its line feed, `limit` bytes at most."""
        if limit is None or limit < 0:
            return self._read_line(READ_LINE_BYTES, False)
        return self._read_line(limit, True)

    def _read_line(self, limit: int, is_soft: bool) -> bytes:
        pieces: List[bytes] = []
        size = 0
        while size < limit or not is_soft:
            if self._offset >= len(self._buffer) and not self._fill():
                break
            start = self._offset
            found = self._buffer.find(b"\n", start)
            end = found + 1 if found >= 0 else len(self._buffer)
            if is_soft:
                end = min(end, start + limit - size)
            pieces.append(self._buffer[start:end])
            self._offset = end
            size += end - start
            if size > limit:
                what = "line of more than %d bytes in the body of %s"
                message = what % (limit, without_userinfo(self.url))
                raise self._failed(LimitExceeded(message, name="limit", limit=limit))
            if found >= 0 and end == found + 1:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    # -- the body as it arrives

    def readany(self) -> bytes:
        """Return what has arrived, b"" at the end; waits only if there is nothing."""
        if self._offset < len(self._buffer):
            return self._take_buffer()
        return self._more(RECEIVE_BYTES)

    def readexactly(self, n: int) -> bytes:
        """Return exactly `n` bytes; ConnectionLost if the body ends before."""
        data = self.read(n)
        if len(data) < n:
            raise ConnectionLost(
                "body ended after %d of the %d bytes wanted" % (len(data), n),
                phase="body",
                url=without_userinfo(self.url),
                received=len(data),
                expected=n,
            )
        return data

    def readuntil(self, separator: bytes = b"\n", limit: int = 65536) -> bytes:
        """Return the bytes up to and with `separator`, or the rest of the body.

        Raises LimitExceeded when `limit` bytes have come without it.
        """
        if not separator:
            raise ValueError("separator is empty")
        data = self._take_buffer()
        searched = 0
        while True:
            found = data.find(separator, max(0, searched - len(separator) + 1))
            end = found + len(separator) if found >= 0 else len(data)
            if end > limit:
                what = "%d bytes without the separator %s, limit=%d"
                message = what % (end, ascii(separator[:20])[1:], limit)
                raise self._failed(LimitExceeded(message, name="limit", limit=limit))
            if found >= 0:
                self._buffer = data
                self._offset = end
                return data[:end]
            searched = len(data)
            more = self._more(RECEIVE_BYTES)
            if not more:
                return data
            data += more

    def iter_lines(self, limit: int = READ_LINE_BYTES) -> Iterator[bytes]:
        """Yield the lines, without CR LF or LF."""
        while True:
            line = self._read_line(limit, False)
            if not line:
                return
            if line.endswith(b"\r\n"):
                yield line[:-2]
            else:
                yield line[:-1] if line.endswith(b"\n") else line

    def iter_chunked(self, n: int) -> Iterator[bytes]:
        """Yield pieces of `n` bytes, the last one shorter."""
        return iter(lambda: self.read(n), b"")

    def iter_any(self) -> Iterator[bytes]:
        """Yield the bytes as they arrive."""
        return iter(self.readany, b"")

    def iter_content(self, chunk_size: Optional[int] = 65536) -> Iterator[bytes]:
        """Yield pieces, as requests names it."""
        return self.iter_any() if chunk_size is None else self.iter_chunked(chunk_size)

    def unread_data(self, data: bytes) -> None:
        """Put bytes back: they are read next."""
        if data:
            self._buffer = data + self._take_buffer()

    def at_eof(self) -> bool:
        """Return whether everything has been read.  Does not wait."""
        if self._offset < len(self._buffer) or self._pending:
            return False
        return self._ended

    def drain(self, max_bytes: int = 65536) -> bool:
        """Throw away what is left, undecoded; close and return False if too much."""
        self._decoder = None
        self._take_buffer()
        left = max_bytes
        while left > 0:
            data = self._receive(min(left, RECEIVE_BYTES))
            if not data:
                return True
            left -= len(data)
        if self._ended:
            return True
        self.close()
        return False

    # -- its length and its end

    @property
    def trailers(self) -> List[Tuple[str, str]]:
        """Fields that came after a chunked body; empty until it has ended."""
        return list(self._framing.trailers)

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether it was closed."""
        return self._is_closed

    @property
    def fp(self) -> Any:  # type: ignore[override]
        """What stock handlers look at to see whether something is left to read."""
        return None if self._is_closed or self._ended else self

    @property
    def length(self) -> Any:  # type: ignore[override]
        """Bytes of the body still to come, None if that is not known."""
        return getattr(self._framing, "remaining", None) if self.is_sized() else None

    @property
    def content_length(self) -> Optional[int]:
        """Bytes of the whole body as sent, None if that was not said."""
        return self._framing.length if self.is_sized() else None

    def is_sized(self) -> bool:
        """Return whether the length of the body was known from the start."""
        return isinstance(self._framing, LengthDecoder)

    @property
    def chunked(self) -> Any:  # type: ignore[override]
        """Whether the body comes in chunks."""
        return not isinstance(self._framing, (LengthDecoder, CloseDecoder))

    def abort(self) -> None:
        """End the reading from another thread: it raises ConnectionLost there."""
        if not self._ended:
            self._stream.abort()

    def detach(self) -> Any:
        """Return the connection, for a protocol that HTTP was switched to (101).

        From then on it is the caller's; bytes that came early are in its `buffer`.
        The request needs `stream`: what was read to its end has no connection left.
        """
        stream = self._stream
        stream.buffer = self._framing.leftover
        release = self._release
        self._release = None
        self._is_closed = self._ended = True
        if release is not None:
            release(stream, None)
        return stream

    def flush(self) -> None:
        """Do nothing."""

    def fileno(self) -> int:
        """Return the number of the socket."""
        number: int = self._stream.sock.fileno()
        return number

    def close(self) -> None:
        """Close it; a body that was not read to its end costs the connection."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._release is not None:
            self._finish(False)
