"""Moving, deleting, protecting, reverting: the API of the wiki's custodians.

In: parameters.  Out: what was done, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py),
what is done to people (actions_people.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .actions import refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_edit import find_existing
from .actions_params import require_one
from .actions_rules import (
    check_page,
    check_rate,
    read_expiry,
    require_right,
)
from .actions_specs import read_spec
from .custodian import (
    delete_stored_page,
    find_rollback,
    protect_stored_page,
    roll_back,
    undelete_page,
)
from .records import format_expiry, format_time
from .titles import parse_title

WATCH_PARAMS = """
watch, unwatch: deprecated flag
watchlist: one of nochange preferences unwatch watch = nochange
tags: texts
"""


def run_delete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=delete."""
    page = find_existing(call, call.find_title(args))
    title = page.title
    check_page(call, title, "delete")
    reason = args["reason"]
    if reason is None:
        record = call.store.get_page(title)
        assert record is not None
        reason = 'content was: "%s"' % " ".join(record.text.split())[:150]
        authors = call.store.db.all(
            "SELECT DISTINCT user FROM revision WHERE page = ? LIMIT 2", (page.id,)
        )
        if len(authors) == 1:
            reason += (
                ', and the only contributor was "[[Special:Contributions/%s|%s]]" '
                "([[User talk:%s|talk]])" % (authors[0] * 3)
            )
    log = delete_stored_page(call.store, page, call.actor, reason)
    call.result["delete"] = {"title": page.text, "reason": reason, "logid": log}


def run_undelete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=undelete."""
    title = call.read_title(args["title"])._replace(fragment="")
    check_page(call, title, "undelete")
    spec = read_spec("time")
    times = [
        call.reader.read_value(call.module, "timestamps", each, spec)
        for each in args["timestamps"] or ()
    ]
    count = undelete_page(call.store, title, call.actor, args["reason"], times)
    if not count:
        text = (
            "Couldn't undelete: the requested revisions may not exist, or may have "
            "been undeleted already."
        )
        raise refuse("cantundelete", text)
    call.result["undelete"] = {
        "title": str(title),
        "revisions": count,
        "fileversions": 0,
        "reason": args["reason"],
    }


def run_protect(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=protect."""
    title = call.find_title(args)
    check_page(call, title, "protect")
    page = call.store.find_page(title)
    # The values as they were sent: "infinite|infinite" has two.
    expiries = call.multi_values("expiry") or ["infinite"]
    if len(expiries) not in (1, len(args["protections"])):
        raise refuse(
            "toofewexpiries",
            "%d expiry timestamps were provided where %d were needed."
            % (len(expiries), len(args["protections"])),
        )
    wanted: List[Tuple[str, str, Optional[int]]] = []
    shown = []
    for position, each in enumerate(args["protections"]):
        kind, _, level = each.partition("=")
        expiry = expiries[position if len(expiries) > 1 else 0]
        wanted.append(_read_protection(call, kind, level, expiry, page is not None))
        ends = wanted[-1][2]
        shown.append(
            {
                kind: wanted[-1][1],
                "expiry": format_expiry(ends, "infinite"),
            }
        )
    protect_stored_page(call.store, title, wanted, call.actor, args["reason"])
    call.result["protect"] = {
        "title": str(title),
        "reason": args["reason"],
        "protections": shown,
    }
    if args["cascade"]:
        call.result["protect"]["cascade"] = True


def _read_protection(
    call: ActionCall, kind: str, level: str, expiry: str, exists: bool
) -> Tuple[str, str, Optional[int]]:
    if kind == "create" and exists:
        text = "Use of the create protection type is only for titles that do not exist."
        raise refuse("create-titleexists", text)
    if kind != "create" and not exists:
        text = 'Missing titles can only be protected with "create".'
        raise refuse("missingtitle-createonly", text)
    if kind not in ("create", "edit", "move", "upload"):
        text = 'Invalid protection type "%s".' % kind
        raise refuse("protect-invalidaction", text)
    level = "" if level == "all" else level
    if level not in ("", "autoconfirmed", "sysop"):
        text = 'Invalid protection level "%s".' % level
        raise refuse("protect-invalidlevel", text)
    ends = read_expiry(call, expiry)
    return kind, level, ends


def run_rollback(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=rollback."""
    require_right(call, "rollback")
    page = find_existing(call, call.find_title(args))
    check_page(call, page.title, "edit")
    check_rate(call, "rollback")
    user = args["user"].replace("_", " ")
    latest, other = find_rollback(call.store, page)
    if latest.user != user:
        raise refuse("alreadyrolled", _already_rolled(page.text, user, latest.user))
    if other is None:
        text = "Cannot rollback; last contributor is only author of this page."
        raise refuse("onlyauthor", text)
    summary = args["summary"] or (
        "Reverted edits by [[Special:Contributions/%s|%s]] ([[User talk:%s|talk]]) to "
        "last revision by [[User:%s|%s]]" % (user, user, user, other.user, other.user)
    )
    is_bot = args["markbot"] and call.may("markbotedits")
    saved = roll_back(call.store, page, other, call.actor, summary, is_bot=is_bot)
    call.result["rollback"] = {
        "title": page.text,
        "pageid": page.id,
        "summary": summary,
        "revid": saved.new_id or latest.id,
        "old_revid": latest.id,
        "last_revid": other.id,
    }


def _already_rolled(title: str, user: str, last: str) -> str:
    def about(name: str) -> str:
        return (
            "[[User:%s|%s]] ([[User talk:%s|talk]] | [[Special:Contributions/%s|"
            "contribs]])" % (name, name, name, name)
        )

    return (
        "Cannot rollback the last edit of [[:%s]] by %s. Someone else has edited or "
        "rolled back the page already. The last edit to the page was by %s."
        % (title, about(user), about(last))
    )


def run_patrol(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=patrol."""
    source = require_one(args, "", ("rcid", "revid"))
    column = "id" if source == "rcid" else "revision"
    changes = call.store.changes.query(
        "%s = ? AND kind IN ('edit', 'new')" % column, (args[source],), 1
    )
    if not changes:
        what = "recent change" if source == "rcid" else "revision"
        code = "nosuchrcid" if source == "rcid" else "nosuchrevid"
        raise refuse(code, "There is no %s with ID %d." % (what, args[source]))
    require_right(call, "patrol")
    change = changes[0]
    title = parse_title(change.title)
    with call.store.db.transaction():
        call.store.db.run(
            "UPDATE change SET patrolled = 1 WHERE id = ?", (change.rcid,)
        )
        if not change.patrolled:
            params = {"curid": change.revid, "previd": change.old_revid, "auto": False}
            call.store.changes.add_log(
                "patrol",
                "patrol",
                title,
                call.actor,
                "",
                params,
                page=change.page_id,
                is_public=False,
            )
    call.result["patrol"] = {
        "rcid": change.rcid,
        "ns": change.namespace,
        "title": change.title,
    }


def run_revisiondelete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=revisiondelete."""
    require_right(call, "deleterevision")
    if not args["hide"] and not args["show"]:
        text = "At least one value is required for hide and/or show."
        raise refuse("revdel-paramneeded", text)
    found = call.store.find_revisions(args["ids"] or [])
    if not found:
        text = "Either a target was not specified or the revision does not exist."
        raise refuse("revdelete-nooldid-title", text)
    names = {"content": "text", "comment": "comment", "user": "user"}
    items, page = [], None
    with call.store.db.transaction():
        for number, revision in found.items():
            hidden = set(revision.hidden.split())
            hidden |= {names[each] for each in args["hide"]}
            hidden -= {names[each] for each in args["show"]}
            call.store.db.run(
                "UPDATE revision SET hidden = ? WHERE id = ?",
                (" ".join(sorted(hidden)), number),
            )
            page = call.store.find_pages_by_id([revision.page])[revision.page]
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
        assert page is not None
        call.store.changes.add_log(
            "delete",
            "revision",
            page.title,
            call.actor,
            args["reason"],
            {"type": "revision", "ids": sorted(found)},
            page=page.id,
        )
    call.store.changes.announce()
    call.result["revisiondelete"] = {
        "status": "Success",
        "target": page.text,
        "items": items,
    }


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
        timestamps: texts
        fileids: numbers
        undeletetalk: flag
        """
        + WATCH_PARAMS,
    ),
]
