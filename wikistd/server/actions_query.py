"""action=query: pages, generators, props, lists and meta in one reply.

In: an ActionCall and the table of query modules.  Out: its result.  Holds: nothing.
Spec: MediaWiki 1.39's ApiQuery and ApiContinuationManager.  Not here: the modules
(actions_props.py, ...).
"""

from __future__ import annotations

import re
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall
from .actions_pages import PAGE_SET_PARAMS, PageSet
from .actions_specs import read_spec
from .records import PageRow
from .titles import Title


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
        if not text or self.is_raw:
            return
        parts = text.split("||")
        if len(parts) != 2:
            raise bad_continue()
        self.skipped = set(parts[1].split("|")) & set(names)
        self.is_generator_done = parts[0] == "-"
        if self.is_generator_done:
            self.skipped |= page_modules
        for name in parts[0].split("|"):
            if name in values:
                self.generator_values[name] = values[name]

    def finish(self) -> Tuple[Dict[str, Any], bool]:
        """Return the parameters to go on with, and whether this batch is complete."""
        data = _join_values(self.own)
        finished = [name for name in self.names if name not in self.own]
        is_complete = not self.page_modules & set(self.own)
        following = self.generator_values
        if is_complete:
            following = _join_values(self.generator)
            if following:
                finished = [name for name in finished if name not in self.page_modules]
        keys = "-" if is_complete and not following else "|".join(following)
        data.update(following)
        if data or not is_complete:
            data["continue"] = "%s||%s" % (keys, "|".join(finished))
        return data, is_complete

    def finish_raw(self) -> Dict[str, Dict[str, Any]]:
        """Return the same as rawcontinue has it: by module, without any order."""
        if self.page_modules & set(self.own):
            return self.own
        return {**self.generator, **self.own}


def _join_values(parts: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
    return {name: value for part in parts.values() for name, value in part.items()}


class QueryItem(NamedTuple):
    """One entry of a list: what the reply shows, and the page for a generator."""

    entry: Any
    page: Optional[PageRow] = None
    title: Optional[Title] = None


class ModuleRun:
    """One module of one query at work.  One owner.

    `prefix` is that of its parameters ("ap", as a generator "gap").  `args` are their
    values.  `pages` is the set that props talk about.
    """

    def __init__(
        self,
        call: ActionCall,
        query: Query,
        module: QueryModule,
        *,
        is_generator: bool = False,
    ) -> None:
        self.call = call
        self.store = call.store
        self.query = query
        self.module = module
        self.pages = query.pages
        self.is_generator = is_generator
        self.prefix = ("g" if is_generator else "") + module.prefix
        self.path = "query+" + module.name
        self.args: Dict[str, Any] = {}

    def read_args(self) -> None:
        """Read the module's parameters."""
        self.args = self.call.reader.read(self.path, self.prefix, self.module.params)

    def find_items(self) -> Optional[List[QueryItem]]:
        """Let the module do its work; return the items of a list or generator."""
        try:
            return self.module.run(self)
        except ActionFailure as failure:
            failure.module = failure.module or self.path
            raise

    def warn(self, code: str, text: str, **data: Any) -> None:
        """Add a warning of this module."""
        self.call.reader.warn(self.path, ApiMessage(code, text, data))

    def go_on(self, name: str, value: Any) -> None:
        """Say where this module goes on: the value of its parameter `name`."""
        rest = self.query.rest
        parts = rest.generator if self.is_generator else rest.own
        parts.setdefault(self.module.name, {})[self.prefix + name] = value

    def continue_values(self, *kinds: Callable[[str], Any]) -> Optional[List[Any]]:
        """Return the parts of the continue parameter, read by `kinds`; None without."""
        text: Optional[str] = self.args["continue"]
        if text is None:
            return None
        parts = text.split("|", len(kinds) - 1)
        if len(parts) != len(kinds):
            raise bad_continue()
        try:
            return [kind(part) for kind, part in zip(kinds, parts)]
        except ValueError as error:
            raise bad_continue() from error

    def add_in_turn(
        self, page_id: int, entry: Any, token: Any, count: int, size: int = 64
    ) -> bool:
        """Add the next value of a prop; False, and `token` to go on, at the limit."""
        if count < self.args["limit"]:
            if self.is_generator or self.add_value(page_id, entry, size):
                return True
        self.go_on("continue", token)
        return False

    def entry(self, page_id: int) -> Dict[str, Any]:
        """Return what the reply says of one page, to be added to."""
        return self.query.entries[page_id]

    def add_value(self, page_id: int, value: Any, size: int) -> bool:
        """Add to the prop's values of one page; False where the reply is full."""
        if not self.call.add_bytes(size):
            return False
        self.entry(page_id).setdefault(self.module.name, []).append(value)
        return True


class QueryModule(NamedTuple):
    """One module of action=query.  `path` is its kind and name, "list/allpages".

    `run` returns the items of a list, or of a generator.
    """

    path: str
    prefix: str
    run: Callable[[ModuleRun], Optional[List[QueryItem]]]
    params: str = ""
    is_generator: bool = False
    is_private: bool = False

    @property
    def kind(self) -> str:
        """prop, list or meta."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """What the client asks for."""
        return self.path.partition("/")[2]


QUERY_PARAMS = (
    PAGE_SET_PARAMS
    + """
    generator: text
    indexpageids: flag
    continue: text
    rawcontinue: flag
    """
)


class Query:
    """One query.  One owner."""

    def __init__(self, call: ActionCall, table: Dict[str, QueryModule]) -> None:
        self.call = call
        self.table = table
        self.pages = PageSet(call.store)
        self.entries: Dict[int, Dict[str, Any]] = {}
        self.result: Dict[str, Any] = {}
        self.rest = Continuation(call.values, [], set())

    def _choose(self) -> List[QueryModule]:
        chosen: List[QueryModule] = []
        for kind in ("prop/", "list/", "meta/"):
            names = [p[len(kind) :] for p in self.table if p.startswith(kind)]
            spec = read_spec("any of " + " ".join(names))
            for name in self.call.reader.read_one("query", kind[:-1], spec):
                chosen.append(self.table[kind + name])
        return chosen

    def run(self) -> None:
        """Answer the query into the result of the call."""
        call = self.call
        args = call.reader.read("query", "", QUERY_PARAMS)
        modules = self._choose()
        self.rest = Continuation(
            call.values,
            [module.name for module in modules],
            {module.name for module in modules if module.kind == "prop"},
        )
        runs = [ModuleRun(call, self, module) for module in modules]
        if not self.rest.is_generator_done:
            self.load_pages(args)
            self.result.update(self.pages.notes())
        elif args["generator"] is not None:
            self._generate(args["generator"])
        self.entries = self.pages.entries()
        call.is_public = not any(module.is_private for module in modules)
        for run in runs:
            run.read_args()
            if run.module.name in self.rest.skipped:
                continue
            items = run.find_items()
            if run.module.kind == "list" and items is not None:
                entries = self.result.setdefault(run.module.name, [])
                entries.extend(item.entry for item in items)
        self._finish(args)

    def load_pages(self, args: Dict[str, Any]) -> None:
        """Resolve the pages that the parameters name, or that a generator finds."""
        raw = self.call.values.get("titles", "")
        if args["generator"] is None:
            self.pages.load(args, raw)
            return
        run = self._generate(args["generator"])
        self.pages.is_following = args["redirects"]
        run.pages = PageSet(self.call.store)
        run.pages.load({**args, "redirects": False}, raw)
        items = run.find_items() or []
        self.pages.normalized = run.pages.normalized
        self.pages.add_pages(item.page for item in items if item.page is not None)
        self.pages.add_known(item.title for item in items if item.title is not None)

    def _generate(self, name: str) -> ModuleRun:
        """Return the module that is to find the pages, with its parameters read."""
        found = [path for path in self.table if path.endswith("/" + name)]
        if not found:
            raise refuse("badgenerator", 'Unknown "generator=%s".' % name)
        module = self.table[found[0]]
        if not module.is_generator:
            text = 'Module "%s" cannot be used as a generator.' % name
            raise refuse("badgenerator", text)
        run = ModuleRun(self.call, self, module, is_generator=True)
        run.read_args()
        return run

    def finish_pages(self, shown: Any, name: str) -> None:
        """End an action that went through pages: what it did, and how it goes on."""
        self.call.result[name] = shown
        self.call.result.update(self.pages.notes())
        self._finish_batch()

    def _finish(self, args: Dict[str, Any]) -> None:
        entries = self.entries
        if args["indexpageids"] and entries:
            self.result["pageids"] = list(map(str, entries))
        if entries and self.call.version >= 2:
            self.result["pages"] = [entries[number] for number in sorted(entries)]
        elif entries:
            self.result["pages"] = {str(number): entries[number] for number in entries}
        self._finish_batch()
        if self.result:
            self.call.result["query"] = self.result

    def _finish_batch(self) -> None:
        following, is_complete = self.rest.finish()
        told = {"batchcomplete": is_complete, "continue": following}
        if self.rest.is_raw:
            told = {"query-continue": self.rest.finish_raw()}
        told["limits"] = self.call.reader.limits
        self.call.result.update((name, each) for name, each in told.items() if each)


def page_items(pages: Iterable[PageRow]) -> List[QueryItem]:
    """Return the plainest entry for each page: its id, namespace and title."""
    return [QueryItem(page.entry, page) for page in pages]


def namespace_clause(column: str, namespaces: Sequence[str]) -> str:
    """Return a condition on a column; the numbers were checked when they were read."""
    return "%s IN (%s)" % (column, ", ".join(str(int(each)) for each in namespaces))


def token_number(text: str) -> int:
    """Return the number in a part of a continue parameter; ValueError for none."""
    if not re.match(r"[0-9]{1,18}\Z", text):
        raise ValueError("%.40r is not a number" % text)
    return int(text)
