"""One request through a WSGI application: environ in, bytes for the wire out.

Spec: PEP 3333, RFC 9112.  Holds: the open reply of one request.  Not here: sockets
and threads (server/running.py), the grammar of requests (server/incoming.py).
"""

from __future__ import annotations

import email.utils
import io
import re
import time
from http import HTTPStatus
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple
from urllib.parse import unquote_to_bytes

from ..formats.headers import check_fields
from .incoming import RequestHead, RequestRefused, is_host

WsgiApp = Callable[[Dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Hop-by-hop header fields: they are the server's (PEP 3333), an app must not set them.
HOP_BY_HOP_NAMES = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer "
    "transfer-encoding upgrade".split()
)


class ReplyBroken(Exception):
    """The application did not give the reply it promised: the connection must end."""


class PulledBytes(io.RawIOBase):
    """A raw file of what `pull(size)` returns: `size` bytes at most, b"" at the end."""

    def __init__(self, pull: Callable[[int], bytes]) -> None:
        self._pull = pull

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, target: Any) -> int:
        """Read what has come, at most len(target) bytes; 0 at the end."""
        data = self._pull(len(target))
        target[: len(data)] = data
        return len(data)


class WsgiErrorLog(io.TextIOBase):
    """wsgi.errors: what an application complains about goes to the log, not stderr."""

    def write(self, text: str) -> int:
        """Log `text`, without the line end."""
        if text.strip():
            log_server("error", "%s", text.rstrip())
        return len(text)


def log_server(level: str, text: str, *values: object, exc_info: bool = False) -> None:
    """Write to the log of the embedded server, "<top package>.server"."""
    import logging  # 3 ms of import that a program without a server need not pay

    top = __name__.split(".")[0]
    getattr(logging.getLogger(top + ".server"), level)(text, *values, exc_info=exc_info)


def http_date(seconds: float) -> str:
    """Return a moment as RFC 9110 5.6.7 writes it: Sun, 06 Nov 1994 08:49:37 GMT."""
    return email.utils.formatdate(seconds, usegmt=True)


def status_line(status: int) -> str:
    """Return a status with its reason: 404 Not Found."""
    return "%d %s" % (status, HTTPStatus(status).phrase)


def encode_refusal(refused: RequestRefused) -> bytes:
    """Return the answer to a request that cannot be taken."""
    text = (refused.sentence + "\n").encode("utf-8")
    return (
        "HTTP/1.1 %s\r\nDate: %s\r\nServer: wikistd\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
        "Connection: close\r\n\r\n"
        % (status_line(refused.status), http_date(time.time()), len(text))
    ).encode("ascii") + text


def build_environ(
    head: RequestHead,
    body: Any,
    *,
    server: Tuple[str, int],
    client: str = "127.0.0.1",
) -> Dict[str, Any]:
    """Return the WSGI environ of a request; `body` is a file that ends with it."""
    target, host = head.target, head.get("host") or "%s:%d" % server
    # RFC 9112 3.2.2: an address in absolute form says which host is meant.  A path may
    # hold "://" too, and would say it past whoever looks at Host.
    absolute = None
    if not target.startswith("/"):
        absolute = re.match(r"[^?]*?://([^/?]*)(.*)", target)
    if absolute:
        host, target = absolute.groups()
        if not is_host(host):
            raise RequestRefused(400, "the host in the address is malformed")
        if not target.startswith("/"):
            target = "/" + target
    path, _, query = target.partition("?")
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/" + head.version,
        "REMOTE_ADDR": client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": WsgiErrorLog(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in head.headers:
        if "_" in name:
            # X_Y would be taken for X-Y below, and hide or forge it.
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        if key in environ and key != "CONTENT_TYPE":
            value = environ[key] + ("; " if name == "cookie" else ",") + value
        environ[key] = value
    environ["HTTP_HOST"] = host
    return environ


class WsgiExchange:
    """The reply of `app` to one request, as bytes to send.  Has one owner.

    `is_body_due()` tells whether the request's body waits to be asked for;
    `before_head()` is called before the answer to look at what the application left
    of it, where the answer is there as a whole: the application reads no more then.
    Iterate it: each item is ready for the wire, b"" means that the application has
    nothing yet (time to see whether the client is still there).  Then `keeps_alive`
    tells whether another request may follow.  `close()` ends a reply that is not
    wanted any more.  Raises ReplyBroken when the connection must be cut.
    """

    def __init__(
        self,
        app: WsgiApp,
        environ: Dict[str, Any],
        head: RequestHead,
        *,
        is_body_due: Callable[[], bool] = bool,
        before_head: Optional[Callable[[], None]] = None,
    ) -> None:
        self.app = app
        self.environ = environ
        self.head = head
        self.is_body_due = is_body_due
        self.before_head = before_head
        self.status = ""
        self.headers: List[Tuple[str, str]] = []
        self.keeps_alive = head.keeps_alive
        self._written: List[bytes] = []
        self._head_sent = False
        #: What the application wants to have the connection for, see take_over().
        self.handler: Optional[Callable[[Any], None]] = None
        self._result: Optional[Iterable[bytes]] = None
        self._is_chunked = False
        self._left: Optional[int] = None

    def take_over(self, handler: Callable[[Any], None]) -> None:
        """Have `handler(channel)` called with the connection instead of a reply.

        For applications, as environ["wikistd.take_over"] where a server can do it: the
        way to WebSocket.  What the application returns is then not looked at.
        """
        self.handler = handler

    def close(self) -> None:
        """Tell the application that its reply is over; never raises."""
        result, self._result = self._result, None
        close = getattr(result, "close", None)
        if close is not None:
            try:
                close()
            except Exception:
                log_server("error", "closing a reply failed", exc_info=True)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._run()
        except ReplyBroken:
            raise
        except RequestRefused as error:
            # Its body was malformed: no fault of the application.
            if self._head_sent:
                raise ReplyBroken("the request broke off: %s" % error) from error
            raise
        except Exception as error:
            log_server("error", "the application failed", exc_info=True)
            self.keeps_alive = False
            if self._head_sent:
                raise ReplyBroken("the application failed: %r" % error) from error
            self.status = "500 Internal Server Error"
            self.headers = [("Content-Type", "text/plain; charset=utf-8")]
            self._written.clear()
            text = b"The application behind this server failed; its log says why.\n"
            yield self._encode(text, is_last=True)
        finally:
            self.close()

    def _run(self) -> Iterator[bytes]:
        result = self._result = self.app(self.environ, self._start_response)
        if self.handler is not None:
            self.keeps_alive = False
            return
        is_single = False
        if isinstance(result, (list, tuple)):
            is_single = len(result) == 1
            if self.before_head is not None:
                self.before_head()
        for part in result:
            if not isinstance(part, bytes):
                raise TypeError("the reply holds %r, not bytes" % type(part).__name__)
            if not self.status:
                raise TypeError("the reply began before start_response was called")
            yield self._encode(part, is_last=is_single)
        if not self.status:
            raise TypeError("the application never called start_response")
        rest = self._encode(b"", is_last=True)
        if self._is_chunked:
            rest += b"0\r\n\r\n"
        if rest:
            yield rest
        if self._left:
            raise ReplyBroken(
                "the reply is %d bytes shorter than promised" % self._left
            )

    def _start_response(
        self, status: str, headers: List[Tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], Any]:
        if exc_info:
            try:
                if self._head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status:
            raise RuntimeError("start_response was called twice")
        # Compiled when first used: nobody who only imports the package needs them.
        if not re.match(r"[1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*\Z", status):
            raise ValueError("not a status line: %r" % status)
        check_fields([name for name, _ in headers], [value for _, value in headers])
        for name, value in headers:
            if name.lower() in HOP_BY_HOP_NAMES:
                raise ValueError("%s is the server's to set" % name)
            is_length = name.lower() == "content-length"
            if is_length and not re.match(r"[0-9]{1,18}\Z", value):
                raise ValueError("not a Content-Length: %r" % value)
        self.status = status
        self.headers = list(headers)
        return self._written.append

    def _encode(self, part: bytes, *, is_last: bool) -> bytes:
        """Return what goes over the wire for `part`, and what was written before it.

        The head is before them where it is due: with the first byte, or at the end.
        """
        data = b"".join(self._written) + part
        self._written.clear()
        if self._head_sent:
            return self._frame(data)
        if not data and not is_last:
            return b""
        return self._encode_head(len(data) if is_last else None) + self._frame(data)

    def _encode_head(self, whole_length: Optional[int]) -> bytes:
        """Decide how the body ends (RFC 9112 6.3) and return the head as bytes."""
        self._head_sent = True
        fields = {name.lower(): value for name, value in self.headers}
        lines = ["HTTP/1.1 " + self.status]
        if "date" not in fields:
            lines.append("Date: " + http_date(time.time()))
        if "server" not in fields:
            lines.append("Server: wikistd")
        lines += ["%s: %s" % pair for pair in self.headers]
        code = int(self.status[:3])
        if self.head.method == "HEAD" or code in (204, 304) or code < 200:
            self._left = 0
        elif "content-length" in fields:
            self._left = int(fields["content-length"])
        elif whole_length is not None:
            self._left = whole_length
            lines.append("Content-Length: %d" % whole_length)
        elif self.head.version == "1.1":
            self._is_chunked = True
            lines.append("Transfer-Encoding: chunked")
        else:
            self.keeps_alive = False
        if self.is_body_due():
            # Nobody asked for the body that Expect announced: whether it comes is open.
            self.keeps_alive = False
        if not self.keeps_alive:
            lines.append("Connection: close")
        elif self.head.version == "1.0":
            lines.append("Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _frame(self, data: bytes) -> bytes:
        if self._is_chunked:
            return b"%x\r\n%s\r\n" % (len(data), data) if data else b""
        if self._left is None:
            return data
        # Past what was promised nothing is sent: it would be the next reply's.
        data = data[: self._left]
        self._left -= len(data)
        return data
