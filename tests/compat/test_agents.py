"""compat/agents.py: User-Agent formats, and who is never lied to."""

import os
import sys
import unittest
import urllib.request
import warnings

from wikistd.compat.agents import (
    FAKE_USER_AGENT,
    HonestHandler,
    fake_user_agent,
    format_user_agent,
    is_wikimedia_host,
    script_name,
)
from wikistd.web.redirects import RedirectHandler
from wikistd.web.useragent import WIKISTD_VERSION

from ..web.openers import answer, scripted_opener


class Wiki:
    sitename = "wikipedia:de"
    code = "de"
    user = "Bei Spiel"

    def base_url(self, uri, protocol=None):
        return "https://de.wikipedia.org/" + uri


class Own(Wiki):
    sitename = "mywiki:main"
    code = "main"

    def username(self):
        return "M\u00e9"


class Formats(unittest.TestCase):
    def setUp(self):
        before, environ = sys.argv, dict(os.environ)
        sys.argv = ["/path/to/my script.py"]
        for name in ("PYWIKIBOT_USERNAME", "PWB_USERNAME"):
            os.environ.pop(name, None)

        def back():
            sys.argv = before
            os.environ.clear()
            os.environ.update(environ)

        self.addCleanup(back)

    def test_values(self):
        """Each name in braces, and what stands for it."""
        python = "Python/" + ".".join(map(str, sys.version_info))
        for text, site, how, wanted in [
            ("{python}", None, {}, python),
            ("{pwb} {http_backend}", None, {}, "wikistd/%s urllib/%d.%d" % ((WIKISTD_VERSION,) + sys.version_info[:2])),
            ("{script}", None, {}, "my_script"),
            ("{username}", None, {"username": "A B"}, "A_B"),
            ("{username}", Wiki(), {}, "Bei_Spiel"),
            ("{username}", Own(), {}, "M%C3%A9"),
            ("x ({script_comments})", Wiki(), {}, "x (wikipedia:de; User:Bei_Spiel)"),
            ("x ({script_comments})", Own(), {"description": "tests"},
             "x (tests; https://de.wikipedia.org/wiki/User:M%C3%A9)"),
            ("x ({script_comments}) y", None, {}, "x y"),
            ("{site}", Wiki(), {}, "wikipedia:de"), ("{site}!", None, {}, "!"),
            ("{site}", "en.wikipedia.org", {}, "en.wikipedia.org"),
            ("{username}/{script} {revision}", None, {}, "my_script"),
            ("literal", None, {}, "literal"),
        ]:
            with self.subTest(text=text, site=site):
                self.assertEqual(format_user_agent(text, site, **how), wanted)

    def test_without_a_user_on_a_wiki(self):
        """Nobody logged in: the site alone."""
        site = Wiki()
        site.user = None
        self.assertEqual(format_user_agent("({script_comments})", site), "(wikipedia:de)")

    def test_site_by_host(self):
        """A Session has no sitename, but a host."""

        class Session:
            host = "https://wiki.example"

        self.assertEqual(format_user_agent("{site}", Session()), "wiki.example")

    def test_site_of_a_session(self):
        """A Site has a hostname, and a Session that knows who is logged in."""

        class Session:
            user = "Ex Ample"

        class Site:
            session = Session()

            def hostname(self):
                return "wiki.example"

            def base_url(self, uri, protocol=None):
                return "https://wiki.example/" + uri

        self.assertEqual(
            format_user_agent("{username} {site} ({script_comments})", Site()),
            "Ex_Ample wiki.example (https://wiki.example/wiki/User:Ex_Ample)",
        )
        self.assertEqual(format_user_agent("{site}x", object()), "x")

    def test_old_names(self):
        """Names of older formats work and warn."""
        for name, wanted in [("lang", "wikipedia:de"), ("family", "wikipedia:de"), ("code", "wikipedia:de"),
                             ("script_product", "my_script"), ("version", "")]:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self.assertEqual(format_user_agent("{%s}" % name, Wiki()), wanted)
            self.assertEqual(caught[0].category, FutureWarning)
            self.assertRegex(
                str(caught[0].message), r"^\{%s\} value for user_agent is deprecated, use \{\w+\} instead\.$" % name
            )

    def test_unknown_name(self):
        """Any other name is a KeyError."""
        with self.assertRaises(KeyError):
            format_user_agent("{nonsense}")

    def test_no_script(self):
        """Without a script it is Python itself."""
        for argv in [[], [""], ["-c"], ["-m"]]:
            sys.argv = argv
            self.assertEqual(script_name(), "python")

    def test_injection(self):
        """What no header can hold is refused."""
        with self.assertRaises(ValueError):
            format_user_agent("a\x00b")


class Fakes(unittest.TestCase):
    def test_fixed(self):
        """One fixed string of a browser."""
        self.assertEqual(fake_user_agent(), FAKE_USER_AGENT)
        self.assertTrue(fake_user_agent().startswith("Mozilla/5.0 "))

    def test_wikimedia_hosts(self):
        """The foundation's domains and what is below them."""
        for host in ["en.wikipedia.org", "www.wikidata.org", "wikimedia.org.", "W.Wiki", "x.toolforge.org"]:
            self.assertTrue(is_wikimedia_host(host), host)
        for host in ["example.org", "wikipedia.org.example", "notwikipedia.org", "wikipedia.com"]:
            self.assertFalse(is_wikimedia_host(host), host)

    def test_redirect(self):
        """A redirect to Wikimedia takes no faked User-Agent along, however spelt."""
        opener, network = scripted_opener(
            [HonestHandler(lambda: "true"), RedirectHandler()],
            answer(302, [("Location", "https://en.wikipedia.org/")]), answer(), answer(),
        )
        request = urllib.request.Request("http://a.example/")
        request.headers["USER-AGENT"] = FAKE_USER_AGENT
        opener.open(request).close()
        opener.open(urllib.request.Request("https://en.wikipedia.org/", headers={"User-Agent": "own"})).close()
        self.assertEqual(
            [s.headers["user-agent"] for s in network.seen], [FAKE_USER_AGENT, "true", "own"]
        )


if __name__ == "__main__":
    unittest.main()
