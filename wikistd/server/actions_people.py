"""What is done to people and for them: blocks, groups, watchlists, preferences, tags.

In: parameters.  Out: what was done, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py,
accounts.py), logging in (actions_login.py).
"""

from __future__ import annotations

from typing import Any, Dict, List

from .accounts import GROUP_RIGHTS, IMPLICIT_GROUPS, canonical_user_name, is_address
from .actions import ActionFailure, refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_options import DEFAULT_OPTIONS, write_options
from .actions_pages import PAGE_SET_PARAMS
from .actions_params import require_one
from .actions_query import Query
from .actions_rules import (
    check_rate,
    check_tags,
    read_expiry,
    require_right,
)
from .actions_users import show_memberships
from .custodian import block_user, unblock_user
from .records import Actor, format_expiry
from .titles import Title

SKINS = ("vector", "monobook", "timeless", "minerva", "cologneblue", "modern")


def no_user(name: str) -> ActionFailure:
    """Return the failure of a user who is not there."""
    text = 'There is no user by the name "%s". Check your spelling.' % name
    return refuse("nosuchuser", text)


def find_actor(call: ActionCall, name: str) -> Actor:
    """Return the account or address called `name`; refuse any other."""
    if is_address(name):
        return Actor(0, name)
    canonical = canonical_user_name(name)
    account = call.store.accounts.find(canonical) if canonical else None
    if canonical is None or account is None:
        raise no_user(name)
    return Actor(account, canonical)


_block_flags = "anononly nocreate autoblock noemail hidename allowusertalk".split()


def run_block(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=block."""
    if not call.may("block"):
        text = "You don't have permission to block this user from editing."
        raise refuse("permissiondenied", text)
    if require_one(args, "", ("user", "userid")) == "userid":
        try:
            target = Actor(args["userid"], call.store.accounts.name(args["userid"]))
        except KeyError as error:
            raise no_user("#%d" % args["userid"]) from error
    else:
        target = find_actor(call, args["user"])
    expiry = read_expiry(call, args["expiry"], "Expiry time invalid.")
    known = call.store.db.value(
        "SELECT id FROM block WHERE target = ? AND (expiry IS NULL OR expiry > ?)",
        (target.name, call.now),
    )
    if known is not None and not args["reblock"]:
        raise refuse("alreadyblocked", '"%s" is already blocked.' % target.name)
    restrictions: Dict[str, Any] = {}
    if args["partial"]:
        restrictions = {
            "pages": args["pagerestrictions"] or [],
            "namespaces": args["namespacerestrictions"] or [],
        }
    flags = [name for name in _block_flags if args[name]]
    number = block_user(
        call.store,
        target,
        call.actor,
        args["reason"],
        expiry,
        flags,
        restrictions,
        "infinite" if expiry is None else args["expiry"],
    )
    call.result["block"] = {
        "user": target.name,
        "userID": target.account,
        "expiry": format_expiry(expiry, "infinite"),
        "id": number,
        "reason": args["reason"],
        **{name: args[name] for name in [*_block_flags, "watchuser", "partial"]},
        "pagerestrictions": args["pagerestrictions"],
        "namespacerestrictions": args["namespacerestrictions"],
    }


def run_unblock(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=unblock."""
    source = require_one(args, "", ("id", "user", "userid"))
    if not call.may("block"):
        raise refuse("permissiondenied", "You don't have permission to unblock users.")
    column = {"id": "id", "user": "target", "userid": "account"}[source]
    value = args[source]
    if source == "user":
        value = value if is_address(value) else canonical_user_name(value) or value
    row = call.store.db.one(
        "SELECT id, target, account FROM block WHERE %s = ?"
        " AND (expiry IS NULL OR expiry > ?)" % column,
        (value, call.now),
    )
    if row is None:
        text = "Error: Block for %s not found. It may have been removed already."
        raise refuse("cantunblock", text % value)
    unblock_user(call.store, row[0], call.actor, args["reason"])
    call.result["unblock"] = {
        "id": row[0],
        "user": row[1],
        "userid": row[2],
        "reason": args["reason"],
    }


def run_userrights(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=userrights."""
    if require_one(args, "", ("user", "userid")) == "userid":
        args = {**args, "user": call.store.accounts.name(args["userid"])}
    target = find_actor(call, args["user"])
    if not target.account:
        raise no_user(args["user"])
    accounts, now = call.store.accounts, call.now
    known = [group for group in GROUP_RIGHTS if group not in IMPLICIT_GROUPS]
    old_dates = accounts.memberships(target.account, now)
    old = [group for group, _ in old_dates]
    expiries = call.multi_values("expiry") or ["infinite"]
    added, removed = [], []
    may = call.may("userrights")
    with call.store.db.transaction():
        for position, group in enumerate(args["add"] or ()):
            if may and group in known and group not in old:
                text = expiries[position if len(expiries) > 1 else 0]
                expiry = read_expiry(call, text)
                accounts.add_group(target.account, group, expiry)
                added.append(group)
        for group in args["remove"] or ():
            if may and group in old:
                accounts.remove_group(target.account, group)
                removed.append(group)
        if added or removed:
            new_dates = accounts.memberships(target.account, now)
            call.store.changes.add_log(
                "rights",
                "rights",
                target.page,
                call.actor,
                args["reason"],
                {
                    "oldgroups": [group for group, _ in old_dates],
                    "newgroups": [group for group, _ in new_dates],
                    "oldmetadata": show_memberships(old_dates),
                    "newmetadata": show_memberships(new_dates),
                },
            )
    call.store.changes.announce()
    call.result["userrights"] = {
        "user": target.name,
        "userid": target.account,
        "added": added,
        "removed": removed,
    }


def run_watch(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=watch."""
    if not call.requester.account:
        text = "Please log in to view or edit items on your watchlist."
        raise refuse("notloggedin", text)
    query = Query(call, call.query_table)
    if args["title"] is not None:
        query.pages.add_titles([args["title"]])
    else:
        query.load_pages(args)
    shown: List[Dict[str, Any]] = []
    for text, reason in query.pages.invalid.values():
        shown.append({"title": text, "invalidreason": reason, "invalid": True})
    for title in query.pages.missing.values():
        shown.append({**_set_watch(call, title, args["unwatch"]), "missing": True})
    for page in query.pages.good.values():
        title = page.title
        shown.append(_set_watch(call, title, args["unwatch"]))
    query.finish_pages(shown, "watch")


def _set_watch(call: ActionCall, title: Title, is_off: bool) -> Dict[str, Any]:
    call.store.set_watched(call.requester.account, title, not is_off)
    return {**title.entry, "unwatched" if is_off else "watched": True}


def run_options(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=options."""
    account = call.requester.account
    if not account:
        raise refuse("notloggedin", "You must be logged in to edit your preferences.")
    changes: Dict[str, Any] = {}
    for each in args["change"] or ():
        name, equals, value = each.partition("=")
        changes[name] = value if equals else None
    if args["optionname"] is not None:
        changes[args["optionname"]] = args["optionvalue"]
    if not changes and not args["reset"]:
        raise refuse("nochanges", "No changes were requested.")
    if args["reset"]:
        write_options(call.store, account, dict.fromkeys(DEFAULT_OPTIONS))
    kept = {}
    for name, value in changes.items():
        problem = _option_problem(name, value)
        if problem:
            text = 'Validation error for "%s": %s' % (name, problem)
            call.warn("validation-error", text)
        else:
            kept[name] = value
    write_options(call.store, account, kept)
    call.result["options"] = "success"


def _option_problem(name: str, value: Any) -> str:
    if name not in DEFAULT_OPTIONS and not name.startswith("userjs-"):
        return "not a valid preference."
    if name == "language" and value not in (None, "en"):
        return "The value you specified is not a valid option."
    if name == "skin" and value not in (None, *SKINS):
        return "The value you specified is not a valid option."
    return ""


def run_emailuser(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=emailuser: this wiki sends none."""
    target = find_actor(call, args["target"])
    text = 'There is no email address recorded for user "%s".' % target.name
    raise refuse("noemail", text)


def run_setpagelanguage(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=setpagelanguage: all pages are in the wiki's language."""
    text = "Changing the language of a page is not allowed on this wiki."
    raise refuse("pagelang-disabled", text)


def run_managetags(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=managetags."""
    require_right(call, "managechangetags")
    tag, operation = args["tag"], args["operation"]
    db = call.store.db
    known = db.one("SELECT 1 FROM tag WHERE name = ?", (tag,)) is not None
    if operation == "create" and known:
        text = 'The tag "%s" already exists.' % tag
        raise refuse("tags-create-already-exists", text)
    if operation != "create" and not known:
        raise refuse("tags-delete-not-found", 'The tag "%s" does not exist.' % tag)
    with db.transaction():
        if operation == "delete":
            db.run("DELETE FROM tag WHERE name = ?", (tag,))
        else:
            db.run("INSERT OR REPLACE INTO tag VALUES (?, ?)", (tag, 0))
            if operation == "activate":
                db.run("UPDATE tag SET is_manual = 1 WHERE name = ?", (tag,))
        log = call.store.changes.add_log(
            "managetags",
            operation,
            Title(-1, "Tags"),
            call.actor,
            args["reason"],
            {"tag": tag},
        )
    call.store.changes.announce()
    call.result["managetags"] = {
        "operation": operation,
        "tag": tag,
        "success": True,
        "logid": log,
    }


def run_tag(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=tag for revisions."""
    if not call.may("changetags"):
        raise refuse(
            "permissiondenied",
            "You don't have permission to add and remove arbitrary tags on individual "
            "revisions and log entries.",
        )
    check_rate(call, "changetag")
    add, remove = check_tags(call, args["add"]), args["remove"] or []
    shown = []
    for number in args["revid"] or ():
        revision = call.store.find_revision(number)
        if revision is None:
            text = "There is no revision with ID %d." % number
            error = {"code": "nosuchrevid", "info": text}
            shown.append({"revid": number, "status": "error", **error})
            continue
        old = revision.tags.split()
        new = [
            tag
            for tag in [*old, *(t for t in add if t not in old)]
            if tag not in remove
        ]
        text = " ".join(new)
        call.store.db.run("UPDATE revision SET tags = ? WHERE id = ?", (text, number))
        call.store.db.run(
            "UPDATE change SET tags = ? WHERE revision = ?", (text, number)
        )
        shown.append(
            {
                "revid": number,
                "status": "success",
                "added": [tag for tag in new if tag not in old],
                "removed": [tag for tag in old if tag not in new],
            }
        )
    call.result["tag"] = shown


PEOPLE_ACTIONS: List[ActionModule] = [
    write_action(
        "block",
        run_block,
        """
        user: user
        userid: number
        expiry: text = never
        reason: text =
        anononly, nocreate, autoblock, noemail, hidename, allowusertalk, reblock, \
            watchuser: flag
        tags: texts
        partial: flag
        pagerestrictions: texts
        namespacerestrictions: numbers
        """,
    ),
    write_action(
        "emailuser",
        run_emailuser,
        """
        target, subject, text: required text
        ccme: flag
        """,
    ),
    write_action(
        "managetags",
        run_managetags,
        """
        operation: required one of create delete activate deactivate
        tag: required text
        reason: text =
        ignorewarnings: flag
        tags: texts
        """,
    ),
    write_action(
        "options",
        run_options,
        """
        reset: flag
        resetkinds, change: texts
        optionname, optionvalue: text
        """,
    ),
    write_action(
        "setpagelanguage",
        run_setpagelanguage,
        """
        title: text
        pageid: number
        lang: required text
        reason: text
        """,
    ),
    write_action(
        "tag",
        run_tag,
        """
        rcid, revid, logid: numbers
        add, remove: texts
        reason: text =
        tags: texts
        """,
    ),
    write_action(
        "unblock",
        run_unblock,
        """
        id: number
        user: user
        userid: number
        reason: text =
        tags: texts
        """,
    ),
    write_action(
        "userrights",
        run_userrights,
        """
        user: user name
        userid: number
        add, expiry, remove: texts
        reason: text =
        tags: texts
        watchuser: flag
        """,
        token="userrights",
    ),
    write_action(
        "watch",
        run_watch,
        PAGE_SET_PARAMS
        + """
        title, expiry: text
        unwatch: flag
        generator, continue: text
        """,
        token="watch",
    ),
]
