"""`wikistd vendor`: the package copied into another project is checked there.

In: a folder with a note of version and hashes.  Out: a sentence on what was changed.
Holds: nothing.  Not here: copying it (copying.py), the one file (bundle.py).
"""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .sources import (
    ChangedCopy,
    age_sentence,
    content_hash,
)

#: The words before the note's hash of all else that it says.
NOTE_MARK = "sha256 of the version and of all else in this note: "

#: The note beside the copied modules.
VENDORED_NAME = "VENDORED"

#: What stands in the place of a hash.
A_LINK = "a link"
UNCHECKED_BYTECODE = "not checked by Python"

#: A line of the note's list.
_vendor_row = re.compile(r"([0-9a-f]{64})  (.*)\Z", re.S)
#: Where a file of the copy may lie: nowhere outside the folder.
_vendor_module = re.compile(r"(?:(?:[A-Za-z0-9_]+/)*[A-Za-z0-9_]+\.py|py\.typed)\Z")
#: What Python keeps in __pycache__, and imports for a source beside that folder only;
#: a name with one dot would be a module itself.
_vendor_kept = re.compile(r"(?:.*/)?__pycache__/[^/.]+\.[^/]+\.pyc\Z", re.S)


class VendorNote(NamedTuple):
    """What a note tells: the version, {path: hash}, whether its own hash fits."""

    version: str
    hashes: Dict[str, str]
    is_whole: bool


def read_note(folder: str) -> VendorNote:
    """Return what the note in `folder` tells.  ChangedCopy where there is none."""
    path = os.path.join(folder, VENDORED_NAME)
    if os.path.lexists(path) and not os.path.isfile(path):
        raise ChangedCopy("%s is no file" % path)  # to open a pipe is to wait
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise ChangedCopy(
            "%s holds no copy made by `wikistd vendor`" % folder
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ChangedCopy("%s: %s" % (path, error)) from error
    head, _, rest = text.partition(NOTE_MARK)
    total, _, rest = rest.partition("\n")
    lines = text.split("\n")
    words = lines[0].replace(",", " ").split()
    rows = [found for found in map(_vendor_row.match, lines) if found]
    hashes = {row.group(2): row.group(1) for row in rows}
    if len(words) < 2 or words[0] != "wikistd" or not hashes:
        raise ChangedCopy("%s is not a note of `wikistd vendor`" % path)
    for short in hashes:
        if not _vendor_module.match(short):
            raise ChangedCopy("%s names %r, which is no module of it" % (path, short))
    return VendorNote(words[1], hashes, total == content_hash(head + rest))


def files_below(folder: str, place: str = "") -> Iterator[Tuple[str, os.DirEntry[str]]]:
    """Yield (path with slashes, entry) of all that is no folder, links too.

    Names that begin with a dot are left out, which no import takes.
    """
    with os.scandir(os.path.join(folder, place)) as entries:
        for entry in entries:
            short = place + entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(folder, short + "/")
            else:
                yield short, entry


def file_state(short: str, entry: os.DirEntry[str]) -> Optional[str]:
    """Return a file's hash, or what it is instead; None where it does not matter.

    What Python keeps in __pycache__ does not, but for bytecode that it is told to run
    without a look at the source (PEP 552).
    """
    if entry.is_symlink():
        return A_LINK
    if not entry.is_file():
        return "a pipe or a device"
    with open(entry.path, "rb") as file:
        data = file.read()
    if _vendor_kept.match(short):
        return UNCHECKED_BYTECODE if data[4:8] == b"\x01\0\0\0" else None
    return content_hash(data.decode("utf-8", "surrogateescape"))


def local_changes(folder: str) -> List[str]:
    """Return what differs from the note in `folder`, one line each."""
    note = read_note(folder)
    found = {short: file_state(short, entry) for short, entry in files_below(folder)}
    if found.get(VENDORED_NAME) != A_LINK:
        found.pop(VENDORED_NAME, None)
    changes = [] if note.is_whole else ["changed: " + VENDORED_NAME]
    for short in sorted({*note.hashes, *found}):
        was, now = note.hashes.get(short), found.get(short)
        what = "changed" if was and now else "added" if now else "missing"
        if now in (A_LINK, UNCHECKED_BYTECODE):
            what = str(now)
        if was != now:
            changes.append("%s: %s" % (what, short))
    return changes


def check_vendored(folder: str) -> str:
    """Return a sentence on the copy in `folder`; ChangedCopy where it was changed."""
    version = read_note(folder).version
    age = age_sentence(os.path.join(folder, VENDORED_NAME), version)
    about = "wikistd %s (%s)" % (version, age)
    changes = local_changes(folder)
    if changes:
        raise ChangedCopy("%s was %s; %s" % (folder, about, ", ".join(changes)))
    return "%s is an unchanged copy of %s" % (folder, about)
