"""Forms to send: fields and files in, an urlencoded or a multipart body out.

Spec: RFC 7578, WHATWG HTML 4.10.22.8.  Pure: reads only from the files it is given, and
the random bytes of boundaries are an argument.  Not here: multipart bodies as such
(multipart.py); urlencoding (query.py); reading forms (forms.py).
"""

from __future__ import annotations

import collections.abc
import os
from typing import Any, Callable, Iterator, List, Optional, Tuple

from .multipart import (
    BodyPartWriter,
    MultipartWriter,
    check_part_text,
    guess_filename,
    guess_type,
)
from .query import URLENCODED_TYPE, encode_query, query_text

FORM_CHUNK_BYTES = 65536  # http.client's 8 KB reads cost five times the CPU


class FormData:
    """A form to send: urlencoded, or multipart/form-data where a field needs it.

    `fields` is a mapping, a list of (name, value) pairs, or a file, or a list of those.
    A value is str, int or float; bytes or a file make the form multipart, and so does
    any of the options of `add_field`.  One owner; sent again it gives the same bytes if
    `is_replayable`.  Text is sent as it is: its line ends are not changed.
    """

    def __init__(
        self,
        fields: Any = (),
        *,
        boundary: Optional[str] = None,
        chunk_size: int = FORM_CHUNK_BYTES,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.chunk_size = chunk_size
        self._writer = MultipartWriter("form-data", boundary, random_bytes=random_bytes)
        self._pairs: List[Tuple[str, str]] = []
        self._is_multipart = False
        if isinstance(fields, collections.abc.Mapping):
            fields = list(fields.items())
        elif not isinstance(fields, (list, tuple)):
            fields = (fields,)
        self.add_fields(*fields)

    def __repr__(self) -> str:
        kind = "multipart" if self._is_multipart else "urlencoded"
        return "<FormData of %d fields, %s>" % (len(self._writer), kind)

    def __iter__(self) -> Iterator[bytes]:
        return self.serialize()

    @property
    def is_multipart(self) -> bool:
        """True if a field needs multipart/form-data."""
        return self._is_multipart

    @property
    def content_type(self) -> str:
        """The value for the request's Content-Type, with the boundary."""
        if self._is_multipart:
            return self._writer.content_type
        return URLENCODED_TYPE

    @property
    def content_length(self) -> Optional[int]:
        """Bytes that `serialize` yields; None if that is not known before."""
        if self._is_multipart:
            return self._writer.size
        return len(encode_query(self._pairs))

    @property
    def is_replayable(self) -> bool:
        """True if `serialize` gives the same bytes when it is called again."""
        return self._writer.is_replayable

    def add_field(
        self,
        name: str,
        value: Any,
        *,
        content_type: Optional[str] = None,
        filename: Optional[str] = None,
        content_transfer_encoding: Optional[str] = None,
    ) -> None:
        """Add a field.

        A file gets its own name, or that of the field, where no `filename` is given;
        bytes without one are a plain field.  TypeError on a wrong type, ValueError on
        control characters in name, file name or content type.
        """
        for option, text in (
            ("name", name),
            ("content_type", content_type),
            ("filename", filename),
            ("content_transfer_encoding", content_transfer_encoding),
        ):
            if text is None and option != "name":
                continue
            if not isinstance(text, str):
                raise TypeError(
                    "%s must be str, not %s" % (option, type(text).__name__)
                )
            check_part_text(option, text)
        is_file = callable(getattr(value, "read", None))
        is_bytes = isinstance(value, (bytes, bytearray, memoryview))
        if not is_file and not is_bytes:
            value = query_text(name, value)
        if is_file and filename is None:
            filename = guess_filename(value) or name
        if content_type is None and filename is not None:
            content_type = guess_type(filename) or "application/octet-stream"
        given = {
            "Content-Disposition": "",
            "Content-Type": content_type,
            "Content-Transfer-Encoding": content_transfer_encoding,
        }
        headers = [(key, text) for key, text in given.items() if text is not None]
        part = BodyPartWriter(value, headers, chunk_size=self.chunk_size)
        if content_type is None:
            del part.headers["Content-Type"]
        # Browsers send none, and a reader that believes it would be misled by it.
        part.headers.pop("Content-Length", None)
        disposition = {"name": name}
        if filename is not None:
            disposition["filename"] = filename
        part.set_content_disposition("form-data", **disposition)
        if is_bytes or len(part.headers) > 1:
            self._is_multipart = True
        self._writer.append(part)
        if isinstance(value, str):
            self._pairs.append((name, value))

    def add_fields(self, *fields: Any) -> None:
        """Add fields: (name, value) pairs, mappings, or files under their own names."""
        for field in fields:
            if callable(getattr(field, "read", None)):
                self.add_field(guess_filename(field) or "unknown", field)
            elif isinstance(field, collections.abc.Mapping):
                for name, value in field.items():
                    self.add_field(name, value)
            elif isinstance(field, (list, tuple)) and len(field) == 2:
                self.add_field(*field)
            else:
                raise TypeError(
                    "expected (name, value) pairs, mappings or files, got %s: "
                    "use add_field for anything else" % type(field).__name__
                )

    def serialize(self) -> Iterator[bytes]:
        """Yield the body in pieces."""
        if self._is_multipart:
            return self._writer.serialize()
        return iter((encode_query(self._pairs).encode("ascii"),))
