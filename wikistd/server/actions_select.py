"""Lists in action=query put together: conditions, an order, where the next begins.

In: a ModuleRun and what it wants.  Out: rows, and parts of entries.
Holds: nothing.
Spec: what MediaWiki 1.39's lists have in common.  Not here: the lists themselves.
"""

from __future__ import annotations

import json
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from .actions_params import parse_api_time
from .actions_query import ModuleRun, QueryItem, namespace_clause, token_number
from .comments import parse_comment
from .records import PageRow, format_expiry, format_stamp, format_time, parse_stamp
from .titles import Title

#: The values of `dir` that begin at the end.
DOWN_WAYS = ("descending", "desc", "older", "reverse")
ListKeys = Mapping[str, Any]
#: The order of what happened.
TIME_KEYS: ListKeys = {"time": parse_stamp, "id": token_number}
#: The condition that one of the tags is the one asked for.
TAG_CLAUSE = "' ' || tags || ' ' LIKE '% ' || ? || ' %'"
#: What lists in the order of titles take, those of a part of them, and those by time.
LIST_PARAMS = """
limit: limit
continue: text
dir: one of ascending descending = ascending
"""
TITLE_RANGE_PARAMS = LIST_PARAMS + "from, to, prefix: text\n"
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
        way = " DESC" if self.is_down else ""
        self.order = ", ".join(key + way for key in keys)
        self.is_started = False

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition and the values for its places."""
        self.conditions.append(condition)
        self.values += values

    def add_in(
        self, column: str, values: Optional[Iterable[Any]], where: str = "%s"
    ) -> None:
        """Take the rows with one of `values`, put into `where`; None takes all."""
        if values is not None:
            wanted = list(values)
            places = ", ".join("?" * len(wanted))
            self.add(where % ("%s IN (%s)" % (column, places)), *wanted)

    def add_namespaces(self, column: str = "ns", where: str = "%s") -> None:
        """Take the rows in the namespaces of the parameter, put into `where`."""
        if self.run.args["namespace"]:
            self.add(where % namespace_clause(column, self.run.args["namespace"]))

    def add_given(self, **conditions: str) -> None:
        """Take the rows that the parameters ask for which were given."""
        for name, condition in conditions.items():
            if self.run.args[name] not in (None, ""):
                self.add(condition, self.run.args[name])

    def add_titles(self, titles: Iterable[Title]) -> None:
        """Take the rows of some pages."""
        # One value however many there are: older builds of SQLite take 999.
        names = "".join("%d:%s|" % title[:2] for title in titles)
        self.add("instr(?, '|' || ns || ':' || title || '|') > 0", "|" + names)

    def add_title(self) -> None:
        """Take the rows of the page that the parameter title names, if it does."""
        if self.run.args["title"] is not None:
            title = self.run.call.read_title(self.run.args["title"])
            self.add("ns = ? AND title = ?", *title[:2])

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

    def add_range(self, column: str, read: Callable[[str], str]) -> None:
        """Take the rows that from, to and prefix ask for, as `read` reads them."""
        first, last, prefix = (
            None if self.run.args[name] is None else read(self.run.args[name])
            for name in ("from", "to", "prefix")
        )
        self.add_bounds(column, first, last)
        self.add_prefix(column, prefix)

    def add_times(self) -> None:
        """Take the rows from start to end."""
        self.add_bounds("time", self.run.args["start"], self.run.args["end"])

    def start_at(self, values: Optional[Sequence[Any]]) -> None:
        """Begin where `values` of the keys are; at the beginning for None."""
        self.is_started = True
        if values is not None:
            places = ", ".join("?" * len(values))
            row = "(%s) %s (%s)" % (", ".join(self.keys), self.after, places)
            self.add(row, *values)

    def select(self, columns: str, limit: int) -> List[Tuple[Any, ...]]:
        """Return the columns of `limit` rows, one more where there are more."""
        if not self.is_started and "continue" in self.run.args:
            self.start_at(self.run.continue_values(*self.keys.values()))
        where = " AND ".join(self.conditions)
        return self.run.store.db.all(
            "%s %s FROM %s WHERE %s ORDER BY %s LIMIT %d"
            % (self.verb, columns, self.table, where, self.order, limit + 1),
            self.values,
        )

    def fetch(self, columns: str) -> List[Tuple[Any, ...]]:
        """Return the columns of the rows, and say where the list goes on."""
        limit, width = self.run.args["limit"], len(self.keys)
        rows = self.select(", ".join([*self.keys, columns]), limit)
        if len(rows) > limit:
            name = "continue" if "continue" in self.run.args else "from"
            self.run.go_on(name, write_token(self.keys, rows.pop()))
        return [row[width:] for row in rows]

    def fetch_fields(self, columns: str) -> List[Dict[str, Any]]:
        """Return the columns of the rows by name, and say where the list goes on."""
        return name_fields(columns, self.fetch(columns))

    def fetch_pages(self, column: str) -> List[PageRow]:
        """Return the pages that a column names, and say where the list goes on."""
        ids = [number for (number,) in self.fetch(column)]
        pages = self.run.store.find_pages_by_id(ids)
        return [pages[number] for number in ids]


def name_fields(columns: str, rows: Iterable[Sequence[Any]]) -> List[Dict[str, Any]]:
    """Return values by name: that of `time AS timestamp` is its last word."""
    names = [column.rpartition(" ")[2] for column in columns.split(", ")]
    return [dict(zip(names, row)) for row in rows]


def add_each_page(
    wanted: ListQuery,
    columns: str,
    show: Callable[..., QueryItem],
    page_column: str = "page",
) -> List[QueryItem]:
    """Put rows beside the pages that they are of, page by page, and say how to go on.

    The `columns` begin with the keys; `show` makes an item of the values of a row.
    """
    run, conditions, values = wanted.run, wanted.conditions, wanted.values
    place = run.continue_values(token_number, *wanted.keys.values())
    found: List[QueryItem] = []
    for page in sorted(run.pages.good, reverse=wanted.is_down):
        wanted.conditions = [page_column + " = ?", *conditions]
        wanted.values = [page, *values]
        if place is not None and page != place[0]:
            if (page > place[0]) == wanted.is_down:
                continue
            place = None
        wanted.start_at(place[1:] if place is not None else None)
        for row in wanted.select(columns, run.args["limit"] - len(found)):
            item = show(*row)
            token = "|".join(map(str, (page, *row[: len(wanted.keys)])))
            if not run.add_in_turn(page, item.entry, token, len(found)):
                return found
            found.append(item)
    return found


def redirect_clause(run: ModuleRun) -> str:
    """Return the condition on pages that the parameter filterredir stands for."""
    wanted = run.args["filterredir"]
    clauses = {"redirects": "redirect IS NOT NULL", "nonredirects": "redirect IS NULL"}
    return clauses.get(wanted, "1")


def read_moment(text: str) -> int:
    """Return the seconds of a time as the API writes it; ValueError for another."""
    seconds = parse_api_time(text, 0)
    if seconds is None:
        raise ValueError("%.40r is not a time" % text)
    return seconds


def read_hex(text: str) -> str:
    """Return the text that the digits of write_hex stand for; ValueError for none."""
    return bytes.fromhex(text).decode("utf-8")


def write_hex(text: str) -> str:
    """Return the digits that stand for a sort key."""
    return text.encode("utf-8").hex()


#: How a part of a continue parameter is written, by what reads it.
_token_writers: Dict[Any, Callable[[Any], str]] = {
    parse_stamp: format_stamp,
    read_hex: write_hex,
    read_moment: format_time,
}


def write_token(keys: ListKeys, values: Sequence[Any]) -> str:
    """Return a continue parameter of the values of some keys."""
    return "|".join(
        _token_writers.get(read, str)(value)
        for read, value in zip(keys.values(), values)
    )


#: The fields that each value of `prop` shows; any other shows the one of its name.
_prop_fields = {
    "centralids": "attachedlocal",
    "details": "params",
    "flags": "bot minor new top",
    "hasmsg": "messages",
    "ids": "fromid logid logpage old_revid pageid parentid rcid revid",
    "loginfo": "logaction logparams logtype",
    "patrolled": "autopatrolled unpatrolled",
    "sections": "showtoc",
    "sizes": "newlen oldlen",
    "title": "ns",
    "type": "action",
    "uploadwarning": "html",
    "url": "canonicalurl descriptionurl editurl fullurl",
}
_field_props = {
    field: prop for prop, fields in _prop_fields.items() for field in fields.split()
}


def pick(props: Container[str], **fields: Any) -> Dict[str, Any]:
    """Return those of `fields` that `props` ask for."""
    return {
        name: value
        for name, value in fields.items()
        if _field_props.get(name, name) in props
    }


#: How fields are shown whose columns hold something else.
_field_forms: Dict[str, Callable[[Any], Any]] = {
    "autopatrolled": bool,
    "bot": bool,
    "expiry": format_expiry,
    "logparams": json.loads,
    "minor": bool,
    "new": bool,
    "params": json.loads,
    "patrolled": bool,
    "sortkey": write_hex,
    "tags": str.split,
    "timestamp": format_time,
    "unpatrolled": bool,
}


def show_fields(
    run: ModuleRun, row: Mapping[str, Any], title: Optional[Title] = None
) -> Dict[str, Any]:
    """Return the fields of a row on the page `title` that the module is asked for.

    A row says with `anon` that a user is none; its `comment` is shown as HTML too.
    """
    props = run.args["prop"]
    shown = {
        name: _field_forms[name](value) if name in _field_forms else value
        for name, value in pick(props, **row).items()
    }
    if row.get("anon") and ("user" in shown or "userid" in shown):
        shown["anon"] = True
    if title is None:
        return shown
    if "title" in props:
        shown.update(title.entry)
    if "parsedcomment" in props:
        shown["parsedcomment"] = parse_comment(run.store, row["comment"], title)
    return shown


def query_nothing(run: ModuleRun) -> List[QueryItem]:
    """Answer langlinks, pageprops, pageswithprop, filearchive: there are none here."""
    return []
