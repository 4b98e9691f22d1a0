"""Reading that is not a query: parse, compare, opensearch, purge, and the help.

In: parameters.  Out: HTML as simple as this wiki makes it, suggestions, differences.
Holds: nothing.
Spec: MediaWiki 1.39's modules of these names.  Not here: wikitext (markup.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .actions import refuse
from .actions_call import ActionCall, ActionModule, write_action
from .actions_edit import existing_revision, find_existing, missing_page
from .actions_pages import PAGE_SET_PARAMS
from .actions_params import require_one
from .actions_props import display_title
from .actions_query import Query
from .actions_rules import check_rate
from .actions_search import find_by_prefix
from .actions_select import pick
from .markup import escape_html, find_links, find_sections, render_html
from .records import PageRow, RevisionRow
from .titles import Title, parse_title


def _parse_source(
    call: ActionCall, args: Dict[str, Any]
) -> Tuple[Title, str, Optional[RevisionRow]]:
    """Return title, text and revision of what is to be parsed."""
    names = [
        name for name in ("text", "page", "pageid", "oldid") if args[name] is not None
    ]
    if len(names) > 1:
        text = 'The parameters "%s" and "%s" can not be used together.'
        raise refuse("invalidparammix", text % tuple(names[:2]))
    if names in ([], ["text"]):
        if names and not (args["title"] or args["contentmodel"]):
            text = 'No "title" or "contentmodel" was given, assuming wikitext.'
            call.warn("guessed", text)
        title = call.read_title(args["title"] or "API")
        return title._replace(fragment=""), args["text"] or "", None
    number = args["oldid"]
    if number is None:
        page = find_existing(call, call.find_title(args, ("page", "pageid")))
        if args["redirects"] and names == ["page"]:
            page = _follow_redirects(call, page)
        number = page.latest
    revision = existing_revision(call, number)
    page = call.store.find_pages_by_id([revision.page])[revision.page]
    return page.title, _read_shown_text(call, revision), revision


def _read_shown_text(call: ActionCall, revision: RevisionRow) -> str:
    """Return the text of a revision; refuse one that is hidden from who asks."""
    if "text" in revision.hidden.split() and not call.may("deletedtext"):
        text = "You don't have permission to view deleted revision text."
        raise refuse("permissiondenied", text)
    return call.store.read_text(revision)


def _follow_redirects(call: ActionCall, page: PageRow) -> PageRow:
    """Return where a chain of redirects ends, and note it; a circle ends at home."""
    hops: List[Dict[str, Any]] = []
    visited = {page.id}
    while page.redirect is not None:
        hops.append({"from": page.text, "to": page.redirect})
        if parse_title(page.redirect).namespace < 0:
            raise refuse("pagecannotexist", "Namespace doesn't allow actual pages.")
        target = call.store.find_page(page.redirect)
        if target is None:
            raise missing_page()
        page = target
        if page.id in visited:
            break
        visited.add(page.id)
    call.redirects = hops
    return page


def run_parse(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=parse."""
    title, text, revision = _parse_source(call, args)
    links = find_links(text)
    titles = [*links.pages, *links.templates]
    titles += [Title(14, key) for key in links.categories]
    existing = set(call.store.find_pages([each[:2] for each in titles]))
    is_new = call.version >= 2

    def show_links(titles: List[Title]) -> List[Dict[str, Any]]:
        return [
            {
                "ns": each.namespace,
                call.text_key("title"): str(each),
                "exists": each[:2] in existing,
            }
            for each in titles
        ]

    categories: List[Dict[str, Any]] = []
    for key, prefix in links.categories.items():
        categories.append({"sortkey": prefix, call.text_key("category"): key})
        if (14, key) not in existing:
            categories[-1]["missing"] = True
    sections = _show_sections(title, text)
    rendered = render_html(text, title, existing)
    shown: Dict[str, Any] = {
        "title": str(title),
        "pageid": revision.page if revision else 0,
        **pick(
            args["prop"],
            text=rendered if is_new else {"*": rendered},
            langlinks=[],
            categories=categories,
            links=show_links(links.pages),
            templates=show_links(links.templates),
            images=[each.key for each in links.files],
            externallinks=links.urls,
            sections=sections,
            showtoc=len(sections) > 3,
            parsewarnings=[],
            displaytitle=display_title(title),
            iwlinks=[],
            properties={} if is_new else [],
            wikitext=text if is_new else {"*": text},
        ),
    }
    if call.redirects:
        shown["redirects"] = call.redirects
    if revision is not None and "revid" in args["prop"]:
        shown["revid"] = revision.id
    call.result["parse"] = shown


def _show_sections(title: Title, text: str) -> List[Dict[str, Any]]:
    shown = []
    numbers: List[int] = []
    offset = position = 0
    for section in find_sections(text):
        offset += len(text[position : section.start].encode("utf-8"))
        position = section.start
        depth = max(1, section.level - 1)
        numbers = numbers[:depth] + [0] * (depth - len(numbers))
        numbers[-1] += 1
        shown.append(
            {
                "toclevel": depth,
                "level": str(section.level),
                "line": escape_html(section.heading),
                "number": ".".join(str(each) for each in numbers),
                "index": str(section.number),
                "fromtitle": str(title).replace(" ", "_"),
                "byteoffset": offset,
                "anchor": section.heading.replace(" ", "_"),
            }
        )
    return shown


def run_opensearch(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=opensearch: a list, unlike everything else."""
    pages = find_by_prefix(call.store, args["search"], args["namespace"], args["limit"])
    titles = [page.text for page in pages]
    call.cache_seconds = 1200  # as MediaWiki lets suggestions be kept
    call.plain_result = [
        args["search"],
        titles,
        ["" for _ in titles],
        [call.page_url(title) for title in titles],
    ]


def run_purge(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=purge."""
    query = Query(call, call.query_table)
    query.load_pages(args)
    check_rate(call, "purge")
    pages, entries = query.pages, query.pages.entries()
    shown = [
        entries[number]
        for number in (*pages.invalid, *pages.special, *pages.missing_ids)
    ]
    shown += [{**title.entry, "missing": True} for title in pages.missing.values()]
    does_links = args["forcelinkupdate"] or args["forcerecursivelinkupdate"]
    for page in pages.good.values():
        with call.store.db.transaction():
            call.store.db.update("page", page.id, touched=call.now)
            revision = call.store.find_revision(page.latest)
            if does_links and revision is not None:
                links = find_links(call.store.read_text(revision))
                call.store.links.update(page.id, page.title, links, call.now)
        more = {"purged": True, "linkupdate": True} if does_links else {"purged": True}
        shown.append({**page.title.entry, **more})
    query.finish_pages(shown, "purge")


def _compare_side(
    call: ActionCall, args: Dict[str, Any], side: str
) -> Tuple[str, Dict[str, Any]]:
    if args[side + "text"] is not None:
        text = 'The parameter "%stext" has been deprecated.' % side
        call.reader.deprecate(call.module, text, "action=compare&%stext" % side)
        return args[side + "text"], {}
    number: Optional[int] = args[side + "rev"]
    if number is None:
        names = tuple(side + name for name in ("title", "id", "rev", "text", "slots"))
        if require_one(args, "", names, at_least=True) == side + "title":
            title = call.read_title(args[side + "title"])
            found = call.store.find_page(title)
            if found is None:
                raise refuse("missingtitle", "The page %s doesn't exist." % str(title))
            number = found.latest
        else:
            number = call.find_page_by_id(args[side + "id"]).latest
    revision = existing_revision(call, number)
    page = call.store.find_pages_by_id([revision.page])[revision.page]
    return _read_shown_text(call, revision), {
        side + "id": page.id,
        side + "revid": revision.id,
        side + "ns": page.namespace,
        side + "title": page.text,
    }


def run_compare(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=compare with a table of the lines that differ."""
    import difflib  # 3 ms of import, only where texts are compared

    old, shown = _compare_side(call, args, "from")
    new, more = _compare_side(call, args, "to")
    kinds = {"-": "deleted", "+": "added", " ": "context"}
    rows = []
    for line in difflib.unified_diff(old.split("\n"), new.split("\n"), n=2):
        if not line.startswith(("---", "+++", "@@")):
            rows.append(
                '<tr><td class="diff-%sline"><div>%s</div></td></tr>'
                % (kinds[line[0]], escape_html(line[1:]))
            )
    call.result["compare"] = {**shown, **more, call.text_key("body"): "\n".join(rows)}


PARSE_ACTIONS: List[ActionModule] = [
    ActionModule(
        "compare",
        run_compare,
        """
        fromtitle, fromtext, totitle, totext: text
        fromid, fromrev, toid, torev: number
        """,
    ),
    ActionModule(
        "opensearch",
        run_opensearch,
        """
        search: required text
        namespace: namespaces = 0
        limit: limit to 500 500
        """,
    ),
    ActionModule(
        "parse",
        run_parse,
        """
        title, text, page: text
        pageid, oldid: number
        redirects: flag
        prop: any of text langlinks categories links templates images externallinks \
            sections revid displaytitle iwlinks wikitext properties parsewarnings \
            = text langlinks categories links templates images externallinks sections \
            revid displaytitle iwlinks properties parsewarnings
        disablelimitreport, disableeditsection, disabletoc: flag
        contentmodel: text
        """,
    ),
    write_action(
        "purge",
        run_purge,
        PAGE_SET_PARAMS
        + """
        forcelinkupdate, forcerecursivelinkupdate: flag
        generator, continue: text
        """,
        token="",
    ),
]
