"""PartialFile: what has arrived of a file, beside the place where it is to be.

Spec: POSIX open, flock and rename.  Holds: one open, locked file.  Not here: asking for
the bytes (wiki/download.py).
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Optional

from ..formats.checksums import make_checksum
from ..web.cookiefile import try_lock_handle
from .sources import SOURCE_PIECE_BYTES

#: How often a file may be taken away between opening and locking it.
MAX_OPENINGS = 100


class PartialFile:
    """A file that is written under one name and gets another when it is whole.

    A context manager; one owner.  `done` bytes lie on the disk with the SHA-1 `digest`.
    Closing it leaves what has arrived for a later call, and nothing when it is empty.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.handle = open_partial(path)
        self.done = 0
        self.digest = make_checksum("sha1")

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def read_back(self, size: int) -> None:
        """Take in what an earlier attempt has left; more than `size` is dropped."""
        if os.fstat(self.handle).st_size > size:
            self.restart()  # Of another version.
        while True:
            piece = os.read(self.handle, SOURCE_PIECE_BYTES)
            if not piece:
                return
            self.digest.update(piece)
            self.done += len(piece)

    def write(self, piece: bytes) -> None:
        """Add bytes."""
        left = memoryview(piece)
        while left:
            left = left[os.write(self.handle, left) :]
        self.digest.update(piece)
        self.done += len(piece)

    def restart(self) -> None:
        """Forget all that has arrived."""
        os.ftruncate(self.handle, 0)
        os.lseek(self.handle, 0, os.SEEK_SET)
        self.done, self.digest = 0, make_checksum("sha1")

    def is_whole(self, size: int, sha1: str) -> bool:
        """Return whether the file is this one."""
        on_disk = os.fstat(self.handle).st_size
        return self.done == on_disk == size and self.digest.hexdigest() == sha1

    def rename(self, target: str) -> None:
        """Give the file its name, in place of what has it now, and close it."""
        if os.name == "nt":
            self._let_go()  # Windows renames no open file.
        os.replace(self.path, target)
        self._let_go()

    def close(self) -> None:
        """Close the file, which unlocks it."""
        if self.handle < 0:
            return
        is_empty = os.fstat(self.handle).st_size == 0
        if os.name == "nt":
            self._let_go()  # Windows removes no open file.
        if is_empty:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        self._let_go()

    def _let_go(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


def open_partial(path: str) -> int:
    """Open a file of this user's own, or make it, and lock it; return the handle.

    BlockingIOError when another download is at work on it.  In a folder for all, others
    may have put something there: a link to another file, a file whose bytes they can
    change later, a FIFO that nobody writes to.  None of these is used; it is removed,
    which is an OSError where that is not allowed.
    """
    for _ in range(MAX_OPENINGS):
        try:
            handle = open_regular(path, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            found = reopen_own(path)
            if found is None:
                continue
            handle = found
        if not lock_partial(handle):
            os.close(handle)
            break
        # Whoever held the lock until now may have renamed the file.
        if os.name == "nt" or names_handle(path, handle):
            return handle
        os.close(handle)
    raise BlockingIOError("%s is in use by another download" % path)


def open_regular(path: str, flags: int) -> int:
    """Open for reading and writing; through no link, and waiting for nobody."""
    for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)  # Windows has only the first.
    return os.open(path, flags | os.O_RDWR, 0o666)


def reopen_own(path: str) -> Optional[int]:
    """Open a file that is there; None when it is gone, or another's and removed."""
    try:
        if is_own_file(os.lstat(path)):
            handle = open_regular(path, 0)
            if is_own_file(os.fstat(handle)):
                return handle
            os.close(handle)  # It was changed for another in between.
        os.unlink(path)
    except FileNotFoundError:
        pass
    return None


def is_own_file(status: os.stat_result) -> bool:
    """Return whether it is a regular file of this user, under one name only."""
    geteuid = getattr(os, "geteuid", None)  # not on Windows
    is_mine = geteuid is None or status.st_uid == geteuid()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and is_mine


def names_handle(path: str, handle: int) -> bool:
    """Return whether `path` is the name of an open file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def lock_partial(handle: int) -> bool:
    """Lock an open file; False when another has.  Where no locks are, it is free."""
    try:
        return try_lock_handle(handle)
    except (ImportError, OSError):  # such as ENOLCK of a network's file system
        return True
