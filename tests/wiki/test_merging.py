"""wikistd.wiki.merging: replies merged, pages mapped to what was asked."""

import unittest

from wikistd.wiki.merging import (
    PageBatch,
    fill_limits,
    generator_limit_name,
    has_texts,
    is_truncated,
    merge_page,
    word_list,
)


def batch(*queries):
    found = PageBatch()
    for query in queries:
        found.add({"query": query})
    return found


class Merging(unittest.TestCase):
    def test_pages(self):
        page = {"title": "A", "links": [1], "props": {"a": 1}, "size": 1}
        merge_page(page, {"links": [2], "props": {"b": 2}, "size": 3, "new": True})
        self.assertEqual(
            page,
            {"title": "A", "links": [1, 2], "props": {"a": 1, "b": 2}, "size": 3, "new": True},
        )

    def test_repeated_lists(self):
        """A list that a reply repeats is not doubled."""
        page = {"protection": [{"type": "edit"}]}
        merge_page(page, {"protection": [{"type": "edit"}]})
        self.assertEqual(page, {"protection": [{"type": "edit"}]})

    def test_replies(self):
        found = batch(
            {"pages": [{"pageid": 1, "links": [1]}, {"title": "M", "missing": True}]},
            {"pages": [{"pageid": 1, "links": [2]}, {"title": "M", "missing": True}]},
        )
        self.assertEqual(
            found.in_order(), [{"pageid": 1, "links": [1, 2]}, {"title": "M", "missing": True}]
        )

    def test_replies_without_pages(self):
        found = PageBatch()
        found.add({})
        found.add({"query": {}})
        self.assertEqual(found.in_order(), [])

    def test_order_of_the_generator(self):
        found = batch({"pages": [{"pageid": 1, "index": 2}, {"pageid": 2, "index": 1}]})
        self.assertEqual([page["pageid"] for page in found.in_order()], [2, 1])


class Mapping(unittest.TestCase):
    def test_titles(self):
        found = batch(
            {
                "normalized": [
                    {"from": "a_b", "to": "A b", "fromencoded": False},
                    {"from": "Cafe%CC%81", "to": "Caf\u00e9", "fromencoded": True},
                ],
                "converted": [{"from": "A b", "to": "A c"}],
                "redirects": [{"from": "A c", "to": "Target"}, {"from": "X", "to": "X"}],
                "interwiki": [{"title": "w:x", "iw": "w"}],
                "pages": [{"pageid": 1, "title": "Target"}, {"pageid": 2, "title": "Caf\u00e9"}],
            }
        )
        asked = ["a_b", "Cafe\u0301", "w:x", "nowhere", " ", "X"]
        pages = found.for_titles(asked)
        self.assertEqual([page["asked"] for page in pages], asked)
        self.assertEqual([page.get("pageid") for page in pages], [1, 2] + [None] * 4)
        self.assertEqual(pages[2]["interwiki"], "w")
        self.assertTrue(pages[3]["missing"] and pages[3]["untold"])
        self.assertTrue(pages[4]["invalid"])

    def test_ids(self):
        found = batch(
            {
                "pages": [
                    {"pageid": 1, "revisions": [{"revid": 5}, {"revid": 7}, {}]},
                    {"pageid": 2},
                ],
                "badrevids": {"9": {"revid": 9, "missing": True}},
            }
        )
        pages = found.for_revids([7, 9, 5])
        self.assertEqual([page.get("pageid") for page in pages], [1, None, 1])
        self.assertEqual(pages[0]["revisions"], [{"revid": 7}])
        self.assertEqual(pages[1], {"missing": True, "revid": 9, "asked": 9})
        self.assertEqual(
            [page.get("missing") for page in found.for_pageids([2, 3])], [None, True]
        )


class Asking(unittest.TestCase):
    def test_words(self):
        self.assertEqual(word_list("a|b"), ["a", "b"])
        self.assertEqual(word_list(["a", 1]), ["a", "1"])
        self.assertEqual(word_list({"a"}), ["a"])
        self.assertEqual(word_list(None), [])
        self.assertEqual(word_list(True), [])

    def test_limits(self):
        params = {"prop": ["links", "info", "categories"], "cllimit": 5}
        fill_limits(params)
        self.assertEqual(params["pllimit"], "max")
        self.assertEqual(params["cllimit"], 5)
        self.assertEqual(generator_limit_name("allpages"), "gaplimit")
        self.assertIsNone(generator_limit_name("nope"))
        self.assertIsNone(generator_limit_name(["allpages"]))

    def test_texts(self):
        self.assertTrue(has_texts({"prop": "info|revisions", "rvprop": "ids|content"}))
        self.assertFalse(has_texts({"prop": "revisions"}))
        self.assertFalse(has_texts({"prop": "info", "rvprop": "content"}))

    def test_truncation(self):
        self.assertTrue(is_truncated({"warnings": {"result": {"warnings": "cut"}}}))
        self.assertTrue(is_truncated({"warnings": [{"code": "truncatedresult"}, "x"]}))
        self.assertFalse(is_truncated({}))
        self.assertFalse(is_truncated({"warnings": {"main": {}}}))
