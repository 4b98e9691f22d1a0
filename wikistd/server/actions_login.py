"""Logging in and out: bot passwords in two steps, accounts step by step, new accounts.

In: names and passwords.  Out: sessions and their cookies.
Holds: nothing.
Spec: MediaWiki 1.39's ApiLogin, ApiClientLogin, ApiAMCreateAccount.
Not here: how passwords and rights are kept (accounts.py).
"""

from __future__ import annotations

import base64
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .actions import ApiMessage, refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_formats import format_message

WRONG_PASSWORD = "Incorrect username or password entered.\nPlease try again."
THROTTLED = (
    "You have made too many recent login attempts.\nPlease wait %s before trying again."
)
PASSWORD_PROVIDER = "Password-based authentication"
#: What each field that logging in asks for is: type, label, help, optional, secret.
AUTH_FIELDS = {
    "username": ("string", "Username", "Username for authentication.", False, False),
    "password": ("password", "Password", "Password for authentication.", False, True),
    "retype": (
        "password",
        "Retype password:",
        "Password again to confirm.",
        False,
        True,
    ),
    "realname": ("string", "Real name", "Real name of the user", True, False),
    "rememberMe": (
        "checkbox",
        "Keep me logged in",
        "Whether the password should be remembered for longer than the length of the "
        "session.",
        True,
        False,
    ),
    "OATHToken": (
        "string",
        "Two-factor token or recovery code",
        "The one-time password used as the second factor of two-factor authentication.",
        False,
        False,
    ),
}

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
    """Return a time to wait in words, in the largest unit that fits: "1 minute"."""
    units = ((3600, "hour"), (60, "minute"), (1, "second"))
    size, name = next(unit for unit in units if seconds % unit[0] == 0)
    count = seconds // size
    return "%d %s%s" % (count, name, "" if count == 1 else "s")


def _count_try(call: ActionCall, name: str, count: int = 1) -> str:
    """Count a try to log in; return the refusal where there were too many, or ""."""
    hits, seconds = call.store.site.login_throttle
    who = "%s|%s" % (name, call.request.remote_address)
    tries = [call.store.is_throttled("login", who, hits, seconds) for _ in range(count)]
    return THROTTLED % format_wait(seconds) if tries[0] else ""


def _forget_tries(call: ActionCall, name: str) -> None:
    who = "%s|%s" % (name, call.request.remote_address)
    call.store.throttles.pop(("login", who), None)


def run_login(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=login."""
    call.require_posted(["lgpassword", "lgtoken"])
    accounts = call.store.accounts
    if call.requester.app:
        text = "Cannot log in when using MediaWiki\\Session\\BotPasswordSessionProvider"
        code = "api-login-fail-badsessionprovider"
        return _login_result(call, "Aborted", code, text + " sessions.")
    if args["lgtoken"] is None:
        call.ensure_session()
        call.reader.deprecate(
            call.module,
            'Fetching a token via "action=login" is deprecated. Use '
            '"action=query&meta=tokens&type=login" instead.',
            "action=login&!lgtoken",
        )
        token = accounts.token(call.requester, "login", call.now)
        return {"result": "NeedToken", "token": token}
    if not call.requester.session:
        call.ensure_session()
        return _login_result(
            call,
            "Failed",
            "session-failure",
            "Unable to continue login. Your session most likely timed out.",
        )
    if not accounts.is_token(call.requester, "login", args["lgtoken"]):
        return {"result": "WrongToken"}
    return _try_login(call, args["lgname"] or "", args["lgpassword"] or "")


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
        return _login_result(
            call,
            "Failed",
            "authmanager-authn-no-primary",
            "The supplied credentials could not be authenticated.",
        )
    refusal = _count_try(call, name, 2 if bot else 1)
    if refusal:
        return _login_result(call, "Failed", "login-throttled", refusal)
    app = ""
    if bot is not None:
        user, app, secret = bot
        account = accounts.find(user) or 0
        address = call.request.remote_address
        is_right = accounts.check_bot_password(account, app, secret, address)
        status = "PASS" if is_right else "FAIL"
        step = LoginStep(status, "wrongpassword", WRONG_PASSWORD, account)
    else:
        step = check_account(call, name, password)
    if step.status == "FAIL":
        return _login_result(call, "Failed", step.code, step.message)
    if step.status == "UI":
        return _login_result(
            call,
            "Aborted",
            "api-login-fail-aborted",
            "Authentication requires user interaction, which is not supported by "
            '"action=login". To be able to login with "action=login", see '
            "[[Special:BotPasswords]]. To continue using main-account login, see "
            '"[[Special:ApiHelp/clientlogin|action=clientlogin]]".',
        )
    _forget_tries(call, name)
    if not app:
        call.reader.deprecate(
            call.module,
            'Main-account login via "action=login" is deprecated and may stop working '
            'without warning. To continue login with "action=login", see '
            "[[Special:BotPasswords]]. To safely continue using main-account login, "
            'see "action=clientlogin".',
            "main-account-login",
        )
    call.enter(step.account, app, is_remembered=not app)
    return {
        "result": "Success",
        "lguserid": step.account,
        "lgusername": call.requester.name,
    }


def check_account(call: ActionCall, name: str, password: str) -> LoginStep:
    """Check an account's own password; PASS, FAIL, or UI where a second step is due."""
    account = call.store.accounts.find(name) or 0
    if not call.store.accounts.check_password(account, password):
        return LoginStep("FAIL", "wrongpassword", WRONG_PASSWORD)
    second = _second_step(call, account)
    if not second:
        return LoginStep("PASS", account=account)
    if second == "reset":
        code = "resetpass-expired"
        text = "Your password has expired. Please set a new password to log in."
    else:
        code = "oathauth-auth-ui"
        text = (
            "Please enter a code from your two-factor authentication application "
            "(such as Google Authenticator)."
        )
    return _ask_further(call, account, code, text)


def _second_step(call: ActionCall, account: int) -> str:
    sql = "SELECT second_step FROM account WHERE id = ?"
    return str(call.store.db.value(sql, (account,)))


def auth_request(
    kind: str, required: str, provider: str, account: str, fields: Sequence[str]
) -> Dict[str, Any]:
    """Return the description of fields that logging in asks for together."""
    keys = ("type", "label", "help", "optional", "sensitive")
    return {
        "id": "MediaWiki\\" + kind,
        "metadata": {},
        "required": required,
        "provider": provider,
        "account": account,
        "fields": {name: dict(zip(keys, AUTH_FIELDS[name])) for name in fields},
    }


def _ask_further(call: ActionCall, account: int, code: str, text: str) -> LoginStep:
    """Return the step that asks for a new password, or for a code of this moment."""
    name = call.store.accounts.name(account)
    if _second_step(call, account) == "reset":
        kind = "Auth\\PasswordAuthenticationRequest"
        fields = ("password", "retype")
        request = auth_request(kind, "required", PASSWORD_PROVIDER, name, fields)
        request["fields"]["password"]["label"] = "New password:"
        request["fields"]["retype"]["label"] = "Retype new password:"
    else:
        kind = "Extension\\OATHAuth\\Auth\\TOTPAuthenticationRequest"
        provider = "Two-factor authentication (OATH)."
        request = auth_request(kind, "required", provider, name, ["OATHToken"])
    return LoginStep("UI", code, text, account, (request,))


def make_totp(secret: str, now: float) -> str:
    """Return the six digits that `secret` (base 32) has now.  RFC 6238."""
    import hmac  # 1 ms of import, for those with a second factor

    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // 30), "sha1").digest()
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return "%06d" % ((number & 0x7FFFFFFF) % 1000000)


def check_stepwise(call: ActionCall, args: Dict[str, Any], prefix: str) -> None:
    kind = "login" if prefix == "login" else "createaccount"
    call.check_token(kind, prefix + "token", args[prefix + "token"])
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


def read_login_fields(call: ActionCall, names: str) -> Dict[str, str]:
    """Return the fields of those names as they were sent; "" for the others."""
    call.reader.used.update(dict.fromkeys(names.split()))
    return {name: call.values.get(name, "") for name in names.split()}


def show_login_step(call: ActionCall, step: LoginStep) -> Dict[str, Any]:
    """Return what is said of a step."""
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


def run_clientlogin(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=clientlogin: one step of it."""
    check_stepwise(call, args, "login")
    accounts, session = call.store.accounts, call.requester.session
    names = "username password rememberMe retype OATHToken domain"
    fields = read_login_fields(call, names)
    go_on = _continue_login if args["logincontinue"] else _begin_login
    step = go_on(call, fields)
    if step.status == "PASS":
        data = accounts.session_data(session)
        is_remembered = "rememberMe" in call.values or "remember" in data
        call.enter(step.account, "", is_remembered=is_remembered)
    return show_login_step(call, step)


def _begin_login(call: ActionCall, fields: Dict[str, str]) -> LoginStep:
    name = fields["username"]
    refusal = _count_try(call, name)
    if refusal:
        return LoginStep("FAIL", "login-throttled", refusal)
    step = check_account(call, name, fields["password"])
    if step.status != "FAIL":
        _forget_tries(call, name)
    call.store.accounts.keep_session_data(
        call.requester.session,
        waiting=step.account if step.status == "UI" else None,
        remember="rememberMe" in call.values or None,
    )
    return step


def _continue_login(call: ActionCall, fields: Dict[str, str]) -> LoginStep:
    accounts = call.store.accounts
    session = call.requester.session
    account = accounts.session_data(session).get("waiting")
    if not account:
        return LoginStep(
            "FAIL",
            "authmanager-authn-not-in-progress",
            "Authentication is not in progress or session data has been lost. Please "
            "start again from the beginning.",
        )
    second = _second_step(call, account)
    if second == "reset":
        if fields["password"] != fields["retype"]:
            return _ask_further(
                call, account, "badretype", "The passwords you entered do not match."
            )
        accounts.set_password(account, fields["password"])
        call.store.db.update("account", account, second_step="")
    else:
        given = fields["OATHToken"].replace(" ", "")
        now = call.store.clock_now()
        if given not in [make_totp(second, now + shift) for shift in (-30, 0, 30)]:
            return _ask_further(
                call, account, "oathauth-login-failed", "Verification failed."
            )
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
