"""Streams of the embedded wiki, over sockets: client and server are written apart."""

import json
import threading
import unittest

from tests.streams.standins import quiet_streams
from wikistd import (
    EventStreams,
    RecentChanges,
    RecentChangesBridge,
    Session,
    connect_websocket,
    serve_wiki,
    site_rc_listener,
)


def setUpModule():
    quiet_streams()


class OneWiki(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.wiki = serve_wiki(user="Demo", password="not so secret 1")
        cls.addClassCleanup(cls.wiki.close)
        for number in range(6):
            cls.save(number)
        cls.session = Session(cls.wiki.url, user_agent="wikistd-tests/1 (tests@example.org)")
        cls.addClassCleanup(cls.session.close)

    @classmethod
    def save(cls, number, text="Straße"):
        cls.wiki.store.save_page("Page %d é" % number, "%s %d" % (text, number), user="Demo", summary="s <b>")

    def test_each_edit_once_over_dropped_connections(self):
        """Whatever the server drops, and whenever."""
        with EventStreams(streams="recentchange", site=self.session, since=0, retry=1, min_delay_seconds=0.001) as stream:
            stream.register_filter(**{"title": lambda title: title.startswith("Page 7"), "meta.domain": "127.0.0.1"})
            stream.set_maximum_items(6)
            self.save(70)
            got = []
            for event in stream:
                got.append(event["title"])
                self.wiki.drop_connections()
                self.save(70 + len(got))
            self.assertEqual(got, ["Page 7%d é" % number for number in range(6)])
            self.assertGreaterEqual(stream.source.reconnects, 4)
            self.assertEqual(stream.gaps, [])

    def test_the_api_gives_the_same_events(self):
        """But for what needs a right or belongs to the stream."""
        with EventStreams(streams="recentchange", site=self.wiki.url, since=0) as stream:
            live = [next(stream) for _ in range(6)]
        polled = list(RecentChanges(self.session, since=0, total=6))
        for one, other in zip(live, polled):
            one.pop("patrolled", None)
            for event in (one, other):
                kept = {key: event["meta"][key] for key in ("uri", "domain", "stream", "dt")}
                event["meta"] = kept
            self.assertEqual(one, other)

    def test_from_the_api_to_the_stream(self):
        """And what happens afterwards."""
        with RecentChangesBridge(
            self.session, since=0, retry=1, on_open=lambda response: self.save(5, "anew")
        ) as bridge:
            bridge.streams.register_filter(title="Page 5 é")
            first, second = next(bridge), next(bridge)
        self.assertEqual((first["type"], second["type"]), ("new", "edit"))
        self.assertTrue(bridge.is_live)

    def test_a_listener_of_the_site(self):
        """Begins now."""
        stream = site_rc_listener(self.session, 1)
        with stream:
            opened = threading.Event()
            stream.sse_kwargs["on_open"] = lambda response: opened.set()

            def save():
                opened.wait(10)
                self.save(0, "for the listener")

            thread = threading.Thread(target=save)
            thread.start()
            self.assertEqual([event["title"] for event in stream], ["Page 0 é"])
            thread.join()

    def test_by_websocket(self):
        """One text message an event."""
        url = self.wiki.url.replace("http", "ws", 1) + "/v2/stream/recentchange?since=0"
        with connect_websocket(url) as connection:
            events = [json.loads(connection.recv(10)) for _ in range(4)]
        self.assertEqual([event["id"] for event in events], sorted(event["id"] for event in events))
        self.assertEqual(connection.close_code, 1000)
