"""Journal: what a batch of edits has done, line by line on the disk.

Spec: JSON Lines, https://jsonlines.org.  Holds: one open, locked file.  Not here: the
edits (wiki/batch.py).

A line is on the disk before what it announces is sent, so that after a crash, a
SIGTERM or a power cut nothing that may have been sent is unknown.  It ends with a
checksum of itself: one that was damaged, or changed by hand, could have an edit done
twice or not at all.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Dict, List, Mapping, Optional

from ..formats.checksums import make_checksum
from ..web.cookiefile import try_lock_handle

JOURNAL_VERSION = 3  # 2 had no checksums; no release wrote it.
JOURNAL_SUM_DIGITS = 16


class Journal:
    """An append-only file of JSON objects, locked against a second run; one owner.

    A context manager.  A last line that a crash cut short is dropped.
    """

    def __init__(self, path: Any, *, must_exist: bool = False) -> None:
        self.path = os.fspath(path)
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
        if not must_exist:
            flags |= os.O_CREAT
        self.handle = os.open(self.path, flags, 0o600)
        self.records: List[Dict[str, Any]] = []
        self._opening: Optional[Dict[str, Any]] = None
        try:
            if not stat.S_ISREG(os.fstat(self.handle).st_mode):
                raise ValueError("%s is no file that can be a journal" % self.path)
            if not try_lock_handle(self.handle):
                raise BlockingIOError(
                    "the journal %s is in use by another run" % self.path
                )
            self._read()
        except BaseException:
            os.close(self.handle)
            self.handle = -1
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, which unlocks it."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def _read(self) -> None:
        with open(self.handle, "rb", closefd=False) as file:
            data = file.read()
        head = b'{"journal":%d,' % JOURNAL_VERSION
        if data[: len(head)] != head[: len(data)]:
            raise ValueError(
                "%s is not a journal of a batch, or one of another version than %d: it"
                " was left as it is" % (self.path, JOURNAL_VERSION)
            )
        whole, newline, rest = data.rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if newline else (), 1):
            record = parse_record(line)
            if record is None:
                raise ValueError(
                    "%s, line %d: no JSON object as a batch has written it: it was "
                    "damaged or changed, and nothing was done" % (self.path, number)
                )
            self.records.append(record)
        if rest:
            # Cut short by a crash: it announced what was never begun.
            os.ftruncate(self.handle, len(whole) + len(newline))
        os.lseek(self.handle, 0, os.SEEK_END)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record; when this returns it is on the disk."""
        if self._opening is not None:
            opening, self._opening = self._opening, None
            self.write(opening)
        data = encode_record(record) + b"\n"
        while data:
            data = data[os.write(self.handle, data) :]
        os.fsync(self.handle)
        self.records.append(dict(record))

    def begin(self, wiki: str, user: Optional[str]) -> None:
        """Say whose journal it is; ValueError when it is of another wiki or user.

        The line about it is written before the first record: a batch that does nothing
        leaves no journal of it.  None for `user` is an anonymous one.
        """
        if not self.records:
            self._opening = {"journal": JOURNAL_VERSION, "wiki": wiki, "user": user}
            return
        first = self.records[0]
        if first.get("wiki") != wiki or first.get("user") != user:
            raise ValueError(
                "%s is of %s on %s, not of %s on %s: each has a journal of its own"
                % (
                    self.path,
                    first.get("user") or "an anonymous user",
                    first.get("wiki"),
                    user or "an anonymous user (log in first)",
                    wiki,
                )
            )


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Return a line of a journal: JSON with the checksum of the rest as last field."""
    # In ASCII: half of a surrogate pair has no form in UTF-8.
    data = json.dumps(record, separators=(",", ":")).encode("ascii")
    digest = make_checksum("sha1", data).hexdigest()[:JOURNAL_SUM_DIGITS]
    return b'%s,"sum":"%s"}' % (data[:-1], digest.encode("ascii"))


def parse_record(line: bytes) -> Optional[Dict[str, Any]]:
    """Return the record of a line without its checksum; None when it is damaged."""
    try:
        record = json.loads(line.decode("ascii"))
        del record["sum"]
        return record if encode_record(record) == line else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
