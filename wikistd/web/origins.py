"""Origins: which scheme, host and port a URL means, and ending what went before.

In: URLs, requests and responses of urllib.  Out: (scheme, host, port); a drained,
closed response.  Spec: RFC 6454 4, RFC 9110 4.2.  Holds: nothing.
Not here: who may send what where (credentials.py, cookies.py, redirects.py).
"""

from __future__ import annotations

import collections
import re
import urllib.parse
import urllib.request
from typing import Any, Iterable, List, Mapping, Optional, Tuple

#: A 3xx or 401 body longer than this costs more to read than a new connection.
MAX_DRAIN_BYTES = 65536

#: Ports that a URL does not spell out.
DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}

_ORIGIN_PLAIN_URL = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([1-9][0-9]{0,3}))?(?=[/?#]|\Z)"
)

#: The wikis of the Wikimedia Foundation.
WIKIMEDIA_DOMAINS = (
    "wikipedia.org",
    "wikimedia.org",
    "wikidata.org",
    "wiktionary.org",
    "wikibooks.org",
    "wikinews.org",
    "wikiquote.org",
    "wikisource.org",
    "wikiversity.org",
    "wikivoyage.org",
    "wikifunctions.org",
    "mediawiki.org",
)


class Origin(collections.namedtuple("Origin", "scheme host port")):
    """Who is spoken to: `scheme` and `host` in lower case, `port` always a number."""

    __slots__ = ()
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        if self.port == DEFAULT_PORTS.get(self.scheme):
            return "%s://%s" % (self.scheme, bracketed(self.host))
        return "%s://%s:%d" % (self.scheme, bracketed(self.host), self.port)


def bracketed(host: str) -> str:
    """Return a host as URLs have it, an IPv6 address in brackets."""
    return "[%s]" % host if ":" in host else host


def split_port(address: str) -> Tuple[str, str]:
    """Return (host, with its brackets, and the text of its port or "")."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        return address, ""
    return host, port


def has_controls(text: str) -> bool:
    """Return whether `text` holds a control character."""
    return any(ord(char) < 32 or ord(char) == 127 for char in text)


def origin_of(url: str) -> Origin:
    """Return the origin of an absolute URL; ValueError if it has no host or a bad port.

    User names in the URL are no part of it; brackets of IPv6 addresses are removed.
    """
    plain = _ORIGIN_PLAIN_URL.match(url)
    if plain is not None:
        # Nearly every URL: 0.8 us instead of 2.4, three times a request.
        scheme, host, digits = plain.groups()
        return Origin(scheme, host, int(digits) if digits else DEFAULT_PORTS[scheme])
    parts = split_url(url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError:
        port = -1
    if port is None:
        port = DEFAULT_PORTS.get(scheme, 0)
    if "://" not in url:
        raise ValueError(
            "%r does not begin with http:// or https://" % without_userinfo(url)
        )
    if not host or port < 0:
        raise ValueError("%r has no host, or a bad port" % without_userinfo(url))
    if host.endswith(".") and not host.endswith(".."):
        host = host[:-1]
    return Origin(scheme, host, port)


def is_below(host: str, domains: Iterable[str]) -> bool:
    """Return whether `host`, in lower case, is one of `domains` or below one."""
    return any(host == domain or host.endswith("." + domain) for domain in domains)


def split_url(url: str) -> urllib.parse.SplitResult:
    """Return the parts of a URL; the ValueError for a broken one shows none of it."""
    try:
        return urllib.parse.urlsplit(url)
    except ValueError:
        pass  # Its text may hold a password: not kept as the context of ours.
    raise ValueError("the host of the URL is malformed")


def absolute_url(text: str) -> str:
    """Return an address as it is, and a host as one with https://.

    ValueError for an address whose scheme is mistyped: "http:/me:secret@a.example"
    would be a host called "http", and be told the rest.
    """
    if "://" in text:
        return text
    if "@" in text or ":/" in text:
        raise ValueError("an address begins with http:// or https://")
    return "https://" + text


def split_userinfo(url: str) -> Tuple[str, Optional[Tuple[str, str]]]:
    """Return (the URL without them, (user name, password) or None)."""
    parts = split_url(url)
    userinfo, at, hostport = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = userinfo.partition(":")
    bare = urllib.parse.urlunsplit(parts._replace(netloc=hostport))
    return bare, (urllib.parse.unquote(name), urllib.parse.unquote(password))


def without_userinfo(url: str) -> str:
    """Return the URL fit to be shown: no user, password, query or fragment.

    What looks like a bad port may be a password with a "/" in it, and is not shown;
    nor is an "@" that no "//" stands before.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        hostport = parts.netloc.rpartition("@")[2]
        _ = parts.port  # raises ValueError if it is none
        if not parts.netloc and "@" in url:
            return "(a malformed URL)"
        return urllib.parse.urlunsplit((parts.scheme, hostport, parts.path, "", ""))
    except ValueError:
        return "(a malformed URL)"


def header_names(headers: Mapping[str, Any], wanted: str) -> List[str]:
    """Return the keys of `headers` that spell `wanted`, given in lower case."""
    size = len(wanted)  # asked first: twice as fast, six times a request
    return [name for name in headers if len(name) == size and name.lower() == wanted]


def remove_header(request: urllib.request.Request, wanted: str) -> None:
    """Take a header, given in lower case, off a request however it is spelt."""
    for headers in (request.headers, request.unredirected_hdrs):
        for name in header_names(headers, wanted):
            del headers[name]


def is_replayable(request: urllib.request.Request) -> bool:
    """Return whether the request's body can be sent a second time."""
    said = getattr(request, "replayable", None)
    if said is not None:
        return bool(said)
    return request.data is None or isinstance(request.data, (bytes, bytearray))


def drain_response(response: Any, max_bytes: int = MAX_DRAIN_BYTES) -> None:
    """Read what little is left of a response nobody wants, then close it.

    Reading keeps the connection usable.  A body beyond `max_bytes`, one that breaks off
    or takes longer than the call may, is left: closing then drops the connection.
    """
    try:
        if getattr(response, "call_deadline", None) is not None:
            response.deadline = response.call_deadline
        drain = getattr(response, "drain", None)
        if drain is not None:
            drain(max_bytes)
        elif getattr(response, "fp", None) is not None:
            left = max_bytes
            while left > 0:
                data = response.read(min(left, 16384))
                if not data:
                    break
                left -= len(data)
    except Exception:
        # Whatever was wrong with an unwanted body cannot matter to the next request:
        # its connection is closed, and deadlines are checked again there.
        pass
    finally:
        response.close()
