"""One cookie: http.cookiejar's own class, made, told apart and out of time.

In: Set-Cookie lines and the URL that sent them.  Out: http.cookiejar.Cookie.
Spec: RFC 6265bis 5.7.  Holds: nothing.
Not here: what a line says and may say (setcookie.py), where cookies are kept
(cookies.py).
"""

from __future__ import annotations

import http.cookiejar
import urllib.parse
from typing import Any, Dict, Iterable, Iterator, Optional, Tuple

from .request import plain_url_parts
from .setcookie import parse_set_cookie, resolve_cookie


def new_cookie(
    name: str,
    value: Optional[str],
    domain: str,
    path: str,
    *,
    secure: bool = False,
    expires: Optional[float] = None,
    rest: Optional[Dict[str, Any]] = None,
) -> http.cookiejar.Cookie:
    """Return a stock Cookie; a `domain` that starts with a dot includes subdomains."""
    dotted = domain.startswith(".")
    return http.cookiejar.Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain=domain,
        domain_specified=dotted,
        domain_initial_dot=dotted,
        path=path,
        path_specified=True,
        secure=secure,
        # http.cookiejar's files hold whole seconds only.
        expires=None if expires is None else int(expires),
        discard=expires is None,
        comment=None,
        comment_url=None,
        rest=rest if rest is not None else {},
    )


def cookies_set_by(
    lines: Iterable[str], url: str, now: float
) -> Iterator[http.cookiejar.Cookie]:
    """Yield the cookies that `url` may set with these Set-Cookie header values."""
    scheme, host, url_path = url_place(url)
    for line in lines:
        asked = parse_set_cookie(line, now)
        if asked is None:
            continue
        place = resolve_cookie(asked, scheme, host, url_path)
        if place is None:
            continue
        domain, host_only, path = place
        yield new_cookie(
            asked.name,
            asked.value,
            domain if host_only else "." + domain,
            path,
            secure=asked.secure,
            expires=asked.expires,
            rest=dict(asked.attributes),
        )


def url_place(url: str) -> Tuple[str, str, str]:
    """Return (scheme, host, path) of a URL, as far as they matter to cookies.

    The host is in lower case, without port, brackets and final dot.
    """
    plain = plain_url_parts(url)
    if plain is not None:
        scheme, host, _, rest = plain
        host, path = host.lower(), rest.partition("?")[0]
    else:
        parts = urllib.parse.urlsplit(url)
        scheme, host, path = parts.scheme.lower(), parts.hostname or "", parts.path
    return scheme, host[:-1] if host.endswith(".") else host, path or "/"


def cookie_key(cookie: http.cookiejar.Cookie) -> Tuple[str, str, str]:
    """Return what tells `cookie` from others."""
    return cookie.domain, cookie.path, cookie.name


def has_expired(cookie: http.cookiejar.Cookie, now: float) -> bool:
    """Return whether the cookie's time is over."""
    return cookie.expires is not None and cookie.expires <= now


def lives_as_long(cookie: http.cookiejar.Cookie, other: http.cookiejar.Cookie) -> bool:
    """Return whether `cookie` ends no sooner than `other`."""
    if cookie.expires is None:
        return True
    return other.expires is not None and cookie.expires >= other.expires
