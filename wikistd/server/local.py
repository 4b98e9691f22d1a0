"""local_connect: a WSGI application behind a fake socket, with no port at all.

Holds: what was sent and not yet answered, the open reply.  Everything happens in the
thread that reads.  Not here: real sockets and threads (server/running.py).
"""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from typing import Generator, Optional

from .exchange import (
    PulledBytes,
    ReplyBroken,
    WsgiApp,
    WsgiExchange,
    build_environ,
    encode_refusal,
    log_server,
)
from .incoming import RequestParser, RequestRefused


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
        self._answers = self._answer_all()
        self._rest = b""
        self._is_closed = False
        self._timeout: Optional[float] = None

    def settimeout(self, seconds: Optional[float]) -> None:
        """End a read that waits for longer with socket.timeout; None: never."""
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        """Take bytes of a request."""
        if self._is_closed:
            raise BrokenPipeError("the connection is closed")
        self._parser.feed(bytes(data))

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        """Return a binary file of what the application answers."""
        if mode != "rb":
            raise ValueError("mode must be 'rb', not %r" % mode)
        return io.BufferedReader(PulledBytes(self._pull))

    def close(self) -> None:
        """End the connection; a reader in another thread wakes at its next pause."""
        self._is_closed = True
        with contextlib.suppress(ValueError):  # it is running, in another thread
            self._answers.close()

    def _pull(self, max_bytes: int) -> bytes:
        started = time.monotonic()
        while not self._rest:
            if self._is_closed:
                self.close()
                return b""
            answer = next(self._answers, b"")
            if answer is None:
                # A real server would wait here, and nobody else could ever wake it.
                raise socket.timeout(
                    "read from a connection on which no whole request was sent"
                )
            waited = time.monotonic() - started
            if not answer and self._timeout is not None and waited >= self._timeout:
                raise socket.timeout("timed out")
            self._rest = answer
        data, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return data

    def _answer_all(self) -> Generator[Optional[bytes], None, None]:
        # What is answered, piece by piece: b"" where the application pauses, None
        # where no whole request has come.
        keeps_alive = True
        try:
            while keeps_alive:
                head = self._parser.read_head()
                if head is None:
                    yield None
                    continue
                if head.expects_continue:
                    yield b"HTTP/1.1 100 Continue\r\n\r\n"
                body = io.BytesIO()
                for part in iter(self._parser.read_body, b""):
                    if part is None:
                        yield None
                    else:
                        body.write(part)
                body.seek(0)
                self.connector.count_request()
                environ = build_environ(head, body, server=(self.host, self.port))
                exchange = WsgiExchange(self.connector.app, environ, head)
                yield from exchange
                keeps_alive = exchange.keeps_alive
        except RequestRefused as refused:
            yield encode_refusal(refused)
        except ReplyBroken as error:
            log_server("debug", "connection ended: %s", error)
        finally:
            self._is_closed = True


def local_connect(app: WsgiApp) -> LocalConnector:
    """Return a `connect=` for HttpClient that leads to `app`, without a port.

    The application runs in the thread that reads its answer.  Addresses begin with
    http://, whatever the host: there is no TLS to a socket that is none, and https://
    fails.
    """
    return LocalConnector(app)
