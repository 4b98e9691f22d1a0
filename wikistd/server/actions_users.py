"""Lists of people in action=query: accounts, their groups and rights, blocks.

In: a ModuleRun.  Out: items.  Holds: nothing.
Spec: MediaWiki 1.39's users, allusers and blocks.  Not here: what they did
(actions_changes.py).
"""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .accounts import IMPLICIT_GROUPS, canonical_user_name, is_address, list_rights
from .actions_call import ActionCall
from .actions_changes import change_list, time_range
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_number,
    param_text,
    require_one,
)
from .actions_query import ModuleRun, QueryItem, QueryModule
from .records import format_stamp, format_time
from .titles import upper_first


def query_users(run: ModuleRun) -> List[QueryItem]:
    """Answer list=users."""
    args = run.args
    given_by = [name for name in ("userids", "users") if args[name] is not None]
    if not given_by:
        return []
    source = require_one(args, run.prefix, ("userids", "users"))
    db, items, last = run.store.db, [], []
    for given in args[source]:
        if source == "userids":
            name = db.value("SELECT name FROM account WHERE id = ?", (given,))
            if name is None:
                last.append(QueryItem({"userid": given, "missing": True}))
                continue
        else:
            canonical = canonical_user_name(given)
            if canonical is None:
                items.append(QueryItem({"name": given, "invalid": True}))
                continue
            name = canonical
        row = db.one(
            "SELECT id, name, edits, registered, email FROM account WHERE name = ?",
            (name,),
        )
        if row is None:
            entry: Dict[str, Any] = {"name": name, "missing": True}
            if "cancreate" in args["prop"]:
                entry["cancreate"] = True
            last.append(QueryItem(entry))
            continue
        last.append(QueryItem(_show_user_row(run, row, args["prop"], is_list=False)))
    return items + last


def _show_user_row(
    run: ModuleRun, row: Sequence[Any], props: Sequence[str], *, is_list: bool
) -> Dict[str, Any]:
    account, name, edits, registered, email = row
    now = run.call.now
    entry: Dict[str, Any] = {"userid": account, "name": name}
    explicit = [group for group, _ in run.store.accounts.memberships(account, now)]
    groups = [*explicit, *IMPLICIT_GROUPS]
    if is_list:
        groups = [*IMPLICIT_GROUPS, *explicit]
    if "editcount" in props:
        entry["editcount"] = edits
    if "registration" in props:
        entry["registration"] = None if registered is None else format_time(registered)
    if "groups" in props:
        entry["groups"] = groups
    if "groupmemberships" in props:
        entry["groupmemberships"] = [
            {
                "group": group,
                "expiry": "infinity" if expiry is None else format_time(expiry),
            }
            for group, expiry in run.store.accounts.memberships(account, now)
        ]
    if "implicitgroups" in props:
        entry["implicitgroups"] = list(IMPLICIT_GROUPS)
    if "rights" in props:
        entry["rights"] = list_rights(groups)
    if "blockinfo" in props:
        entry.update(show_block(run.call, find_block(run.call, account, name)))
    if "emailable" in props:
        entry["emailable"] = bool(email)
    if "gender" in props:
        entry["gender"] = "unknown"
    if "centralids" in props:
        entry["centralids"] = {"local": account}
        entry["attachedlocal"] = {"local": True}
    return entry


BlockRow = Tuple[Any, ...]


def find_block(call: ActionCall, account: int, name: str) -> Optional[BlockRow]:
    """Return the block of an account or address that is in force, or None."""
    rows = call.store.db.all(
        "SELECT id, account, target, by_id, by_name, reason, time, expiry, flags,"
        " restrictions FROM block WHERE (expiry IS NULL OR expiry > ?)"
        " AND (target = ? OR (account = 0 AND ?))",
        (call.now, name, not account),
    )
    for row in rows:
        if row[2] == name or (not account and _is_in_range(name, row[2])):
            return row
    return None


def _is_in_range(address: str, target: str) -> bool:
    import ipaddress  # 4 ms of import, where somebody without an account is blocked

    try:
        network = ipaddress.ip_network(target, strict=False)
        return ipaddress.ip_address(address) in network
    except (ValueError, TypeError):
        return False


def show_block(call: ActionCall, row: Optional[BlockRow]) -> Dict[str, Any]:
    """Return a block as errors and users show it; {} for none."""
    if row is None:
        return {}
    expiry = row[7]
    flags = row[8].split()
    readable = "%H:%M, %d %B %Y"

    def formatted(seconds: Optional[int]) -> str:
        if seconds is None:
            return "infinite"
        text = time.strftime(readable, time.gmtime(seconds))
        return text.replace(", 0", ", ")

    return {
        "blockid": row[0],
        "blockedby": row[4],
        "blockedbyid": row[3],
        "blockreason": row[5],
        "blockedtimestamp": format_time(row[6]),
        "blockexpiry": "infinity" if expiry is None else format_time(expiry),
        "blockpartial": bool(row[9]),
        "blocknocreate": "nocreate" in flags,
        "blockanononly": "anononly" in flags,
        "blockedtimestampformatted": formatted(row[6]),
        "blockexpiryformatted": formatted(expiry),
        "blockexpiryrelative": formatted(expiry),
    }


def query_allusers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allusers."""
    args, limit = run.args, run.args["limit"]
    is_down = args["dir"] == "descending"
    after, before = ("<=", ">=") if is_down else (">=", "<=")
    where, values = "1 = 1", []
    for name, sign in (("from", after), ("to", before)):
        if args[name] is not None:
            where += " AND name %s ?" % sign
            values.append(upper_first(args[name].replace("_", " ")))
    if args["prefix"]:
        prefix = upper_first(args["prefix"].replace("_", " "))
        where += " AND name >= ? AND name < ?"
        values += [prefix, prefix + "\U0010ffff"]
    if args["group"]:
        where += (
            " AND id IN (SELECT account FROM membership WHERE membership.name IN (%s))"
            % ", ".join("?" * len(args["group"]))
        )
        values += args["group"]
    if args["witheditsonly"]:
        where += " AND edits > 0"
    rows = run.store.db.all(
        "SELECT id, name, edits, registered, email FROM account WHERE %s"
        " ORDER BY name%s LIMIT %d" % (where, " DESC" if is_down else "", limit + 1),
        values,
    )
    if len(rows) > limit:
        run.go_on("from", rows.pop()[1])
    props = args["prop"]
    return [QueryItem(_show_user_row(run, row, props, is_list=True)) for row in rows]


def query_blocks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=blocks."""
    args, limit = run.args, run.args["limit"]
    where, values = "(expiry IS NULL OR expiry > ?)", [run.call.now]
    if args["users"]:
        where += " AND target IN (%s)" % ", ".join("?" * len(args["users"]))
        values += args["users"]
    if args["ids"]:
        where += " AND id IN (%s)" % ", ".join("?" * len(args["ids"]))
        values += args["ids"]
    where, values, order = time_range(run, where, values)
    rows = run.store.db.all(
        "SELECT id, account, target, by_id, by_name, reason, time, expiry, flags,"
        " restrictions FROM block WHERE %s ORDER BY %s LIMIT %d"
        % (where, order, limit + 1),
        values,
    )
    if len(rows) > limit:
        last = rows.pop()
        run.go_on("continue", "%s|%d" % (format_stamp(last[6]), last[0]))
    return [QueryItem(_show_block_row(row, args["prop"])) for row in rows]


def _show_block_row(row: BlockRow, props: Sequence[str]) -> Dict[str, Any]:
    flags = row[8].split()
    entry: Dict[str, Any] = {}
    values = {
        "id": row[0],
        "user": row[2],
        "userid": row[1],
        "by": row[4],
        "byid": row[3],
        "timestamp": format_time(row[6]),
        "expiry": "infinity" if row[7] is None else format_time(row[7]),
        "reason": row[5],
    }
    entry.update({name: value for name, value in values.items() if name in props})
    if "range" in props:
        first, last = _block_range(row[2])
        entry.update(rangestart=first, rangeend=last)
    if "flags" in props:
        entry["automatic"] = False
        for name, flag in (
            ("anononly", "anononly"),
            ("nocreate", "nocreate"),
            ("autoblock", "autoblock"),
            ("noemail", "noemail"),
            ("hidden", "hidename"),
            ("allowusertalk", "allowusertalk"),
        ):
            entry[name] = flag in flags
        entry["partial"] = bool(row[9])
    if "restrictions" in props:
        entry["restrictions"] = json.loads(row[9]) if row[9] else []
    return entry


def _block_range(target: str) -> Tuple[str, str]:
    import ipaddress  # 4 ms of import, only where the range of a block is asked for

    if not is_address(target):
        return "0.0.0.0", "0.0.0.0"
    network = ipaddress.ip_network(target, strict=False)
    return str(network[0]), str(network[-1])


USER_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "users",
        "list",
        "us",
        {
            "prop": param_choices(
                "blockinfo groups groupmemberships implicitgroups rights editcount "
                "registration emailable gender centralids cancreate"
            ),
            "attachedwiki": param_text(),
            "users": param_list(),
            "userids": param_number(is_multi=True),
        },
        query_users,
    ),
    QueryModule(
        "allusers",
        "list",
        "au",
        {
            "from": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "dir": param_choice("ascending descending", "ascending"),
            "group": param_list(),
            "excludegroup": param_list(),
            "rights": param_list(),
            "prop": param_choices(
                "blockinfo groups implicitgroups rights editcount registration "
                "centralids"
            ),
            "limit": param_limit(),
            "witheditsonly": param_flag(),
            "activeusers": param_flag(),
            "attachedwiki": param_text(),
        },
        query_allusers,
    ),
    change_list(
        "blocks",
        "bk",
        {
            "ids": param_number(is_multi=True),
            "users": param_list(),
            "ip": param_text(),
            "prop": param_choices(
                "id user userid by byid timestamp expiry reason range flags "
                "restrictions",
                "id user by timestamp expiry reason flags",
            ),
            "show": param_choices("account !account temp !temp ip !ip range !range"),
        },
        query_blocks,
    )._replace(generate=None),
]
