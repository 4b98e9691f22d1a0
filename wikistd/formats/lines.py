"""Bytes that come in pieces: fed in, lines, chunks and other parts out.

Spec: the names are those of aiohttp's old parsers.  Pure.  No byte is searched twice,
and pieces that are a part already are handed on uncopied.  Not here: the lines of
server-sent events, which may end in CR (sse.py).
"""

from __future__ import annotations

import io
from typing import Dict, List, Optional

from ..errors import LimitExceeded, ProtocolError, limit_exceeded

MAX_LINE_BYTES = 65536  # asyncio's, http.client's and aiohttp's limit
CHUNK_BYTES = 8192


class LinesParser:
    """Splits what it is fed into lines, each with its LF.  One owner.

    LimitExceeded past `limit` bytes in a line, its LF counted; every later call raises
    it again.  Memory stays at one line and one piece.
    """

    __slots__ = ("limit", "error", "_held", "_size")

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.limit = limit
        self.error: Optional[LimitExceeded] = None
        self._held: List[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> List[bytes]:
        """Return the lines that `data` completes."""
        if self.error is not None:
            raise self.error
        if data.find(b"\n") < 0:
            if data:
                self._check(self._size + len(data))
                self._held.append(data)
                self._size += len(data)
            return []
        # In C, and only LF ends a line: splitlines() would take CR too.
        lines = io.BytesIO(data).readlines()
        self._check(self._size + len(lines[0]))
        self._check(max(map(len, lines)))
        if self._held:
            lines[0] = b"".join(self._held) + lines[0]
            self._held, self._size = [], 0
        if not lines[-1].endswith(b"\n"):
            last = lines.pop()
            self._held, self._size = [last], len(last)
        return lines

    def feed_eof(self) -> List[bytes]:
        """Return the last line if it lacks its LF; the end of the input."""
        if self.error is not None:
            raise self.error
        held, self._held, self._size = self._held, [], 0
        return [b"".join(held)] if held else []

    def _check(self, size: int) -> None:
        if size > self.limit:
            what = "line of %d bytes or more" % size
            self.error = limit_exceeded(what, "limit", self.limit)
            raise self.error


class ChunksParser:
    """Cuts what it is fed into chunks of `size` bytes; the last may be shorter.

    One owner.
    """

    __slots__ = ("size", "_held", "_missing")

    def __init__(self, size: int = CHUNK_BYTES) -> None:
        if size < 1:
            raise ValueError("size must be at least 1, not %d" % size)
        self.size = size
        self._held: List[bytes] = []
        self._missing = size

    def feed(self, data: bytes) -> List[bytes]:
        """Return the chunks that `data` completes."""
        chunks = []
        start = 0
        if len(data) >= self._missing and self._held:
            start = self._missing
            chunks.append(b"".join(self._held) + data[:start])
            self._held, self._missing = [], self.size
        while len(data) - start >= self._missing:
            chunks.append(data[start : start + self.size])
            start += self.size
        if start < len(data):
            self._held.append(data[start:])
            self._missing -= len(data) - start
        return chunks

    def feed_eof(self) -> List[bytes]:
        """Return the last, shorter chunk if there is one; the end of the input."""
        held, self._held, self._missing = self._held, [], self.size
        return [b"".join(held)] if held else []


class ParserBuffer:
    """Bytes that have come and were not taken yet.  One owner.

    What cannot be answered yet is None: feed more and ask again; a search goes on where
    it stopped.  After `feed_eof()` it is a ProtocolError instead.
    """

    __slots__ = ("_data", "_ended", "_searched")

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)
        self._ended = False
        self._searched: Dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._data)

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def __repr__(self) -> str:
        return "<ParserBuffer of %d bytes>" % len(self._data)

    def feed_data(self, data: bytes) -> None:
        """Add bytes that have come."""
        self._data += data

    def feed_eof(self) -> None:
        """Say that no more will come."""
        self._ended = True

    def read(self, size: int) -> Optional[bytes]:
        """Take exactly `size` bytes."""
        return self._cut(size) if self._has(size) else None

    def readsome(self, size: Optional[int] = None) -> Optional[bytes]:
        """Take what there is, at most `size` bytes; b"" only at the end."""
        if size is not None and size < 0:
            raise ValueError("size must not be negative, not %d" % size)
        if not self._data and size != 0:
            return b"" if self._ended else None
        return self._cut(len(self._data) if size is None else size)

    def readuntil(self, stop: bytes, limit: Optional[int] = None) -> Optional[bytes]:
        """Take all up to and with `stop`; LimitExceeded past `limit` bytes."""
        end = self._find(stop, limit)
        return None if end < 0 else self._cut(end)

    def wait(self, size: int) -> Optional[bytes]:
        """Return the first `size` bytes without taking them."""
        return self._copy(size) if self._has(size) else None

    def waituntil(self, stop: bytes, limit: Optional[int] = None) -> Optional[bytes]:
        """Return all up to and with `stop` without taking it."""
        end = self._find(stop, limit)
        return None if end < 0 else self._copy(end)

    def skip(self, size: int) -> bool:
        """Drop exactly `size` bytes; False if they have not all come yet."""
        if not self._has(size):
            return False
        self._drop(size)
        return True

    def skipuntil(self, stop: bytes) -> bool:
        """Drop all up to and with `stop`; False if it has not come yet.

        What cannot be the start of `stop` is dropped at once, so any amount may be
        skipped.
        """
        end = self._find(stop, None)
        if end >= 0:
            self._drop(end)
            return True
        self._drop(self._searched[stop])
        return False

    def _has(self, size: int) -> bool:
        if size < 0:
            raise ValueError("size must not be negative, not %d" % size)
        if len(self._data) >= size:
            return True
        if self._ended:
            raise ProtocolError(
                "input ended after %d of %d bytes" % (len(self._data), size)
            )
        return False

    def _find(self, stop: bytes, limit: Optional[int]) -> int:
        """Return the end of `stop`, -1 if it has not come."""
        if not stop:
            raise ValueError("stop must not be empty")
        found = self._data.find(stop, self._searched.get(stop, 0))
        end = found + len(stop) if found >= 0 else -1
        # Where the next search goes on; a found stop is found again at once.
        place = found if found >= 0 else max(0, len(self._data) - len(stop) + 1)
        self._searched[stop] = place
        if limit is not None and (
            end > limit or (found < 0 and len(self._data) > limit)
        ):
            raise LimitExceeded(
                "no %r within limit=%d bytes" % (stop, limit), name="limit", limit=limit
            )
        if end < 0 and self._ended:
            raise ProtocolError(
                "input ended before %r, after %d bytes" % (stop, len(self._data))
            )
        return end

    def _copy(self, size: int) -> bytes:
        with memoryview(self._data) as view:
            return bytes(view[:size])

    def _cut(self, size: int) -> bytes:
        taken = self._copy(size)
        self._drop(size)
        return taken

    def _drop(self, size: int) -> None:
        del self._data[:size]  # moves nothing: a bytearray has an offset
        self._searched = {
            stop: place - size for stop, place in self._searched.items() if place > size
        }
