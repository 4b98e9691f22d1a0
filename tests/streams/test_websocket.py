"""WebSocketConnection against our own server role, over sockets."""

import collections
import os
import runpy
import socket
import ssl
import sys
import threading
import time
import unittest
from unittest import mock

from tests.streams.sockets import SocketServer, echo
from tests.support.accepting import Relay
from wikistd import (
    MSG_CLOSE,
    MSG_PING,
    MSG_PONG,
    ConnectFailed,
    ConnectionLost,
    HandshakeRefused,
    HeaderError,
    HttpClient,
    LimitExceeded,
    StreamEnded,
    TransportTimeout,
    WebSocketError,
    connect_websocket,
)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CERTIFICATES = os.path.join(ROOT, "tests", "support", "certificates")


class Served(unittest.TestCase):
    def serve(self, script=echo, **options):
        server = SocketServer(script, **options)
        self.addCleanup(server.close)
        return server

    def connect(self, server, **options):
        connection = connect_websocket(server.url, **options)
        self.addCleanup(connection.abort)
        return connection


class Talking(Served):
    def test_messages_there_and_back(self):
        """Text and bytes, with and without compression, small and large."""
        for compress in (True, False):
            server = self.serve()
            with self.connect(server, compress=compress) as connection:
                self.assertIs(connection.is_compressed, compress)
                for message in ("", "é" * 10, b"\0\xff", "long " * 20000):
                    connection.send(message)
                    self.assertEqual(connection.recv(10), message)
                connection.send("text", binary=True)
                self.assertEqual(connection.recv(10), b"text")
                self.assertIn("open, 5 messages", repr(connection))
            self.assertEqual(connection.close_code, 1000)
            self.assertFalse(connection.is_open)
            self.assertEqual(server.errors, [])

    def test_many_threads_send(self):
        """No frame is cut by another."""
        with self.connect(self.serve()) as connection:
            threads = [
                threading.Thread(target=lambda n=n: [connection.send("%d " % n * 500) for _ in range(20)])
                for n in range(4)
            ]
            for thread in threads:
                thread.start()
            got = sorted(connection.recv(10) for _ in range(80))
            for thread in threads:
                thread.join()
        self.assertEqual(got, sorted("%d " % n * 500 for n in range(4) for _ in range(20)))

    def test_what_is_asked(self):
        """Protocols, headers of the call and of the client; the URL's query."""
        server = self.serve(protocols=("b",))
        server.url += "?x=1"
        with HttpClient(headers={"X-Client": "c"}, user_agent="tests/1") as client:
            with self.connect(server, protocols=("a", "b"), headers={"X-Call": "d"}, client=client) as connection:
                self.assertEqual(connection.subprotocol, "b")
                self.assertNotIn("x=1", repr(connection))
        line, fields = server.requests[0]
        self.assertEqual(line, "GET /chat?x=1 HTTP/1.1")
        self.assertEqual((fields["X-Client"], fields["X-Call"]), ("c", "d"))
        self.assertIn("tests/1", fields["User-Agent"])
        self.assertEqual(fields["Connection"], "Upgrade")

    def test_pings(self):
        """Ours are answered and measured; the server's are answered."""
        pongs = []

        def script(peer):
            peer.put(peer.writer.ping(b"are you there"))
            message = peer.next()
            while message.tp != MSG_PONG:  # the client may ping first
                peer.put(peer.writer.pong(message.data))
                message = peer.next()
            pongs.append(message)
            echo(peer)

        with self.connect(self.serve(script)) as connection:
            self.assertLess(connection.ping(timeout=10), 10)
            self.assertIsNone(connection.ping(b"just so"))
            connection.send("x")
            self.assertEqual(connection.recv(10), "x")
        self.assertEqual(pongs, [(MSG_PONG, b"are you there", "")])

    def test_no_pong(self):
        """TransportTimeout for who waits for it, and when the connection goes."""
        with self.connect(self.serve(lambda peer: peer.next() and peer.next() and peer.connection.close())) as connection:
            with self.assertRaisesRegex(TransportTimeout, "no pong in 0.01 seconds"):
                connection.ping(timeout=0.01)
            with self.assertRaises(ConnectionLost):
                connection.ping(timeout=10)

    def test_recv_with_a_limit(self):
        """Nothing comes in time; zero looks only."""
        with self.connect(self.serve()) as connection:
            for timeout in (0.01, 0):
                with self.assertRaisesRegex(TransportTimeout, "no message in %g seconds" % timeout):
                    connection.recv(timeout)

    def test_a_slow_consumer(self):
        """The reader stops at max_queue and goes on when there is room."""

        def script(peer):
            for number in range(200):
                peer.put(peer.writer.send(str(number)))
            echo(peer)

        with self.connect(self.serve(script), max_queue=10) as connection:
            self.assertEqual([connection.recv(10) for _ in range(200)], [str(n) for n in range(200)])
            self.assertEqual(connection.lag, 0)

    def test_taken_as_the_queue_is_found_full(self):
        """A message that is taken in the moment in which the reader counts is counted."""

        class Taken(collections.deque):
            taken = ()

            def __len__(self):
                size = super().__len__()
                if size and threading.current_thread().name == "wikistd-websocket" and not self.taken:
                    self.taken = (self.popleft(),)  # by recv() of another thread
                return size

        with self.connect(self.serve(), max_queue=1) as connection:
            messages = connection._messages = Taken()
            connection.send("one")
            connection.send("two")
            self.assertEqual(connection.recv(10), "two")
            self.assertEqual(messages.taken, ("one",))

    def test_bytes_that_came_with_the_handshake(self):
        """Frames in the same packet as the 101 are not lost."""

        def script(peer):
            peer.put(peer.writer.send("first"))
            echo(peer)

        for _ in range(5):
            with self.connect(self.serve(script)) as connection:
                self.assertEqual(connection.recv(10), "first")


class Encrypted(Served):
    def test_two_directions_at_once(self):
        """Reading and sending share one TLS connection, in turns."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(CERTIFICATES, "server.pem"))
        server = self.serve(wrap=lambda sock: context.wrap_socket(sock, server_side=True))
        with HttpClient(ca_file=os.path.join(CERTIFICATES, "authority.pem")) as client:
            server.url = server.url.replace("127.0.0.1", "localhost")
            with self.connect(server, client=client, ping_seconds=0.15) as connection:
                with self.assertRaises(TransportTimeout):
                    connection.recv(0.4)  # pings in between
                sender = threading.Thread(target=lambda: [connection.send("x" * 20000) for _ in range(50)])
                sender.start()
                self.assertEqual({connection.recv(10) for _ in range(50)}, {"x" * 20000})
                sender.join()
            self.assertEqual(connection.close_code, 1000)
            for seconds in (None, 1e12):
                with self.connect(server, client=client, ping_seconds=seconds) as connection:
                    connection.send("x")
                    self.assertEqual(connection.recv(10), "x")


class Ways(Served):
    """How the handshake gets there."""

    def test_through_a_proxy(self):
        """By a tunnel, also without TLS; its user name stays with the proxy."""
        server = self.serve()
        with Relay(server.port) as relay:
            proxies = {"http": "http://user:hidden@127.0.0.1:%d" % relay.port}
            with HttpClient(user_agent="tests/1.0", proxies=proxies) as client:
                with connect_websocket("ws://wiki.example/chat", client=client) as connection:
                    connection.send("x")
                    self.assertEqual(connection.recv(10), "x")
        self.assertEqual(len(relay.heads), 1)
        self.assertTrue(relay.heads[0].startswith(b"CONNECT wiki.example:80 HTTP/1.1\r\n"))
        self.assertIn(b"Proxy-Authorization: Basic", relay.heads[0])
        line, fields = server.requests[0]
        self.assertEqual((line, fields["Host"]), ("GET /chat HTTP/1.1", "wiki.example"))
        self.assertNotIn("Proxy-Authorization", fields)

    def test_with_a_password(self):
        """The handshake is sent again with it when the server asks."""
        challenge = (
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="wiki"\r\nContent-Length: 0\r\n\r\n'
        )
        server = self.serve(refuse=lambda fields: None if "Authorization" in fields else challenge)
        url = server.url.replace("//", "//user:hidden@")
        with connect_websocket(url) as connection:
            connection.send("x")
            self.assertEqual(connection.recv(10), "x")
        with HttpClient(user_agent="tests/1.0", auth=("user", "hidden")) as client, self.connect(server, client=client) as connection:
            connection.send("x")
            self.assertEqual(connection.recv(10), "x")
        for _, fields in server.requests[1::2]:
            self.assertEqual(fields["Authorization"], "Basic dXNlcjpoaWRkZW4=")


class Closing(Served):
    def test_by_the_far_side(self):
        """Peace ends the iteration; a complaint is an error with its code."""
        for code, reason in ((1000, "bye"), (1001, ""), (4000, "ours")):
            server = self.serve(lambda peer: (peer.put(peer.writer.send("a") + peer.writer.close(code, reason)), peer.next()))
            connection = self.connect(server)
            self.assertEqual(list(connection), ["a"])
            self.assertEqual((connection.close_code, connection.close_reason), (code, reason))
            with self.assertRaisesRegex(StreamEnded, "was closed with code %d" % code):
                connection.recv(10)
            with self.assertRaises(ConnectionLost):
                for _ in range(100):  # until the reader has seen the end
                    connection.send("x")
                    time.sleep(0.01)
            connection.close()
        server = self.serve(lambda peer: (peer.put(peer.writer.close(1011, "broken")), peer.next()))
        connection = self.connect(server)
        with self.assertRaises(WebSocketError) as caught:
            list(connection)
        self.assertEqual(caught.exception.code, 1011)
        self.assertIn("with code 1011 broken", str(caught.exception))

    def test_without_a_close_frame(self):
        """Is a loss."""
        connection = self.connect(self.serve(lambda peer: None))
        with self.assertRaisesRegex(ConnectionLost, "ended without a close frame"):
            connection.recv(10)
        self.assertEqual(connection.close_code, 1006)
        connection.close()

    def test_from_another_thread(self):
        """A blocked recv ends at once."""
        connection = self.connect(self.serve())
        threading.Timer(0.02, connection.close).start()
        begin = time.monotonic()
        with self.assertRaises(StreamEnded):
            connection.recv(10)
        self.assertLess(time.monotonic() - begin, 5)
        connection.close()

    def test_with_a_far_side_that_does_not_answer(self):
        """close() waits as long as it is told and no longer; abort() not at all."""
        hold = threading.Event()
        server = self.serve(lambda peer: hold.wait(20))
        self.addCleanup(hold.set)
        for end in (lambda connection: connection.close(timeout=0.02), lambda connection: connection.abort()):
            connection = self.connect(server)
            end(connection)
            with self.assertRaisesRegex(StreamEnded, "was closed here"):
                connection.recv(10)

    def test_with_all_the_time_there_is(self):
        """None waits as long as it takes; more seconds than a lock can count are no error."""
        for timeout in (None, 1e12, float("inf")):
            connection = self.connect(self.serve())
            self.assertGreater(connection.ping(timeout=timeout or 10), 0)
            connection.send("x")
            self.assertEqual(connection.recv(timeout), "x")
            connection.close(timeout=timeout)
            self.assertEqual(connection.close_code, 1000)
        connection = self.connect(self.serve())
        with connection._send_lock:
            connection.close(timeout=-1)
            self.assertFalse(connection.is_open)

    def test_with_a_full_queue(self):
        """Nobody hangs."""

        def script(peer):
            for number in range(50):
                peer.put(peer.writer.send(str(number)))
            echo(peer)

        connection = self.connect(self.serve(script), max_queue=1)
        self.assertEqual(connection.recv(10), "0")
        connection.close(timeout=10)
        self.assertEqual(connection.close_code, 1000)

    def test_while_another_thread_sends(self):
        """A send that does not come to its end holds nobody up for longer than asked."""
        connection = self.connect(self.serve())
        with connection._send_lock:
            begin = time.monotonic()
            connection.close(timeout=0.05)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertFalse(connection.is_open)
        with self.assertRaisesRegex(StreamEnded, "was closed here"):
            connection.recv(10)

    def test_a_ping_as_we_say_goodbye(self):
        """It needs no pong any more, and the far side's close frame is still read."""

        def script(peer):
            peer.next()
            peer.put(peer.writer.ping(b"x"))
            peer.put(peer.writer.close(1000, "bye"))
            peer.next()

        connection = self.connect(self.serve(script))

        class Late:
            """The lock is had after close() of another thread."""

            def __enter__(lock):
                connection._close_sent = True

            def __exit__(lock, *exc_info):
                pass

            def acquire(lock, timeout):
                return True

            def release(lock):
                pass

        connection._send_lock = Late()
        connection._wire.send(connection._writer.send("begin"))
        with self.assertRaises(StreamEnded):
            connection.recv(10)
        self.assertEqual((connection.close_code, connection.close_reason), (1000, "bye"))

    def test_without_a_thread(self):
        """Where no thread can be had the connection is not left open."""
        start = threading.Thread.start

        def refuse(thread):
            if thread.name == "wikistd-websocket":
                raise RuntimeError("can't start new thread")
            start(thread)

        ended = threading.Event()

        def script(peer):
            peer.connection.recv(1)
            ended.set()

        server = self.serve(script)
        with mock.patch("threading.Thread.start", refuse):
            with self.assertRaises(RuntimeError):
                connect_websocket(server.url)
        self.assertTrue(ended.wait(10))

    def test_codes_that_may_not_be_sent(self):
        """Are a mistake of the caller."""
        with self.connect(self.serve()) as connection:
            with self.assertRaises(ValueError):
                connection.close(1005, "reason")

    def test_an_error_inside_with(self):
        """Goes out, and the far side hears that we go away."""
        heard = []
        server = self.serve(lambda peer: heard.append(peer.next()))
        with self.assertRaises(ZeroDivisionError):
            with self.connect(server):
                raise ZeroDivisionError
        server.wait()
        self.assertEqual(heard, [(MSG_CLOSE, 1001, "")])


class Suite(unittest.TestCase):
    def test_without_its_python(self):
        """The script of the Autobahn suite says in a sentence what is missing."""
        script = os.path.join(ROOT, "tests", "integration", "autobahn.py")
        for python2 in ("no-such-python", "false"):
            with mock.patch.object(sys, "argv", [script, "--python2", python2]):
                with self.assertRaisesRegex(SystemExit, "^no %s here: name a Python 2.7" % python2):
                    runpy.run_path(script, run_name="__main__")


class Trouble(Served):
    def test_what_breaks_the_protocol(self):
        """The far side hears the code, we get the error."""
        heard = []

        def script(peer):
            peer.put(peer.writer.send("before") + b"\x83\x00")
            heard.append(peer.next())

        server = self.serve(script)
        connection = self.connect(server)
        self.assertEqual(connection.recv(10), "before")
        with self.assertRaisesRegex(WebSocketError, "opcode 0x3 is reserved"):
            connection.recv(10)
        server.wait()
        self.assertEqual(heard, [(MSG_CLOSE, 1002, "opcode 0x3 is reserved")])

    def test_a_message_that_is_too_big(self):
        """LimitExceeded here, 1009 there."""
        heard = []

        def script(peer):
            peer.put(peer.writer.send(b"x" * 100))
            heard.append(peer.next().data)

        server = self.serve(script, compress=False)
        connection = self.connect(server, max_message_bytes=10)
        with self.assertRaises(LimitExceeded):
            connection.recv(10)
        server.wait()
        self.assertEqual(heard, [1009])

    def test_a_silent_far_side(self):
        """A ping when nothing came, and the end when nothing comes after it."""
        heard = []
        hold = threading.Event()
        server = self.serve(lambda peer: (heard.append(peer.next()), hold.wait(20)))
        self.addCleanup(hold.set)
        connection = self.connect(server, ping_seconds=0.03)
        with self.assertRaisesRegex(TransportTimeout, "is silent, its pong did not come"):
            connection.recv(10)
        self.assertEqual(heard, [(MSG_PING, b"", "")])

    def test_pings_keep_it_alive(self):
        """Several silent ticks with pongs in them."""
        with self.connect(self.serve(), ping_seconds=0.15) as connection:
            with self.assertRaises(TransportTimeout):
                connection.recv(0.4)
            connection.send("still there")
            self.assertEqual(connection.recv(10), "still there")

    def test_a_close_that_is_never_finished(self):
        """The far side closes, and keeps the socket open: one tick, then it ends."""
        hold = threading.Event()
        server = self.serve(lambda peer: (peer.put(peer.writer.close()), hold.wait(20)))
        self.addCleanup(hold.set)
        connection = self.connect(server, ping_seconds=0.02)
        with self.assertRaises(StreamEnded):
            connection.recv(10)
        connection.close(timeout=10)

    def test_a_reset_while_sending(self):
        """ConnectionLost."""
        connection = self.connect(self.serve(lambda peer: None))
        with self.assertRaises(ConnectionLost):
            for _ in range(1000):
                connection.send(b"x" * 100000)

    def test_refusals(self):
        """The status and the headers of the server; nobody there."""
        answer = b"HTTP/1.1 403 No\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno"
        server = self.serve(refuse=answer)
        with self.assertRaises(HandshakeRefused) as caught:
            connect_websocket(server.url)
        error = caught.exception
        self.assertEqual((error.status, error.body), (403, b"no"))
        self.assertIn("because", [value for name, value in error.headers])
        self.assertIn("does not switch to WebSocket: it answers 403", str(error))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with self.assertRaises(ConnectFailed):
                connect_websocket("ws://127.0.0.1:%d/" % taken.getsockname()[1])

    def test_a_switch_to_something_else(self):
        """HeaderError, and the connection is gone."""
        server = self.serve(refuse=b"HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")
        with HttpClient() as client:
            with self.assertRaisesRegex(HeaderError, "upgrades to something else"):
                connect_websocket(server.url, client=client)

    def test_cancelling_the_handshake(self):
        """From another thread, by the request."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        url = "ws://127.0.0.1:%d/" % listener.getsockname()[1]
        with self.assertRaises(ConnectionLost):
            connect_websocket(
                url, on_request=lambda request: threading.Timer(0.03, request.cancel).start()
            )
