"""wikistd.wiki.pages: what is asked for, cursors and prefetching, by script."""

import json
import pickle
import unittest
import warnings

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation
from wikistd import Session, query_pages
from wikistd.errors import (
    APIError,
)
from wikistd.wiki.pages import ReplyAhead

RIGHTS = {"userinfo": {"rights": ["read"]}}
MISSING = {"batchcomplete": True, "query": {"pages": [{"title": "T", "missing": True}]}}
HIGH = {"userinfo": {"rights": ["apihighlimits"]}}


def pages_of(sent):
    """Answer a query for titles: all of them missing."""
    params = dict(sent.params)
    pages = [{"title": title, "missing": True} for title in params["titles"].split("|")]
    query = dict({"pages": pages}, **(RIGHTS if "meta" in params else {}))
    return {"batchcomplete": True, "query": query}


def listed(*ids, **more):
    query = {"pages": [{"pageid": n, "title": "P%d" % n} for n in ids]}
    return dict({"batchcomplete": True, "query": query}, **more)


def following(where):
    return {"continue": {"gapcontinue": where, "continue": "gapcontinue||"}}


class Case(unittest.TestCase):
    def start(self, *script):
        self.wiki = Conversation(self, *script)
        self.addCleanup(self.wiki.done)
        return Session(
            "https://wiki.example",
            api_path="/w/api.php",
            session=self.wiki,
            clock=FakeClock(),
        )

    def sizes(self):
        return [len(dict(s.params).get("titles", "").split("|")) for s in self.wiki.sent]

    def titles(self, count):
        return ["T%d" % n for n in range(count)]


class Variants(Case):
    """A wiki of a language with variants finds titles by their forms in the others."""

    #: As MediaWiki tells it: of the normalised titles, in each of the replies.
    TOLD = {
        "normalized": [
            {"fromencoded": False, "from": "\u81fa\u6e7e_\u5cf6", "to": "\u81fa\u6e7e \u5cf6"}
        ],
        "converted": [
            {"from": "\u81fa\u6e7e \u5cf6", "to": "\u53f0\u6e7e \u5c9b"},
            {"from": "\u8a08\u7b97\u6a5f", "to": "\u8ba1\u7b97\u673a"},
            {"from": "\u7121", "to": "\u65e0"},
        ],
        "redirects": [{"from": "\u8ba1\u7b97\u673a", "to": "\u7535\u8111"}],
    }

    def reply(self, number, **more):
        pages = [
            {"pageid": 7, "ns": 0, "title": "\u7535\u8111"},
            {"pageid": 5, "ns": 0, "title": "\u53f0\u6e7e \u5c9b"},
            {"ns": 0, "title": "\u65e0", "missing": True},
        ]
        pages[number]["links"] = [{"ns": 0, "title": "L%d" % number}]
        return dict({"query": dict(self.TOLD, pages=pages, **RIGHTS)}, **more)

    def test_mapped_back(self):
        """What was asked for is told of each page, whichever way it was found."""
        asked = ["\u81fa\u6e7e_\u5cf6", "\u7121", "\u8a08\u7b97\u6a5f", "\u53f0\u6e7e \u5c9b"]
        following = {"plcontinue": "7|0|L", "continue": "||"}
        session = self.start(
            ({"converttitles": "", "plcontinue": None}, self.reply(0, **{"continue": following})),
            ({"converttitles": "", "plcontinue": "7|0|L"}, self.reply(1, batchcomplete=True)),
        )
        pages = list(
            query_pages(session, asked, converttitles=True, redirects=True, prop="links")
        )
        self.assertEqual([page["asked"] for page in pages], asked)
        self.assertEqual([page.get("pageid") for page in pages], [5, None, 7, 5])
        self.assertEqual([page.get("missing") for page in pages], [None, True, None, None])
        self.assertEqual(
            [len(page.get("links", ())) for page in pages], [1, 0, 1, 1]
        )
        self.assertEqual(pages[1]["title"], "\u65e0")


class Cursors(Case):
    def test_other_queries(self):
        session = self.start(({}, listed(1, 2)))
        query = query_pages(session, generator="allpages")
        next(query)
        for cursor, words in (
            ("x", "not one of query_pages"),
            ("[]", "not one of query_pages"),
            ('{"of":1,"start":[],"done":[]}', "other arguments"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                query_pages(session, generator="allpages", cursor=cursor)
        with self.assertRaisesRegex(ValueError, "other arguments"):
            query_pages(session, generator="allpages", prop="info", cursor=query.cursor)
        self.assertEqual(json.loads(query.cursor)["done"], [1])

    def test_behind_the_end(self):
        session = self.start(({}, pages_of))
        query = query_pages(session, ["A", "B"])
        list(query)
        with self.assertRaisesRegex(ValueError, "stands behind the last of the titles"):
            list(query_pages(session, ["A"], cursor=query.cursor))

    def test_deleted_meanwhile(self):
        """Pages that went away between two runs shift nothing."""
        session = self.start(({}, listed(1, 2, 3, 4)))
        query = query_pages(session, generator="search", gsrsearch="x")
        next(query), next(query)
        session.session.script = [({}, listed(1, 3, 4))]
        again = query_pages(
            session, generator="search", gsrsearch="x", cursor=query.cursor
        )
        self.assertEqual([p["pageid"] for p in again], [3, 4])


class Mistakes(Case):
    def test_arguments(self):
        session = self.start()
        for arguments in ({}, {"titles": ["A"], "pageids": [1]}, {"titles": [], "generator": "x"}):
            with self.assertRaisesRegex(TypeError, "give one of titles"):
                query_pages(session, **arguments)
        with self.assertRaisesRegex(TypeError, "an iterable of values, not one text"):
            query_pages(session, "Main Page")
        for arguments, words in (
            ({"page_size": 0, "titles": ["A"]}, "page_size must be 1 or more"),
            ({"revids": [1]}, "wants prop='revisions'"),
            ({"revids": [1], "prop": "revisions", "rvprop": "user"}, "'ids' in rvprop"),
            ({"pageids": [1], "redirects": True}, "redirects goes with titles"),
            ({"generator": "search", "executor": 1}, "serial by nature"),
            ({"generator": "allpages", "ranges": ["A", "B"], "cursor": "{}"}, "cursor"),
            ({"generator": "allpages", "ranges": ["A", "B"], "gapto": "C"}, "gapto"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                query_pages(session, **arguments)
        with self.assertRaisesRegex(TypeError, "titles are str, not int"):
            list(query_pages(session, [5]))
        with self.assertRaisesRegex(TypeError, "total must be int or None, not str"):
            query_pages(session, ["A"], total="5")
        with self.assertRaisesRegex(ValueError, "total must be 0 or more, not -1"):
            query_pages(session, ["A"], total=-1)
        with self.assertRaisesRegex(ValueError, r"the title 'A\\n' holds a line end: strip"):
            next(query_pages(session, ["A\n"]))
        with self.assertRaisesRegex(ValueError, "pageids and revids are numbers, not 'A'"):
            next(query_pages(session, pageids=["A"]))
        with self.assertRaisesRegex(TypeError, "PageQuery cannot be pickled: its `cursor`"):
            pickle.dumps(query_pages(session, ["A"]))
        self.assertEqual(
            repr(query_pages(session, ["A"])),
            "<PageQuery, 0 pages of this batch handed out, 0 at hand>",
        )
        with self.assertRaisesRegex(TypeError, "first argument is a Session"):
            query_pages("https://x", ["A"])
        with self.assertRaisesRegex(ValueError, "two or more first titles"):
            list(query_pages(session, generator="allpages", executor=1, ranges=["A"]))


class Prefetch(Case):
    def test_one_ahead_and_no_more(self):
        taken = []

        def source():
            for n in range(5):
                taken.append(n)
                yield n

        ahead = ReplyAhead(source())
        items = iter(ahead)
        self.assertEqual(next(items), 0)
        ahead.thread.join()
        self.assertEqual(taken, [0, 1])
        self.assertEqual(list(items), [1, 2, 3, 4])
        self.assertFalse(ahead.thread.is_alive())

    def test_first_warning_points_to_the_caller(self):
        """What the first reply warns of is told at the line that asked."""
        warned = dict(MISSING, warnings={"main": {"warnings": "Odd."}})
        session = self.start(({"titles": "T"}, warned))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            list(query_pages(session, ["T"]))
        self.assertEqual([each.filename for each in caught], [__file__])

    def test_errors_come_in_order(self):
        def source():
            yield 1
            raise APIError("nope")

        items = iter(ReplyAhead(source()))
        self.assertEqual(next(items), 1)
        with self.assertRaises(APIError):
            next(items)
