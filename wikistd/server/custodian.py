"""What custodians of the wiki do: move, delete, bring back, protect, block, revert.

In: titles and people.  Out: rows changed and the log.  Holds: nothing.
Spec: what MediaWiki 1.39 writes to its tables and logs.  Not here: who may do it, and
the API (actions_custody.py, actions_people.py).
"""

from __future__ import annotations

import calendar
import json
import re
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .markup import find_links
from .records import (
    Actor,
    PageRow,
    RevisionRow,
    SavedEdit,
    format_expiry,
    format_time,
    format_words,
)
from .store import REVISION_COLUMNS, PageStore
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
NEVER_WORDS = ("infinite", "indefinite", "infinity", "never")


def parse_expiry(text: str, now: int) -> Optional[int]:
    """Return when "2 weeks" from now is, None for never.  ValueError for nonsense."""
    words = text.strip().lower()
    if words in NEVER_WORDS or not words:
        return None
    match = re.match(r"\+?([0-9]{1,6})\s*([a-z]+?)s?\Z", words)
    if match:
        count, unit = int(match.group(1)), match.group(2)
        if unit in _custody_units:
            return now + count * _custody_units[unit]
        if unit in ("month", "year"):
            moment = list(time.gmtime(now)[:6])
            months = moment[1] - 1 + count * (12 if unit == "year" else 1)
            moment[0], moment[1] = moment[0] + months // 12, months % 12 + 1
            return calendar.timegm((*moment, 0, 0, 0))
    for form in ("%Y-%m-%dT%H:%M:%Sz", "%Y-%m-%d", "%Y%m%d%H%M%S"):
        try:
            return calendar.timegm(time.strptime(words, form))
        except ValueError:
            continue
    raise ValueError("%r is not a time to end" % (text,))


def move_stored_page(
    store: PageStore,
    page: PageRow,
    target: Title,
    actor: Actor,
    reason: str,
    *,
    leaves_redirect: bool,
) -> bool:
    """Move a page; the target must be free, or a redirect that may go.

    Return whether a redirect had to go.
    """
    old = page.title
    with store.db.transaction():
        in_the_way = store.find_page(target)
        if in_the_way is not None:
            why = 'Deleted to make way for move from "[[%s]]"' % str(old)
            delete_stored_page(store, in_the_way, actor, why, action="delete_redir")
        place = {"ns": target.namespace, "title": target.key}
        store.db.update("page", page.id, touched=store.now(), **place)
        store.db.run(
            "UPDATE OR REPLACE protection SET ns = ?, title = ?"
            " WHERE ns = ? AND title = ?",
            (target.namespace, target.key, old.namespace, old.key),
        )
        # Whoever watches the page goes on watching it under its new title.
        store.db.run(
            "INSERT OR IGNORE INTO watch SELECT account, ?, ? FROM watch"
            " WHERE ns = ? AND title = ?",
            (target.namespace & ~1, target.key, old.namespace & ~1, old.key),
        )
        summary = "%s moved page [[%s]] to [[%s]]" % (actor.name, old, target)
        if in_the_way is not None:
            summary += " over redirect"
        if reason:
            summary += ": " + reason
        revision = _add_null_revision(store, page, actor, summary)
        params = {
            "target_ns": target.namespace,
            "target_title": str(target),
            "suppressredirect": not leaves_redirect,
        }
        store.changes.add_log(
            "move",
            "move_redir" if in_the_way is not None else "move",
            old,
            actor,
            reason,
            params,
            page=page.id,
            revision=revision,
        )
        if leaves_redirect:
            text = "#REDIRECT [[%s]]" % str(target)
            store.write_page(
                old,
                text,
                actor,
                summary,
                is_listed=False,
                is_logged=False,
                tags=["mw-new-redirect"],
            )
    store.changes.announce()
    return in_the_way is not None


def _add_null_revision(
    store: PageStore, page: PageRow, actor: Actor, summary: str
) -> int:
    """Add a revision with the same text, which says what happened to the page."""
    latest = store.find_revision(page.latest)
    assert latest is not None
    revision = store.db.insert(
        "revision",
        page=page.id,
        parent=latest.id,
        time=store.now(),
        account=actor.account,
        user=actor.name,
        comment=summary,
        minor=1,
        size=latest.size,
        sha1=latest.sha1,
        model=latest.model,
        content=latest.content,
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
    with store.db.transaction():
        store.db.run(
            "INSERT INTO deleted_revision SELECT id, ?, ?, page, parent, time, account,"
            " user, comment, minor, size, sha1, model, content, tags FROM revision"
            " WHERE page = ?",
            (title.namespace, title.key, page.id),
        )
        store.db.run("DELETE FROM revision WHERE page = ?", (page.id,))
        store.links.update(page.id, title, None, store.now())
        store.db.run("DELETE FROM page WHERE id = ?", (page.id,))
        store.db.run(
            "DELETE FROM change WHERE page = ? AND kind IN ('edit', 'new')", (page.id,)
        )
        log = store.changes.add_log(
            "delete", action, title, actor, reason, page=page.id
        )
    store.changes.announce()
    return log


def undelete_page(
    store: PageStore, title: Title, actor: Actor, reason: str, times: Sequence[int] = ()
) -> int:
    """Bring deleted revisions back, all or those of `times`; return how many."""
    where, values = "ns = ? AND title = ?", [title.namespace, title.key]
    if times:
        where += " AND time IN (%s)" % ", ".join(str(int(each)) for each in times)
    with store.db.transaction():
        columns = REVISION_COLUMNS.replace("hidden", "''")
        sql = "SELECT %s FROM deleted_revision WHERE %s ORDER BY time, id"
        rows = store.db.all(sql % (columns, where), values)
        if not rows:
            return 0
        page = store.find_page(title)
        page_id = page.id if page else _insert_page(store, title, rows[-1])
        places = ", ".join("?" * 14)
        store.db.many(
            "INSERT INTO revision VALUES (%s)" % places,
            [(row[0], page_id, *row[2:]) for row in rows],
        )
        store.db.run("DELETE FROM deleted_revision WHERE %s" % where, values)
        _refresh_page(store, page_id, title)
        params = {"count": {"revisions": len(rows), "files": 0}}
        store.changes.add_log(
            "delete", "restore", title, actor, reason, params, page=page_id
        )
    store.changes.announce()
    return len(rows)


def _insert_page(store: PageStore, title: Title, row: Tuple[Any, ...]) -> int:
    facts: Dict[str, Any] = {"ns": title.namespace, "title": title.key}
    facts.update(latest=0, size=0, touched=0, is_new=0, model=row[10])
    if row[1] not in store.find_pages_by_id([row[1]]):
        facts["id"] = row[1]
    return store.db.insert("page", **facts)


def _refresh_page(store: PageStore, page_id: int, title: Title) -> None:
    """Set a page to its newest revision again, and its links with it."""
    found = store.query_revisions("page = ? ORDER BY time DESC, id DESC", (page_id,), 1)
    latest, now = found[0], store.now()
    links = find_links(store.read_text(latest))
    store.db.update(
        "page",
        page_id,
        latest=latest.id,
        size=latest.size,
        touched=now,
        is_new=int(not latest.parent),
        redirect=str(links.redirect) if links.redirect else None,
    )
    store.links.update(page_id, title, links, now)


def protect_stored_page(
    store: PageStore,
    title: Title,
    wanted: Sequence[Tuple[str, str, Optional[int]]],
    actor: Actor,
    reason: str,
) -> None:
    """Set what may be done to a page, and until when; level "" takes it back."""
    with store.db.transaction():
        store.db.run(
            "DELETE FROM protection WHERE ns = ? AND title = ?",
            title[:2],
        )
        now = store.now()
        kept = [each for each in wanted if each[1]]
        for kind, level, expiry in kept:
            store.db.insert(
                "protection",
                ns=title.namespace,
                title=title.key,
                type=kind,
                level=level,
                expiry=expiry,
                time=now,
                user=actor.name,
                reason=reason,
            )
        params: Dict[str, Any] = {}
        if kept:
            short = "".join(
                "\u200e[%s=%s] (%s)" % (kind, level, describe_expiry(expiry))
                for kind, level, expiry in kept
            )
            details = [
                {
                    "type": kind,
                    "level": level,
                    "expiry": format_expiry(expiry, "infinite"),
                    "cascade": False,
                }
                for kind, level, expiry in kept
            ]
            params = {"description": short, "cascade": False, "details": details}
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
            _add_null_revision(store, page, actor, summary)
    store.changes.announce()


def describe_expiry(expiry: Optional[int]) -> str:
    """Return when something ends, in words."""
    if expiry is None:
        return "indefinite"
    return "expires %s (UTC)" % format_words(expiry)


def _protection_summary(
    page: PageRow, wanted: Sequence[Tuple[str, str, Optional[int]]], reason: str
) -> str:
    allowed = {"sysop": "administrators", "autoconfirmed": "autoconfirmed users"}
    parts = [
        "[%s=Allow only %s] (%s)"
        % (kind.capitalize(), allowed.get(level, level), describe_expiry(expiry))
        for kind, level, expiry in wanted
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
    with store.db.transaction():
        store.db.run("DELETE FROM block WHERE target = ?", (target.name,))
        number = store.db.insert(
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
        shown = [flag for flag in flags if flag in ("anononly", "nocreate", "noemail")]
        shown += [] if "autoblock" in flags else ["noautoblock"]
        shown += [] if "allowusertalk" in flags else ["nousertalk"]
        params: Dict[str, Any] = {
            "duration": duration,
            "flags": shown,
            "sitewide": not restrictions,
        }
        if expiry is not None:
            params["expiry"] = format_time(expiry)
        store.changes.add_log("block", "block", target.page, by, reason, params)
    store.changes.announce()
    return number


def unblock_user(store: PageStore, number: int, by: Actor, reason: str) -> None:
    """Take a block back."""
    with store.db.transaction():
        target = store.db.value("SELECT target FROM block WHERE id = ?", (number,))
        store.db.run("DELETE FROM block WHERE id = ?", (number,))
        store.changes.add_log(
            "block", "unblock", Actor(0, str(target)).page, by, reason
        )
    store.changes.announce()


def find_rollback(
    store: PageStore, page: PageRow
) -> Tuple[RevisionRow, Optional[RevisionRow]]:
    """Return the newest revision of a page, and the newest by somebody else."""
    latest = store.find_revision(page.latest)
    assert latest is not None
    others = store.query_revisions(
        "page = ? AND user <> ? ORDER BY time DESC, id DESC", (page.id, latest.user), 1
    )
    return latest, others[0] if others else None


def roll_back(
    store: PageStore,
    page: PageRow,
    target: RevisionRow,
    actor: Actor,
    summary: str,
    *,
    is_bot: bool,
) -> SavedEdit:
    """Write the text of an older revision as the newest one."""
    title = page.title
    saved = store.write_page(
        title,
        store.read_text(target),
        actor,
        summary,
        bot=is_bot,
        minor=True,
        patrolled=True,
        tags=["mw-rollback"],
    )
    if is_bot:
        store.db.run(
            "UPDATE change SET bot = 1 WHERE page = ? AND revision > ?",
            (page.id, target.id),
        )
    return saved


def import_pages(
    store: PageStore, pages: Sequence[Dict[str, Any]], actor: Actor, prefix: str
) -> List[Dict[str, Any]]:
    """Write pages that another wiki exported; return what became of each."""
    done: List[Dict[str, Any]] = []
    for each in pages:
        title: Title = each["title"]
        count = 0
        for revision in each["revisions"]:
            name = revision["user"] or "Unknown"
            author = Actor(0, "%s>%s" % (prefix or "imported", name))
            saved = store.write_page(
                title,
                revision["text"],
                author,
                revision["comment"],
                is_listed=False,
                is_logged=False,
            )
            count += saved.new_id is not None
        if count:
            page = store.find_page(title)
            assert page is not None
            summary = "%d revision%s imported" % (count, "" if count == 1 else "s")
            _add_null_revision(store, page, actor, summary)
            params = {"count": count, "interwiki_title": str(title)}
            action = "interwiki" if prefix else "upload"
            store.changes.add_log(
                "import", action, title, actor, summary, params, page=page.id
            )
        done.append({**title.entry, "revisions": count})
    store.changes.announce()
    return done
