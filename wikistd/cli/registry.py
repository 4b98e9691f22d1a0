"""What a command of the command line is.

Holds: nothing.  Not here: the commands (commands.py, demo.py), running one (main.py).
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Tuple

from .output import Output


class Command(NamedTuple):
    """One command: its name, what it says of itself, and two functions.

    `add_arguments(parser)` tells argparse what it takes; `run(arguments, output)` does
    it and returns the exit code.  `example` stands at the end of its --help.
    """

    name: str
    summary: str
    example: str
    add_arguments: Callable[[Any], None]
    run: Callable[[Any, Output], int]


class UsageError(Exception):
    """The command cannot be run as it was given: exit code 2 and a sentence."""


def add_options(parser: Any, *rows: Tuple[str, str, str]) -> None:
    """Add options that take a text: (its name, what stands for the text, the help)."""
    for name, metavar, words in rows:
        parser.add_argument(name, metavar=metavar, help=words)
