"""Multipart bodies, written: values and files in, pieces of bytes out.

Spec: RFC 2046 5.1, RFC 6266, and of RFC 7578 how names are written.  Pure: reads only
from the files it is given, and the random bytes of boundaries are an argument.
Not here: forms (formdata.py); the encodings of parts (partcoding.py); reading them
(multiparser.py, multireader.py).
"""

from __future__ import annotations

import io
import itertools
import json
import os
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, Type
from urllib.parse import quote

from .disposition import content_disposition_filename, scan_content_disposition
from .headers import (
    HeaderSource,
    PartHeaders,
    check_boundary,
    encode_utf8,
    find_control,
    is_token,
    parse_mimetype,
    quote_string,
)
from .partcoding import (
    PLAIN_TRANSFER_ENCODINGS,
    PartEncodingRefused,
    compress_part,
    encode_base64_part,
    encode_quoted_printable_part,
)
from .query import URLENCODED_TYPE, QueryPairs, encode_query

#: RFC 8187 3.2.1 attr-char, without what `quote` never encodes.
ATTR_CHARS = "!#$&+-.^_`|~"
#: A fixed table: `mimetypes` reads files of the machine, and the answer depends on it.
GUESSED_TYPES = {
    ".bz2": "application/x-bzip2",
    ".css": "text/css",
    ".csv": "text/csv",
    ".djvu": "image/vnd.djvu",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mid": "audio/midi",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".stl": "model/stl",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xcf": "image/x-xcf",
    ".xml": "application/xml",
    ".zip": "application/zip",
}


class BodyPartWriter:
    """One part of a multipart body: `headers` and what `obj` holds.  One owner.

    `obj` is str (encoded as the charset of Content-Type says, UTF-8 without one),
    bytes, a binary or text file, or a MultipartWriter.  A file is read from where it
    stands now, `chunk_size` bytes at a time, and never closed.  Headers given here win
    over what is derived from `obj`; `Content-Encoding` (gzip, deflate) and
    `Content-Transfer-Encoding` (base64, quoted-printable) are applied.
    """

    def __init__(
        self,
        obj: Any,
        headers: Optional[HeaderSource] = None,
        *,
        chunk_size: int = 8192,
    ) -> None:
        self.headers = PartHeaders(headers)
        self.chunk_size = chunk_size
        self._content = obj
        self._length: Optional[int] = None
        self._start: Optional[int] = None
        self._is_spent = False
        derived = "application/octet-stream"
        if isinstance(obj, str):
            derived = "text/plain; charset=utf-8"
            self._content = self._encode_text(obj)
            self._length = len(self._content)
        elif isinstance(obj, (bytes, bytearray, memoryview)):
            self._content = bytes(obj)
            self._length = len(self._content)
        elif isinstance(obj, MultipartWriter):
            derived = obj.headers["Content-Type"]
        elif callable(getattr(obj, "read", None)):
            derived = self._open_file(obj)
        else:
            raise TypeError(
                "a part is made from str, bytes, a file or a MultipartWriter, not %s"
                % type(obj).__name__
            )
        self.headers.setdefault("Content-Type", derived)
        if self.size is not None and not isinstance(obj, MultipartWriter):
            self.headers.setdefault("Content-Length", str(self.size))
        self._check_encodings()

    def __repr__(self) -> str:
        kind = self.headers.get("Content-Type", "untyped")
        return "<BodyPartWriter %s, size %s>" % (kind, self.size)

    @property
    def filename(self) -> Optional[str]:
        """The file name in Content-Disposition; None if missing or broken."""
        found = scan_content_disposition(self.headers.get("Content-Disposition"), False)
        return content_disposition_filename(found[1])

    @property
    def size(self) -> Optional[int]:
        """Bytes of the content as sent; None when that is not known before."""
        if any(self._encodings()):
            return None
        if isinstance(self._content, MultipartWriter):
            return self._content.size
        return self._length

    @property
    def is_replayable(self) -> bool:
        """True if `serialize` gives the same bytes when it is called again."""
        if isinstance(self._content, MultipartWriter):
            return self._content.is_replayable
        return isinstance(self._content, bytes) or self._start is not None

    def set_content_disposition(self, disptype: str, **params: str) -> None:
        """Set Content-Disposition.

        For "form-data", names are written as browsers do: UTF-8, with `"` as %22.  For
        other types as RFC 6266 wants: an ASCII `filename` and the real one in
        `filename*`.  ValueError if type or names are no tokens or a value has a
        control character.
        """
        if not is_token(disptype):
            raise ValueError("bad content disposition type %.100r" % disptype)
        pieces = [disptype]
        for name, value in params.items():
            if not is_token(name):
                raise ValueError("bad content disposition parameter %.100r" % name)
            check_part_text("content disposition parameter " + name, value)
            if disptype.lower() == "form-data":
                pieces.append('%s="%s"' % (name, value.replace('"', "%22")))
                continue
            plain = "".join(char if char.isascii() else "_" for char in value)
            coded = "%s*=utf-8''%s" % (name, quote(value, safe=ATTR_CHARS))
            if value.isascii() or name == "filename":
                pieces.append("%s=%s" % (name, quote_string(plain)))
            if not value.isascii() or name == "filename":
                pieces.append(coded)
        self.headers["Content-Disposition"] = "; ".join(pieces)

    def serialize(self) -> Iterator[bytes]:
        """Yield the part: header, empty line, content, CRLF."""
        # Chains run in C: nested generators took a fifth of the throughput, measured
        # with pieces of 64 KB.
        pieces = self._encode(self._pieces())
        return itertools.chain((self._header_block(),), pieces, (b"\r\n",))

    def total_size(self) -> Optional[int]:
        """Return the bytes that `serialize` yields in all; None if not known before."""
        size = self.size
        return None if size is None else len(self._header_block()) + size + 2

    def _header_block(self) -> bytes:
        self._check_encodings()
        if any(self._encodings()):
            # What it grows or shrinks to is not known before.
            self.headers.pop("Content-Length", None)
        lines = []
        for name, value in self.headers.pairs:
            if not is_token(name):
                raise ValueError("part header name %.100r is not a token" % name)
            check_part_text("part header " + name, value)
            lines.append("%s: %s\r\n" % (name, value))
        return "".join(lines).encode("utf-8") + b"\r\n"

    def _encode_text(self, text: str) -> bytes:
        given = parse_mimetype(self.headers.get("Content-Type"))[3].get("charset")
        charset = given or "utf-8"
        if charset == "utf-8":
            return encode_utf8(text, "a part")
        try:
            return text.encode(charset)
        except LookupError:
            raise PartEncodingRefused("unknown charset %.100r" % charset) from None

    def _open_file(self, file: Any) -> str:
        """Note where `file` stands and how long it is; return the type to declare."""
        is_text = isinstance(file, io.TextIOBase) or hasattr(file, "encoding")
        name = guess_filename(file)
        if name and "Content-Disposition" not in self.headers:
            self.set_content_disposition("attachment", filename=name)
        try:
            # Not all have seekable(), and seek() of temporary files returned nothing
            # before 3.11.
            if not hasattr(file, "seekable") or file.seekable():
                start = file.tell()
                if not is_text:
                    file.seek(0, os.SEEK_END)
                    self._length = max(0, file.tell() - start)
                    file.seek(start)
                self._start = start
        except (AttributeError, OSError):
            pass  # a pipe, or a file-like thing with read() only
        if is_text:
            return (guess_type(name) or "text/plain") + "; charset=utf-8"
        return guess_type(name) or "application/octet-stream"

    def _pieces(self) -> Iterator[bytes]:
        content = self._content
        if isinstance(content, bytes):
            if content:
                yield content
            return
        if isinstance(content, MultipartWriter):
            yield from content.serialize()
            return
        if self._start is not None:
            content.seek(self._start)
        elif self._is_spent:
            raise ValueError("a file that cannot seek was sent already: open it again")
        self._is_spent = True
        read, size = content.read, self.chunk_size
        if self._length is None:
            while True:
                piece = read(size)
                if isinstance(piece, str):
                    piece = self._encode_text(piece)
                if not piece:
                    return
                yield piece
        left = self._length
        while left > 0:
            piece = read(size if left > size else left)
            if not piece:
                # Its length was sent already: what follows would be taken for it.
                raise ValueError(
                    "file ended %d bytes before the %d it had" % (left, self._length)
                )
            left -= len(piece)
            yield piece

    def _encodings(self) -> Tuple[str, str]:
        coding = self.headers.get("Content-Encoding", "").strip().lower()
        transfer = self.headers.get("Content-Transfer-Encoding", "").strip().lower()
        return ("" if coding == "identity" else coding), (
            "" if transfer in PLAIN_TRANSFER_ENCODINGS else transfer
        )

    def _check_encodings(self) -> None:
        coding, transfer = self._encodings()
        if coding not in ("", "gzip", "deflate"):
            raise PartEncodingRefused("unknown content encoding %.100r" % coding)
        if transfer not in ("", "base64", "quoted-printable"):
            raise PartEncodingRefused("unknown transfer encoding %.100r" % transfer)

    def _encode(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        coding, transfer = self._encodings()
        if coding:
            pieces = compress_part(pieces, coding)
        if transfer == "base64":
            pieces = encode_base64_part(pieces)
        elif transfer:
            pieces = encode_quoted_printable_part(pieces)
        return pieces


class MultipartWriter:
    """A multipart body of parts that are appended.  Usable as a context manager.

    `headers` holds its own Content-Type.  One owner; may be serialized again if
    `is_replayable`.  `random_bytes(count)` makes the boundary where none is given.
    """

    #: What `append` makes of anything that is no part yet.
    part_writer_cls: Type[BodyPartWriter] = BodyPartWriter

    def __init__(
        self,
        subtype: str = "mixed",
        boundary: Optional[str] = None,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if not is_token(subtype):
            raise ValueError("multipart subtype %.100r is not a token" % subtype)
        # 128 random bits: no part is searched for them.
        self._boundary = boundary if boundary is not None else random_bytes(16).hex()
        self._mark = b"--" + check_boundary(self._boundary)
        shown = self._boundary
        if not is_token(shown):
            shown = quote_string(shown)
        kind = "multipart/%s; boundary=%s" % (subtype, shown)
        self.headers = PartHeaders({"Content-Type": kind})
        self.parts: List[BodyPartWriter] = []

    def __enter__(self) -> MultipartWriter:
        return self

    def __exit__(self, *details: object) -> None:
        pass

    def __iter__(self) -> Iterator[BodyPartWriter]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __bool__(self) -> bool:
        return True  # a body without parts is still a body

    def __repr__(self) -> str:
        return "<MultipartWriter of %d parts, size %s>" % (len(self.parts), self.size)

    @property
    def boundary(self) -> str:
        """The text between parts, without its dashes."""
        return self._boundary

    @property
    def size(self) -> Optional[int]:
        """Bytes that `serialize` yields; None if that of any part is not known."""
        total = len(self._mark) + 4
        for part in self.parts:
            size = part.total_size()
            if size is None:
                return None
            total += len(self._mark) + 2 + size
        return total

    @property
    def content_type(self) -> str:
        """The value for a request's Content-Type, with the boundary."""
        return self.headers["Content-Type"]

    @property
    def content_length(self) -> Optional[int]:
        """The `size`, under the name that a request's body has it."""
        return self.size

    @property
    def is_replayable(self) -> bool:
        """True if `serialize` gives the same bytes when it is called again."""
        return all(part.is_replayable for part in self.parts)

    def append(
        self, obj: Any, headers: Optional[HeaderSource] = None
    ) -> BodyPartWriter:
        """Add a part, or make one of `obj` (see BodyPartWriter); return it."""
        if obj is self:
            raise ValueError("a multipart body cannot be a part of itself")
        if isinstance(obj, BodyPartWriter):
            for name, value in PartHeaders(headers).pairs:
                obj.headers[name] = value
            part = obj
        else:
            part = self.part_writer_cls(obj, headers)
        self.parts.append(part)
        return part

    def append_json(
        self, obj: Any, headers: Optional[HeaderSource] = None
    ) -> BodyPartWriter:
        """Add a part of JSON, in ASCII; return it."""
        fields = PartHeaders(headers)
        fields.setdefault("Content-Type", "application/json")
        return self.append(json.dumps(obj).encode("ascii"), fields)

    def append_form(
        self, obj: QueryPairs, headers: Optional[HeaderSource] = None
    ) -> BodyPartWriter:
        """Add an urlencoded form made from a mapping or pairs; return the part."""
        fields = PartHeaders(headers)
        fields.setdefault("Content-Type", URLENCODED_TYPE)
        return self.append(encode_query(obj).encode("ascii"), fields)

    def serialize(self, close_boundary: bool = True) -> Iterator[bytes]:
        """Yield the body; without its end if `close_boundary` is false."""
        return itertools.chain.from_iterable(self._serialize_parts(close_boundary))

    def _serialize_parts(self, close_boundary: bool) -> Iterator[Iterable[bytes]]:
        for part in self.parts:
            yield (self._mark + b"\r\n",)
            yield part.serialize()
        if close_boundary:
            yield (self._mark + b"--\r\n",)


def check_part_text(what: str, text: str) -> None:
    """Raise ValueError if `text` cannot stand in the header of a part."""
    control = find_control(text)
    if control:
        raise ValueError("%s has the control character %r" % (what, control))


def guess_filename(file: Any) -> str:
    """Return the last part of the name of an open file, "" if it has none."""
    name = getattr(file, "name", None)
    if not isinstance(name, str) or (name[:1] == "<" and name[-1:] == ">"):
        return ""  # <stdin>, a number, or nothing
    return os.path.basename(name)


def guess_type(filename: str) -> str:
    """Return the media type that goes with the end of a file's name, "" if unknown."""
    return GUESSED_TYPES.get(os.path.splitext(filename)[1].lower(), "")
