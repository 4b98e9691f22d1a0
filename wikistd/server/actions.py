"""The Action API's door: one request in, one reply out.

In: `ApiRequest`, what a web server read from one HTTP request.  Out: `ApiReply`.
Spec: the Action API as MediaWiki 1.39 answers it.  Not here: the table of modules
(actions_run.py), HTTP itself (app.py).
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Tuple


class UploadedFile:
    """A file of a multipart form: its name, type and bytes.  Immutable."""

    __slots__ = ("filename", "content_type", "data")

    def __init__(
        self, filename: str, data: bytes, content_type: str = "application/octet-stream"
    ) -> None:
        self.filename = filename
        self.data = data
        self.content_type = content_type


class ApiRequest:
    """One HTTP request to the API, decoded.  Immutable by convention.

    `query` and `form` are the (name, value) pairs of the target and of the body, in
    order, duplicates kept; `files` maps field names to `UploadedFile`; `cookies` maps
    names to values; the keys of `headers` are lower case; `host_url` is scheme and
    host without a slash at the end, `http://127.0.0.1:8810`.
    """

    __slots__ = (
        "method",
        "query",
        "form",
        "files",
        "cookies",
        "headers",
        "host_url",
        "remote_address",
        "is_multipart",
    )

    def __init__(
        self,
        method: str = "GET",
        query: Iterable[Tuple[str, str]] = (),
        form: Iterable[Tuple[str, str]] = (),
        *,
        files: Optional[Mapping[str, UploadedFile]] = None,
        cookies: Optional[Mapping[str, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        host_url: str = "http://127.0.0.1",
        remote_address: str = "127.0.0.1",
        is_multipart: bool = False,
    ) -> None:
        self.method = method
        self.query = list(query)
        self.form = list(form)
        self.files: Dict[str, UploadedFile] = dict(files or {})
        self.cookies: Dict[str, str] = dict(cookies or {})
        self.headers: Dict[str, str] = dict(headers or {})
        self.host_url = host_url
        self.remote_address = remote_address
        self.is_multipart = is_multipart

    def __repr__(self) -> str:
        return "<ApiRequest %s, %d + %d parameters>" % (
            self.method,
            len(self.query),
            len(self.form),
        )


class ApiReply:
    """The answer to one `ApiRequest`: status, header pairs, body.

    `Content-Length` is the server's business and not among the headers.
    """

    __slots__ = ("status", "headers", "body")

    def __init__(
        self, status: int, headers: Iterable[Tuple[str, str]], body: bytes
    ) -> None:
        self.status = status
        self.headers: List[Tuple[str, str]] = list(headers)
        self.body = body

    def __repr__(self) -> str:
        return "<ApiReply %d, %d bytes>" % (self.status, len(self.body))
