"""Query strings as browsers write them, and what is refused."""

import enum
import random
import unittest

from wikistd import LimitExceeded
from wikistd.formats.query import add_query, decode_query, encode_query, join_values


class Encoding(unittest.TestCase):
    def test_as_browsers_write_it(self):
        ascii_text = "".join(chr(code) for code in range(128))
        self.assertEqual(
            encode_query([("q", ascii_text)]),
            "q=%00%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14%15%16"
            "%17%18%19%1A%1B%1C%1D%1E%1F+%21%22%23%24%25%26%27%28%29*%2B%2C-.%2F0123456"
            "789%3A%3B%3C%3D%3E%3F%40ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghi"
            "jklmnopqrstuvwxyz%7B%7C%7D%7E%7F",
        )
        self.assertEqual(encode_query({"\xe9 ": "\u20ac"}), "%C3%A9+=%E2%82%AC")

    def test_values(self):
        pairs = [("a", 1), ("b", 1.5), ("a", ""), ("c", None), ("d", ["x", 2, None])]
        self.assertEqual(encode_query(pairs), "a=1&b=1.5&a=&d=x&d=2")
        self.assertEqual(encode_query(iter([("a", ("b",))])), "a=b")
        self.assertEqual(encode_query([]), "")

        class Colour(str, enum.Enum):
            red = "dark red"
            blue = "blue"

        # Their text, as of all text; `%s` would say "Colour.blue".
        pairs = [(Colour.blue, Colour.red), (Colour.red, Colour.blue)]
        self.assertEqual(encode_query(pairs), "blue=dark+red&dark+red=blue")

    def test_refused(self):
        cases = [
            (
                [("a", b"x")],
                "value of field 'a' is bytes: decode it first, or send it as a file",
            ),
            (
                [("a", {})],
                "value of field 'a' is dict: encode it as JSON, or give each entry a name",
            ),
            (
                [("a", True)],
                'value of field \'a\' is bool: say "1" or "true", or leave the field out',
            ),
            (
                [("a", object())],
                "value of field 'a' is object: expected str, int or float",
            ),
            (
                [("a", [["x"]])],
                "value of field 'a' is list: expected str, int or float",
            ),
            ([(b"a", "x")], "name of field b'a' is bytes, expected str"),
            ([(1, "x")], "name of field 1 is int, expected str"),
            ("a=b", "expected a mapping or (name, value) pairs, got str"),
            (b"a=b", "expected a mapping or (name, value) pairs, got bytes"),
        ]
        for pairs, sentence in cases:
            with self.subTest(pairs=pairs), self.assertRaises(TypeError) as caught:
                encode_query(pairs)
            self.assertEqual(str(caught.exception), sentence)
        with self.assertRaises(ValueError) as caught:
            encode_query({"a": "\ud800"})
        sentence = "field 'a' holds a lone surrogate, which is no text"
        self.assertEqual(str(caught.exception), sentence)
        self.assertIsNone(caught.exception.__context__)


class Decoding(unittest.TestCase):
    def test_decode(self):
        cases = [
            ("", []),
            ("&&", []),
            ("a", [("a", "")]),
            ("=", [("", "")]),
            ("a=b=c", [("a", "b=c")]),
            ("a+b=%2B+%20&a+b=;", [("a b", "+  "), ("a b", ";")]),
            ("%C3%A9=%e2%82%ac", [("\xe9", "\u20ac")]),
            ("a=%zz%4&b=%", [("a", "%zz%4"), ("b", "%")]),
            ("a=%ff", [("a", "\ufffd")]),
            ("\xe9=\xe9", [("\xe9", "\xe9")]),
            (b"\xc3\xa9=1", [("\xe9", "1")]),
            ("a=%1F", [("a", "\x1f")]),
            ("a=\udcff", [("a", "\ufffd")]),
        ]
        for data, want in cases:
            with self.subTest(data=data):
                self.assertEqual(decode_query(data), want)

    def test_charset(self):
        self.assertEqual(decode_query("a=%FB", encoding="cp1251"), [("a", "\u044b")])
        with self.assertRaises(UnicodeDecodeError):
            decode_query("a=%ff", errors="strict")

    def test_round_trip(self):
        dice = random.Random(4)
        alphabet = "ab &=+%;#\x00\x1f|\xe9\u20ac\U0001f600~*"
        for _ in range(200):
            pairs = [
                tuple(
                    "".join(dice.choices(alphabet, k=dice.randrange(6))) for _ in "nv"
                )
                for _ in range(dice.randrange(5))
            ]
            self.assertEqual(decode_query(encode_query(pairs)), pairs)

    def test_limits(self):
        self.assertEqual(len(decode_query("a&b&c", max_fields=3)), 3)
        self.assertEqual(len(decode_query("&a&&b&&&", max_fields=2)), 2)
        with self.assertRaises(LimitExceeded) as caught:
            decode_query("a&b&c&d", max_fields=3)
        self.assertEqual(
            (caught.exception.name, caught.exception.limit), ("max_fields", 3)
        )
        self.assertEqual(
            str(caught.exception), "query of 4 fields exceeds max_fields=3"
        )
        self.assertEqual(decode_query("a=b", max_bytes=3), [("a", "b")])
        with self.assertRaises(LimitExceeded) as caught:
            decode_query("a=bc", max_bytes=3)
        self.assertEqual(
            (caught.exception.name, caught.exception.limit), ("max_bytes", 3)
        )
        self.assertEqual(str(caught.exception), "query of 4 bytes exceeds max_bytes=3")
        self.assertEqual(len(decode_query("a&" * 1000)), 1000)
        with self.assertRaises(LimitExceeded) as caught:
            decode_query("a&" * 1001)
        with self.assertRaises(LimitExceeded) as caught:
            decode_query(b"a" * (8 * 1024 * 1024 + 1))
        self.assertEqual(caught.exception.limit, 8388608)


class MultiValues(unittest.TestCase):
    def test_join(self):
        self.assertEqual(join_values([]), "")
        self.assertEqual(join_values(["a"]), "a")
        self.assertEqual(join_values(["a", 2, 1.5]), "a|2|1.5")
        self.assertEqual(join_values(["a|b"]), "\x1fa|b")
        self.assertEqual(join_values(iter(["a|b", "c"])), "\x1fa|b\x1fc")

    def test_refused(self):
        for values, sentence in (
            ("abc", "expected a list of values, got str"),
            (b"abc", "expected a list of values, got bytes"),
            ({"a": 1}, "expected a list of values, got dict"),
            (
                [b"a"],
                "value of field 'values' is bytes: decode it first, or send it as a file",
            ),
        ):
            with self.assertRaises(TypeError) as caught:
                join_values(values)
            self.assertEqual(str(caught.exception), sentence)
        with self.assertRaises(ValueError) as caught:
            join_values(["a\x1f"])
        self.assertEqual(
            str(caught.exception), "a value holds U+001F, which separates values"
        )


class AddQuery(unittest.TestCase):
    def test_add(self):
        cases = [
            ("http://h/p", "http://h/p?a=b"),
            ("http://h/p?", "http://h/p?a=b"),
            ("http://h/p?x=%7e", "http://h/p?x=%7e&a=b"),
            ("http://h/p?x&", "http://h/p?x&a=b"),
            ("http://h/p#f?g", "http://h/p?a=b#f?g"),
            ("http://h/p?x#", "http://h/p?x&a=b#"),
        ]
        for url, want in cases:
            self.assertEqual(add_query(url, {"a": "b"}), want)
        self.assertEqual(add_query("http://h/?x#y", []), "http://h/?x#y")


if __name__ == "__main__":
    unittest.main()
