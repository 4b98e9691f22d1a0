"""web/logins.py: passwords and tokens, each for who asks for it."""

import os
import pickle
import tempfile
import unittest
import urllib.request

from wikistd.formats.headers import parse_challenges
from wikistd.web.credentials import AuthHandler
from wikistd.web.logins import BasicAuth, BearerAuth, FunctionAuth, NetrcAuth, PasswordAuth
from wikistd.web.redirects import RedirectHandler

from .openers import DIGEST, answer, basic, guard, shown, talk


class Basic(unittest.TestCase):
    def test_waits_then_does_not(self):
        """Sent when asked for, and from then on without waiting."""
        visit, network = talk([AuthHandler(auth=BasicAuth("u", "p"))], *[guard()] * 3)
        self.assertEqual([visit("http://a.example/"), visit("http://a.example/2")], [200, 200])
        self.assertEqual(shown(network), [None, basic("u", "p"), basic("u", "p")])

    def test_several_origins(self):
        """One object for several origins knows who asked."""
        handler = AuthHandler(authenticate={"*": BasicAuth("u", "p")})
        visit, network = talk([handler], *[guard()] * 6)
        for url in ["http://a.example/", "http://b.example/"] * 2:
            self.assertEqual(visit(url), 200)
        known = basic("u", "p")
        self.assertEqual(shown(network), [None, known, None, known, known, known])

    def test_preemptive(self):
        """From the first request on if it says so."""
        visit, network = talk(
            [AuthHandler(auth=BasicAuth("u", "p", preemptive=True))], *[guard()] * 3
        )
        self.assertEqual(visit("http://a.example/"), 200)
        self.assertEqual(shown(network), [basic("u", "p")])

    def test_wrong_password(self):
        """Two requests; it is not sent in advance later."""
        visit, network = talk([AuthHandler(auth=BasicAuth("u", "wrong"))], *[guard()] * 4)
        self.assertEqual([visit("http://a.example/"), visit("http://a.example/")], [401, 401])
        self.assertEqual(len(network.seen), 4)
        self.assertEqual(shown(network)[::2], [None, None])

    def test_spaces(self):
        """Spaces are no controls."""
        self.assertEqual(BasicAuth("a b", "c d").credentials, basic("a b", "c d"))

    def test_utf8(self):
        """Name and password are UTF-8."""
        auth = BasicAuth("J\u00e4s\u00f8n", "\u2603", preemptive=True)
        self.assertEqual(auth.credentials, basic("J\u00e4s\u00f8n", "\u2603"))

    def test_memory_is_bounded(self):
        """It remembers a thousand origins, not any number."""
        auth = BasicAuth("u", "p")
        challenges = parse_challenges('Basic realm="x"')
        for i in range(1100):
            request = urllib.request.Request("http://h%d.example/" % i)
            self.assertTrue(auth.handle_challenge(request, challenges))
        self.assertLessEqual(len(auth._wanted_by), 1000)

    def test_refused(self):
        """A colon in the name, or a control anywhere, does not fit Basic."""
        for user, password, why in [
            ("a:b", "c", "a user name with a colon does not fit Basic (RFC 7617)"),
            ("a", "c\n", "user name or password holds a control character (RFC 7617)"),
            ("a", "c\x1f", "user name or password holds a control character (RFC 7617)"),
            ("a\x7f", "c", "user name or password holds a control character (RFC 7617)"),
        ]:
            with self.assertRaises(ValueError) as caught:
                BasicAuth(user, password)
            self.assertEqual(str(caught.exception), why)

    def test_unknown_schemes(self):
        """A list of challenges with unknown schemes, charset first, works."""
        for value in [
            'Negotiate, Bearer realm="x", Basic realm="wiki"',
            'Basic charset="UTF-8", realm="wiki"',
            'NTLM TlRM==, basic REALM=wiki',
        ]:
            with self.subTest(value=value):
                step = guard(challenge=("WWW-Authenticate", value))
                visit, network = talk([AuthHandler(auth=BasicAuth("u", "p"))], step, step)
                self.assertEqual(visit("http://a.example/"), 200)

    def test_no_basic_offered(self):
        """Basic is not sent to who asks for something else."""
        visit, network = talk([AuthHandler(auth=BasicAuth("u", "p"))], guard(challenge=DIGEST))
        self.assertEqual(visit("http://a.example/"), 401)


class Callables(unittest.TestCase):
    def test_gets_and_returns_the_request(self):
        """A callable gets the request and returns it; its header stays with this one."""

        def auth(request):
            request.add_header("Authorization", "Token " + request.host)
            return request

        visit, network = talk(
            [AuthHandler(auth=auth), RedirectHandler()],
            answer(302, [("Location", "http://b.example/")]), answer(),
        )
        visit("http://a.example/")
        self.assertEqual(shown(network), ["Token a.example", None])

    def test_forgets_to_return(self):
        """One that returns something else is a TypeError that says so."""
        visit, _ = talk([AuthHandler(auth=lambda request: None)], answer())
        with self.assertRaises(TypeError) as caught:
            visit("http://a.example/")
        self.assertEqual(
            str(caught.exception), "an auth callable must return the request it was given"
        )

    def test_is_not_tried_again(self):
        """After a 401 there is nothing more to say."""
        visit, network = talk([AuthHandler(auth=lambda request: request)], guard())
        self.assertEqual(visit("http://a.example/"), 401)

    def test_header_injection(self):
        """What it puts into the header is checked."""

        def auth(request):
            request.add_unredirected_header("Authorization", "x\r\nY: z")
            return request

        visit, _ = talk([AuthHandler(auth=auth)], answer())
        with self.assertRaises(ValueError):
            visit("http://a.example/")


class Netrc(unittest.TestCase):
    def setUp(self):
        handle, self.path = tempfile.mkstemp()
        os.write(handle, b"machine a.example login u password p\n"
                         b"machine evil.example login e password x\n"
                         b"default login d password canary\n")
        os.close(handle)
        self.addCleanup(os.unlink, self.path)

    def test_only_when_asked(self):
        """Nothing reads netrc unless NetrcAuth is given; each host gets its own."""
        auth = NetrcAuth(self.path)
        self.assertEqual(repr(auth), "<NetrcAuth for 2 hosts>")
        visit, network = talk([AuthHandler(authenticate={"*": auth})], *[guard()] * 3)
        self.assertEqual([visit("http://a.example/"), visit("http://other.example/")], [200, 401])
        self.assertEqual(shown(network), [None, basic("u", "p"), None])

    def test_damaged(self):
        """A damaged file is a ValueError that shows none of it."""
        with open(self.path, "w") as file:
            file.write("machine a.example\nlogin u pass canary\n")
        with self.assertRaises(ValueError) as caught:
            NetrcAuth(self.path)
        self.assertIn(self.path, str(caught.exception))
        self.assertNotIn("canary", str(caught.exception))
        self.assertIsNone(caught.exception.__cause__)

    def test_entry_without_login(self):
        """An entry may lack a part."""
        with open(self.path, "w") as file:
            file.write('machine a.example login "" password p\n')
        self.assertEqual(len(NetrcAuth(self.path).logins), 1)


class Tokens(unittest.TestCase):
    def test_bearer(self):
        """A token is printable ASCII; a 401 is not tried again."""
        self.assertEqual(BearerAuth("!~").credentials, "Bearer !~")
        for token in ["", "a b", "a\r\nb", "\u00e4", "a\x7f", "a\x1f"]:
            with self.assertRaises(ValueError) as caught:
                BearerAuth(token)
            self.assertEqual(
                str(caught.exception), "a bearer token is printable ASCII without spaces"
            )
        visit, network = talk([AuthHandler(auth=BearerAuth("t"))], guard())
        self.assertEqual(visit("http://a.example/"), 401)

    def test_no_secret_shows(self):
        """No repr holds a secret, and nothing with one is pickled."""
        for auth in [BasicAuth("u", "canary"), PasswordAuth("u", "canary"), BearerAuth("canary")]:
            self.assertNotIn("canary", repr(auth))
            with self.assertRaises(TypeError):
                pickle.dumps(auth)
        self.assertEqual(repr(FunctionAuth(print)), "<FunctionAuth>")
        self.assertEqual(repr(BasicAuth("u", "p")), "<BasicAuth of 'u'>")


if __name__ == "__main__":
    unittest.main()
