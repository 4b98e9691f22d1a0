"""Continuation: which part of a query's answer comes next.

In: what each module says it left out.  Out: the `continue` of the reply.
Spec: MediaWiki's ApiContinuationManager.  Pure.  Not here: the modules' own tokens.
"""

from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple

from .actions import ActionFailure, refuse


def bad_continue() -> ActionFailure:
    """Return the failure of a continue parameter that this wiki never gave out."""
    return refuse(
        "badcontinue",
        "Invalid continue param. You should pass the original value returned by the "
        "previous query.",
    )


class Continuation:
    """What is left of one query.  One owner.

    `names` are its modules in order, `page_modules` those of them that go through the
    pages of the generator (props).  A batch is one round of the generator; the props
    are taken to their end before the generator moves on.
    """

    def __init__(
        self, values: Dict[str, str], names: List[str], page_modules: Set[str]
    ) -> None:
        self.names = names
        self.page_modules = page_modules
        self.is_raw = "rawcontinue" in values
        self.is_generator_done = False
        self.skipped: Set[str] = set()
        self.own: Dict[str, Dict[str, Any]] = {}
        self.generator: Dict[str, Dict[str, Any]] = {}
        self.generator_values: Dict[str, Any] = {}
        text = values.get("continue", "")
        if text and not self.is_raw:
            self._resume(text, values)

    def _resume(self, text: str, values: Dict[str, str]) -> None:
        parts = text.split("||")
        if len(parts) != 2:
            raise bad_continue()
        self.skipped = set(parts[1].split("|")) & set(self.names)
        self.is_generator_done = parts[0] == "-"
        if self.is_generator_done:
            self.skipped |= self.page_modules
            return
        for name in parts[0].split("|"):
            if name in values:
                self.generator_values[name] = values[name]

    def runs(self, name: str) -> bool:
        """Return whether the module has anything left to say."""
        return name not in self.skipped

    def add(self, module: str, name: str, value: Any) -> None:
        """Note where a module of the query goes on."""
        self.own.setdefault(module, {})[name] = value

    def add_generator(self, module: str, name: str, value: Any) -> None:
        """Note where the generator goes on, once its pages are dealt with."""
        self.generator.setdefault(module, {})[name] = value

    def finish(self) -> Tuple[Dict[str, Any], bool]:
        """Return the parameters to go on with, and whether this batch is complete."""
        finished = [name for name in self.names if name not in self.own]
        data: Dict[str, Any] = {}
        for module, values in self.own.items():
            if module not in self.page_modules:
                data.update(values)
        waiting = [name for name in self.own if name in self.page_modules]
        keys = "-"
        is_complete = not waiting
        if waiting:
            for module in waiting:
                data.update(self.own[module])
            data.update(self.generator_values)
            keys = "|".join(self.generator_values)
        elif self.generator:
            following: Dict[str, Any] = {}
            for values in self.generator.values():
                following.update(values)
            data.update(following)
            finished = [name for name in finished if name not in self.page_modules]
            keys = "|".join(following)
        if data or keys != "-":
            data["continue"] = "%s||%s" % (keys, "|".join(finished))
        return data, is_complete

    def finish_raw(self) -> Dict[str, Dict[str, Any]]:
        """Return the same as rawcontinue has it: by module, without any order."""
        data = {name: dict(values) for name, values in self.own.items()}
        if not any(name in self.page_modules for name in self.own):
            for module, values in self.generator.items():
                data.setdefault(module, {}).update(values)
        return data
