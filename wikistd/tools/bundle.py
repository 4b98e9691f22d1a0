"""`wikistd bundle`: the package as one file, a script with what it uses, or a check.

In: options and the package's sources.  Out: one file, the same bytes for the same
sources.  Holds: nothing.  Not here: joining modules (flatten.py), a user's script
(scripts.py), copying the folder (vendor.py).
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from typing import Any, Container, Dict, List, Optional, Sequence

from .flatten import Flat, FlatModule, check_parts, parse_modules
from .scripts import JobScript
from .sources import (
    BUNDLE_MARK,
    LICENSE_TEXT,
    BundleError,
    ChangedCopy,
    age_sentence,
    content_hash,
    own_bundle_text,
    package_version,
    read_package,
    version_in,
)
from .waiting import COMMANDS_CODE, waiting_head, waiting_parts

#: The line after BUNDLE_MARK: the SHA-256 of the version's line and of what follows.
HASH_MARK = "# sha256 of the version and of all that follows: "

#: Ends a file without a command line: as a script it would do nothing, silently.
NO_COMMANDS_CODE = """\
if __name__ == "__main__":
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


def hash_line(version: str, rest: str) -> str:
    """Return the second line of the file."""
    return HASH_MARK + content_hash(version + "\n" + rest)


def check_bundle(path: str) -> str:
    """Return a sentence on the bundle at `path`; ChangedCopy where it was changed."""
    with open(path, "rb") as file:
        # What is no UTF-8 stays what it is: it is hashed as other bytes were not.
        text = file.read().decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    first, _, rest = text.partition("\n")
    second, _, rest = rest.partition("\n")
    if not first.startswith(BUNDLE_MARK) or not second.startswith(HASH_MARK):
        raise ChangedCopy("%s was not made by `wikistd bundle`" % path)
    version = first[len(BUNDLE_MARK) :]
    if not re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", version):
        # Python may see more in this line than a comment: a line end, a coding.
        raise ChangedCopy("%s: its first line was changed" % path)
    age = age_sentence(path, version, package_version())
    if second != hash_line(version, rest):
        raise ChangedCopy(
            "%s was wikistd %s (%s), and was changed" % (path, version, age)
        )
    parts = rest.partition("`wikistd bundle`: ")[2].partition(".\n")[0]
    return "%s is an unchanged build of wikistd %s: %s; %s" % (
        (path, version, parts, age)
    )


def write_text(path: str, text: str) -> None:
    """Write `text` to `path`, - for standard output, line ends as they are."""
    data = text.encode("utf-8")
    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    # A reader sees the old file or the new one, never half of it.
    fresh = "%s.%d.new" % (path, os.getpid())
    try:
        with open(fresh, "wb") as file:
            file.write(data)
        os.replace(fresh, path)
    except OSError:
        if os.path.exists(fresh):
            os.unlink(fresh)
        raise


def run_bundle(given: Any) -> str:
    """Do what the parsed arguments say; return a sentence, or nothing.

    ChangedCopy where a check finds changes, BundleError where a file cannot be built,
    OSError where one cannot be read or written.
    """
    if given.check:
        return check_bundle(given.check)
    without = given.without.replace(",", " ").split()
    own = own_bundle_text()
    if own is not None and not without and not given.job:
        write_text(given.output, own)
        return ""
    job = None
    beside: List[str] = []
    if given.job:
        with open(given.job, "rb") as file:
            job = script_text(file.read(), given.job)
        if os.path.exists(given.output) and os.path.samefile(given.output, given.job):
            raise BundleError("-o %s is the script itself" % given.output)
        beside = modules_beside(given.job)
    if job is not None and without:
        raise BundleError("--with takes what the script uses: it needs no --without")
    files = read_package()
    check_parts(files, without)
    text = bundle_text(
        parse_modules(files),
        version_in(files),
        without=without,
        job=job,
        job_name=os.path.basename(given.job or ""),
        beside=beside,
    )
    write_text(given.output, text)
    return ""


def modules_beside(path: str) -> List[str]:
    """Return the names of the modules and packages in the folder of `path`."""
    with os.scandir(os.path.dirname(path) or ".") as entries:
        return [
            entry.name[:-3] if entry.name.endswith(".py") else entry.name
            for entry in entries
            if entry.name.endswith(".py") or entry.is_dir()
        ]


def script_text(data: bytes, name: str) -> str:
    """Return a script's text.  BundleError where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BundleError("%s is not UTF-8: %s" % (name, error)) from None
