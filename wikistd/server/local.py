"""local_connect: a WSGI application behind a fake socket, with no port at all.

Holds: what was sent and not yet answered, the open reply.  Everything happens in the
thread that reads.  Not here: real sockets and threads (server/running.py).
"""

from __future__ import annotations

import io
import socket
import threading
import time
from typing import Any, Iterator, List, Optional

from .exchange import WsgiApp, WsgiExchange, build_environ, encode_refusal
from .incoming import RequestHead, RequestParser, RequestRefused


class LocalConnector:
    """Makes fake connections to one application; thread-safe as far as that is.

    `connections` and `requests` count as WsgiServer does.
    """

    def __init__(self, app: WsgiApp) -> None:
        self.app = app
        self.connections = 0
        self.requests = 0
        self._lock = threading.Lock()

    def __call__(
        self, host: str, port: int, timeout: Optional[float] = None
    ) -> LocalSocket:
        """Return a new connection, whatever the host and the port."""
        with self._lock:
            self.connections += 1
        return LocalSocket(self, host, port)

    def count_request(self) -> None:
        """Count one request more."""
        with self._lock:
            self.requests += 1


class LocalSocket:
    """One end of a connection to an application in this process.

    `sendall`, `makefile` and `close` are all that a client needs; a time limit works
    where the application pauses, that is: yields b"".
    """

    def __init__(self, connector: LocalConnector, host: str, port: int) -> None:
        self.connector = connector
        self.host = host
        self.port = port
        self._parser = RequestParser()
        self._head: Optional[RequestHead] = None
        self._body: List[bytes] = []
        self._reply: Optional[Iterator[bytes]] = None
        self._exchange: Optional[WsgiExchange] = None
        self._is_closed = False
        self._is_ended = False
        self._timeout: Optional[float] = None

    def settimeout(self, seconds: Optional[float]) -> None:
        """End a read that waits for longer with socket.timeout; None: never."""
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        """Take bytes of a request."""
        if self._is_closed or self._is_ended:
            raise BrokenPipeError("the connection is closed")
        self._parser.feed(bytes(data))

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        """Return a binary file of what the application answers."""
        if mode != "rb":
            raise ValueError("mode must be 'rb', not %r" % mode)
        return io.BufferedReader(LocalReply(self))

    def close(self) -> None:
        """End the connection; a reader in another thread wakes at its next pause."""
        self._is_closed = True

    def pull(self) -> bytes:
        """Return bytes of the answer, b"" at the end of the connection."""
        started = time.monotonic()
        while not self._is_closed and not self._is_ended:
            if self._reply is None:
                self._reply = self._begin_reply()
            data = next(self._reply, None)
            if data is None:
                self._reply = None
                exchange, self._exchange = self._exchange, None
                if exchange is not None and not exchange.keeps_alive:
                    self._is_ended = True
            elif data:
                return data
            elif self._timeout is not None:
                if time.monotonic() - started >= self._timeout:
                    raise socket.timeout("timed out")
        if self._exchange is not None:
            self._exchange.close()
        return b""

    def _begin_reply(self) -> Iterator[bytes]:
        try:
            if self._head is None:
                self._head = self._parser.read_head()
                self._body = []
                if self._head is not None and self._head.expects_continue:
                    return iter([b"HTTP/1.1 100 Continue\r\n\r\n"])
            if self._head is not None:
                while True:
                    data = self._parser.read_body()
                    if not data:
                        break
                    self._body.append(data)
                if data is not None:
                    return self._run(self._head)
        except RequestRefused as refused:
            self._is_ended = True
            return iter([encode_refusal(refused.status, refused.sentence)])
        # A real server would wait here, and nobody else could ever wake it.
        raise socket.timeout(
            "read from a connection on which no whole request was sent"
        )

    def _run(self, head: RequestHead) -> Iterator[bytes]:
        self._head = None
        self.connector.count_request()
        body: Any = io.BytesIO(b"".join(self._body))
        environ = build_environ(
            head, body, server=(self.host, self.port), is_threaded=False
        )
        self._exchange = WsgiExchange(self.connector.app, environ, head)
        return iter(self._exchange)


class LocalReply(io.RawIOBase):
    """What a LocalSocket answers, as a raw file."""

    def __init__(self, sock: LocalSocket) -> None:
        self._sock = sock
        self._rest = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, target: Any) -> int:
        """Read some of the answer; 0 at the end of the connection."""
        data = self._rest or self._sock.pull()
        size = min(len(data), len(target))
        target[:size] = data[:size]
        self._rest = data[size:]
        return size


def local_connect(app: WsgiApp) -> LocalConnector:
    """Return a `connect=` for HttpClient that leads to `app`, without a port.

    The application runs in the thread that reads its answer.  Addresses begin with
    http://, whatever the host: there is no TLS to a socket that is none, and https://
    fails.
    """
    return LocalConnector(app)
