"""wikistd.wiki.params: values in, API parameters out."""

import datetime
import unittest

from wikistd.wiki.params import (
    READ_ACTIONS,
    api_name,
    encode_moment,
    encode_params,
    encode_value,
    merge_params,
)


class Values(unittest.TestCase):
    def same(self, value, text):
        self.assertEqual(encode_value("p", value), text)

    def test_plain_values(self):
        """Text stays as it is, numbers are written out."""
        self.same("a|b", "a|b")
        self.same("", "")
        self.same(3, "3")
        self.same(-1, "-1")
        self.same(1.5, "1.5")
        self.same("Ünï", "Ünï")

    def test_booleans_and_none(self):
        """True is present, False and None are left out: "0" would mean true."""
        self.same(True, "")
        self.same(False, None)
        self.same(None, None)

    def test_lists(self):
        """Lists are joined; U+001F where a value holds a pipe; none is empty."""
        self.same(["a", "b"], "a|b")
        self.same(("a", 2), "a|2")
        self.same(["A|B", "C"], "\x1fA|B\x1fC")
        self.same(["A|B"], "\x1fA|B")
        self.same([], "")
        self.same(iter("ab"), "a|b")
        self.same({"b": 1, "a": 2}.keys(), "b|a")

    def test_sets_are_sorted(self):
        """The same call always makes the same request."""
        self.same({"b", "a", "c"}, "a|b|c")
        self.same(frozenset([3, 20]), "20|3")

    def test_moments(self):
        """Datetimes become UTC; one without a zone is UTC; fractions are dropped."""
        moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678)
        self.same(moment, "2026-01-02T03:04:05Z")
        east = datetime.timezone(datetime.timedelta(hours=2))
        self.same(moment.replace(tzinfo=east), "2026-01-02T01:04:05Z")
        self.same(datetime.date(2026, 1, 2), "2026-01-02T00:00:00Z")
        self.assertEqual(
            encode_moment(datetime.datetime(33, 1, 1)), "0033-01-01T00:00:00Z"
        )

    def refuses(self, kind, value, sentence):
        with self.assertRaises(kind) as caught:
            encode_value("titles", value)
        self.assertEqual(str(caught.exception), sentence)

    def test_refusals_name_the_parameter(self):
        """What has no form in the API is refused before anything is sent."""
        self.refuses(
            TypeError,
            b"x",
            "parameter titles: bytes is not text: decode it first, or give it as "
            "a file",
        )
        self.refuses(
            TypeError,
            {"a": 1},
            "parameter titles: a mapping has no form in the API: give a list, or text",
        )
        self.refuses(
            TypeError,
            object(),
            "parameter titles: object is not text, a number, a boolean, a datetime "
            "or a list of these",
        )
        self.refuses(
            TypeError,
            [["a"]],
            "parameter titles: list is not text, a number, a boolean, a datetime or "
            "a list of these",
        )
        for value in (True, False, None):
            self.refuses(
                TypeError,
                ["a", value],
                "parameter titles: %r cannot stand in a list of values" % value,
            )
        self.refuses(
            ValueError, float("nan"), "parameter titles: nan is not a number"
        )
        self.refuses(
            ValueError,
            "a\ud800",
            "parameter titles holds a lone surrogate at position 1, which is no text",
        )


class Params(unittest.TestCase):
    def test_order_names_and_token(self):
        """Order is kept, one trailing underscore goes, the token is last."""
        self.assertEqual(
            encode_params(
                {"token": "t+\\", "action": "edit", "from_": "A", "x": None, "n": 1}
            ),
            [("action", "edit"), ("from", "A"), ("n", "1"), ("token", "t+\\")],
        )
        self.assertEqual(api_name("_"), "_")
        with self.assertRaisesRegex(TypeError, "a parameter's name is text, not 3"):
            encode_params({3: "x"})

    def test_merge(self):
        """Later layers win, under the API's names."""
        self.assertEqual(
            merge_params({"assert": "user", "a": 1}, None, {"assert_": "bot", 3: 4}),
            {"assert": "bot", "a": 1, 3: 4},
        )

    def test_reads(self):
        self.assertIn("query", READ_ACTIONS)
        self.assertNotIn("edit", READ_ACTIONS)
