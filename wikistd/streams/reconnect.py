"""When to connect to a stream again, and from where: decisions, no deeds.

Spec: WHATWG HTML 9.2.3 for the waiting; KafkaSSE's Last-Event-ID for the position.
Pure.  Not here: sockets and sleeping (streams/eventsource.py), files
(streams/checkpoint.py).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple, Union

from ..errors import LimitExceeded

MIN_DELAY_SECONDS = 0.1  # "retry: 0" must not become a busy loop
MAX_DELAY_SECONDS = 60.0  # the longest pause that is our own idea
MAX_WAIT_SECONDS = 3600.0  # the longest that a server may ask for
MAX_DOUBLINGS = 16
SEEN_EVENTS = 10000  # a second of all of Wikimedia is 50 events, a burst some thousands
MAX_POSITION_TOPICS = 1000  # all of Wikimedia's public streams have about a hundred
WAIT_STATUSES = (429, 502, 503, 504)
#: A first event a day after `since`, far from the start of its log, shows that older
#: ones are gone: the real service has canaries several times an hour.
SINCE_GAP_MILLISECONDS = 86400000
SINCE_GAP_OFFSET = 10000

TopicPartition = Tuple[str, int]
SeenKey = Union[str, Tuple[str, int, int]]


class BackOff:
    """How long to wait before the next connection.  One owner.

    The first wait after an event is the server's reconnection time; each further
    failure doubles it up to `max_delay_seconds`.  A quarter of it is added by `dice`
    (0 to 1), so that a thousand clients of one server do not come back in one moment.
    """

    def __init__(
        self,
        retry_milliseconds: int = 3000,
        *,
        min_delay_seconds: float = MIN_DELAY_SECONDS,
        max_delay_seconds: float = MAX_DELAY_SECONDS,
    ) -> None:
        self.retry_milliseconds = retry_milliseconds
        self.min_delay_seconds = min_delay_seconds
        self.max_delay_seconds = max_delay_seconds
        self.failures = 0

    def event_arrived(self) -> None:
        """Forget the failures: only an event shows that the stream works."""
        self.failures = 0

    def next_delay(self, dice: float, asked_seconds: Optional[float] = None) -> float:
        """Return the seconds to wait now, and count one more failure."""
        retry_seconds = min(self.retry_milliseconds / 1000.0, MAX_WAIT_SECONDS)
        seconds = max(retry_seconds, self.min_delay_seconds)
        seconds *= 1 << min(self.failures, MAX_DOUBLINGS)
        # What the server asked for is kept, even where it is more than our own cap.
        seconds = min(seconds, max(self.max_delay_seconds, retry_seconds))
        self.failures += 1
        return max(seconds * (1.0 + dice / 4.0), asked_seconds or 0.0)


def judge_answer(status: int, content_type: str) -> str:
    """Return "open", "end", "wait" or "fail" for the answer to a stream's request."""
    if status == 204:
        return "end"
    if status in WAIT_STATUSES:
        return "wait"
    if status != 200:
        return "fail"
    essence = content_type.partition(";")[0].strip().lower()
    return "open" if essence == "text/event-stream" else "fail"


class StreamGap(NamedTuple):
    """Events that the server no longer had when the stream was resumed.

    `missing` is how many by the offsets, or None where that cannot be known;
    `after_offset`/`after_milliseconds` belong to the last event before the gap (None
    for the offset where the stream was asked to start at a time), `before_...` to the
    first one behind it.
    """

    topic: str
    partition: int
    missing: Optional[int]
    after_offset: Optional[int]
    before_offset: Optional[int]
    after_milliseconds: Optional[int]
    before_milliseconds: Optional[int]

    def __str__(self) -> str:
        count = "an unknown number of" if self.missing is None else str(self.missing)
        return "%s events of %s/%d are missing: the server could not go back to %s" % (
            count,
            self.topic,
            self.partition,
            self.after_milliseconds,
        )


class StreamPosition:
    """Which events of a stream were taken, and how to ask for the rest.  One owner.

    The service's ids name a time per topic that is one past the event, so whoever
    resumes from them loses the events of the same millisecond.  This resumes from the
    newest time itself and drops what comes again: by topic, partition and offset, else
    by `meta.id`, within the last `window` events.
    """

    def __init__(self, cursor: str = "", *, window: int = SEEN_EVENTS) -> None:
        self.window = window
        self.start_milliseconds: Optional[int] = None
        self.since_milliseconds: Optional[int] = None
        self.last_id = ""
        self.duplicates = 0
        self.seen: OrderedDict[SeenKey, Optional[str]] = OrderedDict()
        self._times: Dict[TopicPartition, int] = {}
        self._offsets: Dict[TopicPartition, int] = {}
        #: Per topic those of its newest time, which each connection repeats.
        self._recent: Dict[TopicPartition, Dict[SeenKey, Optional[str]]] = {}
        self._silent: Dict[TopicPartition, Dict[str, Any]] = {}
        self._counted: Set[TopicPartition] = set()
        self._first_of: Set[TopicPartition] = set()
        if cursor:
            self._load(cursor)

    def _load(self, cursor: str) -> None:
        self.last_id = cursor
        for entry in position_entries(cursor):
            key = (entry["topic"], entry["partition"])
            seen = entry.get("seen")
            if not isinstance(seen, list) or not isinstance(
                entry.get("timestamp"), int
            ):
                self._silent[key] = entry  # an id as a server gives it: used as it is
                continue
            self._times[key] = entry["timestamp"]
            for mark in seen:
                known: SeenKey = (*key, mark) if isinstance(mark, int) else mark
                self.remember(known)
                self._recent.setdefault(key, {})[known] = None

    def remember(self, mark: SeenKey) -> None:
        """Add to the window an event that another process took."""
        self.seen.pop(mark, None)  # the cursor's are the newest, not the oldest
        self.seen[mark] = None
        if isinstance(mark, tuple):
            place = mark[:2]
            self._offsets[place] = max(mark[2], self._offsets.get(place, mark[2]))

    def connected(self, server_milliseconds: Optional[int] = None) -> None:
        """Note that a connection was made, and when by the server's clock."""
        if self.start_milliseconds is None:
            self.start_milliseconds = server_milliseconds
        self._first_of = set(self._offsets)

    def take(self, event: Any, id: str = "") -> Tuple[bool, Optional[StreamGap]]:
        """Return whether `event` is new, and the gap in front of it or None."""
        meta = event.get("meta") if isinstance(event, dict) else None
        if not isinstance(meta, dict):
            meta = {}
        if id:
            self.last_id = id
        topic, partition, offset = map(meta.get, ("topic", "partition", "offset"))
        name = meta.get("id")
        if not isinstance(name, str):
            name = None
        place: Optional[TopicPartition] = None
        if isinstance(topic, str) and isinstance(partition, int):
            place = (topic, partition)
        mark: Optional[SeenKey] = name
        if place is not None and isinstance(offset, int):
            mark = (*place, offset)
        is_new = mark is None or self._is_new(mark, name, place)
        milliseconds = self._note_times(id, place)
        for known in (self._times, self._silent, self._recent):
            if len(known) > MAX_POSITION_TOPICS:
                raise LimitExceeded(
                    "the stream names more than %d topics" % MAX_POSITION_TOPICS,
                    name="MAX_POSITION_TOPICS",
                    limit=MAX_POSITION_TOPICS,
                )
        gap = None
        if isinstance(mark, tuple):
            gap = self._gap_before(mark, milliseconds, is_new)
        if not is_new:
            self.duplicates += 1
            return False, gap
        if mark is not None:
            self.seen[mark] = name
            if len(self.seen) > self.window:
                self.seen.popitem(last=False)
        if place is not None:
            if isinstance(mark, tuple):
                self._offsets[place] = mark[2]
            self._note_recent(place, mark, name, milliseconds)
        return True, gap

    def _is_new(
        self, mark: SeenKey, name: Optional[str], place: Optional[TopicPartition]
    ) -> bool:
        marks: Dict[SeenKey, Optional[str]] = self.seen
        if mark not in marks and place is not None:
            # The window may be full of events of other topics.
            marks = self._recent.get(place, {})
        if mark not in marks:
            return True
        # Offsets belong to a cluster; another data centre may count differently.
        return None not in (marks[mark], name) and marks[mark] != name

    def _note_times(self, id: str, place: Optional[TopicPartition]) -> Optional[int]:
        """Remember the topics that `id` names; return the time of that at `place`."""
        found = None
        for entry in position_entries(id):
            key = (entry["topic"], entry["partition"])
            timestamp = entry.get("timestamp")
            if isinstance(timestamp, int):
                if key == place:
                    found = timestamp - 1
                elif timestamp - 1 > self._times.get(key, -1):
                    self._times[key] = timestamp - 1
                    self._recent[key] = {}
            elif key not in self._times:
                self._silent[key] = entry
                if key == place:
                    self._counted.add(key)  # a service that knows offsets only
        return found

    def _note_recent(
        self,
        place: TopicPartition,
        mark: Optional[SeenKey],
        name: Optional[str],
        milliseconds: Optional[int],
    ) -> None:
        """Keep the marks that the server will repeat when asked for the newest time."""
        recent = self._recent.setdefault(place, {})
        if milliseconds is not None and milliseconds > self._times.get(place, -1):
            self._times[place] = milliseconds
            recent.clear()
        if mark is not None:
            recent[mark] = name
            if len(recent) > self.window:
                del recent[next(iter(recent))]

    def _gap_before(
        self, mark: Tuple[str, int, int], milliseconds: Optional[int], is_new: bool
    ) -> Optional[StreamGap]:
        topic, partition, offset = mark
        place = (topic, partition)
        if place in self._first_of:
            self._first_of.discard(place)
            last = self._offsets[place]
            if not is_new or offset <= last + 1:
                return None
            missing, after = offset - last - 1, self._times.get(place)
            return StreamGap(*place, missing, last, offset, after, milliseconds)
        since = self.since_milliseconds
        if not since or place in self._offsets:
            return None
        if milliseconds is None or offset <= SINCE_GAP_OFFSET:
            return None
        if milliseconds - since <= SINCE_GAP_MILLISECONDS:
            return None
        return StreamGap(*place, None, None, offset, since, milliseconds)

    def entries(self, *, with_seen: bool) -> List[Dict[str, Any]]:
        """Return the position per topic and partition, as the service writes it."""
        start = self.since_milliseconds
        if start is None:
            start = self.start_milliseconds
        entries = []
        for place in sorted({*self._times, *self._silent}):
            entry: Dict[str, Any] = {"topic": place[0], "partition": place[1]}
            said = self._silent.get(place, {})
            newest: Any = self._times.get(place, said.get("timestamp"))
            if newest is None and place not in self._counted:
                # Nothing came from this topic yet; "-1" would mean "from now on" and
                # lose what comes to it while nobody is connected.
                newest = start
            if newest is None:
                entry["offset"] = said.get("offset", -1)
            else:
                entry["timestamp"] = newest
                if with_seen:
                    entry["seen"] = [
                        mark if isinstance(mark, str) else mark[2]
                        for mark in self._recent.get(place, ())
                    ]
            entries.append(entry)
        return entries

    def resume_id(self) -> str:
        """Return the Last-Event-ID to connect with, "" when nothing is known."""
        return self.cursor(with_seen=False)

    def cursor(self, *, with_seen: bool = True) -> str:
        """Return the position as text, to start from in another process."""
        entries = self.entries(with_seen=with_seen)
        return encode_position(entries) if entries else self.last_id


def position_entries(text: str) -> List[Dict[str, Any]]:
    """Return the topics named by an id; empty where it is not one of KafkaSSE's."""
    if text[:1] != "[":
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # broken, or nested too deep
        return []
    return [
        entry
        for entry in found
        if isinstance(entry, dict)
        and isinstance(entry.get("topic"), str)
        and isinstance(entry.get("partition"), int)
    ]


def encode_position(entries: List[Dict[str, Any]]) -> str:
    """Return `entries` as the service writes them: JSON without spaces."""
    return json.dumps(entries, separators=(",", ":"))
