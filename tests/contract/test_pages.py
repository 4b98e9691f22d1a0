"""query_pages on any wiki: whole pages, mapped to what was asked for, cursors."""

import multiprocessing
import pickle
import sys
import unittest
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from tests.contract.world import USER_AGENT, ContractCase
from wikistd import Session, query_pages


def text_of_page(page):
    return page["revisions"][0]["slots"]["main"]["content"]


class Pages(ContractCase):
    def fill(self, count, links=0):
        """Make pages; return their titles in the wiki's order."""
        self.bot = self.session("bot")
        titles = []
        for n in range(count):
            title = self.title("p%02d" % n)
            text = "text %d" % n
            for k in range(links):
                text += " [[%s]]" % self.title("link %d" % k)
            self.bot.post(action="edit", title=title, text=text)
            titles.append(title)
        return titles

    def listed(self, session, **how):
        return query_pages(
            session, generator="allpages", gapprefix=self.title("p"), **how
        )

    def test_titles_are_mapped_back(self):
        """Each title asked for has its page, in order, whatever became of it."""
        title = self.fill(1)[0]
        self.bot.post(
            action="edit", title=self.title("r"), text="#REDIRECT [[%s]]" % title
        )
        lower = title[0].lower() + title[1:].replace(" ", "_")
        asked = [
            self.title("missing"),
            lower,
            "Bad[title]",
            self.title("r"),
            title,
            "A|B",
            "",
            "Cafe\u0301",
            title + "#part",
            title,
        ]
        found = list(query_pages(self.session(), asked, redirects=True, prop="info"))
        self.assertEqual([page["asked"] for page in found], asked)
        self.assertEqual(
            [page["title"] for page in found],
            [
                self.title("missing"),
                title,
                "Bad[title]",
                title,
                title,
                "A|B",
                "",
                "Caf\u00e9",
                title,
                title,
            ],
        )
        invalid = [page["asked"] for page in found if page.get("invalid")]
        self.assertEqual(invalid, ["Bad[title]", "A|B", ""])
        self.assertTrue(found[0]["missing"])
        self.assertEqual(found[1]["pageid"], found[3]["pageid"])

    def test_batches(self):
        """More titles than one request may name, in their order, several readers."""
        titles = self.fill(3)
        asked = [self.title("x%d" % n) for n in range(120)] + titles
        for session in (self.session(), self.session("bot")):
            for options in ({}, {"page_size": 49}, {"prefetch": False}):
                found = list(query_pages(session, iter(asked), **options))
                self.assertEqual([page["asked"] for page in found], asked)
                self.assertEqual([p.get("missing") for p in found[-3:]], [None] * 3)
            found = list(query_pages(session, asked, total=60))
            self.assertEqual([page["asked"] for page in found], asked[:60])

    def test_ids(self):
        titles = self.fill(2)
        pages = list(query_pages(self.bot, titles, prop="revisions", rvprop="ids"))
        ids = [page["pageid"] for page in pages]
        asked = [ids[1], 99999999, ids[0]]
        found = list(query_pages(self.bot, pageids=asked))
        self.assertEqual([page.get("title") for page in found], [titles[1], None, titles[0]])
        self.assertTrue(found[1]["missing"])
        revids = [page["revisions"][0]["revid"] for page in pages]
        asked = [revids[1], 99999999, revids[0]]
        found = list(query_pages(self.bot, revids=asked, prop="revisions", rvprop="ids"))
        self.assertEqual([page.get("title") for page in found], [titles[1], None, titles[0]])

    def test_pages_are_whole(self):
        """Props that come in several replies are all there, each once."""
        titles = self.fill(5, links=4)
        links = [self.title("link %d" % k) for k in range(4)]
        query = self.listed(
            self.session(), prop="links|revisions", pllimit=3, rvprop="content",
            rvslots="main", page_size=2,
        )
        found = list(query)
        self.assertEqual([page["title"] for page in found], titles)
        for n, page in enumerate(found):
            self.assertEqual([link["title"] for link in page["links"]], links)
            self.assertTrue(text_of_page(page).startswith("text %d " % n))

    def test_total(self):
        titles = self.fill(5)
        found = [page["title"] for page in self.listed(self.bot, total=3, page_size=2)]
        self.assertEqual(found, titles[:3])
        self.assertEqual(list(self.listed(self.bot, total=0)), [])

    def test_cursor(self):
        """Another process goes on after any page: the same pages, none twice."""
        titles = self.fill(7)
        for stop in range(8):
            query = self.listed(self.bot, page_size=3)
            seen = [next(query)["title"] for _ in range(stop)]
            rest = self.listed(self.session("bot"), page_size=3, cursor=query.cursor)
            seen += [page["title"] for page in rest]
            self.assertEqual(seen, titles, stop)
        for stop in range(8):
            query = query_pages(self.bot, titles, page_size=3)
            seen = [next(query)["title"] for _ in range(stop)]
            rest = query_pages(self.bot, titles, page_size=3, cursor=query.cursor)
            self.assertEqual(seen + [page["title"] for page in rest], titles, stop)

    def test_descending(self):
        titles = self.fill(5)
        found = self.listed(self.session(), gapdir="descending", page_size=2)
        self.assertEqual([page["title"] for page in found], titles[::-1])

    def test_executor(self):
        """Several batches at once: titles in their order, ranges mingled."""
        titles = self.fill(6)
        with ThreadPoolExecutor(2) as executor:
            query = query_pages(self.bot, titles, page_size=2, executor=executor)
            self.assertEqual([page["asked"] for page in query], titles)
            query = query_pages(
                self.bot,
                generator="allpages",
                gapprefix=self.title("p"),
                executor=executor,
                ranges=[self.title("p"), titles[3]],
                page_size=2,
            )
            self.assertEqual(sorted(page["title"] for page in query), titles)
            with self.assertRaises(ValueError):
                query.cursor

    def test_copies_let_go(self):
        """A session that was copied for an executor keeps no connection open."""
        copies = []

        class Copying(ThreadPoolExecutor):
            def submit(self, function, fetch, session, *arguments):
                copies.append(pickle.loads(pickle.dumps(session)))
                return super().submit(function, fetch, copies[-1], *arguments)

        titles = self.fill(4)
        with Session(self.world.served_url(), USER_AGENT) as session, Copying(1) as executor:
            query = query_pages(session, titles, page_size=2, executor=executor)
            self.assertEqual([page["asked"] for page in query], titles)
        for copy in copies:
            self.assertEqual(copy.session.counters.connections, 1)
            self.assertEqual(copy.session.keepalive.pool.idle_count, 0)

    @unittest.skipIf(sys.implementation.name == "pypy", "its process pool does not start")
    def test_processes(self):
        """Other processes read with a copy of the session, its cookies if asked."""
        titles = self.fill(4)
        session = Session(self.world.served_url(), USER_AGENT)
        self.addCleanup(session.close)
        account = self.world.accounts["bot"]
        session.login(account["username"], account["password"])
        view = session.with_options(pickle_cookies=True)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            query = query_pages(view, titles, page_size=2, executor=executor)
            self.assertEqual([page["asked"] for page in query], titles)

    def test_miser(self):
        """A generator without results gives no pages."""
        query = query_pages(
            self.session(), generator="allpages", gapprefix=self.title("none")
        )
        self.assertEqual(list(query), [])
