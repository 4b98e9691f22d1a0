"""Logging a session in and out, the tokens that come with it, and who it is by OAuth.

Spec: https://www.mediawiki.org/wiki/API:Login, API:Tokens, API:Assert.  Holds:
nothing; what comes of it is in wiki/state.py.  Not here: what a login's reply means
(wiki/login.py), when a call needs a token or a login (wiki/calls.py).

`session` is the Session, or a view of one, that does it.  Who changes the login holds
the lock of its state.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ..clock import Deadline
from ..errors import (
    APIError,
    ClientInteractionRequest,
    LoginError,
    TransportError,
    WikistdError,
)
from ..web.cookies import CookieStore
from ..web.logins import BearerAuth
from ..web.oauth1 import OAuth1Auth
from .exchange import scrub_values, secret_values, wiki_logger
from .login import login_name, login_params, read_login_reply
from .reply import ReplyReading
from .state import CallBudget

#: A token that a login was refused for; it is asked for anew, once.
STALE_TOKEN = ("NeedToken", "WrongToken")

#: What the wiki says when the session that a request relies on is gone.
LOST_SESSION_CODES = ("assertuserfailed", "assertnameduserfailed", "assertbotfailed")


def begin_login(
    session: Any,
    credentials: Tuple[str, str, str],
    login_token: Optional[str],
    budget: CallBudget,
) -> Dict[str, Any]:
    """Log in, by the cookies that a file has kept if they still do."""
    state = session._state
    if state.user is not None:
        # MediaWiki aborts a second login on a live bot-password session.
        try:
            session.logout()
        except APIError as error:
            if not is_lost_session(error):
                raise
            state.forget()  # There was nobody any more to log out.
    username, _, method = credentials
    found = login_of_cookies(session, username, method, budget)
    if found is None:
        return send_login(session, credentials, login_token, budget)
    note_login(session, login_name(found), credentials, budget)
    return found


def send_login(
    session: Any,
    credentials: Tuple[str, str, str],
    login_token: Optional[str],
    budget: CallBudget,
) -> Dict[str, Any]:
    """Log in by the password."""
    username, password, method = credentials
    is_last = login_token is not None  # Another one would not be the caller's.
    while True:
        session._state.tokens.clear()
        token = login_token or fetch_token(session, "login", budget)
        params = login_params(method, username, password, token)
        try:
            document = session._call("POST", params, budget)
            found = read_scrubbed_login(document, method, token, params)
            break
        except (LoginError, TransportError) as error:
            # A login whose answer was lost did nothing to this side: once more.
            is_lost = isinstance(error, TransportError) and error.retryable
            is_stale = isinstance(error, LoginError) and error.status in STALE_TOKEN
            if is_last or not (is_stale or is_lost):
                raise
            is_last = True
    note_login(session, login_name(found) or username, credentials, budget)
    return found


def read_scrubbed_login(
    document: Any, method: str, token: str, sent: Mapping[str, Any]
) -> Dict[str, Any]:
    """Return what a login's reply says; its refusals without the secrets of `sent`."""
    try:
        return read_login_reply(document, method, token)
    except WikistdError as error:
        scrub_values(error, secret_values(sent))
        if isinstance(error, ClientInteractionRequest):
            error.login_token = token  # It is for the next step.
        raise


def login_again(session: Any, login_count: int, budget: CallBudget) -> bool:
    """Renew a login that the wiki lost; True when there is one again.

    `login_count` is that of the state when the call was sent that showed it.
    """
    state = session._state
    with state.lock:
        if state.login_count != login_count:
            return state.user is not None  # Another thread did it meanwhile.
        if state.credentials is None:
            return False
        logger = wiki_logger()
        if logger is not None:
            logger.warning("the session of %s was lost: logging in", state.user)
        send_login(session, state.credentials, None, budget)
        return True


def note_login(
    session: Any,
    name: str,
    credentials: Optional[Tuple[str, str, str]],
    budget: CallBudget,
) -> None:
    """Take over a login: its name, what renews it, its cookies into their file."""
    state = session._state
    state.user = name
    state.credentials = credentials
    state.batch_limit = None
    state.tokens.clear()
    state.login_count += 1
    keep_cookies(session, budget)


def login_of_cookies(
    session: Any, username: str, method: str, budget: CallBudget
) -> Optional[Dict[str, Any]]:
    """Return a login that the file of cookies still holds, or None.

    A cookie that the wiki no longer knows, or of another user, is of no use.
    """
    store = kept_cookies(session.session)
    if store is None:
        return None
    store.load(user=username)
    if not len(store):
        return None
    name = ask_who(session, budget)
    found = None if name is None else restored_login(name, username, method)
    if found is None:
        store.clear()
    return found


def ask_who(session: Any, budget: CallBudget) -> Optional[str]:
    """Return the name of the user that the wiki takes the session for, or None."""
    params = {"action": "query", "meta": "userinfo"}
    try:
        document = session._call("GET", params, budget, asserting=False)
    except APIError as error:
        if error.code == "readapidenied":
            return None  # A private wiki tells nobody so much.
        raise
    with ReplyReading():
        info = document["query"]["userinfo"]
        name = str(info["name"])
        is_user = info.get("anon", False) is False and info.get("id")
        return name if is_user else None


def keep_cookies(session: Any, budget: CallBudget) -> None:
    """Write the cookies where they are kept in a file, as far as there is time."""
    store = kept_cookies(session.session)
    if store is None:
        return
    deadline = budget.deadline
    if isinstance(session.timeout, Deadline):
        deadline = deadline.shorter(session.timeout.remaining())
    store.save(max_wait_seconds=deadline.remaining())


def fetch_token(session: Any, kind: str, budget: CallBudget) -> str:
    """Return the cached token of `kind`, or ask for one under the lock."""
    state = session._state
    token: Optional[str] = state.tokens.get(kind)
    if token is not None:
        return token
    with state.lock:
        token = state.tokens.get(kind)
        if token is not None:
            return token
        params = {"action": "query", "meta": "tokens", "type": kind}
        if session.etiquette is not None and kind != "login":
            params.update(meta="tokens|userinfo", uiprop="ratelimits")
        document = session._call("GET", params, budget, asserting=kind != "login")
        try:
            token = document["query"]["tokens"][kind + "token"]
        except (KeyError, TypeError):
            token = None
        if not isinstance(token, str):
            raise APIError(
                "notoken",
                "the wiki gave no token of type %r: is the type right, and may "
                "this user have it?" % kind,
            )
        if kind != "login":  # Each login wants its own.
            state.tokens[kind] = token
        return token


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
