"""Whether an edit whose answer was lost has landed: revisions in, verdict out.

Spec: https://www.mediawiki.org/wiki/API:Edit; what saving does to a text
(Manual:Pre-save transform).  Pure.  Not here: asking the wiki (wiki/edit.py).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ..formats.checksums import make_checksum

#: Text that the wiki changes when it saves: signatures, substitutions, pipe tricks.
_saved_otherwise = (
    r"(?i)~~~|\{\{\s*(?:safe)?subst:|\[\[[^\[\]\n]*\|\s*\]\]|\[\[\s*\|"
)

#: Characters of a summary that are compared: the wiki cuts long ones.
COMPARED_SUMMARY_CHARACTERS = 60


class EditIntent(NamedTuple):
    """What an edit was to do; None where it was not to.

    `text_sha1` stands for a whole text that is not at hand any more.
    """

    text: Optional[str] = None
    append: Optional[str] = None
    prepend: Optional[str] = None
    section: Optional[str] = None
    section_title: Optional[str] = None
    summary: str = ""
    text_sha1: Optional[str] = None


def stored_text(text: str) -> str:
    """Return `text` as the wiki stores it: NFC, LF, no blanks at the end."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).rstrip()


def is_stored_otherwise(text: str) -> bool:
    """Return whether saving changes `text` in ways that cannot be foretold."""
    return re.search(_saved_otherwise, text) is not None


def revision_text(revision: Dict[str, Any]) -> Optional[str]:
    """Return the text of a revision (formatversion 2), None where it is not told."""
    slot = revision.get("slots", {}).get("main", revision)
    text = slot.get("content")
    return text if isinstance(text, str) else None


def text_digest(text: str) -> str:
    """Return the SHA-1 of a text as the wiki stores it."""
    return make_checksum("sha1", stored_text(text).encode("utf-8")).hexdigest()


def _has_parts(intent: EditIntent, content: str) -> bool:
    """Return whether `content` holds what `intent` was to put there."""
    if intent.text_sha1 is not None:
        return text_digest(content) == intent.text_sha1
    end = content.rstrip()
    if intent.section == "new":
        return _ends_with_section(intent, end)
    is_page = intent.section is None
    has = []
    if intent.text is not None:
        text = stored_text(intent.text)
        has.append(end == text if is_page else text.strip() in content)
    if intent.append is not None:
        text = stored_text(intent.append)
        has.append(end.endswith(text) if is_page else text in content)
    if intent.prepend is not None:
        text = stored_text(intent.prepend)
        has.append(content.startswith(text) if is_page else text in content)
    return all(has)


def _ends_with_section(intent: EditIntent, content: str) -> bool:
    """Return whether a new section is the last thing in `content`."""
    body = stored_text(intent.text or "").strip()
    if not content.endswith(body):
        return False
    heading = content[: len(content) - len(body)].rstrip().rpartition("\n")[2]
    return stored_text(intent.section_title or "").strip() in heading


def judge_revision(
    intent: EditIntent, revision: Dict[str, Any], *, user: str, base_revid: int
) -> str:
    """Return "yes", "no" or "maybe": is `revision` the edit that was sent?

    Only a revision by the same user, newer than the base, can be.  The stored text
    decides, unless saving changes what was sent, or another edit was merged in: then
    summary and parent do.
    """
    if revision.get("revid", 0) <= base_revid or revision.get("user") != user:
        return "no"
    summary = stored_text(intent.summary).strip()[:COMPARED_SUMMARY_CHARACTERS]
    comment = revision.get("comment")
    summary = " ".join(summary.split())
    if summary and isinstance(comment, str) and summary not in comment:
        return "no"
    content = revision_text(revision)
    parts = (intent.text, intent.append, intent.prepend, intent.section_title)
    changes = any(part is not None and is_stored_otherwise(part) for part in parts)
    if content is None or changes:
        return "maybe"
    if _has_parts(intent, content):
        return "yes"
    # Disjoint edits are merged: the text is ours and somebody's.
    is_merged = revision.get("parentid") != base_revid and intent.section != "new"
    is_whole = intent.text is not None or intent.text_sha1 is not None
    return "maybe" if is_merged and is_whole else "no"


def find_landed(
    intent: EditIntent,
    revisions: Sequence[Dict[str, Any]],
    *,
    user: str,
    base_revid: int,
) -> Optional[Dict[str, Any]]:
    """Return the revision that is the edit, None when it has not landed.

    LookupError when that cannot be told: several revisions may be it, or one may
    whose text tells nothing and whose summary was empty.
    """
    maybe: List[Dict[str, Any]] = []
    for revision in revisions:
        verdict = judge_revision(intent, revision, user=user, base_revid=base_revid)
        if verdict == "yes":
            return revision
        if verdict == "maybe":
            maybe.append(revision)
    if not maybe:
        return None
    if len(maybe) == 1 and maybe[0].get("parentid") == base_revid:
        return maybe[0]
    if len(maybe) == 1 and intent.summary.strip():
        return maybe[0]
    raise LookupError(
        "%d revisions by %s since then may be it" % (len(maybe), user)
    )
