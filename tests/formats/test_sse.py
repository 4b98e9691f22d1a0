"""Server-sent events: every case fed every way, limits, and writing them."""

import json
import os
import unittest

from tests.support.feeding import feed_every_way
from wikistd import EventParser, LimitExceeded, ServerSentEvent
from wikistd import encode_comment, encode_event

CORPUS = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    "data",
    "sse",
    "corpus.json",
)


def outcome(chunks, **limits):
    """Feed `chunks`; return everything that can be seen of the result."""
    heard = []
    parser = EventParser(on_comment=heard.append, **limits)
    events = []
    try:
        for chunk in chunks:
            events += parser.feed(chunk)
        events += parser.feed(b"")
    except LimitExceeded as error:
        return [list(event) for event in events], error.name, error.limit
    return {
        "events": [list(event) for event in events],
        "last_event_id": parser.last_event_id,
        "retry": parser.retry_milliseconds,
        "comments": heard,
    }


class Corpus(unittest.TestCase):
    def test_every_case_every_way(self):
        """Each case gives its events, id, retry and comments however it is cut."""
        with open(CORPUS, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        self.assertGreaterEqual(len(cases), 120)
        for case in cases:
            with self.subTest(case["name"]):
                data = case["input"].encode("latin-1")
                got = feed_every_way(self, data, outcome, random_splits=6)
                want = {name: case[name] for name in got}
                self.assertEqual(got, want)

    def test_names_are_unique(self):
        """A case can be named in a report."""
        with open(CORPUS, encoding="utf-8") as file:
            names = [case["name"] for case in json.load(file)["cases"]]
        self.assertEqual(len(names), len(set(names)))


class Dispatch(unittest.TestCase):
    def test_an_event_comes_at_the_first_byte_that_completes_it(self):
        """A lone CR ends the line now; the LF that follows is swallowed."""
        parser = EventParser()
        self.assertEqual(parser.feed(b"data: a\r"), [])
        self.assertEqual(parser.feed(b"\r"), [ServerSentEvent("message", "a", "")])
        self.assertEqual(parser.feed(b"\ndata: b\n"), [])
        self.assertEqual(parser.feed(b"\n"), [ServerSentEvent("message", "b", "")])

    def test_the_id_is_seeded_by_the_connection_before(self):
        """An event without id carries the id the connection resumed from."""
        parser = EventParser(last_event_id="7")
        self.assertEqual(parser.feed(b"data: a\n\n")[0].id, "7")
        self.assertEqual(parser.feed(b"id\ndata: a\n\n")[0].id, "")

    def test_a_number_too_long_for_int_is_cut(self):
        """Thousands of digits are a very long time, and no error."""
        parser = EventParser()
        parser.feed(b"retry: " + b"1" * 5000 + b"\n")
        self.assertEqual(parser.retry_milliseconds, 10**15 - 1)


class ManyAtOnce(unittest.TestCase):
    def test_what_interrupts_the_usual_shape(self):
        """Events of four lines each are taken at once; whatever comes between is not."""

        def usual(number):
            return b"event: message\nid: %d\ndata: %d \xc3\xa9\n\n" % (number, number)

        for between in (
            b"", b":heartbeat\n", b"\n", b"data: x\n\n", b"id: 99\n\n", b"id: 99\n", b"event: other\n", b"data\n",
            b"event: message\nid: 9\0\ndata: x\n\n", b"event: message\nid: 9\ndata: \xff\n\n",
            b"event: message\nid: 9\ndata: a\ndata: b\n\n", b"event: message\ndata: x\nid: 9\n\n",
            b"event: message\nid: 9\ndata:x\n\n", b"event: messages\nid: 9\ndata: x\n\n", b"retry: 5\n",
            b"event: message\r\nid: 9\r\ndata: x\r\n\r\n", b"event: message\nid:9\ndata: x\n\n", b"id: 98\n\nid: 97\n",
        ):
            with self.subTest(between):
                data = b"".join(map(usual, range(4))) + between + b"".join(map(usual, range(4, 9)))
                got = feed_every_way(self, data, outcome, random_splits=6)
                texts = [event[1] for event in got["events"] if "\xe9" in event[1]]
                self.assertEqual(len(texts), 9)


    def test_many_lines_of_an_unfinished_event(self):
        """Its id is not committed, whatever was before."""
        for before, last in ((b"", ""), (b"id: 4\ndata: a\n\n", "4")):
            data = before + b"id: 5\n" + b"data: x\n" * 12
            got = feed_every_way(self, data, outcome, random_splits=6)
            self.assertEqual(got["last_event_id"], last)


class Limits(unittest.TestCase):
    def test_a_long_line_is_refused_after_the_events_before_it(self):
        """The events that were complete arrive, then the error, in every cut."""
        data = b"data: 1\n\n" + b"data: " + b"x" * 20 + b"\n\n"
        got = feed_every_way(self, data, lambda c: outcome(c, max_line_bytes=25))
        self.assertEqual(got, ([["message", "1", ""]], "max_line_bytes", 25))
        got = feed_every_way(self, data, lambda c: outcome(c, max_line_bytes=26))
        self.assertEqual(len(got["events"]), 2)

    def test_a_long_first_line_is_refused_at_once(self):
        """A line that never ends is noticed before it ends."""
        parser = EventParser(max_line_bytes=10)
        with self.assertRaises(LimitExceeded) as caught:
            parser.feed(b"x" * 11)
        self.assertEqual(
            str(caught.exception),
            "line exceeds max_line_bytes=10 (server-sent events)",
        )
        with self.assertRaises(LimitExceeded):
            parser.feed(b"\n\n")

    def test_a_large_event_is_refused(self):
        """Many short lines of one event are bounded too."""
        data = b"data: 1\n\ndata: 1234\ndata: 5678\n\n"
        got = feed_every_way(self, data, lambda c: outcome(c, max_event_bytes=9))
        self.assertEqual(got, ([["message", "1", ""]], "max_event_bytes", 9))
        got = feed_every_way(self, data, lambda c: outcome(c, max_event_bytes=10))
        self.assertEqual(got["events"][1][1], "1234\n5678")

    def test_the_error_is_kept_for_whoever_took_the_events(self):
        """`error` tells a reader that there is no use in waiting for more bytes."""
        parser = EventParser(max_line_bytes=10)
        self.assertEqual(len(parser.feed(b"data: 1\n\n" + b"y" * 11)), 1)
        self.assertEqual(parser.error.name, "max_line_bytes")


class Writing(unittest.TestCase):
    def test_fields_in_order(self):
        """What is written is what the parser reads."""
        data = encode_event("a\r\nb\rc\n\u2028", event="e", id="\xe9", retry=5)
        self.assertEqual(
            data,
            b"event: e\nid: \xc3\xa9\nretry: 5\ndata: a\ndata: b\ndata: c\n"
            b"data: \xe2\x80\xa8\n\n",
        )
        parser = EventParser()
        self.assertEqual(
            parser.feed(data), [ServerSentEvent("e", "a\nb\nc\n\u2028", "\xe9")]
        )
        self.assertEqual(parser.retry_milliseconds, 5)

    def test_empty_and_none(self):
        """Empty data is an event, no data is none but commits the id."""
        parser = EventParser()
        self.assertEqual(len(parser.feed(encode_event(""))), 1)
        self.assertEqual(parser.feed(encode_event(None, id="4")), [])
        self.assertEqual(parser.last_event_id, "4")

    def test_what_cannot_be_written(self):
        """A second line, NUL in an id, a negative time: ValueError."""
        for wrong in ({"event": "a\nb"}, {"id": "a\rb"}, {"id": "\0"}):
            with self.assertRaisesRegex(ValueError, "must be one line"):
                encode_event("x", **wrong)
        for retry in (-1, True, 1.5):
            with self.assertRaisesRegex(ValueError, "retry must be 0 or more"):
                encode_event("x", retry=retry)

    def test_comments(self):
        """A comment of two lines is two comments."""
        self.assertEqual(encode_comment(), b":\n\n")
        self.assertEqual(encode_comment("ok"), b":ok\n\n")
        self.assertEqual(encode_comment("a\ndata: b"), b":a\n:data: b\n\n")


class DefaultLimits(unittest.TestCase):
    def test_how_much_is_held(self):
        """A line may have 32 MiB, the lines of one event 64 MiB."""
        parser = EventParser()
        self.assertEqual(parser.max_line_bytes, 32 * 1024 * 1024)
        self.assertEqual(parser.max_event_bytes, 64 * 1024 * 1024)


class Types(unittest.TestCase):
    def test_names_that_begin_like_the_usual_one(self):
        """A type is taken as it stands, to its last character; "message" is one too."""
        for code in range(32, 127):
            name = "message%c" % code
            got = EventParser().feed(b"event: %s\ndata: x\n\n" % name.encode())
            self.assertEqual(got, [ServerSentEvent(name, "x", "")])
        got = EventParser().feed(b"event: message\ndata: x\n\n")
        self.assertEqual(got, [ServerSentEvent("message", "x", "")])
