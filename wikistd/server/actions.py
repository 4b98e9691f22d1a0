"""The Action API's door: one request in, one reply out.

In: `ApiRequest`, what a web server read from one HTTP request.  Out: `ApiReply`.
Spec: the Action API as MediaWiki 1.39 answers it.  Pure.  Not here: the table of
modules (actions_run.py), HTTP itself (app.py).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple


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
    order, duplicates kept, decoded as UTF-8 with "surrogateescape" (the API tells the
    client about bytes that are not UTF-8); `files` maps field names to `UploadedFile`;
    `cookies` maps names to values; the keys of `headers` are lower case; `host_url` is
    scheme and host without a slash at the end, `http://127.0.0.1:8810`.
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


class ApiMessage:
    """One error or warning: a code for programs, a sentence, and data beside it.

    `key` and `params` are what errorformat=raw shows instead of the sentence.
    """

    __slots__ = ("code", "text", "data", "key", "params")

    def __init__(
        self,
        code: str,
        text: str,
        data: Optional[Mapping[str, Any]] = None,
        *,
        key: str = "",
        params: Sequence[Any] = (),
    ) -> None:
        self.code = code
        self.text = text
        self.data: Dict[str, Any] = dict(data or {})
        self.key = key or "apierror-" + code
        self.params = list(params)


class ActionFailure(Exception):
    """The action was refused; `messages` say why, the first one first.

    `module` is the path of the module that refused, where it is not the one running.
    `headers` go into the reply, whose HTTP status is `status`.
    """

    def __init__(
        self,
        *messages: ApiMessage,
        module: Optional[str] = None,
        headers: Iterable[Tuple[str, str]] = (),
        status: int = 200,
    ) -> None:
        super().__init__(messages[0].code)
        self.messages = list(messages)
        self.module = module
        self.headers = list(headers)
        self.status = status


def refuse(code: str, text: str, /, **data: Any) -> ActionFailure:
    """Return the failure of one message; raise it."""
    return ActionFailure(ApiMessage(code, text, data))
