"""The package's own sources: in, where this module lies; out, paths and texts.

Spec: the rule of one file (docs/design.rst).  Holds: nothing.  Not here: joining them
(flatten.py).
"""

from __future__ import annotations

import os
import sys
from typing import Dict, Optional, Tuple

#: First words of a file made by `bundle`; the version follows.
BUNDLE_MARK = "# wikistd in one file, version "

#: The line after BUNDLE_MARK: the SHA-256 of the version's line and of what follows.
HASH_MARK = "# sha256 of the version and of all that follows: "

#: The file LICENSE of the repository, which an installed package does not lie beside.
LICENSE_TEXT = """\
BSD Zero Clause License

Copyright (c) 2026 the wikistd authors

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
"""


class BundleError(ValueError):
    """The file cannot be built as asked for; the sentence says why."""


class ChangedCopy(BundleError):
    """A file or folder is no copy of wikistd, or was changed since it was made."""


def own_bundle_text() -> Optional[str]:
    """Return the text of the one file that this code runs from, None in a package."""
    text: Optional[str] = None
    loader = globals().get("__loader__")
    if loader is not None and hasattr(loader, "get_source"):
        try:
            text = loader.get_source(__name__)
        except (ImportError, OSError):
            text = None  # run as a script by a name that its loader does not know
    if text is None and "__file__" in globals():
        try:
            with open(__file__, encoding="utf-8") as file:
                text = file.read()
        except OSError:
            return None
    # Line ends may have been translated on the way into an archive.
    if text is not None and text.startswith(BUNDLE_MARK):
        return text.replace("\r\n", "\n")
    return None


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


def read_package(folder: Optional[str] = None) -> Dict[str, str]:
    """Return {path below the package, with slashes: text}, sorted by path."""
    folder = folder or package_folder()
    texts = {}
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(top, name)
                short = os.path.relpath(path, folder).replace(os.sep, "/")
                with open(path, encoding="utf-8", newline=None) as file:
                    texts[short] = file.read()
    return dict(sorted(texts.items()))


def version_in(texts: Dict[str, str]) -> str:
    """Return `__version__` as the package's sources state it."""
    for line in texts["__init__.py"].splitlines():
        if line.startswith("__version__ ="):
            return line.split("=", 1)[1].strip().strip("\"'")
    raise BundleError("wikistd/__init__.py states no __version__")


def content_hash(text: str) -> str:
    """Return the SHA-256 of `text` in hexadecimal, whatever its line ends."""
    import hashlib

    data = text.replace("\r\n", "\n").encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()


def hash_line(version: str, rest: str) -> str:
    """Return the second line of the file."""
    return HASH_MARK + content_hash(version + "\n" + rest)


def version_order(text: str) -> Tuple[int, ...]:
    """Return what to sort versions by: the numbers in it."""
    digits = "".join(char if char.isdigit() else " " for char in text)
    return tuple(int(part) for part in digits.split())


def age_sentence(path: str, version: str, newest: str) -> str:
    """Return how `version`, copied to `path`, relates to `newest`, and its age."""
    import time

    days = int((time.time() - os.stat(path).st_mtime) // 86400)
    age = "written today" if days < 1 else "written %d day%s ago" % (
        days, "" if days == 1 else "s"
    )
    if version == newest:
        return "the version that checked it, %s" % age
    word = "older" if version_order(version) < version_order(newest) else "newer"
    return "%s than %s that checked it, %s" % (word, newest, age)


def package_version() -> str:
    """Return the version of the running copy."""
    top = sys.modules.get(__name__.rpartition(".tools.")[0] or __name__)
    return str(getattr(top, "__version__", globals().get("__version__", "unknown")))
