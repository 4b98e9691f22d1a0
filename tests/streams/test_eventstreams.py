"""EventStreams: addresses, filters, positions, checkpoints, over scripted answers."""

import datetime
import json
import os
import pickle
import tempfile
import threading
import time
import unittest

from tests.streams.standins import Answer, StandInClient, quiet_streams
from tests.support.clocks import FakeClock
from tests.support.garbage import is_collected
from wikistd import (
    EventStreams,
    HttpClient,
    LimitExceeded,
    StatusError,
    StreamGap,
    encode_event,
    site_rc_listener,
)

TOPIC = "eqiad.mediawiki.recentchange"
OTHER = "codfw.mediawiki.recentchange"
DATE = ("Date", "Fri, 15 Jan 2027 08:00:00 GMT")
DATE_MILLISECONDS = 1800000000000


def wire(offset, time=None, **fields):
    """Return the bytes of one event as the service sends it."""
    time = 1000 + offset if time is None else time
    meta = {"topic": TOPIC, "partition": 0, "offset": offset, "id": "id%d" % offset}
    meta.update(fields.pop("meta", {}))
    data = {"meta": meta, "title": "T%d" % offset}
    data.update(fields)
    id = [
        {"topic": TOPIC, "partition": 0, "timestamp": time + 1},
        {"topic": OTHER, "partition": 0, "offset": -1},
    ]
    return encode_event(json.dumps(data), event="message", id=json.dumps(id))


def make_stream(*answers, **options):
    """Return (stream, client) for scripted answers."""
    client = StandInClient(*answers)
    options.setdefault("streams", "recentchange")
    return EventStreams(client=client, clock=FakeClock(), **options), client


def titles(stream, count):
    return [next(stream)["title"] for _ in range(count)]


def setUpModule():
    quiet_streams()


class FakeSession:
    """A Session has a host."""

    def __init__(self, host):
        self.host = host

    def __repr__(self):
        return "<FakeSession>"


class Addresses(unittest.TestCase):
    def test_streams_and_sites(self):
        """Wikimedia's wikis have one service, others their own."""
        base = "https://stream.wikimedia.org/v2/stream/"
        for options, url in (
            ({"streams": "recentchange"}, base + "recentchange"),
            ({"streams": ["a", "b"]}, base + "a,b"),
            ({"streams": (name for name in "ab")}, base + "a,b"),
            ({"streams": "a,b", "site": "en.wikipedia.org"}, base + "a,b"),
            ({"streams": "a", "site": FakeSession("https://www.wikidata.org")}, base + "a"),
            ({"streams": "a", "site": "http://127.0.0.1:8080/"}, "http://127.0.0.1:8080/v2/stream/a"),
            ({"streams": "a", "site": FakeSession("https://wiki.example")}, "https://wiki.example/v2/stream/a"),
            ({"streams": "a", "site": "notwikipedia.org"}, "https://notwikipedia.org/v2/stream/a"),
            ({"url": "http://x.example/s"}, "http://x.example/s"),
            ({"url": "http://x.example/s", "streams": "a"}, "http://x.example/s"),
        ):
            with self.subTest(options):
                stream = EventStreams(**options)
                self.assertEqual(stream.url, url)
                self.assertEqual(stream._url, url)

    def test_nothing_named(self):
        """No streams and no URL."""
        for options in ({}, {"streams": ""}, {"streams": []}, {"site": "x.example"}):
            with self.assertRaisesRegex(
                NotImplementedError, "^No streams specified for class EventStreams$"
            ):
                EventStreams(**options)
        with self.assertRaisesRegex(TypeError, "site must be a Session or a host, not 5"):
            EventStreams(streams="a", site=5)
        with self.assertRaisesRegex(TypeError, "streams is a name or several, not 5"):
            EventStreams(streams=5, site="127.0.0.1")
        with self.assertRaisesRegex(ValueError, "has a port: say http:// or https:// before"):
            EventStreams(streams="a", site="127.0.0.1:8095")
        with self.assertRaisesRegex(TypeError, "EventStreams cannot be pickled: .*cursor="):
            pickle.dumps(EventStreams(streams="a"))

    def test_since(self):
        """Every way to name a time; what stands in the URL is escaped."""
        east = datetime.timezone(datetime.timedelta(hours=2))
        base = "https://stream.wikimedia.org/v2/stream/a?since="
        for since, text in (
            (datetime.datetime(2022, 7, 12, 17, 54, 15), "2022-07-12T17:54:15Z"),
            (datetime.datetime(2022, 7, 12, 17, 54, 15, 250000), "2022-07-12T17:54:15Z"),
            (datetime.datetime(2022, 7, 12, 17, 54, 15, tzinfo=east), "2022-07-12T15:54:15Z"),
            (1657648455000, "1657648455000"),
            ("1657648455000", "1657648455000"),
            ("20220712175415", "2022-07-12T17:54:15Z"),
            ("20220712", "2022-07-12T00:00:00Z"),
            ("2022", "2022-01-01T00:00:00Z"),
            ("2022-07-12T17:54:15Z", "2022-07-12T17:54:15Z"),
            ("2022-07-12T17:54:15+00:00", "2022-07-12T17:54:15%2B00:00"),
            ("2022-07-12T17:54:15", "2022-07-12T17:54:15"),
            (datetime.date(2022, 7, 12), "2022-07-12T00:00:00Z"),
            (500, "500"),
        ):
            with self.subTest(since):
                stream = EventStreams(streams="a", since=since)
                self.assertEqual(stream.url, base + text)
                self.assertIsNotNone(stream._since_milliseconds)
        self.assertEqual(EventStreams(streams="a", since="20220712175415")._since_milliseconds, 1657648455000)
        for since in (True, 1.5, b"2022"):
            with self.assertRaises(TypeError):
                EventStreams(streams="a", since=since)
        for since, words in (
            ("last Tuesday", "must be a time such as .*, not 'last Tuesday'"),
            ("20221399", "must be a time, not '20221399'"),
            (1577836800, "is in milliseconds.*seconds are to be multiplied by 1000"),
            ("1577836800", "is in milliseconds"),
        ):
            with self.assertRaisesRegex(ValueError, "since " + words):
                EventStreams(streams="a", since=since)

    def test_repr(self):
        """One line of what was asked, without secrets."""
        self.assertEqual(repr(EventStreams(streams="a")), "EventStreams(streams='a')")
        self.assertEqual(repr(EventStreams(url="http://x.example/")), "EventStreams(url='http://x.example/')")
        stream = EventStreams(
            streams="a", site=FakeSession("x"), since="20220712", timeout=5,
            headers={"Authorization": "Bearer hidden", "X-A": "1"},
        )
        self.assertEqual(
            repr(stream),
            "EventStreams(headers={'Authorization': '...', 'X-A': '1'}, site=<FakeSession>, "
            "streams='a', since='2022-07-12T00:00:00Z', timeout=5)",
        )


class Hostile(unittest.TestCase):
    """What a server says cannot end a stream in an error of another kind."""

    def test_dates(self):
        """A Date that is no date is none."""
        for date in ("Mon, 01 Jan 99999 00:00:00 GMT", "Mon, 99 Foo 1 99:99:99 +9", "", "x" * 70000, "\u00b2"):
            stream, _ = make_stream(Answer(wire(1), headers=[("Date", date)]))
            self.assertEqual(titles(stream, 1), ["T1"])
            stream.close()

    def test_topics_without_end(self):
        """A position of ever more topics is not kept."""
        stream, _ = make_stream(Answer(*(wire(n, meta={"topic": "t%d" % n}) for n in range(1002))))
        with self.assertRaises(LimitExceeded) as caught:
            titles(stream, 1002)
        self.assertEqual(str(caught.exception), "the stream names more than 1000 topics")
        stream.close()

    def test_words_in_the_log(self):
        """They stand on one line, written out."""
        stream, _ = make_stream(Answer(
            encode_event("a\nforged\x1b[2J", event="err\x1b"), encode_event("{\n", event="message"), wire(1),
        ))
        with self.assertLogs("wikistd.streams", "WARNING") as logs:
            self.assertEqual(titles(stream, 1), ["T1"])
        for line in logs.output:
            self.assertTrue(line.isprintable(), line)
        stream.close()


class Closing(unittest.TestCase):
    def test_before_the_first_event(self):
        """close() of another thread in the moment in which the stream begins ends it."""

        class Site(FakeSession):
            @property
            def headers(self):
                closer = threading.Thread(target=stream.close)
                closer.start()
                closer.join()
                return {}

        stream, client = make_stream(site=Site("wiki.example"))
        with self.assertRaises(StopIteration):
            next(stream)
        self.assertEqual(client.requests, [])
        self.assertTrue(stream.source.is_closed)


class Filters(unittest.TestCase):
    def setUp(self):
        self.stream = EventStreams(streams="a")
        self.data = {
            "type": "edit", "bot": True, "minor": False, "namespace": 1, "none": None,
            "meta": {"domain": "de.wikipedia.org", "deep": {"er": 4}}, "tags": ["x"], "a.b": 2,
        }

    def passes(self, *args, **kwargs):
        self.stream.filter = {"all": [], "any": [], "none": []}
        self.stream.register_filter(*args, **kwargs)
        return self.stream.streamfilter(self.data)

    def test_values(self):
        """Identity, equality, membership, functions, paths."""
        for kwargs, wanted in (
            ({"type": "edit"}, True), ({"type": "log"}, False),
            ({"type": ("edit", "log")}, True), ({"type": {"log", "new"}}, False),
            ({"type": iter(["log", "edit"])}, True), ({"type": {"edit": 1}}, True),
            ({"bot": True}, True), ({"bot": False}, False), ({"minor": False}, True),
            ({"bot": 1}, True), ({"namespace": True}, False), ({"namespace": 1}, True),
            ({"namespace": 1.0}, True), ({"namespace": range(3)}, True),
            ({"type": b"edit"}, True), ({"none": None}, True), ({"type": None}, False),
            ({"missing": None}, False), ({"missing": False}, False), ({"missing": ["x"]}, False),
            ({"tags": {"x"}}, False), ({"tags": [["x"]]}, True), ({"type": list("edit")}, False),
            ({"type": lambda value: value.startswith("e")}, True),
            ({"meta.domain": "de.wikipedia.org"}, True), ({"meta.deep.er": 4}, True),
            ({"meta.deep.er.x": 4}, False), ({"type.x": 4}, False), ({"a.b": 2}, True),
            ({"type": "edit", "bot": False}, False),
        ):
            with self.subTest(kwargs):
                self.assertIs(self.passes(**kwargs), wanted)

    def test_a_one_shot_iterator_serves_every_event(self):
        """It is not used up by the first."""
        self.stream.register_filter(type=iter(["edit"]))
        self.assertTrue(self.stream.streamfilter(self.data))
        self.assertTrue(self.stream.streamfilter(self.data))

    def test_types_of_filters(self):
        """none before all before any."""
        yes, no = (lambda data: True), (lambda data: False)
        for none, every, some, wanted in (
            ((), (), (), True), ((yes,), (yes,), (yes,), False), ((no,), (yes,), (no, yes), True),
            ((), (yes, no), (), False), ((), (), (no,), False), ((no, yes), (), (), False),
        ):
            stream = EventStreams(streams="a")
            stream.register_filter(*none, ftype="none")
            stream.register_filter(*every)
            stream.register_filter(*some, ftype="any")
            self.assertIs(stream.streamfilter(self.data), wanted)
            self.assertEqual(stream.filter["all"], list(every))

    def test_mistakes(self):
        """No function, no such type."""
        with self.assertRaisesRegex(TypeError, "^5 is not a callable$"):
            self.stream.register_filter(5)
        with self.assertRaisesRegex(ValueError, "ftype must be 'all', 'any' or 'none', not 'x'"):
            self.stream.register_filter(ftype="x", type="edit")

    def test_canaries(self):
        """Are dropped, unless wanted; they have no title and no user."""
        data = {"$schema": "x", "meta": {"domain": "canary"}}
        self.assertFalse(self.stream.streamfilter(data))
        self.assertTrue(EventStreams(streams="a", canary=True).streamfilter(data))
        self.assertTrue(self.stream.streamfilter({"meta": None}))


class Reading(unittest.TestCase):
    def test_a_dropped_connection(self):
        """Nothing is lost and nothing comes twice; it resumes from the time itself."""
        stream, client = make_stream(
            Answer(b":ok\n\n" + wire(1) + wire(2, 1001), wire(3)[:40], headers=[DATE]),
            Answer(wire(1), wire(2, 1001), wire(3), wire(4)),
        )
        self.assertEqual(titles(stream, 4), ["T1", "T2", "T3", "T4"])
        self.assertEqual(stream.duplicates, 2)
        self.assertEqual(
            json.loads(client.sent("Last-Event-ID")[1]),
            [
                {"topic": OTHER, "partition": 0, "timestamp": DATE_MILLISECONDS},
                {"topic": TOPIC, "partition": 0, "timestamp": 1001},
            ],
        )
        self.assertEqual(stream.gaps, [])
        self.assertEqual(stream.source.reconnects, 1)

    def test_cut_before_the_first_event(self):
        """The time of the first connection is asked for."""
        stream, client = make_stream(
            Answer(b":ok\n\n", headers=[DATE]), Answer(wire(1), headers=[DATE])
        )
        titles(stream, 1)
        self.assertEqual(client.requests[0].full_url, stream.url)
        self.assertEqual(client.requests[1].full_url, stream.url + "?since=%d" % DATE_MILLISECONDS)
        stream, client = make_stream(
            Answer(headers=[DATE]), Answer(wire(1)), url="http://x.example/s?a=b", streams=None
        )
        titles(stream, 1)
        self.assertEqual(client.requests[1].full_url, "http://x.example/s?a=b&since=%d" % DATE_MILLISECONDS)

    def test_silent_topics_start_at_since(self):
        """They are asked for from the beginning, not from now."""
        stream, client = make_stream(Answer(wire(1)), Answer(wire(2)), since=500)
        titles(stream, 2)
        self.assertIn(
            {"topic": OTHER, "partition": 0, "timestamp": 500},
            json.loads(client.sent("Last-Event-ID")[1]),
        )

    def test_what_is_no_event(self):
        """Errors of the service, broken JSON, canaries: skipped, and logged."""
        stream, _ = make_stream(
            Answer(
                encode_event("{}", event="error"), encode_event("{broken"), encode_event(""),
                encode_event("[1]"), wire(1, meta={"domain": "canary"}),
                encode_event("[" * 100000 + "]" * 100000), wire(2),
            )
        )
        with self.assertLogs("wikistd.streams", "WARNING") as logs:
            self.assertEqual(titles(stream, 1), ["T2"])
        self.assertEqual(len(logs.output), 3)

    def test_maximum_items(self):
        """Only those given out count; None changes nothing; 0 gives nothing."""
        stream, _ = make_stream(Answer(wire(1), wire(2), wire(3), then="hang"))
        stream.register_filter(title=("T2", "T3"))
        stream.set_maximum_items(2)
        stream.set_maximum_items(None)
        self.assertEqual(stream._total, 2)
        self.assertEqual([event["title"] for event in stream], ["T2", "T3"])
        self.assertRaises(StopIteration, next, stream)
        stream, client = make_stream()
        stream.set_maximum_items("0")
        self.assertEqual(list(stream), [])
        self.assertEqual(client.requests, [])
        with self.assertRaisesRegex(ValueError, "0 or more, not -1"):
            stream.set_maximum_items(-1)

    def test_leaving_the_loop_closes_the_socket(self):
        """Another loop goes on where that one stopped."""
        first = Answer(wire(1), wire(2), then="hang")
        stream, client = make_stream(first, Answer(wire(2), wire(3)))
        for event in stream:
            break
        self.assertTrue(is_collected(lambda: first.closed))
        events = stream.generator
        self.assertEqual([next(events)["title"], next(stream)["title"]], ["T2", "T3"])

    def test_del_closes_the_socket(self):
        """As the documentation of pywikibot does it."""
        answer = Answer(wire(1), then="hang")
        stream, _ = make_stream(answer)
        next(stream)
        del stream
        self.assertTrue(is_collected(answer.aborted.is_set))

    def test_the_end_by_the_server(self):
        """204 ends the iteration."""
        stream, _ = make_stream(Answer(status=204))
        with stream:
            self.assertEqual(list(stream), [])
        self.assertRaises(StopIteration, next, stream)

    def test_restart(self):
        """Goes on behind the last event, the total counts anew."""
        stream, client = make_stream(Answer(wire(1), wire(2), then="hang"), Answer(wire(1), wire(2)))
        stream.set_maximum_items(1)
        self.assertEqual([event["title"] for event in stream], ["T1"])
        stream.restart()
        self.assertEqual([event["title"] for event in stream], ["T2"])

    def test_close_from_another_thread(self):
        """A blocked next() ends."""
        stream, _ = make_stream(Answer(wire(1), then="hang"))
        next(stream)
        threading.Timer(0.02, stream.close).start()
        self.assertEqual(list(stream), [])

    def test_options_of_the_source(self):
        """timeout and retry as pywikibot has them, the rest is EventSource's."""
        stream, client = make_stream(Answer(wire(1)), timeout=(3, 40), retry=50, headers={"X-A": "1"})
        next(stream)
        self.assertEqual(stream.source.retry_milliseconds, 50)
        self.assertEqual((stream.source.timeout, stream.source.idle_timeout), (3, 40))
        self.assertEqual(client.sent("X-A"), ["1"])
        stream, _ = make_stream(Answer(wire(1)), timeout=7, retry_milliseconds=60)
        next(stream)
        self.assertEqual((stream.source.timeout, stream.source.idle_timeout), (7, 7))
        for misspelt in ("sinse", "resume_from"):
            with self.assertRaises(TypeError):
                make_stream(**{misspelt: 1})
        stream, _ = make_stream(Answer(status=400), timeout=None)
        with self.assertRaises(StatusError):
            next(stream)

    def test_what_a_session_lends(self):
        """Its client, if that is one of ours, and its user agent."""
        site = FakeSession("https://wiki.example")
        site.headers = {"User-Agent": "bot/1"}
        for headers, agent in (({}, "bot/1"), ({"user-agent": "own/2"}, "own/2")):
            stream, client = make_stream(Answer(wire(1)), site=site, headers=headers)
            next(stream)
            self.assertEqual(client.sent("User-Agent"), [agent])
        with HttpClient() as own:
            site.session = own
            stream = EventStreams(streams="a", site=site)
            self.assertIs(stream._open_source()._client, own)

    def test_on_open_is_still_the_callers(self):
        """The position listens beside it."""
        heard = []
        stream, _ = make_stream(Answer(wire(1)), on_open=heard.append)
        next(stream)
        self.assertEqual(len(heard), 1)

    def test_a_gap_is_reported(self):
        """To the function, in the list, in the log."""
        heard = []
        stream, _ = make_stream(Answer(wire(1)), Answer(wire(9)), on_gap=heard.append)
        with self.assertLogs("wikistd.streams", "WARNING"):
            titles(stream, 2)
        self.assertEqual(heard, [StreamGap(TOPIC, 0, 7, 1, 9, 1001, 1009)])
        self.assertEqual(stream.gaps, heard)

    def test_a_gap_whose_report_fails(self):
        """The event behind it comes with the next iteration, and no checkpoint is past it."""
        def complain(gap):
            raise ZeroDivisionError

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "position")
            answers = Answer(wire(1)), Answer(wire(9)), Answer(wire(9), wire(10))
            stream, _ = make_stream(*answers, on_gap=complain, checkpoint=path)
            with self.assertRaises(ZeroDivisionError), stream:
                titles(stream, 2)
            other, _ = make_stream(Answer(wire(1), wire(9)), checkpoint=path)
            self.assertEqual(titles(other, 1), ["T9"])
        for again in (next, lambda stream: next(iter(stream))):
            answers = Answer(wire(1)), Answer(wire(9)), Answer(wire(9), wire(10))
            stream, _ = make_stream(*answers, on_gap=complain)
            with self.assertRaises(ZeroDivisionError):
                titles(stream, 2)
            self.assertEqual(again(stream)["title"], "T9")
            self.assertEqual(titles(stream, 1), ["T10"])
            self.assertEqual(len(stream.gaps), 1)


class Cursors(unittest.TestCase):
    def test_a_cursor_goes_on_elsewhere(self):
        """Every name for it is understood."""
        stream, _ = make_stream(Answer(wire(1), wire(2, 1001)))
        titles(stream, 2)
        for name in ("cursor", "last_event_id", "last_id", "latest_event_id"):
            other, client = make_stream(Answer(wire(1), wire(2, 1001), wire(3)), **{name: stream.cursor})
            self.assertEqual(titles(other, 1), ["T3"])
            self.assertNotIn("seen", client.sent("Last-Event-ID")[0])


class Checkpoints(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "position")

    def offsets(self):
        with open(self.path, encoding="utf-8") as file:
            return json.load(file)["window"]["offsets"]

    def test_it_is_written_after_the_consumer_took_the_event(self):
        """Not before, and not more often than asked."""
        stream, _ = make_stream(Answer(wire(1), wire(2), wire(3), wire(4), then="hang"), checkpoint=self.path)
        next(stream)
        self.assertFalse(os.path.exists(self.path))
        next(stream)
        first = self.offsets()
        next(stream)
        self.assertEqual(self.offsets(), first)
        stream._clock.advance(1.5)
        next(stream)
        self.assertNotEqual(self.offsets(), first)
        stream.close()
        self.assertEqual(self.offsets(), [[TOPIC, 0, [1, 2, 3, 4]]])
        self.assertEqual(os.listdir(self.folder), ["position"])

    def test_another_process_goes_on(self):
        """With the window: nothing comes twice."""
        stream, _ = make_stream(Answer(wire(1), wire(2, 1001), wire(3)), checkpoint=self.path)
        with stream:
            titles(stream, 3)
        other, client = make_stream(
            Answer(wire(1), wire(2, 1001), wire(3), wire(4)), checkpoint=self.path, cursor="ignored"
        )
        self.assertEqual(titles(other, 1), ["T4"])
        self.assertIn('"timestamp":1003', client.sent("Last-Event-ID")[0])

    def test_an_event_whose_consumer_failed_comes_again(self):
        """The checkpoint stands before it."""
        stream, _ = make_stream(Answer(wire(1), wire(2)), checkpoint=self.path)
        with self.assertRaises(ZeroDivisionError):
            with stream:
                for event in stream:
                    if event["title"] == "T2":
                        raise ZeroDivisionError
        other, _ = make_stream(Answer(wire(1), wire(2)), checkpoint=self.path)
        self.assertEqual(titles(other, 1), ["T2"])

    def test_events_known_by_name_and_ids_that_are_no_positions(self):
        """They are kept as well."""
        answer = Answer(encode_event('{"title": "A", "meta": {"id": "x"}}', id="5"))
        stream, _ = make_stream(answer, checkpoint=self.path)
        with stream:
            titles(stream, 1)
        other, client = make_stream(
            Answer(
                encode_event('{"title": "A", "meta": {"id": "x"}}', id="5"),
                encode_event('{"title": "B", "meta": {"id": "y"}}', id="6"),
            ),
            checkpoint=self.path,
        )
        self.assertEqual(titles(other, 1), ["B"])
        self.assertEqual(client.sent("Last-Event-ID"), ["5"])

    def test_files_that_are_none(self):
        """Another stream's, and no checkpoint at all."""
        stream, _ = make_stream(Answer(wire(1)), checkpoint=self.path)
        with stream:
            next(stream)
        with self.assertRaisesRegex(ValueError, "is the checkpoint of .*recentchange, not of"):
            make_stream(streams="other", checkpoint=self.path)
        texts = ["", "{", "[]", "{}", "[" * 100000]
        url = "https://stream.wikimedia.org/v2/stream/recentchange"
        good = [{"topic": "t", "partition": 0, "timestamp": 5, "seen": [1]}]
        for cursor, window in (
            (5, {"offsets": [], "ids": []}), ([5], {"offsets": [], "ids": []}),
            ([{"topic": "t", "partition": 0, "timestamp": 5, "seen": [[]]}], {"offsets": [], "ids": []}),
            (good, []), (good, {}), (good, {"offsets": 5, "ids": []}), (good, {"offsets": [[1]], "ids": []}),
            (good, {"offsets": [["t", 0, ["x"]]], "ids": []}), (good, {"offsets": [["t", {}, [1]]], "ids": []}),
            (good, {"offsets": [], "ids": 5}), (good, {"offsets": [], "ids": [[]]}),
            (good, {"offsets": [], "ids": [5]}),
        ):
            texts.append(json.dumps({"url": url, "cursor": cursor, "window": window}))
        for text in texts:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(text)
            with self.subTest(text=text[:150]):
                with self.assertRaisesRegex(ValueError, "is not a checkpoint"):
                    make_stream(checkpoint=self.path)

    def test_what_a_killed_process_left(self):
        """Is removed by a later one, once it is too old to be somebody's at work."""
        stream, _ = make_stream(Answer(wire(1), wire(2)), checkpoint=self.path)
        now = time.time()
        old, young = (".position.%s.new" % (digit * 16) for digit in "0f")
        others = [".position.new", ".position.xyz.new", ".other.%s.new" % ("0" * 16)]
        for name in (old, young, *others):
            path = os.path.join(self.folder, name)
            open(path, "w").close()
            os.utime(path, (now, now - (60 if name == young else 4000)))
        with stream:
            titles(stream, 2)
        self.assertEqual(sorted(os.listdir(self.folder)), sorted([young, "position", *others]))

    def test_a_folder_that_is_not_there(self):
        """Is told when the stream is made."""
        with self.assertRaisesRegex(FileNotFoundError, "there is no folder .*no: make it first"):
            make_stream(checkpoint=os.path.join(self.folder, "no", "x"))
        with self.assertRaisesRegex(IsADirectoryError, "is a folder: name a file in it"):
            make_stream(checkpoint=self.folder)


class Listener(unittest.TestCase):
    def test_of_one_site(self):
        """Its recent changes only."""
        stream = site_rc_listener(FakeSession("http://127.0.0.1:8080"), 5)
        self.assertEqual(stream.url, "http://127.0.0.1:8080/v2/stream/recentchange")
        self.assertEqual(stream._total, 5)
        self.assertTrue(stream.streamfilter({"server_name": "127.0.0.1"}))
        self.assertFalse(stream.streamfilter({"server_name": "other"}))
        self.assertTrue(site_rc_listener("de.wikipedia.org").streamfilter({"server_name": "de.wikipedia.org"}))
