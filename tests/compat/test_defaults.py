"""compat/defaults.py: the one default client."""

import atexit
import http.cookiejar
import unittest

from wikistd.compat import defaults as module
from wikistd.compat.comms import fetch
from wikistd.compat.defaults import (
    CommsClient,
    DefaultCookies,
    cookie_jar,
    default_client,
    flush,
    set_default_client,
)
from wikistd.web.client import HttpClient

from .network import Network, ok


class Default(unittest.TestCase):
    def setUp(self):
        before = set_default_client(None)
        self.addCleanup(set_default_client, before)

    def test_inert(self):
        """Nothing is there before the first use."""
        self.assertNotIn("client", module.COMMS_STATE)
        self.assertEqual(repr(cookie_jar), "<DefaultCookies of a client not made yet>")
        self.assertNotIn("client", module.COMMS_STATE)

    def test_made_once(self):
        """The first use makes it, the second finds it."""
        client = default_client()
        self.addCleanup(client.close)
        self.assertIs(default_client(), client)
        self.assertEqual(client.client.timeout, (6.05, 45.0))

    def test_replaced(self):
        """set_default_client takes both kinds, and returns the one before."""
        one = CommsClient(transport=Network(ok(b"one")))
        self.assertIsNone(set_default_client(one))
        self.assertEqual(fetch("http://a.example/").content, b"one")
        with HttpClient(transport=Network(ok(b"two"), ok(b"three"))) as two:
            self.assertIs(set_default_client(two), one)
            self.assertEqual(fetch("http://a.example/").content, b"two")
            set_default_client(two)
            self.assertEqual(fetch("http://a.example/").content, b"three")
            handlers = [type(h).__name__ for h in two.opener.handlers]
            self.assertEqual(handlers.count("HonestHandler"), 1)
        with self.assertRaises(TypeError) as caught:
            set_default_client("canary")
        self.assertEqual(
            str(caught.exception), "the default client is a CommsClient or an HttpClient, not str"
        )
        one.close()

    def test_flush(self):
        """flush closes it; the next use makes a new one; flushing nothing is nothing."""
        client = CommsClient(transport=Network())
        variant = client.for_call(proxies={"http": "p:1"}, cert=None, verify=None)
        set_default_client(client)
        flush()
        flush()
        self.assertEqual(client._variants, {})
        self.assertIsNotNone(variant)
        self.assertNotIn("client", module.COMMS_STATE)

    def test_given_client_stays_open(self):
        """A client that was given is the caller's to close."""
        closed = []

        class Watched(HttpClient):
            def close(self):
                closed.append(1)

        client = Watched(transport=Network())
        CommsClient(client).close()
        self.assertEqual(closed, [])

    def test_at_exit(self):
        """flush is registered at exit, once, when a default client is first made."""
        calls = []
        real, before = atexit.register, module.COMMS_STATE.pop("exit", None)
        atexit.register = calls.append
        try:
            default_client().close()
            default_client()
            flush()
            default_client().close()
        finally:
            atexit.register = real
            if before is not None:
                module.COMMS_STATE["exit"] = before
            else:
                atexit.register(flush)
        self.assertEqual(calls, [flush])


class Cookies(unittest.TestCase):
    def setUp(self):
        before = set_default_client(None)
        self.addCleanup(set_default_client, before)

    def test_follows_the_client(self):
        """cookie_jar is the store of whichever client is the default now."""
        network = Network(ok(headers=[("Set-Cookie", "a=b")]), ok())
        client = CommsClient(transport=network)
        set_default_client(client)
        fetch("http://a.example/")
        self.assertEqual(len(cookie_jar), 1)
        self.assertEqual([c.name for c in cookie_jar], ["a"])
        self.assertIsInstance(client.client.cookies, http.cookiejar.LWPCookieJar)
        self.assertEqual(repr(cookie_jar), "<DefaultCookies: <CookieStore of 1 cookies>>")
        cookie_jar.clear()
        fetch("http://a.example/")
        self.assertIsNone(network.header("cookie"))

    def test_load_and_save(self):
        """load(user) and save() as in the documentation; save before load a ValueError."""
        set_default_client(CommsClient(transport=Network()))
        with self.assertRaises(ValueError):
            cookie_jar.save()
        self.assertFalse(hasattr(DefaultCookies(), "__wrapped__"))


class Arguments(unittest.TestCase):
    def test_either_or(self):
        """A client and arguments for one do not go together."""
        with HttpClient(transport=Network()) as client:
            with self.assertRaises(TypeError) as caught:
                CommsClient(client, proxies={})
        self.assertEqual(
            str(caught.exception), "give either a client or arguments for one, not both: proxies"
        )

    def test_variants(self):
        """What differs from the default has its own client, the same cookies, and stays."""
        client = CommsClient(transport=Network())
        plain = client.for_call(proxies=None, cert=None, verify=True)
        self.assertIs(plain, client.client)
        one = client.for_call(proxies={"http": "p:1"}, cert=None, verify=None)
        self.assertIs(client.for_call(proxies={"http": "p:1"}, cert=None, verify=None), one)
        self.assertIs(one.cookies, plain.cookies)
        two = client.for_call(proxies=None, cert=None, verify=False)
        self.assertIsNot(two, one)
        three = client.for_call(proxies=None, cert=[__file__, __file__], verify=__file__)
        again = client.for_call(proxies=None, cert=(__file__, __file__), verify=__file__)
        self.assertIs(again, three)
        by_text = client.for_call(proxies="p:2", cert=None, verify=None)
        self.assertIs(client.for_call(proxies="p:2", cert=None, verify=None), by_text)
        for i in range(module.MAX_COMMS_VARIANTS + 9):
            client.for_call(proxies={"http": "p:%d" % (i + 1)}, cert=None, verify=None)
        self.assertEqual(len(client._variants), module.MAX_COMMS_VARIANTS)
        with self.assertRaises(TypeError) as caught:
            client.for_call(proxies=None, cert=None, verify=3)
        self.assertEqual(
            str(caught.exception), "verify is True, False or the path of a file of CAs, not int"
        )
        self.assertTrue(repr(client).startswith("<CommsClient with <HttpClient"))
        client.close()

    def test_unverified(self):
        """verify=False believes anybody, with the client's certificate if there is one."""
        context = module.unverified_context(None)
        self.assertEqual((context.check_hostname, context.verify_mode), (False, 0))
        with self.assertRaises(OSError):
            module.unverified_context("no-such-file.pem")


if __name__ == "__main__":
    unittest.main()
