"""The byte stream below a WebSocket: one thread receives, any may send.

Holds: a connection of web/connection.py.  Not here: frames, and what they mean
(streams/websocket.py).
"""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import Any, Optional

WEBSOCKET_READ_BYTES = 65536


class WebSocketWire:
    """The byte stream below: one thread receives, any may send.

    OpenSSL does not allow two threads in one TLS connection: there a lock is held for
    both directions, and the waiting is done outside of it.
    """

    def __init__(self, connection: Any, tick_seconds: Optional[float]) -> None:
        self.connection = connection
        self.tick_seconds = tick_seconds
        self._lock = threading.Lock()
        self._is_tls = hasattr(connection.sock, "pending")
        connection.share(tick_seconds)

    def receive(self) -> Optional[bytes]:
        """Return what has arrived, b"" at the end, None after a silent tick."""
        connection = self.connection
        if connection.buffer:
            early: bytes = connection.buffer
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
        ends_at = None
        if self.tick_seconds is not None:
            ends_at = time.monotonic() + self.tick_seconds
        while True:
            if not sock.pending():
                left = None if ends_at is None else ends_at - time.monotonic()
                if left is not None and left <= 0:
                    return None
                if not select.select([sock], [], [], left)[0]:
                    return None
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

    def send(self, data: bytes) -> None:
        """Send all of it; whoever calls holds the lock of the writer."""
        if self._is_tls:
            with self._lock:
                self.connection.sock.sendall(data)
            return
        self.connection.sock.sendall(data)

    def abort(self) -> None:
        """Wake whoever is blocked; nothing works after it."""
        self.connection.abort()

    def close(self) -> None:
        """Free the socket."""
        self.connection.close()
