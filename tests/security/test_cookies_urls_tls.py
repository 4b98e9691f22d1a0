"""Cookies, URLs and TLS: the host that is checked is the host that is spoken to."""

import os
import pickle
import socket
import ssl
import stat
import tempfile
import unittest
import urllib.parse
import urllib.request
from email.message import Message

from wikistd import ConnectFailed, CookieStore, ProxySettings, WikistdError, parse_proxy
from wikistd.web.request import check_url

from ..support.clients import certificate, make_client, wrap_server
from ..support.scripted import ScriptedServer, reply
from .network import Bytes, Origins, client_for, on_bytes


class Answer:
    def __init__(self, *lines):
        self.message = Message()
        for line in lines:
            self.message["Set-Cookie"] = line

    def info(self):
        return self.message


def receive(store, url, *lines):
    store.extract_cookies(Answer(*lines), urllib.request.Request(url))


def sent(store, url):
    request = urllib.request.Request(url)
    store.add_cookie_header(request)
    return request.unredirected_hdrs.get("Cookie", "")


class Cookies(unittest.TestCase):
    def test_cve_2018_20852_domains_and_paths(self):
        """CVE-2018-20852, bpo-35647: lookalike domains and paths get nothing."""
        store = CookieStore()
        receive(store, "http://example.com/any/x", "d=1; Domain=example.com; Path=/any", "h=2; Path=/any")
        for url in ["http://pythonicexample.com/any/", "http://example.com.evil.example/any/",
                    "http://example.com/anybad", "http://example.com/", "http://xexample.com/any",
                    "http://example.co/any", "http://evil.example/any?example.com"]:
            self.assertEqual(sent(store, url), "", url)
        self.assertEqual(sent(store, "http://sub.example.com/any"), "d=1")
        self.assertEqual(sent(store, "http://example.com/any"), "d=1; h=2")
        receive(store, "http://pythonicexample.com/", "evil=1; Domain=example.com")
        self.assertNotIn("evil", sent(store, "http://example.com/any"))

    def test_cve_2026_54279_files(self):
        """CVE-2026-54279, -34993, save() of 3.14: host-only and expiry survive, 0600, no pickle."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ["c.lwp", "c.txt"]:
                path = os.path.join(folder, name)
                store = CookieStore(path, now=lambda: 1_800_000_000.0)
                receive(store, "https://a.example/", "h=1; Max-Age=86400; Secure", "d=2; Domain=a.example")
                watched = os.umask(0)
                try:
                    store.save()
                finally:
                    os.umask(watched)
                if os.name == "posix":
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
                other = CookieStore(path, now=lambda: 1_800_000_000.0)
                other.load()
                self.assertEqual(sent(other, "https://sub.a.example/"), "d=2")
                self.assertEqual([c.expires for c in other if c.name == "h"], [1_800_086_400])
                late = CookieStore(path, now=lambda: 1_800_086_400.0)
                late.load()
                self.assertEqual(sent(late, "https://a.example/"), "d=2")
                with open(path, "wb") as file:
                    file.write(pickle.dumps({"canary": 1}))
                import http.cookiejar

                with self.assertRaises((http.cookiejar.LoadError, ValueError)):
                    CookieStore(path).load()

    def test_cve_2026_54279_no_half_file(self):
        """The file is replaced as a whole: a reader at any moment finds a sound one."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "c.lwp")
            store = CookieStore(path)
            receive(store, "https://a.example/", "a=1; Max-Age=999")
            store.save()
            before = os.stat(path).st_ino
            handle = open(path)
            receive(store, "https://a.example/", "a=2; Max-Age=999")
            store.save()
            self.assertNotEqual(os.stat(path).st_ino, before)
            with handle:
                self.assertIn("a=1", handle.read())


class Urls(unittest.TestCase):
    #: What somebody may take for another host than somebody else.
    CONFUSING = [
        "http://a.com\uff03@b.com/", "http://a.com\uff0f@b.com/", "http://a.com\u2100.b.com/",
        "http://a\uff20b.com/", "http://a.com\uff1a80/", "http://a.com\ufe16.b.com/",
        " http://a.com/", "\x00http://a.com/", "\thttp://a.com/", "http://[x]y/", "http://[v1.x]/",
        "http://[::1]y/", "http://x[::1]/", "http://[::1/", "http://::1]/", "http://[]/", "http://[::1%]/",
        "http://a.com\\@b.com/", "http://a.com\\.b.com/", "http://a.com:80:81/", "http://a.com:0x50/",
        "http://a.com:+80/", "http://a.com:\u0668\u0660/", "http://a.com:99999/", "http://a.com:-1/",
        "http:///a.com/", "http:a.com/", "http://", "http://:80/", "//a.com/", "a.com", "",
        "http://a,b.com\u3002c/\x85", "http://a%2fb.com/", "http://a%00b/", "http://a<b/", "http://a b/",
    ]

    def test_cve_2019_9636_hosts(self):
        """CVE-2019-9636, -10160, 2023-24329, 2024-11168, 2025-0938: refused before a byte."""
        network = Bytes()
        with on_bytes(network) as client:
            for url in self.CONFUSING:
                with self.subTest(url=url):
                    with self.assertRaises(ValueError):
                        client.get(url)
        self.assertEqual(network.opened, [])

    def test_cve_2019_9636_checked_is_connected(self):
        """The host that is connected to is the one that urllib and the origin see."""
        for url, host, port in [
            ("http://a.example:8080/", "a.example", 8080), ("http://A.Example/", "a.example", 80),
            ("http://u:p@a.example/", "a.example", 80), ("http://a.example?@b.example/", "a.example", 80),
            ("http://a.example#@b.example/", "a.example", 80), ("http://b.example@a.example/", "a.example", 80),
            ("http://127.0.0.1/", "127.0.0.1", 80), ("http://[::1]:81/", "::1", 81),
            ("http://b\u00fccher.example/", "xn--bcher-kva.example", 80),
        ]:
            with self.subTest(url=url):
                network = Bytes(**{host.replace(".", "_"): b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"})
                with on_bytes(network) as client:
                    client.get(url)
                self.assertEqual([(h.lower(), p) for h, p in network.opened], [(host, port)])
                head = network.sent[network.opened[0][0]].decode()
                shown = [line for line in head.split("\r\n") if line.lower().startswith("host:")]
                self.assertEqual(len(shown), 1)
                name = urllib.parse.urlsplit("//" + shown[0][5:].strip()).hostname
                self.assertEqual(name, host)

    def test_cve_2021_41945_urls_from_parts(self):
        """CVE-2021-41945: a URL made of parts is checked again, as a whole.

        By a redirect, and by parameters, no other host can be reached.
        """
        for location in ["//b.example@a.example/", "\\\\b.example/", "/\\b.example/", "http:b.example/",
                         "http:/b.example/", "///b.example/", "/%2f/b.example/", ".//b.example"]:
            network = Origins({"http://a.example/": (302, [("Location", location)], b"")})
            with client_for(network) as client:
                try:
                    client.get("http://a.example/")
                except (WikistdError, ValueError):
                    pass
            for seen in network.seen:
                host = urllib.parse.urlsplit(seen.url).hostname
                self.assertEqual(host, "a.example", location)
        network = Origins()
        with client_for(network) as client:
            client.get("http://a.example", params={"@b.example/": "x"})
        self.assertIn(network.seen[0].url, [
            "http://a.example?%40b.example%2F=x", "http://a.example/?%40b.example%2F=x"])
        self.assertEqual(check_url("http://a.example/?@b"), "http://a.example/?@b")

    def test_cve_2016_1000110_httpoxy(self):
        """CVE-2016-1000110: HTTP_PROXY is ignored where REQUEST_METHOD is set."""
        before = dict(os.environ)
        try:
            for name in list(os.environ):
                if name.lower().endswith("_proxy"):
                    del os.environ[name]
            os.environ.update(HTTP_PROXY="http://evil.example:1", REQUEST_METHOD="GET")
            self.assertIsNone(ProxySettings().find("http", "a.example", 80)[0])
            network = Bytes(a_example=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            with on_bytes(network, proxies=None) as client:
                client.get("http://a.example/")
            self.assertEqual(network.opened, [("a.example", 80)])
        finally:
            os.environ.clear()
            os.environ.update(before)

    def test_cve_2026_25645_temporary_names(self):
        """CVE-2026-25645: no file has a name that can be known before, nor follows a link."""
        with tempfile.TemporaryDirectory() as folder:
            names = set()
            real = os.open

            def watched(path, flags, *args, **how):
                if isinstance(path, str) and path.startswith(folder) and ".lock" not in path:
                    names.add(path)
                    self.assertTrue(flags & os.O_EXCL, path)
                return real(path, flags, *args, **how)

            os.open = watched
            try:
                for _ in range(3):
                    CookieStore(os.path.join(folder, "c.lwp")).save()
            finally:
                os.open = real
            self.assertEqual(len(names), 3)
            network = Origins({"http://a.example/f": (200, [], b"data")})
            with client_for(network) as client:
                target = os.path.join(folder, "f")
                client.download("http://a.example/f", target)
                with open(target, "rb") as file:
                    self.assertEqual(file.read(), b"data")
            self.assertEqual(sorted(os.listdir(folder)), ["c.lwp", "c.lwp.lock", "f"])


class Tls(unittest.TestCase):
    def refused(self, name, **options):
        options.setdefault("ca_file", certificate("authority"))
        with ScriptedServer([], wrap=quiet(wrap_server(name))) as server:
            with make_client(**options) as client:
                with self.assertRaises(ConnectFailed) as caught:
                    client.get("https://localhost:%d/" % server.port)
        self.assertEqual(caught.exception.phase, "tls")
        return str(caught.exception)

    def test_cve_2014_9365_verification(self):
        """CVE-2014-9365, 2013-2037, 2016-9015: wrong host, expired, unknown authority fail."""
        for name in ["otherhost", "expired"]:
            self.refused(name)
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty.pem")
            with open(certificate("laxauthority")) as source, open(empty, "w") as target:
                target.write(source.read())
            self.refused("server", ca_file=empty)

    def test_cve_2014_9365_each_connection(self):
        """Every connection is verified, not only the first; a kept one only when it was."""
        wraps = iter([wrap_server("server"), quiet(wrap_server("otherhost"))])
        with ScriptedServer(["GET /1", reply(b"1", headers=[("Connection", "close")])], [],
                            wrap=lambda sock: next(wraps)(sock)) as server:
            with make_client(ca_file=certificate("authority")) as client:
                url = "https://localhost:%d" % server.port
                self.assertEqual(client.get(url + "/1").content, b"1")
                with self.assertRaises(ConnectFailed):
                    client.get(url + "/2")

    def test_cve_2019_11324_only_that_file(self):
        """CVE-2019-11324, 2021-28363, PSF-2019-13: ca_file means that file alone."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = certificate("authority")
        try:
            self.refused("server", ca_file=certificate("laxauthority"))
        finally:
            del os.environ["SSL_CERT_FILE"]
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before

    def test_cve_2021_28363_proxy(self):
        """CVE-2021-28363: the certificate of a proxy spoken to by TLS is verified too."""
        for name in ["otherhost", "expired"]:
            with ScriptedServer([], wrap=quiet(wrap_server(name))) as server:
                proxies = {"all": "https://user:canary@localhost:%d" % server.port}
                with make_client(proxies=proxies, ca_file=certificate("authority")) as client:
                    with self.assertRaises(ConnectFailed) as caught:
                        client.get("http://a.example/")
                self.assertNotIn("canary", str(caught.exception))
            self.assertEqual(server.requests, [])

    def test_cve_2023_40217_before_the_handshake(self):
        """CVE-2023-40217: bytes before the handshake are no answer; the connection ends."""
        def chatter(sock):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            raise ConnectionResetError

        with ScriptedServer([], wrap=quiet(chatter)) as server:
            with make_client(ca_file=certificate("authority")) as client:
                with self.assertRaises(WikistdError):
                    client.get("https://localhost:%d/" % server.port)
                self.assertEqual(client.keepalive.pool.idle_count, 0)

    def test_psf_2019_13_addresses(self):
        """PSF-2019-13: a certificate for one address does not fit another that begins so."""
        self.assertIsNotNone(parse_proxy("https://127.0.0.10:1"))
        with ScriptedServer([], wrap=quiet(wrap_server("otherhost"))) as server:
            with make_client(ca_file=certificate("authority")) as client:
                with self.assertRaises(ConnectFailed):
                    client.get("https://127.0.0.1:%d/" % server.port)


def quiet(wrap):
    """Return `wrap` for a handshake that is going to fail: nothing is unscripted in that."""

    def attempt(sock):
        try:
            return wrap(sock)
        except (ssl.SSLError, OSError):
            sock.close()
            raise socket.timeout("the client went, as it should") from None

    return attempt


if __name__ == "__main__":
    unittest.main()
