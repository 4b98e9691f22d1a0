"""wikistd/server/markup.py: links, sections and merges of wikitext."""

from __future__ import annotations

import time
import unittest

from wikistd.server.markup import (
    find_links,
    find_redirect,
    find_sections,
    get_section,
    merge_texts,
    render_html,
    replace_section,
    sign_text,
    sort_url,
)
from wikistd.server.titles import parse_title

TEXT = "intro\n\n== A ==\na\n\n=== A1 ===\na1\n\n== B ==\nb"


class Links(unittest.TestCase):
    """What a text links to."""

    def test_kinds(self):
        """Pages, files, categories, templates, other wikis, addresses: each its own."""
        links = find_links(
            "[[a|b]] [[a]] [[:Category:C]] [[Category:D|key]] [[File:X.png|thumb|y]] "
            "[[wikipedia:Z]] {{box|1}} {{PAGENAME}} {{#if:1|2}} http://e.test/x. [[a[b]]"
        )
        self.assertEqual([str(each) for each in links.pages], ["A", "Category:C"])
        self.assertEqual([str(each) for each in links.files], ["File:X.png"])
        self.assertEqual(links.categories, {"D": "key"})
        self.assertEqual([str(each) for each in links.templates], ["Template:Box"])
        self.assertEqual([each.interwiki for each in links.interwikis], ["wikipedia"])
        self.assertEqual(links.urls, ["http://e.test/x"])

    def test_many_addresses(self):
        """The time for a text full of addresses grows with its length only."""
        urls = ["http://e.test/%d" % number for number in range(50000)]
        started = time.process_time()
        self.assertEqual(find_links(" ".join(urls + urls)).urls, urls)
        # 0.2 s; looking each up in a list took minutes.
        self.assertLess(time.process_time() - started, 5)

    def test_templates(self):
        """A template's name ends with its line, at a bar or at the braces."""
        links = find_links(
            "{{ a }} {{\n b\n|x}} {{c\n<b>}} {{d|{{e}}}} {{{f}}} {{g <b>}} {{h} {{}} {{ \n}}"
            " {{#if:x}} {{%s}} {{%s}} {{i" % ("k" * 255, "l" * 256)
        )
        self.assertEqual(
            [each.key for each in links.templates], ["A", "B", "C", "D", "E", "F", "K" + "k" * 254]
        )

    def test_runs_of_blanks(self):
        """However many blanks follow, they are gone through once."""
        started = time.process_time()
        for text in ("{{", "{{a", "#redirect", "#redirect:", "[[", "[[a|"):
            find_links(text + " " * 20000)
            find_links((text + " " * 250) * 80)
        self.assertLess(time.process_time() - started, 2)  # 0.02 s; it took hours

    def test_unparsed(self):
        """Comments and nowiki hide links."""
        text = "<!-- [[A]] --> <nowiki>[[B]]</nowiki> <pre>[[C]]</pre> [[D]] <nowiki> [[F]] <!-- [[E]]"
        self.assertEqual([str(each) for each in find_links(text).pages], ["D", "F"])

    def test_unparsed_with_odd_ends(self):
        """A tag ends with its own name, whatever the case; without an end it is text."""
        for text, pages in (
            ("<PRE a=1>[[A]]</pre > [[B]]", ["B"]), ("<pre>[[A]]</nowiki> [[B]]", ["A", "B"]),
            ("<nowiki>[[A]]<pre>[[B]]</nowiki>[[C]]</pre>[[D]]", ["C", "D"]),
            ("<pre>[[A]]<nowiki>[[B]]</nowiki>[[C]]", ["A", "C"]),
            ("<prefix>[[A]]</prefix>", ["A"]), ("<pre [[A]]", ["A"]), ("<nowiki/>[[A]]", ["A"]),
            ("<pre>[[A]]</pre>[[B]]<pre>[[C]]</pre>[[D]]<pre>", ["B", "D"]),
        ):
            with self.subTest(text=text):
                self.assertEqual([str(each) for each in find_links(text).pages], pages)
        self.assertEqual(
            [each.heading for each in find_sections("<pre>\n=a=\n</pre>\n=b=\n<pre>\n=c=")], ["b", "c"]
        )

    def test_many_tags_without_end(self):
        """The time grows with the text, not with its square."""
        for tag in ("<nowiki>", "<pre>", "<pre ", "<pre></nowiki", "<nowiki><pre>"):
            started = time.process_time()
            find_links(tag * 30000 + ">")
            find_sections(tag * 30000)
            self.assertLess(time.process_time() - started, 2.0, tag)

    def test_many_headings(self):
        """So it does with the headings, each of which ends the one before."""
        started = time.process_time()
        sections = find_sections("== a ==\n=== b ===\n" * 50000)
        self.assertLess(time.process_time() - started, 2.0)
        self.assertEqual(len(sections), 100000)
        self.assertEqual([each.end for each in sections[:3]], [18, 18, 36])

    def test_redirect(self):
        """A text that begins with #REDIRECT leads to another page."""
        self.assertEqual(str(find_redirect("#redirect [[ main page#x]]")), "Main page")
        self.assertIsNone(find_redirect("no #REDIRECT [[x]]"))
        self.assertEqual(str(find_redirect("#REDIRECT [[Special:X]]")), "Special:X")
        self.assertIsNone(find_redirect("#REDIRECT [[wikipedia:X]]"))

    def test_many_links(self):
        """The time to find links grows with the text, not with its square."""
        self.assertEqual(len(find_links("[[a" * 20000).pages), 0)
        self.assertEqual(len(find_links("".join("[[p%d]]" % n for n in range(3000))).pages),
                         3000)

    def test_sort_url(self):
        """Addresses sort by host from the end."""
        self.assertEqual(sort_url("https://en.example.org:8/a/b"),
                         "https://org.example.en.:8/a/b")


class Sections(unittest.TestCase):
    """The parts of a text between headings."""

    def test_find(self):
        """A section ends where the next one of its level or above begins."""
        self.assertEqual(
            [(each.level, each.heading, TEXT[each.start : each.end].count("\n"))
             for each in find_sections(TEXT)],
            [(2, "A", 6), (3, "A1", 3), (2, "B", 1)],
        )

    def test_get(self):
        """Section 0 is what precedes the first heading."""
        self.assertEqual(get_section(TEXT, 0), "intro")
        self.assertEqual(get_section(TEXT, 2), "=== A1 ===\na1")
        self.assertIsNone(get_section(TEXT, 4))

    def test_replace(self):
        """Everything else stays as it is."""
        self.assertEqual(replace_section(TEXT, 2, "=== N ==="),
                         "intro\n\n== A ==\na\n\n=== N ===\n\n== B ==\nb")
        self.assertEqual(replace_section("x", 0, "y"), "y")
        self.assertIsNone(replace_section(TEXT, 9, "y"))

    def test_not_in_nowiki(self):
        """Lines that look like headings inside nowiki and comments are none."""
        self.assertEqual(find_sections("<nowiki>\n== A ==\n</nowiki>\n<!--\n== B ==\n-->"), [])


    def test_comment_after_heading(self):
        """A comment behind a heading is no part of it, and many take no time."""
        text = "== A == <!-- x --><!-- y -->\na\n== B ==" + "<!---->" * 200 + "x"
        self.assertEqual([each.heading for each in find_sections(text)], ["A"])


class Merging(unittest.TestCase):
    """Two edits of one text."""

    def test_apart(self):
        """Changes of lines that do not touch are both kept."""
        self.assertEqual(merge_texts("a\nb\nc\nd", "A\nb\nc\nd", "a\nb\nc\nD"), "A\nb\nc\nD")
        self.assertEqual(merge_texts("a\nb", "a\nb", "a\nc"), "a\nc")
        self.assertEqual(merge_texts("a", "b", "b"), "b")

    def test_touching(self):
        """Changes of the same line, or of neighbours, are a conflict."""
        self.assertIsNone(merge_texts("a\nb\nc", "a\nX\nc", "a\nY\nc"))
        self.assertIsNone(merge_texts("a\nb\nc\nd", "a\nX\nc\nd", "a\nb\nY\nd"))
        self.assertIsNone(merge_texts("a", "a\nx", "a\ny"))

    def test_too_long(self):
        """Very long texts are a conflict rather than minutes of work."""
        base = "\n".join("line" for _ in range(20001))
        self.assertIsNone(merge_texts(base, base + "\nx", "y\n" + base))


class Showing(unittest.TestCase):
    """Signatures, and HTML for people."""

    def test_sign(self):
        """Three tildes are the name, four the name and time, five the time."""
        self.assertEqual(sign_text("~~~~~ ~~~~ ~~~", "U", "T"),
                         "T [[User:U|U]] ([[User talk:U|talk]]) T "
                         "[[User:U|U]] ([[User talk:U|talk]])")

    def test_html_is_escaped(self):
        """Nothing that a page says becomes markup of its own."""
        shown = render_html("<script>x</script> [[a\"b|<i>]] [[Q]]\n== <b> ==\n* '''x'''",
                            parse_title("T"), {(0, "Q")})
        self.assertNotIn("<script", shown)
        self.assertNotIn("<i>]", shown)
        self.assertIn('<a href="/wiki/Q" title="Q">Q</a>', shown)
        self.assertIn("<li><b>x</b></li>", shown)
        self.assertIn('class="new"', shown)


if __name__ == "__main__":
    unittest.main()
