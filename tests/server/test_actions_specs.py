"""wikistd/server/actions_specs.py: the language in which tables of parameters are."""

from __future__ import annotations

import unittest

from wikistd.server.actions_run import ACTION_MODULES, MAIN_PARAMS, QUERY_MODULES
from wikistd.server.actions_specs import ParamSpec, read_spec, read_table


class Tables(unittest.TestCase):
    """A line for some parameters of one kind."""

    def test_lines(self):
        """Names in their order, several on a line; blanks do not count."""
        specs = read_table("""
            from, to: text
              limit: limit
        """)
        self.assertEqual(list(specs), ["from", "to", "limit"])
        self.assertEqual(specs["to"], ParamSpec("text"))

    def test_all_modules(self):
        """Every table of the wiki can be read, and takes what it has as a default."""
        tables = [MAIN_PARAMS]
        tables += [each.params for each in ACTION_MODULES.values()]
        tables += [each.params for each in QUERY_MODULES.values()]
        kinds = set()
        for table in tables:
            for name, spec in read_table(table).items():
                with self.subTest(name=name, spec=spec):
                    kinds.add(spec.kind)
                    chosen = spec.default or ()
                    if spec.kind == "choice":
                        chosen = chosen if spec.is_multi else [chosen] if chosen else []
                        self.assertLessEqual(set(chosen), set(spec.choices))
                        self.assertLessEqual(set(spec.old_values), set(spec.choices))
        self.assertEqual(kinds, {"text", "number", "time", "user", "namespace",
                                 "choice", "limit", "flag"})


class Specs(unittest.TestCase):
    """What is behind the colon."""

    def test_kinds(self):
        """Each kind, its default and what may stand around it."""
        for described, expected in (
            ("text = a b", ParamSpec("text", "a b")),
            ("text =", ParamSpec("text", "")),
            ("required secret text",
             ParamSpec("text", is_required=True, is_secret=True)),
            ("texts", ParamSpec("text", is_multi=True)),
            ("deprecated flag", ParamSpec("flag", False, is_deprecated=True)),
            ("number from 0 to 9 = 1", ParamSpec("number", 1, low=0, high=9)),
            ("limit", ParamSpec("limit", 10, low=1, high=500, bot_high=5000)),
            ("optional limit to 50 500",
             ParamSpec("limit", None, low=1, high=50, bot_high=500)),
            ("one of a b = b", ParamSpec("choice", "b", ("a", "b"))),
            ("any of a b~", ParamSpec("choice", [], ("a", "b"), True,
                                      old_values=("b",))),
            ("optional starred any of a", ParamSpec("choice", None, ("a",), True,
                                                    takes_all=True)),
            ("user name", ParamSpec("user", old_values=("name",))),
            ("users", ParamSpec("user", is_multi=True, old_values=("name", "address"))),
        ):
            with self.subTest(described):
                self.assertEqual(read_spec(described), expected)

    def test_namespaces(self):
        """Numbers of the wiki's namespaces, those below zero left out."""
        one, many = read_spec("namespace = 0"), read_spec("namespaces = 0 4")
        self.assertEqual((one.default, many.default), (0, ["0", "4"]))
        self.assertEqual(one.choices[:2], ("0", "1"))
        self.assertTrue(many.takes_all and not one.takes_all)


if __name__ == "__main__":
    unittest.main()
