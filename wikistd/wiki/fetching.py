"""Batches of pages: a query in; its pages out, as many at once as the wiki bears.

In: the parameters of a query, and titles, ids, a generator or ranges.  Out: the pages
of one batch after the other, and where each began.  A batch that is too much is asked
for in smaller ones.  Spec: https://www.mediawiki.org/wiki/API:Query, API:Continue.
Holds: how much is asked for at once.  Not here: what the user asks for, and the cursor
(wiki/pages.py), merging replies (wiki/merging.py), one call (wiki/session.py).
"""

from __future__ import annotations

from itertools import islice
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

from ..errors import (
    APIError,
    StatusError,
    TransportTimeout,
    WikistdError,
)
from .chain import CircleWatch, ReplyChain
from .merging import (
    PageBatch,
    generator_limit_name,
    has_texts,
    is_truncated,
    untold_page,
)
from .reply import ReplyReading
from .session import Session

#: Values in one request, and texts in one reply: without and with apihighlimits.
LOW_BATCH = 50
HIGH_BATCH = 500

#: Statuses that say a request or its reply was too much at once.
TOO_MUCH_STATUSES = (413, 414, 504)

#: Good batches before a batch that was shrunk grows again.
GROW_AFTER_BATCHES = 4


class BatchSize:
    """How much is asked for at once: shrinks on trouble, grows back.  One owner."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = most
        self.good = 0

    def shrink(self) -> bool:
        """Halve; False when it is one already."""
        self.good = 0
        if self.size <= 1:
            return False
        self.size = max(1, self.size // 2)
        return True

    def grow_to(self, most: int) -> None:
        """Set the largest size; one that has had no trouble grows to it at once."""
        if self.size == self.most or self.size == LOW_BATCH:
            self.size = most
        self.most = most
        self.size = min(self.size, most)

    def succeed(self) -> None:
        """Count a good batch, and grow after some."""
        self.good += 1
        if self.size < self.most and self.good >= GROW_AFTER_BATCHES:
            self.size = min(self.most, self.size * 2)
            self.good = 0


def is_too_much(error: WikistdError) -> bool:
    """Return whether asking for less at once may help."""
    if isinstance(error, StatusError):
        return error.status in TOO_MUCH_STATUSES
    if isinstance(error, APIError):
        return error.code in ("toomanyvalues", "too-many-titles")
    return isinstance(error, TransportTimeout)


def fetch_batch(
    session: Session,
    params: Mapping[str, Any],
    following: Mapping[str, Any],
    chain: Optional[ReplyChain] = None,
) -> Tuple[PageBatch, Optional[Dict[str, Any]]]:
    """Ask until a batch is complete; return it, and where the next one begins."""
    batch = PageBatch()
    watch = CircleWatch()
    turn = 1
    asked: Dict[str, Any] = dict(following)
    while True:
        if chain is None:
            document = session.request("GET", dict(params, **asked))
        else:
            document = chain.ask(params, asked)
        with ReplyReading():
            batch.is_truncated = is_truncated(document) or batch.is_truncated
            batch.add(document)
        batch.replies = turn
        if "continue" not in document:
            return batch, None
        asked = document["continue"]
        if document.get("batchcomplete"):
            return batch, asked
        watch.see(asked)
        turn += 1


def fetch_values(
    session: Session, params: Mapping[str, Any], kind: str, values: List[Any]
) -> Tuple[List[Dict[str, Any]], bool]:
    """Return the pages for a batch of titles or ids, and whether it was too much.

    A batch that is too much is asked for in halves.
    """
    wanted = list(dict.fromkeys(value for value in values if value != ""))
    if not wanted:
        return [untold_page(value) for value in values], False
    try:
        batch, _ = fetch_batch(session, dict(params, **{kind: wanted}), {})
    except WikistdError as error:
        if not is_too_much(error) or len(wanted) < 2:
            raise
        middle = len(values) // 2
        first, _ = fetch_values(session, params, kind, values[:middle])
        second, _ = fetch_values(session, params, kind, values[middle:])
        return first + second, True
    with ReplyReading():
        pages = getattr(batch, "for_" + kind)(values)
    return pages, batch.is_truncated


def fetch_elsewhere(
    fetch: Callable[..., Any], session: Session, *arguments: Any
) -> Any:
    """Call `fetch` for an executor; a session that was copied for it lets go after."""
    try:
        return fetch(session, *arguments)
    finally:
        if session._is_copy:  # It came by pickle to where nobody closes it.
            session.session.keepalive.pool.close_idle()


class FetchedPages(NamedTuple):
    """Pages of one batch, and how to come to them again."""

    pages: List[Dict[str, Any]]
    start: Dict[str, Any]


def guess_batch_limit(session: Session) -> int:
    """Return how many pages the user may have at once, as far as is known.

    Who is logged in is taken for a bot: others get too many texts in portions.
    """
    return session.batch_limit or (LOW_BATCH if session.user is None else HIGH_BATCH)


def learn_limits(session: Session, params: Mapping[str, Any]) -> Dict[str, Any]:
    """Return `params` that also ask for the user's rights, where not yet known."""
    if session.batch_limit is not None or "meta" in params:
        return dict(params)
    return dict(params, meta="userinfo", uiprop="rights")


def value_batches(
    session: Session,
    params: Dict[str, Any],
    kind: str,
    values: Iterable[Any],
    start: Dict[str, Any],
    page_size: Optional[int],
    executor: Any,
) -> Iterator[FetchedPages]:
    """Yield the pages of titles or ids, batch by batch."""
    source = iter(values)
    position = int(start["at"])
    if executor is not None and session.batch_limit is None:
        # Asked for once: what another process learns stays there.
        session.get(action="query", meta="userinfo", uiprop="rights")
    for _ in range(position):
        if next(source, None) is None:
            raise ValueError("cursor stands behind the last of the %s" % kind)
    size = BatchSize(page_size or session.batch_limit or LOW_BATCH)
    most = 0 if executor is None else max(1, getattr(executor, "_max_workers", 4))
    running: List[Tuple[int, Any]] = []
    try:
        while True:
            batch = list(islice(source, size.size))
            if batch and executor is not None:
                future = executor.submit(
                    fetch_elsewhere, fetch_values, session, params, kind, batch
                )
                running.append((position, future))
            elif batch:
                asked = learn_limits(session, params)
                pages, was_too_much = fetch_values(session, asked, kind, batch)
                if was_too_much:
                    size.shrink()
                else:
                    size.succeed()
                yield FetchedPages(pages, {"at": position})
            while len(running) > (most if batch else 0):
                where, future = running.pop(0)
                yield FetchedPages(future.result()[0], {"at": where})
            if not batch:
                return
            position += len(batch)
            told = session.batch_limit
            if page_size is None and told is not None and told != size.most:
                size.grow_to(told)
    finally:
        for _, future in running:
            future.cancel()


def generator_batches(
    session: Session,
    params: Dict[str, Any],
    start: Dict[str, Any],
    page_size: Optional[int],
    total: Optional[int],
    chain: ReplyChain,
) -> Iterator[FetchedPages]:
    """Yield the pages of a generator, batch by batch."""
    limit_name = generator_limit_name(params["generator"])
    if limit_name is None and page_size is not None:
        raise ValueError(
            "page_size: the limit of generator %r is not known: give its own "
            "parameter" % params["generator"]
        )
    is_fixed = limit_name is None or limit_name in params
    has_few = has_texts(params) and page_size is None and not is_fixed
    most = page_size or HIGH_BATCH
    size = BatchSize(most)
    if has_few:
        # More stubs than texts in a reply are wasted bytes; only a bot may have more.
        size.grow_to(guess_batch_limit(session))
    watch = CircleWatch()
    following: Optional[Dict[str, Any]] = start.get("continue", {})
    if "limit" in start:
        size.size = int(start["limit"])
    while following is not None:
        asked = dict(params)
        count: Any = size.size
        if not (page_size or has_few) and size.size == most:
            count = "max"
        if total is not None and total < size.size:
            count = total
        if limit_name is not None and not is_fixed:
            asked[limit_name] = count
        planned = chain.planned(following)
        if planned is not None:
            asked = dict(planned)
        begin = {"continue": following, "limit": size.size}
        try:
            batch, next_following = fetch_batch(session, asked, following, chain)
        except WikistdError as error:
            if is_fixed or not is_too_much(error) or not size.shrink():
                raise
            continue
        if next_following is not None:
            watch.see(next_following)
        if batch.is_truncated:
            size.shrink()
        elif has_few and batch.replies > 1 and len(batch.pages) > LOW_BATCH:
            size.grow_to(LOW_BATCH)  # Texts came in portions: this is no bot.
        else:
            size.succeed()
        fetched = FetchedPages(in_listed_order(batch, params), begin)
        del batch
        yield fetched
        del fetched
        following = next_following


def in_listed_order(
    batch: PageBatch, params: Mapping[str, Any]
) -> List[Dict[str, Any]]:
    """Return the pages of a batch as the generator lists them.

    The wiki answers by page id; where it gives no index, the order of allpages is
    that of the titles' bytes, with underscores.
    """
    with ReplyReading():
        pages = batch.in_order()
    if params["generator"] == "allpages":
        pages.sort(key=title_order, reverse=params.get("gapdir") == "descending")
    return pages


def title_order(page: Mapping[str, Any]) -> bytes:
    """Return the key by which the wiki sorts titles within a namespace."""
    title = str(page.get("title", ""))
    if page.get("ns"):
        title = title.partition(":")[2]
    return title.replace(" ", "_").encode("utf-8", "surrogatepass")


def range_batches(
    session: Session,
    params: Dict[str, Any],
    starts: List[str],
    executor: Any,
    page_size: Optional[int],
) -> Iterator[FetchedPages]:
    """Yield the pages of ranges of titles, several at once, as they come."""
    if executor is None or len(starts) < 2:
        raise ValueError("ranges wants an executor and two or more first titles")
    from concurrent.futures import FIRST_COMPLETED, wait  # 8 ms

    running: Dict[Any, Tuple[Optional[str], Dict[str, Any], CircleWatch]] = {}

    def ask(following: Mapping[str, Any], *whose: Any) -> None:
        future = executor.submit(
            fetch_elsewhere, fetch_batch, session, whose[1], following
        )
        running[future] = whose

    limit = page_size or guess_batch_limit(session)
    try:
        for first, end in zip(starts, [*starts[1:], None]):
            narrowed = dict(params, gapfrom=first or None, gapto=end, gaplimit=limit)
            ask({}, end, narrowed, CircleWatch())
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                end, narrowed, watch = running.pop(future)
                batch, following = future.result()
                if following is not None:
                    watch.see(following)
                    ask(following, end, narrowed, watch)
                with ReplyReading():
                    listed = batch.in_order()
                pages = [page for page in listed if page.get("title") != end]
                yield FetchedPages(pages, {"ranges": len(starts)})
    finally:
        for future in running:
            future.cancel()
