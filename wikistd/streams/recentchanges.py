"""Recent changes from the Action API, as the events that EventStreams would have sent.

In: a Session (its `get`).  Out: dicts of the recentchange schema, in order.
Spec: https://www.mediawiki.org/wiki/API:RecentChanges and
https://schema.wikimedia.org/ mediawiki/recentchange.  Holds: which changes were given
out.  Not here: the live stream (streams/eventstreams.py).
"""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.parse
from collections import OrderedDict, deque
from typing import Any, Deque, Dict, Iterable, Iterator, List, Optional, Tuple

from ..clock import Clock
from ..errors import APIError, ProtocolError, StatusError
from .eventstreams import EventStreams
from .reconnect import SEEN_EVENTS, StreamGap
from .whence import SinceValue, read_iso_milliseconds, read_since

RC_POLL_SECONDS = 10.0
#: A change is in the list when its transaction ended, at the time when it began.
RC_OVERLAP_SECONDS = 60
RC_LAST_SECONDS = 253402300799  # the end of the year 9999
RC_SCHEMA = "/mediawiki/recentchange/1.0.0"
RC_STREAM = "mediawiki.recentchange"
RC_PROPERTIES = "user|comment|parsedcomment|flags|timestamp|title|ids|sizes|loginfo"
RC_TYPES = "edit|new|log|categorize|external"
#: What MediaWiki's wfUrlencode() leaves as it is in a title.
RC_URL_SAFE = ";@$!*(),/~:"


class RecentChanges:
    """The recent changes of a wiki by polling its API; an iterator of event dicts.

    For wikis without EventStreams: the same events in the same shape, `meta` without
    topic and offset, `patrolled` missing (it needs a right).  Begins with changes after
    `since` (as EventStreams takes it), by default now; asks again `poll_seconds` after
    it had all; ends after `total`.  Changes that appear late, because their
    transaction was slow, are found while they are within `overlap_seconds`.
    `list(filter(stream.streamfilter, changes))` filters as an EventStreams does.
    One thread iterates; `close()` may come from any and ends a pause at once.
    """

    def __init__(
        self,
        site: Any,
        *,
        since: SinceValue = None,
        total: Optional[int] = None,
        poll_seconds: float = RC_POLL_SECONDS,
        overlap_seconds: int = RC_OVERLAP_SECONDS,
        clock: Optional[Clock] = None,
    ) -> None:
        self.site = site
        self.poll_seconds = poll_seconds
        self.overlap_seconds = overlap_seconds
        self.polls = 0
        self._total = total
        self._given = 0
        self._clock = clock or Clock()
        self._about: Optional[Dict[str, str]] = None
        self._from_seconds: Optional[int] = None
        milliseconds = read_since(since)[0]
        if milliseconds is not None:
            self._from_seconds = milliseconds // 1000
        self._first_seconds = self._from_seconds
        self._seen = SeenChanges()
        self._events: Iterator[Dict[str, Any]] = iter(())
        self._closed = threading.Event()

    def __iter__(self) -> RecentChanges:
        return self

    def __next__(self) -> Dict[str, Any]:
        while not self._closed.is_set():
            if self._total is not None and self._given >= self._total:
                self.close()
                break
            for event in self._events:
                self._given += 1
                return event
            if self.polls:
                self._clock.wait(self._closed, self.poll_seconds)
            self._events = self.poll()
        raise StopIteration

    def poll(self) -> Iterator[Dict[str, Any]]:
        """Ask the wiki once; yield the events that are new, oldest first."""
        self.polls += 1
        known = -1
        if self._from_seconds is None:
            # What was there before the first look is not news.
            known, self._from_seconds = self._newest()
            self._first_seconds = self._from_seconds
        start = max(self._from_seconds - self.overlap_seconds, self._first_seconds or 0)
        for change in self._fetch(start):
            if self._closed.is_set():
                return
            with rc_reading("a recent change"):
                number = rc_number(change)
            if self._seen.add(number) and number > known:
                about = self._siteinfo()
                with rc_reading("a recent change"):
                    event = make_rc_event(change, about)
                self._from_seconds = max(self._from_seconds, event["timestamp"])
                yield event

    def _newest(self) -> Tuple[int, int]:
        """Return (number, seconds) of the newest change; the wiki's time if none."""
        document = self.site.get(
            action="query",
            list="recentchanges",
            rclimit=1,
            rcprop="timestamp|ids",
            rctype=RC_TYPES,
            curtimestamp=True,
            formatversion=2,
        )
        with rc_reading("the newest change"):
            for change in document["query"]["recentchanges"]:
                return rc_number(change), rc_seconds(change["timestamp"])
            return 0, rc_seconds(document["curtimestamp"])

    def _fetch(self, start_seconds: int) -> Iterator[Dict[str, Any]]:
        """Yield the rows from a second on, oldest first."""
        documents = self.site.get(
            continuation=True,
            action="query",
            list="recentchanges",
            rcdir="newer",
            rcstart=rc_timestamp(start_seconds),
            rclimit="max",
            rcprop=RC_PROPERTIES,
            rctype=RC_TYPES,
            formatversion=2,
        )
        for document in documents:
            with rc_reading("the list of recent changes"):
                # A wiki in miser mode may send batches without the list.
                rows = document.get("query", {}).get("recentchanges", [])
                if not isinstance(rows, list):
                    raise TypeError("%r is no list" % type(rows))
            yield from rows

    def _siteinfo(self) -> Dict[str, str]:
        if self._about is None:
            document = self.site.get(
                action="query", meta="siteinfo", siprop="general", formatversion=2
            )
            with rc_reading("the wiki's general information"):
                self._about = read_rc_site(document["query"]["general"])
        return self._about

    def close(self) -> None:
        """End the iteration, from any thread.  Idempotent."""
        self._closed.set()

    def __enter__(self) -> RecentChanges:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<RecentChanges of %r, %d polls>" % (self.site, self.polls)


class RecentChangesBridge:
    """The changes since a moment from the API, then the live stream; each once.

    `site` is a Session.  `since` may lie further back than the stream's history.
    Where the stream reports a gap, the gap is filled from the API.  A wiki that has
    no streams (404, or no event stream there) is polled instead.  Further keyword
    arguments are those of EventStreams, whose filters `streams` has.  An iterator and
    a context manager; `close()` may come from any thread.  After an error another
    `next()` goes on where it was.
    """

    def __init__(
        self,
        site: Any,
        *,
        since: SinceValue = None,
        poll_seconds: float = RC_POLL_SECONDS,
        overlap_seconds: int = RC_OVERLAP_SECONDS,
        clock: Optional[Clock] = None,
        **kwargs: Any,
    ) -> None:
        self.site = site
        self.overlap_seconds = overlap_seconds
        self.is_live = False
        self.backfilled = 0
        self.changes = RecentChanges(
            site,
            since=since,
            poll_seconds=poll_seconds,
            overlap_seconds=overlap_seconds,
            clock=clock,
        )
        kwargs.setdefault("streams", "recentchange")
        self.streams = EventStreams(site=site, clock=clock, on_gap=self._fill, **kwargs)
        self._seen = SeenChanges()
        self._ready: Deque[Dict[str, Any]] = deque()
        self._gaps: List[Tuple[int, int]] = []
        self._generator = self._run()

    def __iter__(self) -> RecentChangesBridge:
        return self

    def __next__(self) -> Dict[str, Any]:
        try:
            return next(self._generator)
        except StopIteration:
            raise
        except BaseException:
            # Ctrl-C too: the next one goes on where this one was.
            self._generator = self._run()
            raise

    def _run(self) -> Iterator[Dict[str, Any]]:
        before = -1
        while self.streams.source is None and before != self.backfilled:
            # Reading them took time, in which more happened: until one look is empty.
            before = self.backfilled
            yield from self._new(self._counted(self.changes.poll()))
        if self.streams.source is None:
            newest = self.changes._from_seconds or 0
            self.streams.start_at((newest - self.overlap_seconds) * 1000)
        self._fill_gaps()
        try:
            for event in self.streams:
                self.is_live = True
                while self._ready:
                    yield from self._new([self._ready.popleft()])
                yield from self._new([event])
        except (StatusError, ProtocolError) as error:
            if self.is_live or not is_without_streams(error):
                raise
            yield from self._new(self.changes)

    def _new(self, events: Iterable[Dict[str, Any]]) -> Iterator[Dict[str, Any]]:
        """Yield those that pass the filters and were not given out by the other way."""
        for event in events:
            number = event.get("id")
            if isinstance(number, int) and not self._seen.add(number):
                continue
            if self.streams.streamfilter(event):
                yield event

    def _counted(self, events: Iterable[Dict[str, Any]]) -> Iterator[Dict[str, Any]]:
        for event in events:
            self.backfilled += 1
            yield event

    def _fill(self, gap: StreamGap) -> None:
        """Fetch what the stream had no more."""
        if gap.after_milliseconds is None or gap.before_milliseconds is None:
            return
        if not 0 <= gap.after_milliseconds // 1000 <= RC_LAST_SECONDS:
            return  # the service's times are not times
        self._gaps.append((gap.after_milliseconds, gap.before_milliseconds // 1000))
        self._fill_gaps()

    def _fill_gaps(self) -> None:
        while self._gaps:  # one whose filling fails stays
            since, last = self._gaps[0]
            found = RecentChanges(self.site, since=since).poll()
            events = (event for event in found if event["timestamp"] <= last)
            self._ready.extend(self._counted(events))
            del self._gaps[0]

    def close(self) -> None:
        """End both ways, from any thread.  Idempotent."""
        self.changes.close()
        self.streams.close()

    def __enter__(self) -> RecentChangesBridge:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        way = "live" if self.is_live else "from the API"
        return "<RecentChangesBridge of %r, %s>" % (self.site, way)


class SeenChanges:
    """The numbers of the last changes given out, SEEN_EVENTS of them."""

    def __init__(self) -> None:
        self.numbers: OrderedDict[int, None] = OrderedDict()

    def add(self, number: int) -> bool:
        """Remember a number; return whether it is new."""
        if number in self.numbers:
            return False
        self.numbers[number] = None
        if len(self.numbers) > SEEN_EVENTS:
            self.numbers.popitem(last=False)
        return True


def is_without_streams(error: Exception) -> bool:
    """Return whether an error says that a host serves no streams."""
    if isinstance(error, StatusError):
        return error.status in (400, 403, 404, 405, 410, 501)
    return not isinstance(error, APIError)


def rc_seconds(text: Any) -> int:
    """Return the seconds since 1970 of an API timestamp."""
    milliseconds = read_iso_milliseconds(text) if isinstance(text, str) else None
    if milliseconds is None or not 0 <= milliseconds // 1000 <= RC_LAST_SECONDS:
        raise ValueError("%r is no timestamp" % (text,))
    return milliseconds // 1000


def rc_number(change: Any) -> int:
    """Return the number of a row."""
    number = change["rcid"]
    if not isinstance(number, int):
        raise TypeError("%r is no rcid" % (number,))
    return number


def read_rc_site(general: Dict[str, Any]) -> Dict[str, str]:
    """Return what events say of their wiki, from siteinfo's general information."""
    wanted = ("server", "articlepath", "script", "scriptpath")
    site = {name: general[name] for name in wanted}
    if site["server"].startswith("//"):
        site["server"] = "https:" + site["server"]
    host = general.get("servername") or urllib.parse.urlsplit(site["server"]).hostname
    site.update(servername=host or "", wikiid=general.get("wikiid") or "")
    for name, value in site.items():
        if not isinstance(value, str):
            raise TypeError("%s is %r" % (name, value))
    return site


@contextlib.contextmanager
def rc_reading(what: str) -> Iterator[None]:
    """Turn what reading an odd reply raises into ProtocolError; nothing else inside."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise ProtocolError(
            "%s is not as it should be: %r" % (what, e), spec="MediaWiki Action API"
        ) from e


def rc_timestamp(seconds: int) -> str:
    """Return seconds since 1970 as the API writes them."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def make_rc_event(change: Dict[str, Any], about: Dict[str, str]) -> Dict[str, Any]:
    """Return the event for a row of list=recentchanges; `about` is of `read_rc_site`.

    The id in `meta` is made of wiki and number: the same change has the same one.
    """
    import uuid  # 1 ms, and most programs never come here

    server, wiki = about["server"], about["wikiid"]
    title = change.get("title", "")
    name = urllib.parse.quote(title.replace(" ", "_"), safe=RC_URL_SAFE)
    uri = server + about["articlepath"].replace("$1", name)
    number, seconds = change["rcid"], rc_seconds(change["timestamp"])
    seed = "%s#%s#%d" % (server, wiki, number)
    event: Dict[str, Any] = {
        "$schema": RC_SCHEMA,
        "meta": {
            "uri": uri,
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, seed)),
            "domain": about["servername"],
            "stream": RC_STREAM,
            "dt": change["timestamp"],
        },
        "id": number,
        "type": change["type"],
        "namespace": change["ns"],
        "title": title,
        "title_url": uri,
        "comment": change.get("comment"),
        "timestamp": seconds,
        "user": change.get("user"),
        "bot": change.get("bot", False),
    }
    if change["type"] == "log":
        for field in ("id", "type", "action", "params"):
            event["log_" + field] = change.get("log" + field)
        event["log_action_comment"] = change.get("comment")
    else:
        new, old = change.get("revid"), change.get("old_revid")
        query = "?diff=%s&oldid=%s&rcid=%d" % (new, old, number)
        length = {"old": change.get("oldlen"), "new": change.get("newlen")}
        revision = {"old": old, "new": new}
        if change["type"] == "new":
            # Fields without a value are left out, and a new page has no old ones.
            query = "?oldid=%s&rcid=%d" % (new, number)
            del length["old"], revision["old"]
        event["notify_url"] = server + about["script"] + query
        event["minor"] = change.get("minor", False)
        event["length"] = length
        event["revision"] = revision
    event["server_url"] = server
    event["server_name"] = about["servername"]
    event["server_script_path"] = about["scriptpath"]
    event["wiki"] = wiki
    event["parsedcomment"] = change.get("parsedcomment")
    return {key: value for key, value in event.items() if value is not None}
