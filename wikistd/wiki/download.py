"""download_file: a file of the wiki onto the disk, whole or not at all.

Spec: RFC 9110 14 (Range); https://www.mediawiki.org/wiki/API:Imageinfo.  Holds:
nothing; what has arrived lies beside the target as NAME.part and is gone on with.
Not here: that file (wiki/partial.py), uploads (wiki/transfer.py).
"""

from __future__ import annotations

import re
from typing import Any, Dict, NamedTuple

from ..errors import (
    APIError,
    ConnectionLost,
    ProtocolError,
    StatusError,
    TransportError,
    WikistdError,
)
from ..web.callparts import check_target
from ..web.origins import origin_of
from ..web.redirects import CROSS_ORIGIN_HEADERS
from ..web.request import check_url
from .edit import only_page
from .exchange import foreign_error, reply_header_pairs
from .partial import PartialFile
from .reply import ReplyReading, find_header, show_body
from .session import Session
from .sources import SOURCE_PIECE_BYTES, ProgressFunction
from .travel import harmless_headers

#: Interruptions without a byte of progress before a download is given up.
MAX_STALLED_TRIES = 4
DOWNLOAD_PAUSE_SECONDS = 1.0


class DownloadResult(NamedTuple):
    """A file that was downloaded and verified."""

    path: str
    size: int
    sha1: str
    url: str


def download_file(
    session: Session,
    title: str,
    path: Any,
    *,
    on_progress: ProgressFunction = None,
) -> DownloadResult:
    """Download the newest version of a file; return what was verified.

    `title` is that of the file's page, "File:" may be left out.  The target appears
    by an atomic rename once its SHA-1 is the one that the wiki tells; what arrives
    before lies in `path` + ".part" and a later call goes on from there.  While one
    call is at work on it, another for the same `path` is a BlockingIOError.
    `on_progress(done_bytes, total_bytes)` is called on the way.
    """
    target = check_target(path)
    view = session.with_options(formatversion=2)
    info = read_file_info(view, title)
    size, url = info["size"], info["url"]
    tries = restarts = 0
    with PartialFile(target + ".part") as part:
        part.read_back(size)
        while True:
            if part.done < size or size == 0:
                before = part.done
                try:
                    fetch_part(view, url, part, size, on_progress)
                except (TransportError, ProtocolError) as error:
                    tries = 0 if part.done > before else tries + 1
                    is_cut = isinstance(error, ConnectionLost)
                    is_passing = is_cut or getattr(error, "retryable", False)
                    if not is_passing or tries >= MAX_STALLED_TRIES:
                        raise
                    view.clock.sleep(DOWNLOAD_PAUSE_SECONDS * (tries + 1))
                    continue
            if part.is_whole(size, info["sha1"]):
                break
            problem = (
                "%s has %d bytes with the SHA-1 %s, the wiki tells %d bytes with %s"
                % (url, part.done, part.digest.hexdigest(), size, info["sha1"])
            )
            part.restart()  # Another version, or damaged: begin again, once.
            restarts += 1
            if restarts > 1:
                raise ProtocolError(problem, spec="API:Imageinfo")
            info = read_file_info(view, title)
            size, url = info["size"], info["url"]
        part.rename(target)
    return DownloadResult(target, size, info["sha1"], url)


def read_file_info(view: Session, title: str) -> Dict[str, Any]:
    """Return size, SHA-1 and address of a file's newest version."""
    title = title if ":" in title else "File:" + title
    document = view.get(
        action="query", titles=[title], prop="imageinfo", iiprop="url|sha1|size"
    )
    page = only_page(document)
    with ReplyReading(spec="API:Imageinfo"):
        info = dict((page.get("imageinfo") or [{}])[0])
        if "url" not in info or "sha1" not in info:
            title = page.get("title", title)
            raise APIError("nofile", "there is no file %r to download" % title)
        size, url = info.get("size"), info["url"]
        if type(size) is not int or size < 0:
            raise ValueError("the size of %r is %.50r" % (title, size))
        if not isinstance(info["sha1"], str) or not isinstance(url, str):
            raise TypeError("url or sha1 of %r is no text" % title)
        if url.startswith("//"):
            url = view.host.partition(":")[0] + ":" + url
        info["url"] = check_url(url)
        return info


def fetch_part(
    view: Session,
    url: str,
    part: PartialFile,
    size: int,
    on_progress: ProgressFunction,
) -> None:
    """Append to `part` what is missing."""
    is_home = origin_of(url) == origin_of(view.host)
    headers = dict(view.headers) if is_home else harmless_for(view)
    # Compressed, a range would be one of the compressed bytes.
    headers["Accept-Encoding"] = "identity"
    options: Dict[str, Any] = {"timeout": view.timeout, "stream": True}
    if view.auth is not None and is_home:
        options["auth"] = view.auth
    if part.done:
        headers["Range"] = "bytes=%d-" % part.done
    response: Any = None
    try:
        response = view.session.request("GET", url, headers=headers, **options)
        status = int(response.status_code)
        fields = reply_header_pairs(response.headers)
        if status not in (200, 206):
            body = response.content
            raise StatusError(
                "the server answered with HTTP status %d instead of the file; it "
                "says: %s" % (status, show_body(body)),
                status=status,
                url=url,
                headers=fields,
                body=body[:4096],
            )
        if status == 200 and part.done:
            part.restart()  # The server sends all of it.
        told = find_header(fields, "content-range")
        wanted = r"bytes %d-\d+/(\d+|\*)" % part.done
        if status == 206 and not re.match(wanted, told or ""):
            raise ProtocolError(
                "asked for bytes from %d, got Content-Range %r" % (part.done, told),
                spec="RFC 9110 14.4",
            )
        for piece in response.iter_content(SOURCE_PIECE_BYTES):
            part.write(piece)
            if part.done > size:
                break
            if on_progress is not None:
                on_progress(part.done, size)
    except WikistdError:
        raise
    except OSError as error:
        if response is not None and "requests" not in type(error).__module__:
            raise  # The disk, not the network.
        raise foreign_error(error, url) from error
    finally:
        if response is not None:
            response.close()


def harmless_for(view: Session) -> Dict[str, Any]:
    """Return a session's headers for another origin: only harmless ones.

    The wiki names the address, and it may name anybody's.  None takes away a header
    that the client would add.
    """
    headers: Dict[str, Any] = {}
    for name in getattr(view.session, "headers", None) or ():
        if str(name).lower() not in CROSS_ORIGIN_HEADERS | {"connection"}:
            headers[name] = None
    headers.update(harmless_headers(view.headers))
    return headers
