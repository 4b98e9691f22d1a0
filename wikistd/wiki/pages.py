"""query_pages: whole pages, many at a time, in the order asked for.

In: what is asked for, or a cursor.  Out: an iterator over pages that knows where it
stands.  Spec: https://www.mediawiki.org/wiki/API:Query.  Holds: where a query stands.
Not here: getting the batches (wiki/fetching.py), merging replies (wiki/merging.py).
"""

from __future__ import annotations

import json
import threading
from itertools import islice
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NoReturn,
    Optional,
    Tuple,
)

from ..formats.checksums import make_checksum
from .chain import ReplyChain
from .fetching import FetchedPages, generator_batches, range_batches, value_batches
from .merging import fill_limits, word_list
from .params import wrong_type
from .session import Session, check_session

#: Attempts at a batch that times out, before it is made smaller.
BATCH_LOST_ATTEMPTS = 2

VALUE_KINDS = ("titles", "pageids", "revids")


class ReplyAhead:
    """Takes items from an iterator one ahead, in a thread that lives for that one.

    The first one in the consumer's own: what it warns of points to the caller's line.
    """

    def __init__(self, source: Iterator[Any]) -> None:
        self.source = source
        self.thread: Optional[threading.Thread] = None
        self._items: List[Any] = []
        self._errors: List[BaseException] = []

    def _fetch(self) -> None:
        try:
            self._items.append(next(self.source))
        except StopIteration:
            pass
        except BaseException as error:  # Handed to the consumer's thread.
            self._errors.append(error)

    def __iter__(self) -> Iterator[Any]:
        self._fetch()
        while self._items:
            item = self._items.pop()
            self.thread = threading.Thread(target=self._fetch, daemon=True)
            self.thread.start()
            yield item
            item = None  # Its memory is free for the next one.
            self.thread.join()
        if self._errors:
            raise self._errors.pop()


class PageQuery:
    """An iterator over pages that knows where it stands; one owner.

    `cursor` is a plain string with which `query_pages` goes on after the last page
    that was handed out, in any process.
    """

    def __init__(
        self,
        batches: Iterator[FetchedPages],
        signature: str,
        start: Dict[str, Any],
        done: Iterable[Any],
        total: Optional[int],
    ) -> None:
        self._batches = batches
        self._signature = signature
        self._start = start
        self._done: List[Any] = list(done)
        self._skipped = frozenset(self._done)
        self._left = total
        self._pages: List[Dict[str, Any]] = []

    def __repr__(self) -> str:
        return "<PageQuery, %d pages of this batch handed out, %d at hand>" % (
            len(self._done),
            len(self._pages),
        )

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "PageQuery cannot be pickled: its `cursor` is text, and query_pages(..., "
            "cursor=...) goes on there"
        )

    def __iter__(self) -> PageQuery:
        return self

    def __next__(self) -> Dict[str, Any]:
        if self._left is not None and self._left <= 0:
            raise StopIteration
        while True:
            while self._pages:
                # Taken off the list, so that its memory is free for the next reply.
                page = self._pages.pop()
                key = page.get("pageid") or page.get("title")
                if key in self._skipped:
                    continue
                self._done.append(key)
                if self._left is not None:
                    self._left -= 1
                return page
            fetched = next(self._batches)
            if not is_same_batch(fetched.start, self._start):
                self._done = []
                self._skipped = frozenset()
            self._start = fetched.start
            self._pages = fetched.pages
            self._pages.reverse()

    @property
    def cursor(self) -> str:
        """Where the query stands, as text."""
        where = {"of": self._signature, "start": self._start, "done": self._done}
        if "at" in self._start:
            # Titles and ids: the next one's place says all.
            where.update(start={"at": self._start["at"] + len(self._done)}, done=[])
        if "ranges" in self._start:
            raise ValueError("several ranges at once have no cursor")
        return json.dumps(where, separators=(",", ":"))


def is_same_batch(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two batches begin at the same place."""
    here = (one.get("continue", {}), one.get("at"))
    return here == (other.get("continue", {}), other.get("at"))


def query_signature(params: Mapping[str, Any]) -> str:
    """Return a short text that differs for other queries."""
    text = json.dumps(sorted((k, repr(v)) for k, v in params.items()))
    return make_checksum("sha1", text.encode("utf-8", "replace")).hexdigest()[:12]


def query_pages(
    session: Session,
    titles: Optional[Iterable[str]] = None,
    *,
    pageids: Optional[Iterable[int]] = None,
    revids: Optional[Iterable[int]] = None,
    generator: Optional[str] = None,
    total: Optional[int] = None,
    page_size: Optional[int] = None,
    cursor: Optional[str] = None,
    prefetch: bool = True,
    executor: Any = None,
    ranges: Optional[Iterable[str]] = None,
    **params: Any,
) -> PageQuery:
    """Return an iterator over complete pages, as dicts of formatversion 2.

    Give `titles`, `pageids` or `revids` (any iterable): each page comes in that
    order, with the key "asked"; titles that are normalised, converted or redirected
    lead to their page, others are "missing", "invalid" or "interwiki".  Or give a
    `generator`.  Other keywords are parameters of action=query.

    `total` is how many pages at most, `page_size` how many at once (else as many as
    the user may, fewer after trouble).  `cursor` goes on where another query stood
    (with the same arguments).  With `prefetch` the next reply is fetched while this
    one is used, in a thread.  `executor`, of concurrent.futures, asks for several
    batches at once: of titles or ids, or of generator="allpages" over `ranges`, the
    titles at which a range begins, the pages of which then come mingled.
    """
    given = {"titles": titles, "pageids": pageids, "revids": revids}
    kinds = [kind for kind in VALUE_KINDS if given[kind] is not None]
    kind = kinds[0] if kinds else ""
    if len(kinds) + (generator is not None) != 1:
        raise TypeError("give one of titles, pageids, revids and generator")
    if page_size is not None and page_size < 1:
        raise ValueError("page_size must be 1 or more, not %r" % page_size)
    check_session(session)
    if total is not None and not isinstance(total, int):
        raise wrong_type("total must be int or None", total)
    if total is not None and total < 0:
        raise ValueError("total must be 0 or more, not %d" % total)
    if kind and isinstance(given[kind], (str, bytes)):
        raise TypeError("%s is an iterable of values, not one text" % kind)
    params = {"action": "query", **params}
    fill_limits(params)
    view = session.with_options(formatversion=2, lost_attempts=BATCH_LOST_ATTEMPTS)
    signature = query_signature(dict(params, of=kind or generator))
    start, done = read_cursor(cursor, signature)
    if kind:
        check_value_query(kind, params)
        start.setdefault("at", 0)
        values: Iterable[Any] = given[kind] or ()
        values = map(checked_number if kind != "titles" else checked_title, values)
        if total is not None:
            values = islice(values, start["at"] + total)
        batches = value_batches(view, params, kind, values, start, page_size, executor)
    else:
        params["generator"] = generator
        if executor is not None or ranges is not None:
            check_ranges(generator, params, cursor)
            firsts = sorted(ranges or ())
            batches = range_batches(view, params, firsts, executor, page_size)
        else:
            chain = ReplyChain(view, is_ahead=prefetch and total is None)
            batches = generator_batches(view, params, start, page_size, total, chain)
    if prefetch and executor is None and kind:
        batches = iter(ReplyAhead(batches))
    return PageQuery(batches, signature, start, done, total)


def checked_title(title: Any) -> str:
    """Return `title`; TypeError when it is no text, ValueError with a line end in it.

    No title has one, to MediaWiki, but each line of a file does.
    """
    if not isinstance(title, str):
        raise wrong_type("titles are str", title)
    if "\n" in title or "\r" in title:
        raise ValueError("the title %.100r holds a line end: strip() it" % title)
    return title


def checked_number(value: Any) -> int:
    """Return the number of a page or revision; ValueError when it is none."""
    try:
        return int(value)
    except ValueError:
        raise ValueError(
            "pageids and revids are numbers, not %.100r" % (value,)
        ) from None


def read_cursor(
    cursor: Optional[str], signature: str
) -> Tuple[Dict[str, Any], List[Any]]:
    """Return (start of the batch, keys of its pages handed out) from a cursor."""
    if cursor is None:
        return {}, []
    try:
        where = json.loads(cursor)
        of, start, done = where["of"], where["start"], where["done"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("cursor is not one of query_pages") from None
    if of != signature or not isinstance(start, dict) or not isinstance(done, list):
        raise ValueError("cursor is of a query with other arguments")
    return start, done


def check_value_query(kind: str, params: Mapping[str, Any]) -> None:
    """Refuse what cannot be mapped back to what was asked for."""
    if kind == "revids" and "revisions" not in word_list(params.get("prop")):
        raise ValueError("revids wants prop='revisions', which says which is which")
    if kind == "revids" and "ids" not in word_list(params.get("rvprop", "ids")):
        raise ValueError("revids wants 'ids' in rvprop, which says which is which")
    if kind != "titles" and params.get("redirects"):
        raise ValueError("redirects goes with titles: the wiki maps titles only")


def check_ranges(
    generator: Optional[str], params: Mapping[str, Any], cursor: Optional[str]
) -> None:
    """Refuse what is serial by nature."""
    if generator != "allpages":
        raise ValueError(
            "a generator is serial by nature: executor goes with titles, pageids, "
            "revids, and generator='allpages' over ranges"
        )
    if cursor is not None or "gapfrom" in params or "gapto" in params:
        raise ValueError("ranges do not go with cursor, gapfrom or gapto")
