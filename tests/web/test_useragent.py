"""web/useragent.py: who is asking, in a form that headers can hold."""

import os
import sys
import unittest
import urllib.request
import warnings

import wikistd
from wikistd import HttpClient, Session, local_connect
from wikistd.web.useragent import (
    WIKISTD_VERSION,
    check_user_agent,
    default_user_agent,
    is_telling_user_agent,
    user_agent_username,
)

OURS = "wikistd/%s Python/%d.%d.%d" % ((WIKISTD_VERSION,) + sys.version_info[:3])


class Username(unittest.TestCase):
    def setUp(self):
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        for name in ("PYWIKIBOT_USERNAME", "PWB_USERNAME"):
            os.environ.pop(name, None)

    def test_names(self):
        """Spaces become "_"; what is not ASCII, "%" and controls are percent-encoded."""
        for name, wanted in [
            ("Ex Ample", "Ex_Ample"), ("\u00c9x", "%C3%89x"), ("50%", "50%25"),
            ("\u2042", "%E2%81%82"), ("a;b-c.d'e/f?g", "a;b-c.d'e/f?g"),
            ("a\r\nb", "a%0D%0Ab"), ("", ""), (None, ""),
        ]:
            with self.subTest(name=name):
                self.assertEqual(user_agent_username(name), wanted)

    def test_environment(self):
        """Without a name the environment's is taken."""
        os.environ["PWB_USERNAME"] = "Second"
        self.assertEqual(user_agent_username(), "Second")
        os.environ["PYWIKIBOT_USERNAME"] = "First Bot"
        self.assertEqual(user_agent_username(), "First_Bot")
        self.assertEqual(user_agent_username("Given"), "Given")


class Default(unittest.TestCase):
    def test_text(self):
        """Name and contact first, then what it runs on."""
        self.assertEqual(default_user_agent(), OURS)
        self.assertEqual(default_user_agent("Bot/1", "me@x.org"), "Bot/1 (me@x.org) " + OURS)

    def test_version(self):
        """The version is the package's."""
        self.assertEqual(WIKISTD_VERSION, wikistd.__version__)

    def test_injection(self):
        """What no header can hold is refused."""
        with self.assertRaises(ValueError):
            default_user_agent("Bot\r\nX: y")
        with self.assertRaises(ValueError):
            check_user_agent("Bot\r\nX: y")


class Telling(unittest.TestCase):
    def test_untelling(self):
        """Names of libraries tell nothing."""
        for text in [None, "", " ", "python-requests/2.31", "Python-urllib/3.11", "curl/8",
                     "Mozilla/5.0 (X11)", "mwapi (python) -- default user-agent", OURS]:
            self.assertFalse(is_telling_user_agent(text), text)
        for text in ["MyBot/1.0", "MyBot " + OURS, OURS + " MyBot", "test"]:
            self.assertTrue(is_telling_user_agent(text), text)

    def test_warning(self):
        """One warning that says what to do, at the caller's line."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_user_agent("curl/8")
            check_user_agent("MyBot/1.0 (me@example.org)")
        self.assertEqual(
            [str(w.message) for w in caught],
            ["the User-Agent 'curl/8' does not say who is asking, and Wikimedia and others "
             "refuse such requests: give user_agent='MyBot/1.0 (https://example.org/bot; "
             "me@example.org)'"],
        )
        self.assertEqual(caught[0].filename, __file__)

    def test_line(self):
        """However far inside it is seen, the line is that of who uses us."""

        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "application/json")])
            return [b'{"batchcomplete": true}']

        def client():
            made = HttpClient(connect=local_connect(app))
            self.addCleanup(made.close)
            return made

        url = "http://wiki.test/"
        opener = urllib.request.build_opener(*client().opener.handlers)
        calls = [
            lambda: client().get(url),
            lambda: client().request("GET", url),
            lambda: Session(url, session=client()).get(action="query"),
            lambda: opener.open(url).close(),
        ]
        for call in calls:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                call()
            place = (__file__, call.__code__.co_firstlineno)
            self.assertEqual([(w.filename, w.lineno) for w in caught], [place])


if __name__ == "__main__":
    unittest.main()
