"""Wikimedia EventStreams: filters and positions over an EventSource.

In: keyword arguments as pywikibot's EventStreams has them.  Out: events as dicts, each
once, over any number of connections.  Holds: an EventSource while it is iterated.
Spec: https://wikitech.wikimedia.org/wiki/Event_Platform/EventStreams_HTTP_Service
Not here: the position (streams/reconnect.py), its file (streams/checkpoint.py), wikis
without the service (streams/recentchanges.py).
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Optional, Tuple

from ..clock import Clock
from ..web.client import BOUND_HEADERS, HttpClient
from ..web.origins import header_names, split_url, without_userinfo
from .checkpoint import Checkpoint
from .eventfilters import EventFilter, make_event_filter
from .eventsource import STREAM_IDLE_SECONDS, EventSource, server_time_milliseconds
from .reconnect import StreamGap, StreamPosition
from .telling import log_stream
from .whence import (
    SinceValue,
    join_stream_names,
    read_since,
    stream_host,
    stream_site_url,
)

EVENTSTREAMS_PATH = "/v2/stream/"
EVENTSTREAMS_RETRY_MILLISECONDS = 1000  # cut every 15 minutes: that is no trouble
EVENTSTREAMS_TIMEOUT = (30.0, STREAM_IDLE_SECONDS)  # to be answered, of silence
CANARY_DOMAIN = "canary"
MAX_KEPT_GAPS = 100
GapHook = Callable[[StreamGap], object]


class EventStreams:
    """The events of one or several streams of a wiki, filtered; an iterator of dicts.

    Keyword arguments, those of pywikibot's class first:
    `streams` (names, a comma-separated str or an iterable), `site` (a Session, a host,
    or None for Wikimedia), `since` (datetime, naive is UTC; milliseconds; ISO 8601;
    MediaWiki timestamp), `url` (instead of all those), `canary` (True: let the test
    events through), `timeout` (seconds of silence, or a pair with those to be
    answered), `retry` (milliseconds before a connection is made again), `headers`,
    `last_event_id` (also `last_id`, `latest_event_id`: an id or a `cursor`);
    `cursor` (where another process stopped), `checkpoint` (a path: start from what it
    holds, and write the position there each `checkpoint_seconds` after the consumer
    took an event, and at close), `on_gap(gap)`, `client`, `clock`, and any further
    keyword of EventSource.

    Nothing is lost and nothing comes twice while the server still has the events;
    where it has not, a StreamGap is given to `on_gap`, kept in `gaps` and logged.
    A context manager.  One thread iterates; `close()` may come from any.  Leaving a
    `for` loop closes the connection; another loop goes on where that one stopped.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._total: Optional[int] = None
        self.filter: Dict[str, List[EventFilter]] = {"all": [], "any": [], "none": []}
        self._canary = bool(kwargs.pop("canary", False))
        self._site: Any = kwargs.pop("site", None)
        self._streams = join_stream_names(kwargs.pop("streams", None))
        self._since_milliseconds, self._since = read_since(kwargs.pop("since", None))
        self._url: Optional[str] = kwargs.pop("url", None)
        self._is_url_given = self._url is not None
        self.gaps: List[StreamGap] = []
        self._on_gap: Optional[GapHook] = kwargs.pop("on_gap", None)
        clock: Optional[Clock] = kwargs.pop("clock", None)
        self._clock = clock or Clock()
        self._timeout = kwargs.pop("timeout", EVENTSTREAMS_TIMEOUT)
        position_text = kwargs.pop("cursor", None) or ""
        for name in ("last_event_id", "last_id", "latest_event_id"):
            position_text = kwargs.pop(name, None) or position_text
        checkpoint = kwargs.pop("checkpoint", None)
        checkpoint_seconds = kwargs.pop("checkpoint_seconds", 1.0)
        known = {"retry", *(EventSource.__init__.__kwdefaults__ or ())}
        for name in kwargs:
            if name not in known or name == "resume_from":
                raise TypeError(
                    "%s() got an unexpected argument %r" % (type(self).__name__, name)
                )
        self.sse_kwargs: Dict[str, Any] = kwargs
        kwargs["headers"] = dict(kwargs.get("headers") or {})
        url = self.url  # What cannot be one is refused here, not at the first event.
        self._checkpoint: Optional[Checkpoint] = None
        self._position = StreamPosition(position_text)
        if checkpoint is not None:
            self._checkpoint = Checkpoint(
                checkpoint,
                url.partition("?")[0],
                every_seconds=checkpoint_seconds,
                clock=self._clock,
            )
            self._position = self._checkpoint.load() or self._position
        self._position.since_milliseconds = self._since_milliseconds
        self._source: Optional[EventSource] = None
        self._in_hand = False  # the consumer has an event that is not checkpointed
        #: The event that a raising `on_gap` kept from the consumer.
        self._held: Optional[Dict[str, Any]] = None
        self._given = 0
        self._closed = False
        self._lock = threading.Lock()  # close() of another thread writes the position

    # -- what it is made of

    @property
    def url(self) -> str:
        """The address of the stream; NotImplementedError when nothing names one."""
        if self._url is None:
            if not self._streams:
                raise NotImplementedError(
                    "No streams specified for class %s" % type(self).__name__
                )
            url = stream_host(self._site) + EVENTSTREAMS_PATH
            url += urllib.parse.quote(self._streams, safe=",")
            if self._since is not None:
                # Unescaped, the "+" of a time zone would arrive as a space.
                url += "?since=" + urllib.parse.quote(self._since, safe=":")
            self._url = url
        return self._url

    @property
    def cursor(self) -> str:
        """The position behind the last event taken, as text for `cursor=`."""
        with self._lock:
            return self._position.cursor()

    @property
    def source(self) -> Optional[EventSource]:
        """The EventSource below, with its counters; None before the first event."""
        return self._source

    @property
    def duplicates(self) -> int:
        """How many events came again and were dropped."""
        return self._position.duplicates

    def start_at(self, since: SinceValue) -> None:
        """Begin at `since` instead, where no event was read yet."""
        if self._source is not None:
            raise ValueError("the stream has begun: start_at() comes before it")
        self._since_milliseconds, text = read_since(since)
        self._position.since_milliseconds = self._since_milliseconds
        if self._is_url_given:
            # As after a cut before the first event: asked for beside the URL.
            self._position.start_milliseconds = self._since_milliseconds
        else:
            self._since, self._url = text, None

    def set_maximum_items(self, value: Optional[int]) -> None:
        """End the iteration after `value` events that passed; None changes nothing."""
        if value is None:
            return
        total = int(value)
        if total < 0:
            raise ValueError("the number of items must be 0 or more, not %d" % total)
        self._total = total

    # -- filters

    def register_filter(self, *args: EventFilter, **kwargs: Any) -> None:
        """Register functions of an event, or values that its keys must have.

        `ftype` is "all" (the default), "any" or "none".  A key may be a dotted path
        (`**{"meta.domain": "de.wikipedia.org"}`).  A value is compared: True, False and
        None by identity, text and numbers by equality, another container by
        membership; a function is called with the event's value.  A key that the event
        has not matches nothing.  TypeError for an argument that is no function.
        """
        ftype = kwargs.pop("ftype", "all")
        if ftype not in self.filter:
            raise ValueError("ftype must be 'all', 'any' or 'none', not %r" % (ftype,))
        for function in args:
            if not callable(function):
                raise TypeError("%r is not a callable" % (function,))
        self.filter[ftype].extend(args)
        for key, value in kwargs.items():
            self.filter[ftype].append(make_event_filter(key, value))

    def streamfilter(self, data: Dict[str, Any]) -> bool:
        """Return whether the event `data` passes the filters of `register_filter`."""
        if not self._canary:
            meta = data.get("meta")
            if isinstance(meta, dict) and meta.get("domain") == CANARY_DOMAIN:
                return False
        if any(function(data) for function in self.filter["none"]):
            return False
        if not all(function(data) for function in self.filter["all"]):
            return False
        some = self.filter["any"]
        return not some or any(function(data) for function in some)

    # -- iteration

    @property
    def generator(self) -> Iterator[Dict[str, Any]]:
        """The iterator of events itself; leaving it closes the connection."""
        return self.__iter__()

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        try:
            while True:
                try:
                    data = self.__next__()
                except StopIteration:
                    return
                yield data
        finally:
            if self._source is not None:
                self._source.disconnect()

    def __next__(self) -> Dict[str, Any]:
        if self._in_hand:
            self._in_hand = False
            if self._checkpoint is not None:
                with self._lock:
                    self._checkpoint.taken(self._position)
        if self._closed:
            raise StopIteration
        if self._total is not None and self._given >= self._total:
            self.close()
            raise StopIteration
        if self._source is None:
            self._source = self._open_source()
            if self._closed:  # meanwhile, by another thread that saw no source
                self._source.close()
        read_next = self._source.__next__
        try:
            data, self._held = self._held, None
            while data is None:
                data = self._read_event(*read_next())
        except StopIteration:
            self.close()
            raise
        self._given += 1
        self._in_hand = True
        return data

    def _read_event(self, kind: str, text: str, id: str) -> Optional[Dict[str, Any]]:
        """Return the event where it is new and passes the filters."""
        if kind != "message" or not text:
            if kind != "message":
                log_stream("warning", "event of type %.200r: %.200r", kind, text)
            return None
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:  # broken, or nested too deep
            log_stream("warning", "event that is not JSON: %s: %.200r", error, text)
            return None
        with self._lock:
            is_new, gap = self._position.take(data, id)
        event: Optional[Dict[str, Any]] = None
        if is_new and isinstance(data, dict) and self.streamfilter(data):
            event = data
        if gap is not None:
            log_stream("warning", "%s", gap)
            del self.gaps[: -MAX_KEPT_GAPS + 1]
            self.gaps.append(gap)
            if self._on_gap is not None:
                self._held = event
                self._on_gap(gap)
                self._held = None
        return event

    def _open_source(self) -> EventSource:
        timeouts = self._timeout
        if not isinstance(timeouts, tuple):
            timeouts = (timeouts, timeouts)
        options: Dict[str, Any] = {"idle_timeout": timeouts[1], **self.sse_kwargs}
        if timeouts[0] is not None:
            options.setdefault("timeout", timeouts[0])
        retry = options.pop("retry", None)
        if retry is None:
            retry = EVENTSTREAMS_RETRY_MILLISECONDS
        options.setdefault("retry_milliseconds", int(retry))
        client = getattr(self._site, "session", None)
        if isinstance(client, HttpClient):
            options.setdefault("client", client)
        agent = (getattr(self._site, "headers", None) or {}).get("User-Agent")
        if agent and not header_names(options["headers"], "user-agent"):
            options["headers"] = {**options["headers"], "User-Agent": agent}
        user_hook = options.pop("on_open", None)

        def opened(response: Any) -> None:
            now = self._clock.now()
            self._position.connected(server_time_milliseconds(response.headers, now))
            if user_hook is not None:
                user_hook(response)

        return EventSource(
            self.url,
            clock=self._clock,
            on_open=opened,
            resume_from=self._resume_from,
            **options,
        )

    def _resume_from(self) -> Tuple[str, str]:
        """Return the URL and the Last-Event-ID for the next connection."""
        resume_id = self._position.resume_id()
        started = self._position.start_milliseconds
        if resume_id or self._since is not None or started is None:
            return self.url, resume_id
        # Cut before the first event: what came since then has to be asked for by time.
        mark = "&" if "?" in self.url else "?"
        return "%s%ssince=%d" % (self.url, mark, started), ""

    def close(self) -> None:
        """End the stream, from any thread, and write the checkpoint.  Idempotent."""
        self._closed = True
        if self._source is not None:
            self._source.close()
        if self._checkpoint is not None:
            with self._lock:
                if self._held is None:  # else the position is past what nobody saw
                    self._checkpoint.save(self._position, and_in_hand=self._in_hand)

    def restart(self) -> None:
        """Begin to iterate anew behind the last event taken; the total counts anew."""
        self.close()
        self._source = None
        self._given = 0
        self._closed = False

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "%s cannot be pickled: make one where it is needed, with cursor=the "
            "`cursor` of this one" % type(self).__name__
        )

    def __enter__(self) -> EventStreams:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is not None and self._in_hand and self._checkpoint is not None:
            # The consumer failed on the event in its hand: let it come again.
            self._checkpoint.forget()
            self._in_hand = False
        self.close()

    def __del__(self) -> None:
        # Not close(): nobody knows whether the event in hand was done with.
        source = getattr(self, "_source", None)
        if source is not None:
            source.close()

    def __repr__(self) -> str:
        site, timeout = self._site, self._timeout
        shown = {
            "headers": {
                name: "..." if name.lower() in BOUND_HEADERS else value
                for name, value in self.sse_kwargs["headers"].items()
            },
            "url": not self._streams and without_userinfo(self._url or ""),
            "site": without_userinfo(site) if isinstance(site, str) else site,
            "streams": self._streams,
            "since": self._since,
            "timeout": timeout != EVENTSTREAMS_TIMEOUT and timeout,
        }
        told = ", ".join("%s=%r" % item for item in shown.items() if item[1])
        return "%s(%s)" % (type(self).__name__, told)


def site_rc_listener(site: Any, total: Optional[int] = None) -> EventStreams:
    """Return the recent changes of `site`, a Session or a host, as they happen.

    `total` is the number of changes after which it ends.
    """
    stream = EventStreams(streams="recentchange", site=site)
    stream.set_maximum_items(total)
    host = split_url(stream_site_url(site)).hostname
    stream.register_filter(server_name=host)
    return stream
