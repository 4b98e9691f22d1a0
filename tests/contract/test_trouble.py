"""What wikis refuse and delay, on any wiki: waited for, or told with its details."""

from tests.contract.world import ContractCase
from tests.support.clocks import FakeClock
from wikistd import edit_page, protect_page
from wikistd.errors import APIError, RetryLater


class LiftingClock(FakeClock):
    """A clock with which the first wait ends what was waited for."""

    live = None

    def sleep(self, seconds):
        super().sleep(seconds)
        if self.live is not None and seconds > 0:
            self.live.lift()


class Waiting(ContractCase):
    """A write that the wiki puts off lands once, when the wiki is ready."""

    def start(self, role):
        session = self.session(role, clock=LiftingClock())
        session.get_token()
        return session

    def lands_once(self, session, live):
        session.clock.live = live
        result = edit_page(session, self.title(), append="x")
        self.assertTrue(result.is_changed and not result.found)
        self.assertEqual(self.text_of(session, self.title()), "x")
        self.assertEqual(len(self.revisions_of(session, self.title())), 1)
        return session.clock.slept

    def test_readonly(self):
        session = self.start("bot")
        live = self.world.live(self, readOnly="moving house")
        with self.assertRaises(RetryLater) as caught:
            edit_page(session.with_options(max_wait_seconds=0), self.title(), "x")
        self.assertEqual(caught.exception.code, "readonly")
        self.assertFalse(caught.exception.maybe_applied)
        self.assertTrue(self.lands_once(session, live))

    def test_maxlag(self):
        session = self.start("bot").with_options(params={"maxlag": 5})
        slept = self.lands_once(session, self.world.live(self, lag=7.5))
        self.assertGreaterEqual(slept[0], 5.0)

    def test_ratelimited(self):
        session = self.start("plain")
        limits = {"edit": {"user": [1, 60], "newbie": [1, 60]}}
        session.clock.live = self.world.live(self, rateLimits=limits)
        edit_page(session, self.title("first"), "x")
        edit_page(session, self.title("second"), "x")
        self.assertTrue(session.clock.slept)
        for name in ("first", "second"):
            self.assertEqual(len(self.revisions_of(session, self.title(name))), 1)


class Refused(ContractCase):
    """The error says what the wiki says of it."""

    def refused(self, session, title, text="x", **options):
        with self.assertRaises(APIError) as caught:
            edit_page(session, title, text, **options)
        self.assertFalse(caught.exception.maybe_applied)
        return caught.exception

    def test_protected(self):
        admin = self.session("admin")
        edit_page(admin, self.title(), "text")
        protect_page(admin, self.title(), {"edit": "sysop"})
        error = self.refused(self.session("plain"), self.title())
        self.assertEqual(error.code, "protectedpage")

    def test_blocked(self):
        admin, plain = self.session("admin"), self.session("plain")
        admin.post(action="block", user=plain.user, expiry="1 hour", reason="because")
        self.addCleanup(admin.post, action="unblock", user=plain.user)
        error = self.refused(plain, self.title())
        self.assertEqual(error.code, "blocked")
        self.assertEqual(error.errors[0]["blockinfo"]["blockreason"], "because")
        self.assertEqual(error.errors[0]["blockinfo"]["blockedby"], admin.user)

    def test_spam(self):
        if self.world.is_embedded:
            self.world.live(self, spam=["badspam.example"])
        else:
            self.world.live(self, extensions=["SpamBlacklist"])
            admin = self.session("admin")
            edit_page(admin, "MediaWiki:Spam-blacklist", "badspam\\.example")
        error = self.refused(
            self.session("plain"), self.title(), "see https://badspam.example/x"
        )
        self.assertEqual(error.code, "spamblacklist")
        self.assertIn("badspam.example", str(error) + repr(error.errors))

    def test_captcha(self):
        """Its question is told, and with the answer the edit lands."""
        self.world.live(
            self, extensions=["ConfirmEdit"], globals={"wgCaptchaTriggers": {"edit": True}}
        )
        session = self.session("plain")
        error = self.refused(session, self.title())
        self.assertEqual(error.code, "captcha")
        captcha = error.errors[0]["captcha"]
        self.assertIn(captcha["question"], str(error))
        answer = eval(captcha["question"].replace("\u2212", "-"), {})
        edit_page(
            session, self.title(), "x", captchaid=captcha["id"], captchaword=answer
        )
        self.assertEqual(self.text_of(session, self.title()), "x")
