"""wikistd/server/comments.py: summaries as HTML, as a MediaWiki 1.39 wrote them."""

from __future__ import annotations

import time
import unittest

from wikistd.server.comments import parse_comment
from wikistd.server.store import PageStore
from wikistd.server.titles import Title

PAGE = Title(0, 'Some_"page"')
SECTION = (
    '<span dir="auto"><span class="autocomment"><a href="/wiki/Some_%22page%22#{0}"'
    ' title="Some &quot;page&quot;">\u2192\u200e{1}</a>'
)
MAIN = '<a href="/wiki/Main_Page" title="Main Page">{}</a>'
NEW = (
    '<a href="/w/index.php?title={0}&amp;action=edit&amp;redlink=1" class="new"'
    ' title="{1} (page does not exist)">{2}</a>'
)


class Comments(unittest.TestCase):
    """What becomes of sections, links and signs."""

    @classmethod
    def setUpClass(cls):
        cls.store = PageStore()
        cls.addClassCleanup(cls.store.close)
        cls.store.save_page("Main Page", "x", user="192.0.2.1")
        cls.store.save_page("Old", "#REDIRECT [[Main Page]]", user="192.0.2.1")

    def check(self, comment, html):
        self.assertEqual(parse_comment(self.store, comment, PAGE), html, comment)

    def test_sections(self):
        """A section is a link to it; what follows it is inside."""
        first = SECTION.format("A_b", "A b")
        self.check("/* A b */", first + "</span></span>")
        self.check("pre /* A b */ post", "pre " + first + ": </span> post</span>")
        both = first + ": </span> x " + SECTION.format("C", "C") + ": </span> y"
        self.check("/* A b */ x /* C */ y", both + "</span></span>")
        shown = "&#91;&#91;Earth&#93;&#93; x"
        self.check("/*[[Earth]] x*/y",
                   SECTION.format("Earth_x", shown) + ": </span>y</span>")
        self.check('/* \xe9 & "x" */', SECTION.format(
            "\xe9_&amp;_&quot;x&quot;", "\xe9 &amp; &quot;x&quot;") + "</span></span>")
        self.check("x /**/", "x ")
        self.check("*/ /*", "*/ /*")

    def test_links(self):
        """Links say whether their page is there; what is no title stays text."""
        self.check("[[Main Page]]s [[main_Page|it]]",
                   MAIN.format("Main Pages") + " " + MAIN.format("it"))
        self.check("[[:Main%20Page]] [[ Main Page ]]",
                   MAIN.format("Main Page") + " " + MAIN.format("Main Page "))
        self.check("[[q?x&y]]", NEW.format("Q%3Fx%26y", "Q?x&amp;y", "q?x&amp;y"))
        self.check("[[File:X.png|]]", NEW.format("File:X.png", "File:X.png", "File:X.png"))
        self.check("[[Old]]",
                   '<a href="/wiki/Old" class="mw-redirect" title="Old">Old</a>')
        self.check("[[Main Page#a b]]", '<a href="/wiki/Main_Page#a_b" title="Main Page">'
                   "Main Page#a b</a>")
        self.check("[[Special:Contributions/Bob|Bob]]", '<a href="/wiki/Special:'
                   'Contributions/Bob" title="Special:Contributions/Bob">Bob</a>')
        self.check("[[mw:Foo]]", '<a href="https://www.mediawiki.org/wiki/Foo"'
                   ' class="extiw" title="mw:Foo">mw:Foo</a>')
        self.check("[[Media:Foo.png]]", '<a href="/w/index.php?title=Special:Upload&amp;'
                   'wpDestFile=Foo.png" class="new" title="Foo.png">Media:Foo.png</a>')
        for text in ("[[bad{title]] [[]] [[ ]]", "[[../up]]", "[[%3Cb%3E]]", "{{tl}}"):
            self.check(text, text)

    def test_files(self):
        """A file that is there is linked, its page or its bytes."""
        who = self.store.actor("192.0.2.1")
        self.store.files.publish("Dot.txt", b"x", who, "", self.store.now())
        self.check("[[File:Dot.txt]]",
                   '<a href="/wiki/File:Dot.txt" title="File:Dot.txt">File:Dot.txt</a>')
        self.assertIn('class="internal" title="Dot.txt">x</a>',
                      parse_comment(self.store, "[[media:Dot.txt|x]]", PAGE))

    def test_signs(self):
        """HTML is escaped, its references once."""
        self.check("<b>&amp; \"q\" 'a'\nz",
                   "&lt;b&gt;&amp; &quot;q&quot; &#039;a&#039; z")
        self.check("[[Main Page|<i>]]", MAIN.format("&lt;i&gt;"))
        self.check('[["><script>]]', "[[&quot;&gt;&lt;script&gt;]]")

    def test_endless(self):
        """Openings without an end take no time to speak of."""
        started = time.process_time()
        for text in ("/*" + " " * 4000, "[[" * 2000, "[[" + " " * 4000, "[[a|" + "]" * 4000):
            parse_comment(self.store, text, PAGE)
        self.assertLess(time.process_time() - started, 1)


if __name__ == "__main__":
    unittest.main()
