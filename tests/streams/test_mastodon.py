"""Listeners: lines in, calls out; strict where Mastodon.py's first version was."""

import itertools
import json
import unittest

from tests.streams.standins import Answer, quiet_streams
from tests.support.feeding import feed_every_way
from wikistd import (
    CallbackStreamListener,
    ConnectionLost,
    LimitExceeded,
    MalformedEventError,
    StopStream,
    StreamListener,
)
from wikistd.streams.mastodon import call_listener, read_listener_stream


def setUpModule():
    quiet_streams()


class Recorder(StreamListener):
    """Writes down what is called."""

    def __init__(self):
        self.calls = []

    def on_update(self, status):
        self.calls.append(("update", status))

    def on_notification(self, notification):
        self.calls.append(("notification", notification))

    def on_delete(self, status_id):
        self.calls.append(("delete", status_id))

    def on_filters_changed(self):
        self.calls.append(("filters_changed",))

    def on_announcement_delete(self, announcement_id):
        self.calls.append(("announcement.delete", announcement_id))

    def on_blahblah(self, data):
        self.calls.append(("blahblah", data))

    def on_do_something(self, data):
        self.calls.append(("do.something", data))

    def on_unknown_event(self, name, unknown_event=None):
        self.calls.append(("unknown", name, unknown_event))

    def on_abort(self, err):
        self.calls.append(("abort", type(err).__name__))

    def handle_heartbeat(self):
        self.calls.append(("heartbeat",))


def calls_of(*lines):
    listener = Recorder()
    listener.handle_stream(list(lines))
    return listener.calls


class Events(unittest.TestCase):
    def test_what_the_seed_understands(self):
        """Status, notification, delete with its id as text, heartbeats, several."""
        self.assertEqual(calls_of(b":one", b":two"), [("heartbeat",), ("heartbeat",)])
        self.assertEqual(
            calls_of(
                b"event: update", b'data: {"foo": "bar"}', b"", b"event: notification", b"data: {}", b"",
                b"event: delete", b"data: 123", b"",
            ),
            [("update", {"foo": "bar"}), ("notification", {}), ("delete", "123")],
        )

    def test_lines_of_text(self):
        """As a file opened as text gives them, or a list in a test."""
        lines = ["event: update\n", 'data: "\xe9"', ""]
        self.assertEqual(calls_of(*lines), [("update", "\xe9")])

    def test_in_every_cut(self):
        """Also with CRLF, without the space, after a heartbeat and blank lines."""
        data = (
            b":)\n\n:thump\nevent: update\ndata: {\"text\":\ndata:  \"\xc3\xa9\xe2\x80\xa8\"}\nid: 1\nretry: 5\n\n"
            b"data:[1]\r\nevent:do.something\r\n\r\n\n"
        )
        want = [("heartbeat",), ("heartbeat",), ("update", {"text": "\xe9\u2028"}), ("do.something", [1])]

        def run(chunks):
            listener = Recorder()
            read_listener_stream(listener, chunks)
            return listener.calls

        self.assertEqual(feed_every_way(self, data, run), want)

    def test_ids(self):
        """Numbers, text in quotes, and the letters of other servers."""
        for text, id in ((b"5", "5"), (b'"5"', "5"), (b"01ABC-x", "01ABC-x"), (b"12 ", "12")):
            self.assertEqual(
                calls_of(b"event: delete", b"data: " + text, b"", b"event: announcement.delete", b"data: " + text, b""),
                [("delete", id), ("announcement.delete", id)],
            )

    def test_without_payload(self):
        """The server writes "undefined"."""
        for text in (b"data: undefined", b"data:", b"data: null"):
            self.assertEqual(calls_of(b"event: filters_changed", text, b""), [("filters_changed",)])

    def test_unknown_events(self):
        """Are told of, with their payload; hooks are no events."""
        self.assertEqual(calls_of(b"event: blahblah", b"data: 1", b""), [("blahblah", 1)])
        for name in ("nobody.knows", "abort", "any_event", "unknown_event"):
            self.assertEqual(
                calls_of(b"event: " + name.encode(), b"data: 1", b""), [("unknown", name, 1)]
            )
        with self.assertLogs("wikistd.streams", "WARNING") as logs:
            StreamListener().handle_stream([b"event: x", b"data: 1", b""])
        self.assertIn("no method for the event 'x'", logs.output[0])

    def test_a_method_of_the_instance(self):
        """Is found as well."""
        heard = []
        listener = StreamListener()
        listener.on_status_update = heard.append
        listener.handle_stream([b"event: status.update", b"data: 1", b""])
        self.assertEqual(heard, [1])

    def test_any_event_and_the_stream(self):
        """Before the method for it; for_stream only where there is a parameter."""
        heard = []

        class Listener(StreamListener):
            def on_any_event(self, name, data, for_stream=None):
                heard.append((name, data, for_stream))

            def on_update(self, status, *, for_stream="none"):
                heard.append((status, for_stream))

            def on_delete(self, status_id):
                for_stream = "a local name"
                heard.append((status_id, for_stream))

        listener = Listener()
        call_listener(listener, "update", 1, "user")
        call_listener(listener, "update", 1)
        call_listener(listener, "delete", "2", "user")
        self.assertEqual(
            heard,
            [
                ("update", 1, "user"), (1, "user"), ("update", 1, None), (1, "none"),
                ("delete", "2", "user"), ("2", "a local name"),
            ],
        )

    def test_the_methods_that_do_nothing(self):
        """Every event has one."""
        listener = StreamListener()
        for name in (
            "update", "notification", "delete", "status.update", "conversation", "filters_changed", "announcement",
            "announcement.reaction", "announcement.delete", "encrypted_message", "notifications_merged",
        ):
            lines = [b"event: " + name.encode(), b"data: null", b"", b":"]
            self.assertIsNone(listener.handle_stream(lines))


class Strictness(unittest.TestCase):
    def fails(self, *lines):
        listener = Recorder()
        with self.assertRaises(MalformedEventError) as caught:
            listener.handle_stream([b"event: update", b"data: 1", b"", *lines])
        self.assertEqual(listener.calls, [("update", 1), ("abort", "MalformedEventError")])
        return caught.exception

    def test_fields_that_are_missing(self):
        """Chained to the KeyError, after on_abort."""
        error = self.fails(b"data: 1", b"")
        self.assertIsInstance(error.__cause__, KeyError)
        self.assertIn("event without the field 'event'", str(error))
        self.assertIn("event without the field 'data'", str(self.fails(b"event: update", b"")))

    def test_broken_json(self):
        """Chained to the ValueError."""
        error = self.fails(b"event: update", b"data: kjhgkjh", b"")
        self.assertIsInstance(error.__cause__, ValueError)
        self.assertIn("bad JSON in the event update", str(error))
        error = self.fails(b"event: update", b"data: " + b"[" * 50000, b"")
        self.assertIn("bad JSON in the event update", str(error))

    def test_broken_utf8(self):
        """Chained to the UnicodeDecodeError."""
        error = self.fails(b"event: update", b'data: {"foo": "\xff"}', b"")
        self.assertIsInstance(error.__cause__, UnicodeDecodeError)

    def test_an_unfinished_event(self):
        """Is logged, not called."""
        for lines in ([b"event: update", b"data: 1"], [b"event: update\n", b"data: 1\n"]):
            with self.assertLogs("wikistd.streams", "WARNING") as logs:
                self.assertEqual(calls_of(*lines), [])
            self.assertIn("unfinished event at the end of the stream", logs.output[0])

    def test_a_line_without_end(self):
        """LimitExceeded, after on_abort."""
        listener = Recorder()
        with self.assertRaises(LimitExceeded):
            read_listener_stream(listener, [b"x" * 50], limit=20)
        self.assertEqual(listener.calls, [("abort", "LimitExceeded")])


    def test_an_event_without_end(self):
        """Nor is an event of many lines kept for as long as it goes on."""
        for line in (b"data: 12345678\n", b"x%d: 1\n", b"event: update\n"):
            listener = Recorder()
            lines = (line % n if b"%" in line else line for n in itertools.count())
            with self.assertRaises(LimitExceeded) as caught:
                read_listener_stream(listener, lines, max_event_bytes=1000)
            self.assertEqual(str(caught.exception), "an event exceeds max_event_bytes=1000")
            self.assertEqual(listener.calls, [("abort", "LimitExceeded")])
        # What came before is none of an event's bytes.
        listener = Recorder()
        read_listener_stream(listener, [b"event: update\ndata: 1\n\n"] * 50, max_event_bytes=22)
        self.assertEqual(listener.calls, [("update", 1)] * 50)

    def test_many_lines_of_data(self):
        """They are joined once, not one by one."""
        lines = [b"event: update\n", *[b"data: 1,\n"] * 100000, b"data: 1]\n", b"\n"]
        lines[1] = b"data: [1,\n"
        listener = Recorder()
        read_listener_stream(listener, lines)
        self.assertEqual(len(listener.calls[0][1]), 100001)


class Responses(unittest.TestCase):
    def test_iter_content_is_enough(self):
        """Byte by byte, as bytearrays."""

        class Stream:
            def iter_content(self, chunk_size):
                for byte in b"event: update\ndata: 5\n\n":
                    yield bytearray([byte])

        listener = Recorder()
        listener.handle_stream(Stream())
        self.assertEqual(listener.calls, [("update", 5)])

    def test_what_requests_would_wait_for(self):
        """Chunks are asked for as they come; a body without them is, byte by byte."""
        asked = []

        class Stream:
            def __init__(self, headers):
                self.headers = headers

            def iter_content(self, chunk_size):
                asked.append(chunk_size)
                yield b"event: update\ndata: 5\n\n"

        listener = Recorder()
        listener.handle_stream(Stream({"Transfer-Encoding": "Chunked"}))
        listener.handle_stream(Stream({}))
        self.assertEqual((listener.calls, asked), ([("update", 5)] * 2, [None, 1]))

    def test_a_connection_that_breaks(self):
        """on_abort, and the error."""
        listener = Recorder()
        with self.assertRaises(ConnectionLost):
            listener.handle_stream(Answer(b"event: update\ndata: 5\n\n"))
        self.assertEqual(listener.calls, [("update", 5), ("abort", "ConnectionLost")])

    def test_a_listener_that_stops(self):
        """Ends the stream cleanly; nothing more is read."""

        class Once(Recorder):
            def on_update(self, status):
                super().on_update(status)
                raise StopStream

        listener = Once()
        listener.handle_stream(Answer(b"event: update\ndata: 5\n\n" * 3))
        self.assertEqual(listener.calls, [("update", 5)])

    def test_a_listener_that_fails(self):
        """Its error is its own."""

        class Broken(Recorder):
            def on_update(self, status):
                raise ZeroDivisionError

        listener = Broken()
        with self.assertRaises(ZeroDivisionError):
            listener.handle_stream([b"event: update", b"data: 5", b""])
        self.assertEqual(listener.calls, [])


class Callbacks(unittest.TestCase):
    def test_functions(self):
        """Each event to its own; local updates to both."""
        calls = []

        def keep(name):
            return lambda *arguments: calls.append((name, *arguments))

        listener = CallbackStreamListener(
            keep("update"), keep("local"), keep("delete"), keep("notification"), keep("conversation"),
            keep("unknown"), keep("status"), keep("filters"), keep("announcement"), keep("reaction"),
            keep("gone"), keep("encrypted"), notifications_merged_handler=keep("merged"),
        )
        near, far = {"account": {"acct": "a"}}, {"account": {"acct": "a@b"}}
        for name, payload in (
            ("update", near), ("update", far), ("delete", "1"), ("notification", 2), ("conversation", 3),
            ("new.thing", 4), ("status.update", 5), ("filters_changed", None), ("announcement", 6),
            ("announcement.reaction", 7), ("announcement.delete", "8"), ("encrypted_message", 9),
            ("notifications_merged", None),
        ):
            call_listener(listener, name, payload)
        self.assertEqual(
            calls,
            [
                ("update", near), ("local", near), ("update", far), ("delete", "1"), ("notification", 2),
                ("conversation", 3), ("unknown", "new.thing", 4), ("status", 5), ("filters",), ("announcement", 6),
                ("reaction", 7), ("gone", "8"), ("encrypted", 9), ("merged",),
            ],
        )

    def test_none_of_them(self):
        """Nothing is called, nothing fails; a status without author only where it matters."""
        call_listener(CallbackStreamListener(), "update", {})
        for status in ({}, {"account": {}}, {"account": None}, 5):
            data = json.dumps(status).encode()
            with self.assertRaises(MalformedEventError):
                CallbackStreamListener(local_update_handler=print).handle_stream(
                    [b"event: update", b"data: " + data, b""]
                )
