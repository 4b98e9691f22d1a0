"""`wikistd vendor`: the package copied into another project, and checked there.

In: a folder.  Out: the modules in it and a note of version and hash, or a sentence on
what was changed since.  Holds: nothing.  Not here: the one file (bundle.py).
"""

from __future__ import annotations

import keyword
import os
import re
from typing import Any, Dict, List, NamedTuple, Tuple

from .sources import (
    LICENSE_TEXT,
    BundleError,
    ChangedCopy,
    age_sentence,
    content_hash,
    package_version,
    read_package,
    version_in,
)

#: The note beside the copied modules.
VENDORED_NAME = "VENDORED"

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


def folder_hashes(texts: Dict[str, str]) -> List[str]:
    """Return one line `hash  path` for each module."""
    return ["%s  %s" % (content_hash(text), short) for short, text in texts.items()]


def vendored_note(texts: Dict[str, str]) -> str:
    """Return the text of the note: version, hash of the whole, hash of each file."""
    version, rows = version_in(texts), "\n".join(folder_hashes(texts)) + "\n"
    return (
        "wikistd %s, copied by `python3 -m wikistd vendor`.\n"
        "sha256 of the version and of the list below: %s\n"
        "Check this copy: python3 -m wikistd vendor --check FOLDER\n"
        "\n%s\n%s" % (version, note_hash(version, rows), LICENSE_TEXT, rows)
    )


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


def folder_files(folder: str) -> Tuple[Dict[str, str], List[str], List[str]]:
    """Return {path: hash} of the files in a copy, its links, its blind bytecode.

    Names that begin with a dot are left out, which no import takes; and what Python
    keeps in __pycache__, but for bytecode that it is told to run without a look at the
    source.
    """
    hashes: Dict[str, str] = {}
    links, blind = [], []
    waiting = [""]
    while waiting:
        place = waiting.pop()
        with os.scandir(os.path.join(folder, place)) as entries:
            for entry in entries:
                short = place + entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    links.append(short)
                elif entry.is_dir():
                    waiting.append(short + "/")
                elif not entry.is_file():
                    hashes[short] = ""  # a pipe or a device
                elif place.endswith("__pycache__/"):
                    if entry.name.endswith(".pyc") and is_blind_bytecode(entry.path):
                        blind.append(short)
                else:
                    with open(entry.path, "rb") as file:
                        text = file.read().decode("utf-8", "surrogateescape")
                    hashes[short] = content_hash(text)
    return hashes, links, blind


def is_blind_bytecode(path: str) -> bool:
    """Whether Python runs this .pyc whatever its source says (PEP 552)."""
    with open(path, "rb") as file:
        return file.read(8)[4:] == b"\x01\0\0\0"


def local_changes(folder: str) -> List[str]:
    """Return what differs from the note in `folder`, one line each."""
    note = read_note(folder)
    found, links, blind = folder_files(folder)
    changes = [] if note.is_whole else ["changed: " + VENDORED_NAME]
    for short in (VENDORED_NAME, "py.typed"):
        found.pop(short, None)
    for short in sorted({*note.hashes, *found, *links, *blind}):
        if short in links:
            changes.append("a link: " + short)
        elif short in blind:
            changes.append("not checked by Python: " + short)
        elif short not in found:
            changes.append("missing: " + short)
        elif short not in note.hashes:
            changes.append("added: " + short)
        elif note.hashes[short] != found[short]:
            changes.append("changed: " + short)
    return changes


def check_vendored(folder: str) -> str:
    """Return a sentence on the copy in `folder`; BundleError where it was changed."""
    version = read_note(folder).version
    note = os.path.join(folder, VENDORED_NAME)
    age = age_sentence(note, version, package_version())
    about = "wikistd %s (%s)" % (version, age)
    changes = local_changes(folder)
    if changes:
        raise ChangedCopy("%s was %s; %s" % (folder, about, ", ".join(changes)))
    return "%s is an unchanged copy of %s" % (folder, about)


def vendor_package(folder: str, *, is_forced: bool = False) -> str:
    """Copy the package into `folder`; return a sentence.

    A copy that is there already is replaced.  BundleError where `folder` holds
    something else, no import can name it, or changes in it would be lost; these go if
    `is_forced`.
    """
    texts = read_package()
    name = os.path.basename(os.path.abspath(folder))
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BundleError("%s: no import statement can name %r" % (folder, name))
    is_copy = os.path.exists(os.path.join(folder, VENDORED_NAME))
    if not is_copy and os.path.isdir(folder) and os.listdir(folder):
        raise BundleError("%s is not empty: name a folder for the package" % folder)
    changes = local_changes(folder) if is_copy else []
    links = [change for change in changes if change.startswith("a link: ")]
    if links:
        # Replacing what lies behind one would change something outside the folder.
        raise BundleError("%s: remove first %s" % (folder, ", ".join(links)))
    if changes and not is_forced:
        raise BundleError(
            "%s was changed by hand (%s): --force replaces it"
            % (folder, ", ".join(changes))
        )
    if is_copy:
        for short in set(read_note(folder).hashes) - set(texts):
            old = os.path.join(folder, *short.split("/"))
            if os.path.exists(old):
                os.unlink(old)
    for short, text in dict(texts, **{"py.typed": ""}).items():
        write_vendored(os.path.join(folder, *short.split("/")), text)
    # The note comes last: a copy that was cut short is seen to be none.
    write_vendored(os.path.join(folder, VENDORED_NAME), vendored_note(texts))
    version = version_in(texts)
    done = "copied wikistd %s to %s, %d modules" % (version, folder, len(texts))
    left = local_changes(folder)
    return done + ("; left there: " + ", ".join(left) if left else "")


def write_vendored(path: str, text: str) -> None:
    """Write one file of the copy, and the folder that it lies in."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)  # it may have a second name, whose file stays what it is
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def run_vendor(given: Any) -> str:
    """Do what the parsed arguments say; return a sentence.

    ChangedCopy where a check finds changes, BundleError where nothing can be copied,
    OSError where a file cannot be read or written.
    """
    if given.check:
        return check_vendored(given.folder)
    return vendor_package(given.folder, is_forced=given.force)
