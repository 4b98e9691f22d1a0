"""web/proxies.py: which proxy for whom, and the credentials that only it may see."""

import base64
import os
import unittest
import urllib.error
import urllib.request

from wikistd.web import proxies as module
from wikistd.web.proxies import (
    Proxy,
    ProxyAuth,
    ProxyHandler,
    ProxySettings,
    find_no_proxy,
    parse_proxy,
    split_no_proxy,
)
from wikistd.web.redirects import RedirectHandler

from .openers import answer, scripted_opener

BASIC = "Basic " + base64.b64encode(b"user:canary").decode()
DIGEST = 'Digest realm="proxy", nonce="n%d", qop="auth"%s'


class Environment(unittest.TestCase):
    """Tests that change the environment."""

    def setUp(self):
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        for name in list(os.environ):
            if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
                del os.environ[name]


class Parsing(unittest.TestCase):
    def test_urls(self):
        """A proxy's URL, or just its address."""
        for url, wanted in [
            ("http://p.example:3128", ("http", "p.example", 3128, "", "")),
            ("p.example:3128", ("http", "p.example", 3128, "", "")),
            ("p.example", ("http", "p.example", 80, "", "")),
            ("HTTPS://u:p%40%3a@P.example/", ("https", "p.example", 443, "u", "p@:")),
            ("socks5://p.example", ("socks5", "p.example", 1080, "", "")),
            ("socks5h://u@[::1]:9", ("socks5h", "::1", 9, "u", "")),
            (" http://a@b:c@p.example ", ("http", "p.example", 80, "a@b", "c")),
            ("http://:@p.example:3128", ("http", "p.example", 3128, "", "")),
        ]:
            with self.subTest(url=url):
                self.assertEqual(tuple(parse_proxy(url)), wanted)

    def test_refused(self):
        """What cannot be a proxy is a ValueError without the password."""
        for url, why in [
            ("ftp://p.example", "proxy scheme 'ftp' is not one of http, https, socks5, socks5h"),
            ("http://u:canary@:3128", "proxy address ':3128' has no host, or a bad port"),
            ("http://u:canary@p:0", "proxy address 'p:0' has no host, or a bad port"),
            ("http://u@p:canary", "proxy address 'p' has no host, or a bad port"),
            ("http://u:canary@p:99999", "proxy address 'p:99999' has no host, or a bad port"),
            ("http://p.example\r\nX: y", "the proxy's URL holds a space or a control character"),
            ("http://u:canary%0a@p", "the proxy's user name or password holds a control character"),
            ("http://u:can/ary@p", 'the proxy\'s URL cannot be split: write "/", "?", "#" and "@" in its '
             "user name and password as %2F, %3F, %23 and %40"),
            ("http://@p.example", 'the proxy\'s URL cannot be split: write "/", "?", "#" and "@" in its '
             "user name and password as %2F, %3F, %23 and %40"),
            ("http://" + "p" * 254, "proxy address %r has no host, or a bad port" % ("p" * 254)),
        ]:
            with self.subTest(url=url[:30]):
                with self.assertRaises(ValueError) as caught:
                    parse_proxy(url)
                self.assertEqual(str(caught.exception), why)

    def test_no_password_shows(self):
        """Neither repr nor str holds user name or password."""
        proxy = parse_proxy("http://user:canary@[::1]:3128")
        self.assertEqual(repr(proxy), "<Proxy http://[::1]:3128>")
        self.assertEqual(repr(ProxyAuth()), "<ProxyAuth>")


class Finding(Environment):
    def test_lookup(self):
        """A host's own entry, the scheme's, then all; {} means none."""
        settings = ProxySettings({
            "http": "h:1", "all": "a:2", "https://x.example": "x:3", "all://y.example": "y:4",
            "no": "z.example", "ftp": None,
        })
        for scheme, host, wanted, reason in [
            ("http", "q.example", "h", "through http://h:1, which proxies= names for 'http'"),
            ("https", "q.example", "a", "through http://a:2, which proxies= names for 'all'"),
            ("https", "x.example", "x", "through http://x:3, which proxies= names for 'https://x.example'"),
            ("https", "y.example", "y", "through http://y:4, which proxies= names for 'all://y.example'"),
            ("http", "z.example", None, "directly: no_proxy has 'z.example'"),
        ]:
            with self.subTest(scheme=scheme, host=host):
                proxy, why = settings.find(scheme, host, 80)
                self.assertEqual((proxy and proxy.host, why), (wanted, reason))
        self.assertEqual(
            ProxySettings({}).find("http", "q", 80), (None, "directly: proxies= names no proxy for http")
        )
        self.assertEqual(ProxySettings("p:1").find("https", "q", 1)[0].port, 1)
        self.assertEqual(repr(settings), "<ProxySettings from proxies=: all, all://y.example, http, https://x.example>")

    def test_broken(self):
        """A proxy that cannot be understood says where it came from."""
        with self.assertRaises(ValueError) as caught:
            ProxySettings({"http": "ftp://u:canary@x"}).find("http", "q", 80)
        self.assertEqual(
            str(caught.exception),
            "proxies=, 'http': proxy scheme 'ftp' is not one of http, https, socks5, socks5h",
        )

    def test_misspelt(self):
        """A name that no request has would let all of them go directly."""
        for name in ("htp", "socks5", "wiki.example", "https:wiki.example"):
            with self.assertRaises(ValueError) as caught:
                ProxySettings({name: "p:1"})
            words = "proxies names %r, which has no effect: http, https, all" % name
            self.assertIn(words, str(caught.exception))

    def test_environment(self):
        """The environment's variables count, unless they are not to be trusted."""
        os.environ.update(http_proxy="http://h:1", HTTPS_PROXY="s:2", all_proxy="socks5://a",
                          no_proxy="n.example")
        settings = ProxySettings()
        self.assertEqual(settings.find("http", "q", 80)[0].host, "h")
        self.assertEqual(
            settings.find("https", "q", 443)[1],
            "through http://s:2, which the environment names for 'https'",
        )
        self.assertEqual(settings.find("ws", "q", 80)[0].scheme, "socks5")
        self.assertIsNone(settings.find("http", "n.example", 80)[0])
        self.assertEqual(
            ProxySettings(trust_env=False).find("http", "q", 80),
            (None, "directly: the environment names no proxy for http"),
        )
        os.environ["http_proxy"] = ""
        self.assertEqual(ProxySettings().find("http", "q", 80)[0].host, "a")

    def test_read_once(self):
        """Later changes of the environment change nothing."""
        settings = ProxySettings()
        os.environ["http_proxy"] = "http://h:1"
        self.assertIsNone(settings.find("http", "q", 80)[0])

    def test_cgi(self):
        """HTTP_PROXY in capitals is anybody's in a CGI script."""
        os.environ.update(HTTP_PROXY="http://evil:1", REQUEST_METHOD="GET")
        self.assertIsNone(ProxySettings().find("http", "q", 80)[0])
        os.environ["http_proxy"] = "http://good:1"
        self.assertEqual(ProxySettings().find("http", "q", 80)[0].host, "good")

    def test_system_settings(self):
        """Where the system has settings, its list of exceptions is asked too."""
        real = module.urllib.request.getproxies, module.urllib.request.proxy_bypass
        module.urllib.request.getproxies = lambda: {"http": "http://sys:1"}
        module.urllib.request.proxy_bypass = lambda host: host == "local.example"
        try:
            settings = ProxySettings()
            self.assertEqual(
                settings.find("http", "q", 80)[1],
                "through http://sys:1, which the system names for 'http'",
            )
            self.assertEqual(
                settings.find("http", "local.example", 80),
                (None, "directly: the system's settings make an exception of it"),
            )
        finally:
            module.urllib.request.getproxies, module.urllib.request.proxy_bypass = real


class NoProxy(unittest.TestCase):
    def test_entries(self):
        """Domains and what is below them, ports, addresses, networks, everything."""
        for text, host, port, wanted in [
            ("example.org", "example.org", 80, True), ("example.org", "a.example.org", 80, True),
            (".example.org", "example.org", 80, True), ("*.example.org", "a.example.org", 80, True),
            ("example.org", "badexample.org", 80, False), ("EXAMPLE.org", "a.Example.ORG.", 80, True),
            ("example.org:8080", "example.org", 8080, True), ("example.org:8080", "example.org", 80, False),
            ("*", "anything", 1, True), ("*:443", "anything", 443, True), ("*:443", "anything", 80, False),
            ("10.0.0.0/8", "10.1.2.3", 80, True), ("10.0.0.0/8", "11.1.2.3", 80, False),
            ("10.0.0.1", "10.0.0.1", 80, True), ("10.0.0.1:81", "10.0.0.1", 80, False),
            ("10.0.0.1/8", "10.9.9.9", 80, True), ("10.0.0.0/8", "::ffff:10.1.1.1", 80, True),
            ("::1", "::1", 80, True), ("[::1]:80", "::1", 80, True), ("[::1]:81", "::1", 80, False),
            ("[::1]", "[::1]", 80, True), ("fe80::/10", "fe80::1%eth0", 80, True),
            ("0:0:0:0:0:0:0:1", "::1", 80, True), ("2.3", "1.2.3", 80, True),
            ("3.4", "1.2.3.4", 80, False), ("<local>", "wiki", 80, True),
            ("<local>", "wiki.example", 80, False), ("<local>", "::1", 80, False),
            ("a, b ,,c\td", "d", 80, True), ("", "a", 80, False), (".", "a", 80, False),
            ("x.example, 10.0.0.0/99", "10.0.0.1", 80, False),
            ("a.example:8\u00b20", "a.example", 80, False), ("[::1]:\u0668\u0660", "::1", 80, False),
        ]:
            with self.subTest(text=text, host=host, port=port):
                found = find_no_proxy(split_no_proxy(text), "http", host, port)
                self.assertEqual(found is not None, wanted)


class Auth(unittest.TestCase):
    PROXY = parse_proxy("http://user:canary@p:3128")

    def test_basic_first(self):
        """Basic goes out at once; without a user name nothing does."""
        auth = ProxyAuth()
        self.assertEqual(auth.authorization(self.PROXY, "CONNECT", "a:443"), BASIC)
        self.assertIsNone(auth.authorization(Proxy("http", "p", 1), "GET", "http://a/"))
        self.assertFalse(auth.handle_challenge(Proxy("http", "p", 1), [DIGEST % (1, "")]))

    def test_digest(self):
        """A proxy that asks for Digest gets it from then on, each proxy its own."""
        auth = ProxyAuth()
        self.assertTrue(auth.handle_challenge(self.PROXY, ['Basic realm="x"', DIGEST % (1, "")]))
        value = auth.authorization(self.PROXY, "CONNECT", "a:443")
        self.assertTrue(value.startswith('Digest username="user"'))
        self.assertIn('uri="a:443"', value)
        other = self.PROXY._replace(port=1)
        self.assertEqual(auth.authorization(other, "CONNECT", "a:443"), BASIC)

    def test_wrong_password(self):
        """A wrong password ends it; a stale nonce is replaced."""
        auth = ProxyAuth()
        self.assertFalse(auth.handle_challenge(self.PROXY, ['Basic realm="x"']))
        self.assertTrue(auth.handle_challenge(self.PROXY, [DIGEST % (1, "")], tries=0))
        self.assertTrue(auth.handle_challenge(self.PROXY, [DIGEST % (2, ", stale=true")], tries=1))
        self.assertFalse(auth.handle_challenge(self.PROXY, [DIGEST % (3, "")], tries=1))
        self.assertFalse(auth.handle_challenge(self.PROXY, [DIGEST % (3, ", stale=true")], tries=2))


class Handler(Environment):
    def through(self, handler, *script):
        return scripted_opener([handler, RedirectHandler()], *script)

    def test_http(self):
        """In a plain opener an http request goes to the proxy, with its whole URL."""
        opener, network = self.through(ProxyHandler({"http": "http://user:canary@p:3128"}), answer())
        opener.open("http://a.example/x").close()
        request = network.seen[0].request
        self.assertEqual((request.host, request.selector), ("p:3128", "http://a.example/x"))
        self.assertEqual(network.seen[0].headers["proxy-authorization"], BASIC)
        self.assertEqual(network.seen[0].headers["host"], "a.example")

    def test_https(self):
        """An https request gets a tunnel."""
        handler, asked = ProxyHandler({"https": "http://user:canary@p:3128"}), []
        handler.proxy_auth.authorization = lambda proxy, *line: asked.append(" ".join(line))
        opener, network = self.through(handler, answer(), answer(), answer())
        opener.open("https://a.example/x").close()
        request = network.seen[0].request
        self.assertEqual((request.host, request._tunnel_host), ("p:3128", "a.example"))
        opener.open("https://a.example:444/x").close()
        opener.open("https://a.example:443/x").close()
        self.assertEqual(
            asked, ["CONNECT a.example:443", "CONNECT a.example:444", "CONNECT a.example:443"]
        )

    def test_redirect_to_a_direct_host(self):
        """The origin that a redirect leads to never sees the proxy's password."""
        opener, network = self.through(
            ProxyHandler({"http": "http://user:canary@p:3128", "no": "b.example"}),
            answer(302, [("Location", "http://b.example/")]), answer(),
        )
        opener.open("http://a.example/").close()
        self.assertEqual(network.seen[1].request.host, "b.example")
        self.assertNotIn("canary", repr(network.seen[1].lines))
        self.assertNotIn("proxy-authorization", network.seen[1].headers)

    def test_407(self):
        """A proxy that wants Digest gets it; twice is enough."""
        opener, network = self.through(
            ProxyHandler("http://user:canary@p:3128"),
            answer(407, [("Proxy-Authenticate", DIGEST % (1, ""))]),
            answer(407, [("Proxy-Authenticate", DIGEST % (2, ""))]),
        )
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open("http://a.example/")
        caught.exception.close()
        values = [s.headers["proxy-authorization"] for s in network.seen]
        self.assertEqual(values[0], BASIC)
        self.assertIn('uri="http://a.example/"', values[1])
        self.assertEqual(len(values), 2)
        self.assertEqual(network.seen[1].request.selector, "http://a.example/")

    def test_407_from_nobody(self):
        """A 407 without a proxy, or a body that cannot be sent again: it is the answer."""
        for how, data in [({}, None), ({"http": "http://user:canary@p:1"}, iter([b"x"]))]:
            opener, network = self.through(
                ProxyHandler(how), answer(407, [("Proxy-Authenticate", DIGEST % (1, ""))])
            )
            with self.assertRaises(urllib.error.HTTPError) as caught:
                opener.open(urllib.request.Request("http://a.example/", data, {"Content-Length": "1"}))
            caught.exception.close()
            self.assertEqual(len(network.seen), 1)

    def test_direct(self):
        """Without a proxy nothing changes; nor is there a header without a password."""
        opener, network = self.through(ProxyHandler({}), answer())
        opener.open("http://a.example/").close()
        self.assertEqual(network.seen[0].request.host, "a.example")
        opener, network = self.through(ProxyHandler({"http": "p:1"}), answer())
        opener.open("http://a.example/").close()
        self.assertNotIn("proxy-authorization", network.seen[0].headers)

    def test_socks(self):
        """urllib's own handlers speak no SOCKS, and the error says who does."""
        opener, _ = self.through(ProxyHandler("socks5://p"))
        with self.assertRaises(ValueError) as caught:
            opener.open("http://a.example/")
        self.assertEqual(
            str(caught.exception),
            "socks5://p:1080: urllib's own handlers speak no SOCKS; use HttpClient",
        )

    def test_environment(self):
        """Without arguments the environment counts, unless it is not to be trusted."""
        os.environ["http_proxy"] = "http://p:1"
        self.assertEqual(list(ProxyHandler().proxies), ["http"])
        self.assertEqual(list(ProxyHandler(trust_env=False).proxies), [])

    def test_decisions_are_remembered(self):
        """A host is decided about once; not where the system has a say each time."""
        handler = ProxyHandler({"http": "p:1", "no": "n.example"})
        asked = []
        real = handler.settings.find
        handler.settings.find = lambda *place: asked.append(place) or real(*place)

        def decide(url):
            request = urllib.request.Request(url)
            request.proxy = None
            handler.http_request(request)
            return request.proxy

        for _ in range(2):
            self.assertEqual(decide("http://a.example/").host, "p")
            self.assertIsNone(decide("http://n.example/"))
            self.assertIsNone(decide("https://a.example/"))
        self.assertEqual(len(asked), 3)
        handler.settings.asks_system = True
        for _ in range(2):
            decide("http://b.example/")
        self.assertEqual(len(asked), 5)
        handler.settings.asks_system = False
        for i in range(600):
            decide("http://h%d.example/" % i)
        self.assertLessEqual(len(handler._decisions), 512)

    def test_request_with_a_place_for_it(self):
        """A request that has a `proxy` attribute gets the decision and the reason."""
        handler = ProxyHandler(ProxySettings({"http": "http://user:canary@p:3128"}))
        request = urllib.request.Request("http://a.example/")
        request.proxy = None
        handler.http_request(request)
        self.assertEqual((request.proxy.host, request.host), ("p", "a.example"))
        self.assertEqual(request.proxy_reason, "through http://p:3128, which proxies= names for 'http'")
        self.assertIs(request.proxy_auth, handler.proxy_auth)
        self.assertNotIn("canary", repr(request.unredirected_hdrs))

    def test_replaces_the_stock_one(self):
        """build_opener leaves urllib's own out."""
        opener, _ = self.through(ProxyHandler({}))
        kinds = [type(h) for h in opener.handlers if isinstance(h, urllib.request.ProxyHandler)]
        self.assertEqual(kinds, [ProxyHandler])


if __name__ == "__main__":
    unittest.main()
