"""server/feed.py: recent changes as the real service sends them."""

import json
import threading
import unittest
from unittest import mock
from urllib.parse import quote

from tests.support.clocks import FakeClock
from wikistd.server.feed import ChangeFeed, FeedPlace, parse_since
from wikistd.server.local import local_connect
from wikistd.server.store import PageStore

EQIAD, CODFW = "eqiad.mediawiki.recentchange", "codfw.mediawiki.recentchange"
SILENT = {"topic": CODFW, "partition": 0, "offset": -1}


class FeedCase(unittest.TestCase):
    def setUp(self):
        self.clock = FakeClock(now=1_700_000_000.5)
        self.store = PageStore(now=self.clock.now)
        self.addCleanup(self.store.close)
        self.store.create_user("Ann", "a long password")
        self.feed = ChangeFeed(self.store)
        pause = mock.patch("wikistd.server.feed.FEED_PAUSE_SECONDS", 0.01)
        pause.start()
        self.addCleanup(pause.stop)

    def save(self, title, text="text", **more):
        return self.store.save_page(title, text, user="Ann", **more)

    def open(self, query="", *, names="recentchange", headers=(), method="GET"):
        """Return status, headers and a file of the decoded body."""
        sock = local_connect(self.feed)("wiki.test", 80)
        self.addCleanup(sock.close)
        lines = ["%s /v2/stream/%s%s HTTP/1.1" % (method, names, query)]
        lines += ["Host: wiki.test:8080", *headers]
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"))
        reader = sock.makefile("rb")
        self.addCleanup(reader.close)
        status = reader.readline().decode().strip()
        fields = {}
        while True:
            line = reader.readline().decode().strip()
            if not line:
                break
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return status, fields, reader

    def chunk(self, reader):
        data = reader.read(int(reader.readline(), 16))
        reader.readline()
        return data.decode("utf-8")

    def event(self, reader):
        """Return the id and the data of the next event."""
        first, second, third, end = self.chunk(reader).split("\n", 3)
        self.assertEqual((first, end), ("event: message", "\n"))
        self.assertEqual((second[:4], third[:6]), ("id: ", "data: "))
        return json.loads(second[4:]), json.loads(third[6:])

    def refused(self, *args, **more):
        status, fields, reader = self.open(*args, **more)
        self.assertEqual(fields["content-type"], "application/json; charset=utf-8")
        return status, json.loads(reader.read(int(fields["content-length"])).decode())


class Events(FeedCase):
    def test_new_page(self):
        """A new page is an event with the envelope of the real service."""
        _, fields, reader = self.open()
        self.assertEqual(fields["content-type"], "text/event-stream")
        self.assertEqual(fields["transfer-encoding"], "chunked")
        self.assertEqual(self.chunk(reader), ":ok\n\n")
        revision = self.save("Zürich & more", "Grüezi", summary="a <b>")
        place, event = self.event(reader)
        address = "http://wiki.test:8080/wiki/Z%C3%BCrich_%26_more"
        self.assertEqual(
            place,
            [{"topic": EQIAD, "partition": 0, "timestamp": 1700000000001}, SILENT],
        )
        meta = event.pop("meta")
        for name in ("id", "request_id"):
            self.assertRegex(
                meta.pop(name), r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
            )
        self.assertEqual(
            meta,
            {
                "uri": address,
                "domain": "wiki.test",
                "stream": "mediawiki.recentchange",
                "dt": "2023-11-14T22:13:20Z",
                "topic": EQIAD,
                "partition": 0,
                "offset": 2000,
            },
        )
        self.assertEqual(
            event,
            {
                "$schema": "/mediawiki/recentchange/1.0.0",
                "id": 2,
                "type": "new",
                "namespace": 0,
                "title": "Zürich & more",
                "title_url": address,
                "comment": "a <b>",
                "timestamp": 1700000000,
                "user": "Ann",
                "bot": False,
                "notify_url": "http://wiki.test:8080/w/index.php?oldid=%d&rcid=2"
                % revision,
                "minor": False,
                "patrolled": False,
                "length": {"new": 7},
                "revision": {"new": revision},
                "server_url": "http://wiki.test:8080",
                "server_name": "wiki.test",
                "server_script_path": "/w",
                "wiki": "embedded",
                "parsedcomment": "a &lt;b&gt;",
            },
        )

    def test_edit(self):
        """An edit knows what it changed."""
        old = self.save("A", "1")
        _, _, reader = self.open()
        self.chunk(reader)
        new = self.save("A", "22", minor=True, bot=True)
        event = self.event(reader)[1]
        self.assertEqual(
            (event["type"], event["minor"], event["bot"]), ("edit", True, True)
        )
        self.assertEqual(event["length"], {"old": 1, "new": 2})
        self.assertEqual(event["revision"], {"old": old, "new": new})
        self.assertTrue(
            event["notify_url"].endswith("?diff=%d&oldid=%d&rcid=3" % (new, old))
        )

    def test_log(self):
        """What the log holds comes with the log's words."""
        _, _, reader = self.open()
        self.chunk(reader)
        self.store.create_user("Bob", "a long password")
        event = self.event(reader)[1]
        self.assertEqual(event["type"], "log")
        self.assertEqual(event["log_type"], "newusers")
        self.assertEqual(event["log_action"], "create")
        self.assertEqual(event["title"], "User:Bob")
        self.assertIsInstance(event["log_params"], dict)
        for name in ("minor", "length", "revision", "notify_url"):
            self.assertNotIn(name, event)

    def test_ids_are_stable(self):
        """The same change has the same meta.id on every connection."""
        self.save("A")
        events = []
        for _ in range(2):
            _, _, reader = self.open("?since=1")
            self.chunk(reader)
            events.append([self.event(reader) for _ in range(2)])
        self.assertEqual(events[0], events[1])

    def test_lines_of_json(self):
        """Accept: application/json gives a JSON object a line, the first line empty."""
        _, fields, reader = self.open(headers=["Accept: application/json"])
        self.assertEqual(fields["content-type"], "application/json; charset=utf-8")
        self.assertEqual(self.chunk(reader), "\n")
        self.save("A")
        self.assertEqual(json.loads(self.chunk(reader))["title"], "A")

    def test_charset_is_for_those_who_name_a_type(self):
        """As the real service has it."""
        _, fields, _ = self.open(headers=["Accept: text/event-stream"])
        self.assertEqual(fields["content-type"], "text/event-stream; charset=utf-8")

    def test_names(self):
        """Lists and aliases name one stream."""
        for names in ("mediawiki.recentchange", "recentchange,mediawiki.recentchange"):
            status, _, reader = self.open(names=names)
            self.assertEqual(status, "HTTP/1.1 200 OK")
            self.chunk(reader)
            self.save("Page " + names)
            self.assertEqual(self.event(reader)[1]["title"], "Page " + names)

    def test_a_stream_ends(self):
        """After max_stream_seconds, and when the feed is closed."""
        self.feed = ChangeFeed(self.store, max_stream_seconds=0.0)
        _, _, reader = self.open()
        self.chunk(reader)
        self.assertEqual(self.chunk(reader), "")
        self.feed = ChangeFeed(self.store)
        _, _, reader = self.open()
        self.chunk(reader)
        self.feed.close()
        self.assertEqual(self.chunk(reader), "")

    def test_other_methods(self):
        """HEAD has no body, OPTIONS tells browsers what they may send, POST is refused."""
        status, fields, _ = self.open(method="HEAD")
        self.assertEqual(status, "HTTP/1.1 200 OK")
        status, fields, _ = self.open(method="OPTIONS")
        self.assertEqual(status, "HTTP/1.1 204 No Content")
        self.assertIn("last-event-id", fields["access-control-allow-headers"])
        status, document = self.refused(method="POST")
        self.assertEqual(status, "HTTP/1.1 405 Method Not Allowed")


class Closing(FeedCase):
    def test_while_streams_wait(self):
        """close() wakes the streams that wait for a change."""
        waiting = threading.Event()
        wait_for = self.store.changes.arrived.wait_for

        def wait_long(predicate, timeout):
            waiting.set()
            return wait_for(predicate, 60)

        self.store.changes.arrived.wait_for = wait_long
        events = self.feed.iter_feed(FeedPlace({}, 1), "http://wiki.test")
        thread = threading.Thread(target=list, args=(events,), daemon=True)
        thread.start()
        self.assertTrue(waiting.wait(10))
        self.feed.close()
        thread.join(10)
        self.assertFalse(thread.is_alive())


class Resuming(FeedCase):
    """Five pages, two in each second; change 1 made the account."""

    def setUp(self):
        super().setUp()
        self.lasts = 0
        self.clock.wall = 1_700_000_000
        for number in range(6):
            self.save("P%d" % number)
            self.clock.wall += number % 2

    def titles(self, query="", place=None, count=None):
        headers = []
        if place is not None:
            text = place if isinstance(place, str) else json.dumps(place)
            headers = ["Last-Event-ID: " + text]
        _, _, reader = self.open(query, headers=headers)
        self.chunk(reader)
        self.lasts += 1
        self.save("Last %d" % self.lasts)
        titles = []
        while "Last %d" % self.lasts not in titles:
            titles.append(self.event(reader)[1]["title"])
        return [title for title in titles if not title.startswith("Last")]

    def at(self, **place):
        return [{"topic": EQIAD, "partition": 0, **place}, SILENT]

    def test_nothing_said_is_from_now(self):
        """Without a place the stream starts at its end."""
        self.assertEqual(self.titles(), [])

    def test_since(self):
        """Milliseconds or a date."""
        for since in ("1700000001000", "2023-11-14T22:13:21Z", "1700000000001"):
            got = self.titles("?since=" + since)
            self.assertEqual(got, ["P2", "P3", "P4", "P5"], since)

    def test_since_a_time_that_has_not_come(self):
        """Where there is nothing since then, it is from now on."""
        self.assertEqual(self.titles("?since=2099-01-01"), [])

    def test_bad_since(self):
        """A time nobody can read is refused."""
        status, document = self.refused("?since=yesterday")
        self.assertEqual(status, "HTTP/1.1 400 Bad Request")
        self.assertEqual(
            document,
            {
                "status": 400,
                "type": "invalid_timestamp",
                "title": "Invalid timestamp",
                "detail": "since timestamp is not a UTC milliseconds unix epoch and was "
                "not parseable: 'yesterday'",
                "method": "GET",
                "uri": "/v2/stream/recentchange?since=yesterday",
            },
        )

    def test_offset(self):
        """An offset is the next one wanted, and wins over a timestamp."""
        self.assertEqual(self.titles(place=self.at(offset=6000)), ["P4", "P5"])
        self.assertEqual(
            self.titles(place=self.at(offset=7000, timestamp=1))[:1], ["P5"]
        )

    def test_offsets_out_of_range(self):
        """-1 and the unknown are the end, -2 the beginning."""
        for offset in (-1, 10**12, -7):
            self.assertEqual(self.titles(place=self.at(offset=offset)), [])
        self.assertEqual(self.titles(place=self.at(offset=-2))[:2], ["User:Ann", "P0"])

    def test_timestamp_of_the_last_event(self):
        """Times are one past the event: its second is not repeated, as on the real one."""
        place = self.at(timestamp=1700000001001)
        self.assertEqual(self.titles("?since=1", place=place), ["P4", "P5"])

    def test_the_silent_topic_keeps_its_place(self):
        """A topic nothing came from keeps its offset in the ids."""
        _, _, reader = self.open(
            headers=["Last-Event-ID: " + json.dumps(self.at(timestamp=1700000002000))]
        )
        self.chunk(reader)
        place, event = self.event(reader)
        self.assertEqual(event["title"], "P4")
        self.assertEqual(place, self.at(timestamp=1700000002001))

    def test_names_of_topics(self):
        """A list of topics starts where since says, or now."""
        self.assertEqual(self.titles(place=[EQIAD, CODFW]), [])
        got = self.titles("?since=1700000002000", place=[EQIAD])
        self.assertEqual(got[:2], ["P4", "P5"])

    def test_only_the_other_topic(self):
        """Who reads the silent topic alone hears nothing."""
        self.feed = ChangeFeed(self.store, max_stream_seconds=0.05)
        _, _, reader = self.open(headers=["Last-Event-ID: " + json.dumps([SILENT])])
        self.chunk(reader)
        self.save("A")
        self.assertEqual(self.chunk(reader), "")

    def test_malformed(self):
        """What is no list of places is refused."""
        for place in ("x", "[", "{}", "[]", "[1]", '[{"topic":"a"}]', "[" * 50000):
            status, document = self.refused(headers=["Last-Event-ID: " + place])
            self.assertEqual(status, "HTTP/1.1 400 Bad Request", place[:20])
            self.assertEqual(document["name"], "InvalidAssignmentError")
        for value in ("true", "1.5", '"1"', "null", str(2**63), str(-(10**40))):
            for name in ("offset", "timestamp"):
                place = '[{"topic":"%s","partition":0,"%s":%s}]' % (EQIAD, name, value)
                status, _ = self.refused(headers=["Last-Event-ID: " + place])
                self.assertIn("400", status, place)

    def test_topics_of_other_streams(self):
        """A topic that was not asked for is 404."""
        place = json.dumps([{"topic": "eqiad.other", "partition": 0, "offset": 1}])
        status, document = self.refused(headers=["Last-Event-ID: " + place])
        self.assertEqual(status, "HTTP/1.1 404 Not Found")
        self.assertEqual(document["name"], "TopicNotAvailableError")
        self.assertEqual(
            document["message"], "Topics eqiad.other are not available for consumption."
        )

    def test_unknown_streams(self):
        """A stream that is not here is 400 and named."""
        status, document = self.refused(
            names="recentchange,page-undelete," + quote("ü")
        )
        self.assertEqual(status, "HTTP/1.1 400 Bad Request")
        self.assertEqual(document["detail"], "Invalid streams: page-undelete,ü")


class Since(unittest.TestCase):
    def test_times(self):
        """What since= may hold."""
        for text, milliseconds in (
            ("0", 0),
            ("1700000000000", 1700000000000),
            ("2023-11-14T22:13:20Z", 1700000000000),
            ("2023-11-14T22:13:20.25Z", 1700000000250),
            ("2023-11-14 22:13", 1699999980000),
            ("2023-11-14T23:13:20+01:00", 1700000000000),
            ("2023-11-14T17:13:20-0500", 1700000000000),
            ("2023-11-14", 1699920000000),
            ("Tue, 14 Nov 2023 22:13:20 GMT", 1700000000000),
            ("2023-13-14", None),
            ("2023-11-14T25:00Z", None),
            ("soon", None),
            ("", None),
            ("9" * 30, None),
        ):
            self.assertEqual(parse_since(text), milliseconds, text)
