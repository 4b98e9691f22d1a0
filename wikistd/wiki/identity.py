"""Who a session is: by OAuth, by cookies kept in a file, by name.

Spec: https://www.mediawiki.org/wiki/API:Assert.  Holds: nothing.  Not here: logging
in (wiki/account.py), cookies themselves (web/cookies.py).
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..errors import APIError
from ..web.cookies import CookieStore
from ..web.logins import BearerAuth
from ..web.oauth1 import OAuth1Auth

#: What the wiki says when the session that a request relies on is gone.
LOST_SESSION_CODES = ("assertuserfailed", "assertnameduserfailed", "assertbotfailed")


def is_lost_session(error: BaseException) -> bool:
    """Return whether the wiki says that nobody is logged in."""
    return isinstance(error, APIError) and any(
        item.get("code") in LOST_SESSION_CODES for item in error.errors
    )


def has_oauth(session: Any, auth: Any = None) -> bool:
    """Return whether calls are signed with OAuth, which is a login as well.

    `auth` is that of one call.
    """
    client, given = session.session, session._session_params
    for each in (auth, session.auth, given.get("auth"), getattr(client, "auth", None)):
        if isinstance(each, (BearerAuth, OAuth1Auth)):
            return True
        if type(each).__name__ == "OAuth1":  # of requests-oauthlib
            return True
    headers = dict(getattr(client, "headers", None) or {})
    headers.update(given.get("headers") or {}, **session.headers)
    for name, value in headers.items():
        if name.lower() == "authorization":
            return value.partition(" ")[0].lower() in ("bearer", "oauth")
    return False


def kept_cookies(client: Any) -> Optional[CookieStore]:
    """Return the client's cookies where a file is kept of them, else None."""
    store = getattr(client, "cookies", None)
    if isinstance(store, CookieStore) and store.filename is not None:
        return store
    return None


def restored_login(name: str, username: str, method: str) -> Optional[Dict[str, Any]]:
    """Return a login's reply when the wiki's `name` is the user's, else None."""
    wanted = username.partition("@")[0] if method == "bot-password" else username
    wanted = wanted.replace("_", " ")
    if name != wanted[:1].upper() + wanted[1:]:
        return None
    if method == "bot-password":
        return {"result": "Success", "lgusername": name, "restored": True}
    return {"status": "PASS", "username": name, "restored": True}
