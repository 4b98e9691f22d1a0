"""web/request.py: URLs, and what rides along with a request."""

import io
import unittest
import urllib.request

from wikistd import Deadline, WebRequest
from wikistd.web.request import check_method, check_url, header_pairs


class Urls(unittest.TestCase):
    def test_left_alone(self):
        """A proper URL is not touched, its escapes neither."""
        for url in [
            "http://example.org",
            "https://example.org:8443/a/b?c=d&e=%7e#f",
            "http://127.0.0.1/%zz",
            "http://[::1]:80/x",
            "http://[fe80::1%25eth0]/",
            "http://user:pa%20ss@example.org/",
            "http://a:65535/",
        ]:
            self.assertEqual(check_url(url), url)

    def test_encoded(self):
        """Text beyond ASCII is percent-encoded, hosts by IDNA, schemes in lower case."""
        for url, want in [
            ("http://a/é?ü=ß#ö", "http://a/%C3%A9?%C3%BC=%C3%9F#%C3%B6"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("HTTP://A/", "http://A/"),
            ("http://a?é", "http://a?%C3%A9"),
        ]:
            self.assertEqual(check_url(url), want)

    def test_refused(self):
        """What cannot be sent, or hides its host, is a ValueError with the reason."""
        for url, text in [
            ("http://a/b c", "character 0x20 at position 10"),
            ("http://a/\n", "character 0x0a"),
            (" http://a/", "character 0x20 at position 0"),
            ("http://a/\x7f", "character 0x7f"),
            ("ftp://a/", "'ftp://' does not begin with http"),
            ("file:///etc/passwd", "'file://' does not begin with http"),
            ("example.org/?token=1", "'example.org/' does not begin with http"),
            ("http://", "host '' of the URL is malformed"),
            ("http://[v1.x]/", "malformed"),
            ("http://[x]y/", "malformed"),
            ("http://a\\@b/", "percent-encode it"),
            ("http://a%2fb/", "malformed"),
            ("http://a:0/", "port '0' of the URL is not 1 to 65535"),
            ("http://a:99999/", "port '99999'"),
            ("http://a:x/", "port (not shown: maybe a password) of"),
            ("http://a:\u00b2/", "port (not shown: maybe a password) of"),
            ("http://é:p@b/", "percent-encode it"),
            ("http://" + "a" * 254 + "/", "host name of 254 characters"),
            ("http://" + "é" * 254 + "/", "host name of 254 characters"),
            ("http://" + "é." * 100 + "org/", "host name of 803 characters"),
            ("http://" + "é" * 200 + "/", "cannot be written in ASCII"),
            ("http://a\uff0fb/", "malformed"),
            ("http://a\u2100b/", "malformed"),
        ]:  # fmt: skip
            with self.assertRaises(ValueError, msg=url) as caught:
                check_url(url)
            self.assertIn(text, str(caught.exception))
        with self.assertRaises(TypeError):
            check_url(b"http://a/")
        with self.assertRaises(TypeError):
            WebRequest(None)

    def test_speed(self):
        """A megabyte of anything is looked at in one pass."""
        for char in "%@?#[:/é":
            try:
                check_url("http://a/" + char * 1_000_000)
                check_url("http://" + char * 1_000_000)
            except ValueError:
                pass

    def test_methods(self):
        """Methods are tokens."""
        self.assertEqual(check_method("PROPFIND"), "PROPFIND")
        for bad in ["", "GE T", "GET\r\n", "é", 3]:
            with self.assertRaisesRegex(ValueError, "is not a token such as GET"):
                check_method(bad)


class Requests(unittest.TestCase):
    def both(self, url):
        """Return ours and urllib's request for a URL."""
        return WebRequest(url), urllib.request.Request(url)

    def test_like_urllib(self):
        """Whatever handlers read is what urllib's own request has."""
        for url in [
            "http://Example.org",
            "http://example.org:81/a?b",
            "https://u:p@example.org/a#b",
            "http://[::1]:80/x",
            "http://example.org?x",
        ]:
            ours, stock = self.both(url)
            for name in ["full_url", "type", "host", "selector", "fragment", "data",
                         "unverifiable", "origin_req_host", "headers"]:  # fmt: skip
                self.assertEqual(
                    getattr(ours, name), getattr(stock, name), (url, name)
                )
            self.assertEqual(ours.get_method(), "GET")
            self.assertFalse(ours.has_proxy())
            self.assertEqual(ours.get_full_url(), stock.get_full_url())

    def test_header_names(self):
        """Names are kept as given, and found as urllib spells them."""
        request = WebRequest("http://a/", headers={"X-CSRF-Token": "1", "Etag": None})
        request.add_unredirected_header("WWW-x", "2")
        self.assertEqual(request.get_header("X-csrf-token"), "1")
        self.assertEqual(request.header_names["X-csrf-token"], "X-CSRF-Token")
        self.assertEqual(request.header_names["Www-x"], "WWW-x")
        self.assertFalse(request.has_header("Etag"))

    def test_header_inputs(self):
        """Headers come as mapping or pairs; bytes are latin-1, numbers are written out."""
        self.assertEqual(header_pairs(None), [])
        self.assertEqual(
            header_pairs([("A", b"\xe9"), ("B", 3), ("C", None)]),
            [("A", "é"), ("B", "3")],
        )

    def test_body(self):
        """The body is made once; replayable says whether it can be sent again."""
        request = WebRequest("http://a/", io.BytesIO(b"abc"), method="PUT")
        self.assertIs(request.body, request.body)
        self.assertTrue(request.replayable)
        self.assertFalse(WebRequest("http://a/", iter([b"a"])).replayable)
        self.assertTrue(WebRequest("http://a/").replayable)
        self.assertIsNone(WebRequest("http://a/").body)
        self.assertEqual(WebRequest("http://a/", b"").get_method(), "POST")

    def test_redirected(self):
        """The request that follows has the same limits, and the same body."""
        request = WebRequest(
            "http://a/",
            b"abc",
            {"X-CSRF-Token": "1"},
            method="PUT",
            deadline=Deadline(5),
            idle_timeout=3.0,
            stream=True,
        )
        request.may_repeat = True
        body = request.body
        new = request.redirected_to("http://b/", "PUT", b"abc", request.headers)
        self.assertEqual(b"".join(new.body.pieces()), b"".join(body.pieces()))
        self.assertEqual(new.header_names, request.header_names)
        for name in ["deadline", "idle_timeout", "stream", "may_repeat"]:
            self.assertEqual(getattr(new, name), getattr(request, name))
        self.assertTrue(new.unverifiable)
        self.assertEqual(new.origin_req_host, "a")
        request.cancel()
        self.assertTrue(new.cancelled)

    def test_cancel(self):
        """What is held is aborted, also if it comes later."""

        class Held:
            aborted = False

            def abort(self):
                self.aborted = True

        first, second = Held(), Held()
        request = WebRequest("http://a/")
        request.hold(first)
        request.abort()
        self.assertTrue(first.aborted)
        request.hold(None)
        request.hold(second)
        self.assertTrue(second.aborted)

    def test_repr(self):
        """One line without credentials and query."""
        request = WebRequest("http://u:secret@a/b?token=secret")
        self.assertEqual(repr(request), "<WebRequest GET http://a/b>")


if __name__ == "__main__":
    unittest.main()
