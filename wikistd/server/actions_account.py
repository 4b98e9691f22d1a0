"""New accounts and their passwords, and what logging in asks for.

In: names and passwords.  Out: accounts; the fields of AuthManager's requests.
Holds: nothing.
Spec: MediaWiki 1.39's ApiAMCreateAccount, ApiValidatePassword, ApiQueryAuthManagerInfo.
Not here: logging in (actions_login.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .accounts import canonical_user_name
from .actions import ApiMessage
from .actions_call import ActionCall, ActionModule, write_action
from .actions_login import (
    STEPWISE_PARAMS,
    LoginStep,
    check_stepwise,
    login_field,
    read_login_field,
    show_login_step,
)
from .actions_query import ModuleRun

#: Passwords nobody may take: the first of the list that MediaWiki brings along.
COMMON_PASSWORDS = frozenset(
    "123456 12345678 123456789 1234567890 password qwerty abc123 111111 letmein "
    "iloveyou admin welcome monkey dragon football baseball master shadow".split()
)


def run_createaccount(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=createaccount."""
    check_stepwise(call, args, "create")
    name = read_login_field(call, "username")
    password = read_login_field(call, "password")
    retype = read_login_field(call, "retype")
    for other in ("email", "realname", "reason", "mailpassword"):
        read_login_field(call, other)
    step = _check_new_account(call, name, password, retype)
    if step.status == "PASS":
        step = step._replace(account=call.store.create_user(name, password))
    call.result["createaccount"] = show_login_step(call, step, args)


def _check_new_account(
    call: ActionCall, name: str, password: str, retype: str
) -> LoginStep:
    canonical = canonical_user_name(name)
    if canonical is None:
        text = "You have not specified a valid username."
        return LoginStep("FAIL", "noname", text)
    if call.store.accounts.find(canonical) is not None:
        text = "Username entered already in use.\nPlease choose a different name."
        return LoginStep("FAIL", "userexists", text)
    if password != retype:
        return LoginStep("FAIL", "badretype", "The passwords you entered do not match.")
    problem = password_problem(password)
    if problem is not None:
        return LoginStep("FAIL", problem.code, problem.text)
    return LoginStep("PASS")


def password_problem(password: str) -> Optional[ApiMessage]:
    """Return what is wrong with a new password, or None."""
    if password.lower() in COMMON_PASSWORDS:
        text = (
            "The password entered is in a list of very commonly used passwords. Please "
            "choose a more unique password."
        )
        return ApiMessage("passwordincommonlist", text)
    if len(password) < 8:
        return ApiMessage(
            "passwordtooshort", "Passwords must be at least 8 characters."
        )
    return None


def run_validatepassword(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=validatepassword."""
    call.require_posted(["password"])
    problem = password_problem(args["password"])
    shown: Dict[str, Any] = {"validity": "Good" if problem is None else "Change"}
    if problem is not None:
        shown["validitymessages"] = [
            {
                "message": problem.code,
                "params": [],
                "code": problem.code,
                "type": "error",
            }
        ]
    call.result["validatepassword"] = shown


def query_authmanagerinfo(run: ModuleRun) -> None:
    """Answer meta=authmanagerinfo."""
    said: Dict[str, Any] = {
        "canauthenticatenow": True,
        "cancreateaccounts": True,
        "canlinkaccounts": False,
        "haspreservedstate": False,
        "hasprimarypreservedstate": False,
        "preservedusername": "",
    }
    wanted = run.args["requestsfor"]
    if wanted in AUTH_REQUESTS:
        requests = [_auth_request(*each) for each in AUTH_REQUESTS[wanted]]
        if run.args["messageformat"] == "none":
            requests = [_without_words(request) for request in requests]
        if run.args["mergerequestfields"]:
            said["fields"] = {
                name: field
                for request in requests
                for name, field in request.pop("fields").items()
            }
        said["requests"] = requests
    elif wanted is not None:
        said["requests"] = []
    run.query.result["authmanagerinfo"] = said


def _without_words(request: Dict[str, Any]) -> Dict[str, Any]:
    fields = {
        name: {key: each for key, each in field.items() if key not in ("label", "help")}
        for name, field in request["fields"].items()
    }
    kept = {
        key: each for key, each in request.items() if key not in ("provider", "account")
    }
    return {**kept, "fields": fields}


_auth_password = "PasswordAuthenticationRequest"
_auth_by_password = "Password-based authentication"
#: What logging in and new accounts ask for: kind, whether it must be, provider, fields.
AUTH_REQUESTS = {
    "login": (
        (
            _auth_password,
            "primary-required",
            _auth_by_password,
            ("username", "password"),
        ),
        ("RememberMeAuthenticationRequest", "optional", "", ("rememberMe",)),
    ),
    "create": (
        (
            _auth_password,
            "primary-required",
            _auth_by_password,
            ("username", "password", "retype"),
        ),
        ("UsernameAuthenticationRequest", "required", "", ("username",)),
        ("UserDataAuthenticationRequest", "required", "", ("realname",)),
    ),
}
#: Type, label and help of each field, and whether it is optional or secret.
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
}


def _auth_request(
    name: str, required: str, provider: str, fields: Tuple[str, ...]
) -> Dict[str, Any]:
    full = "MediaWiki\\Auth\\" + name
    return {
        "id": full,
        "metadata": {},
        "required": required,
        "provider": provider or full,
        "account": "" if provider else full,
        "fields": {each: login_field(*AUTH_FIELDS[each]) for each in fields},
    }


ACCOUNT_ACTIONS: List[ActionModule] = [
    write_action(
        "createaccount",
        run_createaccount,
        STEPWISE_PARAMS.format("create"),
        token="",
    ),
    ActionModule(
        "validatepassword",
        run_validatepassword,
        """
        password: required secret text
        user, email, realname: text
        """,
        must_post=True,
    ),
]
