"""The steps of a login: parameters to send, and what the wiki's answer means.

Spec: https://www.mediawiki.org/wiki/API:Login (bot passwords by action=login,
everything else by action=clientlogin).  Pure.  Not here: sending them
(Session.login in wiki/session.py).
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..errors import ClientInteractionRequest, LoginError, ProtocolError
from .params import check_texts
from .reply import plain_text, reply_part, reply_text

LOGIN_METHODS = ("bot-password", "clientlogin")

#: An address is demanded though nothing ever redirects; mwapi sends the same.
LOGIN_RETURN_URL = "http://example.org/"


def choose_login_method(username: str, password: str, method: Optional[str]) -> str:
    """Return "bot-password" or "clientlogin"; an @ in the name is a bot password's.

    A user's own name cannot hold an @.
    """
    if method is not None and method not in LOGIN_METHODS:
        raise ValueError(
            "method must be one of %s, not %r" % (", ".join(LOGIN_METHODS), method)
        )
    check_texts(username=username, password=password)
    if not username:
        raise ValueError("username is empty")
    return method or ("bot-password" if "@" in username else "clientlogin")


def login_params(
    method: str, username: str, password: str, token: str
) -> Dict[str, Any]:
    """Return the parameters of a login's first step."""
    if method == "bot-password":
        return {
            "action": "login",
            "lgname": username,
            "lgpassword": password,
            "lgtoken": token,
        }
    return {
        "action": "clientlogin",
        "username": username,
        "password": password,
        "loginreturnurl": LOGIN_RETURN_URL,
        "logintoken": token,
    }


def _login_advice(code: str, text: str, method: str) -> str:
    """Return what to do about a refusal, from its code and its words."""
    low = text.lower()
    if "timed out" in low or code in ("sessionfailure", "WrongToken", "NeedToken"):
        return (
            "the session cookie or token was lost between the two steps: let one "
            "Session keep its cookies, and log in again"
        )
    if "throttled" in code or "too many" in low:
        return "wait as long as it says before the next attempt"
    if "user interaction" in low:
        return (
            "this account needs a further step (a second factor or a new password): "
            "log in by method='clientlogin', or make a bot password at "
            "Special:BotPasswords"
        )
    if "BotPasswordSessionProvider" in text:
        return "this session is logged in with a bot password already: log out first"
    if code == "wrongpassword" or "incorrect username or password" in low:
        if method == "bot-password":
            return (
                "check name and password at Special:BotPasswords: the name is "
                "Account@botname, the password the one it showed once"
            )
        return (
            "check name and password; a bot password's name is Account@botname"
        )
    if "restricted" in low or "ip address" in low:
        return "this bot password may not be used from this address"
    return ""


def _refusal(status: str, code: str, text: str, method: str) -> LoginError:
    text = plain_text(" ".join(text.split()))
    advice = _login_advice(code or status, text, method)
    if advice:
        text = "%s (%s)" % (text, advice) if text else advice
    return LoginError(plain_text(status), text or "the wiki gave no reason")


def read_login_reply(
    document: Mapping[str, Any], method: str, token: str
) -> Dict[str, Any]:
    """Return the wiki's account of a login that succeeded; raise what else it means.

    ClientInteractionRequest when a further step is needed, LoginError when refused.
    """
    key = "login" if method == "bot-password" else "clientlogin"
    found = reply_part(document, key)
    if not found:
        raise ProtocolError(
            "the reply to action=%s has no %r in it" % (key, key), spec="API:Login"
        )
    if method == "bot-password":
        result = str(found.get("result", ""))
        if result == "Success":
            return found
        reason, code = found.get("reason", found.get("message", "")), ""
        if isinstance(reason, dict):
            reason, code = reply_text(reason), str(reason.get("code", ""))
        raise _refusal(result, code, str(reason), method)
    status = str(found.get("status", ""))
    if status == "PASS":
        return found
    message = plain_text(str(found.get("message", "")))
    if status == "UI":
        requests = found.get("requests")
        raise ClientInteractionRequest(
            token, message, requests if isinstance(requests, list) else ()
        )
    if status == "REDIRECT":
        message = "%s the login goes on in a browser at %s" % (
            message,
            found.get("redirecttarget", "another site"),
        )
    if status == "RESTART":
        message += " start the login again, or link the account in a browser first"
    raise _refusal(status, str(found.get("messagecode", "")), message, method)


def login_name(document: Mapping[str, Any]) -> str:
    """Return the user's name from what `read_login_reply` returned."""
    return str(document.get("lgusername") or document.get("username") or "")
