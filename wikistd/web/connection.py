"""Connection: one connected byte stream, with a time limit on each step.

In: a socket, or what stands in for one, and bytes.  Out: bytes, and whether it can be
used once more.  `next_wait` says how long a step may wait, `shut_down` wakes up who is
blocked on a socket.  Errors are those of the socket.

Holds: the socket, and bytes that were received and not used.  Not here: connecting, and
what errors become (web/connect.py), keeping connections (web/pool.py), what is said on
them (web/exchange.py).
"""

from __future__ import annotations

import select
import socket
from typing import Any, Optional

from ..clock import Deadline
from ..errors import TransportTimeout

RECEIVE_BYTES = 65536  # one recv; a typical API answer arrives in one
POURING_BYTES = 16384  # asked for and got at once: more is probably there already
SEND_STEP_BYTES = 16384  # one TLS record, RFC 8446 5.1
KEEP_TIMEOUT_SECONDS = 1.0  # shorter limits are set exactly
MAX_STEP_SECONDS = 1e6  # poll() counts milliseconds in 32 bits


def shut_down(sock: Any) -> None:
    """Shut a socket down in both directions, so that a blocked reader wakes up."""
    try:
        if isinstance(sock, socket.socket):
            # Not SSLSocket.shutdown: it drops the TLS state under the reader, whose
            # next read would then take ciphertext for plain text.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        elif hasattr(sock, "shutdown"):
            sock.shutdown(socket.SHUT_RDWR)
        else:
            sock.close()
    except (OSError, ValueError):
        # Not connected any more: then nobody can be blocked on it.
        return


def next_wait(deadline: Optional[Deadline], idle: Optional[float]) -> Optional[float]:
    """Return how long the next step may wait; raise TransportTimeout if not at all."""
    wait = idle
    left = None if deadline is None else deadline.remaining()
    if deadline is not None and left is not None:
        if left <= 0:
            raise TransportTimeout(
                "the time limit of %g seconds is used up" % (deadline.seconds or 0),
                retryable=True,
            )
        if idle is None or left < idle:
            wait = left
    return MAX_STEP_SECONDS if wait is not None and wait > MAX_STEP_SECONDS else wait


class Connection:
    """One connected byte stream.  One owner at a time; `abort` from any thread.

    `attach` gives it its socket, or anything with `sendall`, `makefile("rb")` and
    `close`.  `buffer` holds bytes that were received and not used.
    """

    def __init__(self, key: Any = None, sock: Any = None) -> None:
        self.sock: Any = None
        self.key = key
        self.buffer = b""
        self.exchanges = 0
        self.idle_since = 0.0
        self.idle_limit: Optional[float] = None  # as the server said, Keep-Alive
        self.received = 0
        self.aborted = False
        self.closed = False
        #: Made and kept by who reads answers here.
        self.parser: Any = None
        self._settimeout: Any = None
        self._timeout: Optional[float] = -1.0
        self._may_pour = False
        self._is_pouring = False
        self._reader: Any = None
        self._poll: Any = None
        self._recv: Any = None
        if sock is not None:
            self.attach(sock)

    def attach(self, sock: Any) -> None:
        """Take over a connected socket."""
        self.sock = sock
        self._settimeout = getattr(sock, "settimeout", None)
        # TLS asks before it waits by itself, and says so by errors of its own.
        self._may_pour = type(sock) is socket.socket
        if hasattr(sock, "recv"):
            self._recv = sock.recv
        else:
            self._reader = sock.makefile("rb")
            read1 = getattr(self._reader, "read1", None)
            self._recv = read1 if read1 is not None else self._reader.read

    def set_timeout(self, timeout: Optional[float]) -> None:
        """Bound the next step."""
        if timeout is not None and timeout > MAX_STEP_SECONDS:
            timeout = MAX_STEP_SECONDS
        if timeout != self._timeout and self._settimeout is not None:
            self._settimeout(timeout)
            self._timeout = timeout

    def _set_wait(self, deadline: Optional[Deadline], idle: Optional[float]) -> None:
        """Bound the next step; a present limit that is 10 ms off at most is kept.

        Each change is a system call, two for an exchange: 2 us.  What ends too early is
        a step longer than `KEEP_TIMEOUT_SECONDS`, by a hundredth of it or less.
        """
        wait = idle
        if deadline is not None and deadline.ends_at is not None:
            left = deadline.ends_at - deadline.monotonic()
            if left <= 0:
                next_wait(deadline, idle)  # it raises
            if idle is None or left < idle:
                wait = left
        present = self._timeout
        if wait is not None and present is not None and wait > KEEP_TIMEOUT_SECONDS:
            if -0.01 * wait < present - wait < 0.01:
                return
        self.set_timeout(wait)

    def send(
        self,
        data: bytes,
        deadline: Optional[Deadline] = None,
        idle: Optional[float] = None,
    ) -> None:
        """Send all of `data` before `deadline`, within `idle` seconds."""
        self._is_pouring = False
        self._set_wait(deadline, idle)
        if self._may_pour or len(data) <= SEND_STEP_BYTES:
            self.sock.sendall(data)
            return
        # Only plain sockets bound sendall as a whole, TLS each record of it.
        for start in range(0, len(data), SEND_STEP_BYTES):
            self._set_wait(deadline, idle)
            self.sock.sendall(data[start : start + SEND_STEP_BYTES])

    def receive(
        self, size: int, deadline: Optional[Deadline], idle: Optional[float]
    ) -> bytes:
        """Return what has arrived, `size` bytes at most, b"" at the end."""
        if self._is_pouring:
            # A socket with a time limit asks the system whether it must wait before
            # each step: a fifth of the time that a large download takes.
            if deadline is not None and deadline.ends_at is not None:
                if deadline.monotonic() >= deadline.ends_at:
                    next_wait(deadline, idle)
            try:
                data: bytes = self._recv(size)
            except BlockingIOError:
                data = self._receive_later(size, deadline, idle)
            self.received += len(data)
            return data
        self._set_wait(deadline, idle)
        data = self._recv(size)
        self.received += len(data)
        if len(data) == size >= POURING_BYTES and self._may_pour:
            self._is_pouring = True
            self.set_timeout(0.0)
        return data

    def _receive_later(
        self, size: int, deadline: Optional[Deadline], idle: Optional[float]
    ) -> bytes:
        """Wait for what pours in, and return it."""
        while True:
            wait = next_wait(deadline, idle)
            if not self._is_readable(self.sock.fileno(), wait):
                raise socket.timeout("timed out")
            try:
                data: bytes = self._recv(size)
                return data
            except BlockingIOError:
                # Rare: the system took back what it had told of.
                continue

    def share(self, timeout: Optional[float]) -> None:
        """Let one thread receive while others send, on the socket itself.

        A socket has one time limit for both directions: it is never changed again.
        """
        self._may_pour = self._is_pouring = False
        self.set_timeout(timeout)

    def has_input(self, seconds: Optional[float]) -> bool:
        """Return whether there is input; wait for it, None: without end."""
        if self.buffer:
            return True
        fileno = getattr(self.sock, "fileno", None)
        if fileno is None:
            # It cannot be asked: whoever waits for it must not.
            return False
        if getattr(self.sock, "pending", int)():
            return True
        return self._is_readable(fileno(), seconds)

    def is_stale(self) -> bool:
        """Return whether this idle connection must not be used again.

        An idle connection that is readable was closed by the server, or holds bytes
        that nobody asked for.
        """
        if self.buffer or self.aborted or self.closed:
            return True
        if self._poll is not None:
            # All but the first time: a microsecond less.
            return bool(self._poll.poll(0)) and not self._is_only_ticket()
        fileno = getattr(self.sock, "fileno", None)
        if fileno is None:
            return False
        try:
            if not self._is_readable(fileno()):
                return False
            return not self._is_only_ticket()
        except (OSError, ValueError):
            return True

    def _is_readable(self, number: int, seconds: Optional[float] = 0.0) -> bool:
        if number < 0:
            return True
        if hasattr(select, "poll"):
            if self._poll is None:
                # Kept with the connection: 0.4 us a check, a new one 0.65.
                self._poll = select.poll()
                self._poll.register(number, select.POLLIN)
            return bool(self._poll.poll(None if seconds is None else seconds * 1000))
        return bool(select.select([number], [], [], seconds)[0])

    def _is_only_ticket(self) -> bool:
        # TLS 1.3 sends session tickets at any time: readable, but not for us.
        if not hasattr(self.sock, "pending"):
            return False
        import ssl

        try:
            self.set_timeout(0.0)
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except (OSError, ValueError):
            # Reset, or closed under us.
            return False
        return False

    def abort(self) -> None:
        """Shut the stream down, from any thread; who is blocked on it wakes up."""
        self.aborted = True
        shut_down(self.sock)

    def close(self) -> None:
        """Close the stream."""
        if self.closed:
            return
        self.closed = True
        for part in (self._reader, self.sock):
            try:
                if part is not None:
                    part.close()
            except (OSError, ValueError):
                # It is gone either way.
                continue

    def __del__(self) -> None:
        # Lost on the way, by an interruption: maybe that of its own making.
        if getattr(self, "sock", None) is not None and not self.closed:
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return "<Connection %s, %d exchanges>" % (state, self.exchanges)
