"""Lists of what happened, and of who did it, in action=query.

In: a ModuleRun.  Out: recent changes, contributions, log entries, users, blocks.
Holds: nothing.
Spec: MediaWiki 1.39's list modules.  Not here: lists of pages (actions_lists.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .actions import refuse
from .actions_continue import bad_continue
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_namespace,
    param_namespaces,
    param_number,
    param_text,
    param_time,
    param_user,
    require_one,
)
from .actions_query import ModuleRun, QueryItem, QueryModule, namespace_clause
from .actions_revisions import read_time_token
from .comments import parse_comment
from .records import Change, format_stamp, format_time, parse_stamp
from .titles import Title, parse_title, title_text, upper_first

LOG_TYPES = (
    "block create delete import managetags merge move newusers patrol protect "
    "renameuser rights suppress tag upload"
)


def time_range(
    run: ModuleRun, where: str, values: List[Any]
) -> Tuple[str, List[Any], str]:
    """Add start, end and continue to a condition; return it, values and ORDER BY."""
    args = run.args
    is_newer = args["dir"] == "newer"
    after, before = (">=", "<=") if is_newer else ("<=", ">=")
    for name, sign in (("start", after), ("end", before)):
        if args[name] is not None:
            where += " AND time %s ?" % sign
            values.append(args[name])
    token = read_time_token(run)
    if token is not None:
        where += " AND (time, id) %s (?, ?)" % after
        values += token
    way = "" if is_newer else " DESC"
    return where, values, "time%s, id%s" % (way, way)


def _require_patrol(run: ModuleRun) -> None:
    if not (run.call.may("patrol") or run.call.may("patrolmarks")):
        raise refuse(
            "permissiondenied",
            'You need the "patrol" or "patrolmarks" right to request the patrolled '
            "flag.",
        )


def query_recentchanges(run: ModuleRun) -> List[QueryItem]:
    """Answer list=recentchanges."""
    args, limit = run.args, run.args["limit"]
    where, values = "1 = 1", []
    kinds = args["type"]
    where += " AND kind IN (%s)" % ", ".join("?" * len(kinds))
    values += kinds
    if args["namespace"]:
        where += " AND " + namespace_clause("ns", args["namespace"])
    if args["title"] is not None:
        title = run.call.read_title(args["title"])
        where += " AND ns = ? AND title = ?"
        values += [title.namespace, title.key]
    for name, sign in (("user", "="), ("excludeuser", "<>")):
        if args[name] is not None:
            where += " AND user %s ?" % sign
            values.append(upper_first(args[name].replace("_", " ")))
    if args["tag"] is not None:
        where += " AND ' ' || tags || ' ' LIKE ?"
        values.append("%% %s %%" % args["tag"])
    if "patrolled" in args["prop"]:
        _require_patrol(run)
    for show in args["show"] or ():
        where += " AND " + _show_clause(run, show)
    if args["toponly"]:
        where += (
            " AND EXISTS (SELECT 1 FROM page WHERE page.id = change.page"
            " AND page.latest = change.revision)"
        )
    where, values, order = time_range(run, where, values)
    changes = run.store.query_changes(
        "%s ORDER BY %s" % (where, order), values, limit + 1
    )
    if len(changes) > limit:
        last = changes.pop()
        run.go_on("continue", "%s|%d" % (format_stamp(last.timestamp), last.rcid))
    pages = run.store.find_pages_by_id(sorted({each.page_id for each in changes}))
    revisions = (
        run.store.find_revisions([each.revid for each in changes])
        if "sha1" in args["prop"]
        else {}
    )
    items = []
    for change in changes:
        entry = show_change(run, change, args["prop"])
        page = pages.get(change.page_id)
        if "redirect" in args["prop"]:
            entry["redirect"] = page is not None and page.redirect is not None
        revision = revisions.get(change.revid)
        if revision is not None:
            entry["sha1"] = revision.sha1
        items.append(QueryItem(entry, page, None if page else _change_title(change)))
    return items


def _change_title(change: Change) -> Optional[Title]:
    """Return what a change without a page was about, unless no page can be there."""
    return None if change.namespace < 0 else parse_title(change.title)


def _show_clause(run: ModuleRun, show: str) -> str:
    is_not = show.startswith("!")
    name = show.lstrip("!")
    if name in ("patrolled", "unpatrolled", "autopatrolled"):
        _require_patrol(run)
        is_patrolled = (name != "unpatrolled") != is_not
        return "patrolled = %d" % is_patrolled
    if name == "anon":
        return "account %s 0" % (">" if is_not else "=")
    if name == "redirect":
        return (
            "%sEXISTS (SELECT 1 FROM page WHERE page.id = change.page AND"
            " redirect IS NOT NULL)" % ("NOT " if is_not else "")
        )
    return "%s = %d" % (name, not is_not)


def show_change(run: ModuleRun, change: Change, props: Sequence[str]) -> Dict[str, Any]:
    """Return a recent change as a list shows it."""
    entry: Dict[str, Any] = {"type": change.type}
    if "title" in props:
        entry.update(ns=change.namespace, title=change.title)
    if "ids" in props:
        entry.update(
            pageid=change.page_id,
            revid=change.revid,
            old_revid=change.old_revid,
            rcid=change.rcid,
        )
    if "user" in props:
        entry["user"] = change.user
    if "userid" in props:
        entry["userid"] = change.user_id
    if not change.user_id and ("user" in props or "userid" in props):
        entry["anon"] = True
    if "flags" in props:
        entry.update(bot=change.bot, new=change.type == "new", minor=change.minor)
    if "sizes" in props:
        entry.update(oldlen=change.old_len or 0, newlen=change.new_len or 0)
    if "timestamp" in props:
        entry["timestamp"] = format_time(change.timestamp)
    if "comment" in props:
        entry["comment"] = change.comment
    if "parsedcomment" in props:
        entry["parsedcomment"] = parse_comment(run.store, change.comment, change.target)
    if "patrolled" in props:
        entry["patrolled"] = change.patrolled
        entry["unpatrolled"] = not change.patrolled
        entry["autopatrolled"] = False
    if "loginfo" in props and change.type == "log":
        entry.update(
            logid=change.log_id,
            logtype=change.log_type,
            logaction=change.log_action,
            logparams=change.log_params,
        )
    if "tags" in props:
        entry["tags"] = list(change.tags)
    return entry


def query_usercontribs(run: ModuleRun) -> List[QueryItem]:
    """Answer list=usercontribs."""
    args, limit, props = run.args, run.args["limit"], run.args["prop"]
    source = require_one(args, run.prefix, ("userprefix", "userids", "iprange", "user"))
    if "patrolled" in props:
        _require_patrol(run)
    where, values, order = _contribs_source(run, source)
    if args["namespace"]:
        where += " AND page IN (SELECT id FROM page WHERE %s)" % namespace_clause(
            "ns", args["namespace"]
        )
    for show in args["show"] or ():
        is_not, name = show.startswith("!"), show.lstrip("!")
        if name == "minor":
            where += " AND minor = %d" % (not is_not)
        elif name == "new":
            where += " AND parent %s 0" % ("<>" if is_not else "=")
        elif name == "top":
            where += " AND %sEXISTS (SELECT 1 FROM page WHERE latest = revision.id)" % (
                "NOT " if is_not else ""
            )
    where += " AND hidden NOT LIKE '%user%'"
    revisions = run.store.query_revisions(
        "%s ORDER BY %s" % (where, order), values, limit + 1
    )
    if len(revisions) > limit:
        last = revisions.pop()
        token = "%s|%d" % (format_stamp(last.time), last.id)
        if source == "userprefix" or len(args.get(source) or ()) > 1:
            token = "%s|%s" % (last.user, token)
        run.go_on("continue", token)
    pages = run.store.find_pages_by_id(sorted({each.page for each in revisions}))
    parents = (
        run.store.find_revisions([each.parent for each in revisions])
        if "sizediff" in props
        else {}
    )
    items = []
    for revision in revisions:
        page = pages[revision.page]
        entry: Dict[str, Any] = {"userid": revision.account, "user": revision.user}
        if "ids" in props:
            entry.update(pageid=page.id, revid=revision.id, parentid=revision.parent)
        if "title" in props:
            entry.update(ns=page.namespace, title=page.text)
        if "timestamp" in props:
            entry["timestamp"] = format_time(revision.time)
        if "flags" in props:
            entry.update(
                new=not revision.parent,
                minor=bool(revision.minor),
                top=page.latest == revision.id,
            )
        if "comment" in props:
            entry["comment"] = revision.comment
        if "parsedcomment" in props:
            entry["parsedcomment"] = parse_comment(
                run.store, revision.comment, Title(page.namespace, page.key)
            )
        if "size" in props:
            entry["size"] = revision.size
        if "sizediff" in props:
            parent = parents.get(revision.parent)
            entry["sizediff"] = revision.size - (parent.size if parent else 0)
        if "tags" in props:
            entry["tags"] = revision.tags.split()
        items.append(QueryItem(entry, page))
    return items


def _contribs_source(run: ModuleRun, source: str) -> Tuple[str, List[Any], str]:
    args = run.args
    is_newer = args["dir"] == "newer"
    way, after = ("", ">=") if is_newer else (" DESC", "<=")
    before = "<=" if is_newer else ">="
    values: List[Any]
    if source == "userprefix":
        prefix = upper_first(args["userprefix"].replace("_", " "))
        where, values = "user >= ? AND user < ?", [prefix, prefix + "\U0010ffff"]
    elif source == "userids":
        where = "account IN (%s)" % ", ".join("?" * len(args["userids"]))
        values = list(args["userids"])
    else:
        names = args["user"] if source == "user" else [args["iprange"]]
        names = [upper_first(name.replace("_", " ")) for name in names]
        if not names or not all(names):
            text = "User parameter may not be empty."
            raise refuse("paramempty", text)
        where, values = "user IN (%s)" % ", ".join("?" * len(names)), names
    for name, sign in (("start", after), ("end", before)):
        if args[name] is not None:
            where += " AND time %s ?" % sign
            values.append(args[name])
    is_one = source in ("user", "userids") and len(args[source]) == 1
    if is_one:
        token = read_time_token(run)
        if token is not None:
            where += " AND (time, id) %s (?, ?)" % after
            values += token
        return where, values, "time%s, id%s" % (way, way)
    parts = run.continue_parts(3)
    if parts is not None:
        try:
            token = [parse_stamp(parts[1]), int(parts[2])]
        except ValueError as error:
            raise bad_continue() from error
        where += " AND (user > ? OR (user = ? AND (time, id) %s (?, ?)))" % after
        values += [parts[0], parts[0], *token]
    return where, values, "user, time%s, id%s" % (way, way)


def query_logevents(run: ModuleRun) -> List[QueryItem]:
    """Answer list=logevents."""
    args, limit = run.args, run.args["limit"]
    where, values = "1 = 1", []
    if args["type"]:
        where += " AND type = ?"
        values.append(args["type"])
    if args["action"]:
        kind, _, action = args["action"].partition("/")
        where += " AND type = ? AND (action = ? OR ? = '*')"
        values += [kind, action, action]
    if args["user"]:
        where += " AND user = ?"
        values.append(upper_first(args["user"].replace("_", " ")))
    if args["title"] is not None:
        title = run.call.read_title(args["title"])
        where += " AND ns = ? AND title = ?"
        values += [title.namespace, title.key]
    if args["namespace"] is not None:
        where += " AND ns = ?"
        values.append(args["namespace"])
    where, values, order = time_range(run, where, values)
    rows = run.store.db.all(
        "SELECT id, time, type, action, ns, title, page, account, user, comment,"
        " params, tags FROM log WHERE %s ORDER BY %s LIMIT %d"
        % (where, order, limit + 1),
        values,
    )
    if len(rows) > limit:
        last = rows.pop()
        run.go_on("continue", "%s|%d" % (format_stamp(last[1]), last[0]))
    titles = {(row[4], row[5]) for row in rows}
    pages = run.store.find_pages(sorted(titles))
    items = []
    for row in rows:
        entry = _show_log(run, row, args["prop"])
        page = pages.get((row[4], row[5]))
        if "ids" in args["prop"]:
            entry["pageid"] = page.id if page else 0
        items.append(QueryItem(entry, page, None if page else Title(row[4], row[5])))
    return items


def _show_log(
    run: ModuleRun, row: Sequence[Any], props: Sequence[str]
) -> Dict[str, Any]:
    entry: Dict[str, Any] = {}
    if "ids" in props:
        entry.update(logid=row[0], logpage=row[6])
    if "title" in props:
        entry.update(ns=row[4], title=title_text(row[4], row[5]))
    if "details" in props:
        entry["params"] = json.loads(row[10])
    if "type" in props:
        entry.update(type=row[2], action=row[3])
    if "user" in props:
        entry["user"] = row[8]
    if "userid" in props:
        entry["userid"] = row[7]
    if not row[7] and ("user" in props or "userid" in props):
        entry["anon"] = True
    if "timestamp" in props:
        entry["timestamp"] = format_time(row[1])
    if "comment" in props:
        entry["comment"] = row[9]
    if "parsedcomment" in props:
        entry["parsedcomment"] = parse_comment(run.store, row[9], Title(row[4], row[5]))
    if "tags" in props:
        entry["tags"] = row[11].split()
    return entry


def _require_watchlist(run: ModuleRun) -> int:
    account = run.call.requester.account
    if not account:
        raise refuse(
            "notloggedin", "Please log in to view or edit items on your watchlist."
        )
    return account


def query_watchlist(run: ModuleRun) -> List[QueryItem]:
    """Answer list=watchlist: the newest change of each page that is watched."""
    account = _require_watchlist(run)
    args, limit = run.args, run.args["limit"]
    where = (
        "EXISTS (SELECT 1 FROM watch WHERE watch.account = ? AND watch.ns = change.ns"
    )
    where += " AND watch.title = change.title)"
    values: List[Any] = [account]
    where += " AND kind IN (%s)" % ", ".join("?" * len(args["type"]))
    values += args["type"]
    if not args["allrev"]:
        where += (
            " AND (kind = 'log' OR EXISTS (SELECT 1 FROM page WHERE"
            " page.id = change.page AND page.latest = change.revision))"
        )
    if args["namespace"]:
        where += " AND " + namespace_clause("ns", args["namespace"])
    where, values, order = time_range(run, where, values)
    changes = run.store.query_changes(
        "%s ORDER BY %s" % (where, order), values, limit + 1
    )
    if len(changes) > limit:
        last = changes.pop()
        run.go_on("continue", "%s|%d" % (format_stamp(last.timestamp), last.rcid))
    pages = run.store.find_pages_by_id(sorted({each.page_id for each in changes}))
    items = []
    for change in changes:
        entry = show_change(run, change, args["prop"])
        entry.pop("rcid", None)
        if "user" in args["prop"] or "userid" in args["prop"]:
            entry["anon"] = not change.user_id
        items.append(QueryItem(entry, pages.get(change.page_id)))
    return items


def query_watchlistraw(run: ModuleRun) -> Optional[List[QueryItem]]:
    """Answer list=watchlistraw."""
    account = _require_watchlist(run)
    limit = run.args["limit"]
    parts = run.continue_parts(2)
    where = "account = ?"
    values: List[Any] = [account]
    if run.args["namespace"]:
        where += " AND " + namespace_clause("ns", run.args["namespace"])
    is_down = run.args["dir"] == "descending"
    for name, sign in (
        ("fromtitle", "<=" if is_down else ">="),
        ("totitle", ">=" if is_down else "<="),
    ):
        if run.args[name] is not None:
            title = run.call.read_title(run.args[name])
            where += " AND (ns, title) %s (?, ?)" % sign
            values += [title.namespace, title.key]
    if parts is not None:
        if not parts[0].isdigit():
            raise bad_continue()
        where += " AND (ns, title) %s (?, ?)" % ("<=" if is_down else ">=")
        values += [int(parts[0]), parts[1]]
    rows = run.store.db.all(
        "SELECT ns, title FROM watch WHERE %s ORDER BY ns%s, title%s LIMIT %d"
        % (where, *((" DESC" if is_down else "",) * 2), limit + 1),
        values,
    )
    if len(rows) > limit:
        run.go_on("continue", "%d|%s" % rows.pop())
    # Beside "query", not in it: as MediaWiki has it.
    shown = [{"ns": ns, "title": title_text(ns, key)} for ns, key in rows]
    if not run.is_generator:
        run.call.result["watchlistraw"] = shown
        return None
    return [QueryItem({}, None, Title(ns, key)) for ns, key in rows]


def query_deletedrevs(run: ModuleRun) -> List[QueryItem]:
    """Answer list=deletedrevs, which other modules have replaced."""
    if not run.call.may("deletedhistory"):
        raise refuse(
            "permissiondenied",
            "You don't have permission to view a page's deleted history.",
        )
    run.call.reader.deprecate(
        run.path,
        "list=deletedrevs has been deprecated.",
        "action=query&list=deletedrevs",
    )
    return []


CHANGE_RANGE_PARAMS = {
    "start": param_time(),
    "end": param_time(),
    "dir": param_choice("newer older", "older"),
    "limit": param_limit(),
    "continue": param_text(),
}
_change_types = "edit external new log categorize"


def change_list(
    name: str, prefix: str, params: Any, run: Any, **more: Any
) -> QueryModule:
    return QueryModule(
        name, "list", prefix, {**CHANGE_RANGE_PARAMS, **params}, run, run, **more
    )


CHANGE_LIST_MODULES: List[QueryModule] = [
    change_list(
        "recentchanges",
        "rc",
        {
            "namespace": param_namespaces(),
            "user": param_user(),
            "excludeuser": param_user(),
            "tag": param_text(),
            "prop": param_choices(
                "user userid comment parsedcomment flags timestamp title ids sizes "
                "redirect patrolled loginfo tags sha1",
                "title timestamp ids",
            ),
            "show": param_choices(
                "minor !minor bot !bot anon !anon redirect !redirect patrolled "
                "!patrolled unpatrolled autopatrolled !autopatrolled",
                is_optional=True,
            ),
            "type": param_choices(_change_types, "edit new log categorize"),
            "toponly": param_flag(),
            "title": param_text(),
            "generaterevisions": param_flag(),
            "slot": param_choice("main"),
        },
        query_recentchanges,
    ),
    change_list(
        "usercontribs",
        "uc",
        {
            "user": param_user(is_multi=True),
            "userids": param_number(is_multi=True),
            "userprefix": param_text(),
            "iprange": param_text(),
            "namespace": param_namespaces(),
            "prop": param_choices(
                "ids title timestamp comment parsedcomment size sizediff flags "
                "patrolled tags",
                "ids title timestamp comment size flags",
            ),
            "show": param_choices(
                "minor !minor patrolled !patrolled autopatrolled !autopatrolled top "
                "!top new !new",
                is_optional=True,
            ),
            "tag": param_text(),
            "toponly": param_flag(is_deprecated=True),
        },
        query_usercontribs,
    )._replace(generate=None),
    change_list(
        "logevents",
        "le",
        {
            "prop": param_choices(
                "ids title type user userid timestamp comment parsedcomment details "
                "tags",
                "ids title type user timestamp comment details",
            ),
            "type": param_choice(LOG_TYPES),
            "action": param_text(),
            "user": param_user(),
            "title": param_text(),
            "namespace": param_namespace(),
            "prefix": param_text(),
            "tag": param_text(),
        },
        query_logevents,
    ),
    change_list(
        "watchlist",
        "wl",
        {
            "allrev": param_flag(),
            "namespace": param_namespaces(),
            "user": param_user(),
            "excludeuser": param_user(),
            "prop": param_choices(
                "ids title flags user userid comment parsedcomment timestamp patrol "
                "sizes notificationtimestamp loginfo tags expiry",
                "ids title flags",
            ),
            "show": param_choices("minor !minor bot !bot anon !anon unread !unread"),
            "type": param_choices(_change_types, "edit new log categorize"),
            "owner": param_text(),
            "token": param_text(is_secret=True),
        },
        query_watchlist,
        is_private=True,
    ),
    QueryModule(
        "watchlistraw",
        "list",
        "wr",
        {
            "continue": param_text(),
            "namespace": param_namespaces(),
            "limit": param_limit(),
            "prop": param_choices("changed"),
            "show": param_choices("changed !changed"),
            "owner": param_text(),
            "token": param_text(is_secret=True),
            "dir": param_choice("ascending descending", "ascending"),
            "fromtitle": param_text(),
            "totitle": param_text(),
        },
        query_watchlistraw,
        query_watchlistraw,
        is_private=True,
    ),
    change_list(
        "deletedrevs",
        "dr",
        {
            "prop": param_list(),
            "user": param_user(),
            "namespace": param_text(),
            "unique": param_flag(),
            "tag": param_text(),
            "excludeuser": param_user(),
            "from": param_text(),
            "to": param_text(),
            "prefix": param_text(),
        },
        query_deletedrevs,
    )._replace(generate=None),
]
