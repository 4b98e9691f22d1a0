"""serve: keep the embedded wiki up until Ctrl-C.

In: where to listen, which file.  Out: addresses and accounts.  Holds: the server.
Not here: the wiki itself (server room).
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

from .options import PASSWORD_VARIABLE
from .output import Output
from .registry import Command, UsageError

if TYPE_CHECKING:
    from ..server.serving import WikiServer

_serve_main_page = """This wiki lives in one sqlite3 file and one Python process.

* [[Special:AllPages|All pages]], [[Special:RecentChanges|recent changes]]
* The API is at ''/w/api.php''.
* The stream of changes is at ''/v2/stream/recentchange''.
"""


def _add_serve_arguments(parser: Any) -> None:
    parser.add_argument(
        "--bind", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name to answer to besides this machine's own, such as that of a proxy "
        "in front; may be repeated; bound to 127.0.0.1 others get 403",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="default: any free one"
    )
    parser.add_argument(
        "--db", metavar="FILE", help="keep the wiki in this sqlite3 file"
    )
    parser.add_argument(
        "--user",
        default="Demo",
        metavar="NAME",
        help="the account, default: Demo; where %s is set, that becomes its password "
        "and its bot's, else a new account's are told once" % PASSWORD_VARIABLE,
    )
    parser.add_argument(
        "--new-password",
        action="store_true",
        help="give the account and its bot new passwords, and tell them",
    )


def run_serve_command(arguments: Any, output: Output) -> int:
    """Serve until Ctrl-C."""
    from ..server.serving import serve_wiki  # the largest room: only who serves waits

    if not 0 <= arguments.port <= 65535:
        raise UsageError("--port must be 0 to 65535, not %d" % arguments.port)
    if arguments.db == "":
        raise UsageError("--db needs the name of a file")
    given = password = bot_password = os.environ.get(PASSWORD_VARIABLE) or None
    if arguments.new_password:
        if given:
            raise UsageError(
                "--new-password makes one up, and %s is set too: leave out one of them"
                % PASSWORD_VARIABLE
            )
        password, bot_password = secrets.token_urlsafe(12), secrets.token_hex(16)
    with serve_wiki(
        arguments.db or ":memory:",
        host=arguments.bind,
        port=arguments.port,
        user=arguments.user,
        password=password,
        bot_password=bot_password,
        allowed_hosts=arguments.allow_host,
    ) as wiki:
        if wiki.store.find_page("Main Page") is None:
            wiki.store.save_page("Main Page", _serve_main_page, user=arguments.user)
        _announce(wiki, output, given=given is not None)
        wiki.server.serve_forever()
    return 0


def _announce(wiki: WikiServer, output: Output, *, given: bool) -> None:
    from ..server.serving import is_loopback

    facts = {
        "url": wiki.url,
        "api": wiki.url + "/w/api.php",
        "stream": wiki.url + "/v2/stream/recentchange",
        "user": wiki.user,
        "bot_user": wiki.bot_user,
    }
    if not given and wiki.bot_password:
        # Made a moment ago, for this wiki only: nobody else could tell it.
        facts["password"] = wiki.password
        facts["bot_password"] = wiki.bot_password
    if not output.is_terminal:
        output.record(facts)
    output.note("serving %s/ (Ctrl-C ends it)" % wiki.url)
    if "bot_password" in facts:
        output.note("log in as %s with %s" % (wiki.bot_user, wiki.bot_password))
    elif given:
        output.note(
            "the password of %s and %s is now the one in %s"
            % (wiki.user, wiki.bot_user, PASSWORD_VARIABLE)
        )
    else:
        output.note(
            "log in as %s with the password it has (lost? --new-password makes one)"
            % wiki.bot_user
        )
    if not is_loopback(wiki.host):
        output.note("everybody who reaches %s can read and edit it" % wiki.host)


SERVE_COMMAND = Command(
    "serve",
    "keep the embedded wiki up on a port",
    "wikistd serve --port 8080 --db wiki.sqlite",
    _add_serve_arguments,
    run_serve_command,
)
