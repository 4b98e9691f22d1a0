"""cli/commands.py, options.py and serve.py: against the embedded wiki."""

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import tempfile
import threading
import time
import unittest
from unittest import mock

from tests.cli.test_main import run_main
from tests.cli.test_output import Terminal
from tests.support.clocks import FakeClock
from wikistd.cli.commands import DownloadProgress
from wikistd.cli.options import TellingClock, read_parameters
from wikistd.cli.output import Output
from wikistd.cli.registry import UsageError
from wikistd.cli.streaming import StreamPatience, _read_filter
from wikistd.errors import ConnectionLost
from wikistd.server.actions_login import make_totp
from wikistd.server.running import serve_wsgi
from wikistd.server.serving import serve_wiki

PASSWORD = "correct-horse-battery-staple-8899"


def records(text):
    return [json.loads(line) for line in text.splitlines()]


@contextlib.contextmanager
def environment(**variables):
    with mock.patch.dict(os.environ, variables):
        yield


class WikiCase(unittest.TestCase):
    """One wiki for all tests of a class; each leaves its pages."""

    @classmethod
    def setUpClass(cls):
        cls.wiki = serve_wiki(bot_password=PASSWORD, password=PASSWORD)
        cls.wiki.store.save_page("First", "text", user="Demo")
        cls.folder = tempfile.mkdtemp()

    @classmethod
    def tearDownClass(cls):
        cls.wiki.close()
        for name in os.listdir(cls.folder):
            os.unlink(os.path.join(cls.folder, name))
        os.rmdir(cls.folder)

    def setUp(self):
        os.environ.pop("WIKISTD_PASSWORD", None)

    def path(self, name, data=None, mode=0o600):
        path = os.path.join(self.folder, name)
        if data is not None:
            with open(path, "wb") as target:
                target.write(data)
            os.chmod(path, mode)
        return path

    def run_on(self, command, *argv):
        return run_main(command, self.wiki.url, *argv)

    def run_with_password(self, command, *argv):
        with environment(WIKISTD_PASSWORD=PASSWORD):
            code, stdout, stderr = self.run_on(command, "--user", "Demo@bot", *argv)
        self.assertNotIn(PASSWORD, stdout + stderr)
        return code, stdout, stderr


class Get(WikiCase):
    def test_reply(self):
        """One line of JSON, in the newer format."""
        code, stdout, stderr = self.run_on("get", "action=query", "titles=First")
        self.assertEqual((code, stderr), (0, ""))
        page = records(stdout)[0]["query"]["pages"][0]
        self.assertEqual((page["title"], "missing" in page), ("First", False))

    def test_lists_and_formats(self):
        """A key that comes twice is a list; --formatversion is the API's."""
        code, stdout, _ = self.run_on(
            "get", "--formatversion", "1", "action=query", "titles=A", "titles=B"
        )
        self.assertEqual(code, 0)
        self.assertEqual(sorted(records(stdout)[0]["query"]["pages"]), ["-1", "-2"])

    def test_continuation(self):
        """--continue writes a line for each reply."""
        for number in range(3):
            self.wiki.store.save_page("Go on %d" % number, "x", user="Demo")
        code, stdout, _ = self.run_on(
            "get",
            "--continue",
            "action=query",
            "list=allpages",
            "apprefix=Go",
            "aplimit=2",
        )
        self.assertEqual(code, 0)
        pages = [len(found["query"]["allpages"]) for found in records(stdout)]
        self.assertEqual(pages, [2, 1])

    def test_the_wiki_says_no(self):
        """An API error is exit code 1 and a sentence."""
        code, stdout, stderr = self.run_on("get", "action=nonsense")
        self.assertEqual((code, stdout), (1, ""))
        self.assertRegex(stderr, r"^wikistd: badvalue: [^\n]+\n$")

    def test_usage(self):
        """What the person got wrong is exit code 2."""
        for argv in (
            ("get", "en.wikipedia.org", "action=query"),
            ("get", self.wiki.url, "nonsense"),
            ("get", self.wiki.url, "=x"),
            ("get", self.wiki.url, "file@path"),
            ("get", self.wiki.url, "--timeout", "0", "action=query"),
            ("get", self.wiki.url, "--user", "Demo", "action=query"),
            ("post", self.wiki.url, "action=upload", "file@/no/such/file"),
            ("post", self.wiki.url, "action=upload", "file@-"),
            ("get", self.wiki.url, "action=query", "--user", "Demo", "--cookies", ""),
            ("login", self.wiki.url),
            ("get", self.wiki.url, "--user", "", "action=query"),
            ("get", self.wiki.url, "--user-agent", "", "action=query"),
            ("get", self.wiki.url, "action=query", "format=xml"),
            ("get", self.wiki.url, "action=query", "titles=Zo\udceb"),
        ):
            code, stdout, stderr = run_main(*argv)
            self.assertEqual((code, stdout), (2, ""), argv)
            self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")

    def test_nobody_there(self):
        """A wiki that is not there is exit code 3."""
        with serve_wsgi(lambda *_: []) as server:
            url = server.url
        code, _, stderr = run_main("get", url, "--max-wait", "0", "action=query")
        self.assertEqual(code, 3)
        self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")

    def test_who_is_asking(self):
        """Somebody else's wiki is told who asks, or the person is told to."""
        argv = ("get", "http://wiki.invalid", "--max-wait", "0", "action=query")
        code, _, stderr = run_main(*argv)
        self.assertEqual(code, 3)
        self.assertRegex(stderr, r"^wikistd: warning: [^\n]+--user-agent[^\n]+\n")
        _, _, stderr = run_main(*argv, "--user-agent", "Test/1.0 (me@example.org)")
        self.assertNotIn("warning", stderr)
        for host in ("ftp://x.example", "http://x.example:99999", "https://"):
            code, _, stderr = run_main("get", host, "action=query")
            self.assertEqual((code, "warning" in stderr), (2, False), stderr)

    def test_debug(self):
        """--debug writes both heads to stderr, and the data stays clean."""
        code, stdout, stderr = self.run_on(
            "get", "--debug", "action=query", "titles=First"
        )
        self.assertEqual(code, 0)
        self.assertEqual(len(records(stdout)), 1)
        self.assertIn("> #1 GET %s/w/api.php?action=query" % self.wiki.url, stderr)
        self.assertIn("< from 127.0.0.1 port %d over a new" % self.wiki.port, stderr)
        self.assertIn("* <Counters", stderr.replace("* Counters", "* <Counters"))


class BrokenWikis(unittest.TestCase):
    def ask(self, status, headers, body):
        def app(environ, start_response):
            start_response(status, headers)
            return [body]

        with serve_wsgi(app) as server:
            return run_main(
                "get",
                server.url,
                "--api-path",
                "/w/api.php",
                "--max-wait",
                "0",
                "action=query",
            )

    def test_not_json(self):
        """HTML where JSON was expected is broken data, said in a sentence."""
        code, _, stderr = self.ask(
            "200 OK", [("Content-Type", "text/html")], b"<h1>\x1b[31mHello</h1>"
        )
        self.assertEqual(code, 4, stderr)
        self.assertRegex(stderr, r"^wikistd: [^\n\x1b]+\n$")

    def test_status(self):
        """An HTTP error is the far side's no."""
        code, _, stderr = self.ask(
            "404 Not Found", [("Content-Type", "text/plain")], b"no"
        )
        self.assertEqual(code, 1, stderr)
        self.assertRegex(stderr, r"^wikistd: [^\n]*404[^\n]*\n$")

    def test_cut_short(self):
        """A reply that breaks off is broken data."""
        code, _, stderr = self.ask(
            "200 OK",
            [("Content-Type", "application/json"), ("Content-Length", "999")],
            b'{"batch',
        )
        self.assertIn(code, (3, 4), stderr)
        self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")


    def test_not_an_object(self):
        """JSON that is no object is no answer of the API: broken data."""
        for body in (b"[1, 2]", b'[{"a": 1}]'):
            code, stdout, stderr = self.ask(
                "200 OK", [("Content-Type", "application/json")], body
            )
            self.assertEqual((code, stdout), (4, ""), stderr)
            self.assertRegex(stderr, r"^wikistd: [^\n]*list[^\n]*\n$")


class Sentences(WikiCase):
    """What cannot be is said in words: what was asked for, and what to do."""

    def refuse(self, pattern, *argv):
        before = self.wiki.requests
        code, stdout, stderr = run_main(*argv)
        self.assertEqual((code, stdout), (2, ""), (argv, stderr))
        self.assertRegex(stderr, r"^wikistd: [^\n]*%s[^\n]*\n$" % pattern)
        self.assertNotIn("Errno", stderr)
        self.assertEqual(self.wiki.requests, before)
        return stderr

    def test_action_is_missing(self):
        """A call without action= is refused before it is sent."""
        for command in ("get", "post"):
            for more in ((), ("titles=First",)):
                self.refuse("action=", command, self.wiki.url, *more)

    def test_files(self):
        """A file that cannot be read is named as it was given."""
        path = os.path.join(self.folder, "nowhere", "x")
        call = (self.wiki.url, "action=query")
        self.refuse("file@.*nowhere", "post", *call, "file@" + path)
        self.refuse("file@.*folder", "post", *call, "file@" + self.folder)
        for option in ("--password-file", "--http-password-file"):
            user = ("--user", "Demo@bot")
            if "http" in option:
                user = ("--http-user", "front")
            self.refuse(option + " .*nowhere", "get", *call, *user, option, path)
            self.refuse(option + " .*folder", "get", *call, *user, option, self.folder)

    def test_cookies(self):
        """--cookies makes no folders, and a folder is no file."""
        user = ("--user", "Demo@bot")
        call = ("get", self.wiki.url, "action=query", *user)
        for path, words in (
            (os.path.join(self.folder, "nowhere", "ck"), "there is no folder"),
            (self.folder, "is a folder"),
            (self.folder + os.sep, "is a folder"),
        ):
            with environment(WIKISTD_PASSWORD=PASSWORD):
                self.refuse("--cookies .*" + words, *call, "--cookies", path)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "nowhere")))

    def test_ca_file(self):
        """A file of CAs that is not there is told, whatever the scheme."""
        path = os.path.join(self.folder, "none.pem")
        call = ("get", self.wiki.url, "action=query")
        self.refuse("--ca-file .*none.pem", *call, "--ca-file", path)

    def test_checkpoint(self):
        """So is a folder for a checkpoint that is not there."""
        path = os.path.join(self.folder, "nowhere", "place")
        self.refuse(
            "--checkpoint .*folder", "stream", self.wiki.url, "--checkpoint", path
        )

    def test_credentials_in_an_address(self):
        """They are never an argument; what is one instead is said."""
        host = self.wiki.url.replace("://", "://me:%s@" % PASSWORD)
        for argv in (
            ("get", host, "action=query"),
            ("stream", host),
            ("stream", "--url", host + "/v2/stream/recentchange"),
        ):
            stderr = self.refuse("--http-user", *argv)
            self.assertNotIn(PASSWORD, stderr)
            self.assertNotIn("auth=", stderr)

    def test_http_password(self):
        """The front's password comes from everywhere but an argument."""
        call = ("get", self.wiki.url, "action=query")
        stderr = self.refuse("never an argument", *call, "--http-password", PASSWORD)
        self.assertNotIn(PASSWORD, stderr)
        self.refuse("WIKISTD_HTTP_PASSWORD", *call, "--http-user", "front")
        self.refuse(
            "--http-user", *call, "--http-password-file", self.path("f", b"x")
        )


class Fronts(unittest.TestCase):
    """A wiki behind a server that asks for a password of its own."""

    def ask(self, *argv, command="get", more=("action=query",)):
        wanted = "Basic " + base64.b64encode(b"front:open sesame").decode("ascii")

        def app(environ, start_response):
            if environ.get("HTTP_AUTHORIZATION") != wanted:
                start_response(
                    "401 Unauthorized", [("WWW-Authenticate", 'Basic realm="front"')]
                )
                return [b"who are you?"]
            if command == "get":
                start_response("200 OK", [("Content-Type", "application/json")])
                return [b'{"batchcomplete": true}']
            start_response("200 OK", [("Content-Type", "text/event-stream")])
            return [b'data: {"a": 1}\n\n']

        with serve_wsgi(app) as server:
            code, stdout, stderr = run_main(command, server.url, *more, *argv)
        self.assertNotIn("sesame", stdout + stderr)
        return code, stdout, stderr

    def test_401(self):
        """Who has not given a password is told how."""
        for command, more in (("get", ("action=query",)), ("stream", ())):
            code, _, stderr = self.ask(command=command, more=more)
            self.assertEqual(code, 1, stderr)
            self.assertIn("--http-user", stderr)
            self.assertNotIn("auth=", stderr)

    def test_given(self):
        """By the environment or by a file."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "front")
            with open(path, "w") as file:
                file.write("open sesame\n")
            os.chmod(path, 0o600)
            code, _, stderr = self.ask(
                "--http-user", "front", "--http-password-file", path, "--debug"
            )
            self.assertEqual(code, 0, stderr)
        with environment(WIKISTD_HTTP_PASSWORD="open sesame"):
            self.assertEqual(self.ask("--http-user", "front")[0], 0)
            code, stdout, stderr = self.ask(
                "--http-user", "front", "--count", "1", command="stream", more=()
            )
        self.assertEqual((code, stdout), (0, '{"a": 1}\n'), stderr)


class Passwords(WikiCase):
    def log_in(self, *argv, user="Demo@bot"):
        code, stdout, stderr = self.run_on("login", "--user", user, *argv)
        self.assertNotIn(PASSWORD, stdout + stderr)
        return code, stdout, stderr

    def test_environment(self):
        """From WIKISTD_PASSWORD, or another variable by name."""
        code, stdout, _ = self.run_with_password("login")
        self.assertEqual(code, 0)
        found = records(stdout)[0]
        self.assertEqual(found["user"], "Demo")
        self.assertIn("bot", found["groups"])
        with environment(OTHER=PASSWORD):
            self.assertEqual(self.log_in("--password-env", "OTHER")[0], 0)
        self.assertEqual(self.log_in("--password-env", "NO_SUCH")[0], 2)

    def test_file(self):
        """From a file that nobody else may read."""
        good = self.path("good", PASSWORD.encode() + b"\r\n")
        self.assertEqual(self.log_in("--password-file", good)[0], 0)
        for name, data, mode in (
            ("open", PASSWORD.encode(), 0o644),
            ("empty", b"\n", 0o600),
            ("lines", b"a\nb\n", 0o600),
            ("long", b"a" * 5000, 0o600),
            ("bytes", b"\xff", 0o600),
        ):
            if name == "open" and os.name != "posix":
                continue
            code, _, stderr = self.log_in(
                "--password-file", self.path(name, data, mode)
            )
            self.assertEqual(code, 2, stderr)

    def test_stdin(self):
        """From standard input."""
        with mock.patch("sys.stdin", io.StringIO(PASSWORD + "\n")):
            self.assertEqual(self.log_in("--password-file", "-")[0], 0)

    def test_terminal(self):
        """Asked for on a terminal, unseen."""
        terminal = mock.Mock()
        terminal.isatty.return_value = True
        with mock.patch("sys.stdin", terminal):
            with mock.patch("getpass.getpass", return_value=PASSWORD) as asked:
                self.assertEqual(self.log_in()[0], 0)
        asked.assert_called_once_with("Password of Demo@bot: ")

    def ask(self, second_step, answers):
        """Log in on a terminal, with an account of which the wiki wants more."""
        name = "Careful %d" % len(second_step)
        store = self.wiki.store
        account = store.create_user(name, PASSWORD)
        store.db.run(
            "UPDATE account SET second_step = ? WHERE id = ?", (second_step, account)
        )
        asked = []

        def typed(question):
            asked.append(question)
            return answers[len(asked) - 1]

        terminal = mock.Mock()
        terminal.isatty.return_value = True
        with mock.patch("sys.stdin", terminal):
            with mock.patch("getpass.getpass", typed):
                code, stdout, stderr = self.log_in(user=name)
        self.assertEqual(code, 0, stderr)
        self.assertEqual(records(stdout)[0]["user"], name)
        return asked, stderr

    def test_never_an_argument(self):
        """A password on the command line is refused, and not repeated."""
        for argv in (
            ("--password", PASSWORD),
            ("--password=" + PASSWORD,),
            ("--passw=" + PASSWORD,),
            ("action=login", "lgname=Demo@bot", "lgpassword=" + PASSWORD),
            ("action=clientlogin", "password=" + PASSWORD),
            ("--proxy", "http://me:%s@127.0.0.1:9" % PASSWORD, "action=query"),
        ):
            code, stdout, stderr = self.run_on("post", *argv)
            self.assertEqual((code, stdout), (2, ""), argv)
            self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")
            self.assertNotIn(PASSWORD, stderr)

    def test_second_factor(self):
        """A code is asked for, again where it was wrong."""
        secret = "JBSWY3DPEHPK3PXP"
        asked, stderr = self.ask(
            secret, [PASSWORD, "wrong", make_totp(secret, time.time())]
        )
        question = "Two-factor token or recovery code: "
        self.assertEqual(asked[1:], [question, question])
        self.assertIn("two-factor authentication application", stderr)

    def test_expired_password(self):
        """So is a new password."""
        asked, stderr = self.ask("reset", [PASSWORD, "another one", "another one"])
        self.assertEqual(asked[1:], ["New password: ", "Retype new password: "])
        self.assertIn("expired", stderr)

    def test_nobody_to_ask(self):
        """Without a terminal a further step is exit code 1."""
        store = self.wiki.store
        account = store.create_user("Alone", PASSWORD)
        store.db.run(
            "UPDATE account SET second_step = 'reset' WHERE id = ?", (account,)
        )
        with environment(WIKISTD_PASSWORD=PASSWORD):
            code, _, stderr = self.log_in(user="Alone")
        self.assertEqual(code, 1)
        self.assertRegex(stderr, r"^wikistd: [^\n]*expired[^\n]*\n$")

    def test_wrong(self):
        """A wrong password is exit code 1; it is in no message."""
        wrong = "wrong-horse-8899"
        with environment(WIKISTD_PASSWORD=wrong):
            code, stdout, stderr = self.log_in("--debug")
        self.assertEqual((code, stdout), (1, ""))
        self.assertNotIn(wrong, stderr)
        self.assertIn("wikistd: Failed", stderr)

    def test_damaged_cookies(self):
        """A cookie file that is none is named, with what to do."""
        path = self.path("damaged-Demo@bot.lwp", b"junk\n")
        cookies = self.path("damaged.lwp")
        code, _, stderr = self.log_in("--cookies", cookies)
        self.assertEqual(code, 2)
        want = r"^wikistd: %s, line 1: .*: delete it, or give another --cookies FILE\n$"
        self.assertRegex(stderr, want % re.escape(path))

    def test_other_method(self):
        """A name without @ goes by clientlogin."""
        with environment(WIKISTD_PASSWORD=PASSWORD):
            code, stdout, stderr = self.log_in(user="Demo")
        self.assertEqual((code, stderr), (0, ""))
        self.assertEqual(records(stdout)[0]["user"], "Demo")

    def test_cookies(self):
        """The login is kept in a file of mode 0600; the next time needs no password."""
        jar = self.path("kept.lwp")
        code, _, stderr = self.run_with_password("login", "--cookies", jar)
        self.assertEqual(code, 0, stderr)
        names = [name for name in os.listdir(self.folder) if name.startswith("kept")]
        self.assertTrue(names)
        if os.name == "posix":
            for name in names:
                mode = os.stat(os.path.join(self.folder, name)).st_mode
                self.assertEqual(mode & 0o777, 0o600, name)
        kept = ("--user", "Demo@bot", "--cookies", jar)
        code, stdout, stderr = self.run_on(
            "get", *kept, "action=query", "meta=userinfo"
        )
        self.assertEqual((code, stderr), (0, ""))
        self.assertEqual(records(stdout)[0]["query"]["userinfo"]["name"], "Demo")
        # A login that the wiki has forgotten is made anew.
        self.wiki.store.db.run("DELETE FROM session")
        code, _, stderr = self.run_on("get", *kept, "action=query")
        self.assertEqual(code, 2, stderr)
        self.assertIn("no password for Demo@bot", stderr)
        code, stdout, stderr = self.run_with_password(
            "get", "--cookies", jar, "action=query", "meta=userinfo"
        )
        self.assertEqual(records(stdout)[0]["query"]["userinfo"]["name"], "Demo")
        code, _, stderr = self.run_on("get", "--cookies", jar, "action=query")
        self.assertEqual(code, 2)


class Post(WikiCase):
    def test_edit(self):
        """The token is filled in; - is standard input."""
        with mock.patch("sys.stdin", io.StringIO("Grüezi")):
            code, stdout, stderr = self.run_with_password(
                "post", "action=edit", "title=Posted", "text=-"
            )
        self.assertEqual((code, stderr), (0, ""))
        self.assertEqual(records(stdout)[0]["edit"]["result"], "Success")
        self.assertEqual(self.wiki.store.get_page("Posted").text, "Grüezi")

    def test_standard_input(self):
        """It is UTF-8 whatever the locale; closed or in another encoding it is refused."""
        for stdin, told in (
            (None, "closed"),
            (io.TextIOWrapper(io.BytesIO(b"caf\xe9")), r"not UTF-8 \(0xe9 at byte 3\)"),
        ):
            with mock.patch("sys.stdin", stdin), self.assertRaisesRegex(UsageError, told):
                read_parameters(["text=-"])
        data = io.BytesIO("Grüezi\r\n".encode())
        with mock.patch("sys.stdin", io.TextIOWrapper(data, encoding="ascii")):
            self.assertEqual(read_parameters(["text=-"]), ({"text": "Grüezi\n"}, []))

    def test_upload(self):
        """field@path sends a file."""
        path = self.path("A file.txt", b"Some text in a file.\n")
        code, stdout, stderr = self.run_with_password(
            "post",
            "action=upload",
            "filename=Sent.txt",
            "ignorewarnings=1",
            "file@" + path,
        )
        self.assertEqual((code, stderr), (0, ""))
        self.assertEqual(records(stdout)[0]["upload"]["result"], "Success")
        found = self.wiki.store.get_file("Sent.txt")
        self.assertEqual(self.wiki.store.files.read(found), b"Some text in a file.\n")


class Download(WikiCase):
    def test_download(self):
        """A file is written where -o says, and what was compared is told."""
        data = b"Some text in a file.\n" * 9
        path = self.path("Sent.txt", data)
        argv = ("action=upload", "filename=Down.txt", "ignorewarnings=1")
        self.assertEqual(self.run_with_password("post", *argv, "file@" + path)[0], 0)
        target = self.path("down.txt")
        code, stdout, stderr = self.run_on("download", "File:Down.txt", "-o", target)
        self.assertEqual((code, stderr), (0, ""))
        sha1 = hashlib.sha1(data).hexdigest()
        want = {"path": target, "bytes": len(data), "sha1": sha1}
        self.assertEqual(records(stdout), [want])
        with open(target, "rb") as file:
            self.assertEqual(file.read(), data)
        code, stdout, stderr = self.run_on("download", "None.txt", "-o", target)
        self.assertEqual((code, stdout), (1, ""))
        self.assertRegex(stderr, r"^wikistd: nofile: [^\n]+\n$")
        code, _, stderr = self.run_on("download", "Down.txt", "-o", self.folder)
        want = "wikistd: -o %s is a folder: name a file in it\n" % self.folder
        self.assertEqual((code, stderr), (2, want))

    def test_progress(self):
        """A terminal is told once a second."""
        terminal = Terminal()
        with mock.patch("wikistd.cli.commands.time") as time_module:
            time_module.monotonic.return_value = 0.0
            progress = DownloadProgress(Output(io.StringIO(), terminal))
            for now in (0.5, 1.0, 1.5, 2.5):
                time_module.monotonic.return_value = now
                progress(int(now * 10), 30)
        self.assertEqual(terminal.getvalue(), "10 of 30 bytes\n25 of 30 bytes\n")


class Stream(WikiCase):
    def test_events(self):
        """Events come one a line, filtered, until there are enough."""
        for number in range(4):
            self.wiki.store.save_page(
                "Streamed %d" % number, "x", user="Demo", minor=number % 2 == 1
            )
        code, stdout, stderr = run_main(
            "stream", "--host", self.wiki.url, "--since", "2020-01-01", "--count", "2",
            "--filter", "type=new", "--filter", "minor=true", "--none", "title=First",
            "--any", "namespace=0",
        )  # fmt: skip
        self.assertEqual(code, 0)
        self.assertRegex(stderr, r"^(wikistd: warning: [^\n]+\n)?$")
        titles = [event["title"] for event in records(stdout)]
        self.assertEqual(titles, ["Streamed 1", "Streamed 3"])

    def test_url_and_checkpoint(self):
        """A whole address; a checkpoint goes on behind the last event."""
        seen = []
        for _ in range(2):
            code, stdout, stderr = run_main(
                "stream", "--url", self.wiki.url + "/v2/stream/recentchange?since=1",
                "--count", "1", "--checkpoint", self.path("stream.checkpoint"),
            )  # fmt: skip
            self.assertEqual((code, stderr), (0, ""))
            seen += [event["id"] for event in records(stdout)]
        self.assertEqual(seen, [1, 2])

    def test_never_begun(self):
        """A stream to which no connection can be made is not waited for for ever."""
        with serve_wsgi(lambda *_: []) as server:
            url = server.url
        code, stdout, stderr = run_main("stream", "--host", url, "--max-wait", "0")
        self.assertEqual((code, stdout), (3, ""), stderr)
        self.assertRegex(stderr, r"^wikistd: cannot connect to [^\n]+\n$")

    def test_broken_later(self):
        """--max-wait holds each time that a connection has to be made again."""
        error = ConnectionLost("cut")
        with mock.patch("wikistd.cli.streaming.time") as time_module:
            time_module.monotonic.return_value = 100.0
            patience = StreamPatience(10, 60)
            for now, is_open, is_over in (
                (109, False, False),
                (111, True, False),
                (500, False, False),  # the first break: now the time runs
                (559, False, False),
                (559, True, False),
                (600, False, False),
                (659, False, False),
                (660, False, True),
            ):
                time_module.monotonic.return_value = now
                if is_open:
                    patience.opened(None)
                elif is_over:
                    self.assertRaises(ConnectionLost, patience.failed, error)
                else:
                    patience.failed(error)

    def test_nothing_passes(self):
        """Filters that let nothing through are told of, once, with the missing keys."""
        self.wiki.store.save_page("Passes", "x", user="Demo")
        argv = ("stream", self.wiki.url, "--since", "2020-01-01", "--count", "1")
        with mock.patch("wikistd.cli.streaming.UNMATCHED_EVENTS", 1):
            code, stdout, stderr = run_main(
                *argv, "--any", "titel=Passes", "--any", "title=Passes",
                "--filter", "meta.domain=" + self.wiki.host,
            )  # fmt: skip
        self.assertEqual((code, records(stdout)[0]["title"]), (0, "Passes"))
        want = "1 events came, and none passed the filters: there is no titel in them"
        self.assertEqual(stderr, "wikistd: warning: %s\n" % want)

    def test_values_of_filters(self):
        """True and None are meant as JSON's true and null."""
        for text, value in (("True", True), ("None", None), ("0", 0), ("x=y", "x=y")):
            self.assertEqual(_read_filter("key=" + text), ("key", value))
        code, _, stderr = run_main("stream", self.wiki.url, "--count", "-1")
        want = "wikistd: --count must be 0 or more, not -1\n"
        self.assertEqual((code, stderr), (2, want))

    def test_refused(self):
        """A stream that is not there is the far side's no."""
        code, _, stderr = run_main("stream", "--host", self.wiki.url, "no-such-stream")
        self.assertEqual(code, 1, stderr)
        self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")
        self.assertEqual(run_main("stream", "--filter", "nonsense")[0], 2)

    def test_host_is_an_argument(self):
        """A positional address is the host, as of get; names beside it are streams."""
        for argv in (
            (self.wiki.url,),
            (self.wiki.url, "--streams", "recentchange,mediawiki.recentchange"),
            (self.wiki.url + "/", "recentchange"),
            (self.wiki.url, "mediawiki.recentchange"),
            ("recentchange", "--host", self.wiki.url),
        ):
            code, stdout, stderr = run_main(
                "stream", *argv, "--since", "2020-01-01", "--count", "1"
            )
            self.assertEqual((code, stderr), (0, ""), argv)
            self.assertEqual(len(records(stdout)), 1)

    def test_stays_here(self):
        """No address that somebody typed becomes a stream's name at Wikimedia."""
        opened = mock.patch(
            "wikistd.cli.streaming.EventStreams", side_effect=AssertionError
        )
        for argv in (
            ("127.0.0.1:8080",),
            ("localhost",),
            ("10.0.0.1",),
            ("wiki.example/w",),
            ("wiki.internal",),
            ("two words",),
            ("http://a.example", "http://b.example"),
            ("http://a.example", "--host", "http://b.example"),
            ("http://a.example/v2/stream/recentchange",),
            ("http://me:secret@a.example",),
            ("--streams", "http://a.example"),
            ("ftp://a.example",),
            ("--host", "a.example"),
            ("--host", ""),
        ):
            with opened:
                code, stdout, stderr = run_main("stream", *argv)
            self.assertEqual((code, stdout), (2, ""), argv)
            self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")
            self.assertNotIn("secret", stderr)

    def test_since_at_a_url(self):
        """--since goes into a whole address; what contradicts itself is refused."""
        url = self.wiki.url + "/v2/stream/recentchange"
        code, stdout, stderr = run_main(
            "stream", "--url", url, "--since", "2020-01-01", "--count", "1"
        )
        self.assertEqual((code, stderr), (0, ""))
        self.assertEqual(records(stdout)[0]["id"], 1)
        # A year is one, not milliseconds, in the host's address and in a whole one.
        for target in (("--url", url), (self.wiki.url,)):
            argv = ("stream", *target, "--since", "2020", "--count", "1", "--debug")
            code, stdout, stderr = run_main(*argv)
            self.assertEqual((code, records(stdout)[0]["id"]), (0, 1))
            self.assertIn("since=2020-01-01T00", stderr.replace("%3A", ":"))
        for argv in (
            ("--url", url + "?since=1", "--since", "2020-01-01"),
            ("--url", url, "--host", self.wiki.url),
            ("--url", url, self.wiki.url),
            ("--url", url, "recentchange"),
            ("--url", url, "--streams", "recentchange"),
            ("--url", "127.0.0.1/v2/stream/recentchange"),
        ):
            code, stdout, stderr = run_main("stream", *argv)
            self.assertEqual((code, stdout), (2, ""), argv)
            self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")

    def test_bad_since(self):
        """A time that is none is exit code 2, before anything is sent."""
        before = self.wiki.requests
        for since in ("yesterday", "2024-13-01", "20241301", "12:00", "", "-5", "0000"):
            code, stdout, stderr = run_main(
                "stream", self.wiki.url, "--since=" + since
            )
            self.assertEqual((code, stdout), (2, ""), since)
            self.assertRegex(stderr, r"^wikistd: --since must be [^\n]+\n$")
        self.assertEqual(self.wiki.requests, before)
        for since in ("20240101000000", "1700000000000", "2024-01-01T00:00:00.5+0200"):
            code, _, stderr = run_main(
                "stream", self.wiki.url, "--since", since, "--count", "0"
            )
            self.assertEqual((code, stderr), (0, ""), since)

    def test_refusal_says_what_the_server_said(self):
        """The words of a refusal are shown, but not a whole page of them."""
        words = b"<html><b>This wiki has\nno such stream.</b>" + b" x" * 5000

        def app(environ, start_response):
            start_response("400 Bad Request", [("Content-Type", "text/html")])
            return [words]

        with serve_wsgi(app) as server:
            code, _, stderr = run_main("stream", server.url)
        self.assertEqual(code, 1)
        self.assertIn("This wiki has no such stream.", stderr)
        self.assertLess(len(stderr), 700)
        self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")


class Parameters(unittest.TestCase):
    def test_read(self):
        """key=value, field@path; the first = or @ divides."""
        self.assertEqual(
            read_parameters(["a=b=c", "x=1", "x=2", "x=3", "mail=a@b", "file@p=q@r"]),
            ({"a": "b=c", "x": ["1", "2", "3"], "mail": "a@b"}, [("file", "p=q@r")]),
        )
        self.assertRaises(UsageError, read_parameters, ["plain"])


class Serve(unittest.TestCase):
    def serve(self, *argv):
        """Run `serve` until it has said where; return its record and stderr."""
        seen = {}

        def stop(server):
            seen["url"] = server.url
            raise KeyboardInterrupt

        with mock.patch("wikistd.server.running.WsgiServer.serve_forever", stop):
            code, stdout, stderr = run_main("serve", *argv)
        self.assertEqual(code, 130)
        found = records(stdout)[0]
        self.assertEqual(found["url"], seen["url"])
        return found, stderr

    def test_accounts(self):
        """A new wiki tells its passwords once; a given one is told nowhere."""
        before = set(threading.enumerate())
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wiki.sqlite")
            found, stderr = self.serve("--db", path)
            self.assertEqual(len(found["bot_password"]), 32)
            self.assertIn("log in as Demo@bot with " + found["bot_password"], stderr)
            found, stderr = self.serve("--db", path)
            self.assertNotIn("bot_password", found)
            with environment(WIKISTD_PASSWORD=PASSWORD):
                found, stderr = self.serve("--db", path, "--user", "Other")
            self.assertNotIn(PASSWORD, json.dumps(found) + stderr)
            self.assertEqual(found["bot_user"], "Other@bot")
        self.assertEqual(set(threading.enumerate()) - before, set())

    def test_new_password(self):
        """Who has lost the passwords of a wiki's file makes new ones."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wiki.sqlite")
            first, _ = self.serve("--db", path)
            _, stderr = self.serve("--db", path)
            self.assertIn("--new-password", stderr)
            found, stderr = self.serve("--db", path, "--new-password")
            self.assertNotEqual(found["bot_password"], first["bot_password"])
            self.assertNotEqual(found["password"], first["password"])
            self.assertIn("log in as Demo@bot with " + found["bot_password"], stderr)
            with serve_wiki(path) as wiki:
                for user, password in (
                    ("Demo", found["password"]),
                    ("Demo@bot", found["bot_password"]),
                ):
                    with environment(WIKISTD_PASSWORD=password):
                        code, _, stderr = run_main("login", wiki.url, "--user", user)
                    self.assertEqual(code, 0, stderr)
            with environment(WIKISTD_PASSWORD=PASSWORD):
                code, _, stderr = run_main("serve", "--db", path, "--new-password")
            self.assertEqual(code, 2)
            self.assertIn("WIKISTD_PASSWORD", stderr)

    def test_password_of_the_environment(self):
        """That WIKISTD_PASSWORD becomes the wiki's password is said."""
        with environment(WIKISTD_PASSWORD=PASSWORD):
            _, stderr = self.serve()
        self.assertIn("is now the one in WIKISTD_PASSWORD", stderr)
        self.assertNotIn(PASSWORD, stderr)
        _, text, _ = run_main("serve", "--help")
        self.assertIn("WIKISTD_PASSWORD", text)

    def test_sentences(self):
        """What cannot be served is named as it was given, and what to do is said."""
        with tempfile.TemporaryDirectory() as folder, serve_wsgi(
            lambda *_: []
        ) as server:
            nowhere = os.path.join(folder, "none", "x.sqlite")
            for argv, words in (
                (("--db", nowhere), "none/x.sqlite.* there is no folder"),
                (("--db", folder), folder + ".* is a folder"),
                (("--db", ""), "--db needs the name of a file"),
                (("--port", str(server.port)), "port %d .*taken" % server.port),
                (("--bind", "192.0.2.1"), "192.0.2.1 is no address of this machine"),
                (("--bind", "no such address"), "no such address is no address"),
                (("--bind", "a..b"), "a..b is no address"),
                (("--bind", "::zz"), "::zz is no address"),
            ):
                code, stdout, stderr = run_main("serve", *argv)
                self.assertEqual((code, stdout), (2, ""), argv)
                self.assertRegex(stderr, r"^wikistd: [^\n]*%s[^\n]*\n$" % words)
                self.assertNotIn("rrno", stderr)

    def test_open_to_all(self):
        """Who binds to all addresses is told what that means."""
        _, stderr = self.serve("--bind", "0.0.0.0")
        self.assertIn("everybody who reaches 0.0.0.0", stderr)

    def test_usage(self):
        """A port that cannot be, or is taken, or a file that is no wiki."""
        with serve_wsgi(lambda *_: []) as server:
            for argv in (
                ("--port", "99999"),
                ("--port", str(server.port)),
                ("--db", __file__),
                ("--user", "a|b"),
            ):
                code, _, stderr = run_main("serve", *argv)
                self.assertEqual(code, 2, argv)
                self.assertRegex(stderr, r"^wikistd: [^\n]+\n$")


class Waits(unittest.TestCase):
    def test_told(self):
        """Whoever waits at a terminal is told; short waits are not worth a word."""
        stderr = Terminal()
        clock = TellingClock(Output(io.StringIO(), stderr))
        with mock.patch("time.sleep") as slept:
            for seconds in (0.5, 5.2):
                clock.sleep(seconds)
        self.assertEqual(stderr.getvalue(), "wikistd: trying again in 5 s\n")
        self.assertEqual([call[0][0] for call in slept.call_args_list], [0.5, 5.2])


class Clocks(unittest.TestCase):
    def test_fake_clock_is_for_servers_too(self):
        """The wiki's time can be any time."""
        clock = FakeClock(now=1_700_000_000)
        with serve_wiki(now=clock.now) as wiki:
            code, stdout, _ = run_main(
                "get", wiki.url, "action=query", "curtimestamp=1"
            )
        self.assertEqual(code, 0)
        self.assertEqual(records(stdout)[0]["curtimestamp"], "2023-11-14T22:13:20Z")
