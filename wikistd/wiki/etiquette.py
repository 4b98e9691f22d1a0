"""Etiquette: how many requests at once, how many writes a minute, for each wiki.

Spec: https://www.mediawiki.org/wiki/API:Etiquette.  Holds: who is asking now, and
when the next write may go.  Not here: waiting that the wiki asks for (wiki/retry.py).

Threads share an Etiquette object.  Processes of one user share it by a folder: a file
for each slot, locked while a request runs, so that a process that dies frees its
own; and files with the moments of the last writes.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import quote, urlsplit

from ..clock import Clock, Deadline
from ..errors import RetryLater
from ..web.cookiefile import try_lock_handle
from .reply import SHAPE_ERRORS

#: What Wikimedia asks of everybody: no more than three at once.
DEFAULT_CONNECTIONS = 3
SLOT_POLL_SECONDS = 0.05
TURN_POLL_SECONDS = 0.01  # held for a tenth of a millisecond

#: The wiki counts from when a request arrives, not from when it was sent.
LIMIT_MARGIN_SECONDS = 1.0

#: Moments kept for a limit of the wiki; one with more hits is kept in portions.
MAX_KEPT_MOMENTS = 100

#: A longer one is no rate.
LONGEST_LIMIT_SECONDS = 366 * 86400.0

#: What the wiki's limits hold for besides groups of users; these never widen one.
ADDRESS_LIMITS = ("ip", "subnet", "newbie", "anon")


class Etiquette:
    """A budget of requests for each host, shared by sessions; thread-safe.

    At most `connections` requests run at once, and `writes_per_minute` writes are
    sent (None: as many as the wiki lets).  Rate limits of the wiki for its user are
    kept as well: a session that has an Etiquette asks for them along with its first
    token.  With `folder` the processes of this user share it; it is made with mode
    0700, and must be the user's own.

    A call waits for its turn as long as its session's `max_wait_seconds` lets it, and
    is a RetryLater then, with nothing sent.  Where that is None it waits without end
    for whoever has the slots, also for a process that was stopped.
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

    def learn(self, host: str, user: str, document: Any) -> None:
        """Keep the rate limits of a user, where a document of the API tells them."""
        try:
            told = document["query"]["userinfo"]["ratelimits"] or {}
            limits = {name: effective_limit(kinds) for name, kinds in told.items()}
        except SHAPE_ERRORS:
            return  # Most documents tell none.
        self._budget(host).limits[user] = {
            name: (hits, seconds)
            for name, (hits, seconds) in limits.items()
            if hits > 0 and 0 < seconds < LONGEST_LIMIT_SECONDS
        }

    def _budget(self, host: str) -> HostBudget:
        key = urlsplit(host).netloc or host
        with self._lock:
            budget = self._hosts.get(key)
            if budget is None:
                budget = self._hosts[key] = HostBudget(self, key)
            return budget

    @contextmanager
    def slot(
        self,
        host: str,
        is_write: bool,
        deadline: Deadline,
        *,
        user: str = "",
        action: str = "",
    ) -> Iterator[None]:
        """Hold one of the host's slots; RetryLater when none is free in time.

        `user` and `action` say which limits of the wiki a write falls under.
        """
        budget = self._budget(host)
        if is_write:
            budget.wait_to_write(deadline, user, action)
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
        #: For each user and action: how many hits in how many seconds.
        self.limits: Dict[str, Dict[str, Tuple[int, float]]] = {}
        self.moments: Dict[str, List[float]] = {}
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
        numbers = range(self.etiquette.connections)
        paths = ["%s.slot%d" % (self.stem, number) for number in numbers]
        words = "other processes hold all slots"
        return self._lock_one(paths, deadline, SLOT_POLL_SECONDS, words)

    def _lock_one(
        self, paths: List[str], deadline: Deadline, pause: float, words: str
    ) -> int:
        """Lock one of some files; RetryLater where others hold them for too long."""
        while True:
            for path in paths:
                handle = open_lock(path)
                if handle is not None:
                    return handle
            if deadline.is_over():
                raise self._too_busy(words)
            self.etiquette.clock.sleep(pause)

    def wait_to_write(self, deadline: Deadline, user: str, action: str) -> None:
        """Wait for this write's turn: the caller's pace, then the wiki's limit."""
        rate = self.etiquette.writes_per_minute
        if rate is not None:
            words = "%g writes a minute" % rate
            self._wait_turn("write", 1, 60.0 / rate, deadline, words)
        limit = self.limits.get(user, {}).get(action)
        if limit is not None:
            name = "limit-%s-%s" % (quote(user, safe=""), quote(action, safe=""))
            hits, seconds = limit
            words = "the wiki lets %d in %g seconds" % (hits, seconds)
            portions = -(-hits // MAX_KEPT_MOMENTS)
            hits, seconds = hits // portions, seconds / portions + LIMIT_MARGIN_SECONDS
            self._wait_turn(name, hits, seconds, deadline, words)

    def _wait_turn(
        self, name: str, hits: int, seconds: float, deadline: Deadline, words: str
    ) -> None:
        """Wait until fewer than `hits` of the last `seconds` went by this name."""
        clock = self.etiquette.clock
        path = "%s.%s" % (self.stem, name)
        handle: Optional[int] = None
        if self.stem:
            # Held for a moment only; by a process that was stopped in it, for longer.
            held = "another process holds %s" % path
            handle = self._lock_one([path], deadline, TURN_POLL_SECONDS, held)
        try:
            with self.lock:
                now = clock.now()
                moments = self.moments.get(name, [])
                if handle is not None:
                    moments = read_moments(handle, path)
                turn = moments[-hits] + seconds if len(moments) >= hits else now
                # A clock that was set back must not stop all writes.
                turn = max(now, turn) if turn - now < 10 * seconds + 60 else now
                left = deadline.remaining()
                if left is not None and turn - now > left:
                    raise self._too_busy(words, turn - now)
                moments = moments[-hits + 1 :] if hits > 1 else []
                self.moments[name] = moments + [turn]
                if handle is not None:
                    write_moments(handle, self.moments[name])
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


def open_lock(path: str) -> Optional[int]:
    """Open and lock a file; None when another holds it.  Closing it unlocks."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if try_lock_handle(handle):
        return handle
    os.close(handle)
    return None


def read_moments(handle: int, path: str) -> List[float]:
    """Return the moments that a file holds, none when they are damaged.

    ValueError when it holds what another version of wikistd may have written.
    """
    os.lseek(handle, 0, os.SEEK_SET)
    data = os.read(handle, 1 << 16)
    if data.strip(b"0123456789. "):
        raise ValueError(
            "%s is not of the format that this wikistd knows: it was left as it is, and"
            " nothing was sent" % path
        )
    try:
        return [float(word) for word in data.split()]
    except ValueError:
        return []


def write_moments(handle: int, moments: List[float]) -> None:
    """Write moments into a file, in place of what it held."""
    os.lseek(handle, 0, os.SEEK_SET)
    os.ftruncate(handle, os.write(handle, b" ".join(b"%.3f" % m for m in moments)))


def effective_limit(kinds: Any) -> Tuple[int, float]:
    """Return (hits, seconds) of what the wiki tells for one action.

    Of the groups that a user is in the most generous counts, and of the limits for
    addresses and new users the tightest.
    """
    found = {
        kind: (int(limit["hits"]), float(limit["seconds"]))
        for kind, limit in kinds.items()
    }
    groups = [found[kind] for kind in found if kind not in ADDRESS_LIMITS]
    tight = [found[kind] for kind in found if kind in ADDRESS_LIMITS]
    if groups:
        tight.append(max(groups, key=hits_a_second))
    return min(tight, key=hits_a_second)


def hits_a_second(limit: Tuple[int, float]) -> float:
    """Return how fast a limit is."""
    return limit[0] / max(1.0, limit[1])
