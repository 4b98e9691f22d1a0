"""Pages of the embedded wiki for people: HTML that a browser shows.

In: titles and rows.  Out: HTML in which every text from the wiki is escaped.
Holds: the store it was given.
Not here: addresses and status lines (app.py), wikitext (markup.py).
"""

from __future__ import annotations

import html
from typing import Sequence
from urllib.parse import quote

from .files import file_path
from .markup import find_links, render_html
from .records import Change, FileRecord, PageRow, RevisionRow, format_time
from .store import PageStore
from .titles import Title, quote_title

#: Rows of a list on one page.
VIEW_ROWS = 500
#: A view is one file, readable without scripts; colours follow the reader's system.
VIEW_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:52rem;margin:0 auto;"
    "padding:1rem;overflow-wrap:anywhere}:root{color-scheme:light dark}"
    "nav a{margin-right:1rem}h1{font-weight:500;border-bottom:1px solid #8888}"
    "a.new{color:#d33}table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;"
    "text-align:left;vertical-align:top}main ul{margin:.2rem 0}"
    "img{max-width:100%}footer,.note{color:#777}"
)


class WikiViews:
    """Writes the HTML of one wiki.  Thread-safe: it holds nothing of its own."""

    def __init__(self, store: PageStore) -> None:
        self.store = store

    def frame(self, heading: str, body: str, *, tabs: str = "") -> str:
        """Return a whole HTML document around `body`."""
        site = self.store.site
        return (
            '<!DOCTYPE html>\n<html lang="%s" dir="ltr">\n<head>\n'
            '<meta charset="UTF-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="generator" content="%s">\n<title>%s - %s</title>\n'
            '<link rel="EditURI" type="application/rsd+xml"'
            ' href="/w/api.php?action=rsd">\n'
            "<style>%s</style>\n</head>\n<body>\n<nav>%s %s %s %s</nav>\n"
            '<h1 id="firstHeading">%s</h1>\n%s'
            '<main id="mw-content-text">\n%s\n</main>\n'
            "</body>\n</html>\n"
        ) % (
            html.escape(site.language),
            html.escape(site.generator),
            html.escape(heading),
            html.escape(site.name),
            VIEW_STYLE,
            link_page(site.main_page),
            link_page("Special:AllPages", "All pages"),
            link_page("Special:RecentChanges", "Recent changes"),
            link_page("Special:ListFiles", "Files"),
            html.escape(heading),
            tabs,
            body,
        )

    def page(self, title: Title, row: RevisionRow, text: str, note: str) -> str:
        """Return the view of a page, its text rendered as far as we can."""
        if row.model == "wikitext":
            pairs = [link[:2] for link in find_links(text).pages]
            body = render_html(text, title, set(self.store.find_pages(pairs)))
        else:
            body = "<pre>%s</pre>" % html.escape(text)
        record = self.store.get_file(title.text) if title.namespace == 6 else None
        if record is not None:
            body = _describe_file(record) + body
        # Its first letter says in which direction a text runs.
        body = '<div dir="auto">%s%s</div>\n' % (body, self.members(title))
        changed = (format_time(row.time), _link_user(row))
        footer = "<footer>Last changed %s by %s</footer>" % changed
        shown = str(title)
        return self.frame(shown, note + body + footer, tabs=_tabs_of(shown))

    def missing(self, title: str, more: str = "") -> str:
        """Return the view of a page that is not there, with `more` below it."""
        body = "<p>There is no page with this title yet.</p>\n"
        return self.frame(title, body + more)

    def first_steps(self, address: str, title: str) -> str:
        """Return how a page is written, at this `address` and no other."""
        words = "Pages are written by the API, not in the browser. In Python:"
        code = (
            "from wikistd import Session\n\n"
            "with Session(%r) as session:\n"
            '    session.login("Demo@bot", "its password")\n'
            '    session.post(action="edit", title=%r, text="Hello")\n'
        ) % (address, title)
        told = (
            "serve_wiki() has the name and the password as bot_user and bot_password;"
            " wikistd serve shows them."
        )
        return "<p>%s</p>\n<pre>%s</pre>\n%s" % (
            words,
            html.escape(code),
            note_html(told),
        )

    def source(self, title: str, text: str) -> str:
        """Return the source of a page, which is changed by the API, not here."""
        note = note_html(
            "This is the source. Pages are changed by the API, at"
            " /w/api.php?action=edit, not in the browser."
        )
        # HTML drops the first line end of a textarea.
        shown = (
            '<textarea readonly rows="25" style="width:99%%" dir="auto">\n%s</textarea>'
        ) % html.escape(text)
        return self.frame("Source of " + title, note + shown, tabs=_tabs_of(title))

    def history(self, title: str, revisions: Sequence[RevisionRow]) -> str:
        """Return the list of a page's revisions, newest first."""
        rows = [
            (
                _link_to(
                    _index_path(title, "oldid=%d" % row.id), format_time(row.time)
                ),
                _link_user(row),
                "%d bytes" % row.size,
                "" if "comment" in row.hidden else html.escape(row.comment),
            )
            for row in revisions
        ]
        return self.frame("History of " + title, _table(rows), tabs=_tabs_of(title))

    def all_pages(self, namespace: int, start: str, address: str) -> str:
        """Return the list of the pages of a namespace, from the key `start` on."""
        if not self.store.query_pages("1", (), 1):
            body = "<p>This wiki has no pages yet.</p>\n"
            steps = self.first_steps(address, self.store.site.main_page)
            return self.frame("All pages", body + steps)
        pages = self.store.query_pages(
            "page.ns = ? AND page.title >= ? ORDER BY page.title",
            (namespace, start),
            VIEW_ROWS + 1,
        )
        body = _list_pages(pages[:VIEW_ROWS]) if pages else "<p>None.</p>"
        if len(pages) > VIEW_ROWS:
            start = quote(pages[VIEW_ROWS].key, safe="")
            path = page_path("Special:AllPages")
            path += "?namespace=%d&from=%s" % (namespace, start)
            body += "<p>%s</p>" % _link_to(path, "Next")
        return self.frame("All pages", body)

    def recent_changes(self) -> str:
        """Return the list of what happened last."""
        changes = self.store.changes.query("1 ORDER BY id DESC", (), VIEW_ROWS)
        revisions = self.store.find_revisions([change.revid for change in changes])
        rows = []
        for change in changes:
            hidden = revisions[change.revid].hidden if change.revid in revisions else ""
            user = link_page("User:" + change.user, change.user)
            rows.append(
                (
                    format_time(change.timestamp),
                    _describe_change(change),
                    link_page(change.title),
                    "" if "user" in hidden else user,
                    "" if "comment" in hidden else html.escape(change.comment),
                )
            )
        return self.frame("Recent changes", _table(rows))

    def list_files(self) -> str:
        """Return the list of files."""
        files = self.store.files.query("is_current = 1 ORDER BY name", (), VIEW_ROWS)
        rows = [
            (
                link_page("File:" + record.name.replace("_", " ")),
                "%d bytes" % record.size,
                html.escape(record.mime),
                format_time(record.timestamp),
            )
            for record in files
        ]
        return self.frame("Files", _table(rows))

    def members(self, title: Title) -> str:
        """Return the list of what is in a category, "" where there is nothing."""
        if title.namespace != 14 or title.interwiki:
            return ""
        pages = self.store.query_pages(
            "member.category = ? ORDER BY member.kind, member.sortkey, page.id",
            (title.key,),
            VIEW_ROWS,
            join="JOIN category_member AS member ON member.page = page.id",
        )
        if not pages:
            return ""
        return "<h2>Pages in this category</h2>\n%s\n" % _list_pages(pages)


def note_html(sentence: str) -> str:
    """Return a sentence about a page, as HTML."""
    return '<p class="note">%s</p>\n' % html.escape(sentence)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    if not rows:
        return "<p>None.</p>"
    lines = ["<tr><td>%s</td></tr>" % "</td><td>".join(row) for row in rows]
    return "<table>\n%s\n</table>" % "\n".join(lines)


def page_path(title: str) -> str:
    """Return the path of a page."""
    return "/wiki/" + quote_title(title)


def _index_path(title: str, query: str) -> str:
    """Return the path of another view of a page."""
    name = quote(title.replace(" ", "_"), safe="")
    return "/w/index.php?title=%s&%s" % (name, query)


def _link_to(path: str, words: str) -> str:
    return '<a href="%s">%s</a>' % (html.escape(path), html.escape(words))


def link_page(title: str, words: str = "") -> str:
    """Return a link to a page."""
    return _link_to(page_path(title), words or title)


def _link_user(row: RevisionRow) -> str:
    return "" if "user" in row.hidden else link_page("User:" + row.user, row.user)


def _list_pages(pages: Sequence[PageRow]) -> str:
    items = "\n".join("<li>%s</li>" % link_page(page.text) for page in pages)
    return "<ul>\n%s\n</ul>" % items


def _tabs_of(title: str) -> str:
    """Return the links above a page: the page, its source and its history."""
    return "<nav>%s %s %s</nav>\n" % (
        link_page(title, "Page"),
        _link_to(_index_path(title, "action=raw&ctype=text/plain"), "Source"),
        _link_to(_index_path(title, "action=history"), "History"),
    )


def _describe_change(change: Change) -> str:
    if change.type == "log":
        return html.escape("%s/%s" % (change.log_type, change.log_action))
    difference = (change.new_len or 0) - (change.old_len or 0)
    return "%s (%+d)" % (html.escape(change.type), difference)


def _describe_file(record: FileRecord) -> str:
    path = "/w/images/" + file_path(record.name)
    shown = ""
    if record.mime in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        names = (html.escape(path), html.escape(record.name))
        shown = '<img src="%s" alt="%s">' % names
    return "<p>%s</p>\n<p>%s, %d bytes, %s, SHA-1 %s</p>\n" % (
        shown,
        _link_to(path, record.name.replace("_", " ")),
        record.size,
        html.escape(record.mime),
        record.sha1,
    )
