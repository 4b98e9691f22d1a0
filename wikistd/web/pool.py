"""ConnectionPool: connections that wait for their next request.

In: a key of everything that changes whom a connection can be trusted to speak for.
Out: a live idle connection with that key, or leave to make one.
Holds: idle connections.  Not here: making them (web/keepalive.py).
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Dict, List, Optional

from ..clock import Deadline
from ..errors import TransportTimeout
from .connect import Connection, next_wait

POOL_SIZE = 32  # connections of one client, busy ones included
POOL_IDLE_SIZE = 10  # idle connections of one client; requests keeps 10 for each host
POOL_IDLE_SECONDS = 60.0  # nginx closes after 75


class Counters:
    """What a client did so far; read it at any time.

    `requests` sent (redirects and retries each count), `connections` opened, `bytes`
    received in answers, heads included, of exchanges that have ended, and `retries` on
    a fresh connection after a kept one had died.
    """

    __slots__ = ("requests", "connections", "bytes", "retries")

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.bytes = 0
        self.retries = 0

    def __repr__(self) -> str:
        return "<Counters %d requests, %d connections, %d bytes, %d retries>" % (
            self.requests,
            self.connections,
            self.bytes,
            self.retries,
        )


class ConnectionPool:
    """Keeps idle connections.  Thread-safe, and empty in a forked child.

    At most `max_size` connections are open at once: who needs one more waits.  At most
    `max_idle` wait idle, for `max_idle_seconds` each, the last one used first.
    """

    def __init__(
        self,
        *,
        max_size: int = POOL_SIZE,
        max_idle: int = POOL_IDLE_SIZE,
        max_idle_seconds: float = POOL_IDLE_SECONDS,
    ) -> None:
        if max_size < 1:
            raise ValueError("pool_size must be 1 or more, not %r" % (max_size,))
        self.max_size = max_size
        self.max_idle = max_idle
        self.max_idle_seconds = max_idle_seconds
        self.counters = Counters()
        self.closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._freed = threading.Condition(self._lock)
        self._waiters = 0
        self._idle: Dict[Any, List[Connection]] = {}
        self._idle_count = 0
        self._busy_count = 0

    def acquire(self, key: Any, deadline: Optional[Deadline]) -> Optional[Connection]:
        """Return an idle connection, or None: then the caller makes one.

        Either way the caller has taken one place and owes `release` or `give_up`.
        """
        while True:
            connection = self._take(key, deadline)
            if connection is None:
                return None
            idle_limit = connection.idle_limit
            age = time.monotonic() - connection.idle_since
            if (
                age < self.max_idle_seconds
                and (idle_limit is None or age < idle_limit)
                and not connection.is_stale()
            ):
                return connection
            self.give_up(connection)

    def _take(self, key: Any, deadline: Optional[Deadline]) -> Optional[Connection]:
        if self._pid != os.getpid():
            # A forked child shares the parent's sockets, and maybe a lock that nobody
            # here will ever release: it starts anew.  Closing its copies of the sockets
            # says nothing to the other side.
            inherited = self._idle
            self._begin()
            for connections in inherited.values():
                for connection in connections:
                    connection.close()
        with self._lock:
            if self.closed:
                raise ValueError("the client is closed")
            while True:
                stack = self._idle.get(key)
                if stack:
                    connection = stack.pop()
                    if not stack:
                        del self._idle[key]
                    self._idle_count -= 1
                    self._busy_count += 1
                    return connection
                if self._busy_count + self._idle_count < self.max_size:
                    self._busy_count += 1
                    return None
                if self._idle_count:
                    self._evict_oldest()
                    continue
                self._wait(deadline)

    def _wait(self, deadline: Optional[Deadline]) -> None:
        message = (
            "all %d connections are in use: close responses that are not needed, or "
            "raise pool_size" % self.max_size
        )
        try:
            seconds = next_wait(deadline, None)
        except TransportTimeout:
            raise TransportTimeout(message, phase="connect") from None
        self._waiters += 1
        try:
            self._freed.wait(seconds)
        finally:
            self._waiters -= 1

    def _evict_oldest(self) -> None:
        key = min(self._idle, key=lambda each: self._idle[each][0].idle_since)
        stack = self._idle[key]
        stack.pop(0).close()
        if not stack:
            del self._idle[key]
        self._idle_count -= 1

    def release(self, connection: Connection, is_reusable: bool) -> None:
        """Take a connection back: its exchange has ended."""
        if not is_reusable or connection.aborted or self._pid != os.getpid():
            self.give_up(connection)
            return
        connection.idle_since = time.monotonic()
        with self._lock:
            self.counters.bytes += connection.received
            connection.received = 0
            self._busy_count -= 1
            if self.closed:
                connection.close()
                return
            self._idle.setdefault(connection.key, []).append(connection)
            self._idle_count += 1
            if self._idle_count > self.max_idle:
                self._evict_oldest()
            if self._waiters:
                self._freed.notify()

    def give_up(self, connection: Optional[Connection]) -> None:
        """Close a connection that serves nobody any more; free its place."""
        if connection is not None:
            connection.close()
        self.forget(connection)

    def forget(self, connection: Optional[Connection]) -> None:
        """Free the place of a connection that is somebody else's now."""
        if self._pid != os.getpid():
            return
        with self._lock:
            if connection is not None:
                self.counters.bytes += connection.received
                connection.received = 0
            self._busy_count -= 1
            if self._waiters:
                self._freed.notify()

    def close_idle(self) -> None:
        """Close what is idle."""
        if self._pid != os.getpid():
            return
        with self._lock:
            stacks = list(self._idle.values())
            self._idle = {}
            self._idle_count = 0
        for stack in stacks:
            for connection in stack:
                connection.close()

    def close(self) -> None:
        """Close what is idle now, and what is busy when it comes back."""
        self.closed = True
        self.close_idle()

    @property
    def idle_count(self) -> int:
        """How many connections are idle."""
        return self._idle_count

    @property
    def busy_count(self) -> int:
        """How many connections are in use."""
        return self._busy_count

    def __repr__(self) -> str:
        return "<ConnectionPool %d idle, %d busy>" % (
            self._idle_count,
            self._busy_count,
        )
