"""Revisions in action=query: their facts and texts, of pages, users and all.

In: a ModuleRun.  Out: revisions beside each page, or lists of them.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryRevisionsBase and its children.
Not here: writing them (actions_edit.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from .actions import refuse
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    page_items,
    token_number,
)
from .actions_select import (
    TAG_CLAUSE,
    TIME_KEYS,
    ListQuery,
    pick,
    show_comment,
    show_user,
    write_token,
)
from .markup import get_section
from .records import RevisionRow, format_time
from .store import REVISION_COLUMNS
from .titles import Title

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
    slotsha1 slotsize tags timestamp user userid \
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
        return 10 if run.module.kind == "list" else most
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

    def show_model() -> Dict[str, Any]:
        if "content" not in props:
            return pick(props, contentmodel=revision.model)
        return unless_hidden("text", _show_content(run, revision, texts))

    entry = {
        **pick(
            props,
            revid=revision.id,
            parentid=revision.parent,
            minor=bool(revision.minor),
            size=revision.size,
            roles=["main"],
            tags=revision.tags.split(),
            timestamp=format_time(revision.time),
        ),
        **unless_hidden("user", show_user(props, revision.account, revision.user)),
        **unless_hidden("text", pick(props, sha1=revision.sha1)),
        **unless_hidden("comment", show_comment(run, props, revision.comment, title)),
    }
    if run.args["slots"] is None:
        entry.update(show_model())
    elif props & {"content", "contentmodel", "slotsha1", "slotsize"}:
        slot = show_model()
        if "slotsize" in props:
            slot["size"] = revision.size
        if "slotsha1" in props:
            slot["sha1"] = revision.sha1
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
    listed = ", ".join(
        '"%s%s"' % (run.prefix, name)
        for name in "limit startid endid dir=newer user excludeuser start".split()
    )
    listed += ', and "%send"' % run.prefix
    if is_ranged and run.pages.revisions:
        text = 'The "revids" parameter may not be used with the list options (%s).'
        raise refuse("invalidparammix", text % listed)
    if is_ranged and len(run.pages.good) > 1:
        raise refuse(
            "invalidparammix",
            '"titles", "pageids" or a generator was used to supply multiple pages, but '
            "the %s parameters may only be used on a single page." % listed,
        )
    warn_legacy(run)
    if not run.pages.good:
        return []
    return _query_history(run) if is_ranged else _query_given(run)


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
    run: ModuleRun,
    revisions: Sequence[RevisionRow],
    limit: int,
    token: Callable[[RevisionRow], str],
) -> List[QueryItem]:
    """Put revisions beside their pages; `token` says where to go on after `limit`."""
    texts = read_texts(run, revisions[:limit])
    items: List[QueryItem] = []
    for revision in revisions:
        page = run.pages.good[revision.page]
        if len(items) < limit:
            entry = show_revision(run, revision, texts, page.title)
            size = 100 + len(texts.get(revision.content, ""))
            if run.is_generator or run.add_value(page.id, entry, size):
                items.append(QueryItem(entry, page))
                continue
        run.go_on("continue", token(revision))
        break
    return items


def _time_token(revision: RevisionRow) -> str:
    return write_token(TIME_KEYS, (revision.time, revision.id))


def _query_history(run: ModuleRun) -> List[QueryItem]:
    """The history of one page."""
    wanted = _ranged_query(run, "revision", "page = ?", next(iter(run.pages.good)))
    limit = limit_revisions(run)
    rows = wanted.select(REVISION_COLUMNS, limit)
    return _add_revisions(run, [RevisionRow(*row) for row in rows], limit, _time_token)


def _ranged_query(
    run: ModuleRun, table: str, where: str = "1", *values: Any
) -> ListQuery:
    """Return the query for what the parameters ask for."""
    wanted = ListQuery(run, table, TIME_KEYS, where, *values)
    wanted.add_times()
    wanted.add_bounds("id", run.args.get("startid"), run.args.get("endid"))
    wanted.add_given(user="user = ?", excludeuser="user <> ?", tag=TAG_CLAUSE)
    return wanted


def _go_on_after(
    run: ModuleRun, revisions: List[RevisionRow], limit: int
) -> List[RevisionRow]:
    """Return `limit` revisions, and say where the list goes on."""
    for revision in revisions[limit : limit + 1]:
        run.go_on("continue", _time_token(revision))
    return revisions[:limit]


def _group_by_page(
    run: ModuleRun, revisions: List[RevisionRow], items: Sequence[QueryItem]
) -> List[QueryItem]:
    """Return the items of pages, once each, with their revisions in them."""
    texts = read_texts(run, revisions)
    grouped: Dict[Title, QueryItem] = {}
    for revision, item in zip(revisions, items):
        title = item.page.title if item.page else item.title
        assert title is not None
        item = grouped.setdefault(title, item)
        shown = show_revision(run, revision, texts, title)
        item.entry.setdefault("revisions", []).append(shown)
    return list(grouped.values())


def query_allrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allrevisions: all of the wiki by time, grouped by page."""
    warn_legacy(run)
    limit = limit_revisions(run)
    wanted = _ranged_query(run, "revision")
    wanted.add_namespaces(where="page IN (SELECT id FROM page WHERE %s)")
    found = [RevisionRow(*row) for row in wanted.select(REVISION_COLUMNS, limit)]
    shown = _go_on_after(run, found, limit)
    pages = run.store.find_pages_by_id([each.page for each in shown])
    return _group_by_page(run, shown, page_items(pages[each.page] for each in shown))


def _require_deleted(run: ModuleRun) -> None:
    props = set(run.args["prop"])
    for wanted, right, what in (
        ({"comment", "parsedcomment"}, "deletedhistory", "deleted comments."),
        (
            {"content"},
            "deletedtext",
            "deleted text or changes between deleted revisions.",
        ),
    ):
        if props & wanted and not run.call.may(right):
            text = "You don't have permission to view " + what
            raise refuse("permissiondenied", text)


def _deleted_revisions(
    run: ModuleRun, limit: int, where: str = "1", *values: Any
) -> Tuple[List[Title], List[RevisionRow]]:
    """Return titles and deleted revisions, one of these more than `limit`."""
    wanted = _ranged_query(run, "deleted_revision", where, *values)
    if "namespace" in run.args:
        wanted.add_namespaces()
    rows = wanted.select("ns, title, " + _deleted_columns, limit)
    return [Title(*row[:2]) for row in rows], [RevisionRow(*row[2:]) for row in rows]


def query_deletedrevisions(run: ModuleRun) -> None:
    """Answer prop=deletedrevisions."""
    places = list(run.pages.missing.items())
    places += [(number, page.title) for number, page in run.pages.good.items()]
    if not places:
        return
    _require_deleted(run)
    warn_legacy(run)
    left = limit_revisions(run)
    for number, title in places:
        where = ("ns = ? AND title = ?", title.namespace, title.key)
        _, found = _deleted_revisions(run, left, *where)
        shown = _go_on_after(run, found, left)
        texts = read_texts(run, shown)
        for revision in shown:
            run.add_value(number, show_revision(run, revision, texts, title))
        left -= len(shown)
        if len(found) > len(shown):
            return


def query_alldeletedrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alldeletedrevisions, newest first, grouped by page."""
    _require_deleted(run)
    limit = limit_revisions(run)
    titles, found = _deleted_revisions(run, limit)
    items = [QueryItem({"pageid": 0, **each.entry}, None, each) for each in titles]
    return _group_by_page(run, _go_on_after(run, found, limit), items)


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
