"""The one file as it lies there: checked, or written.

In: a path.  Out: a sentence on the file, or the file.  Holds: nothing.
Not here: making it of the package (building.py), the copied folder (vendor.py).
"""

from __future__ import annotations

import os
import re
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
