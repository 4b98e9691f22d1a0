"""The --debug transcript: what went over the wire, with the secrets left out.

In: requests and responses as they pass.  Out: lines for stderr.  Holds: a counter.
Not here: which headers are sent (the handlers of the web room).
"""

from __future__ import annotations

import itertools
import re
import time
import urllib.request
from typing import Any, Callable, Iterable, List, Tuple
from urllib.parse import urlsplit

from ..web.client import HttpClient

#: Header fields whose values are never shown.
SECRET_HEADERS = frozenset(
    "authorization cookie set-cookie proxy-authorization www-authenticate "
    "proxy-authenticate authentication-info".split()
)
# Values in addresses and forms: all but what tells which call it was.
_transcript_pair = re.compile(
    r"(?<![^&?])(?!(?:action|format|formatversion|meta|list|prop|generator|type"
    r"|continue|since)=)([^&=?]+)=[^&]*"
)
#: The attribute of a request that holds its number and its beginning.
EXCHANGE_STARTED = "_transcript_started"


class TranscriptHandler(urllib.request.BaseHandler):
    """Writes each exchange of an opener, redirects and refusals too.  Thread-safe.

    It stands behind the handlers that add header fields, before redirects and refusals.
    """

    handler_order = 900

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
        self.numbers = itertools.count(1)

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Write what is about to be sent."""
        number = next(self.numbers)
        setattr(request, EXCHANGE_STARTED, (number, time.monotonic()))
        url = redact_url(request.full_url)
        route = redact_userinfo(getattr(request, "proxy_reason", "")) or "directly"
        lines = ["> #%d %s %s" % (number, request.get_method(), url)]
        lines.append("> route: " + route)
        fields = dict(request.headers, **request.unredirected_hdrs)
        lines += redact_fields("> ", fields.items())
        if request.data is not None:
            lines.append("> " + describe_body(request.data))
        self.write("\n".join(lines))
        return request

    https_request = http_request

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Write what came back."""
        number, started = getattr(request, EXCHANGE_STARTED)
        facts = (number, response.status, response.reason, time.monotonic() - started)
        lines = ["< #%d %s %s after %.3f s" % facts]
        lines += describe_connection(response)
        lines += redact_fields("< ", response.headers.items())
        self.write("\n".join(lines))
        return response

    https_response = http_response


def redact_fields(mark: str, fields: Iterable[Tuple[str, Any]]) -> List[str]:
    """Return a line for each header field; what could let somebody in is left out."""
    lines = []
    for name, value in fields:
        shown = str(value)
        if name.lower() in SECRET_HEADERS:
            shown = "(%d characters not shown)" % len(shown)
        elif name.lower() in ("location", "link", "refresh"):
            shown = redact_url(shown)
        lines.append("%s%s: %s" % (mark, name, shown))
    return lines


def redact_url(url: str) -> str:
    """Return an address without user names, passwords and the values of parameters."""
    head, mark, query = url.partition("?")
    return redact_userinfo(head) + mark + redact_pairs(query)


def redact_userinfo(text: str) -> str:
    """Return text whose addresses have lost what stands before an @."""
    return re.sub(r"://[^/@\s]*@", "://...@", text)


def redact_pairs(query: str) -> str:
    """Return name=value pairs with most of the values left out."""
    return _transcript_pair.sub(r"\1=...", query)


def describe_body(data: Any) -> str:
    """Return what is sent, in words: its kind and size, names but no values."""
    if isinstance(data, bytes):
        if re.match(rb"[\w.%+*-]+=[^\s]*\Z", data):
            names = [
                pair.partition(b"=")[0].decode("ascii") for pair in data.split(b"&")
            ]
            return "form of %d bytes: %s" % (len(data), ", ".join(names))
        return "body of %d bytes" % len(data)
    return "body of type %s" % type(data).__name__


def describe_connection(response: Any) -> List[str]:
    """Return the address that answered and its TLS, where they are known."""
    connection = getattr(response, "_stream", None)
    sock: Any = getattr(connection, "sock", None)
    lines = []
    try:
        peer = sock.getpeername()
        kept = "a kept" if getattr(connection, "exchanges", 0) > 1 else "a new"
        lines.append("< from %s port %d over %s connection" % (peer[0], peer[1], kept))
    except (AttributeError, OSError, IndexError, TypeError):
        pass  # closed by now, or no real socket
    if hasattr(sock, "version") and hasattr(sock, "cipher"):
        cipher = sock.cipher() or ("unknown cipher",)
        lines.append("< TLS: %s, %s" % (sock.version(), cipher[0]))
    return lines


def describe_client(client: HttpClient, url: str) -> List[str]:
    """Return what a client did, and where it looked for CAs if `url` needs any."""
    lines = []
    if urlsplit(url).scheme == "https" and client.keepalive.dialer.tls.searched:
        searched = ", ".join(client.keepalive.dialer.tls.searched)
        lines.append("* CAs looked for in: " + searched)
    return [*lines, "* %r" % client.counters]
