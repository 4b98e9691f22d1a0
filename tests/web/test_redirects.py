"""web/redirects.py: who may follow where, with which method and which headers."""

import unittest
import urllib.error
import urllib.request

from wikistd.errors import StatusError, TooManyRedirects
from wikistd.web.redirects import RedirectHandler, redirect_method, redirect_target

from .openers import answer, scripted_opener


def moved(location, status=302, body=b""):
    return answer(status, [("Location", location)], body)


def follow(request, *script, **how):
    """Return the body of the last answer, and the requests that led to it."""
    opener, network = scripted_opener([RedirectHandler(**how)], *script)
    with opener.open(request) as response:
        return response.read(), network.seen


class Method(unittest.TestCase):
    def test_table(self):
        """301 and 302 turn POST into GET, 303 everything but HEAD; all else stays."""
        for status, method, wanted in [
            (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"),
            (307, "POST", "POST"), (308, "POST", "POST"),
            (301, "PUT", "PUT"), (302, "DELETE", "DELETE"), (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"), (303, "GET", "GET"), (301, "HEAD", "HEAD"),
            (308, "PATCH", "PATCH"), (303, "OPTIONS", "GET"),
        ]:
            with self.subTest(status=status, method=method):
                self.assertEqual(redirect_method(method, status), wanted)

    def test_body_goes_along(self):
        """307 and 308 send the body again, with its type, on every Python."""
        for status in (307, 308):
            request = urllib.request.Request(
                "http://a.example/", data=b"{}", headers={"Content-Type": "application/json"}
            )
            _, seen = follow(request, moved("/b", status), answer())
            self.assertEqual(
                [(s.method, s.body, s.headers["content-type"]) for s in seen],
                [("POST", b"{}", "application/json")] * 2,
            )

    def test_guessed_type_goes_along(self):
        """The content type that urllib guessed is not lost."""
        _, seen = follow(
            urllib.request.Request("http://a.example/", data=b"a=b"),
            moved("/b", 307), answer(),
        )
        self.assertEqual(seen[1].headers["content-type"], "application/x-www-form-urlencoded")

    def test_unredirected_type_goes_along(self):
        """A body's type goes with the body, however it was given, and not without it."""
        for status, wanted in [(307, "application/json"), (303, None)]:
            request = urllib.request.Request("http://a.example/", data=b"{}")
            request.add_unredirected_header("Content-Type", "application/json")
            _, seen = follow(request, moved("/b", status), answer())
            self.assertEqual(seen[1].headers.get("content-type"), wanted)
        request = urllib.request.Request(
            "http://a.example/", data=b"{}", headers={"CONTENT-TYPE": "text/x"})
        request.add_unredirected_header("Content-type", "other")
        _, seen = follow(request, moved("/b", 307), answer())
        self.assertEqual(seen[1].request.headers, {"Content-type": "text/x"})

    def test_https_to_http_without_a_body(self):
        """A GET is followed from https to http; what is secret stays behind anyway."""
        _, seen = follow("https://a.example/", moved("http://a.example/b"), answer())
        self.assertEqual(seen[1].url, "http://a.example/b")
        _, seen = follow(
            urllib.request.Request("https://a.example/", data=b"x"),
            moved("http://a.example/b", 303), answer(),
        )
        self.assertEqual((seen[1].url, seen[1].body), ("http://a.example/b", None))

    def test_body_is_dropped(self):
        """A POST that became a GET has no body and no header about one."""
        request = urllib.request.Request(
            "http://a.example/", data=b"a=b",
            headers={"Content-Type": "x/y", "Content-Encoding": "gzip",
                     "Transfer-Encoding": "chunked", "X-Mine": "1"},
        )
        _, seen = follow(request, moved("/b", 303), answer())
        self.assertEqual((seen[1].method, seen[1].body), ("GET", None))
        self.assertEqual(seen[1].headers["x-mine"], "1")
        for name in seen[1].headers:
            self.assertNotIn("content", name)
            self.assertNotEqual(name, "transfer-encoding")

    def test_body_that_cannot_be_sent_again(self):
        """An iterator's body is not sent half: the error says what to do."""
        request = urllib.request.Request(
            "http://a.example/", data=iter([b"x"]), headers={"Content-Length": "1"}
        )
        with self.assertRaises(StatusError) as caught:
            follow(request, moved("/b", 307))
        self.assertEqual(
            str(caught.exception),
            "redirect 307 of http://a.example/ was not followed: the body of the POST came "
            "from an iterator or pipe and cannot be sent again: send bytes or a file, or ask "
            "http://a.example/b directly",
        )
        self.assertEqual(caught.exception.status, 307)

    def test_body_stays_off_unprotected_http(self):
        """A body is not carried from https to http."""
        request = urllib.request.Request("https://a.example/?q=1", data=b"password=x")
        with self.assertRaises(StatusError) as caught:
            follow(request, moved("http://a.example/b", 307))
        self.assertEqual(
            str(caught.exception),
            "redirect 307 of https://a.example/ was not followed: it would carry the body of "
            "a POST from https to unprotected http at http://a.example/b",
        )


class Target(unittest.TestCase):
    def test_targets(self):
        """Location is relative, dirty or lacks a fragment: all of that is understood."""
        for location, wanted in [
            ("/b", "http://a.example/b#f"),
            ("b", "http://a.example/x/b#f"),
            ("?q=1", "http://a.example/x/y?q=1#f"),
            ("//other.example", "http://other.example/#f"),
            ("http://other.example:8080/p#g", "http://other.example:8080/p#g"),
            ("/a b", "http://a.example/a%20b#f"),
            ("/\xc3\xa9", "http://a.example/%C3%A9#f"),
            ("/%C3%A9%2F", "http://a.example/%C3%A9%2F#f"),
            ("/\u2603", "http://a.example/%E2%98%83#f"),
            ("https://user:password@a.example/z", "https://a.example/z#f"),
            (" /padded\t", "http://a.example/padded#f"),
        ]:
            with self.subTest(location=location):
                self.assertEqual(redirect_target("http://a.example/x/y#f", location), wanted)

    def test_refused(self):
        """Anything but http and https, a control, or a missing host is refused."""
        for location, why in [
            ("file:///etc/passwd", "its Location is a 'file' URL, and only http and https are followed"),
            ("ftp://a.example/", "its Location is a 'ftp' URL, and only http and https are followed"),
            ("javascript:alert(1)", "its Location is a 'javascript' URL, and only http and https are followed"),
            ("data:text/html,x", "its Location is a 'data' URL, and only http and https are followed"),
            ("/a\rb", "its Location holds a control character"),
            ("/a\x7fb", "its Location holds a control character"),
            ("/a\x1fb", "its Location holds a control character"),
            ("https://", "'https://' has no host, or a bad port"),
            ("http://a.example:70000/", "'(a malformed URL)' has no host, or a bad port"),
        ]:
            with self.subTest(location=location):
                with self.assertRaises(ValueError) as caught:
                    redirect_target("http://a.example/", location)
                self.assertEqual(str(caught.exception), why)

    def test_no_scheme(self):
        """urllib's "local_file:" is no scheme to anybody: a path of the same host."""
        target = redirect_target("http://a.example/", "local_file:///etc/passwd")
        self.assertTrue(target.startswith("http://a.example/local_file:"))

    def test_error_says_why(self):
        """A refused redirect is a StatusError with status, url and headers."""
        with self.assertRaises(StatusError) as caught:
            follow("http://a.example/", moved("file:///etc/passwd"))
        self.assertEqual(
            str(caught.exception),
            "redirect 302 of http://a.example/ was not followed: its Location is a 'file' "
            "URL, and only http and https are followed",
        )
        self.assertEqual(caught.exception.headers, [("Location", "file:///etc/passwd")])


class Chain(unittest.TestCase):
    def test_history(self):
        """The request that ends a chain knows the responses that led to it."""
        opener, network = scripted_opener(
            [RedirectHandler()], moved("/b", body=b"one"), moved("/c", 301), answer(body=b"end")
        )
        with opener.open("http://a.example/") as response:
            self.assertEqual(response.read(), b"end")
        last = network.seen[-1].request
        self.assertEqual([r.code for r in last.history], [302, 301])
        self.assertTrue(all(r.closed for r in last.history))

    def test_limit(self):
        """Past `max_redirects` it is TooManyRedirects, which names the limit."""
        script = [moved("/%d" % i) for i in range(3)]
        with self.assertRaises(TooManyRedirects) as caught:
            follow("http://a.example/", *script, max_redirects=2)
        self.assertEqual(
            str(caught.exception),
            "more than max_redirects=2 redirects: the next would be to http://a.example/2",
        )
        self.assertEqual(caught.exception.url, "http://a.example/1")

    def test_limit_of_the_request(self):
        """A request's own limit comes first; zero means none at all."""
        request = urllib.request.Request("http://a.example/")
        request.max_redirects = 0
        with self.assertRaises(TooManyRedirects):
            follow(request, moved("/b"))

    def test_circle(self):
        """A circle ends before the limit; a place may be asked for again a few times."""
        opener, network = scripted_opener([RedirectHandler()], *[moved("http://a.example/")] * 3)
        with self.assertRaises(TooManyRedirects) as caught:
            opener.open("http://a.example/")
        self.assertEqual(len(network.seen), 3)
        self.assertEqual(
            str(caught.exception),
            "redirects go in a circle: http://a.example/ was asked for 3 times",
        )

    def test_back_to_the_same_place_once(self):
        """A site that sets a cookie and redirects to itself works."""
        body, seen = follow("http://a.example/", moved("/"), answer(body=b"in"))
        self.assertEqual((body, len(seen)), (b"in", 2))

    def test_not_wanted(self):
        """With `allow_redirects` off, and without a Location, the 3xx is the answer."""
        request = urllib.request.Request("http://a.example/")
        request.allow_redirects = False
        with self.assertRaises(urllib.error.HTTPError) as caught:
            follow(request, moved("/b"))
        caught.exception.close()
        self.assertEqual(caught.exception.code, 302)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            follow("http://a.example/", answer(302))
        caught.exception.close()

    def test_a_subclass_may_decline(self):
        """As with urllib's handler, redirect_request may return None."""

        class Shy(RedirectHandler):
            def redirect_request(self, *args):
                return None

        opener, _ = scripted_opener([Shy()], moved("/b"))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open("http://a.example/")
        caught.exception.close()

    def test_body_of_a_redirect_is_bounded(self):
        """No more than 64 KB of a redirect's body are read."""
        taken = []

        class Endless:
            def read(self, size=-1):
                taken.append(size)
                return b"x" * size

            def close(self):
                pass

        def step(seen):
            return answer(302, [("Location", "/b")])

        opener, network = scripted_opener([RedirectHandler()], step, answer())
        stock = network.http_open

        def http_open(request):
            response = stock(request)
            if response.code == 302:
                response.read = Endless().read
            return response

        network.http_open = http_open
        opener.open("http://a.example/").close()
        self.assertEqual(sum(taken), 65536)


class OtherOrigin(unittest.TestCase):
    SECRETS = {
        "Authorization": "Bearer canary", "Cookie": "a=canary", "X-Api-Key": "canary",
        "Proxy-Authorization": "Basic canary", "Accept": "text/plain", "User-Agent": "me",
        "Range": "bytes=1-", "Host": "a.example",
    }

    def hop(self, start, location):
        _, seen = follow(
            urllib.request.Request(start, headers=self.SECRETS), moved(location), answer()
        )
        return seen[1]

    def test_only_harmless_headers(self):
        """Another host, port or scheme gets what is harmless and nothing else."""
        for location in [
            "http://b.example/", "http://a.example:81/", "https://a.example/",
            "http://sub.a.example/",
        ]:
            with self.subTest(location=location):
                seen = self.hop("http://a.example/", location)
                self.assertNotIn("canary", repr(seen.lines))
                self.assertEqual(seen.headers["accept"], "text/plain")
                self.assertEqual(seen.headers["range"], "bytes=1-")
                self.assertEqual(seen.headers["user-agent"], "me")

    def test_same_origin(self):
        """The same origin, however spelt, gets the caller's headers again, but no Host."""
        for location in ["/b", "http://a.example:80/b", "HTTP://A.EXAMPLE/b"]:
            with self.subTest(location=location):
                seen = self.hop("http://a.example/", location)
                self.assertEqual(seen.headers["authorization"], "Bearer canary")
                self.assertEqual(seen.headers["x-api-key"], "canary")

    def test_there_and_back(self):
        """What was dropped on the way does not come back with the way back."""
        request = urllib.request.Request("http://a.example/", headers=self.SECRETS)
        _, seen = follow(
            request, moved("http://b.example/"), moved("http://a.example/c"), answer()
        )
        self.assertNotIn("canary", repr(seen[2].lines))

    def test_call_fields(self):
        """Credentials and cookies of the call stay with its origin; False stays False."""
        for location, auth, wanted in [
            ("/b", ("u", "p"), (("u", "p"), {"a": "b"})),
            ("http://b.example/", ("u", "p"), (None, None)),
            ("http://b.example/", False, (False, None)),
        ]:
            request = urllib.request.Request("http://a.example/")
            request.call_auth = auth
            request.call_cookies = {"a": "b"}
            _, seen = follow(request, moved(location), answer())
            after = seen[1].request
            self.assertEqual((after.call_auth, after.call_cookies), wanted)


if __name__ == "__main__":
    unittest.main()
