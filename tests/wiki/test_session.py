"""wikistd.wiki.session: conversations with a scripted wiki."""

import copy
import http.cookiejar
import io
import logging
import os
import pickle
import tempfile
import threading
import unittest
import warnings
from unittest import mock

from tests.support.clocks import FakeClock
from tests.wiki.conversation import (
    API,
    Conversation,
    Reply,
    Sent,
    error,
    page,
    tokens,
)
from wikistd.clock import Clock, Deadline
from wikistd.errors import (
    APIError,
    APIWarning,
    ClientInteractionRequest,
    ConnectFailed,
    ConnectionLost,
    LoginError,
    ProtocolError,
    RetryLater,
    StatusError,
    TransportError,
    TransportTimeout,
)
from wikistd.web.cookiefile import account_filename, locked_file
from wikistd.web.cookies import CookieStore
from wikistd.web.logins import BearerAuth
from wikistd.web.proxies import ProxySettings
from wikistd.wiki.account import note_login, restored_login
from wikistd.wiki.address import check_host
from wikistd.wiki.session import Session
from wikistd.wiki.state import CallBudget

OK = {"batchcomplete": True}
LOGGED_IN = {"login": {"result": "Success", "lguserid": 5, "lgusername": "Bot"}}
BOT_LOGIN = [
    tokens(login="lt+\\"),
    (
        {
            "": "POST",
            "action": "login",
            "lgname": "Bot@app",
            "lgpassword": "s3cret-pw",
            "lgtoken": "lt+\\",
            "assert": None,
            "format": "json",
        },
        LOGGED_IN,
    ),
]


class Case(unittest.TestCase):
    def setUp(self):
        logger = logging.getLogger("wikistd.wiki")
        quiet = logging.NullHandler()
        logger.addHandler(quiet)
        self.addCleanup(logger.removeHandler, quiet)

    def start(self, *script, **arguments):
        self.clock = FakeClock()
        self.wiki = Conversation(self, *script)
        self.addCleanup(self.wiki.done)
        arguments.setdefault("api_path", "/w/api.php")
        return Session(
            arguments.pop("host", "https://wiki.example"),
            session=self.wiki,
            clock=self.clock,
            **arguments
        )

    def logged_in(self, *script, **arguments):
        session = self.start(*(BOT_LOGIN + list(script)), **arguments)
        session.login("Bot@app", "s3cret-pw")
        return session


class Making(Case):
    def test_nothing_is_sent_before_the_first_call(self):
        session = self.start(host="https://wiki.example/")
        self.assertEqual(session.host, "https://wiki.example")
        self.assertEqual(session.api_url, API)
        self.assertEqual(repr(session), "<Session wiki.example as nobody, 1 cookie>")
        self.assertIsNone(session.user)
        self.assertEqual(self.wiki.sent, [])

    def test_hosts(self):
        self.assertEqual(
            check_host("http://127.0.0.1:8080/wiki/X"),
            ("http://127.0.0.1:8080", "/wiki/X"),
        )
        for host, sentence in (
            ("en.wikipedia.org", "host must include http:// or https://"),
            ("ftp://x", "host must include http:// or https://"),
            ("https://", "host must include http:// or https://"),
            ("https://u:p4ss@x", "host must not hold a user name or password"),
            ("https://x/?a=1", "host must end before"),
            ("https://x:port", "host is no address: "),
            ("http://exa mple", "host holds a blank, got 'http://exa mple'"),
        ):
            with self.assertRaises(ValueError) as caught:
                check_host(host)
            self.assertIn(sentence, str(caught.exception))
            self.assertNotIn("p4ss", str(caught.exception))
        with self.assertRaisesRegex(TypeError, "host must be str, not bytes"):
            check_host(b"https://x")

    def test_mistaken_arguments(self):
        with self.assertRaisesRegex(TypeError, "unexpected argument 'verfy'"):
            Session("https://x", session=object(), verfy=False)
        for wrong, right in (("timout", "timeout"), ("user_agnet", "user_agent")):
            with self.assertRaisesRegex(TypeError, "'%s', did you mean '%s'" % (wrong, right)):
                Session("https://x", **{wrong: 3})
        closed = Session("https://x")
        closed.close()
        self.assertEqual(repr(closed), "<Session x as nobody, 0 cookies, closed>")
        with self.assertRaisesRegex(ValueError, "api_path must begin with /"):
            Session("https://x", api_path="w/api.php")
        for words, arguments in (
            ("etiquette must be an Etiquette or None, not int", {"etiquette": 3}),
            ("user_agent must be str, not int", {"user_agent": 5}),
            ("api_path must be str, not int", {"api_path": 5}),
            ("session is an HttpClient or has request", {"session": 5}),
            ("max_wait_seconds is a number or None, not str", {"max_wait_seconds": "x"}),
        ):
            with self.assertRaisesRegex(TypeError, words):
                Session("https://x", **arguments)
        with self.assertRaisesRegex(TypeError, "are keywords: action='query'"):
            self.start().get("query")

    def test_session_params_go_to_a_given_session(self):
        session = self.start(auth=("u", "p"), headers={"X": "1"})
        self.assertEqual(session.session.auth, ("u", "p"))

    def test_closing(self):
        """A client that was given is its owner's to close."""
        with self.start() as session:
            pass
        self.assertEqual(self.wiki.closed, 0)
        session._owns_client = True
        view = session.with_options(timeout=1)
        session.close()
        self.assertEqual(self.wiki.closed, 1)
        for closed in (session, view):
            with self.assertRaisesRegex(ValueError, "this session is closed: make a new"):
                closed.get(action="query")

    def test_repr_of_a_client_without_cookies(self):
        session = self.start()
        del self.wiki.cookies
        self.assertEqual(repr(session), "<Session wiki.example as nobody, 0 cookies>")


class Calls(Case):
    def test_get(self):
        session = self.start(
            (
                {"": "GET", "url": API, "action": "query", "titles": "A|B", "x": None},
                OK,
            ),
            user_agent="Bot/1.0 (me@example.org)",
            formatversion=2,
            timeout=7,
        )
        self.assertEqual(session.get(action="query", titles=["A", "B"], x=False), OK)
        sent = self.wiki.sent[0]
        self.assertEqual(sent.params[-2:], [("formatversion", "2"), ("format", "json")])
        self.assertEqual(sent.headers, {"User-Agent": "Bot/1.0 (me@example.org)"})
        self.assertEqual(sent.options["timeout"], 7)
        self.assertIsNone(sent.options["auth"])

    def test_format_is_ours(self):
        """The format and version that the session reads cannot be overridden."""
        session = self.start(({"format": "json", "formatversion": "2"}, OK))
        session.formatversion = 2
        session.get(action="query", format="xml", formatversion=1)

    def test_words_of_python(self):
        session = self.start(({"assert": "user", "from": "A"}, OK))
        session.get(action="query", assert_="user", from_="A")

    def test_long_get_becomes_post(self):
        """Proxies refuse long addresses; the wiki learns that nothing is written."""
        session = self.start(({"": "POST", "titles": "x" * 5000}, OK))
        session.get(action="query", titles="x" * 5000)
        self.assertEqual(
            self.wiki.sent[0].headers["Promise-Non-Write-API-Action"], "true"
        )

    def test_auth(self):
        """auth= of the call beats that of the options; none is the client's own."""
        session = self.start(({}, OK), ({}, OK))
        view = session.with_options(auth=("a", "b"))
        view.get(action="query")
        view.get(action="query", auth=("c", "d"))
        got = [sent.options["auth"] for sent in self.wiki.sent]
        self.assertEqual(got, [("a", "b"), ("c", "d")])

    def test_upload_file(self):
        """Bytes or a binary file become one part called file, the token last."""
        session = self.start(tokens(csrf="t+\\"), ({"": "POST"}, OK))
        session.post(action="upload", filename="Ü.png", upload_file=io.BytesIO(b"PNG"))
        sent = self.wiki.sent[-1]
        self.assertEqual(
            sent.files, {"file": ("file", b"PNG", "application/octet-stream")}
        )
        self.assertEqual(sent.params[-1], ("token", "t+\\"))

    def test_files(self):
        session = self.start(({"": "POST"}, OK))
        files = {"a": bytearray(b"1"), "b": ("n", b"2"), "c": ("n", b"3", "text/x")}
        session.request("POST", {"action": "upload", "token": "t"}, files=files)
        self.assertEqual(
            self.wiki.sent[0].files,
            {
                "a": ("file", b"1", "application/octet-stream"),
                "b": ("n", b"2", "application/octet-stream"),
                "c": ("n", b"3", "text/x"),
            },
        )
        with self.assertRaisesRegex(TypeError, "is bytes or a binary file, not str"):
            session.request("POST", {}, files={"a": "text"})
        with self.assertRaisesRegex(ValueError, "got 1 items"):
            session.request("POST", {}, files={"a": ("x",)})

    def test_params_are_not_changed(self):
        given = {"action": "query", "titles": ["A"]}
        session = self.start(({}, OK))
        session.request("get", given)
        self.assertEqual(given, {"action": "query", "titles": ["A"]})

    def test_mistakes_send_nothing(self):
        session = self.start()
        with self.assertRaisesRegex(TypeError, "parameter titles: a mapping"):
            session.get(action="query", titles={"A": 1})

    def test_options(self):
        """Defaults below the session's, below the call's; views share the login."""
        session = self.logged_in(
            ({"maxlag": "5", "uselang": "de", "assert": "user"}, OK),
            ({"maxlag": "9", "assert": "bot"}, OK),
            ({"maxlag": None}, OK),
        )
        view = session.with_options(
            params={"maxlag": 5}, timeout=3, headers={"X": "1"}, api_warnings="ignore"
        ).with_options(params={"uselang": "de"})
        view.get(action="query")
        view.get(action="query", maxlag=9, assert_="bot")
        self.assertEqual(self.wiki.sent[-1].headers, {"X": "1"})
        self.assertEqual(self.wiki.sent[-1].options["timeout"], 3)
        session.request("GET", {"action": "query"}, timeout=4)
        self.assertEqual(self.wiki.sent[-1].options["timeout"], 4)
        self.assertEqual(copy.copy(view).user, "Bot")
        with self.assertRaisesRegex(TypeError, "unexpected argument 'tiemout'"):
            session.with_options(tiemout=3)
        with self.assertRaisesRegex(ValueError, "api_warnings must be one of"):
            session.with_options(api_warnings="loud")


class Continuation(Case):
    def test_base_and_last_continue_only(self):
        """A stale key of an older reply would skip data."""
        session = self.start(
            ({"continue": "", "plcontinue": None}, {"continue": {"plcontinue": "1|"}}),
            ({"plcontinue": "1|", "gapcontinue": None}, {"continue": {"gapcontinue": "B"}}),
            ({"gapcontinue": "B", "plcontinue": None}, {"query": 3}),
        )
        found = session.get(action="query", generator="allpages", continuation=True)
        self.assertEqual(len(list(found)), 3)

    def test_from_a_given_place(self):
        session = self.start(({"apcontinue": "Q", "continue": "-||"}, OK))
        where = {"apcontinue": "Q", "continue": "-||"}
        found = session.post(where, action="query", continuation=True, list="allpages")
        self.assertEqual(list(found), [OK])

    def test_auth_goes_along_and_files_go_once(self):
        session = self.start(
            ({"": "POST"}, {"continue": {"x": 1}}), ({"": "POST", "x": "1"}, OK)
        )
        found = session.continuation(
            "POST", {"action": "import", "token": "t"}, None, ("u", "p"), {"xml": b"x"}
        )
        self.assertEqual(len(list(found)), 2)
        self.assertEqual([len(sent.files) for sent in self.wiki.sent], [1, 0])
        self.assertEqual(self.wiki.sent[1].options["auth"], ("u", "p"))

    def test_a_list_ends_it(self):
        session = self.start(({}, ["a", []]))
        found = session.get(action="opensearch", search="a", continuation=True)
        self.assertEqual(list(found), [["a", []]])

    def test_circles_are_noticed(self):
        """A wiki that does not advance is an error, not an endless loop."""
        turns = [{"continue": {"x": n % 3}} for n in range(40)]
        session = self.start()
        self.wiki.script = [({}, turn) for turn in turns]
        with self.assertRaisesRegex(ProtocolError, "goes round in circles"):
            list(session.get(action="query", continuation=True))
        self.assertGreater(len(self.wiki.script), 30)
        self.wiki.script = []


class Tokens(Case):
    def test_fetched_once_and_last(self):
        session = self.start(
            tokens(csrf="t1+\\"),
            ({"": "POST", "action": "edit", "token": "t1+\\"}, OK),
            ({"action": "move", "token": "t1+\\"}, OK),
            tokens(patrol="p1+\\"),
            ({"action": "patrol", "token": "p1+\\"}, OK),
        )
        session.post(action="edit", text="x")
        session.post(action="move")
        session.post(action="patrol", rcid=1)
        self.assertEqual(session.get_token(), "t1+\\")
        self.assertEqual(self.wiki.sent[1].params[-1][0], "token")

    def test_a_given_token_wins(self):
        session = self.start(({"token": "mine"}, OK))
        session.post(action="edit", token="mine")

    def test_reads_get_none(self):
        session = self.start(({"": "POST", "token": None}, OK))
        session.post(action="query")
        self.assertIn("Promise-Non-Write-API-Action", self.wiki.sent[0].headers)

    def test_bad_token_is_renewed_once(self):
        session = self.start(
            tokens(csrf="old"),
            ({"token": "old"}, error("badtoken", "Invalid CSRF token.")),
            tokens(csrf="new"),
            ({"token": "new"}, OK),
            ({"token": "new"}, error("badtoken", "Invalid CSRF token.")),
            tokens(csrf="newer"),
            ({"token": "newer"}, error("badtoken", "Invalid CSRF token.")),
        )
        session.post(action="edit")
        with self.assertRaises(APIError) as caught:
            session.post(action="edit")
        self.assertEqual(caught.exception.code, "badtoken")
        self.assertEqual(len(caught.exception.attempts), 2)
        self.assertEqual(self.clock.slept, [])

    def test_a_given_bad_token_is_reported(self):
        session = self.start(({"token": "mine"}, error("badtoken")))
        with self.assertRaises(APIError):
            session.post(action="edit", token="mine")

    def test_actions_of_extensions(self):
        """Where the wiki says that a token is missing, it gets one, ever after."""
        info = 'The "token" parameter must be set.'
        session = self.start(
            ({"action": "flow", "token": None}, error("missingparam", info)),
            tokens(csrf="t"),
            ({"action": "flow", "token": "t"}, OK),
            ({"action": "flow", "token": "t"}, OK),
        )
        session.post(action="flow")
        session.post(action="flow")

    def test_actions_of_extensions_in_other_formats(self):
        raw = {
            "code": "missingparam",
            "key": "paramvalidator-missingparam",
            "params": [{"plaintext": "token"}],
        }
        session = self.start(
            ({"action": "flow"}, {"errors": [raw]}), tokens(csrf="t"), ({}, OK)
        )
        session.post(action="flow")

    def test_other_missing_parameters(self):
        info = 'The "title" parameter must be set.'
        session = self.start(({"action": "flow"}, error("missingparam", info)))
        with self.assertRaises(APIError):
            session.post(action="flow")

    def test_no_such_type(self):
        session = self.start(
            ({"type": "nope"}, {"query": {"tokens": {}}}),
            ({"type": "odd"}, {"odd": 1}),
        )
        for kind in ("nope", "odd"):
            with self.assertRaises(APIError) as caught:
                session.get_token(kind)
            self.assertIn("no token of type %r" % kind, str(caught.exception))

    def test_many_threads_ask_once(self):
        session = self.start(tokens(csrf="t"), *[({"token": "t"}, OK)] * 8)
        threads = [
            threading.Thread(target=session.post, kwargs={"action": "edit"})
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.wiki.done()


class LoggingIn(Case):
    def test_bot_password(self):
        session = self.logged_in(
            ({"": "GET", "assert": "user"}, OK),
            (
                {"action": "query", "meta": "tokens", "type": "csrf", "assert": "user"},
                {"query": {"tokens": {"csrftoken": "t"}}},
            ),
            ({"action": "edit", "assert": "user"}, OK),
        )
        self.assertEqual(session.user, "Bot")
        self.assertEqual(repr(session), "<Session wiki.example as Bot, 1 cookie>")
        session.get(action="query")
        session.post(action="edit")

    def test_clientlogin(self):
        passed = {"clientlogin": {"status": "PASS", "username": "Ann"}}
        session = self.start(
            tokens(login="lt"),
            (
                {
                    "action": "clientlogin",
                    "username": "ann",
                    "password": "s3cret-pw",
                    "logintoken": "lt",
                    "loginreturnurl": "http://example.org/",
                },
                passed,
            ),
        )
        self.assertEqual(session.login("ann", "s3cret-pw"), passed["clientlogin"])
        self.assertEqual(session.user, "Ann")

    def test_given_token(self):
        session = self.start(({"lgtoken": "mine"}, LOGGED_IN))
        session.login("Bot@app", "s3cret-pw", "mine")

    def test_stale_login_token(self):
        """A token that got lost on the way is asked for once more."""
        wrong = {"login": {"result": "WrongToken"}}
        session = self.start(
            tokens(login="a"),
            ({"lgtoken": "a"}, wrong),
            tokens(login="b"),
            ({"lgtoken": "b"}, LOGGED_IN),
        )
        session.login("Bot@app", "s3cret-pw")
        session = self.start(({"lgtoken": "mine"}, wrong))
        with self.assertRaises(LoginError):
            session.login("Bot@app", "s3cret-pw", "mine")

    def test_refused(self):
        failed = {"login": {"result": "Failed", "reason": "Incorrect username or "
                            "password entered: s3cret-pw"}}
        session = self.start(tokens(login="lt"), ({}, failed))
        with self.assertRaises(LoginError) as caught:
            session.login("Bot@app", "s3cret-pw")
        self.assertEqual(caught.exception.status, "Failed")
        self.assertIsNone(session.user)

    def test_again_logs_out_first(self):
        """MediaWiki aborts a second login on a live bot-password session."""
        session = self.logged_in(
            tokens(csrf="t"),
            ({"action": "logout", "token": "t", "assert": None}, {}),
            *BOT_LOGIN
        )
        session.login("Bot@app", "s3cret-pw")

    def test_further_steps(self):
        """Each step says what it wants; the last one logs in."""
        step = {"clientlogin": {"status": "UI", "message": "Code?", "requests": [{}]}}
        again = {"clientlogin": {"status": "UI", "message": "Wrong.", "requests": [{}]}}
        passed = {"clientlogin": {"status": "PASS", "username": "Ann"}}
        continued = {"action": "clientlogin", "logincontinue": "", "logintoken": "lt"}
        session = self.start(
            tokens(login="lt"),
            ({"action": "clientlogin"}, step),
            (dict(continued, OATHToken="1"), again),
            (dict(continued, OATHToken="123456"), passed),
        )
        with self.assertRaises(ClientInteractionRequest) as caught:
            session.login("Ann", "s3cret-pw")
        token = caught.exception.login_token
        with self.assertRaises(ClientInteractionRequest) as caught:
            session.continue_login(token, OATHToken="1")
        self.assertEqual(caught.exception.message, "Wrong.")
        found = session.continue_login(token, OATHToken="123456")
        self.assertEqual(found, passed["clientlogin"])
        self.assertEqual(session.user, "Ann")

    def test_logout(self):
        session = self.logged_in(
            tokens(csrf="t"),
            ({"action": "logout", "token": "t"}, {}),
            ({"assert": None}, OK),
        )
        session.logout()
        self.assertIsNone(session.user)
        session.get(action="query")

    def test_lost_session_is_renewed_once(self):
        session = self.logged_in(
            ({"assert": "user"}, error("assertuserfailed")),
            *BOT_LOGIN + [({"assert": "user"}, OK)]
        )
        self.assertEqual(session.get(action="query"), OK)

    def test_lost_session_of_a_write(self):
        """The write was refused, and goes again with a token of the new session."""
        session = self.logged_in(
            tokens(csrf="old"),
            ({"action": "edit", "token": "old"}, error("assertnameduserfailed")),
            *BOT_LOGIN + [tokens(csrf="new"), ({"action": "edit", "token": "new"}, OK)]
        )
        session.post(action="edit")

    def test_lost_for_good(self):
        session = self.logged_in(
            ({}, error("assertuserfailed")),
            *BOT_LOGIN + [({}, error("assertuserfailed"))]
        )
        with self.assertRaises(APIError) as caught:
            session.get(action="query")
        self.assertEqual(caught.exception.code, "assertuserfailed")

    def test_without_password_it_is_reported(self):
        session = self.start(({}, error("assertuserfailed")))
        with self.assertRaises(APIError):
            session.get(action="query", assert_="user")

    def test_another_thread_has_renewed_it(self):
        def meanwhile(sent):
            note_login(session, "Bot", None, CallBudget(9, Clock()))
            return error("assertuserfailed")

        session = self.logged_in(({}, meanwhile), ({}, OK))
        self.assertEqual(session.get(action="query"), OK)


class Trouble(Case):
    def test_waits_as_asked(self):
        """maxlag: the write was refused before anything was done, and goes again."""
        session = self.start(
            ({"": "POST"}, error("maxlag", "7 s", [("Retry-After", "7")])),
            ({"": "POST"}, OK),
        )
        session.post(action="edit", token="t")
        self.assertEqual(len(self.clock.slept), 1)
        self.assertTrue(7 <= self.clock.slept[0] <= 8)

    def test_one_budget(self):
        """What does not fit into max_wait_seconds is raised with its history."""
        session = self.start(
            *[({}, error("maxlag", "Lag.", [("Retry-After", "10")]))] * 3,
            max_wait_seconds=25
        )
        with self.assertRaises(RetryLater) as caught:
            session.get(action="query")
        self.assertEqual(len(caught.exception.attempts), 3)
        self.assertRegex(
            caught.exception.attempts[0],
            r"^maxlag: Lag. \(asked to wait 10 seconds\), waited 1[01]\.\d s$",
        )
        self.assertIn("after 3 attempts", str(caught.exception))

    def test_the_budget_covers_nested_calls(self):
        lag = error("maxlag", "Lag.", [("Retry-After", "10")])
        session = self.start(
            ({"meta": "tokens"}, lag), tokens(csrf="t"), ({}, lag), max_wait_seconds=15
        )
        with self.assertRaises(RetryLater) as caught:
            session.post(action="edit")
        self.assertEqual(len(caught.exception.attempts), 2)

    def test_lost_read_is_asked_again(self):
        session = self.start(
            ({}, OK),
            ({}, ConnectionLost("cut", retryable=True)),
            ({}, Reply(b'{"a":')),
            ({}, page("Bad gateway", 502)),
            ({}, OK),
        )
        for _ in range(2):
            self.assertEqual(session.get(action="query"), OK)

    def test_lost_write_is_not(self):
        """A write whose fate is unknown is never blindly resent."""
        for answer in (
            ConnectionLost("cut", retryable=True),
            TransportTimeout("slow", retryable=True),
            page("Bad gateway", 502),
            Reply(b'{"edit":'),
            page("<h1>Welcome</h1>"),
            error("internal_api_error_DBQueryError"),
        ):
            session = self.start(({"": "POST"}, answer))
            with self.assertRaises(Exception) as caught:
                session.post(action="edit", token="t")
            self.assertTrue(caught.exception.maybe_applied, answer)
            self.wiki.done()

    def test_write_that_never_left(self):
        session = self.start(
            ({}, ConnectFailed("refused", phase="connect", retryable=True)), ({}, OK)
        )
        self.assertEqual(session.post(action="edit", token="t"), OK)
        session = self.start(({}, ConnectFailed("no such host", phase="dns")))
        with self.assertRaises(ConnectFailed) as caught:
            session.post(action="edit", token="t")
        self.assertFalse(caught.exception.maybe_applied)

    def test_a_refused_status_did_nothing(self):
        session = self.start(({}, page("Forbidden", 403)))
        with self.assertRaises(StatusError) as caught:
            session.post(action="edit", token="t")
        self.assertFalse(caught.exception.maybe_applied)

    def test_file_is_rewound(self):
        """A second attempt sends the whole file again, from where it stood."""
        lag = error("maxlag", "Lag.", [("Retry-After", "1")])
        session = self.start(({}, lag), ({}, OK))
        source = io.BytesIO(b"xxPNG")
        source.seek(2)
        session.post(action="upload", token="t", upload_file=source)
        self.assertEqual(
            [sent.files["file"][1] for sent in self.wiki.sent], [b"PNG", b"PNG"]
        )

    def test_pipe_cannot_be_sent_twice(self):
        class Pipe(io.RawIOBase):
            def read(self, size=-1):
                return b""

        session = self.start(({}, error("maxlag")))
        with self.assertRaises(RetryLater):
            session.post(action="upload", token="t", upload_file=Pipe())

    def test_secrets_are_in_no_error(self):
        """A server in trouble may print what it was sent."""

        def echo(sent):
            got = dict(sent.params)
            return page("You sent %s and %s" % (got["lgpassword"], got["lgtoken"]), 500)

        session = self.start(tokens(login="lt0123456789+\\"), ({}, echo))
        with self.assertRaises(StatusError) as caught:
            session.login("Bot@app", "s3cret-pw")
        seen = str(caught.exception) + repr(caught.exception.__dict__)
        self.assertNotIn("s3cret", seen)
        self.assertNotIn("lt0123456789", seen)
        self.assertIn("You sent *** and ***", seen)

    def test_secrets_in_listed_errors(self):
        def echo(sent):
            token = dict(sent.params)["token"]
            return {"errors": [{"code": "c", "text": token, "data": {"x": [token]}}]}

        session = self.start(({}, echo))
        with self.assertRaises(APIError) as caught:
            session.post(action="edit", token="t0ken-value")
        self.assertNotIn("t0ken", repr(caught.exception.__dict__))


class OtherClients(Case):
    """requests raises OSErrors of its own; they are told by their names."""

    def raised(self, name, text="", base=OSError, method="post"):
        kind = type(name, (base,), {})
        session = self.start(*[({}, kind(text))] * 5)
        with self.assertRaises(TransportError) as caught:
            getattr(session, method)(action="edit", token="t")
        self.wiki.script = []
        return caught.exception

    def test_classes(self):
        for name, kind, phase in (
            ("ConnectTimeout", ConnectFailed, "connect"),
            ("ReadTimeout", ConnectionLost, "headers"),
            ("Timeout", TransportTimeout, "headers"),
            ("SSLError", ConnectFailed, "tls"),
            ("ProxyError", ConnectFailed, "proxy"),
            ("ConnectionError", ConnectionLost, "headers"),
        ):
            got = self.raised(name)
            self.assertIs(type(got), kind, name)
            self.assertEqual(got.phase, phase)
            self.assertEqual(got.maybe_applied, kind is not ConnectFailed)
            self.assertEqual(got.url, API)

    def test_texts(self):
        self.assertEqual(self.raised("E", "NewConnectionError: x").phase, "connect")
        got = self.raised("E", "Failed to resolve 'x' NewConnectionError")
        self.assertEqual((got.phase, got.retryable), ("dns", False))
        got = self.raised("E", base=ConnectionRefusedError)
        self.assertEqual(got.phase, "connect")
        self.assertIs(type(self.raised("E", base=TimeoutError)), TransportTimeout)

    def test_header_shapes(self):
        """Headers may be pairs, a mapping, or missing."""
        reply = Reply(OK)
        reply.headers = [("Content-Type", "application/json")]
        bare = Reply(OK)
        bare.headers = None
        session = self.start(({}, reply), ({}, bare))
        self.assertEqual(session.get(action="query"), OK)
        self.assertEqual(session.get(action="query"), OK)


class FindingTheApi(Case):
    LINK = (
        '<html><link rel="EditURI" type="application/rsd+xml" '
        'href="%s?action=rsd"/></html>'
    )

    def front(self, href, **fields):
        fields.setdefault("url", "https://wiki.example/wiki/Main_Page")
        return page(self.LINK % href, **fields)

    def find(self, answer, front, *more):
        return self.start(
            ({"url": API, "action": "query"}, answer),
            ({"url": "https://wiki.example/"}, front),
            *more,
            api_path=None
        )

    def test_elsewhere(self):
        """The page names its api.php; what was refused is asked there."""
        for href in ("/api.php", "//wiki.example/api.php", "http://wiki.example/api.php"):
            where = "https://wiki.example/api.php"
            session = self.find(
                page("Not found", 404),
                self.front(href),
                ({"url": where, "action": "query"}, OK),
                ({"url": where}, OK),
            )
            view = session.with_options(timeout=1)
            self.assertEqual(view.get(action="query"), OK)
            self.assertEqual(session.api_path, "/api.php")
            session.get(action="query")
            self.wiki.done()

    def test_of_a_page(self):
        session = self.start(
            ({}, page("<h1>Hello</h1>")),
            ({"url": "https://wiki.example/mw/Main"}, self.front("/mw/api.php")),
            ({"url": "https://wiki.example/mw/api.php"}, OK),
            host="https://wiki.example/mw/Main",
            api_path=None,
        )
        session.get(action="query")

    def test_never_to_another_host(self):
        """Passwords go where the page says: not to another host."""
        session = self.find(page("No", 404), self.front("https://evil.example/api.php"))
        with self.assertRaises(StatusError) as caught:
            session.get(action="query")
        self.assertIn("check host and api_path", str(caught.exception))

    def test_nothing_to_be_found(self):
        for front in (
            page("<h1>Hi</h1>"),
            page("<link rel='EditURI'>"),
            self.front("/w/api.php"),
            OSError("x"),
            ConnectionLost("cut"),
        ):
            session = self.find(page("No", 404), front)
            with self.assertRaises(StatusError):
                session.get(action="query")
            self.wiki.done()

    def test_only_before_the_first_answer(self):
        session = self.start(({}, OK), ({}, page("No", 404)), api_path=None)
        session.get(action="query")
        with self.assertRaises(StatusError):
            session.get(action="query")

    def test_not_for_a_server_in_trouble(self):
        session = self.start(({}, page("No", 501)), api_path=None)
        with self.assertRaises(StatusError):
            session.get(action="query")


class ApiWarnings(Case):
    WARNED = {"warnings": {"main": {"warnings": "Unrecognized parameter: n0pe."}}, "a": 1}

    def test_given_and_logged_without_values(self):
        session = self.start(({}, self.WARNED))
        with self.assertLogs("wikistd.wiki", "INFO") as logs, warnings.catch_warnings(
            record=True
        ) as caught:
            warnings.simplefilter("always")
            document = session.get(action="query", n0pe=1)
        self.assertEqual(document, self.WARNED)
        self.assertEqual(
            [str(w.message) for w in caught], ["main: Unrecognized parameter: n0pe."]
        )
        self.assertIs(caught[0].category, APIWarning)
        self.assertNotIn("Unrecognized", str(logs.output))

    def test_as_exceptions_for_reads(self):
        session = self.start(({}, self.WARNED), ({}, self.WARNED))
        with self.assertRaises(APIWarning) as caught:
            session.with_options(api_warnings="raise").get(action="query")
        self.assertEqual(caught.exception.document, self.WARNED)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaises(APIWarning):
                session.get(action="query")

    def test_never_for_writes(self):
        """It has landed: an exception would say that it has not."""
        session = self.start(({}, self.WARNED), ({}, self.WARNED))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            document = session.post(action="edit", token="t")
            view = session.with_options(api_warnings="raise")
            self.assertEqual(view.post(action="edit", token="t"), document)

    def test_ignored(self):
        session = self.start(({}, self.WARNED))
        session.with_options(api_warnings="ignore").get(action="query")


class Records(Case):
    def test_no_value_is_logged(self):
        session = self.start(*(BOT_LOGIN + [({}, ConnectionLost("cut"))]))
        with self.assertLogs("wikistd.wiki", logging.DEBUG) as logs:
            session.login("Bot@app", "s3cret-pw")
            with self.assertRaises(ConnectionLost):
                session.get(action="query", titles="Hidden")
        text = "\n".join(logs.output)
        self.assertIn("POST action=login (lgname,lgpassword,lgtoken,format): 200", text)
        self.assertIn("GET action=query (titles,assert,format): ConnectionLost", text)
        for secret in ("s3cret", "lt+", "Hidden", "Bot@app"):
            self.assertNotIn(secret, text)


class Pickling(Case):
    def test_without_secrets(self):
        """Another process gets the settings, not the keys."""
        session = self.logged_in(tokens(csrf="t0ken-value"))
        session.get_token()
        session.auth = ("u", "hidden-pw")
        session._session_params = {"auth": ("u", "hidden-pw"), "max_redirects": 3}
        data = pickle.dumps(session)
        for secret in (b"s3cret", b"t0ken", b"hidden-pw"):
            self.assertNotIn(secret, data)
        copied = pickle.loads(data)
        self.addCleanup(copied.close)
        self.assertEqual(copied.host, session.host)
        self.assertEqual(copied.user, "Bot")
        self.assertIsNot(copied.session, session.session)

    def test_without_secret_headers(self):
        """Headers, proxies and defaults travel without what is secret in them."""
        proxy = "http://user:canary@proxy.example:1"
        for proxies in (proxy, {"http": proxy, "no": "x"}, ProxySettings(proxy), {"all": None}):
            session = Session(
                "https://wiki.example", user_agent="me/1", proxies=proxies, trust_env=False,
                headers=[("Authorization", "Bearer canary"), ("Accept-Language", "de")],
            )
            self.addCleanup(session.close)
            view = session.with_options(
                headers={"Cookie": "canary", "X-Api-Key": "canary", "Accept": "x/y"},
                params={"token": "canary", "lgpassword": "canary", "maxlag": 5},
            )
            self.assertNotIn(b"canary", pickle.dumps(view))
            copied = pickle.loads(pickle.dumps(view))
            self.addCleanup(copied.close)
            self.assertEqual(copied.headers, {"User-Agent": "me/1", "Accept": "x/y"})
            self.assertEqual(copied.session.headers, {"Accept-Language": "de"})
            self.assertEqual(copied.defaults, {"maxlag": 5, "assert": "user"})
            if proxies != {"all": None}:
                kept = repr(vars(copied)["_session_params"]["proxies"])
                self.assertTrue("http://proxy.example:1" in kept or "ProxySettings" in kept)
            self.assertEqual(view.headers["Cookie"], "canary")

    def test_the_copy_writes_nothing_anonymously(self):
        copied = pickle.loads(pickle.dumps(self.logged_in()))
        copied.session.close()
        copied.session = Conversation(self, ({"assert": "user"}, error("assertuserfailed")))
        with self.assertRaises(APIError):
            copied.post(action="edit", token="t")


class Script(unittest.TestCase):
    def test_anything_unscripted_fails(self):
        """The stand-in itself: no request goes unnoticed."""
        wiki = Conversation(self)
        with self.assertRaisesRegex(AssertionError, "unscripted: GET"):
            wiki.request("GET", API)
        self.assertIsInstance(wiki.sent[0], Sent)


class Identities(Case):
    def test_oauth_is_a_login(self):
        """Calls that are signed assert that they are somebody's."""
        signed = type("OAuth1", (), {})()
        for options in (
            {"auth": BearerAuth("t0ken")},
            {"auth": signed},
            {"headers": {"authorization": "Bearer t0ken"}},
        ):
            session = self.start(({"assert": "user"}, OK))
            session.with_options(**options).get(action="query")
            self.wiki.done()
        session = self.start(({"assert": "user"}, OK), ({"assert": None}, OK))
        session.get(action="query", auth=BearerAuth("t0ken"))
        session.with_options(headers={"Authorization": "Basic x"}).get(action="query")

    def test_headers_are_the_wikis(self):
        """Whatever the client is asked for first, what says who we are is the wiki's."""
        secret = {"Authorization": "Bearer t0ken"}
        with Session("https://wiki.example", user_agent="me/1", headers=secret) as session:
            self.assertEqual(session.session.headers_for("https://other.example/"), {})
            self.assertEqual(session.session.headers_for(session.api_url), secret)

    def test_a_lost_answer_to_a_login(self):
        """It is sent once more, with a token of its own; nothing was applied."""
        lost = ConnectionLost("cut", retryable=True)
        session = self.start(
            tokens(login="a"), ({"lgtoken": "a"}, lost), *BOT_LOGIN
        )
        session.login("Bot@app", "s3cret-pw")
        session = self.start(
            tokens(login="a"), ({}, lost), tokens(login="b"), ({}, lost)
        )
        with self.assertRaises(ConnectionLost) as caught:
            session.login("Bot@app", "s3cret-pw")
        self.assertFalse(caught.exception.maybe_applied)

    def test_pickled_cookies_if_asked(self):
        session = self.logged_in()
        cookie = http.cookiejar.Cookie(
            0, "name", "v4lue", None, False, "wiki.example", False, False, "/", True,
            False, None, True, None, None, {},
        )
        self.wiki.cookies = [cookie]
        self.assertNotIn(b"v4lue", pickle.dumps(session))
        copied = pickle.loads(pickle.dumps(session.with_options(pickle_cookies=True)))
        self.addCleanup(copied.close)
        self.assertEqual([c.value for c in copied.session.cookies], ["v4lue"])


class Resuming(Case):
    def test_by_cookies(self):
        """A login that the cookies hold is taken over, after a look."""
        info = {"query": {"userinfo": {"id": 5, "name": "Bot"}}}
        session = self.start(
            ({"meta": "userinfo", "assert": None}, info), ({"assert": "user"}, OK)
        )
        self.assertEqual(session.resume(), "Bot")
        session.get(action="query")

    def test_nobody(self):
        for info in ({"id": 0, "name": "127.0.0.1", "anon": ""}, {"name": "x", "anon": True}):
            session = self.start(({}, {"query": {"userinfo": info}}))
            self.assertIsNone(session.resume())
            self.assertIsNone(session.user)
        self.assertIsNone(self.start(({}, error("readapidenied"))).resume())


class Pages(Case):
    def test_html_of_what_never_was_an_api(self):
        """A page is no reason to ask again; the log of attempts is short."""
        session = self.start(({}, page("<h1>Hello</h1>" + "x" * 400)))
        with self.assertRaises(ProtocolError):
            session.get(action="query")
        trouble = page("<h1>Bad gateway</h1>" + "x" * 400, 502)
        session = self.start(*[({}, trouble)] * 2)
        with self.assertRaises(StatusError) as caught:
            session.with_options(lost_attempts=2).get(action="query")
        for note in caught.exception.attempts:
            self.assertRegex(note, r"^the server answered with HTTP status 502(, waited .*)?$")

    def test_warnings_name_the_caller(self):
        session = self.start(({}, ApiWarnings.WARNED))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session.get(action="query")
        self.assertEqual(os.path.basename(caught[0].filename), "test_session.py")


class KeptCookies(Case):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "cookies.lwp")

    def begin(self, *script):
        session = self.start(*script)
        self.wiki.cookies = CookieStore(self.path)
        return session

    def keep(self, session, sent):
        """Have the wiki set a cookie, as far as the store can tell."""
        self.wiki.cookies.set_cookie(
            http.cookiejar.Cookie(
                0, "session", "1", None, False, "wiki.example", False, False, "/", True,
                False, None, True, None, None, {},
            )
        )
        return LOGGED_IN

    @unittest.skipUnless(hasattr(os, "O_NOFOLLOW"), "Windows waits ten seconds by itself")
    def test_no_longer_than_the_call(self):
        """A lock that another process does not give back costs no more than it may."""
        for options, seconds in (
            ({"max_wait_seconds": 0}, "0"), ({"timeout": Deadline(0)}, "0"),
            ({"max_wait_seconds": None}, "0.02"),
        ):
            session = self.begin(BOT_LOGIN[0], ({}, LOGGED_IN))
            held = locked_file(account_filename(self.path, "Bot@app"))
            with held, mock.patch("wikistd.web.cookiefile.MAX_LOCK_SECONDS", 0.02):
                with self.assertRaisesRegex(BlockingIOError, "for over %s sec" % seconds):
                    session.with_options(**options).login("Bot@app", "secret")
            self.assertIsNotNone(session.user)

    def user(self, name):
        info = {"id": 5, "name": name} if name[0] != "1" else {"name": name, "anon": True}
        return ({"meta": "userinfo", "assert": None}, {"query": {"userinfo": info}})

    def first(self):
        session = self.begin(BOT_LOGIN[0], ({}, lambda sent: self.keep(session, sent)))
        session.login("Bot@app", "s3cret-pw")

    def test_used_again_after_a_look(self):
        """A login of before is asked about, not repeated."""
        self.first()
        session = self.begin(self.user("Bot"))
        found = session.login("Bot@app", "s3cret-pw")
        self.assertEqual(found["restored"], True)
        self.assertEqual(session.user, "Bot")

    def test_no_longer_valid(self):
        """Cookies of a session that ended, or of another user, are thrown away."""
        self.first()
        private = ({"meta": "userinfo"}, error("readapidenied"))
        for answer in (self.user("127.0.0.1"), self.user("Other"), private):
            session = self.begin(answer, BOT_LOGIN[0], ({}, lambda _: self.keep(session, _)))
            session.login("Bot@app", "s3cret-pw")
            self.assertEqual(session.user, "Bot")
        session = self.begin(({"meta": "userinfo"}, error("internal_api_error_X")))
        with self.assertRaises(APIError):
            session.login("Bot@app", "s3cret-pw")

    def test_one_file_an_account(self):
        self.first()
        passed = {"clientlogin": {"status": "PASS", "username": "Ann"}}
        session = self.begin(tokens(login="lt"), ({"action": "clientlogin"}, passed))
        session.login("ann", "s3cret-pw")
        self.assertEqual(restored_login("Ann b", "ann_b", "clientlogin")["username"], "Ann b")

    def test_logout_empties_the_file(self):
        self.first()

        def out(sent):
            self.wiki.cookies.clear()
            return {}

        session = self.begin(self.user("Bot"), tokens(csrf="t"), ({"action": "logout"}, out))
        session.login("Bot@app", "s3cret-pw")
        session.logout()
        session = self.begin(*BOT_LOGIN)
        session.login("Bot@app", "s3cret-pw")
