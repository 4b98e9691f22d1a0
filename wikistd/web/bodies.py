"""Request bodies: what a caller gives in, pieces of bytes with their length out.

Spec: RFC 9112 6 (framing of requests).  Holds: the position where a file began.
Not here: forms (formats/query.py, formats/formdata.py), sending (web/keepalive.py).
"""

from __future__ import annotations

import io
import os
from typing import Any, Callable, Iterable, Iterator, List, Optional

from ..formats.headers import encode_utf8

BODY_PIECE_BYTES = 65536  # http.client reads files in 8 KB: five times the CPU


class RequestBody:
    """One body, ready to send.  One owner.

    `content` is the whole body when it is in memory, else None.  `length` is its size
    in bytes, None when it is not known (it is then sent in chunks).  `is_replayable`
    says whether `pieces()` gives the same bytes when it is called again, `is_upload`
    whether it may take longer than a call: it comes from a file or an iterator.
    """

    def __init__(
        self,
        content: Optional[bytes],
        *,
        length: Optional[int] = None,
        is_replayable: bool = True,
        is_upload: bool = True,
        content_type: Optional[str] = None,
        make: Optional[Callable[[], Iterable[bytes]]] = None,
    ) -> None:
        self.content = content
        self.length = len(content) if content is not None else length
        self.is_replayable = is_replayable
        self.is_upload = is_upload and content is None
        self.content_type = content_type
        self._make = make

    def pieces(self) -> Iterator[bytes]:
        """Yield the body, from its beginning."""
        if self.content is not None:
            for start in range(0, len(self.content), BODY_PIECE_BYTES):
                yield self.content[start : start + BODY_PIECE_BYTES]
            return
        if self._make is None:
            return
        for piece in self._make():
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise TypeError(
                    "a request body must yield bytes, not %s: encode the text first"
                    % type(piece).__name__
                )
            if len(piece):
                yield bytes(piece)

    def __repr__(self) -> str:
        size = "%d bytes" % self.length if self.length is not None else "unknown size"
        again = "" if self.is_replayable else ", once"
        return "<RequestBody %s%s>" % (size, again)


def _body_of_file(source: Any) -> RequestBody:
    start: Optional[int] = None
    length: Optional[int] = None
    try:
        if source.seekable():
            start = source.tell()
            length = source.seek(0, io.SEEK_END) - start
            source.seek(start)
    except (AttributeError, OSError, ValueError):
        # No file that can seek (a pipe, a socket, a zip member): it is read once.
        start = length = None
    if length is None:
        length = _body_regular_size(source)
    used: List[bool] = []

    def make() -> Iterator[bytes]:
        if start is not None:
            source.seek(start)
        elif used:
            raise ValueError("this body was read from a pipe and cannot be sent again")
        used.append(True)
        left = length
        while left is None or left > 0:
            size = BODY_PIECE_BYTES if left is None else min(left, BODY_PIECE_BYTES)
            piece = source.read(size)
            if isinstance(piece, str):
                raise TypeError("open the file to send in binary mode ('rb')")
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece

    return RequestBody(None, length=length, is_replayable=start is not None, make=make)


def _body_regular_size(source: Any) -> Optional[int]:
    """Return what is left of a regular file that only has a number, else None."""
    import stat

    try:
        status = os.fstat(source.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        return max(0, status.st_size - int(source.tell()))
    except (AttributeError, OSError, ValueError):
        # io.UnsupportedOperation is both OSError and ValueError: not a real file.
        return None


def prepare_body(data: Any) -> RequestBody:
    """Make a RequestBody of bytes, str, a binary file, an iterable of bytes, or a form.

    A form is anything with `serialize()`, `content_type`, `content_length` and
    `is_replayable`, such as FormData.  A str is sent as UTF-8.
    """
    if isinstance(data, RequestBody):
        return data
    if isinstance(data, bytes):
        return RequestBody(data)
    if isinstance(data, str):
        return RequestBody(encode_utf8(data, "the body"))
    if isinstance(data, (bytearray, memoryview)):
        return RequestBody(bytes(data))
    if hasattr(data, "serialize"):
        return RequestBody(
            None,
            length=data.content_length,
            is_replayable=data.is_replayable,
            is_upload=getattr(data, "is_multipart", True),
            content_type=data.content_type,
            make=data.serialize,
        )
    if hasattr(data, "read"):
        return _body_of_file(data)
    if isinstance(data, (list, tuple)):
        return RequestBody(
            None,
            length=sum(len(piece) for piece in data),
            is_upload=False,
            make=lambda: data,
        )
    if hasattr(data, "__iter__") and not isinstance(data, (dict, set)):
        return RequestBody(None, is_replayable=False, make=lambda: data)
    raise TypeError(
        "a request body is bytes, str, a binary file, an iterable of bytes or a form, "
        "not %s" % type(data).__name__
    )


def encode_json_body(value: Any) -> bytes:
    """Return `value` as JSON, UTF-8; NaN and infinities are a ValueError."""
    import json

    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return encode_utf8(text, "json=")
