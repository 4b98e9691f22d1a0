"""Moves, deletions and protections: done once, though answers get lost.

Spec: https://www.mediawiki.org/wiki/API:Move, API:Delete, API:Protect,
API:Logevents.  Holds: nothing.  Not here: edits (wiki/edit.py).

Each leaves an entry in the wiki's log.  The newest entry is asked for first; when the
answer is lost, an entry by this user that is newer tells that it has landed.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional

from ..errors import WikistdError
from .keywords import known_params
from .lost import LOST_ANSWER_PAUSE_SECONDS, MAX_LOST_ANSWERS, LostAnswers
from .params import wrong_type
from .reply import ReplyReading
from .session import Session

#: Entries among which one's own is looked for.
LOOKED_AT_ENTRIES = 20

#: What the wiki says when the first of two has landed after all.
DONE_BEFORE_CODES = ("missingtitle", "articleexists", "selfmove", "cantdelete")


class LoggedResult(NamedTuple):
    """What became of it; `found` when the answer was lost and the log told."""

    title: str
    logid: int
    found: bool
    document: Dict[str, Any]


def move_page(
    session: Session,
    title: str,
    new_title: str,
    *,
    reason: str = "",
    leave_redirect: bool = True,
    params: Optional[Mapping[str, Any]] = None,
    **keywords: Any,
) -> LoggedResult:
    """Move a page.

    Other keywords are those of action=move; `params` has what extensions add to it.
    """
    given = known_params(move_page, "move", keywords, params)
    asked = dict(given, to=new_title, reason=reason, noredirect=not leave_redirect)
    asked["from"] = title
    return _perform_logged(session, "move", title, asked)


def delete_page(
    session: Session,
    title: str,
    *,
    reason: str = "",
    params: Optional[Mapping[str, Any]] = None,
    **keywords: Any,
) -> LoggedResult:
    """Delete a page.

    Other keywords are those of action=delete; `params` has what extensions add to it.
    """
    given = known_params(delete_page, "delete", keywords, params)
    asked = dict(given, title=title, reason=reason)
    return _perform_logged(session, "delete", title, asked)


def protect_page(
    session: Session,
    title: str,
    protections: Mapping[str, str],
    *,
    expiry: Any = "infinite",
    reason: str = "",
    params: Optional[Mapping[str, Any]] = None,
    **keywords: Any,
) -> LoggedResult:
    """Set who may do what, such as {"edit": "sysop", "move": "all"}.

    `expiry` is one for all, or a list with one for each.  Other keywords are those of
    action=protect; `params` has what extensions add to it.
    """
    given = known_params(protect_page, "protect", keywords, params)
    if not isinstance(protections, Mapping):
        wanted = 'protections is a mapping such as {"edit": "sysop"}'
        raise wrong_type(wanted, protections)
    rules = ["%s=%s" % item for item in protections.items()]
    asked = dict(given, title=title, protections=rules, expiry=expiry, reason=reason)
    return _perform_logged(session, "protect", title, asked)


def newest_log_id(view: Session, action: str, title: str) -> int:
    """Return the id of this user's newest entry of a log about a page, 0 for none."""
    document = view.get(
        action="query",
        list="logevents",
        letitle=title,
        letype=action,
        lelimit=LOOKED_AT_ENTRIES,
        leprop="ids|user|type",
        meta="userinfo",
    )
    with ReplyReading():
        query = document["query"]
        ours = query["userinfo"]["name"]
        entries = query["logevents"]
        return max(
            (int(entry["logid"]) for entry in entries if entry.get("user") == ours),
            default=0,
        )


def _perform_logged(
    session: Session, action: str, title: str, params: Dict[str, Any]
) -> LoggedResult:
    """Send it until its fate is known."""
    view = session.with_options(formatversion=2)
    before = newest_log_id(view, action, title)

    def look_up(why: str) -> Optional[LoggedResult]:
        if why in ("refused", "trouble"):
            return None
        entry = newest_log_id(view, action, title)
        for turn in range(MAX_LOST_ANSWERS if why == "before" else 0):
            if entry > before:
                break
            view.clock.sleep(LOST_ANSWER_PAUSE_SECONDS * 2**turn)  # A replica lags.
            entry = newest_log_id(view, action, title)
        return LoggedResult(title, entry, True, {}) if entry > before else None

    lost = LostAnswers(view.clock, look_up, done_codes=DONE_BEFORE_CODES)
    while True:
        try:
            document = view.request("POST", dict(params, action=action))
        except WikistdError as error:
            landed: Optional[LoggedResult] = lost.take(error)
            if landed is not None:
                return landed
        else:
            with ReplyReading(maybe_applied=True):
                told = dict(document[action])
                return LoggedResult(title, int(told.get("logid", 0)), False, told)
