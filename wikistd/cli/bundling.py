"""The commands bundle and vendor: the package as one file, or copied.

In: parsed arguments.  Out: files, or a sentence on one.  Holds: nothing.
Not here: what they do (tools/).
"""

from __future__ import annotations

from typing import Any, Callable

from ..web.useragent import WIKISTD_VERSION
from .options import check_place, describe_os_error, open_given
from .output import Output
from .registry import Command, UsageError


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
    from ..tools.bundle import check_bundle, write_text
    from ..tools.sources import own_bundle_text, package_folder

    if arguments.check:
        open_given("--check " + arguments.check, arguments.check).close()
        return _tell(check_bundle, output, arguments.check)
    # Looked at here: what fails later has the names of files that nobody gave.
    target = arguments.output
    if target != "-":
        check_place("-o", target)
    if arguments.job:
        open_given("--with " + arguments.job, arguments.job).close()
    text = None if arguments.without or arguments.job else own_bundle_text()
    try:
        if text is None:
            folder = package_folder()  # BundleError in the one file: it has no builder
            from ..tools.building import build_file

            text = build_file(arguments, folder)
        write_text(target, text)
    except OSError as error:
        raise UsageError("-o %s: %s" % (target, describe_os_error(error))) from None
    if target != "-":
        facts = (WIKISTD_VERSION, target, len(text.encode("utf-8")))
        output.note("wrote wikistd %s to %s, %d bytes" % facts)
    return 0


def _run_vendor(arguments: Any, output: Output) -> int:
    from ..tools.sources import package_folder
    from ..tools.vendor import check_vendored

    if not arguments.folder:
        raise UsageError("vendor needs the name of a folder")
    if arguments.check:
        return _tell(check_vendored, output, arguments.folder)
    source = package_folder()  # BundleError in the one file: it has no sources
    from ..tools.copying import vendor_package

    return _tell(vendor_package, output, arguments.folder, source, arguments.force)


def _tell(function: Callable[..., str], output: Output, *given: Any) -> int:
    """Write the sentence that `function` returns, or says of a changed copy."""
    from ..tools.sources import ChangedCopy

    try:
        output.text(function(*given))
    except ChangedCopy as error:
        output.error(str(error))
        return 1
    return 0


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
