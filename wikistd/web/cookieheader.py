"""The Cookie header: what a request carries, the caller's own cookies first.

In: cookies, requests.  Out: header text.  Spec: RFC 6265bis 5.8.3.  Holds: nothing.
Not here: which cookies match (cookies.py).
"""

from __future__ import annotations

import http.cookiejar
import re
import urllib.request
from typing import Iterable, List, Optional, Tuple

from .origins import header_names, remove_header


def cookie_text(name: str, value: Optional[str]) -> str:
    """Return one cookie as it stands in a Cookie header."""
    return "%s=%s" % (name, value) if name else value or ""


def pairs_and_header(
    cookies: List[http.cookiejar.Cookie],
) -> Tuple[List[Tuple[str, str]], str]:
    """Return cookies as pairs, and as a Cookie header."""
    pairs = [(cookie.name, cookie.value or "") for cookie in cookies]
    return pairs, "; ".join([cookie_text(name, value) for name, value in pairs])


def has_cookie_fields(request: urllib.request.Request) -> bool:
    """Return whether the request may have cookies of the caller's, or had some."""
    fields = vars(request)
    if fields.get("call_cookies") or "own_cookies" in fields:
        return True
    for headers in (request.headers, request.unredirected_hdrs):
        for name in headers:
            if name[:1] in "Cc" and name.lower() == "cookie":
                return True
    return False


def own_cookie_header(request: urllib.request.Request) -> str:
    """Return what the caller wants in the Cookie header of this request.

    That is a Cookie header of its own, however given and spelt, and `call_cookies`.
    """
    fields = vars(request)
    if "own_cookies" not in fields:
        # A first visit: an unredirected Cookie header is the caller's, later it is
        # ours.
        fields["own_cookies"] = [
            headers[name]
            for headers in (request.unredirected_hdrs, request.headers)
            for name in header_names(headers, "cookie")
        ]
    own: List[str] = list(fields["own_cookies"])
    given = fields.get("call_cookies")
    if given:
        for name, value in given.items():
            own.append(cookie_text(*checked_pair(name, value)))
    return "; ".join(own)


def merged_cookies(own: str, pairs: Iterable[Tuple[str, str]]) -> str:
    """Return a Cookie header: the caller's `own`, and those of `pairs` not in it."""
    taken = {piece.partition("=")[0].strip() for piece in own.split(";")}
    more = [cookie_text(name, value) for name, value in pairs if name not in taken]
    return "; ".join([own] + more)


def add_cookies_of_jar(
    jar: http.cookiejar.CookieJar, request: urllib.request.Request
) -> None:
    """Give a request the cookies of a jar of another kind, beside the caller's own.

    http.cookiejar's jars stand back as soon as the request has a Cookie header.
    """
    own = own_cookie_header(request)
    plain = {
        name: request.headers[name] for name in header_names(request.headers, "cookie")
    }
    remove_header(request, "cookie")
    jar.add_cookie_header(request)
    added = request.unredirected_hdrs.pop("Cookie", "")
    request.headers.update(plain)
    pieces = [piece.partition("=") for piece in added.split("; ") if piece]
    header = merged_cookies(own, [(n, v) for n, _, v in pieces]) if own else added
    if header:
        request.unredirected_hdrs["Cookie"] = header


def checked_pair(name: str, value: str) -> Tuple[str, str]:
    """Return the pair; ValueError if it cannot be one cookie of a header."""
    bad = re.search("[=;,]|[^!-~]", name)
    if bad is not None:
        raise ValueError("cookie name %r holds %r" % (name, bad.group()))
    bad = re.search("[;\x00-\x1f\x7f]", str(value))
    if bad is not None:
        raise ValueError("the value of cookie %r holds %r" % (name, bad.group()))
    return name, str(value)
