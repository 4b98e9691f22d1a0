"""action=query: pages, generators, props, lists and meta in one reply.

In: an ActionCall and the table of query modules.  Out: its result.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQuery.  Not here: the modules (actions_props.py, ...).
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence

from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall
from .actions_continue import Continuation, bad_continue
from .actions_pages import PAGE_SET_PARAMS, PageSet
from .actions_specs import read_spec
from .records import PageRow
from .titles import Title


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

    def warn(self, code: str, text: str, **data: Any) -> None:
        """Add a warning of this module."""
        self.call.reader.warn(self.path, ApiMessage(code, text, data))

    def go_on(self, name: str, value: Any) -> None:
        """Say where this module goes on: the value of its parameter `name`."""
        if self.is_generator:
            self.query.rest.add_generator(self.module.name, self.prefix + name, value)
        else:
            self.query.rest.add(self.module.name, self.prefix + name, value)

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
        self, page_id: int, entry: Dict[str, Any], token: Any, count: int
    ) -> bool:
        """Add the next value of a prop; False, and `token` to go on, at the limit."""
        if count < self.args["limit"]:
            if self.is_generator or self.add_value(page_id, entry):
                return True
        self.go_on("continue", token)
        return False

    def entry(self, page_id: int) -> Dict[str, Any]:
        """Return what the reply says of one page, to be added to."""
        return self.query.entries[page_id]

    def add_value(self, page_id: int, value: Any, size: int = 64) -> bool:
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
    indexpageids, iwurl: flag
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
        for kind in ("prop", "list", "meta"):
            names = tuple(
                name.partition("/")[2]
                for name in self.table
                if name.startswith(kind + "/")
            )
            spec = read_spec("any of " + " ".join(names))
            for name in self.call.reader.read_one("query", kind, spec):
                chosen.append(self.table["%s/%s" % (kind, name)])
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
        elif args["generator"] is not None:
            ModuleRun(
                call, self, self.find_generator(args["generator"]), is_generator=True
            ).read_args()
        self.entries = self.pages.entries()
        if not self.rest.is_generator_done:
            self.result.update(self.pages.notes(call.version))
        call.is_public = not any(module.is_private for module in modules)
        for run in runs:
            run.read_args()
            if self.rest.runs(run.module.name):
                self._run_module(run)
        self._finish(args)

    def _run_module(self, run: ModuleRun) -> None:
        try:
            items = run.module.run(run)
        except ActionFailure as failure:
            if failure.module is None:
                failure.module = run.path
            raise
        if run.module.kind != "list" or items is None:
            return
        self.result.setdefault(run.module.name, []).extend(item.entry for item in items)

    def load_pages(self, args: Dict[str, Any]) -> None:
        """Resolve the pages that the parameters name, or that a generator finds."""
        generator = args.get("generator")
        raw = self.call.values.get("titles", "")
        if generator is None:
            self.pages.load(args, raw)
            return
        module = self.find_generator(generator)
        run = ModuleRun(self.call, self, module, is_generator=True)
        run.read_args()
        self.pages.is_following = args["redirects"]
        run.pages = PageSet(self.call.store)
        run.pages.load({**args, "redirects": False}, raw)
        try:
            items = module.run(run) or []
        except ActionFailure as failure:
            failure.module = failure.module or run.path
            raise
        self.pages.normalized = run.pages.normalized
        self.pages.add_pages(item.page for item in items if item.page is not None)
        self.pages.add_known(item.title for item in items if item.title is not None)

    def find_generator(self, name: str) -> QueryModule:
        """Return the module that is to find the pages."""
        for kind in ("list", "prop", "meta"):
            module = self.table.get("%s/%s" % (kind, name))
            if module is None:
                continue
            if not module.is_generator:
                text = 'Module "%s" cannot be used as a generator.' % name
                raise refuse("badgenerator", text)
            return module
        raise refuse("badgenerator", 'Unknown "generator=%s".' % name)

    def show_pages(self) -> Any:
        """Return the pages as the formatversion has them."""
        if self.call.version >= 2:
            return [self.entries[number] for number in sorted(self.entries)]
        return {str(number): entry for number, entry in self.entries.items()}

    def finish_pages(self, shown: Any, name: str) -> None:
        """End an action that went through pages: what it did, and how it goes on."""
        self.call.result[name] = shown
        for note, values in self.pages.notes(self.call.version).items():
            self.call.result[note] = values
        self._finish_batch()

    def _finish(self, args: Dict[str, Any]) -> None:
        if args["indexpageids"] and self.entries:
            self.result["pageids"] = [str(number) for number in self.entries]
        if self.entries:
            self.result["pages"] = self.show_pages()
        self._finish_batch()
        if self.result:
            self.call.result["query"] = self.result

    def _finish_batch(self) -> None:
        call = self.call
        if self.rest.is_raw:
            data = self.rest.finish_raw()
            if data:
                call.result["query-continue"] = data
        else:
            following, is_complete = self.rest.finish()
            if is_complete:
                call.result["batchcomplete"] = True
            if following:
                call.result["continue"] = following
        if call.reader.limits:
            call.result["limits"] = call.reader.limits


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
