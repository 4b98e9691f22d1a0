"""The command line: arguments in, exit code out.

Exit codes: 0 done, 1 the far side said no, 2 usage, 3 not reached or timed out,
4 broken data, 130 Ctrl-C.  Holds: nothing.
Not here: the commands themselves (commands.py, demo.py).
"""

from __future__ import annotations

import re
import signal
import sys
import threading
import warnings
from typing import Any, Optional, Sequence, TextIO

from ..errors import (
    ConnectionLost,
    ProtocolError,
    TransportError,
    WikistdError,
)
from ..web.useragent import WIKISTD_VERSION
from .bundling import BUNDLE_COMMAND, VENDOR_COMMAND
from .commands import DOWNLOAD_COMMAND, GET_COMMAND, LOGIN_COMMAND, POST_COMMAND
from .demo import DEMO_COMMAND
from .options import describe_os_error, logging_to
from .output import Output, OutputClosed
from .registry import UsageError
from .serve import SERVE_COMMAND
from .streaming import STREAM_COMMAND

EXIT_DONE = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_NOT_REACHED = 3
EXIT_BROKEN_DATA = 4
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

#: What an error advises who writes a program, and what it is on the command line.
CLI_WORDS = (
    ("give auth=", "give --http-user NAME"),
    ("check host and api_path", "check HOST and --api-path"),
    ("name others with ca_file=", "name others with --ca-file "),
)

#: Options that stand in the place of a command.
BEFORE_COMMAND = ("-h", "--help", "-V", "--version")

#: In the order of the help; another room's command is added here.
COMMANDS = (
    DEMO_COMMAND,
    SERVE_COMMAND,
    LOGIN_COMMAND,
    GET_COMMAND,
    POST_COMMAND,
    DOWNLOAD_COMMAND,
    STREAM_COMMAND,
    BUNDLE_COMMAND,
    VENDOR_COMMAND,
)


def make_parser(output: Output) -> Any:
    """Return the argparse parser for all commands."""
    import argparse  # 2 ms that programs without a command line need not pay

    class Parser(argparse.ArgumentParser):
        """Says what is wrong on one line, and where the help is."""

        def error(self, message: str) -> Any:
            raise UsageError("%s (see: %s --help)" % (message, self.prog))

        def _print_message(self, message: str, file: Any = None) -> None:
            if message:
                output.text(message.rstrip("\n"))

    parser = Parser(
        prog="wikistd",
        description="What a wiki bot needs from the network, in plain Python.",
        epilog="Example: wikistd demo",
    )
    parser.add_argument(
        "-V", "--version", action="version", version="wikistd " + WIKISTD_VERSION
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        child = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            epilog="Example: " + command.example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(child)
        child.set_defaults(run=command.run, parser=child)
    return parser


def read_arguments(parser: Any, argv: Sequence[str]) -> Any:
    """Return the parsed arguments; options may stand between key=value pairs."""
    for item in argv:
        if re.match(r"--(http-)?pass(w(o(rd?)?)?)?(=|\Z)", item):
            # Without the value: it may be the password itself.
            parser.error(
                "a password is never an argument, every user of the machine could "
                "read it: use the environment, --password-file or a terminal"
            )
    if argv[:1] == ["help"]:
        argv = [*argv[1:2], "--help"]
    names = [command.name for command in COMMANDS]
    if argv and argv[0] not in names:
        first = argv[0].partition("=")[0]
        if not first.startswith("-"):
            hint = did_you_mean(argv[0], names)
            parser.error("there is no command %r%s" % (argv[0], hint))
        if not any(word.startswith(first) for word in BEFORE_COMMAND):
            parser.error("the command comes first, %s behind it" % first)
    # argparse gives a list of positionals only those before the next option; what it
    # leaves over is put where the command says.
    arguments, more = parser.parse_known_args(argv)
    if arguments.command is None:
        parser.error("which command?")
    target = getattr(arguments, "more_arguments", "")
    for option in [item.partition("=")[0] for item in more if item.startswith("-")]:
        known = re.findall(r"--[a-z-]+", arguments.parser.format_help())
        hint = did_you_mean(option, known)
        arguments.parser.error("there is no option %s%s" % (option, hint))
    if more and not target:
        parser.error("unrecognized arguments: %s" % " ".join(map(repr, more)))
    if more:
        setattr(arguments, target, [*getattr(arguments, target), *more])
    return arguments


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean ...?" with the nearest of `known`, "" where none is."""
    import difflib  # 5 ms, which those who type well need not pay

    near = difflib.get_close_matches(word.lower(), known, 1)
    return "; did you mean %s?" % near[0] if near else ""


def main(
    argv: Optional[Sequence[str]] = None,
    stdout: Optional[TextIO] = None,
    stderr: Optional[TextIO] = None,
) -> int:
    """Run one command and return its exit code; never raises for what a user can do."""
    output = Output(stdout, stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        # Said in cli_client, with the option that mends it.
        warnings.filterwarnings("ignore", message="the User-Agent ")
        warnings.showwarning = _warning_writer(output)
        restore = _end_on_sigterm()
        try:
            return _run(sys.argv[1:] if argv is None else argv, output)
        except OutputClosed:
            output.give_up_stdout()
            return EXIT_DONE
        except KeyboardInterrupt:
            output.note("")
            return EXIT_INTERRUPTED
        finally:
            restore()


def _run(argv: Sequence[str], output: Output) -> int:
    try:
        arguments = read_arguments(make_parser(output), argv)
        with logging_to(output):
            code: int = arguments.run(arguments, output)
        return code
    except SystemExit as leaving:  # argparse: --help, --version, and errors
        return leaving.code if isinstance(leaving.code, int) else EXIT_USAGE
    except WikistdError as error:
        output.error(cli_sentence(error))
        return exit_code(error)
    except ModuleNotFoundError as error:
        # sqlite3, ssl or zlib: a Python may be built without them.
        output.error("this command needs %s, which this Python lacks" % error.name)
        return EXIT_USAGE
    except (UsageError, ValueError, OSError, ImportError) as error:
        # An address, a value, a file or a port that cannot be used; or a part that
        # one file was built without, which says the name that programs know it by.
        words = "what this command needs is not in this file,"
        sentence = re.sub(r"\A\w+ is not in this file,", words, str(error))
        if isinstance(error, OSError) and error.filename:
            sentence = "%s: %s" % (error.filename, describe_os_error(error))
        output.error(hide_addresses(sentence))
        return EXIT_USAGE


def hide_addresses(sentence: str) -> str:
    """Return a sentence about arguments without the secrets of addresses in it.

    They are all in wrong places or mistyped, so what looks like `name:password@` is
    enough to hide the whole, and what looks like `?token=` to hide what follows.
    """
    # Not by one pattern, which would take minutes for a long argument.
    pieces = sentence.split("'")[::-1]
    shown = re.sub(r"\S+", hide_word, pieces.pop())
    while pieces:
        mark, piece = "'", pieces.pop()
        if pieces and has_userinfo(piece):  # in the quotes of a repr, blanks and all
            mark, piece = "(an address)", pieces.pop()
        shown += mark + re.sub(r"\S+", hide_word, piece)
    return re.sub(r"\?[^\s\"']*", hide_query, shown)


def has_userinfo(text: str) -> bool:
    """Return whether something before an at sign looks like a name and a password."""
    before = text.rpartition("@")[0]
    return ":" in before or "//" in before


def hide_word(word: re.Match[str]) -> str:
    """Return a word, what in it looks like an address hidden."""
    text = word.group()
    if not has_userinfo(text):
        return text
    before = text.rpartition("@")[0]
    start = min(i for i in (before.find(":"), before.find("//")) if i >= 0)
    kept = before[: before.rfind('"', 0, start) + 1]
    return kept + "(an address)" + text[len(text.rstrip(":")) :]


def hide_query(query: re.Match[str]) -> str:
    """Return what follows a question mark, the values of parameters hidden."""
    return "?..." if "=" in query.group() else query.group()


def cli_sentence(error: WikistdError) -> str:
    """Return an error's sentence; advice for programs is said as options."""
    sentence = str(error)
    for words, ours in CLI_WORDS:
        sentence = sentence.replace(words, ours)
    if getattr(error, "status", None) == 401 and "--http-user" not in sentence:
        sentence += "; credentials are wanted: give --http-user NAME"
    return sentence


def exit_code(error: WikistdError) -> int:
    """Return the exit code that tells a script what kind of error it was."""
    if isinstance(error, ConnectionLost) and error.phase == "body":
        return EXIT_BROKEN_DATA  # the answer came, but not all of it
    if isinstance(error, TransportError):
        return EXIT_NOT_REACHED
    if isinstance(error, ProtocolError):
        return EXIT_BROKEN_DATA
    return EXIT_REFUSED


def _warning_writer(output: Output) -> Any:
    def show(message: Any, category: Any, *where: Any, **more: Any) -> None:
        output.error("warning: %s" % message)

    return show


def _end_on_sigterm() -> Any:
    """Make SIGTERM end the command as Ctrl-C does, so that it cleans up behind it."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None

    def leave(number: int, frame: Any) -> None:
        raise SystemExit(EXIT_TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    return lambda: signal.signal(signal.SIGTERM, before)
