"""One file (law): every module-level name is unique, and nothing runs at import."""

import ast
import unittest

from .source import BUILTIN_NAMES, STDLIB_NAMES, is_type_checking, sources, top_statements

#: Names with a meaning of their own, and what each module may have for itself.
SPECIAL = {"__all__", "__version__", "__slots__", "__doc__"}
#: What a constant's value may call besides `value_makers`: makers without effects.
HARMLESS_CALLS = {
    "re.compile", "struct.Struct", "frozenset", "set", "dict", "tuple", "list", "bytes",
    "bytearray", "object", "range", "TypeVar", "NamedTuple", "NewType", "sorted", "zip",
    "enumerate", "len", "ord", "chr", "int", "float", "str", "max", "min", "sum",
    "datetime.timezone.utc", "datetime.timedelta", "datetime.datetime", "bytes.maketrans",
    "str.maketrans", "dict.fromkeys", "collections.OrderedDict", "types.MappingProxyType",
    "MappingProxyType", "Struct",
}
HARMLESS_METHODS = {
    "_replace", "encode", "split", "join", "format", "items", "keys", "values", "union", "maketrans",
    "fromkeys", "strip", "lower", "upper", "replace",
}


def dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return "%s.%s" % (dotted(node.value), node.attr)
    return "?"


def value_makers():
    """Return the names of ours that only make a value.

    NamedTuple classes, classes without a constructor (sentinels), and functions that
    return one NamedTuple: they fill the rows of the tables in constants.
    """
    rows, functions = set(), []
    for source in sources():
        for name, node in source.definitions():
            if isinstance(node, ast.ClassDef):
                bases = [dotted(base) for base in node.bases]
                made = any(
                    isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__new__")
                    for part in node.body
                )
                if "NamedTuple" in bases or not bases and not made:
                    rows.add(name)
            elif isinstance(node, ast.FunctionDef):
                functions.append(node)
    return rows | {
        node.name for node in functions
        if node.returns is not None and dotted(node.returns) in rows
    }


def is_main_guard(node):
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and dotted(node.test.left) == "__name__"
    )


class UniqueNames(unittest.TestCase):
    def test_unique(self):
        """No two modules define the same top-level name, private ones included."""
        owners = {}
        for source in sources():
            for name, _ in source.definitions():
                if name not in SPECIAL:
                    owners.setdefault(name, set()).add(source.short)
        clashes = {name: sorted(files) for name, files in owners.items() if len(files) > 1}
        self.assertEqual(clashes, {})

    def test_imports_do_not_clash(self):
        """No name that one module defines is a name that another imports from Python."""
        imported = {}
        for source in sources():
            for item in source.imports:
                if not item.own and item.module != "__future__":
                    imported.setdefault(item.bound, source.where(item.lineno))
        clashes = [
            "%s: %s, imported at %s" % (source.where(node.lineno), name, imported[name])
            for source in sources() for name, node in source.definitions()
            if name in imported and (source.name, name) != ("wikistd", "TYPE_CHECKING")
        ]
        self.assertEqual(clashes, [])

    def test_not_a_builtin(self):
        """No top-level name hides a builtin or a module of the standard library."""
        clashes = [
            "%s: %s" % (source.where(node.lineno), name)
            for source in sources() for name, node in source.definitions()
            if name in BUILTIN_NAMES or name in STDLIB_NAMES
        ]
        self.assertEqual(clashes, [])

    def test_no_global_statement(self):
        """No module state: nothing is rebound from inside a function."""
        found = [
            source.where(node.lineno)
            for source in sources() for node in source.nodes
            if isinstance(node, ast.Global)
        ]
        self.assertEqual(found, [])

    def test_sources_are_read_by_tools_only(self):
        """Nothing but tools/ and what is run by its path looks at `__file__`."""
        found = [
            source.where(node.lineno)
            for source in sources()
            if source.room != "tools" and source.short != "__main__.py"
            for node in source.nodes
            if isinstance(node, ast.Name) and node.id in ("__file__", "__path__", "__spec__")
        ]
        self.assertEqual(found, [])


class NothingRuns(unittest.TestCase):
    def test_statements(self):
        """At a module's top level: imports, definitions, constants, type aliases."""
        allowed = (
            ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
            ast.Assign, ast.AnnAssign,
        )
        wrong = []
        for source in sources():
            for node in source.tree.body:
                if isinstance(node, allowed) or is_type_checking(node):
                    continue
                if isinstance(node, ast.If) and dotted(getattr(node.test, "operand", node)) == "TYPE_CHECKING":
                    continue  # `if not TYPE_CHECKING`
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    continue
                if is_main_guard(node) and source.short.endswith("__main__.py"):
                    continue
                if isinstance(node, ast.If) and dotted(node.test).startswith("sys."):
                    continue
                if source.short == "__init__.py" and "version_info" in ast.dump(node):
                    continue
                wrong.append("%s: %s" % (source.where(node.lineno), type(node).__name__))
        self.assertEqual(wrong, [])

    def test_calls(self):
        """A constant's value calls nothing that could have an effect."""
        wrong = []
        harmless = HARMLESS_CALLS | value_makers()
        for source in sources():
            for node in top_statements(source.tree):
                if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
                    continue
                for call in ast.walk(node.value):
                    if not isinstance(call, ast.Call):
                        continue
                    name = dotted(call.func)
                    if name.split(".")[-1] in HARMLESS_METHODS:
                        continue
                    if name not in harmless:
                        wrong.append("%s: %s()" % (source.where(call.lineno), name))
        self.assertEqual(wrong, [])
