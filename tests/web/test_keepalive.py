"""web/keepalive.py: one exchange over a kept connection."""

import gc
import io
import sys
import threading
import time
import unittest
import urllib.request
import weakref

from tests.support.clients import make_client
from tests.support.clocks import FakeClock
from tests.support.scripted import (
    CLOSE,
    HALF_CLOSE,
    RESET,
    RequestReader,
    ScriptedServer,
    chunked,
    reply,
)
from wikistd import (
    ConnectFailed,
    ConnectionLost,
    Deadline,
    KeepAliveHandler,
    LimitExceeded,
    ProtocolError,
    TransportTimeout,
    WebRequest,
)
from wikistd.web.exchange import keep_alive_seconds
from wikistd.web.heads import HeadEncoder, split_host

OK = reply(b"ok")


class Reuse(unittest.TestCase):
    def test_one_connection_for_many(self):
        """Requests to one origin share a connection, whatever the body's framing."""
        with ScriptedServer(
            ["GET /1", OK, "POST /2", chunked(b"a", b"b"), "HEAD /3",
             reply(b"", headers=[("Content-Length", "7")], length=False), "GET /4",
             reply(b"", "204 No Content", length=False), "GET /5", OK]
        ) as server, make_client() as client:  # fmt: skip
            client.get(server.url + "/1")
            self.assertEqual(client.post(server.url + "/2", b"x").content, b"ab")
            self.assertEqual(client.head(server.url + "/3").content, b"")
            self.assertEqual(client.get(server.url + "/4").status, 204)
            client.get(server.url + "/5")
            self.assertEqual(client.counters.connections, 1)
            self.assertEqual(client.counters.requests, 5)
            self.assertGreater(client.counters.bytes, 200)

    def test_closed_when_idle(self):
        """A connection the server closed while idle is noticed: even a POST succeeds."""
        closed = threading.Event()

        def close(sock):
            sock.shutdown(2)
            closed.set()

        with ScriptedServer(
            ["GET /", OK, close, CLOSE], ["POST /", OK]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            closed.wait(5)
            self.assertEqual(client.post(server.url + "/", b"x").content, b"ok")
            self.assertEqual(client.counters.retries, 0)

    def test_unasked_bytes(self):
        """A connection on which unasked bytes came is not used again."""
        with ScriptedServer(
            ["GET /", OK + OK], ["GET /", reply(b"own")]
        ) as server, make_client() as client:
            self.assertEqual(client.get(server.url + "/").content, b"ok")
            self.assertEqual(client.get(server.url + "/").content, b"own")

    def test_unasked_bytes_later(self):
        """Bytes that came while it was idle are not taken for the next answer."""
        sent = threading.Event()

        def send(sock):
            sock.sendall(reply(b"forged"))
            sent.set()

        with ScriptedServer(
            ["GET /", OK, send], ["GET /", reply(b"own")]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            sent.wait(5)
            time.sleep(0.01)
            self.assertEqual(client.get(server.url + "/").content, b"own")

    def test_died_after_request(self):
        """Reused and dead before the first byte: sent once more, if that does no harm."""
        events = []
        with ScriptedServer(
            ["GET /", OK, "GET /", CLOSE], ["GET /", OK]
        ) as server, make_client() as client:
            client.on_retry.append(lambda request, error: events.append(type(error)))
            client.get(server.url + "/")
            self.assertEqual(client.get(server.url + "/").content, b"ok")
            self.assertEqual(client.counters.retries, 1)
            self.assertEqual(events, [ConnectionLost])

    def test_died_twice(self):
        """Only once."""
        with ScriptedServer(
            ["GET /", OK, "GET /", CLOSE], ["GET /", CLOSE]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            with self.assertRaises(ConnectionLost) as caught:
                client.get(server.url + "/")
            self.assertEqual(
                str(caught.exception), "server closed the connection without an answer"
            )
            self.assertEqual(caught.exception.phase, "headers")
            self.assertTrue(caught.exception.retryable)

    def test_post_is_not_repeated(self):
        """A POST whose fate is unknown is reported, not sent again."""
        with ScriptedServer(
            ["GET /", OK, "POST /", CLOSE]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            with self.assertRaises(ConnectionLost) as caught:
                client.post(server.url + "/", b"x")
            self.assertTrue(caught.exception.maybe_applied)

    def test_post_is_repeated_when_told(self):
        """may_repeat on the request says that a POST changes nothing."""
        with ScriptedServer(
            ["GET /", OK, "POST /", CLOSE], ["POST /", OK]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            request = WebRequest(server.url + "/", b"x", method="POST")
            request.may_repeat = True
            self.assertEqual(client.open(request).content, b"ok")

    def test_part_of_an_answer(self):
        """Once a byte of the answer came, nothing is sent again."""
        with ScriptedServer(
            ["GET /", OK, "GET /", b"HTTP/1.1 2", CLOSE]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            with self.assertRaises(ConnectionLost):
                client.get(server.url + "/")

    def test_iterator_body_is_not_repeated(self):
        """A body that cannot be sent again is not."""
        with ScriptedServer(
            ["GET /", OK, "PUT /", CLOSE]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            with self.assertRaises(ConnectionLost):
                client.put(server.url + "/", iter([b"x"]))

    def test_close_wanted(self):
        """Connection: close on either side ends it."""
        closing = reply(b"ok", headers=[("Connection", "close")])
        with ScriptedServer(
            ["GET /", closing, CLOSE], ["GET /", OK], ["GET /", OK]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            client.get(server.url + "/", headers={"Connection": "close"})
            client.get(server.url + "/")

    def test_keep_alive_timeout(self):
        """A connection is not used when the server said that it will have closed it."""
        soon = [("Keep-Alive", "max=9, timeout=1")]
        with ScriptedServer(
            ["GET /", reply(b"ok", headers=soon)], ["GET /", OK]
        ) as server, make_client() as client:
            client.get(server.url + "/")
            client.get(server.url + "/")
            self.assertEqual(client.counters.connections, 2)
        self.assertEqual(keep_alive_seconds("timeout=5, max=100"), 4.0)
        self.assertIsNone(keep_alive_seconds("max=100"))
        self.assertIsNone(keep_alive_seconds("timeout=x"))

    def test_unread_response(self):
        """A response closed before its end takes its connection along."""
        with ScriptedServer(
            ["GET /", reply(b"x" * 10)[:-5]], ["GET /", OK]
        ) as server, make_client() as client:
            with client.get(server.url + "/", stream=True) as response:
                self.assertEqual(response.readany(), b"x" * 5)
            self.assertEqual(client.get(server.url + "/").content, b"ok")


class Heads(unittest.TestCase):
    def test_interim_answers(self):
        """1xx answers are skipped."""
        with ScriptedServer(
            ["GET /", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
             b"HTTP/1.1 102 Processing\r\n\r\n" + OK]
        ) as server, make_client() as client:  # fmt: skip
            self.assertEqual(client.get(server.url + "/").content, b"ok")

    def test_endless_interim_answers(self):
        """But not without end."""
        flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 200
        with ScriptedServer(["GET /", flood]) as server, make_client() as client:
            with self.assertRaises(LimitExceeded) as caught:
                client.get(server.url + "/")
            self.assertEqual(caught.exception.name, "max_interim_responses")

    def test_giant_head(self):
        """A head of a megabyte ends early."""

        def flood(sock):
            try:
                for _ in range(64):
                    sock.sendall(b"A: " + b"x" * 16384 + b"\r\n")
            except OSError:
                pass

        with ScriptedServer(
            ["GET /", b"HTTP/1.1 200 OK\r\n", flood, CLOSE]
        ) as server, make_client() as client:
            with self.assertRaises(LimitExceeded) as caught:
                client.get(server.url + "/")
            self.assertEqual(
                str(caught.exception), "answer's head exceeds max_header_bytes=65536"
            )

    def test_garbage(self):
        """Something that is not HTTP is a ProtocolError, with what came."""
        with ScriptedServer(["GET /", b"+OK POP3 ready\r\n"]) as server:
            with make_client() as client, self.assertRaises(ProtocolError) as caught:
                client.get(server.url + "/")
        self.assertIn("'+OK POP3 ready'", str(caught.exception))

    def test_reset(self):
        """A reset is ConnectionLost."""
        with ScriptedServer(["GET /?secret=1", RESET]) as server, make_client() as client:
            with self.assertRaises(ConnectionLost) as caught:
                client.get(server.url + "/?secret=1")
            self.assertNotIn("secret", str(caught.exception))
            self.assertEqual(caught.exception.url, server.url + "/")

    def test_switching_protocols(self):
        """After 101 the connection is the caller's, with what came early."""
        with ScriptedServer(
            ["GET /", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nearly"]
        ) as server, make_client() as client:
            response = client.open(WebRequest(server.url + "/", stream=True))
            self.assertEqual(response.status, 101)
            connection = response.detach()
            self.assertEqual(connection.buffer, b"early")
            self.assertEqual(client.keepalive.pool.busy_count, 0)
            response.close()
            connection.sock.getpeername()
            connection.close()

    def test_switching_protocols_not_wanted(self):
        """A 101 that is closed closes its connection."""
        with ScriptedServer(
            ["GET /", b"HTTP/1.1 101 Switching\r\n\r\n"]
        ) as server, make_client() as client:
            client.get(server.url + "/").close()
            self.assertEqual(client.keepalive.pool.busy_count, 0)

    def test_switching_protocols_not_asked_for(self):
        """A 101 that is read, and by nobody detached, does not keep its place either."""
        for read in (lambda response: response.content, lambda response: response.read(5)):
            with ScriptedServer(
                ["GET /", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"]
            ) as server, make_client() as client:
                response = client.open(WebRequest(server.url + "/", stream=True))
                self.assertEqual(read(response), b"")
                self.assertEqual(client.keepalive.pool.busy_count, 0)


class Sending(unittest.TestCase):
    def test_names_and_order(self):
        """Names go out as given; Host is first; Content-Length is ours."""
        with ScriptedServer(["POST /", OK]) as server, make_client() as client:
            client.post(
                server.url + "/",
                b"abc",
                headers={"X-CSRF-Token": "t", "content-length": "99", "DNT": "1"},
            )
            names = [name for name, _ in server.requests[0].headers]
            self.assertEqual(names[0], "Host")
            self.assertIn("X-CSRF-Token", names)
            self.assertIn("DNT", names)
            self.assertEqual(server.requests[0].get("Content-Length"), "3")
            self.assertNotIn("Transfer-Encoding", names)

    def test_empty_post(self):
        """A POST without a body says so."""
        with ScriptedServer(["POST /", OK]) as server, make_client() as client:
            client.post(server.url + "/")
            self.assertEqual(server.requests[0].get("Content-Length"), "0")

    def test_bodies(self):
        """Bytes and files have a length, iterators are sent in chunks."""
        big = bytes(range(256)) * 1000
        with ScriptedServer(
            ["PUT /1", OK, "PUT /2", OK, "PUT /3", OK, "PUT /4", OK]
        ) as server, make_client() as client:
            client.put(server.url + "/1", io.BytesIO(b"file"))
            client.put(server.url + "/2", iter([b"a", b"", b"b" * 20]))
            client.put(server.url + "/3", big)
            client.put(server.url + "/4", "text é")
            one, two, three, four = server.requests
            self.assertEqual((one.get("content-length"), one.body), ("4", b"file"))
            self.assertEqual(two.get("transfer-encoding"), "chunked")
            self.assertEqual(two.body, b"a" + b"b" * 20)
            self.assertEqual(three.body, big)
            self.assertEqual(four.body, "text é".encode())

    def test_early_answer(self):
        """A server that answers before it has read the body is heard."""

        def refuse(sock):
            reader = RequestReader(sock)
            reader.read_head()
            sock.sendall(reply(b"too big", "413 Too Large", [("Connection", "close")]))
            sock.shutdown(1)
            try:
                while sock.recv(65536):
                    pass
            except OSError:
                pass

        with ScriptedServer([refuse, CLOSE]) as server, make_client() as client:
            response = client.put(server.url + "/", b"x" * 5_000_000)
            self.assertEqual((response.status, response.text), (413, "too big"))

    def test_hangs_up_without_an_answer(self):
        """A server that hangs up while the body is sent is ConnectionLost."""

        def hang_up(sock):
            RequestReader(sock).read_head()

        with ScriptedServer([hang_up, RESET]) as server, make_client() as client:
            with self.assertRaises(ConnectionLost) as caught:
                client.put(server.url + "/", b"x" * 20_000_000)
            self.assertTrue(caught.exception.maybe_applied)

    def test_expect_continue(self):
        """With Expect the body waits for 100."""
        seen = []

        def continue_(sock):
            reader = RequestReader(sock)
            line, headers = reader.read_head()
            sock.settimeout(0.05)
            try:
                seen.append(sock.recv(10))
            except OSError:
                seen.append(None)
            sock.settimeout(None)
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            seen.append(reader.read_body(headers))
            sock.sendall(OK)

        with ScriptedServer([continue_, "GET /", OK]) as server, make_client() as client:
            client.put(server.url + "/", b"body", headers={"Expect": "100-continue"})
            self.assertEqual(seen, [None, b"body"])
            client.get(server.url + "/")

    def test_expect_refused(self):
        """A final answer instead of 100: the body is kept, the connection dropped."""

        def refuse(sock):
            RequestReader(sock).read_head()
            sock.sendall(reply(b"no", "417 Expectation Failed"))

        with ScriptedServer([refuse], ["GET /", OK]) as server, make_client() as client:
            response = client.put(
                server.url + "/", b"body", headers={"Expect": "100-continue"}
            )
            self.assertEqual(response.status, 417)
            client.get(server.url + "/")

    def test_refused_before_sending(self):
        """Controls and the like in method, URL, header and host: nothing is sent."""
        with ScriptedServer() as server, make_client() as client:
            url = server.url + "/"
            for code in [*range(9), *range(10, 32), 127]:
                for call, shown in [
                    (lambda c: client.get(url, headers={"X": "a%cb" % c}), "header X"),
                    (lambda c: client.get(url, headers={"X%c" % c: "a"}), "header name"),
                    (lambda c: client.get(url + "a%cb" % c), "URL"),
                    (lambda c: client.get("http://a%cb/" % c), "URL"),
                    (lambda c: client.request("GE%cT" % c, url), "method"),
                ]:
                    with self.assertRaises(ValueError) as caught:
                        call(code)
                    self.assertIn(shown, str(caught.exception))
            for call in [
                lambda: client.get(url + "a b"),
                lambda: client.get(url, headers={"": "x"}),
                lambda: client.get(url, headers={"X": "€"}),
                lambda: client.get(url, headers={"X": "a\n\tb"}),
                lambda: client.request("", url),
                lambda: client.get("ftp://127.0.0.1/"),
                lambda: client.get("http:///x"),
                lambda: client.get("http://[v1.x]/"),
                lambda: client.get("http://a\uff03@b.com"),
                lambda: client.get(" http://a/"),
                lambda: client.get("http://a:99999/"),
            ]:
                with self.assertRaises(ValueError):
                    call()
            self.assertEqual(server.accepted, 0)

    def test_sent_as_checked(self):
        """A str of a class that shows itself otherwise is sent as what it is."""

        class Odd(str):
            def __str__(self):
                return "x\r\nInjected: y"

        request = WebRequest("http://a.example/", headers={"X-A": Odd("b")})
        head = HeadEncoder().encode(request)
        self.assertIn(b"\r\nX-A: b\r\n", head)
        self.assertNotIn(b"Injected", head)

    def test_plain_requests_are_checked(self):
        """What others put into a stock Request is checked as well."""
        request = urllib.request.Request("http://a/b c")
        with self.assertRaisesRegex(ValueError, "URL holds a space"):
            HeadEncoder().encode(request)
        request = urllib.request.Request("http://a/", method="GE T")
        with self.assertRaisesRegex(ValueError, "'GE T' is not a token"):
            HeadEncoder().encode(request)
        request = urllib.request.Request("http://a/", headers={"X": 3})
        with self.assertRaisesRegex(TypeError, "value of header X is int"):
            HeadEncoder().encode(request)

    def test_hosts(self):
        """What is connected to, and what Host says."""
        self.assertEqual(split_host("A.org:81", 80), ("a.org", 81))
        self.assertEqual(split_host("u:p@a.org", 80), ("a.org", 80))
        self.assertEqual(split_host("[fe80::1%25eth0]:8", 80), ("fe80::1%eth0", 8))
        self.assertEqual(split_host("a:", 80), ("a", 80))
        for bad in ["", ":80", "a:x", "a:0", "a:65536", "a b", "a/b"]:
            with self.assertRaises(ValueError):
                split_host(bad, 80)
        request = urllib.request.Request("http://u:p@[fe80::1%25eth0]:8?x")
        self.assertEqual(
            HeadEncoder().encode(request).split(b"\r\n")[:2],
            [b"GET /?x HTTP/1.1", b"Host: [fe80::1]:8"],
        )


class Time(unittest.TestCase):
    def test_silence(self):
        """A server that says nothing does not outlive the timeout."""
        with ScriptedServer(["GET /"]) as server, make_client() as client:
            start = time.monotonic()
            with self.assertRaises(TransportTimeout) as caught:
                client.get(server.url + "/", timeout=0.15)
            self.assertLess(time.monotonic() - start, 1.0)
            self.assertEqual(
                str(caught.exception),
                "127.0.0.1:%d did not answer in time" % server.port,
            )
            self.assertIsInstance(caught.exception, TimeoutError)

    def drip(self, data):
        def send(sock):
            try:
                for i in range(len(data)):
                    sock.sendall(data[i : i + 1])
                    if self.stop.wait(0.03):
                        return
            except OSError:
                pass

        return send

    def test_dripping(self):
        """A server that drips does not either: neither head nor body."""
        for steps in [
            [self.drip(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200)],
            [reply(b"x" * 200)[:-200], self.drip(b"x" * 200)],
            [reply(length=False), self.drip(b"x" * 200)],
        ]:
            self.stop = threading.Event()
            with ScriptedServer(["GET /", *steps]) as server, make_client() as client:
                start = time.monotonic()
                with self.assertRaises(TransportTimeout):
                    client.get(server.url + "/", timeout=0.1)
                self.assertLess(time.monotonic() - start, 3)
                self.stop.set()

    def test_deadline_of_several_calls(self):
        """One Deadline may be given to several calls; a used one sends nothing."""
        with ScriptedServer(["GET /", OK]) as server, make_client() as client:
            deadline = Deadline(5)
            client.get(server.url + "/", timeout=deadline)
            with self.assertRaises(TransportTimeout):
                client.get(server.url + "/", timeout=Deadline(0))

    def test_sent_again(self):
        """A request that is sent again has the client's time again; one's own is kept."""
        clock = FakeClock()
        with ScriptedServer(["GET /", OK] * 3) as server:
            with make_client(timeout=5, clock=clock) as client:
                request = WebRequest(server.url + "/")
                client.open(request, timeout=3)
                for seconds in (4, 6):
                    clock.advance(seconds)
                    self.assertEqual(client.open(request).content, b"ok")
                    self.assertEqual(request.deadline.seconds, 5)
                request.deadline = Deadline(1, clock=clock)
                clock.advance(1)
                with self.assertRaises(TransportTimeout):
                    client.open(request)

    def test_streams_have_idle_timeout(self):
        """A streamed body may take longer than timeout, but not stand still."""
        clock = FakeClock()
        with ScriptedServer(
            ["GET /", reply(b"x" * 12)[:-2]]
        ) as server, make_client(idle_timeout=0.1, clock=clock) as client:
            response = client.get(server.url + "/", stream=True, timeout=5)
            clock.advance(6)
            self.assertEqual(response.read(10), b"x" * 10)
            with self.assertRaises(TransportTimeout):
                response.read()

    def test_streams_have_the_deadline_given(self):
        """A Deadline of the caller's own bounds a streamed body as a whole."""
        self.stop = threading.Event()
        with ScriptedServer(
            ["GET /", reply(b"x" * 99)[:-99], self.drip(b"x" * 99)]
        ) as server, make_client() as client:
            url = server.url + "/"
            with self.assertRaises(TransportTimeout):
                client.get(url, stream=True, timeout=Deadline(0.2)).read(99)
            self.stop.set()

    def test_pairs(self):
        """(connect, read) bound both."""
        with ScriptedServer(["GET /"], ["GET /", OK]) as server:
            with make_client() as client:
                with self.assertRaises(TransportTimeout):
                    client.get(server.url + "/", timeout=(0.1, 0.1))
                client.get(server.url + "/", timeout=(None, None))
                with self.assertRaises(TypeError):
                    client.get(server.url + "/", timeout="5")

    def test_upload_stands_still(self):
        """A body that nobody takes ends with idle_timeout; the phase is "send"."""
        enough = threading.Event()
        with ScriptedServer([lambda sock: enough.wait(5), RESET]) as server:
            with make_client(idle_timeout=0.05) as client:
                with self.assertRaises(TransportTimeout) as caught:
                    client.post(server.url + "/", iter([b"x" * 1_000_000] * 30))
            enough.set()
        self.assertEqual(caught.exception.phase, "send")
        self.assertTrue(caught.exception.maybe_applied)
        self.assertIn("did not take the request in time", str(caught.exception))

    def test_upload_may_take_its_time(self):
        """A large body may take longer than timeout; the answer then has its own."""
        clock = FakeClock()

        def slow(sock):
            reader = RequestReader(sock)
            _, headers = reader.read_head()
            clock.advance(6)
            reader.read_body(headers)
            sock.sendall(OK)

        with ScriptedServer([slow]) as server, make_client(clock=clock) as client:
            data = iter([b"x" * 4_000_000, b"y" * 4_000_000])
            self.assertEqual(client.put(server.url + "/", data, timeout=5).text, "ok")


class Garbage(unittest.TestCase):
    @unittest.skipUnless(sys.implementation.name == "cpython", "counts references")
    def test_errors_keep_nothing(self):
        """An error that was handled is gone at once, and the frames it passed through."""
        with ScriptedServer(
            ["GET /", CLOSE],
            ["GET /", b"rubbish\r\n\r\n", CLOSE],
            ["GET /", reply(b"0123456789")[:-5], CLOSE],
            [lambda sock: sock.recv(9999), CLOSE],
        ) as server, make_client() as client:
            gc.collect()
            gc.disable()
            self.addCleanup(gc.enable)
            for url, kind in (
                (server.url + "/", ConnectionLost),
                (server.url + "/", ProtocolError),
                (server.url + "/", ConnectionLost),
                ("http://127.0.0.1:9/", ConnectFailed),
                (server.url.replace("http", "https"), (ConnectFailed, ConnectionLost)),
            ):
                try:
                    client.get(url)
                except kind as error:
                    left = weakref.ref(error)
                self.assertIsNone(left(), url)


class Cancelling(unittest.TestCase):
    def cancel(self, steps, **fields):
        """Cancel a request once the server got it; return the error."""
        arrived = threading.Event()
        errors = []
        with ScriptedServer(
            ["GET /", *steps, lambda sock: arrived.set()]
        ) as server, make_client() as client:
            request = WebRequest(server.url + "/")

            def call():
                try:
                    client.open(request)
                except BaseException as error:
                    errors.append(error)

            thread = threading.Thread(target=call)
            thread.start()
            arrived.wait(5)
            time.sleep(0.02)
            request.cancel()
            thread.join(5)
            self.assertFalse(thread.is_alive())
            self.assertEqual(client.keepalive.pool.busy_count, 0)
        return errors[0]

    def test_waiting_for_the_head(self):
        """cancel() ends a call that waits for its answer."""
        error = self.cancel([])
        self.assertIsInstance(error, ConnectionLost)
        self.assertEqual(str(error), "the request was cancelled")
        self.assertFalse(error.retryable)

    def test_waiting_for_the_body(self):
        """And one that waits for the body."""
        error = self.cancel([reply(b"x" * 10)[:-5]])
        self.assertIsInstance(error, ConnectionLost)
        self.assertEqual(str(error), "the request was cancelled")
        self.assertEqual(error.phase, "body")

    def test_before_it_begins(self):
        """A cancelled request is not sent."""
        with make_client() as client:
            request = WebRequest("http://127.0.0.1:9/")
            request.cancel()
            with self.assertRaises(ConnectFailed) as caught:
                client.open(request)
            self.assertIn("the request was cancelled", str(caught.exception))

    def test_on_a_kept_connection(self):
        """A cancelled request is not sent on a kept connection either."""
        with ScriptedServer(["GET /", OK]) as server, make_client() as client:
            client.get(server.url + "/")
            request = WebRequest(server.url + "/")
            request.cancel()
            with self.assertRaises(ConnectionLost):
                client.open(request)

    def test_too_late(self):
        """A cancel that comes too late does not hurt who has the connection now."""
        arrived = threading.Event()
        go_on = threading.Event()
        with ScriptedServer(
            ["GET /", OK, "GET /", lambda s: arrived.set(), lambda s: go_on.wait(5), OK]
        ) as server, make_client() as client:
            first = WebRequest(server.url + "/")
            response = client.open(first)

            def late():
                arrived.wait(5)
                first.cancel()
                response.abort()
                go_on.set()

            thread = threading.Thread(target=late)
            thread.start()
            self.assertEqual(client.get(server.url + "/").content, b"ok")
            thread.join()
            self.assertEqual(client.counters.connections, 1)

    def test_after_a_redirect(self):
        """Cancelling the first request ends the one that followed it."""
        arrived = threading.Event()
        moved = reply(b"", "302 Found", [("Location", "/next")])
        with ScriptedServer(
            ["GET /", moved, "GET /next", lambda sock: arrived.set()]
        ) as server, make_client() as client:
            request = WebRequest(server.url + "/")
            thread = threading.Thread(
                target=lambda: (arrived.wait(5), time.sleep(0.02), request.cancel())
            )
            thread.start()
            with self.assertRaisesRegex(ConnectionLost, "cancelled"):
                client.open(request)
            thread.join()

    def test_abort_of_a_response(self):
        """abort() wakes who reads the response in another thread."""
        with ScriptedServer(
            ["GET /", reply(b"x" * 10)[:-5]]
        ) as server, make_client() as client:
            response = client.get(server.url + "/", stream=True)
            self.assertEqual(response.readany(), b"x" * 5)
            timer = threading.Timer(0.05, response.abort)
            timer.start()
            with self.assertRaisesRegex(ConnectionLost, "the request was cancelled"):
                response.readany()
            timer.join()


class Alone(unittest.TestCase):
    def test_in_a_plain_opener(self):
        """The handler works in urllib.request.build_opener, and keeps connections."""
        handler = KeepAliveHandler()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), handler
        )
        with ScriptedServer(
            ["GET /", OK, "POST /", OK, "GET /x", reply(b"", "404 No")]
        ) as server:
            with opener.open(server.url + "/", timeout=5) as response:
                self.assertEqual(response.read(), b"ok")
            with opener.open(server.url + "/", b"data") as response:
                self.assertEqual(response.read(), b"ok")
            with self.assertRaises(urllib.error.HTTPError) as caught:
                opener.open(server.url + "/x")
            caught.exception.close()
            self.assertEqual(handler.pool.counters.connections, 1)
            handler.close()

    def test_half_closed(self):
        """An answer that ends with the connection is read to its end."""
        with ScriptedServer(
            ["GET /", reply(b"all of it", length=False), HALF_CLOSE]
        ) as server, make_client() as client:
            self.assertEqual(client.get(server.url + "/").content, b"all of it")


if __name__ == "__main__":
    unittest.main()
