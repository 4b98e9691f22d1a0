"""Lists of what happened, and of who did it, in action=query.

In: a ModuleRun.  Out: recent changes, contributions, log entries, watchlists.
Holds: nothing.
Spec: MediaWiki 1.39's list modules.  Not here: lists of pages (actions_lists.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .actions import refuse
from .actions_params import require_one
from .actions_query import ModuleRun, QueryItem, QueryModule, token_number
from .actions_select import (
    TAG_CLAUSE,
    TIME_KEYS,
    TIME_RANGE_PARAMS,
    ListKeys,
    ListQuery,
    pick,
    show_fields,
)
from .titles import Title, user_key

#: Whether the newest revision of its page is the one of a change.
_top_clause = (
    "EXISTS (SELECT 1 FROM page WHERE page.id = change.page"
    " AND page.latest = change.revision)"
)
#: The conditions on changes that values of `show` stand for, with ! for the opposite.
_shown_changes = {
    "anon": "account = 0",
    "autopatrolled": "patrolled = 1",
    "bot": "bot = 1",
    "minor": "minor = 1",
    "patrolled": "patrolled = 1",
    "redirect": "EXISTS (SELECT 1 FROM page WHERE page.id = change.page"
    " AND redirect IS NOT NULL)",
    "unpatrolled": "patrolled = 0",
}
_shown_revisions = {
    "minor": "minor = 1",
    "new": "parent = 0",
    "top": "EXISTS (SELECT 1 FROM page WHERE latest = revision.id)",
}
_change_fields = (
    "kind AS type, ns, title, page AS pageid, revision AS revid,"
    " old_revision AS old_revid, id AS rcid, time AS timestamp, account AS userid,"
    " user, account = 0 AS anon, comment, minor, bot, kind = 'new' AS new, patrolled,"
    " patrolled = 0 AS unpatrolled, 0 AS autopatrolled,"
    " ifnull(old_size,0) AS oldlen, ifnull(new_size,0) AS newlen, log AS logid,"
    " log_type AS logtype, log_action AS logaction,"
    " params AS logparams, tags"
)
_contribution_fields = (
    "page AS pageid, id AS revid, parent AS parentid, time AS timestamp,"
    " account AS userid, user, comment, minor, parent = 0 AS new, size, tags"
)
_log_fields = (
    "ns, title, id AS logid, page AS logpage, time AS timestamp, type, action,"
    " account AS userid, user, account = 0 AS anon, comment, params, tags"
)


#: The fields that show each part of a revision that can be hidden.
_hidden_fields = {
    "comment": ("comment", "parsedcomment"),
    "text": ("sha1",),
    "user": ("user", "userid", "anon"),
}


def _require_patrol(run: ModuleRun) -> None:
    if not (run.call.may("patrol") or run.call.may("patrolmarks")):
        raise refuse(
            "permissiondenied",
            'You need the "patrol" or "patrolmarks" right to request the patrolled '
            "flag.",
        )


def _add_shown(wanted: ListQuery, clauses: Dict[str, str]) -> None:
    """Take the rows that the parameter `show` asks for."""
    for show in wanted.run.args["show"] or ():
        name = show.lstrip("!")
        if name.endswith("patrolled"):
            _require_patrol(wanted.run)
        wanted.add("NOT " * show.startswith("!") + clauses[name])


def query_recentchanges(run: ModuleRun) -> List[QueryItem]:
    """Answer list=recentchanges."""
    wanted = ListQuery(run, "change", TIME_KEYS)
    wanted.add_title()
    wanted.add_given(user="user = ?", excludeuser="user <> ?", tag=TAG_CLAUSE)
    if "patrolled" in run.args["prop"]:
        _require_patrol(run)
    _add_shown(wanted, _shown_changes)
    if run.args["toponly"]:
        wanted.add(_top_clause)
    return _list_changes(wanted)


def _list_changes(wanted: ListQuery) -> List[QueryItem]:
    """Return the changes that are asked for, of some types and namespaces."""
    run, props = wanted.run, wanted.run.args["prop"]
    wanted.add_in("kind", run.args["type"])
    wanted.add_namespaces()
    wanted.add_times()
    changes = wanted.fetch_fields(_change_fields)
    pages = run.store.find_pages_by_id([change["pageid"] for change in changes])
    revisions = run.store.find_revisions([change["revid"] for change in changes])
    items = []
    for change in changes:
        title, log = Title(change["ns"], change["title"]), change.pop("logid")
        entry = {"type": change.pop("type"), **show_fields(run, change, title)}
        if entry["type"] != "log":
            for name in ("logtype", "logaction", "logparams"):
                entry.pop(name, None)
        elif "loginfo" in props:
            entry["logid"] = log
        page = pages.get(change["pageid"])
        if "redirect" in props:
            entry["redirect"] = page is not None and page.redirect is not None
        revision = revisions.get(change["revid"])
        if revision is not None:
            entry.update(pick(props, sha1=revision.sha1))
            _hide_fields(run, entry, revision.hidden.split())
        # No page can be where a change without a page was about a special one.
        target = None if page or title.namespace < 0 else title
        items.append(QueryItem(entry, page, target))
    return items


def _hide_fields(run: ModuleRun, entry: Dict[str, Any], hidden: List[str]) -> None:
    """Tell what of a change somebody hid, and leave it out for who may not see it."""
    for part in hidden:
        for name in _hidden_fields[part]:
            if name in entry:
                entry["sha1hidden" if part == "text" else part + "hidden"] = True
                if not run.call.may("deletedhistory"):
                    del entry[name]


def query_usercontribs(run: ModuleRun) -> List[QueryItem]:
    """Answer list=usercontribs."""
    args, props = run.args, run.args["prop"]
    source = require_one(args, run.prefix, ("userprefix", "userids", "iprange", "user"))
    if "patrolled" in props:
        _require_patrol(run)
    wanted = _contribs_source(run, source)
    wanted.add_namespaces(where="page IN (SELECT id FROM page WHERE %s)")
    wanted.add_given(tag=TAG_CLAUSE)
    _add_shown(wanted, _shown_revisions)
    wanted.add("hidden NOT LIKE '%user%'")
    rows = wanted.fetch_fields(_contribution_fields)
    pages = run.store.find_pages_by_id([row["pageid"] for row in rows])
    parents = {}
    if "sizediff" in props:
        parents = run.store.find_revisions([row["parentid"] for row in rows])
    items = []
    for row in rows:
        page, parent = pages[row["pageid"]], parents.get(row["parentid"])
        row["sizediff"] = row["size"] - (parent.size if parent else 0)
        row["top"] = page.latest == row["revid"]
        who = {"userid": row["userid"], "user": row["user"]}
        items.append(QueryItem({**who, **show_fields(run, row, page.title)}, page))
    return items


def _contribs_source(run: ModuleRun, source: str) -> ListQuery:
    """Return the query for the users that were named."""
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
        return wanted
    # The names go up whichever way the times go.
    wanted.order = wanted.order.replace("user DESC", "user")
    wanted.is_started = True
    place = run.continue_values(*keys.values())
    if place is not None:
        row = "(user > ? OR (user = ? AND (time, id) %s (?, ?)))" % wanted.after
        wanted.add(row, place[0], *place)
    return wanted


def query_logevents(run: ModuleRun) -> List[QueryItem]:
    """Answer list=logevents."""
    args = run.args
    wanted = ListQuery(run, "log", TIME_KEYS)
    wanted.add_given(
        type="type = ?", user="user = ?", namespace="ns = ?", tag=TAG_CLAUSE
    )
    if args["action"]:
        kind, _, action = args["action"].partition("/")
        wanted.add("type = ? AND (action = ? OR ? = '*')", kind, action, action)
    wanted.add_title()
    wanted.add_times()
    rows = wanted.fetch_fields(_log_fields)
    pages = run.store.find_pages([(row["ns"], row["title"]) for row in rows])
    items = []
    for row in rows:
        title = Title(row["ns"], row["title"])
        page = pages.get(title[:2])
        row["pageid"] = page.id if page else 0
        entry = show_fields(run, row, title)
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
    wanted = ListQuery(
        run,
        "change",
        TIME_KEYS,
        "EXISTS (SELECT 1 FROM watch WHERE watch.account = ? AND watch.ns = change.ns"
        " AND watch.title = change.title)",
        _require_watchlist(run),
    )
    wanted.add_given(user="user = ?", excludeuser="user <> ?")
    _add_shown(wanted, _shown_changes)
    if not run.args["allrev"]:
        wanted.add("(kind = 'log' OR %s)" % _top_clause)
    items = _list_changes(wanted)
    for item in items:
        item.entry.pop("rcid", None)
        if "user" in run.args["prop"] or "userid" in run.args["prop"]:
            item.entry.setdefault("anon", False)
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
            wanted.add("(ns, title) %s (?, ?)" % sign, *title[:2])
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
        show: optional any of minor !minor top !top new !new
        tag: text
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
        tag: text
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
            sizes loginfo tags = ids title flags
        show: any of minor !minor bot !bot anon !anon
        type: any of edit external new log categorize = edit new log categorize
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
        dir: one of ascending descending = ascending
        fromtitle, totitle: text
        """,
        is_generator=True,
        is_private=True,
    ),
    QueryModule(
        "list/deletedrevs", "dr", query_deletedrevs, TIME_RANGE_PARAMS + "prop: texts"
    ),
]
