"""Lists of pages in action=query: all, of a category, that link here, found by words.

In: a ModuleRun.  Out: items, which a generator takes as pages.
Spec: MediaWiki 1.39's list modules.  Not here: lists of changes and users
(actions_changes.py), revisions (actions_revisions.py), files (actions_files.py).
"""

from __future__ import annotations

import html
import random
import re
from typing import Any, Dict, List, Sequence, Tuple

from .actions import refuse
from .actions_changes import CHANGE_LIST_MODULES
from .actions_continue import bad_continue
from .actions_files import FILE_LIST_MODULES
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_namespaces,
    param_number,
    param_text,
    param_time,
    parse_api_time,
    require_one,
)
from .actions_query import (
    ModuleRun,
    QueryItem,
    QueryModule,
    namespace_clause,
    page_items,
)
from .actions_revisions import REVISION_LIST_MODULES
from .markup import sort_url
from .records import PageRow, format_stamp, format_time
from .titles import (
    Title,
    find_namespace,
    title_text,
    upper_first,
)

_dir_param = param_choice("ascending descending", "ascending")


def title_key(text: str) -> str:
    """Return the key that a part of a title stands for, "gap from" and such."""
    return upper_first(text.replace(" ", "_"))


def query_allpages(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allpages."""
    args = run.args
    is_down = args["dir"] == "descending"
    after, before = ("<=", ">=") if is_down else (">=", "<=")
    where, values = "page.ns = ?", [args["namespace"]]
    parts = run.continue_parts(1)
    for value, sign in (
        (parts[0] if parts else None, after),
        (title_key(args["from"]) if args["from"] is not None else None, after),
        (title_key(args["to"]) if args["to"] is not None else None, before),
    ):
        if value is not None:
            where += " AND page.title %s ?" % sign
            values.append(value)
    if args["prefix"]:
        prefix = title_key(args["prefix"])
        where += " AND page.title >= ? AND page.title < ?"
        values += [prefix, prefix + "\U0010ffff"]
    if args["filterredir"] != "all":
        is_redirect = args["filterredir"] == "redirects"
        where += " AND page.redirect IS %sNULL" % ("NOT " if is_redirect else "")
    for name, sign in (("minsize", ">="), ("maxsize", "<=")):
        if args[name] is not None:
            where += " AND page.size %s ?" % sign
            values.append(args[name])
    join = ""
    if args["prtype"]:
        where += (
            " AND EXISTS (SELECT 1 FROM protection WHERE protection.ns = page.ns AND"
            " protection.title = page.title AND type IN (%s))"
            % ", ".join("?" * len(args["prtype"]))
        )
        values += args["prtype"]
    pages = run.store.query_pages(
        "%s ORDER BY page.title%s" % (where, " DESC" if is_down else ""),
        values,
        args["limit"] + 1,
        join=join,
    )
    if len(pages) > args["limit"]:
        run.go_on("continue", pages.pop().key)
    return page_items(pages)


def _category_title(run: ModuleRun) -> Title:
    args = run.args
    require_one(args, run.prefix, ("title", "pageid"))
    if args["pageid"] is not None:
        page = run.store.find_pages_by_id([args["pageid"]]).get(args["pageid"])
        if page is None:
            text = "There is no page with ID %d." % args["pageid"]
            raise refuse("nosuchpageid", text)
        title = Title(page.namespace, page.key)
    else:
        title = run.call.read_title(args["title"])
    if title.namespace != 14:
        raise refuse("invalidcategory", "The category name you entered is not valid.")
    return title


def query_categorymembers(run: ModuleRun) -> List[QueryItem]:
    """Answer list=categorymembers."""
    args, props, limit = run.args, run.args["prop"], run.args["limit"]
    title = _category_title(run)
    is_down = args["dir"] in ("descending", "desc", "older", "reverse")
    by_time = args["sort"] == "timestamp"
    after = "<=" if is_down else ">="
    where, values = "category = ?", [title.key]
    kinds = [kind for kind in ("page", "subcat", "file") if kind in args["type"]]
    where += " AND kind IN (%s)" % ", ".join("?" * len(kinds))
    values += kinds
    if args["namespace"]:
        where += " AND " + namespace_clause("page.ns", args["namespace"])
    for name, sign in (
        ("start", after),
        ("end", ">=" if is_down else "<="),
    ):
        if args[name] is not None and by_time:
            where += " AND time %s ?" % sign
            values.append(args[name])
    parts = run.continue_parts(2 if by_time else 3)
    if parts is not None:
        where, values = _continue_category(where, values, parts, by_time, after)
    way = " DESC" if is_down else ""
    order = "time%s, page.id%s" if by_time else "kind%s, sortkey%s, page.id%s"
    if not by_time:
        order = order.replace("kind", _kind_order, 1)
    rows = run.store.db.all(
        "SELECT page.id, kind, sortkey, prefix, time FROM category_member"
        " JOIN page ON page.id = category_member.page WHERE %s ORDER BY %s LIMIT %d"
        % (where, order % ((way,) * (2 if by_time else 3)), limit + 1),
        values,
    )
    if len(rows) > limit:
        page_id, kind, sortkey, _, when = rows.pop()
        token = "%s|%s|%d" % (kind, sortkey.encode("utf-8").hex(), page_id)
        run.go_on(
            "continue", "%s|%d" % (format_time(when), page_id) if by_time else token
        )
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    items = []
    for page_id, kind, sortkey, prefix, when in rows:
        page = pages[page_id]
        entry: Dict[str, Any] = {}
        if "ids" in props:
            entry["pageid"] = page.id
        if "title" in props:
            entry.update(ns=page.namespace, title=page.text)
        if "sortkey" in props:
            entry["sortkey"] = sortkey.encode("utf-8").hex()
        if "sortkeyprefix" in props:
            entry["sortkeyprefix"] = prefix
        if "type" in props:
            entry["type"] = kind
        if "timestamp" in props:
            entry["timestamp"] = format_time(when)
        items.append(QueryItem(entry, page))
    return items


#: MediaWiki's enum: page, then subcat, then file.
_kind_order = "CASE kind WHEN 'page' THEN 0 WHEN 'subcat' THEN 1 ELSE 2 END"


def _continue_category(
    where: str, values: List[Any], parts: Sequence[str], by_time: bool, after: str
) -> Tuple[str, List[Any]]:
    try:
        if by_time:
            when = parse_api_time(parts[0], 0)
            return where + " AND (time, page.id) %s (?, ?)" % after, [
                *values,
                when,
                int(parts[1]),
            ]
        kind = ("page", "subcat", "file").index(parts[0])
        sortkey = bytes.fromhex(parts[1]).decode("utf-8")
        return where + " AND (%s, sortkey, page.id) %s (?, ?, ?)" % (
            _kind_order,
            after,
        ), [*values, kind, sortkey, int(parts[2])]
    except ValueError as error:
        raise bad_continue() from error


def _query_backlinks(run: ModuleRun, kind: str) -> List[QueryItem]:
    """Answer backlinks, embeddedin and imageusage."""
    args, limit = run.args, run.args["limit"]
    require_one(args, run.prefix, ("title", "pageid"))
    if args["pageid"] is not None:
        page = run.store.find_pages_by_id([args["pageid"]]).get(args["pageid"])
        if page is None:
            text = "There is no page with ID %d." % args["pageid"]
            raise refuse("nosuchpageid", text)
        title = Title(page.namespace, page.key)
    else:
        title = run.call.read_title(args["title"])
    where = "kind = ? AND link.ns = ? AND link.title = ?"
    values: List[Any] = [kind, title.namespace, title.key]
    if args["namespace"]:
        where += " AND " + namespace_clause("from_ns", args["namespace"])
    if args["filterredir"] != "all":
        is_redirect = args["filterredir"] == "redirects"
        where += " AND page.redirect IS %sNULL" % ("NOT " if is_redirect else "")
    parts = run.continue_parts(2)
    if parts is not None:
        if not all(part.isdigit() for part in parts):
            raise bad_continue()
        where += " AND (from_ns, link.page) >= (?, ?)"
        values += [int(parts[0]), int(parts[1])]
    way = " DESC" if args["dir"] == "descending" else ""
    rows = run.store.db.all(
        "SELECT link.page, from_ns FROM link JOIN page ON page.id = link.page"
        " WHERE %s ORDER BY from_ns%s, link.page%s LIMIT %d"
        % (where, way, way, limit + 1),
        values,
    )
    if len(rows) > limit:
        page_id, namespace = rows.pop()
        run.go_on("continue", "%d|%d" % (namespace, page_id))
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    items = []
    for page_id, _ in rows:
        found = pages[page_id]
        entry: Dict[str, Any] = {
            "pageid": found.id,
            "ns": found.namespace,
            "title": found.text,
        }
        if found.redirect is not None:
            entry["redirect"] = True
        items.append(QueryItem(entry, found))
    return items


def query_backlinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=backlinks."""
    return _query_backlinks(run, "page")


def query_embeddedin(run: ModuleRun) -> List[QueryItem]:
    """Answer list=embeddedin."""
    return _query_backlinks(run, "template")


def query_imageusage(run: ModuleRun) -> List[QueryItem]:
    """Answer list=imageusage."""
    return _query_backlinks(run, "file")


def query_alllinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=alllinks: one entry for each link, or each target."""
    args, limit = run.args, run.args["limit"]
    where, values = "kind = 'page' AND ns = ?", [args["namespace"]]
    is_unique = args["unique"]
    parts = run.continue_parts(1 if is_unique else 2)
    if parts is not None:
        if is_unique:
            where += " AND title >= ?"
            values.append(parts[0])
        elif parts[1].isdigit():
            where += " AND (title, page) >= (?, ?)"
            values += [parts[0], int(parts[1])]
        else:
            raise bad_continue()
    if args["from"] is not None:
        where += " AND title >= ?"
        values.append(title_key(args["from"]))
    if args["to"] is not None:
        where += " AND title <= ?"
        values.append(title_key(args["to"]))
    if args["prefix"]:
        prefix = title_key(args["prefix"])
        where += " AND title >= ? AND title < ?"
        values += [prefix, prefix + "\U0010ffff"]
    columns = "DISTINCT title, 0" if is_unique else "title, page"
    rows = run.store.db.all(
        "SELECT %s FROM link WHERE %s ORDER BY title%s LIMIT %d"
        % (columns, where, "" if is_unique else ", page", limit + 1),
        values,
    )
    if len(rows) > limit:
        key, page = rows.pop()
        run.go_on("continue", key if is_unique else "%s|%d" % (key, page))
    items = []
    for key, page in rows:
        entry: Dict[str, Any] = {}
        if "ids" in args["prop"]:
            entry["fromid"] = page
        if "title" in args["prop"]:
            entry.update(ns=args["namespace"], title=title_text(args["namespace"], key))
        items.append(QueryItem(entry, None, Title(args["namespace"], key)))
    return items


def query_allcategories(run: ModuleRun) -> List[QueryItem]:
    """Answer list=allcategories."""
    args = run.args
    is_down = args["dir"] == "descending"
    after, before = ("<=", ">=") if is_down else (">=", "<=")
    where, values = "pages > 0", []
    parts = run.continue_parts(1)
    for value, sign in (
        (parts[0] if parts else None, after),
        (title_key(args["from"]) if args["from"] is not None else None, after),
        (title_key(args["to"]) if args["to"] is not None else None, before),
    ):
        if value is not None:
            where += " AND title %s ?" % sign
            values.append(value)
    if args["prefix"]:
        prefix = title_key(args["prefix"])
        where += " AND title >= ? AND title < ?"
        values += [prefix, prefix + "\U0010ffff"]
    rows = run.store.db.all(
        "SELECT title, pages, subcats, files FROM category WHERE %s ORDER BY title%s"
        " LIMIT %d" % (where, " DESC" if is_down else "", args["limit"] + 1),
        values,
    )
    if len(rows) > args["limit"]:
        run.go_on("continue", rows.pop()[0])
    items = []
    name = "category" if run.call.version >= 2 else "*"
    for key, pages, subcats, files in rows:
        entry: Dict[str, Any] = {name: key.replace("_", " ")}
        if "size" in args["prop"]:
            entry.update(
                size=pages, pages=pages - subcats - files, files=files, subcats=subcats
            )
        if "hidden" in args["prop"]:
            entry["hidden"] = False
        items.append(QueryItem(entry, None, Title(14, key)))
    return items


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
    return html.escape(text).replace("&#x27;", "&#039;")


def query_search(run: ModuleRun) -> List[QueryItem]:
    """Answer list=search: words of titles, or of texts where srwhat=text."""
    args = run.args
    if not args["search"].strip():
        raise refuse(
            "missingparam", 'The "%ssearch" parameter must be set.' % run.prefix
        )
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
    props = run.args["prop"]
    entry: Dict[str, Any] = {
        "ns": page.namespace,
        "title": page.text,
        "pageid": page.id,
    }
    if run.is_generator:
        return QueryItem(entry, page)
    revision = run.store.find_revision(page.latest)
    text = run.store.read_text(revision) if revision else ""
    if "size" in props:
        entry["size"] = page.size
    if "wordcount" in props:
        entry["wordcount"] = len(re.findall(r"\w+", text))
    if "timestamp" in props and revision is not None:
        entry["timestamp"] = format_time(revision.time)
    if "snippet" in props:
        is_redirect = page.redirect is not None
        entry["snippet"] = "" if is_redirect else snippet_of(text, patterns)
    if "titlesnippet" in props:
        # MediaWiki's own search on SQLite marks no words in titles.
        entry["titlesnippet"] = ""
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
    return [
        QueryItem({"ns": page.namespace, "title": page.text, "pageid": page.id}, page)
        for page in pages
    ]


def query_random(run: ModuleRun) -> List[QueryItem]:
    """Answer list=random.  Its continue parameter is the seed and the place in it."""
    args, limit = run.args, run.args["limit"]
    where = namespace_clause("ns", args["namespace"]) if args["namespace"] else "1 = 1"
    if args["filterredir"] != "all":
        is_redirect = args["filterredir"] == "redirects"
        where += " AND redirect IS %sNULL" % ("NOT " if is_redirect else "")
    largest = run.store.db.value("SELECT MAX(id) FROM page") or 0
    parts = run.continue_parts(4)
    seed = parts[0] if parts else "%.12f" % random.random()
    done = int(parts[3]) if parts and parts[3].isdigit() else 0
    dice = random.Random(seed)
    chosen: Dict[int, PageRow] = {}
    for _ in range((done + limit + 1) * 4 if largest else 0):
        start = dice.randrange(largest)
        found = run.store.query_pages("%s AND id > ? ORDER BY id" % where, (start,), 1)
        if found:
            chosen[found[0].id] = found[0]
        if len(chosen) > done + limit:
            break
    pages = list(chosen.values())[done : done + limit + 1]
    if len(pages) > limit:
        pages.pop()
        run.go_on("continue", "%s|%s|%d|%d" % (seed, seed, pages[-1].id, done + limit))
    return [
        QueryItem({"id": page.id, "ns": page.namespace, "title": page.text}, page)
        for page in pages
    ]


def query_exturlusage(run: ModuleRun) -> List[QueryItem]:
    """Answer list=exturlusage."""
    args, limit = run.args, run.args["limit"]
    where = "1 = 1"
    values: List[Any] = []
    if args["query"]:
        protocol = args["protocol"] or "http"
        wanted = sort_url("%s://%s" % (protocol, args["query"].replace("*.", "")))
        where += " AND sort_url >= ? AND sort_url < ?"
        values += [wanted.rstrip("/"), wanted.rstrip("/") + "\U0010ffff"]
    if args["namespace"]:
        where += " AND " + namespace_clause("page.ns", args["namespace"])
    parts = run.continue_parts(2)
    if parts is not None:
        url, _, number = "|".join(parts).rpartition("|")
        if not number.isdigit():
            raise bad_continue()
        where += " AND (sort_url, outlink.page) >= (?, ?)"
        values += [url, int(number)]
    rows = run.store.db.all(
        "SELECT outlink.page, url, sort_url FROM outlink JOIN page"
        " ON page.id = outlink.page WHERE %s ORDER BY sort_url, outlink.page LIMIT %d"
        % (where, limit + 1),
        values,
    )
    if len(rows) > limit:
        page_id, _, key = rows.pop()
        run.go_on("continue", "%s|%d" % (key, page_id))
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    items = []
    for page_id, url, _ in rows:
        page = pages[page_id]
        entry: Dict[str, Any] = {}
        if "ids" in args["prop"]:
            entry["pageid"] = page.id
        if "title" in args["prop"]:
            entry.update(ns=page.namespace, title=page.text)
        if "url" in args["prop"]:
            entry["url"] = url
        items.append(QueryItem(entry, page))
    return items


def query_iwbacklinks(run: ModuleRun) -> List[QueryItem]:
    """Answer list=iwbacklinks."""
    args, limit = run.args, run.args["limit"]
    where, values = "kind = 'interwiki'", []
    if args["prefix"]:
        start = "%s:%s" % (args["prefix"], (args["title"] or "").replace(" ", "_"))
        end = start + ("\U0010ffff" if args["title"] is None else "")
        where += " AND link.title >= ? AND link.title <= ?"
        values += [start, end]
    rows = run.store.db.all(
        "SELECT page FROM link WHERE %s ORDER BY title, page LIMIT %d" % (where, limit),
        values,
    )
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    return page_items([pages[row[0]] for row in rows])


def query_pageswithprop(run: ModuleRun) -> List[QueryItem]:
    """Answer list=pageswithprop."""
    args, limit = run.args, run.args["limit"]
    parts = run.continue_parts(1)
    start = int(parts[0]) if parts and parts[0].isdigit() else 0
    rows = run.store.db.all(
        "SELECT page, value FROM page_prop WHERE name = ? AND page >= ? ORDER BY page"
        " LIMIT ?",
        (args["propname"], start, limit + 1),
    )
    if len(rows) > limit:
        run.go_on("continue", str(rows.pop()[0]))
    pages = run.store.find_pages_by_id([row[0] for row in rows])
    return page_items([pages[row[0]] for row in rows])


def query_protectedtitles(run: ModuleRun) -> List[QueryItem]:
    """Answer list=protectedtitles."""
    rows = run.store.db.all(
        "SELECT ns, title, level, expiry, time, user, reason FROM protection"
        " WHERE type = 'create' AND (expiry IS NULL OR expiry > ?) ORDER BY ns, title"
        " LIMIT ?",
        (run.call.now, run.args["limit"]),
    )
    items = []
    for namespace, key, level, expiry, when, user, reason in rows:
        entry = {"ns": namespace, "title": title_text(namespace, key)}
        values = {
            "timestamp": format_time(when),
            "user": user,
            "comment": reason,
            "expiry": "infinity" if expiry is None else format_time(expiry),
            "level": level,
        }
        entry.update(
            {name: values[name] for name in run.args["prop"] if name in values}
        )
        items.append(QueryItem(entry, None, Title(namespace, key)))
    return items


def query_querypage(run: ModuleRun) -> None:
    """Answer list=querypage for the few reports that this wiki knows."""
    args = run.args
    name, limit, offset = args["page"], args["limit"], args["offset"]
    if name in ("Ancientpages", "Shortpages", "Longpages"):
        column = "revision.time" if name == "Ancientpages" else "page.size"
        way = " DESC" if name == "Longpages" else ""
        rows = run.store.db.all(
            "SELECT page.ns, page.title, %s FROM page JOIN revision"
            " ON revision.id = page.latest WHERE page.ns = 0 AND redirect IS NULL"
            " ORDER BY %s%s, page.id LIMIT %d OFFSET %d"
            % (column, column, way, limit + 1, offset)
        )
    else:
        rows = run.store.db.all(
            "SELECT page.ns, page.title, 0 FROM page WHERE page.ns = 0 AND"
            " redirect IS NULL AND NOT EXISTS (SELECT 1 FROM category_member"
            " WHERE category_member.page = page.id) ORDER BY title LIMIT %d OFFSET %d"
            % (limit + 1, offset)
        )
    if len(rows) > limit:
        rows.pop()
        run.go_on("offset", offset + limit)
    results = []
    for namespace, key, value in rows:
        entry: Dict[str, Any] = {"value": str(value)}
        if name == "Ancientpages":
            entry = {"value": format_stamp(value), "timestamp": format_time(value)}
        results.append({**entry, "ns": namespace, "title": title_text(namespace, key)})
    run.query.result["querypage"] = {"name": name, "results": results}


def query_tags(run: ModuleRun) -> List[QueryItem]:
    """Answer list=tags."""
    args, limit = run.args, run.args["limit"]
    parts = run.continue_parts(1)
    rows = run.store.db.all("SELECT name, is_manual FROM tag")
    known = {name: bool(manual) for name, manual in rows}
    names = sorted({*SOFTWARE_TAGS, *known})
    names = [name for name in names if parts is None or name >= parts[0]]
    items: List[QueryItem] = []
    for name in names:
        if len(items) >= limit:
            run.go_on("continue", name)
            break
        props = args["prop"]
        entry: Dict[str, Any] = {"name": name}
        if "displayname" in props:
            entry["displayname"] = SOFTWARE_TAGS.get(name, (name, ""))[0]
        if "description" in props:
            entry["description"] = SOFTWARE_TAGS.get(name, ("", ""))[1]
        if "hitcount" in props:
            entry["hitcount"] = run.store.db.value(
                "SELECT COUNT(*) FROM revision WHERE ' ' || tags || ' ' LIKE ?",
                ("%% %s %%" % name,),
            )
        if "defined" in props:
            entry["defined"] = True
        if "source" in props:
            entry["source"] = ["extension" if name in SOFTWARE_TAGS else "manual"]
        if "active" in props:
            entry["active"] = True
        items.append(QueryItem(entry))
    return items


#: Tags that the software itself gives to edits: what they are called, and for what.
SOFTWARE_TAGS: Dict[str, Tuple[str, str]] = {
    "mw-blank": ("Blanking", "Edits that blank a page"),
    "mw-changed-redirect-target": (
        "Redirect target changed",
        "Edits that change the target of a redirect",
    ),
    "mw-contentmodelchange": (
        "content model change",
        "Edits that change the content model of a page",
    ),
    "mw-new-redirect": (
        "New redirect",
        "Edits that create a new redirect or change a page to a redirect",
    ),
    "mw-removed-redirect": (
        "Removed redirect",
        "Edits that change an existing redirect to a non-redirect",
    ),
    "mw-replace": ("Replaced", "Edits that remove more than 90% of the content"),
    "mw-rollback": ("Rollback", "Edits that roll back previous edits"),
    "mw-undo": ("Undo", "Edits that undo previous edits"),
}

_backlink_params = {
    "title": param_text(),
    "pageid": param_number(),
    "continue": param_text(),
    "namespace": param_namespaces(),
    "dir": _dir_param,
    "filterredir": param_choice("all redirects nonredirects", "all"),
    "limit": param_limit(),
    "redirect": param_flag(),
}


def _list_module(name: str, prefix: str, params: Any, run: Any) -> QueryModule:
    return QueryModule(name, "list", prefix, params, run, run)


LIST_MODULES: List[QueryModule] = [
    _list_module(
        "allpages",
        "ap",
        {
            "from": param_text(),
            "continue": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "namespace": param_number(0, 0, 15),
            "filterredir": param_choice("all redirects nonredirects", "all"),
            "minsize": param_number(),
            "maxsize": param_number(),
            "prtype": param_choices("edit move upload", is_optional=True),
            "prlevel": param_list(),
            "prfiltercascade": param_choice("cascading noncascading all", "all"),
            "limit": param_limit(),
            "dir": _dir_param,
            "filterlanglinks": param_choice(
                "withlanglinks withoutlanglinks all", "all"
            ),
            "prexpiry": param_choice("indefinite definite all", "all"),
        },
        query_allpages,
    ),
    _list_module(
        "categorymembers",
        "cm",
        {
            "title": param_text(),
            "pageid": param_number(),
            "prop": param_choices(
                "ids title sortkey sortkeyprefix type timestamp", "ids title"
            ),
            "namespace": param_namespaces(),
            "type": param_choices("page subcat file", "page subcat file"),
            "continue": param_text(),
            "limit": param_limit(),
            "sort": param_choice("sortkey timestamp", "sortkey"),
            "dir": param_choice(
                "asc desc ascending descending newer older reverse", "ascending"
            ),
            "start": param_time(),
            "end": param_time(),
        },
        query_categorymembers,
    ),
    _list_module("backlinks", "bl", _backlink_params, query_backlinks),
    _list_module("embeddedin", "ei", _backlink_params, query_embeddedin),
    _list_module("imageusage", "iu", _backlink_params, query_imageusage),
    _list_module(
        "alllinks",
        "al",
        {
            "continue": param_text(),
            "from": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "unique": param_flag(),
            "prop": param_choices("ids title", "title"),
            "namespace": param_number(0, 0, 15),
            "limit": param_limit(),
            "dir": _dir_param,
        },
        query_alllinks,
    ),
    _list_module(
        "allcategories",
        "ac",
        {
            "from": param_text(),
            "continue": param_text(),
            "to": param_text(),
            "prefix": param_text(),
            "dir": _dir_param,
            "min": param_number(),
            "max": param_number(),
            "limit": param_limit(),
            "prop": param_choices("size hidden"),
        },
        query_allcategories,
    ),
    _list_module(
        "search",
        "sr",
        {
            "search": param_text(is_required=True),
            "namespace": param_namespaces(["0"]),
            "limit": param_limit(10, 500, 500),
            "offset": param_number(0, 0),
            "qiprofile": param_text(),
            "what": param_choice("title text nearmatch"),
            "info": param_choices(
                "totalhits suggestion rewrittenquery",
                "totalhits suggestion rewrittenquery",
            ),
            "prop": param_choices(
                "size wordcount timestamp snippet titlesnippet redirecttitle "
                "redirectsnippet sectiontitle sectionsnippet isfilematch "
                "categorysnippet score hasrelated extensiondata",
                "size wordcount timestamp snippet",
            ),
            "interwiki": param_flag(),
            "enablerewrites": param_flag(),
            "sort": param_text("relevance"),
        },
        query_search,
    ),
    _list_module(
        "prefixsearch",
        "ps",
        {
            "search": param_text(is_required=True),
            "namespace": param_namespaces(["0"]),
            "limit": param_limit(),
            "offset": param_number(0, 0),
            "profile": param_text(),
        },
        query_prefixsearch,
    ),
    _list_module(
        "random",
        "rn",
        {
            "namespace": param_namespaces(),
            "filterredir": param_choice("all redirects nonredirects", "nonredirects"),
            "limit": param_limit(1),
            "continue": param_text(),
        },
        query_random,
    ),
    _list_module(
        "exturlusage",
        "eu",
        {
            "prop": param_choices("ids title url", "ids title url"),
            "continue": param_text(),
            "protocol": param_text(""),
            "query": param_text(),
            "namespace": param_namespaces(),
            "limit": param_limit(),
            "expandurl": param_flag(is_deprecated=True),
        },
        query_exturlusage,
    ),
    _list_module(
        "iwbacklinks",
        "iwbl",
        {
            "prefix": param_text(),
            "title": param_text(),
            "continue": param_text(),
            "limit": param_limit(),
            "prop": param_choices("iwprefix iwtitle"),
            "dir": _dir_param,
        },
        query_iwbacklinks,
    ),
    _list_module(
        "pageswithprop",
        "pwp",
        {
            "propname": param_text(is_required=True),
            "prop": param_choices("ids title value", "ids title"),
            "continue": param_text(),
            "limit": param_limit(),
            "dir": _dir_param,
        },
        query_pageswithprop,
    ),
    _list_module(
        "protectedtitles",
        "pt",
        {
            "namespace": param_namespaces(),
            "level": param_list(),
            "limit": param_limit(),
            "dir": param_choice("newer older", "older"),
            "start": param_time(),
            "end": param_time(),
            "prop": param_choices(
                "timestamp user userid comment parsedcomment expiry level",
                "timestamp level",
            ),
            "continue": param_text(),
        },
        query_protectedtitles,
    ),
    QueryModule(
        "querypage",
        "list",
        "qp",
        {
            "page": param_choice(
                "Ancientpages Shortpages Longpages Uncategorizedpages", is_required=True
            ),
            "offset": param_number(0, 0),
            "limit": param_limit(),
        },
        query_querypage,
    ),
    QueryModule(
        "tags",
        "list",
        "tg",
        {
            "continue": param_text(),
            "limit": param_limit(),
            "prop": param_choices(
                "displayname description hitcount defined source active"
            ),
        },
        query_tags,
    ),
    *REVISION_LIST_MODULES,
    *FILE_LIST_MODULES,
    *CHANGE_LIST_MODULES,
]
