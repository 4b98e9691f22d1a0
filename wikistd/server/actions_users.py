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
from .actions_select import TIME_KEYS, TIME_RANGE_PARAMS, ListQuery, pick
from .records import format_expiry, format_time, format_words
from .titles import user_key

_user_columns = "id, name, edits, registered, email"
_block_columns = (
    "id, account, target, by_id, by_name, reason, time, expiry, flags, restrictions"
)
#: What some flags of a block are called where blocks are listed.
_block_flag_names = {
    "anononly": "anononly",
    "nocreate": "nocreate",
    "autoblock": "autoblock",
    "noemail": "noemail",
    "hidden": "hidename",
    "allowusertalk": "allowusertalk",
}


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
        sql = "SELECT %s FROM account WHERE name = ?" % _user_columns
        row = db.one(sql, (name,))
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
    dates = run.store.accounts.memberships(account, run.call.now)
    explicit = [group for group, _ in dates]
    groups = [*explicit, *IMPLICIT_GROUPS]
    if is_list:
        groups = [*IMPLICIT_GROUPS, *explicit]
    entry = {
        "userid": account,
        "name": name,
        **pick(
            props,
            editcount={"editcount": edits},
            registration={"registration": format_expiry(registered, "") or None},
            groups={"groups": groups},
            groupmemberships={"groupmemberships": show_memberships(dates)},
            implicitgroups={"implicitgroups": list(IMPLICIT_GROUPS)},
            rights={"rights": list_rights(groups)},
            emailable={"emailable": bool(email)},
            gender={"gender": "unknown"},
            centralids={
                "centralids": {"local": account},
                "attachedlocal": {"local": True},
            },
        ),
    }
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
    expiry = row[7]
    flags = row[8].split()

    def formatted(seconds: Optional[int]) -> str:
        return "infinite" if seconds is None else format_words(seconds)

    return {
        "blockid": row[0],
        "blockedby": row[4],
        "blockedbyid": row[3],
        "blockreason": row[5],
        "blockedtimestamp": format_time(row[6]),
        "blockexpiry": format_expiry(expiry),
        "blockpartial": bool(row[9]),
        "blocknocreate": "nocreate" in flags,
        "blockanononly": "anononly" in flags,
        "blockedtimestampformatted": formatted(row[6]),
        "blockexpiryformatted": formatted(expiry),
        "blockexpiryrelative": formatted(expiry),
    }


def query_allusers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allusers, which goes on with its parameter from."""
    args, limit = run.args, run.args["limit"]
    users = ListQuery(run, "account", {"name": str})
    first, last, prefix = (
        None if args[name] is None else user_key(args[name])
        for name in ("from", "to", "prefix")
    )
    users.add_bounds("name", first, last)
    users.add_prefix("name", prefix)
    if args["group"]:
        places = ", ".join("?" * len(args["group"]))
        where = "id IN (SELECT account FROM membership WHERE membership.name IN (%s))"
        users.add(where % places, *args["group"])
    if args["witheditsonly"]:
        users.add("edits > 0")
    order = "name DESC" if users.is_down else "name"
    rows = users.select(_user_columns, limit, order)
    if len(rows) > limit:
        run.go_on("from", rows.pop()[1])
    props = args["prop"]
    return [QueryItem(_show_user_row(run, row, props, is_list=True)) for row in rows]


def query_blocks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=blocks."""
    args, now = run.args, run.call.now
    in_force = "(expiry IS NULL OR expiry > ?)"
    blocks = ListQuery(run, "block", TIME_KEYS, in_force, now)
    blocks.add_in("target", args["users"])
    blocks.add_in("id", args["ids"])
    blocks.add_times()
    rows = blocks.fetch(_block_columns)
    return [QueryItem(_show_block_row(row, args["prop"])) for row in rows]


def _show_block_row(row: BlockRow, props: Sequence[str]) -> Dict[str, Any]:
    number, account, target, by_id, by_name, reason, when, ends, words, limits = row
    flags = words.split()
    shown_flags = {name: flag in flags for name, flag in _block_flag_names.items()}
    entry = pick(
        props,
        id={"id": number},
        user={"user": target},
        userid={"userid": account},
        by={"by": by_name},
        byid={"byid": by_id},
        timestamp={"timestamp": format_time(when)},
        expiry={"expiry": format_expiry(ends)},
        reason={"reason": reason},
        flags={"automatic": False, **shown_flags, "partial": bool(limits)},
        restrictions={"restrictions": json.loads(limits) if limits else []},
    )
    if "range" in props:
        entry["rangestart"], entry["rangeend"] = _block_range(target)
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
        attachedwiki: text
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
        group, excludegroup, rights: texts
        prop: any of blockinfo groups implicitgroups rights editcount registration \
            centralids
        limit: limit
        witheditsonly, activeusers: flag
        attachedwiki: text
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
        ip: text
        prop: any of id user userid by byid timestamp expiry reason range flags \
            restrictions = id user by timestamp expiry reason flags
        show: any of account !account temp !temp ip !ip range !range
        """,
    ),
]
