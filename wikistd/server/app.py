"""WikiApp: the embedded wiki as a WSGI application.

In: a WSGI environ.  Out: what the API, the pages for people, the files and the stream
of changes answer.  Holds: the store it was given, the open streams.
Spec: PEP 3333; the addresses of MediaWiki behind nginx.  Not here: what the API says
(actions*.py), HTML (views.py), events (feed.py), sockets (running.py).
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ..errors import WikistdError
from ..formats.query import decode_query
from .actions import ApiReply
from .actions_run import run_action
from .exchange import http_date, status_line
from .feed import ChangeFeed
from .files import file_folder, file_path
from .forms import host_url, read_api_request
from .records import FileRecord, RevisionRow
from .store import PageStore
from .titles import InvalidTitle, Title, parse_title
from .views import VIEW_ROWS, WikiViews, note_html, page_path

#: A smaller body is not worth compressing: it fits one packet as it is.
MIN_GZIP_BYTES = 512

#: What action=raw may call a text instead of text/x-wiki.
RAW_TYPES = (
    "text/javascript",
    "text/css",
    "application/json",
    "text/plain",
)
_app_range = r"bytes=([0-9]*)-([0-9]*)\Z"


class WikiApp:
    """The embedded wiki for any WSGI server.  Thread-safe; close() ends its streams.

    With `gzip_level=0` nothing is compressed.  A stream of changes ends after
    `max_stream_seconds`, as the real service ends it.
    """

    def __init__(
        self,
        store: PageStore,
        *,
        gzip_level: int = 1,
        max_stream_seconds: float = 900.0,
    ) -> None:
        self.store = store
        self.gzip_level = gzip_level
        self.views = WikiViews(store)
        self.feed = ChangeFeed(store, max_stream_seconds=max_stream_seconds)

    def close(self) -> None:
        """End the streams of changes; the store stays open."""
        self.feed.close()

    def __call__(
        self, environ: Dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        # PEP 3333 hands bytes over as latin-1.
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        try:
            if path.startswith("/v2/stream/"):
                streamed: Iterable[bytes] = self.feed(environ, start_response)
                return streamed
            reply = self._answer(path, environ)
        except WikistdError as error:
            # A form or an address past a limit, or malformed: the client's doing.
            reply = _plain(400, str(error))
        return self._send(reply, environ, start_response)

    def _answer(self, path: str, environ: Dict[str, Any]) -> ApiReply:
        if path == "/w/api.php":
            return run_action(self.store, read_api_request(environ))
        if path.startswith("/w/api.php/"):
            query = environ.get("QUERY_STRING")
            reply = _redirect("/w/api.php?" + query if query else "/w/api.php", environ)
            text = (
                b'This endpoint does not support "path info", i.e. extra text between '
                b'"api.php"and the "?". Remove any such text and try again.'
            )
            return reply._replace(body=text)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "POST"):
            reply = _plain(405, "only GET, HEAD and POST are answered here")
            reply.headers.append(("Allow", "GET, HEAD, POST"))
            return reply
        if path.startswith("/w/images/"):
            return self._image(path[len("/w/images/") :], environ)
        is_page = path.startswith("/wiki/")
        if is_page or path == "/w/index.php":
            fields = dict(decode_query(environ.get("QUERY_STRING", "")))
            if is_page:
                fields["title"] = path[len("/wiki/") :]
            return self._index(fields, environ)
        if path in ("", "/"):
            front = self.store.site.main_page
            if self.store.find_page(front) is None:
                # A new wiki has no page yet: that is no 404, and not for good.
                return _redirect(page_path("Special:AllPages"), environ, 302)
            return _redirect(page_path(front), environ)
        if path == "/favicon.ico":  # what browsers ask every host for
            return ApiReply(204, [("Cache-Control", "max-age=86400")])
        return _plain(404, "there is nothing at this address")

    # Pages

    def _index(self, query: Dict[str, str], environ: Dict[str, Any]) -> ApiReply:
        """Answer index.php and the addresses of pages, which are short for it."""
        wanted = query.get("title", "").replace("_", " ")
        action = query.get("action", "view")
        try:
            title = parse_title(wanted or self.store.site.main_page)
        except InvalidTitle as error:
            return self._html(400, self.views.frame("Bad title", note_html(str(error))))
        if action == "raw":
            return self._raw(title, query)
        if title.namespace == -1:
            return self._special(title, query, environ)
        shown = str(title)
        is_plain = action == "view" and "oldid" not in query and not title.interwiki
        if is_plain and wanted not in ("", shown):
            return _redirect(page_path(shown), environ)
        return self._page(title, action, query, environ)

    def _page(
        self, title: Title, action: str, query: Dict[str, str], environ: Dict[str, Any]
    ) -> ApiReply:
        shown = str(title)
        page = self.store.find_page(title)
        row = self._find_revision(title, query)
        is_old = read_old_id(query) != 0
        if action == "history" and page is not None:
            order = "page = ? ORDER BY id DESC"
            rows = self.store.query_revisions(order, (page.id,), VIEW_ROWS)
            return self._html(200, self.views.history(shown, rows))
        if action in ("edit", "submit"):  # the source, to be looked at
            if row is not None:
                text = self.store.read_text(row)
                return self._html(200, self.views.source(shown, text))
            if page is None and not is_old:
                if "redlink" in query:  # as for all who may not edit
                    return _redirect(page_path(shown), environ, 302)
                return self._html(200, self.views.source(shown, ""))
        elif page is not None and row is not None and row.page == page.id:
            note = ""
            if is_old:
                note = note_html("An old version of this page, number %d." % row.id)
            text = self.views.page(title, row, self.store.read_text(row), note)
            reply = self._html(200, text)
            reply.headers.append(("Last-Modified", http_date(row.time)))
            return reply
        if is_old:
            return self._html(404, self.views.missing(shown))
        members = self.views.members(title)
        more = members or self.views.first_steps(host_url(environ), shown)
        return self._html(200 if members else 404, self.views.missing(shown, more))

    def _find_revision(
        self, title: Title, query: Dict[str, str]
    ) -> Optional[RevisionRow]:
        """Return the revision that oldid= names, else the newest; None if hidden."""
        old = read_old_id(query)
        if old:
            row = self.store.find_revision(old)
        else:
            page = self.store.find_page(title) if title.namespace >= 0 else None
            row = self.store.find_revision(page.latest) if page else None
        return None if row is None or "text" in row.hidden else row

    def _raw(self, title: Title, query: Dict[str, str]) -> ApiReply:
        """Answer action=raw: the text and nothing else."""
        kind = query.get("ctype")
        if kind not in RAW_TYPES:
            kind = "text/x-wiki"
        headers = [
            ("Content-Type", "%s; charset=UTF-8" % kind),
            ("Cache-Control", "public, s-maxage=0, max-age=18000"),
        ]
        row = self._find_revision(title, query)
        if row is None:
            return ApiReply(404, headers)
        headers.append(("Last-Modified", http_date(row.time)))
        return ApiReply(200, headers, self.store.read_text(row).encode("utf-8"))

    def _special(
        self, title: Title, query: Dict[str, str], environ: Dict[str, Any]
    ) -> ApiReply:
        name, _, rest = title.key.partition("/")
        name = name.lower()
        if name == "recentchanges":
            return self._html(200, self.views.recent_changes())
        if name == "listfiles":
            return self._html(200, self.views.list_files())
        if name == "allpages":
            namespace = query.get("namespace", "0")
            number = int(namespace) if re.match(r"[0-9]{1,2}\Z", namespace) else 0
            start = query.get("from", "").replace(" ", "_")
            page = self.views.all_pages(number, start, host_url(environ))
            return self._html(200, page)
        is_short = name == "redirect" and rest.startswith("file/")
        if is_short or name == "filepath":
            record = self.store.get_file(rest[len("file/") :] if is_short else rest)
            if record is not None:
                path = "/w/images/" + file_path(record.name)
                return _redirect(path, environ, 301 if is_short else 302)
        body = note_html("There is no such special page here.")
        return self._html(404, self.views.frame(str(title), body))

    def _html(self, status: int, text: str) -> ApiReply:
        return ApiReply(
            status,
            [
                _html_type,
                # Whatever a page holds, nothing in it may run.
                (
                    "Content-Security-Policy",
                    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
                ),
                ("Content-Language", self.store.site.language),
                ("Cache-Control", "private, must-revalidate, max-age=0"),
            ],
            text.encode("utf-8", "surrogatepass"),
        )

    # Files

    def _image(self, path: str, environ: Dict[str, Any]) -> ApiReply:
        record = self._find_file(path)
        if record is None:
            return _plain(404, "there is no such file")
        tag = '"%x-%x"' % (record.timestamp, record.size)
        when = http_date(record.timestamp)
        headers = [
            ("Content-Type", record.mime),
            ("Last-Modified", when),
            ("ETag", tag),
            ("Accept-Ranges", "bytes"),
            ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ]
        is_known = environ.get("HTTP_IF_MODIFIED_SINCE") == when
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known is not None:
            is_known = known.strip() == "*" or tag in re.findall('"[^"]*"', known)
        if is_known:
            return ApiReply(304, headers)
        data = self.store.files.read(record)
        part = None
        # RFC 9110 13.1.5: where it has changed, all of it.
        if environ.get("HTTP_IF_RANGE") in (None, tag, when):
            part = find_range(environ.get("HTTP_RANGE", ""), len(data))
        if part is None:
            return ApiReply(200, headers, data)
        start, stop = part
        shown = "%d-%d" % (start, stop - 1) if start < stop else "*"
        headers.append(("Content-Range", "bytes %s/%d" % (shown, len(data))))
        return ApiReply(206 if start < stop else 416, headers, data[start:stop])

    def _find_file(self, path: str) -> Optional[FileRecord]:
        name = path.rpartition("/")[2]
        folder = "archive/" if path.startswith("archive/") else ""
        where = "archive = ?" if folder else "name = ? AND is_current = 1"
        found = self.store.files.query(where, (name,), 1)
        if not found or not name:
            return None
        is_right = path == "%s%s/%s" % (folder, file_folder(found[0].name), name)
        return found[0] if is_right else None

    # HTTP

    def _send(
        self,
        reply: ApiReply,
        environ: Dict[str, Any],
        start_response: Callable[..., Any],
    ) -> List[bytes]:
        headers, body = list(reply.headers), reply.body
        names = {name.lower(): value for name, value in headers}
        if "x-content-type-options" not in names:
            headers.append(("X-Content-Type-Options", "nosniff"))
        kind = names.get("content-type", "")
        if (
            self.gzip_level
            and len(body) >= MIN_GZIP_BYTES
            and reply.status == 200
            and ("json" in kind or kind.startswith("text/"))
            and "etag" not in names
        ):
            if "vary" not in names:
                headers.append(("Vary", "Accept-Encoding, Cookie"))
            if takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
                headers.append(("Content-Encoding", "gzip"))
                import zlib  # some Pythons lack it

                packer = zlib.compressobj(self.gzip_level, zlib.DEFLATED, 31)
                body = packer.compress(body) + packer.flush()
        if reply.status == 304:
            headers = [pair for pair in headers if pair[0] != "Content-Type"]
        elif reply.status != 204:  # RFC 9110 8.6: it has no Content-Length
            headers.append(("Content-Length", str(len(body))))
        start_response(status_line(reply.status), headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


_html_type = ("Content-Type", "text/html; charset=UTF-8")


def _redirect(path: str, environ: Dict[str, Any], status: int = 301) -> ApiReply:
    return ApiReply(status, [_html_type, ("Location", host_url(environ) + path)])


def _plain(status: int, sentence: str) -> ApiReply:
    text = (sentence + "\n").encode("utf-8", "replace")
    return ApiReply(status, [("Content-Type", "text/plain; charset=utf-8")], text)


def read_old_id(query: Dict[str, str]) -> int:
    """Return the number of the revision that oldid= names, 0 for none."""
    text = query.get("oldid", "")
    # str.isdigit would let superscripts pass, which int() does not read.
    return int(text) if re.match(r"[0-9]{1,15}\Z", text) else 0


def find_range(text: str, size: int) -> Optional[Tuple[int, int]]:
    """Return start and stop of a Range header for `size` bytes (RFC 9110 14.1.2).

    None where it is to be ignored: another unit, several ranges, nonsense.  An empty
    range (start not before stop) is one that cannot be satisfied.
    """
    match = re.match(_app_range, text.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.group(1)[:18], match.group(2)[:18]
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def takes_gzip(text: str) -> bool:
    """Return whether an Accept-Encoding header takes gzip."""
    for part in text.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return re.match(r"\s*q\s*=\s*0(\.0*)?\s*\Z", weight) is None
    return False
