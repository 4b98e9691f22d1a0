"""One file made of the package, or of a script and what it uses.

In: the package's sources.  Out: a text, the same bytes for the same sources.
Holds: nothing.  Not here: joining modules (flatten.py), what waits in the file
(waiting.py), a user's script (scripts.py).  The one file itself has no use for these.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Container, Dict, List, Optional, Sequence

from .copying import LICENSE_TEXT, read_package, version_in
from .flatten import Flat, FlatModule, find_parts, parse_modules
from .scripts import JobScript
from .sources import BUNDLE_MARK, BundleError, hash_line
from .waiting import COMMANDS_CODE, waiting_head, waiting_parts

#: Ends a file without a command line: as a script it would do nothing, silently.
NO_COMMANDS_CODE = """\
if __name__ == "__main__" and not PARTS_ARE_TEXT:
    sys.stderr.write(
        "wikistd: the command line is not in this file, which was built without %r:"
        " build it again without leaving that out (python3 -m wikistd bundle)\\n"
    )
    sys.exit(2)
"""


def bundle_text(
    modules: Dict[str, FlatModule],
    version: str,
    *,
    without: Sequence[str] = (),
    job: Optional[str] = None,
    job_name: str = "job.py",
    beside: Container[str] = (),
) -> str:
    """Return the one file made of the package's parsed modules.

    `without` names parts to leave out; with `job`, a script's text, only what the
    script uses goes in, and the script follows.  BundleError says what clashes, or
    which of the modules `beside` the script it needs; a warning, what else it needs.
    """
    script = JobScript(job, job_name, beside) if job is not None else None
    only = script.uses(modules) if script else None
    for sentence in script.warnings if script else ():
        warnings.warn(sentence, stacklevel=2)
    flat = Flat(modules, without=without, only=only)
    docstring = script.docstring if script else '"""%s\n"""' % flat.docstring
    lines = [docstring, "", "from __future__ import annotations", ""]
    if script is None:
        lines += [waiting_head(flat, version), "", waiting_parts(flat)]
    else:
        # Nobody would ask for names there: all of it is defined at once.
        lines += ['__version__ = "%s"' % version, "", "", flat.body()]
    if script is not None:
        lines += ["", script.after(flat)]
    elif "cli/main" in flat.order:
        lines += ["", COMMANDS_CODE]
    elif without:
        part = "cli" if "cli" in without else ", ".join(without)
        lines += ["", NO_COMMANDS_CODE % part]
    return with_head("\n".join(lines), version, list(without), script)


def with_head(
    body: str, version: str, without: List[str], script: Optional[JobScript]
) -> str:
    """Return the file: its head with version and hash, the licence, the body."""
    what = "all of it"
    if without:
        what = "without " + ", ".join(sorted(without))
    if script is not None:
        what = "what %s uses, and that script" % script.name
    body = body.rstrip("\n") + "\n"
    notes = (
        "#\n"
        "# Made by `wikistd bundle`: %s.\n"
        "# Change the package, not this file: `wikistd bundle --check` tells.\n"
        "#\n" % what
    )
    licence = "".join(
        ("# " + line).rstrip() + "\n" for line in LICENSE_TEXT.splitlines()
    )
    rest = notes + licence + "\n" + body
    return BUNDLE_MARK + version + "\n" + hash_line(version, rest) + "\n" + rest


def build_file(given: Any, folder: str) -> str:
    """Return the file that the parsed arguments ask for, of the package in `folder`."""
    without = given.without.replace(",", " ").split()
    job = None
    beside: List[str] = []
    if given.job:
        if without:
            raise BundleError(
                "--with takes what the script uses: it needs no --without"
            )
        if os.path.exists(given.output) and os.path.samefile(given.output, given.job):
            raise BundleError("-o %s is the script itself" % given.output)
        with open(given.job, "rb") as file:
            job = script_text(file.read(), given.job)
        beside = modules_beside(given.job)
    files = read_package(folder)
    find_parts([short[: -len(".py")] for short in files], without)
    return bundle_text(
        parse_modules(files),
        version_in(files),
        without=without,
        job=job,
        job_name=os.path.basename(given.job or ""),
        beside=beside,
    )


def modules_beside(path: str) -> List[str]:
    """Return the names of the modules and packages in the folder of `path`."""
    with os.scandir(os.path.dirname(path) or ".") as entries:
        return [
            entry.name[:-3] if entry.name.endswith(".py") else entry.name
            for entry in entries
            if entry.name.endswith(".py") or entry.is_dir()
        ]


def script_text(data: bytes, name: str) -> str:
    """Return a script's text.  BundleError where it is not UTF-8, nor as it says."""
    import importlib.util

    try:
        return importlib.util.decode_source(data)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise BundleError("%s is not UTF-8: %s" % (name, error)) from None
