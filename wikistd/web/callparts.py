"""What stands around one call: its query and form going out, its file coming in.

In: the arguments callers write.  Out: URLs, request bodies, files.
Spec: WHATWG URL 5 (forms).  Holds: nothing.
Not here: the encodings (formats/query.py, formats/formdata.py), calls (web/client.py).
"""

from __future__ import annotations

import collections.abc
import os
from typing import Any, Callable, Optional

from ..formats.formdata import FormData
from ..formats.headers import encode_utf8
from ..formats.query import URLENCODED_TYPE, add_query, encode_query
from .bodies import encode_json_body
from .request import WebRequest
from .response import Response

TRANSFER_COPY_BYTES = 262144  # one write to disk
UPLOAD_PIECE_BYTES = 262144  # a fifth less CPU for 20 MB than pieces of 64 KB


def add_params(url: str, params: Any) -> str:
    """Return `url` with `params` in its query: pairs, a mapping or text."""
    if isinstance(params, (bytes, str)):
        text = params if isinstance(params, str) else params.decode("ascii")
        url, mark, fragment = url.partition("#")
        return url + ("&" if "?" in url else "?") + text + mark + fragment
    return add_query(url, params)


def set_body(request: WebRequest, data: Any, json: Any, files: Any) -> None:
    """Give a request its body: pairs and mappings become a form."""
    if json is not None:
        if data is not None or files:
            what = "json or files" if files else "data or json"
            raise TypeError("give %s, not both" % what)
        request.data = encode_json_body(json)
        request.unredirected_hdrs["Content-type"] = "application/json"
    elif files:
        request.data = files_form(data, files)
    elif not isinstance(data, (bytes, str)) and (
        isinstance(data, collections.abc.Mapping)
        or (isinstance(data, (list, tuple)) and data and isinstance(data[0], tuple))
    ):
        request.data = encode_query(data).encode("ascii")
        request.unredirected_hdrs["Content-type"] = URLENCODED_TYPE
    else:
        request.data = data


def files_form(data: Any, files: Any) -> FormData:
    """Return the multipart form of requests' `data` and `files` arguments."""
    form = FormData(chunk_size=UPLOAD_PIECE_BYTES)
    if data is not None:
        if isinstance(data, (str, bytes)) or hasattr(data, "read"):
            raise TypeError("with files, data must be a mapping or a list of pairs")
        if isinstance(data, collections.abc.Mapping):
            data = data.items()
        for name, value in data:
            values = value if isinstance(value, (list, tuple)) else [value]
            for each in values:
                form.add_field(name, each)
    if isinstance(files, collections.abc.Mapping):
        files = files.items()
    for name, value in files:
        filename = content_type = None
        if isinstance(value, (list, tuple)):
            filename, source, *more = value
            content_type = more[0] if more else None
            value = source
        if filename is None:
            filename = os.path.basename(str(getattr(value, "name", "") or name))
        if isinstance(value, str):
            value = encode_utf8(value, "file %.100r" % name)
        form.add_field(name, value, filename=filename, content_type=content_type)
    return form


def copy_body(
    response: Response,
    target: Any,
    on_progress: Optional[Callable[[int, Optional[int]], Any]],
) -> None:
    """Write the body of a response to a binary file."""
    total = (
        response.content_length
        if not response.headers.get("content-encoding")
        else None
    )
    received = 0
    while True:
        data = response.read1(TRANSFER_COPY_BYTES)
        if not data:
            return
        target.write(data)
        received += len(data)
        if on_progress is not None:
            on_progress(received, total)


def check_target(path: Any) -> str:
    """Return the path of a file to be written; OSError where that cannot be.

    Asked before anything is fetched.
    """
    target = os.fsdecode(path)
    folder, name = os.path.split(target)
    if not name or os.path.isdir(target):
        raise IsADirectoryError("%s is a folder: name a file in it" % target)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError("there is no folder %s: make it first" % folder)
    return target


def save_body(
    response: Response,
    path: str,
    on_progress: Optional[Callable[[int, Optional[int]], Any]],
) -> None:
    """Write the body of a response to a new file, whole or not at all."""
    folder, name = os.path.split(path)
    # A name nobody can foresee, next to the target: os.replace must not cross disks.
    part = os.path.join(folder, ".%s.%s.part" % (name[:100], os.urandom(8).hex()))
    try:
        with open(part, "xb") as target:
            copy_body(response, target, on_progress)
        os.replace(part, path)
    except BaseException:
        try:
            os.unlink(part)
        except OSError:
            # It was never made.
            pass
        raise
