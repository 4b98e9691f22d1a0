"""wikistd.wiki.site: ages and limits by script; the rest is in tests/contract."""

import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation
from wikistd import Session, Site

INFO = {
    "query": {
        "general": {"articlepath": "/wiki/$1", "sitename": "W"},
        "namespaces": {"0": {"id": 0, "name": ""}},
        "interwikimap": [
            {"prefix": "w", "url": "//w.example/wiki/$1"},
            {"prefix": "x", "url": "http://x.example/?t=$1"},
        ],
    }
}


class Sites(unittest.TestCase):
    def start(self, *script, **options):
        self.clock = FakeClock()
        wiki = Conversation(self, *script)
        self.addCleanup(wiki.done)
        session = Session("https://wiki.example:8443", session=wiki, clock=self.clock)
        return Site(session, **options)

    def test_age(self):
        site = self.start(*[({"meta": "siteinfo"}, INFO)] * 2, max_age_seconds=60)
        self.assertEqual(site.general["sitename"], "W")
        self.assertIs(site.titles, site.titles)
        self.clock.advance(59)
        self.assertEqual(site.normalize_title("a_b"), "A b")
        self.clock.advance(2)
        self.assertEqual(site.normalize_title("a_b"), "A b")

    def test_addresses(self):
        site = self.start(({"meta": "siteinfo"}, INFO))
        self.assertEqual(site.hostname(), "wiki.example")
        self.assertEqual(site.page_url("a b?"), "https://wiki.example:8443/wiki/A_b%3F")
        self.assertEqual(site.page_url("w:a b#c d"), "https://w.example/wiki/a_b#c_d")
        self.assertEqual(site.page_url("x:\u00e9"), "http://x.example/?t=%C3%A9")

    def test_rate_limits(self):
        limits = {
            "edit": {
                "user": {"hits": 90, "seconds": 60},
                "newbie": {"hits": 8, "seconds": 60},
            }
        }
        info = {"rights": ["edit"], "ratelimits": limits}
        site = self.start(
            ({"meta": "userinfo"}, {"query": {"userinfo": info}}),
            ({"meta": "userinfo"}, {"query": {"userinfo": {"rights": ["noratelimit"]}}}),
        )
        self.assertEqual(site.rate_limit(), (8, 60))
        self.assertIsNone(site.rate_limit("move"))
        site.session._state.user = "Bot"  # Another user: asked anew.
        self.assertIsNone(site.rate_limit())
