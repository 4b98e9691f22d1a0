"""Server-sent events over HTTP: a URL in, events out, over many connections.

Spec: WHATWG HTML 9.2.  Holds: one open response.  Not here: the bytes
(formats/sse.py), the waiting (streams/reconnect.py), Wikimedia's positions
(streams/eventstreams.py).
"""

from __future__ import annotations

import random
import threading
from collections import deque
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Iterable,
    Iterator,
    Mapping,
    NoReturn,
    Optional,
    Tuple,
)

from ..clock import Clock
from ..errors import (
    ConnectionLost,
    LimitExceeded,
    ProtocolError,
    RetryLater,
    StatusError,
    TransportError,
    WikistdError,
)
from ..formats.headers import parse_http_date, parse_retry_after
from ..formats.sse import (
    MAX_SSE_EVENT_BYTES,
    MAX_SSE_LINE_BYTES,
    EventParser,
    ServerSentEvent,
)
from ..web.client import HttpClient
from ..web.origins import without_userinfo
from ..web.request import WebRequest, header_pairs
from .arrivals import (
    STREAM_READ_BYTES,
    close_stream_response,
    make_stream_request,
    no_stream_error,
)
from .reconnect import (
    MAX_DELAY_SECONDS,
    MAX_WAIT_SECONDS,
    MIN_DELAY_SECONDS,
    BackOff,
    judge_answer,
)
from .telling import log_stream

STREAM_IDLE_SECONDS = 90.0  # six of Mastodon's heartbeats; Wikimedia cuts at 60
MAX_REASON_BYTES = 2000  # of an error page that are looked at for its reason
MAX_REASON_CHARACTERS = 300  # of it in the error's sentence
#: A server may put these into an id, but no header can carry them.  (NUL, CR and LF
#: cannot come from a server: the header's own check refuses a caller's.)
UNSENDABLE_IN_IDS = frozenset(
    "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11"
    "\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
)
EventHook = Callable[[Any], object]


class EventSource:
    """The events of `url`, over as many connections as it takes; an iterator.

    One thread iterates; `close()` may come from any other and ends a blocked `next()`,
    a connect, a handshake or a pause at once.  A context manager.

    A connection that ends, breaks or is silent for `idle_timeout` seconds (comments
    count as life) is made again with the last event id, after `retry_milliseconds` or
    what the server's `retry:` said, doubled with each failure in a row up to
    `max_delay_seconds`; so is one that `timeout` seconds after its begin, redirects
    included, is not answered yet.  429, 502, 503 and 504 wait as their Retry-After
    says.  204 ends the stream.  Any other status is StatusError, another content type
    ProtocolError; both are final, and so is a connection that can never be made (no
    such host, an untrusted certificate) before the first one stood.
    `max_attempts` failures in a row, where given, are final too.

    `on_open(response)` is called with each answer that is an event stream,
    `on_error(error)` with each error after which a further connection is made,
    `on_comment(text)` with each comment.
    """

    def __init__(
        self,
        url: str,
        *,
        client: Optional[HttpClient] = None,
        headers: Optional[Mapping[str, str]] = None,
        last_event_id: str = "",
        retry_milliseconds: int = 3000,
        timeout: float = 30.0,
        idle_timeout: Optional[float] = STREAM_IDLE_SECONDS,
        clock: Optional[Clock] = None,
        min_delay_seconds: float = MIN_DELAY_SECONDS,
        max_delay_seconds: float = MAX_DELAY_SECONDS,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        max_attempts: Optional[int] = None,
        max_line_bytes: int = MAX_SSE_LINE_BYTES,
        max_event_bytes: int = MAX_SSE_EVENT_BYTES,
        on_open: Optional[EventHook] = None,
        on_error: Optional[EventHook] = None,
        on_comment: Optional[Callable[[str], object]] = None,
        resume_from: Optional[Callable[[], Tuple[str, str]]] = None,
    ) -> None:
        self.url = url
        self.headers: Dict[str, str] = dict(headers or {})
        self._last_event_id = last_event_id
        self._last_event: Optional[ServerSentEvent] = None
        self.timeout = timeout
        self.idle_timeout = idle_timeout
        self.max_wait_seconds = max_wait_seconds
        self.max_attempts = max_attempts
        self.max_line_bytes = max_line_bytes
        self.max_event_bytes = max_event_bytes
        self.on_open = on_open
        self.on_error = on_error
        self.on_comment = on_comment
        self.reconnects = 0
        self.connections = 0
        self.bytes = 0
        self.comments = 0
        self.was_open = False
        self._resume_from = resume_from
        self._clock = clock or Clock()
        self._back_off = BackOff(
            retry_milliseconds,
            min_delay_seconds=min_delay_seconds,
            max_delay_seconds=max_delay_seconds,
        )
        self._own_client = client is None
        self._client = HttpClient() if client is None else client
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._request: Optional[WebRequest] = None  # what close() has to cancel
        self._response: Any = None
        self._paused = False
        self._parser: Optional[EventParser] = None
        self._ready: Deque[ServerSentEvent] = deque()
        self._parsed = 0

    @property
    def retry_milliseconds(self) -> int:
        """The reconnection time: the one given, or the server's."""
        return self._back_off.retry_milliseconds

    @property
    def is_open(self) -> bool:
        """Whether a connection stands."""
        return self._response is not None

    @property
    def is_closed(self) -> bool:
        """Whether `close()` was called or the stream ended."""
        return self._closed.is_set()

    def __iter__(self) -> Iterator[ServerSentEvent]:
        # A generator gives out what has arrived at twice the speed of __next__.
        ready = self._ready
        take = ready.popleft
        while self._fill():
            try:
                while ready:
                    self._last_event = event = take()
                    yield event
            except IndexError:
                continue  # closed by another thread in this very moment

    def __next__(self) -> ServerSentEvent:
        if not self._fill():
            raise StopIteration
        try:
            self._last_event = event = self._ready.popleft()
        except IndexError:
            raise StopIteration from None  # closed in this very moment
        return event

    @property
    def last_event_id(self) -> str:
        """The id to resume from: that of the last event given out, or set later."""
        event = self._last_event
        return self._last_event_id if event is None else event.id

    @last_event_id.setter
    def last_event_id(self, value: str) -> None:
        self._last_event_id = value
        self._last_event = None

    @property
    def events(self) -> int:
        """How many events were given out."""
        return self._parsed - len(self._ready)

    def _fill(self) -> bool:
        """Get events ready; return False when no more will come."""
        while not self._ready:
            if self._closed.is_set():
                return False
            try:
                self._advance()
            except BaseException:
                # Whatever ended it, Ctrl-C too, ends the connection with it.
                self._drop()
                raise
        return True

    def _advance(self) -> None:
        """Do one thing: connect, read what has arrived, or wait."""
        try:
            if self._response is None:
                self._connect()
            else:
                self._read()
        except TransportError as error:
            self._drop()
            if self._closed.is_set():
                return
            if self._paused:
                self._paused = False
                return
            if not self.was_open and not error.retryable:
                raise
            self._wait(error)
        except RetryLater as error:
            self._drop()
            self._wait(error, error.after_seconds)

    def _connect(self) -> None:
        parser, self._parser = self._parser, None
        if parser is not None:
            self.last_event_id = parser.last_event_id
        url, last_event_id = self.url, self.last_event_id
        if self._resume_from is not None:
            url, last_event_id = self._resume_from()
        request = self._make_request(url, last_event_id)
        with self._lock:
            if self._closed.is_set():
                return
            self._request = request
            self._paused = False
        if self.connections:
            self.reconnects += 1
        self.connections += 1
        try:
            response = self._client.open(request)
        except StatusError as error:
            self._is_stream(error.status, error.headers, error)
            return
        except ProtocolError as error:
            self._was_garbled(error)
        with self._lock:
            self._response = response
        if self._closed.is_set():
            self._drop()
            return
        if not self._is_stream(response.status, response.headers.items()):
            return
        self.was_open = True
        self._parser = EventParser(
            max_line_bytes=self.max_line_bytes,
            max_event_bytes=self.max_event_bytes,
            on_comment=self._hear_comment,
            last_event_id=self.last_event_id,
        )
        if self.on_open is not None:
            self.on_open(response)

    def _make_request(self, url: str, last_event_id: str) -> WebRequest:
        request = make_stream_request(
            url,
            timeout=self.timeout,
            idle_timeout=self.idle_timeout,
            clock=self._clock,
        )
        request.connect_timeout = self.timeout
        for name, value in {**self._client.headers, **self.headers}.items():
            request.remove_header(name.capitalize())  # None takes one away.
            for pair in header_pairs({name: value}):
                request.add_header(*pair)
        if last_event_id and UNSENDABLE_IN_IDS.isdisjoint(last_event_id):
            # Header values are latin-1 on the way, the id is UTF-8 (WHATWG 9.2.3).
            id_sent = last_event_id.encode("utf-8").decode("latin-1")
            request.add_header("Last-Event-ID", id_sent)
        return request

    def _is_stream(
        self,
        status: int,
        headers: Iterable[Tuple[str, str]],
        error: Optional[StatusError] = None,
    ) -> bool:
        """Return whether an answer is an event stream; end, or raise what it means."""
        fields = {name.lower(): value for name, value in headers}
        content_type = fields.get("content-type", "")
        verdict = judge_answer(status, content_type)
        if verdict == "open":
            return True
        if verdict == "end":
            self.close()
            return False
        shown = without_userinfo(self.url)
        if verdict == "wait":
            asked = parse_retry_after(fields.get("retry-after", ""), self._clock.now())
            raise RetryLater(
                "http-%d" % status, "%s is not ready" % shown, after_seconds=asked
            )
        if status == 200:
            raise no_stream_error(self.url, content_type)
        if error is None:
            error = self._response.status_error()
            error.message = (
                "%s answers with status %d, not with an event stream%s"
                % (shown, status, told_reason(content_type, error.body))
            )
        raise error

    def _read(self) -> None:
        parser = self._parser
        assert parser is not None
        if parser.error is not None:
            raise parser.error  # the events before it have been given out
        try:
            data = self._response.read1(STREAM_READ_BYTES)
        except ProtocolError as error:
            self._was_garbled(error)
        if not data:
            raise ConnectionLost("the server ended the stream", phase="body")
        self.bytes += len(data)
        events = parser.feed(data)
        if parser.retry_milliseconds is not None:
            self._back_off.retry_milliseconds = parser.retry_milliseconds
        if events:
            self._back_off.event_arrived()
            self._parsed += len(events)
            self._ready.extend(events)
            if self._closed.is_set():
                self._forget()

    def _was_garbled(self, error: ProtocolError) -> NoReturn:
        # A stream that worked and then breaks HTTP was cut by something in between.
        if isinstance(error, LimitExceeded) or not self.was_open:
            raise error
        raise ConnectionLost(str(error), phase="body", retryable=True) from error

    def _hear_comment(self, text: str) -> None:
        self.comments += 1
        if self.on_comment is not None:
            self.on_comment(text)

    def _wait(self, error: WikistdError, asked_seconds: Optional[float] = None) -> None:
        """Tell of `error` and pause before the next connection, or raise it."""
        if asked_seconds is not None and asked_seconds > self.max_wait_seconds:
            raise error
        delay = self._back_off.next_delay(random.random(), asked_seconds)
        if self.max_attempts is not None:
            if self._back_off.failures >= self.max_attempts:
                raise error
        if self.on_error is not None:
            self.on_error(error)
        # The first break of a stream that worked is its daily life, the second is not.
        level = "info" if self._back_off.failures == 1 else "warning"
        shown = without_userinfo(self.url)
        log_stream(level, "%s: %s; again in %.1f s", shown, error, delay)
        self._clock.wait(self._closed, delay)

    def disconnect(self) -> None:
        """Close the connection only; the next `next()` makes another and resumes."""
        self._paused = self._response is not None
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            response, self._response = self._response, None
            self._request = None
        if response is not None:
            close_stream_response(response)

    def close(self) -> None:
        """End the stream for good, from any thread.  Idempotent."""
        self._closed.set()
        self._forget()
        with self._lock:
            request, response = self._request, self._response
        if request is not None:
            request.cancel()
        if response is not None:
            # A blocked reader wakes by the shutdown; close() alone would wait for it.
            response.abort()
        if self._own_client:
            self._client.close()

    def _forget(self) -> None:
        """Drop the events that nobody will ask for."""
        self._parsed -= len(self._ready)
        self._ready.clear()

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "EventSource cannot be pickled: make one where it is needed, with "
            "last_event_id= of this one"
        )

    def __enter__(self) -> EventSource:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
        self._drop()

    def __del__(self) -> None:
        if hasattr(self, "_ready"):
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open" if self.is_open else "waiting"
        return "<EventSource %s %s, %d events>" % (
            without_userinfo(self.url),
            state,
            self.events,
        )


def told_reason(content_type: str, body: bytes) -> str:
    """Return "; it says: ..." where an error's body is text for people or programs."""
    if "html" in content_type.lower():
        return ""
    text = body[:MAX_REASON_BYTES].decode("utf-8", "replace")
    words = "".join(c if c.isprintable() else " " for c in text).split()
    said = " ".join(words)[:MAX_REASON_CHARACTERS]
    return "; it says: " + said if said else ""


def server_time_milliseconds(headers: Any, now: float) -> Optional[int]:
    """Return the server's clock from its Date header, or None; `now` is ours."""
    moment = parse_http_date(headers.get("Date") or "", now)
    return None if moment is None else int(moment) * 1000
