"""What the command line writes: records on stdout, words on stderr.

In: values and sentences.  Out: JSON Lines, and text that a terminal shows as text.
Holds: the two files.  Spec: RFC 8259, https://jsonlines.org.  Not here: what to say.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from typing import Any, Optional, TextIO

# Everything that moves the cursor, changes colours or turns the direction of text.
_output_controls = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


class OutputClosed(Exception):
    """Nobody reads our standard output any more: time to end, quietly."""


def escape_controls(text: str, *, keep_lines: bool = True) -> str:
    """Return `text` with its control characters written out, as \\x1b and \\u202e.

    Line ends and tabs stay unless `keep_lines` is false.
    """
    text = _output_controls.sub(_write_out, text)
    if not keep_lines:
        text = text.replace("\n", "\\n").replace("\t", "\\t")
    return text


def _write_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    return "\\x%02x" % code if code < 256 else "\\u%04x" % code


class Output:
    """Standard output and standard error of one command.  Has one owner.

    stdout is data, stderr is for people.  On a terminal control characters are written
    out; in a pipe data stays as it is, in UTF-8.
    """

    def __init__(
        self, stdout: Optional[TextIO] = None, stderr: Optional[TextIO] = None
    ) -> None:
        self.stdout = sys.stdout if stdout is None else stdout
        self.stderr = sys.stderr if stderr is None else stderr
        self.is_terminal = is_terminal(self.stdout)
        self.has_progress = is_terminal(self.stderr)
        for stream in (self.stdout, self.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                # What an encoding cannot write, lone surrogates too, is written out.
                if is_terminal(stream):
                    reconfigure(errors="backslashreplace")
                else:
                    reconfigure(encoding="utf-8", errors="backslashreplace")

    def record(self, value: Any) -> None:
        """Write one JSON document on a line of its own, at once."""
        text = json.dumps(value, ensure_ascii=False, default=str)
        if self.is_terminal:
            # Inside JSON the escapes are JSON's own: what is copied stays valid.
            text = _output_controls.sub(lambda m: "\\u%04x" % ord(m.group()), text)
        self._write(text + "\n")

    def text(self, text: str) -> None:
        """Write lines for people to standard output."""
        self._write(escape_controls(text) + "\n")

    def _write(self, text: str) -> None:
        if self.stdout is None:
            raise OSError(errno.EBADF, "it is closed", "standard output")
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosed() from error
        except OSError as error:
            error.filename = "standard output"  # for who tells it to the user
            raise

    def progress(self, text: str) -> None:
        """Write a line to standard error, if it is a terminal."""
        if self.has_progress:
            self.note(text)

    def note(self, text: str) -> None:
        """Write a line to standard error."""
        try:
            self.stderr.write(escape_controls(text) + "\n")
            self.stderr.flush()
        except (OSError, ValueError):
            pass  # closed: there is nobody to tell

    def error(self, sentence: str) -> None:
        """Write "wikistd: ..." to standard error, on one line."""
        self.note("wikistd: " + escape_controls(sentence, keep_lines=False))

    def give_up_stdout(self) -> None:
        """Let the interpreter's last flush of a closed pipe go nowhere."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stdout.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass  # not a file of the system


def is_terminal(stream: Any) -> bool:
    """Whether a person is at the other end."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
