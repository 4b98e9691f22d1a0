"""What an upload reads from: a path, bytes or a stream, as one file that can seek.

Holds: the open file, or a temporary copy of a stream that cannot seek; a thread that
hashes it while it is sent.  Not here: sending it (wiki/transfer.py).
"""

from __future__ import annotations

import io
import os
import threading
from typing import Any, BinaryIO, Callable, Optional

from ..formats.checksums import make_checksum
from .params import wrong_type

#: Bytes read at once while hashing and copying.
SOURCE_PIECE_BYTES = 1 << 18

#: Larger ones are hashed while they are sent: 20 MiB in 22 ms, as long as the sending.
MIN_HASH_AHEAD_BYTES = 1 << 20

ProgressFunction = Optional[Callable[[int, int], Any]]


class UploadSource:
    """A file to upload: its size, its SHA-1, and pieces of it.

    One owner; a context manager that closes what it opened.  Memory stays flat for
    any size: a stream that cannot seek is copied to a temporary file.
    """

    def __init__(self, source: Any) -> None:
        self._closes = True
        self.start = 0
        self._sha1 = ""
        self._ahead: Optional[SourceHash] = None
        self._again: Optional[Callable[[], BinaryIO]] = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
            self.file: BinaryIO = io.BytesIO(data)
            self._again = lambda: io.BytesIO(data)
        elif isinstance(source, (str, os.PathLike)):
            self.file = open(source, "rb")
            self._again = lambda: open(source, "rb")
        elif hasattr(source, "read"):
            self._closes = not is_seekable(source)
            self.file = spooled(source) if self._closes else source
        else:
            wanted = "source is a path, bytes, a binary file or an address"
            raise wrong_type(wanted, source)
        self.start = self.file.tell()
        self.size = self.file.seek(0, io.SEEK_END) - self.start
        self.file.seek(self.start)

    def __enter__(self) -> UploadSource:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, where this opened it."""
        if self._ahead is not None:
            self._ahead.stop()
        if self._closes:
            self.file.close()

    def begin_sha1(self) -> None:
        """Begin to work out the SHA-1: in a thread where it can be read beside us."""
        if self._again is None or self.size < MIN_HASH_AHEAD_BYTES:
            self.sha1()
        else:
            self._ahead = SourceHash(self._again())

    def sha1(self) -> str:
        """Return the SHA-1 of all of it, in hexadecimal."""
        if not self._sha1 and self._ahead is not None:
            self._sha1 = self._ahead.result()
        if not self._sha1:
            self.file.seek(self.start)
            self._sha1 = SourceHash(self.file, in_thread=False).result()
        return self._sha1

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset`."""
        self.file.seek(self.start + offset)
        return self.file.read(size)


class SourceHash:
    """The SHA-1 of what is left of a file, in a thread that closes it; one owner."""

    def __init__(self, file: BinaryIO, *, in_thread: bool = True) -> None:
        self.file = file
        self._hexdigest = ""
        self._is_stopped = False
        self._thread: Optional[threading.Thread] = None
        if not in_thread:
            self._hash()
            return
        thread = threading.Thread(target=self._run, daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:  # There are none in WebAssembly.
            self._run()

    def _run(self) -> None:
        with self.file:
            try:
                self._hash()
            except OSError:
                pass  # There is no result: who wants it reads the file itself.

    def _hash(self) -> None:
        digest = make_checksum("sha1")
        while not self._is_stopped:
            piece = self.file.read(SOURCE_PIECE_BYTES)
            if isinstance(piece, str):
                raise TypeError("open the file to upload in binary mode ('rb')")
            if not piece:
                self._hexdigest = digest.hexdigest()
                return
            digest.update(piece)

    def result(self) -> str:
        """Return it in hexadecimal; "" when the file could not be read."""
        if self._thread is not None:
            self._thread.join()
        return self._hexdigest

    def stop(self) -> None:
        """Have the thread end."""
        self._is_stopped = True
        if self._thread is not None:
            self._thread.join()


class WatchedFile:
    """A binary file that reports how much of it was read; one owner."""

    def __init__(self, source: UploadSource, on_progress: ProgressFunction) -> None:
        self.source = source
        self.on_progress = on_progress
        self.position = 0

    def seekable(self) -> bool:
        """Say that this file can seek."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        base = (0, self.position, self.source.size)[whence]
        self.position = max(0, base + offset)
        return self.position

    def read(self, size: int = -1) -> bytes:
        """Read, and report."""
        if size is None or size < 0:
            size = self.source.size
        piece = self.source.read_at(self.position, size)
        self.position += len(piece)
        if piece and self.on_progress is not None:
            self.on_progress(self.position, self.source.size)
        return piece


def is_seekable(source: Any) -> bool:
    """Return whether a file can go back."""
    try:
        return bool(source.seekable())
    except AttributeError:
        return hasattr(source, "seek") and hasattr(source, "tell")


def spooled(source: Any) -> BinaryIO:
    """Return a temporary file with all that `source` gives."""
    import shutil
    import tempfile  # 5 ms

    file = tempfile.TemporaryFile()
    shutil.copyfileobj(source, file, SOURCE_PIECE_BYTES)
    file.seek(0)
    return file
