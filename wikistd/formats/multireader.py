"""Multipart bodies, read: a file or response in, parts out, one after the other.

Spec: RFC 2046 5.1, RFC 7578 4.6.  Pure: reads only from the content it is given.
Not here: the parser (multiparser.py); forms of a WSGI request (forms.py).
"""

from __future__ import annotations

import io
import json
from collections import deque
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    Type,
    Union,
)

from ..errors import (
    LimitExceeded,
    MultipartError,
    UnknownEncoding,
    limit_exceeded,
)
from .disposition import content_disposition_filename, scan_content_disposition
from .headers import HeaderSource, PartHeaders, known_charset, parse_mimetype
from .multiparser import (
    MAX_MULTIPART_PARTS,
    MAX_PART_HEADER_BYTES,
    MULTIPART_SPEC,
    MultipartEvent,
    MultipartParser,
    PartBegin,
    PartEnd,
    parse_part_length,
)
from .partcoding import decode_part_coding, decode_part_transfer
from .query import MAX_QUERY_FIELDS, decode_query

MAX_PART_FIELD_BYTES = 64 * 1024 * 1024  # what one read() may put into memory
MAX_MULTIPART_NESTING = 5  # mail nests two or three deep
MAX_CHARSET_CHARS = 31  # aiohttp's limit for _charset_
PART_READ_BYTES = 65536


class PartSource:
    """Reads content when events are asked for; shared by a reader and its parts."""

    __slots__ = ("parser", "_events", "_read")

    def __init__(self, parser: MultipartParser, content: Any) -> None:
        self.parser = parser
        self._events: Deque[MultipartEvent] = deque()
        if isinstance(content, BodyPartReader):
            self._read: Callable[..., bytes] = content._take
            return
        if isinstance(content, (bytes, bytearray)):
            content = io.BytesIO(content)
        # What returns the bytes that are there goes before what waits for all.
        for method in ("readany", "read1", "read"):
            read = getattr(content, method, None)
            if read is not None:
                break
        else:
            raise TypeError(
                "content must have a read method, %s has none" % type(content).__name__
            )
        self._read = (lambda size: read()) if method == "readany" else read

    def take_end(self) -> bool:
        """Take the end of a part if it is known to come next."""
        if self._events and isinstance(self._events[0], PartEnd):
            del self._events[0]
            return True
        return False

    def pull(self, size: int) -> Optional[MultipartEvent]:
        """Return the next event, reading pieces of `size` bytes; None at the end."""
        while not self._events:
            if self.parser.at_end:
                return None
            data = self._read(size)
            if not data:
                self.parser.close()
                return None
            self._events.extend(self.parser.feed(data))
        return self._events.popleft()


class BodyPartReader:
    """Content and headers of one part.  One owner.

    Made by MultipartReader; or by hand with `boundary` as it stands in the body
    (`b"--" + boundary`) and `content` at the first byte after the header: a file, a
    response, or bytes.  Content-Length is believed.  `max_field_bytes` bounds what
    `read`, `readline` and what builds on them hold in memory, before and after
    decoding.
    """

    #: What `read` and `release` take at a time.
    chunk_size = 8192

    def __init__(
        self,
        boundary: bytes,
        headers: Optional[HeaderSource],
        content: Any,
        *,
        max_field_bytes: int = MAX_PART_FIELD_BYTES,
        default_charset: Optional[str] = None,
    ) -> None:
        self.headers = PartHeaders(headers)
        self.max_field_bytes = max_field_bytes
        self.default_charset = default_charset
        if not isinstance(content, PartSource):
            if boundary[:2] != b"--":
                raise ValueError("boundary %.100r lacks its dashes" % boundary)
            lengths = self.headers.getall("Content-Length")
            length = parse_part_length(lengths) if lengths else None
            parser = MultipartParser(boundary[2:], in_part=True, length=length)
            content = PartSource(parser, content)
        self._source: PartSource = content
        self._piece = b""
        self._offset = 0
        self._at_eof = False

    def __repr__(self) -> str:
        state = "at its end" if self._at_eof else "open"
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        return "<BodyPartReader %s, %s>" % (kind or "untyped", state)

    @property
    def name(self) -> Optional[str]:
        """The name of the form field; None without one."""
        return self._disposition().get("name")

    @property
    def filename(self) -> Optional[str]:
        """The file name in Content-Disposition; None if missing or broken."""
        return content_disposition_filename(self._disposition())

    def at_eof(self) -> bool:
        """Tell whether the boundary after the part was reached."""
        return self._at_eof

    def read_chunk(self, size: int = chunk_size) -> bytes:
        """Return up to `size` bytes of content as sent; b"" only at the end.

        Of base64, whole groups of four are returned, so that each chunk can be given to
        `decode`: up to three letters (and the blanks between them) more than `size`.
        """
        chunk = self._take(size)
        transfer = self.headers.get("Content-Transfer-Encoding", "")
        if transfer and transfer.strip().lower() == "base64":
            missing = -len(b"".join(chunk.split())) % 4
            while missing and not self._at_eof:
                more = self._take(missing)
                chunk += more
                missing -= len(b"".join(more.split()))
        return chunk

    def read(self, *, decode: bool = False) -> bytes:
        """Return all content that was not read yet; with `decode`, see `decode`."""
        pieces: List[bytes] = []
        total = 0
        while not self._at_eof:
            piece = self._take(PART_READ_BYTES)
            total += len(piece)
            if total > self.max_field_bytes:
                what = "content of a part"
                raise limit_exceeded(what, "max_field_bytes", self.max_field_bytes)
            pieces.append(piece)
        data = b"".join(pieces)
        return self.decode(data) if decode and data else data

    def readline(self) -> bytes:
        """Return the next line with its LF; b"" at the end."""
        pieces: List[bytes] = []
        total = 0
        while True:
            # An empty take settles what the piece is, and where the end.
            if self._offset >= len(self._piece) and not self._advance(PART_READ_BYTES):
                break
            end = self._piece.find(b"\n", self._offset) + 1
            pieces.append(self._take((end or len(self._piece)) - self._offset))
            total += len(pieces[-1])
            if total > self.max_field_bytes:
                what = "line of a part"
                raise limit_exceeded(what, "max_field_bytes", self.max_field_bytes)
            if end:
                break
        return b"".join(pieces)

    def release(self) -> None:
        """Read to the end of the part and drop it."""
        while not self._at_eof:
            self._take(PART_READ_BYTES)

    def next(self) -> Optional[bytes]:
        """Return the content as `read` does; None once the end was reached."""
        return None if self._at_eof else self.read()

    def text(self, *, encoding: Optional[str] = None) -> str:
        """Return the content decoded as text; "" at the end.

        `encoding` wins over the part's charset, that over `_charset_`; UTF-8 without.
        Raises UnknownEncoding, and MultipartError where the bytes are not of it.
        """
        data = self.read(decode=True)
        if not data:
            return ""
        charset = self._charset(encoding)
        try:
            return data.decode(charset)
        except UnicodeDecodeError as error:
            raise MultipartError("part is not %s: %s" % (charset, error)) from error

    def json(self, *, encoding: Optional[str] = None) -> Any:
        """Return the value of JSON content; None if it is empty or at the end."""
        text = self.text(encoding=encoding)
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MultipartError("part is no JSON: %s" % error) from error

    def form(
        self, *, encoding: Optional[str] = None, max_fields: int = MAX_QUERY_FIELDS
    ) -> Optional[List[Tuple[str, str]]]:
        """Return the pairs of urlencoded content; None if it is empty or at the end."""
        data = self.read(decode=True)
        if not data:
            return None
        charset = self._charset(encoding)
        try:
            return decode_query(
                data,
                encoding=charset,
                errors="strict",
                max_fields=max_fields,
                max_bytes=len(data),  # read() has counted them
            )
        except UnicodeDecodeError as error:
            raise MultipartError("part is not %s: %s" % (charset, error)) from error

    def decode(self, data: bytes) -> bytes:
        """Undo Content-Transfer-Encoding, then Content-Encoding, of whole content.

        Knows base64 and quoted-printable, gzip and deflate.  Raises UnknownEncoding
        (a RuntimeError and a ValueError), MultipartError, LimitExceeded.
        """
        transfer = self.headers.get("Content-Transfer-Encoding", "")
        coding = self.headers.get("Content-Encoding", "")
        plain = decode_part_transfer(bytes(data), transfer)
        return decode_part_coding(plain, coding, self.max_field_bytes)

    def get_charset(self, default: Optional[str] = None) -> Optional[str]:
        """Return the charset of Content-Type or `_charset_`, else `default`."""
        params = parse_mimetype(self.headers.get("Content-Type"))[3]
        return params.get("charset") or self.default_charset or default

    def _disposition(self) -> Dict[str, str]:
        header = self.headers.get("Content-Disposition")
        kind = parse_mimetype(header)[0]
        return scan_content_disposition(header, kind == "form-data")[1]

    def _charset(self, encoding: Optional[str]) -> str:
        if encoding:
            return encoding
        given = self.get_charset() or "utf-8"
        charset = known_charset(given)
        if charset is None:
            raise UnknownEncoding("unknown charset %.100r" % given)
        return charset

    def _advance(self, size: int) -> bool:
        """Make the next piece of content the current one; False at the end."""
        if not self._at_eof:
            event = self._source.pull(max(size, PART_READ_BYTES))
            if isinstance(event, bytes):
                self._piece, self._offset = event, 0
                return True
        self._finish()
        return False

    def _finish(self) -> None:
        self._piece, self._offset, self._at_eof = b"", 0, True

    def _take(self, size: int) -> bytes:
        if size < 1:
            raise ValueError("size must be at least 1, not %d" % size)
        if self._offset >= len(self._piece) and not self._advance(size):
            return b""
        end = self._offset + size
        # No copy when it is the whole piece: most of the time of large files.
        chunk = self._piece[self._offset : end]
        self._offset = end
        if end >= len(self._piece):
            self._piece, self._offset = b"", 0
            self._at_eof = self._source.take_end()
        return chunk


class MultipartReader:
    """Parts of a multipart body, one after the other.  One owner.

    `headers` are those of the message (a mapping, pairs, or a message object),
    `content` a file, a response, or bytes; it is not closed.  Asking for the next part
    drops what is left of the last one.  A part that is multipart itself comes as a
    reader.  In multipart/form-data, a field `_charset_` is not returned: it is the
    charset of the fields after it (RFC 7578 4.6).  Raises MultipartError if the body is
    malformed or cut short, LimitExceeded past `max_parts`, `max_header_bytes` (of one
    part), `max_nesting` or `max_field_bytes` (see BodyPartReader).
    """

    #: Reader for parts that are multipart themselves; None stands for `type(self)`.
    multipart_reader_cls: Optional[Type[MultipartReader]] = None
    #: Reader for all other parts.
    part_reader_cls: Type[BodyPartReader] = BodyPartReader

    def __init__(
        self,
        headers: HeaderSource,
        content: Any,
        *,
        max_parts: int = MAX_MULTIPART_PARTS,
        max_header_bytes: int = MAX_PART_HEADER_BYTES,
        max_nesting: int = MAX_MULTIPART_NESTING,
        max_field_bytes: int = MAX_PART_FIELD_BYTES,
    ) -> None:
        self.headers = PartHeaders(headers)
        self.max_parts = max_parts
        self.max_header_bytes = max_header_bytes
        self.max_nesting = max_nesting
        self.max_field_bytes = max_field_bytes
        kind = self.headers.get("Content-Type", "")
        maintype, self._subtype, _, params = parse_mimetype(kind)
        if maintype != "multipart" or "boundary" not in params:
            raise MultipartError(
                "Content-Type %.200r is no multipart with a boundary" % kind,
                spec=MULTIPART_SPEC,
            )
        parser = MultipartParser(
            params["boundary"],
            use_length=True,
            max_parts=max_parts,
            max_header_bytes=max_header_bytes,
        )
        self._boundary = b"--" + params["boundary"].encode("ascii")
        self._source = PartSource(parser, content)
        self._depth = 0
        self._charset: Optional[str] = None
        self._last: Optional[BodyPartReader] = None
        self._last_nested: Optional[MultipartReader] = None
        self._at_eof = False

    @classmethod
    def from_response(cls, response: Any) -> MultipartReader:
        """Make a reader for the body of a response, which must be unread."""
        return cls(response.headers, response)

    def __repr__(self) -> str:
        state = "at its end" if self._at_eof else "open"
        return "<MultipartReader multipart/%s, %s>" % (self._subtype, state)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        part = self.next()
        if part is None:
            raise StopIteration
        return part

    def at_eof(self) -> bool:
        """Tell whether the closing boundary was reached."""
        return self._at_eof

    def next(self) -> Union[BodyPartReader, MultipartReader, None]:
        """Return a reader for the next part; None after the last."""
        while True:
            self._release_last()
            part = None if self._at_eof else self.fetch_next_part()
            if not isinstance(part, BodyPartReader) or self._subtype != "form-data":
                return part
            if part.name != "_charset_":
                return part
            part.max_field_bytes = MAX_CHARSET_CHARS
            try:
                name = part.read().decode("latin-1").strip()
            except LimitExceeded as error:
                raise UnknownEncoding("_charset_ is longer than any charset") from error
            self._charset = known_charset(name)
            if self._charset is None:
                raise UnknownEncoding("unknown charset %.100r in _charset_" % name)

    def release(self) -> None:
        """Read to the closing boundary and drop everything."""
        while not self._at_eof:
            self._release_last()
            self.fetch_next_part()

    def fetch_next_part(self) -> Union[BodyPartReader, MultipartReader, None]:
        """Return a reader for the part that begins here; None after the last."""
        event = self._source.pull(PART_READ_BYTES)
        if not isinstance(event, PartBegin):
            self._at_eof = True
            return None
        headers = PartHeaders(event.headers)
        part = self.part_reader_cls(
            self._boundary,
            headers,
            self._source,
            max_field_bytes=self.max_field_bytes,
            default_charset=self._charset,
        )
        self._last = part
        if parse_mimetype(headers.get("Content-Type"))[0] != "multipart":
            return part
        if self._depth >= self.max_nesting:
            raise LimitExceeded(
                "multipart nested deeper than max_nesting=%d" % self.max_nesting,
                name="max_nesting",
                limit=self.max_nesting,
            )
        nested = (self.multipart_reader_cls or type(self))(
            headers,
            part,
            max_parts=self.max_parts,
            max_header_bytes=self.max_header_bytes,
            max_nesting=self.max_nesting,
            max_field_bytes=self.max_field_bytes,
        )
        nested._depth = self._depth + 1
        self._last_nested = nested
        return nested

    def _release_last(self) -> None:
        if self._last is not None:
            self._last.release()
            self._last = None
        if self._last_nested is not None:
            self._last_nested._finish()
            self._last_nested = None

    def _finish(self) -> None:
        """The bytes are gone: this has come to its end, and so have its parts."""
        self._at_eof = True
        if self._last is not None:
            self._last._finish()
        if self._last_nested is not None:
            self._last_nested._finish()
