"""Garbage for everything that decides whom to trust: documented errors, or an answer."""

import http.cookiejar
import random
import unittest
import warnings

from wikistd import StatusError
from wikistd.formats.headers import parse_challenges
from wikistd.web.cookiefile import parse_lwp_cookies, parse_mozilla_cookies
from wikistd.web.credentials import find_authentication
from wikistd.web.digest import DigestAuth
from wikistd.web.origins import origin_of, split_userinfo, without_userinfo
from wikistd.web.proxies import find_no_proxy, parse_proxy, split_no_proxy
from wikistd.web.redirects import redirect_target
from wikistd.web.setcookie import parse_cookie_date, parse_set_cookie, resolve_cookie

from .network import client_for, moved

SEEDS = [
    "a=b; Domain=example.org; Path=/; Secure; Max-Age=60; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
    "http://u:p@host.example:8080/path?q#f", "//x/y", "socks5://[::1]:1080", "http://[v1.x]/",
    'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=true',
    'Set-Cookie3: a="b\\"c"; path="/"; domain=".x.org"; expires="2027-02-10 16:33:12Z"; version=0',
    "x.org\tTRUE\t/\tTRUE\t0\tn\tv", "*.a.b,10.0.0.0/8,[::1]:80", "9 Mar 2027 08:04:05",
]
LETTERS = "".join(map(chr, range(256))) + "\u2603\uff0f\ud800\u0660\u00b2"


def spoilt(dice, text):
    """Return a text with a few letters put in, taken out or changed."""
    letters = list(text)
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(letters) + 1)
        kind = dice.random()
        if kind < 0.5:
            letters.insert(place, dice.choice(LETTERS))
        elif kind < 0.7:
            del letters[place : place + 1]
        elif kind < 0.85:
            letters[place:place] = dice.choice(SEEDS)[dice.randint(0, 20) : dice.randint(20, 60)]
        else:
            letters[place : place + 1] = dice.choice(';=,"\\ \t@:/#?[]%.')
    return "".join(letters)


class Garbage(unittest.TestCase):
    def test_garbage(self):
        """Two thousand spoilt texts, each for every reader."""
        dice = random.Random(20261120)
        for _ in range(2000):
            text = spoilt(dice, dice.choice(SEEDS))
            with self.subTest(text=text), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.read(dice, text)

    def read(self, dice, text):
        cookie = parse_set_cookie(text, 1.8e9)
        if cookie is not None:
            resolve_cookie(cookie, "https", "en.example.org", "/w/")
        parse_cookie_date(text)
        without_userinfo(text)
        find_authentication({"*": ("a", "b")}, text)
        host = dice.choice(["h", "::1", "10.1.2.3", text])
        find_no_proxy(split_no_proxy(text), "http", host, 80)
        for function in (parse_proxy, origin_of, split_userinfo, self.follow):
            try:
                function(text)
            except ValueError:
                pass
        for function in (parse_lwp_cookies, parse_mozilla_cookies):
            try:
                function(text, "file")
            except http.cookiejar.LoadError:
                pass
        self.answer(text)

    def follow(self, text):
        target = redirect_target("http://a.example/x", text)
        self.assertRegex(target, r"\Ahttps?://[^/@\s]+/[!-~]*\Z")

    def answer(self, text):
        auth = DigestAuth("u\u00e9", "p")
        if auth.learn("place", parse_challenges(text)):
            try:
                value = auth.authorization("place", "GET", "/", [])
            except ValueError:
                return
            if value is not None:
                self.assertTrue(value.replace("\t", " ").encode("latin-1").decode("latin-1").strip())
                self.assertNotRegex(value, r"[\x00-\x08\x0a-\x1f\x7f]")

    def test_garbage_of_a_server(self):
        """Through the client: a Location or charset without sense is the server's fault."""
        for place in [
            "http://a|b/", "http://ex%41mple/", "http://" + "a" * 300 + "/", "http://a.example:0/",
            "http://a.example:99999/", "http://[v1.x]/", "http://\xff\xfe/", "http://[::1/",
            "http://a.example:1x/", "http://a.example:\xb2/", "http://%/", "javascript:x",
        ]:
            with self.subTest(place=place), client_for(lambda *args: moved(place)) as client:
                with self.assertRaisesRegex(StatusError, "redirect 302 of .* was not followed"):
                    client.post("http://a.example/", b"x")
        for charset in ["idna", "punycode", "undefined", "zip", "hex", "a\xffb"]:
            answer = (200, [("Content-Type", "text/html; charset=" + charset)], b"caf\xc3\xa9")
            with self.subTest(charset=charset), client_for(lambda *args: answer) as client:
                self.assertEqual(client.get("http://a.example/").text, "caf\u00e9")
        asks = (401, [("WWW-Authenticate", 'Digest realm="a", nonce="a", domain="http://[::1 /x"')], b"")
        with client_for(lambda *args: asks, auth=("u", "p")) as client:
            self.assertEqual(client.get("http://a.example/").status, 401)


if __name__ == "__main__":
    unittest.main()
