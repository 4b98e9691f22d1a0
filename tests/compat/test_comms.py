"""compat/comms.py: fetch, request and their like, as pywikibot.comms.http has them."""

import codecs
import logging
import unittest

from wikistd.compat.agents import FAKE_USER_AGENT
from wikistd.compat.comms import (
    error_handling_callback,
    fetch,
    get_authentication,
    request,
    user_agent,
)
from wikistd.compat.defaults import CommsClient, set_default_client
from wikistd.errors import ConnectFailed, ProtocolError, StatusError, TransportError
from wikistd.web.client import HttpClient

from .network import Network, ok


LOGGER = logging.getLogger(CommsClient.__module__.partition(".")[0] + ".web")


class Comms(unittest.TestCase):
    """Tests with a default client on a scripted network."""

    def setUp(self):
        silent = logging.NullHandler()
        LOGGER.addHandler(silent)
        LOGGER.propagate = False
        self.addCleanup(LOGGER.removeHandler, silent)
        self.addCleanup(setattr, LOGGER, "propagate", True)

    def start(self, *script, **how):
        self.network = Network(*script)
        how.setdefault("user_agent_format", "{username}/{script} {pwb}")
        how.setdefault("username", "Example Bot")
        client = CommsClient(transport=self.network, **how)
        before = set_default_client(client)
        self.addCleanup(client.close)
        self.addCleanup(set_default_client, before)
        return client


class Fetching(Comms):
    def test_plain(self):
        """A GET with our User-Agent; the answer is a Response."""
        self.start(ok(b"body"))
        response = fetch("https://a.example/x")
        self.assertEqual((response.status_code, response.text), (200, "body"))
        self.assertEqual(self.network.seen[0][:2], ("GET", "https://a.example/x"))
        self.assertTrue(self.network.header("user-agent").startswith("Example_Bot/"))

    def test_arguments(self):
        """params, data, json, files, cookies, timeout, allow_redirects are passed on."""
        self.start(*[ok()] * 5, ok(status=302, headers=[("Location", "/y")]))
        fetch("https://a.example/x", params={"a": "b c"})
        self.assertEqual(self.network.seen[-1][1], "https://a.example/x?a=b+c")
        fetch("https://a.example/x", "POST", data={"a": "b"}, cookies={"k": "v"})
        self.assertEqual(self.network.seen[-1][0], "POST")
        self.assertEqual(bytes(self.network.seen[-1][3]), b"a=b")
        self.assertEqual(self.network.header("cookie"), "k=v")
        fetch("https://a.example/x", method="PUT", json={"a": 1})
        self.assertEqual(self.network.header("content-type"), "application/json")
        fetch("https://a.example/x", "POST", files={"f": b"data"})
        self.assertTrue(self.network.header("content-type").startswith("multipart/form-data"))
        fetch("https://a.example/x", timeout=5)
        self.assertLessEqual(self.network.seen[-1][4], 5)
        self.assertEqual(fetch("https://a.example/x", allow_redirects=False).status, 302)

    def test_unknown_argument(self):
        """What is not known is a TypeError."""
        self.start()
        with self.assertRaises(TypeError) as caught:
            fetch("https://a.example/", hooks={})
        self.assertEqual(
            str(caught.exception), "fetch() got an unexpected keyword argument 'hooks'"
        )

    def test_headers(self):
        """The caller's headers are not changed; extra headers win in any case."""
        self.start(ok(), extra_headers={"X-Tool": "extra", "Accept": "a/b"})
        given = {"x-tool": "mine", "X-Other": "1"}
        fetch("https://a.example/", headers=given)
        self.assertEqual(given, {"x-tool": "mine", "X-Other": "1"})
        sent = self.network.seen[0][2]
        self.assertEqual((sent["x-tool"], sent["x-other"], sent["accept"]), ("extra", "1", "a/b"))

    def test_stream(self):
        """With stream the body is not read, and the encoding is what was asked for."""
        self.start(ok(b"abc", "text/plain; charset=latin-1"), ok(b"abc"))
        with fetch("https://a.example/", stream=True, charset="utf-16") as response:
            self.assertEqual(response._encoding, "utf-16")
            self.assertEqual(response.read(), b"abc")
        fetch("https://a.example/", stream=True).close()


class UserAgents(Comms):
    def sent(self, *args, **how):
        self.network.script.append(ok())
        fetch(*args, **how)
        return self.network.header("user-agent")

    def test_choice(self):
        """Ours, a browser's, a text, or what the header says: literally or as a format."""
        self.start()
        ours = user_agent()
        url = "http://a.example/"
        for how, wanted in [
            ({}, ours), ({"use_fake_user_agent": True}, FAKE_USER_AGENT),
            ({"use_fake_user_agent": "Mine/1"}, "Mine/1"),
            ({"headers": {"User-Agent": "Own/1 ()  (as it is)"}}, "Own/1 ()  (as it is)"),
            ({"headers": {"user-agent": "Own/2"}, "use_fake_user_agent": True}, "Own/2"),
            ({"headers": {"USER-AGENT": ""}}, ours),
            ({"headers": {"User-Agent": "X {pwb}"}}, "X " + ours.split()[-1]),
        ]:
            with self.subTest(how=how):
                self.assertEqual(self.sent(url, **how), wanted)

    def test_invalid(self):
        """Anything else is an invalid parameter."""
        for value in ["", None, 0, 1.5]:
            self.start()
            with self.assertRaises(ValueError) as caught:
                fetch("http://a.example/", use_fake_user_agent=value)
            self.assertEqual(
                str(caught.exception), "Invalid parameter: use_fake_user_agent=%s" % (value,)
            )

    def test_exceptions(self):
        """The table of exceptions comes before the argument."""
        self.start(fake_user_agent_exceptions={"a.example": True, "b.example:81": "B/1", "c.example": False})
        self.assertEqual(self.sent("http://a.example/"), FAKE_USER_AGENT)
        self.assertEqual(self.sent("http://a.example:8080/"), FAKE_USER_AGENT)
        self.assertEqual(self.sent("http://b.example:81/"), "B/1")
        self.assertEqual(self.sent("http://c.example/", use_fake_user_agent=True), user_agent())

    def test_never_to_wikimedia(self):
        """No faked one goes to a Wikimedia host, directly or by a redirect."""
        self.start()
        ours = user_agent()
        for fake in (True, "Mozilla/5.0 mine"):
            self.assertEqual(self.sent("https://en.wikipedia.org/", use_fake_user_agent=fake), ours)
            self.network.script += [ok(status=302, headers=[("Location", "https://www.wikidata.org/")]), ok()]
            fetch("http://a.example/", use_fake_user_agent=fake)
            self.assertEqual(self.network.header("user-agent"), ours)

    def test_function(self):
        """user_agent() is the default client's, or any format's."""
        self.start(user_agent_description="a test", user_agent_format="({script_comments}) {username}")
        self.assertEqual(user_agent(), "(a test) Example_Bot")
        self.assertEqual(user_agent(None, "{username}!"), "Example_Bot!")


class Authentication(Comms):
    TABLE = {"*.b.c": ("u", "p"), "a.b.c": ("ck", "cs", "tk", "ts"), "d.e": ("1", "2", "3")}

    def test_lookup(self):
        """The table of the default client, as get_authentication reads it."""
        self.start(authenticate=self.TABLE)
        self.assertEqual(get_authentication("http://x.b.c/"), ("u", "p"))
        self.assertEqual(get_authentication("http://a.b.c/"), ("ck", "cs", "tk", "ts"))
        self.assertIsNone(get_authentication("http://b.c/"))
        with self.assertWarns(UserWarning):
            self.assertIsNone(get_authentication("http://d.e/"))

    def test_fetch(self):
        """Pairs answer challenges, four strings sign; auth=None sends nothing."""
        self.start(
            ok(status=401, headers=[("WWW-Authenticate", 'Basic realm="x"')]), ok(), ok(), ok(), ok(),
            authenticate=self.TABLE,
        )
        fetch("http://x.b.c/")
        self.assertEqual(self.network.header("authorization"), "Basic dTpw")
        fetch("http://x.b.c/")
        self.assertEqual(len(self.network.seen), 3)
        fetch("http://a.b.c/")
        self.assertTrue(self.network.header("authorization").startswith("OAuth "))
        fetch("http://x.b.c/", auth=None)
        self.assertIsNone(self.network.header("authorization"))

    def test_given(self):
        """auth= of a call comes before the table."""
        from wikistd.web.logins import BearerAuth

        self.start(ok(), authenticate=self.TABLE)
        fetch("http://a.b.c/", auth=BearerAuth("t"))
        self.assertEqual(self.network.header("authorization"), "Bearer t")


class Callbacks(Comms):
    def test_order(self):
        """The callbacks get the response one after the other."""
        self.start(ok())
        calls = []
        response = fetch("http://a.example/", callbacks=[lambda r: calls.append(r), calls.append])
        self.assertEqual(calls, [response, response])

    def test_default_handling_first(self):
        """error_handling_callback is the first; when it raises no other is called."""
        self.start(ok(status=503))
        calls = []
        with self.assertRaises(StatusError):
            fetch("http://a.example/", callbacks=[calls.append])
        self.assertEqual(calls, [])

    def test_exception_is_returned(self):
        """Without default handling callbacks get the exception, and it is returned."""
        self.start(OSError("down"))
        calls = []
        outcome = fetch("http://a.example/", default_error_handling=False, callbacks=[calls.append])
        self.assertIsInstance(outcome, TransportError)
        self.assertEqual(calls, [outcome])

    def test_exception_is_raised(self):
        """With default handling it is raised."""
        self.start(OSError("down"))
        with self.assertRaises(TransportError):
            fetch("http://a.example/")
        self.start()
        with self.assertRaises(ValueError):
            fetch("ftp://a.example/")

    def test_statuses(self):
        """414 and 500 on are errors that say so; others are only logged."""
        for status, why in [
            (414, "URI is too long: http://a.example/x; send it as POST"),
            (504, "Server a.example timed out"),
            (503, "503 Server Error: Service Unavailable at http://a.example/x"),
            (500, "500 Server Error: Internal Server Error at http://a.example/x"),
        ]:
            self.start(ok(b"why", status=status))
            with self.assertRaises(StatusError) as caught:
                fetch("http://a.example/x?token=canary")
            self.assertEqual(str(caught.exception), why)
            self.assertEqual((caught.exception.status, caught.exception.body), (status, b"why"))
        for status in (403, 404, 429, 304):
            self.start(ok(status=status))
            with self.assertLogs(LOGGER, "WARNING") as logs:
                self.assertEqual(fetch("http://a.example/x?token=canary").status, status)
            self.assertEqual(
                logs.records[0].getMessage(), "HTTP response status %d of http://a.example/x" % status
            )
        for status in (200, 207):
            self.start(ok(status=status))
            with self.assertLogs(LOGGER, "WARNING") as logs:
                LOGGER.warning("only this")
                self.assertEqual(fetch("http://a.example/x").status, status)
            self.assertEqual(len(logs.records), 1)

    def test_callback_alone(self):
        """error_handling_callback can be called by hand, also on a stream."""
        error = ConnectFailed("x")
        with self.assertRaises(ConnectFailed):
            error_handling_callback(error)
        self.start(ok(b"x", status=500))
        with self.assertRaises(StatusError) as caught:
            fetch("http://a.example/", stream=True)
        self.assertEqual(caught.exception.body, b"")
        caught.exception.response.close()


class Encodings(Comms):
    def decide(self, body, content_type, charset=None, headers=None):
        self.start(ok(body, content_type))
        return fetch("http://a.example/", headers=headers, charset=charset)

    def test_not_asked_for(self):
        """The header's, JSON's and XML's own, else latin-1."""
        for body, content_type, wanted in [
            (b"x", "text/html; charset=UTF-8", "utf-8"),
            (b"x", "text/html", "latin-1"),
            (b"x", "application/json", "utf-8"),
            (b"x", "application/xml", "utf-8"),
            (b'<?xml version="1.0" encoding="ISO-8859-2"?>', "text/xml", "ISO-8859-2"),
            (b"x", "text/html; charset=windows-1251", "cp1251"),
        ]:
            with self.subTest(content_type=content_type):
                self.assertEqual(self.decide(body, content_type)._encoding, wanted)

    def test_asked_for(self):
        """What is asked for, by argument or Accept-Charset, if the header says nothing else."""
        self.assertEqual(self.decide(b"x", "text/html", "utf-16be"[:6])._encoding, None)
        self.assertEqual(self.decide(b"xy", "text/html", "utf-16-be")._encoding, "utf-16-be")
        self.assertEqual(self.decide(b"x", "text/html", codecs.lookup("koi8-r"))._encoding, "koi8-r")
        self.assertEqual(
            self.decide(b"x", "text/html", headers={"Accept-Charset": "koi8-r;q=1, utf-8"})._encoding, "koi8-r"
        )
        self.assertEqual(self.decide(b"x", "text/html; charset=utf-8", "UTF-8")._encoding, "UTF-8")

    def test_both(self):
        """The header's if the body can be decoded so, else the one asked for, else a guess."""
        both = "text/html; charset=utf-8"
        self.assertEqual(self.decide("\u00e9".encode(), both, "latin-1")._encoding, "utf-8")
        self.assertEqual(self.decide(b"\xe9", both, "latin-1")._encoding, "latin-1")
        self.assertEqual(self.decide(b"\xe9", both, "ascii")._encoding, None)
        self.assertEqual(self.decide(b"\xe9", both).text, "\ufffd")
        self.assertEqual(self.decide(b"x", "text/html; charset=nonsense")._encoding, None)


class Requests(Comms):
    def test_host(self):
        """A host, with or without scheme; https unless protocol says otherwise."""
        for site, uri, protocol, wanted in [
            ("en.wikipedia.org", "/w/api.php", None, "https://en.wikipedia.org/w/api.php"),
            ("http://127.0.0.1:8000/", "w/api.php", None, "http://127.0.0.1:8000/w/api.php"),
            ("https://a.example", None, "http", "http://a.example/"),
        ]:
            self.start(ok())
            request(site, uri, protocol=protocol)
            self.assertEqual(self.network.seen[0][1], wanted)

    def test_site(self):
        """A Site says its own URL; the User-Agent is for it; its throttle learns."""

        class Throttle:
            retry_after = None

        class Site:
            sitename = "wikipedia:de"
            code = "de"
            throttle = Throttle()
            _oauth_disabled = True

            def base_url(self, uri, protocol=None):
                return "%s://de.example%s" % (protocol or "https", uri)

        self.start(ok(headers=[("Retry-After", "7")]), ok(), authenticate={"*": ("ck", "cs", "tk", "ts")})
        response = request(Site(), "/x", {"user-agent": "{site} {username}"}, charset="utf-8")
        self.assertEqual(response.encoding, "utf-8")
        self.assertEqual(self.network.seen[0][1], "https://de.example/x")
        self.assertEqual(self.network.header("user-agent"), "wikipedia:de Example_Bot")
        self.assertIsNone(self.network.header("authorization"))
        self.assertEqual(Site.throttle.retry_after, 7)
        Site._oauth_disabled = False
        request(Site(), "/x", {"User-Agent": "literal ()"}, method="POST", data={"a": "b"})
        self.assertEqual(self.network.header("user-agent"), "literal ()")
        self.assertTrue(self.network.header("authorization").startswith("OAuth "))
        self.assertEqual(Site.throttle.retry_after, 0)

    def test_session(self):
        """A Session's own client is used, so that its login counts."""

        class Session:
            host = "https://wiki.example"

            def __init__(self, client):
                self.session = client

        class Site:
            def __init__(self, session):
                self.session = session

            def base_url(self, uri, protocol=None):
                return self.session.host + uri

        self.start(ok())
        own = Network(ok(b"own", headers=[("Set-Cookie", "a=b")]), ok())
        with HttpClient(transport=own) as client:
            session = Session(client)
            self.assertEqual(request(session, "/w/api.php").content, b"own")
            request(session, "/w/api.php")
            self.assertEqual(own.header("cookie"), "a=b")
            self.assertEqual(self.network.seen, [])
            own.script.append(ok())
            request(Site(session), "/w/api.php")
            self.assertEqual(own.seen[-1][1], "https://wiki.example/w/api.php")
            self.assertEqual(own.header("cookie"), "a=b")
            request(session, "/w/api.php", proxies={"http": "p:1"})
            self.assertEqual(len(self.network.seen), 1)

    def test_neither(self):
        """Anything else is a TypeError."""
        self.start()
        with self.assertRaises(TypeError) as caught:
            request(7, "/")
        self.assertEqual(str(caught.exception), "site is a Session, a Site or a host name, not int")

    def test_errors(self):
        """Default error handling is on, and can be turned off."""
        self.start(ok(status=500), OSError("down"))
        with self.assertRaises(StatusError):
            request("a.example", "/")
        outcome = request("a.example", "/", default_error_handling=False)
        self.assertIsInstance(outcome, TransportError)
        self.assertNotIsInstance(outcome, ProtocolError)


if __name__ == "__main__":
    unittest.main()
