"""The Action API's door: one request in, one reply out.

In: `ApiRequest`, what a web server read from one HTTP request.  Out: `ApiReply`.
Spec: the Action API as MediaWiki 1.39 answers it.  Pure.  Not here: the table of
modules (actions_run.py), HTTP itself (app.py).
"""

from __future__ import annotations

from typing import (
    Any,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)


class UploadedFile(NamedTuple):
    """A file of a multipart form: its name, bytes and type.  Immutable."""

    filename: str
    data: bytes
    content_type: str = "application/octet-stream"


class ApiRequest(NamedTuple):
    """One HTTP request to the API, decoded.  Immutable.

    `query` and `form` are the (name, value) pairs of the target and of the body, in
    order, duplicates kept, decoded as UTF-8 with "surrogateescape" (the API tells the
    client about bytes that are not UTF-8); `files` maps field names to `UploadedFile`;
    `cookies` maps names to values; the keys of `headers` are lower case; `host_url` is
    scheme and host without a slash at the end, `http://127.0.0.1:8810`.
    """

    method: str = "GET"
    query: Sequence[Tuple[str, str]] = ()
    form: Sequence[Tuple[str, str]] = ()
    files: Mapping[str, UploadedFile] = {}
    cookies: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    host_url: str = "http://127.0.0.1"
    remote_address: str = "127.0.0.1"

    def __repr__(self) -> str:
        counts = (self.method, len(self.query), len(self.form))
        return "<ApiRequest %s, %d + %d parameters>" % counts


class ApiReply(NamedTuple):
    """An answer: status, header pairs, body.

    `Content-Length` is the server's business and not among the headers.
    """

    status: int
    headers: List[Tuple[str, str]]
    body: bytes = b""

    def __repr__(self) -> str:
        return "<ApiReply %d, %d bytes>" % (self.status, len(self.body))


class ApiMessage(NamedTuple):
    """One error or warning: a code for programs, a sentence, and data beside it.

    `key` and `params` are what errorformat=raw shows instead of the sentence; without
    a `key` it is made of the code.
    """

    code: str
    text: str
    data: Mapping[str, Any] = {}
    key: str = ""
    params: Sequence[Any] = ()


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


def refuse(code: str, text: str, **data: Any) -> ActionFailure:
    """Return the failure of one message; raise it."""
    return ActionFailure(ApiMessage(code, text, data))
