"""web/opener.py: its handlers alone in a plain opener, and what the client refuses."""

import io
import unittest
import urllib.error
import urllib.request

from wikistd import HttpClient
from wikistd.errors import StatusError
from wikistd.web.opener import AnswersHandler, HeadersHandler

from .openers import ScriptedNetwork, answer, scripted_opener


class Alone(unittest.TestCase):
    def test_headers(self):
        """HeadersHandler gives a plain opener's requests a name, unless they have one."""
        opener, network = scripted_opener([HeadersHandler("Bot/1.0")], *[answer()] * 2)
        opener.open("http://a.example/").close()
        named = urllib.request.Request("http://a.example/", headers={"User-Agent": "x"})
        opener.open(named).close()
        sent = [(s.headers["user-agent"], s.headers["accept"]) for s in network.seen]
        self.assertEqual(sent, [("Bot/1.0", "*/*"), ("x", "*/*")])

    def test_answers(self):
        """AnswersHandler takes the place of urllib's HTTPErrorProcessor."""
        moved = answer(302, [("Location", "/next")])
        network = ScriptedNetwork(moved, answer(204), answer(404))
        opener = urllib.request.OpenerDirector()
        for handler in (network, AnswersHandler(), urllib.request.HTTPRedirectHandler()):
            opener.add_handler(handler)
        with opener.open("http://a.example/") as response:
            self.assertEqual((response.code, len(network.seen)), (204, 2))
        with opener.open("http://a.example/") as response:
            self.assertEqual(response.code, 404)
        opener, _ = scripted_opener([AnswersHandler()], answer(404))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open("http://a.example/")
        caught.exception.close()


class Added(unittest.TestCase):
    def client(self, *handlers):
        def transport(method, url, headers, body, timeout):
            return int(url[-3:]), [], b"told"

        client = HttpClient(user_agent="tests/1.0", transport=transport, handlers=handlers)
        self.addCleanup(client.close)
        return client

    def test_errors(self):
        """Answers go to the handlers of their status, then to those of all, in order."""
        calls = []

        class Late(urllib.request.BaseHandler):
            def http_error_404(self, req, fp, code, msg, headers):
                calls.append(("late", code))

            def http_error_default(self, req, fp, code, msg, headers):
                calls.append(("default", code, msg))
                return fp

        class Early(urllib.request.BaseHandler):
            handler_order = 10

            def http_error_404(self, req, fp, code, msg, headers):
                calls.append(("early", code))

        client = self.client(Late(), Early())
        self.assertEqual(client.get("http://a.example/404").text, "told")
        self.assertEqual(calls[:2], [("early", 404), ("late", 404)])
        self.assertEqual(client.get("http://a.example/503").status, 503)
        self.assertEqual([call[:2] for call in calls[2:]], [("default", 404), ("default", 503)])

    def test_stock(self):
        """urllib's own error handler raises, as it does elsewhere; others are open."""
        client = self.client(urllib.request.HTTPDefaultErrorHandler())
        with self.assertRaisesRegex(StatusError, "404"):
            client.get("http://a.example/404")
        self.assertEqual(client.get("http://a.example/200").text, "told")

    def test_stock_closes(self):
        """The answer behind urllib's error is closed: nobody else could close it."""
        body = io.BytesIO(b"told")

        def transport(*args):
            return 404, [], body

        stock = [urllib.request.HTTPDefaultErrorHandler()]
        with HttpClient(
            user_agent="tests/1.0", transport=transport, handlers=stock
        ) as client:
            with self.assertRaises(StatusError) as caught:
                client.get("http://a.example/?secret")
        self.assertTrue(body.closed)
        self.assertEqual(caught.exception.__cause__.code, 404)
        self.assertEqual(str(caught.exception), "http://a.example/ answered 404 Not Found")
        self.assertEqual((caught.exception.status, caught.exception.body), (404, b"told"))

    def test_foreign_status(self):
        """An HTTPError without an answer of ours is a StatusError too."""

        class Refusing(urllib.request.BaseHandler):
            def http_error_404(self, req, fp, code, msg, headers):
                fp.close()
                raise urllib.error.HTTPError(req.full_url, 410, "Gone", given, None)

        for given in (None, {"X": "y"}):
            with self.assertRaises(StatusError) as caught:
                self.client(Refusing()).get("http://a.example/404")
            self.assertEqual(
                str(caught.exception), "http://a.example/404 answered 410 Gone"
            )
            self.assertEqual(caught.exception.headers, list((given or {}).items()))

    def test_no_handler(self):
        """What is no handler is refused."""
        with self.assertRaisesRegex(TypeError, "expected a BaseHandler, got str"):
            self.client("handler")


class Arguments(unittest.TestCase):
    def test_unknown(self):
        """What a client or a call does not know is a TypeError, never ignored."""
        with self.assertRaisesRegex(TypeError, "verify"):
            HttpClient(verify=False)
        with HttpClient(user_agent="tests/1.0", transport=print) as client:
            for call in (
                lambda: client.get("http://a.example/", tiemout=3),
                lambda: client.post("http://a.example/", b"", proxies={}),
                lambda: client.download("http://a.example/", "x", retries=3),
                lambda: client.request("GET", "http://a.example/", timeout="3"),
            ):
                with self.assertRaises(TypeError):
                    call()

    def test_ip_family(self):
        """ip_family=4 or 6 is what the resolver is asked for."""
        import socket

        for given, wanted in ((4, socket.AF_INET), (6, socket.AF_INET6), (0, 0)):
            with HttpClient(user_agent="tests/1.0", ip_family=given) as client:
                self.assertEqual(client.keepalive.dialer.ip_family, wanted)


if __name__ == "__main__":
    unittest.main()
