"""action=paraminfo and action=help: which modules this wiki has, and what each takes.

In: the tables of modules.  Out: descriptions that programs read, and a list for people.
Holds: nothing.  Spec: MediaWiki 1.39's ApiParamInfo.  Not here: the modules themselves.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from .actions import refuse
from .actions_call import ActionCall, ActionModule
from .actions_params import HIGH_VALUES, LOW_VALUES
from .actions_query import QUERY_PARAMS, QueryModule
from .actions_specs import ParamSpec, read_spec, read_table
from .markup import escape_html


class ModuleNote(NamedTuple):
    """One module as it is described: where it is, and what it takes."""

    path: str
    group: str
    prefix: str
    params: Mapping[str, ParamSpec]
    action: Optional[ActionModule] = None
    is_generator: bool = False


_help_kinds = {
    "text": "string",
    "flag": "boolean",
    "number": "integer",
    "time": "timestamp",
    "limit": "limit",
    "user": "user",
    "namespace": "namespace",
}
#: Prefixes that some actions carry in the names of their parameters.
_help_prefixes = {"login": "lg", "clientlogin": "login", "createaccount": "create"}


def list_modules(call: ActionCall) -> Dict[str, ModuleNote]:
    """Return every module of the wiki by its path."""
    notes = {"main": ModuleNote("main", "", "", read_table(call.main_params))}
    for name, action in sorted(call.action_table.items()):
        params = dict(read_table(action.params))
        if name == "query":
            params.update(_query_params(call.query_table))
        if action.token:
            params["token"] = read_spec("required secret text")
        prefix = _help_prefixes.get(name, "")
        shown = {each[len(prefix) :]: spec for each, spec in params.items()}
        notes[name] = ModuleNote(name, "action", prefix, shown, action)
    modules: Iterable[QueryModule] = call.query_table.values()
    for module in modules:
        path = "query+" + module.name
        params = read_table(module.params)
        notes[path] = ModuleNote(
            path, module.kind, module.prefix, params, None, module.is_generator
        )
    return notes


def _query_params(table: Mapping[str, QueryModule]) -> Dict[str, ParamSpec]:
    names: Dict[str, List[str]] = {"prop": [], "list": [], "meta": [], "generator": []}
    for module in table.values():
        names[module.kind].append(module.name)
        if module.is_generator:
            names["generator"].append(module.name)
    choices = {
        kind: ParamSpec("submodule", None, tuple(sorted(found)), kind != "generator")
        for kind, found in names.items()
    }
    return {**choices, **read_table(QUERY_PARAMS), "generator": choices["generator"]}


def _describe_param(
    number: int, name: str, spec: ParamSpec, path: str
) -> Dict[str, Any]:
    shown: Dict[str, Any] = {
        "index": number,
        "name": name,
        "type": list(spec.choices) or _help_kinds.get(spec.kind, "string"),
        "required": spec.is_required,
    }
    if spec.kind == "namespace":
        shown["type"] = "namespace"
    if spec.is_secret:
        shown["sensitive"] = True
    if spec.default not in (None, False, []):
        default = spec.default
        is_many = isinstance(default, (list, tuple))
        shown["default"] = "|".join(default) if is_many else default
    if spec.is_deprecated:
        shown["deprecated"] = True
    shown["multi"] = spec.is_multi
    if spec.is_multi:
        shown.update(lowlimit=LOW_VALUES, highlimit=HIGH_VALUES, limit=LOW_VALUES)
    if spec.takes_all:
        shown["allspecifier"] = "*"
    for key, value in (
        ("min", spec.low),
        ("max", spec.high),
        ("highmax", spec.bot_high),
    ):
        if value is not None:
            shown[key] = value
    if spec.kind == "choice" and spec.old_values:
        shown["deprecatedvalues"] = list(spec.old_values)
    if spec.kind == "submodule":
        parent = "" if path == "main" else path + "+"
        shown["submodules"] = {each: parent + each for each in spec.choices}
    return shown


def describe_module(note: ModuleNote) -> Dict[str, Any]:
    """Return one module as action=paraminfo has it."""
    shown: Dict[str, Any] = {
        "name": note.path.rpartition("+")[2],
        "path": note.path,
        "group": note.group or None,
        "prefix": note.prefix,
        "source": "wikistd",
        "readrights": True,
    }
    if not note.group:
        del shown["group"]
    if note.action is not None and note.action.is_write:
        shown["writerights"] = True
    if note.action is not None and note.action.must_post:
        shown["mustbeposted"] = True
    if note.is_generator:
        shown["generator"] = True
    shown["parameters"] = [
        _describe_param(number, name, spec, note.path)
        for number, (name, spec) in enumerate(note.params.items(), 1)
    ]
    if note.action is not None and note.action.token:
        shown["parameters"][-1]["tokentype"] = note.action.token
    shown["templatedparameters"] = []
    return shown


def run_paraminfo(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=paraminfo."""
    notes = list_modules(call)
    wanted = list(args["modules"] or ())
    wanted += ["query+" + name for name in args["querymodules"] or ()]
    wanted += ["main"] if args["mainmodule"] is not None else []
    shown = []
    for path in wanted:
        if path.endswith(("+*", "+**")):
            head = path.rpartition("+")[0] + "+"
            shown += [
                describe_module(notes[each]) for each in notes if each.startswith(head)
            ]
        elif path in notes:
            shown.append(describe_module(notes[path]))
        else:
            parent, _, name = path.rpartition("+")
            text = 'The module "%s" does not have a submodule "%s".'
            call.warn("badmodule", text % (parent or "main", name))
    call.result["paraminfo"] = {"helpformat": args["helpformat"], "modules": shown}


def run_help(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=help with the names of modules and of their parameters."""
    notes = list_modules(call)
    wanted = args["modules"] or list(notes)
    lines = []
    for path in wanted:
        if path not in notes:
            text = 'There is no module "%s".' % path
            raise refuse("badmodule", text)
        note = notes[path]
        names = ", ".join(note.prefix + name for name in note.params)
        line = "<dt>%s</dt><dd>%s</dd>" % (escape_html(path), escape_html(names))
        lines.append(line)
    text = "<dl>%s</dl>" % "".join(lines)
    call.result["help"] = {
        "mime": "text/html",
        call.text_key("help"): text,
    }


HELP_ACTIONS: List[ActionModule] = [
    ActionModule(
        "help",
        run_help,
        """
        modules: texts
        submodules, recursivesubmodules, wrap, toc: flag
        """,
    ),
    ActionModule(
        "paraminfo",
        run_paraminfo,
        """
        modules: texts
        helpformat: one of html wikitext raw none = none
        querymodules: texts
        mainmodule, pagesetmodule: text
        formatmodules: texts
        """,
    ),
]
