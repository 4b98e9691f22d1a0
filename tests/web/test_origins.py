"""web/origins.py: what a URL's origin is, and ending what went before."""

import io
import unittest
import urllib.request

from wikistd.web.origins import (
    Origin,
    absolute_url,
    drain_response,
    header_names,
    is_replayable,
    origin_of,
    remove_header,
    split_userinfo,
    without_userinfo,
)


class Origins(unittest.TestCase):
    def test_origins(self):
        """Scheme and host in lower case, the port always, nothing else."""
        for url, wanted in [
            ("http://A.Example", ("http", "a.example", 80)),
            ("HTTPS://a.example/x?y#z", ("https", "a.example", 443)),
            ("https://u:p@a.example:8443/", ("https", "a.example", 8443)),
            ("http://[::1]:81/", ("http", "::1", 81)),
            ("http://a.example./", ("http", "a.example", 80)),
            ("http://a.example:/", ("http", "a.example", 80)),
            ("ftp://a.example/", ("ftp", "a.example", 0)),
        ]:
            with self.subTest(url=url):
                self.assertEqual(tuple(origin_of(url)), wanted)

    def test_refused(self):
        """No host or a bad port is a ValueError without the password."""
        for url, shown in [
            ("http:///x", "http:///x"),
            ("http://u:canary@h:99999/", "(a malformed URL)"), ("http://h:x/", "(a malformed URL)"),
            ("http://u:can/ary@h/", "(a malformed URL)"),
        ]:
            with self.assertRaises(ValueError) as caught:
                origin_of(url)
            self.assertEqual(str(caught.exception), "%r has no host, or a bad port" % shown)
        for url in ("nonsense", "a.example/x", "localhost:80/x"):
            with self.assertRaises(ValueError) as caught:
                origin_of(url)
            sentence = "%r does not begin with http:// or https://" % url
            self.assertEqual(str(caught.exception), sentence)

    def test_text(self):
        """An origin as text is a URL."""
        for origin, wanted in [
            (Origin("http", "a", 80), "http://a"), (Origin("https", "a", 80), "https://a:80"),
            (Origin("https", "::1", 443), "https://[::1]"), (Origin("http", "::1", 8), "http://[::1]:8"),
        ]:
            self.assertEqual(str(origin), wanted)


class AbsoluteUrl(unittest.TestCase):
    def test_hosts(self):
        """A host, with or without a port, is asked by https; an address is one already."""
        for text, wanted in [
            ("a.example", "https://a.example"), ("localhost:3000/", "https://localhost:3000/"),
            ("http://a.example/x", "http://a.example/x"),
        ]:
            self.assertEqual(absolute_url(text), wanted)

    def test_mistyped(self):
        """No part of an address becomes a host to which the rest is told."""
        for text in ("http:/u:canary@a.example/", "http//u:canary@a.example", "u:canary@a.example", "http:/a/"):
            with self.assertRaises(ValueError) as caught:
                absolute_url(text)
            self.assertEqual(str(caught.exception), "an address begins with http:// or https://")


class Userinfo(unittest.TestCase):
    def test_split(self):
        """User name and password are taken out and decoded; the last @ counts."""
        for url, wanted in [
            ("http://a/", ("http://a/", None)),
            ("http://u@a/x", ("http://a/x", ("u", ""))),
            ("http://u%40x:p%3A:q@a:1/?y", ("http://a:1/?y", ("u@x", "p::q"))),
            ("http://good.example:@evil.example/", ("http://evil.example/", ("good.example", ""))),
            ("http://a@b@c/", ("http://c/", ("a@b", ""))),
        ]:
            with self.subTest(url=url):
                self.assertEqual(split_userinfo(url), wanted)

    def test_shown(self):
        """What is shown has no user, password, query or fragment."""
        self.assertEqual(without_userinfo("http://u:p@a:1/x?token=1#y"), "http://a:1/x")
        self.assertEqual(without_userinfo("http://[u:p@a/"), "(a malformed URL)")


class Requests(unittest.TestCase):
    def test_headers(self):
        """Headers are found and removed in any spelling."""
        request = urllib.request.Request("http://a/", headers={"X-Y": "1"})
        request.headers["x-y"] = "2"
        request.unredirected_hdrs["X-y"] = "3"
        self.assertEqual(sorted(header_names(request.headers, "x-y")), ["X-y", "x-y"])
        remove_header(request, "x-y")
        self.assertEqual((request.headers, request.unredirected_hdrs), ({}, {}))

    def test_replayable(self):
        """Bytes and nothing can be sent again; otherwise the request says so itself."""
        for data, wanted in [(None, True), (b"x", True), (io.BytesIO(b"x"), False)]:
            self.assertEqual(is_replayable(urllib.request.Request("http://a/", data)), wanted)
        request = urllib.request.Request("http://a/", b"x")
        request.replayable = False
        self.assertFalse(is_replayable(request))


class Draining(unittest.TestCase):
    def test_own_drain(self):
        """A response that can drain itself is asked to."""

        class Own:
            did = []

            def drain(self, limit):
                self.did.append(limit)

            def close(self):
                self.did.append("closed")

        drain_response(Own(), 7)
        self.assertEqual(Own.did, [7, "closed"])

    def test_broken(self):
        """A body that breaks off does not matter; the response is closed."""

        class Broken:
            fp = 1
            closed = False

            def read(self, size):
                raise OSError("reset")

            def close(self):
                self.closed = True

        response = Broken()
        drain_response(response)
        self.assertTrue(response.closed)

    def test_no_body(self):
        """A response without a body is only closed."""

        class Empty:
            fp = None
            closed = False

            def close(self):
                self.closed = True

        response = Empty()
        drain_response(response)
        self.assertTrue(response.closed)


if __name__ == "__main__":
    unittest.main()
