"""Response: an answer being read.  Private names of http.client live here, if anywhere.

In: a connection (or file) and the head that formats/http1.py made of it.  Out: the
body, as a file, whole, by lines or as it arrives, with text and JSON made of it.
Spec: RFC 9112 6 and 8.  Holds: the connection, until the body has ended.
Not here: sending (web/keepalive.py), compression (web/decoding.py).
"""

from __future__ import annotations

import http.client
import json
import re
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Tuple

from ..clock import Deadline
from ..errors import ConnectionLost, LimitExceeded, ProtocolError, StatusError
from ..formats.http1 import (
    CloseDecoder,
    HeaderFields,
    LengthDecoder,
    ResponseHead,
)
from .connect import RECEIVE_BYTES, transport_error
from .origins import without_userinfo

if TYPE_CHECKING:
    import datetime

MAX_CONTENT_BYTES = 2**28  # read into memory at once; larger answers are for download()
RESPONSE_LINE_BYTES = 2**20  # aiohttp stops at 64 KB; dumps have longer lines
DECODE_BYTES = 16384  # decoded at once, at least
STATUS_BODY_BYTES = 65536  # of an error page, kept in StatusError

_RESPONSE_XML_CHARSET = re.compile(
    rb"""<\?xml[^>]{1,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)


class FileStream:
    """A binary file in the place of a connection, for answers from elsewhere."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.buffer = b""
        self.received = 0

    def receive(
        self, size: int, deadline: Optional[Deadline], idle: Optional[float]
    ) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        data: bytes = self.source.read(size)
        self.received += len(data)
        return data

    def abort(self) -> None:
        """Nothing can be woken here."""

    def close(self) -> None:
        """Close the file."""
        self.source.close()


class Response(http.client.HTTPResponse):
    """An answer.  One owner; `abort()` may be called from any thread.

    A binary file, and a `http.client.HTTPResponse` for whoever asks; `content`, `text`
    and `json()` for who wants it whole.  Close it, or read it to its end: until then it
    keeps its connection.  A body that is cut short raises ConnectionLost, whichever way
    it is read, one that breaks HTTP ProtocolError, one past its time TransportTimeout.
    """

    # What most responses never change stands here: 1 us less for each of them.
    max_body_bytes: Optional[int] = None
    #: Bytes of the body that came so far, after decoding.
    total_bytes = 0
    #: Seconds from sending the request to the end of the head.
    elapsed_seconds = 0.0
    _decoder: Any = None
    _buffer = b""
    _offset = 0
    _pending = b""
    _content: Optional[bytes] = None
    _encoding: Optional[str] = None
    _error: Optional[BaseException] = None
    _is_closed = False
    _ended = False

    def __init__(
        self,
        stream: Any,
        framing: Any,
        head: ResponseHead,
        *,
        url: str = "",
        request: Any = None,
        deadline: Optional[Deadline] = None,
        idle_timeout: Optional[float] = None,
        release: Optional[Callable[[Any, Optional[bool]], None]] = None,
        is_reusable: bool = False,
    ) -> None:
        # HTTPResponse.__init__ is not called: it would make a file of a socket.
        self.status = self.code = head.status
        self.reason = self.msg = head.reason  # type: ignore[assignment]
        self.headers = head.fields  # type: ignore[assignment]
        self.version = 10 + head.minor_version
        self.url = url
        self.request = request
        self.deadline = deadline
        self.idle_timeout = idle_timeout
        self._stream = stream
        self._framing = framing
        self._release = release
        self._is_reusable = is_reusable
        leftover = stream.buffer
        if leftover:
            stream.buffer = b""
            self._pending = framing.feed(leftover)
        if head.status == 101:
            # The connection now speaks another protocol: kept for `detach`.
            self._ended = True
        elif framing.is_done:
            self._finish()

    # -- what came with the head

    @property
    def status_code(self) -> int:
        """The status, as requests names it."""
        return self.status

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def history(self) -> List[Any]:
        """The redirects and refusals that led here, oldest first."""
        return list(getattr(self.request, "history", ()))

    @property
    def elapsed(self) -> datetime.timedelta:
        """Time from sending the request to the end of the head."""
        import datetime

        return datetime.timedelta(seconds=self.elapsed_seconds)

    @property
    def trailers(self) -> List[Tuple[str, str]]:
        """Fields that came after a chunked body; empty until it has ended."""
        return list(self._framing.trailers)

    def info(self) -> Any:
        """Return the header fields."""
        return self.headers

    def geturl(self) -> str:
        """Return the URL this answer is from."""
        return self.url

    def getcode(self) -> int:
        """Return the status."""
        return self.status

    def getheader(self, name: str, default: Any = None) -> Any:
        """Return all values of a field joined by commas, or `default`."""
        values = self.headers.get_all(name)
        return ", ".join(values) if values else default

    def getheaders(self) -> List[Tuple[str, str]]:
        """Return (name, value) pairs in order."""
        return self.headers.items()

    def raise_for_status(self) -> None:
        """Raise StatusError if the status is 400 or more."""
        if self.status < 400:
            return
        raise self.status_error()

    def status_error(self) -> StatusError:
        """Return the StatusError for this answer, with the start of its body."""
        body = b""
        try:
            body = self._content or self._read_upto(STATUS_BODY_BYTES)
        except (OSError, ProtocolError):
            # The status is what counts; its page is only help.
            body = b""
        shown = without_userinfo(self.url)
        return StatusError(
            "%s answered %d %s" % (shown, self.status, self.reason),
            status=self.status,
            url=shown,
            headers=self.headers.items(),
            body=body[:STATUS_BODY_BYTES],
            response=self,
        )

    # -- the body, from below

    def decode_with(self, decoder: Any) -> None:
        """Undo a content coding from here on: an object with push, pull and finish."""
        self._decoder = decoder
        if decoder is not None and self._pending:
            decoder.push(self._pending)
            self._pending = b""

    def _finish(self) -> None:
        """The body has ended: give the connection back."""
        self._ended = True
        release = self._release
        if release is not None:
            self._release = None
            framing = self._framing
            release(self._stream, self._is_reusable and not framing.leftover)

    def _drop(self) -> None:
        """The body is given up: its connection can serve nobody else."""
        self._ended = True
        release = self._release
        self._release = None
        if release is not None:
            release(self._stream, False)

    def _receive(self, size: int) -> bytes:
        """Return the next bytes of the body as sent, b"" at its end."""
        pending = self._pending
        if pending:
            self._pending = b""
            return pending
        if self._error is not None:
            raise self._error
        framing = self._framing
        size = min(size, RECEIVE_BYTES)  # memory for that much is taken before it comes
        try:
            while not self._ended:
                data = self._stream.receive(
                    framing.wanted(size), self.deadline, self.idle_timeout
                )
                if data:
                    payload: bytes = framing.feed(data)
                else:
                    payload = b""
                    self._check_aborted()
                    framing.feed_eof()
                if framing.is_done:
                    self._finish()
                if payload:
                    return payload
        except BaseException as error:
            raise self._failed(error) from None
        if self._is_closed and not framing.is_done:
            raise ValueError("the response is closed")
        return b""

    def _check_aborted(self) -> None:
        if getattr(self._stream, "aborted", False):
            raise ConnectionLost("the request was cancelled", phase="body")

    def _failed(self, error: BaseException) -> BaseException:
        if getattr(self._stream, "aborted", False) and isinstance(error, OSError):
            error = ConnectionLost("the request was cancelled", phase="body")
        self._drop()
        ours = transport_error(
            error, "body", url=without_userinfo(self.url), peer=self._peer()
        )
        if isinstance(ours, ConnectionLost):
            ours.received = ours.received or self.total_bytes
            ours.retryable = not getattr(self._stream, "aborted", False)
        if ours is not error:
            ours.__cause__ = error
        if isinstance(ours, Exception):
            self._error = ours
        return ours

    def _peer(self) -> str:
        return getattr(self.request, "host", None) or "the server"

    def _more(self, size: int) -> bytes:
        """Return the next decoded bytes, about `size`, b"" at the end of the body."""
        decoder = self._decoder
        if decoder is None:
            data = self._receive(size)
        else:
            try:
                # Each call copies the input that is left: never for a few bytes only.
                size = max(size, DECODE_BYTES)
                data = decoder.pull(size)
                while not data:
                    raw = self._receive(RECEIVE_BYTES)
                    if not raw:
                        decoder.finish()
                        break
                    decoder.push(raw)
                    data = decoder.pull(size)
            except ProtocolError as error:
                raise self._failed(error) from None
            except ConnectionLost as error:
                raise self._failed(error) from None
        self.total_bytes += len(data)
        limit = self.max_body_bytes
        if limit is not None and self.total_bytes > limit:
            raise self._failed(self._too_large(limit))
        return data

    def _too_large(self, limit: int) -> LimitExceeded:
        return LimitExceeded(
            "body of %s exceeds max_body_bytes=%d: use download(), stream=True or a "
            "higher limit" % (without_userinfo(self.url), limit),
            name="max_body_bytes",
            limit=limit,
        )

    def _take_buffer(self) -> bytes:
        data = self._buffer[self._offset :] if self._offset else self._buffer
        self._buffer = b""
        self._offset = 0
        return data

    def _read_upto(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end of the body."""
        offset = self._offset
        have = len(self._buffer) - offset
        if have >= size:
            self._offset = offset + size
            return self._buffer[offset : offset + size]
        if have:
            pieces = [self._take_buffer()]
            size -= have
        else:
            data = self._more(size)
            if len(data) >= size:
                if len(data) > size:
                    # More than asked for had come along with the head.
                    self._buffer = data
                    self._offset = size
                    data = data[:size]
                return data
            if not data:
                return data
            pieces = [data]
            size -= len(data)
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

    # -- the body as a file

    def read(self, amt: Optional[int] = None) -> bytes:
        """Return `amt` bytes, fewer only at the end of the body; or all the rest."""
        if amt is not None and amt >= 0:
            return self._read_upto(amt)
        limit = self.max_body_bytes
        if limit is None:
            # Whoever wants it all at once gets it in memory, and so a limit.
            limit = MAX_CONTENT_BYTES
        announced = self._framing.remaining
        if announced and isinstance(self._framing, LengthDecoder):
            if announced > limit:
                self._drop()
                raise self._too_large(limit)
        pieces = [self._take_buffer()]
        size = len(pieces[0])
        while True:
            data = self._more(RECEIVE_BYTES)
            if not data:
                break
            pieces.append(data)
            size += len(data)
            if size > limit:
                raise self._failed(self._too_large(limit))
        return pieces[1] if len(pieces) == 2 and not pieces[0] else b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """Read into a writable buffer; return how many bytes, 0 at the end."""
        with memoryview(buffer).cast("B") as view:
            data = self._read_upto(len(view))
            view[: len(data)] = data
        return len(data)

    def readinto1(self, buffer: Any) -> int:
        """Read what is there into a writable buffer; return how many bytes."""
        with memoryview(buffer).cast("B") as view:
            data = self.read1(len(view))
            view[: len(data)] = data
        return len(data)

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
            self._buffer = self._more(RECEIVE_BYTES)
            self._offset = 0
        return self._buffer[self._offset :]

    def readline(self, limit: int = -1) -> bytes:  # type: ignore[override]
        """Return the next line with its line feed, `limit` bytes at most."""
        if limit is None or limit < 0:
            return self._read_line(RESPONSE_LINE_BYTES, False)
        return self._read_line(limit, True)

    def _read_line(self, limit: int, is_soft: bool) -> bytes:
        pieces: List[bytes] = []
        size = 0
        while size < limit or not is_soft:
            if self._offset >= len(self._buffer):
                self._buffer = self._more(RECEIVE_BYTES)
                self._offset = 0
                if not self._buffer:
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
                raise self._failed(self._line_too_long(limit))
            if found >= 0 and end == found + 1:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _line_too_long(self, limit: int) -> LimitExceeded:
        return LimitExceeded(
            "line of more than %d bytes in the body of %s"
            % (limit, without_userinfo(self.url)),
            name="limit",
            limit=limit,
        )

    def __iter__(self) -> Iterator[bytes]:
        while True:
            line = self.readline()
            if not line:
                return
            yield line

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def readlines(self, hint: Optional[int] = -1) -> List[bytes]:
        """Return the remaining lines, about `hint` bytes of them if it is positive."""
        lines: List[bytes] = []
        size = 0
        for line in self:
            lines.append(line)
            size += len(line)
            if hint is not None and 0 < hint <= size:
                break
        return lines

    # -- the body as it arrives

    def readany(self) -> bytes:
        """Return what has arrived, b"" at the end; waits only if there is nothing."""
        if self._offset < len(self._buffer):
            return self._take_buffer()
        return self._more(RECEIVE_BYTES)

    def readexactly(self, n: int) -> bytes:
        """Return exactly `n` bytes; ConnectionLost if the body ends before."""
        data = self._read_upto(n)
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
                raise self._failed(
                    LimitExceeded(
                        "%d bytes without the separator %s, limit=%d"
                        % (end, ascii(separator[:20])[1:], limit),
                        name="limit",
                        limit=limit,
                    )
                )
            if found >= 0:
                self._buffer = data
                self._offset = end
                return data[:end]
            searched = len(data)
            more = self._more(RECEIVE_BYTES)
            if not more:
                return data
            data += more

    def iter_lines(self, limit: int = RESPONSE_LINE_BYTES) -> Iterator[bytes]:
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
        while True:
            data = self._read_upto(n)
            if not data:
                return
            yield data

    def iter_any(self) -> Iterator[bytes]:
        """Yield the bytes as they arrive."""
        while True:
            data = self.readany()
            if not data:
                return
            yield data

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

    # -- the body whole

    def load(self) -> bytes:
        """Read the whole body into `content`; reading as a file then starts there."""
        content = self._content
        if content is None:
            if self._ended and self._decoder is None and not self._buffer:
                # All of it came along with the head.
                content = self._pending
                self._pending = b""
                self.total_bytes = len(content)
                limit = self.max_body_bytes
                if limit is not None and len(content) > limit:
                    raise self._failed(self._too_large(limit))
            else:
                content = self.read()
            self._content = self._buffer = content
            self._offset = 0
        return content

    @property
    def content(self) -> bytes:
        """The whole body (what is left of it, if some of it was read before)."""
        content = self._content
        return content if content is not None else self.load()

    @property
    def encoding(self) -> str:
        """The charset `text` uses: as set, by header, by XML declaration, or utf-8."""
        if self._encoding is not None:
            return self._encoding
        charset = self.headers.get_content_charset()
        if charset is None and "xml" in self.headers.get("content-type", "text/xml"):
            match = _RESPONSE_XML_CHARSET.match(self.content[:300])
            charset = match.group(1).decode("ascii").lower() if match else None
        return charset or "utf-8"

    @encoding.setter
    def encoding(self, value: Optional[str]) -> None:
        self._encoding = value

    @property
    def charset(self) -> Optional[str]:
        """The charset that the Content-Type header names, None if it does not."""
        charset: Optional[str] = self.headers.get_content_charset()
        return charset

    @property
    def text(self) -> str:
        """The body as text; what cannot be decoded is replaced by U+FFFD."""
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:
            # The server named a charset that Python does not know.
            return self.content.decode("utf-8", "replace")

    def json(self, **kwargs: Any) -> Any:
        """Return the body parsed as JSON (UTF-8, or what `encoding` was set to)."""
        content = self._content
        if content is None:
            content = self.load()
        try:
            if self._encoding is not None:
                text = content.decode(self._encoding)
            else:
                text = str(content, "utf-8")
                if text[:1] == "\ufeff":
                    text = text[1:]
            return json.loads(text, **kwargs)
        except (ValueError, RecursionError) as error:
            raise self._not_json(error) from error

    def _not_json(self, error: BaseException) -> ProtocolError:
        kind = self.headers.get("content-type", "no Content-Type")
        return ProtocolError(
            "answer %d of %s (%s, %d bytes) is not JSON: %s"
            % (
                self.status,
                without_userinfo(self.url),
                kind,
                len(self.content),
                error
                if isinstance(error, json.JSONDecodeError)
                else type(error).__name__,
            ),
            spec="RFC 8259",
        )

    # -- the end

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether it was closed."""
        return self._is_closed

    def isclosed(self) -> bool:
        """Return whether the body has ended or the response was closed."""
        return self._is_closed or self._ended

    @property
    def fp(self) -> Any:  # type: ignore[override]
        """What stock handlers look at to see whether something is left to read."""
        return None if self.isclosed() else self

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

    @property
    def will_close(self) -> Any:  # type: ignore[override]
        """Whether the connection ends with this answer."""
        return not self._is_reusable

    def abort(self) -> None:
        """End the reading from another thread: it raises ConnectionLost there."""
        self._stream.abort()

    def detach(self) -> Any:
        """Return the connection, for a protocol that HTTP was switched to (101).

        From then on it is the caller's; bytes that came early are in its `buffer`.
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

    def readable(self) -> bool:
        """Return True."""
        return True

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
            self._drop()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<Response %d %s>" % (self.status, without_userinfo(self.url))


def response_of_file(
    source: Any,
    status: int,
    headers: HeaderFields,
    *,
    reason: str = "",
    url: str = "",
    request: Any = None,
) -> Response:
    """Return a Response whose body is a binary file."""
    stream = FileStream(source)
    return Response(
        stream,
        CloseDecoder(),
        ResponseHead(
            status, reason or http.client.responses.get(status, ""), 1, headers
        ),
        url=url,
        request=request,
        release=lambda stream, _: stream.close(),
    )


def response_of_stock(response: Any, request: Any) -> Response:
    """Return a Response that reads one of urllib's own."""
    return response_of_file(
        response,
        response.code,
        HeaderFields(response.headers.items()),
        reason=str(response.msg),
        url=response.geturl(),
        request=request,
    )
