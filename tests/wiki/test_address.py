"""wikistd.wiki.address: an HttpClient from the arguments that requests' users know."""

import unittest

from wikistd import HttpClient, Session
from wikistd.wiki.address import find_api_url, make_client


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
        """A CA file or client certificate that is not there is told, not ignored."""
        for given in ({"verify": "/no/such/ca.pem"}, {"cert": "/no/such/cert.pem"}):
            client = make_client("a/1", 3, given)
            self.addCleanup(client.close)
            with self.assertRaises(OSError):
                client.request("GET", "https://127.0.0.1:1/")


class Links(unittest.TestCase):
    def find(self, page):
        return find_api_url(page, "https://x.example:8443/wiki/Main")

    def test_none(self):
        self.assertIsNone(self.find(""))
        self.assertIsNone(self.find('<link rel="EditURI">'))
        self.assertIsNone(self.find('<link rel="icon" href="/api.php">'))

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
