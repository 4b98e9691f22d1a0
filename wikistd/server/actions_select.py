"""Lists in action=query put together: conditions, an order, where the next begins.

In: a ModuleRun and what it wants.  Out: rows, and parts of entries.
Holds: nothing.
Spec: what MediaWiki 1.39's lists have in common.  Not here: the lists themselves.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .actions_query import ModuleRun, QueryItem, namespace_clause, token_number
from .comments import parse_comment
from .records import format_stamp, format_time, parse_stamp
from .titles import Title, title_key

#: The values of `dir` that begin at the end.
DOWN_WAYS = ("descending", "desc", "older", "reverse")
ListKeys = Mapping[str, Any]
#: The order of what happened.
TIME_KEYS: ListKeys = {"time": parse_stamp, "id": token_number}
#: What all lists of what happened take.
TIME_RANGE_PARAMS = """
start, end: time
dir: one of newer older = older
limit: limit
continue: text
"""


class ListQuery:
    """One SELECT of a list.  One owner.

    `keys` are the columns that it is sorted by, in the direction of the parameter
    `dir`, each with what reads it from a continue parameter.
    """

    def __init__(
        self, run: ModuleRun, table: str, keys: ListKeys, where: str = "1", *values: Any
    ) -> None:
        self.run = run
        self.verb = "SELECT"
        self.table = table
        self.keys = keys
        self.conditions = [where]
        self.values = list(values)
        self.is_down = run.args.get("dir") in DOWN_WAYS
        self.after, self.before = ("<=", ">=") if self.is_down else (">=", "<=")

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition and the values for its places."""
        self.conditions.append(condition)
        self.values += values

    def add_in(self, column: str, values: Optional[Iterable[Any]]) -> None:
        """Take the rows with one of `values`; all where it is None."""
        if values is not None:
            wanted = list(values)
            self.add("%s IN (%s)" % (column, ", ".join("?" * len(wanted))), *wanted)

    def add_namespaces(self, column: str = "ns", where: str = "%s") -> None:
        """Take the rows in the namespaces of the parameter, put into `where`."""
        if self.run.args["namespace"]:
            self.add(where % namespace_clause(column, self.run.args["namespace"]))

    def add_bounds(self, column: str, first: Any, last: Any) -> None:
        """Take the rows from `first` to `last` in the list's direction."""
        for value, sign in ((first, self.after), (last, self.before)):
            if value is not None:
                self.add("%s %s ?" % (column, sign), value)

    def add_prefix(self, column: str, prefix: Optional[str]) -> None:
        """Take the rows whose texts begin with `prefix`."""
        if prefix:
            where = "{0} >= ? AND {0} < ?".format(column)
            self.add(where, prefix, prefix + "\U0010ffff")

    def add_titles(self, column: str = "title") -> None:
        """Take the rows that the parameters from, to and prefix ask for."""
        first, last, prefix = (
            None if self.run.args[name] is None else title_key(self.run.args[name])
            for name in ("from", "to", "prefix")
        )
        self.add_bounds(column, first, last)
        self.add_prefix(column, prefix)

    def add_times(self) -> None:
        """Take the rows from start to end."""
        self.add_bounds("time", self.run.args["start"], self.run.args["end"])

    def start_at(self, values: Optional[Sequence[Any]]) -> None:
        """Begin where `values` of the keys are; at the beginning for None."""
        if values is not None:
            places = ", ".join("?" * len(values))
            row = "(%s) %s (%s)" % (", ".join(self.keys), self.after, places)
            self.add(row, *values)

    def select(
        self, columns: str, limit: int, order: str = ""
    ) -> List[Tuple[Any, ...]]:
        """Return the columns of the rows, one more than `limit` where there are more.

        With an `order` of its own, the query begins where its conditions say.
        """
        if not order:
            self.start_at(self.run.continue_values(*self.keys.values()))
            way = " DESC" if self.is_down else ""
            order = ", ".join(key + way for key in self.keys)
        return self.run.store.db.all(
            "%s %s FROM %s WHERE %s ORDER BY %s LIMIT %d"
            % (
                self.verb,
                columns,
                self.table,
                " AND ".join(self.conditions),
                order,
                limit + 1,
            ),
            self.values,
        )

    def fetch(self, columns: str, order: str = "") -> List[Tuple[Any, ...]]:
        """Return the columns of the rows, and say where the list goes on."""
        limit, width = self.run.args["limit"], len(self.keys)
        rows = self.select(", ".join([*self.keys, columns]), limit, order)
        if len(rows) > limit:
            self.run.go_on("continue", write_token(self.keys, rows.pop()))
        return [row[width:] for row in rows]


def redirect_clause(run: ModuleRun) -> str:
    """Return the condition on pages that the parameter filterredir stands for."""
    wanted = run.args["filterredir"]
    clauses = {"redirects": "redirect IS NOT NULL", "nonredirects": "redirect IS NULL"}
    return clauses.get(wanted, "1")


def write_token(keys: ListKeys, values: Sequence[Any]) -> str:
    """Return a continue parameter of the values of some keys."""
    return "|".join(
        format_stamp(value) if read is parse_stamp else str(value)
        for read, value in zip(keys.values(), values)
    )


def pick(props: Iterable[str], **said: Dict[str, Any]) -> Dict[str, Any]:
    """Return together what is said for each of `props`."""
    shown: Dict[str, Any] = {}
    for prop, part in said.items():
        if prop in props:
            shown.update(part)
    return shown


def show_user(props: Iterable[str], account: int, name: str) -> Dict[str, Any]:
    """Return who did something, as far as `props` ask for it."""
    shown: Dict[str, Any] = {"user": name} if "user" in props else {}
    if "userid" in props:
        shown["userid"] = account
    return {**shown, "anon": True} if shown and not account else shown


def show_comment(
    run: ModuleRun, props: Iterable[str], comment: str, title: Title
) -> Dict[str, Any]:
    """Return a comment on the page `title`, as far as `props` ask for it."""
    shown = {"comment": comment} if "comment" in props else {}
    if "parsedcomment" in props:
        shown["parsedcomment"] = parse_comment(run.store, comment, title)
    return shown


def show_time(props: Iterable[str], seconds: int) -> Dict[str, Any]:
    """Return when something was, if `props` ask for it."""
    return {"timestamp": format_time(seconds)} if "timestamp" in props else {}


def query_nothing(run: ModuleRun) -> List[QueryItem]:
    """Answer langlinks, pageprops, pageswithprop, filearchive: there are none here."""
    return []
