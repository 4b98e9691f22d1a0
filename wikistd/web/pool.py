"""ConnectionPool: connections that wait for their next request.

In: a key of everything that changes whom a connection can be trusted to speak for.
Out: a live idle connection with that key, or leave to make one.
Holds: idle connections.  Not here: making them (web/keepalive.py).
"""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from typing import Any, Dict, List, Optional

from ..clock import Deadline
from ..errors import TransportTimeout
from .connection import Connection, next_wait

POOL_SIZE = 32  # connections of one client, busy ones included
POOL_IDLE_SIZE = 10  # idle connections of one client; requests keeps 10 for each host
POOL_TICK_SECONDS = 0.25  # how late a place that was lost is noticed
POOL_IDLE_SECONDS = 60.0  # nginx closes after 75


class ThreadCounts:
    """What one thread did so far.  One owner; others may read it."""

    def __init__(self) -> None:
        self.requests = self.connections = self.bytes = self.retries = 0


class CountsOfThread(threading.local):
    """In each thread, `counts` is that thread's own."""

    def __init__(self, known: Dict[int, ThreadCounts]) -> None:
        # A thread may get the number of one that has ended: it counts on from there.
        self.counts = known.setdefault(threading.get_ident(), ThreadCounts())


class Counters:
    """What a client did so far; read it at any time, from any thread.

    `requests` sent (redirects and retries each count), `connections` opened, `bytes`
    received in answers, heads included, of exchanges that have ended, and `retries` on
    a fresh connection after a kept one had died.
    """

    def __init__(self) -> None:
        # Every thread counts for itself: `+=` on one number for all loses some, and a
        # lock could be left locked by an interruption.
        self._counts: Dict[int, ThreadCounts] = {}
        #: Where this thread counts: `counters.here.counts.requests += 1`.
        self.here = CountsOfThread(self._counts)

    @property
    def requests(self) -> int:
        """Requests sent."""
        return sum(counts.requests for counts in list(self._counts.values()))

    @property
    def connections(self) -> int:
        """Connections opened."""
        return sum(counts.connections for counts in list(self._counts.values()))

    @property
    def bytes(self) -> int:
        """Bytes received."""
        return sum(counts.bytes for counts in list(self._counts.values()))

    @property
    def retries(self) -> int:
        """Requests sent again."""
        return sum(counts.retries for counts in list(self._counts.values()))

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

    There is no lock: an interruption (Ctrl-C, a caller's own exception) could leave it
    locked.  Lists and dictionaries take and give single items undivided; a connection
    that is lost on the way is closed, and forgotten, when nobody refers to it any more.
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
        self._idle: Dict[Any, List[Connection]] = {}
        # Open or about to be, idle ones too; weak: what is lost frees its place.
        # By id, and not a WeakSet, which threads may use at once on CPython only.
        self._open: Dict[int, weakref.ref[Connection]] = {}
        self._freed = threading.Event()
        # One item for each thread that waits: threads lose some of `+=`.
        self._waiters: List[None] = []

    def acquire(self, key: Any, deadline: Optional[Deadline]) -> Connection:
        """Return an idle connection, or one that is still to be connected.

        The caller owes `release` or `give_up`.
        """
        if self._pid != os.getpid():
            self._check_process()
        if self.closed:
            raise ValueError("the client is closed")
        is_collected = False
        while True:
            connection = self._pop_idle(self._idle.get(key))
            if connection is None:
                connection = self._make(key)
                if connection is not None:
                    return connection
                if not self._wait(deadline) and not is_collected:
                    # What nobody refers to any more frees its place: in a cycle, or
                    # where references are not counted (PyPy), only after this.  It
                    # takes up to 0.1 s, so not where a place comes free by itself.
                    gc.collect()
                    is_collected = True
                continue
            idle_limit = connection.idle_limit
            age = time.monotonic() - connection.idle_since
            if (
                age < self.max_idle_seconds
                and (idle_limit is None or age < idle_limit)
                and not connection.is_stale()
            ):
                return connection
            self.give_up(connection)

    def _check_process(self) -> None:
        if self._pid == os.getpid():
            return
        # A forked child shares the parent's sockets: it starts anew.  Closing its own
        # copies of them says nothing to the other side.
        inherited = list(self._open.values())
        self._begin()
        for reference in inherited:
            connection = reference()
            if connection is not None:
                connection.close()

    def _pop_idle(
        self, stack: Optional[List[Connection]], index: int = -1
    ) -> Optional[Connection]:
        try:
            return stack.pop(index) if stack else None
        except IndexError:
            # Another thread was faster.
            return None

    def _make(self, route: Any) -> Optional[Connection]:
        """Return a new connection, None if there may be no more."""
        connection = Connection(route)
        key, places = id(connection), self._open

        def free(reference: weakref.ref[Connection]) -> None:
            if places.get(key) is reference:
                places.pop(key, None)

        places[key] = weakref.ref(connection, free)
        # Counted after it was added: two threads can both fail, never both succeed.
        while len(places) > self.max_size:
            if not self._evict_oldest():
                places.pop(key, None)
                return None
        return connection

    def _wait(self, deadline: Optional[Deadline]) -> bool:
        """Wait for a place a moment; return whether one came free."""
        try:
            seconds = next_wait(deadline, POOL_TICK_SECONDS)
        except TransportTimeout:
            raise TransportTimeout(
                "all %d connections are in use: close responses that are not needed, "
                "or raise pool_size" % self.max_size,
                phase="connect",
            ) from None
        self._waiters.append(None)
        try:
            is_freed = self._freed.wait(seconds)
            self._freed.clear()
            return is_freed
        finally:
            self._waiters.pop()

    def _evict_oldest(self) -> bool:
        """Close the connection that was idle longest; return whether there was one."""
        oldest: Optional[List[Connection]] = None
        since = float("inf")
        for key, stack in list(self._idle.items()):
            try:
                if stack[0].idle_since < since:
                    oldest, since = stack, stack[0].idle_since
            except IndexError:
                # Empty; its thread may be about to fill it again.
                if len(self._idle) > self.max_size:
                    self._give_up_all(self._idle.pop(key, None))
        connection = self._pop_idle(oldest, 0)
        if connection is None:
            return False
        self.give_up(connection)
        return True

    def release(self, connection: Connection, is_reusable: Optional[bool]) -> None:
        """Take a connection back: its exchange has ended.

        None for `is_reusable`: it belongs to somebody else now.
        """
        if is_reusable is None:
            self.forget(connection)
            return
        if (
            not is_reusable
            or connection.aborted
            or self.closed
            or self._pid != os.getpid()
        ):
            self.give_up(connection)
            return
        self.counters.here.counts.bytes += connection.received
        connection.received = 0
        connection.idle_since = time.monotonic()
        stack = self._idle.setdefault(connection.key, [])
        stack.append(connection)
        if self._idle.get(connection.key) is not stack:
            # Meanwhile another thread swept it out, as it was empty.
            self._give_up_all(stack)
        if (len(stack) > 1 or len(self._idle) > 1) and self.idle_count > self.max_idle:
            self._evict_oldest()
        if self._waiters:
            self._freed.set()

    def give_up(self, connection: Connection) -> None:
        """Close a connection that serves nobody any more; free its place."""
        connection.close()
        self.forget(connection)

    def _give_up_all(self, stack: Optional[List[Connection]]) -> None:
        connection = self._pop_idle(stack)
        while connection is not None:
            self.give_up(connection)
            connection = self._pop_idle(stack)

    def forget(self, connection: Connection) -> None:
        """Free the place of a connection that is somebody else's now."""
        self.counters.here.counts.bytes += connection.received
        connection.received = 0
        self._open.pop(id(connection), None)
        if self._waiters:
            self._freed.set()

    def close_idle(self) -> None:
        """Close what is idle."""
        self._check_process()
        while self._evict_oldest():
            pass

    def close(self) -> None:
        """Close what is idle now, and what is busy when it comes back."""
        self.closed = True
        self.close_idle()

    @property
    def idle_count(self) -> int:
        """How many connections are idle."""
        return sum(map(len, list(self._idle.values())))

    @property
    def busy_count(self) -> int:
        """How many connections are in use, or being made."""
        return len(self._open) - self.idle_count

    def __repr__(self) -> str:
        return "<ConnectionPool %d idle, %d busy>" % (self.idle_count, self.busy_count)
