"""web/client.py, opener.py, callparts.py: what a call of HttpClient does."""

import http.cookiejar
import io
import logging
import os
import tempfile
import types
import sys
import unittest
import unittest.mock
import urllib.error
import urllib.request
import warnings

from tests.support.clients import make_client
from tests.support.scripted import CLOSE, ScriptedServer, chunked, reply
from wikistd import (
    ConnectFailed,
    ConnectionLost,
    CookieStore,
    Deadline,
    HttpClient,
    MultipartWriter,
    ProtocolError,
    StatusError,
    TransportTimeout,
    WebRequest,
)

OK = reply(b"ok")


class Calls(unittest.TestCase):
    def test_keeps_its_connection(self):
        """Two calls to one host use one connection."""
        with ScriptedServer(
            ["GET /a?x=1", reply(b'{"n": 1}'), "GET /b", chunked(b"tw", b"o")]
        ) as server, make_client() as client:
            first = client.get(server.url + "/a", params={"x": 1})
            self.assertEqual(first.json(), {"n": 1})
            self.assertEqual(client.get(server.url + "/b").content, b"two")
            self.assertEqual(client.counters.connections, 1)
            self.assertEqual(client.counters.requests, 2)
            self.assertIn("2 requests", repr(client))

    def test_returns_every_status(self):
        """A 404 is an answer; raise_for_status makes an error of it."""
        with ScriptedServer(
            ["GET /a", reply(b"no such page", "404 Not Found"),
             "GET /b", reply(b"", "304 Not Modified", length=False),
             "GET /c", reply(b"", "300 Multiple")]
        ) as server, make_client() as client:  # fmt: skip
            response = client.get(server.url + "/a")
            self.assertEqual(response.status, 404)
            self.assertEqual(response.text, "no such page")
            self.assertEqual(client.get(server.url + "/b").status, 304)
            self.assertEqual(client.get(server.url + "/c").status, 300)

    def test_multipart_writer(self):
        """A MultipartWriter is a body: its type, its length if known, its parts."""
        writer = MultipartWriter("mixed", "b0")
        writer.append(b"one")
        writer.append(MultipartWriter("related", "b1"))
        with ScriptedServer(["POST /", OK]) as server, make_client() as client:
            client.post(server.url + "/", data=writer)
            (sent,) = server.requests
        self.assertEqual(sent.get("Content-Type"), "multipart/mixed; boundary=b0")
        self.assertEqual(sent.get("Content-Length"), str(writer.content_length))
        self.assertEqual(sent.body, b"".join(writer.serialize()))

    def test_methods(self):
        """There is a method for each method."""
        verbs = ["get", "post", "put", "patch", "delete", "options", "head"]
        steps = []
        for verb in verbs:
            steps += ["%s /" % verb.upper(), reply(b"", "204 No", length=False)]
        with ScriptedServer(steps) as server, make_client() as client:
            for verb in verbs:
                self.assertEqual(getattr(client, verb)(server.url + "/").status, 204)

    def test_head_and_redirects(self):
        """HEAD follows redirects only when asked to, as requests has it."""
        moved = reply(b"", "302 Found", [("Location", "/b")])
        with ScriptedServer(
            ["HEAD /a", moved, "HEAD /a", moved, "HEAD /b", OK[:-2]]
        ) as server, make_client() as client:
            self.assertEqual(client.head(server.url + "/a").status, 302)
            response = client.head(server.url + "/a", allow_redirects=True)
            self.assertEqual(response.status, 200)
            self.assertEqual([r.status for r in response.history], [302])

    def test_headers(self):
        """Headers of the call beat the client's; None takes one away."""
        with ScriptedServer(["GET /", OK, "GET /", OK]) as server:
            with make_client(headers={"X-A": "1", "X-B": "2"}) as client:
                client.get(
                    server.url + "/",
                    headers={"X-A": "3", "User-Agent": "me", "X-B": None},
                )
                client.get(server.url + "/")
            first, second = server.requests
            self.assertEqual((first.get("X-A"), first.get("X-B")), ("3", None))
            self.assertEqual(second.get("X-B"), "2")
            self.assertEqual(first.get("User-Agent"), "me")
            self.assertEqual(second.get("X-A"), "1")
            self.assertEqual(second.get("Accept"), "*/*")

    def test_parameters(self):
        """params go into the query: mapping, pairs, text."""
        with ScriptedServer(
            ["GET /?a=1&b=x%7Cy", OK, "GET /?z&a=1&a=2", OK, "GET /?q=1&r", OK,
             "GET /?s", OK]
        ) as server, make_client() as client:  # fmt: skip
            url = server.url + "/"
            client.get(url, params={"a": 1, "b": "x|y"})
            client.get(url + "?z", params=[("a", "1"), ("a", "2")])
            client.get(url + "?q=1#f", params="r")
            client.get(url, params=b"s")

    def test_data(self):
        """data is a form when it is a mapping or pairs, else it goes as it is."""
        kind = "application/x-www-form-urlencoded"
        with ScriptedServer(["POST /", OK] * 4) as server, make_client() as client:
            url = server.url + "/"
            client.post(url, {"a": "é"})
            client.post(url, [("a", "1"), ("a", "2")])
            client.post(url, b"raw", headers={"Content-Type": "text/x"})
            client.post(url, json={"a": "é"})
            seen = [(r.get("Content-Type"), r.body) for r in server.requests]
            self.assertEqual(
                seen,
                [
                    (kind, b"a=%C3%A9"),
                    (kind, b"a=1&a=2"),
                    ("text/x", b"raw"),
                    ("application/json", '{"a":"é"}'.encode()),
                ],
            )

    def test_files(self):
        """files make a multipart form, with data as its fields."""
        with ScriptedServer(["POST /", OK] * 3) as server, make_client() as client:
            url = server.url + "/"
            file = io.BytesIO(b"content")
            file.name = "/tmp/x.txt"
            client.post(url, {"a": ["1", "2"]}, files={"f": file})
            client.post(url, files=[("f", ("n.bin", b"data", "image/png"))])
            client.post(url, files={"f": "text"})
            one, two, three = server.requests
            self.assertIn("multipart/form-data; boundary=", one.get("Content-Type"))
            self.assertEqual(one.get("Content-Length"), str(len(one.body)))
            self.assertEqual(one.body.count(b'name="a"'), 2)
            self.assertIn(b'name="f"; filename="x.txt"', one.body)
            self.assertIn(b"content", one.body)
            self.assertIn(b'filename="n.bin"', two.body)
            self.assertIn(b"image/png", two.body)
            self.assertIn(b'filename="f"', three.body)
            for wrong in [
                {"data": b"x", "files": {"f": b"y"}},
                {"json": 1, "files": {"f": b"y"}},
                {"json": 1, "data": b"x"},
            ]:
                with self.assertRaises(TypeError):
                    client.request("POST", url, **wrong)

    def test_unknown_arguments(self):
        """A wrong name is a TypeError."""
        with self.assertRaises(TypeError):
            HttpClient(time_out=3)
        with make_client() as client, self.assertRaises(TypeError):
            client.get("http://a/", time_out=3)

    def test_cookies_and_credentials(self):
        """cookies= and auth= of a call and of a client."""
        with ScriptedServer(
            ["GET /", reply(b"", headers=[("Set-Cookie", "s=1")]), "GET /", OK]
        ) as server:
            with make_client(cookies={"c": "2"}) as client:
                client.get(server.url + "/", cookies={"d": "3"}, auth=lambda r: r)
                client.get(server.url + "/")
                self.assertIsInstance(client.cookies, CookieStore)
                self.assertEqual(len(client.cookies), 1)
            self.assertEqual(server.requests[0].get("Cookie"), "c=2; d=3")
            self.assertEqual(server.requests[1].get("Cookie"), "c=2; s=1")
        jar = http.cookiejar.CookieJar()
        with make_client(cookies=jar) as client:
            self.assertIs(client.cookies, jar)

    def test_closed(self):
        """A closed client says so."""
        client = make_client()
        client.close()
        client.close()
        with self.assertRaisesRegex(ValueError, "the client is closed"):
            client.get("http://127.0.0.1:9/")

    def test_timeouts(self):
        """The client's own timeout holds, if the call says nothing."""
        with ScriptedServer(["GET /"], ["GET /"]) as server:
            with make_client(timeout=0.1) as client:
                for call in [client.get, client.open]:
                    with self.assertRaises(TransportTimeout):
                        call(server.url + "/")
        with make_client(timeout=None) as client:
            request = WebRequest("http://a/")
            client._set_timeout(request, client.timeout)
            self.assertIsNone(request.deadline.remaining())


class Opening(unittest.TestCase):
    def test_kinds(self):
        """open takes a URL, a request of urllib's, or one of ours."""
        stock = urllib.request.Request("http://x/", headers={"X-A": "1"})
        with ScriptedServer(
            ["GET /", OK, "POST /", OK, "GET /s", OK, "POST /o", OK]
        ) as server, make_client(headers={"X-C": "2"}) as client:
            self.assertEqual(client.open(server.url + "/").text, "ok")
            self.assertEqual(client.open(server.url + "/", b"data").text, "ok")
            stock.full_url = server.url + "/s"
            self.assertEqual(client.open(stock, timeout=5).text, "ok")
            ours = WebRequest(server.url + "/o", stream=True)
            with client.open(ours, b"more") as response:
                self.assertEqual(response.readany(), b"ok")
            self.assertEqual(server.requests[2].get("X-A"), "1")
            self.assertEqual(server.requests[2].get("X-C"), "2")
            self.assertEqual(server.requests[3].body, b"more")

    def test_install_opener(self):
        """The opener can be installed for urlopen; it then speaks for the client."""
        before = urllib.request._opener
        with ScriptedServer(
            ["GET /", OK, "GET /", reply(b"no", "404 No")]
        ) as server, make_client() as client:
            urllib.request.install_opener(client.opener)
            try:
                with urllib.request.urlopen(server.url + "/", timeout=5) as response:
                    self.assertEqual(response.read(), b"ok")
                with urllib.request.urlopen(server.url + "/") as response:
                    self.assertEqual(response.status, 404)
            finally:
                urllib.request.install_opener(before)
            self.assertEqual(client.counters.connections, 1)

    def test_install_client(self):
        """So can the client itself: urlopen's default of no timeout is the client's."""
        before = urllib.request._opener
        with ScriptedServer(["GET /", OK]) as server, make_client(timeout=5) as client:
            urllib.request.install_opener(client)
            try:
                with urllib.request.urlopen(server.url + "/") as response:
                    self.assertEqual(response.read(), b"ok")
            finally:
                urllib.request.install_opener(before)

    def test_settled(self):
        """Attributes that a requests.Session has are refused, not without effect."""
        with make_client(auth=("u", "p")) as client:
            for name in ("auth", "proxies", "verify", "cert", "hooks"):
                with self.assertRaisesRegex(AttributeError, "no effect on a client that"):
                    setattr(client, name, {})
            self.assertTrue(client.auth)
            client.timeout = 5

    def test_handlers(self):
        """Handlers of the caller's take part; errors of foreign ones become ours."""

        class Memory(urllib.request.BaseHandler):
            def mem_open(self, request):
                raise AssertionError("only http and https are asked for")

            def http_open(self, request):
                raise self.error

            handler_order = 100

        memory = Memory()
        with make_client(handlers=[memory]) as client:
            for error, kind, text in [
                (urllib.error.URLError("no way"), ConnectFailed,
                 "http://a/b could not be opened: no way"),
                (urllib.error.URLError(ConnectionResetError(104, "reset")),
                 ConnectFailed, "cannot connect to a: reset"),
                (urllib.error.URLError(KeyError("x")), ConnectFailed,
                 "could not be opened"),
                (TimeoutError(), TransportTimeout, "a did not answer in time"),
                (ConnectionResetError(104, "reset"), ConnectionLost, "was lost: reset"),
                (http.client.BadStatusLine("x"), ProtocolError, "broke HTTP"),
            ]:  # fmt: skip
                memory.error = error
                with self.assertRaises(kind) as caught:
                    client.get("http://a/b?secret")
                self.assertIn(text, str(caught.exception))
                self.assertNotIn("secret", str(caught.exception))
            memory.error = KeyError("a bug")
            with self.assertRaises(KeyError):
                client.get("http://a/")

    def test_only_http(self):
        """file: and ftp: are refused."""
        with make_client() as client:
            for url in ["file:///etc/passwd", "ftp://a/", "data:,x", "local_file:x"]:
                with self.assertRaises(ValueError):
                    client.open(url)
                with self.assertRaises(ValueError):
                    client.open(urllib.request.Request(url))

    def test_user_agent(self):
        """A User-Agent that does not tell who asks is warned of, once, off this machine."""

        def refuse(*call):
            raise ConnectionRefusedError(111, "refused")

        for host, wanted in [("wiki.test", 1), ("127.0.0.1", 0), ("localhost", 0)]:
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                with HttpClient(connect=refuse, proxies={}) as client:
                    for _ in range(2):
                        with self.assertRaises(ConnectFailed):
                            client.get("http://%s/" % host)
            self.assertEqual(len(seen), wanted, host)
        with self.assertRaises(ValueError):
            HttpClient(user_agent="a\r\nb")

    def test_log(self):
        """One line for each exchange, without the query, if somebody listens."""
        with ScriptedServer(["GET /a?secret", OK, "GET /", OK]) as server:
            with make_client() as client:
                with self.assertLogs("wikistd.web", logging.DEBUG) as logs:
                    client.get(server.url + "/a?secret")
                client.get(server.url + "/")
        self.assertEqual(len(logs.output), 1)
        self.assertIn("GET %s/a: 200 in" % server.url, logs.output[0])

    def test_log_while_logging_is_being_imported(self):
        """Another thread in the middle of `import logging` harms no request."""
        half = {"logging": types.ModuleType("logging")}
        with ScriptedServer(["GET /", OK]) as server, make_client() as client:
            with unittest.mock.patch.dict(sys.modules, half):
                self.assertEqual(client.get(server.url + "/").status, 200)


class Downloads(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "file.bin")

    def test_file(self):
        """The file is there when all of it has come; progress is told."""
        data = bytes(range(256)) * 4000
        seen = []
        with ScriptedServer(["GET /", reply(data)]) as server, make_client() as client:
            response = client.download(
                server.url + "/", self.path, on_progress=lambda *now: seen.append(now)
            )
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(os.listdir(self.folder), ["file.bin"])
        self.assertEqual(seen[-1], (len(data), len(data)))
        self.assertTrue(response.closed)
        self.assertEqual(response.total_bytes, len(data))

    def test_into_an_open_file(self):
        """An open file is written to; the size may be unknown."""
        target = io.BytesIO()
        seen = []
        with ScriptedServer(["GET /", chunked(b"a", b"b")]) as server:
            with make_client() as client:
                client.download(
                    server.url + "/",
                    target,
                    on_progress=lambda *now: seen.append(now),
                    timeout=Deadline(5),
                )
        self.assertEqual(target.getvalue(), b"ab")
        self.assertEqual(seen[-1], (2, None))

    def test_no_part_is_left(self):
        """A download that breaks off leaves the old file, and nothing else."""
        with open(self.path, "wb") as file:
            file.write(b"old")
        with ScriptedServer(
            ["GET /", reply(b"x" * 10)[:-5], CLOSE], ["GET /", reply(b"no", "404 No")]
        ) as server, make_client() as client:
            with self.assertRaises(ConnectionLost):
                client.download(server.url + "/", self.path)
            with self.assertRaises(StatusError):
                client.download(server.url + "/", self.path)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), b"old")
        self.assertEqual(os.listdir(self.folder), ["file.bin"])

    def test_nowhere(self):
        """A target that cannot be is the caller's mistake: nothing is fetched."""
        with make_client() as client:
            with self.assertRaisesRegex(FileNotFoundError, "there is no folder /nowhere"):
                client.download("http://127.0.0.1:9/", "/nowhere/file")
            with self.assertRaisesRegex(IsADirectoryError, "is a folder: name a file"):
                client.download("http://127.0.0.1:9/", os.path.dirname(self.path))
            self.assertEqual(client.counters.requests, 0)


if __name__ == "__main__":
    unittest.main()
