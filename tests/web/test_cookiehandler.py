"""web/cookiehandler.py: cookies go out and come in, with any jar."""

import http.cookiejar
import unittest
import urllib.request

from wikistd.web.cookiehandler import CookieHandler

from .openers import answer, scripted_opener


class Handler(unittest.TestCase):
    def test_alone(self):
        """In a plain opener: cookies come back, also those a redirect sets."""
        handler = CookieHandler()
        opener, network = scripted_opener(
            [handler],
            answer(302, [("Set-Cookie", "a=b; Path=/"), ("Location", "http://b.example/")]),
            answer(headers=[("Set-Cookie", "c=d")]), answer(), answer(),
        )
        opener.open("http://a.example/x/y").close()
        opener.open("http://a.example/").close()
        opener.open("http://b.example/").close()
        self.assertEqual(
            [s.headers.get("cookie") for s in network.seen], [None, None, "a=b", "c=d"]
        )

    def test_given_store(self):
        """It takes any CookieJar."""
        jar = http.cookiejar.CookieJar()
        handler = CookieHandler(jar)
        self.assertIs(handler.store, jar)
        opener, network = scripted_opener(
            [handler], answer(headers=[("Set-Cookie", "a=b")]), answer()
        )
        opener.open("http://a.example/").close()
        opener.open("http://a.example/").close()
        self.assertEqual(network.seen[1].headers["cookie"], "a=b")

    def test_given_store_and_own_cookies(self):
        """Cookies of the call and the caller's header go beside those of any jar."""
        jar = http.cookiejar.CookieJar()
        opener, network = scripted_opener(
            [CookieHandler(jar)], answer(headers=[("Set-Cookie", "a=jar"), ("Set-Cookie", "b=jar")]),
            answer(), answer(), answer(),
        )
        opener.open("http://a.example/").close()
        request = urllib.request.Request("http://a.example/", headers={"Cookie": "a=mine"})
        request.call_cookies = {"c": "call"}
        for _ in range(2):
            opener.open(request).close()
            self.assertEqual(network.seen[-1].headers["cookie"], "a=mine; c=call; b=jar")
            self.assertEqual(request.headers["Cookie"], "a=mine")
        jar.clear()
        opener.open("http://a.example/").close()
        self.assertNotIn("cookie", network.seen[-1].headers)

    def test_given_cookies(self):
        """Cookies given as a dict go to the first origin and to no other."""
        opener, network = scripted_opener(
            [CookieHandler(cookies={"k": "v"})],
            answer(302, [("Location", "http://b.example/")]), answer(), answer(), answer(),
        )
        opener.open("http://a.example/").close()
        opener.open("https://a.example/").close()
        opener.open("http://a.example/z").close()
        self.assertEqual(
            [s.headers.get("cookie") for s in network.seen], ["k=v", None, None, "k=v"]
        )


if __name__ == "__main__":
    unittest.main()
