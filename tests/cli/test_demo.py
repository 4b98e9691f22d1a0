"""cli/demo.py: the demo as a person and as a script see it."""

import json
import os
import shutil
import struct
import tempfile
import threading
import unicodedata
import unittest
import zlib
from unittest import mock

from tests.cli.test_main import run_main
from tests.cli.test_output import Terminal
from wikistd.cli.main import main
from wikistd.cli.samples import DEMO_PAGES, demo_text, draw_picture


class TheDemo(unittest.TestCase):
    def test_json(self):
        """One object; every comparison held; one connection for the API."""
        before = set(threading.enumerate())
        code, stdout, stderr = run_main("demo", "--json")
        self.assertEqual(code, 0, stdout + stderr)
        self.assertEqual(stderr, "")
        found = json.loads(stdout)
        self.assertIs(found["ok"], True)
        self.assertEqual(set(found["checks"].values()), {True})
        self.assertEqual(found["api_connections"], 1)
        self.assertEqual(found["stream_connections"], 1)
        self.assertEqual(found["pages_equal"], 25)
        self.assertEqual(found["conflict"], "editconflict")
        self.assertEqual(found["edits"], 26)
        self.assertGreaterEqual(found["events"], 27)
        self.assertEqual(set(threading.enumerate()) - before, set())

    def test_words(self):
        """A summary on stdout; progress and events on a terminal's stderr."""
        stdout, stderr = Terminal(), Terminal()
        self.assertEqual(main(["demo"], stdout, stderr), 0)
        text = stdout.getvalue()
        self.assertIn("Every comparison held", text)
        self.assertNotIn("FAILED", text)
        self.assertIn("each of 26 edits seen exactly once", text)
        self.assertIn("  event   new  Ελληνικά, by Demo", stderr.getvalue())

    def test_something_differs(self):
        """A comparison that does not hold is exit code 1, and named."""
        with mock.patch("wikistd.cli.demo.draw_picture", lambda: os.urandom(999)):
            with mock.patch("wikistd.cli.demo.DEMO_BATCH", 500):
                code, stdout, _ = run_main("demo")
        self.assertEqual(code, 1)
        self.assertIn("NOT everything was as it should be: read_back", stdout)

    def test_breaks_off(self):
        """What goes wrong is said in a sentence, and nothing stays."""
        pages = ((" [bad] ", "Latin", "x"),)
        with mock.patch("wikistd.cli.demo.DEMO_PAGES", pages):
            code, stdout, stderr = run_main("demo", "--json")
        self.assertEqual(code, 1)
        self.assertRegex(
            stderr, r"^wikistd: the demo broke off: invalidtitle: [^\n]+\n$"
        )
        self.assertIs(json.loads(stdout)["ok"], False)

    def test_no_threads(self):
        """Where threads cannot be started, the first or the second, a sentence says so."""
        start = threading.Thread.start
        for count, words in (
            (0, "a server needs threads: no more"),
            (1, "the demo broke off: the demo needs threads: no more"),
        ):
            started = []

            def limited(thread, count=count, started=started):
                if len(started) == count:
                    raise RuntimeError("no more")
                started.append(thread)
                start(thread)

            with mock.patch.object(threading.Thread, "start", limited):
                _, _, stderr = run_main("demo", "--json")
            self.assertEqual(stderr, "wikistd: %s\n" % words)

    def test_ctrl_c(self):
        """Ctrl-C leaves nothing behind, wherever it comes."""
        before = set(threading.enumerate())
        for target, effect in (
            ("wikistd.cli.demo.Demo._log_in", KeyboardInterrupt),
            ("wikistd.cli.demo.Demo._move_file", KeyboardInterrupt),
            ("shutil.rmtree", interrupt_once(shutil.rmtree)),
        ):
            with tempfile.TemporaryDirectory() as folder:
                with mock.patch("tempfile.gettempdir", return_value=folder):
                    with mock.patch(target, side_effect=effect):
                        code, stdout, _ = run_main("demo")
                self.assertEqual((code, stdout), (130, ""), target)
                self.assertEqual(os.listdir(folder), [], target)
                self.assertEqual(set(threading.enumerate()) - before, set(), target)


def interrupt_once(function):
    """Return `function`, but its first call is interrupted."""
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return function(*args, **kwargs)

    return interrupted


class Samples(unittest.TestCase):
    def test_texts(self):
        """25 titles, all different, in the form that a wiki stores."""
        self.assertEqual(len(DEMO_PAGES), 25)
        self.assertEqual(len({title for title, _, _ in DEMO_PAGES}), 25)
        self.assertGreater(len({script for _, script, _ in DEMO_PAGES}), 15)
        for page in DEMO_PAGES:
            text = page[0] + demo_text(*page)
            self.assertEqual(unicodedata.normalize("NFC", text), text, page[0])

    def test_picture(self):
        """A PNG that any program opens."""
        data = draw_picture(16, 9)
        self.assertEqual(data, draw_picture(16, 9))
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", data[16:24]), (16, 9))
        start, size = data.index(b"IDAT") + 4, data.index(b"IEND") - 8
        self.assertEqual(len(zlib.decompress(data[start:size])), 9 * (16 * 3 + 1))
