"""action=query of the embedded wiki: whatever the limit, everything once, in order."""

from __future__ import annotations

import unittest

from wikistd.server.custodian import block_user, protect_stored_page
from wikistd.server.records import Actor
from wikistd.server.titles import Title

from .asking import Asker, asker_for, make_wiki

LISTS = (
    ("allpages", "ap", {}),
    ("allpages", "ap", {"apdir": "descending"}),
    ("allpages", "ap", {"apnamespace": 14}),
    ("allpages", "ap", {"apfilterredir": "redirects"}),
    ("allpages", "ap", {"apprefix": "P", "apfrom": "Page 3", "apto": "Page 6"}),
    ("allcategories", "ac", {}),
    ("allcategories", "ac", {"acdir": "descending"}),
    ("allimages", "ai", {}),
    ("allimages", "ai", {"aisort": "timestamp", "aidir": "older"}),
    ("alllinks", "al", {}),
    ("alllinks", "al", {"alunique": True}),
    ("alllinks", "al", {"aldir": "descending", "alprefix": "Page", "alprop": "ids|title"}),
    ("alllinks", "al", {"alunique": True, "aldir": "descending"}),
    ("allrevisions", "arv", {}),
    ("allusers", "au", {}),
    ("backlinks", "bl", {"bltitle": "Page 1"}),
    ("backlinks", "bl", {"bltitle": "Page 1", "bldir": "descending"}),
    ("backlinks", "bl", {"bltitle": "Page 1", "blfilterredir": "redirects"}),
    ("blocks", "bk", {}),
    ("categorymembers", "cm", {"cmtitle": "Category:All"}),
    ("categorymembers", "cm", {"cmtitle": "Category:All", "cmdir": "desc"}),
    ("categorymembers", "cm", {"cmtitle": "Category:All", "cmsort": "timestamp"}),
    ("categorymembers", "cm", {"cmtitle": "Category:All", "cmsort": "timestamp",
                               "cmdir": "older"}),
    ("categorymembers", "cm", {"cmtitle": "Category:All", "cmtype": "subcat|file"}),
    ("embeddedin", "ei", {"eititle": "Template:Box"}),
    ("exturlusage", "eu", {}),
    ("imageusage", "iu", {"iutitle": "File:A.txt"}),
    ("iwbacklinks", "iwbl", {}),
    ("iwbacklinks", "iwbl", {"iwblprefix": "wikipedia", "iwbldir": "descending"}),
    ("iwbacklinks", "iwbl", {"iwblprefix": "wikipedia", "iwbltitle": "Q"}),
    ("logevents", "le", {}),
    ("logevents", "le", {"ledir": "newer"}),
    ("prefixsearch", "ps", {"pssearch": "pag"}),
    ("protectedtitles", "pt", {"ptprop": "level|user|comment|expiry"}),
    ("protectedtitles", "pt", {"ptdir": "newer", "ptnamespace": "0|4"}),
    ("recentchanges", "rc", {}),
    ("recentchanges", "rc", {"rcdir": "newer", "rcshow": "!bot"}),
    ("search", "sr", {"srsearch": "page"}),
    ("search", "sr", {"srsearch": "common", "srwhat": "text"}),
    ("tags", "tg", {}),
    ("usercontribs", "uc", {"ucuser": "Robot"}),
    ("usercontribs", "uc", {"ucuser": "Robot|Plain|192.0.2.1"}),
    ("usercontribs", "uc", {"ucuserprefix": "Ro", "ucdir": "newer"}),
    ("watchlist", "wl", {"wlallrev": True}),
    ("watchlistraw", "wr", {}),
    ("querypage", "qp", {"qppage": "Shortpages"}),
    ("querypage", "qp", {"qppage": "Uncategorizedpages"}),
)
PROPS = (
    ("links", "pl", {}),
    ("links", "pl", {"pldir": "descending"}),
    ("templates", "tl", {}),
    ("images", "im", {}),
    ("categories", "cl", {"clprop": "sortkey|timestamp"}),
    ("extlinks", "el", {}),
    ("iwlinks", "iw", {}),
    ("iwlinks", "iw", {"iwdir": "descending"}),
    ("contributors", "pc", {}),
    ("linkshere", "lh", {}),
    ("transcludedin", "ti", {}),
    ("fileusage", "fu", {}),
    ("redirects", "rd", {}),
)


def fill(store):
    """Write pages with links of every kind, by several people."""
    for number in range(9):
        links = " ".join("[[Page %d]]" % ((number + step) % 12) for step in range(4))
        text = "common %s {{Box}} {{Other}} [[File:A.txt]] [[File:B.txt]]" % links
        text += " [[wikipedia:P%d]] [[wikipedia:Q]] http://e%d.test/a http://f.test/" % (
            number, number)
        if number != 4:
            text += " [[Category:All]] [[Category:Sort|k%d]]" % (-number)
        for user in ("Robot", "Plain", "192.0.2.1")[: number % 3 + 1]:
            store.save_page("Page %d" % number, "%s %s" % (text, user), user=user,
                            bot=user == "Robot")
    for name in ("Sub A", "Sub B"):
        store.save_page("Category:" + name, "[[Category:All]]", user="Plain")
    store.save_page("Category:All", "x", user="Plain")
    store.save_page("To one", "#REDIRECT [[Page 1]]", user="Plain")
    store.save_page("To one too", "#REDIRECT [[Page 1]]", user="Plain")
    actor = Actor(store.accounts.find("Plain"), "Plain")
    for name in ("A.txt", "B.txt", "C.txt"):
        store.files.publish(name, b"text of " + name.encode(), actor, "", store.now())
        store.save_page("File:" + name, "[[Category:All]]", user="Plain")
    for number in range(4):
        title = Title((0, 4)[number % 2], "Never_%d" % number)
        protect_stored_page(store, title, [("create", "sysop", None)], actor, "no")
    for number in range(3):
        block_user(store, Actor(0, "198.51.100.%d" % number), actor, "", None, [])
    robot = store.accounts.find("Robot")
    for number in range(5):
        store.db.run("INSERT INTO watch VALUES (?, 0, ?)", (robot, "Page_%d" % number))


class Continuing(unittest.TestCase):
    """Small limits and continuation give what one large reply gives."""

    @classmethod
    def setUpClass(cls):
        cls.time = 1_700_000_000
        cls.store = make_wiki(now=cls.tick)
        cls.addClassCleanup(cls.store.close)
        fill(cls.store)
        cls.asker = asker_for(cls.store, "Robot")

    @classmethod
    def tick(cls):
        """Let a second pass now and then: some edits share one."""
        cls.time += 1
        return cls.time // 3

    def list_values(self, name, params):
        """Return the entries of a list in all its replies."""
        found = []
        for answer in self.asker.walk(list=name, **params):
            # MediaWiki has this one list beside "query".
            entries = (answer if name == "watchlistraw" else answer["query"])[name]
            entries = entries["results"] if isinstance(entries, dict) else entries
            for entry in entries:
                for revision in entry.get("revisions", [None]):
                    found.append(revision or entry)
        return found

    def test_lists(self):
        """Each list, one entry at a time and three at a time: as all at once."""
        for name, prefix, params in LISTS:
            with self.subTest(list=name, **params):
                whole = self.list_values(name, {**params, prefix + "limit": "max"})
                self.assertGreater(len(whole), 0)
                for limit in (1, 3):
                    params = {**params, prefix + "limit": limit}
                    self.assertEqual(self.list_values(name, params), whole)

    def page_values(self, name, params):
        """Return the values of a prop by page, in all its replies."""
        found = {}
        for answer in self.asker.walk(prop=name, **params):
            for page in answer["query"]["pages"]:
                found.setdefault(page["title"], []).extend(page.get(name, ()))
        return found

    def test_props(self):
        """Each prop of several pages, one value at a time: as all at once."""
        titles = ["Page %d" % number for number in range(6)]
        titles += ["Template:Box", "File:A.txt"]
        for name, prefix, params in PROPS:
            with self.subTest(prop=name, **params):
                params = {**params, "titles": titles}
                whole = self.page_values(name, {**params, prefix + "limit": "max"})
                self.assertGreater(sum(map(len, whole.values())), 1)
                for limit in (1, 2):
                    params = {**params, prefix + "limit": limit}
                    own = self.page_values(name, params)
                    self.assertEqual(
                        {title: sorted(map(str, each)) for title, each in own.items()},
                        {title: sorted(map(str, each)) for title, each in whole.items()})

    def test_generators(self):
        """A generator and props that continue at their own pace lose nothing."""
        params = {"generator": "allpages", "prop": "links|categories|revisions|info",
                  "rvprop": "ids|content", "rvslots": "main"}
        large = {"gaplimit": "max", "pllimit": "max", "cllimit": "max"}
        small = {"gaplimit": 2, "pllimit": 3, "cllimit": 1}
        self.assertEqual(self.merged(params, small), self.merged(params, large))

    def merged(self, params, limits):
        """Return what all replies say of each page, put together."""
        pages, batches = {}, 0
        for answer in self.asker.walk(**params, **limits):
            batches += "batchcomplete" in answer
            for page in answer["query"]["pages"]:
                entry = pages.setdefault(page["title"], {})
                for name, value in page.items():
                    if isinstance(value, list):
                        entry.setdefault(name, []).extend(value)
                    else:
                        entry[name] = value
        self.assertGreater(batches, 0)
        return pages

    def test_generator_modules(self):
        """What may be a generator finds pages, each once."""
        for generator, params in (
            ("links", {"titles": "Page 1"}), ("templates", {"titles": "Page 1"}),
            ("images", {"titles": "Page 1"}), ("categories", {"titles": "Page 1"}),
            ("linkshere", {"titles": "Page 1"}), ("redirects", {"titles": "Page 1"}),
            ("revisions", {"titles": "Page 1|Page 2"}), ("search", {"gsrsearch": "page"}),
            ("recentchanges", {}), ("random", {"grnlimit": 3}), ("allrevisions", {}),
            ("categorymembers", {"gcmtitle": "Category:All"}), ("allimages", {}),
            ("exturlusage", {}), ("watchlist", {}), ("alllinks", {}), ("logevents", {}),
            ("allcategories", {}), ("backlinks", {"gbltitle": "Page 1"}),
        ):
            with self.subTest(generator=generator):
                titles = []
                for answer in self.asker.walk(generator=generator, prop="info", **params):
                    found = answer.get("query", {}).get("pages", ())
                    titles += [page["title"] for page in found]
                    if generator == "random":
                        break
                self.assertTrue(titles)

    def test_random(self):
        """By chance, but each page once; a place that is far off is an empty end."""
        titles = []
        for answer in self.asker.walk(list="random", rnlimit=4):
            titles += [page["title"] for page in answer["query"]["random"]]
        self.assertEqual(len(titles), len(set(titles)))
        every = self.store.db.value("SELECT COUNT(*) FROM page WHERE redirect IS NULL")
        self.assertEqual(len(titles), every)
        far = "0.1|0.1|1|" + "9" * 18
        answer = self.asker.ask(action="query", list="random", rncontinue=far)
        self.assertEqual(answer["query"]["random"], [])
        self.assertNotIn("continue", answer)

    def test_bad_continue(self):
        """A continue parameter that this wiki never gave out is refused."""
        for name, prefix, params in LISTS:
            continuing = {"allusers": None, "search": None, "prefixsearch": None,
                          "querypage": None, "allpages": None, "allcategories": None,
                          "allimages": None, "tags": None}
            if name in continuing or "alunique" in params:
                continue
            with self.subTest(list=name, **params):
                for token in ("nonsense", "a|b", "1|2|3|x", "|"):
                    answer = self.asker.ask(action="query", list=name, **params,
                                            **{prefix + "continue": token})
                    self.assertIn(answer.get("error", {}).get("code", "badcontinue"),
                                  ("badcontinue",))


class Truncating(unittest.TestCase):
    """Replies that would be too large."""

    def test_result_size(self):
        """A reply stops at its limit with a warning, and the next goes on from there."""
        store = make_wiki()
        self.addCleanup(store.close)
        for number in range(6):
            store.save_page("P%d" % number, "%d" % number * 1000, user="Robot")
        store.site.max_result_bytes = 2500
        asker = Asker(store)
        texts, warned = [], 0
        for answer in asker.walk(generator="allpages", prop="revisions",
                                 rvprop="content", rvslots="main"):
            warned += "result" in answer.get("warnings", {})
            for page in answer["query"]["pages"]:
                for revision in page.get("revisions", ()):
                    texts.append(revision["slots"]["main"]["content"])
        self.assertEqual(sorted(texts), ["%d" % number * 1000 for number in range(6)])
        self.assertGreater(warned, 1)


class Revisions(unittest.TestCase):
    """The history of a page, and who may see it."""

    def setUp(self):
        self.store = make_wiki()
        self.addCleanup(self.store.close)
        self.ids = [
            self.store.save_page("A", "text %d\n== S ==\nin %d" % (number, number),
                                 user=("Plain", "Robot")[number % 2])
            for number in range(6)
        ]
        self.asker = Asker(self.store)

    def history(self, **params):
        """Return the ids of revisions in all replies."""
        found = []
        for answer in self.asker.walk(titles="A", prop="revisions", rvprop="ids", **params):
            page = answer["query"]["pages"][0]
            found += [each["revid"] for each in page.get("revisions", ())]
        return found

    def test_directions(self):
        """Newest first, or oldest first; one at a time too."""
        self.assertEqual(self.history(rvlimit="max"), self.ids[::-1])
        self.assertEqual(self.history(rvlimit=2), self.ids[::-1])
        self.assertEqual(self.history(rvlimit=1, rvdir="newer"), self.ids)

    def test_ranges(self):
        """By user, and by id."""
        self.assertEqual(self.history(rvlimit="max", rvuser="Robot"), self.ids[5::-2])
        self.assertEqual(self.history(rvlimit="max", rvexcludeuser="Robot"), self.ids[4::-2])
        self.assertEqual(
            self.history(rvlimit="max", rvstartid=self.ids[3], rvendid=self.ids[1]),
            self.ids[3:0:-1])

    def test_by_id(self):
        """Revisions by id, one at a time, and those that are not there."""
        found = []
        for answer in self.asker.walk(revids=[*self.ids, 999], prop="revisions",
                                      rvprop="ids|content", rvslots="main"):
            self.assertEqual(list(answer["query"]["badrevids"]), ["999"])
            found += [each["revid"] for each in answer["query"]["pages"][0]["revisions"]]
        self.assertEqual(found, self.ids)
        answer = self.asker.ask(action="query", revids=self.ids, prop="revisions", rvlimit=2)
        self.assertEqual(answer["error"]["code"], "invalidparammix")

    def test_deleted(self):
        """Deleted revisions of several pages, one at a time: all of them, newest first."""
        admin = asker_for(self.store, "Admin")
        for title in ("A", "B"):
            self.ids.append(self.store.save_page("B", "more " + title, user="Plain"))
        for title in ("A", "B"):
            self.assertIn("delete", admin.post(action="delete", title=title))
        found = []
        for answer in admin.walk(titles="A|B|C", prop="deletedrevisions", drvprop="ids",
                                 drvlimit=1):
            for page in answer["query"]["pages"]:
                found += [each["revid"] for each in page.get("deletedrevisions", ())]
        self.assertEqual(found, self.ids[::-1])

    def test_section(self):
        """One section of the text, or the error for one that is not there."""
        def ask(section):
            return self.asker.ask(action="query", titles="A", prop="revisions",
                                  rvprop="content", rvslots="main", rvsection=section)

        page = ask(1)["query"]["pages"][0]
        self.assertEqual(page["revisions"][0]["slots"]["main"]["content"], "== S ==\nin 5")
        self.assertEqual(ask(7)["error"]["code"], "nosuchsection")
        self.assertEqual(ask("x")["error"]["code"], "invalidsection")

    def test_hidden(self):
        """What an administrator hid, others do not see."""
        admin = asker_for(self.store, "Admin")
        answer = admin.post(action="revisiondelete", type="revision", ids=self.ids[-1],
                            hide="content|user|comment")
        self.assertEqual(answer["revisiondelete"]["status"], "Success")

        def ask(asker):
            answer = asker.ask(action="query", titles="A", prop="revisions",
                               rvprop="content|user|comment|sha1", rvslots="main")
            return answer["query"]["pages"][0]["revisions"][0]

        hidden = ask(self.asker)
        self.assertTrue(hidden["userhidden"] and hidden["sha1hidden"])
        self.assertNotIn("user", hidden)
        self.assertEqual(hidden["slots"]["main"], {"texthidden": True})
        self.assertIn("content", ask(admin)["slots"]["main"])
        changes = self.asker.ask(action="query", list="recentchanges", rctype="edit",
                                 rcprop="ids|user|userid|comment|parsedcomment|sha1")
        change = changes["query"]["recentchanges"][0]
        for name in ("user", "comment", "sha1"):
            self.assertTrue(change.pop(name + "hidden"))
        self.assertEqual(set(change), {"type", "pageid", "revid", "old_revid", "rcid"})

    def test_hidden_texts(self):
        """A text that was hidden is neither parsed, compared nor brought back."""
        admin = asker_for(self.store, "Admin")
        admin.post(action="revisiondelete", type="revision", ids=self.ids[1], hide="content")
        old, latest = self.ids[1], self.ids[-1]
        for params in (
            {"action": "parse", "oldid": old},
            {"action": "compare", "fromrev": old, "torev": latest},
            {"action": "compare", "fromrev": latest, "torev": old},
        ):
            self.assertEqual(self.asker.ask(**params)["error"]["code"], "permissiondenied")
            self.assertNotIn("error", admin.ask(**params))
        for params in ({"undo": latest, "undoafter": old}, {"undo": old}):
            answer = admin.post(action="edit", title="A", **params)
            self.assertEqual(answer["error"]["code"], "nosuchrevid")


if __name__ == "__main__":
    unittest.main()
