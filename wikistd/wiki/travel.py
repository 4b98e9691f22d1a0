"""What of a session goes along to another process by pickle.

No sockets, passwords or tokens; cookies if asked.  Holds: nothing.  Not here: the
session (wiki/session.py).
"""

from __future__ import annotations

import copy
from typing import Any, Dict, Mapping

from ..web.proxies import ProxySettings
from ..web.redirects import CROSS_ORIGIN_HEADERS
from ..web.request import header_pairs
from .account import has_oauth
from .address import make_client
from .params import SECRET_PARAMETERS
from .state import SessionState

#: What of the state goes along.
TRAVELLING_STATE = ("host", "api_path", "user", "api_is_known", "batch_limit")


def travelling_fields(session: Any) -> Dict[str, Any]:
    """Return what is pickled of a Session."""
    fields = dict(vars(session))
    for name in ("session", "_state", "auth", "etiquette"):
        fields.pop(name, None)
    given = session._session_params
    client_headers = dict(header_pairs(given.get("headers")))
    if has_oauth(session):
        # The copy is nobody: it must not write as an anonymous user.
        fields["defaults"] = dict(session.defaults, **{"assert": "user"})
    fields["defaults"] = {
        name: value
        for name, value in fields["defaults"].items()
        if name not in SECRET_PARAMETERS
    }
    fields["headers"] = harmless_headers(session.headers)
    fields["_session_params"] = {
        name: value
        for name, value in dict(
            given,
            headers=harmless_headers(client_headers),
            proxies=proxies_without_passwords(given.get("proxies")),
        ).items()
        if name in given and name not in ("auth", "cookies")
    }
    for name in TRAVELLING_STATE:
        fields[name] = getattr(session._state, name)
    fields["cookies"] = list(session.session.cookies) if session.pickle_cookies else []
    return fields


def settle_down(session: Any, fields: Dict[str, Any]) -> None:
    """Make a Session of what `travelling_fields` returned, with a client of its own."""
    state = SessionState(fields.pop("host"), fields.pop("api_path"))
    # Still asserted: without a new login nothing is written anonymously.
    state.user = fields.pop("user")
    state.api_is_known = fields.pop("api_is_known")
    state.batch_limit = fields.pop("batch_limit")
    cookies = fields.pop("cookies")
    vars(session).update(fields, _state=state, auth=None, etiquette=None)
    session._owns_client = session._is_copy = True
    session.session = make_client(
        session.headers.get("User-Agent"), session.timeout, session._session_params
    )
    for cookie in cookies:
        session.session.cookies.set_cookie(cookie)


def harmless_headers(headers: Mapping[str, str]) -> Dict[str, str]:
    """Return those that are no secret: what is secret has no list."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in CROSS_ORIGIN_HEADERS
    }


def proxies_without_passwords(proxies: Any) -> Any:
    """Return a `proxies` argument without user names and passwords."""
    if isinstance(proxies, ProxySettings):
        settings = copy.copy(proxies)
        settings.urls = proxies_without_passwords(proxies.urls)
        return settings
    if isinstance(proxies, Mapping):
        return {
            name: proxies_without_passwords(url) for name, url in proxies.items()
        }
    if isinstance(proxies, str):
        start, mark, rest = proxies.rpartition("://")
        return start + mark + rest.rpartition("@")[2]
    return proxies
