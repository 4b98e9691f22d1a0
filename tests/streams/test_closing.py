"""close() from another thread while the stream waits for a socket."""

import socket
import threading
import time
import unittest

from tests.streams.standins import quiet_streams
from tests.support.accepting import AcceptingServer
from tests.support.garbage import is_collected
from tests.web.test_connect import deaf_listener
from wikistd import EventSource, EventStreams, TransportTimeout

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def setUpModule():
    quiet_streams()


class MuteServer(AcceptingServer):
    """Send `greeting` once something was asked, and stay silent."""

    def __init__(self, greeting=b""):
        self.greeting = greeting
        self.accepted = threading.Event()
        self.gone = threading.Event()
        super().__init__()

    def serve(self, connection):
        try:
            connection.recv(65536)
            connection.sendall(self.greeting)
            self.accepted.set()
            while connection.recv(65536):
                pass
        finally:
            self.gone.set()


class HeartbeatServer(AcceptingServer):
    """Send a comment each 0.1 s, and an event after half a second."""

    def serve(self, connection):
        connection.recv(65536)
        connection.sendall(HEAD)
        for _ in range(5):
            connection.sendall(b"8\r\n:thump\n\n\r\n")
            time.sleep(0.1)
        connection.sendall(b"9\r\ndata: a\n\n\r\n")


class Closing(unittest.TestCase):
    def ends_at_once(self, url, server, **options):
        """Iterate in a thread, close from here; the thread ends and so does the socket."""
        source = EventSource(url, **options)
        ended = threading.Event()

        def iterate():
            for _ in source:
                pass
            ended.set()

        thread = threading.Thread(target=iterate, daemon=True)
        thread.start()
        self.assertTrue(server.accepted.wait(10))
        time.sleep(0.02)
        begin = time.monotonic()
        source.close()
        self.assertTrue(ended.wait(10))
        self.assertLess(time.monotonic() - begin, 1.0)
        self.assertTrue(server.gone.wait(10))
        thread.join(10)

    def serve(self, greeting=b""):
        server = MuteServer(greeting)
        self.addCleanup(server.close)
        return server, "http://127.0.0.1:%d/" % server.port

    def test_while_it_waits_for_an_event(self):
        """The reader is woken by a shutdown of its socket."""
        server, url = self.serve(HEAD + b"5\r\n:ok\n\n\r\n")
        self.ends_at_once(url, server)

    def test_while_it_waits_for_the_answer(self):
        """No head has come yet."""
        server, url = self.serve()
        self.ends_at_once(url, server)

    def test_in_a_tls_handshake(self):
        """The far side took the ClientHello and says nothing."""
        server, url = self.serve()
        self.ends_at_once(url.replace("http:", "https:"), server)

    def test_while_it_connects(self):
        """Nobody takes the connection, and the system tries on for two minutes."""
        deaf, fillers = deaf_listener()
        source = EventSource("http://127.0.0.1:%d/" % deaf.getsockname()[1])
        thread = threading.Thread(target=lambda: list(source), daemon=True)
        thread.start()
        time.sleep(0.02)
        begin = time.monotonic()
        source.close()
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertLess(time.monotonic() - begin, 1.0)
        for each in [deaf, *fillers]:
            each.close()

    def test_while_it_pauses(self):
        """Nobody listens there, and the next try is a minute away."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d/" % taken.getsockname()[1]
            failed = threading.Event()
            source = EventSource(url, retry_milliseconds=60000, on_error=lambda error: failed.set())
            thread = threading.Thread(target=lambda: list(source), daemon=True)
            thread.start()
            self.assertTrue(failed.wait(10))
            source.close()
            thread.join(10)
            self.assertFalse(thread.is_alive())

    def test_leaving_a_loop_over_sockets(self):
        """The server sees the end of the connection."""
        data = b'data: {"title": "A"}\n\n'
        server, url = self.serve(HEAD + b"%x\r\n%s\r\n" % (len(data), data))
        stream = EventStreams(url=url)
        for event in stream:
            self.assertEqual(event, {"title": "A"})
            break
        self.assertTrue(is_collected(server.gone.is_set, 10))
        stream.close()


class Promptness(unittest.TestCase):
    def test_each_event_before_the_next_byte(self):
        """The server sends the next one when the last was delivered, never before."""
        for end in (b"\n\n", b"\r\n\r\n", b"\r\r"):
            for is_chunked in (True, False):
                with self.subTest(end=end, is_chunked=is_chunked):
                    self.one_by_one(end, is_chunked)

    def one_by_one(self, end, is_chunked):
        delivered = threading.Semaphore(0)
        late = []

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                framing = b"Transfer-Encoding: chunked\r\n" if is_chunked else b""
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + framing + b"\r\n"
                )
                for number in range(5):
                    data = b"data: %d%s" % (number, end)
                    if is_chunked:
                        data = b"%x\r\n%s" % (len(data), data)  # its CRLF comes later
                    connection.sendall(data)
                    if not delivered.acquire(timeout=5):
                        late.append(number)
                        return
                    connection.sendall(b"\r\n" if is_chunked else b"")

        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            with EventSource("http://127.0.0.1:%d/" % listener.getsockname()[1]) as source:
                for number in range(5):
                    self.assertEqual(next(source).data, str(number))
                    delivered.release()
            thread.join(10)
        self.assertEqual(late, [])


class Silence(unittest.TestCase):
    def test_comments_count_as_life(self):
        """A server that says nothing else for longer than idle_timeout is not given up."""
        with HeartbeatServer() as server:
            with EventSource("http://127.0.0.1:%d/" % server.port, idle_timeout=0.4) as source:
                self.assertEqual(next(source).data, "a")
                self.assertEqual((source.comments, source.connections), (5, 1))

    def test_a_silent_connection_is_given_up(self):
        """After idle_timeout."""
        server = MuteServer(HEAD + b"5\r\n:ok\n\n\r\n")
        self.addCleanup(server.close)
        errors = []
        with EventSource(
            "http://127.0.0.1:%d/" % server.port, idle_timeout=0.05, max_attempts=2,
            retry_milliseconds=1, min_delay_seconds=0.001, on_error=errors.append,
        ) as source:
            with self.assertRaises(TransportTimeout):
                next(source)
        self.assertEqual(len(errors), 1)
        self.assertEqual(source.comments, 2)
