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
from .actions_pages import PAGE_SET_PARAMS, is_unknown_special
from .actions_params import require_one
from .actions_props import display_title
from .actions_query import Query
from .actions_rules import check_rate
from .actions_search import find_by_prefix
from .markup import PageLinks, escape_html, find_links, find_sections, render_html
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
    store = call.store
    if args["oldid"] is not None:
        revision = existing_revision(call, args["oldid"])
        page = store.find_pages_by_id([revision.page])[revision.page]
    elif args["pageid"] is not None or args["page"] is not None:
        title = call.find_title(args, ("page", "pageid"))
        page = find_existing(call, title)
        if args["redirects"] and args["pageid"] is None:
            page = _follow_redirects(call, page)
        revision = existing_revision(call, page.latest)
    else:
        if args["text"] is not None and not (args["title"] or args["contentmodel"]):
            text = 'No "title" or "contentmodel" was given, assuming wikitext.'
            call.warn("guessed", text)
        title = call.read_title(args["title"] or "API")
        return title._replace(fragment=""), args["text"] or "", None
    return page.title, store.read_text(revision), revision


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
    props = args["prop"]
    links = find_links(text)
    existing = _existing(call, links)
    shown: Dict[str, Any] = {
        "title": str(title),
        "pageid": revision.page if revision else 0,
    }
    if call.redirects:
        shown["redirects"] = call.redirects
    if revision is not None and "revid" in props:
        shown["revid"] = revision.id
    rendered = render_html(text, title, existing)
    values: Dict[str, Any] = {
        "text": rendered,
        "langlinks": [],
        "categories": _show_categories(call, links, existing),
        "links": [_show_link(call, each, existing) for each in links.pages],
        "templates": [_show_link(call, each, existing) for each in links.templates],
        "images": [each.key for each in links.files],
        "externallinks": links.urls,
        "sections": _show_sections(title, text),
        "parsewarnings": [],
        "displaytitle": display_title(title),
        "iwlinks": [],
        "properties": {} if call.version >= 2 else [],
        "wikitext": text,
    }
    for name in ("text", "wikitext"):
        if call.version < 2:
            values[name] = {"*": values[name]}
    shown.update({name: value for name, value in values.items() if name in props})
    if "sections" in props:
        shown["showtoc"] = len(values["sections"]) > 3
    call.result["parse"] = shown


def _existing(call: ActionCall, links: PageLinks) -> Any:
    wanted = [each[:2] for each in [*links.pages, *links.templates]]
    wanted += [(14, key) for key in links.categories]
    return set(call.store.find_pages(wanted))


def _show_link(call: ActionCall, title: Title, existing: Any) -> Dict[str, Any]:
    name = call.text_key("title")
    return {
        "ns": title.namespace,
        name: str(title),
        "exists": title[:2] in existing,
    }


def _show_categories(
    call: ActionCall, links: PageLinks, existing: Any
) -> List[Dict[str, Any]]:
    name = call.text_key("category")
    shown = []
    for key, prefix in links.categories.items():
        entry: Dict[str, Any] = {"sortkey": prefix, name: key}
        if (14, key) not in existing:
            entry["missing"] = True
        shown.append(entry)
    return shown


def _show_sections(title: Title, text: str) -> List[Dict[str, Any]]:
    shown = []
    numbers: List[int] = []
    for section in find_sections(text):
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
                "byteoffset": len(text[: section.start].encode("utf-8")),
                "anchor": section.heading.replace(" ", "_"),
            }
        )
    return shown


def run_opensearch(call: ActionCall, args: Dict[str, Any]) -> None:
    """Answer action=opensearch: a list, unlike everything else."""
    pages = find_by_prefix(
        call.store, args["search"], args["namespace"], 0, args["limit"]
    )
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
    pages = query.pages
    shown: List[Dict[str, Any]] = []
    for text, reason in pages.invalid.values():
        shown.append({"title": text, "invalidreason": reason, "invalid": True})
    for title in pages.special.values():
        entry = {"ns": title.namespace, "title": str(title), "special": True}
        shown.append({**entry, "missing": True} if is_unknown_special(title) else entry)
    shown += [{"pageid": number, "missing": True} for number in pages.missing_ids]
    for title in pages.missing.values():
        shown.append({"ns": title.namespace, "title": str(title), "missing": True})
    does_links = args["forcelinkupdate"] or args["forcerecursivelinkupdate"]
    for page in pages.good.values():
        with call.store.db.transaction():
            call.store.db.run(
                "UPDATE page SET touched = ? WHERE id = ?", (call.now, page.id)
            )
            revision = call.store.find_revision(page.latest)
            if does_links and revision is not None:
                title = page.title
                links = find_links(call.store.read_text(revision))
                call.store.links.update(page.id, title, links, call.now)
        entry = {"ns": page.namespace, "title": page.text, "purged": True}
        shown.append({**entry, "linkupdate": True} if does_links else entry)
    query.finish_pages(shown, "purge")


def _compare_side(
    call: ActionCall, args: Dict[str, Any], side: str
) -> Tuple[str, Dict[str, Any]]:
    store = call.store
    if args[side + "text"] is not None:
        text = 'The parameter "%stext" has been deprecated.' % side
        call.reader.deprecate(call.module, text, "action=compare&%stext" % side)
        return args[side + "text"], {}
    number: Optional[int] = args[side + "rev"]
    if number is None:
        names = tuple(side + name for name in ("title", "id", "rev", "text", "slots"))
        if require_one(args, "", names, at_least=True) == side + "title":
            title = call.read_title(args[side + "title"])
            found = store.find_page(title)
            if found is None:
                raise refuse("missingtitle", "The page %s doesn't exist." % str(title))
            page = found
        else:
            page = call.find_page_by_id(args[side + "id"])
        number = page.latest
    revision = existing_revision(call, number)
    page = store.find_pages_by_id([revision.page])[revision.page]
    return store.read_text(revision), {
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
    shown.update(more)
    rows = []
    for line in difflib.unified_diff(
        old.split("\n"), new.split("\n"), lineterm="", n=2
    ):
        if not line.startswith(("---", "+++", "@@")):
            kind = {"-": "deleted", "+": "added"}.get(line[:1], "context")
            rows.append(
                '<tr><td class="diff-%sline"><div>%s</div></td></tr>'
                % (kind, escape_html(line[1:]))
            )
    shown[call.text_key("body")] = "\n".join(rows)
    call.result["compare"] = shown


PARSE_ACTIONS: List[ActionModule] = [
    ActionModule(
        "compare",
        run_compare,
        """
        fromtitle: text
        fromid, fromrev: number
        fromtext, totitle: text
        toid, torev: number
        totext: text
        """,
    ),
    ActionModule(
        "opensearch",
        run_opensearch,
        """
        search: required text
        namespace: namespaces = 0
        limit: limit to 500 500
        profile: text
        suggest: flag
        redirects: one of return resolve
        warningsaserror: flag
        """,
    ),
    ActionModule(
        "parse",
        run_parse,
        """
        title, text: text
        revid: number
        summary, page: text
        pageid: number
        redirects: flag
        oldid: number
        prop: any of text langlinks categories categorieshtml links templates \
            images externallinks sections revid displaytitle subtitle headhtml \
            modules jsconfigvars encodedjsconfigvars indicators iwlinks wikitext \
            properties limitreportdata limitreporthtml parsetree parsewarnings \
            parsewarningshtml headitems = text langlinks categories links templates \
            images externallinks sections revid displaytitle iwlinks properties \
            parsewarnings
        wrapoutputclass: text = mw-parser-output
        pst, onlypst: flag
        section, sectiontitle: text
        disablelimitreport, disableeditsection, disabletoc, preview: flag
        contentformat, contentmodel: text
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
