"""Logging in and out: bot passwords in two steps, accounts step by step, new accounts.

In: names and passwords.  Out: sessions and their cookies.
Holds: nothing.
Spec: MediaWiki 1.39's ApiLogin, ApiClientLogin, ApiAMCreateAccount.
Not here: how passwords and rights are kept (accounts.py).
"""

from __future__ import annotations

import base64
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .accounts import canonical_user_name
from .actions import ApiMessage, refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_formats import format_message
from .actions_params import missing_param

WRONG_PASSWORD = "Incorrect username or password entered.\nPlease try again."
THROTTLED = (
    "You have made too many recent login attempts.\nPlease wait %s before trying again."
)
_password_request = "MediaWiki\\Auth\\PasswordAuthenticationRequest"
_totp_request = "MediaWiki\\Extension\\OATHAuth\\Auth\\TOTPAuthenticationRequest"


#: What clientlogin and createaccount take, behind their prefixes.
STEPWISE_PARAMS = """
{0}requests: texts
{0}messageformat: one of html wikitext raw none = wikitext
{0}mergerequestfields, {0}preservestate: flag
{0}returnurl: text
{0}continue: flag
{0}token: secret text
"""


class LoginStep(NamedTuple):
    """What one step of logging in came to: a status of MediaWiki's AuthManager."""

    status: str
    code: str = ""
    message: str = ""
    account: int = 0
    requests: Tuple[Dict[str, Any], ...] = ()


def format_wait(seconds: int) -> str:
    """Return a time to wait in words: "1 minute"."""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return "%d %s%s" % (count, name, "" if count == 1 else "s")
    return "%d second%s" % (seconds, "" if seconds == 1 else "s")


def _count_try(call: ActionCall, name: str, count: int = 1) -> str:
    """Count a try to log in; return the refusal where there were too many, or ""."""
    hits, seconds = call.store.site.login_throttle
    who = "%s|%s" % (name, call.request.remote_address)
    if call.store.is_throttled("login", who, hits, seconds):
        return THROTTLED % format_wait(seconds)
    for _ in range(count - 1):
        call.store.is_throttled("login", who, hits, seconds)
    return ""


def _forget_tries(call: ActionCall, name: str) -> None:
    who = "%s|%s" % (name, call.request.remote_address)
    call.store.throttles.pop(("login", who), None)


def run_login(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=login."""
    call.require_posted(["lgpassword", "lgtoken"])
    result: Dict[str, Any] = {}
    if call.requester.app:
        text = "Cannot log in when using MediaWiki\\Session\\BotPasswordSessionProvider"
        code = "api-login-fail-badsessionprovider"
        result = _login_result(call, "Aborted", code, text + " sessions.")
    elif args["lgtoken"] is None:
        call.ensure_session()
        call.reader.deprecate(
            call.module,
            'Fetching a token via "action=login" is deprecated. Use '
            '"action=query&meta=tokens&type=login" instead.',
            "action=login&!lgtoken",
        )
        token = call.store.accounts.token(call.requester, "login", call.now)
        result = {"result": "NeedToken", "token": token}
    elif not call.requester.session:
        call.ensure_session()
        text = "Unable to continue login. Your session most likely timed out."
        result = _login_result(call, "Failed", "session-failure", text)
    elif not call.store.accounts.is_token(call.requester, "login", args["lgtoken"]):
        result = {"result": "WrongToken"}
    else:
        result = _try_login(call, args["lgname"] or "", args["lgpassword"] or "")
    call.result["login"] = result


def _login_result(
    call: ActionCall, status: str, code: str, message: str
) -> Dict[str, Any]:
    text = message.replace("\n", " ")
    if call.error_format == "bc":
        return {"result": status, "reason": text}
    reason = format_message(
        ApiMessage(code, text, key=code), "", call.error_format, call.version
    )
    return {"result": status, "reason": reason}


def _split_bot_name(name: str, password: str) -> Optional[Tuple[str, str, str]]:
    user, at, app = name.rpartition("@")
    if at:
        return user, app, password
    app, at, rest = password.rpartition("@")
    if at and len(rest) == 32:
        return name, app, rest
    return None


def _try_login(call: ActionCall, name: str, password: str) -> Dict[str, Any]:
    accounts = call.store.accounts
    bot = _split_bot_name(name, password)
    if not name:
        text = "The supplied credentials could not be authenticated."
        return _login_result(call, "Failed", "authmanager-authn-no-primary", text)
    refusal = _count_try(call, name, 2 if bot else 1)
    if refusal:
        return _login_result(call, "Failed", "login-throttled", refusal)
    if bot is not None:
        user, app, secret = bot
        account = accounts.find(canonical_user_name(user) or "")
        address = call.request.remote_address
        found = account and accounts.check_bot_password(account, app, secret, address)
        if not found or not account:
            return _login_result(call, "Failed", "wrongpassword", WRONG_PASSWORD)
        _forget_tries(call, name)
        call.enter(account, app)
        return _login_success(call)
    step = check_account(call, name, password)
    if step.status == "FAIL":
        return _login_result(call, "Failed", step.code, step.message)
    if step.status == "UI":
        text = (
            "Authentication requires user interaction, which is not supported by "
            '"action=login". To be able to login with "action=login", see '
            "[[Special:BotPasswords]]. To continue using main-account login, see "
            '"[[Special:ApiHelp/clientlogin|action=clientlogin]]".'
        )
        return _login_result(call, "Aborted", "api-login-fail-aborted", text)
    _forget_tries(call, name)
    call.reader.deprecate(
        call.module,
        'Main-account login via "action=login" is deprecated and may stop working '
        'without warning. To continue login with "action=login", see '
        "[[Special:BotPasswords]]. To safely continue using main-account login, see "
        '"action=clientlogin".',
        "main-account-login",
    )
    call.enter(step.account, "", is_remembered=True)
    return _login_success(call)


def _login_success(call: ActionCall) -> Dict[str, Any]:
    requester = call.requester
    return {
        "result": "Success",
        "lguserid": requester.account,
        "lgusername": requester.name,
    }


def check_account(call: ActionCall, name: str, password: str) -> LoginStep:
    """Check an account's own password; PASS, FAIL, or UI where a second step is due."""
    accounts = call.store.accounts
    account = accounts.find(canonical_user_name(name) or "")
    if not account or not accounts.check_password(account, password):
        return LoginStep("FAIL", "wrongpassword", WRONG_PASSWORD)
    second = _second_step(call, account)
    if second == "reset":
        text = "Your password has expired. Please set a new password to log in."
        return _ask_for_reset(call, account, "resetpass-expired", text)
    if second:
        text = (
            "Please enter a code from your two-factor authentication application "
            "(such as Google Authenticator)."
        )
        return _ask_for_code(call, account, "oathauth-auth-ui", text)
    return LoginStep("PASS", account=account)


def _second_step(call: ActionCall, account: int) -> str:
    sql = "SELECT second_step FROM account WHERE id = ?"
    return str(call.store.db.value(sql, (account,)))


def login_field(
    kind: str, label: str, text: str, optional: bool = False, secret: bool = False
) -> Dict[str, Any]:
    """Return the description of one field that logging in asks for."""
    return {
        "type": kind,
        "label": label,
        "help": text,
        "optional": optional,
        "sensitive": secret,
    }


def _ask_further(
    call: ActionCall,
    step: LoginStep,
    kind: str,
    provider: str,
    fields: Dict[str, Any],
) -> LoginStep:
    request = {
        "id": kind,
        "metadata": {},
        "required": "required",
        "provider": provider,
        "account": call.store.accounts.name(step.account),
        "fields": fields,
    }
    return step._replace(requests=(request,))


def _ask_for_reset(call: ActionCall, account: int, code: str, text: str) -> LoginStep:
    new = ("password", "New password:", "Password for authentication.")
    again = ("password", "Retype new password:", "Password again to confirm.")
    fields = {
        "password": login_field(*new, secret=True),
        "retype": login_field(*again, secret=True),
    }
    step = LoginStep("UI", code, text, account)
    provider = "Password-based authentication"
    return _ask_further(call, step, _password_request, provider, fields)


def _ask_for_code(call: ActionCall, account: int, code: str, text: str) -> LoginStep:
    field = login_field(
        "string",
        "Two-factor token or recovery code",
        "The one-time password used as the second factor of two-factor authentication.",
    )
    step = LoginStep("UI", code, text, account)
    provider = "Two-factor authentication (OATH)."
    return _ask_further(call, step, _totp_request, provider, {"OATHToken": field})


def make_totp(secret: str, now: float) -> str:
    """Return the six digits that `secret` (base 32) has now.  RFC 6238."""
    import hmac  # 1 ms of import, for those with a second factor

    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // 30), "sha1").digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return "%06d" % (number % 1000000)


def check_stepwise(call: ActionCall, args: Dict[str, Any], prefix: str) -> None:
    if args[prefix + "token"] is None:
        raise missing_param(prefix + "token")
    call.require_posted([prefix + "token"])
    kind = "login" if prefix == "login" else "createaccount"
    call.check_token(kind, args[prefix + "token"])
    call.require_posted(["password", "retype", "OATHToken"])
    url = args[prefix + "returnurl"]
    if url is None and not args[prefix + "continue"]:
        raise refuse(
            "missingparam",
            'At least one of the parameters "%scontinue" and "%sreturnurl" is required.'
            % (prefix, prefix),
        )
    if url is not None and "://" not in url:
        raise refuse(
            "badurl_%sreturnurl" % prefix,
            'Invalid value "%s" for URL parameter "%sreturnurl".' % (url, prefix),
        )


def read_login_field(call: ActionCall, name: str) -> str:
    call.reader.used[name] = None
    return call.values.get(name, "")


def show_login_step(
    call: ActionCall, step: LoginStep, args: Dict[str, Any]
) -> Dict[str, Any]:
    if step.status == "PASS":
        return {"status": "PASS", "username": call.store.accounts.name(step.account)}
    shown: Dict[str, Any] = {"status": step.status}
    if step.requests:
        shown["requests"] = list(step.requests)
    shown["message"] = step.message
    shown["messagecode"] = step.code
    if step.status == "FAIL":
        shown["canpreservestate"] = False
    return shown


def run_clientlogin(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=clientlogin: one step of it."""
    check_stepwise(call, args, "login")
    is_remembered = "rememberMe" in call.values
    for name in ("username", "password", "rememberMe", "retype", "OATHToken", "domain"):
        read_login_field(call, name)
    if args["logincontinue"]:
        step = _continue_login(call)
    else:
        step = _begin_login(call, is_remembered)
    if step.status == "PASS":
        data = call.store.accounts.session_data(call.requester.session)
        is_remembered = is_remembered or bool(data.get("remember"))
        call.enter(step.account, "", is_remembered=is_remembered)
    call.result["clientlogin"] = show_login_step(call, step, args)


def _begin_login(call: ActionCall, is_remembered: bool) -> LoginStep:
    name = read_login_field(call, "username")
    refusal = _count_try(call, name)
    if refusal:
        return LoginStep("FAIL", "login-throttled", refusal)
    step = check_account(call, name, read_login_field(call, "password"))
    if step.status != "FAIL":
        _forget_tries(call, name)
    waiting = None
    if step.status == "UI":
        waiting = {"account": step.account, "code": step.code}
    call.store.accounts.keep_session_data(
        call.requester.session, waiting=waiting, remember=is_remembered or None
    )
    return step


def _continue_login(call: ActionCall) -> LoginStep:
    accounts = call.store.accounts
    session = call.requester.session
    waiting = accounts.session_data(session).get("waiting")
    if not waiting:
        text = (
            "Authentication is not in progress or session data has been lost. Please "
            "start again from the beginning."
        )
        return LoginStep("FAIL", "authmanager-authn-not-in-progress", text)
    account = waiting["account"]
    if waiting["code"] == "resetpass-expired":
        password = read_login_field(call, "password")
        if password != read_login_field(call, "retype"):
            text = "The passwords you entered do not match."
            return _ask_for_reset(call, account, "badretype", text)
        accounts.set_password(account, password)
        call.store.db.update("account", account, second_step="")
    else:
        secret = _second_step(call, account)
        given = read_login_field(call, "OATHToken").replace(" ", "")
        now = call.store.clock_now()
        if given not in [make_totp(secret, now + shift) for shift in (-30, 0, 30)]:
            text = "Verification failed."
            return _ask_for_code(call, account, "oathauth-login-failed", text)
    accounts.keep_session_data(session, waiting=None)
    return LoginStep("PASS", account=account)


def run_logout(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=logout."""
    if call.requester.account:
        call.leave()


ENTRY_ACTIONS: List[ActionModule] = [
    write_action(
        "clientlogin",
        run_clientlogin,
        STEPWISE_PARAMS.format("login"),
        token="",
    ),
    write_action(
        "login",
        run_login,
        """
        lgname: text
        lgpassword: secret text
        lgdomain: text
        lgtoken: secret text
        """,
        token="",
    ),
    write_action("logout", run_logout),
]
