"""Mastodon's streams over scripted answers, and over WebSocket on a socket."""

import json
import threading
import time
import unittest

from tests.streams.sockets import SocketServer
from tests.streams.standins import Answer, StandInClient, quiet_streams
from tests.support.clocks import FakeClock
from wikistd import (
    MSG_CLOSE,
    CallbackStreamListener,
    ConnectFailed,
    ConnectionLost,
    MalformedEventError,
    Mastodon,
    ProtocolError,
    StatusError,
    StopStream,
    StreamListener,
)

BASE = "https://social.example"


def setUpModule():
    quiet_streams()


class Stopping(StreamListener):
    """Stops after `count` statuses."""

    def __init__(self, count=1):
        self.count = count
        self.got = []
        self.aborts = []

    def on_update(self, status, for_stream=None):
        self.got.append((status, for_stream))
        if len(self.got) >= self.count:
            raise StopStream

    def on_abort(self, err):
        self.aborts.append(type(err).__name__)


class Body:
    """An answer to a plain request."""

    def __init__(self, status, content):
        self.status = status
        self.content = content

    def json(self):
        return json.loads(self.content)


class PlainClient(StandInClient):
    """Plays streams to `open` and `instance` to `request`."""

    def __init__(self, *answers, instance=None):
        super().__init__(*answers)
        self.instance = instance or {}
        self.asked = []

    def request(self, method, url):
        self.asked.append(url)
        answer = self.instance.get(url.partition("/api")[2], Body(404, b"{}"))
        if isinstance(answer, BaseException):
            raise answer
        return answer


def update(number):
    return b"event: update\ndata: %d\n\n" % number


class OneStream(unittest.TestCase):
    def make(self, *answers, **options):
        self.client = PlainClient(*answers)
        self.clock = FakeClock()
        return Mastodon(BASE, "hidden-token", client=self.client, clock=self.clock, **options)

    def test_addresses(self):
        """Path and query of every stream, by both names."""
        for name, arguments, options, path in (
            ("user_stream", (), {}, "user"), ("public_stream", (), {}, "public"),
            ("public_stream", (), {"local": True}, "public/local"),
            ("public_stream", (), {"remote": True, "only_media": True}, "public/remote?only_media=true"),
            ("hashtag_stream", ("wiki é",), {}, "hashtag?tag=wiki+%C3%A9"),
            ("hashtag_stream", ("wiki",), {"local": True}, "hashtag/local?tag=wiki"),
            ("list_stream", (5,), {}, "list?list=5"), ("direct_stream", (), {}, "direct"),
            ("stream_user", (), {}, "user"), ("stream_public", (), {}, "public"),
            ("stream_hashtag", ("a",), {}, "hashtag?tag=a"), ("stream_list", ("5",), {}, "list?list=5"),
            ("stream_direct", (), {}, "direct"), ("stream_local", (), {}, "public/local"),
        ):
            with self.subTest(name, **options):
                server = self.make(Answer(update(1)))
                getattr(server, name)(*arguments, Stopping(), **options)
                self.assertEqual(self.client.requests[0].full_url, BASE + "/api/v1/streaming/" + path)

    def test_the_token(self):
        """In the header only, not for redirects, and in no repr."""
        server = self.make(Answer(update(1)))
        server.user_stream(Stopping())
        request = self.client.requests[0]
        self.assertEqual(request.unredirected_hdrs["Authorization"], "Bearer hidden-token")
        self.assertNotIn("Authorization", request.headers)
        self.assertNotIn("hidden", request.full_url + repr(server))
        self.client.answers.append(Answer(update(1)))
        Mastodon("social.example", client=self.client).user_stream(Stopping())
        self.assertNotIn("Authorization", self.client.requests[1].unredirected_hdrs)

    def test_a_stream_until_the_listener_stops(self):
        """The connection is closed; the name of the stream is told."""
        answer = Answer(b":)\n" + update(1), update(2), update(3))
        listener = Stopping(2)
        self.assertIsNone(self.make(answer).hashtag_stream("x", listener))
        self.assertEqual(listener.got, [(1, "hashtag:x"), (2, "hashtag:x")])
        self.assertTrue(answer.closed)
        self.assertEqual(listener.aborts, [])

    def test_the_end_by_the_server(self):
        """Is a loss: streams do not end."""
        for answer in (Answer(update(1), then="end"), Answer(update(1)), ConnectFailed("no")):
            listener = Stopping(9)
            with self.assertRaises((ConnectionLost, ConnectFailed)):
                self.make(answer).user_stream(listener)
            self.assertEqual(len(listener.aborts), 1)

    def test_refusals(self):
        """401 says what is missing; another type; another status."""
        listener = Stopping()
        for answer, kind, text in (
            (Answer(status=401), StatusError, "streaming needs a user's access token"),
            (Answer(status=400), StatusError, "answered 400"),
            (Answer(kind="text/html"), ProtocolError, "answers with Content-Type 'text/html'"),
        ):
            answer.status_error = lambda answer=answer: StatusError("answered %d" % answer.status, status=answer.status)
            answer.__class__.__enter__ = lambda self: self
            answer.__class__.__exit__ = lambda self, *exc_info: None
            with self.assertRaisesRegex(kind, text):
                self.make(answer).user_stream(listener)
        self.assertEqual(listener.aborts, ["StatusError", "StatusError", "ProtocolError"])

    def test_mistakes(self):
        """Of the caller."""
        server = self.make()
        with self.assertRaisesRegex(ValueError, "tag must be a hashtag without its '#', not '#x'"):
            server.hashtag_stream("#x", Stopping())
        with self.assertRaisesRegex(ValueError, "local and remote exclude each other"):
            server.public_stream(Stopping(), local=True, remote=True)
        with self.assertRaisesRegex(ValueError, "transport must be"):
            Mastodon(BASE, transport="pigeon")
        with Mastodon(BASE) as own:
            self.assertIn("without a token", repr(own))


class Addresses(unittest.TestCase):
    def find(self, instance, base=BASE):
        client = PlainClient(instance=instance)
        return Mastodon(base, client=client).streaming_url()

    def test_where_the_server_says(self):
        """By either version of its API, as https; nothing less safe than it is."""
        new = {"configuration": {"urls": {"streaming": "wss://stream.example/"}}}
        old = {"urls": {"streaming_api": "wss://old.example"}}
        for instance, url in (
            ({"/v2/instance": new}, "https://stream.example"),
            ({"/v1/instance": old}, "https://old.example"),
            ({"/v2/instance": {"configuration": None}, "/v1/instance": old}, "https://old.example"),
            ({"/v2/instance": {"configuration": {"urls": {"streaming": "ws://stream.example"}}}}, BASE),
            ({"/v2/instance": {"configuration": {"urls": {"streaming": "ftp://stream.example"}}}}, BASE),
            ({}, BASE),
        ):
            bodies = {path: Body(200, json.dumps(value).encode()) for path, value in instance.items()}
            self.assertEqual(self.find(bodies), url)
        self.assertEqual(self.find({"/v2/instance": Body(200, b"<html>")}), BASE)
        plain = {"/v2/instance": Body(200, b'{"configuration": {"urls": {"streaming": "ws://s.example"}}}')}
        self.assertEqual(self.find(plain, "http://social.example/"), "http://s.example")

    def test_health(self):
        """Two words mean that all is well."""
        for answer, healthy in (
            (Body(200, b"OK\n"), True), (Body(200, b"success"), True), (Body(200, b"no"), False),
            (Body(503, b"OK"), False), (ConnectFailed("no"), False),
        ):
            client = PlainClient(instance={"/v1/streaming/health": answer})
            self.assertIs(Mastodon(BASE, client=client).stream_healthy(), healthy)


class Asynchronous(unittest.TestCase):
    def make(self, *answers):
        self.client = PlainClient(*answers)
        self.clock = FakeClock()
        return Mastodon(BASE, "t", client=self.client, clock=self.clock)

    def test_a_handle(self):
        """Runs, receives, and is closed from here."""
        heard = threading.Event()
        listener = CallbackStreamListener(update_handler=lambda status: heard.set())
        answer = Answer(update(1), then="hang")
        with self.make(answer).user_stream(listener, run_async=True) as handle:
            self.assertTrue(heard.wait(10))
            self.assertTrue(handle.is_alive() and handle.is_receiving())
            self.assertEqual(repr(handle), "<StreamHandle receiving>")
        handle.join(10)
        self.assertFalse(handle.is_alive() or handle.is_receiving())
        self.assertIsNone(handle.error)
        self.assertEqual(repr(handle), "<StreamHandle ended>")
        self.assertTrue(answer.closed)
        handle.close()

    def test_what_ended_it(self):
        """The error is kept; the listener's end is none."""
        listener = Stopping(9)
        handle = self.make(Answer(update(1))).user_stream(listener, run_async=True)
        handle.join(10)
        self.assertIsInstance(handle.error, ConnectionLost)
        self.assertEqual(listener.aborts, ["ConnectionLost"])
        handle = self.make(Answer(update(1))).user_stream(Stopping(), run_async=True)
        handle.join(10)
        self.assertIsNone(handle.error)

    def test_reconnecting(self):
        """With a pause that doubles while nothing can be had, and Retry-After."""
        refusal = StatusError("busy", status=503, headers=[("Retry-After", "33")])
        bad = Answer(b"event: update\ndata: {\n\n")
        server = self.make(
            Answer(update(1)), ConnectFailed("no"), ConnectFailed("no"), bad, refusal, StatusError("x", status=502),
            Answer(update(2), then="end"), Answer(update(3)),
        )
        listener = Stopping(3)
        handle = server.user_stream(listener, run_async=True, reconnect_async=True, reconnect_async_wait_sec=2)
        handle.join(10)
        self.assertEqual([status for status, _ in listener.got], [1, 2, 3])
        self.assertIsNone(handle.error)
        self.assertEqual(handle.connections, 4)
        for got, least in zip(self.clock.slept, (2, 4, 8, 2, 33, 8, 2)):
            self.assertTrue(least <= got <= least * 1.25, self.clock.slept)

    def test_a_refusal_is_final(self):
        """Reconnecting does not help against 401."""
        server = self.make(StatusError("who are you", status=401))
        handle = server.user_stream(Stopping(), run_async=True, reconnect_async=True)
        handle.join(10)
        self.assertIsInstance(handle.error, StatusError)

    def test_closing_a_pause_and_a_connect(self):
        """Both end, and neither is an error."""
        connecting = threading.Event()
        cancelled = threading.Event()

        def hang(request):
            request.cancel = cancelled.set
            connecting.set()
            cancelled.wait(10)
            raise ConnectFailed("cancelled")

        server = self.make(hang)
        server.streaming_url()
        listener = Stopping()
        handle = server.user_stream(listener, run_async=True)
        self.assertTrue(connecting.wait(10))
        handle._breakers = [cancelled.set]
        handle.close()
        handle.join(10)
        self.assertEqual((handle.error, handle.is_alive(), listener.aborts), (None, False, []))
        client = PlainClient(ConnectFailed("no"))
        server = Mastodon(BASE, client=client)
        handle = server.user_stream(
            Stopping(), run_async=True, reconnect_async=True, reconnect_async_wait_sec=60
        )
        while not client.requests:
            time.sleep(0.001)
        handle.close()
        handle.join(10)
        self.assertFalse(handle.is_alive())


class Sockets(unittest.TestCase):
    def serve(self, script, **options):
        server = SocketServer(script, **options)
        self.addCleanup(server.close)
        return server

    def connect(self, server, **options):
        mastodon = Mastodon("http://127.0.0.1:%d" % server.port, "hidden-token", **options)
        mastodon._streaming_url = mastodon.api_base_url
        self.addCleanup(mastodon.close)
        return mastodon

    def test_several_streams_on_one_connection(self):
        """Each listener gets its own; unsubscribing is said; the token is a header."""
        asked = []

        def script(peer):
            for _ in range(4):
                asked.append(json.loads(peer.next().data))
            for stream, event, payload in (
                (["hashtag", "Foo"], "update", '{"a": 1}'), (["public:media"], "delete", "77"),
                (["user"], "filters_changed", None), (["other"], "update", "{}"), ([], "update", "[2]"),
                (["user"], "update", "3"),
            ):
                message = {"stream": stream, "event": event}
                if payload is not None:
                    message["payload"] = payload
                peer.put(peer.writer.send(json.dumps(message)))
            while True:
                message = peer.next()
                if message is None or message.tp == MSG_CLOSE:
                    return
                asked.append(json.loads(message.data))

        server = self.serve(script)
        calls = []

        def listener(name):
            return CallbackStreamListener(
                update_handler=lambda status: calls.append((name, "update", status)),
                delete_handler=lambda id: calls.append((name, "delete", id)),
                filters_changed_handler=lambda: calls.append((name, "filters")),
            )

        done = Stopping(2)
        with self.connect(server).stream_open_websocket() as handle:
            mastodon = self.connect(server)
            first = mastodon.hashtag_stream("foo", listener("tag"), websocket_handle=handle)
            mastodon.public_stream(listener("public"), only_media=True, websocket_handle=handle)
            user = mastodon.user_stream(done, websocket_handle=handle)
            last = mastodon.list_stream(5, listener("list"), websocket_handle=handle)
            deadline = time.monotonic() + 10
            while len(done.got) < 2 and time.monotonic() < deadline:
                time.sleep(0.001)
            self.assertTrue(first.is_alive() and last.is_receiving() and handle.is_receiving())
            self.assertEqual(done.got, [([2], ""), (3, "user")])
            while len(asked) < 5 and time.monotonic() < deadline:
                time.sleep(0.001)  # until its thread has said that it unsubscribes
            self.assertFalse(user.is_alive())
            first.close()
            first.close()
            self.assertFalse(first.is_alive())
        last.join(10)
        handle.join(10)
        self.assertFalse(handle.is_alive())
        self.assertEqual((handle.error, last.error), (None, None))
        server.close()
        self.assertEqual(
            asked,
            [
                {"type": "subscribe", "stream": "hashtag", "tag": "foo"},
                {"type": "subscribe", "stream": "public:media"}, {"type": "subscribe", "stream": "user"},
                {"type": "subscribe", "stream": "list", "list": "5"}, {"type": "unsubscribe", "stream": "user"},
                {"type": "unsubscribe", "stream": "hashtag", "tag": "foo"},
            ],
        )
        self.assertEqual(
            [call for call in calls if call[2:] != ([2],)],
            [("tag", "update", {"a": 1}), ("public", "delete", "77")],
        )
        line, fields = server.requests[0]
        self.assertEqual(line, "GET /api/v1/streaming HTTP/1.1")
        self.assertEqual(fields["Authorization"], "Bearer hidden-token")

    def play(self, *messages):
        """Return a script that plays messages to the first subscriber, then closes."""

        def script(peer):
            peer.next()
            for message in messages:
                peer.put(peer.writer.send(message if isinstance(message, str) else json.dumps(message)))
            peer.put(peer.writer.close())
            peer.next()

        return script

    def test_one_stream_by_websocket(self):
        """The same call, the same ends."""
        event = {"stream": ["user"], "event": "update", "payload": "1"}
        listener = Stopping()
        self.connect(self.serve(self.play(event)), transport="websocket").user_stream(listener)
        self.assertEqual(listener.got, [(1, "user")])
        listener = Stopping(5)
        with self.assertRaisesRegex(ConnectionLost, "the server ended the stream user"):
            self.connect(self.serve(self.play(event)), transport="websocket").user_stream(listener)
        self.assertEqual(listener.aborts, ["ConnectionLost"])

    def test_what_is_no_event(self):
        """Errors of the server, other JSON, no JSON, a broken payload."""
        for message, kind, text in (
            ({"error": "no such stream", "status": 404}, StatusError, "the server refuses the stream: no such stream"),
            ({"hello": 1}, MalformedEventError, "message that is no event"),
            ("[" * 100000, MalformedEventError, "message that is no event"),
            ('{"error": "x", "status": 1e999}', MalformedEventError, "message that is no event"),
            ("{", MalformedEventError, "message that is no event"),
            ("[1]", MalformedEventError, "message that is no event"),
            ({"event": ["update"], "payload": "1"}, MalformedEventError, "message that is no event"),
            ({"event": {}, "payload": None}, MalformedEventError, "message that is no event"),
            ({"event": 1, "payload": "1"}, MalformedEventError, "message that is no event"),
            ({"event": "update", "stream": 5, "payload": "1"}, MalformedEventError, "message that is no event"),
            ({"event": "update", "stream": [["x"]], "payload": "1"}, MalformedEventError, "message that is no event"),
            ({"event": "update", "stream": {"a": 1}, "payload": "1"}, ConnectionLost, "ended the stream"),
            ({"stream": ["user"], "event": "update", "payload": "{"}, MalformedEventError, "bad JSON"),
        ):
            listener = Stopping()
            with self.assertRaisesRegex(kind, text):
                self.connect(self.serve(self.play(message)), transport="websocket").user_stream(listener)
            self.assertEqual(len(listener.aborts), 1)

    def test_a_server_that_wants_websocket(self):
        """SSE is refused with 404: the same stream by WebSocket."""
        event = {"stream": ["user"], "event": "update", "payload": "1"}
        server = self.serve(self.play(event))
        listener = Stopping()
        # The server answers a request without an upgrade with 426.
        self.connect(server).user_stream(listener)
        self.assertEqual(listener.got, [(1, "user")])
        self.assertEqual(len(server.requests), 2)

    def test_a_refused_handshake(self):
        """401 says what is missing, here too."""
        refusal = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
        listener = Stopping()
        with self.assertRaisesRegex(StatusError, "streaming needs a user's access token"):
            self.connect(self.serve(None, refuse=refusal), transport="websocket").user_stream(listener)
        self.assertEqual(listener.aborts, ["HandshakeRefused"])

    def test_closing_the_handle(self):
        """Ends it without a word to the listener."""
        subscribed = threading.Event()
        server = self.serve(lambda peer: (peer.next(), subscribed.set(), peer.next()))
        listener = Stopping()
        handle = self.connect(server, transport="websocket").user_stream(listener, run_async=True)
        self.assertTrue(subscribed.wait(10))
        self.assertTrue(handle.is_receiving())
        handle.close()
        handle.join(10)
        self.assertEqual((handle.is_alive(), handle.error, listener.aborts), (False, None, []))
