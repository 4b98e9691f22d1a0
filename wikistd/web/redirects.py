"""Redirects: who may follow where, with which method and which headers.

In: a 3xx response and the request it answers.  Out: the response of the next request.
Spec: RFC 9110 15.4 and 10.2.2; the method table is that of browsers (WHATWG fetch).
Holds: limits only; what belongs to one call rides on the request.
Not here: reading the response (response.py), credentials for the new place
(credentials.py), cookies (cookies.py).
"""

from __future__ import annotations

import urllib.parse
import urllib.request
from typing import Any, Dict, Optional, Type

from ..errors import StatusError, TooManyRedirects
from .origins import (
    drain_response,
    has_controls,
    header_names,
    is_replayable,
    origin_of,
    split_userinfo,
    without_userinfo,
)
from .request import check_url

#: Precedents: curl 30, browsers 20, urllib 10.
MAX_REDIRECTS = 10

#: One URL asked for this often in one chain, in the same way, is a circle.  More than
#: once is legal: many sites set a cookie and redirect to the same place.
MAX_VISITS = 3

#: All that goes along to another origin.  A list of what is harmless, since what is
#: secret has no list: X-Api-Key, PRIVATE-TOKEN, Api-Token...
CROSS_ORIGIN_HEADERS = frozenset(
    "accept accept-charset accept-encoding accept-language api-user-agent "
    "cache-control content-encoding content-language content-type if-range pragma "
    "range user-agent".split()
)

#: These describe a body; a request that lost its body loses them too.
REDIRECT_BODY_HEADERS = frozenset(
    "content-encoding content-language content-length content-location content-md5 "
    "content-range content-type digest expect transfer-encoding".split()
)

#: What may stand unescaped in a URL: everything of RFC 3986 and "%".
URL_SAFE_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


def redirect_target(url: str, location: str) -> str:
    """Return the absolute URL that the Location header `location` of `url` means.

    Spaces and bytes that are not ASCII are percent-encoded; a user name and password
    in it are dropped: the far side does not choose our credentials.  The fragment of
    `url` is kept where `location` has none.  ValueError if it is not http or https, has
    no host, or holds a control character.
    """
    location = location.strip(" \t")
    if has_controls(location):
        raise ValueError("its Location holds a control character")
    try:
        raw = location.encode("latin-1")
    except UnicodeEncodeError:
        raw = location.encode("utf-8")
    location = urllib.parse.quote(raw, safe=URL_SAFE_CHARACTERS)
    target, _ = split_userinfo(urllib.parse.urljoin(url, location))
    parts = urllib.parse.urlsplit(target)
    if parts.scheme not in ("http", "https"):
        raise ValueError(
            "its Location is a %r URL, and only http and https are followed"
            % parts.scheme
        )
    origin_of(target)
    if not parts.path:
        parts = parts._replace(path="/")
    if not parts.fragment:
        parts = parts._replace(fragment=urllib.parse.urlsplit(url).fragment)
    return urllib.parse.urlunsplit(parts)


def redirect_method(method: str, status: int) -> str:
    """Return the next method; if it is not `method`, the body goes."""
    if status == 303 and method not in ("GET", "HEAD"):
        return "GET"
    if status in (301, 302) and method == "POST":
        return "GET"
    return method


class RedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follow redirects so that no secret of one origin reaches another.

    Stateless and thread-safe.  301 and 302 turn POST into GET, 303 everything but HEAD;
    otherwise method and body stay.  To another origin (scheme, host or port) only the
    headers of `CROSS_ORIGIN_HEADERS` go along; credentials and cookies of the call
    never do.  A body is not carried from https to http.  Raises TooManyRedirects past
    `max_redirects` or in a circle, StatusError for a redirect that must not be
    followed. A request's own `max_redirects` and `allow_redirects` attributes come
    first. Source: RFC 9110 15.4.
    """

    handler_order = 900

    def __init__(self, max_redirects: int = MAX_REDIRECTS) -> None:
        self.max_redirects = max_redirects

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> Optional[urllib.request.Request]:
        """Return the next request, or None to hand out the redirect itself."""
        method = redirect_method(req.get_method(), code)
        keeps_body = method == req.get_method()
        data = req.data if keeps_body else None
        same_origin = origin_of(newurl) == origin_of(req.full_url)
        if data is not None:
            why = body_must_stay(req, newurl)
            if why:
                raise not_followed(req, fp, why)
        kept: Dict[str, str] = {}
        for name, value in req.headers.items():
            lower = name.lower()
            if not same_origin and lower not in CROSS_ORIGIN_HEADERS:
                continue
            if lower in ("host", "content-length"):
                continue  # they are made anew for the new place
            if keeps_body or lower not in REDIRECT_BODY_HEADERS:
                kept[name] = value
        if data is not None and not header_names(kept, "content-type"):
            # urllib gives Content-Type as an unredirected header when it guesses it.
            guessed = req.unredirected_hdrs.get("Content-type")
            if guessed is not None:
                kept["Content-type"] = guessed
        maker = getattr(req, "redirected_to", None)
        if maker is not None:
            new: urllib.request.Request = maker(newurl, method, data, kept)
        else:
            new = urllib.request.Request(
                newurl,
                data=data,
                headers=kept,
                origin_req_host=req.origin_req_host,
                unverifiable=True,
                method=method,
            )
        call_auth = getattr(req, "call_auth", None)
        if not same_origin and call_auth is not False:
            call_auth = None
        vars(new).update(
            history=(*getattr(req, "history", ()), fp),
            call_auth=call_auth,
            call_cookies=getattr(req, "call_cookies", None) if same_origin else None,
        )
        return new

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: Any,
    ) -> Any:
        """Follow one redirect: drain its body and open the next request."""
        location = headers.get("Location")
        if location is None or not getattr(req, "allow_redirects", True):
            return None
        try:
            target = check_url(redirect_target(req.full_url, location))
        except ValueError as error:
            raise not_followed(req, fp, str(error)) from error
        new = self.redirect_request(req, fp, code, msg, headers, target)
        if new is None:
            return None
        self._check_chain(req, new, fp)
        drain_response(fp)
        return self.parent.open(new, timeout=getattr(req, "timeout", None))

    http_error_301 = http_error_303 = http_error_302
    http_error_307 = http_error_308 = http_error_302

    def _check_chain(
        self, req: urllib.request.Request, new: urllib.request.Request, fp: Any
    ) -> None:
        """Raise TooManyRedirects if `new` is one too many, or a circle."""
        limit = getattr(req, "max_redirects", None)
        if limit is None:
            limit = self.max_redirects
        step = "%s %s" % (new.get_method(), new.full_url)
        visits: Dict[str, int] = dict(getattr(req, "redirect_visits", ()))
        visits.setdefault("%s %s" % (req.get_method(), req.full_url), 1)
        visits[step] = visits.get(step, 0) + 1
        vars(new)["redirect_visits"] = visits
        shown = without_userinfo(new.full_url)
        if len(getattr(req, "history", ())) >= limit:
            why = "more than max_redirects=%d redirects: the next would be to %s"
            raise answer_error(TooManyRedirects, req, fp, why % (limit, shown))
        if visits[step] > MAX_VISITS:
            why = "redirects go in a circle: %s was asked for %d times"
            raise answer_error(TooManyRedirects, req, fp, why % (shown, MAX_VISITS))


def body_must_stay(req: urllib.request.Request, url: str) -> str:
    """Return why the body of `req` must not, or cannot, go to `url`; "" if it may."""
    place = (req.get_method(), without_userinfo(url))
    if req.full_url.startswith("https:") and not url.startswith("https:"):
        why = "it would carry the body of a %s from https to unprotected http at %s"
        return why % place
    if not is_replayable(req):
        return (
            "the body of the %s came from an iterator or pipe and cannot be sent "
            "again: send bytes or a file, or ask %s directly" % place
        )
    return ""


def not_followed(req: urllib.request.Request, fp: Any, why: str) -> StatusError:
    """Return the error for a redirect that must not be followed."""
    place = (fp.code, without_userinfo(req.full_url), why)
    return answer_error(
        StatusError, req, fp, "redirect %d of %s was not followed: %s" % place
    )


def answer_error(
    kind: Type[StatusError], req: urllib.request.Request, fp: Any, message: str
) -> StatusError:
    """Close an answer that leads nowhere and return the error that says so."""
    drain_response(fp)
    return kind(
        message,
        status=fp.code,
        url=without_userinfo(req.full_url),
        headers=list(fp.info().items()),
        response=fp,
    )
