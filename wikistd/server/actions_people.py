"""What is done to people and for them: blocks, groups, watchlists, preferences, tags.

In: parameters.  Out: what was done, or why not.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: the doing (custodian.py,
accounts.py), logging in (actions_login.py).
"""

from __future__ import annotations

from typing import Any, Dict, List

from .accounts import GROUP_RIGHTS, IMPLICIT_GROUPS
from .actions import refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_options import DEFAULT_OPTIONS, write_options
from .actions_pages import PAGE_SET_PARAMS
from .actions_params import require_one
from .actions_query import Query
from .actions_rules import (
    check_rate,
    check_tags,
    read_expiries,
    read_expiry,
    require_right,
)
from .actions_users import show_memberships
from .custodian import block_user
from .records import Actor, format_expiry
from .titles import Title

SKINS = ("vector", "monobook", "timeless", "minerva", "cologneblue", "modern")
_block_flags = "anononly nocreate autoblock noemail hidename allowusertalk".split()


def find_actor(call: ActionCall, args: Dict[str, Any], name: str = "user") -> Actor:
    """Return the account or address that a parameter, or `userid`, names."""
    given = args[require_one(args, "", (name, "userid"))]
    try:
        if args[name] is None:
            return Actor(given, call.store.accounts.name(given))
        return call.store.actor(given)
    except (KeyError, ValueError) as error:
        shown = "#%d" % given if args[name] is None else given
        text = 'There is no user by the name "%s". Check your spelling.'
        raise refuse("nosuchuser", text % shown) from error


def run_block(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=block."""
    if not call.may("block"):
        raise refuse(
            "permissiondenied",
            "You don't have permission to block this user from editing.",
        )
    target = find_actor(call, args)
    expiry = read_expiry(call, args["expiry"], "Expiry time invalid.")
    known = call.store.db.one(
        "SELECT id FROM block WHERE target = ? AND (expiry IS NULL OR expiry > ?)",
        (target.name, call.now),
    )
    if known is not None and not args["reblock"]:
        raise refuse("alreadyblocked", '"%s" is already blocked.' % target.name)
    restrictions = {
        "pages": args["pagerestrictions"] or [],
        "namespaces": args["namespacerestrictions"] or [],
    }
    number = block_user(
        call.store,
        target,
        call.actor,
        args["reason"],
        expiry,
        [name for name in _block_flags if args[name]],
        restrictions if args["partial"] else None,
        "infinite" if expiry is None else args["expiry"],
    )
    shown = "reason watchuser partial pagerestrictions namespacerestrictions".split()
    return {
        "user": target.name,
        "userID": target.account,
        "expiry": format_expiry(expiry, "infinite"),
        "id": number,
        **{name: args[name] for name in (*_block_flags, *shown)},
    }


def run_unblock(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=unblock."""
    source = require_one(args, "", ("id", "user", "userid"))
    if not call.may("block"):
        raise refuse("permissiondenied", "You don't have permission to unblock users.")
    column = {"id": "id", "user": "target", "userid": "account"}[source]
    row = call.store.db.one(
        "SELECT id, target, account FROM block WHERE %s = ?"
        " AND (expiry IS NULL OR expiry > ?)" % column,
        (args[source], call.now),
    )
    if row is None:
        raise refuse(
            "cantunblock",
            "Error: Block for %s not found. It may have been removed already."
            % args[source],
        )
    number, name, account = row
    with call.store.changes.recording():
        call.store.db.run("DELETE FROM block WHERE id = ?", (number,))
        page = Actor(account, name).page
        call.store.changes.add_log("block", "unblock", page, call.actor, args["reason"])
    return {"id": number, "user": name, "userid": account, "reason": args["reason"]}


def run_userrights(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=userrights."""
    target = find_actor(call, args)
    accounts, given = call.store.accounts, args["add"] or []
    old = accounts.memberships(target.account, call.now)
    held = {group for group, _ in old}
    may = call.may("userrights")
    grantable = set(GROUP_RIGHTS) - {*IMPLICIT_GROUPS, *held} if may else ()
    # Without a group to add MediaWiki does not look at expiry.
    ends = dict(zip(given, read_expiries(call, len(given)))) if given else {}
    added = [group for group in given if group in grantable]
    removed = [group for group in args["remove"] or () if may and group in held]
    with call.store.changes.recording():
        for group in added:
            accounts.add_group(target.account, group, ends[group])
        for group in removed:
            accounts.remove_group(target.account, group)
        if added or removed:
            new = accounts.memberships(target.account, call.now)
            call.store.changes.add_log(
                "rights",
                "rights",
                target.page,
                call.actor,
                args["reason"],
                {
                    "oldgroups": [group for group, _ in old],
                    "newgroups": [group for group, _ in new],
                    "oldmetadata": show_memberships(old),
                    "newmetadata": show_memberships(new),
                },
            )
    return {
        "user": target.name,
        "userid": target.account,
        "added": added,
        "removed": removed,
    }


def run_watch(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=watch."""
    account = call.requester.account
    if not account:
        raise refuse(
            "notloggedin", "Please log in to view or edit items on your watchlist."
        )
    query = Query(call, call.query_table)
    if args["title"] is not None:
        query.pages.add_titles([args["title"]])
    else:
        query.load_pages(args)

    def watch(title: Title) -> Dict[str, Any]:
        call.store.set_watched(account, title, not args["unwatch"])
        return {**title.entry, "unwatched" if args["unwatch"] else "watched": True}

    pages = query.pages
    shown: List[Dict[str, Any]] = [
        {"title": text, "invalidreason": reason, "invalid": True}
        for text, reason in pages.invalid.values()
    ]
    shown += [{**watch(title), "missing": True} for title in pages.missing.values()]
    shown += [watch(page.title) for page in pages.good.values()]
    query.finish_pages(shown, "watch")


def run_options(call: ActionCall, args: Dict[str, Any]) -> str:
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
    kept = dict.fromkeys(DEFAULT_OPTIONS) if args["reset"] else {}
    for name, value in changes.items():
        problem = _option_problem(name, value)
        if problem:
            call.warn(
                "validation-error", 'Validation error for "%s": %s' % (name, problem)
            )
        else:
            kept[name] = value
    write_options(call.store, account, kept)
    return "success"


def _option_problem(name: str, value: Any) -> str:
    if name not in DEFAULT_OPTIONS and not name.startswith("userjs-"):
        return "not a valid preference."
    choices = {"language": ("en",), "skin": SKINS}.get(name)
    if choices and value is not None and value not in choices:
        return "The value you specified is not a valid option."
    return ""


def run_emailuser(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=emailuser: this wiki sends none."""
    target = find_actor(call, args, "target")
    raise refuse(
        "noemail", 'There is no email address recorded for user "%s".' % target.name
    )


def run_setpagelanguage(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=setpagelanguage: all pages are in the wiki's language."""
    raise refuse(
        "pagelang-disabled",
        "Changing the language of a page is not allowed on this wiki.",
    )


def run_managetags(call: ActionCall, args: Dict[str, Any]) -> Dict[str, Any]:
    """Answer action=managetags."""
    require_right(call, "managechangetags")
    tag, operation = args["tag"], args["operation"]
    db = call.store.db
    known = db.one("SELECT 1 FROM tag WHERE name = ?", (tag,)) is not None
    if operation == "create" and known:
        raise refuse("tags-create-already-exists", 'The tag "%s" already exists.' % tag)
    if operation != "create" and not known:
        raise refuse("tags-delete-not-found", 'The tag "%s" does not exist.' % tag)
    with call.store.changes.recording():
        if operation == "delete":
            db.run("DELETE FROM tag WHERE name = ?", (tag,))
        else:
            row = (tag, operation == "activate")
            db.run("INSERT OR REPLACE INTO tag VALUES (?, ?)", row)
        log = call.store.changes.add_log(
            "managetags",
            operation,
            Title(-1, "Tags"),
            call.actor,
            args["reason"],
            {"tag": tag},
        )
    return {"operation": operation, "tag": tag, "success": True, "logid": log}


def run_tag(call: ActionCall, args: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Answer action=tag for revisions."""
    if not call.may("changetags"):
        raise refuse(
            "permissiondenied",
            "You don't have permission to add and remove arbitrary tags on individual "
            "revisions and log entries.",
        )
    check_rate(call, "changetag")
    add, remove = check_tags(call, args["add"]), args["remove"] or []
    found = call.store.find_revisions(args["revid"] or [])
    shown: List[Dict[str, Any]] = []
    for number in args["revid"] or ():
        if number not in found:
            text = "There is no revision with ID %d." % number
            error = {"code": "nosuchrevid", "info": text}
            shown.append({"revid": number, "status": "error", **error})
            continue
        old = found[number].tags.split()
        new = [tag for tag in dict.fromkeys([*old, *add]) if tag not in remove]
        row = (" ".join(new), number)
        call.store.db.run("UPDATE revision SET tags = ? WHERE id = ?", row)
        call.store.db.run("UPDATE change SET tags = ? WHERE revision = ?", row)
        shown.append(
            {
                "revid": number,
                "status": "success",
                "added": [tag for tag in new if tag not in old],
                "removed": [tag for tag in old if tag not in new],
            }
        )
    return shown


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
