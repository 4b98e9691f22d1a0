"""Lists of people in action=query: accounts, their groups and rights, blocks.

In: a ModuleRun.  Out: items.  Holds: nothing.
Spec: MediaWiki 1.39's users, allusers and blocks.  Not here: what they did
(actions_changes.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from .accounts import (
    IMPLICIT_GROUPS,
    canonical_user_name,
    is_address,
    is_inside,
    list_rights,
)
from .actions_call import ActionCall
from .actions_params import require_one
from .actions_query import ModuleRun, QueryItem, QueryModule
from .actions_select import (
    TIME_KEYS,
    TIME_RANGE_PARAMS,
    ListQuery,
    pick,
    show_fields,
)
from .records import format_expiry, format_time, format_words
from .titles import user_key

_user_columns = "id, name, edits, registered, email"
_block_columns = (
    "id, account, target, by_id, by_name, reason, time, expiry, flags, restrictions"
)
_block_fields = (
    "id, account AS userid, target AS user, by_id AS byid, by_name AS by, reason,"
    " time AS timestamp, expiry, flags, restrictions"
)
_listed_flags = {
    **{
        name: name
        for name in "anononly nocreate autoblock noemail allowusertalk".split()
    },
    "hidden": "hidename",
}


def query_users(run: ModuleRun) -> List[QueryItem]:
    """Answer list=users: first the names that cannot be, then the accounts."""
    args = run.args
    if args["userids"] is None and args["users"] is None:
        return []
    source = require_one(args, run.prefix, ("userids", "users"))
    is_by_id = source == "userids"
    sql = "SELECT %s FROM account WHERE %s = ?"
    sql %= (_user_columns, "id" if is_by_id else "name")
    entries, invalid = [], []
    for given in args[source]:
        wanted = given if is_by_id else canonical_user_name(given)
        row = run.store.db.one(sql, (wanted,))
        if wanted is None:
            invalid.append({"name": given, "invalid": True})
        elif row is not None:
            entries.append(_show_user_row(run, row, is_list=False))
        elif is_by_id:
            entries.append({"userid": wanted, "missing": True})
        else:
            more = pick(args["prop"], cancreate=True)
            entries.append({"name": wanted, "missing": True, **more})
    return [QueryItem(entry) for entry in [*invalid, *entries]]


def _show_user_row(
    run: ModuleRun, row: Sequence[Any], *, is_list: bool
) -> Dict[str, Any]:
    account, name, edits, registered, email = row
    props = run.args["prop"]
    dates = run.store.accounts.memberships(account, run.call.now)
    explicit = [group for group, _ in dates]
    groups = [*explicit, *IMPLICIT_GROUPS]
    if is_list:
        groups = [*IMPLICIT_GROUPS, *explicit]
    entry = pick(
        ["userid", "name", *props],
        userid=account,
        name=name,
        editcount=edits,
        registration=format_expiry(registered, "") or None,
        groups=groups,
        groupmemberships=show_memberships(dates),
        implicitgroups=list(IMPLICIT_GROUPS),
        rights=list_rights(groups),
        emailable=bool(email),
        gender="unknown",
        centralids={"local": account},
        attachedlocal={"local": True},
    )
    if "blockinfo" in props:
        entry.update(show_block(run.call, find_block(run.call, account, name)))
    return entry


def show_memberships(
    dates: Iterable[Tuple[str, Optional[int]]],
) -> List[Dict[str, Any]]:
    """Return the groups of an account, and when each ends."""
    return [{"group": group, "expiry": format_expiry(ends)} for group, ends in dates]


BlockRow = Tuple[Any, ...]


def find_block(call: ActionCall, account: int, name: str) -> Optional[BlockRow]:
    """Return the block of an account or address that is in force, or None."""
    rows = call.store.db.all(
        "SELECT %s FROM block WHERE (expiry IS NULL OR expiry > ?)"
        " AND (target = ? OR (account = 0 AND ?))" % _block_columns,
        (call.now, name, not account),
    )
    for row in rows:
        if row[2] == name or (not account and is_inside(name, [row[2]])):
            return row
    return None


def show_block(call: ActionCall, row: Optional[BlockRow]) -> Dict[str, Any]:
    """Return a block as errors and users show it; {} for none."""
    if row is None:
        return {}
    number, _, _, by_id, by_name, reason, when, expiry, flags, restrictions = row
    ends = "infinite" if expiry is None else format_words(expiry)
    return {
        "blockid": number,
        "blockedby": by_name,
        "blockedbyid": by_id,
        "blockreason": reason,
        "blockedtimestamp": format_time(when),
        "blockexpiry": format_expiry(expiry),
        "blockpartial": bool(restrictions),
        "blocknocreate": "nocreate" in flags.split(),
        "blockanononly": "anononly" in flags.split(),
        "blockedtimestampformatted": format_words(when),
        "blockexpiryformatted": ends,
        "blockexpiryrelative": ends,
    }


def query_allusers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allusers, which goes on with its parameter from."""
    users = ListQuery(run, "account", {"name": str})
    users.add_range("name", user_key)
    users.add_in(
        "membership.name",
        run.args["group"] or None,
        where="id IN (SELECT account FROM membership WHERE %s)",
    )
    if run.args["witheditsonly"]:
        users.add("edits > 0")
    rows = users.fetch(_user_columns)
    return [QueryItem(_show_user_row(run, row, is_list=True)) for row in rows]


def query_blocks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=blocks."""
    in_force = "(expiry IS NULL OR expiry > ?)"
    blocks = ListQuery(run, "block", TIME_KEYS, in_force, run.call.now)
    blocks.add_in("target", run.args["users"])
    blocks.add_in("id", run.args["ids"])
    blocks.add_times()
    rows = blocks.fetch_fields(_block_fields)
    return [QueryItem(_show_block_row(run, row)) for row in rows]


def _show_block_row(run: ModuleRun, row: Dict[str, Any]) -> Dict[str, Any]:
    props, limits = run.args["prop"], row["restrictions"]
    flags = row.pop("flags").split()
    row["restrictions"] = json.loads(limits) if limits else []
    entry = show_fields(run, row)
    if "flags" in props:
        entry["automatic"] = False
        entry["partial"] = bool(limits)
        for name, flag in _listed_flags.items():
            entry[name] = flag in flags
    if "range" in props:
        entry["rangestart"], entry["rangeend"] = _block_range(row["user"])
    return entry


def _block_range(target: str) -> Tuple[str, str]:
    import ipaddress  # 4 ms of import, only where the range of a block is asked for

    if not is_address(target):
        return "0.0.0.0", "0.0.0.0"
    network = ipaddress.ip_network(target, strict=False)
    return str(network[0]), str(network[-1])


USER_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "list/users",
        "us",
        query_users,
        """
        prop: any of blockinfo groups groupmemberships implicitgroups rights \
            editcount registration emailable gender centralids cancreate
        users: texts
        userids: numbers
        """,
    ),
    QueryModule(
        "list/allusers",
        "au",
        query_allusers,
        """
        from, to, prefix: text
        dir: one of ascending descending = ascending
        group: texts
        prop: any of blockinfo groups implicitgroups rights editcount registration \
            centralids
        limit: limit
        witheditsonly: flag
        """,
    ),
    QueryModule(
        "list/blocks",
        "bk",
        query_blocks,
        TIME_RANGE_PARAMS
        + """
        ids: numbers
        users: texts
        prop: any of id user userid by byid timestamp expiry reason range flags \
            restrictions = id user by timestamp expiry reason flags
        """,
    ),
]
