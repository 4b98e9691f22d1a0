"""WebSocket for clients: a URL in, messages out and in, over our own connecting.

Spec: RFC 6455.  Holds: one connection, and a thread that reads it.  Not here: frames
(formats/frames.py), the handshake's headers (formats/upgrade.py).
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Union,
)

from ..clock import Deadline
from ..errors import (
    ConnectionLost,
    HandshakeRefused,
    LimitExceeded,
    ProtocolError,
    StatusError,
    StreamEnded,
    TransportTimeout,
    WebSocketError,
    WikistdError,
)
from ..formats.frames import (
    CLOSE_ABNORMAL,
    CLOSE_GOING_AWAY,
    CLOSE_MESSAGE_TOO_BIG,
    CLOSE_NO_STATUS,
    CLOSE_OK,
    CLOSE_PROTOCOL_ERROR,
    MAX_MESSAGE_BYTES,
    MSG_CLOSE,
    MSG_PING,
    MSG_PONG,
    Message,
    WebSocketParser,
    WebSocketWriter,
)
from ..formats.upgrade import can_deflate, finish_handshake, make_handshake
from ..web.client import HttpClient
from ..web.connect import transport_error
from ..web.origins import without_userinfo
from ..web.request import WebRequest
from .wire import WebSocketWire

WEBSOCKET_TIMEOUT = 30.0  # seconds to connect and to be answered
WEBSOCKET_PING_SECONDS = 20.0  # as websockets; most proxies cut after 60 of silence
WEBSOCKET_CLOSE_SECONDS = 10.0  # to wait for the other close frame
WEBSOCKET_MAX_SECONDS = threading.TIMEOUT_MAX / 2  # locks refuse to wait for longer
WEBSOCKET_QUEUE = 1000  # messages kept for a slow consumer, then TCP slows the sender
WEBSOCKET_DRAIN_SECONDS = 2.0  # after an error, until the far side has closed
WEBSOCKET_DRAIN_BYTES = 4 << 20
#: Codes by which a peer says that all is well.
CLOSE_CODES_OF_PEACE = (CLOSE_OK, CLOSE_GOING_AWAY, CLOSE_NO_STATUS)


def connect_websocket(
    url: str,
    *,
    protocols: Sequence[str] = (),
    headers: Optional[Mapping[str, str]] = None,
    client: Optional[HttpClient] = None,
    timeout: float = WEBSOCKET_TIMEOUT,
    compress: bool = True,
    ping_seconds: Optional[float] = WEBSOCKET_PING_SECONDS,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    max_queue: int = WEBSOCKET_QUEUE,
    on_request: Optional[Callable[[WebRequest], object]] = None,
) -> WebSocketConnection:
    """Connect to a `ws:` or `wss:` URL (`http:` and `https:` mean the same).

    The handshake goes through `client` (by default a new one): its TLS settings,
    proxies, cookies and credentials.  `on_request(request)` gets the request before it
    is sent; its `cancel()` ends a connect from another thread.  HandshakeRefused, with
    status and headers, where the server does not switch; HeaderError where it switches
    to something else.
    """
    scheme, mark, rest = url.partition("://")
    scheme = {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme)
    nonce = os.urandom(16)
    compress = compress and can_deflate()
    request = WebRequest(scheme + mark + rest, stream=True)
    for name, value in make_handshake(nonce, protocols, compress=compress):
        request.add_header(name, value)
    own_client = client is None
    client = HttpClient() if client is None else client
    for name, value in {**client.headers, **(headers or {})}.items():
        request.add_header(name, value)
    request.deadline = Deadline(timeout)
    request.connect_timeout = timeout
    request.is_tunnelled = True
    if on_request is not None:
        on_request(request)
    connection: Any = None
    try:
        response = open_handshake(client, request)
        connection = response.detach()
        protocol, parser, writer = finish_handshake(
            nonce,
            response.headers.items(),
            protocols,
            compress=compress,
            max_message_bytes=max_message_bytes,
        )
        return WebSocketConnection(
            WebSocketWire(connection, ping_seconds),
            parser,
            writer,
            url=without_userinfo(url),
            subprotocol=protocol,
            max_queue=max_queue,
            on_end=client.close if own_client else None,
        )
    except BaseException:
        if connection is not None:
            connection.abort()
            connection.close()
        if own_client:
            client.close()
        raise


def open_handshake(client: HttpClient, request: WebRequest) -> Any:
    """Return the 101 answer to a handshake, or raise HandshakeRefused."""
    url = without_userinfo(request.full_url)
    try:
        response = client.open(request)
        if response.status == 101:
            return response
        with response:
            raise response.status_error()
    except StatusError as error:
        raise HandshakeRefused(
            "%s does not switch to WebSocket: it answers %d" % (url, error.status),
            status=error.status,
            url=url,
            headers=error.headers,
            body=error.body,
        ) from error


def lock_seconds(timeout: Optional[float]) -> float:
    """Return what a lock takes for `timeout` seconds; None is as long as it takes."""
    if timeout is None:
        return WEBSOCKET_MAX_SECONDS
    return max(0.0, min(timeout, WEBSOCKET_MAX_SECONDS))


class WebSocketConnection:
    """One WebSocket connection.  Thread-safe; a context manager and an iterator.

    A thread of its own reads: it answers pings, and sends one when nothing came for
    `ping_seconds`; when nothing comes for as long after that, the connection is lost.
    It keeps up to `max_queue` messages for the consumer, then stops reading.
    `close_code` and `close_reason` are the far side's, None while it is open, and
    1006 where it was lost without a close frame.
    """

    def __init__(
        self,
        wire: WebSocketWire,
        parser: WebSocketParser,
        writer: WebSocketWriter,
        *,
        url: str = "",
        subprotocol: Optional[str] = None,
        max_queue: int = WEBSOCKET_QUEUE,
        on_end: Optional[Callable[[], object]] = None,
    ) -> None:
        self.url = url
        self.subprotocol = subprotocol
        self.max_queue = max_queue
        self.close_code: Optional[int] = None
        self.close_reason = ""
        self.messages = 0
        self._wire = wire
        self._parser = parser
        self._writer = writer
        self._on_end = on_end
        self._send_lock = threading.Lock()
        self._close_sent = False
        self._ended_here = False  # by close() or abort()
        self._is_full = False  # the reader waits for room
        self._messages: Deque[Union[str, bytes]] = deque()
        self._changed = threading.Condition()
        self._ended = False  # nothing more is read
        self._gone = threading.Event()  # and nothing is open any more
        self._error: Optional[WikistdError] = None
        self._pings: Dict[bytes, threading.Event] = {}
        self._thread = threading.Thread(
            target=self._read_all, name="wikistd-websocket", daemon=True
        )
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return not self._close_sent and not self._ended

    @property
    def lag(self) -> int:
        """How many messages have arrived and were not taken yet."""
        return len(self._messages)

    @property
    def is_compressed(self) -> bool:
        """Whether permessage-deflate was agreed on."""
        return self._writer.deflate is not None

    def send(self, message: Union[str, bytes], binary: bool = False) -> None:
        """Send text (str) or binary (bytes).  ConnectionLost when it is closed."""
        self._send(self._writer.send, message, binary)

    def ping(
        self, message: bytes = b"", *, timeout: Optional[float] = None
    ) -> Optional[float]:
        """Send a ping; with `timeout`, wait for its pong and return the seconds."""
        if timeout is None:
            self._send(self._writer.ping, message)
            return None
        timeout = lock_seconds(timeout)
        message = message or os.urandom(4)
        arrived, begin = threading.Event(), time.monotonic()
        self._pings[message] = arrived
        try:
            self._send(self._writer.ping, message)
            if not arrived.wait(timeout):
                raise TransportTimeout("no pong in %g seconds" % timeout, url=self.url)
            if self._ended and message in self._pings:
                raise self._closed_error()
            return time.monotonic() - begin
        finally:
            self._pings.pop(message, None)

    def recv(self, timeout: Optional[float] = None) -> Union[str, bytes]:
        """Return the next message: str for text, bytes for binary.

        TransportTimeout after `timeout` seconds.  When the connection has ended and
        all messages were taken: StreamEnded if it was closed in peace, WebSocketError
        with its code if the far side complained, ConnectionLost if it broke.
        """
        messages = self._messages
        if not messages:
            with self._changed:
                self._changed.wait_for(
                    lambda: messages or self._is_over(), lock_seconds(timeout)
                )
        try:
            message = messages.popleft()
        except IndexError:
            if self._is_over():
                raise self._closed_error() from None
            raise TransportTimeout(
                "no message in %g seconds" % (timeout or 0), url=self.url
            ) from None
        if self._is_full and len(messages) < self.max_queue:
            self._wake()
        return message

    def _wake(self) -> None:
        """Let those who wait for a message, or for room, look again."""
        with self._changed:
            self._changed.notify_all()

    def _is_over(self) -> bool:
        """Return whether no further message can come."""
        return self.close_code is not None or self._error is not None or self._ended

    def __iter__(self) -> Iterator[Union[str, bytes]]:
        while True:
            try:
                message = self.recv()
            except StreamEnded:
                return
            yield message

    def close(
        self,
        code: int = CLOSE_OK,
        reason: str = "",
        *,
        timeout: Optional[float] = WEBSOCKET_CLOSE_SECONDS,
    ) -> None:
        """Say goodbye, wait up to `timeout` for the answer, close the socket.

        None waits as long as it takes.  From any thread, idempotent.  ValueError for a
        code that may not be sent.
        """
        timeout = lock_seconds(timeout)
        ends_at = time.monotonic() + timeout
        try:
            if self._say_close(code, reason, timeout):
                self._ended_here = True
            else:
                self.abort()
        except (WikistdError, OSError):
            pass  # it is gone already, which is what was wanted
        self._free_reader()
        if threading.current_thread() is not self._thread:
            left = max(0.0, ends_at - time.monotonic())
            if self._error is not None or not self._gone.wait(left):
                self._wire.abort()
            # Not join(): two threads at once fail in it before Python 3.10.
            self._gone.wait(timeout)

    def abort(self) -> None:
        """End the connection at once, without a close frame."""
        self._close_sent = self._ended_here = True
        self._free_reader()
        self._wire.abort()

    def _free_reader(self) -> None:
        """Let a reader that waits for room read on."""
        self.max_queue = 1 << 30
        self._wake()

    def __enter__(self) -> WebSocketConnection:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.close(CLOSE_OK if kind is None else CLOSE_GOING_AWAY)

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return "<WebSocketConnection %s %s, %d messages>" % (
            self.url.partition("?")[0],
            state,
            self.messages,
        )

    def _closed_error(self) -> WikistdError:
        if self._error is not None:
            return self._error
        code = self.close_code or CLOSE_NO_STATUS
        said = "with code %d %s" % (code, self.close_reason)
        if code in CLOSE_CODES_OF_PEACE or code >= 3000:
            return StreamEnded("%s was closed %s" % (self.url, said))
        return WebSocketError(code, "closed by the far side " + said)

    def _send(self, make_frame: Callable[..., bytes], *content: Any) -> None:
        with self._send_lock:
            if self._close_sent or self._ended:
                raise ConnectionLost("%s is closed" % self.url, phase="send")
            frame = make_frame(*content)
            try:
                self._wire.send(frame)
            except OSError as error:
                # A part of a frame may be out: nothing can follow it.
                self._wire.abort()
                raise transport_error(
                    error, "send", url=self.url, peer=self.url
                ) from error

    def _say_close(
        self, code: int, reason: str, timeout: float = WEBSOCKET_CLOSE_SECONDS
    ) -> bool:
        """Send a close frame, once; False where another frame stays in the way."""
        # Somebody may be sending to a far side that does not read.
        if not self._send_lock.acquire(timeout=timeout):
            return False
        try:
            if not self._close_sent:
                frame = self._writer.close(code, reason)
                self._close_sent = True
                self._wire.send(frame)
        finally:
            self._send_lock.release()
        return True

    def _send_unless_closing(
        self, make_frame: Callable[..., bytes], *content: Any
    ) -> None:
        """Send a frame of the reader's, which nobody misses after a close frame."""
        try:
            self._send(make_frame, *content)
        except ConnectionLost:
            if not self._close_sent:
                raise

    def _read_all(self) -> None:
        """Read until the end; the body of the thread."""
        try:
            self._read_frames()
        except WikistdError as error:
            self._error = error
        except (OSError, ValueError) as error:
            # ValueError is what a closed socket says.
            lost = ConnectionLost(
                "the connection to %s was lost: %s" % (self.url, error), phase="body"
            )
            lost.__cause__ = error
            self._error = lost
        finally:
            if self._ended_here and self.close_code is None:
                self._error = StreamEnded("%s was closed here" % self.url)
            if self.close_code is None:
                self.close_code = CLOSE_ABNORMAL
            self._close_sent = self._ended = True
            self._wake()
            for arrived in list(self._pings.values()):
                arrived.set()
            self._wire.abort()  # first: it wakes who is sending
            with self._send_lock:
                self._wire.close()
            if self._on_end is not None:
                self._on_end()
            self._gone.set()

    def _read_frames(self) -> None:
        is_asked = False
        while True:
            data = self._wire.receive()
            if data is None:
                if self.close_code is not None:
                    return
                if is_asked:
                    raise TransportTimeout(
                        "%s is silent, its pong did not come" % self.url, phase="body"
                    )
                is_asked = True
                self._send_unless_closing(self._writer.ping)
                continue
            is_asked = False
            if not data:
                if self.close_code is None:
                    raise ConnectionLost(
                        "%s ended without a close frame" % self.url, phase="body"
                    )
                return
            try:
                self._take(self._parser.feed(data))
                if self._parser.error is not None:
                    raise self._parser.error
            except ProtocolError as error:
                self._error = error
                self._wake()
                self._complain(error)
                self._drain()
                raise

    def _complain(self, error: ProtocolError) -> None:
        """Tell the far side what it did wrong."""
        code = CLOSE_PROTOCOL_ERROR
        if isinstance(error, LimitExceeded):
            code = CLOSE_MESSAGE_TOO_BIG
        elif isinstance(error, WebSocketError):
            code = error.code
        try:
            self._say_close(code, error.message[:100])
        except (OSError, ValueError):
            pass  # it did not stay to hear it

    def _drain(self) -> None:
        """Read and drop what was still on its way.

        A socket that is closed before its bytes are read resets the connection, and
        the far side might never see why.
        """
        dropped = 0
        ends_at = time.monotonic() + WEBSOCKET_DRAIN_SECONDS
        while dropped < WEBSOCKET_DRAIN_BYTES and time.monotonic() < ends_at:
            data = self._wire.receive()
            if not data:
                return
            dropped += len(data)

    def _take(self, messages: List[Message]) -> None:
        fresh: List[Union[str, bytes]] = []
        for kind, data, extra in messages:
            if kind < MSG_CLOSE:
                fresh.append(data)
            elif kind == MSG_PING:
                self._send_unless_closing(self._writer.pong, data)
            elif kind == MSG_PONG:
                if data in self._pings:
                    self._pings.pop(data).set()
            else:
                self._give_out(fresh)
                fresh = []
                self._far_closed(data, extra)
        self._give_out(fresh)

    def _give_out(self, fresh: List[Union[str, bytes]]) -> None:
        if not fresh:
            return
        self.messages += len(fresh)
        with self._changed:
            self._messages.extend(fresh)
            self._changed.notify_all()
            if len(self._messages) >= self.max_queue:
                # Said before it is counted again: who takes the last message in this
                # very moment is counted, and who takes it later notifies us.
                self._is_full = True
                self._changed.wait_for(lambda: len(self._messages) < self.max_queue)
                self._is_full = False

    def _far_closed(self, code: int, reason: str) -> None:
        self.close_reason, self.close_code = reason, code
        self._wake()
        try:
            # RFC 6455 5.5.1: the answer has the code that came.
            self._say_close(code, "")
        except OSError:
            pass  # it closed without waiting for the answer
