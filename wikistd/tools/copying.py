"""The package's own sources: read, and copied into another project.

In: the package's folder.  Out: paths and texts; a folder with the modules and a note of
version and hashes.  Holds: nothing.  Not here: checking such a folder (vendor.py).  The
one file has no sources to read, and does not hold this.
"""

from __future__ import annotations

import keyword
import os
from typing import Dict

from .bundle import replace_file
from .sources import BundleError, content_hash
from .vendor import (
    A_LINK,
    NOTE_MARK,
    VENDORED_NAME,
    files_below,
    local_changes,
    read_note,
)

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


def read_package(folder: str) -> Dict[str, str]:
    """Return {path below the package, with slashes: text}, sorted by path."""
    texts = {}
    for short, entry in sorted(files_below(folder)):
        if short.endswith(".py"):
            with open(entry.path, encoding="utf-8", newline=None) as file:
                texts[short] = file.read()
    return texts


def version_in(texts: Dict[str, str]) -> str:
    """Return `__version__` as the package's sources state it."""
    for line in texts["__init__.py"].splitlines():
        if line.startswith("__version__ ="):
            return line.split("=", 1)[1].strip().strip("\"'")
    raise BundleError("wikistd/__init__.py states no __version__")


def vendored_note(texts: Dict[str, str]) -> str:
    """Return the text of the note: version, hash of the whole, hash of each file."""
    head = "wikistd %s, copied by `python3 -m wikistd vendor`.\n" % version_in(texts)
    rows = "".join(
        "%s  %s\n" % (content_hash(text), short) for short, text in texts.items()
    )
    rest = "Check this copy: python3 -m wikistd vendor --check FOLDER\n\n%s\n%s"
    rest %= (LICENSE_TEXT, rows)
    return "%s%s%s\n%s" % (head, NOTE_MARK, content_hash(head + rest), rest)


def vendor_package(folder: str, source: str, is_forced: bool) -> str:
    """Copy the package in `source` into `folder`; return a sentence.

    A copy that is there already is replaced.  BundleError where `folder` holds
    something else, no import can name it, or changes in it would be lost; these go if
    `is_forced`.
    """
    texts = read_package(source)
    place = os.path.abspath(folder)
    name = os.path.basename(place)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BundleError("%s: no import statement can name %r" % (folder, name))
    if os.path.islink(place):
        raise BundleError("%s is a link: name the folder that it points to" % folder)
    is_copy = os.path.exists(os.path.join(folder, VENDORED_NAME))
    if not is_copy and os.path.isdir(folder):
        if any(not entry.startswith(".") for entry in os.listdir(folder)):
            raise BundleError("%s is not empty: name a folder for the package" % folder)
    changes = local_changes(folder) if is_copy else []
    links = [change for change in changes if change.startswith(A_LINK)]
    if links:
        # Replacing what lies behind one would change something outside the folder.
        raise BundleError("%s: remove first %s" % (folder, ", ".join(links)))
    is_cut_short = all(change.startswith("missing") for change in changes)
    if changes and is_cut_short and not is_forced:
        raise BundleError(
            "%s is not complete, %d of its files are missing: --force copies all"
            % (folder, len(changes))
        )
    if changes and not is_forced:
        raise BundleError(
            "%s was changed by hand (%s): --force replaces it"
            % (folder, ", ".join(changes))
        )
    made = dict(texts, **{"py.typed": ""})
    gone = set(read_note(folder).hashes).difference(made) if is_copy else ()
    for path in [os.path.join(folder, *short.split("/")) for short in gone]:
        if os.path.exists(path):
            os.unlink(path)
    # The note comes first: a copy that was cut short is known as one by it.
    for short, text in {VENDORED_NAME: vendored_note(made), **made}.items():
        path = os.path.join(folder, *short.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # Not into the file that is there: it may have a second name elsewhere.
        replace_file(path, text.encode("utf-8"))
    version = version_in(texts)
    done = "copied wikistd %s to %s, %d modules" % (version, folder, len(texts))
    left = local_changes(folder)
    return done + ("; left there: " + ", ".join(left) if left else "")
