"""Revisions in action=query: their facts and texts, of pages, users and all.

In: a ModuleRun.  Out: revisions beside each page, or lists of them.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryRevisionsBase and its children.
Not here: writing them (actions_edit.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from .actions import refuse
from .actions_continue import bad_continue
from .actions_params import (
    ParamSpec,
    param_choice,
    param_choices,
    param_namespaces,
    param_number,
    param_text,
    param_time,
    param_user,
)
from .actions_query import ModuleRun, QueryItem, QueryModule, namespace_clause
from .comments import parse_comment
from .markup import get_section
from .records import RevisionRow, format_stamp, format_time, parse_stamp
from .titles import Title, title_text

_revision_props = (
    "comment content contentmodel flags ids parsedcomment roles sha1 size slotsha1 "
    "slotsize tags timestamp user userid parsetree"
)
_slot_props = {"content", "contentmodel", "slotsha1", "slotsize"}
#: Texts are large: fewer of them in a reply than of other things.
_revision_limits = (500, 5000)
_content_limits = (50, 500)

CONTENT_FORMATS = {
    "wikitext": "text/x-wiki",
    "javascript": "text/javascript",
    "css": "text/css",
    "json": "application/json",
    "text": "text/plain",
}
REVISION_PARAMS: Dict[str, ParamSpec] = {
    "prop": param_choices(
        _revision_props, "ids timestamp flags comment user", old_values="parsetree"
    ),
    "slots": param_choices("main", takes_all=True, is_optional=True),
    "limit": ParamSpec("limit", None, low=1, high=500, bot_high=5000),
    "section": param_text(),
    "continue": param_text(),
}
_range_params: Dict[str, ParamSpec] = {
    "start": param_time(),
    "end": param_time(),
    "dir": param_choice("newer older", "older"),
    "user": param_user(),
    "excludeuser": param_user(),
    "tag": param_text(),
}


def limit_revisions(run: ModuleRun) -> int:
    """Return how many revisions one reply may hold, fewer with their texts."""
    props = set(run.args["prop"])
    low, high = _content_limits if "content" in props else _revision_limits
    most = high if run.call.reader.has_high_limits else low
    limit: Optional[int] = run.args["limit"]
    if limit is None:
        return most
    if limit > most and run.call.values.get(run.prefix + "limit") == "max":
        run.call.reader.limits[run.module.name] = most
    elif limit > most:
        run.warn(
            "outofrange",
            'The value "%d" for parameter "%slimit" must be between 1 and %d.'
            % (limit, run.prefix, most),
            min=1,
            curmax=most,
            max=low,
            highmax=high,
        )
    return min(limit, most)


def may_see(run: ModuleRun, what: str, hidden: Sequence[str]) -> bool:
    """Return whether the client may see a part of a revision that somebody hid."""
    return what not in hidden or run.call.may("deletedhistory")


def read_texts(run: ModuleRun, revisions: Sequence[RevisionRow]) -> Dict[int, str]:
    """Return the texts of revisions by the number of their content."""
    ids = sorted({revision.content for revision in revisions})
    sql = "SELECT id, body FROM content WHERE id IN (%s)"
    return dict(run.store.select_in(sql, ids))


def warn_legacy(run: ModuleRun) -> None:
    """Warn of the old shape of texts, which comes without the parameter slots."""
    if "content" in run.args["prop"] and run.args["slots"] is None:
        run.call.reader.deprecate(
            run.path,
            'Because "%sslots" was not specified, a legacy format has been used for '
            "the output. This format is deprecated, and in the future the new format "
            "will always be used." % run.module.prefix,
            "action=query&%s=%s&!%sslots"
            % (run.module.kind, run.module.name, run.module.prefix),
        )


def show_revision(
    run: ModuleRun, revision: RevisionRow, texts: Dict[int, str], title: Title
) -> Dict[str, Any]:
    """Return one revision of the page `title` as the parameters ask for it."""
    props = set(run.args["prop"])
    hidden = revision.hidden.split()
    entry: Dict[str, Any] = {}
    if "ids" in props:
        entry["revid"] = revision.id
        entry["parentid"] = revision.parent
    if "flags" in props:
        entry["minor"] = bool(revision.minor)
    _show_user(run, entry, revision, props, hidden)
    if "timestamp" in props:
        entry["timestamp"] = format_time(revision.time)
    if "size" in props:
        entry["size"] = revision.size
    if "sha1" in props:
        if "text" in hidden:
            entry["sha1hidden"] = True
        if may_see(run, "text", hidden):
            entry["sha1"] = revision.sha1
    if "roles" in props:
        entry["roles"] = ["main"]
    if run.args["slots"] is None:
        if "contentmodel" in props and "content" not in props:
            entry["contentmodel"] = revision.model
        if "content" in props:
            _show_content(run, entry, revision, texts, hidden)
    elif props & _slot_props:
        entry["slots"] = {"main": _show_slot(run, revision, texts, props, hidden)}
    _show_comment(run, entry, revision, title, hidden)
    if "tags" in props:
        entry["tags"] = revision.tags.split()
    return entry


def _title_of(run: ModuleRun, revision: RevisionRow) -> Title:
    """Return the title of the page a revision of this query belongs to."""
    page = run.pages.good[revision.page]
    return Title(page.namespace, page.key)


def _show_user(
    run: ModuleRun,
    entry: Dict[str, Any],
    revision: RevisionRow,
    props: Any,
    hidden: Any,
) -> None:
    if not props & {"user", "userid"}:
        return
    if "user" in hidden:
        entry["userhidden"] = True
    if not may_see(run, "user", hidden):
        return
    if "user" in props:
        entry["user"] = revision.user
    if "userid" in props:
        entry["userid"] = revision.account
    if not revision.account:
        entry["anon"] = True


def _show_comment(
    run: ModuleRun,
    entry: Dict[str, Any],
    revision: RevisionRow,
    title: Title,
    hidden: Any,
) -> None:
    props = set(run.args["prop"])
    if not props & {"comment", "parsedcomment"}:
        return
    if "comment" in hidden:
        entry["commenthidden"] = True
    if not may_see(run, "comment", hidden):
        return
    if "comment" in props:
        entry["comment"] = revision.comment
    if "parsedcomment" in props:
        entry["parsedcomment"] = parse_comment(run.store, revision.comment, title)


def _show_slot(
    run: ModuleRun,
    revision: RevisionRow,
    texts: Dict[int, str],
    props: Any,
    hidden: Sequence[str],
) -> Dict[str, Any]:
    slot: Dict[str, Any] = {}
    if "slotsize" in props:
        slot["size"] = revision.size
    if "slotsha1" in props:
        slot["sha1"] = revision.sha1
    if "content" in props:
        _show_content(run, slot, revision, texts, hidden)
    elif "contentmodel" in props:
        slot["contentmodel"] = revision.model
    return slot


def _show_content(
    run: ModuleRun,
    place: Dict[str, Any],
    revision: RevisionRow,
    texts: Dict[int, str],
    hidden: Sequence[str],
) -> None:
    if "text" in hidden:
        place["texthidden"] = True
    if not may_see(run, "text", hidden):
        return
    text: Optional[str] = texts.get(revision.content, "")
    section = run.args.get("section")
    if section is not None and text is not None:
        if not section.isdigit():
            raise refuse(
                "invalidsection",
                'The "section" parameter must be a valid section ID or "new".',
            )
        text = get_section(text, int(section))
        if text is None:
            raise refuse("nosuchsection", "There is no section %s." % section)
    place["contentmodel"] = revision.model
    place["contentformat"] = CONTENT_FORMATS.get(revision.model, "text/plain")
    place[run.call.content_key] = text


def _needs_texts(run: ModuleRun) -> bool:
    return "content" in run.args["prop"]


def query_revisions(run: ModuleRun) -> Optional[List[QueryItem]]:
    """Answer prop=revisions: the newest of each page, the given ones, or a history."""
    args = run.args
    ranged = [name for name in _range_params if args.get(name) not in (None, "older")]
    ranged += [
        name for name in ("limit", "startid", "endid") if args.get(name) is not None
    ]
    if run.pages.revisions:
        if ranged:
            _refuse_mix(run, "revids")
    elif ranged:
        if len(run.pages.good) > 1:
            _refuse_mix(run, "titles")
        warn_legacy(run)
        return _query_history(run)
    warn_legacy(run)
    return _query_given(run)


def _refuse_mix(run: ModuleRun, source: str) -> None:
    if source == "revids":
        text = (
            'The "revids" parameter may not be used with the list options '
            '("{0}limit", "{0}startid", "{0}endid", "{0}dir=newer", "{0}user", '
            '"{0}excludeuser", "{0}start", and "{0}end").'
        )
    else:
        text = (
            '"titles", "pageids" or a generator was used to supply multiple pages, but '
            'the "{0}limit", "{0}startid", "{0}endid", "{0}dir=newer", "{0}user", '
            '"{0}excludeuser", "{0}start", and "{0}end" parameters may only be used on '
            "a single page."
        )
    raise refuse("invalidparammix", text.format(run.prefix))


def _query_given(run: ModuleRun) -> List[QueryItem]:
    """The newest revisions of pages, or those whose ids were given."""
    if not run.pages.good:
        return []
    is_by_id = bool(run.pages.revisions)
    if is_by_id:
        ids = sorted(run.pages.revisions)
    else:
        ordered = sorted(run.pages.good.values(), key=lambda page: page.id)
        ids = [page.latest for page in ordered]
    parts = run.continue_parts(1 if is_by_id else 2)
    if parts is not None:
        if not all(part.isdigit() for part in parts):
            raise bad_continue()
        if is_by_id:
            ids = [number for number in ids if number >= int(parts[0])]
        else:
            ids = [page.latest for page in ordered if page.id >= int(parts[0])]
    limit = limit_revisions(run)
    part = run.store.find_revisions(ids[: limit + 1])
    texts = (
        read_texts(run, [part[n] for n in ids[:limit] if n in part])
        if (_needs_texts(run))
        else {}
    )
    found: List[QueryItem] = []
    for position, number in enumerate(ids):
        revision = part.get(number)
        if position < limit and revision is None:
            continue
        if revision is not None and position < limit:
            title = _title_of(run, revision)
            entry = show_revision(run, revision, texts, title)
            size = 100 + len(texts.get(revision.content, ""))
            if run.is_generator or run.add_value(
                revision.page, "revisions", entry, size
            ):
                found.append(QueryItem(entry, run.pages.good.get(revision.page)))
                continue
        if revision is not None:
            token = str(number)
            run.go_on(
                "continue", token if is_by_id else "%d|%d" % (revision.page, number)
            )
        break
    return found


def _query_history(run: ModuleRun) -> List[QueryItem]:
    """The history of one page."""
    if not run.pages.good:
        return []
    page = next(iter(run.pages.good.values()))
    where, values = "page = ?", [page.id]
    where, values = add_range(run, where, values)
    return _emit_history(run, where, values)


def add_range(run: ModuleRun, where: str, values: List[Any]) -> Tuple[str, List[Any]]:
    """Add what start, end, user and the continue parameter ask for to a condition."""
    args = run.args
    is_newer = args["dir"] == "newer"
    after, before = (">=", "<=") if is_newer else ("<=", ">=")
    for name, sign in (("start", after), ("end", before)):
        if args.get(name) is not None:
            where += " AND time %s ?" % sign
            values.append(args[name])
    for name, sign in (("startid", after), ("endid", before)):
        if args.get(name) is not None:
            where += " AND id %s ?" % sign
            values.append(args[name])
    if args.get("user"):
        where += " AND user = ?"
        values.append(args["user"].replace("_", " "))
    if args.get("excludeuser"):
        where += " AND user <> ?"
        values.append(args["excludeuser"].replace("_", " "))
    if args.get("tag"):
        where += " AND ' ' || tags || ' ' LIKE ?"
        values.append("%% %s %%" % args["tag"])
    token = read_time_token(run)
    if token is not None:
        where += " AND (time, id) %s (?, ?)" % after
        values += token
    way = "" if is_newer else " DESC"
    return where + " ORDER BY time%s, id%s" % (way, way), values


def read_time_token(run: ModuleRun) -> Optional[List[int]]:
    """Return time and id of a continue parameter like 20261120093000|7, or None."""
    parts = run.continue_parts(2)
    if parts is None:
        return None
    try:
        return [parse_stamp(parts[0]), int(parts[1])]
    except ValueError as error:
        raise bad_continue() from error


def _emit_history(run: ModuleRun, where: str, values: List[Any]) -> List[QueryItem]:
    limit = limit_revisions(run)
    revisions = run.store.query_revisions(where, values, limit + 1)
    texts = read_texts(run, revisions[:limit]) if _needs_texts(run) else {}
    found: List[QueryItem] = []
    for revision in revisions:
        entry = {}
        if len(found) < limit:
            title = _title_of(run, revision)
            entry = show_revision(run, revision, texts, title)
        size = 100 + len(texts.get(revision.content, ""))
        if len(found) >= limit or not (
            run.is_generator or run.add_value(revision.page, "revisions", entry, size)
        ):
            token = "%s|%d" % (format_stamp(revision.time), revision.id)
            run.go_on("continue", token)
            break
        found.append(QueryItem(entry, run.pages.good.get(revision.page)))
    return found


def query_allrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allrevisions: all of the wiki by time, grouped by page."""
    where = "1 = 1"
    if run.args["namespace"]:
        where = "page IN (SELECT id FROM page WHERE %s)" % namespace_clause(
            "ns", run.args["namespace"]
        )
    warn_legacy(run)
    clause, values = add_range(run, where, [])
    limit = limit_revisions(run)
    if run.args["limit"] is None:
        limit = 10
    revisions = run.store.query_revisions(clause, values, limit + 1)
    if len(revisions) > limit:
        last = revisions[limit]
        run.go_on("continue", "%s|%d" % (format_stamp(last.time), last.id))
    pages = run.store.find_pages_by_id(
        sorted({each.page for each in revisions[:limit]})
    )
    texts = read_texts(run, revisions[:limit]) if _needs_texts(run) else {}
    items: Dict[int, QueryItem] = {}
    for revision in revisions[:limit]:
        page = pages[revision.page]
        if page.id not in items:
            entry = {
                "pageid": page.id,
                "revisions": [],
                "ns": page.namespace,
                "title": page.text,
            }
            items[page.id] = QueryItem(entry, page)
        shown = show_revision(run, revision, texts, Title(page.namespace, page.key))
        items[page.id].entry["revisions"].append(shown)
    return list(items.values())


_deleted_columns = (
    "id, page, parent, time, account, user, comment, minor, size, sha1, model,"
    " content, '' AS hidden, tags"
)


def _require_deleted(run: ModuleRun) -> None:
    props = set(run.args["prop"])
    if props & {"comment", "parsedcomment"} and not run.call.may("deletedhistory"):
        text = "You don't have permission to view deleted comments."
        raise refuse("permissiondenied", text)
    if props & {"content", "parsetree"} and not run.call.may("deletedtext"):
        text = (
            "You don't have permission to view deleted text or changes between deleted "
            "revisions."
        )
        raise refuse("permissiondenied", text)


def query_deletedrevisions(run: ModuleRun) -> None:
    """Answer prop=deletedrevisions."""
    if not run.pages.good and not run.pages.missing:
        return
    _require_deleted(run)
    warn_legacy(run)
    places = [(n, title.namespace, title.key) for n, title in run.pages.missing.items()]
    places += [(n, page.namespace, page.key) for n, page in run.pages.good.items()]
    limit, count = limit_revisions(run), 0
    token = read_time_token(run)
    for number, namespace, key in places:
        where, values = "ns = ? AND title = ?", [namespace, key]
        if token is not None:
            where += " AND (time, id) <= (?, ?)"
            values += token
        rows = run.store.db.all(
            "SELECT %s FROM deleted_revision WHERE %s"
            " ORDER BY time DESC, id DESC LIMIT %d"
            % (_deleted_columns, where, limit - count + 1),
            values,
        )
        revisions = [RevisionRow._make(row) for row in rows]
        texts = read_texts(run, revisions) if _needs_texts(run) else {}
        for revision in revisions:
            if count >= limit:
                token_text = "%s|%d" % (format_stamp(revision.time), revision.id)
                run.go_on("continue", token_text)
                return
            shown = show_revision(run, revision, texts, Title(namespace, key))
            run.add_value(number, "deletedrevisions", shown)
            count += 1


def query_alldeletedrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alldeletedrevisions, newest first, grouped by page."""
    _require_deleted(run)
    limit = limit_revisions(run)
    if run.args["limit"] is None:
        limit = 10
    where: str = "1 = 1"
    values: List[Any] = []
    token = read_time_token(run)
    if token is not None:
        where, values = "(time, id) <= (?, ?)", list(token)
    rows = run.store.db.all(
        "SELECT %s, ns, title FROM deleted_revision WHERE %s"
        " ORDER BY time DESC, id DESC LIMIT %d" % (_deleted_columns, where, limit + 1),
        values,
    )
    items: Dict[Tuple[int, str], QueryItem] = {}
    for count, row in enumerate(rows):
        revision = RevisionRow._make(row[:14])
        namespace, key = row[14:]
        if count >= limit:
            run.go_on("continue", "%s|%d" % (format_stamp(revision.time), revision.id))
            break
        if (namespace, key) not in items:
            entry = {
                "pageid": 0,
                "revisions": [],
                "ns": namespace,
                "title": title_text(namespace, key),
            }
            items[namespace, key] = QueryItem(entry, None, Title(namespace, key))
        texts = read_texts(run, [revision]) if _needs_texts(run) else {}
        shown = show_revision(run, revision, texts, Title(namespace, key))
        items[namespace, key].entry["revisions"].append(shown)
    return list(items.values())


REVISION_PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "revisions",
        "prop",
        "rv",
        {
            **REVISION_PARAMS,
            **_range_params,
            "startid": param_number(),
            "endid": param_number(),
        },
        query_revisions,
        query_revisions,
    ),
    QueryModule(
        "deletedrevisions",
        "prop",
        "drv",
        {**REVISION_PARAMS, **_range_params},
        query_deletedrevisions,
    ),
]
REVISION_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "allrevisions",
        "list",
        "arv",
        {
            **REVISION_PARAMS,
            **_range_params,
            "namespace": param_namespaces(),
            "generatetitles": ParamSpec("flag", False),
        },
        query_allrevisions,
        query_allrevisions,
    ),
    QueryModule(
        "alldeletedrevisions",
        "list",
        "adr",
        {**REVISION_PARAMS, **_range_params, "namespace": param_namespaces()},
        query_alldeletedrevisions,
        query_alldeletedrevisions,
    ),
]
