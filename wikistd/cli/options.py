"""What several commands take: who asks, how long to wait, which password.

In: parsed arguments.  Out: an HttpClient, a Session, a password.
Holds: nothing.  Not here: the commands (commands.py).
"""

from __future__ import annotations

import contextlib
import functools
import http.cookiejar
import os
import re
import stat
import sys
from typing import (
    Any,
    BinaryIO,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)
from urllib.parse import SplitResult, urlsplit

from ..clock import Clock
from ..errors import ClientInteractionRequest
from ..web.client import HttpClient
from ..web.cookies import CookieStore
from ..web.useragent import default_user_agent
from ..wiki.account import restored_login
from ..wiki.session import Session
from .output import Output, escape_controls, is_terminal
from .registry import UsageError, add_options
from .transcript import TranscriptHandler, describe_client

PASSWORD_VARIABLE = "WIKISTD_PASSWORD"
HTTP_PASSWORD_VARIABLE = "WIKISTD_HTTP_PASSWORD"
#: Parameters of the API whose values are passwords.
PASSWORD_PARAMETERS = frozenset(("lgpassword", "password", "retype", "OATHToken"))
#: A password and a line end; a file that is longer is not a password file.
MAX_PASSWORD_BYTES = 4096


def add_network_arguments(
    parser: Any,
    *,
    timeout_help: str = "for each exchange, as a whole; default: 60",
    wait_help: str = "for a wiki that asks to wait or is in trouble; default: 120",
) -> None:
    """Add what every command takes that goes to the network."""
    parser.set_defaults(url=None, api_path=None, user=None, cookies=None)
    group = parser.add_argument_group("network")
    who = 'who is asking, with a way to reach you: "MyBot/1.0 (me@example.org)"'
    add_options(group, ("--user-agent", "TEXT", who))
    group.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help=timeout_help
    )
    group.add_argument(
        "--max-wait", type=float, default=120.0, metavar="SECONDS", help=wait_help
    )
    add_options(
        group,
        ("--proxy", "URL", "instead of the environment's"),
        ("--ca-file", "FILE", "trust only these CAs"),
        (
            "--http-user",
            "NAME",
            "for a server that answers 401 in front of the wiki; the password is in "
            + HTTP_PASSWORD_VARIABLE,
        ),
        ("--http-password-file", "FILE", "or there, with mode 0600"),
    )
    group.add_argument(
        "--debug",
        action="store_true",
        help="write what is sent and received to stderr, without secrets",
    )


def add_login_arguments(parser: Any) -> None:
    """Add who to log in as, and where the password comes from."""
    add_options(
        parser.add_argument_group("login"),
        ("--user", "NAME", "log in; User@app is a bot password"),
        ("--password-file", "FILE", "mode 0600; - is standard input"),
        (
            "--password-env",
            "NAME",
            "an environment variable; default: " + PASSWORD_VARIABLE,
        ),
        (
            "--cookies",
            "FILE",
            "keep the login in a file beside FILE, with mode 0600, for the next time",
        ),
    )


@contextlib.contextmanager
def cli_client(arguments: Any, output: Output) -> Iterator[HttpClient]:
    """Give the HttpClient that a command's arguments describe; end its transcript."""
    check_network_arguments(arguments)
    url = arguments.url or arguments.host or "https://wikimedia.org"
    if not arguments.user_agent and not is_nearby(url):
        output.error(
            "warning: Wikimedia and others refuse requests that do not tell who is "
            'asking: give --user-agent "MyBot/1.0 (me@example.org)"'
        )
    auth = None
    if arguments.http_user:
        auth = (arguments.http_user, _read_http_password(arguments))
    client = HttpClient(
        auth=auth,
        user_agent=arguments.user_agent or default_user_agent(),
        timeout=arguments.timeout,
        proxies=arguments.proxy,
        ca_file=arguments.ca_file,
        cookies=CookieStore(arguments.cookies) if arguments.cookies else None,
        handlers=[TranscriptHandler(output.note)] if arguments.debug else (),
    )
    try:
        yield client
    finally:
        if arguments.debug:
            for line in describe_client(client, url):
                output.note(line)
        client.close()


def check_network_arguments(arguments: Any) -> None:
    """UsageError for what no client can be made of."""
    address = urlsplit(arguments.url or arguments.host or "")
    proxy_userinfo = (arguments.proxy or "").partition("://")[2].rpartition("@")[0]
    for is_wrong, sentence in (
        (
            arguments.user == "",
            "--user needs a name: an empty one would be nobody's login",
        ),
        (
            arguments.cookies is not None and not arguments.user,
            "--cookies keeps a login: give --user too",
        ),
        (
            "@" in address.netloc,
            "the address must not hold a user name or password, every user of the "
            "machine could read it: give --http-user NAME",
        ),
        (
            arguments.ca_file is not None and not os.path.exists(arguments.ca_file),
            "--ca-file %s: there is no such file" % arguments.ca_file,
        ),
        (
            arguments.user_agent == "",
            '--user-agent must say who asks: "MyBot/1.0 (me@example.org)"',
        ),
        (
            not arguments.timeout > 0,
            "--timeout must be more than 0, not %g" % arguments.timeout,
        ),
        (
            not arguments.max_wait >= 0,
            "--max-wait must be 0 or more, not %g" % arguments.max_wait,
        ),
        (
            ":" in proxy_userinfo,
            "a proxy's password is no argument: put the proxy's address into the "
            "environment variable https_proxy",
        ),
        (
            arguments.http_password_file and not arguments.http_user,
            "--http-password-file is for --http-user NAME: give that too",
        ),
    ):
        if is_wrong:
            raise UsageError(sentence)
    if arguments.cookies is not None:
        check_place("--cookies", arguments.cookies)


def open_given(what: str, path: str) -> BinaryIO:
    """Open a file that a person named; UsageError with `what` says why it cannot be."""
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise UsageError("%s: %s" % (what, describe_os_error(error))) from None


def describe_os_error(error: Exception) -> str:
    """Return what an error of the system means, in words, without its number."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a folder, not a file"
    if isinstance(error, PermissionError):
        return "you are not allowed to"
    return getattr(error, "strerror", None) or str(error)


def check_place(what: str, path: str) -> None:
    """UsageError where no file can be written at `path`: no folder is made for it."""
    folder = os.path.dirname(path) or "."
    if not path:
        raise UsageError("%s needs the name of a file" % what)
    if os.path.isdir(path):
        raise UsageError("%s %s is a folder: name a file in it" % (what, path))
    if not os.path.isdir(folder):
        raise UsageError(
            "%s %s: there is no folder %s: make it first" % (what, path, folder)
        )


class TellingClock(Clock):
    """Tells the person at the terminal that a wait is a wait."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def sleep(self, seconds: float) -> None:
        """Wait, and say so where it is long enough to wonder."""
        if seconds >= 1:
            self.output.progress("wikistd: trying again in %.0f s" % seconds)
        super().sleep(seconds)


def split_address(url: str) -> Optional[SplitResult]:
    """Return the parts of an http address, None where it is none."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return None
    return parts if is_good and parts.hostname else None


def is_nearby(url: str) -> bool:
    """Whether it is this machine that is asked: it need not be told who we are."""
    parts = split_address(url)
    # What is no address at all is told by who uses it.
    return parts is None or parts.hostname in ("127.0.0.1", "::1", "localhost")


@contextlib.contextmanager
def cli_session(arguments: Any, output: Output, **options: Any) -> Iterator[Session]:
    """Give a Session on the arguments' host, logged in where they name a user."""
    with cli_client(arguments, output) as client:
        session = Session(
            arguments.host,
            session=client,
            api_path=arguments.api_path,
            timeout=arguments.timeout,
            max_wait_seconds=arguments.max_wait,
            clock=TellingClock(output),
            **options,
        )
        if arguments.cookies and _is_kept(session, arguments.user):
            # A call that relies on it fails, rather than being done by nobody.
            session = session.with_options(params={"assert": "user"})
        elif arguments.user:
            log_in(session, arguments, output)
        yield session


def _is_kept(session: Session, user: str) -> bool:
    """Whether the file of cookies still holds a login of `user`."""
    store = session.session.cookies
    try:
        store.load(user=user)
    except http.cookiejar.LoadError as error:
        raise UsageError(
            "%s: delete it, or give another --cookies FILE" % error
        ) from None
    if not len(store):
        return False
    reply = session.get(action="query", meta="userinfo", formatversion=2)
    found = reply["query"]["userinfo"]
    method = "bot-password" if "@" in user else "clientlogin"
    if restored_login(found["name"], user, method) is not None:
        return True
    store.clear()
    return False


def log_in(session: Session, arguments: Any, output: Output) -> None:
    """Log in; on a terminal, ask for what the wiki wants beside the password."""
    given: Dict[str, Any] = {
        "username": arguments.user,
        "password": read_password(arguments),
    }
    next_step: Callable[..., Any] = session.login
    while True:
        try:
            next_step(**given)
            return
        except ClientInteractionRequest as step:
            if not is_terminal(sys.stdin):
                raise
            output.note(step.message)
            given = _ask_fields(step.requests)
            next_step = functools.partial(session.continue_login, step.login_token)


def _ask_fields(requests: Sequence[Dict[str, Any]]) -> Dict[str, str]:
    answers = {}
    for request in requests:
        for name, field in (request.get("fields") or {}).items():
            if field.get("type") in ("hidden", "null", "button"):
                continue
            label = str(field.get("label") or name).rstrip(": ")
            # Not shown while it is typed: a code lets somebody in as a password does.
            answers[name] = ask_unseen(label + ": ")
    return answers


def read_password(arguments: Any) -> str:
    """Return the password from where the arguments say; it is never one of them."""
    variable = arguments.password_env or PASSWORD_VARIABLE
    given = _find_password("--password-file", arguments.password_file, variable)
    if given:
        return given
    if arguments.password_env:
        raise UsageError("there is no environment variable %s" % variable)
    if is_terminal(sys.stdin):
        question = "Password of %s: " % arguments.user
        return _check_password(ask_unseen(question), "the terminal")
    raise UsageError(
        "no password for %s: set %s, or give --password-file FILE (- is standard input)"
        % (arguments.user, PASSWORD_VARIABLE)
    )


def _read_http_password(arguments: Any) -> str:
    """Return the password of --http-user."""
    given = _find_password(
        "--http-password-file", arguments.http_password_file, HTTP_PASSWORD_VARIABLE
    )
    if given:
        return given
    raise UsageError(
        "no password for --http-user %s: set %s, or give --http-password-file FILE"
        % (arguments.http_user, HTTP_PASSWORD_VARIABLE)
    )


def _find_password(option: str, path: Optional[str], variable: str) -> Optional[str]:
    if path == "-":
        return _check_password(sys.stdin.readline(), "standard input")
    if path:
        return _read_password_file(option, path)
    if variable in os.environ:
        return _check_password(os.environ[variable], "the variable " + variable)
    return None


def _read_password_file(option: str, path: str) -> str:
    with open_given(option + " " + path, path) as source:
        facts = os.fstat(source.fileno())
        if os.name == "posix" and stat.S_ISREG(facts.st_mode) and facts.st_mode & 0o077:
            raise UsageError(
                "%s may be read by others (mode %04o): chmod 600 it first"
                % (path, stat.S_IMODE(facts.st_mode))
            )
        data = source.read(MAX_PASSWORD_BYTES + 1)
    if len(data) > MAX_PASSWORD_BYTES:
        raise UsageError("%s is longer than a password" % path)
    try:
        return _check_password(data.decode("utf-8"), path)
    except UnicodeDecodeError:
        raise UsageError("%s is not UTF-8" % path) from None


def _check_password(text: str, source: str) -> str:
    password = re.sub(r"\r?\n?\Z", "", text, count=1)
    if not password:
        raise UsageError("%s holds no password" % source)
    if "\n" in password:
        raise UsageError("%s holds more than one line" % source)
    return password


def ask_unseen(question: str) -> str:
    """Ask on the terminal, without showing what is typed."""
    import getpass  # needs termios or msvcrt, which some Pythons lack

    return getpass.getpass(escape_controls(question, keep_lines=False))


def read_parameters(
    items: Sequence[str],
) -> Tuple[Dict[str, Any], List[Tuple[str, str]]]:
    """Return API parameters from key=value, and (field, path) from field@path.

    A key that comes twice is a list; a value of - is read from standard input.
    """
    params: Dict[str, List[str]] = {}
    files: List[Tuple[str, str]] = []
    for item in items:
        name, is_pair, value = item.partition("=")
        if "@" in name:
            name, _, path = item.partition("@")
            if path == "-":
                raise UsageError(
                    "%s: a file has a name and a size, standard input has none" % item
                )
            files.append((name, path))
            continue
        if not is_pair or not name:
            raise UsageError("%r is neither key=value nor field@path" % item)
        if name in PASSWORD_PARAMETERS and value != "-":
            raise UsageError(
                "%s is not for the command line, where every user of the machine could "
                "read it: use --user, or %s=- and standard input" % (name, name)
            )
        text = _read_stdin(name) if value == "-" else value
        if re.search("[\ud800-\udfff]", text):
            raise UsageError(
                "the value of %s is not in this locale's encoding, %s"
                % (name, sys.getfilesystemencoding())
            )
        params.setdefault(name, []).append(text)
    return {key: v if len(v) > 1 else v[0] for key, v in params.items()}, files


def _read_stdin(name: str) -> str:
    """Return standard input, which is UTF-8 whatever the locale says."""
    if sys.stdin is None:
        raise UsageError("%s=- reads standard input, which is closed" % name)
    source = getattr(sys.stdin, "buffer", None)
    if source is None:
        return sys.stdin.read()
    try:
        text: str = source.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "%s=-: standard input is not UTF-8 (%s at byte %d)"
            % (name, "0x%02x" % error.object[error.start], error.start)
        ) from None
    return text.replace("\r\n", "\n")


@contextlib.contextmanager
def logging_to(output: Output) -> Iterator[None]:
    """Write what our rooms log as warnings to stderr, as one-line messages."""
    import logging  # 3 ms, which --help and --version need not pay

    class ToOutput(logging.Handler):
        """Writes each record as `wikistd: warning: ...`."""

        def emit(self, record: logging.LogRecord) -> None:
            output.error("warning: " + record.getMessage())

    handler = ToOutput(logging.WARNING)
    logger = logging.getLogger(__name__.split(".")[0])
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
