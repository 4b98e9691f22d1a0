"""The one file as it lies there: checked, or written.

In: a path.  Out: a sentence on the file, or the file.  Holds: nothing.
Not here: making it of the package (building.py), the copied folder (vendor.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys

from .sources import (
    BUNDLE_MARK,
    HASH_MARK,
    ChangedCopy,
    age_sentence,
    hash_line,
)


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
    age = age_sentence(path, version)
    if second != hash_line(version, rest):
        raise ChangedCopy(
            "%s was wikistd %s (%s), and was changed" % (path, version, age)
        )
    parts = rest.partition("`wikistd bundle`: ")[2].partition(".\n")[0]
    return "%s is an unchanged build of wikistd %s: %s; %s" % (
        (path, version, parts, age)
    )


def write_text(path: str, text: str) -> None:
    """Write `text` to `path`, - for standard output, line ends as they are.

    What a link points to is replaced, not the link.  A device or a pipe is written to.
    """
    data = text.encode("utf-8")
    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        is_file = True  # it becomes one
    if is_file:
        replace_file(os.path.realpath(path), data)
        return
    with open(path, "wb") as file:
        file.write(data)


def replace_file(path: str, data: bytes) -> None:
    """Write a file as a whole; one that is there gives way, and keeps its mode.

    A reader sees the old file or the new one, never half of it.  No link is followed.
    """
    name = ".wikistd.%s.new" % os.urandom(8).hex()
    fresh = os.path.join(os.path.dirname(path), name)
    try:
        # "x": never into what somebody else put there.
        with open(fresh, "xb") as file:
            if os.path.exists(path):
                os.chmod(fresh, os.stat(path).st_mode & 0o777)
            file.write(data)
        os.replace(fresh, path)
    except OSError as error:
        error.filename = path  # nobody knows the name that it had on the way
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
