"""The recent changes and the log of the embedded wiki.

In: what was done.  Out: rows, and word of each.  Spec: what MediaWiki logs for each
action.  Holds: the database it was given.
Not here: pages (store.py), the stream of changes (feed.py).
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from .records import Actor, Change
from .schema import WikiDatabase
from .titles import Title, title_text

CHANGE_COLUMNS = (
    "id, time, kind, ns, title, page, revision, old_revision, account, user, comment,"
    " minor, bot, patrolled, old_size, new_size, log, log_type, log_action, params,"
    " tags"
)


class ChangeBook:
    """The changes of one wiki, each with a number that only grows.  Thread-safe.

    `newest` is the number of the last one, 0 without any; whoever waits for another
    is told by `arrived`, a condition.
    """

    def __init__(self, db: WikiDatabase, now: Callable[[], float]) -> None:
        self.db = db
        self.clock_now = now
        self.arrived = threading.Condition()
        self.newest = 0
        self.announce()

    def since(self, number: int, limit: int = 500) -> List[Change]:
        """Return the changes after the one of that number, oldest first."""
        return self.query("id > ? ORDER BY id", (number,), limit)

    def made_since(self, seconds: float, limit: int = 500) -> List[Change]:
        """Return the changes made at that time or later, oldest first."""
        return self.query("time >= ? ORDER BY time, id", (int(seconds),), limit)

    def query(self, where: str, values: Sequence[Any], limit: int) -> List[Change]:
        """Return changes by a WHERE and ORDER BY clause, `limit` at most."""
        sql = "SELECT %s FROM change WHERE %s LIMIT %d"
        rows = self.db.all(sql % (CHANGE_COLUMNS, where, limit), values)
        return [make_change(row) for row in rows]

    def announce(self) -> None:
        """Wake whoever waits for changes; called once a change is committed."""
        newest = self.db.value("SELECT MAX(id) FROM change") or 0
        with self.arrived:
            # Another thread may have seen more, and have been here before.
            self.newest = max(self.newest, newest)
            self.arrived.notify_all()

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Make what is written inside happen whole or not at all, then tell of it.

        May be nested: what the outermost one takes back is never told.
        """
        with self.db.lock:
            is_outer = not self.db.depth
            with self.db.transaction():
                yield
        if is_outer:
            self.announce()

    def add(
        self,
        kind: str,
        title: Title,
        actor: Actor,
        comment: str,
        *,
        page: int,
        revision: int,
        old_revision: int = 0,
        minor: bool = False,
        bot: bool = False,
        patrolled: bool = False,
        sizes: Tuple[int, int] = (0, 0),
        log: Tuple[int, str, str] = (0, "", ""),
        params: Optional[Dict[str, Any]] = None,
        tags: str = "",
    ) -> None:
        """Write a recent change; announce() it after the commit."""
        number, log_type, log_action = log
        self.db.insert(
            "change",
            kind=kind,
            revision=revision,
            old_revision=old_revision,
            minor=minor,
            bot=bot,
            patrolled=patrolled,
            old_size=sizes[0],
            new_size=sizes[1],
            log=number,
            log_type=log_type,
            log_action=log_action,
            **self._facts(title, actor, comment, page, params, tags),
        )

    def add_log(
        self,
        log_type: str,
        action: str,
        title: Title,
        actor: Actor,
        comment: str,
        params: Optional[Dict[str, Any]] = None,
        *,
        page: int = 0,
        is_public: bool = True,
        revision: int = 0,
        tags: str = "",
    ) -> int:
        """Write to the log, and to the recent changes where `is_public`."""
        facts = self._facts(title, actor, comment, page, params, tags)
        log = self.db.insert("log", type=log_type, action=action, **facts)
        if is_public:
            self.add(
                "log",
                title,
                actor,
                comment,
                page=page,
                revision=revision,
                patrolled=True,
                log=(log, log_type, action),
                params=params,
                tags=tags,
            )
        return log

    def _facts(
        self,
        title: Title,
        actor: Actor,
        comment: str,
        page: int,
        params: Optional[Dict[str, Any]],
        tags: str,
    ) -> Dict[str, Any]:
        """Return the columns that the log and the recent changes both have."""
        return {
            "time": int(self.clock_now()),
            "ns": title.namespace,
            "title": title.key,
            "page": page,
            "account": actor.account,
            "user": actor.name,
            "comment": comment,
            "params": json.dumps(params or {}),
            "tags": tags,
        }


def make_change(row: Sequence[Any]) -> Change:
    """Return a row of CHANGE_COLUMNS as a value."""
    return Change._make(
        [
            *row[:4],
            title_text(row[3], row[4]),
            *row[5:11],
            *map(bool, row[11:14]),
            *row[14:19],
            json.loads(row[19]),
            tuple(row[20].split()),
        ]
    )
