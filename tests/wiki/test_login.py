"""wikistd.wiki.login: what the wiki's answer to a login means."""

import unittest

from wikistd.errors import ClientInteractionRequest, LoginError, ProtocolError
from wikistd.wiki.login import (
    choose_login_method,
    login_name,
    login_params,
    read_login_reply,
)


class Choosing(unittest.TestCase):
    def test_by_name(self):
        """A user's own name cannot hold an @: it is a bot password's."""
        self.assertEqual(choose_login_method("A@b", "x", None), "bot-password")
        self.assertEqual(choose_login_method("A", "x", None), "clientlogin")
        self.assertEqual(choose_login_method("A@b", "x", "clientlogin"), "clientlogin")

    def test_mistakes(self):
        with self.assertRaisesRegex(ValueError, "method must be one of bot-password"):
            choose_login_method("A", "x", "oauth")
        with self.assertRaisesRegex(TypeError, "password must be str, not bytes"):
            choose_login_method("A", b"x", None)
        with self.assertRaisesRegex(ValueError, "username is empty"):
            choose_login_method("", "x", None)

    def test_params(self):
        self.assertEqual(login_params("bot-password", "A@b", "p", "t")["lgtoken"], "t")
        self.assertEqual(login_params("clientlogin", "A", "p", "t")["logintoken"], "t")


class Answers(unittest.TestCase):
    def refused(self, document, method):
        with self.assertRaises(LoginError) as caught:
            read_login_reply(document, method, "t")
        return str(caught.exception)

    def bot(self, result, reason=None):
        found = {"result": result}
        if reason is not None:
            found["reason"] = reason
        return self.refused({"login": found}, "bot-password")

    def client(self, status, message, code=""):
        found = {"status": status, "message": message, "messagecode": code}
        return self.refused({"clientlogin": found}, "clientlogin")

    def test_success(self):
        found = {"result": "Success", "lgusername": "A"}
        self.assertIs(read_login_reply({"login": found}, "bot-password", "t"), found)
        self.assertEqual(login_name(found), "A")
        found = {"status": "PASS", "username": "A"}
        self.assertIs(read_login_reply({"clientlogin": found}, "clientlogin", ""), found)
        self.assertEqual(login_name(found), "A")
        self.assertEqual(login_name({}), "")

    def test_wrong_password(self):
        said = "Incorrect username or password entered. Please try again."
        self.assertEqual(
            self.bot("Failed", said),
            "Failed -- Incorrect username or password entered. Please try again. (check "
            "name and password at Special:BotPasswords: the name is Account@botname, "
            "the password the one it showed once)",
        )
        self.assertEqual(
            self.bot("Failed", {"code": "wrongpassword", "text": said}),
            self.bot("Failed", said),
        )
        self.assertEqual(
            self.client("FAIL", "Incorrect.\nPlease.", "wrongpassword"),
            "FAIL -- Incorrect. Please. (check name and password; a bot password's "
            "name is Account@botname)",
        )

    def test_lost_session(self):
        for text in (
            self.bot("Failed", "Your session most likely timed out."),
            self.bot("WrongToken"),
            self.bot("NeedToken"),
        ):
            self.assertIn("let one Session keep its cookies", text)

    def test_throttled(self):
        for text in (
            self.client("FAIL", "Wait.", "login-throttled"),
            self.bot("Failed", "You have made too many recent login attempts."),
        ):
            self.assertIn("wait as long as it says", text)

    def test_further_step_and_live_session(self):
        self.assertIn(
            "log in by method='clientlogin'",
            self.bot("Aborted", "Authentication requires user interaction, which"),
        )
        self.assertIn(
            "log out first",
            self.bot("Aborted", "when using MediaWiki\\BotPasswordSessionProvider"),
        )
        self.assertIn(
            "not be used from this address",
            self.bot("Failed", "Your IP address may not log in."),
        )

    def test_no_words(self):
        self.assertEqual(self.bot("Illegal"), "Illegal -- the wiki gave no reason")
        self.assertEqual(self.bot("Odd", "Because."), "Odd -- Because.")

    def test_further_steps_of_clientlogin(self):
        fields = [{"id": "TOTP", "fields": {"OATHToken": {}}}]
        found = {"status": "UI", "message": "Enter a code.", "requests": fields}
        with self.assertRaises(ClientInteractionRequest) as caught:
            read_login_reply({"clientlogin": found}, "clientlogin", "t1")
        error = caught.exception
        self.assertEqual(
            (error.login_token, error.message, error.requests),
            ("t1", "Enter a code.", fields),
        )
        with self.assertRaises(ClientInteractionRequest) as caught:
            read_login_reply({"clientlogin": {"status": "UI"}}, "clientlogin", "t1")
        self.assertEqual(caught.exception.requests, [])

    def test_other_states(self):
        found = {"status": "REDIRECT", "message": "Go.", "redirecttarget": "https://x/"}
        text = self.refused({"clientlogin": found}, "clientlogin")
        self.assertIn("the login goes on in a browser at https://x/", text)
        self.assertIn("start the login again", self.client("RESTART", "No account."))

    def test_not_an_answer(self):
        for document in ({}, {"login": "x"}):
            with self.assertRaisesRegex(ProtocolError, "has no 'login' in it"):
                read_login_reply(document, "bot-password", "t")
