"""What runs in a thread of its own: a Mastodon stream, or several on one WebSocket.

Spec: https://docs.joinmastodon.org/methods/streaming/#websocket.  Holds: a thread, a
WebSocket.  Not here: opening them (streams/mastodonclient.py).
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, Dict, List, NoReturn, Optional, Union

from ..clock import Clock
from ..errors import (
    MalformedEventError,
    ProtocolError,
    StatusError,
    TransportError,
)
from .mastodon import (
    MASTODON_SPEC,
    StopStream,
    StreamListener,
    call_listener,
    read_event_payload,
)
from .websocket import WebSocketConnection

#: What reading a message raises that has not the shape of an event or is too deep.
MALFORMED_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
MASTODON_RECEIVING_SECONDS = 45.0  # three heartbeats: then nothing is being received


class StreamHandle:
    """A stream that runs in a thread of its own.  Thread-safe.

    `error` is what ended it, None while it runs and where it was closed or the
    listener stopped it.
    """

    def __init__(self) -> None:
        self.error: Optional[BaseException] = None
        self.connections = 0
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._breakers: List[Callable[[], object]] = []
        self._last_data: Optional[float] = None
        self._thread: Optional[threading.Thread] = None

    def start(self, run: Callable[[StreamHandle], object]) -> StreamHandle:
        """Call `run(self)` in a new thread; what it raises becomes `error`."""

        def body() -> None:
            try:
                run(self)
            except BaseException as error:
                if not self._closed.is_set():
                    self.error = error
            finally:
                self._last_data = None

        self._thread = threading.Thread(
            target=body, name="wikistd-mastodon", daemon=True
        )
        self._thread.start()
        return self

    def hold(self, *breakers: Callable[[], object]) -> None:
        """Set what `close` calls to wake the thread, or call it if that was done."""
        with self._lock:
            self._breakers = list(breakers)
        if self._closed.is_set():
            self.close()

    def heard(self) -> None:
        """Note that bytes have come."""
        self._last_data = time.monotonic()

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._last_data = None

    def wait(self, clock: Clock, seconds: float) -> None:
        """Pause, until `close` at most."""
        clock.wait(self._closed, seconds)

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def close(self) -> None:
        """End the stream, from any thread.  Idempotent."""
        self._closed.set()
        with self._lock:
            breakers, self._breakers = self._breakers, []
        for breaker in breakers:
            breaker()

    def is_alive(self) -> bool:
        """Return whether the thread runs: receiving, connecting or pausing."""
        return self._thread is not None and self._thread.is_alive()

    def is_receiving(self) -> bool:
        """Return whether something, heartbeats too, came in the last 45 seconds."""
        last = self._last_data
        if last is None or self._closed.is_set():
            return False
        return time.monotonic() - last < MASTODON_RECEIVING_SECONDS

    def join(self, timeout: Optional[float] = None) -> None:
        """Wait for the end of the thread, `timeout` seconds at most."""
        if self._thread is not None:
            self._thread.join(timeout)

    def __enter__(self) -> StreamHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "receiving" if self.is_receiving() else "waiting"
        if not self.is_alive():
            state = "ended"
        return "<%s %s>" % (type(self).__name__, state)


class MastodonSubscription:
    """One stream of a MastodonSocket; `close()` unsubscribes.  Thread-safe."""

    def __init__(
        self,
        socket: MastodonSocket,
        name: str,
        params: Dict[str, Any],
        listener: StreamListener,
    ) -> None:
        self.socket = socket
        self.name = name
        self.params = params
        self.listener = listener

    @property
    def error(self) -> Optional[BaseException]:
        """What ended the connection, None while it runs and where it was closed."""
        return self.socket.error

    def join(self, timeout: Optional[float] = None) -> None:
        """Wait for the end of the connection, `timeout` seconds at most."""
        self.socket.join(timeout)

    def close(self) -> None:
        """Unsubscribe; the connection stays for the others.  Idempotent."""
        self.socket.unsubscribe(self)

    def is_alive(self) -> bool:
        """Return whether events can come."""
        return self in self.socket.subscriptions and self.socket.is_alive()

    def is_receiving(self) -> bool:
        """Return whether the connection stands and this stream is subscribed."""
        return self.is_alive()


class MastodonSocket(StreamHandle):
    """A WebSocket with several streams, in a thread that calls their listeners.

    Thread-safe; a context manager.  Made by `Mastodon.stream_open_websocket`.
    """

    def __init__(self, connection: WebSocketConnection, *, start: bool = True) -> None:
        super().__init__()
        self.subscriptions: List[MastodonSubscription] = []
        self.was_stopped = False
        self._connection = connection
        if start:
            self.hold(connection.abort)
            self.start(self.run)

    def subscribe(
        self, name: str, params: Dict[str, Any], listener: StreamListener
    ) -> MastodonSubscription:
        """Add a stream: its name as the server has it ("hashtag:local"), its terms."""
        if params.get("only_media"):
            name, params = name + ":media", {}
        subscription = MastodonSubscription(self, name, dict(params), listener)
        with self._lock:
            self.subscriptions.append(subscription)
        self._say("subscribe", subscription)
        return subscription

    def unsubscribe(self, subscription: MastodonSubscription) -> None:
        """Remove a stream.  Idempotent."""
        with self._lock:
            if subscription not in self.subscriptions:
                return
            self.subscriptions.remove(subscription)
        if self._connection.is_open:
            self._say("unsubscribe", subscription)

    def _say(self, kind: str, subscription: MastodonSubscription) -> None:
        message = {"type": kind, "stream": subscription.name, **subscription.params}
        self._connection.send(json.dumps(message))

    def run(self, handle: StreamHandle) -> None:
        """Call the listeners until the connection ends or the last one stopped."""
        try:
            for text in self._connection:
                handle.heard()
                self._dispatch(text)
                if self.was_stopped:
                    return
        except (TransportError, ProtocolError, StatusError) as error:
            for subscription in list(self.subscriptions):
                subscription.listener.on_abort(error)
            raise

    def _dispatch(self, text: Union[str, bytes]) -> None:
        try:
            message = json.loads(text)
            event, stream = message["event"], list(message.get("stream") or [])
            ":".join([event, *stream])  # all of them text
        except MALFORMED_ERRORS as error:
            self._complain(text, error)
        payload = message.get("payload")
        if isinstance(payload, str) or payload is None:
            payload = read_event_payload(event, payload)
        for subscription in self._find(stream):
            try:
                call_listener(subscription.listener, event, payload, ":".join(stream))
            except StopStream:
                self.unsubscribe(subscription)
                self.was_stopped = not self.subscriptions

    def _complain(self, text: Union[str, bytes], error: Exception) -> NoReturn:
        """Raise for a message that is no event."""
        try:
            document = json.loads(text)
            problem, status = document["error"], int(document.get("status", 0))
        except MALFORMED_ERRORS:
            raise MalformedEventError(
                "message that is no event: %.200r" % (text,), spec=MASTODON_SPEC
            ) from error
        raise StatusError(
            "the server refuses the stream: %s" % problem,
            status=status,
            url=self._connection.url,
        )

    def _find(self, stream: List[str]) -> List[MastodonSubscription]:
        """Return who listens to a stream, named as ["hashtag", "foo"]."""
        with self._lock:
            subscriptions = list(self.subscriptions)
        if not stream:
            return subscriptions
        wanted = [stream[0], *map(str.lower, stream[1:])]
        return [
            each
            for each in subscriptions
            if wanted == [each.name, *(str(v).lower() for v in each.params.values())]
        ]

    def close(self) -> None:
        """Close the connection, from any thread.  Idempotent."""
        super().close()
        self._connection.close(timeout=1.0)

    def is_receiving(self) -> bool:
        """Return whether the connection stands."""
        return self._connection.is_open

    def __enter__(self) -> MastodonSocket:
        return self
