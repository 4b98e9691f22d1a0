"""Moving, deleting, protecting, reverting: the API of the wiki's custodians.

In: parameters.  Out: what was done, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py),
what is done to people (actions_people.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .actions import ActionFailure, refuse
from .actions_call import ActionCall, ModuleFacts
from .actions_edit import find_title, missing_page
from .actions_params import (
    ParamSpec,
    param_choice,
    param_choices,
    param_flag,
    param_list,
    param_number,
    param_text,
    param_user,
    require_one,
)
from .actions_rules import check_page, check_rate, denied_message
from .custodian import (
    delete_stored_page,
    find_rollback,
    parse_expiry,
    protect_stored_page,
    roll_back,
    undelete_page,
)
from .records import PageRow, format_time
from .titles import Title, parse_title

WATCH_PARAMS: Dict[str, ParamSpec] = {
    "watch": param_flag(is_deprecated=True),
    "unwatch": param_flag(is_deprecated=True),
    "watchlist": param_choice("nochange preferences unwatch watch", "nochange"),
    "tags": param_list(),
}


def find_existing(call: ActionCall, args: Dict[str, Any]) -> PageRow:
    """Return the page that `title` or `pageid` names; refuse a missing one."""
    page = call.store.find_page(find_title(call, args))
    if page is None:
        raise missing_page()
    return page


DELETE_FACTS = ModuleFacts(
    {
        "title": param_text(),
        "pageid": param_number(),
        "reason": param_text(),
        "oldimage": param_text(),
        **WATCH_PARAMS,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_delete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=delete."""
    page = find_existing(call, args)
    title = Title(page.namespace, page.key)
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


UNDELETE_FACTS = ModuleFacts(
    {
        "title": param_text(is_required=True),
        "reason": param_text(""),
        "timestamps": param_list(),
        "fileids": param_number(is_multi=True),
        "undeletetalk": param_flag(),
        **WATCH_PARAMS,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_undelete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=undelete."""
    title = call.read_title(args["title"])._replace(fragment="")
    check_page(call, title, "undelete")
    spec = ParamSpec("time")
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


PROTECT_FACTS = ModuleFacts(
    {
        "title": param_text(),
        "pageid": param_number(),
        "protections": param_list(is_required=True),
        "expiry": param_list(),
        "reason": param_text(""),
        "cascade": param_flag(),
        **WATCH_PARAMS,
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_protect(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=protect."""
    title = find_title(call, args)
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
                "expiry": "infinite" if ends is None else format_time(ends),
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
    try:
        ends = parse_expiry(expiry, call.now)
    except ValueError as error:
        text = 'Invalid expiry time "%s".' % expiry
        raise refuse("invalidexpiry", text) from error
    if ends is not None and ends < call.now:
        raise refuse("pastexpiry", 'Expiry time "%s" is in the past.' % expiry)
    return kind, level, ends


ROLLBACK_FACTS = ModuleFacts(
    {
        "title": param_text(),
        "pageid": param_number(),
        "user": param_user(is_required=True),
        "summary": param_text(""),
        "markbot": param_flag(),
        **WATCH_PARAMS,
    },
    token="rollback",
    must_post=True,
    is_write=True,
)


def run_rollback(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=rollback."""
    if not call.may("rollback"):
        raise ActionFailure(denied_message(call, "rollback"))
    page = find_existing(call, args)
    check_page(call, Title(page.namespace, page.key), "edit")
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


PATROL_FACTS = ModuleFacts(
    {"rcid": param_number(), "revid": param_number(), "tags": param_list()},
    token="patrol",
    must_post=True,
    is_write=True,
)


def run_patrol(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=patrol."""
    source = require_one(args, "", ("rcid", "revid"))
    column = "id" if source == "rcid" else "revision"
    changes = call.store.query_changes(
        "%s = ? AND kind IN ('edit', 'new')" % column, (args[source],), 1
    )
    if not changes:
        what = "recent change" if source == "rcid" else "revision"
        code = "nosuchrcid" if source == "rcid" else "nosuchrevid"
        raise refuse(code, "There is no %s with ID %d." % (what, args[source]))
    if not call.may("patrol"):
        raise ActionFailure(denied_message(call, "patrol"))
    change = changes[0]
    title = parse_title(change.title)
    with call.store.db.transaction():
        call.store.db.run(
            "UPDATE change SET patrolled = 1 WHERE id = ?", (change.rcid,)
        )
        if not change.patrolled:
            params = {"curid": change.revid, "previd": change.old_revid, "auto": False}
            call.store.add_log(
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


REVISION_DELETE_FACTS = ModuleFacts(
    {
        "type": param_choice("revision", is_required=True),
        "target": param_text(),
        "ids": param_number(is_multi=True),
        "hide": param_choices("content comment user"),
        "show": param_choices("content comment user"),
        "suppress": param_choice("yes no nochange", "nochange"),
        "reason": param_text(""),
        "tags": param_list(),
    },
    token="csrf",
    must_post=True,
    is_write=True,
)


def run_revisiondelete(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=revisiondelete."""
    if not call.may("deleterevision"):
        raise ActionFailure(denied_message(call, "deleterevision"))
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
                    "userhidden": "user" in hidden,
                    "commenthidden": "comment" in hidden,
                    "texthidden": "text" in hidden,
                    "userid": revision.account,
                    "user": revision.user,
                    "comment": revision.comment,
                }
            )
        assert page is not None
        call.store.add_log(
            "delete",
            "revision",
            Title(page.namespace, page.key),
            call.actor,
            args["reason"],
            {"type": "revision", "ids": sorted(found)},
            page=page.id,
        )
    call.store.announce()
    call.result["revisiondelete"] = {
        "status": "Success",
        "target": page.text,
        "items": items,
    }
