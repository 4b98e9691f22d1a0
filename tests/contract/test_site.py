"""Site on any wiki: names, titles, limits."""

from tests.contract.world import ContractCase
from wikistd import Etiquette, Site

#: What people write, odd titles among it; the wiki itself says what they mean.
TITLES = [
    "main Page",
    "user_talk:x  y#frag ment",
    "USER:  abc",
    "user :abc",
    "project:About",
    "Image:x.png",
    "category:b",
    ":category:b",
    "wikipedia",
    "a/b/../c",
    "./a",
    "a/.",
    "a...b",
    "~~~",
    "a~~b",
    "Bad[title]",
    "a{b",
    "a|b",
    "a<b>",
    "50%",
    "50%41",
    "&nosuch;",
    "Talk:",
    ":",
    "::a",
    "Talk::a",
    "User:User:x",
    "Talk:NotANamespace:x",
    "nosuchprefix:a",
    "\u00e9l\u00e9phant",
    "e\u0301t\u00e9",
    "\u01c6x",
    "a\u200eb\u00a0c\u3000d",
    "_a__b_",
    "special:recentchanges",
    "Media:x.png",
    "x" * 255,
    "x" * 256,
    "\u00e9" * 127,
    "\u00e9" * 128,
    "#only",
    "a#",
    "1234",
    "\u65e5\u672c\u8a9e",
    "i",
    "a\tb",
    "\u0130stanbul",
    "\u00dfa",
    "Talk:User:x",
    "&amp;",
    "&eacute;t\u00e9",
    "&#x41;",
]


class Sites(ContractCase):
    def test_names(self):
        """Host and addresses from the root are known without asking."""
        site = Site(self.session())
        host = self.world.url.partition("://")[2]
        self.assertEqual(site.hostname(), host.partition(":")[0])
        self.assertEqual(site.base_url("/w/x"), "http://%s/w/x" % host)
        self.assertEqual(site.base_url("w/x", "https"), "https://%s/w/x" % host)
        self.assertEqual(repr(site), "<Site %s>" % host)
        self.assertEqual(
            site.page_url("user talk:\u00e9/x?&y#A b"),
            self.world.url + "/wiki/User_talk:%C3%89/x%3F%26y#A_b",
        )

    def test_titles_as_the_wiki_reads_them(self):
        """What the wiki answers to a title is what `parse_title` says of it."""
        for version in (1, 2):
            session = self.session(formatversion=version)
            site = Site(session)
            view = session.with_options(formatversion=2)
            expected = {}
            for title in TITLES:
                # One at a time: which answer is whose stays beyond doubt.
                query = view.get(action="query", titles=[title]).get("query", {})
                pages = query.get("pages", [{}])
                expected[title] = pages[0]
                if "interwiki" in query:
                    expected[title] = {"interwiki": query["interwiki"][0]["iw"]}
            for title, page in expected.items():
                try:
                    parsed = site.parse_title(title)
                except ValueError as error:
                    self.assertIn("cannot be a title", str(error))
                    self.assertTrue(page.get("invalid") or not page, (title, page))
                    continue
                self.assertFalse(page.get("invalid"), (title, page))
                if "interwiki" in page:
                    self.assertEqual(parsed.interwiki, page["interwiki"])
                    continue
                got = (parsed.namespace, str(parsed))
                if parsed.namespace == -1:
                    self.assertEqual(page["ns"], -1)  # Their names have aliases.
                    continue
                self.assertEqual(got, (page["ns"], page["title"]), title)

    def test_namespaces(self):
        for version in (1, 2):
            site = Site(self.session(formatversion=version))
            talk = site.namespaces[1]
            self.assertEqual((talk.name, talk.canonical), ("Talk", "Talk"))
            self.assertTrue(talk.has_subpages and talk.is_first_letter)
            self.assertTrue(site.namespaces[0].is_content)
            self.assertFalse(talk.is_content)
            self.assertIn("Image", site.namespaces[6].aliases)
            self.assertEqual(site.normalize_title("image:a_b#c"), "File:A b")

    def test_asked_once(self):
        session = self.session()
        if not hasattr(session.session, "counters"):
            self.skipTest("this client does not count")
        site = Site(session)
        for _ in range(3):
            site.namespaces, site.general, site.has_right("edit")
        self.assertEqual(session.session.counters.requests, 2)
        site.forget()
        self.assertIn("sitename", site.general)
        self.assertEqual(session.session.counters.requests, 3)

    def test_rights(self):
        bot, plain = Site(self.session("bot")), Site(self.session("plain"))
        self.assertTrue(bot.has_right("apihighlimits"))
        self.assertFalse(plain.has_right("apihighlimits"))
        self.assertIn("bot", bot.userinfo["groups"])
        limit = plain.rate_limit("edit")
        self.assertTrue(limit is None or (limit[0] > 0 and limit[1] > 0))
        self.assertIsNone(bot.rate_limit("nosuchaction"))

    def test_rate_limits_are_kept(self):
        """An Etiquette learns what the wiki lets this user do, without a request more."""
        counts = []
        for etiquette in (None, Etiquette()):
            session = self.session("plain", etiquette=etiquette)
            session.post(action="edit", title=self.title(), text="x", summary="y")
            counters = getattr(session.session, "counters", None)
            counts.append(counters and counters.requests)
        self.assertEqual(counts[0], counts[1])
        (budget,) = etiquette._hosts.values()
        limit = Site(session).rate_limit("edit")
        self.assertEqual(budget.limits[session.user].get("edit"), limit)
        if limit is not None:
            edits = {name: len(m) for name, m in budget.moments.items()}
            self.assertEqual(edits, {"limit-%s-edit" % session.user: 1})
