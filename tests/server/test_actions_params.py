"""wikistd/server/actions_params.py: values, and every kind of bad one."""

from __future__ import annotations

import unittest

from wikistd.server.actions import ActionFailure
from wikistd.server.actions_params import (
    ParamReader,
    param_choice,
    param_choices,
    param_flag,
    param_limit,
    param_list,
    param_namespace,
    param_namespaces,
    param_number,
    param_text,
    param_time,
    param_user,
    require_one,
)


class Values(unittest.TestCase):
    """What each kind of parameter takes."""

    def read(self, spec, text, **options):
        """Return the value of a parameter p, or the code of the failure, and warnings."""
        reader = ParamReader({} if text is None else {"p": text}, 77)
        for name, value in options.items():
            setattr(reader, name, value)
        try:
            value = reader.read("m", "", {"p": spec})["p"]
        except ActionFailure as failure:
            value = failure.messages[0].code
        return value, [message.code for _, message in reader.warnings]

    def test_kinds(self):
        """Good and bad values of each kind."""
        for spec, text, value, warnings in (
            (param_text("d"), None, "d", []),
            (param_text(), "e\u0301", "\u00e9", ["badutf8"]),
            (param_text(is_secret=True), "e\u0301", "e\u0301", []),
            (param_text(is_required=True), "", "missingparam", []),
            (param_text(is_required=True), None, "missingparam", []),
            (param_flag(), "", True, []),
            (param_flag(), None, False, []),
            (param_flag(is_deprecated=True), "1", True, ["deprecation", "deprecation-help"]),
            (param_list(), "a|b|a", ["a", "b"], []),
            (param_list(), None, None, []),
            (param_number(), "+5", 5, []),
            (param_number(), "5.0", "badinteger", []),
            (param_number(1, 1, 9), "0", 1, ["outofrange"]),
            (param_number(1, 1, 9), "10", 9, ["outofrange"]),
            (param_number(is_multi=True), "1|x", "badinteger", []),
            (param_limit(10, 50, 500), "max", 50, []),
            (param_limit(10, 50, 500), None, 10, []),
            (param_time(), "1970-01-01T00:00:05Z", 5, []),
            (param_time(), "now", 77, []),
            (param_time(), "never", "badtimestamp", []),
            (param_choice("a b", "a"), "b", "b", []),
            (param_choice("a b", "a"), "c", "badvalue", []),
            (param_choices("a b", "a"), None, ["a"], []),
            (param_choices("a b", is_optional=True), None, None, []),
            (param_choices("a b"), "b|c|d", ["b"], ["unrecognizedvalues"]),
            (param_choices("a b", takes_all=True), "*", ["a", "b"], []),
            (param_choices("a b", old_values="b"), "b", ["b"],
             ["deprecation", "deprecation-help"]),
            (param_namespace(0), "4", 4, []),
            (param_namespace(0), "99", "badvalue", []),
            (param_namespaces(), "0|1|99", ["0", "1"], ["unrecognizedvalues"]),
            (param_user(), "some_one", "Some one", []),
            (param_user(), "2001:db8::1", "2001:DB8::1", []),
            (param_user("name"), "192.0.2.1", "baduser", []),
            (param_user(), "[x]", "baduser", []),
            (param_user(is_multi=True), "a|[x]", "baduser", []),
        ):
            with self.subTest(spec=spec, text=text):
                self.assertEqual(self.read(spec, text), (value, warnings))

    def test_high_limits(self):
        """apihighlimits: more at once."""
        self.assertEqual(self.read(param_limit(10, 50, 500), "499", has_high_limits=True),
                         (499, []))
        many = "|".join(map(str, range(51)))
        self.assertEqual(self.read(param_list(), many)[0], "toomanyvalues")
        self.assertEqual(len(self.read(param_list(), many, has_high_limits=True)[0]), 51)
        few = param_list(max_values=2)
        self.assertEqual(self.read(few, "1|2|3", has_high_limits=True)[0], "toomanyvalues")

    def test_all_are_read(self):
        """Warnings of parameters behind a bad one are kept, and the first failure counts."""
        reader = ParamReader({"a": "x", "b": "x", "c": "99"}, 0)
        with self.assertRaises(ActionFailure) as caught:
            reader.read("m", "", {"a": param_number(), "b": param_time(),
                                  "c": param_number(1, 1, 9)})
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
