"""What the pages of the embedded wiki link to, and the categories they are in.

In: the links of a text.  Out: rows.  Holds: nothing but the database.
Not here: finding them in a text (markup.py), answering for them (actions_props.py).
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from .markup import PageLinks, find_links, sort_url
from .schema import WikiDatabase
from .titles import Title


class LinkBook:
    """The links in one database.  Thread-safe within a transaction of its caller."""

    def __init__(self, db: WikiDatabase) -> None:
        self.db = db

    def update(
        self,
        page: int,
        title: Title,
        links: Optional[PageLinks],
        now: int,
        *,
        is_first: bool = False,
    ) -> None:
        """Write what a page links to; None takes all of it away."""
        if not is_first:
            self.db.run("DELETE FROM link WHERE page = ?", (page,))
            self.db.run("DELETE FROM outlink WHERE page = ?", (page,))
        links = links or find_links("")
        rows: List[Tuple[str, int, int, str, int]] = [
            (kind, page, target.namespace, target.key, title.namespace)
            for kind, targets in (
                ("page", links.pages),
                ("template", links.templates),
                ("file", links.files),
                # A template that is not there is shown as a link, and is one.
                ("page", [each for each in links.templates if self._is_missing(each)]),
            )
            for target in targets
            # A page's link to itself is no link.
            if target[:2] != title[:2]
        ]
        for other in links.interwikis:
            key = "%s:%s" % (other.interwiki, other.key)
            rows.append(("interwiki", page, 0, key, title.namespace))
        if rows:
            self.db.many("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?, ?)", rows)
        if links.urls:
            self.db.many(
                "INSERT INTO outlink VALUES (?, ?, ?, ?)",
                [(page, n, url, sort_url(url)) for n, url in enumerate(links.urls)],
            )
        self._update_categories(page, title, links.categories, now)

    def _is_missing(self, title: Title) -> bool:
        sql = "SELECT 1 FROM page WHERE ns = ? AND title = ?"
        return self.db.one(sql, title[:2]) is None

    def _update_categories(
        self, page: int, title: Title, wanted: Dict[str, str], now: int
    ) -> None:
        sql = "SELECT category, prefix FROM category_member WHERE page = ?"
        old: Dict[str, str] = dict(self.db.all(sql, (page,)))
        kind = {14: "subcat", 6: "file"}.get(title.namespace, "page")
        for category in old:
            if category not in wanted:
                self.db.run(
                    "DELETE FROM category_member WHERE page = ? AND category = ?",
                    (page, category),
                )
                self._count_category(category, kind, -1)
        for category, prefix in wanted.items():
            if old.get(category) == prefix:
                continue
            sortkey = title.text.upper()
            if prefix:
                sortkey = prefix.upper() + "\n" + sortkey
            self.db.run(
                "INSERT OR REPLACE INTO category_member VALUES (?, ?, ?, ?, ?, ?)",
                (page, category, kind, sortkey, prefix, now),
            )
            if category not in old:
                self._count_category(category, kind, 1)

    def _count_category(self, category: str, kind: str, difference: int) -> None:
        self.db.run("INSERT OR IGNORE INTO category VALUES (?, 0, 0, 0)", (category,))
        # As in MediaWiki "pages" counts all members, the other two also have their own.
        subcats, files = difference * (kind == "subcat"), difference * (kind == "file")
        self.db.run(
            "UPDATE category SET pages = pages + ?, subcats = subcats + ?,"
            " files = files + ? WHERE title = ?",
            (difference, subcats, files, category),
        )
