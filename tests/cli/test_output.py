"""cli/output.py: what a terminal shows and what a pipe gets."""

import errno
import io
import json
import unittest
from unittest import mock

from wikistd.cli.output import Output, OutputClosed, escape_controls


class Terminal(io.StringIO):
    def isatty(self):
        return True


class BrokenPipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError()


class Full(io.StringIO):
    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


NASTY = "a\x1b[31m\x07\x9b\x7f\u202e\u2028b"


class Records(unittest.TestCase):
    def test_pipe(self):
        """In a pipe each record is one line of JSON, letters as they are."""
        stdout = io.StringIO()
        output = Output(stdout, io.StringIO())
        output.record({"title": "Zürich", "n": 1})
        output.record([None, True])
        self.assertEqual(
            stdout.getvalue(), '{"title": "Zürich", "n": 1}\n[null, true]\n'
        )

    def test_nowhere(self):
        """Standard output that is closed or full is named."""
        for stdout, told in ((None, "closed"), (Full(), "No space")):
            with mock.patch("sys.stdout", stdout), self.assertRaises(OSError) as caught:
                Output(None, io.StringIO()).record({})
            self.assertEqual(caught.exception.filename, "standard output")
            self.assertIn(told, caught.exception.strerror)

    def test_terminal(self):
        """On a terminal nothing moves the cursor, and the JSON stays the same value."""
        stdout = Terminal()
        Output(stdout, io.StringIO()).record({"text": NASTY})
        shown = stdout.getvalue()
        self.assertTrue(shown.rstrip("\n").isprintable(), shown)
        self.assertEqual(json.loads(shown), {"text": NASTY})

    def test_closed(self):
        """A closed pipe is told by its own exception."""
        output = Output(BrokenPipe(), io.StringIO())
        self.assertRaises(OutputClosed, output.record, {})
        self.assertRaises(OutputClosed, output.text, "x")
        output.give_up_stdout()


class Words(unittest.TestCase):
    def test_controls(self):
        """Control characters are written out."""
        self.assertEqual(
            escape_controls(NASTY + "\n\t"),
            "a\\x1b[31m\\x07\\x9b\\x7f\\u202e\\u2028b\n\t",
        )
        self.assertEqual(escape_controls("a\nb\tc", keep_lines=False), "a\\nb\\tc")

    def test_errors(self):
        """An error is one line, whatever is in it."""
        stderr = io.StringIO()
        output = Output(io.StringIO(), stderr)
        output.error("it said: \x1b]0;x\x07\nsecond line")
        self.assertEqual(
            stderr.getvalue(), "wikistd: it said: \\x1b]0;x\\x07\\nsecond line\n"
        )

    def test_progress(self):
        """Progress is for terminals."""
        for stream, expected in ((io.StringIO(), ""), (Terminal(), "working\n")):
            Output(io.StringIO(), stream).progress("working")
            self.assertEqual(stream.getvalue(), expected)

    def test_nobody_reads_errors(self):
        """A closed stderr stops nothing."""
        Output(io.StringIO(), BrokenPipe()).note("x")
        closed = io.StringIO()
        output = Output(io.StringIO(), closed)
        closed.close()
        output.note("x")
