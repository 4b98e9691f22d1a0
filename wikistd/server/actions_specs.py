"""What the parameters of API modules take, written as a table of lines.

In: a table.  Out: a ParamSpec for each name.  Holds: the tables read so far.
Spec: MediaWiki 1.39's ParamValidator.  Pure.  Not here: reading what a client sent
(actions_params.py).

A line names parameters and their kind: `from, to: text`.  The kinds are text, number,
time, user, namespace, limit and flag; texts, numbers, times, users, namespaces take
several; `one of` and `any of` stand before choices.  Before the kind may stand
`required`, `secret`, `deprecated`, `optional` (no default of its own) and `starred`
(`*` is all of them); behind it `from 0 to 9`, and ` = ` with the default.  A choice
that ends in ~ is deprecated.  `user name` takes no addresses.
"""

from __future__ import annotations

import functools
from typing import Any, Dict, NamedTuple, Optional, Tuple

from .titles import NAMESPACE_NAMES

_spec_marks = ("required", "secret", "deprecated", "optional", "starred")
_spec_plurals = ("texts", "numbers", "times", "users", "namespaces", "any")


class ParamSpec(NamedTuple):
    """What one parameter takes."""

    kind: str
    default: Any = None
    choices: Tuple[str, ...] = ()
    is_multi: bool = False
    is_required: bool = False
    low: Optional[int] = None
    high: Optional[int] = None
    bot_high: Optional[int] = None
    is_deprecated: bool = False
    old_values: Tuple[str, ...] = ()
    is_secret: bool = False
    takes_all: bool = False


@functools.lru_cache(maxsize=None)
def read_table(table: str) -> Dict[str, ParamSpec]:
    """Return what each parameter of a table takes, in its order."""
    specs: Dict[str, ParamSpec] = {}
    for line in filter(None, map(str.strip, table.split("\n"))):
        names, _, described = line.partition(":")
        spec = read_spec(described)
        specs.update((name.strip(), spec) for name in names.split(","))
    return specs


@functools.lru_cache(maxsize=None)
def read_spec(described: str) -> ParamSpec:
    """Return what a parameter of that description takes."""
    head, has_default, text = described.partition(" =")
    words = head.split()
    marks = []
    while words[0] in _spec_marks:
        marks.append(words.pop(0))
    word = words.pop(0)
    is_multi = word in _spec_plurals
    kind = {"one": "choice", "any": "choice"}.get(word, word.rstrip("s"))
    default: Any = text.strip() if has_default else None
    more: Dict[str, Any] = {}
    if kind == "choice":
        more["choices"] = tuple(each.rstrip("~") for each in words[1:])
        more["old_values"] = tuple(each[:-1] for each in words if each.endswith("~"))
        if is_multi and "optional" not in marks:
            default = (default or "").split()
    elif kind == "namespace":
        more["choices"] = tuple(str(each) for each in NAMESPACE_NAMES if each >= 0)
        if has_default:
            default = default.split() if is_multi else int(default)
    elif kind == "user":
        more["old_values"] = tuple(words or ("name", "address"))
    elif kind == "limit":
        highs = [int(each) for each in words[1:]] or [500, 5000]
        more.update(low=1, high=highs[0], bot_high=highs[-1])
        default = None if "optional" in marks else int(default or 10)
    elif kind == "number":
        names = {"from": "low", "to": "high"}
        more = {names[key]: int(each) for key, each in zip(words[::2], words[1::2])}
        default = int(default) if has_default else None
    elif kind == "flag":
        default = False
    return ParamSpec(
        kind,
        default,
        is_multi=is_multi,
        is_required="required" in marks,
        is_deprecated="deprecated" in marks,
        is_secret="secret" in marks,
        takes_all="starred" in marks or word == "namespaces",
        **more,
    )
