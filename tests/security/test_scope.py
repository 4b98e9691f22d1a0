"""Redirects and credentials: nothing of one origin reaches another."""

import os
import tempfile
import unittest
import urllib.request

from wikistd import (
    BearerAuth,
    CookieStore,
    DigestAuth,
    NetrcAuth,
    StatusError,
    TooManyRedirects,
    WikistdError,
)
from wikistd.web.request import WebRequest

from ..support.accepting import Relay
from ..support.canary import Canary
from ..support.clients import certificate, make_client, wrap_server
from ..support.scripted import ScriptedServer, reply
from .network import Bytes, Origins, client_for, moved, on_bytes

#: Other origins than https://a.example: host, port, scheme, subdomain, parent.
OTHERS = [
    "https://b.example", "https://a.example:444", "http://a.example",
    "https://sub.a.example", "https://example", "https://a.example.b.example",
]


class Scope(unittest.TestCase):
    def hop(self, other, send, status=302):
        """Return the requests that reach `other` when https://a.example redirects there."""
        network = Origins({"https://a.example/": moved(other + "/x", status)})
        with client_for(network) as client:
            send(client)
        seen = network.at(other)
        self.assertEqual(len(seen), 1)
        return seen[0]

    def test_cve_2014_1829_authorization(self):
        """CVE-2014-1829, -2018-18074, -2018-20060, -2018-25091, -2026-49853, cpython #77842.

        Authorization, in any spelling and however given, stays with its origin.
        """
        for other in OTHERS:
            for name in ["Authorization", "authorization", "AUTHORIZATION", "aUTHORIZATION"]:
                with Canary() as canary:
                    seen = self.hop(other, lambda c: c.get("https://a.example/", headers={name: canary.secret}))
                    canary.look_at(repr(seen.pairs), other)
            for auth in [("u", "canary-B7q~x9"), BearerAuth("canary-B7q~x9"),
                         ("a", "b", "c", "canary-B7q~x9")]:
                seen = self.hop(other, lambda c: c.get("https://a.example/", auth=auth))
                self.assertNotIn("authorization", seen.names())
            for name in ["X-Api-Key", "Private-Token", "Proxy-Authorization", "X-CSRF-Token"]:
                seen = self.hop(other, lambda c: c.get("https://a.example/", headers={name: "canary"}))
                self.assertNotIn("canary", repr(seen.pairs))

    def test_cve_2023_43804_cookies(self):
        """CVE-2023-43804, -2026-34518, -2026-47265: cookies of a call stay, doubled ones too."""
        for other in OTHERS:
            def send(client):
                request = WebRequest("https://a.example/", headers=[("Cookie", "a=canary"), ("COOKIE", "b=canary")])
                request.headers["cookie"] = "c=canary"
                request.call_cookies = {"d": "canary"}
                client.open(request)

            seen = self.hop(other, send)
            self.assertEqual(seen.values("cookie"), [])
            seen = self.hop(other, lambda c: c.get("https://a.example/", cookies={"d": "canary"}))
            self.assertEqual(seen.values("cookie"), [])

    def test_cve_2014_1830_proxy_authorization(self):
        """CVE-2014-1830, -2023-32681, -2024-37891, -2026-44431: the origin never sees it.

        Neither after a redirect from a proxied to a direct host, nor inside a tunnel.
        """
        network = Bytes(
            proxy_example=[reply(status="302 Found", headers=[("Location", "http://direct.example/")]), reply(b"p")],
            direct_example=reply(b"ok"),
        )
        settings = {"http": "http://user:canary@proxy.example:3128", "no": "direct.example"}
        with Canary("canary") as canary, on_bytes(network, proxies=settings) as client:
            self.assertEqual(client.get("http://a.example/").content, b"ok")
            self.assertIn(b"Proxy-Authorization: Basic ", network.sent["proxy.example"])
            canary.look_at(network.sent["direct.example"], "the origin")
            self.assertNotIn(b"proxy-authorization", network.sent["direct.example"].lower())
            canary.look(client)

    def test_cve_2014_1830_tunnel(self):
        """CVE-2014-1830 and its like: what goes through a CONNECT tunnel has no such header."""
        with ScriptedServer(["GET /x", reply(b"in")], wrap=wrap_server()) as server:
            with Relay(server.port) as relay:
                proxy = "http://user:canary@127.0.0.1:%d" % relay.port
                with make_client(proxies={"https": proxy}, ca_file=certificate("authority")) as client:
                    self.assertEqual(client.get("https://localhost:%d/x" % server.port).content, b"in")
                self.assertIn(b"Proxy-Authorization: Basic", relay.heads[0])
            self.assertIsNone(server.requests[0].get("Proxy-Authorization"))

    def test_cve_2023_45803_body_after_303(self):
        """CVE-2023-45803: after 303 (and a POST's 301, 302) no body, no Content-* header."""
        for status, method in [(303, "POST"), (303, "PUT"), (302, "POST"), (301, "POST")]:
            network = Origins({"https://a.example/": moved("/x", status)})
            with client_for(network) as client:
                client.request(method, "https://a.example/", data=b"canary",
                               headers={"Content-Type": "x/y", "Content-Language": "en"})
            last = network.seen[-1]
            self.assertEqual((last.method, last.body or None), ("GET", None))
            self.assertEqual([n for n in last.names() if n.startswith(("content-", "transfer-"))], [])

    def test_body_after_307(self):
        """307 and 308 take a body to another origin, as browsers do; nothing else goes."""
        for status in (307, 308):
            network = Origins({"https://a.example/": moved("https://b.example/", status)})
            with client_for(network, auth=("u", "canary"), cookies={"c": "canary"}) as client:
                headers = {"X-Api-Key": "canary", "Authorization": "canary", "Cookie": "canary"}
                client.post("https://a.example/", b"body", headers=headers)
                last = network.seen[-1]
                self.assertEqual((last.origin, last.body), ("https://b.example", b"body"))
                self.assertNotIn("canary", repr(last.pairs))
                reply = client.post("https://a.example/", b"body", allow_redirects=False)
                self.assertEqual((reply.status, len(network.seen)), (status, 3))

    def test_cve_2025_50181_redirect_limit(self):
        """CVE-2025-50181: the client's limit holds for every way to call it."""
        network = Origins({"https://a.example/": moved("/x")})
        with client_for(network, max_redirects=0) as client:
            for call in [
                lambda: client.get("https://a.example/"),
                lambda: client.request("GET", "https://a.example/", allow_redirects=True),
                lambda: client.open("https://a.example/"),
                lambda: client.opener.open(urllib.request.Request("https://a.example/")),
            ]:
                network.seen.clear()
                with self.assertRaises(TooManyRedirects):
                    call()
                self.assertEqual(len(network.seen), 1)

    def test_cve_2015_2296_cookie_of_a_redirect(self):
        """CVE-2015-2296: a cookie that a 302 sets belongs to the host that redirects."""
        network = Origins({"https://a.example/": moved("https://b.example/", 302, ("Set-Cookie", "s=canary; Path=/"))})
        with client_for(network) as client:
            client.get("https://a.example/")
            client.get("https://b.example/")
            client.get("https://a.example/y")
        self.assertEqual([s.values("cookie") for s in network.seen], [[], [], [], ["s=canary"]])

    def test_cve_2024_47081_netrc(self):
        """CVE-2024-47081: the host of a URL is what comes after its last @."""
        handle, path = tempfile.mkstemp()
        self.addCleanup(os.unlink, path)
        os.write(handle, b"machine good.example login u password canary\n")
        os.close(handle)
        challenge = 401, [("WWW-Authenticate", 'Basic realm="x"')], b""
        for url in ["http://good.example:@evil.example/", "http://good.example@evil.example/",
                    "http://evil.example/?@good.example/", "http://evil.example/#@good.example/"]:
            network = Origins()
            network.answers = {"http://evil.example/": challenge, "http://evil.example/?@good.example/": challenge}
            with Canary("canary") as canary, client_for(network, authenticate={"*": NetrcAuth(path)}) as client:
                try:
                    client.get(url)
                except (WikistdError, ValueError):
                    pass
                canary.look_at(repr([s.pairs for s in network.seen]), "evil.example")

    def test_cve_2024_35195_trust_of_kept_connections(self):
        """CVE-2024-35195: a connection made without verifying is not used by who verifies."""
        import ssl

        with ScriptedServer(["GET /1", reply(b"1")], ["GET /2", reply(b"2")], wrap=wrap_server()) as server:
            url = "https://localhost:%d" % server.port
            context = ssl.create_default_context(cafile=certificate("authority"))
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with make_client(ssl_context=context) as client:
                client.get(url + "/1")
                context.verify_mode = ssl.CERT_REQUIRED
                context.check_hostname = True
                client.get(url + "/2")
                self.assertEqual(server.accepted, 2)

    def test_tornado_6_5_7_key_of_connections(self):
        """tornado 6.5.7: proxy, trust, host and source address are all in the pool's key."""
        from wikistd.web.dial import Dialer
        from wikistd.web.proxies import parse_proxy

        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        keys = set()
        one = Dialer(source_address=("127.0.0.1", 0))
        proxies = [None, parse_proxy("http://p:1"), parse_proxy("http://u:a@p:1"), parse_proxy("http://u:b@p:1")]
        for dialer in [Dialer(), one]:
            for proxy in proxies:
                for host in ["a.example", "b.example"]:
                    for scheme in ["http", "https"]:
                        keys.add(dialer.route(scheme, host, 443, proxy))
        self.assertEqual(len(keys), 32)
        from wikistd.web.tls import TlsSettings

        dialer = Dialer(tls=TlsSettings(ssl_context=context))
        before = dialer.route("https", "a", 443, None)
        context.check_hostname = False
        self.assertNotEqual(dialer.route("https", "a", 443, None), before)

    def test_aiohttp_server_hostname_override(self):
        """aiohttp's "TLS Server Hostname Override": the name checked is in the pool's key.

        There is no other server name than the URL's host: two hosts at one address never
        share a connection.
        """
        def connect(host, port, timeout):
            import socket

            return socket.create_connection(("127.0.0.1", server.port), timeout)

        with ScriptedServer(["GET /", reply(b"1")], [], wrap=wrap_server()) as server:
            with make_client(connect=connect, ca_file=certificate("authority")) as client:
                self.assertEqual(client.get("https://localhost/").content, b"1")
                with self.assertRaises(WikistdError):
                    client.get("https://other.example/")

    def test_aiohttp_3_14_digest_scope(self):
        """aiohttp 3.14: a 401 of where a redirect leads is not answered with our digest."""
        challenge = 401, [("WWW-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')], b""
        for other in OTHERS:
            for options in [{"auth": DigestAuth("u", "canary")}, {"auth": ("u", "canary")}]:
                network = Origins({"https://a.example/": moved(other + "/x"), other + "/x": challenge})
                with client_for(network, **options) as client:
                    self.assertEqual(client.get("https://a.example/").status, 401)
                self.assertEqual(len(network.seen), 2)
                self.assertNotIn("authorization", network.seen[1].names())

    def test_cve_2022_23607_cookies_as_a_dict(self):
        """CVE-2022-23607: cookies given as a dict belong to the first origin alone."""
        for other in OTHERS:
            network = Origins()
            with client_for(network, cookies={"s": "canary"}) as client:
                client.get("https://a.example/")
                client.get(other + "/")
                client.get("https://a.example/y")
            self.assertEqual([s.values("cookie") for s in network.seen], [["s=canary"], [], ["s=canary"]])

    def test_cve_2011_1521_file_urls(self):
        """CVE-2011-1521, -2019-9948: nothing but http and https, by redirect or directly."""
        for target in ["file:///etc/passwd", "file://localhost/etc/passwd", "ftp://a.example/",
                       "data:text/plain,x", "gopher://a.example/", "jar:http://a.example/"]:
            network = Origins({"https://a.example/": moved(target)})
            with client_for(network) as client:
                with self.assertRaises(StatusError):
                    client.get("https://a.example/")
                with self.assertRaises(ValueError):
                    client.get(target)
            self.assertEqual(len(network.seen), 1)
        for target in ["local_file:///etc/passwd", "local-file:///etc/passwd"]:
            network = Origins({"https://a.example/": moved(target)})
            with client_for(network) as client:
                try:
                    client.get("https://a.example/")
                except StatusError:
                    pass
                with self.assertRaises(ValueError):
                    client.get(target)
            # Whatever it is taken for, it is a path of the same origin.
            self.assertEqual({s.origin for s in network.seen}, {"https://a.example"})


class ClientHeaders(unittest.TestCase):
    def test_bound_to_the_first_origin(self):
        """Those of the client that say who it is go to the first origin only."""
        secrets = {
            "authorization": "Bearer canary", "Cookie": "a=canary",
            "PROXY-Authorization": "canary", "X-Other": "1",
        }
        for other in OTHERS:
            network = Origins()
            with client_for(network, headers=secrets) as client:
                client.get("https://a.example/")
                client.get(other + "/")
                client.open(other + "/")
                client.open(urllib.request.Request(other + "/"))
                client.get("https://A.example:443/x", headers={"X-Call": "2"})
                client.open("https://a.example/y")
            for seen in network.at(other):
                self.assertNotIn("canary", repr(seen.pairs))
                self.assertEqual(seen.values("x-other"), ["1"])
            self.assertEqual(len(network.at(other)), 3)
            for seen in (network.seen[0], *network.seen[-2:]):
                self.assertEqual(seen.values("authorization"), ["Bearer canary"])
                self.assertEqual(seen.values("cookie"), ["a=canary"])


class Body(unittest.TestCase):
    def test_https_to_http(self):
        """A body is not carried from https to http; a login's password is in it."""
        for status in (307, 308):
            network = Origins({"https://a.example/": moved("http://a.example/", status)})
            with Canary("canary") as canary, client_for(network) as client:
                with self.assertRaises(StatusError) as caught:
                    client.post("https://a.example/", data={"lgpassword": "canary"})
                canary.look(caught.exception)
            self.assertEqual(len(network.seen), 1)

    def test_secure_cookies_stay_on_https(self):
        """A Secure cookie does not follow a redirect to http."""
        store = CookieStore()
        network = Origins({"https://a.example/": (200, [("Set-Cookie", "s=canary; Secure; Path=/")], b""),
                           "https://a.example/x": moved("http://a.example/y")})
        with client_for(network, cookies=store) as client:
            client.get("https://a.example/")
            client.get("https://a.example/x")
        self.assertEqual([s.values("cookie") for s in network.seen], [[], ["s=canary"], []])


if __name__ == "__main__":
    unittest.main()
