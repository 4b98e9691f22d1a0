"""wikistd.wiki.chain: the next reply is asked for before this one is parsed."""

import gzip
import json
import random
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, Reply, error
from wikistd import HttpClient, Session, query_pages
from wikistd.errors import APIError, ConnectionLost
from wikistd.wiki.chain import ReplyChain, peek_continue


class Peeking(unittest.TestCase):
    def test_found(self):
        for text in (
            '{"continue":{"gapcontinue":"B","continue":"gapcontinue||"},"query":{}}',
            '{"batchcomplete":true,"continue":{"a":"b"},"query":{}}',
            '{"batchcomplete":"", "continue": {"a": 3}, "query": {}}',
        ):
            expected = json.loads(text)["continue"]
            self.assertEqual(peek_continue(text.encode("utf-8")), expected)

    def test_not_found(self):
        """Where it is not sure, nothing is asked for ahead of time."""
        for text in (
            "",
            "[]",
            '{"query":{"continue":{"a":"b"},"x":1}}',
            '{"batchcomplete":true}',
            '{"continue":{"a":"{"},"query":{}}',
            '{"continue":{"a":"}x"},"query":{}}',
            '{"continue":{"a":"%s"},"query":{}}' % ("x" * 5000),
        ):
            self.assertIsNone(peek_continue(text.encode("utf-8")), text[:40])


def reply(n, last=False):
    document = {"batchcomplete": True}
    if not last:
        document["continue"] = {"gapcontinue": str(n + 1), "continue": "-||"}
    document["query"] = {"pages": [{"pageid": n + 1, "title": "P%d" % n}]}
    return document


class Chains(unittest.TestCase):
    def start(self, *script):
        self.wiki = Conversation(self, *script)
        self.addCleanup(self.wiki.done)
        return Session(
            "https://wiki.example", "/w", session=self.wiki, clock=FakeClock()
        )

    def script(self, count):
        script = [({"gapcontinue": None}, reply(0))]
        for n in range(1, count):
            script.append(({"gapcontinue": str(n)}, reply(n, n == count - 1)))
        return script

    def test_all_in_order(self):
        session = self.start(*self.script(9))
        found = query_pages(session, generator="allpages", page_size=1)
        self.assertEqual([page["pageid"] for page in found], list(range(1, 10)))

    def settle(self, chain):
        """Wait until what is ahead has arrived."""
        if chain._running is not None:
            chain._running.thread.join()

    def test_never_more_than_one_ahead(self):
        session = self.start(*self.script(9))
        chain = ReplyChain(session.with_options(formatversion=2), is_ahead=True)
        base = {"action": "query", "generator": "allpages"}
        following = {}
        for n in range(3):
            document = chain.ask(base, following)
            following = document["continue"]
            self.settle(chain)
            self.assertEqual(len(self.wiki.sent), n + 2)
            self.assertEqual(chain.planned(following), base)
        self.wiki.script = []

    def test_another_question(self):
        """A reply ahead that nobody asks for is dropped."""
        session = self.start(*self.script(2)[:1], ({"gapcontinue": "1"}, reply(1)), ({}, {"a": 1}))
        chain = ReplyChain(session, is_ahead=True)
        chain.ask({"action": "query"}, {})
        self.settle(chain)
        self.assertIsNone(chain.planned({"gapcontinue": "9"}))
        self.assertEqual(chain.ask({"action": "parse"}, {}), {"a": 1})

    def test_errors_are_raised_where_they_belong(self):
        refused = ({"gapcontinue": "1"}, error("nope"))
        session = self.start(({}, reply(0)), refused, refused)
        found = query_pages(session, generator="allpages")
        self.assertEqual(next(found)["pageid"], 1)
        with self.assertRaises(APIError):
            next(found)

    def test_trouble_is_the_session_s(self):
        """A reply ahead that is none is asked for again, as any call is."""
        for trouble in (
            error("maxlag", "Lag.", [("Retry-After", "5")]),
            Reply(b'{"continue":{"gapcontinue":"2"},"que'),
            Reply(b"<html>"),
        ):
            session = self.start(
                ({}, reply(0)),
                ({"gapcontinue": "1"}, trouble),
                ({"gapcontinue": ...}, lambda sent: reply(int(dict(sent.params)["gapcontinue"]), True)),
                ({"gapcontinue": ...}, lambda sent: reply(int(dict(sent.params)["gapcontinue"]), True)),
            )
            found = list(query_pages(session, generator="allpages"))
            self.assertEqual([page["pageid"] for page in found], [1, 2])
            self.wiki.script = []

    def test_replies_that_are_held(self):
        """What an HttpClient gives is decoded late, and asked for again if damaged."""
        large = "".join(map(chr, random.Random(1).choices(range(9000), k=50000)))
        asked = []

        def transport(method, url, headers, body, timeout):
            number = 1 if "gapcontinue=1" in url else 0
            document = reply(number, last=number == 1)
            document["query"]["pages"][0]["text"] = large
            packed = gzip.compress(json.dumps(document).encode())
            if not asked:
                packed = packed[:-8] + b"damaged!"
            asked.append(number)
            head = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
            return 200, head, packed

        with HttpClient(user_agent="Tests/1.0", transport=transport) as client:
            session = Session("https://wiki.example", api_path="/w", session=client)
            found = list(query_pages(session, generator="allpages"))
        self.assertEqual([page["pageid"] for page in found], [1, 2])
        self.assertEqual(found[1]["text"], large)
        self.assertEqual(sorted(asked), [0, 0, 1])

    def test_lost_connection(self):
        lost = ConnectionLost("cut", retryable=False)
        session = self.start(({}, reply(0)), ({"gapcontinue": "1"}, lost))
        found = query_pages(session, generator="allpages")
        next(found)
        with self.assertRaises(ConnectionLost):
            next(found)

    def test_of_a_continuation(self):
        """With prefetch the plain continuation is asked for ahead, too."""
        session = self.start(*self.script(4)).with_options(prefetch=True)
        found = session.get(action="query", list="allpages", continuation=True)
        next(found)
        self.assertEqual(len(list(found)), 3)
        signed = ("u", "p")
        session = self.start(*self.script(3)).with_options(prefetch=True)
        found = session.get(action="query", auth=signed, continuation=True)
        self.assertEqual(len(list(found)), 3)
        self.assertEqual({s.options["auth"] for s in self.wiki.sent}, {signed})

    def test_without(self):
        session = self.start(*self.script(3))
        found = query_pages(session, generator="allpages", prefetch=False)
        next(found)
        self.assertEqual(len(self.wiki.sent), 1)
        self.assertEqual(len(list(found)), 2)

    def test_a_wiki_that_stands_still(self):
        """The same continue again is not asked for ahead of time."""
        same = {"continue": {"a": "b"}, "query": {}}
        session = self.start(({}, Reply(same)))
        chain = ReplyChain(session, is_ahead=True)
        chain.ask({"action": "query"}, {"a": "b"})
        self.assertIsNone(chain._running)
