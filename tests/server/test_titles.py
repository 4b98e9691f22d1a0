"""wikistd/server/titles.py: titles as MediaWiki reads them."""

from __future__ import annotations

import unittest

from wikistd.server.titles import InvalidTitle, clean_text, parse_title, title_text


class Reading(unittest.TestCase):
    """Text that a person types, and the page it names."""

    def test_normal_forms(self):
        """Blanks, underscores, first letters, namespaces and fragments are settled."""
        for text, full in (
            ("main page", "Main page"),
            ("Main_Page", "Main Page"),
            ("  a   b  ", "A b"),
            ("user talk:bob#x y", "User talk:Bob"),
            ("USER:_bob_", "User:Bob"),
            ("image:x.png", "File:X.png"),
            (":category:c", "Category:C"),
            ("Cafe\u0301", "Caf\u00e9"),
            ("\u00dfa", "SSa"),
            ("&amp;a", "&a"),
            ("&#x61;&eacute;", "A\u00e9"),
            ("x\u200ey", "Xy"),
            ("Special:recentchanges/5", "Special:RecentChanges/5"),
            ("nonamespace:x", "Nonamespace:x"),
        ):
            with self.subTest(text=text):
                self.assertEqual(str(parse_title(text)), full)

    def test_fragment_and_wiki(self):
        """What stands behind # is kept apart; a known prefix leads to another wiki."""
        self.assertEqual(parse_title("A#b c").fragment, "b c")
        self.assertEqual(parse_title("wikipedia:X").interwiki, "wikipedia")

    def test_default_namespace(self):
        """A template's name needs no prefix, and may have one."""
        self.assertEqual(str(parse_title("box", 10)), "Template:Box")
        self.assertEqual(str(parse_title(":box", 10)), "Box")

    def test_invalid(self):
        """What cannot be a title is refused with the reason that MediaWiki gives."""
        for text, reason in (
            ("", "is empty or contains only"),
            ("Talk:", "is empty or contains only"),
            ("#x", "is empty or contains only"),
            ("a[b", 'invalid characters: "["'),
            ("a\nb", 'invalid characters: "\n"'),
            ("a%20b", 'invalid characters: "%20"'),
            ("a&nosuch;b", 'invalid characters: "&nosuch;"'),
            ("&#0;", "invalid UTF-8 sequence"),
            ("Talk:User:x", "a talk page that cannot exist"),
            ("a\ufffdb", "invalid UTF-8 sequence"),
            ("../a", "relative path"),
            ("a/./b", "relative path"),
            ("a~~~b", "magic tilde"),
            ("Talk::x", "invalid colon"),
            ("x" * 256, "no longer than 255 bytes"),
        ):
            with self.subTest(text=text):
                with self.assertRaises(InvalidTitle) as caught:
                    parse_title(text)
                self.assertIn(reason, str(caught.exception))

    def test_length_in_bytes(self):
        """The limit counts bytes of UTF-8, not letters."""
        self.assertEqual(parse_title("\u00e9" * 127).key, "\u00c9" + "\u00e9" * 126)
        with self.assertRaises(InvalidTitle):
            parse_title("\u00e9" * 128)

    def test_text(self):
        """A key becomes a title with blanks and its namespace."""
        self.assertEqual(title_text(3, "A_b"), "User talk:A b")
        self.assertEqual(title_text(0, "A_b"), "A b")


class Cleaning(unittest.TestCase):
    """Text as the wiki stores it."""

    def test_clean(self):
        """NFC; control characters and broken UTF-8 become U+FFFD; tabs and lines stay."""
        for text, cleaned in (
            ("plain\ttext\r\n", "plain\ttext\r\n"),
            ("e\u0301", "\u00e9"),
            ("a\x00b\x1fc", "a\ufffdb\ufffdc"),
            ("\udcff", "\ufffd"),
        ):
            with self.subTest(text=text):
                self.assertEqual(clean_text(text), (cleaned, cleaned == text))


if __name__ == "__main__":
    unittest.main()
