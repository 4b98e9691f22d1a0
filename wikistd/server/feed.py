"""Recent changes as a stream of server-sent events, shaped as Wikimedia's EventStreams.

In: rows of the change table.  Out: events, for as long as the client stays.
Spec: https://wikitech.wikimedia.org/wiki/Event_Platform/EventStreams_HTTP_Service and
what KafkaSSE behind it does.  Holds: the open streams.
Not here: the rows (changes.py), HTTP (app.py).
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import json
import re
import time
from typing import Any, Dict, Iterator, List, Optional, Union
from urllib.parse import parse_qs

from .comments import parse_comment
from .feedsocket import answer_websocket, feed_json
from .forms import host_url
from .records import Change, format_time
from .store import PageStore
from .titles import quote_title

FEED_STREAM = "mediawiki.recentchange"
#: Wikimedia has two data centres and a topic for each; here all comes from the first.
FEED_TOPICS = ("eqiad." + FEED_STREAM, "codfw." + FEED_STREAM)
#: What the one stream may be called.
FEED_NAMES = (FEED_STREAM, "recentchange")
FEED_SCHEMA = "/mediawiki/recentchange/1.0.0"
#: Offsets only grow, as Kafka's do, and are no numbers of changes.
OFFSETS_PER_CHANGE = 1000
#: A number that no change reaches: sqlite's largest.
NEVER_A_CHANGE = 2**63 - 1
#: Changes read from the database at once.
FEED_BATCH = 100
#: How often a waiting stream looks whether its client is still there.
FEED_PAUSE_SECONDS = 0.1

_feed_clocks = ("T%H:%M:%S.%f", "T%H:%M:%S", "T%H:%M", "")


class FeedRefused(Exception):
    """A stream that cannot be had: the status, and the JSON that says why."""

    def __init__(self, status: str, document: Dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.document = document


class FeedPlace:
    """Where a reader is: the next offset to send, and the id it was last told.

    `positions` maps a topic to the object that names the reader's place in it.
    """

    def __init__(self, positions: Dict[str, Dict[str, Any]], next_change: int) -> None:
        self.positions = positions
        self.next_change = next_change


class ChangeFeed:
    """The streams of one wiki, by SSE or WebSocket: a WSGI application.  Thread-safe.

    A stream ends after `max_stream_seconds`, as the real service ends it; clients
    come back with Last-Event-ID.  `close()` ends all streams soon.
    """

    def __init__(
        self, store: PageStore, *, max_stream_seconds: float = 900.0
    ) -> None:
        self.store = store
        self.max_stream_seconds = max_stream_seconds
        self.is_closed = False

    def close(self) -> None:
        """End all streams once they have sent what they are sending."""
        with self.store.changes.arrived:
            self.is_closed = True
            self.store.changes.arrived.notify_all()

    def __call__(self, environ: Dict[str, Any], start_response: Any) -> Any:
        """Answer a request for /v2/stream/NAMES."""
        common = [
            ("Access-Control-Allow-Origin", "*"),
            (
                "Access-Control-Allow-Headers",
                "accept, x-requested-with, content-type, last-event-id",
            ),
            ("X-Content-Type-Options", "nosniff"),
        ]
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            start_response("204 No Content", common)
            return []
        try:
            if method not in ("GET", "HEAD"):
                raise _feed_problem("405 Method Not Allowed", "method_not_allowed", "")
            _check_streams(environ["PATH_INFO"])
            place = self._find_place(environ)
        except FeedRefused as refused:
            uri = environ.get("REQUEST_URI", "")
            document = {**refused.document, "method": method, "uri": uri}
            json_type = ("Content-Type", "application/json; charset=utf-8")
            start_response(refused.status, [*common, json_type])
            return [feed_json(document).encode("utf-8")]
        events = self.iter_feed(place, host_url(environ))
        if "websocket" in environ.get("HTTP_UPGRADE", "").lower():
            return answer_websocket(environ, start_response, events)
        accept = environ.get("HTTP_ACCEPT", "")
        is_lines = accept.startswith("application/json")
        kind = "application/json" if is_lines else "text/event-stream"
        if accept:
            # As the real service: the charset is named to those who name a type.
            kind += "; charset=utf-8"
        start_response(
            "200 OK", [*common, ("Content-Type", kind), ("Cache-Control", "no-cache")]
        )
        return [] if method == "HEAD" else _encode_events(events, place, is_lines)

    def _find_place(self, environ: Dict[str, Any]) -> FeedPlace:
        since = parse_qs(environ["QUERY_STRING"]).get("since", [""])[-1]
        moment = parse_since(since) if since else None
        if since and moment is None:
            raise _feed_problem(
                "400 Bad Request",
                "invalid_timestamp",
                "since timestamp is not a UTC milliseconds unix epoch and was not "
                "parseable: '%s'" % since,
                "Invalid timestamp",
            )
        header = environ.get("HTTP_LAST_EVENT_ID")
        wanted: List[Union[str, Dict[str, Any]]] = list(FEED_TOPICS)
        if header is not None:
            wanted = _parse_assignments(header)
        positions = {}
        latest = self.store.changes.newest
        # Until a place in the topic of the changes is named:
        next_change = NEVER_A_CHANGE
        for entry in wanted:
            if isinstance(entry, str):  # a topic, from `since` or from now on
                offset = -1 if moment is None else None
                entry = {"topic": entry, "partition": 0, "offset": offset}
                entry["timestamp"] = moment
            topic, offset = entry["topic"], entry.get("offset")
            if topic == FEED_TOPICS[0] and entry["partition"] == 0:
                next_change = latest + 1
                if offset is None:
                    seconds = -(-entry["timestamp"] // 1000)
                    for change in self.store.changes.made_since(seconds, 1):
                        next_change = change.rcid
                        offset = next_change * OFFSETS_PER_CHANGE
                elif offset == -2:
                    next_change = 1
                elif 0 <= offset <= (latest + 1) * OFFSETS_PER_CHANGE:
                    next_change = -(-offset // OFFSETS_PER_CHANGE)
            positions[topic] = {
                "topic": topic,
                "partition": entry["partition"],
                "offset": -1 if offset is None else offset,
            }
        return FeedPlace(positions, next_change)

    def iter_feed(
        self, place: FeedPlace, server_url: str
    ) -> Iterator[Optional[Dict[str, Any]]]:
        """Yield events from `place` on, and move it; None for nothing new."""
        ends_at = time.monotonic() + self.max_stream_seconds
        while not self.is_closed and time.monotonic() < ends_at:
            changes = self.store.changes.since(place.next_change - 1, FEED_BATCH)
            for change in changes:
                event = self.build_event(change, server_url)
                place.next_change = change.rcid + 1
                # One millisecond past the event, whole seconds or not: so does the
                # real one.
                place.positions[FEED_TOPICS[0]] = {
                    "topic": FEED_TOPICS[0],
                    "partition": 0,
                    "timestamp": change.timestamp * 1000 + 1,
                }
                yield event
            if not changes:
                self._pause(place)
                yield None

    def _pause(self, place: FeedPlace) -> None:
        """Wait for a change, for close(), or until the client is looked at again."""
        changes = self.store.changes
        with changes.arrived:
            changes.arrived.wait_for(
                lambda: self.is_closed or changes.newest >= place.next_change,
                FEED_PAUSE_SECONDS,
            )

    def build_event(self, change: Change, server_url: str) -> Dict[str, Any]:
        """Return the event of a change; `server_url` is scheme, host and port."""
        uri = "%s/wiki/%s" % (server_url, quote_title(change.title))
        domain = re.sub(r":[0-9]*\Z", "", server_url.partition("://")[2])
        wiki = self.store.site.wiki_id
        seed = "%s %d %d %s" % (wiki, change.rcid, change.timestamp, change.title)
        event: Dict[str, Any] = {
            "$schema": FEED_SCHEMA,
            "meta": {
                "uri": uri,
                "request_id": make_feed_id("request " + seed),
                "id": make_feed_id("event " + seed),
                "domain": domain,
                "stream": FEED_STREAM,
                "dt": format_time(change.timestamp),
                "topic": FEED_TOPICS[0],
                "partition": 0,
                "offset": change.rcid * OFFSETS_PER_CHANGE,
            },
            "id": change.rcid,
            "type": change.type,
            "namespace": change.namespace,
            "title": change.title,
            "title_url": uri,
            "comment": change.comment,
            "timestamp": change.timestamp,
            "user": change.user,
            "bot": change.bot,
        }
        if change.type == "log":
            event.update(
                log_id=change.log_id,
                log_type=change.log_type,
                log_action=change.log_action,
                log_params=change.log_params,
                log_action_comment=change.comment,
            )
        else:
            query = "diff=%d&oldid=%d" % (change.revid, change.old_revid)
            length = {"old": change.old_len, "new": change.new_len}
            revision = {"old": change.old_revid, "new": change.revid}
            if change.type == "new":
                # Fields without a value are left out, and a new page has no old ones.
                query = "oldid=%d" % change.revid
                del length["old"], revision["old"]
            address = "%s/w/index.php?%s&rcid=%d" % (server_url, query, change.rcid)
            event.update(
                notify_url=address,
                minor=change.minor,
                patrolled=change.patrolled,
                length=length,
                revision=revision,
            )
        event.update(
            server_url=server_url,
            server_name=domain,
            server_script_path="/w",
            wiki=wiki,
            parsedcomment=parse_comment(self.store, change.comment, change.target),
        )
        return event


def _encode_events(
    events: Iterator[Optional[Dict[str, Any]]], place: FeedPlace, is_lines: bool
) -> Iterator[bytes]:
    yield b"\n" if is_lines else b":ok\n\n"
    for event in events:
        if event is None:
            yield b""
        elif is_lines:
            yield feed_json(event).encode("utf-8") + b"\n"
        else:
            # The event's id is the places in all topics.
            told = feed_json(list(place.positions.values())), feed_json(event)
            yield ("event: message\nid: %s\ndata: %s\n\n" % told).encode("utf-8")


def _check_streams(path: str) -> None:
    names = path.rstrip("/").rpartition("/")[2].split(",")
    unknown = [name for name in names if name not in FEED_NAMES]
    if unknown:
        shown = ",".join(unknown).encode("latin-1").decode("utf-8", "replace")
        detail = "Invalid streams: " + shown
        raise _feed_problem("400 Bad Request", "not_found", detail, "Stream Not Found")


def _parse_assignments(header: str) -> List[Union[str, Dict[str, Any]]]:
    """Return the places, or topics, that a Last-Event-ID header names, or refuse it."""
    text = header.encode("latin-1").decode("utf-8", "replace")
    name = "InvalidAssignmentError"
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _kafka_problem(
            "400 Bad Request",
            name,
            str(error),
            originalName="SyntaxError",
            last_event_id=text,
        ) from None
    if not isinstance(wanted, list) or not wanted or not all(map(_is_place, wanted)):
        raise _kafka_problem(
            "400 Bad Request",
            name,
            "Must provide either an array topic names, or  an array of objects with "
            "topic, partition and offset|timestamp.",
            assignments=wanted,
        )
    topics = [each if isinstance(each, str) else each["topic"] for each in wanted]
    missing = [topic for topic in topics if topic not in FEED_TOPICS]
    if missing:
        raise _kafka_problem(
            "404 Not Found",
            "TopicNotAvailableError",
            "Topics %s are not available for consumption." % ", ".join(missing),
            availableTopics=list(FEED_TOPICS),
        )
    return wanted


def _kafka_problem(status: str, name: str, message: str, **more: Any) -> FeedRefused:
    return FeedRefused(
        status,
        {
            "message": message,
            "origin": "KafkaSSE",
            "name": name,
            **more,
            "statusCode": int(status[:3]),
        },
    )


def _is_place(entry: Any) -> bool:
    if isinstance(entry, str):
        return True
    if not isinstance(entry, dict) or not isinstance(entry.get("topic"), str):
        return False
    place = entry.get("offset", entry.get("timestamp"))
    # Kafka's numbers are of 64 bits, and sqlite's.
    return all(
        type(number) is int and -(2**63) <= number < 2**63
        for number in (entry.get("partition"), place)
    )


def _feed_problem(status: str, kind: str, detail: str, title: str = "") -> FeedRefused:
    return FeedRefused(
        status,
        {
            "status": int(status[:3]),
            "type": kind,
            "title": title or status[4:],
            "detail": detail,
        },
    )


def make_feed_id(seed: str) -> str:
    """Return an id in the shape of a UUID that is the same for the same seed."""
    digits = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()
    return "-".join(
        (
            digits[:8],
            digits[8:12],
            "4" + digits[13:16],
            "a" + digits[17:20],
            digits[20:32],
        )
    )


def parse_since(text: str) -> Optional[int]:
    """Return milliseconds since 1970 for what `since=` may hold, None if neither.

    Milliseconds, ISO 8601 (without a zone: UTC) or a date of a mail header.
    """
    text = text.strip()
    if re.match(r"-?[0-9]{1,15}\Z", text):
        return int(text)
    start = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
    for form in [clock + zone for clock in _feed_clocks for zone in ("%z", "")]:
        try:
            moment = datetime.datetime.strptime(
                text.replace(" ", "T"), "%Y-%m-%d" + form
            )
        except ValueError:
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        return (moment - start) // datetime.timedelta(milliseconds=1)
    try:
        parsed = email.utils.parsedate_tz(text)
        return None if parsed is None else email.utils.mktime_tz(parsed) * 1000
    except (ValueError, OverflowError):
        return None
