"""Credentials: which are for whom, and the handler that gives each origin its own.

In: requests of urllib, 401 answers.  Out: Authorization headers, which no redirect
takes along.  Spec: RFC 9110 11.  Holds: who asked for what, by origin.
Not here: what is sent (logins.py, digest.py, oauth1.py); proxies (proxies.py).
"""

from __future__ import annotations

import threading
import urllib.parse
import urllib.request
import warnings
from typing import Any, Dict, Hashable, Mapping, Optional, Sequence, Tuple

from ..formats.headers import Challenge, check_header, parse_challenges
from .logins import BasicAuth, FunctionAuth, PasswordAuth
from .oauth1 import OAuth1Auth
from .origins import (
    DEFAULT_PORTS,
    Origin,
    bracketed,
    drain_response,
    header_names,
    is_replayable,
    origin_of,
    split_userinfo,
)

#: Answers to challenges in one call: one, and one more if the nonce was too old.
MAX_AUTH_TRIES = 2
#: Passwords seen in calls, kept to know where they were asked for.
MAX_REMEMBERED_LOGINS = 256


def as_auth(given: Any) -> Any:
    """Return an object with `apply` and `handle_challenge` for what callers write.

    A pair is user name and password, four strings are the keys of OAuth 1.0a, a
    callable gets the request and returns it.  None and False stay.  TypeError for
    anything else.
    """
    if given is None or given is False:
        return given
    if hasattr(given, "apply") and hasattr(given, "handle_challenge"):
        return given
    if isinstance(given, (tuple, list)):
        if len(given) == 2:
            return PasswordAuth(*given)
        if len(given) == 4:
            return OAuth1Auth(*given)
        raise TypeError(
            "auth has %d items: give (user, password), or the four keys of OAuth 1.0a"
            % len(given)
        )
    if callable(given):
        return FunctionAuth(given)
    raise TypeError(
        "auth is a %s: give (user, password), an object such as BearerAuth(token), "
        "or a callable" % type(given).__name__
    )


def find_authentication(
    patterns: Mapping[str, Any], url: str
) -> Tuple[str, Any]:
    """Return (pattern, credentials) for a URL; ("", None) if no pattern fits.

    Patterns are host names with the port unless it is the usual one: "a.b.c" first,
    then "*.b.c", "*.c", "*"; before them a whole origin, "https://a.b.c".  A tuple that
    is neither a pair nor four strings is warned of and passed over.
    """
    try:
        origin = origin_of(url)
    except ValueError:
        return "", None
    netloc = str(origin).partition("://")[2]
    labels = netloc.split(".")
    names = [str(origin), netloc]
    names += ["*." + ".".join(labels[i:]) for i in range(1, len(labels))]
    names.append("*")
    for name in names:
        found = patterns.get(name)
        if found is None:
            continue
        if isinstance(found, (tuple, list)) and len(found) not in (2, 4):
            warnings.warn(
                "authenticate[%r] has %d items, not 2 or 4, and is not used"
                % (name, len(found)),
                stacklevel=3,
            )
            continue
        return name, found
    return "", None


class AuthHandler(urllib.request.AbstractBasicAuthHandler, urllib.request.BaseHandler):
    """Give requests the credentials of their origin, and answer 401.  Thread-safe.

    Credentials come from, in this order: the request's own Authorization header
    (nothing is done then), user name and password in its URL, its `call_auth` attribute
    (False: none at all), `auth` (bound to the origin of the first request),
    `authenticate` (patterns, see `find_authentication`), and `password_mgr`, any
    password manager of urllib, which is asked for this very scheme, host and port.

    At most two requests with one wrong password.  Works alone in build_opener.
    """

    handler_order = 400

    def __init__(
        self,
        password_mgr: Optional[urllib.request.HTTPPasswordMgr] = None,
        *,
        auth: Any = None,
        authenticate: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(password_mgr)
        self.auth = as_auth(auth)
        self.authenticate = dict(authenticate or {})
        self._remembered: Dict[Hashable, Any] = {}
        self._realms: Dict[Origin, str] = {}
        self._lock = threading.Lock()
        #: Whether there may be credentials for who has not asked for any.
        self._is_needed = bool(
            self.auth or self.authenticate or hasattr(self.passwd, "is_authenticated")
        )

    # -- whose credentials --------------------------------------------------------

    def _find_auth(self, request: urllib.request.Request) -> Any:
        """Return the auth object for a request, None if there is none."""
        given = getattr(request, "call_auth", None)
        if given is False:
            return None
        origin = origin_of(request.full_url)
        if given is not None:
            return self._remember(origin, given)
        if self.auth and vars(self).setdefault("_auth_origin", origin) == origin:
            return self.auth
        if self.authenticate:
            pattern, found = find_authentication(self.authenticate, request.full_url)
            if found is not None:
                return self._remember(pattern, found)
        realm = self._realms.get(origin)
        if realm is not None:
            return self._auth_from_manager(realm, request.full_url)
        return None

    def _remember(self, place: Hashable, given: Any) -> Any:
        """Return the auth object for what was given, the same one for the same pair.

        Without it, a pair given with each call would wait for a challenge each time.
        """
        if not isinstance(given, (tuple, list)):
            return as_auth(given)
        key = (place, tuple(given))
        with self._lock:
            auth = self._remembered.get(key)
            if auth is None:
                auth = as_auth(given)
                if len(self._remembered) >= MAX_REMEMBERED_LOGINS:
                    del self._remembered[next(iter(self._remembered))]
                self._remembered[key] = auth
            return auth

    def _auth_from_manager(self, realm: str, url: str) -> Any:
        """Return what the password manager has for exactly this origin, or None."""
        origin = origin_of(url)
        login = self._ask_manager(realm, url, origin)
        return login and self._remember(origin, login)

    def _ask_manager(
        self, realm: Optional[str], url: str, origin: Origin
    ) -> Optional[Tuple[str, str]]:
        """Return the manager's (user, password), asking with the port spelt out.

        urllib's managers drop the scheme of what they store and are asked: a password
        for https://host/ would go to http://host/.  With the port they cannot mix them.
        """
        host, path = bracketed(origin.host), urllib.parse.urlsplit(url).path or "/"
        if any(
            origin.port == port and origin.scheme != scheme
            for scheme, port in DEFAULT_PORTS.items()
        ):
            return None  # http://host:443: the port says https, the scheme not
        # typeshed calls the realm a str, but None is "any realm" for some managers.
        ask: Any = self.passwd.find_user_password
        for scheme, port in [(origin.scheme, origin.port), *DEFAULT_PORTS.items()]:
            found = ask(realm, "%s://%s:%d%s" % (scheme, host, port, path))
            if found[0] is not None:
                return found if port == origin.port and found[1] is not None else None
        if origin.port == DEFAULT_PORTS.get(origin.scheme):
            # Found for neither port but without one: added as a bare host name.
            found = ask(realm, "%s://%s%s" % (origin.scheme, host, path))
            return None if None in found else found
        return None

    # -- the handler's methods ----------------------------------------------------

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add the Authorization header, if it is known to be wanted."""
        fields = vars(request)
        has_userinfo = "@" in request.host
        if not (has_userinfo or self._is_needed or "call_auth" in fields):
            # Nobody has credentials for who has not asked: 0.4 us instead of 2.8.
            return request
        if has_userinfo:
            bare, userinfo = split_userinfo(request.full_url)
            request.full_url = bare
            if userinfo is not None and fields.get("call_auth") is None:
                fields["call_auth"] = userinfo
        if has_own_authorization(request) or fields.get("auth_by", self) is not self:
            return request
        for name in header_names(request.unredirected_hdrs, "authorization"):
            del request.unredirected_hdrs[name]
        auth = self._find_auth(request)
        if auth is None:
            auth = self._prior_auth(request)
        fields["auth_in_use"] = auth
        if auth is not None:
            fields["auth_by"] = self  # another AuthHandler leaves it alone
            auth.apply(request)
            for name in header_names(request.unredirected_hdrs, "authorization"):
                check_header(name, request.unredirected_hdrs[name])
        return request

    def _prior_auth(self, request: urllib.request.Request) -> Any:
        """Return Basic for what an HTTPPasswordMgrWithPriorAuth knows to be wanted."""
        is_authenticated = getattr(self.passwd, "is_authenticated", None)
        if is_authenticated is None or getattr(request, "call_auth", None) is False:
            return None
        origin = origin_of(request.full_url)
        path = urllib.parse.urlsplit(request.full_url).path or "/"
        place = (origin.scheme, bracketed(origin.host), origin.port, path)
        if not is_authenticated("%s://%s:%d%s" % place):
            return None
        login = self._ask_manager(None, request.full_url, origin)
        return login and BasicAuth(*login, preemptive=True)

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Let Digest take in what the answer says of the next nonce."""
        auth = vars(request).get("auth_in_use")
        handle = getattr(auth, "handle_response", None)
        if handle is not None:
            handle(request, response)
        return response

    https_request = http_request  # type: ignore[assignment]
    https_response = http_response  # type: ignore[assignment]

    def http_error_401(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: Any,
    ) -> Any:
        """Answer the challenges and send the request again, or return None."""
        fields = vars(req)
        tries = fields.get("auth_tries", 0)
        if tries >= MAX_AUTH_TRIES or has_own_authorization(req):
            return None
        values = headers.get_all("WWW-Authenticate") or []
        challenges = parse_challenges(", ".join(values))
        auth = fields.get("auth_in_use")
        if auth is None and fields.get("call_auth") is not False:
            auth = self._auth_for_challenges(req, challenges)
        if auth is None or not is_replayable(req):
            return None
        if not auth.handle_challenge(req, challenges):
            return None
        fields["auth_tries"] = tries + 1
        drain_response(fp)
        return self.parent.open(req, timeout=getattr(req, "timeout", None))

    def _auth_for_challenges(
        self, request: urllib.request.Request, challenges: Sequence[Challenge]
    ) -> Any:
        """Return what the password manager has for one of the realms that ask."""
        for challenge in challenges:
            if challenge.scheme not in ("basic", "digest"):
                continue
            realm = challenge.params.get("realm", "")
            auth = self._auth_from_manager(realm, request.full_url)
            if auth is not None:
                self._realms[origin_of(request.full_url)] = realm
                self._is_needed = True
                return auth
        return None


def has_own_authorization(request: urllib.request.Request) -> bool:
    """Return whether the caller gave the Authorization header; asked before ours is."""
    fields = vars(request)
    if "own_authorization" not in fields:
        fields["own_authorization"] = bool(
            header_names(request.headers, "authorization")
            or header_names(request.unredirected_hdrs, "authorization")
        )
    own: bool = fields["own_authorization"]
    return own
