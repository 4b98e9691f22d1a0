"""run_action: the API's main module and the table of the others.

In: the store and an ApiRequest.  Out: an ApiReply, whatever the request was.
Holds: nothing.
Spec: MediaWiki 1.39's ApiMain.  Not here: the modules (the other actions_*.py).
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, NamedTuple, Tuple

from .actions import ActionFailure, ApiMessage, ApiReply, ApiRequest, refuse
from .actions_account import (
    CREATE_ACCOUNT_FACTS,
    VALIDATE_PASSWORD_FACTS,
    run_createaccount,
    run_validatepassword,
)
from .actions_call import ActionCall, ModuleFacts, cors_headers
from .actions_custody import (
    DELETE_FACTS,
    PATROL_FACTS,
    PROTECT_FACTS,
    REVISION_DELETE_FACTS,
    ROLLBACK_FACTS,
    UNDELETE_FACTS,
    run_delete,
    run_patrol,
    run_protect,
    run_revisiondelete,
    run_rollback,
    run_undelete,
)
from .actions_edit import EDIT_FACTS, run_edit
from .actions_formats import API_FORMATS
from .actions_help import HELP_FACTS, PARAM_INFO_FACTS, run_help, run_paraminfo
from .actions_lists import LIST_MODULES
from .actions_login import (
    CLIENT_LOGIN_FACTS,
    LOGIN_FACTS,
    LOGOUT_FACTS,
    run_clientlogin,
    run_login,
    run_logout,
)
from .actions_meta import META_MODULES
from .actions_moving import (
    IMPORT_FACTS,
    MERGE_HISTORY_FACTS,
    MOVE_FACTS,
    run_import,
    run_mergehistory,
    run_move,
)
from .actions_params import (
    ParamSpec,
    missing_param,
    param_choice,
    param_flag,
    param_number,
    param_text,
    unknown_value,
)
from .actions_parse import (
    COMPARE_FACTS,
    OPENSEARCH_FACTS,
    PARSE_FACTS,
    PURGE_FACTS,
    run_compare,
    run_opensearch,
    run_parse,
    run_purge,
)
from .actions_people import (
    BLOCK_FACTS,
    EMAIL_FACTS,
    MANAGE_TAGS_FACTS,
    OPTIONS_FACTS,
    PAGE_LANGUAGE_FACTS,
    TAG_FACTS,
    UNBLOCK_FACTS,
    USER_RIGHTS_FACTS,
    WATCH_FACTS,
    run_block,
    run_emailuser,
    run_managetags,
    run_options,
    run_setpagelanguage,
    run_tag,
    run_unblock,
    run_userrights,
    run_watch,
)
from .actions_props import PROP_MODULES
from .actions_query import Query, QueryModule
from .actions_upload import UPLOAD_FACTS, run_upload
from .store import PageStore

MAIN_PARAMS: Dict[str, ParamSpec] = {
    "action": param_text("help"),
    "maxlag": param_number(),
    "smaxage": param_number(0, 0),
    "maxage": param_number(0, 0),
    "assert": param_choice("anon user bot"),
    "assertuser": param_text(),
    "requestid": param_text(),
    "servedby": param_flag(),
    "curtimestamp": param_flag(),
    "responselanginfo": param_flag(),
    "origin": param_text(),
    "uselang": param_text("user"),
    "variant": param_text(),
    "errorformat": param_choice("plaintext wikitext html raw none bc", "bc"),
    "errorlang": param_text("uselang"),
    "errorsuselocal": param_flag(),
    "centralauthtoken": param_text(),
}
FORMAT_PARAMS: Dict[str, ParamSpec] = {
    "callback": param_text(),
    "utf8": param_flag(),
    "ascii": param_flag(),
    "formatversion": param_choice("1 2 latest", "1"),
    "wrappedhtml": param_flag(),
}


class ActionModule(NamedTuple):
    """One action: its name, what the main module must know, and what runs it."""

    facts: ModuleFacts
    run: Callable[[ActionCall, Dict[str, Any]], None]


#: The modules of action=query by kind and name.
QUERY_MODULES: Dict[str, QueryModule] = {
    "%s/%s" % (module.kind, module.name): module
    for module in [*PROP_MODULES, *LIST_MODULES, *META_MODULES]
}


def run_query(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=query."""
    Query(call, call.query_table).run()


ACTION_MODULES: Dict[str, ActionModule] = {
    "block": ActionModule(BLOCK_FACTS, run_block),
    "clientlogin": ActionModule(CLIENT_LOGIN_FACTS, run_clientlogin),
    "compare": ActionModule(COMPARE_FACTS, run_compare),
    "createaccount": ActionModule(CREATE_ACCOUNT_FACTS, run_createaccount),
    "delete": ActionModule(DELETE_FACTS, run_delete),
    "edit": ActionModule(EDIT_FACTS, run_edit),
    "emailuser": ActionModule(EMAIL_FACTS, run_emailuser),
    "help": ActionModule(HELP_FACTS, run_help),
    "import": ActionModule(IMPORT_FACTS, run_import),
    "login": ActionModule(LOGIN_FACTS, run_login),
    "logout": ActionModule(LOGOUT_FACTS, run_logout),
    "managetags": ActionModule(MANAGE_TAGS_FACTS, run_managetags),
    "mergehistory": ActionModule(MERGE_HISTORY_FACTS, run_mergehistory),
    "move": ActionModule(MOVE_FACTS, run_move),
    "opensearch": ActionModule(OPENSEARCH_FACTS, run_opensearch),
    "options": ActionModule(OPTIONS_FACTS, run_options),
    "paraminfo": ActionModule(PARAM_INFO_FACTS, run_paraminfo),
    "parse": ActionModule(PARSE_FACTS, run_parse),
    "patrol": ActionModule(PATROL_FACTS, run_patrol),
    "protect": ActionModule(PROTECT_FACTS, run_protect),
    "purge": ActionModule(PURGE_FACTS, run_purge),
    "query": ActionModule(ModuleFacts({}), run_query),
    "revisiondelete": ActionModule(REVISION_DELETE_FACTS, run_revisiondelete),
    "rollback": ActionModule(ROLLBACK_FACTS, run_rollback),
    "setpagelanguage": ActionModule(PAGE_LANGUAGE_FACTS, run_setpagelanguage),
    "tag": ActionModule(TAG_FACTS, run_tag),
    "unblock": ActionModule(UNBLOCK_FACTS, run_unblock),
    "undelete": ActionModule(UNDELETE_FACTS, run_undelete),
    "upload": ActionModule(UPLOAD_FACTS, run_upload),
    "userrights": ActionModule(USER_RIGHTS_FACTS, run_userrights),
    "validatepassword": ActionModule(VALIDATE_PASSWORD_FACTS, run_validatepassword),
    "watch": ActionModule(WATCH_FACTS, run_watch),
}


def run_action(store: PageStore, request: ApiRequest) -> ApiReply:
    """Answer one API request.  Errors of the client and of the wiki are replies too."""
    if request.method == "OPTIONS":
        return _reply_preflight(request)
    call = ActionCall(store, request)
    call.query_table = QUERY_MODULES
    call.action_table = {
        "main": {**MAIN_PARAMS, **FORMAT_PARAMS},
        "actions": {name: module.facts for name, module in ACTION_MODULES.items()},
    }
    try:
        _read_format(call)
        _run_main(call)
        return call.reply()
    except ActionFailure as failure:
        return call.reply_refused(failure)
    except Exception as error:  # a bug: MediaWiki answers so as well, and goes on
        return _reply_broken(call, error)


def _reply_preflight(request: ApiRequest) -> ApiReply:
    """Answer a browser that asks whether a page of another origin may call."""
    headers = [
        ("Content-Type", "text/html; charset=UTF-8"),
        ("X-Content-Type-Options", "nosniff"),
        *cors_headers(dict(request.query).get("origin"), request, is_preflight=True),
    ]
    return ApiReply(200, headers, b"")


def _reply_broken(call: ActionCall, error: Exception) -> ApiReply:
    import logging  # 3 ms of import that a wiki without bugs need not pay

    logger = logging.getLogger(__name__.partition(".")[0] + ".server")
    logger.error("%s in action=%s", type(error).__name__, call.module, exc_info=True)
    code = "internal_api_error_" + type(error).__name__
    text = "[%s] Caught exception of type %s"
    message = ApiMessage(
        code,
        text % (os.urandom(12).hex(), type(error).__name__),
        {"errorclass": type(error).__name__},
    )
    return call.reply_refused(ActionFailure(message, module=""))


def _read_format(call: ActionCall) -> None:
    reader = call.reader
    form = call.values.get("format", "jsonfm")
    if form not in API_FORMATS:
        call.format = "jsonfm"
        raise unknown_value("format", form)
    reader.used["format"] = None
    call.format = form
    version = call.values.get("formatversion", "1")
    if version not in ("1", "2", "latest"):
        failure = unknown_value("formatversion", version)
        name = form[:-2] if form.endswith("fm") else form
        reader.warn(name, failure.messages[0])
        retry = "Error printer failed. Will retry without params."
        reader.warn("main", ApiMessage("printerfailed", retry))
        raise failure
    call.version = 1 if version == "1" else 2
    form_error = call.values.get("errorformat", "bc")
    if form_error in ("plaintext", "wikitext", "html", "raw", "none", "bc"):
        call.error_format = form_error
    if form.startswith("json"):
        reader.read("main", "", FORMAT_PARAMS)


def _run_main(call: ActionCall) -> None:
    reader, request = call.reader, call.request
    if request.method not in ("GET", "POST", "HEAD"):
        raise ActionFailure(
            ApiMessage(
                "invalidmethod",
                "Invalid HTTP method. Consider using GET or POST.",
            ),
            status=405,
        )
    args = reader.read("main", "", MAIN_PARAMS)
    _warn_of_form(call)
    for name, value in (
        ("requestid", args["requestid"]),
        ("curtimestamp", call.time_text(call.now) if args["curtimestamp"] else None),
    ):
        if value is not None:
            call.result[name] = value
    if args["responselanginfo"]:
        language = call.store.site.language
        call.result["uselang"] = (
            language if args["uselang"] == "user" else args["uselang"]
        )
        call.result["errorlang"] = language
    _check_asserts(call, args)
    name = args["action"]
    module = ACTION_MODULES.get(name)
    if module is None:
        raise unknown_value("action", name)
    call.module = name
    facts = module.facts
    module_args = reader.read(name, "", facts.params)
    if facts.token:
        _check_module_token(call, facts.token)
    if facts.is_write and call.store.site.read_only:
        raise ActionFailure(read_only_message(call), module="main")
    _check_lag(call, args["maxlag"])
    if facts.must_post and request.method != "POST":
        text = 'The "%s" module requires a POST request.' % name
        raise refuse("mustbeposted", text)
    module.run(call, module_args)
    _warn_unused(call)


def read_only_message(call: ActionCall) -> ApiMessage:
    """Return what a wiki says that does not take edits now."""
    return ApiMessage(
        "readonly",
        "The wiki is currently in read-only mode.",
        {"readonlyreason": call.store.site.read_only},
    )


def _warn_of_form(call: ActionCall) -> None:
    for name, _ in call.request.query:
        base, bracket, _ = name.partition("[")
        if bracket and name.endswith("]"):
            call.reader.used[name] = None
            text = 'Parameter "%s" uses unsupported PHP array syntax.' % base
            call.reader.warn("main", ApiMessage("unsupportedarray", text))
    if call.request.method == "POST" and not call.request.headers.get("content-type"):
        call.reader.deprecate(
            "main",
            'A POST request was made without a "Content-Type" header. This does not '
            "work reliably.",
            "post-without-content-type",
        )


def _check_asserts(call: ActionCall, args: Dict[str, Any]) -> None:
    logged_in = bool(call.requester.account)
    gone = "so the action could not be completed."
    if args["assert"] == "anon" and logged_in:
        raise refuse("assertanonfailed", "You are no longer logged out, " + gone)
    if args["assert"] == "user" and not logged_in:
        raise refuse("assertuserfailed", "You are no longer logged in, " + gone)
    if args["assert"] == "bot" and not call.may("bot"):
        raise refuse("assertbotfailed", 'You do not have the "bot" right, ' + gone)
    name = args["assertuser"]
    if name is not None and (not logged_in or name != call.requester.name):
        text = 'You are no longer logged in as "%s", %s' % (name, gone)
        raise refuse("assertnameduserfailed", text)


def _check_module_token(call: ActionCall, kind: str) -> None:
    token = call.reader.read_one(call.module, "token", param_text(is_secret=True))
    if token is None:
        raise missing_param("token")
    call.require_posted(["token"])
    call.check_token(kind, token)


def _check_lag(call: ActionCall, limit: Any) -> None:
    if limit is None:
        return
    site = call.store.site
    lag = -1 if site.lag_seconds is None else site.lag_seconds
    if lag <= limit:
        return
    shown = int(lag) if lag == int(lag) else lag
    unit = "second" if shown in (1, -1) else "seconds"
    headers: Tuple[Tuple[str, str], ...] = (
        ("Retry-After", str(max(limit, 5))),
        ("X-Database-Lag", str(int(lag))),
    )
    data = {"host": site.lag_host, "lag": shown, "type": "db"}
    text = "Waiting for a database server: %s %s lagged." % (shown, unit)
    message = ApiMessage("maxlag", text, data)
    raise ActionFailure(message, module="main", headers=headers)


def _warn_unused(call: ActionCall) -> None:
    unused = [name for name in call.values if name not in call.reader.used]
    if not unused:
        return
    names = list(call.values)
    plural = "s" if len(unused) > 1 else ""
    call.reader.warn(
        "main",
        ApiMessage(
            "unrecognizedparams",
            "Unrecognized parameter%s: %s." % (plural, ", ".join(unused)),
            params=[
                {
                    "list": {str(names.index(name)): name for name in unused},
                    "type": "comma",
                },
                len(unused),
            ],
        ),
    )
