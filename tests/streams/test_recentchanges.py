"""Recent changes by polling, and the bridge from there to the live stream."""

import json
import threading
import unittest

from tests.streams.standins import Answer, StandInClient, quiet_streams
from tests.support.clocks import FakeClock
from wikistd import (
    ConnectionLost,
    ProtocolError,
    RecentChanges,
    RecentChangesBridge,
    StatusError,
    encode_event,
)

GENERAL = {
    "server": "//wiki.example", "servername": "wiki.example", "wikiid": "examplewiki",
    "articlepath": "/wiki/$1", "script": "/w/index.php", "scriptpath": "/w",
}


def setUpModule():
    quiet_streams()


def stamp(seconds):
    return "2027-01-15T08:%02d:%02dZ" % divmod(seconds, 60)


def row(number, seconds=None, **fields):
    """Return a change as the API lists it."""
    change = {
        "type": "edit", "ns": 0, "title": "Straße %d" % number, "pageid": 5, "revid": 100 + number,
        "old_revid": 50, "rcid": number, "user": "U", "bot": False, "new": False, "minor": True,
        "oldlen": 3, "newlen": 7, "timestamp": stamp(number if seconds is None else seconds),
        "comment": "c", "parsedcomment": "<b>c</b>",
    }
    change.update(fields)
    return change


class FakeSession:
    """Answers as a wiki whose list grows; two rows a reply."""

    host = "https://wiki.example"

    def __init__(self, *rows):
        self.rows = list(rows)
        self.starts = []
        self.later = []

    def get(self, query_continue=None, auth=None, continuation=False, **params):
        if params.get("meta") == "siteinfo":
            return {"query": {"general": GENERAL}}
        if params["rclimit"] == 1:
            newest = sorted(self.rows, key=lambda change: change["timestamp"])[-1:]
            return {"query": {"recentchanges": newest}, "curtimestamp": stamp(0)}
        self.starts.append(params["rcstart"])
        return self.replies(params["rcstart"])

    def replies(self, start):
        rows = [change for change in self.rows if change["timestamp"] >= start]
        rows.sort(key=lambda change: (change["timestamp"], change["rcid"]))
        yield {"batchcomplete": True}
        for i in range(0, len(rows), 2):
            yield {"query": {"recentchanges": rows[i : i + 2]}}
        if self.later:
            self.rows += self.later.pop(0)


def ids(events):
    return [event["id"] for event in events]


class Polling(unittest.TestCase):
    def test_from_a_moment_on(self):
        """Oldest first, each once, again after a pause; slow changes are found."""
        session = FakeSession(row(1), row(2), row(3))
        session.later = [[row(4), row(0, 2)], [row(6), row(5, 6)]]
        clock = FakeClock()
        changes = RecentChanges(session, since=stamp(1), total=6, poll_seconds=7, clock=clock)
        self.assertEqual(ids(changes), [1, 2, 3, 0, 4, 5])
        self.assertEqual(clock.slept, [7, 7])
        self.assertEqual(session.starts[0], stamp(1))
        self.assertEqual(list(changes), [])

    def test_from_now_on(self):
        """What was there before is not news; what came in between is."""
        session = FakeSession(row(1), row(2))
        session.later = [[row(3, 2)], [row(4)]]
        changes = RecentChanges(session, total=2, clock=FakeClock())
        self.assertEqual(ids(changes), [3, 4])

    def test_an_empty_wiki(self):
        """Begins at the wiki's own time."""
        session = FakeSession()
        session.later = [[row(1)]]
        self.assertEqual(ids(RecentChanges(session, total=1, clock=FakeClock())), [1])

    def test_the_shape_of_an_edit(self):
        """That of the recentchange stream."""
        with RecentChanges(FakeSession(row(1)), since=0) as changes:
            event = next(changes)
            self.assertIn("1 polls", repr(changes))
        identity = event["meta"].pop("id")
        self.assertEqual(len(identity), 36)
        self.assertEqual(
            event,
            {
                "$schema": "/mediawiki/recentchange/1.0.0",
                "meta": {
                    "uri": "https://wiki.example/wiki/Stra%C3%9Fe_1", "domain": "wiki.example",
                    "stream": "mediawiki.recentchange", "dt": stamp(1),
                },
                "id": 1, "type": "edit", "namespace": 0, "title": "Straße 1",
                "title_url": "https://wiki.example/wiki/Stra%C3%9Fe_1", "comment": "c",
                "timestamp": 1800000001, "user": "U", "bot": False,
                "notify_url": "https://wiki.example/w/index.php?diff=101&oldid=50&rcid=1",
                "minor": True, "length": {"old": 3, "new": 7}, "revision": {"old": 50, "new": 101},
                "server_url": "https://wiki.example", "server_name": "wiki.example",
                "server_script_path": "/w", "wiki": "examplewiki", "parsedcomment": "<b>c</b>",
            },
        )

    def test_the_shape_of_others(self):
        """A new page has no old one, a log entry its own fields, a hidden user none."""
        log = row(2, type="log", logid=7, logtype="delete", logaction="restore", logparams={"a": 1})
        del log["user"]
        new, log = list(RecentChanges(FakeSession(row(1, type="new"), log), since=0, total=2))
        self.assertEqual((new["length"], new["revision"]), ({"new": 7}, {"new": 101}))
        self.assertEqual(new["notify_url"], "https://wiki.example/w/index.php?oldid=101&rcid=1")
        self.assertEqual(log["log_params"], {"a": 1})
        self.assertEqual((log["log_id"], log["log_type"], log["log_action"]), (7, "delete", "restore"))
        self.assertNotIn("user", log)
        self.assertNotIn("length", log)

    def odd(self, *rows, general=GENERAL, document=None, **options):
        """Expect ProtocolError from a wiki that says such things."""
        def get(continuation=False, **params):
            if params.get("meta"):
                return {"query": {"general": general}}
            reply = {"query": {"recentchanges": list(rows)}} if rows else document
            return iter([reply]) if continuation else reply

        session = FakeSession()
        session.get = get
        options.setdefault("since", 0)
        with self.assertRaisesRegex(ProtocolError, "MediaWiki Action API"):
            next(RecentChanges(session, clock=FakeClock(), **options))

    def test_odd_rows(self):
        """What has not the shape of a change breaks the protocol."""
        for bad in (5, None, [], {}, "x"):
            with self.subTest(row=bad):
                self.odd(bad)
        for fields in (
            {"rcid": None}, {"rcid": "x"}, {"rcid": []}, {"rcid": 1.5}, {"title": 5}, {"title": "\ud800"},
            {"timestamp": 5}, {"timestamp": None}, {"timestamp": "x"}, {"timestamp": []},
            {"timestamp": "0001-01-01T00:00:00Z"}, {"timestamp": "9999-12-31T23:59:59-23:59"},
        ):
            with self.subTest(fields=fields):
                self.odd(row(1, **fields))
        for name in ("type", "ns", "timestamp", "rcid"):
            change = row(1)
            del change[name]
            with self.subTest(without=name):
                self.odd(change)

    def test_odd_general_information(self):
        """So does a wiki that does not say where it is."""
        for bad in (5, None, [], {}, "x", [1]):
            with self.subTest(general=bad):
                self.odd(row(1), general=bad)
        for name in ("server", "articlepath", "script", "scriptpath", "servername", "wikiid"):
            for value in (5, None, ["x"]):
                if value is None and name in ("servername", "wikiid"):
                    continue
                with self.subTest(name=name, value=value):
                    self.odd(row(1), general=dict(GENERAL, **{name: value}))
        self.odd(row(1), general=dict(GENERAL, server="http://[", servername=""))

    def test_odd_documents(self):
        """So does a reply without the list."""
        for bad in (5, [], {"query": 5}, {"query": []}, {"query": {"recentchanges": 5}}, {"query": {"recentchanges": {}}}):
            with self.subTest(document=bad):
                self.odd(document=bad)
        for bad in (5, {}, {"query": {}}, {"query": {"recentchanges": [{}]}}, {"query": {"recentchanges": 5}},
                    {"query": {"recentchanges": [{"rcid": "x", "timestamp": stamp(1)}]}},
                    {"query": {"recentchanges": []}}, {"query": {"recentchanges": []}, "curtimestamp": 5}):
            with self.subTest(newest=bad):
                self.odd(document=bad, since=None)

    def test_mistakes(self):
        """A time that is none, from the caller and from the wiki."""
        with self.assertRaisesRegex(ValueError, "since must be a time such as .*, not 'x'"):
            RecentChanges(FakeSession(), since="x")
        with self.assertRaisesRegex(ProtocolError, "'soon' is no timestamp"):
            next(RecentChanges(FakeSession(row(1, timestamp="soon")), since=0))

    def test_close_ends_the_reading(self):
        """Of a long list no further reply is asked for."""
        changes = RecentChanges(FakeSession(*map(row, range(1, 50))), since=stamp(0), clock=FakeClock())
        found = changes.poll()
        next(found)
        changes.close()
        self.assertEqual(list(found), [])

    def test_close_ends_the_pause(self):
        """From another thread."""
        changes = RecentChanges(FakeSession(), since=0, poll_seconds=60)
        threading.Timer(0.02, changes.close).start()
        self.assertEqual(list(changes), [])


def live(number, offset=None, milliseconds=None):
    """Return the bytes of a live event."""
    topic = "eqiad.mediawiki.recentchange"
    offset = number if offset is None else offset
    event = {"id": number, "meta": {"topic": topic, "partition": 0, "offset": offset}}
    milliseconds = (1800000000 + number) * 1000 if milliseconds is None else milliseconds
    id = [{"topic": topic, "partition": 0, "timestamp": milliseconds + 1}]
    return encode_event(json.dumps(event), id=json.dumps(id))


class Bridge(unittest.TestCase):
    def make(self, session, *answers, **options):
        client = StandInClient(*answers)
        options.setdefault("since", 0)
        return client, RecentChangesBridge(session, client=client, clock=FakeClock(), **options)

    def test_from_the_api_to_the_stream(self):
        """What both have comes once; the stream begins a little before."""
        session = FakeSession(row(1), row(2))
        session.later = [[row(3)]]
        client, bridge = self.make(session, Answer(live(2), live(3), live(4)))
        self.assertEqual(ids(next(bridge) for _ in range(3)), [1, 2, 3])
        self.assertIn("from the API", repr(bridge))
        self.assertEqual(next(bridge)["id"], 4)
        self.assertIn("live", repr(bridge))
        self.assertEqual(bridge.backfilled, 3)
        self.assertEqual(
            client.requests[0].full_url,
            "https://wiki.example/v2/stream/recentchange?since=%d" % ((1800000003 - 60) * 1000),
        )
        with self.assertRaisesRegex(ValueError, "the stream has begun"):
            bridge.streams.start_at(0)

    def test_an_address_of_its_own(self):
        """The stream that is named is read, from the same moment on."""
        url = "https://other.example/s?a=b"
        client, bridge = self.make(FakeSession(row(1)), Answer(live(2)), url=url)
        self.assertEqual(ids(next(bridge) for _ in range(2)), [1, 2])
        since = (1800000001 - 60) * 1000
        self.assertEqual(client.requests[0].full_url, "%s&since=%d" % (url, since))

    def test_filters(self):
        """Those of the stream hold for both ways."""
        _, bridge = self.make(FakeSession(row(1), row(2)), Answer(live(3), live(4)))
        bridge.streams.register_filter(id=(2, 4))
        self.assertEqual(ids(next(bridge) for _ in range(2)), [2, 4])

    def test_a_gap_is_filled(self):
        """What the stream had no more comes from the API, before what follows."""
        session = FakeSession()
        answers = Answer(live(1)), Answer(live(9))
        _, bridge = self.make(session, *answers)
        self.assertEqual(next(bridge)["id"], 1)
        session.rows = [row(number) for number in range(1, 12)]
        self.assertEqual(ids(next(bridge) for _ in range(8)), list(range(2, 10)))
        self.assertEqual(len(bridge.streams.gaps), 1)

    def test_interrupted(self):
        """Ctrl-C is not the end: the next next() goes on."""
        answers = Answer(live(2), KeyboardInterrupt()), Answer(live(2), live(3))
        _, bridge = self.make(FakeSession(row(1)), *answers)
        self.assertEqual(ids(next(bridge) for _ in range(2)), [1, 2])
        with self.assertRaises(KeyboardInterrupt):
            next(bridge)
        self.assertEqual(next(bridge)["id"], 3)

    def test_errors_in_between(self):
        """Of the wiki, at first and while a gap is filled: the next next() goes on."""
        session = FakeSession(row(1), row(2))
        replies, errors = session.replies, []

        def failing(start):
            for document in replies(start):
                yield document
                if errors:
                    raise errors.pop()

        session.replies = failing
        answers = Answer(live(3)), Answer(live(12)), Answer(live(12), live(13))
        _, bridge = self.make(session, *answers)
        errors.append(ConnectionLost("at first"))
        with self.assertRaisesRegex(ConnectionLost, "at first"):
            next(bridge)
        self.assertEqual(ids(next(bridge) for _ in range(3)), [1, 2, 3])
        session.rows = [row(number) for number in range(1, 13)]
        for _ in range(2):
            errors.append(ConnectionLost("in a gap"))
            with self.assertRaisesRegex(ConnectionLost, "in a gap"):
                next(bridge)
        self.assertEqual(ids(next(bridge) for _ in range(10)), list(range(4, 14)))
        self.assertEqual(len(bridge.streams.gaps), 1)

    def test_a_gap_whose_times_cannot_be(self):
        """Is not filled."""
        _, bridge = self.make(FakeSession(row(1)))
        for after in (10**30, -1, 253402300800000):
            bridge._fill(type(bridge_gap())("t", 0, None, None, 5, after, 10**31))
        self.assertEqual(bridge.backfilled, 0)

    def test_a_gap_without_times(self):
        """Cannot be filled, and is still reported."""
        session = FakeSession()
        _, bridge = self.make(session)
        bridge._fill(bridge_gap())
        self.assertEqual(bridge.backfilled, 0)

    def test_a_wiki_without_streams(self):
        """Is polled; another error is an error."""
        for answer in (Answer(status=404), Answer(kind="text/html")):
            session = FakeSession(row(1))
            session.later = [[], [], [row(2)]]
            _, bridge = self.make(session, answer)
            self.assertEqual(ids(next(bridge) for _ in range(2)), [1, 2])
        _, bridge = self.make(FakeSession(), Answer(status=500))
        with self.assertRaises(StatusError):
            next(bridge)

    def test_close(self):
        """Ends both."""
        _, bridge = self.make(FakeSession())
        with bridge:
            pass
        self.assertEqual(list(bridge), [])


def bridge_gap():
    from wikistd import StreamGap

    return StreamGap("t", 0, 1, 1, 3, None, None)
