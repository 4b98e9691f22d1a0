"""Etiquette: how many requests at once, how many writes a minute, for each wiki.

Spec: https://www.mediawiki.org/wiki/API:Etiquette.  Holds: who is asking now, and
when the next write may go.  Not here: waiting that the wiki asks for (wiki/retry.py).

Threads share an Etiquette object.  Processes of one user share it by a folder: a file
for each slot, locked while a request runs, so that a process that dies frees its
own; and one with the moment of the next write.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional
from urllib.parse import quote, urlsplit

from ..clock import Clock, Deadline
from ..errors import RetryLater

#: What Wikimedia asks of everybody: no more than three at once.
DEFAULT_CONNECTIONS = 3
SLOT_POLL_SECONDS = 0.05


class Etiquette:
    """A budget of requests for each host, shared by sessions; thread-safe.

    At most `connections` requests run at once, and `writes_per_minute` writes are
    sent (None: as many as the wiki lets; `use_rate_limit` takes what `Site.rate_limit`
    tells).  With `folder` the processes of this user share it; it is made with mode
    0700, and must be the user's own.
    """

    def __init__(
        self,
        *,
        connections: int = DEFAULT_CONNECTIONS,
        writes_per_minute: Optional[float] = None,
        folder: Any = None,
        clock: Optional[Clock] = None,
    ) -> None:
        if connections < 1:
            raise ValueError("connections must be 1 or more, not %r" % connections)
        if writes_per_minute is not None and not writes_per_minute > 0:
            raise ValueError(
                "writes_per_minute must be more than 0, not %r" % writes_per_minute
            )
        self.connections = connections
        self.writes_per_minute = writes_per_minute
        self.folder = None if folder is None else os.fspath(folder)
        self.clock = clock if clock is not None else Clock()
        self._lock = threading.Lock()
        self._hosts: Dict[str, HostBudget] = {}
        if self.folder is not None:
            own_folder(self.folder)

    def __repr__(self) -> str:
        return "<Etiquette %d at once, %s writes a minute>" % (
            self.connections,
            "any" if self.writes_per_minute is None else self.writes_per_minute,
        )

    def use_rate_limit(self, hits: int, seconds: float) -> None:
        """Write no faster than the wiki allows; `Site.rate_limit` tells."""
        allowed = hits * 60.0 / max(1.0, seconds)
        if self.writes_per_minute is None or allowed < self.writes_per_minute:
            self.writes_per_minute = allowed

    @contextmanager
    def slot(self, host: str, is_write: bool, deadline: Deadline) -> Iterator[None]:
        """Hold one of the host's slots; RetryLater when none is free in time."""
        key = urlsplit(host).netloc or host
        with self._lock:
            budget = self._hosts.get(key)
            if budget is None:
                budget = self._hosts[key] = HostBudget(self, key)
        if is_write:
            budget.wait_to_write(deadline)
        budget.acquire(deadline)
        try:
            handle = budget.lock_slot(deadline)
            try:
                yield
            finally:
                if handle is not None:
                    os.close(handle)
        finally:
            budget.semaphore.release()


class HostBudget:
    """The part of an Etiquette that one host takes; thread-safe."""

    def __init__(self, etiquette: Etiquette, host: str) -> None:
        self.etiquette = etiquette
        self.semaphore = threading.BoundedSemaphore(etiquette.connections)
        self.lock = threading.Lock()
        self.next_write = 0.0
        self.stem = ""
        if etiquette.folder is not None:
            self.stem = os.path.join(etiquette.folder, quote(host, safe=""))

    def acquire(self, deadline: Deadline) -> None:
        """Take one of this process's slots."""
        if self.semaphore.acquire(timeout=deadline.remaining()):
            return
        raise self._too_busy("%d requests run already" % self.etiquette.connections)

    def lock_slot(self, deadline: Deadline) -> Optional[int]:
        """Take one of the slots that processes share; None without a folder."""
        if not self.stem:
            return None
        while True:
            for number in range(self.etiquette.connections):
                handle = open_lock("%s.slot%d" % (self.stem, number), is_waiting=False)
                if handle is not None:
                    return handle
            if deadline.is_over():
                raise self._too_busy("other processes hold all slots")
            self.etiquette.clock.sleep(SLOT_POLL_SECONDS)

    def wait_to_write(self, deadline: Deadline) -> None:
        """Wait for this write's turn."""
        rate = self.etiquette.writes_per_minute
        if rate is None:
            return
        clock = self.etiquette.clock
        pause = 60.0 / rate
        with self.lock:
            now = clock.now()
            handle = None
            if self.stem:
                handle = open_lock(self.stem + ".write", is_waiting=True)
            try:
                turn = self.next_write if handle is None else read_moment(handle)
                # A clock that was set back must not stop all writes.
                turn = max(now, turn) if turn - now < 10 * pause + 60 else now
                left = deadline.remaining()
                if left is not None and turn - now > left:
                    raise self._too_busy("%g writes a minute" % rate, turn - now)
                self.next_write = turn + pause
                if handle is not None:
                    write_moment(handle, self.next_write)
            finally:
                if handle is not None:
                    os.close(handle)
        clock.sleep(turn - now)

    def _too_busy(self, text: str, seconds: Optional[float] = None) -> RetryLater:
        return RetryLater(
            "etiquette", "no slot was free: %s" % text, after_seconds=seconds
        )


def own_folder(folder: str) -> None:
    """Make a folder for this user alone; PermissionError when it is another's."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError("%s is not a folder" % folder)
    getuid = getattr(os, "getuid", None)
    if getuid is None:
        return  # Windows: the user's folders are his own.
    if status.st_uid != getuid() or status.st_mode & 0o077:
        raise PermissionError(
            "%s must belong to this user alone (mode 0700), it has mode %o of user %d"
            % (folder, stat.S_IMODE(status.st_mode), status.st_uid)
        )


def open_lock(path: str, *, is_waiting: bool) -> Optional[int]:
    """Open and lock a file; None when another holds it.  Closing it unlocks."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if try_lock_handle(handle, is_waiting=is_waiting):
        return handle
    os.close(handle)
    return None


def try_lock_handle(handle: int, *, is_waiting: bool) -> bool:
    """Lock an open file against other processes; False when another holds it."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        import msvcrt

        lock = getattr(msvcrt, "locking")  # noqa: B009 (typed on Windows only)
        kind = "LK_LOCK" if is_waiting else "LK_NBLCK"
        try:
            os.lseek(handle, 0, os.SEEK_SET)
            lock(handle, getattr(msvcrt, kind), 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if is_waiting else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def read_moment(handle: int) -> float:
    """Return the moment that a file holds, 0 when it holds none."""
    os.lseek(handle, 0, os.SEEK_SET)
    try:
        return float(os.read(handle, 64).decode("ascii"))
    except ValueError:
        return 0.0


def write_moment(handle: int, moment: float) -> None:
    """Write a moment into a file."""
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, b"%020.3f" % moment)
