"""What an application has of its connection: the request's body, or all of it.

Holds: a socket.  Not here: who accepts and serves it (running.py).
"""

from __future__ import annotations

import io
import socket
from typing import Any, Callable, Optional

#: Bytes taken from a socket at once.
RECEIVED_PART_BYTES = 65536


class PulledBytes(io.RawIOBase):
    """A raw file of what `pull(size)` returns: `size` bytes at most, b"" at the end."""

    def __init__(self, pull: Callable[[int], bytes]) -> None:
        self._pull = pull

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, target: Any) -> int:
        """Read what has come, at most len(target) bytes; 0 at the end."""
        data = self._pull(len(target))
        target[: len(data)] = data
        return len(data)


class ServerChannel:
    """A connection that an application has taken over.  Used by one thread.

    `rest` was received and not read yet; `is_closing()` tells whether the server is
    about to close: time to say good-bye.
    """

    def __init__(
        self,
        sock: socket.socket,
        rest: bytes,
        send_timeout: float,
        is_closing: Callable[[], bool],
    ) -> None:
        self._sock = sock
        self._rest = rest
        self._send_timeout = send_timeout
        self.is_closing = is_closing

    def send(self, data: bytes) -> None:
        """Send all of `data`; OSError where the far side has left."""
        self._sock.settimeout(self._send_timeout)
        self._sock.sendall(data)

    def receive(self, seconds: float) -> Optional[bytes]:
        """Return what has come, b"" at the end; None when nothing comes in time."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        self._sock.settimeout(seconds)
        try:
            return self._sock.recv(RECEIVED_PART_BYTES)
        except (BlockingIOError, InterruptedError, socket.timeout):
            return None
