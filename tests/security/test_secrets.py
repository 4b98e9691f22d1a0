"""No secret in a repr, a log, an error, a warning, a pickle, or at another origin."""

import os
import pickle
import tempfile
import unittest
import urllib.request

from wikistd import (
    AuthHandler,
    BasicAuth,
    BearerAuth,
    CommsClient,
    CookieStore,
    DigestAuth,
    EventStreams,
    HttpClient,
    Mastodon,
    OAuth1Auth,
    PasswordAuth,
    ProxySettings,
    Session,
    WikistdError,
    fetch,
    parse_proxy,
    request,
    set_default_client,
)
from wikistd.web.origins import origin_of
from wikistd.web.request import WebRequest

from ..support.canary import Canary, forms_of
from .network import Bytes, Origins, client_for, moved, on_bytes

SECRET = "canary-B7q~x9/+ \u00e9"


def broken(seen):
    raise OSError("reset by peer")


class TheCanaryItself(unittest.TestCase):
    def test_finds(self):
        """A secret is found plain, escaped, in base64 at any place, in hex, in an error."""
        import base64
        import urllib.parse

        canary = Canary(SECRET)
        for text in [
            "x" + SECRET, urllib.parse.quote(SECRET), urllib.parse.quote_plus(SECRET),
            base64.b64encode(b"u:" + SECRET.encode()).decode(),
            base64.b64encode(b"us:" + SECRET.encode()).decode(),
            base64.b64encode(b"use:" + SECRET.encode()).decode(),
            SECRET.encode().hex(), SECRET.encode(),
        ]:
            if isinstance(text, bytes):
                text = text.decode("latin-1")
                self.assertTrue(canary.is_in(text) or "canary" in text)
                continue
            self.assertTrue(canary.is_in(text), text)
        try:
            try:
                raise ValueError(SECRET)
            except ValueError as error:
                raise KeyError("outer") from error
        except KeyError as error:
            self.assertTrue(canary.is_in(error))
        self.assertFalse(canary.is_in("nothing"))
        self.assertTrue(all(len(form) >= 4 for form in forms_of("abc")))
        with self.assertRaises(AssertionError):
            canary.look("x" + SECRET)
        with self.assertRaises(AssertionError):
            canary.look_at("x" + SECRET, "it")
        import logging

        with self.assertRaises(AssertionError):
            with Canary(SECRET):
                logging.getLogger("wikistd.web").debug("%s", SECRET)


class Objects(unittest.TestCase):
    def test_reprs(self):
        """Nothing that holds a secret shows it."""
        with Canary(SECRET) as canary:
            store = CookieStore("x.lwp")
            for auth in [
                BasicAuth("user", SECRET), DigestAuth("user", SECRET), PasswordAuth("user", SECRET),
                OAuth1Auth("key", SECRET, "token", SECRET),
                BearerAuth("canary-B7q"),
            ]:
                canary.look(auth, AuthHandler(auth=auth))
            quoted = urllib.request.quote(SECRET, safe="")
            proxy = "http://user:%s@p.example:1" % quoted
            # A tuple's pickle holds what it is made of; its repr and str do not.
            for value in [parse_proxy(proxy), ProxySettings({"http": proxy})]:
                canary.look(repr(value), str(value))
            with HttpClient(user_agent="tests/1", auth=("u", SECRET), proxies={"http": proxy}, cookies=store,
                            headers={"Authorization": "x canary-B7q"}) as client:
                canary.look(client)
            request = WebRequest("http://user:canary@a.example/x?token=canary", headers={"Cookie": "canary"})
            Canary("canary").look(repr(request), str(request))


class Calls(unittest.TestCase):
    """Whatever goes wrong with a call that holds secrets, the error shows none."""

    SECRET = "canary-B7q~x9"

    def failures(self):
        """Yield (answer of the network, what goes wrong)."""
        yield broken, "the connection"
        yield (500, [("X", "y")], b"sorry"), "the status"
        yield moved("ftp://b.example/"), "a redirect"
        yield moved("https://a.example/"), "a circle"
        yield (401, [("WWW-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')], b""), "credentials"
        yield (200, [("Content-Type", "application/json")], b"{broken"), "JSON"
        yield (200, [("Content-Encoding", "gzip")], b"not gzip"), "the coding"
        yield (200, [("Bad\r\nName", "x")], b""), "a header"

    def test_errors(self):
        """Passwords, tokens and cookies of a call are in no error, log, repr or response."""
        for answer, what in self.failures():
            for how in [
                {"auth": ("user", self.SECRET)}, {"auth": BearerAuth(self.SECRET)},
                {"auth": ("k", "s", "t", self.SECRET)}, {"auth": BasicAuth("u", self.SECRET, preemptive=True)},
                {"headers": {"Authorization": "X " + self.SECRET}}, {"headers": {"Cookie": "s=" + self.SECRET}},
                {"cookies": {"s": self.SECRET}}, {"params": {"token": self.SECRET}},
                {"data": {"lgpassword": self.SECRET}}, {"json": {"password": self.SECRET}},
                {"files": {"f": self.SECRET.encode()}},
            ]:
                with self.subTest(what=what, how=list(how)):
                    network = Origins({"https://a.example/": answer})
                    network.answers.setdefault("https://a.example/?token=" + self.SECRET, answer)
                    with Canary(self.SECRET) as canary, client_for(network) as client:
                        method = "POST" if {"data", "json", "files"} & set(how) else "GET"
                        try:
                            response = client.request(method, "https://a.example/", **how)
                            if "params" not in how:
                                canary.look(response)
                            canary.look_at(repr(response), "a response's repr")
                            response.raise_for_status()
                            response.json()
                        except (WikistdError, ValueError) as error:
                            canary.look(error)
                        canary.look(client)
                        self.assertGreater(canary.looked, 0)

    def test_url(self):
        """User name, password and query of a URL are in no error or log."""
        for url in ["http://user:canary@a.example/x?token=canary#canary", "http://user:canary@a.example:99999/",
                    "http://canary@/", "http://user:canary@[x/", "http://user:canary@a b/",
                    "http://user:canary@a.example/ ?token=canary", "ftp://user:canary@a.example/?canary"]:
            with self.subTest(url=url), Canary("canary") as canary:
                with client_for(lambda *args: broken(None)) as client:
                    try:
                        client.get(url)
                    except (WikistdError, ValueError) as error:
                        canary.look(error)
                    canary.look(client)

    def test_mistyped_url(self):
        """Nor a password in an address that is mistyped, whoever it is given to."""
        for url in [
            "user:canary@a.example/x", "http:/user:canary@h/", "https:user:canary@h/", "ftp://user:canary@h/",
            "http://user:canary/ab@a.example:1/", "http://user:canary#ab@a.example/", "http://user:canary?ab@h/",
            "http://user:123456/canary@h/", "http://user:canary:x@h:1:2/", "http://user:canary:x/ab@h/",
            "http://us er:canary@h/", "http://[user:canary@x]/", "http://canary\uff0fx@h/", "http://u:canary\u20ac/b@h/",
            "http://user:canary\\x@h/", "http://user:canary@[::1/", "http://canary\u20ac\u2100/b@h/",
            "http//user:canary@h/", "http://u@h:canary/",
        ]:
            for use in [
                lambda: client.get(url),
                lambda: Session(url, user_agent="tests/1"),
                lambda: Session("a.example", user_agent="tests/1", api_path=url),
                lambda: HttpClient(user_agent="tests/1", proxies=url).get("http://a.example/"),
                lambda: ProxySettings({url: "http"}),
                lambda: EventStreams(streams="recentchange", site=url),
                lambda: repr(EventStreams(streams="recentchange", site=url)).index("canary"),
                lambda: repr(EventStreams(url=url)).index("canary"),
                lambda: Mastodon(url),
                lambda: request(url, "/w/api.php"),
                lambda: origin_of(url),
                lambda: WebRequest(url),
            ]:
                with Canary("canary") as canary, client_for(lambda *args: broken(None)) as client:
                    try:
                        use()
                    except (WikistdError, ValueError) as error:
                        canary.look(error)
        with self.assertRaises(TypeError):
            pickle.dumps(WebRequest("http://u:canary@h/"))

    def test_text_that_cannot_be_sent(self):
        """Nor a value that no header, form or body can hold: not in the cause either."""
        for value in ["canary\u20ac", "canary\ud800", "canary\n", "canary\x00"]:
            for how in [
                {"headers": {"Authorization": value}}, {"headers": {"Cookie": value}}, {"cookies": {"a": value}},
                {"auth": ("u", value)}, {"auth": DigestAuth("u", value)},
                {"params": {"token": value}}, {"data": {"token": value}}, {"data": value}, {"json": {"token": value}},
                {"files": {"f": ("name", value)}}, {"data": {"token": value}, "files": {"f": b"x"}},
            ]:
                asks = (401, [("WWW-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')], b"")
                with Canary("canary") as canary, client_for(Origins({"https://a.example/": asks})) as client:
                    try:
                        client.post("https://a.example/", **how)
                    except ValueError as error:
                        canary.look(error)
            try:
                BasicAuth("u", value, preemptive=True)
            except ValueError as error:
                Canary("canary").look(error)

    def test_pickle_of_a_redirect(self):
        """Nor does a refused redirect take the query of its Location along."""
        network = Origins({"https://a.example/": moved("https://a.example/?token=canary")})
        with Canary("canary") as canary, client_for(network, max_redirects=0) as client:
            with self.assertRaises(WikistdError) as caught:
                client.get("https://a.example/")
            canary.look(caught.exception)
            canary.look_at(pickle.dumps(caught.exception), "a pickle")

    def test_connecting(self):
        """Nor when there is no connection at all, or a proxy refuses."""
        def refuse(host, port, timeout):
            raise ConnectionRefusedError(111, "refused")

        for options in [{"connect": refuse}, {"connect": refuse, "proxies": {"all": "http://u:canary@p.example:1"}}]:
            options.setdefault("proxies", {})
            for url in ["http://u:canary@a.example/?canary", "https://u:canary@a.example/?canary"]:
                with Canary("canary") as canary, HttpClient(user_agent="tests/1", **options) as client:
                    with self.assertRaises(WikistdError) as caught:
                        client.get(url)
                    canary.look(caught.exception, client)
        network = Bytes(p_example=b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
        with Canary("canary") as canary, on_bytes(network, proxies={"all": "http://u:canary@p.example:1"}) as client:
            with self.assertRaises(WikistdError) as caught:
                client.get("https://a.example/")
            canary.look(caught.exception, client)

    def test_fetch(self):
        """The same for fetch and its log lines."""
        for status in (404, 500):
            network = Origins({"https://a.example/?token=canary": (status, [], b"")})
            client = CommsClient(transport=network, authenticate={"*": ("user", "canary")})
            before = set_default_client(client)
            try:
                with Canary("canary") as canary:
                    try:
                        canary.look_at(repr(fetch("https://a.example/?token=canary")), "a repr")
                    except WikistdError as error:
                        canary.look(error)
                    canary.look(client)
            finally:
                set_default_client(before)
                client.close()

    def test_files(self):
        """An error about a cookie file shows none of it."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "c.txt")
            for text in ["a.example\tTRUE\t/\tcanary\n", "a\tTRUE\t/\tTRUE\tx\tn\tcanary\n",
                         "#LWP-Cookies-2.0\nSet-Cookie3: canary\n"]:
                with open(path, "w") as file:
                    file.write(text)
                with Canary("canary") as canary:
                    try:
                        CookieStore(path).load()
                    except OSError as error:
                        canary.look(str(error))


if __name__ == "__main__":
    unittest.main()
