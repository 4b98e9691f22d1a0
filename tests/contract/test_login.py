"""Logging in, on any wiki."""

import os
import pickle
import tempfile

from tests.contract.world import USER_AGENT, ContractCase
from wikistd import BearerAuth, CookieStore, HttpClient, Session, edit_page
from wikistd.errors import APIError, ClientInteractionRequest, LoginError


class LoggingIn(ContractCase):
    def who(self, session):
        document = session.get(action="query", meta="userinfo", assert_=None)
        return document["query"]["userinfo"]

    def test_bot_password(self):
        session = self.session("bot")
        name = self.world.accounts["bot"]["username"].partition("@")[0]
        self.assertEqual(session.user, name)
        self.assertEqual(self.who(session)["name"], name)
        self.assertIn(" as %s, " % name, repr(session))

    def test_clientlogin(self):
        session = self.session("plain")
        self.assertEqual(session.user, self.world.accounts["plain"]["username"])
        self.assertEqual(self.who(session)["name"], session.user)

    def test_other_format_version(self):
        session = self.session("bot", formatversion=1)
        self.assertEqual(self.who(session)["name"], session.user)
        self.session("plain", formatversion=1, api_path="/w/api.php")

    def test_never(self):
        """An edit without a login says how to log in; one by GET has no token in it."""
        with self.assertRaisesRegex(APIError, r"session\.login\(user, password\) comes first"):
            edit_page(self.session(), self.title("Never"), "x")
        with self.assertRaises(APIError):
            self.session("bot").get(action="edit", title=self.title("Never"), text="x")

    def test_oauth_that_is_not_heard(self):
        """A token that the wiki does not look at saves nothing under an address."""
        headers = {"Authorization": "Bearer expired"}
        for options in ({"auth": BearerAuth("expired")}, {"headers": headers}):
            client = self.world.client(**options)
            if not isinstance(client, HttpClient):
                self.skipTest("not a client that takes these")
            with client:
                session = Session(self.world.url, session=client)
                with self.assertRaises(APIError) as caught:
                    session.post(action="edit", title=self.title("Never"), text="x")
                self.assertEqual(caught.exception.code, "assertuserfailed")

    def test_wrong_password(self):
        for role in ("bot", "plain"):
            name = self.world.accounts[role]["username"]
            session = self.session()
            with self.assertRaises(LoginError) as caught:
                session.login(name, "wr0ng-password")
            self.assertIn(caught.exception.status, ("Failed", "FAIL"))
            self.assertIn("check name and password", str(caught.exception))
            self.assertNotIn("wr0ng", str(caught.exception))
            self.assertIsNone(session.user)

    def test_wrong_password_in_other_errorformats(self):
        session = self.session().with_options(params={"errorformat": "plaintext"})
        with self.assertRaises(LoginError) as caught:
            session.login(self.world.accounts["bot"]["username"], "wr0ng")
        self.assertIn("check name and password", str(caught.exception))

    def test_again(self):
        """A second login on a live session works: it logs out first."""
        session = self.session("bot")
        account = self.world.accounts["bot"]
        session.login(account["username"], account["password"])
        self.assertEqual(self.who(session)["name"], session.user)
        plain = self.world.accounts["plain"]
        session.login(plain["username"], plain["password"])
        self.assertEqual(self.who(session)["name"], plain["username"])

    def test_logout(self):
        session = self.session("plain")
        session.logout()
        self.assertIsNone(session.user)
        self.assertTrue(self.who(session)["anon"])

    def test_further_steps(self):
        """A new password is asked for, chosen, and the one that counts afterwards."""
        name = self.title("expired")
        self.world.expired_account(name, "an-0ld-passw0rd-77")
        session = self.session()
        with self.assertRaises(ClientInteractionRequest) as caught:
            session.login(name, "an-0ld-passw0rd-77")
        self.assertIsNone(session.user)
        step = caught.exception
        fields = [field for request in step.requests for field in request["fields"]]
        self.assertTrue({"password", "retype"} <= set(fields), fields)
        with self.assertRaises((ClientInteractionRequest, LoginError)):
            session.continue_login(step.login_token, password="one-77-x", retype="other")
        with self.assertRaises(ClientInteractionRequest) as caught:
            session.login(name, "an-0ld-passw0rd-77")
        new = "a-brand-new-Passw0rd-77"
        token = caught.exception.login_token
        session.continue_login(token, password=new, retype=new)
        self.assertEqual(self.who(session)["name"], name)
        self.assertTrue(edit_page(session, self.title(), "x").is_changed)
        again = self.session()
        again.login(name, new)
        self.assertEqual(again.user, name)

    def test_private_wiki(self):
        """Where nobody reads without logging in, logging in works, cookies kept or not."""
        self.world.live(self, private=True)
        with self.assertRaises(APIError) as caught:
            self.session().get(action="query", titles="Main Page")
        self.assertEqual(caught.exception.code, "readapidenied")
        self.assertIsNone(self.session().resume())
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "cookies.lwp")
            account = self.world.accounts["bot"]
            first = self.session("bot", cookies=CookieStore(path))
            first.get(action="query", titles="Main Page")
            kept = self.session("bot", cookies=CookieStore(path))
            self.assertTrue(edit_page(kept, self.title(), "x").is_changed)
            for cookie in kept.session.cookies:
                cookie.value = "0" * 32  # What the wiki has forgotten.
            kept.session.cookies.save()
            late = self.session(cookies=CookieStore(path))
            found = late.login(account["username"], account["password"])
            self.assertNotIn("restored", found)
            self.assertEqual(self.who(late)["name"], first.user)

    def test_a_lost_session_is_renewed(self):
        """What the wiki forgot is logged in again, and the write still lands once."""
        for role in ("bot", "plain"):
            session = self.session(role)
            title = self.title(role)
            session.post(action="edit", title=title, text="one")
            session.session.cookies.clear()
            session.post(action="edit", title=title, appendtext="\ntwo")
            self.assertEqual(self.text_of(session, title), "one\ntwo")
            users = [r["user"] for r in self.revisions_of(session, title)]
            self.assertEqual(users, [session.user] * 2)

    def test_nothing_is_written_anonymously(self):
        """Without the password at hand, a lost session is an error, not an address."""
        session = self.session("bot")
        session._state.credentials = None
        session.get_token()
        session.session.cookies.clear()
        with self.assertRaises(APIError) as caught:
            session.post(action="edit", title=self.title(), text="x")
        self.assertIn(caught.exception.code, ("assertnameduserfailed", "assertuserfailed"))
        self.assertIsNone(self.text_of(self.session(), self.title()))

    def test_stale_token_is_renewed(self):
        session = self.session("bot")
        session._state.tokens["csrf"] = "0123456789abcdef0123456789abcdef12345678+\\"
        session.post(action="edit", title=self.title(), text="x")
        self.assertEqual(self.text_of(session, self.title()), "x")

    def test_kept_cookies(self):
        """A second process is logged in by the file of cookies, without the password."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "cookies.lwp")
            for role in ("bot", "plain"):
                account = self.world.accounts[role]
                self.session(role, cookies=CookieStore(path))
                session = self.session(cookies=CookieStore(path))
                found = session.login(account["username"], "not even asked for")
                self.assertTrue(found["restored"])
                session.post(action="edit", title=self.title(role), text="x")
                self.assertEqual(self.who(session)["name"], session.user)
                session.logout()
                session = self.session(cookies=CookieStore(path))
                with self.assertRaises(LoginError):
                    session.login(account["username"], "wr0ng-password")

    def test_resume(self):
        """Cookies of before are taken over; without any, nobody writes by accident."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "cookies.lwp")
            name = self.world.accounts["bot"]["username"]
            first = self.session("bot", cookies=CookieStore(path))
            kept = CookieStore(path)
            kept.load(user=name)
            session = self.session(cookies=kept)
            self.assertEqual(session.resume(), first.user)
            self.assertTrue(edit_page(session, self.title(), "x").is_changed)
        session = self.session()
        self.assertIsNone(session.resume())
        with self.assertRaises(APIError) as caught:
            edit_page(session, self.title("anonymous"), "x")
        self.assertEqual(caught.exception.code, "assertuserfailed")

    def test_another_process(self):
        """A pickled session has no login, unless its cookies were asked to travel."""
        session = Session(self.world.served_url(), USER_AGENT, formatversion=2)
        self.addCleanup(session.close)
        account = self.world.accounts["bot"]
        session.login(account["username"], account["password"])
        view = session.with_options(pickle_cookies=True)
        copied = pickle.loads(pickle.dumps(view))
        self.addCleanup(copied.close)
        self.assertEqual(self.who(copied)["name"], session.user)
        copied = pickle.loads(pickle.dumps(session))
        self.addCleanup(copied.close)
        with self.assertRaisesRegex(APIError, "copy of a session came without its login"):
            copied.get(action="query", meta="userinfo")
        copied.login(account["username"], account["password"])
        self.assertEqual(self.who(copied)["name"], session.user)
