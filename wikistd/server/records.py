"""Rows of the embedded wiki as values: pages, revisions, changes, files, settings.

Immutable values, but for SiteSettings.  Pure.  Not here: SQL (store.py and its parts).
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .titles import Title, title_text

#: Never the locale's.
MONTH_NAMES = (
    "January February March April May June July August September October November "
    "December"
)


class PageRow(NamedTuple):
    """One page as the table has it.  `redirect` is a full key, "Help:Some_page"."""

    id: int
    namespace: int
    key: str
    redirect: Optional[str]
    latest: int
    size: int
    touched: int
    is_new: int
    model: str

    @property
    def text(self) -> str:
        """The full title."""
        return title_text(self.namespace, self.key)

    @property
    def title(self) -> Title:
        """The title as a value."""
        return Title(self.namespace, self.key)

    @property
    def entry(self) -> Dict[str, Any]:
        """What every reply says of a page."""
        return {"pageid": self.id, "ns": self.namespace, "title": self.text}


class RevisionRow(NamedTuple):
    """One revision as the table has it; `hidden` and `tags` are separated by blanks."""

    id: int
    page: int
    parent: int
    time: int
    account: int
    user: str
    comment: str
    minor: int
    size: int
    sha1: str
    model: str
    content: int
    hidden: str
    tags: str


class PageRecord(NamedTuple):
    """A page with its newest text; what PageStore.get_page returns."""

    page_id: int
    namespace: int
    title: str
    text: str
    revid: int
    timestamp: int
    user: str
    comment: str
    is_redirect: bool
    model: str = "wikitext"


class Change(NamedTuple):
    """One recent change.  `type` is edit, new, log or categorize; times in seconds."""

    rcid: int
    timestamp: int
    type: str
    namespace: int
    title: str
    page_id: int
    revid: int
    old_revid: int
    user_id: int
    user: str
    comment: str
    minor: bool
    bot: bool
    patrolled: bool
    old_len: Optional[int]
    new_len: Optional[int]
    log_id: int
    log_type: str
    log_action: str
    log_params: Dict[str, Any]
    tags: Tuple[str, ...] = ()

    @property
    def target(self) -> Title:
        """What was changed."""
        key = self.title[len(title_text(self.namespace, "")) :]
        return Title(self.namespace, key.replace(" ", "_"))


class Actor(NamedTuple):
    """Who did something: account 0 for somebody at a network address."""

    account: int
    name: str

    @property
    def page(self) -> Title:
        """The title of the user page."""
        return Title(2, self.name.replace(" ", "_"))


class SavedEdit(NamedTuple):
    """What an edit became.  `new_id` is None where the text was the same already."""

    page: int
    old_id: int
    new_id: Optional[int]
    time: int
    is_new: bool


class FileRecord(NamedTuple):
    """One version of a file without its bytes.  `name` has underscores."""

    name: str
    timestamp: int
    size: int
    width: int
    height: int
    bits: int
    mime: str
    media: str
    metadata: Dict[str, Any]
    sha1: str
    user_id: int
    user: str
    comment: str
    archive: str
    rowid: int


class SiteSettings:
    """What the wiki is called, and the switches that tests turn.  One owner.

    `read_only` is the reason or "".  `lag_seconds` is what a replica pretends to lag.
    `rate_limits` maps an action to (hits, seconds).  `login_throttle` likewise.
    A switch that there is not cannot be set: a test would test nothing.
    """

    name = "Embedded wiki"
    wiki_id = "embedded"
    main_page = "Main Page"
    language = "en"
    generator = "MediaWiki 1.39.0"
    read_only = ""
    lag_seconds: Optional[float] = None
    lag_host = ""
    rate_limits: Dict[str, Tuple[int, int]] = {}
    login_throttle: Tuple[int, int] = (5, 300)
    max_article_bytes = 2048 * 1024
    max_result_bytes = 8 * 1024 * 1024
    max_upload_bytes = 100 * 1024 * 1024
    min_chunk_bytes = 1024
    uploads_enabled = True
    title_blacklist: List[str] = []
    spam_blacklist: List[str] = []

    def __init__(self) -> None:
        # Every wiki has its own of what can be changed in place.
        self.rate_limits, self.title_blacklist, self.spam_blacklist = {}, [], []

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            raise AttributeError("a wiki has no switch called %r" % name)
        super().__setattr__(name, value)


def format_time(seconds: int) -> str:
    """Return a time as the API writes it: 2026-11-20T09:30:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def format_expiry(seconds: Optional[int], never: str = "infinity") -> str:
    """Return when something ends, as the API writes it."""
    return never if seconds is None else format_time(seconds)


def format_words(seconds: int) -> str:
    """Return a time as the wiki's sentences have it: 9:30, 20 November 2026."""
    moment = time.gmtime(seconds)
    month = MONTH_NAMES.split()[moment.tm_mon - 1]
    clock = time.strftime("%H:%M", moment)
    return "%s, %d %s %d" % (clock, moment.tm_mday, month, moment.tm_year)


def format_stamp(seconds: int) -> str:
    """Return a time as MediaWiki's tables have it: 20261120093000."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


def parse_stamp(stamp: str) -> int:
    """Return the seconds of a 14-digit time.  ValueError for anything else."""
    import calendar  # 2 ms of import; only continuation comes here

    if len(stamp) != 14 or not stamp.isdigit() or not stamp.isascii():
        raise ValueError("%r is not a time of 14 digits" % (stamp,))
    return calendar.timegm(time.strptime(stamp, "%Y%m%d%H%M%S"))
