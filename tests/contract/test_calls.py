"""Parameters, errors and warnings, on any wiki."""

import datetime
import warnings

from tests.contract.world import ContractCase
from wikistd import edit_page
from wikistd.errors import APIError, APIWarning, RetryLater
from wikistd.wiki.keywords import known_params

ERRORFORMATS = ("bc", "plaintext", "wikitext", "html", "raw", "none")


class Calls(ContractCase):
    def test_siteinfo(self):
        document = self.session().get(action="query", meta="siteinfo")
        self.assertIn("sitename", document["query"]["general"])

    def test_errors_of_every_format(self):
        """The same code whatever the errorformat and the version."""
        for version in (1, 2):
            for errorformat in ERRORFORMATS:
                session = self.session(formatversion=version)
                with self.assertRaises(APIError) as caught:
                    session.get(
                        action="query",
                        list="allpages",
                        aplimit="few",
                        errorformat=errorformat,
                    )
                self.assertEqual(caught.exception.code, "badinteger")
                self.assertTrue(caught.exception.info)
                self.assertEqual(caught.exception.errors[0]["code"], "badinteger")

    def test_warnings_of_every_format(self):
        for version in (1, 2):
            for errorformat in ("bc", "plaintext", "html", "none"):
                session = self.session(formatversion=version)
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    session.get(
                        action="query",
                        list="allpages",
                        aplimit=9999,
                        errorformat=errorformat,
                    )
                messages = [str(w.message) for w in caught]
                self.assertEqual(len(messages), 1, messages)
                self.assertIs(caught[0].category, APIWarning)
                self.assertIn("allpages", messages[0])

    def test_warnings_as_exceptions(self):
        """Those of a read carry the document; those of a write never raise: it landed."""
        session = self.session("bot")
        view = session.with_options(api_warnings="raise")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for reader in (view, session):
                with self.assertRaises(APIWarning) as caught:
                    reader.get(action="query", titles="Main Page", n0pe=1)
                self.assertIn("query", caught.exception.document)
            for n, writer in enumerate((view, session)):
                writer.post(action="edit", title=self.title("w"), appendtext=str(n), n0pe=1)
        self.assertEqual(self.text_of(session, self.title("w")), "01")

    def test_tokens(self):
        """One of each type, kept; a caller's own wins over them."""
        session = self.session("admin")
        for kind in ("csrf", "watch", "patrol", "rollback", "userrights"):
            token = session.get_token(kind)
            self.assertTrue(token.endswith("+\\"), kind)
            self.assertEqual(session.get_token(kind), token)
        with self.assertRaises(APIError) as caught:
            session.get_token("n0pe")
        self.assertEqual(caught.exception.code, "notoken")
        with self.assertRaises(APIError) as caught:
            session.post(action="edit", title=self.title(), text="x", token="0ther+\\")
        self.assertEqual(caught.exception.code, "badtoken")
        session.post(action="edit", title=self.title(), text="x", token=session.get_token())
        session.post(action="watch", titles=self.title())
        self.assertEqual(self.text_of(session, self.title()), "x")

    def test_moments(self):
        """A datetime is a point in time to the wiki, whatever its zone."""
        session = self.session("bot")
        session.post(action="edit", title=self.title(), text="x")
        zone = datetime.timezone(datetime.timedelta(hours=-5))
        hour = datetime.timedelta(hours=1)
        now = datetime.datetime.now(zone)
        for start, count in ((now - hour, 1), (now + hour, 0)):
            document = session.get(
                action="query", titles=self.title(), prop="revisions", rvprop="ids",
                rvdir="newer", rvstart=start, rvlimit=5,
            )
            found = document["query"]["pages"][0].get("revisions", [])
            self.assertEqual(len(found), count)

    def test_unknown_action(self):
        with self.assertRaises(APIError) as caught:
            self.session().get(action="n0pe")
        self.assertEqual(caught.exception.code, "badvalue")

    def test_maxlag(self):
        """A wiki that lags is waited for, within the budget; here it is too short."""
        session = self.session(max_wait_seconds=1)
        with self.assertRaises(RetryLater) as caught:
            session.get(action="query", meta="siteinfo", maxlag=-2)
        self.assertEqual(caught.exception.code, "maxlag")
        self.assertEqual(caught.exception.after_seconds, 5.0)

    def test_values_with_pipes(self):
        """U+001F keeps a pipe in a value from being read as two values."""
        document = self.session().get(
            action="query", titles=["A|B", self.title()]
        )
        titles = {page["title"] for page in document["query"]["pages"]}
        self.assertEqual(titles, {"A|B", self.title()})

    def test_false_is_left_out(self):
        session = self.session("bot")
        session.post(action="edit", title=self.title("a"), text="#REDIRECT [[Main Page]]")
        document = session.get(action="query", titles=self.title("a"), redirects=False)
        self.assertEqual(document["query"]["pages"][0]["title"], self.title("a"))
        document = session.get(action="query", titles=self.title("a"), redirects=True)
        self.assertEqual(document["query"]["pages"][0]["title"], "Main Page")

    def test_long_get(self):
        """An address that is too long goes as POST."""
        titles = ["%s %s" % (self.title(), "x" * 150) for _ in range(2)]
        titles += ["%s %d %s" % (self.prefix, n, "y" * 180) for n in range(40)]
        document = self.session().get(action="query", titles=titles)
        self.assertEqual(len(document["query"]["pages"]), 41)

    def test_too_many_values(self):
        with self.assertRaises(APIError) as caught:
            self.session().get(action="query", titles=["T%d" % n for n in range(51)])
        self.assertEqual(caught.exception.code, "toomanyvalues")

    def test_permission(self):
        with self.assertRaises(APIError) as caught:
            self.session("plain").post(
                action="edit", title="MediaWiki:" + self.title(), text="x"
            )
        self.assertEqual(caught.exception.code, "protectednamespace-interface")


class Keywords(ContractCase):
    """What the wiki takes is no misspelling to the functions that write."""

    #: Arguments of ours in the wiki's words, and what would break its promises.
    OURS = {
        "edit": "title text section sectiontitle summary minor bot baserevid redirect"
        " prependtext appendtext createonly nocreate",
        "upload": "filename comment text ignorewarnings file url async",
        "move": "from to reason noredirect",
        "delete": "title reason",
        "protect": "title protections expiry reason",
    }
    NOT_OF_WRITES = (
        "action format smaxage maxage callback utf8 ascii formatversion wrappedhtml"
    )
    REFUSED = {
        "edit": "pageid basetimestamp starttimestamp undo undoafter",
        "upload": "filekey sessionkey stash filesize offset chunk checkstatus",
        "move": "fromid",
        "delete": "pageid",
        "protect": "pageid",
    }

    def test_of_the_actions(self):
        document = self.session().get(
            action="paraminfo", modules=["main", *self.OURS], formatversion=2
        )
        told = {
            module["name"]: [p["name"] for p in module["parameters"]]
            for module in document["paraminfo"]["modules"]
        }
        common = set(told["main"]) - set(self.NOT_OF_WRITES.split())
        for action, words in self.OURS.items():
            others = set(words.split()) | set(self.REFUSED[action].split())
            for name in common.union(told[action]) - others:
                known_params(edit_page, action, {name: "x"}, None)


class FindingTheApi(ContractCase):
    def test_by_the_page(self):
        """Where the guess is wrong, the wiki's own page names its api.php."""
        session = self.session()
        session._state.api_path = "/not/here/api.php"
        document = session.get(action="query", meta="userinfo")
        self.assertTrue(document["query"]["userinfo"]["anon"])
        self.assertEqual(session.api_path, "/w/api.php")


class Continuation(ContractCase):
    def test_props_start_anew_in_each_batch(self):
        """A client that keeps old keys would lose links of the later pages."""
        session = self.session("bot")
        wanted = {}
        for n in range(5):
            title = self.title("c%d" % n)
            links = [self.title("target %d %d" % (n, k)) for k in range(7)]
            session.post(
                action="edit", title=title, text=" ".join("[[%s]]" % link for link in links)
            )
            wanted[title] = links
        for version in (1, 2):
            found = {}
            replies = 0
            query = session.with_options(formatversion=version).get(
                action="query",
                generator="allpages",
                gapprefix=self.title("c"),
                gaplimit=2,
                prop="links",
                pllimit=3,
                continuation=True,
            )
            for document in query:
                replies += 1
                pages = document["query"]["pages"]
                for page in pages.values() if version == 1 else pages:
                    links = found.setdefault(page["title"], [])
                    links += [link["title"] for link in page.get("links", [])]
            self.assertEqual(found, wanted)
            self.assertGreater(replies, 5)

    def test_lists(self):
        session = self.session("bot")
        for n in range(3):
            session.post(action="edit", title=self.title("n%d" % n), text="x")
        query = session.get(
            action="query",
            list="allpages",
            apprefix=self.title("n"),
            aplimit=1,
            continuation=True,
        )
        titles = [item["title"] for d in query for item in d["query"]["allpages"]]
        self.assertEqual(titles, [self.title("n%d" % n) for n in range(3)])
