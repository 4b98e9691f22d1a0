"""Response: an answer; what came with its head, and its body made into text and JSON.

In: a connection (or file) and the head that formats/http1.py made of it.  Out: status,
headers, content.  Spec: RFC 9110 15, RFC 8259.  Holds: the body, once read whole.
Not here: reading it (web/reading.py), sending (web/exchange.py).
"""

from __future__ import annotations

import http.client
import json
import re
from typing import TYPE_CHECKING, Any, Callable, List, NoReturn, Optional

from ..clock import Deadline
from ..errors import ProtocolError, StatusError
from ..formats.http1 import HeaderFields, ResponseHead
from ..formats.http1body import CloseDecoder
from .origins import without_userinfo
from .reading import MAX_CONTENT_BYTES, BodyReader

if TYPE_CHECKING:
    import datetime

STATUS_BODY_BYTES = 65536  # of an error page, kept in StatusError
#: Codecs for names of hosts: they replace nothing, and take quadratic time.
UNFIT_CHARSETS = ("idna", "punycode")

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


class Response(BodyReader):
    """An answer.  One owner; `abort()` may be called from any thread.

    A binary file, and a `http.client.HTTPResponse` for whoever asks; `content`, `text`
    and `json()` for who wants it whole.  Close it, or read it to its end: until then it
    keeps its connection.  A body that is cut short raises ConnectionLost, whichever way
    it is read, one that breaks HTTP ProtocolError, one past its time TransportTimeout.
    """

    #: Seconds from sending the request to the end of the head.
    elapsed_seconds = 0.0
    _content: Optional[bytes] = None
    _encoding: Optional[str] = None

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
        self.url = url
        self.request = request
        self.status = self.code = status = head.status
        self.reason = self.msg = head.reason  # type: ignore[assignment]
        self.headers = head.fields  # type: ignore[assignment]
        self.version = 10 + head.minor_version
        self.deadline = deadline
        self.idle_timeout = idle_timeout
        self._release = release
        self._is_reusable = is_reusable
        super().__init__(stream, framing, status == 101)

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

    def raise_for_status(self) -> None:
        """Raise StatusError if the status is 400 or more."""
        if self.status < 400:
            return
        raise self.status_error()

    def status_error(self) -> StatusError:
        """Return the StatusError for this answer, with the start of its body."""
        body = b""
        try:
            if self.call_deadline is not None:
                self.deadline = self.call_deadline
            body = self._content or self.read(STATUS_BODY_BYTES)
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

    # -- the body whole

    def load(self) -> bytes:
        """Read the whole body into `content`; reading as a file then starts there."""
        content = self._content
        if content is None:
            is_whole = self._ended and self._release is None
            if is_whole and self._decoder is None and not self._buffer:
                # All of it came along with the head.
                content = self._pending
                self._pending = b""
                self.total_bytes = len(content)
                limit = self.max_body_bytes
                if limit is not None and len(content) > limit:
                    raise self._too_large(limit)
            else:
                content = self.read()
            self._content = self._buffer = content
            self._offset = 0
        return content

    def hold(self) -> None:
        """Take in the rest of the body as it was sent; it is decoded when it is read.

        Its connection is free then, and compressed it takes less memory.
        """
        limit = self.max_body_bytes
        if limit is None:
            limit = MAX_CONTENT_BYTES
        pieces: List[bytes] = []
        self._take_all(self._receive, pieces, limit)
        self._pending = b"".join(pieces)

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
        encoding = self.encoding
        if encoding.lower() not in UNFIT_CHARSETS:
            try:
                return self.content.decode(encoding, "replace")
            except (LookupError, ValueError):
                pass  # The server named a charset that Python does not know.
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

    @property
    def will_close(self) -> Any:  # type: ignore[override]
        """Whether the connection ends with this answer."""
        return not self._is_reusable

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "Response cannot be pickled, for it holds a connection: take what you need "
            "of it, such as `status`, `headers` and `content`"
        )

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
