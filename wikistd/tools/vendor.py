"""`wikistd vendor`: the package copied into another project, and checked there.

In: a folder.  Out: the modules in it and a note of version and hash, or a sentence on
what was changed since.  Holds: nothing.  Not here: the one file (bundle.py).
"""

from __future__ import annotations

import keyword
import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .sources import (
    LICENSE_TEXT,
    BundleError,
    ChangedCopy,
    age_sentence,
    content_hash,
    finish_tool,
    package_version,
    read_package,
    version_in,
)

#: The note beside the copied modules.
VENDORED_NAME = "VENDORED"


def folder_hashes(texts: Dict[str, str]) -> List[str]:
    """Return one line `hash  path` for each module."""
    return ["%s  %s" % (content_hash(text), short) for short, text in texts.items()]


def vendored_note(texts: Dict[str, str]) -> str:
    """Return the text of the note: version, hash of the whole, hash of each file."""
    rows = "\n".join(folder_hashes(texts)) + "\n"
    return (
        "wikistd %s, copied by `python3 -m wikistd vendor`.\n"
        "sha256 of the list below: %s\n"
        "Check this copy: python3 -m wikistd vendor --check FOLDER\n"
        "\n%s\n%s" % (version_in(texts), content_hash(rows), LICENSE_TEXT, rows)
    )


def read_note(folder: str) -> Tuple[str, Dict[str, str]]:
    """Return the version and {path: hash} that the note in `folder` tells."""
    path = os.path.join(folder, VENDORED_NAME)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        raise ChangedCopy(
            "%s holds no copy made by `wikistd vendor`" % folder
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ChangedCopy("%s: %s" % (path, error)) from error
    words = lines[0].replace(",", " ").split() if lines else []
    hashes = {}
    for line in lines[1:]:
        digest, gap, short = line.partition("  ")
        if gap and len(digest) == 64 and short.endswith(".py"):
            hashes[short] = digest
    if len(words) < 2 or words[0] != "wikistd" or not hashes:
        raise ChangedCopy("%s is not a note of `wikistd vendor`" % path)
    return words[1], hashes


def local_changes(folder: str) -> List[str]:
    """Return what differs from the note in `folder`, one line each."""
    _, hashes = read_note(folder)
    found = {short: content_hash(text) for short, text in read_package(folder).items()}
    changes = []
    for short in sorted(set(hashes) | set(found)):
        if short not in found:
            changes.append("missing: " + short)
        elif short not in hashes:
            changes.append("added: " + short)
        elif hashes[short] != found[short]:
            changes.append("changed: " + short)
    return changes


def check_vendored(folder: str) -> str:
    """Return a sentence on the copy in `folder`; BundleError where it was changed."""
    version, _ = read_note(folder)
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
    if is_copy and not is_forced:
        changes = local_changes(folder)
        if changes:
            raise BundleError(
                "%s was changed by hand (%s): --force replaces it"
                % (folder, ", ".join(changes))
            )
    if is_copy:
        for short in set(read_note(folder)[1]) - set(texts):
            old = os.path.join(folder, *short.split("/"))
            if os.path.exists(old):
                os.unlink(old)
    for short, text in dict(texts, **{"py.typed": ""}).items():
        write_vendored(os.path.join(folder, *short.split("/")), text)
    # The note comes last: a copy that was cut short is seen to be none.
    write_vendored(os.path.join(folder, VENDORED_NAME), vendored_note(texts))
    version = version_in(texts)
    return "copied wikistd %s to %s, %d modules" % (version, folder, len(texts))


def write_vendored(path: str, text: str) -> None:
    """Write one file of the copy, and the folder that it lies in."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def add_vendor_arguments(parser: Any) -> None:
    """Tell an argparse parser what `wikistd vendor` takes."""
    parser.add_argument("folder", metavar="DIR", help="what the copy becomes")
    parser.add_argument(
        "--check", action="store_true", help="tell version, age and local changes"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a copy that was changed by hand"
    )


def run_vendor(given: Any) -> str:
    """Do what the parsed arguments say; return a sentence.

    ChangedCopy where a check finds changes, BundleError where nothing can be copied,
    OSError where a file cannot be read or written.
    """
    if given.check:
        return check_vendored(given.folder)
    return vendor_package(given.folder, is_forced=given.force)


def vendor_main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run `wikistd vendor` by itself; return the exit code."""
    import argparse

    parser = argparse.ArgumentParser(prog="wikistd vendor")
    add_vendor_arguments(parser)
    return finish_tool(run_vendor, parser.parse_args(arguments))
