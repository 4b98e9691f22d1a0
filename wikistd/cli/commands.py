"""The commands that talk to a wiki: login, get, post, download.

In: parsed arguments.  Out: JSON Lines and exit codes.  Holds: nothing.
Not here: the arguments that they share (options.py), stream (streaming.py),
serve (serve.py).
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Dict, Tuple

from ..errors import ProtocolError
from ..wiki.download import download_file
from .options import (
    add_login_arguments,
    add_network_arguments,
    check_place,
    cli_session,
    open_given,
    read_parameters,
)
from .output import Output
from .registry import Command, UsageError, add_options


def _add_api_arguments(parser: Any) -> None:
    parser.add_argument(
        "host", metavar="HOST", help="the wiki, with scheme: https://en.wikipedia.org"
    )
    add_options(parser, ("--api-path", "PATH", "default: /w/api.php"))
    add_login_arguments(parser)
    add_network_arguments(parser)


def _add_post_arguments(parser: Any) -> None:
    _add_call_arguments(parser, "; field@path sends a file")


def _add_call_arguments(parser: Any, more_help: str = "") -> None:
    _add_api_arguments(parser)
    parser.add_argument(
        "parameters",
        metavar="key=value",
        nargs="*",
        help="a parameter of the API; twice the same key is a list; - is stdin"
        + more_help,
    )
    parser.set_defaults(more_arguments="parameters")
    parser.add_argument(
        "--formatversion", type=int, default=2, choices=(1, 2), help="default: 2"
    )
    parser.add_argument(
        "--continue",
        dest="continuation",
        action="store_true",
        help="go on while the wiki has more: a line for each reply",
    )


def run_login_command(arguments: Any, output: Output) -> int:
    """Log in, and say as whom."""
    if not arguments.user:
        raise UsageError("login needs --user NAME")
    with cli_session(arguments, output, formatversion=2) as session:
        reply = session.get(action="query", meta="userinfo", uiprop=["groups"])
        found = reply["query"]["userinfo"]
        output.record(
            {
                "host": session.host,
                "user": found["name"],
                "id": found["id"],
                "groups": found.get("groups", []),
            }
        )
        if not arguments.cookies:
            session.logout()
    return 0


def run_get_command(arguments: Any, output: Output) -> int:
    """Ask the API by GET."""
    params, files = read_parameters(arguments.parameters)
    if files:
        raise UsageError("get sends no files: use post")
    return _run_call("GET", arguments, output, params, {})


def run_post_command(arguments: Any, output: Output) -> int:
    """Ask the API by POST, with files where some are named."""
    params, named = read_parameters(arguments.parameters)
    with contextlib.ExitStack() as stack:
        files: Dict[str, Tuple[str, Any]] = {}
        for field, path in named:
            source = stack.enter_context(open_given("%s@%s" % (field, path), path))
            files[field] = (os.path.basename(path), source)
        return _run_call("POST", arguments, output, params, files)


def _add_download_arguments(parser: Any) -> None:
    _add_api_arguments(parser)
    parser.add_argument("title", metavar="TITLE", help="a file, File: or not")
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="default: its name, here; until all is there it lies in FILE.part, and "
        "the same command goes on from there",
    )


def run_download_command(arguments: Any, output: Output) -> int:
    """Download the newest version of a file, and compare its SHA-1."""
    name = arguments.title.rpartition(":")[2].strip().replace(" ", "_")
    path = name if arguments.output is None else arguments.output
    check_place("-o", path)
    with cli_session(arguments, output) as session:
        result = download_file(
            session, arguments.title, path, on_progress=DownloadProgress(output)
        )
        output.record({"path": path, "bytes": result.size, "sha1": result.sha1})
    return 0


class DownloadProgress:
    """Tells on a terminal, once a second, how much has come."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Take what download_file tells."""
        if time.monotonic() - self.last >= 1:
            self.last = time.monotonic()
            self.output.progress("%d of %d bytes" % (done, total))


def _run_call(
    method: str,
    arguments: Any,
    output: Output,
    params: Dict[str, Any],
    files: Dict[str, Tuple[str, Any]],
) -> int:
    if "action" not in params:
        raise UsageError(
            "which action? give action=query, for example, or action=help to read"
        )
    if params.get("format", "json") != "json":
        raise UsageError("replies are written as JSON: leave out format=")
    version = arguments.formatversion
    with cli_session(arguments, output, formatversion=version) as session:
        documents = session.request(
            method, params, files=files, continuation=arguments.continuation
        )
        for document in documents if arguments.continuation else [documents]:
            if not isinstance(document, dict):
                raise ProtocolError(
                    "expected a JSON object from the API, got a %s: is it an API of "
                    "MediaWiki?" % type(document).__name__
                )
            output.record(document)
    return 0


LOGIN_COMMAND = Command(
    "login",
    "log in to a wiki, and say as whom",
    "WIKISTD_PASSWORD=... wikistd login https://test.wikipedia.org"
    " --user Example@bot --cookies test.cookies",
    _add_api_arguments,
    run_login_command,
)
GET_COMMAND = Command(
    "get",
    "ask a wiki's API by GET, and write its reply as JSON",
    "wikistd get https://en.wikipedia.org action=query titles=Earth prop=info",
    _add_call_arguments,
    run_get_command,
)
POST_COMMAND = Command(
    "post",
    "send to a wiki's API by POST; field@path sends a file",
    "wikistd post https://test.wikipedia.org --user Example@bot"
    " action=edit title=Sandbox appendtext=- < text.txt\n"
    "         wikistd post https://test.wikipedia.org --user Example@bot"
    " action=upload filename=Sun.png file@sun.png",
    _add_post_arguments,
    run_post_command,
)
DOWNLOAD_COMMAND = Command(
    "download",
    "download a file of a wiki",
    'wikistd download https://commons.wikimedia.org "File:Example.jpg" -o example.jpg',
    _add_download_arguments,
    run_download_command,
)
