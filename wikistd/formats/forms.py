"""Forms, read: a WSGI environ in, one bounded, ordered list of fields out.

Spec: RFC 7578, WHATWG URL 5, PEP 3333.  Pure: reads only `wsgi.input`; temporary files
come from an argument.  Not here: the parser (multiparser.py); writing forms
(formdata.py).
"""

from __future__ import annotations

import io
from typing import (
    Any,
    BinaryIO,
    Callable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Union,
)

from ..errors import (
    HeaderError,
    LimitExceeded,
    MultipartError,
    UnknownEncoding,
    limit_exceeded,
)
from .disposition import content_disposition_filename, scan_content_disposition
from .headers import is_byte_count, known_charset, parse_mimetype
from .multiparser import (
    MAX_MULTIPART_PARTS,
    MAX_PART_HEADER_BYTES,
    MultipartParser,
    PartBegin,
    PartEnd,
)
from .partcoding import PLAIN_TRANSFER_ENCODINGS
from .query import MAX_QUERY_BYTES, URLENCODED_TYPE, decode_query

MAX_FORM_BODY_BYTES = 128 * 1024 * 1024  # above MediaWiki's default of 100 MB
FORM_MEMORY_BYTES = 1024 * 1024  # as Django: 2.5 MB, Werkzeug: 500 KB
FORM_READ_BYTES = 65536


class FormField(NamedTuple):
    """One field of a form.

    `value` is bytes, or for an uploaded file a binary file at its start: whoever asked
    for the form closes it.  `filename` is None where the field is no file; it is what
    the browser said, never a path.  `content_type` is the part's, "" without one.
    """

    name: str
    value: Union[bytes, BinaryIO]
    filename: Optional[str] = None
    content_type: str = ""
    charset: str = "utf-8"

    @property
    def is_file(self) -> bool:
        """True if `value` is a file."""
        return not isinstance(self.value, bytes)

    @property
    def text(self) -> str:
        """The value as text; of a file, all of it.  Broken bytes become U+FFFD."""
        if isinstance(self.value, bytes):
            return self.value.decode(self.charset, "replace")
        self.value.seek(0)
        content = self.value.read()
        self.value.seek(0)
        return content.decode(self.charset, "replace")


def read_form(
    environ: Mapping[str, Any],
    *,
    query: bool = True,
    max_fields: int = MAX_MULTIPART_PARTS,
    max_field_bytes: int = MAX_QUERY_BYTES,
    max_file_bytes: int = MAX_FORM_BODY_BYTES,
    max_body_bytes: int = MAX_FORM_BODY_BYTES,
    max_header_bytes: int = MAX_PART_HEADER_BYTES,
    max_memory_bytes: int = FORM_MEMORY_BYTES,
    open_file: Optional[Callable[[], BinaryIO]] = None,
) -> List[FormField]:
    """Return the fields of a WSGI request, in order: its query's, then its body's.

    Reads urlencoded and multipart/form-data bodies; any other body is left unread.
    `query=False` leaves the query string out.  A file stays in memory up to
    `max_memory_bytes` and moves then to `open_file()`, by default a temporary file.
    Raises LimitExceeded naming the limit, MultipartError (cut short or malformed),
    HeaderError (no boundary, Content-Length no number), UnknownEncoding (a transfer
    encoding, which RFC 7578 4.7 deprecates and servers ignore); files opened so far
    are closed then.
    """
    fields: List[FormField] = []
    if query:
        # PEP 3333: environ strings are bytes decoded as latin-1.
        raw = str(environ.get("QUERY_STRING", "")).encode("latin-1", "replace")
        if len(raw) > max_field_bytes:
            raise limit_exceeded("query", "max_field_bytes", max_field_bytes)
        fields = _form_pairs(raw, fields, max_fields)
    kind = str(environ.get("CONTENT_TYPE", ""))
    maintype, subtype, _, params = parse_mimetype(kind)
    essence = "%s/%s" % (maintype, subtype)
    if essence not in (URLENCODED_TYPE, "multipart/form-data"):
        return fields
    pieces = iter_form_body(environ, max_body_bytes)
    if essence == URLENCODED_TYPE:
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > max_field_bytes:
                what = "urlencoded body"
                raise limit_exceeded(what, "max_field_bytes", max_field_bytes)
        return _form_pairs(bytes(body), fields, max_fields)
    try:
        parser = MultipartParser(
            params.get("boundary", ""),
            max_parts=max_fields,
            max_header_bytes=max_header_bytes,
        )
    except ValueError as error:
        raise HeaderError("Content-Type %.200r: %s" % (kind, error)) from error
    builder = _FormBuilder(
        fields, max_fields, max_field_bytes, max_file_bytes, max_memory_bytes, open_file
    )
    try:
        for piece in pieces:
            for event in parser.feed(piece):
                if isinstance(event, PartBegin):
                    builder.begin(event)
                elif isinstance(event, PartEnd):
                    builder.end()
                else:
                    builder.add(event)
        parser.close()
    except BaseException:
        builder.discard()
        raise
    return fields


class _FormBuilder:
    """Makes fields of the events of a form's parts."""

    def __init__(
        self,
        fields: List[FormField],
        max_fields: int,
        max_field_bytes: int,
        max_file_bytes: int,
        max_memory_bytes: int,
        open_file: Optional[Callable[[], BinaryIO]],
    ) -> None:
        self.fields = fields
        self.max_fields = max_fields
        self.limits = (
            ("max_field_bytes", max_field_bytes),
            ("max_file_bytes", max_file_bytes),
        )
        self.max_memory_bytes = max_memory_bytes
        self.open_file = open_file or _open_temporary
        self.field = FormField("", b"")
        self.store: BinaryIO = io.BytesIO()
        self.size = 0
        self.charset = "utf-8"

    def begin(self, event: PartBegin) -> None:
        """Read the header of a part."""
        headers = {name.lower(): value for name, value in event.headers}
        kind, params, broken, _ = scan_content_disposition(
            headers.get("content-disposition"), True
        )
        name = params.get("name*", params.get("name"))
        if kind != "form-data" or name is None:
            reason = broken or "it names no field of a form"
            raise MultipartError("Content-Disposition of a part: " + reason)
        transfer = headers.get("content-transfer-encoding", "").strip().lower()
        if transfer not in PLAIN_TRANSFER_ENCODINGS:
            raise UnknownEncoding(
                "field %.100r has the transfer encoding %.100r" % (name, transfer)
            )
        if len(self.fields) >= self.max_fields:
            raise limit_exceeded("form", "max_fields", self.max_fields)
        content_type = headers.get("content-type", "")
        given = parse_mimetype(content_type)[3].get("charset", "")
        charset = known_charset(given) or self.charset
        filename = content_disposition_filename(params)
        self.field = FormField(name, b"", filename, content_type, charset)
        self.store = io.BytesIO()
        self.size = 0

    def add(self, data: bytes) -> None:
        """Add to the content of the part."""
        is_file = self.field.filename is not None
        name, limit = self.limits[is_file]
        self.size += len(data)
        if self.size > limit:
            raise limit_exceeded("field %.100r" % self.field.name, name, limit)
        is_long = is_file and self.size > self.max_memory_bytes
        if is_long and isinstance(self.store, io.BytesIO):
            held = self.store.getvalue()
            self.store = self.open_file()
            self.store.write(held)
        self.store.write(data)

    def end(self) -> None:
        """Make the field."""
        self.store.seek(0)
        value: Union[bytes, BinaryIO] = self.store
        if self.field.filename is None:
            value = self.store.read()
            if self.field.name == "_charset_":  # RFC 7578 4.6
                self.charset = known_charset(value.decode("latin-1")) or self.charset
        self.fields.append(self.field._replace(value=value))
        self.store = io.BytesIO()

    def discard(self) -> None:
        """Close every file opened so far."""
        self.store.close()
        for field in self.fields:
            if not isinstance(field.value, bytes):
                field.value.close()


def _open_temporary() -> BinaryIO:
    import tempfile  # 4 ms, and only large uploads need it

    return tempfile.TemporaryFile()


def _form_pairs(
    raw: bytes, fields: List[FormField], max_fields: int
) -> List[FormField]:
    """Return `fields` and those of an urlencoded text."""
    left = max_fields - len(fields)
    try:
        pairs = decode_query(raw, max_fields=left, max_bytes=len(raw))
    except LimitExceeded as error:
        raise limit_exceeded("form", "max_fields", max_fields) from error
    return fields + [FormField(name, value.encode("utf-8")) for name, value in pairs]


def iter_form_body(
    environ: Mapping[str, Any], max_body_bytes: int = MAX_FORM_BODY_BYTES
) -> Iterator[bytes]:
    """Yield the body of a WSGI request; MultipartError where it is cut short."""
    text = str(environ.get("CONTENT_LENGTH") or "").strip(" \t")
    is_exact = bool(text)
    total = 0
    if is_exact:
        if not is_byte_count(text):
            raise HeaderError("Content-Length %.100r is no number" % text)
        total = int(text)
        if total > max_body_bytes:
            what = "body of %s bytes" % text
            raise limit_exceeded(what, "max_body_bytes", max_body_bytes)
    elif environ.get("wsgi.input_terminated"):
        # A server that takes chunked bodies says so; else input may never end.
        total = max_body_bytes + 1
    left = total
    while left > 0:
        piece = environ["wsgi.input"].read(min(left, FORM_READ_BYTES))
        if not piece:
            break
        left -= len(piece)
        if left <= 0 and not is_exact:
            raise limit_exceeded("body", "max_body_bytes", max_body_bytes)
        yield piece
    if left > 0 and is_exact:
        raise MultipartError(
            "body cut short: %d bytes of %d came" % (total - left, total)
        )
