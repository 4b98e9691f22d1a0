"""wikistd/server/accounts.py and the modules that log in and make accounts."""

from __future__ import annotations

import unittest

from wikistd.server.accounts import (
    canonical_user_name,
    hash_password,
    is_address,
    is_password,
    list_rights,
)
from wikistd.server.actions_login import format_wait, make_totp

from .asking import Asker, asker_for, make_wiki


class Names(unittest.TestCase):
    """What can be the name of a user."""

    def test_names(self):
        """Blanks and first letters are settled; addresses and signs are refused."""
        for text, name in ((" some_one ", "Some one"), ("\u00fcn\u00ef", "\u00dcn\u00ef"),
                           ("a@b", None), ("192.0.2.1", None), ("a/b", None), ("", None),
                           ("User:x", None), ("a[b", None)):
            with self.subTest(text=text):
                self.assertEqual(canonical_user_name(text), name)

    def test_addresses(self):
        """Addresses and ranges of them are told from names."""
        for text, is_one in (("192.0.2.1", True), ("2001:db8::1", True), ("192.0.2.0/24", True),
                             ("example.org", False), ("Bob", False), ("1.2.3", False)):
            with self.subTest(text=text):
                self.assertEqual(is_address(text), is_one)


class Passwords(unittest.TestCase):
    """Passwords are kept as digests."""

    def test_hash(self):
        """The same password is stored differently each time, and recognised."""
        one, two = hash_password("x"), hash_password("x")
        self.assertNotEqual(one, two)
        self.assertTrue(is_password("x", one) and is_password("x", two))
        self.assertFalse(is_password("y", one))
        self.assertFalse(is_password("", ""))
        with self.assertRaisesRegex(TypeError, "^a password must be a str, not int$"):
            hash_password(5)

    def test_rights_once(self):
        """Rights that two groups give are listed once."""
        rights = list_rights(["bot", "*", "user"])
        self.assertEqual(len(rights), len(set(rights)))

    def test_totp(self):
        """The codes of RFC 6238, appendix B, with their last six digits."""
        secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        for now, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
            self.assertEqual(make_totp(secret, now), code)

    def test_waits(self):
        """Times to wait are told in the largest unit that fits."""
        self.assertEqual([format_wait(each) for each in (1, 60, 300, 3600, 61)],
                         ["1 second", "1 minute", "5 minutes", "1 hour", "61 seconds"])


class LoggingIn(unittest.TestCase):
    """Sessions and tokens."""

    def setUp(self):
        self.now = 2_000_000.0
        self.store = make_wiki(now=lambda: self.now)
        self.addCleanup(self.store.close)

    def who(self, asker):
        """Return who the wiki takes a client for."""
        return asker.ask(action="query", meta="userinfo")["query"]["userinfo"]["name"]

    def test_bot_password(self):
        """user@app with the password of the app, or the user with app@password."""
        asker = asker_for(self.store, "Robot")
        self.assertEqual(self.who(asker), "Robot")
        other = Asker(self.store)
        self.assertEqual(other.log_in("Robot", "app@" + "r" * 32), "Success")
        self.assertEqual(other.log_in("Robot@app", "r" * 32), "Aborted")

    def test_own_password(self):
        """The account's own password works too, with a warning."""
        asker = Asker(self.store)
        self.assertEqual(asker.log_in("Plain", "plain-password"), "Success")
        self.assertEqual(self.who(asker), "Plain")
        asker.post(action="logout")
        self.assertEqual(self.who(asker), "127.0.0.1")

    def test_wrong_token(self):
        """A token of somebody else's session is worth nothing."""
        asker, other = Asker(self.store), Asker(self.store)
        asker.token("login")
        answer = asker.post(action="login", token=None, lgname="Robot@app",
                            lgpassword="r" * 32, lgtoken=other.token("login"))
        self.assertEqual(answer["login"], {"result": "WrongToken"})

    def test_expiry(self):
        """A session nobody used for an hour is over; one in use lives on."""
        asker = asker_for(self.store, "Robot")
        for _ in range(4):
            self.now += 3000
            self.assertEqual(self.who(asker), "Robot")
        self.now += 3700
        self.assertEqual(self.who(asker), "127.0.0.1")
        self.assertEqual(asker.cookies["embedded_BPsession"], "deleted")

    def test_address_of_bot_password(self):
        """A bot password bound to networks works from there alone."""
        self.store.create_bot_password("Robot", "far", "f" * 32, addresses="192.0.2.0/24")
        self.assertEqual(Asker(self.store).log_in("Robot@far", "f" * 32), "Failed")
        near = Asker(self.store, address="192.0.2.9")
        self.assertEqual(near.log_in("Robot@far", "f" * 32), "Success")

    def test_throttle(self):
        """Too many wrong passwords lock a name for a while, the right one too."""
        self.store.site.login_throttle = (4, 60)
        asker = Asker(self.store)
        for _ in range(2):
            self.assertEqual(asker.log_in("Robot@app", "wrong"), "Failed")
        self.assertEqual(asker.log_in("Robot@app", "r" * 32), "Failed")
        self.now += 61
        self.assertEqual(asker.log_in("Robot@app", "r" * 32), "Success")

    def test_grants(self):
        """A bot password may do what its grants say, no more."""
        self.store.create_bot_password("Robot", "read", "x" * 32, grants=[])
        asker = Asker(self.store)
        asker.log_in("Robot@read", "x" * 32)
        answer = asker.post(action="edit", title="A", text="x")
        self.assertEqual(answer["error"]["code"], "permissiondenied")

    def test_clientlogin(self):
        """clientlogin: PASS and FAIL, and the cookies of the account."""
        asker = Asker(self.store)
        for password, status in (("wrong", "FAIL"), ("plain-password", "PASS")):
            answer = asker.post(
                action="clientlogin", token=None, username="Plain", password=password,
                loginreturnurl="http://x/", logintoken=asker.token("login"))
            self.assertEqual(answer["clientlogin"]["status"], status)
        self.assertEqual(asker.cookies["embeddedUserName"], "Plain")

    def test_new_account(self):
        """createaccount makes an account that can log in at once."""
        asker = Asker(self.store)

        def create(name, password, retype=None):
            return asker.post(
                action="createaccount", token=None, username=name, password=password,
                retype=retype or password, createreturnurl="http://x/",
                createtoken=asker.token("createaccount"))["createaccount"]

        self.assertEqual(create("newcomer", "a fine password")["status"], "PASS")
        self.assertEqual(asker.log_in("Newcomer", "a fine password"), "Success")
        for name, password, retype, code in (
            ("Newcomer", "a fine password", None, "userexists"),
            ("a[b", "a fine password", None, "noname"),
            ("Other", "a fine password", "another", "badretype"),
            ("Other", "short", None, "passwordtooshort"),
            ("Other", "password", None, "passwordincommonlist"),
        ):
            self.assertEqual(create(name, password, retype)["messagecode"], code)

    def test_secrets_are_posted(self):
        """Passwords and tokens in the address are refused."""
        asker = Asker(self.store)
        answer = asker.send(
            asker.pairs({"lgpassword": "x"}), [("action", "login"), ("lgname", "x")])
        self.assertEqual(answer["error"]["code"], "mustpostparams")


if __name__ == "__main__":
    unittest.main()
