"""Deleting, protecting, reverting: the API of the wiki's custodians.

In: parameters.  Out: what was done, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: what others do as well
(custodian.py), what is done to people (actions_people.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .actions import refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_edit import existing_revision, find_existing
from .actions_params import require_one
from .actions_rules import check_page, check_rate, read_expiries, require_right
from .custodian import delete_stored_page, protect_stored_page
from .markup import find_links
from .records import format_expiry, format_time
from .store import REVISION_COLUMNS
from .titles import Title

WATCH_PARAMS = """
watch, unwatch: deprecated flag
watchlist: one of nochange preferences unwatch watch = nochange
tags: texts
"""


def run_delete(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=delete."""
    store, title = call.store, call.find_title(args)
    page = find_existing(call, title)
    check_page(call, title, "delete")
    reason = args["reason"]
    if reason is None:
        text = store.read_text(existing_revision(call, page.latest))
        reason = 'content was: "%s"' % " ".join(text.split())[:150]
        authors = store.db.all(
            "SELECT DISTINCT user FROM revision WHERE page = ? LIMIT 2", (page.id,)
        )
        if len(authors) == 1:
            reason += (
                ', and the only contributor was "[[Special:Contributions/%s|%s]]" '
                "([[User talk:%s|talk]])" % (authors[0] * 3)
            )
    log = delete_stored_page(store, page, call.actor, reason)
    return {"title": page.text, "reason": reason, "logid": log}


def run_undelete(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=undelete: all of a page, or the revisions of some times."""
    store, db = call.store, call.store.db
    title = call.read_title(args["title"])
    check_page(call, title, "undelete")
    where = "ns = ? AND title = ?"
    if args["timestamps"]:
        where += " AND time IN (%s)" % ", ".join(map(str, args["timestamps"]))
    with store.changes.recording():
        columns = REVISION_COLUMNS.replace("hidden", "''")
        sql = "SELECT %s FROM deleted_revision WHERE %s ORDER BY time, id"
        rows = db.all(sql % (columns, where), title[:2])
        if not rows:
            raise refuse(
                "cantundelete",
                "Couldn't undelete: the requested revisions may not exist, or may have "
                "been undeleted already.",
            )
        page_id = _restored_page(call, title, rows[-1][1])
        db.many(
            "INSERT INTO revision VALUES (%s)" % ", ".join("?" * len(rows[0])),
            [(row[0], page_id, *row[2:]) for row in rows],
        )
        db.run("DELETE FROM deleted_revision WHERE " + where, title[:2])
        _refresh_page(call, page_id, title)
        params = {"count": {"revisions": len(rows), "files": 0}}
        store.changes.add_log(
            "delete",
            "restore",
            title,
            call.actor,
            args["reason"],
            params,
            page=page_id,
        )
    return {
        "title": str(title),
        "revisions": len(rows),
        "fileversions": 0,
        "reason": args["reason"],
    }


def _restored_page(call: ActionCall, title: Title, old_id: int) -> int:
    """Return the id of a page, made again with its old one where that is free."""
    page = call.store.find_page(title)
    if page is not None:
        return page.id
    return call.store.db.insert(
        "page",
        id=None if call.store.find_pages_by_id([old_id]) else old_id,
        ns=title.namespace,
        title=title.key,
        **dict.fromkeys(("latest", "size", "touched", "is_new", "model"), 0),
    )


def _refresh_page(call: ActionCall, page_id: int, title: Title) -> None:
    """Set a page to its newest revision again, and its links with it."""
    store = call.store
    order = "page = ? ORDER BY time DESC, id DESC"
    latest = store.query_revisions(order, (page_id,), 1)[0]
    links = find_links(store.read_text(latest))
    store.db.update(
        "page",
        page_id,
        latest=latest.id,
        size=latest.size,
        touched=call.now,
        is_new=not latest.parent,
        redirect=str(links.redirect) if links.redirect else None,
        model=latest.model,
    )
    store.links.update(page_id, title, links, call.now)


def run_protect(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=protect."""
    title, wanted = call.find_title(args), args["protections"]
    check_page(call, title, "protect")
    exists = call.store.find_page(title) is not None
    expiries = read_expiries(call, len(wanted))
    levels = [_read_protection(each, exists) for each in wanted]
    protections = [(*level, ends) for level, ends in zip(levels, expiries)]
    protect_stored_page(call.store, title, protections, call.actor, args["reason"])
    shown = {
        "title": str(title),
        "reason": args["reason"],
        "protections": [
            {kind: level, "expiry": format_expiry(ends, "infinite")}
            for kind, level, ends in protections
        ],
    }
    if args["cascade"]:
        shown["cascade"] = True
    return shown


def _read_protection(wanted: str, exists: bool) -> Tuple[str, str]:
    kind, _, level = wanted.partition("=")
    if kind == "create" and exists:
        raise refuse(
            "create-titleexists",
            "Use of the create protection type is only for titles that do not exist.",
        )
    if kind != "create" and not exists:
        raise refuse(
            "missingtitle-createonly",
            'Missing titles can only be protected with "create".',
        )
    if kind not in ("create", "edit", "move", "upload"):
        raise refuse("protect-invalidaction", 'Invalid protection type "%s".' % kind)
    if level not in ("", "all", "autoconfirmed", "sysop"):
        raise refuse("protect-invalidlevel", 'Invalid protection level "%s".' % level)
    return kind, "" if level == "all" else level


def run_rollback(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=rollback."""
    require_right(call, "rollback")
    store, title = call.store, call.find_title(args)
    page = find_existing(call, title)
    check_page(call, title, "edit")
    check_rate(call, "rollback")
    user = args["user"].replace("_", " ")
    latest = existing_revision(call, page.latest)
    if latest.user != user:
        raise refuse("alreadyrolled", _already_rolled(page.text, user, latest.user))
    others = store.query_revisions(
        "page = ? AND user <> ? ORDER BY time DESC, id DESC", (page.id, user), 1
    )
    if not others:
        raise refuse(
            "onlyauthor",
            "Cannot rollback; last contributor is only author of this page.",
        )
    other = others[0]
    summary = args["summary"] or (
        "Reverted edits by [[Special:Contributions/%s|%s]] ([[User talk:%s|talk]]) to "
        "last revision by [[User:%s|%s]]" % (user, user, user, other.user, other.user)
    )
    is_bot = args["markbot"] and call.may("markbotedits")
    saved = store.write_page(
        title,
        store.read_text(other),
        call.actor,
        summary,
        bot=is_bot,
        minor=True,
        patrolled=True,
        tags=["mw-rollback"],
    )
    if is_bot:
        store.db.run(
            "UPDATE change SET bot = 1 WHERE page = ? AND revision > ?",
            (page.id, other.id),
        )
    return {
        "title": page.text,
        "pageid": page.id,
        "summary": summary,
        "revid": saved.new_id or latest.id,
        "old_revid": latest.id,
        "last_revid": other.id,
    }


def _already_rolled(title: str, user: str, last: str) -> str:
    about = (
        "[[User:{0}|{0}]] ([[User talk:{0}|talk]] | [[Special:Contributions/{0}|"
        "contribs]])"
    )
    return (
        "Cannot rollback the last edit of [[:%s]] by %s. Someone else has edited or "
        "rolled back the page already. The last edit to the page was by %s."
        % (title, about.format(user), about.format(last))
    )


def run_patrol(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=patrol."""
    source = require_one(args, "", ("rcid", "revid"))
    column, what = {"rcid": ("id", "recent change"), "revid": ("revision", "revision")}[
        source
    ]
    changes = call.store.changes.query(
        "%s = ? AND kind IN ('edit', 'new')" % column, (args[source],), 1
    )
    if not changes:
        raise refuse(
            "nosuch" + source, "There is no %s with ID %d." % (what, args[source])
        )
    require_right(call, "patrol")
    change = changes[0]
    if not change.patrolled:
        with call.store.db.transaction():
            call.store.db.update("change", change.rcid, patrolled=True)
            params = {"curid": change.revid, "previd": change.old_revid, "auto": False}
            call.store.changes.add_log(
                "patrol",
                "patrol",
                change.target,
                call.actor,
                "",
                params,
                page=change.page_id,
                is_public=False,
            )
    return {"rcid": change.rcid, **change.target.entry}


def run_revisiondelete(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=revisiondelete."""
    require_right(call, "deleterevision")
    if not args["hide"] and not args["show"]:
        raise refuse(
            "revdel-paramneeded", "At least one value is required for hide and/or show."
        )
    store = call.store
    found = store.find_revisions(args["ids"] or [])
    if not found:
        raise refuse(
            "revdelete-nooldid-title",
            "Either a target was not specified or the revision does not exist.",
        )
    names = {"content": "text", "comment": "comment", "user": "user"}
    items = []
    with store.changes.recording():
        for number, revision in found.items():
            hidden = set(revision.hidden.split())
            hidden |= {names[each] for each in args["hide"]}
            hidden -= {names[each] for each in args["show"]}
            store.db.update("revision", number, hidden=" ".join(sorted(hidden)))
            page = call.find_page_by_id(revision.page)
            items.append(
                {
                    "status": "Success",
                    "id": number,
                    "timestamp": format_time(revision.time),
                    **{name + "hidden": name in hidden for name in names.values()},
                    "userid": revision.account,
                    "user": revision.user,
                    "comment": revision.comment,
                }
            )
        store.changes.add_log(
            "delete",
            "revision",
            page.title,
            call.actor,
            args["reason"],
            {"type": "revision", "ids": sorted(found)},
            page=page.id,
        )
    return {"status": "Success", "target": page.text, "items": items}


CUSTODY_ACTIONS: List[ActionModule] = [
    write_action(
        "delete",
        run_delete,
        """
        title: text
        pageid: number
        reason, oldimage: text
        """
        + WATCH_PARAMS,
    ),
    write_action(
        "patrol",
        run_patrol,
        """
        rcid, revid: number
        tags: texts
        """,
        token="patrol",
    ),
    write_action(
        "protect",
        run_protect,
        """
        title: text
        pageid: number
        protections: required texts
        expiry: texts
        reason: text =
        cascade: flag
        """
        + WATCH_PARAMS,
    ),
    write_action(
        "revisiondelete",
        run_revisiondelete,
        """
        type: required one of revision
        target: text
        ids: numbers
        hide, show: any of content comment user
        suppress: one of yes no nochange = nochange
        reason: text =
        tags: texts
        """,
    ),
    write_action(
        "rollback",
        run_rollback,
        """
        title: text
        pageid: number
        user: required user
        summary: text =
        markbot: flag
        """
        + WATCH_PARAMS,
        token="rollback",
    ),
    write_action(
        "undelete",
        run_undelete,
        """
        title: required text
        reason: text =
        timestamps: times
        fileids: numbers
        undeletetalk: flag
        """
        + WATCH_PARAMS,
    ),
]
