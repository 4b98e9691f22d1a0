"""The embedded wiki's database: tables, and a connection that threads may share.

In: SQL and values.  Out: rows.  Holds: one sqlite3 connection behind a lock.
Spec: sqlite3, 3.8 or newer.  Not here: what the rows mean (store.py and its parts).
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence, Tuple

if TYPE_CHECKING:
    import sqlite3

#: Raised when a table changes its shape; a file of another version is refused.
SCHEMA_VERSION = 1

#: Times are whole seconds since 1970; titles are keys, with underscores, no namespace.
SCHEMA_TABLES = """
CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL DEFAULT '', email TEXT NOT NULL DEFAULT '',
  secret TEXT NOT NULL, registered INTEGER, edits INTEGER NOT NULL DEFAULT 0,
  options TEXT NOT NULL DEFAULT '{}', second_step TEXT NOT NULL DEFAULT '');
CREATE TABLE membership (
  account INTEGER NOT NULL, name TEXT NOT NULL, expiry INTEGER,
  PRIMARY KEY (account, name)) WITHOUT ROWID;
CREATE TABLE bot_password (
  account INTEGER NOT NULL, app TEXT NOT NULL, password TEXT NOT NULL,
  grants TEXT NOT NULL, addresses TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (account, app)) WITHOUT ROWID;
CREATE TABLE session (
  id TEXT PRIMARY KEY, account INTEGER NOT NULL, app TEXT NOT NULL,
  data TEXT NOT NULL, touched INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE page (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ns INTEGER NOT NULL, title TEXT NOT NULL,
  redirect TEXT, latest INTEGER NOT NULL, size INTEGER NOT NULL,
  touched INTEGER NOT NULL, is_new INTEGER NOT NULL, model TEXT NOT NULL);
CREATE UNIQUE INDEX page_title ON page (ns, title);
CREATE INDEX page_redirect ON page (redirect) WHERE redirect IS NOT NULL;
CREATE TABLE content (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE revision (
  id INTEGER PRIMARY KEY AUTOINCREMENT, page INTEGER NOT NULL,
  parent INTEGER NOT NULL, time INTEGER NOT NULL, account INTEGER NOT NULL,
  user TEXT NOT NULL, comment TEXT NOT NULL, minor INTEGER NOT NULL,
  size INTEGER NOT NULL, sha1 TEXT NOT NULL, model TEXT NOT NULL,
  content INTEGER NOT NULL, hidden TEXT NOT NULL DEFAULT '',
  tags TEXT NOT NULL DEFAULT '');
CREATE INDEX revision_page ON revision (page, time, id);
CREATE INDEX revision_user ON revision (user, time, id);
CREATE INDEX revision_time ON revision (time, id);
CREATE TABLE deleted_revision (
  id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, title TEXT NOT NULL,
  page INTEGER NOT NULL, parent INTEGER NOT NULL, time INTEGER NOT NULL,
  account INTEGER NOT NULL, user TEXT NOT NULL, comment TEXT NOT NULL,
  minor INTEGER NOT NULL, size INTEGER NOT NULL, sha1 TEXT NOT NULL,
  model TEXT NOT NULL, content INTEGER NOT NULL, tags TEXT NOT NULL);
CREATE INDEX deleted_title ON deleted_revision (ns, title, time, id);
CREATE TABLE link (
  kind TEXT NOT NULL, page INTEGER NOT NULL, ns INTEGER NOT NULL,
  title TEXT NOT NULL, from_ns INTEGER NOT NULL,
  PRIMARY KEY (kind, page, ns, title)) WITHOUT ROWID;
CREATE INDEX link_target ON link (kind, ns, title, page);
CREATE TABLE outlink (
  page INTEGER NOT NULL, position INTEGER NOT NULL, url TEXT NOT NULL,
  sort_url TEXT NOT NULL, PRIMARY KEY (page, position)) WITHOUT ROWID;
CREATE INDEX outlink_url ON outlink (sort_url, page);
CREATE TABLE category_member (
  page INTEGER NOT NULL, category TEXT NOT NULL, kind TEXT NOT NULL,
  sortkey TEXT NOT NULL, prefix TEXT NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY (page, category)) WITHOUT ROWID;
CREATE INDEX category_sort ON category_member (category, kind, sortkey, page);
CREATE INDEX category_time ON category_member (category, time, page);
CREATE TABLE category (
  title TEXT PRIMARY KEY, pages INTEGER NOT NULL, subcats INTEGER NOT NULL,
  files INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE change (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL,
  ns INTEGER NOT NULL, title TEXT NOT NULL, page INTEGER NOT NULL,
  revision INTEGER NOT NULL, old_revision INTEGER NOT NULL,
  account INTEGER NOT NULL, user TEXT NOT NULL, comment TEXT NOT NULL,
  minor INTEGER NOT NULL, bot INTEGER NOT NULL, patrolled INTEGER NOT NULL,
  old_size INTEGER, new_size INTEGER, log INTEGER NOT NULL,
  log_type TEXT NOT NULL, log_action TEXT NOT NULL, params TEXT NOT NULL,
  tags TEXT NOT NULL DEFAULT '');
CREATE INDEX change_time ON change (time, id);
CREATE INDEX change_revision ON change (revision);
CREATE TABLE log (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, type TEXT NOT NULL,
  action TEXT NOT NULL, ns INTEGER NOT NULL, title TEXT NOT NULL,
  page INTEGER NOT NULL, account INTEGER NOT NULL, user TEXT NOT NULL,
  comment TEXT NOT NULL, params TEXT NOT NULL, tags TEXT NOT NULL DEFAULT '');
CREATE INDEX log_time ON log (time, id);
CREATE INDEX log_title ON log (ns, title, time);
CREATE TABLE file (
  name TEXT NOT NULL, time INTEGER NOT NULL, is_current INTEGER NOT NULL,
  archive TEXT NOT NULL DEFAULT '', size INTEGER NOT NULL, width INTEGER NOT NULL,
  height INTEGER NOT NULL, bits INTEGER NOT NULL, mime TEXT NOT NULL,
  media TEXT NOT NULL, metadata TEXT NOT NULL, sha1 TEXT NOT NULL,
  account INTEGER NOT NULL, user TEXT NOT NULL, comment TEXT NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX file_name ON file (name, is_current, time);
CREATE INDEX file_sha1 ON file (sha1);
CREATE TABLE stash (
  filekey TEXT PRIMARY KEY, account INTEGER NOT NULL, time INTEGER NOT NULL,
  status TEXT NOT NULL, size INTEGER NOT NULL, name TEXT NOT NULL,
  stage TEXT NOT NULL DEFAULT '');
CREATE TABLE stash_part (
  filekey TEXT NOT NULL, position INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (filekey, position));
CREATE TABLE protection (
  ns INTEGER NOT NULL, title TEXT NOT NULL, type TEXT NOT NULL,
  level TEXT NOT NULL, expiry INTEGER, time INTEGER NOT NULL, user TEXT NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (ns, title, type)) WITHOUT ROWID;
CREATE TABLE block (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL,
  target TEXT NOT NULL UNIQUE, by_id INTEGER NOT NULL, by_name TEXT NOT NULL,
  reason TEXT NOT NULL, time INTEGER NOT NULL, expiry INTEGER,
  flags TEXT NOT NULL, restrictions TEXT NOT NULL);
CREATE TABLE watch (
  account INTEGER NOT NULL, ns INTEGER NOT NULL, title TEXT NOT NULL,
  PRIMARY KEY (account, ns, title)) WITHOUT ROWID;
CREATE TABLE tag (name TEXT PRIMARY KEY, is_manual INTEGER NOT NULL) WITHOUT ROWID;
"""

Row = Tuple[Any, ...]


def _why_unopened(path: str, error: Exception) -> str:
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        return "that is a folder: name a file in it"
    if not os.path.isdir(folder):
        return "there is no folder %s: make it first" % folder
    return str(error)


def _make_private(path: str) -> None:
    """Make the file of a new wiki, which will hold accounts, for its owner alone."""
    if path != ":memory:":
        # It is there, or cannot be made: sqlite3 meets that too, and says why.
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


class WikiDatabase:
    """One sqlite3 connection, used by one thread at a time.  Thread-safe.

    A file is kept in WAL mode, so that another process may read it meanwhile.
    """

    def __init__(self, path: str = ":memory:") -> None:
        import sqlite3  # a crippled Python may lack it

        self.path = path
        self.lock = threading.RLock()
        self.depth = 0
        self.connection: Optional[sqlite3.Connection] = None
        _make_private(path)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            try:
                self.connection = sqlite3.connect(
                    path, check_same_thread=False, isolation_level=None, timeout=30.0
                )
                self._prepare()
            except sqlite3.DatabaseError as error:
                reason = "%s is not a wiki database: %s" % (path, error)
                if isinstance(error, sqlite3.OperationalError):
                    why = _why_unopened(path, error)
                    reason = "the wiki's file %s: %s" % (path, why)
                raise ValueError(reason) from error
            on_failure.pop_all()

    def _prepare(self) -> None:
        if self.path != ":memory:":
            self.run("PRAGMA journal_mode = WAL")
            # A power cut may lose the last edits of a demo wiki, never the file.
            self.run("PRAGMA synchronous = NORMAL")
        with self.transaction():
            version = self.value("PRAGMA user_version")
            if version == SCHEMA_VERSION:
                return
            if version or self.value("SELECT COUNT(*) FROM sqlite_master"):
                raise ValueError(
                    "%s is not a wiki database of version %d"
                    % (self.path, SCHEMA_VERSION)
                )
            for statement in SCHEMA_TABLES.split(";\n"):
                if statement.strip():
                    self.run(statement)
            self.run("PRAGMA user_version = %d" % SCHEMA_VERSION)

    def opened(self) -> sqlite3.Connection:
        """Return the connection, or raise ValueError after close()."""
        if self.connection is None:
            raise ValueError("the wiki's database is closed")
        return self.connection

    def all(self, sql: str, values: Sequence[Any] = ()) -> List[Row]:
        """Return every row of a query; give it a LIMIT."""
        with self.lock:
            return self.opened().execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Optional[Row]:
        """Return the first row of a query, or None."""
        with self.lock, contextlib.closing(self.opened().execute(sql, values)) as found:
            row: Optional[Row] = found.fetchone()
            return row

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(sql, values)
        return None if row is None else row[0]

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement; return the id of the row it inserted."""
        # A pragma's row that nobody fetched holds up COMMIT until the cursor is closed,
        # which without reference counting nobody else does.
        with self.lock, contextlib.closing(self.opened().execute(sql, values)) as done:
            return done.lastrowid or 0

    def insert(self, table: str, **values: Any) -> int:
        """Write one row; return its id."""
        sql = "INSERT INTO %s (%s) VALUES (%s)"
        places = ", ".join("?" * len(values))
        return self.run(sql % (table, ", ".join(values), places), list(values.values()))

    def update(self, table: str, row: int, **values: Any) -> None:
        """Give the row of that id other values."""
        columns = ", ".join(name + " = ?" for name in values)
        sql = "UPDATE %s SET %s WHERE id = ?" % (table, columns)
        self.run(sql, [*values.values(), row])

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement once for each of `rows`."""
        with self.lock:
            self.opened().executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements inside all happen, or none; may be nested."""
        with self.lock:
            if self.depth:
                yield
                return
            self.run("BEGIN IMMEDIATE")
            self.depth += 1
            try:
                yield
            except BaseException:
                self.depth -= 1
                self.run("ROLLBACK")
                raise
            self.depth -= 1
            self.run("COMMIT")

    def close(self) -> None:
        """Close the connection; harmless when it is closed."""
        with self.lock:
            connection, self.connection = self.connection, None
            if connection is not None:
                connection.close()
