"""cli/main.py: exit codes, help, signals, pipes."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from wikistd.cli.main import COMMANDS, exit_code, hide_addresses, main
from wikistd.errors import (
    APIError,
    ConnectFailed,
    ConnectionLost,
    LimitExceeded,
    LoginError,
    ProtocolError,
    RetryLater,
    StatusError,
    TransportTimeout,
)

ROOT = Path(__file__).resolve().parents[2]


def run_main(*argv):
    """Return (exit code, stdout, stderr) of a command run in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    code = main(list(argv), stdout, stderr)
    return code, stdout.getvalue(), stderr.getvalue()


def start(*argv, **options):
    """Start a command in a process of its own."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    environ = dict(os.environ, PYTHONPATH=str(ROOT))
    environ.pop("PYTHONWARNINGS", None)
    return subprocess.Popen(
        [sys.executable, "-m", "wikistd", *argv], cwd=str(ROOT), env=environ, **options
    )


class Help(unittest.TestCase):
    def test_every_command_has_an_example(self):
        """`Example:` stands at the end of every --help."""
        code, text, _ = run_main("--help")
        self.assertEqual(code, 0)
        self.assertIn("Example: wikistd demo", text)
        for command in COMMANDS:
            self.assertIn("\n    %s " % command.name, text)
        for command in COMMANDS:
            code, text, _ = run_main(command.name, "--help")
            self.assertEqual(code, 0)
            self.assertRegex(text.split("\n\n")[-1], r"^Example: .*wikistd ")
            self.assertNotIn("--password ", text)

    def test_version(self):
        """--version is the package's."""
        code, text, _ = run_main("--version")
        self.assertEqual(code, 0)
        self.assertRegex(text, r"^wikistd \d+\.\d+\.\d+\n$")

    def test_usage(self):
        """What cannot be is said on one line, with exit code 2."""
        for argv in (
            (),
            ("nonsense",),
            ("get",),
            ("demo", "--what"),
            ("serve", "--port", "x"),
        ):
            code, stdout, stderr = run_main(*argv)
            self.assertEqual((code, stdout), (2, ""), argv)
            self.assertRegex(stderr, r"^wikistd: [^\n]+ \(see: wikistd.* --help\)\n$")

    def test_before_the_command(self):
        """An option in front of the command is told where it belongs."""
        for argv, option in (
            (("--host", "http://a.example", "stream"), "--host"),
            (("--host=http://a.example", "stream"), "--host"),
            (("--nonsense",), "--nonsense"),
            (("-x", "get"), "-x"),
        ):
            want = "wikistd: the command comes first, %s behind it" % option
            self.assertEqual(
                run_main(*argv), (2, "", want + " (see: wikistd --help)\n"), argv
            )

    def test_addresses_are_not_repeated(self):
        """A mistyped address in a wrong place shows no password and no token."""
        for address in (
            "http:/me:hu,sh@a.example/",
            "http//me:hu,sh@a.example",
            "me:hu,sh@a.example",
            "http://me:hu sh@a.example:99999/",
            "http://me@a.example:hu,sh/",
            "a.example/?token=hu,sh",
            "http://a.example:8a/v2/stream/x?token=hu,sh",
        ):
            for argv in (
                (address,),
                ("help", address),
                ("--host", address, "stream"),
                ("stream", address),
                ("stream", "--host", address),
                ("stream", "--url", address, "--since", "?"),
                ("stream", "--streams", address),
                ("stream", "--streams", "recentchange," + address),
                ("stream", "--since", address),
                ("stream", "--count", address),
                ("serve", address),
                ("get", "--timeout", address),
            ):
                code, stdout, stderr = run_main(*argv)
                self.assertEqual((code, stdout), (2, ""), argv)
                self.assertRegex(stderr, r"^wikistd: [^\n]+\n")
                for piece in ("hu", "sh@", "sh/", "sh'"):
                    self.assertNotIn(piece, stderr, argv)

    def test_long_arguments(self):
        """A long text in a wrong place is told at once: a page, not an address."""
        began = time.process_time()
        for text in ("a:" * 20000, "'" + ":" * 20000, "x://" * 9999 + " @'", "?" * 40000):
            self.assertEqual(hide_addresses(text), text)
        self.assertEqual(hide_addresses("'%s@' x" % ("a: " * 9999)), "(an address) x")
        self.assertEqual(hide_addresses("?%s=" % ("?" * 9999)), "?...")
        self.assertLess(time.process_time() - began, 2)

    def test_addresses_that_tell_nothing(self):
        """What holds no secret is shown as it was given."""
        for sentence in (
            r"'file@C:\\a.png' is neither key=value nor field@path",
            "'http://a.example' is no name of a stream; such as http://127.0.0.1:8080",
            '--user-agent must say who asks: "MyBot/1.0 (me@example.org)"',
            "no password for Demo@bot: set X, or give --password-file FILE",
        ):
            self.assertEqual(hide_addresses(sentence), sentence)

    def test_near(self):
        """What is nearly a command or an option is told; help is as good as --help."""
        for argv, want in (
            (("GET",), "there is no command 'GET'; did you mean get? (see: wikistd --help)"),
            (("zzz",), "there is no command 'zzz' (see: wikistd --help)"),
            (
                ("get", "http://127.0.0.1", "--usr=X", "action=query"),
                "there is no option --usr; did you mean --user? (see: wikistd get --help)",
            ),
            (
                ("serve", "x"),
                "unrecognized arguments: 'x' (see: wikistd --help)",
            ),
        ):
            self.assertEqual(run_main(*argv), (2, "", "wikistd: %s\n" % want))
        self.assertEqual(run_main("help"), run_main("--help"))
        self.assertEqual(run_main("help", "get"), run_main("get", "--help"))
        self.assertEqual(run_main("-V"), run_main("--version"))


class CrippledPython(unittest.TestCase):
    def test_no_sqlite3(self):
        """A part that is missing is named; there is no traceback."""
        with mock.patch.dict(sys.modules, {"sqlite3": None}):
            code, _, stderr = run_main("demo", "--json")
        self.assertEqual(code, 2)
        self.assertEqual(
            stderr, "wikistd: this command needs sqlite3, which this Python lacks\n"
        )


class ExitCodes(unittest.TestCase):
    def test_errors(self):
        """A script can tell who must act."""
        for error, code in (
            (APIError("nosuchpage", "There is none"), 1),
            (LoginError("Failed", "no"), 1),
            (StatusError(status=404), 1),
            (RetryLater("maxlag"), 1),
            (ConnectFailed("no"), 3),
            (TransportTimeout("late"), 3),
            (ConnectionLost("cut", phase="headers"), 3),
            (ConnectionLost("cut", phase="body"), 4),
            (ProtocolError("broken"), 4),
            (LimitExceeded("big"), 4),
        ):
            self.assertEqual(exit_code(error), code, error)


@unittest.skipUnless(os.name == "posix", "signals and pipes of a POSIX system")
class Processes(unittest.TestCase):
    def test_ctrl_c(self):
        """Ctrl-C ends with 130 and no traceback."""
        # Tests in the background have SIGINT ignored, and a child inherits that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = start("serve")
        finally:
            signal.signal(signal.SIGINT, before)
        self.addCleanup(process.kill)
        self.assertIn(b'"url"', process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertNotIn(b"Traceback", stderr)

    def test_ctrl_c_while_loading(self):
        """So does Ctrl-C while the program is still being imported."""
        code = (
            "import sys, wikistd, runpy, importlib.abc\n"
            "class Finder(importlib.abc.MetaPathFinder):\n"
            "    def find_spec(self, name, path, target=None):\n"
            "        if name == 'wikistd.cli.main': raise KeyboardInterrupt\n"
            "sys.meta_path.insert(0, Finder())\n"
        )
        for start_it in (
            "runpy.run_module('wikistd', run_name='__main__')",
            "from wikistd.__main__ import run_program; sys.exit(run_program())",
        ):
            got = subprocess.run(
                [sys.executable, "-c", code + start_it],
                cwd=str(ROOT),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self.assertEqual((got.returncode, got.stderr), (130, b""))

    def test_run_by_its_path(self):
        """A copied folder runs by its path too, and so does the file in it."""
        want = run_main("--version")[1].encode()
        for path in (ROOT / "wikistd", ROOT / "wikistd" / "__main__.py"):
            got = subprocess.run(
                [sys.executable, str(path), "--version"],
                cwd=os.path.dirname(os.__file__),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self.assertEqual((got.returncode, got.stdout, got.stderr), (0, want, b""))

    def test_sigterm(self):
        """SIGTERM ends a command as Ctrl-C does, with 143, and is what it was after."""
        before = signal.getsignal(signal.SIGTERM)
        cleaned = []

        def run(arguments, output):
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                threading.Event().wait(5)
            finally:
                cleaned.append(True)

        with mock.patch("wikistd.cli.main.COMMANDS", (COMMANDS[0]._replace(run=run),)):
            self.assertEqual(run_main("demo")[0], 143)
        self.assertEqual(cleaned, [True])
        self.assertIs(signal.getsignal(signal.SIGTERM), before)

    def test_broken_pipe(self):
        """A reader that leaves ends the command quietly."""
        reading, writing = os.pipe()
        os.close(reading)
        process = start("--help", stdout=writing)
        os.close(writing)
        _, stderr = process.communicate(timeout=10)
        self.assertEqual((process.returncode, stderr), (0, b""))

    def test_not_utf_8(self):
        """In the C locale stdout is UTF-8 all the same."""
        environ = dict(os.environ, PYTHONPATH=str(ROOT), LC_ALL="C", PYTHONUTF8="0")
        environ["PYTHONCOERCECLOCALE"] = "0"
        code = (
            "import wikistd.cli.output as o; o.Output().record({'a': '\\xfc\\udcff'})"
        )
        got = subprocess.run(
            [sys.executable, "-c", code],
            env=environ,
            stdout=subprocess.PIPE,
            check=True,
        )
        self.assertEqual(got.stdout, '{"a": "ü\\udcff"}\n'.encode())


class Docs(unittest.TestCase):
    def test_names_are_words(self):
        """Names of commands can be typed."""
        for command in COMMANDS:
            self.assertTrue(re.match(r"[a-z]+\Z", command.name))
