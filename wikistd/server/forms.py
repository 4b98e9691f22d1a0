"""What a request's form holds, for the API: fields, files, cookies.

In: a WSGI environ.  Out: an ApiRequest.  Holds: nothing.
Not here: multipart bodies (formats/forms.py), what the API does (actions*.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple
from urllib.parse import unquote_plus

from ..errors import HeaderError
from ..formats.forms import MAX_FORM_BODY_BYTES, iter_form_body, read_form
from ..formats.query import decode_query
from .actions import ApiRequest, UploadedFile
from .incoming import is_host

#: PHP's max_input_vars: fields past it are dropped, without a word.
MAX_FORM_FIELDS = 1000


def read_cookies(text: str) -> Dict[str, str]:
    """Return the cookies of a Cookie header; the first of a name counts, as in PHP."""
    cookies: Dict[str, str] = {}
    for part in text.split(";"):
        name, is_pair, value = part.strip().partition("=")
        if is_pair and name:
            cookies.setdefault(name, unquote_plus(value))
    return cookies


def request_headers(environ: Dict[str, Any]) -> Dict[str, str]:
    """Return the header fields of a request, their names in lower case."""
    return {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }


def host_url(environ: Dict[str, Any]) -> str:
    """Return scheme, host and port as the client named them, no slash at the end."""
    host = environ.get("HTTP_HOST")
    if host and not is_host(host):
        raise HeaderError("the Host header is malformed")
    if not host:
        host = "%s:%s" % (environ["SERVER_NAME"], environ["SERVER_PORT"])
    return "%s://%s" % (environ["wsgi.url_scheme"], host)


def read_api_request(environ: Dict[str, Any]) -> ApiRequest:
    """Return what a request asks of the API.  ProtocolError where it is malformed."""
    headers = request_headers(environ)
    content_type = environ.get("CONTENT_TYPE") or ""
    if content_type:
        headers["content-type"] = content_type
    kind = content_type.partition(";")[0].strip().lower()
    method = environ["REQUEST_METHOD"]
    form: List[Tuple[str, str]] = []
    files: Dict[str, UploadedFile] = {}
    if method == "POST" and kind == "multipart/form-data":
        limit = MAX_FORM_BODY_BYTES
        for field in read_form(environ, query=False, max_field_bytes=limit):
            if isinstance(field.value, bytes):
                text = field.value.decode("utf-8", "surrogateescape")
                form.append((field.name, text))
                continue
            with field.value as source:
                files[field.name] = UploadedFile(
                    field.filename or "",
                    source.read(),
                    field.content_type or "application/octet-stream",
                )
    elif method == "POST" and kind == "application/x-www-form-urlencoded":
        form = _decode(b"".join(iter_form_body(environ)))
    return ApiRequest(
        "GET" if method == "HEAD" else method,
        _decode(environ.get("QUERY_STRING", "").encode("latin-1")),
        form[:MAX_FORM_FIELDS],
        files=files,
        cookies=read_cookies(environ.get("HTTP_COOKIE", "")),
        headers=headers,
        host_url=host_url(environ),
        remote_address=environ.get("REMOTE_ADDR", "127.0.0.1"),
    )


def _decode(data: bytes) -> List[Tuple[str, str]]:
    # Bytes that are not UTF-8 are kept: the API tells in which title they were.
    pairs = decode_query(
        data, max_fields=100000, max_bytes=len(data) + 1, errors="surrogateescape"
    )
    return pairs[:MAX_FORM_FIELDS]
