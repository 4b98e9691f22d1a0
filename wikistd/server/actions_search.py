"""Pages found by words, by how their titles begin, or by chance, in action=query.

In: a ModuleRun.  Out: items, which a generator takes as pages.  Holds: nothing.
Spec: MediaWiki 1.39's search, prefixsearch and random.  Not here: an index of words:
titles and texts are read through (100,000 titles take about a second).
"""

from __future__ import annotations

import re
from typing import List, Sequence

from .actions_params import missing_param
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    page_items,
    token_number,
)
from .actions_select import pick, redirect_clause
from .markup import escape_html
from .records import PageRow, format_time
from .store import PageStore
from .titles import find_namespace, title_key


def search_words(text: str) -> List[re.Pattern[str]]:
    """Return a pattern for each word of a search; a quoted phrase counts as one."""
    words = re.findall(r'"([^"]+)"|(\S+)', text)
    return [
        re.compile(r"(?<!\w)%s(?!\w)" % re.escape(phrase or word), re.IGNORECASE)
        for phrase, word in words
        if re.search(r"\w", phrase or word)
    ]


def find_pages_with(
    run: ModuleRun, patterns: Sequence[re.Pattern[str]]
) -> List[PageRow]:
    """Return the pages that have all the words: in their titles, or in their texts."""
    is_text = run.args["what"] == "text"
    where = namespace_clause("ns", run.args["namespace"]) + " AND id > ? ORDER BY id"
    found: List[PageRow] = []
    pages: List[PageRow] = []
    while patterns:
        # A part at a time: memory stays flat, however large the wiki.
        start = pages[-1].id if pages else 0
        pages = run.store.query_pages(where, (start,), 200 if is_text else 2000)
        if not pages:
            break
        texts = [page.title.text for page in pages]
        if is_text:
            revisions = run.store.find_revisions([page.latest for page in pages])
            texts = [run.store.read_text(revisions[page.latest]) for page in pages]
        for page, text in zip(pages, texts):
            if all(each.search(text) for each in patterns):
                found.append(page)
    return found if is_text else sorted(found, key=lambda page: page.title)


def snippet_of(text: str, patterns: Sequence[re.Pattern[str]]) -> str:
    """Return up to two lines of `text` that have the words, which are marked."""
    words = re.compile("(%s)" % "|".join(each.pattern for each in patterns), re.I)
    lines = [line[:250] for line in text.split("\n") if words.search(line)]
    return "".join(_mark_words(line, words) + "\n" for line in lines[:2])


def _mark_words(line: str, words: re.Pattern[str]) -> str:
    pieces = [
        escape_html(each).replace("&#x27;", "&#039;") for each in words.split(line)
    ]
    # What the pattern has found is every other piece.
    pieces[1::2] = [
        "<span class='searchmatch'>%s</span>" % each for each in pieces[1::2]
    ]
    return "".join(pieces)


def query_search(run: ModuleRun) -> List[QueryItem]:
    """Answer list=search: words of titles, or of texts where srwhat=text."""
    args = run.args
    if not args["search"].strip():
        raise missing_param(run.prefix + "search")
    patterns = search_words(args["search"])
    pages = find_pages_with(run, patterns)
    if "totalhits" in args["info"] and not run.is_generator:
        run.query.result["searchinfo"] = {"totalhits": len(pages)}
    shown = _take_part(run, pages[args["offset"] :])
    if run.is_generator:
        return page_items(shown)
    return [_search_item(run, page, patterns) for page in shown]


def _take_part(run: ModuleRun, pages: List[PageRow]) -> List[PageRow]:
    """Return as many pages as the limit takes, and say at which offset others are."""
    limit = run.args["limit"]
    if len(pages) > limit:
        run.go_on("offset", run.args["offset"] + limit)
    return pages[:limit]


def _search_item(
    run: ModuleRun, page: PageRow, patterns: Sequence[re.Pattern[str]]
) -> QueryItem:
    revision = run.store.find_revision(page.latest)
    text = run.store.read_text(revision) if revision else ""
    shown = pick(
        run.args["prop"],
        size=page.size,
        wordcount=len(re.findall(r"\w+", text)),
        snippet="" if page.redirect else snippet_of(text, patterns),
        # MediaWiki's own search on SQLite marks no words in titles.
        titlesnippet="",
        timestamp=format_time(revision.time if revision else page.touched),
    )
    return QueryItem({**page.entry, **shown}, page)


def find_by_prefix(
    store: PageStore, text: str, namespaces: Sequence[str], count: int
) -> List[PageRow]:
    """Return the first `count` pages whose titles begin with `text`."""
    head, colon, tail = text.partition(":")
    number = find_namespace(head) if colon else None
    if number is not None and number >= 0:
        namespaces, text = [str(number)], tail
    prefix = title_key(text.strip())
    return store.query_pages(
        "%s AND title >= ? AND title < ? ORDER BY ns, title"
        % namespace_clause("ns", namespaces),
        (prefix, prefix + "\U0010ffff"),
        count,
    )


def query_prefixsearch(run: ModuleRun) -> List[QueryItem]:
    """Answer list=prefixsearch."""
    args = run.args
    count = args["offset"] + args["limit"] + 1
    pages = find_by_prefix(run.store, args["search"], args["namespace"], count)
    return page_items(_take_part(run, pages[args["offset"] :]))


def query_random(run: ModuleRun) -> List[QueryItem]:
    """Answer list=random.  Its continue parameter is the seed and the place in it."""
    args, limit = run.args, run.args["limit"]
    where = redirect_clause(run)
    if args["namespace"]:
        where += " AND " + namespace_clause("ns", args["namespace"])
    import random  # 5 ms of import, for this list alone

    place = run.continue_values(str, str, str, token_number)
    seed, _, _, done = place or ("%.12f" % random.random(), "", "", 0)
    # All ids are shuffled: what that takes is bounded by the wiki's size (100,000
    # pages take a tenth of a second), not by the place that a client makes up.
    rows = run.store.db.all("SELECT id FROM page WHERE %s ORDER BY id" % where)
    ids = [number for (number,) in rows]
    random.Random(seed).shuffle(ids)
    chosen = ids[done : done + limit + 1]
    found = run.store.find_pages_by_id(chosen)
    pages = [found[number] for number in chosen if number in found]
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
        what: one of title text nearmatch
        info: any of totalhits suggestion rewrittenquery \
            = totalhits suggestion rewrittenquery
        prop: any of size wordcount timestamp snippet titlesnippet \
            = size wordcount timestamp snippet
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
