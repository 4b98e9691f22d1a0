"""Who a session is: by OAuth, by cookies kept in a file, by name.

Spec: https://www.mediawiki.org/wiki/API:Assert.  Holds: nothing.  Not here: logging
in (wiki/account.py), cookies themselves (web/cookies.py).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional

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


def has_oauth(auths: Iterable[Any], headers: Mapping[str, str]) -> bool:
    """Return whether calls are signed with OAuth, which is a login as well."""
    for auth in auths:
        if isinstance(auth, (BearerAuth, OAuth1Auth)):
            return True
        if type(auth).__name__ == "OAuth1":  # of requests-oauthlib
            return True
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
