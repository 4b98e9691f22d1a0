"""wikistd/server/actions_params.py: values, and every kind of bad one."""

from __future__ import annotations

import unittest

from wikistd.server.actions import ActionFailure
from wikistd.server.actions_params import ParamReader, require_one


class Values(unittest.TestCase):
    """What each kind of parameter takes."""

    def read(self, spec, text, **options):
        """Return the value of a parameter p, or the code of the failure, and warnings."""
        reader = ParamReader({} if text is None else {"p": text}, 77)
        for name, value in options.items():
            setattr(reader, name, value)
        try:
            value = reader.read("m", "", "p: " + spec)["p"]
        except ActionFailure as failure:
            value = failure.messages[0].code
        return value, [message.code for _, message in reader.warnings]

    def test_kinds(self):
        """Good and bad values of each kind."""
        for spec, text, value, warnings in (
            ("text = d", None, "d", []),
            ("text", "e\u0301", "\u00e9", ["badutf8"]),
            ("secret text", "e\u0301", "e\u0301", []),
            ("required text", "", "missingparam", []),
            ("required text", None, "missingparam", []),
            ("flag", "", True, []),
            ("flag", None, False, []),
            ("deprecated flag", "1", True, ["deprecation", "deprecation-help"]),
            ("texts", "a|b|a", ["a", "b"], []),
            ("texts", None, None, []),
            ("number", "+5", 5, []),
            ("number", "5.0", "badinteger", []),
            ("number from 1 to 9 = 1", "0", 1, ["outofrange"]),
            ("number from 1 to 9 = 1", "10", 9, ["outofrange"]),
            ("numbers", "1|x", "badinteger", []),
            ("limit to 50 500", "max", 50, []),
            ("limit to 50 500", None, 10, []),
            ("time", "1970-01-01T00:00:05Z", 5, []),
            ("time", "now", 77, []),
            ("time", "never", "badtimestamp", []),
            ("one of a b = a", "b", "b", []),
            ("one of a b = a", "c", "badvalue", []),
            ("any of a b = a", None, ["a"], []),
            ("optional any of a b", None, None, []),
            ("any of a b", "b|c|d", ["b"], ["unrecognizedvalues"]),
            ("starred any of a b", "*", ["a", "b"], []),
            ("any of a b~", "b", ["b"],
             ["deprecation", "deprecation-help"]),
            ("namespace = 0", "4", 4, []),
            ("namespace = 0", "99", "badvalue", []),
            ("namespaces", "0|1|99", ["0", "1"], ["unrecognizedvalues"]),
            ("user", "some_one", "Some one", []),
            ("user", "2001:db8::1", "2001:DB8::1", []),
            ("user name", "192.0.2.1", "baduser", []),
            ("user", "[x]", "baduser", []),
            ("users", "a|[x]", "baduser", []),
        ):
            with self.subTest(spec=spec, text=text):
                self.assertEqual(self.read(spec, text), (value, warnings))

    def test_high_limits(self):
        """apihighlimits: more at once."""
        self.assertEqual(self.read("limit to 50 500", "499", has_high_limits=True),
                         (499, []))
        many = "|".join(map(str, range(51)))
        self.assertEqual(self.read("texts", many)[0], "toomanyvalues")
        self.assertEqual(len(self.read("texts", many, has_high_limits=True)[0]), 51)

    def test_all_are_read(self):
        """Warnings of parameters behind a bad one are kept, and the first failure counts."""
        reader = ParamReader({"a": "x", "b": "x", "c": "99"}, 0)
        with self.assertRaises(ActionFailure) as caught:
            reader.read("m", "", "a: number\nb: time\nc: number from 1 to 9 = 1")
        self.assertEqual(caught.exception.messages[0].code, "badinteger")
        self.assertEqual(caught.exception.module, "m")
        self.assertEqual([each.code for _, each in reader.warnings], ["outofrange"])

    def test_require_one(self):
        """None is too few, two are too many unless several may be."""
        self.assertEqual(require_one({"a": None, "b": 1}, "", ("a", "b")), "b")
        for args, at_least, code in (
            ({}, False, "missingparam"), ({"a": 1, "b": 1}, False, "invalidparammix"),
            ({"a": 1, "b": 1}, True, None),
        ):
            try:
                require_one(args, "p", ("a", "b"), at_least=at_least)
                found = None
            except ActionFailure as failure:
                found = failure.messages[0].code
            self.assertEqual(found, code)


if __name__ == "__main__":
    unittest.main()
