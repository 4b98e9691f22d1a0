"""web/cookies.py against the cases of the http-state suite, tests/data/cookies.json.

Each case: values of Set-Cookie that one answer brings, the URL asked for next, and the
Cookie header that it must carry.  Dates stand thirty years later than in the suite.
"""

import json
import pathlib
import unittest
import urllib.request

from wikistd.web.cookies import CookieStore

CASES = pathlib.Path(__file__).parents[1] / "data" / "cookies.json"
NOW = 1_800_000_000.0  # 2027: the cases do not age

#: Cases where we send something else, and why.
DIFFERENT = {
    "dis22": "RFC 6265bis 5.6: a control character drops the cookie, not its end only",
    "dis23": "the same; heads with a bare CR are refused before",
    "dispath29": "RFC 6265 5.1.4 compares paths as they are written; path28 agrees",
    "domainopt42": "RFC 6265bis 5.6.3: the last Domain counts, empty means this host",
    "ord1": "RFC 6265 5.4: longer paths first, as path1 to path4 say",
}


class SetCookies:
    """An answer of Set-Cookie fields alone, with values that no parser lets through."""

    def __init__(self, values):
        self.values = values

    def info(self):
        return self

    def get_all(self, name, default=None):
        return self.values if name.lower() == "set-cookie" else default


class HttpState(unittest.TestCase):
    def test_cases(self):
        """Of the 222 cases all but a few pass, and those differ for a reason."""
        with open(CASES, encoding="ascii") as file:
            suite = json.load(file)
        self.assertEqual(len(suite["cases"]), 222)
        failed = set()
        for case in suite["cases"]:
            store = CookieStore(now=lambda: NOW)
            source = urllib.request.Request(suite["from"])
            store.extract_cookies(SetCookies(case["set"]), source)
            request = urllib.request.Request(case["url"])
            store.add_cookie_header(request)
            if request.unredirected_hdrs.get("Cookie", "") != case["cookie"]:
                failed.add(case["id"])
        self.assertEqual(failed, set(DIFFERENT))
        self.assertGreaterEqual(222 - len(failed), 205)


if __name__ == "__main__":
    unittest.main()
