"""PageStore: the embedded wiki's pages, accounts, files and recent changes.

In: edits and the like.  Out: rows.  Holds: one database.
Spec: what MediaWiki keeps for each action.  Not here: recent changes and the log
(changes.py); who may do it, and the API (actions*.py); moving, deleting, protecting
(custodian.py); files (files.py).
"""

from __future__ import annotations

import time
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from ..formats.checksums import make_checksum
from .accounts import AccountBook, canonical_user_name, is_address
from .changes import ChangeBook
from .files import FileShelf
from .linkbook import LinkBook
from .markup import find_links
from .records import (
    Actor,
    FileRecord,
    PageRecord,
    PageRow,
    RevisionRow,
    SavedEdit,
    SiteSettings,
)
from .schema import WikiDatabase
from .titles import Title, clean_text, default_model, parse_title

PAGE_COLUMNS = "id, ns, title, redirect, latest, size, touched, is_new, model"
REVISION_COLUMNS = (
    "id, page, parent, time, account, user, comment, minor, size, sha1, model,"
    " content, hidden, tags"
)
#: SQLite takes 999 values in one statement in its older builds.
MAX_SQL_VALUES = 500


class PageStore:
    """A wiki in one sqlite3 file, or in memory.  Thread-safe.

    `path` is the file, made where it is missing.  `now` is a function that returns
    seconds since 1970.  `site` holds the name and the switches; `accounts`, `files` and
    `changes` what they are called.  Close it, or use it as a context manager.

        store = PageStore()
        store.create_user("Demo", "a password", groups=["sysop"])
        store.save_page("Main Page", "Hello", user="Demo")
    """

    def __init__(
        self, path: str = ":memory:", *, now: Callable[[], float] = time.time
    ) -> None:
        self.db = WikiDatabase(path)
        self.clock_now = now
        self.site = SiteSettings()
        self.accounts = AccountBook(self.db)
        self.files = FileShelf(self.db)
        self.links = LinkBook(self.db)
        self.changes = ChangeBook(self.db, now)
        self.throttles: Dict[Tuple[str, str], List[float]] = {}
        # Uploads whose last step waits, and those published before their last chunk.
        self.jobs: Dict[str, Callable[[], Dict[str, Any]]] = {}
        self.polled_jobs: Set[str] = set()
        self.unfinished: Dict[str, int] = {}

    def __repr__(self) -> str:
        return "<PageStore %s, %d changes>" % (self.db.path, self.changes.newest)

    def __enter__(self) -> PageStore:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; harmless when it is closed."""
        self.db.close()

    def now(self) -> int:
        """Return the time in whole seconds, all that a wiki keeps."""
        return int(self.clock_now())

    # Accounts

    def create_user(
        self, name: str, password: str, *, groups: Iterable[str] = ()
    ) -> int:
        """Make an account and return its id.  ValueError where the name is taken."""
        account, canonical = self.accounts.create(name, password, groups, self.now())
        actor = Actor(account, canonical)
        params = {"userid": account}
        self.changes.add_log("newusers", "create", actor.page, actor, "", params)
        self.changes.announce()
        return account

    def create_bot_password(
        self,
        user: str,
        app_id: str,
        password: str,
        *,
        grants: Optional[Iterable[str]] = None,
        addresses: str = "",
    ) -> None:
        """Let `user` log in as user@app_id with `password`, with all grants or some.

        `addresses` are the networks that it works from, separated by blanks.
        """
        account = self.actor(user).account
        if not account:
            raise ValueError("there is no user %r" % (user,))
        self.accounts.create_bot_password(account, app_id, password, grants, addresses)

    def actor(self, user: str) -> Actor:
        """Return the account called `user`, or the address.  ValueError for neither."""
        if is_address(user):
            return Actor(0, user)
        name = canonical_user_name(user)
        account = self.accounts.find(name) if name else None
        if name is None or account is None:
            raise ValueError("there is no user %r" % (user,))
        return Actor(account, name)

    # Reading

    def find_page(self, title: Union[str, Title]) -> Optional[PageRow]:
        """Return the page of that title, or None.  InvalidTitle for a bad one."""
        wanted = parse_title(title) if isinstance(title, str) else title
        found = self.query_pages("ns = ? AND title = ?", wanted[:2], 1)
        return found[0] if found else None

    def find_pages(
        self, wanted: Sequence[Tuple[int, str]]
    ) -> Dict[Tuple[int, str], PageRow]:
        """Return the pages of those namespaces and keys that exist."""
        found: Dict[Tuple[int, str], PageRow] = {}
        for namespace in {number for number, _ in wanted}:
            keys = [key for number, key in wanted if number == namespace]
            sql = "SELECT %s FROM page WHERE ns = %d AND title IN (%%s)"
            for row in self.select_in(sql % (PAGE_COLUMNS, namespace), keys):
                page = PageRow._make(row)
                found[namespace, page.key] = page
        return found

    def find_pages_by_id(self, ids: Sequence[int]) -> Dict[int, PageRow]:
        """Return the pages of those ids that exist."""
        rows = self.select_in(
            "SELECT %s FROM page WHERE id IN (%%s)" % PAGE_COLUMNS, ids
        )
        return {row[0]: PageRow._make(row) for row in rows}

    def find_revisions(self, ids: Sequence[int]) -> Dict[int, RevisionRow]:
        """Return the revisions of those ids that exist."""
        sql = "SELECT %s FROM revision WHERE id IN (%%s)" % REVISION_COLUMNS
        return {row[0]: RevisionRow._make(row) for row in self.select_in(sql, ids)}

    def find_revision(self, revision: int) -> Optional[RevisionRow]:
        """Return one revision, or None."""
        return self.find_revisions([revision]).get(revision)

    def query_revisions(
        self, where: str, values: Sequence[Any], limit: int
    ) -> List[RevisionRow]:
        """Return revisions by a WHERE and ORDER BY clause, `limit` at most."""
        rows = self.db.all(
            "SELECT %s FROM revision WHERE %s LIMIT %d"
            % (REVISION_COLUMNS, where, limit),
            values,
        )
        return [RevisionRow._make(row) for row in rows]

    def query_pages(
        self, where: str, values: Sequence[Any], limit: int, *, join: str = ""
    ) -> List[PageRow]:
        """Return pages by a WHERE and ORDER BY clause, `limit` at most."""
        columns = ", ".join("page." + name for name in PAGE_COLUMNS.split(", "))
        rows = self.db.all(
            "SELECT %s FROM page %s WHERE %s LIMIT %d" % (columns, join, where, limit),
            values,
        )
        return [PageRow._make(row) for row in rows]

    def select_in(self, sql: str, values: Sequence[Any]) -> List[Tuple[Any, ...]]:
        """Run `sql`, whose %s becomes a list of `values`, in parts of 500."""
        rows: List[Tuple[Any, ...]] = []
        for start in range(0, len(values), MAX_SQL_VALUES):
            part = values[start : start + MAX_SQL_VALUES]
            rows += self.db.all(sql % ",".join("?" * len(part)), part)
        return rows

    def read_text(self, revision: RevisionRow) -> str:
        """Return the text of a revision."""
        body = self.db.value(
            "SELECT body FROM content WHERE id = ?", (revision.content,)
        )
        return "" if body is None else str(body)

    def get_page(self, title: Union[str, Title]) -> Optional[PageRecord]:
        """Return a page with its text, or None.  InvalidTitle for a bad title."""
        page = self.find_page(title)
        revision = None if page is None else self.find_revision(page.latest)
        if page is None or revision is None:
            return None
        return PageRecord(
            page.id,
            page.namespace,
            page.text,
            self.read_text(revision),
            revision.id,
            revision.time,
            revision.user,
            revision.comment,
            page.redirect is not None,
            page.model,
        )

    def get_file(self, name: str) -> Optional[FileRecord]:
        """Return the newest version of a file by its name, or None."""
        return self.files.find(name)

    # Writing

    def save_page(
        self,
        title: str,
        text: str,
        *,
        user: str,
        summary: str = "",
        minor: bool = False,
        bot: bool = False,
    ) -> int:
        """Write a page, whoever may; return the id of its newest revision.

        The text is stored as MediaWiki stores it: NFC, LF, no blanks at the end.
        """
        wanted = parse_title(title)
        if wanted.namespace < 0 or wanted.interwiki:
            raise ValueError("%r cannot be a page of this wiki" % (title,))
        saved = self.write_page(
            wanted, clean_text(text)[0], self.actor(user), summary, minor=minor, bot=bot
        )
        return saved.old_id if saved.new_id is None else saved.new_id

    def write_page(
        self,
        title: Title,
        text: str,
        actor: Actor,
        comment: str,
        *,
        minor: bool = False,
        bot: bool = False,
        patrolled: bool = False,
        model: Optional[str] = None,
        tags: Sequence[str] = (),
        is_listed: bool = True,
        is_logged: bool = True,
    ) -> SavedEdit:
        """Write a new revision of a page, its links and the change; all or nothing."""
        body = text.replace("\r\n", "\n").rstrip()
        with self.changes.recording():
            page = self.find_page(title)
            old = self.find_revision(page.latest) if page else None
            model = model or (page.model if page else default_model(title))
            is_same = page is not None and page.model == model
            if page and old and is_same and self.read_text(old) == body:
                return SavedEdit(page.id, old.id, None, old.time, False)
            tag_text = " ".join(tags)
            saved = self._insert_revision(
                title,
                page,
                body,
                time=self.now(),
                account=actor.account,
                user=actor.name,
                comment=comment,
                minor=int(minor),
                model=model,
                tags=tag_text,
            )
            assert saved.new_id is not None
            if is_listed:
                self.changes.add(
                    "new" if saved.is_new else "edit",
                    title,
                    actor,
                    comment,
                    page=saved.page,
                    revision=saved.new_id,
                    old_revision=saved.old_id,
                    minor=minor,
                    bot=bot,
                    patrolled=patrolled,
                    sizes=(old.size if old else 0, len(body.encode("utf-8"))),
                    tags=tag_text,
                )
            if saved.is_new and is_logged:
                self.changes.add_log(
                    "create",
                    "create",
                    title,
                    actor,
                    comment,
                    page=saved.page,
                    is_public=False,
                    tags=tag_text,
                )
        return saved

    def _insert_revision(
        self, title: Title, page: Optional[PageRow], body: str, **columns: Any
    ) -> SavedEdit:
        data = body.encode("utf-8", "surrogatepass")
        now, model, account = columns["time"], columns["model"], columns["account"]
        links = find_links(body if model == "wikitext" else "")
        facts = {
            "redirect": str(links.redirect) if links.redirect else None,
            "size": len(data),
            "touched": now,
            "is_new": int(page is None),
            "model": model,
        }
        if page is None:
            place = {"ns": title.namespace, "title": title.key}
            page_id, parent = self.db.insert("page", latest=0, **place, **facts), 0
        else:
            page_id, parent = page.id, page.latest
        revision = self.db.insert(
            "revision",
            page=page_id,
            parent=parent,
            size=len(data),
            sha1=make_checksum("sha1", data).hexdigest(),
            content=self.db.insert("content", body=body),
            **columns,
        )
        self.db.update("page", page_id, latest=revision, **facts)
        if account:
            self.db.run("UPDATE account SET edits = edits + 1 WHERE id = ?", (account,))
        self.links.update(page_id, title, links, now, is_first=page is None)
        return SavedEdit(page_id, parent, revision, now, page is None)

    def is_watched(self, account: int, title: Title) -> bool:
        """Return whether an account watches a page, which its talk page goes with."""
        sql = "SELECT 1 FROM watch WHERE account = ? AND ns = ? AND title = ?"
        row = (account, title.namespace & ~1, title.key)
        return self.db.one(sql, row) is not None

    def set_watched(self, account: int, title: Title, is_on: bool) -> None:
        """Put a page on the watchlist of an account, or take it off."""
        row = (account, title.namespace & ~1, title.key)
        if is_on:
            self.db.run("INSERT OR IGNORE INTO watch VALUES (?, ?, ?)", row)
        else:
            sql = "DELETE FROM watch WHERE account = ? AND ns = ? AND title = ?"
            self.db.run(sql, row)

    def is_throttled(self, action: str, who: str, hits: int, seconds: int) -> bool:
        """Count one more of `action` by `who`; return whether that is one too many."""
        now = self.clock_now()
        with self.db.lock:
            times = self.throttles.setdefault((action, who), [])
            times[:] = [when for when in times if when > now - seconds]
            if len(times) >= hits:
                return True
            times.append(now)
            return False
