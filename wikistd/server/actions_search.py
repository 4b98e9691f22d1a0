"""Pages found by words, by how their titles begin, or by chance, in action=query.

In: a ModuleRun.  Out: items, which a generator takes as pages.  Holds: nothing.
Spec: MediaWiki 1.39's search, prefixsearch and random.  Not here: an index of words:
titles and texts are read through (100,000 titles take about a second).
"""

from __future__ import annotations

import re
from typing import Any, List, Sequence

from .actions_params import missing_param
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    page_items,
    token_number,
)
from .actions_select import pick, redirect_clause, show_time
from .markup import escape_html
from .records import PageRow
from .titles import find_namespace, title_key


def search_words(text: str) -> List[re.Pattern[str]]:
    """Return a pattern for each word of a search; a quoted phrase counts as one."""
    words = re.findall(r'"([^"]+)"|(\S+)', text)
    return [
        re.compile(r"(?<!\w)%s(?!\w)" % re.escape(phrase or word), re.IGNORECASE)
        for phrase, word in words
        if re.search(r"\w", phrase or word)
    ]


def find_titles(
    run: ModuleRun, patterns: Sequence[Any], namespaces: Any
) -> List[PageRow]:
    """Return the pages whose titles have all the words, in order."""
    found: List[PageRow] = []
    start = (-1, "")
    while patterns:
        # A part at a time: memory stays flat, however large the wiki.
        pages = run.store.query_pages(
            "%s AND (ns, title) > (?, ?) ORDER BY ns, title"
            % namespace_clause("ns", namespaces),
            start,
            2000,
        )
        found += [
            page
            for page in pages
            if all(each.search(page.key.replace("_", " ")) for each in patterns)
        ]
        if len(pages) < 2000:
            break
        start = (pages[-1].namespace, pages[-1].key)
    return found


def find_texts(
    run: ModuleRun, patterns: Sequence[Any], namespaces: Any
) -> List[PageRow]:
    """Return the pages whose newest texts have all the words, by id."""
    found: List[PageRow] = []
    start = 0
    while patterns:
        pages = run.store.query_pages(
            "%s AND id > ? ORDER BY id" % namespace_clause("ns", namespaces),
            (start,),
            200,
        )
        revisions = run.store.find_revisions([page.latest for page in pages])
        for page in pages:
            text = run.store.read_text(revisions[page.latest])
            if all(each.search(text) for each in patterns):
                found.append(page)
        if len(pages) < 200:
            break
        start = pages[-1].id
    return found


def snippet_of(text: str, patterns: Sequence[Any]) -> str:
    """Return up to two lines of `text` that have the words, which are marked."""
    lines = []
    for line in text.split("\n"):
        if any(each.search(line) for each in patterns):
            lines.append(_mark_words(line[:250], patterns) + "\n")
        if len(lines) == 2:
            break
    return "".join(lines)


def _mark_words(line: str, patterns: Sequence[Any]) -> str:
    spans = sorted(match.span() for each in patterns for match in each.finditer(line))
    pieces, position = [], 0
    for start, end in spans:
        if start < position:
            continue
        pieces.append(_escape_snippet(line[position:start]))
        word = _escape_snippet(line[start:end])
        pieces.append("<span class='searchmatch'>%s</span>" % word)
        position = end
    pieces.append(_escape_snippet(line[position:]))
    return "".join(pieces)


def _escape_snippet(text: str) -> str:
    return escape_html(text).replace("&#x27;", "&#039;")


def query_search(run: ModuleRun) -> List[QueryItem]:
    """Answer list=search: words of titles, or of texts where srwhat=text."""
    args = run.args
    if not args["search"].strip():
        raise missing_param(run.prefix + "search")
    patterns = search_words(args["search"])
    finder = find_texts if args["what"] == "text" else find_titles
    pages = finder(run, patterns, args["namespace"])
    offset, limit = args["offset"], args["limit"]
    if len(pages) > offset + limit:
        run.go_on("offset", offset + limit)
    if "totalhits" in args["info"] and not run.is_generator:
        run.query.result["searchinfo"] = {"totalhits": len(pages)}
    return [
        _search_item(run, page, patterns) for page in pages[offset : offset + limit]
    ]


def _search_item(run: ModuleRun, page: PageRow, patterns: Sequence[Any]) -> QueryItem:
    if run.is_generator:
        return QueryItem({}, page)
    revision = run.store.find_revision(page.latest)
    text = run.store.read_text(revision) if revision else ""
    props = run.args["prop"]
    entry = {
        **page.entry,
        **pick(
            props,
            size={"size": page.size},
            wordcount={"wordcount": len(re.findall(r"\w+", text))},
            snippet={"snippet": "" if page.redirect else snippet_of(text, patterns)},
            # MediaWiki's own search on SQLite marks no words in titles.
            titlesnippet={"titlesnippet": ""},
        ),
        **(show_time(props, revision.time) if revision else {}),
    }
    return QueryItem(entry, page)


def find_by_prefix(
    run_store: Any, text: str, namespaces: Sequence[str], offset: int, limit: int
) -> List[PageRow]:
    """Return the pages whose titles begin with `text`."""
    words = text
    head, colon, tail = text.partition(":")
    number = find_namespace(head) if colon else None
    if number is not None and number >= 0:
        namespaces, words = [str(number)], tail
    prefix = title_key(words.strip())
    pages: List[PageRow] = run_store.query_pages(
        "%s AND title >= ? AND title < ? ORDER BY ns, title"
        % namespace_clause("ns", namespaces),
        (prefix, prefix + "\U0010ffff"),
        offset + limit,
    )
    return pages[offset:]


def query_prefixsearch(run: ModuleRun) -> List[QueryItem]:
    """Answer list=prefixsearch."""
    args = run.args
    limit, offset = args["limit"], args["offset"]
    pages = find_by_prefix(
        run.store, args["search"], args["namespace"], offset, limit + 1
    )
    if len(pages) > limit:
        pages.pop()
        run.go_on("offset", offset + limit)
    return page_items(pages)


def query_random(run: ModuleRun) -> List[QueryItem]:
    """Answer list=random.  Its continue parameter is the seed and the place in it."""
    args, limit = run.args, run.args["limit"]
    where = namespace_clause("ns", args["namespace"]) if args["namespace"] else "1 = 1"
    where += " AND " + redirect_clause(run)
    import random  # 5 ms of import, for this list alone

    place = run.continue_values(str, str, str, token_number)
    seed, _, _, done = place or ("%.12f" % random.random(), "", "", 0)
    # All ids are shuffled: what that takes is bounded by the wiki's size (100,000
    # pages take a tenth of a second), not by the place that a client makes up.
    ids = [row[0] for row in run.store.db.all("SELECT id FROM page WHERE " + where)]
    ids.sort()
    random.Random(seed).shuffle(ids)
    chosen = ids[done : done + limit + 1]
    found = run.store.query_pages(
        "id IN (%s)" % ",".join(map(str, chosen)), (), len(chosen)
    )
    by_id = {page.id: page for page in found}
    pages = [by_id[each] for each in chosen if each in by_id]
    if len(pages) > limit:
        pages.pop()
        run.go_on("continue", "%s|%s|%d|%d" % (seed, seed, pages[-1].id, done + limit))
    return [QueryItem({"id": page.id, **page.title.entry}, page) for page in pages]


SEARCH_LIST_MODULES: List[QueryModule] = [
    QueryModule(
        "list/search",
        "sr",
        query_search,
        """
        search: required text
        namespace: namespaces = 0
        limit: limit to 500 500
        offset: number from 0 = 0
        qiprofile: text
        what: one of title text nearmatch
        info: any of totalhits suggestion rewrittenquery \
            = totalhits suggestion rewrittenquery
        prop: any of size wordcount timestamp snippet titlesnippet redirecttitle \
            redirectsnippet sectiontitle sectionsnippet isfilematch categorysnippet \
            score hasrelated extensiondata = size wordcount timestamp snippet
        interwiki, enablerewrites: flag
        sort: text = relevance
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/prefixsearch",
        "ps",
        query_prefixsearch,
        """
        search: required text
        namespace: namespaces = 0
        limit: limit
        offset: number from 0 = 0
        profile: text
        """,
        is_generator=True,
    ),
    QueryModule(
        "list/random",
        "rn",
        query_random,
        """
        namespace: namespaces
        filterredir: one of all redirects nonredirects = nonredirects
        limit: limit = 1
        continue: text
        """,
        is_generator=True,
    ),
]
