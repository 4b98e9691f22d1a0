"""The urllib handler that sends cookies and takes them in.

Holds: a cookie jar, and the cookies of a client's own.  Spec: RFC 6265bis 5.7 and 5.8.
Not here: which cookies (cookies.py), the header's text (cookieheader.py).
"""

from __future__ import annotations

import http.cookiejar
import urllib.request
from typing import Any, Mapping, Optional

from .cookieheader import add_cookies_of_jar
from .cookies import CookieStore
from .origins import origin_of


class CookieHandler(urllib.request.HTTPCookieProcessor):
    """Send and take in the cookies of a CookieStore.  Thread-safe.

    `cookies` are further ones, for all requests to the origin of the first request and
    to no other.  Works with any http.cookiejar.CookieJar, and alone in build_opener.
    """

    handler_order = 300

    def __init__(
        self,
        store: Optional[http.cookiejar.CookieJar] = None,
        *,
        cookies: Optional[Mapping[str, str]] = None,
    ) -> None:
        super().__init__(store if store is not None else CookieStore())
        self.store = self.cookiejar
        self.cookies = None if cookies is None else dict(cookies)

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add the Cookie header."""
        if self.cookies:
            origin = origin_of(request.full_url)
            if vars(self).setdefault("_cookies_origin", origin) == origin:
                given = dict(self.cookies)
                given.update(getattr(request, "call_cookies", None) or {})
                vars(request)["call_cookies"] = given
        if isinstance(self.store, CookieStore):
            self.store.add_cookie_header(request)
        else:
            add_cookies_of_jar(self.store, request)
        return request

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Take in the Set-Cookie headers."""
        self.store.extract_cookies(response, request)
        return response

    https_request = http_request
    https_response = http_response
