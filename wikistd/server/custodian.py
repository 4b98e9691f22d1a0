"""What custodians of the wiki do: delete, protect, block.

In: pages and people.  Out: rows changed and the log.  Holds: nothing.
Spec: what MediaWiki 1.39 writes to its tables and logs.  Not here: who may do it, and
the API (actions_custody.py, actions_moving.py, actions_people.py).
"""

from __future__ import annotations

import calendar
import json
import re
import time
from typing import Any, Dict, Optional, Sequence, Tuple

from .actions_params import parse_api_time
from .records import Actor, PageRow, format_expiry, format_time, format_words
from .store import PageStore
from .titles import Title

_custody_units = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "fortnight": 14 * 86400,
}
#: Words that mean for ever.
NEVER_WORDS = ("infinite", "indefinite", "infinity", "never", "")


def parse_expiry(text: str, now: int) -> Optional[int]:
    """Return when "2 weeks" from now is, None for never.  ValueError for nonsense."""
    words = text.strip().lower()
    if words in NEVER_WORDS:
        return None
    match = re.match(r"\+?([0-9]{1,6})\s*([a-z]+?)s?\Z", words)
    if match:
        count, unit = int(match.group(1)), match.group(2)
        if unit in _custody_units:
            return now + count * _custody_units[unit]
        if unit in ("month", "year"):
            year, month, *rest = time.gmtime(now)[:6]
            months = 12 * year + month - 1 + count * (12 if unit == "year" else 1)
            return calendar.timegm((months // 12, months % 12 + 1, *rest))
    ends = parse_api_time(words, now)
    if ends is None:
        raise ValueError("%r is not a time to end" % (text,))
    return ends


def add_null_revision(
    store: PageStore, page: PageRow, actor: Actor, summary: str
) -> int:
    """Add a revision with the same text, which says what happened to the page."""
    revision = store.db.run(
        "INSERT INTO revision (page, parent, time, account, user, comment, minor, size,"
        " sha1, model, content) SELECT page, id, ?, ?, ?, ?, 1, size, sha1, model,"
        " content FROM revision WHERE id = ?",
        (store.now(), *actor, summary, page.latest),
    )
    store.db.update("page", page.id, latest=revision, is_new=0)
    return revision


def delete_stored_page(
    store: PageStore,
    page: PageRow,
    actor: Actor,
    reason: str,
    *,
    action: str = "delete",
) -> int:
    """Delete a page, keep its revisions apart; return the number of the log entry."""
    title = page.title
    with store.changes.recording():
        store.db.run(
            "INSERT INTO deleted_revision SELECT id, ?, ?, page, parent, time, account,"
            " user, comment, minor, size, sha1, model, content, tags FROM revision"
            " WHERE page = ?",
            (*title[:2], page.id),
        )
        store.db.run("DELETE FROM revision WHERE page = ?", (page.id,))
        store.links.update(page.id, title, None, store.now())
        store.db.run("DELETE FROM page WHERE id = ?", (page.id,))
        store.db.run(
            "DELETE FROM change WHERE page = ? AND kind IN ('edit', 'new')", (page.id,)
        )
        return store.changes.add_log(
            "delete", action, title, actor, reason, page=page.id
        )


def protect_stored_page(
    store: PageStore,
    title: Title,
    wanted: Sequence[Tuple[str, str, Optional[int]]],
    actor: Actor,
    reason: str,
) -> None:
    """Set what may be done to a page, and until when; level "" takes it back."""
    kept = [each for each in wanted if each[1]]
    params: Dict[str, Any] = {}
    if kept:
        short = [
            "\u200e[%s=%s] (%s)" % (kind, level, describe_expiry(expiry))
            for kind, level, expiry in kept
        ]
        details = [
            {
                "type": kind,
                "level": level,
                "expiry": format_expiry(expiry, "infinite"),
                "cascade": False,
            }
            for kind, level, expiry in kept
        ]
        params = {"description": "".join(short), "cascade": False, "details": details}
    with store.changes.recording():
        store.db.run("DELETE FROM protection WHERE ns = ? AND title = ?", title[:2])
        facts = (store.now(), actor.name, reason)
        store.db.many(
            "INSERT INTO protection VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*title[:2], *each, *facts) for each in kept],
        )
        page = store.find_page(title)
        store.changes.add_log(
            "protect",
            "protect" if kept else "unprotect",
            title,
            actor,
            reason,
            params,
            page=page.id if page else 0,
        )
        if page is not None:
            summary = _protection_summary(page, kept, reason)
            add_null_revision(store, page, actor, summary)


def describe_expiry(expiry: Optional[int]) -> str:
    """Return when something ends, in words."""
    if expiry is None:
        return "indefinite"
    return "expires %s (UTC)" % format_words(expiry)


def _protection_summary(
    page: PageRow, kept: Sequence[Tuple[str, str, Optional[int]]], reason: str
) -> str:
    allowed = {"sysop": "administrators", "autoconfirmed": "autoconfirmed users"}
    parts = [
        "[%s=Allow only %s] (%s)"
        % (kind.capitalize(), allowed[level], describe_expiry(expiry))
        for kind, level, expiry in kept
    ]
    done = "Protected" if parts else "Removed protection from"
    summary = '%s "[[%s]]"' % (done, page.text)
    if reason:
        summary += ": " + reason
    return summary + (" (%s)" % " ".join(parts) if parts else "")


def block_user(
    store: PageStore,
    target: Actor,
    by: Actor,
    reason: str,
    expiry: Optional[int],
    flags: Sequence[str],
    restrictions: Optional[Dict[str, Any]] = None,
    duration: str = "infinite",
) -> int:
    """Block an account or address, anew where it is blocked; return the block's id."""
    shown = [flag for flag in flags if flag in ("anononly", "nocreate", "noemail")]
    shown += [] if "autoblock" in flags else ["noautoblock"]
    shown += [] if "allowusertalk" in flags else ["nousertalk"]
    params = {"duration": duration, "flags": shown, "sitewide": not restrictions}
    if expiry is not None:
        params["expiry"] = format_time(expiry)
    with store.changes.recording():
        store.changes.add_log("block", "block", target.page, by, reason, params)
        store.db.run("DELETE FROM block WHERE target = ?", (target.name,))
        return store.db.insert(
            "block",
            account=target.account,
            target=target.name,
            by_id=by.account,
            by_name=by.name,
            reason=reason,
            time=store.now(),
            expiry=expiry,
            flags=" ".join(flags),
            restrictions=json.dumps(restrictions) if restrictions else "",
        )
