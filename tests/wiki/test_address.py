"""wikistd.wiki.address: an HttpClient from the arguments that requests' users know."""

import os
import pathlib
import socket
import time
import unittest
from unittest import mock

from tests.support.clients import certificate, wrap_server
from tests.support.scripted import ScriptedServer, reply
from wikistd import ConnectFailed, HttpClient, Session
from wikistd.errors import WikistdError
from wikistd.wiki.address import find_api_url, make_client

OK = reply(b"{}", headers=[("Content-Type", "application/json")])
TARGET = "/w/api.php?action=query&format=json"
ANSWERED = ["GET " + TARGET, OK]


class Clients(unittest.TestCase):
    def test_made_by_the_session(self):
        with Session("https://x.example", "a/1", timeout=7, max_redirects=3) as session:
            self.assertIsInstance(session.session, HttpClient)
            self.assertEqual(session.session.timeout, 7)
            self.assertEqual(session.session.max_redirects, 3)

    def test_names_of_requests(self):
        """verify, cert and trust_env have other names in HttpClient."""
        for given in (
            {"verify": False},
            {"verify": True},
            {"trust_env": False},
            {"trust_env": True},
            {"auth": ("u", "p"), "cookies": {"a": "b"}, "headers": {"X": "1"}},
            {"proxies": {"https": "http://127.0.0.1:1"}, "trust_env": False},
            {"auth": None},
        ):
            make_client(None, 3, given).close()

    def test_files_that_are_missing(self):
        """A CA file or client certificate that is not there is told at once."""
        for given in ({"verify": "/no/such/ca.pem"}, {"cert": "/no/such/cert.pem"}):
            with self.assertRaisesRegex(FileNotFoundError, "/no/such/.*.pem is not there"):
                make_client("a/1", 3, given)


class OfASession(unittest.TestCase):
    """What a Session is given reaches the wire."""

    def ask(self, server, host=None, **arguments):
        arguments.setdefault("trust_env", False)
        with Session(host or server.url, "a/1", timeout=10, **arguments) as session:
            session.get(action="query")
        return server.requests[-1] if server.requests else None

    def test_verify_and_cert(self):
        for arguments in ({"verify": certificate("authority")}, {"verify": False}):
            with ScriptedServer(ANSWERED, wrap=wrap_server()) as server:
                self.ask(server, **arguments)
        path = pathlib.Path(certificate("authority"))
        for verify in (path, False):
            wrap = wrap_server(client_authority="authority")
            with ScriptedServer(ANSWERED, wrap=wrap) as server:
                self.ask(server, verify=verify, cert=certificate("person"))

    def test_verify_is_the_default(self):
        """Nobody is trusted unasked; it is told at once and not tried again."""
        for arguments in ({}, {"verify": True}):
            with Refusing([], wrap=wrap_server()) as server:
                with self.assertRaises(ConnectFailed) as caught:
                    self.ask(server, **arguments)
            self.assertEqual(caught.exception.phase, "tls")
            self.assertEqual(len(caught.exception.attempts), 1)

    def test_names_that_are_unknown(self):
        """Told at once, not tried again."""
        failure = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        with mock.patch("socket.getaddrinfo", side_effect=failure):
            with self.assertRaises(ConnectFailed) as caught:
                self.ask(None, "http://wiki.test")
        self.assertEqual(caught.exception.phase, "dns")
        self.assertEqual(len(caught.exception.attempts), 1)

    def test_proxies(self):
        """A proxy that is given, or one of the environment unless it is not trusted."""
        far = "http://wiki.test"
        for scheme in ("http", "all"):
            with ScriptedServer(["GET http://wiki.test" + TARGET, OK]) as proxy:
                self.ask(proxy, far, proxies={scheme: proxy.url})
        with ScriptedServer(["GET http://wiki.test" + TARGET, OK]) as proxy:
            with mock.patch.dict(os.environ, {"http_proxy": proxy.url, "no_proxy": ""}):
                self.ask(proxy, far, trust_env=True)
        with ScriptedServer(ANSWERED) as server:
            trap = {"http_proxy": "http://127.0.0.1:1", "no_proxy": "", "NO_PROXY": ""}
            with mock.patch.dict(os.environ, trap):
                self.ask(server)

    def test_headers_cookies_and_auth(self):
        asks = reply(b"", "401 Unauthorized", [("WWW-Authenticate", 'Basic realm="x"')])
        with ScriptedServer(["GET " + TARGET, asks] + ANSWERED) as server:
            got = self.ask(
                server, auth=("u", "p"), cookies={"a": "b"}, headers={"X-One": "1"}
            )
        self.assertEqual(got.get("Authorization"), "Basic dTpw")
        self.assertEqual((got.get("Cookie"), got.get("X-One")), ("a=b", "1"))
        self.assertEqual(got.get("User-Agent"), "a/1")

    def test_redirects(self):
        there = reply(b"", "302 Found", [("Location", TARGET)])
        with ScriptedServer(["GET " + TARGET, there] * 3) as server:
            with self.assertRaisesRegex(WikistdError, "redirect"):
                self.ask(server, max_redirects=2, api_path="/w/api.php")


class Refusing(ScriptedServer):
    """A server with which the handshake fails."""

    def __exit__(self, *error):
        self.problems, self.script = [], []
        super().__exit__(*error)


class Links(unittest.TestCase):
    def find(self, page):
        return find_api_url(page, "https://x.example:8443/wiki/Main")

    def test_none(self):
        self.assertIsNone(self.find(""))
        self.assertIsNone(self.find('<link rel="EditURI">'))
        self.assertIsNone(self.find('<link rel="icon" href="/api.php">'))

    def test_large_page(self):
        """A page that is nothing but half links costs no minute."""
        began = time.process_time()
        self.assertIsNone(self.find("<link rel='EditURI' " * 200000))
        self.assertLess(time.process_time() - began, 2)

    def test_found(self):
        """Whatever scheme and port the wiki believes it has; never another host."""
        for href in (
            "../w/api.php?action=rsd",
            "//x.example/w/api.php?action=rsd",
            "http://x.example/w/api.php?a=b&amp;c=d",
        ):
            self.assertEqual(
                self.find("<link rel='EditURI' href='%s' />" % href),
                "https://x.example:8443/w/api.php",
            )
        self.assertIsNone(self.find('<link rel="EditURI" href="//y.example/api.php">'))
