"""server/running.py, exchange.py and local.py: WSGI over real and fake sockets."""

import errno
import io
import logging
import socket
import struct
import threading
import time
import unittest
import wsgiref.validate
from unittest import mock

from wikistd.server.exchange import WsgiErrorLog
from wikistd.server.local import local_connect
from wikistd.server.running import serve_wsgi

TEXT = [("Content-Type", "text/plain")]


def echo(environ, start_response):
    """Answer with what was asked; some paths do special things."""
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read() if path != "/unread" else b""
    if path == "/parts":
        start_response("200 OK", TEXT)
        return iter([b"one", b"", b"two"])
    if path == "/long":
        start_response("200 OK", TEXT + [("Content-Length", "4")])
        return [b"long", b"er"]
    if path == "/short":
        start_response("200 OK", TEXT + [("Content-Length", "9")])
        return [b"short"]
    if path == "/write":
        start_response("200 OK", TEXT)(b"written, ")
        return [b"returned"]
    if path == "/none":
        start_response("204 No Content", [])
        return []
    text = "%s %s?%s %d" % (
        environ["REQUEST_METHOD"],
        path,
        environ["QUERY_STRING"],
        len(body),
    )
    start_response("200 OK", TEXT)
    return [text.encode("latin-1")]


def ask(sock, data):
    """Send `data`, read one reply with Content-Length or without a body."""
    sock.sendall(data)
    with sock.makefile("rb") as reader:
        return read_reply(reader)


def read_reply(reader):
    status = reader.readline().decode().strip()
    headers = {}
    while True:
        line = reader.readline().decode("latin-1")
        if line in ("\r\n", ""):
            break
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size = int(reader.readline(), 16)
            body += reader.read(size)
            reader.readline()
            if not size:
                return status, headers, body
    if status[9:12] in ("100", "204"):
        return status, headers, b""
    return status, headers, reader.read(int(headers.get("content-length", -1)))


def get(path, *fields):
    lines = ["GET %s HTTP/1.1" % path, "Host: here"] + list(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class ServerCase(unittest.TestCase):
    def serve(self, app=echo, **limits):
        server = serve_wsgi(app, **limits)
        self.addCleanup(server.close)
        return server

    def connect(self, server):
        sock = socket.create_connection((server.host, server.port), timeout=5)
        self.addCleanup(sock.close)
        return sock

    def settle(self, server):
        """Wait until the server has noted that no request is being answered."""
        until = time.monotonic() + 5
        while not all(each.is_waiting for each in list(server._open.values())):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.001)


class Replies(ServerCase):
    """Each way a body can end, over a real socket and over the fake one."""

    def connections(self, app=echo):
        yield self.connect(self.serve(app))
        yield local_connect(app)("here", 80, None)

    def test_keep_alive(self):
        """Requests follow each other on one connection."""
        for sock in self.connections():
            for number in (b"1", b"2"):
                status, headers, body = ask(sock, get("/a%20b?x=" + number.decode()))
                self.assertEqual(status, "HTTP/1.1 200 OK")
                self.assertEqual(body, b"GET /a b?x=" + number + b" 0")
                self.assertNotIn("connection", headers)
                self.assertIn("date", headers)

    def test_bodies_of_requests(self):
        """A body comes by length or in chunks."""
        for sock in self.connections():
            got = ask(
                sock, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            )
            self.assertEqual(got[2], b"POST /? 3")
            got = ask(
                sock,
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
            )
            self.assertEqual(got[2], b"POST /? 5")

    def test_parts_go_in_chunks(self):
        """A reply of unknown length is chunked, and the connection stays."""
        for sock in self.connections():
            status, headers, body = ask(sock, get("/parts"))
            self.assertEqual(headers["transfer-encoding"], "chunked")
            self.assertEqual(body, b"onetwo")
            self.assertEqual(ask(sock, get("/"))[2], b"GET /? 0")

    def test_http_1_0(self):
        """HTTP/1.0 gets no chunks; the end of the connection is the end."""
        for sock in self.connections():
            got = ask(sock, b"GET /parts HTTP/1.0\r\n\r\n")
            self.assertEqual(got[1]["connection"], "close")
            self.assertEqual(got[2], b"onetwo")

    def test_http_1_0_keep_alive(self):
        """HTTP/1.0 may ask to stay."""
        for sock in self.connections():
            got = ask(sock, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertEqual(got[1]["connection"], "keep-alive")
            self.assertEqual(ask(sock, get("/"))[2], b"GET /? 0")

    def test_close(self):
        """Connection: close is done as asked."""
        for sock in self.connections():
            got = ask(sock, get("/", "Connection: close"))
            self.assertEqual(got[1]["connection"], "close")
            self.assertEqual(sock.makefile("rb").read(), b"")

    def test_head(self):
        """HEAD has the headers and no body."""
        for sock in self.connections():
            sock.sendall(b"HEAD /long HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"))
            with sock.makefile("rb") as reader:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += reader.readline()
                self.assertIn(b"Content-Length: 4\r\n", head)
                self.assertEqual(read_reply(reader)[2], b"GET /? 0")

    def test_more_than_promised(self):
        """What passes Content-Length is never sent: it would be the next reply's."""
        for sock in self.connections():
            self.assertEqual(ask(sock, get("/long"))[2], b"long")
            self.assertEqual(ask(sock, get("/"))[2], b"GET /? 0")

    def test_write_callable(self):
        """What was written comes before what was returned."""
        for sock in self.connections():
            self.assertEqual(ask(sock, get("/write"))[2], b"written, returned")

    def test_no_content(self):
        """204 has no body and no length."""
        for sock in self.connections():
            status, headers, _ = ask(sock, get("/none"))
            self.assertEqual(status, "HTTP/1.1 204 No Content")
            self.assertNotIn("content-length", headers)
            self.assertNotIn("transfer-encoding", headers)

    def test_unread_body(self):
        """A body the application left is read past."""
        for sock in self.connections():
            post = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"
            self.assertEqual(ask(sock, post + b"x" * 70000)[2], b"POST /unread? 0")
            self.assertEqual(ask(sock, get("/"))[2], b"GET /? 0")

    def test_expect_continue(self):
        """100 Continue comes before the body is sent."""
        for sock in self.connections():
            got = ask(
                sock,
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                b"Expect: 100-continue\r\n\r\n",
            )
            self.assertEqual(got[0], "HTTP/1.1 100 Continue")
            self.assertEqual(ask(sock, b"abc")[2], b"POST /? 3")

    def test_expect_keeps_the_connection(self):
        """Once the body was asked for and read, the next request may follow."""
        sock = self.connect(self.serve())
        post = (
            b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        self.assertIn("100", ask(sock, post % b"/")[0])
        self.assertNotIn("connection", ask(sock, b"abc")[1])
        status, headers, body = ask(sock, post % b"/unread")
        self.assertEqual((headers["connection"], body), ("close", b"POST /unread? 0"))
        self.assertEqual(sock.makefile("rb").read(), b"")

    def test_large_replies(self):
        """A reply of one piece larger than the buffers arrives whole."""
        data = bytes(range(256)) * 8192

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            return [data]

        for sock in self.connections(app):
            self.assertEqual(ask(sock, get("/"))[2], data)

    def test_refused(self):
        """A malformed request is answered, and the connection ends."""
        for sock in self.connections():
            status, headers, body = ask(sock, b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(status, "HTTP/1.1 400 Bad Request")
            self.assertEqual(headers["connection"], "close")
            self.assertEqual(body, b"exactly one Host header is wanted\n")
            self.assertEqual(sock.makefile("rb").read(), b"")

    def test_refused_body(self):
        """A malformed body is no failure of the application."""
        for sock in self.connections():
            status, _, body = ask(
                sock,
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            )
            self.assertEqual(status, "HTTP/1.1 400 Bad Request")
            self.assertEqual(body, b"the size of a chunk is not a number: b'x'\n")

    def test_refused_body_that_nobody_read(self):
        """A malformed body is answered once, with 400, whoever reads it."""
        head = b"POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for sock in self.connections():
            status, headers, body = ask(sock, head + b"3\r\nabcd\r\n0\r\n\r\n")
            self.assertEqual(status, "HTTP/1.1 400 Bad Request")
            self.assertEqual(headers["connection"], "close")
            self.assertEqual(body, b"a chunk is longer than its size says\n")
            self.assertEqual(sock.makefile("rb").read(), b"")

    def test_refused_body_behind_a_reply_in_parts(self):
        """What is noticed once the reply has begun ends the connection, no more."""

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            return iter([b"one"])

        sock = self.connect(self.serve(app))
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(ask(sock, head + b"x\r\n")[2], b"one")
        self.assertEqual(sock.makefile("rb").read(), b"")

    def test_host_of_an_absolute_address(self):
        """The host in an address is held to the same rules as the header."""
        for sock in self.connections():
            got = ask(sock, b"GET http://a'b/ HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(got[0], "HTTP/1.1 400 Bad Request")
            self.assertEqual(got[2], b"the host in the address is malformed\n")

    def test_address_in_absolute_form(self):
        """A proxy's way to write an address is understood."""
        for sock in self.connections():
            got = ask(sock, b"GET http://there:8/x?y HTTP/1.1\r\nHost: here\r\n\r\n")
            self.assertEqual(got[2], b"GET /x?y 0")
            got = ask(sock, b"GET http://there?y HTTP/1.1\r\nHost: here\r\n\r\n")
            self.assertEqual(got[2], b"GET /?y 0")

    def test_address_within_a_path(self):
        """A path that holds an address is a path, and says nothing about the host."""

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            return [("%(HTTP_HOST)s %(PATH_INFO)s" % environ).encode("ascii")]

        for sock in self.connections(app):
            for target in (b"/wiki/Http://there/x", b"/x://there", b"//x://there/y"):
                got = ask(sock, b"GET " + target + b" HTTP/1.1\r\nHost: here\r\n\r\n")
                self.assertEqual(got[2], b"here " + target)

    def test_validator(self):
        """The environ and the calls are what PEP 3333 says."""

        def app(environ, start_response):
            environ["wsgi.input"].read(10)
            start_response("200 OK", TEXT)
            return [b"fine"]

        for sock in self.connections(wsgiref.validate.validator(app)):
            got = ask(sock, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
            self.assertEqual(got[2], b"fine")
            self.assertEqual(ask(sock, get("/", "Cookie: a", "Cookie: b"))[2], b"fine")


class Environ(ServerCase):
    def environ_of(self, data):
        seen = []

        def app(environ, start_response):
            seen.append(environ)
            start_response("200 OK", TEXT)
            return [b""]

        ask(local_connect(app)("here", 80, None), data)
        return seen[0]

    def test_headers(self):
        """Headers are joined, cookies by semicolons; X_Y cannot pose as X-Y."""
        environ = self.environ_of(
            get("/", "X-A: 1", "x-a: 2", "X_A: 3", "Cookie: a=b", "Cookie: c=d")
        )
        self.assertEqual(environ["HTTP_X_A"], "1,2")
        self.assertEqual(environ["HTTP_COOKIE"], "a=b; c=d")
        self.assertEqual(environ["HTTP_HOST"], "here")

    def test_path_is_latin_1(self):
        """PEP 3333: bytes of the path as latin-1."""
        environ = self.environ_of(get("/wiki/Z%C3%BCrich?a=%20"))
        self.assertEqual(environ["PATH_INFO"], "/wiki/Z\xc3\xbcrich")
        self.assertEqual(environ["REQUEST_URI"], "/wiki/Z%C3%BCrich?a=%20")
        self.assertEqual(environ["QUERY_STRING"], "a=%20")


class BrokenApplications(ServerCase):
    def ask_app(self, app):
        with self.assertLogs("wikistd.server", logging.ERROR) as logs:
            server = self.serve(app)
            reply = ask(self.connect(server), get("/"))
            server.close()
        return reply, logs.output[0]

    def assert_fails(self, app, words):
        (status, headers, _), log = self.ask_app(app)
        self.assertEqual(status, "HTTP/1.1 500 Internal Server Error")
        self.assertEqual(headers["connection"], "close")
        self.assertIn(words, log)

    def test_raises(self):
        """An exception is 500; what it said goes to the log alone."""

        def app(environ, start_response):
            raise KeyError("secret")

        self.assert_fails(app, "KeyError: 'secret'")

    def test_returns_text(self):
        """str is not bytes."""

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            return ["text"]

        self.assert_fails(app, "not bytes")

    def test_forgets_start_response(self):
        """A body without a status is no reply."""
        self.assert_fails(
            lambda environ, start_response: [b"x"], "before start_response"
        )

    def test_says_nothing(self):
        """Neither is nothing at all."""
        self.assert_fails(lambda environ, start_response: [], "never called")

    def test_starts_twice(self):
        """start_response is for once."""

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            start_response("200 OK", TEXT)

        self.assert_fails(app, "called twice")

    def test_may_start_again_after_an_error(self):
        """With exc_info a second start replaces the first, before the head is out."""

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            try:
                raise KeyError("x")
            except KeyError as error:
                start_response("503 Gone", TEXT, (KeyError, error, None))
            return [b"sorry"]

        got = ask(local_connect(app)("here", 80), get("/"))
        self.assertEqual((got[0], got[2]), ("HTTP/1.1 503 Gone", b"sorry"))

    def test_headers_that_would_be_two(self):
        """CR and LF in a header never reach the wire; hop-by-hop ones are not the app's.

        A length is one number, or two readers of the reply might disagree.
        """
        for status, header in (
            ("200 OK", ("X", "a\r\nSet-Cookie: b")),
            ("200 OK", ("X\r\n", "a")),
            ("200 OK\r\nX: y", ("X", "y")),
            ("200 OK", ("Transfer-Encoding", "chunked")),
            ("200 OK", ("Content-Length", "-1")),
            ("200 OK", ("Content-Length", "1, 1")),
            ("OK", ("X", "y")),
        ):

            def app(environ, start_response, status=status, header=header):
                start_response(status, [header])
                return [b"x"]

            with self.subTest(header):
                self.assert_fails(app, "ValueError")

    def test_fails_half_way(self):
        """A reply that breaks off is cut, so that nobody takes it for whole."""

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            yield b"half"
            raise KeyError("x")

        with self.assertLogs("wikistd.server", logging.ERROR):
            server = self.serve(app)
            sock = self.connect(server)
            sock.sendall(get("/"))
            got = sock.makefile("rb").read()
        self.assertTrue(got.endswith(b"4\r\nhalf\r\n"), got)

    def test_promises_too_much(self):
        """A body that is too short ends the connection."""
        sock = self.connect(self.serve())
        sock.sendall(get("/short") + get("/"))
        self.assertTrue(sock.makefile("rb").read().endswith(b"\r\n\r\nshort"))

    def test_close_fails(self):
        """A failing close() is logged; the reply was given."""

        class Reply:
            def __iter__(self):
                return iter([b"x"])

            def close(self):
                raise KeyError("close")

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            return Reply()

        (status, _, body), log = self.ask_app(app)
        self.assertEqual((status, body), ("HTTP/1.1 200 OK", b"x"))
        self.assertIn("closing a reply failed", log)

    def test_wsgi_errors(self):
        """wsgi.errors is the log."""
        with self.assertLogs("wikistd.server", logging.ERROR) as logs:
            WsgiErrorLog().writelines(["a line\n", "\n"])
            WsgiErrorLog().flush()
        self.assertEqual(logs.output, ["ERROR:wikistd.server:a line"])


class Limits(ServerCase):
    def test_too_many_connections(self):
        """Past max_connections the answer is 503."""
        server = self.serve(max_connections=1)
        post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        busy = self.connect(server)
        self.assertIn("100", ask(busy, post + b"Expect: 100-continue\r\n\r\n")[0])
        status, headers, _ = ask(self.connect(server), get("/"))
        self.assertEqual(status, "HTTP/1.1 503 Service Unavailable")
        self.assertEqual(headers["connection"], "close")
        self.assertEqual(server.connections, 2)

    def test_no_threads(self):
        """Where no thread can be started there is a sentence, and no socket stays open."""
        refuse = mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("no more"))
        made = []
        with mock.patch.object(socket, "socketpair", lambda pair=socket.socketpair: made.extend(pair()) or made):
            with refuse, self.assertRaises(OSError) as caught:
                serve_wsgi(echo)
        self.assertEqual(str(caught.exception), "a server needs threads: no more")
        self.assertEqual([each.fileno() for each in made], [-1, -1])
        server = self.serve()
        with refuse, self.assertLogs("wikistd.server", "WARNING"):
            status, _, _ = ask(self.connect(server), get("/"))
        self.assertEqual(status, "HTTP/1.1 503 Service Unavailable")
        self.assertEqual(ask(self.connect(server), get("/"))[0], "HTTP/1.1 200 OK")

    def test_cut_connections_are_waited_for(self):
        """close() waits for the thread of a connection that was cut to make room, too."""
        server = self.serve(max_connections=1)
        may_end, join, forget = threading.Event(), server._join_threads, server._forget
        ended = []

        def forget_late(sock):
            may_end.wait(5)
            forget(sock)
            ended.append(sock)

        def join_late(ends_at):
            may_end.set()
            join(ends_at)

        server._forget, server._join_threads = forget_late, join_late
        first = self.connect(server)
        self.assertEqual(ask(self.connect(server), get("/"))[2], b"GET /? 0")
        self.assertEqual(first.recv(1), b"")
        server.close()
        self.assertEqual(len(ended), 2)

    def test_silent_connections_make_room(self):
        """Connections without a request go first, those that never sent one before."""
        server = self.serve(max_connections=3)
        asked, silent, half = (self.connect(server) for _ in range(3))
        ask(asked, get("/"))
        half.sendall(b"GET / HTTP/1.1\r\n")
        crowd = [self.connect(server) for _ in range(20)]
        self.assertEqual(silent.makefile("rb").read(), b"")
        self.assertEqual(half.makefile("rb").read(), b"")
        self.assertEqual(ask(crowd[-1], get("/"))[2], b"GET /? 0")
        self.settle(server)
        self.assertEqual(ask(asked, get("/"))[2], b"GET /? 0")
        self.settle(server)
        newest = [self.connect(server) for _ in range(3)]
        self.assertEqual(crowd[-2].makefile("rb").read(), b"")
        self.assertEqual(ask(newest[-1], get("/"))[2], b"GET /? 0")
        self.settle(server)
        another = self.connect(server)
        self.assertEqual(crowd[-1].makefile("rb").read(), b"")
        self.assertEqual(ask(asked, get("/"))[2], b"GET /? 0")
        self.assertEqual(ask(another, get("/"))[2], b"GET /? 0")

    def test_slow_head(self):
        """A head that does not come in time is refused."""
        sock = self.connect(self.serve(head_timeout=0.05))
        sock.sendall(b"GET / HTTP/1.1\r\n")
        status, _, body = read_reply(sock.makefile("rb"))
        self.assertEqual(status, "HTTP/1.1 408 Request Timeout")

    def test_idle(self):
        """A connection on which nothing comes is closed without a word."""
        sock = self.connect(self.serve(idle_timeout=0.05))
        self.assertEqual(sock.makefile("rb").read(), b"")

    def test_slow_body(self):
        """Neither is a body waited for forever."""
        sock = self.connect(self.serve(body_timeout=0.05))
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        status, _, body = read_reply(sock.makefile("rb"))
        self.assertEqual(status, "HTTP/1.1 408 Request Timeout")
        self.assertEqual(body, b"the body did not come in time\n")

    def test_dripping_body(self):
        """Nor for one of which now and then a byte comes."""
        sock = self.connect(self.serve(body_timeout=0.1))
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n")
        sock.settimeout(0.01)
        for sent in range(400):
            try:
                status = sock.recv(12)
                break
            except socket.timeout:
                sock.sendall(b"x")
        self.assertEqual(status, b"HTTP/1.1 408")
        self.assertLess(sent, 100)

    def test_each_limit_is_handed_on(self):
        """The parser's limits are serve_wsgi's."""
        for name, data, status in (
            ("max_request_line_bytes", get("/" + "a" * 50), "414"),
            ("max_request_head_bytes", get("/", "X: " + "a" * 50), "431"),
            ("max_request_headers", get("/", *(["X: y"] * 50)), "431"),
            (
                "max_request_body_bytes",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 51\r\n\r\n",
                "413",
            ),
        ):
            server = self.serve(**{name: 40})
            self.assertEqual(ask(self.connect(server), data)[0][9:12], status, name)

    def test_a_large_unread_body_ends_the_connection(self):
        """Reading past megabytes costs more than a new connection."""
        sock = self.connect(self.serve())
        head = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n"
        self.assertEqual(ask(sock, head + b"x" * 300000)[2], b"POST /unread? 0")
        self.assertEqual(sock.makefile("rb").read(), b"")


class Endless:
    """An application that never stops; `closed` tells when it was told to."""

    def __init__(self):
        self.closed = threading.Event()
        self.started = threading.Event()
        self.tick = threading.Event()

    def __call__(self, environ, start_response):
        start_response("200 OK", TEXT)
        return self.reply()

    def reply(self):
        try:
            yield b"start"
            while True:
                self.started.set()
                self.tick.wait(0.01)
                yield b""
        finally:
            self.closed.set()


class Ends(ServerCase):
    def test_client_leaves(self):
        """An endless reply is closed when its client has left."""
        app = Endless()
        sock = self.connect(self.serve(app))
        sock.sendall(get("/"))
        self.assertTrue(app.started.wait(5))
        sock.close()
        self.assertTrue(app.closed.wait(5))

    def test_a_client_that_leaves_as_we_send(self):
        """The reply is closed at once, with reference counts or without."""
        closed = threading.Event()

        class Large:
            def __iter__(self):
                while True:
                    yield b"x" * 1000000

            def close(self):
                closed.set()

        def app(environ, start_response):
            start_response("200 OK", TEXT)
            return Large()

        sock = self.connect(self.serve(app))
        sock.sendall(get("/"))
        sock.recv(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        self.assertTrue(closed.wait(5))

    def test_a_connection_that_is_gone_before_it_is_taken(self):
        """The accepting thread waits nowhere but where close() wakes it."""
        server = self.serve()
        taken = threading.Event()

        class Stolen:
            def __init__(self, listener):
                self.accept_next, self.close = listener.accept, listener.close
                self.fileno = listener.fileno

            def accept(self):
                if not taken.is_set():
                    self.accept_next()[0].close()
                    taken.set()
                return self.accept_next()

        server._listener = Stolen(server._listener)
        self.connect(server)
        self.assertTrue(taken.wait(5))
        self.assertEqual(ask(self.connect(server), get("/"))[2], b"GET /? 0")
        taken.clear()
        self.connect(server)
        self.assertTrue(taken.wait(5))
        server.close()
        self.assertFalse(server._thread.is_alive())

    def test_an_on_close_that_fails(self):
        """It is told of in the log, and the server closes."""
        server = self.serve(on_close=lambda: 1 / 0)
        with self.assertLogs("wikistd.server", "ERROR") as logs:
            server.close()
        self.assertIn("on_close failed", logs.output[0])
        server.serve_forever()
        self.assertFalse(server._thread.is_alive())

    def test_close_wakes_everybody(self):
        """close() ends idle connections, running replies and the threads."""
        before = threading.enumerate()
        app = Endless()
        woken = []
        server = self.serve(app, on_close=lambda: woken.append(True))
        idle, busy = self.connect(server), self.connect(server)
        busy.sendall(get("/"))
        self.assertTrue(app.started.wait(5))
        started = time.monotonic()
        server.close()
        server.close()
        self.assertLess(time.monotonic() - started, 2)
        self.assertEqual(woken, [True])
        self.assertTrue(app.closed.is_set())
        self.assertEqual(idle.makefile("rb").read(), b"")
        self.assertEqual(server.open_connections, 0)
        self.assertTrue(server.is_closing)
        server.serve_forever()
        with self.assertRaises(OSError):
            socket.create_connection((server.host, server.port), timeout=1)
        names = [thread.name for thread in threading.enumerate() if thread not in before]
        self.assertFalse([name for name in names if name.startswith("wikistd-")], names)

    def test_a_thread_that_hangs_is_named(self):
        """close() waits for a limited time."""
        release, begun = threading.Event(), threading.Event()

        def app(environ, start_response):
            begun.set()
            release.wait(5)
            start_response("200 OK", TEXT)
            return [b""]

        server = self.serve(app)
        self.connect(server).sendall(get("/"))
        begun.wait(5)
        with self.assertLogs("wikistd.server", logging.WARNING) as logs:
            server.close(0.02)
        release.set()
        self.assertIn("wikistd-connection-1 did not end in time", logs.output[0])

    def test_drop_connections(self):
        """Connections can be cut while the server goes on."""
        server = self.serve()
        sock = self.connect(server)
        ask(sock, get("/"))
        self.assertEqual(server.drop_connections(), 1)
        self.assertEqual(sock.makefile("rb").read(), b"")
        self.assertEqual(ask(self.connect(server), get("/"))[2], b"GET /? 0")

    def test_client_leaves_in_the_middle(self):
        """Half a request is no error worth a word."""
        with serve_wsgi(echo) as server:
            for data in (
                b"GET / HT",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
            ):
                sock = self.connect(server)
                sock.sendall(data)
                sock.close()
            self.assertEqual(ask(self.connect(server), get("/"))[2], b"GET /? 0")


class Counts(ServerCase):
    def test_counts(self):
        """connections, requests and the tally by label."""
        server = self.serve(label=lambda environ: environ["PATH_INFO"][1:2])
        first, second = self.connect(server), self.connect(server)
        ask(first, get("/a"))
        ask(first, get("/a"))
        ask(second, get("/a"))
        ask(second, get("/b"))
        self.assertEqual((server.connections, server.requests), (2, 4))
        self.assertEqual(server.tally, {"a": (2, 3), "b": (1, 1)})
        self.assertRegex(
            repr(server),
            r"^<WsgiServer http://127\.0\.0\.1:\d+, 2 connections, 4 requests>$",
        )

    def test_all_addresses(self):
        """Who listens on all addresses is shown one that can be opened."""
        server = self.serve(host="0.0.0.0")
        self.assertEqual(server.url, "http://127.0.0.1:%d" % server.port)
        self.assertEqual(server.host, "0.0.0.0")

    def test_address_in_use(self):
        """A port that is taken is an OSError, and nothing stays open."""
        server = self.serve()
        with self.assertRaises(OSError) as caught:
            serve_wsgi(echo, port=server.port)
        self.assertEqual(caught.exception.errno, errno.EADDRINUSE)
        self.assertRegex(
            str(caught.exception), "^port %d of 127.0.0.1 is taken: " % server.port
        )
        for host in ("192.0.2.1", "no such address", "a..b", "::zz"):
            with self.assertRaisesRegex(OSError, "^%s is no address of " % host):
                serve_wsgi(echo, host)
        for port in (65536, -1, "80", None):
            said = "^port must be a number from 0 to 65535, not %r$" % (port,)
            with self.assertRaisesRegex(ValueError, said):
                serve_wsgi(echo, port=port)

    def test_ipv6(self):
        """An IPv6 address is served and written with brackets."""
        try:
            server = self.serve(host="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        self.assertTrue(server.url.startswith("http://[::1]:"))
        self.assertEqual(ask(self.connect(server), get("/"))[2], b"GET /? 0")


class LocalSockets(unittest.TestCase):
    def test_counts_and_hooks(self):
        """A connector counts connections and requests."""
        connect = local_connect(echo)
        sock = connect("wiki.test", 80, 5.0)
        ask(sock, get("/"))
        ask(connect("wiki.test", 80), get("/"))
        self.assertEqual((connect.connections, connect.requests), (2, 2))

    def test_nothing_was_asked(self):
        """Reading where a real server would be silent forever is a time-out."""
        sock = local_connect(echo)("here", 80)
        with self.assertRaises(socket.timeout):
            sock.makefile("rb").read(1)

    def test_time_limit(self):
        """A read may be bounded; what comes later can still be read."""
        sock = local_connect(Endless())("here", 80, 5.0)
        sock.sendall(get("/"))
        sock.settimeout(0.03)
        reader = sock.makefile("rb")
        while reader.readline() != b"\r\n":
            pass
        self.assertEqual(reader.read1(100), b"5\r\nstart\r\n")
        with self.assertRaises(socket.timeout):
            reader.read1(100)
        sock.close()
        self.assertEqual(reader.read(), b"")

    def test_closed(self):
        """A closed connection takes nothing, gives nothing and closes the reply."""
        app = Endless()
        sock = local_connect(app)("here", 80)
        sock.sendall(get("/"))
        reader = sock.makefile("rb")
        self.assertIn(b"200 OK", reader.readline())
        sock.close()
        sock.close()
        reader.read()
        self.assertTrue(app.closed.is_set())
        self.assertRaises(BrokenPipeError, sock.sendall, b"x")
        self.assertRaises(ValueError, sock.makefile, "wb")
        self.assertIsInstance(reader, io.BufferedReader)
