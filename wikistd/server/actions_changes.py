"""Lists of what happened, and of who did it, in action=query.

In: a ModuleRun.  Out: recent changes, contributions, log entries, watchlists.
Holds: nothing.
Spec: MediaWiki 1.39's list modules.  Not here: lists of pages (actions_lists.py).
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .actions import refuse
from .actions_params import require_one
from .actions_query import ModuleRun, QueryItem, QueryModule, token_number
from .actions_select import (
    TIME_KEYS,
    TIME_RANGE_PARAMS,
    ListKeys,
    ListQuery,
    pick,
    show_comment,
    show_time,
    show_user,
)
from .changes import CHANGE_COLUMNS, make_change
from .records import Change, RevisionRow
from .store import REVISION_COLUMNS
from .titles import Title, user_key

#: Whether the newest revision of its page is the one of a change.
_top_clause = (
    "EXISTS (SELECT 1 FROM page WHERE page.id = change.page"
    " AND page.latest = change.revision)"
)


def _require_patrol(run: ModuleRun) -> None:
    if not (run.call.may("patrol") or run.call.may("patrolmarks")):
        raise refuse(
            "permissiondenied",
            'You need the "patrol" or "patrolmarks" right to request the patrolled '
            "flag.",
        )


def query_recentchanges(run: ModuleRun) -> List[QueryItem]:
    """Answer list=recentchanges."""
    args, props = run.args, run.args["prop"]
    wanted = ListQuery(run, "change", TIME_KEYS)
    wanted.add_in("kind", args["type"])
    wanted.add_namespaces()
    if args["title"] is not None:
        title = run.call.read_title(args["title"])
        wanted.add("ns = ? AND title = ?", title.namespace, title.key)
    for name, sign in (("user", "="), ("excludeuser", "<>")):
        if args[name] is not None:
            wanted.add("user %s ?" % sign, user_key(args[name]))
    if args["tag"] is not None:
        wanted.add("' ' || tags || ' ' LIKE ?", "%% %s %%" % args["tag"])
    if "patrolled" in props:
        _require_patrol(run)
    for show in args["show"] or ():
        wanted.add(_show_clause(run, show))
    if args["toponly"]:
        wanted.add(_top_clause)
    wanted.add_times()
    changes = [make_change(row) for row in wanted.fetch(CHANGE_COLUMNS)]
    pages = run.store.find_pages_by_id(sorted({each.page_id for each in changes}))
    revisions = {}
    if "sha1" in props:
        revisions = run.store.find_revisions([each.revid for each in changes])
    items = []
    for change in changes:
        entry = show_change(run, change, props)
        page = pages.get(change.page_id)
        if "redirect" in props:
            entry["redirect"] = page is not None and page.redirect is not None
        if change.revid in revisions:
            entry["sha1"] = revisions[change.revid].sha1
        # No page can be where a change without a page was about a special one.
        target = None if page or change.namespace < 0 else change.target
        items.append(QueryItem(entry, page, target))
    return items


def _show_clause(run: ModuleRun, show: str) -> str:
    is_not = show.startswith("!")
    name = show.lstrip("!")
    if name in ("patrolled", "unpatrolled", "autopatrolled"):
        _require_patrol(run)
        return "patrolled = %d" % ((name != "unpatrolled") != is_not)
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
    is_log = change.type == "log"
    return {
        "type": change.type,
        **show_user(props, change.user_id, change.user),
        **show_time(props, change.timestamp),
        **show_comment(run, props, change.comment, change.target),
        **pick(
            props,
            title={"ns": change.namespace, "title": change.title},
            ids={
                "pageid": change.page_id,
                "revid": change.revid,
                "old_revid": change.old_revid,
                "rcid": change.rcid,
            },
            flags={
                "bot": change.bot,
                "new": change.type == "new",
                "minor": change.minor,
            },
            sizes={"oldlen": change.old_len or 0, "newlen": change.new_len or 0},
            patrolled={
                "patrolled": change.patrolled,
                "unpatrolled": not change.patrolled,
                "autopatrolled": False,
            },
            loginfo={
                "logid": change.log_id,
                "logtype": change.log_type,
                "logaction": change.log_action,
                "logparams": change.log_params,
            }
            if is_log
            else {},
            tags={"tags": list(change.tags)},
        ),
    }


def query_usercontribs(run: ModuleRun) -> List[QueryItem]:
    """Answer list=usercontribs."""
    args, props = run.args, run.args["prop"]
    source = require_one(args, run.prefix, ("userprefix", "userids", "iprange", "user"))
    if "patrolled" in props:
        _require_patrol(run)
    wanted, order = _contribs_source(run, source)
    wanted.add_namespaces(where="page IN (SELECT id FROM page WHERE %s)")
    for show in args["show"] or ():
        name, is_not = show.lstrip("!"), show.startswith("!")
        clauses = {
            "minor": "minor = 1",
            "new": "parent = 0",
            "top": "EXISTS (SELECT 1 FROM page WHERE latest = revision.id)",
        }
        if name in clauses:
            wanted.add("NOT " * is_not + clauses[name])
    wanted.add("hidden NOT LIKE '%user%'")
    rows = wanted.fetch(REVISION_COLUMNS, order)
    revisions = [RevisionRow._make(row) for row in rows]
    pages = run.store.find_pages_by_id(sorted({each.page for each in revisions}))
    parents = {}
    if "sizediff" in props:
        parents = run.store.find_revisions([each.parent for each in revisions])
    items = []
    for revision in revisions:
        page = pages[revision.page]
        parent = parents.get(revision.parent)
        entry = {
            "userid": revision.account,
            "user": revision.user,
            **show_time(props, revision.time),
            **show_comment(run, props, revision.comment, page.title),
            **pick(
                props,
                ids={
                    "pageid": page.id,
                    "revid": revision.id,
                    "parentid": revision.parent,
                },
                title=page.title.entry,
                flags={
                    "new": not revision.parent,
                    "minor": bool(revision.minor),
                    "top": page.latest == revision.id,
                },
                size={"size": revision.size},
                sizediff={"sizediff": revision.size - (parent.size if parent else 0)},
                tags={"tags": revision.tags.split()},
            ),
        }
        items.append(QueryItem(entry, page))
    return items


def _contribs_source(run: ModuleRun, source: str) -> Tuple[ListQuery, str]:
    """Return the query for the users that were named, and its order if a mixed one."""
    args = run.args
    is_one = source in ("user", "userids") and len(args[source]) == 1
    keys: ListKeys = TIME_KEYS if is_one else {"user": str, **TIME_KEYS}
    wanted = ListQuery(run, "revision", keys)
    if source == "userprefix":
        wanted.add_prefix("user", user_key(args["userprefix"]))
    elif source == "userids":
        wanted.add_in("account", args["userids"])
    else:
        names = args["user"] if source == "user" else [args["iprange"]]
        if not names or not all(names):
            raise refuse("paramempty", "User parameter may not be empty.")
        wanted.add_in("user", map(user_key, names))
    wanted.add_times()
    if is_one:
        return wanted, ""
    # The names go up whichever way the times go.
    place = run.continue_values(*keys.values())
    if place is not None:
        wanted.add(
            "(user > ? OR (user = ? AND (time, id) %s (?, ?)))" % wanted.after,
            place[0],
            *place,
        )
    way = " DESC" if wanted.is_down else ""
    return wanted, "user, time%s, id%s" % (way, way)


def query_logevents(run: ModuleRun) -> List[QueryItem]:
    """Answer list=logevents."""
    args, props = run.args, run.args["prop"]
    wanted = ListQuery(run, "log", TIME_KEYS)
    if args["type"]:
        wanted.add("type = ?", args["type"])
    if args["action"]:
        kind, _, action = args["action"].partition("/")
        wanted.add("type = ? AND (action = ? OR ? = '*')", kind, action, action)
    if args["user"]:
        wanted.add("user = ?", user_key(args["user"]))
    if args["title"] is not None:
        title = run.call.read_title(args["title"])
        wanted.add("ns = ? AND title = ?", title.namespace, title.key)
    if args["namespace"] is not None:
        wanted.add("ns = ?", args["namespace"])
    wanted.add_times()
    rows = wanted.fetch(
        "ns, title, id, time, type, action, page, account, user, comment, params, tags"
    )
    pages = run.store.find_pages(sorted({row[:2] for row in rows}))
    items = []
    for namespace, key, number, when, kind, action, *row in rows:
        log_page, account, user, comment, params, tags = row
        title, page = Title(namespace, key), pages.get((namespace, key))
        ids = {"logid": number, "logpage": log_page, "pageid": page.id if page else 0}
        entry = {
            **show_user(props, account, user),
            **show_time(props, when),
            **show_comment(run, props, comment, title),
            **pick(
                props,
                ids=ids,
                title=title.entry,
                details={"params": json.loads(params)},
                type={"type": kind, "action": action},
                tags={"tags": tags.split()},
            ),
        }
        items.append(QueryItem(entry, page, None if page else title))
    return items


def _require_watchlist(run: ModuleRun) -> int:
    account = run.call.requester.account
    if not account:
        raise refuse(
            "notloggedin", "Please log in to view or edit items on your watchlist."
        )
    return account


def query_watchlist(run: ModuleRun) -> List[QueryItem]:
    """Answer list=watchlist: the newest change of each page that is watched."""
    account, props = _require_watchlist(run), run.args["prop"]
    wanted = ListQuery(
        run,
        "change",
        TIME_KEYS,
        "EXISTS (SELECT 1 FROM watch WHERE watch.account = ? AND watch.ns = change.ns"
        " AND watch.title = change.title)",
        account,
    )
    wanted.add_in("kind", run.args["type"])
    if not run.args["allrev"]:
        wanted.add("(kind = 'log' OR %s)" % _top_clause)
    wanted.add_namespaces()
    wanted.add_times()
    changes = [make_change(row) for row in wanted.fetch(CHANGE_COLUMNS)]
    pages = run.store.find_pages_by_id(sorted({each.page_id for each in changes}))
    items = []
    for change in changes:
        entry = show_change(run, change, props)
        entry.pop("rcid", None)
        if "user" in props or "userid" in props:
            entry["anon"] = not change.user_id
        items.append(QueryItem(entry, pages.get(change.page_id)))
    return items


def query_watchlistraw(run: ModuleRun) -> Optional[List[QueryItem]]:
    """Answer list=watchlistraw."""
    account = _require_watchlist(run)
    keys = {"ns": token_number, "title": str}
    wanted = ListQuery(run, "watch", keys, "account = ?", account)
    wanted.add_namespaces()
    for name, sign in (("fromtitle", wanted.after), ("totitle", wanted.before)):
        if run.args[name] is not None:
            title = run.call.read_title(run.args[name])
            wanted.add("(ns, title) %s (?, ?)" % sign, title.namespace, title.key)
    titles = [Title(*row) for row in wanted.fetch("ns, title")]
    if not run.is_generator:
        # Beside "query", not in it: as MediaWiki has it.
        run.call.result["watchlistraw"] = [title.entry for title in titles]
        return None
    return [QueryItem({}, None, title) for title in titles]


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


CHANGE_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "list/recentchanges",
        "rc",
        query_recentchanges,
        TIME_RANGE_PARAMS
        + """
        namespace: namespaces
        user, excludeuser: user
        tag: text
        prop: any of user userid comment parsedcomment flags timestamp title ids sizes \
            redirect patrolled loginfo tags sha1 = title timestamp ids
        show: optional any of minor !minor bot !bot anon !anon redirect !redirect \
            patrolled !patrolled unpatrolled autopatrolled !autopatrolled
        type: any of edit external new log categorize = edit new log categorize
        toponly: flag
        title: text
        generaterevisions: flag
        slot: one of main
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/usercontribs",
        "uc",
        query_usercontribs,
        TIME_RANGE_PARAMS
        + """
        user: users
        userids: numbers
        userprefix, iprange: text
        namespace: namespaces
        prop: any of ids title timestamp comment parsedcomment size sizediff flags \
            patrolled tags = ids title timestamp comment size flags
        show: optional any of minor !minor patrolled !patrolled autopatrolled \
            !autopatrolled top !top new !new
        tag: text
        toponly: deprecated flag
        """,
    ),
    QueryModule(
        "list/logevents",
        "le",
        query_logevents,
        TIME_RANGE_PARAMS
        + """
        prop: any of ids title type user userid timestamp comment parsedcomment \
            details tags = ids title type user timestamp comment details
        type: one of block create delete import managetags merge move newusers patrol \
            protect renameuser rights suppress tag upload
        action: text
        user: user
        title: text
        namespace: namespace
        prefix, tag: text
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/watchlist",
        "wl",
        query_watchlist,
        TIME_RANGE_PARAMS
        + """
        allrev: flag
        namespace: namespaces
        user, excludeuser: user
        prop: any of ids title flags user userid comment parsedcomment timestamp \
            patrol sizes notificationtimestamp loginfo tags expiry = ids title flags
        show: any of minor !minor bot !bot anon !anon unread !unread
        type: any of edit external new log categorize = edit new log categorize
        owner: text
        token: secret text
        """,
        is_generator=True,
        is_private=True,
    ),
    QueryModule(
        "list/watchlistraw",
        "wr",
        query_watchlistraw,
        """
        continue: text
        namespace: namespaces
        limit: limit
        prop: any of changed
        show: any of changed !changed
        owner: text
        token: secret text
        dir: one of ascending descending = ascending
        fromtitle, totitle: text
        """,
        is_generator=True,
        is_private=True,
    ),
    QueryModule(
        "list/deletedrevs",
        "dr",
        query_deletedrevs,
        TIME_RANGE_PARAMS
        + """
        prop: texts
        user: user
        namespace: text
        unique: flag
        tag: text
        excludeuser: user
        from, to, prefix: text
        """,
    ),
]
