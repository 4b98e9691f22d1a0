"""Heads of requests: what stands on a urllib request in, checked bytes out.

Spec: RFC 9112 3 to 5, RFC 9110 5.  Nothing of what is refused here is ever sent.
Holds: heads made before, for the next request like them.
Not here: bodies (web/bodies.py), sending (web/exchange.py).
"""

from __future__ import annotations

import re
import urllib.request
from typing import Any, Dict, List, Optional, Tuple

from ..formats.headers import HEADER_TOKEN, check_fields
from .bodies import RequestBody
from .origins import split_port

MAX_KNOWN_HEADS = 64  # remembered by a client

_HEADS_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]+")
_HEADS_TARGET = re.compile("[!-~]+")
_HEADS_FRAMING = frozenset(["Host", "Content-length", "Transfer-encoding"])


def split_host(host: str, default_port: int) -> Tuple[str, int]:
    """Return (host, port) to connect to, of a request's `host`."""
    if "@" in host:
        host = host.rpartition("@")[2]
    name, port = split_port(host)
    if name.startswith("["):
        # RFC 6874: "%25" before the zone of a link-local address.
        name = name[1:-1].replace("%25", "%")
    if not _HEADS_HOST.fullmatch(name) or (
        port and not (port.isdigit() and 0 < int(port[:6]) < 65536)
    ):
        raise ValueError("host %s is malformed" % ascii(host[:80]))
    return name.lower(), int(port) if port else default_port


def request_fields(
    request: urllib.request.Request, body: Optional[RequestBody]
) -> Tuple[List[str], List[str]]:
    """Return the names and the values of the header fields to send, unchecked."""
    headers = dict(request.headers)
    headers.update(request.unredirected_hdrs)
    names_given = getattr(request, "header_names", {})
    host = headers.get("Host") or request.host
    if "@" in host:
        host = host.rpartition("@")[2]
    if "%" in host:
        # The zone of an address means nothing to the other side.
        host = re.sub("%[^]]*", "", host)
    names = ["Host"]
    values = [host]
    for name, value in headers.items():
        if name not in _HEADS_FRAMING:
            names.append(names_given.get(name) or name.title())
            values.append(value)
    if body is not None:
        if body.length is not None:
            names.append("Content-Length")
            values.append(str(body.length))
        else:
            names.append("Transfer-Encoding")
            values.append("chunked")
        if body.content_type and "Content-type" not in headers:
            names.append("Content-Type")
            values.append(body.content_type)
    elif request.get_method() in ("POST", "PUT", "PATCH"):
        names.append("Content-Length")
        values.append("0")
    return names, values


class HeadEncoder:
    """Makes the heads of requests.  Thread-safe.

    Remembers the field lines of requests without a body: the next one mostly has the
    same, and looking them up costs 0.7 us, making and checking them 4.
    """

    def __init__(self) -> None:
        self._known: Dict[Any, bytes] = {}

    def encode(
        self,
        request: Any,
        body: Optional[RequestBody] = None,
        *,
        target: Optional[str] = None,
        login: Optional[str] = None,
    ) -> bytes:
        """Return request line and fields; ValueError if something is malformed.

        `target` is the absolute URL for a proxy, `login` what the proxy wants to see.
        """
        method = request.get_method()
        if target is None:
            target = request.selector or "/"
            if target[0] != "/":
                target = "/" + target
        if not _HEADS_TARGET.fullmatch(target):
            raise ValueError("URL holds a space, a control or a non-ASCII character")
        if method != "GET" and not HEADER_TOKEN.fullmatch(method):
            raise ValueError(
                "HTTP method %s is not a token such as GET" % ascii(method[:40])
            )
        line = "%s %s HTTP/1.1\r\n" % (method, target)
        if body is not None or login is not None or method != "GET":
            return line.encode("ascii") + self._fields(request, body, login)
        names = getattr(request, "header_names", None)
        key = (
            request.host,
            tuple(request.headers.items()),
            tuple(request.unredirected_hdrs.items()),
            tuple(names.items()) if names else None,
        )
        try:
            fields = self._known.get(key)
        except TypeError:
            # Some value is not even hashable: told apart where it is checked.
            return self._fields(request, body, login)
        if fields is None:
            fields = self._fields(request, body, login)
            if len(self._known) >= MAX_KNOWN_HEADS:
                self._known.clear()
            self._known[key] = fields
        return line.encode("ascii") + fields

    def _fields(
        self, request: Any, body: Optional[RequestBody], login: Optional[str]
    ) -> bytes:
        names, values = request_fields(request, body)
        if login is not None:
            names.append("Proxy-Authorization")
            values.append(login)
        check_fields(names, values)
        # As they were checked: "%s" would send what `__str__` of an enum says.
        lines = map(": ".join, zip(names, values))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def absolute_target(request: Any) -> str:
    """Return the absolute form of the target, for a proxy, without user name."""
    host = request.host.rpartition("@")[2]
    selector = request.selector or "/"
    return "http://%s%s" % (host, selector if selector[0] == "/" else "/" + selector)
