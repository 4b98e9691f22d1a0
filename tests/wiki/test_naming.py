"""wikistd.wiki.naming: rules that few wikis show; the rest is in tests/contract."""

import unittest

from wikistd import TitleRules

INFO = {
    "general": {"case": "first-letter"},
    "namespaces": {
        "-1": {"id": -1, "name": "Spezial", "canonical": "Special", "case": "first-letter"},
        "0": {"id": 0, "name": "", "case": "case-sensitive", "content": True},
        "1": {"id": 1, "*": "Diskussion", "canonical": "Talk", "subpages": ""},
        "2": {"id": 2, "name": "Benutzer", "canonical": "User", "case": "first-letter"},
    },
    "namespacealiases": [{"id": 2, "alias": "Benutzerin"}, {"id": 2, "*": "BD"}],
    "interwikimap": [
        {"prefix": "w", "url": "https://w.example/wiki/$1"},
        {"prefix": "de", "url": "https://x.example/wiki/$1", "local": True, "localinterwiki": 1},
    ],
}


class Titles(unittest.TestCase):
    def setUp(self):
        self.rules = TitleRules(INFO)

    def test_namespaces(self):
        self.assertEqual(self.rules.namespaces[2].aliases, ("Benutzerin", "BD"))
        self.assertEqual(self.rules.namespaces[1].name, "Diskussion")
        self.assertTrue(self.rules.namespaces[1].has_subpages)
        self.assertFalse(self.rules.namespaces[0].is_first_letter)

    def read(self, text):
        return self.rules.parse(text)

    def test_local_names(self):
        for text in ("user:ann", "BENUTZER: ann", "benutzerin:_ann", "bd:ann", ":bd:ann"):
            self.assertEqual(str(self.read(text)), "Benutzer:Ann", text)

    def test_case_of_a_namespace(self):
        self.assertEqual(str(self.read("ann b")), "ann b")
        self.assertEqual(self.read("user:ann b").path, "Benutzer:Ann_b")

    def test_interwiki(self):
        title = self.read("W:a_b#c d")
        self.assertEqual(
            (title.interwiki, title.text, title.fragment, str(title)),
            ("w", "a b", "c d", "w:a b"),
        )
        self.assertEqual(self.read("w:").text, "")

    def test_prefix_of_the_wiki_itself(self):
        title = self.read("de:user:ann")
        self.assertEqual((title.interwiki, str(title)), ("", "Benutzer:Ann"))
        self.assertEqual(self.read("de:w:x").interwiki, "")

    def test_invalid(self):
        for text, words in (
            ("", "it is empty"),
            ("User:", "it is empty"),
            ("de:", "it is empty"),
            ("Talk:w:x", "a talk page of a prefix"),
            ("Talk:user:x", "a talk page of a prefix"),
            ("User::x", "begins with a colon"),
            ("a\ufffd", "it holds '\ufffd'"),
            ("a~~~b", "a signature"),
            ("a/./b", "a relative path"),
            ("x" * 256, "it has 256 bytes, more than 255"),
        ):
            with self.assertRaises(ValueError) as caught:
                self.read(text)
            self.assertIn("%r cannot be a title: " % text, str(caught.exception))
            self.assertIn(words, str(caught.exception))
        self.assertEqual(len(self.read("Special:" + "x" * 500).text), 500)

    def test_without_siteinfo(self):
        self.assertEqual(str(TitleRules({}).parse("a:b_c")), "a:b c")
