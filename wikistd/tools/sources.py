"""What this copy of wikistd is: one file or a package, where, of which version.

In: where this module lies.  Out: its own text, hashes and sentences on age.
Holds: nothing.  Not here: reading the package's sources (copying.py).
"""

from __future__ import annotations

import os
import re
import sys
from typing import Optional

#: First words of a file made by `bundle`; the version follows.
BUNDLE_MARK = "# wikistd in one file, version "

#: The line after BUNDLE_MARK: the SHA-256 of the version's line and of what follows.
HASH_MARK = "# sha256 of the version and of all that follows: "


class BundleError(ValueError):
    """The file cannot be built as asked for; the sentence says why."""


class ChangedCopy(BundleError):
    """A file or folder is no copy of wikistd, or was changed since it was made."""


def own_bundle_text() -> Optional[str]:
    """Return the text of the one file that this code runs from, None in a package."""
    text = ""
    try:
        text = globals()["__loader__"].get_source(__name__) or ""
    except (KeyError, AttributeError, ImportError, OSError):
        pass  # a pipe, or run as a script by a name that its loader does not know
    if not text and "__file__" in globals():
        try:
            with open(__file__, encoding="utf-8") as file:
                text = file.read()
        except OSError:
            return None
    # Line ends may have been translated on the way into an archive.
    return text.replace("\r\n", "\n") if text.startswith(BUNDLE_MARK) else None


def package_folder() -> str:
    """Return the folder of the package.  BundleError in a bundle, a zip or a pipe."""
    if "__file__" not in globals() or own_bundle_text() is not None:
        raise BundleError(
            "this wikistd is one file already and can only copy itself: to choose its"
            " parts, run this from the package (a clone, or `pip install`)"
        )
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not os.path.isfile(os.path.join(folder, "errors.py")):
        raise BundleError(
            "the sources of wikistd are not files here (%s): run this from an unpacked"
            " package" % folder
        )
    return folder


def content_hash(text: str) -> str:
    """Return the SHA-256 of `text` in hexadecimal, whatever its line ends."""
    import hashlib

    data = text.replace("\r\n", "\n").encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()


def hash_line(version: str, rest: str) -> str:
    """Return the second line of the file."""
    return HASH_MARK + content_hash(version + "\n" + rest)


def age_sentence(path: str, version: str) -> str:
    """Return how old the copy at `path` is, and its `version` beside ours."""
    import time

    days = int((time.time() - os.stat(path).st_mtime) // 86400)
    age = "written %d days ago" % days if days > 1 else "written a day ago"
    if days < 1:
        age = "written today"
    newest = package_version()
    if version == newest:
        return "the version that checked it, %s" % age
    numbers = [[int(n) for n in re.findall("[0-9]+", v)] for v in (version, newest)]
    word = "older" if numbers[0] < numbers[1] else "newer"
    return "%s than %s that checked it, %s" % (word, newest, age)


def package_version() -> str:
    """Return the version of the running copy."""
    top = sys.modules.get(__name__.rpartition(".tools.")[0] or __name__)
    return str(getattr(top, "__version__", globals().get("__version__", "unknown")))
