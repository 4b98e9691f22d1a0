"""Revisions in action=query: their facts and texts, of pages, users and all.

In: a ModuleRun.  Out: revisions beside each page, or lists of them.
Holds: nothing.
Spec: MediaWiki 1.39's ApiQueryRevisionsBase and its children.
Not here: writing them (actions_edit.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from .actions import refuse
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    token_number,
)
from .actions_select import (
    TAG_CLAUSE,
    TIME_KEYS,
    ListQuery,
    pick,
    show_fields,
    write_token,
)
from .actions_specs import read_spec
from .markup import get_section
from .records import RevisionRow
from .store import REVISION_COLUMNS
from .titles import Title

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


def set_limit(run: ModuleRun) -> None:
    """Set how many revisions one reply may hold, fewer with their texts."""
    # Texts are large: fewer of them in a reply than of other things.
    spec = read_spec("limit to 50 500" if _needs_texts(run) else "limit")
    reader, name, limit = run.call.reader, run.prefix + "limit", run.args["limit"]
    if limit is None and run.module.kind == "list":
        limit = 10
    elif limit is None:
        limit = spec.bot_high if reader.has_high_limits else spec.high
    else:
        value = "max" if reader.values[name] == "max" else str(limit)
        limit = reader.read_value(run.path, name, value, spec)
    run.args["limit"] = limit


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

    row = {
        "revid": revision.id,
        "parentid": revision.parent,
        "minor": revision.minor,
        "size": revision.size,
        "roles": ["main"],
        "tags": revision.tags,
        "timestamp": revision.time,
    }
    who = {"user": revision.user, "userid": revision.account}
    who["anon"] = not revision.account
    comment = show_fields(run, {"comment": revision.comment}, title)
    entry = {
        **show_fields(run, row),
        **unless_hidden("user", show_fields(run, who)),
        **unless_hidden("text", pick(props, sha1=revision.sha1)),
        **unless_hidden("comment", comment),
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
    first_page, first = run.continue_values(token_number, token_number) or (0, 0)
    pages = sorted(run.pages.good.values(), key=lambda page: page.id)
    ids = [page.latest for page in pages if page.id >= first_page]
    if run.pages.revisions:
        ids = [number for number in sorted(run.pages.revisions) if number >= first]
    set_limit(run)
    ids = ids[: run.args["limit"] + 1]
    found = run.store.find_revisions(ids)
    revisions = [found[number] for number in ids if number in found]
    return _add_revisions(run, revisions, "{0.page}|{0.id}".format)


def _query_history(run: ModuleRun) -> List[QueryItem]:
    """The history of one page."""
    wanted = _ranged_query(run, "revision")
    wanted.add("page = ?", next(iter(run.pages.good)))
    rows = wanted.select(REVISION_COLUMNS, run.args["limit"])

    def token(revision: RevisionRow) -> str:
        return write_token(TIME_KEYS, (revision.time, revision.id))

    return _add_revisions(run, [RevisionRow(*row) for row in rows], token)


def _add_revisions(
    run: ModuleRun, revisions: List[RevisionRow], token: Callable[[RevisionRow], str]
) -> List[QueryItem]:
    """Put revisions beside their pages; `token` says where to go on at the limit."""
    texts = read_texts(run, revisions)
    items: List[QueryItem] = []
    for revision in revisions:
        page = run.pages.good[revision.page]
        entry = show_revision(run, revision, texts, page.title)
        size = 100 + len(texts.get(revision.content, ""))
        if not run.add_in_turn(page.id, entry, token(revision), len(items), size):
            break
        items.append(QueryItem(entry, page))
    return items


def _ranged_query(run: ModuleRun, table: str) -> ListQuery:
    """Return the query for what the parameters ask for, and set the limit."""
    set_limit(run)
    wanted = ListQuery(run, table, TIME_KEYS)
    wanted.add_times()
    wanted.add_bounds("id", run.args.get("startid"), run.args.get("endid"))
    wanted.add_given(user="user = ?", excludeuser="user <> ?", tag=TAG_CLAUSE)
    return wanted


def _group_by_page(
    run: ModuleRun, revisions: List[RevisionRow], titles: Sequence[Title]
) -> Dict[Title, List[Dict[str, Any]]]:
    """Return what is shown of the revisions of each page."""
    texts = read_texts(run, revisions)
    grouped: Dict[Title, List[Dict[str, Any]]] = {}
    for revision, title in zip(revisions, titles):
        shown = show_revision(run, revision, texts, title)
        grouped.setdefault(title, []).append(shown)
    return grouped


def query_allrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allrevisions: all of the wiki by time, grouped by page."""
    warn_legacy(run)
    wanted = _ranged_query(run, "revision")
    wanted.add_namespaces(where="page IN (SELECT id FROM page WHERE %s)")
    revisions = [RevisionRow(*row) for row in wanted.fetch(REVISION_COLUMNS)]
    found = run.store.find_pages_by_id([each.page for each in revisions])
    pages = {page.title: page for page in found.values()}
    titles = [found[each.page].title for each in revisions]
    return [
        QueryItem({**pages[title].entry, "revisions": shown}, pages[title])
        for title, shown in _group_by_page(run, revisions, titles).items()
    ]


def _show_deleted(
    run: ModuleRun, wanted: ListQuery
) -> Dict[Title, List[Dict[str, Any]]]:
    """Return what is shown of the deleted revisions of each page."""
    rows = wanted.fetch("ns, title, " + _deleted_columns)
    revisions = [RevisionRow(*row[2:]) for row in rows]
    return _group_by_page(run, revisions, [Title(*row[:2]) for row in rows])


def _require_deleted(run: ModuleRun) -> None:
    props = set(run.args["prop"])
    what = ""
    if props & {"comment", "parsedcomment"} and not run.call.may("deletedhistory"):
        what = "deleted comments."
    elif _needs_texts(run) and not run.call.may("deletedtext"):
        what = "deleted text or changes between deleted revisions."
    if what:
        text = "You don't have permission to view " + what
        raise refuse("permissiondenied", text)


def query_deletedrevisions(run: ModuleRun) -> None:
    """Answer prop=deletedrevisions."""
    numbers = {title: number for number, title in run.pages.numbered}
    if not numbers:
        return
    _require_deleted(run)
    warn_legacy(run)
    wanted = _ranged_query(run, "deleted_revision")
    wanted.add_titles(numbers)
    for title, shown in _show_deleted(run, wanted).items():
        run.entry(numbers[title])["deletedrevisions"] = shown


def query_alldeletedrevisions(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alldeletedrevisions, newest first, grouped by page."""
    _require_deleted(run)
    wanted = _ranged_query(run, "deleted_revision")
    wanted.add_namespaces()
    return [
        QueryItem({"pageid": 0, **title.entry, "revisions": shown}, None, title)
        for title, shown in _show_deleted(run, wanted).items()
    ]


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
