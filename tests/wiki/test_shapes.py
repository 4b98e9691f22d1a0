"""Replies of another shape than documented: one of our errors, whatever they hold."""

import os
import tempfile
import unittest

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation
from wikistd import CookieStore, Session, Site, edit_page, query_pages, upload_file
from wikistd.errors import ConnectionLost, LoginError, ProtocolError, WikistdError
from wikistd.wiki.batch import _recover
from wikistd.wiki.edit import only_page

ODD = (None, 5, "x", [], {}, [1], ["x"], [[]], [{}], True, {"a": 1}, 1e30, -1)
LOST = ConnectionLost("cut", retryable=True)
BASE = {"query": {"pages": [{"pageid": 1, "title": "T", "revisions": [{"revid": 10}]}]}}


class KeptCookie(CookieStore):
    """A file of cookies that holds one for every user."""

    def load(self, *arguments, **options):
        pass

    def __len__(self):
        return 1


class Case(unittest.TestCase):
    def start(self, *answers):
        """A session with a token that is given `answers`, the last one for ever."""
        left = list(answers)

        def answer(sent):
            got = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(got, BaseException):
                raise got
            return got

        wiki = Conversation(self)
        wiki.script = [({}, answer)] * 60
        session = Session("https://wiki.example", session=wiki, clock=FakeClock())
        session._state.tokens["csrf"] = "t+\\"
        return session

    def ours_or_fine(self, use, *answers):
        """`use` may come to a result or to one of our errors, which is returned."""
        try:
            use(self.start(*answers))
        except WikistdError as error:
            return error
        return None


class Edits(Case):
    def test_landed_but_odd(self):
        """What an edit that landed is answered with: nobody knows, so it says so."""
        for name in ("newrevid", "pageid", "oldrevid"):
            for odd in (None, "x", [], {}, [1]):
                edit = {"result": "Success", "newrevid": 11, "pageid": 1, name: odd}
                session = self.start(BASE, {"edit": edit})
                with self.subTest(name=name, odd=odd):
                    with self.assertRaises(ProtocolError) as caught:
                        edit_page(session, "T", "x")
                    self.assertTrue(caught.exception.maybe_applied)
                    self.assertEqual(caught.exception.spec, "MediaWiki Action API")

    def test_read_before(self):
        def use(session):
            edit_page(session, "T", transform=str.upper)

        for odd in ODD:
            for page in (
                odd,
                {"title": odd, "revisions": [{"revid": 1, "slots": {}}]},
                {"revisions": odd},
                {"revisions": [{"revid": odd, "slots": odd}]},
                {"pageid": odd, "revisions": [{"revid": 1, "content": "x"}]},
            ):
                with self.subTest(page=page):
                    self.ours_or_fine(use, {"query": {"pages": [page]}})
            self.ours_or_fine(use, {"query": {"pages": odd}})
            self.ours_or_fine(use, {"query": odd})
        with self.assertRaises(ProtocolError):
            only_page({"query": {"pages": [1]}})

    def test_looked_up(self):
        """A look that shows nothing readable leaves the fate of the edit open."""
        for page in (
            {"revisions": 5},
            {"revisions": [{"revid": "x"}]},
            {"pageid": "x", "revisions": [{"revid": 11, "user": "B", "content": "x"}]},
            {"revisions": [{"revid": 11, "user": "B", "slots": 5}]},
        ):
            seen = {"query": {"pages": [page], "userinfo": {"name": "B"}}}
            error = self.ours_or_fine(
                lambda session: edit_page(session, "T", "x"), BASE, LOST, seen
            )
            with self.subTest(page=page):
                self.assertIsInstance(error, ConnectionLost)
                self.assertTrue(error.maybe_applied)

    def test_batches(self):
        record = {"key": "T", "title": "T", "base_revid": 1, "intent": {"text": "x"}}
        revision = {"revid": 11, "user": "B", "slots": 5}
        page = {"title": "T", "revisions": [revision]}
        seen = {"query": {"pages": [page], "userinfo": {"name": "B"}}}
        self.assertEqual(_recover(self.start(seen), record).result, "unknown")


class Queries(Case):
    def test_pages(self):
        for odd in ODD:
            for query in (
                odd,
                {"pages": odd},
                {"pages": [{"pageid": odd, "title": odd, "index": odd}]},
                {"pages": [{"pageid": 1, "index": odd}, {"pageid": 2, "index": 1}]},
                {"pages": [], "normalized": odd},
                {"pages": [], "redirects": odd, "interwiki": odd},
                {"pages": [], "interwiki": [{"title": odd, "iw": odd}]},
                {"pages": [], "badrevids": odd, "userinfo": {"rights": odd}},
            ):
                document = {"batchcomplete": True, "query": query}
                with self.subTest(query=query):
                    for how in ({"titles": ["A", "B"]}, {"generator": "allpages"}):
                        self.ours_or_fine(
                            lambda session: list(query_pages(session, **how)), document
                        )

    def test_list_for_a_document(self):
        error = self.ours_or_fine(
            lambda session: list(query_pages(session, ["A"], prefetch=False)), []
        )
        self.assertIsInstance(error, ProtocolError)

    def test_site(self):
        def use(session):
            site = Site(session)
            site.general, site.has_right("edit"), site.rate_limit(), site.namespaces

        def address(session):
            Site(session).page_url("x:A"), Site(session).page_url("A")

        for odd in ODD:
            for query in (
                odd,
                {"general": odd, "userinfo": odd},
                {"general": {}, "namespaces": odd, "userinfo": {"rights": odd}},
                {"general": {}, "namespaces": {"0": odd}, "userinfo": {"ratelimits": odd}},
                {"general": {}, "userinfo": {"ratelimits": {"edit": odd}}},
                {"general": {}, "userinfo": {"ratelimits": {"edit": {"user": odd}}}},
                {"general": {}, "namespacealiases": odd, "interwikimap": odd},
                {"general": {}, "interwikimap": [{"prefix": "x", "url": odd}]},
            ):
                with self.subTest(query=query):
                    self.ours_or_fine(use, {"query": query})
                    self.ours_or_fine(address, {"query": query})


class Sessions(Case):
    def test_login(self):
        for odd in ([], 5, "x", None):
            error = self.ours_or_fine(
                lambda session: session.login("U@b", "secret", "token"), odd
            )
            self.assertIsInstance(error, (ProtocolError, LoginError))

    def test_cookies_taken_over(self):
        """A wiki that does not say who we are is an error of ours, and nobody is."""
        for odd in ODD:
            session = self.start({"query": {"userinfo": odd}})
            with self.subTest(odd=odd), self.assertRaises(ProtocolError):
                session.resume()
            self.assertIsNone(session.user)
            self.ours_or_fine(lambda session: session.resume(), {"query": odd}, odd)

    def test_cookies_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            for odd in ODD:
                session = self.start({"query": {"userinfo": odd}})
                session.session.cookies = KeptCookie(os.path.join(folder, "c"))
                with self.subTest(odd=odd), self.assertRaises(ProtocolError):
                    session.login("U@b", "secret")

    def test_token_refused_before_there_was_one(self):
        session = self.start({"error": {"code": "badtoken", "info": "x"}})
        session._state.tokens.clear()
        with self.assertRaises(WikistdError):
            session.post(action="edit", title="T")


class Uploads(Case):
    def test_odd(self):
        def use(session):
            upload_file(session, b"x" * 3000, "F.bin", chunk_size=1024)

        for odd in ODD:
            for upload in (
                odd,
                {"result": "Continue", "filekey": "k", "offset": odd},
                {"result": "Success", "filekey": odd, "imageinfo": odd},
                {"result": "Warning", "warnings": odd, "filekey": odd},
                {"result": "Poll", "filekey": odd},
            ):
                with self.subTest(upload=upload):
                    self.ours_or_fine(use, *[{"upload": upload}] * 2, {"upload": {}})
            told = {"code": "stashfailed", "info": "x", "offset": odd}
            self.ours_or_fine(use, {"error": told}, {"upload": {}})

    def test_published_but_odd(self):
        info = {"size": "x"}
        answer = {"upload": {"result": "Success", "imageinfo": info}}
        error = self.ours_or_fine(lambda s: upload_file(s, b"x", "F.bin"), answer)
        self.assertIsInstance(error, ProtocolError)
        self.assertTrue(error.maybe_applied)

    def test_looked_up(self):
        page = {"title": "File:F.bin", "imageinfo": 5}
        seen = {"query": {"pages": [page]}}
        error = self.ours_or_fine(lambda s: upload_file(s, b"x", "F.bin"), LOST, seen)
        self.assertIsInstance(error, ConnectionLost)
        self.assertTrue(error.maybe_applied)
