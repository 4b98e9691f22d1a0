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

#: The note beside the copied modules.
VENDORED_NAME = "VENDORED"

#: What stands in the place of a hash.
A_LINK = "a link"
UNCHECKED_BYTECODE = "not checked by Python"

#: The line of the note with the hash of its list, and a line of that list.
_vendor_total = re.compile(
    r"sha256 of the version and of the list below: ([0-9a-f]{64})\Z"
)
_vendor_row = re.compile(r"([0-9a-f]{64})  (.*)\Z", re.S)
#: Where a module may lie: nowhere outside the folder.
_vendor_module = re.compile(r"(?:[A-Za-z0-9_]+/)*[A-Za-z0-9_]+\.py\Z")


class VendorNote(NamedTuple):
    """What a note tells: the version, {path: hash}, whether its own hash fits."""

    version: str
    hashes: Dict[str, str]
    is_whole: bool


def note_hash(version: str, rows: str) -> str:
    """Return the hash that the note tells of itself."""
    return content_hash(version + "\n" + rows)


def read_note(folder: str) -> VendorNote:
    """Return what the note in `folder` tells.  ChangedCopy where there is none."""
    path = os.path.join(folder, VENDORED_NAME)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except FileNotFoundError:
        raise ChangedCopy(
            "%s holds no copy made by `wikistd vendor`" % folder
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ChangedCopy("%s: %s" % (path, error)) from error
    words = lines[0].replace(",", " ").split()
    totals = [found.group(1) for found in map(_vendor_total.match, lines) if found]
    rows = [found for found in map(_vendor_row.match, lines) if found]
    hashes = {row.group(2): row.group(1) for row in rows}
    if len(words) < 2 or words[0] != "wikistd" or not hashes:
        raise ChangedCopy("%s is not a note of `wikistd vendor`" % path)
    for short in hashes:
        if not _vendor_module.match(short):
            raise ChangedCopy("%s names %r, which is no module of it" % (path, short))
    listed = "".join(row.group() + "\n" for row in rows)
    return VendorNote(words[1], hashes, totals == [note_hash(words[1], listed)])


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
    if short.rpartition("/")[0].endswith("__pycache__"):
        is_blind = short.endswith(".pyc") and data[4:8] == b"\x01\0\0\0"
        return UNCHECKED_BYTECODE if is_blind else None
    return content_hash(data.decode("utf-8", "surrogateescape"))


def local_changes(folder: str) -> List[str]:
    """Return what differs from the note in `folder`, one line each."""
    note = read_note(folder)
    found = {short: file_state(short, entry) for short, entry in files_below(folder)}
    for short in (VENDORED_NAME, "py.typed"):
        if found.get(short) != A_LINK:
            found.pop(short, None)
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
