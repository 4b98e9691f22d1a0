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
    PASSWORD_PROVIDER,
    STEPWISE_PARAMS,
    LoginStep,
    auth_request,
    check_stepwise,
    read_login_fields,
    show_login_step,
)
from .actions_query import ModuleRun

#: Passwords nobody may take: the first of the list that MediaWiki brings along.
COMMON_PASSWORDS = frozenset(
    "123456 12345678 123456789 1234567890 password qwerty abc123 111111 letmein "
    "iloveyou admin welcome monkey dragon football baseball master shadow".split()
)


#: What logging in and new accounts ask for: kind, whether it must be, fields.
AUTH_REQUESTS: Dict[str, Tuple[Tuple[str, str, Tuple[str, ...]], ...]] = {
    "login": (
        ("Password", "primary-required", ("username", "password")),
        ("RememberMe", "optional", ("rememberMe",)),
    ),
    "create": (
        ("Password", "primary-required", ("username", "password", "retype")),
        ("Username", "required", ("username",)),
        ("UserData", "required", ("realname",)),
    ),
}


def run_createaccount(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=createaccount."""
    check_stepwise(call, args, "create")
    names = "username password retype email realname reason mailpassword"
    fields = read_login_fields(call, names)
    problem = _account_problem(call, fields)
    if problem is not None:
        step = LoginStep("FAIL", problem.code, problem.text)
    else:
        account = call.store.create_user(fields["username"], fields["password"])
        step = LoginStep("PASS", account=account)
    return show_login_step(call, step)


def _account_problem(call: ActionCall, fields: Dict[str, str]) -> Optional[ApiMessage]:
    if canonical_user_name(fields["username"]) is None:
        return ApiMessage("noname", "You have not specified a valid username.")
    if call.store.accounts.find(fields["username"]) is not None:
        return ApiMessage(
            "userexists",
            "Username entered already in use.\nPlease choose a different name.",
        )
    if fields["password"] != fields["retype"]:
        return ApiMessage("badretype", "The passwords you entered do not match.")
    return password_problem(fields["password"])


def password_problem(password: str) -> Optional[ApiMessage]:
    """Return what is wrong with a new password, or None."""
    if password.lower() in COMMON_PASSWORDS:
        return ApiMessage(
            "passwordincommonlist",
            "The password entered is in a list of very commonly used passwords. Please "
            "choose a more unique password.",
        )
    if len(password) < 8:
        return ApiMessage(
            "passwordtooshort", "Passwords must be at least 8 characters."
        )
    return None


def run_validatepassword(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=validatepassword."""
    call.require_posted(["password"])
    problem = password_problem(args["password"])
    if problem is None:
        return {"validity": "Good"}
    code = problem.code
    told = {"message": code, "params": [], "code": code, "type": "error"}
    return {"validity": "Change", "validitymessages": [told]}


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
    if wanted is not None:
        has_words = run.args["messageformat"] != "none"
        requests = [
            _show_request(*each, has_words) for each in AUTH_REQUESTS.get(wanted, ())
        ]
        if run.args["mergerequestfields"] and requests:
            said["fields"] = {
                name: field
                for request in requests
                for name, field in request.pop("fields").items()
            }
        said["requests"] = requests
    run.query.result["authmanagerinfo"] = said


def _show_request(
    name: str, required: str, fields: Tuple[str, ...], has_words: bool
) -> Dict[str, Any]:
    kind = "Auth\\%sAuthenticationRequest" % name
    has_password = name == "Password"
    own = "MediaWiki\\" + kind
    request = auth_request(
        kind,
        required,
        PASSWORD_PROVIDER if has_password else own,
        "" if has_password else own,
        fields,
    )
    if not has_words:
        del request["provider"], request["account"]
        for field in request["fields"].values():
            del field["label"], field["help"]
    return request


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
