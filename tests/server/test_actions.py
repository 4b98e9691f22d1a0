"""The main module of the embedded wiki's API: parameters, formats, errors."""

from __future__ import annotations

import json
import unittest

from wikistd.server.actions import ApiReply, ApiRequest
from wikistd.server.actions_formats import encode_php, encode_xml, shape_result
from wikistd.server.actions_params import parse_api_time, split_values
from wikistd.server.actions_run import run_action

from .asking import Asker, asker_for, make_wiki


class MainCase(unittest.TestCase):
    """A wiki and somebody who is not logged in."""

    def setUp(self):
        self.store = make_wiki(now=lambda: 1_700_000_000.0)
        self.addCleanup(self.store.close)
        self.asker = Asker(self.store)
        self.ask = self.asker.ask


class Parameters(MainCase):
    """What is made of the parameters."""

    def test_values(self):
        """a|b, and U+001F where a value holds a pipe."""
        for text, values in (("", []), ("a", ["a"]), ("a|b", ["a", "b"]), ("|", ["", ""]),
                             ("\x1fa|b\x1fc", ["a|b", "c"]), ("\x1f", [])):
            self.assertEqual(split_values(text), values)

    def test_times(self):
        """The forms of a time that MediaWiki takes."""
        for text, seconds in (
            ("2023-11-14T22:13:20Z", 1_700_000_000), ("20231114221320", 1_700_000_000),
            ("2023-11-14 22:13:20", 1_700_000_000), ("1700000000", 1_700_000_000),
            ("2023-11-14T22:13:20.123Z", 1_700_000_000), ("2023-11-14", 1_699_920_000),
            ("2023-11-14T22:13:20+00:00", 1_700_000_000), ("now", 5),
            ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000),
            ("yesterday", None), ("2023-13-01", None),
        ):
            with self.subTest(text=text):
                self.assertEqual(parse_api_time(text, 5), seconds)

    def test_limits(self):
        """Limits are drawn into range with a warning; bots have more."""
        answer = self.ask(action="query", list="allpages", aplimit=5000)
        self.assertIn("between 1 and 500", answer["warnings"]["allpages"]["warnings"])
        robot = asker_for(self.store, "Robot")
        answer = robot.ask(action="query", list="allpages", aplimit=5000)
        self.assertNotIn("warnings", answer)
        answer = robot.ask(action="query", list="allpages", aplimit="max")
        self.assertEqual(answer["limits"], {"allpages": 5000})

    def test_many_values(self):
        """Fifty titles, five hundred for bots."""
        robot = asker_for(self.store, "Robot")
        for asker, count, code in ((self.asker, 50, None), (self.asker, 51, "toomanyvalues"),
                                   (robot, 500, None), (robot, 501, "toomanyvalues")):
            titles = ["T%d" % number for number in range(count)]
            answer = asker.ask(action="query", titles=titles)
            self.assertEqual(answer.get("error", {}).get("code"), code)

    def test_unknown(self):
        """Unknown values of lists and unknown parameters are warnings, others errors."""
        answer = self.ask(action="query", list="x|allpages", prop="y|z", q=1, r=2)
        warnings = answer["warnings"]
        self.assertEqual(warnings["query"]["warnings"],
                         'Unrecognized values for parameter "prop": y, z\n'
                         'Unrecognized value for parameter "list": x')
        self.assertEqual(warnings["main"]["warnings"], "Unrecognized parameters: q, r.")
        for params, code in (
            ({"action": "none"}, "badvalue"), ({"maxlag": "x"}, "badinteger"),
            ({"assert_": "x"}, "badvalue"),
            ({"action": "query", "titles": "a", "pageids": 1}, "multisource"),
            ({"action": "query", "generator": "tokens"}, "badgenerator"),
        ):
            with self.subTest(**params):
                self.assertEqual(self.ask(**{"action": "query", **params})["error"]["code"],
                                 code)

    def test_redirects(self):
        """Chains of redirects are followed to their end, circles end too."""
        for number in range(3):
            self.store.save_page("R%d" % number, "#REDIRECT [[R%d]]" % (number + 1),
                                 user="Plain")
        self.store.save_page("R3", "end", user="Plain")
        self.store.save_page("L1", "#REDIRECT [[L2]]", user="Plain")
        self.store.save_page("L2", "#REDIRECT [[L1]]", user="Plain")
        answer = self.ask(action="query", titles="R0", redirects=True)["query"]
        self.assertEqual([page["title"] for page in answer["pages"]], ["R3"])
        self.assertEqual(len(answer["redirects"]), 3)
        answer = self.ask(action="query", titles="L1", redirects=True)["query"]
        self.assertEqual(len(answer["redirects"]), 2)
        answer = self.ask(action="query", generator="allpages", redirects=True)
        self.assertEqual(answer["error"]["code"], "params")

    def test_parsed_redirects(self):
        """action=parse follows redirects too, and says how it went."""
        for title, target in (("R1", "R2"), ("R2", "R3"), ("L1", "L2"), ("L2", "L1"),
                              ("S", "Special:Version"), ("M", "Nowhere")):
            self.store.save_page(title, "#REDIRECT [[%s]]" % target, user="Plain")
        self.store.save_page("R3", "end", user="Plain")
        for page, title, hops in (("R1", "R3", 2), ("L1", "L1", 2), ("R3", "R3", 0)):
            shown = self.ask(action="parse", page=page, redirects=True)["parse"]
            self.assertEqual((shown["title"], len(shown.get("redirects", ()))), (title, hops))
        for page, code in (("S", "pagecannotexist"), ("M", "missingtitle")):
            answer = self.ask(action="parse", page=page, redirects=True)
            self.assertEqual(answer["error"]["code"], code)
        answer = self.ask(action="query", titles="S", redirects=True, prop="info")["query"]
        self.assertTrue(answer["pages"][0]["special"])


class Formats(MainCase):
    """The shapes of replies."""

    def test_versions(self):
        """Version 1 has "" for true and leaves false out; version 2 has both."""
        self.assertEqual(shape_result({"a": True, "b": False, "c": [False]}, 1),
                         {"a": "", "c": [False]})
        self.assertEqual(shape_result({1: True, "b": False}, 2), {"1": True, "b": False})

    def test_others(self):
        """PHP and XML."""
        self.assertEqual(encode_php({"1": [True, None, 1.5, "\u00e9"]}),
                         b'a:1:{i:1;a:4:{i:0;b:1;i:1;N;i:2;d:1.5;i:3;s:2:"\xc3\xa9";}}')
        self.assertEqual(
            encode_xml({"a": "x<\"", "query": {"pages": {"5": {"pageid": 5}},
                                              "normalized": [{"from": "a"}], "w": {"*": "t"}},
                        "list": ["v"]}),
            b'<?xml version="1.0"?><api a="x&lt;&quot;"><query><pages>'
            b'<page _idx="5" pageid="5" /></pages><normalized><n from="a" /></normalized>'
            b'<w xml:space="preserve">t</w></query><list><item xml:space="preserve">v</item>'
            b"</list></api>")

    def test_pretty(self):
        """Without a format, a page for people."""
        reply = run_action(self.store, ApiRequest("GET", [("action", "query")]))
        self.assertIn(("Content-Type", "text/html; charset=UTF-8"), reply.headers)
        self.assertIn(b"batchcomplete", reply.body)
        self.assertEqual(repr(reply), "<ApiReply 200, %d bytes>" % len(reply.body))

    def test_line_separators(self):
        """U+2028 and U+2029 are escaped: JSON that is JavaScript too."""
        answer = self.asker.send(self.asker.pairs(
            {"action": "query", "requestid": "\u2028\u00e9"}))
        self.assertEqual(answer["requestid"], "\u2028\u00e9")
        self.assertIn(b"\\u2028\xc3\xa9", self.asker.reply.body)

    def test_callback(self):
        """A callback is cleaned, and whoever uses it is nobody."""
        robot = asker_for(self.store, "Robot")
        body = robot.ask(action="query", meta="userinfo", callback="a.b(<c>")
        self.assertTrue(body.startswith("/**/a.bc({"), body)
        self.assertNotIn("Robot", body)

    def test_errorformats(self):
        """Errors in lists with their module and data."""
        for form, name in (("plaintext", "text"), ("html", "html"), ("raw", "key"),
                           ("none", None)):
            answer = self.ask(action="query", titles=["T%d" % n for n in range(51)],
                              errorformat=form)
            error = answer["errors"][0]
            self.assertEqual((error["code"], error["module"]), ("toomanyvalues", "query"))
            self.assertEqual(error["data"]["limit"], 50)
            self.assertEqual("text" in error or "html" in error or "key" in error,
                             name is not None)


class Faults(MainCase):
    """What goes wrong in the wiki itself."""

    def test_bug(self):
        """A fault in a module is an answer with a code, and the next call works."""
        self.store.find_pages = None
        with self.assertLogs("wikistd.server", "ERROR") as logged:
            answer = self.ask(action="query", titles="A")
        self.assertEqual(answer["error"]["code"], "internal_api_error_TypeError")
        self.assertEqual(len(logged.records), 1)
        del self.store.find_pages
        self.assertIn("query", self.ask(action="query", titles="A"))

    def test_lag(self):
        """maxlag: the wiki says when to come back."""
        self.store.site.lag_seconds, self.store.site.lag_host = 12.5, "db1"
        answer = self.ask(action="query", maxlag=10)
        self.assertEqual((answer["error"]["code"], answer["error"]["lag"]), ("maxlag", 12.5))
        headers = dict(self.asker.reply.headers)
        self.assertEqual((headers["Retry-After"], headers["X-Database-Lag"]), ("10", "12"))
        self.assertNotIn("error", self.ask(action="query", maxlag=13))

    def test_repr(self):
        """Requests and replies show no secrets."""
        request = ApiRequest("POST", [], [("lgpassword", "secret")],
                             cookies={"session": "secret"})
        self.assertEqual(repr(request), "<ApiRequest POST, 0 + 1 parameters>")
        self.assertNotIn("secret", repr(ApiReply(200, [("Set-Cookie", "secret")], b"secret")))


class Cross(MainCase):
    """Browsers that ask for pages of other origins."""

    def test_preflight(self):
        """OPTIONS says who may: with origin=* anybody, as nobody."""
        for origin, allowed in (("*", True), ("https://x.test", False)):
            reply = run_action(self.store, ApiRequest("OPTIONS", [("origin", origin)],
                               headers={"access-control-request-headers": "x-a, x-b"}))
            headers = dict(reply.headers)
            self.assertEqual("Access-Control-Allow-Origin" in headers, allowed)
            self.assertEqual(headers.get("Access-Control-Allow-Headers"),
                             "x-a, x-b" if allowed else None)

    def test_method(self):
        """Other methods are refused with 405."""
        reply = run_action(self.store, ApiRequest("DELETE", [("format", "json")]))
        self.assertEqual(reply.status, 405)
        self.assertEqual(json.loads(reply.body)["error"]["code"], "invalidmethod")


class Reading(MainCase):
    """parse, compare, opensearch, purge, siteinfo."""

    def test_parse(self):
        """A page's text as HTML, with what it links to."""
        self.store.save_page("A", "== H ==\n[[B]] [[Category:C]] http://x.test/", user="Plain")
        shown = self.ask(action="parse", page="A")["parse"]
        self.assertEqual(shown["links"], [{"ns": 0, "title": "B", "exists": False}])
        self.assertEqual(shown["sections"][0]["line"], "H")
        self.assertIn("<h2>", shown["text"])
        for params, code in (({"page": "Z"}, "missingtitle"), ({"oldid": 99}, "nosuchrevid"),
                             ({"pageid": 99}, "nosuchpageid"), ({"page": "["}, "invalidtitle")):
            self.assertEqual(self.ask(action="parse", **params)["error"]["code"], code)

    def test_compare(self):
        """Lines that differ, escaped."""
        one = self.store.save_page("A", "a\n<b>", user="Plain")
        two = self.store.save_page("A", "a\n<c>", user="Plain")
        shown = self.ask(action="compare", fromrev=one, torev=two)["compare"]
        self.assertIn("&lt;c&gt;", shown["body"])
        self.assertNotIn("<c>", shown["body"])
        self.assertIn("body", self.ask(action="compare", fromtitle="A", toid=1)["compare"])
        for params, code in (({"fromtitle": "Z", "torev": 1}, "missingtitle"),
                             ({"fromid": 99, "torev": 1}, "nosuchpageid"),
                             ({"fromrev": 99, "torev": 1}, "nosuchrevid"),
                             ({"torev": 1}, "missingparam")):
            self.assertEqual(self.ask(action="compare", **params)["error"]["code"], code)

    def test_siteinfo(self):
        """Every part of siteinfo is there."""
        names = ("general namespaces namespacealiases statistics usergroups extensions "
                 "restrictions protocols languages interwikimap dbrepllag "
                 "defaultoptions skins specialpagealiases").split()
        self.store.site.read_only = "why"
        answer = self.ask(action="query", meta="siteinfo", siprop=names)["query"]
        self.assertEqual(sorted(answer), sorted(names))
        self.assertEqual(answer["general"]["readonlyreason"], "why")
        self.assertEqual(answer["statistics"]["users"], 3)
        self.assertEqual(answer["namespaces"]["10"]["name"], "Template")

    def test_purge(self):
        """A page's time is renewed, its links with it."""
        self.store.save_page("A", "x", user="Plain")
        answer = self.asker.post(action="purge", titles="A|Z", token=None,
                                 forcelinkupdate=True)
        self.assertEqual([each.get("purged") for each in answer["purge"]], [None, True])

    def test_users(self):
        """Users by name and number."""
        answer = self.ask(action="query", list="users", ususerids="1|99",
                          usprop="groups|groupmemberships|centralids")
        users = answer["query"]["users"]
        self.assertEqual(users[0]["groups"][:2], ["bureaucrat", "sysop"])
        self.assertTrue(users[1]["missing"])

    def test_languages(self):
        """What the browser says of languages comes back in userinfo."""
        answer = self.asker.send(
            self.asker.pairs({"action": "query", "meta": "userinfo", "uiprop": "acceptlang"}),
            headers={"accept-language": "de, en;q=0.5"})
        self.assertEqual(answer["query"]["userinfo"]["acceptlang"],
                         [{"q": 1, "code": "de"}, {"q": 0.5, "code": "en"}])


if __name__ == "__main__":
    unittest.main()
