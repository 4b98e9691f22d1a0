"""Passwords and tokens: who is meant by one line of a caller.

In: names, passwords, tokens.  Out: objects that put an Authorization header onto a
request and take in challenges.  Spec: RFC 7617, RFC 6750.  Holds: who asked for Basic.
Not here: digest.py, oauth1.py; which object is for whom (credentials.py).
"""

from __future__ import annotations

import urllib.request
from base64 import b64encode
from typing import Any, Callable, Optional, Sequence, Set

from ..formats.headers import Challenge, encode_utf8
from .digest import DigestAuth, RequestAuth
from .origins import Origin, has_controls, header_names, origin_of

#: Origins that one BasicAuth remembers; a farm of hosts cannot fill memory.
MAX_BASIC_ORIGINS = 1000


def basic_credentials(username: str, password: str) -> str:
    """Return the Basic credentials of RFC 7617, as UTF-8."""
    if ":" in username:
        raise ValueError("a user name with a colon does not fit Basic (RFC 7617)")
    text = "%s:%s" % (username, password)
    if has_controls(text):
        raise ValueError("user name or password holds a control character (RFC 7617)")
    raw = encode_utf8(text, "user name or password")
    return "Basic " + b64encode(raw).decode("ascii")


class BasicAuth(RequestAuth):
    """User name and password for HTTP Basic, in UTF-8.  Thread-safe.

    Sent once the server asked for it, and from then on without waiting; from the first
    request on if `preemptive`.  Source: RFC 7617.
    """

    def __init__(
        self, username: str, password: str, *, preemptive: bool = False
    ) -> None:
        self.username = username
        self.credentials = basic_credentials(username, password)
        self.preemptive = preemptive
        self._wanted_by: Set[Origin] = set()

    def apply(self, request: urllib.request.Request) -> None:
        """Give the request its Authorization header if it is known to be wanted."""
        if self.preemptive or origin_of(request.full_url) in self._wanted_by:
            request.add_unredirected_header("Authorization", self.credentials)

    def handle_challenge(
        self, request: urllib.request.Request, challenges: Sequence[Challenge]
    ) -> bool:
        """Return whether the server asks for Basic and has not refused it yet."""
        origin = origin_of(request.full_url)
        if header_names(request.unredirected_hdrs, "authorization"):
            self._wanted_by.discard(origin)
            return False
        if not any(challenge.scheme == "basic" for challenge in challenges):
            return False
        if len(self._wanted_by) >= MAX_BASIC_ORIGINS:
            self._wanted_by.clear()
        self._wanted_by.add(origin)
        return True


class PasswordAuth(RequestAuth):
    """User name and password for whatever the server asks for, Digest before Basic.

    What a pair `(user, password)` means.  Thread-safe.
    """

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password
        self.digest = DigestAuth(username, password)
        self.basic: Optional[BasicAuth] = None

    def apply(self, request: urllib.request.Request) -> None:
        """Give the request its Authorization header if its place is known already."""
        self.digest.apply(request)
        if self.basic is not None and not header_names(
            request.unredirected_hdrs, "authorization"
        ):
            self.basic.apply(request)

    def handle_challenge(
        self, request: urllib.request.Request, challenges: Sequence[Challenge]
    ) -> bool:
        """Return whether to try again; never answers Basic where Digest is offered."""
        if any(challenge.scheme == "digest" for challenge in challenges):
            if self.digest.handle_challenge(request, challenges):
                return True
            if getattr(request, "auth_tries", 0):
                return False
        if self.basic is None:
            self.basic = BasicAuth(self.username, self.password)
        return self.basic.handle_challenge(request, challenges)

    def handle_response(self, request: urllib.request.Request, response: Any) -> None:
        """Take in the next nonce of Digest."""
        self.digest.handle_response(request, response)


class BearerAuth(RequestAuth):
    """A bearer token, sent with every request to its origin.  Immutable.

    Source: RFC 6750 2.1; MediaWiki's owner-only OAuth 2 consumers are used so.
    """

    def __init__(self, token: str) -> None:
        if not token or any(not 32 < ord(char) < 127 for char in token):
            raise ValueError("a bearer token is printable ASCII without spaces")
        self.credentials = "Bearer " + token

    def apply(self, request: urllib.request.Request) -> None:
        """Give the request its Authorization header."""
        request.add_unredirected_header("Authorization", self.credentials)


class FunctionAuth(RequestAuth):
    """A callable that gets the request and returns it with credentials.  Immutable.

    An Authorization or Cookie header that it adds stays with this request alone.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def apply(self, request: urllib.request.Request) -> None:
        """Call the function; TypeError if it does not return the request."""
        if self.function(request) is not request:
            raise TypeError("an auth callable must return the request it was given")
        for lower in ("authorization", "cookie"):
            for name in header_names(request.headers, lower):
                request.add_unredirected_header(name, request.headers.pop(name))


class NetrcAuth(RequestAuth):
    """Passwords from a netrc file, each for its host only.  Thread-safe.

    Nothing reads netrc unless this is given, as in `authenticate={"*": NetrcAuth()}`.
    The `default` entry is not used: it would send one password to every host.
    """

    def __init__(self, filename: Optional[str] = None) -> None:
        import netrc

        try:
            hosts = netrc.netrc(filename).hosts
        except netrc.NetrcParseError as error:
            # Its message holds the word it stumbled over: perhaps a password.
            raise ValueError(
                "%s, line %s: not as netrc files are written"
                % (error.filename, error.lineno)
            ) from None
        self.logins = {
            host.lower(): PasswordAuth(entry[0] or "", entry[2] or "")
            for host, entry in hosts.items()
            if host != "default"
        }

    def __repr__(self) -> str:
        return "<NetrcAuth for %d hosts>" % len(self.logins)

    def _login(self, request: urllib.request.Request) -> Optional[PasswordAuth]:
        return self.logins.get(origin_of(request.full_url).host)

    def apply(self, request: urllib.request.Request) -> None:
        """Give the request the credentials of its host, if there are any."""
        login = self._login(request)
        if login is not None:
            login.apply(request)

    def handle_challenge(
        self, request: urllib.request.Request, challenges: Sequence[Challenge]
    ) -> bool:
        """Return whether there is an entry for the host that asks."""
        login = self._login(request)
        return login is not None and login.handle_challenge(request, challenges)
