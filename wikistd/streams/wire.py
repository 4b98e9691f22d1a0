"""The byte stream below a WebSocket: one thread receives, any may send.

Holds: a connection of web/connection.py.  Not here: frames, and what they mean
(streams/websocket.py).
"""

from __future__ import annotations

import socket
import threading
from typing import Any, Optional

from ..clock import Deadline
from ..web.connection import MAX_STEP_SECONDS

WEBSOCKET_READ_BYTES = 65536


class WebSocketWire:
    """The byte stream below: one thread receives, any may send.

    OpenSSL does not allow two threads in one TLS connection: there the lock of sending
    is held for receiving too, and the waiting is done outside of it.
    """

    def __init__(self, connection: Any, tick_seconds: Optional[float]) -> None:
        if tick_seconds is not None:
            tick_seconds = min(tick_seconds, MAX_STEP_SECONDS)
        self.connection = connection
        self.tick_seconds = tick_seconds
        self._lock = threading.Lock()
        self._is_tls = hasattr(connection.sock, "pending")
        connection.share(tick_seconds)

    def receive(self) -> Optional[bytes]:
        """Return what has arrived, b"" at the end, None after a silent tick."""
        connection = self.connection
        early: bytes = connection.buffer
        if early:
            connection.buffer = b""
            return early
        try:
            if self._is_tls:
                return self._receive_tls()
            data: bytes = connection.receive(
                WEBSOCKET_READ_BYTES, None, self.tick_seconds
            )
            return data
        except (socket.timeout, TimeoutError):
            return None

    def _receive_tls(self) -> Optional[bytes]:
        import ssl

        sock = self.connection.sock
        deadline = Deadline(self.tick_seconds)
        while self.connection.has_input(deadline.remaining()):
            with self._lock:
                # A ticket makes a socket readable without any data in it.
                sock.settimeout(0.0)
                try:
                    data: bytes = sock.recv(WEBSOCKET_READ_BYTES)
                    return data
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    continue
                finally:
                    sock.settimeout(self.tick_seconds)
        return None

    def send(self, data: bytes) -> None:
        """Send all of it; whoever calls holds the lock of the writer."""
        with self._lock:
            self.connection.sock.sendall(data)

    def abort(self) -> None:
        """Wake whoever is blocked; nothing works after it."""
        self.connection.abort()

    def close(self) -> None:
        """Free the socket."""
        self.connection.close()
