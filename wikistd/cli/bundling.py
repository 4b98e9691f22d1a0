"""`wikistd bundle` and `wikistd vendor`: the command line's side of the tools.

Holds: nothing.  Not here: what they do (tools/bundle.py, tools/vendor.py).
"""

from __future__ import annotations

import os
from typing import Any

from ..tools.bundle import add_bundle_arguments, run_bundle
from ..tools.sources import ChangedCopy
from ..tools.vendor import add_vendor_arguments, run_vendor
from ..web.useragent import WIKISTD_VERSION
from .options import check_place, describe_os_error, open_given
from .output import Output
from .registry import Command, UsageError


def _run_tool(run: Any, arguments: Any, output: Output) -> int:
    try:
        sentence = run(arguments)
    except ChangedCopy as error:
        output.error(str(error))
        return 1
    if sentence:
        output.text(sentence)
    return 0


def _add_bundle(parser: Any) -> None:
    try:
        add_bundle_arguments(parser)
    except ImportError:  # in a file without the tools: running the command says so
        parser.add_argument("anything", nargs="*")


def _add_vendor(parser: Any) -> None:
    try:
        add_vendor_arguments(parser)
    except ImportError:
        parser.add_argument("anything", nargs="*")


def _run_bundle(arguments: Any, output: Output) -> int:
    # Looked at here: what fails later has the names of files that nobody gave.
    target = getattr(arguments, "output", "-")
    if target != "-":
        check_place("-o", target)
    for option, name in (("--check", "check"), ("--with", "job")):
        path = getattr(arguments, name, None)
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
