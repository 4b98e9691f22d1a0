"""run_action: the API's main module and the table of the others.

In: the store and an ApiRequest.  Out: an ApiReply, whatever the request was.
Holds: nothing.
Spec: MediaWiki 1.39's ApiMain.  Not here: the modules (the other actions_*.py).
"""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from .actions import ActionFailure, ApiMessage, ApiReply, ApiRequest, refuse
from .actions_account import ACCOUNT_ACTIONS
from .actions_call import ActionCall, ActionModule, cors_headers
from .actions_custody import CUSTODY_ACTIONS
from .actions_edit import EDIT_ACTIONS
from .actions_formats import API_FORMATS
from .actions_help import HELP_ACTIONS
from .actions_lists import LIST_MODULES
from .actions_login import ENTRY_ACTIONS
from .actions_meta import META_MODULES
from .actions_moving import MOVING_ACTIONS
from .actions_params import unknown_value
from .actions_parse import PARSE_ACTIONS
from .actions_people import PEOPLE_ACTIONS
from .actions_props import PROP_MODULES
from .actions_query import Query, QueryModule
from .actions_specs import read_spec, read_table
from .actions_upload import UPLOAD_ACTIONS
from .exchange import log_server
from .records import format_time
from .store import PageStore

MAIN_PARAMS = """
action: text = help
maxlag: number
smaxage, maxage: number from 0 = 0
assert: one of anon user bot
assertuser, requestid: text
servedby, curtimestamp, responselanginfo: flag
origin: text
uselang: text = user
variant: text
errorformat: one of plaintext wikitext html raw none bc = bc
errorlang: text = uselang
errorsuselocal: flag
centralauthtoken: text
"""
FORMAT_PARAMS = """
callback: text
utf8, ascii: flag
formatversion: one of 1 2 latest = 1
wrappedhtml: flag
"""

#: The modules of action=query by kind and name.
QUERY_MODULES: Dict[str, QueryModule] = {
    module.path: module for module in [*PROP_MODULES, *LIST_MODULES, *META_MODULES]
}


def run_query(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=query."""
    Query(call, call.query_table).run()


ACTION_MODULES: Dict[str, ActionModule] = {
    module.name: module
    for module in [
        ActionModule("query", run_query),
        *ACCOUNT_ACTIONS,
        *CUSTODY_ACTIONS,
        *EDIT_ACTIONS,
        *HELP_ACTIONS,
        *ENTRY_ACTIONS,
        *MOVING_ACTIONS,
        *PARSE_ACTIONS,
        *PEOPLE_ACTIONS,
        *UPLOAD_ACTIONS,
    ]
}


def run_action(store: PageStore, request: ApiRequest) -> ApiReply:
    """Answer one API request.  Errors of the client and of the wiki are replies too."""
    if request.method == "OPTIONS":
        return _reply_preflight(request)
    call = ActionCall(store, request)
    call.query_table = QUERY_MODULES
    call.action_table = ACTION_MODULES
    call.main_params = MAIN_PARAMS + FORMAT_PARAMS
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
    kind = type(error).__name__
    log_server("error", "%s in action=%s", kind, call.module, exc_info=True)
    text = "[%s] Caught exception of type %s" % (os.urandom(12).hex(), kind)
    message = ApiMessage("internal_api_error_" + kind, text, {"errorclass": kind})
    return call.reply_refused(ActionFailure(message, module=""))


def _read_format(call: ActionCall) -> None:
    reader = call.reader
    form = call.values.get("format", "jsonfm")
    if form not in API_FORMATS:
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
    error_format = call.values.get("errorformat", "bc")
    if error_format in read_table(MAIN_PARAMS)["errorformat"].choices:
        call.error_format = error_format
    if form.startswith("json"):
        reader.read("main", "", FORMAT_PARAMS)


def _run_main(call: ActionCall) -> None:
    reader, request, site = call.reader, call.request, call.store.site
    if request.method not in ("GET", "POST", "HEAD"):
        text = "Invalid HTTP method. Consider using GET or POST."
        raise ActionFailure(ApiMessage("invalidmethod", text), status=405)
    args = reader.read("main", "", MAIN_PARAMS)
    _warn_of_form(call)
    if args["requestid"] is not None:
        call.result["requestid"] = args["requestid"]
    if args["curtimestamp"]:
        call.result["curtimestamp"] = format_time(call.now)
    if args["responselanginfo"]:
        wanted = args["uselang"]
        call.result["uselang"] = site.language if wanted == "user" else wanted
        call.result["errorlang"] = site.language
    _check_asserts(call, args)
    name = args["action"]
    module = ACTION_MODULES.get(name)
    if module is None:
        raise unknown_value("action", name)
    call.module = name
    module_args = reader.read(name, "", module.params)
    if module.token:
        token = reader.read_one(name, "token", read_spec("secret text"))
        call.check_token(module.token, "token", token)
    if module.is_write and site.read_only:
        text = "The wiki is currently in read-only mode."
        data = {"readonlyreason": site.read_only}
        raise ActionFailure(ApiMessage("readonly", text, data), module="main")
    _check_lag(call, args["maxlag"])
    if module.must_post and request.method != "POST":
        raise refuse("mustbeposted", 'The "%s" module requires a POST request.' % name)
    result = module.run(call, module_args)
    if result is not None:
        call.result[name] = result
    _warn_unused(call)


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
    gone = "%s, so the action could not be completed."
    asserts = {
        "anon": (not logged_in, "You are no longer logged out"),
        "user": (logged_in, "You are no longer logged in"),
        "bot": (call.may("bot"), 'You do not have the "bot" right'),
    }
    wanted, name = args["assert"], args["assertuser"]
    if wanted is not None and not asserts[wanted][0]:
        raise refuse("assert%sfailed" % wanted, gone % asserts[wanted][1])
    if name is not None and (not logged_in or name != call.requester.name):
        text = 'You are no longer logged in as "%s"' % name
        raise refuse("assertnameduserfailed", gone % text)


def _check_lag(call: ActionCall, limit: Optional[int]) -> None:
    site = call.store.site
    lag = -1 if site.lag_seconds is None else site.lag_seconds
    if limit is None or lag <= limit:
        return
    shown = int(lag) if lag == int(lag) else lag
    unit = "second" if shown in (1, -1) else "seconds"
    text = "Waiting for a database server: %s %s lagged." % (shown, unit)
    data = {"host": site.lag_host, "lag": shown, "type": "db"}
    raise ActionFailure(
        ApiMessage("maxlag", text, data),
        module="main",
        headers=[
            ("Retry-After", str(max(limit, 5))),
            ("X-Database-Lag", str(int(lag))),
        ],
    )


def _warn_unused(call: ActionCall) -> None:
    names = list(call.values)
    unused = [name for name in names if name not in call.reader.used]
    if unused:
        plural = "s" if len(unused) > 1 else ""
        text = "Unrecognized parameter%s: %s." % (plural, ", ".join(unused))
        listed = {str(names.index(name)): name for name in unused}
        params = [{"list": listed, "type": "comma"}, len(unused)]
        call.reader.warn("main", ApiMessage("unrecognizedparams", text, params=params))
