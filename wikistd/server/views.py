"""Pages of the embedded wiki for people: HTML that a browser shows.

In: titles and rows.  Out: HTML in which every text from the wiki is escaped.
Holds: the store it was given.
Not here: addresses and status lines (app.py), wikitext (markup.py).
"""

from __future__ import annotations

import html
import re
from typing import List, Sequence, Set, Tuple
from urllib.parse import quote

from .files import file_path
from .markup import find_links, render_html
from .records import Change, FileRecord, PageRecord, RevisionRow, format_time
from .store import PageStore
from .titles import InvalidTitle, Title, parse_title

_views_special = r"(?i)\[\[\s*(Special:[^\[\]|\n]{1,255})"
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

    def __init__(
        self, store: PageStore, *, script_path: str = "/w", article_path: str = "/wiki/"
    ) -> None:
        self.store = store
        self.script_path = script_path
        self.article_path = article_path

    def page_url(self, title: str) -> str:
        """Return the path of a page."""
        return self.article_path + quote_page(title)

    def action_url(self, title: str, action: str) -> str:
        """Return the path of another view of a page."""
        return "%s/index.php?title=%s&action=%s" % (
            self.script_path,
            quote(title.replace(" ", "_"), safe=""),
            action,
        )

    def link(self, title: str, words: str = "") -> str:
        """Return a link to a page."""
        return '<a href="%s">%s</a>' % (
            html.escape(self.page_url(title)),
            html.escape(words or title),
        )

    def frame(self, heading: str, body: str, *, tabs: str = "") -> str:
        """Return a whole HTML document around `body`."""
        site = self.store.site
        return (
            '<!DOCTYPE html>\n<html lang="%s" dir="ltr">\n<head>\n'
            '<meta charset="UTF-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="generator" content="%s">\n<title>%s - %s</title>\n'
            '<link rel="EditURI" type="application/rsd+xml"'
            ' href="%s/api.php?action=rsd">\n'
            "<style>%s</style>\n</head>\n<body>\n<nav>%s %s %s %s</nav>\n"
            '<h1 id="firstHeading">%s</h1>\n%s'
            '<main id="mw-content-text">\n%s\n</main>\n'
            "</body>\n</html>\n"
        ) % (
            html.escape(site.language),
            html.escape(site.generator),
            html.escape(heading),
            html.escape(site.name),
            html.escape(self.script_path),
            VIEW_STYLE,
            self.link(site.main_page),
            self.link("Special:AllPages", "All pages"),
            self.link("Special:RecentChanges", "Recent changes"),
            self.link("Special:ListFiles", "Files"),
            html.escape(heading),
            tabs,
            body,
        )

    def tabs(self, title: str) -> str:
        """Return the links above a page: the page, its source and its history."""
        return '<nav>%s <a href="%s">Source</a> <a href="%s">History</a></nav>\n' % (
            self.link(title, "Page"),
            html.escape(self.action_url(title, "raw") + "&ctype=text/plain"),
            html.escape(self.action_url(title, "history")),
        )

    def page(self, title: Title, record: PageRecord, *, note: str = "") -> str:
        """Return the view of a page, its text rendered as far as we can."""
        body = self._render(title, record)
        record_file = self.store.get_file(title.text) if title.namespace == 6 else None
        if record_file is not None:
            body = self._file(record_file) + body
        body += self.members(title)
        # Its first letter says in which direction a text runs.
        body = '<div dir="auto">%s</div>\n' % body
        footer = "<footer>Last changed %s by %s</footer>" % (
            format_time(record.timestamp),
            self.link("User:" + record.user, record.user),
        )
        return self.frame(
            record.title, note + body + footer, tabs=self.tabs(record.title)
        )

    def _render(self, title: Title, record: PageRecord) -> str:
        if record.model != "wikitext":
            return "<pre>%s</pre>" % html.escape(record.text)
        links = find_links(record.text)
        pairs = [link[:2] for link in links.pages]
        existing = set(self.store.find_pages(pairs))
        existing.update(_special_pages(record.text))
        return render_html(record.text, title, existing)

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
            " %s/api.php?action=edit, not in the browser." % self.script_path
        )
        # HTML drops the first line end of a textarea.
        shown = (
            '<textarea readonly rows="25" style="width:99%%" dir="auto">\n%s</textarea>'
        ) % html.escape(text)
        return self.frame("Source of " + title, note + shown, tabs=self.tabs(title))

    def history(self, title: str, revisions: Sequence[RevisionRow]) -> str:
        """Return the list of a page's revisions, newest first."""
        rows: List[Tuple[str, ...]] = []
        for row in revisions:
            hidden = row.hidden.split()
            address = "%s/index.php?title=%s&oldid=%d" % (
                self.script_path,
                quote(title.replace(" ", "_"), safe=""),
                row.id,
            )
            when = '<a href="%s">%s</a>' % (html.escape(address), format_time(row.time))
            user = "" if "user" in hidden else self.link("User:" + row.user, row.user)
            comment = "" if "comment" in hidden else html.escape(row.comment)
            rows.append((when, user, "%d bytes" % row.size, comment))
        return self.frame("History of " + title, _table(rows), tabs=self.tabs(title))

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
        items = ["<li>%s</li>" % self.link(page.text) for page in pages[:VIEW_ROWS]]
        body = "<ul>\n%s\n</ul>" % "\n".join(items) if items else "<p>None.</p>"
        if len(pages) > VIEW_ROWS:
            body += '<p><a href="%s?namespace=%d&amp;from=%s">Next</a></p>' % (
                html.escape(self.page_url("Special:AllPages")),
                namespace,
                quote(pages[VIEW_ROWS].key, safe=""),
            )
        return self.frame("All pages", body)

    def recent_changes(self) -> str:
        """Return the list of what happened last."""
        changes = self.store.changes.query("1 ORDER BY id DESC", (), VIEW_ROWS)
        rows = [
            (
                format_time(change.timestamp),
                self._what(change),
                self.link(change.title),
                self.link("User:" + change.user, change.user),
                html.escape(change.comment),
            )
            for change in changes
        ]
        return self.frame("Recent changes", _table(rows))

    @staticmethod
    def _what(change: Change) -> str:
        if change.type == "log":
            return html.escape("%s/%s" % (change.log_type, change.log_action))
        difference = (change.new_len or 0) - (change.old_len or 0)
        return "%s (%+d)" % (html.escape(change.type), difference)

    def list_files(self) -> str:
        """Return the list of files."""
        files = self.store.files.query("is_current = 1 ORDER BY name", (), VIEW_ROWS)
        rows = [
            (
                self.link("File:" + record.name.replace("_", " ")),
                "%d bytes" % record.size,
                html.escape(record.mime),
                format_time(record.timestamp),
            )
            for record in files
        ]
        return self.frame("Files", _table(rows))

    def _file(self, record: FileRecord) -> str:
        address = html.escape(
            "%s/images/%s" % (self.script_path, file_path(record.name))
        )
        shown = ""
        if record.mime in ("image/png", "image/jpeg", "image/gif", "image/webp"):
            shown = '<img src="%s" alt="%s">' % (address, html.escape(record.name))
        return '<p>%s</p>\n<p><a href="%s">%s</a>, %d bytes, %s, SHA-1 %s</p>\n' % (
            shown,
            address,
            html.escape(record.name.replace("_", " ")),
            record.size,
            html.escape(record.mime),
            record.sha1,
        )

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
        items = "\n".join("<li>%s</li>" % self.link(page.text) for page in pages)
        return "<h2>Pages in this category</h2>\n<ul>\n%s\n</ul>\n" % items


def note_html(sentence: str) -> str:
    """Return a sentence about a page, as HTML."""
    return '<p class="note">%s</p>\n' % html.escape(sentence)


def _special_pages(text: str) -> Set[Tuple[int, str]]:
    """Return the special pages that wikitext links to: they are there without a row."""
    found = set()
    for match in re.finditer(_views_special, text):
        try:
            title = parse_title(match.group(1))
        except InvalidTitle:
            continue
        found.add(title[:2])
    return found


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    if not rows:
        return "<p>None.</p>"
    lines = ["<tr><td>%s</td></tr>" % "</td><td>".join(row) for row in rows]
    return "<table>\n%s\n</table>" % "\n".join(lines)


def quote_page(title: str) -> str:
    """Return a title as it stands in the path of an address."""
    return quote(title.replace(" ", "_"), safe="/:;@$!*(),~'")
