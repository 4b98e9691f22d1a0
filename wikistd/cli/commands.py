"""The commands that talk to a wiki: login, get, post, stream.

In: parsed arguments.  Out: JSON Lines and exit codes.  Holds: nothing.
Not here: the arguments that they share (options.py), demo (demo.py), serve (serve.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Dict, Tuple

from ..streams.eventstreams import EventStreams
from .options import (
    add_login_arguments,
    add_network_arguments,
    end_debug,
    make_cli_client,
    open_session,
    read_parameters,
)
from .output import Output
from .registry import Command, UsageError

#: A stream's first connection is made within this time, or the command fails.
FIRST_CONNECTION_SECONDS = 10.0

_host_help = "the wiki, with scheme: https://en.wikipedia.org"


def _add_api_arguments(parser: Any) -> None:
    parser.add_argument("host", metavar="HOST", help=_host_help)
    parser.add_argument("--api-path", metavar="PATH", help="default: /w/api.php")
    add_login_arguments(parser)
    add_network_arguments(parser)


def _add_call_arguments(parser: Any) -> None:
    _add_api_arguments(parser)
    parser.add_argument(
        "parameters",
        metavar="key=value",
        nargs="*",
        help="a parameter of the API; twice the same key is a list; - is stdin",
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
    client = make_cli_client(arguments, output)
    try:
        session = open_session(arguments, output, client, formatversion=2)
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
    finally:
        end_debug(arguments, output, client, arguments.host)


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
            source = stack.enter_context(open(path, "rb"))
            files[field] = (os.path.basename(path), source)
        return _run_call("POST", arguments, output, params, files)


def _run_call(
    method: str,
    arguments: Any,
    output: Output,
    params: Dict[str, Any],
    files: Dict[str, Tuple[str, Any]],
) -> int:
    client = make_cli_client(arguments, output)
    try:
        session = open_session(
            arguments, output, client, formatversion=arguments.formatversion
        )
        if arguments.continuation:
            for document in session.request(
                method, params, files=files or None, continuation=True
            ):
                output.record(document)
        else:
            output.record(session.request(method, params, files=files or None))
        return 0
    finally:
        end_debug(arguments, output, client, arguments.host)


def _add_stream_arguments(parser: Any) -> None:
    parser.add_argument(
        "streams",
        metavar="STREAM",
        nargs="*",
        default=["recentchange"],
        help="names of streams, default: recentchange",
    )
    parser.add_argument(
        "--host", metavar="HOST", help="a wiki or stream server, default: Wikimedia's"
    )
    parser.add_argument("--url", help="the whole address of a stream instead")
    parser.add_argument(
        "--since", metavar="TIME", help="ISO 8601 or milliseconds: begin in the past"
    )
    for name, words in (
        ("filter", "let through only events whose KEY is VALUE; all must match"),
        ("any", "one of these must match"),
        ("none", "none of these may match"),
    ):
        parser.add_argument(
            "--" + name, action="append", default=[], metavar="KEY=VALUE", help=words
        )
    parser.add_argument("--count", type=int, metavar="N", help="end after N events")
    parser.add_argument("--canary", action="store_true", help="show canary events too")
    parser.add_argument(
        "--checkpoint", metavar="FILE", help="go on where the last run stopped"
    )
    add_network_arguments(parser)


class FirstConnection:
    """Ends a stream that never began; later breaks are mended."""

    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        self.was_open = False

    def opened(self, response: Any) -> None:
        """Note that the stream began."""
        self.was_open = True

    def failed(self, error: BaseException) -> None:
        """Raise the error of an attempt, if it is the first connection's last."""
        if not self.was_open and time.monotonic() >= self.ends_at:
            raise error


def run_stream_command(arguments: Any, output: Output) -> int:
    """Write events as they come, one JSON document a line."""
    client = make_cli_client(arguments, output)
    options: Dict[str, Any] = {"client": client, "canary": arguments.canary}
    if arguments.url:
        options["url"] = arguments.url
    else:
        options["streams"] = arguments.streams
        options["site"] = arguments.host
    if arguments.since:
        since = arguments.since
        options["since"] = int(since) if since.isdigit() else since
    if arguments.checkpoint:
        options["checkpoint"] = arguments.checkpoint
    first = FirstConnection(min(arguments.max_wait, FIRST_CONNECTION_SECONDS))
    options.update(on_open=first.opened, on_error=first.failed)
    try:
        with EventStreams(**options) as stream:
            for kind in ("filter", "any", "none"):
                for item in getattr(arguments, kind):
                    key, value = _read_filter(item)
                    ftype = "all" if kind == "filter" else kind
                    stream.register_filter(ftype=ftype, **{key: value})
            stream.set_maximum_items(arguments.count)
            for event in stream:
                output.record(event)
        return 0
    finally:
        end_debug(arguments, output, client, arguments.url or arguments.host)


def _read_filter(item: str) -> Tuple[str, Any]:
    """Return key and value of KEY=VALUE; true, false, null and numbers are meant."""
    key, is_pair, text = item.partition("=")
    if not is_pair or not key:
        raise UsageError("%r is not KEY=VALUE" % item)
    if text in ("true", "false", "null") or text.lstrip("-").isdigit():
        return key, json.loads(text)
    return key, text


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
    " action=edit title=Sandbox appendtext=- < text.txt",
    _add_call_arguments,
    run_post_command,
)
STREAM_COMMAND = Command(
    "stream",
    "write events of EventStreams as they happen, a JSON document a line",
    "wikistd stream --filter wiki=dewiki --filter type=edit --count 5",
    _add_stream_arguments,
    run_stream_command,
)
