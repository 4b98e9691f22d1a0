"""`wikistd bundle` and `wikistd vendor`: the command line's side of the tools.

Holds: nothing.  Not here: what they do (tools/bundle.py, tools/vendor.py).
"""

from __future__ import annotations

import os
from typing import Any

from ..web.useragent import WIKISTD_VERSION
from .options import check_place, describe_os_error, open_given
from .output import Output
from .registry import Command, UsageError


def _run_tool(run: Any, arguments: Any, output: Output) -> int:
    from ..tools.sources import ChangedCopy

    try:
        sentence = run(arguments)
    except ChangedCopy as error:
        output.error(str(error))
        return 1
    if sentence:
        output.text(sentence)
    return 0


def _add_bundle(parser: Any) -> None:
    parser.add_argument(
        "-o", dest="output", metavar="FILE", default="-", help="- is standard output"
    )
    parser.add_argument(
        "--without",
        metavar="PART,...",
        default="",
        help="leave out rooms (server, cli, compat, streams, tools) or modules"
        " (websocket, mastodon, batch, ...)",
    )
    parser.add_argument(
        "--with", dest="job", metavar="JOB.py", help="a script; what it uses goes in"
    )
    parser.add_argument(
        "--check", metavar="FILE", help="say whether FILE is an unchanged build"
    )


def _add_vendor(parser: Any) -> None:
    parser.add_argument("folder", metavar="DIR", help="what the copy becomes")
    parser.add_argument(
        "--check", action="store_true", help="tell version, age and local changes"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a copy that was changed by hand"
    )


def _run_bundle(arguments: Any, output: Output) -> int:
    from ..tools.bundle import run_bundle

    # Looked at here: what fails later has the names of files that nobody gave.
    target = arguments.output
    if target != "-":
        check_place("-o", target)
    for option, path in (("--check", arguments.check), ("--with", arguments.job)):
        if path:
            open_given("%s %s" % (option, path), path).close()
    try:
        code = _run_tool(run_bundle, arguments, output)
        if target != "-" and not arguments.check:
            facts = (WIKISTD_VERSION, target, os.path.getsize(target))
            output.note("wrote wikistd %s to %s, %d bytes" % facts)
    except OSError as error:
        raise UsageError("-o %s: %s" % (target, describe_os_error(error))) from None
    return code


def _run_vendor(arguments: Any, output: Output) -> int:
    from ..tools.vendor import run_vendor

    return _run_tool(run_vendor, arguments, output)


BUNDLE_COMMAND = Command(
    "bundle",
    "write the package, or a script and what it uses of it, as one file",
    "wikistd bundle -o wikistd.py --without server,cli",
    _add_bundle,
    _run_bundle,
)
VENDOR_COMMAND = Command(
    "vendor",
    "copy the package into another project, or check such a copy",
    "wikistd vendor app/_vendor/wiki",
    _add_vendor,
    _run_vendor,
)
