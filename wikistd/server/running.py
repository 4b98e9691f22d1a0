"""serve_wsgi: a threaded HTTP/1.1 server for any WSGI application.

Spec: RFC 9112, PEP 3333.  Holds: the listening socket, a thread and a socket for each
connection.  Not here: the grammar of requests (server/incoming.py), the reply of an
application (server/exchange.py), connections without sockets (server/local.py).
"""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from typing import Any, Callable, Dict, Optional, Tuple

from .exchange import (
    PulledBytes,
    ReplyBroken,
    WsgiApp,
    WsgiExchange,
    build_environ,
    encode_refusal,
    log_server,
)
from .incoming import (
    MAX_REQUEST_BODY_BYTES,
    MAX_REQUEST_HEAD_BYTES,
    MAX_REQUEST_HEADERS,
    MAX_REQUEST_LINE_BYTES,
    RequestHead,
    RequestParser,
    RequestRefused,
)
from .listening import open_listener, shut_down_socket, start_server_thread

#: Bytes taken from a socket at once.
RECEIVED_PART_BYTES = 65536
#: Bytes of a request body nobody wanted that are read to keep the connection.
DRAIN_REQUEST_BYTES = 262144
#: A reader that takes this much within send_timeout is not too slow.
SEND_PART_BYTES = 262144
#: How long the far side may go on sending after a refusal, so that it can read it.
LINGER_SECONDS = 1.0
#: Bytes a second.  Apache's mod_reqtimeout wants as many of a request's body.
MIN_BODY_RATE = 500


class WsgiServer:
    """A running server: made by serve_wsgi(), ended by close() or `with`.

    `connections` counts what accept() returned, `requests` the requests whose head was
    understood; `tally` counts both for each label that `label(environ)` gave, as
    {label: (connections, requests)}.  `is_closing` tells that close() was called.
    Thread-safe.
    """

    def __init__(
        self,
        app: WsgiApp,
        listener: socket.socket,
        *,
        max_connections: int,
        head_timeout: float,
        idle_timeout: float,
        body_timeout: float,
        send_timeout: float,
        parser_limits: Dict[str, int],
        label: Optional[Callable[[Dict[str, Any]], str]] = None,
        on_close: Optional[Callable[[], None]] = None,
    ) -> None:
        self.app = app
        self.host, self.port = listener.getsockname()[:2]
        # All addresses of this machine are none to go to: one of them is shown.
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        shown = "[%s]" % shown if ":" in shown else shown
        self.url = "http://%s:%d" % (shown, self.port)
        self.connections = 0
        self.requests = 0
        self.head_timeout = head_timeout
        self.idle_timeout = idle_timeout
        self.body_timeout = body_timeout
        self.send_timeout = send_timeout
        self.max_connections = max_connections
        self.parser_limits = parser_limits
        self._label = label
        self._on_close = on_close
        # For each label the number of requests of each connection.
        self._labels: Dict[str, Dict[int, int]] = {}
        # Between select() and accept() a connection may go: nothing may wait there.
        listener.setblocking(False)
        self._listener = listener
        self._lock = threading.Lock()
        self._open: Dict[socket.socket, ServerConnection] = {}
        # Those that were cut to make room, until their threads have ended.
        self._cut: Dict[socket.socket, ServerConnection] = {}
        self.is_closing = False
        self._is_closed = threading.Event()
        self._thread = threading.Thread(
            target=self._accept_all, name="wikistd-accept", daemon=True
        )
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(listener.close)
            self._waker, self._wake_end = socket.socketpair()
            on_failure.callback(self._waker.close)
            on_failure.callback(self._wake_end.close)
            start_server_thread(self._thread)
            on_failure.pop_all()

    def __enter__(self) -> WsgiServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<%s %s, %d connections, %d requests%s>" % (
            type(self).__name__,
            self.url,
            self.connections,
            self.requests,
            ", closed" if self.is_closing else "",
        )

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._open)

    @property
    def tally(self) -> Dict[str, Tuple[int, int]]:
        """Connections and requests for each label, as far as they got one."""
        with self._lock:
            return {
                label: (len(counts), sum(counts.values()))
                for label, counts in self._labels.items()
            }

    def drop_connections(self) -> int:
        """Cut every open connection now; return how many there were."""
        with self._lock:
            sockets = list(self._open)
            for sock in sockets:
                shut_down_socket(sock)
        return len(sockets)

    def serve_forever(self) -> None:
        """Wait until close() is called from elsewhere; Ctrl-C ends the wait."""
        # A bare wait() is deaf to Ctrl-C on Windows.
        while not self._is_closed.wait(0.5):
            pass

    def close(self, timeout: float = 5.0) -> None:
        """Stop listening, cut all connections, wait for their threads.

        Idempotent.  A thread that the application holds for longer than `timeout`
        seconds is left behind (it is a daemon) and named in the log.
        """
        with self._lock:
            first, self.is_closing = not self.is_closing, True
        if not first:
            self._is_closed.wait(timeout)
            return
        with contextlib.suppress(OSError):  # the accepting thread has ended by itself
            self._wake_end.send(b"x")
        try:
            if self._on_close is not None:
                self._on_close()
        except Exception:
            log_server("error", "on_close failed", exc_info=True)
        try:
            self.drop_connections()
            self._join_threads(time.monotonic() + timeout)
        finally:  # Ctrl-C may come as it waits
            for sock in (self._listener, self._waker, self._wake_end):
                sock.close()
            self._is_closed.set()

    def _join_threads(self, ends_at: float) -> None:
        here = threading.current_thread()
        with self._lock:
            connections = [*self._open.values(), *self._cut.values()]
            threads = [self._thread, *(each.thread for each in connections)]
        for thread in threads:
            if thread is not here:
                thread.join(max(0.0, ends_at - time.monotonic()))
                if thread.is_alive():
                    log_server("warning", "%s did not end in time", thread.name)

    def _accept_all(self) -> None:
        import selectors  # 1 ms, and only who serves needs it

        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._waker, selectors.EVENT_READ)
            while not self.is_closing:
                selector.select()
                if self.is_closing:
                    return
                try:
                    sock, address = self._listener.accept()
                except BlockingIOError:
                    continue  # gone again before accept()
                except OSError as error:
                    # No file descriptor left, most likely: the others go on; a pause
                    # keeps this from turning into a busy loop.
                    log_server("warning", "accept failed: %s", error)
                    time.sleep(0.05)
                    continue
                self._take(sock, address)

    def _take(self, sock: socket.socket, address: Any) -> None:
        sock.settimeout(self.send_timeout)
        with self._lock:
            self.connections += 1
            connection = ServerConnection(self, sock, address, self.connections)
            is_taken = not self.is_closing and self._make_room()
            if is_taken:
                self._open[sock] = connection
                try:
                    start_server_thread(connection.thread)
                except OSError as error:
                    log_server("warning", "connection refused: %s", error)
                    is_taken = False
        if not is_taken:
            full = RequestRefused(503, "too many connections are open")
            with contextlib.suppress(OSError):  # it did not wait for the answer
                sock.sendall(encode_refusal(full))
            self._forget(sock)

    def _make_room(self) -> bool:
        """Whether one more fits; cuts a connection without a request where none does.

        Those go first that never sent one: somebody who only opens connections must
        not keep others out.
        """
        if len(self._open) < self.max_connections:
            return True
        waiting = [each for each in self._open.values() if each.is_waiting]
        if not waiting:
            return False
        longest = min(waiting, key=lambda each: (each.has_asked, each.waiting_since))
        self._cut[longest.sock] = self._open.pop(longest.sock)
        shut_down_socket(longest.sock)
        return True

    def _forget(self, sock: socket.socket) -> None:
        """Close a connection that has ended."""
        with self._lock:
            self._open.pop(sock, None)
            self._cut.pop(sock, None)
        sock.close()

    def _begin_request(
        self, environ: Dict[str, Any], connection: ServerConnection
    ) -> bool:
        """Note a request; False where its connection was cut to make room."""
        label = self._label(environ) if self._label is not None else "all"
        with self._lock:
            if connection.sock not in self._open:
                return False
            connection.is_waiting, connection.has_asked = False, True
            self.requests += 1
            counts = self._labels.setdefault(label, {})
            counts[connection.number] = counts.get(connection.number, 0) + 1
            return True


class ServerConnection:
    """One accepted connection, served by one thread until it ends.

    An application that takes it over is handed it, for `send()`, `receive()` and
    `is_closing`.
    """

    def __init__(
        self, server: WsgiServer, sock: socket.socket, address: Any, number: int
    ) -> None:
        self.server = server
        self.sock = sock
        self.address = address
        self.number = number
        self.parser = RequestParser(**server.parser_limits)
        self.thread = threading.Thread(
            target=self._run, name="wikistd-connection-%d" % number, daemon=True
        )
        #: Whether no request is being answered, since when, and whether one ever was.
        self.is_waiting, self.waiting_since = True, time.monotonic()
        self.has_asked = False
        self._continue_due = False
        self._body_seconds = server.body_timeout

    def _run(self) -> None:
        try:
            self.serve()
        except (OSError, ReplyBroken) as error:
            log_server("debug", "connection %d ended: %s", self.number, error)
        except Exception:
            log_server("error", "connection %d failed", self.number, exc_info=True)
        finally:
            self.server._forget(self.sock)

    def serve(self) -> None:
        """Answer requests until one side has enough."""
        with contextlib.suppress(OSError):  # not TCP
            # Without it the second small segment of a reply waits for an ACK: 40 ms.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while not self.is_closing:
                head = self._read_head()
                if head is None or not self._answer(head):
                    return
        except RequestRefused as refused:
            self.send(encode_refusal(refused))
            self._linger()

    def _read_head(self) -> Optional[RequestHead]:
        head = self.parser.read_head()
        self.waiting_since, self.is_waiting = time.monotonic(), True
        is_silent = not self.parser.has_input
        limits = self.server
        seconds = limits.idle_timeout if is_silent else limits.head_timeout
        ends_at = self.waiting_since + seconds
        while head is None:
            try:
                data = self._receive(ends_at - time.monotonic())
            except socket.timeout:
                if is_silent:
                    return None
                raise RequestRefused(408, "the request did not come in time") from None
            if not data:
                return None
            if is_silent:
                is_silent = False
                ends_at = time.monotonic() + self.server.head_timeout
            self.parser.feed(data)
            head = self.parser.read_head()
        return head

    @property
    def is_closing(self) -> bool:
        """Whether the server is about to close: time to say good-bye."""
        return self.server.is_closing

    def receive(self, seconds: float) -> Optional[bytes]:
        """Return what has come, b"" at the end; None when nothing comes in time."""
        self.sock.settimeout(seconds)
        try:
            return self.parser.take_rest() or self.sock.recv(RECEIVED_PART_BYTES)
        except (BlockingIOError, InterruptedError, socket.timeout):
            return None

    def _receive(self, seconds: float) -> bytes:
        if seconds <= 0:
            raise socket.timeout("timed out")
        self.sock.settimeout(seconds)
        return self.sock.recv(RECEIVED_PART_BYTES)

    def _pull_body(self, max_bytes: int) -> bytes:
        """Return some of the body that has come, waiting for it; b"" at its end."""
        while True:
            data = self.parser.read_body(max_bytes)
            if data is not None:
                return data
            if self._continue_due:
                self._continue_due = False
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            started = time.monotonic()
            try:
                received = self._receive(self._body_seconds)
            except socket.timeout:
                raise RequestRefused(408, "the body did not come in time") from None
            except OSError as error:
                raise ReplyBroken("the client left: %s" % error) from error
            if not received:
                raise ReplyBroken("the client left in the middle of its request")
            # A body that drips uses up, bit by bit, the time that one pause may take.
            gained = len(received) / MIN_BODY_RATE - (time.monotonic() - started)
            left = self._body_seconds + gained
            self._body_seconds = min(left, self.server.body_timeout)
            self.parser.feed(received)

    def _answer(self, head: RequestHead) -> bool:
        self._continue_due = head.expects_continue
        self._body_seconds = self.server.body_timeout
        body = io.BufferedReader(PulledBytes(self._pull_body), 65536)
        local = self.sock.getsockname()[:2]
        environ = build_environ(head, body, server=local, client=self.address[0])
        if not self.server._begin_request(environ, self):
            return False
        exchange = WsgiExchange(
            self.server.app,
            environ,
            head,
            is_body_due=lambda: self._continue_due,
            before_head=self._check_chunks if head.is_chunked else None,
        )
        environ["wikistd.take_over"] = exchange.take_over
        try:
            for data in exchange:
                if data:
                    self.send(data)
                elif self.is_closing or not self._is_client_there():
                    return False
        finally:
            # The end of a generator that was left comes late without reference counts.
            exchange.close()
        if exchange.handler is not None:
            exchange.handler(self)
            return False
        if exchange.keeps_alive:
            # What is refused now had its answer, and a second one nobody asked for.
            with contextlib.suppress(RequestRefused):
                if self._drain():
                    return True
        if not self.parser.is_between_requests:
            self._linger()
        return False

    def _check_chunks(self) -> None:
        # Malformed chunks are noticed before the answer: 400 must not follow a 200.
        if not self._continue_due:
            self._drain()

    def send(self, data: bytes) -> None:
        """Send all of `data`; OSError where the far side has left."""
        self.sock.settimeout(self.server.send_timeout)
        # sendall's time limit is for all it is given: a slow reader of a large file
        # has it for each part.
        view = memoryview(data)
        for start in range(0, len(data), SEND_PART_BYTES):
            self.sock.sendall(view[start : start + SEND_PART_BYTES])

    def _is_client_there(self) -> bool:
        self.sock.settimeout(0.0)
        try:
            return self.sock.recv(1, socket.MSG_PEEK) != b""
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False

    def _drain(self) -> bool:
        """Read past what the app left of the body; False if that is too much."""
        taken = 0
        while taken <= DRAIN_REQUEST_BYTES:
            data = self._pull_body(RECEIVED_PART_BYTES)
            if not data:
                return True
            taken += len(data)
        return False

    def _linger(self) -> None:
        # Closing with unread bytes would reset the connection, and the reset may
        # overtake the answer: say that nothing more comes, and read for a moment.
        self.sock.shutdown(socket.SHUT_WR)
        ends_at = time.monotonic() + LINGER_SECONDS
        while self._receive(ends_at - time.monotonic()):
            pass


def serve_wsgi(
    app: WsgiApp,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    max_connections: int = 256,
    head_timeout: float = 20.0,
    idle_timeout: float = 75.0,
    body_timeout: float = 30.0,
    send_timeout: float = 60.0,
    max_request_line_bytes: int = MAX_REQUEST_LINE_BYTES,
    max_request_head_bytes: int = MAX_REQUEST_HEAD_BYTES,
    max_request_headers: int = MAX_REQUEST_HEADERS,
    max_request_body_bytes: int = MAX_REQUEST_BODY_BYTES,
    label: Optional[Callable[[Dict[str, Any]], str]] = None,
    on_close: Optional[Callable[[], None]] = None,
) -> WsgiServer:
    """Serve a WSGI application over HTTP/1.1 in threads, until close().

    Port 0 takes a free one; `WsgiServer.url` says which.  Connections are kept alive
    and each has a thread; past `max_connections` one that waits without a request is
    cut, and where all are at work the answer is 503.  A request's head must come
    within `head_timeout` seconds, the next one within `idle_timeout`; a body must not
    pause for `body_timeout`, nor be slower than 500 bytes a second for as long, nor a
    reader pause for `send_timeout`.  An application that
    waits for something yields b"" now and then, and is closed when the client has
    left.  Malformed and ambiguous requests are refused and their connection ends.
    `label` names what a request counts as in `WsgiServer.tally`; `on_close` is called
    first by close(), to wake an application that waits.
    """
    return WsgiServer(
        app,
        open_listener(host, port),
        max_connections=max_connections,
        head_timeout=head_timeout,
        idle_timeout=idle_timeout,
        body_timeout=body_timeout,
        send_timeout=send_timeout,
        parser_limits={
            "max_line_bytes": max_request_line_bytes,
            "max_head_bytes": max_request_head_bytes,
            "max_headers": max_request_headers,
            "max_body_bytes": max_request_body_bytes,
        },
        label=label,
        on_close=on_close,
    )
