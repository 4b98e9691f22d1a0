"""When to connect again, and from where."""

import json
import unittest

from wikistd.streams.reconnect import BackOff, StreamPosition, judge_answer

EQIAD = "eqiad.mediawiki.recentchange"
CODFW = "codfw.mediawiki.recentchange"


def make_id(milliseconds, other=None):
    """Return an id as KafkaSSE writes it: one past the event, for every topic."""
    entries = [{"topic": EQIAD, "partition": 0, "timestamp": milliseconds + 1}]
    entries.append(other or {"topic": CODFW, "partition": 0, "offset": -1})
    return json.dumps(entries)


def make_event(offset=None, name=None, topic=EQIAD):
    """Return an event with its envelope."""
    meta = {"topic": topic, "partition": 0}
    if offset is not None:
        meta["offset"] = offset
    if name is not None:
        meta["id"] = name
    return {"meta": meta}


class Waiting(unittest.TestCase):
    def test_it_doubles_until_an_event_arrives(self):
        """Only an event shows that the stream works, a connection does not."""
        back_off = BackOff(1000, max_delay_seconds=6)
        self.assertEqual([back_off.next_delay(0) for _ in range(4)], [1, 2, 4, 6])
        back_off.event_arrived()
        self.assertEqual(back_off.next_delay(0), 1)

    def test_jitter_only_adds(self):
        """The reconnection time is a minimum."""
        self.assertEqual(BackOff(1000).next_delay(1.0), 1.25)

    def test_never_below_the_minimum(self):
        """retry: 0 does not make a busy loop."""
        self.assertEqual(BackOff(0).next_delay(0), 0.1)

    def test_the_server_may_ask_for_more(self):
        """Retry-After is kept, and a retry above our cap."""
        self.assertEqual(BackOff(1000).next_delay(0, 90), 90)
        self.assertEqual(BackOff(120000).next_delay(0), 120)

    def test_many_failures(self):
        """A thousand failures are not a number too large."""
        back_off = BackOff(1)
        for _ in range(1000):
            delay = back_off.next_delay(0)
        self.assertEqual(delay, 60)


class Answers(unittest.TestCase):
    def test_verdicts(self):
        """200 with the right type opens, 204 ends, overload waits, the rest fails."""
        for status, kind, verdict in (
            (200, "text/event-stream", "open"),
            (200, "Text/Event-Stream ; charset=utf-8", "open"),
            (200, "text/event-stream;", "open"),
            (200, "text/event-streams", "fail"),
            (200, "text/html", "fail"),
            (200, "", "fail"),
            (201, "text/event-stream", "fail"),
            (204, "", "end"),
            (404, "text/event-stream", "fail"),
            (500, "text/event-stream", "fail"),
            (429, "", "wait"),
            (502, "", "wait"),
            (503, "text/event-stream", "wait"),
            (504, "", "wait"),
        ):
            with self.subTest((status, kind)):
                self.assertEqual(judge_answer(status, kind), verdict)


class Positions(unittest.TestCase):
    def test_resume_from_the_time_of_the_newest_event(self):
        """One less than the id says: it names the millisecond after the event."""
        position = StreamPosition()
        position.connected(500)
        self.assertEqual(position.take(make_event(7), make_id(1000)), (True, None))
        self.assertEqual(
            json.loads(position.resume_id()),
            [
                {"topic": CODFW, "partition": 0, "timestamp": 500},
                {"topic": EQIAD, "partition": 0, "timestamp": 1000},
            ],
        )

    def test_a_silent_topic_without_a_time_keeps_its_offset(self):
        """Where nothing tells when the stream began, the server's word is all."""
        position = StreamPosition()
        position.take(make_event(7), make_id(1000))
        self.assertIn({"topic": CODFW, "partition": 0, "offset": -1}, json.loads(position.resume_id()))

    def test_a_service_that_knows_offsets_only(self):
        """Its own last word is sent back."""
        position = StreamPosition()
        position.connected(500)
        for offset in (7, 8):
            entry = [{"topic": EQIAD, "partition": 0, "offset": offset}]
            position.take(make_event(offset), json.dumps(entry))
        self.assertEqual(json.loads(position.resume_id()), entry)

    def test_ids_that_are_not_kafkas(self):
        """Another service's id goes back as it came."""
        position = StreamPosition()
        self.assertTrue(position.take({"a": 1}, "17")[0])
        self.assertEqual(position.resume_id(), "17")
        self.assertEqual(position.cursor(), "17")
        position.take([], "[broken")
        self.assertEqual(position.resume_id(), "[broken")
        self.assertTrue(position.take({"a": 2}, "[" * 100000)[0])

    def test_what_comes_again_is_dropped(self):
        """By offset, else by name."""
        position = StreamPosition()
        self.assertTrue(position.take(make_event(7, "a"))[0])
        self.assertFalse(position.take(make_event(7, "a"))[0])
        self.assertTrue(position.take({"meta": {"id": "b"}})[0])
        self.assertFalse(position.take({"meta": {"id": "b"}})[0])
        self.assertTrue(position.take({"meta": None})[0])
        self.assertEqual(position.duplicates, 2)

    def test_offsets_of_another_data_centre(self):
        """The same offset with another name is another event."""
        position = StreamPosition()
        position.take(make_event(7, "a"))
        self.assertTrue(position.take(make_event(7, "b"))[0])

    def test_the_window_is_bounded(self):
        """What fell out of the window is new again."""
        position = StreamPosition(window=3)
        for offset in range(5):
            position.take(make_event(offset), make_id(1000))
        self.assertEqual(len(position.seen), 3)
        self.assertTrue(position.take(make_event(0), make_id(1000))[0])
        self.assertLessEqual(len(json.loads(position.cursor())[-1]["seen"]), 3)

    def test_the_newest_of_a_quiet_topic_stay_known(self):
        """Each connection repeats them, however many events of others came since."""
        position = StreamPosition(window=3)
        newest = {"topic": CODFW, "partition": 0, "timestamp": 901}
        position.take(make_event(1, topic=CODFW), json.dumps([newest]))
        for offset in range(5):
            position.take(make_event(offset), make_id(1000 + offset, newest))
        other = StreamPosition(position.cursor(), window=3)
        for each in (position, other):
            self.assertIn({"topic": CODFW, "partition": 0, "timestamp": 900}, json.loads(each.resume_id()))
            self.assertFalse(each.take(make_event(1, topic=CODFW), json.dumps([newest]))[0])

    def test_older_times_do_not_turn_it_back(self):
        """The newest time of a topic counts, in whichever order they came."""
        position = StreamPosition()
        for offset, time in ((1, 1000), (2, 3000), (3, 2000)):
            position.take(make_event(offset), make_id(time))
        self.assertEqual(json.loads(position.resume_id())[-1]["timestamp"], 3000)
        self.assertEqual(json.loads(position.cursor())[-1]["seen"], [2, 3])

    def test_an_id_names_other_topics_too(self):
        """A time for another topic is kept."""
        position = StreamPosition()
        other = {"topic": CODFW, "partition": 0, "timestamp": 901}
        position.take(make_event(1), make_id(1000, other))
        self.assertEqual(json.loads(position.resume_id())[0]["timestamp"], 900)

    def test_a_cursor_is_enough_to_go_on(self):
        """Another process drops what this one took."""
        position = StreamPosition()
        position.connected(500)
        position.take(make_event(1), make_id(1000))
        position.take(make_event(2), make_id(1000))
        other = StreamPosition(position.cursor())
        self.assertEqual(other.resume_id(), position.resume_id())
        self.assertFalse(other.take(make_event(2), make_id(1000))[0])
        self.assertTrue(other.take(make_event(3), make_id(1000))[0])

    def test_a_cursor_with_names(self):
        """Events without offsets are known by their names."""
        position = StreamPosition()
        position.take(make_event(None, "n"), make_id(1000))
        other = StreamPosition(position.cursor())
        self.assertFalse(other.take(make_event(None, "n"), make_id(1000))[0])

    def test_an_id_as_the_server_gives_it(self):
        """Is used as it is until an event came."""
        position = StreamPosition(make_id(1000))
        entries = json.loads(position.resume_id())
        self.assertIn({"topic": EQIAD, "partition": 0, "timestamp": 1001}, entries)
        position.take(make_event(1), make_id(1500))
        entries = json.loads(position.resume_id())
        self.assertIn({"topic": EQIAD, "partition": 0, "timestamp": 1500}, entries)


class Gaps(unittest.TestCase):
    def test_offsets_that_are_missing_after_a_break(self):
        """The first event of a topic tells how many the server had no more."""
        position = StreamPosition()
        position.connected()
        position.take(make_event(7), make_id(1000))
        position.take(make_event(9), make_id(1001))  # within a connection: no matter
        position.connected()
        new, gap = position.take(make_event(20), make_id(5000))
        self.assertTrue(new)
        self.assertEqual(
            gap, (EQIAD, 0, 10, 9, 20, 1001, 5000)
        )
        self.assertEqual(
            str(gap),
            "10 events of eqiad.mediawiki.recentchange/0 are missing: "
            "the server could not go back to 1001",
        )
        self.assertIsNone(position.take(make_event(30), make_id(5001))[1])

    def test_no_gap_where_the_last_event_comes_again(self):
        """Also where another data centre counts differently."""
        position = StreamPosition()
        position.take(make_event(7, "a"), make_id(1000))
        position.connected()
        self.assertEqual(position.take(make_event(7, "a"), make_id(1000)), (False, None))
        self.assertEqual(position.take(make_event(8, "b"), make_id(1000)), (True, None))
        position.connected()
        self.assertEqual(position.take(make_event(9, "c"), make_id(1000)), (True, None))

    def test_a_start_that_the_server_does_not_reach(self):
        """A first event a day after `since`, in the middle of a log, is a gap."""
        for offset, first, expected in (
            (50000, 10**8, True),
            (50000, 1000, False),
            (10000, 10**8, False),
            (None, 10**8, False),
        ):
            position = StreamPosition()
            position.since_milliseconds = 1
            position.connected(10**9)
            gap = position.take(make_event(offset), make_id(first))[1]
            self.assertEqual(gap is not None, expected)
        self.assertIn("unknown", str(StreamGapOf(50000)))
        position = StreamPosition()
        position.since_milliseconds = 1
        self.assertIsNone(position.take(make_event(50000), "x")[1])
        self.assertIsNone(position.take(make_event(50001), make_id(10**8))[1])


def StreamGapOf(offset):
    position = StreamPosition()
    position.since_milliseconds = 1
    return position.take(make_event(offset), make_id(10**8))[1]
