"""Revisions in action=query: their facts and texts, of pages, users and all.

In: a ModuleRun.  Out: revisions beside each page, or lists of them.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryRevisionsBase and its children.
Not here: writing them (actions_edit.py).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from .actions import refuse
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    token_number,
)
from .actions_select import (
    TIME_KEYS,
    ListQuery,
    pick,
    show_comment,
    show_time,
    show_user,
    write_token,
)
from .markup import get_section
from .records import RevisionRow
from .store import REVISION_COLUMNS
from .titles import Title, user_key

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
REVISION_PARAMS = """
prop: any of comment content contentmodel flags ids parsedcomment roles sha1 size \
    slotsha1 slotsize tags timestamp user userid parsetree~ \
    = ids timestamp flags comment user
slots: optional starred any of main
limit: optional limit
section, continue: text
start, end: time
dir: one of newer older = older
user, excludeuser: user
tag: text
"""
_deleted_columns = REVISION_COLUMNS.replace("hidden", "'' AS hidden")


def limit_revisions(run: ModuleRun) -> int:
    """Return how many revisions one reply may hold, fewer with their texts."""
    low, high = _content_limits if _needs_texts(run) else _revision_limits
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


def _limit_list(run: ModuleRun) -> int:
    return 10 if run.args["limit"] is None else limit_revisions(run)


def _needs_texts(run: ModuleRun) -> bool:
    return "content" in run.args["prop"]


def read_texts(run: ModuleRun, revisions: Iterable[RevisionRow]) -> Dict[int, str]:
    """Return the texts of revisions by the number of their content, if asked for."""
    if not _needs_texts(run):
        return {}
    ids = sorted({revision.content for revision in revisions})
    sql = "SELECT id, body FROM content WHERE id IN (%s)"
    return dict(run.store.select_in(sql, ids))


def warn_legacy(run: ModuleRun) -> None:
    """Warn of the old shape of texts, which comes without the parameter slots."""
    if _needs_texts(run) and run.args["slots"] is None:
        module = run.module
        run.call.reader.deprecate(
            run.path,
            'Because "%sslots" was not specified, a legacy format has been used for '
            "the output. This format is deprecated, and in the future the new format "
            "will always be used." % module.prefix,
            "action=query&%s=%s&!%sslots" % (module.kind, module.name, module.prefix),
        )


def show_revision(
    run: ModuleRun, revision: RevisionRow, texts: Dict[int, str], title: Title
) -> Dict[str, Any]:
    """Return one revision of the page `title` as the parameters ask for it."""
    props = set(run.args["prop"])

    hidden = revision.hidden.split()

    def unless_hidden(part: str, shown: Dict[str, Any]) -> Dict[str, Any]:
        """What somebody hid is told, and shown to those who may see it."""
        if not shown or part not in hidden:
            return shown
        seen = shown if run.call.may("deletedhistory") else {}
        return {**seen, ("sha1" if "sha1" in shown else part) + "hidden": True}

    def show_content() -> Dict[str, Any]:
        return unless_hidden("text", _show_content(run, revision, texts))

    entry = pick(
        props,
        ids={"revid": revision.id, "parentid": revision.parent},
        flags={"minor": bool(revision.minor)},
        size={"size": revision.size},
        roles={"roles": ["main"]},
        tags={"tags": revision.tags.split()},
    )
    for part, shown in (
        ("time", show_time(props, revision.time)),
        ("user", show_user(props, revision.account, revision.user)),
        ("text", pick(props, sha1={"sha1": revision.sha1})),
        ("comment", show_comment(run, props, revision.comment, title)),
    ):
        entry.update(unless_hidden(part, shown))
    model = {"contentmodel": revision.model}
    if run.args["slots"] is None:
        entry.update(show_content() if "content" in props else {})
        if "content" not in props:
            entry.update(pick(props, contentmodel=model))
    elif props & {"content", "contentmodel", "slotsha1", "slotsize"}:
        slot = pick(
            props, slotsize={"size": revision.size}, slotsha1={"sha1": revision.sha1}
        )
        slot.update(
            show_content() if "content" in props else pick(props, contentmodel=model)
        )
        entry["slots"] = {"main": slot}
    return entry


def _show_content(
    run: ModuleRun, revision: RevisionRow, texts: Dict[int, str]
) -> Dict[str, Any]:
    text: Optional[str] = texts.get(revision.content, "")
    section = run.args["section"]
    if section is not None and text is not None:
        if not section.isdigit():
            raise refuse(
                "invalidsection",
                'The "section" parameter must be a valid section ID or "new".',
            )
        text = get_section(text, int(section))
        if text is None:
            raise refuse("nosuchsection", "There is no section %s." % section)
    return {
        "contentmodel": revision.model,
        "contentformat": CONTENT_FORMATS.get(revision.model, "text/plain"),
        run.call.text_key("content"): text,
    }


def query_revisions(run: ModuleRun) -> Optional[List[QueryItem]]:
    """Answer prop=revisions: the newest of each page, the given ones, or a history."""
    names = ("start", "end", "user", "excludeuser", "tag", "limit", "startid", "endid")
    is_ranged = run.args["dir"] == "newer" or any(
        run.args[name] is not None for name in names
    )
    if is_ranged and run.pages.revisions:
        _refuse_mix(run, 'The "revids" parameter may not be used with the list options')
    if is_ranged and len(run.pages.good) > 1:
        _refuse_mix(
            run,
            '"titles", "pageids" or a generator was used to supply multiple pages, but '
            "the",
        )
    warn_legacy(run)
    if not run.pages.good:
        return []
    return _query_history(run) if is_ranged else _query_given(run)


def _refuse_mix(run: ModuleRun, start: str) -> None:
    names = ("limit", "startid", "endid", "dir=newer", "user", "excludeuser", "start")
    listed = ", ".join('"%s%s"' % (run.prefix, name) for name in names)
    listed += ', and "%send"' % run.prefix
    if start.startswith("The"):
        raise refuse("invalidparammix", "%s (%s)." % (start, listed))
    end = "parameters may only be used on a single page."
    raise refuse("invalidparammix", "%s %s %s" % (start, listed, end))


def _query_given(run: ModuleRun) -> List[QueryItem]:
    """The newest revisions of pages, or those whose ids were given."""
    is_by_id = bool(run.pages.revisions)
    if is_by_id:
        ids = sorted(run.pages.revisions)
        start = run.continue_values(token_number) or [0]
        ids = [number for number in ids if number >= start[0]]
    else:
        start = run.continue_values(token_number, token_number) or [0]
        pages = sorted(run.pages.good.values(), key=lambda page: page.id)
        ids = [page.latest for page in pages if page.id >= start[0]]
    limit = limit_revisions(run)
    found = run.store.find_revisions(ids[: limit + 1])
    revisions = [found[number] for number in ids[: limit + 1] if number in found]
    token = "{0.id}" if is_by_id else "{0.page}|{0.id}"
    return _add_revisions(run, revisions, limit, token.format)


def _add_revisions(
    run: ModuleRun, revisions: Sequence[RevisionRow], limit: int, token: Any
) -> List[QueryItem]:
    """Put revisions beside their pages; `token` says where to go on after `limit`."""
    texts = read_texts(run, revisions[:limit])
    items: List[QueryItem] = []
    for revision in revisions:
        page = run.pages.good[revision.page]
        if len(items) < limit:
            entry = show_revision(run, revision, texts, page.title)
            size = 100 + len(texts.get(revision.content, ""))
            if run.is_generator or run.add_value(page.id, "revisions", entry, size):
                items.append(QueryItem(entry, page))
                continue
        run.go_on("continue", token(revision))
        break
    return items


def _query_history(run: ModuleRun) -> List[QueryItem]:
    """The history of one page."""
    wanted = _ranged_query(run, "revision", "page = ?", next(iter(run.pages.good)))
    limit = limit_revisions(run)
    revisions = list(map(RevisionRow._make, wanted.select(REVISION_COLUMNS, limit)))
    return _add_revisions(
        run, revisions, limit, lambda each: write_token(TIME_KEYS, (each.time, each.id))
    )


def _ranged_query(
    run: ModuleRun, table: str, where: str = "1", *values: Any
) -> ListQuery:
    """Return the query for what the parameters ask for."""
    args = run.args
    wanted = ListQuery(run, table, TIME_KEYS, where, *values)
    wanted.add_times()
    wanted.add_bounds("id", args.get("startid"), args.get("endid"))
    for name, sign in (("user", "="), ("excludeuser", "<>")):
        if args[name]:
            wanted.add("user %s ?" % sign, user_key(args[name]))
    if args["tag"]:
        wanted.add("' ' || tags || ' ' LIKE ?", "%% %s %%" % args["tag"])
    return wanted


def _go_on_after(
    run: ModuleRun, revisions: List[RevisionRow], limit: int
) -> List[RevisionRow]:
    """Return `limit` revisions, and say where the list goes on."""
    for revision in revisions[limit : limit + 1]:
        token = write_token(TIME_KEYS, (revision.time, revision.id))
        run.go_on("continue", token)
    return revisions[:limit]


def query_allrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allrevisions: all of the wiki by time, grouped by page."""
    warn_legacy(run)
    limit = _limit_list(run)
    wanted = _ranged_query(run, "revision")
    wanted.add_namespaces(where="page IN (SELECT id FROM page WHERE %s)")
    found = list(map(RevisionRow._make, wanted.select(REVISION_COLUMNS, limit)))
    revisions = _go_on_after(run, found, limit)
    pages = run.store.find_pages_by_id(sorted({each.page for each in revisions}))
    texts = read_texts(run, revisions)
    items: Dict[int, QueryItem] = {}
    for revision in revisions:
        page = pages[revision.page]
        entry = {**page.entry, "revisions": []}
        item = items.setdefault(page.id, QueryItem(entry, page))
        shown = show_revision(run, revision, texts, page.title)
        item.entry["revisions"].append(shown)
    return list(items.values())


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


def _deleted_revisions(
    run: ModuleRun, limit: int, where: str = "1", *values: Any
) -> List[Tuple[Title, RevisionRow]]:
    """Return deleted revisions and their titles, one more than `limit`."""
    wanted = _ranged_query(run, "deleted_revision", where, *values)
    if "namespace" in run.args:
        wanted.add_namespaces()
    rows = wanted.select(_deleted_columns + ", ns, title", limit)
    return [(Title(*row[14:]), RevisionRow._make(row[:14])) for row in rows]


def query_deletedrevisions(run: ModuleRun) -> None:
    """Answer prop=deletedrevisions."""
    if not run.pages.good and not run.pages.missing:
        return
    _require_deleted(run)
    warn_legacy(run)
    places = [*run.pages.missing.items()]
    places += [(number, page.title) for number, page in run.pages.good.items()]
    left = limit_revisions(run)
    for number, title in places:
        where = ("ns = ? AND title = ?", title.namespace, title.key)
        found = [each for _, each in _deleted_revisions(run, left, *where)]
        shown = _go_on_after(run, found, left)
        texts = read_texts(run, shown)
        for revision in shown:
            entry = show_revision(run, revision, texts, title)
            run.add_value(number, "deletedrevisions", entry)
        left -= len(shown)
        if len(found) > len(shown):
            return


def query_alldeletedrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alldeletedrevisions, newest first, grouped by page."""
    _require_deleted(run)
    limit = _limit_list(run)
    found = _deleted_revisions(run, limit)
    shown = _go_on_after(run, [each for _, each in found], limit)
    texts = read_texts(run, shown)
    items: Dict[Title, QueryItem] = {}
    for title, revision in found[:limit]:
        entry = {"pageid": 0, "revisions": [], **title.entry}
        item = items.setdefault(title, QueryItem(entry, None, title))
        item.entry["revisions"].append(show_revision(run, revision, texts, title))
    return list(items.values())


REVISION_PROP_MODULES: List[QueryModule] = [
    QueryModule(
        "prop/revisions",
        "rv",
        query_revisions,
        REVISION_PARAMS + "startid, endid: number",
        is_generator=True,
    ),
    QueryModule(
        "prop/deletedrevisions", "drv", query_deletedrevisions, REVISION_PARAMS
    ),
]
REVISION_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "list/allrevisions",
        "arv",
        query_allrevisions,
        REVISION_PARAMS + "namespace: namespaces\ngeneratetitles: flag",
        is_generator=True,
    ),
    QueryModule(
        "list/alldeletedrevisions",
        "adr",
        query_alldeletedrevisions,
        REVISION_PARAMS + "namespace: namespaces",
        is_generator=True,
    ),
]
