"""wikistd.wiki.fetching: sizes, trouble and circles, by script."""

from concurrent.futures import ThreadPoolExecutor

from tests.support.clocks import FakeClock
from tests.wiki.conversation import error, page
from tests.wiki.test_pages import HIGH, RIGHTS, Case, following, listed, pages_of
from wikistd import Session, query_pages
from wikistd.errors import (
    ConnectionLost,
    ProtocolError,
    StatusError,
    TransportTimeout,
)
from wikistd.wiki.fetching import BatchSize


class Sizes(Case):
    def test_rights_are_asked_for_in_passing(self):
        """The first batch is small and asks for the rights, the others are as large."""

        def high(sent):
            document = pages_of(sent)
            document["query"].update(HIGH)
            return document

        session = self.start(
            ({"meta": "userinfo", "uiprop": "rights"}, high),
            ({"meta": None}, pages_of),
            ({}, pages_of),
        )
        self.assertEqual(len(list(query_pages(session, self.titles(700)))), 700)
        self.assertEqual(self.sizes(), [50, 500, 150])

    def test_low_limits(self):
        session = self.start(*[({}, pages_of)] * 3)
        list(query_pages(session, self.titles(120)))
        self.assertEqual(self.sizes(), [50, 50, 20])
        self.assertEqual(session.batch_limit, 50)

    def test_halves_on_trouble(self):
        """Too large a request is asked for in halves, and the next ones are smaller."""
        for trouble in (
            page("", 413),
            page("", 414),
            error("toomanyvalues", limit=20),
            TransportTimeout("slow", retryable=False),
        ):
            session = self.start(
                ({}, trouble), ({}, pages_of), ({}, pages_of), ({}, pages_of)
            )
            found = list(query_pages(session, self.titles(60), page_size=40))
            self.assertEqual([p["asked"] for p in found], self.titles(60))
            self.assertEqual(self.sizes(), [40, 20, 20, 20])

    def test_halves_when_a_gateway_gives_up(self):
        """504 is asked again once, as it is, and then in halves."""
        trouble = page("", 504)
        session = self.start(*[({}, trouble)] * 2, *[({}, pages_of)] * 3)
        found = list(query_pages(session, self.titles(60), page_size=40))
        self.assertEqual([p["asked"] for p in found], self.titles(60))
        self.assertEqual(self.sizes(), [40, 40, 20, 20, 20])

    def test_one_that_is_too_much(self):
        session = self.start(({}, page("", 414)))
        with self.assertRaises(StatusError):
            list(query_pages(session, ["T"]))

    def test_other_trouble(self):
        session = self.start(*[({}, ConnectionLost("cut", retryable=True))] * 2)
        with self.assertRaises(ConnectionLost):
            list(query_pages(session, ["T", "U"]))

    def test_shrinking_and_growing(self):
        size = BatchSize(40)
        self.assertTrue(size.shrink())
        for _ in range(4):
            self.assertEqual(size.size, 20)
            size.succeed()
        self.assertEqual(size.size, 40)
        size.size = 1
        self.assertFalse(size.shrink())
        size.grow_to(10)
        self.assertEqual((size.size, size.most), (1, 10))

    def test_empty_titles_ask_nothing(self):
        session = self.start()
        found = list(query_pages(session, ["", ""]))
        self.assertEqual([p["invalid"] for p in found], [True, True])
        self.assertEqual(list(query_pages(session, [])), [])


class Generators(Case):
    def test_limits(self):
        """As many as may be; fewer texts, which are dear; what is given stays."""
        for expected, options in (
            ("max", {}),
            ("50", {"prop": "revisions", "rvprop": "content"}),
            ("7", {"page_size": 7}),
            ("3", {"gaplimit": 3}),
            ("4", {"total": 4}),
        ):
            session = self.start(({"gaplimit": expected}, listed(1)))
            list(query_pages(session, generator="allpages", **options))

    def test_limits_of_a_user(self):
        """Who is logged in is taken for a bot, until texts come in portions."""
        text = {"prop": "revisions", "rvprop": "content", "prefetch": False}
        many = listed(*range(60), continue_=None)
        del many["continue_"], many["batchcomplete"]
        many["continue"] = {"rvcontinue": "50", "continue": "||"}
        session = self.start(
            ({"gaplimit": "500"}, many),
            ({"gaplimit": "500", "rvcontinue": "50"}, listed(59, **following("B"))),
            ({"gaplimit": "50", "gapcontinue": "B"}, listed(60)),
        )
        session._state.user = "Bot"
        found = query_pages(session, generator="allpages", **text)
        self.assertEqual(len(list(found)), 61)
        session = self.start(({"gaplimit": "500"}, listed(1)))
        session._state.batch_limit = 500
        list(query_pages(session, generator="allpages", **text))

    def test_unknown_generators(self):
        session = self.start(({"glimit": None}, listed(1)))
        self.assertEqual(len(list(query_pages(session, generator="novel"))), 1)
        with self.assertRaisesRegex(ValueError, "the limit of generator 'novel'"):
            list(query_pages(session, generator="novel", page_size=3))

    def test_halves_on_trouble(self):
        session = self.start(
            ({"gaplimit": "4"}, page("", 504)),
            ({"gaplimit": "4"}, page("", 504)),
            ({"gaplimit": "2"}, listed(1, 2, **following("C"))),
            ({"gaplimit": "2", "gapcontinue": "C"}, listed(3)),
        )
        found = query_pages(session, generator="allpages", page_size=4)
        self.assertEqual([p["pageid"] for p in found], [1, 2, 3])

    def test_a_given_limit_is_not_changed(self):
        session = self.start(*[({"gaplimit": "4"}, page("", 504))] * 2)
        with self.assertRaises(StatusError):
            list(query_pages(session, generator="allpages", gaplimit=4))

    def test_truncated_replies(self):
        """A reply that was cut is gone on with; the next batch is smaller."""
        cut = listed(1, warnings={"result": {"warnings": "cut"}})
        del cut["batchcomplete"]
        cut["continue"] = {"rvcontinue": "1|2", "continue": "||"}
        session = self.start(
            ({"gaplimit": "4"}, cut),
            ({"gaplimit": "4", "rvcontinue": "1|2"}, listed(1, **following("B"))),
            ({"gaplimit": "2", "rvcontinue": None}, listed(2)),
        )
        found = query_pages(session, generator="allpages", page_size=4)
        self.assertEqual([p["pageid"] for p in found], [1, 2])

    def test_empty_batches(self):
        """In miser mode a reply may hold no pages and yet go on."""
        empty = dict({"batchcomplete": True}, **following("B"))
        session = self.start(({}, empty), ({"gapcontinue": "B"}, listed(2)))
        found = query_pages(session, generator="allpages")
        self.assertEqual([p["pageid"] for p in found], [2])

    def test_circles_of_whole_batches(self):
        """Batches that are complete may go round in circles too."""
        turns = [listed(n, **following("AB"[n % 2])) for n in range(1, 30)]
        for options in ({"prefetch": False}, {"prefetch": True}):
            self.start()
            self.wiki.script = [({}, turn) for turn in turns]
            session = Session("https://wiki.example", session=self.wiki)
            with self.assertRaisesRegex(ProtocolError, "goes round in circles"):
                list(query_pages(session, generator="allpages", **options))
            self.assertLess(len(self.wiki.sent), 9)
            self.wiki.script = []
        with ThreadPoolExecutor(1) as executor:
            self.start()
            self.wiki.script = [({}, turn) for turn in turns]
            session = Session("https://wiki.example", session=self.wiki)
            options = {"executor": executor, "ranges": ["", "M"]}
            with self.assertRaisesRegex(ProtocolError, "goes round in circles"):
                list(query_pages(session, generator="allpages", **options))
            self.wiki.script = []

    def test_continue_that_is_none(self):
        others = [{"action": "logout"}, {"assert": "anon"}, {"format": "php", "a": "b"}]
        # As PHP reads names, these say action and assert as well.
        others += [{" action": "logout"}, {"action\0x": "logout"}, {"assert[]": "x"}]
        for odd in ({}, [], 5, "x", {"a": []}, {"a": None}, {"a": "\ud800"}, *others):
            answer = listed(1, **{"continue": odd})
            for prefetch in (False, True):
                self.start()
                self.wiki.script = [({}, answer)] * 20
                session = Session(
                    "https://wiki.example", session=self.wiki, clock=FakeClock()
                )
                found = query_pages(session, generator="allpages", prefetch=prefetch)
                with self.assertRaisesRegex(ProtocolError, "continue is no mapping"):
                    list(found)
                self.wiki.script = []

    def test_deep_cursor(self):
        with self.assertRaisesRegex(ValueError, "cursor is not one of"):
            query_pages(self.start(), generator="allpages", cursor="[" * 200000)

    def test_circles(self):
        """A batch that never completes is an error."""
        turn = {"query": {"pages": []}, "continue": {"plcontinue": "1"}}
        session = self.start(*[({}, turn)] * 3)
        with self.assertRaisesRegex(ProtocolError, "goes round in circles"):
            list(query_pages(session, generator="allpages"))
        self.wiki.script = []

    def test_namespaces_are_sorted_by_name(self):
        query = {
            "pages": [
                {"pageid": 1, "ns": 1, "title": "Talk:b"},
                {"pageid": 2, "ns": 1, "title": "Talk:a b"},
                {"pageid": 3, "ns": 1, "title": "Talk:a"},
            ]
        }
        session = self.start(({}, {"batchcomplete": True, "query": query}))
        found = query_pages(session, generator="allpages", gapnamespace=1)
        self.assertEqual([p["pageid"] for p in found], [3, 2, 1])


class Later:
    """An executor whose work is done when its result is asked for."""

    _max_workers = 2

    def __init__(self):
        self.cancelled = 0

    def submit(self, call, *arguments):
        executor = self

        class Future:
            def result(self):
                return call(*arguments)

            def cancel(self):
                executor.cancelled += 1

        return Future()


class Executors(Case):
    def test_order_and_bound(self):
        """Results in the order asked for; what nobody wants any more is cancelled."""
        session = self.start(
            ({"meta": "userinfo"}, {"query": RIGHTS}), *[({}, pages_of)] * 2
        )
        executor = Later()
        query = query_pages(session, self.titles(500), executor=executor)
        self.assertEqual([next(query)["asked"] for _ in range(60)], self.titles(60))
        query._batches.close()
        self.assertEqual(executor.cancelled, 2)
