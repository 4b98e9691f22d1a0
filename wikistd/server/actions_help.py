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


#: The names that MediaWiki has for kinds of parameters, where they are others.
_help_kinds = {
    "text": "string",
    "flag": "boolean",
    "number": "integer",
    "time": "timestamp",
}
#: Prefixes that some actions carry in the names of their parameters.
_help_prefixes = {"login": "lg", "clientlogin": "login", "createaccount": "create"}


def list_modules(call: ActionCall) -> Dict[str, ModuleNote]:
    """Return every module of the wiki by its path."""
    notes = [ModuleNote("main", "", "", read_table(call.main_params))]
    for name, action in sorted(call.action_table.items()):
        params = dict(read_table(action.params))
        if name == "query":
            params.update(_query_params(call.query_table.values()))
        if action.token:
            params["token"] = read_spec("required secret text")
        prefix = _help_prefixes.get(name, "")
        shown = {each[len(prefix) :]: spec for each, spec in params.items()}
        notes.append(ModuleNote(name, "action", prefix, shown, action))
    modules: Iterable[QueryModule] = call.query_table.values()
    for module in modules:
        notes.append(
            ModuleNote(
                "query+" + module.name,
                module.kind,
                module.prefix,
                read_table(module.params),
                is_generator=module.is_generator,
            )
        )
    return {note.path: note for note in notes}


def _query_params(modules: Iterable[QueryModule]) -> Dict[str, ParamSpec]:
    names: Dict[str, List[str]] = {"prop": [], "list": [], "meta": [], "generator": []}
    for module in modules:
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
    kind: Any = _help_kinds.get(spec.kind, spec.kind)
    if spec.choices and kind != "namespace":
        kind = list(spec.choices)
    shown: Dict[str, Any] = {
        "index": number,
        "name": name,
        "type": kind,
        "required": spec.is_required,
        "multi": spec.is_multi,
    }
    if spec.default not in (None, False, []):
        default = spec.default
        is_many = isinstance(default, (list, tuple))
        shown["default"] = "|".join(default) if is_many else default
    if spec.is_multi:
        shown.update(lowlimit=LOW_VALUES, highlimit=HIGH_VALUES, limit=LOW_VALUES)
    told = {
        "sensitive": spec.is_secret or None,
        "deprecated": spec.is_deprecated or None,
        "allspecifier": "*" if spec.takes_all else None,
        "min": spec.low,
        "max": spec.high,
        "highmax": spec.bot_high,
        "deprecatedvalues": list(spec.old_values) if spec.kind == "choice" else None,
    }
    shown.update((key, each) for key, each in told.items() if each not in (None, []))
    if spec.kind == "submodule":
        parent = "" if path == "main" else path + "+"
        shown["submodules"] = {each: parent + each for each in spec.choices}
    return shown


def describe_module(note: ModuleNote) -> Dict[str, Any]:
    """Return one module as action=paraminfo has it."""
    action = note.action
    params = [
        _describe_param(number, name, spec, note.path)
        for number, (name, spec) in enumerate(note.params.items(), 1)
    ]
    if action is not None and action.token:
        params[-1]["tokentype"] = action.token
    told = {
        "group": note.group,
        "writerights": action is not None and action.is_write,
        "mustbeposted": action is not None and action.must_post,
        "generator": note.is_generator,
    }
    return {
        "name": note.path.rpartition("+")[2],
        "path": note.path,
        "prefix": note.prefix,
        "source": "wikistd",
        "readrights": True,
        **{key: value for key, value in told.items() if value},
        "parameters": params,
        "templatedparameters": [],
    }


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
    lines = []
    for path in args["modules"] or notes:
        if path not in notes:
            raise refuse("badmodule", 'There is no module "%s".' % path)
        note = notes[path]
        names = ", ".join(note.prefix + name for name in note.params)
        line = "<dt>%s</dt><dd>%s</dd>" % (escape_html(path), escape_html(names))
        lines.append(line)
    text = "<dl>%s</dl>" % "".join(lines)
    call.result["help"] = {"mime": "text/html", call.text_key("help"): text}


HELP_ACTIONS: List[ActionModule] = [
    ActionModule("help", run_help, "modules: texts"),
    ActionModule(
        "paraminfo",
        run_paraminfo,
        """
        modules: texts
        helpformat: one of html wikitext raw none = none
        querymodules: texts
        mainmodule: text
        """,
    ),
]
