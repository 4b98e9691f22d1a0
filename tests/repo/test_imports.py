"""Who may import whom, and in which form."""

import unittest

from .source import STDLIB_NAMES, sources

EVERYTHING = {
    "errors", "clock", "formats", "web", "wiki", "streams", "server", "compat", "cli",
    "tools",
}
#: room -> rooms (and top modules) that it may import from
TABLE = {
    "errors": set(),
    "clock": set(),
    "formats": {"errors"},
    "web": {"errors", "clock", "formats"},
    "wiki": {"errors", "clock", "formats", "web"},
    "streams": {"errors", "clock", "formats", "web"},
    "server": {"errors", "clock", "formats"},
    "compat": EVERYTHING,
    "cli": EVERYTHING | {""},
    "tools": set(),
    "": EVERYTHING,
    "__main__": EVERYTHING,
}
#: Files besides the whole of formats/ that take bytes, now and randomness as arguments.
PURE_FILES = {
    "wiki/params.py", "wiki/reply.py", "wiki/retry.py", "streams/reconnect.py", "errors.py",
}
IMPURE = {
    "socket", "ssl", "select", "http.client", "urllib.request", "sqlite3", "threading",
    "time", "random", "secrets", "logging",
}
#: What a crippled Python may lack.
MAY_BE_MISSING = {
    "ssl", "_ssl", "sqlite3", "zlib", "gzip", "bz2", "lzma", "zipfile", "zipimport",
    "fcntl", "msvcrt", "ctypes", "multiprocessing", "mmap", "readline", "curses", "pwd",
    "grp", "resource", "termios", "tty", "pty", "winreg", "winsound", "getpass",
    "tarfile", "lib2to3", "tkinter", "ensurepip", "cgi",
}
#: What costs milliseconds of import (CPython 3.11, ms) and is rarely needed.
DEAR = {
    "dataclasses": 7, "logging": 3, "asyncio": 28, "argparse": 5, "concurrent": 4,
    "inspect": 6, "unittest": 12, "subprocess": 3, "xml": 5, "pydoc": 15, "uuid": 3,
    "socketserver": 2, "http.server": 5, "wsgiref": 4, "multiprocessing": 8,
    "importlib.metadata": 10, "pathlib": 3, "decimal": 3, "statistics": 6, "csv": 1,
    "pprint": 3, "traceback": 3, "shlex": 1, "platform": 2, "mimetypes": 1, "ast": 4,
    "pickle": 3, "doctest": 20, "difflib": 2, "zoneinfo": 5, "configparser": 3,
    "xmlrpc": 8, "imaplib": 5, "smtplib": 5, "ftplib": 2, "netrc": 1, "cmd": 1,
    "ctypes": 4, "sqlite3": 3, "importlib.resources": 9, "tarfile": 4, "zipfile": 5,
}


def place(module):
    """Return the room, or the top module, of a dotted name of ours."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def is_any(module, names):
    """Whether `module` or a package above it is one of `names`."""
    parts = module.split(".")
    return any(".".join(parts[: n + 1]) in names for n in range(len(parts)))


class ImportTable(unittest.TestCase):
    def test_rooms(self):
        """A room imports only from the rooms that the table gives it."""
        wrong = []
        for source in sources():
            room = place(source.name)
            self.assertIn(room, TABLE, "unknown room: wikistd/%s" % source.short)
            for item in source.imports:
                if not item.own:
                    continue
                target = place(item.module)
                if target != room and target not in TABLE[room]:
                    wrong.append("%s: %s imports %s.%s" % (
                        source.where(item.lineno), room or "wikistd", item.module, item.name))
        self.assertEqual(wrong, [])

    def test_tools_take_nothing_from_the_package(self):
        """tools/ is fed with sources as text, it imports only its own modules."""
        wrong = [
            source.where(item.lineno)
            for source in sources() if source.room == "tools"
            for item in source.imports
            if item.own and place(item.module) != "tools"
        ]
        self.assertEqual(wrong, [])

    def test_no_cycles(self):
        """The modules can be put in an order in which each finds what it imports."""
        graph = {
            source.name: {i.module for i in source.imports if i.own}
            for source in sources() if source.name != "wikistd"
        }
        graph.pop("wikistd", None)
        done, path = set(), []

        def visit(name):
            if name in done:
                return
            if name in path:
                self.fail("cycle: " + " -> ".join(path[path.index(name):] + [name]))
            path.append(name)
            for other in sorted(graph.get(name, ())):
                visit(other)
            done.add(path.pop())

        for name in sorted(graph):
            visit(name)


class ImportForm(unittest.TestCase):
    def test_own_imports(self):
        """`from ..formats.sse import EventParser`: relative, no as, no *, top level but in cli, tools."""
        modules = {source.name for source in sources()}
        wrong = []
        for source in sources():
            for item in source.imports:
                if not item.own:
                    continue
                where = source.where(item.lineno)
                if item.name is None or not item.level:
                    wrong.append("%s: not `from .room.file import name`" % where)
                elif item.asname == item.name and source.name == "wikistd":
                    pass  # `X as X`, for type checkers: this is public (PEP 484)
                elif item.asname or item.name == "*":
                    wrong.append("%s: no `as` and no `*`" % where)
                elif not item.top and source.room not in ("cli", "tools"):
                    wrong.append("%s: inside a function" % where)
                elif item.module + "." + item.name in modules:
                    wrong.append("%s: imports a module, not a name" % where)
                elif item.module not in modules:
                    wrong.append("%s: no module %s" % (where, item.module))
        self.assertEqual(wrong, [])

    def test_own_imports_exist(self):
        """What is imported from a module of ours is defined there, not passed through."""
        defined = {s.name: {name for name, _ in s.definitions()} for s in sources()}
        wrong = [
            "%s: %s does not define %s" % (source.where(i.lineno), i.module, i.name)
            for source in sources() for i in source.imports
            if i.own and i.module in defined and i.name not in defined[i.module]
        ]
        self.assertEqual(wrong, [])

    def test_standard_imports(self):
        """Only the standard library; `import x` or `from x import y`, without as or *."""
        wrong = []
        for source in sources():
            for item in source.imports:
                if item.own:
                    continue
                where = source.where(item.lineno)
                if item.module.split(".")[0] not in STDLIB_NAMES:
                    wrong.append("%s: %s is not in the standard library" % (where, item.module))
                if (item.asname or item.name == "*") and item.module != "__future__":
                    wrong.append("%s: no `as` and no `*`" % where)
        self.assertEqual(wrong, [])

    def test_one_meaning(self):
        """A name imported from the standard library means the same in every module."""
        meanings = {}
        for source in sources():
            for item in source.imports:
                if not item.own and item.module != "__future__":
                    meaning = item.module.split(".")[0] if item.name is None else (
                        item.module, item.name)
                    seen = meanings.setdefault(item.bound, {})
                    seen.setdefault(meaning, source.where(item.lineno))
        wrong = {name: seen for name, seen in meanings.items() if len(seen) > 1}
        self.assertEqual(wrong, {})

    def test_annotations_are_not_evaluated(self):
        """Each module that holds code starts with `from __future__ import annotations`."""
        wrong = [
            source.short for source in sources()
            if any(True for _ in source.definitions()) and source.name != "wikistd"
            and not any(i.module == "__future__" for i in source.imports)
        ]
        self.assertEqual(wrong, [])


class ImportCost(unittest.TestCase):
    def at_import(self, names):
        return [
            "%s: %s" % (source.where(item.lineno), item.module)
            for source in sources()
            for item in source.imports
            if item.top and not item.typing_only and not item.own
            and (is_any(item.module, names)
                 or item.name and item.module + "." + item.name in names)
        ]

    def test_parts_that_may_be_missing(self):
        """ssl, sqlite3, zlib, fcntl and their like are imported where they are used."""
        self.assertEqual(self.at_import(MAY_BE_MISSING), [])

    def test_dear_parts(self):
        """What is dear and rare is imported inside the function that needs it."""
        # tools/ runs only when asked for, but in the one file it is imported with the rest.
        self.assertEqual(self.at_import(DEAR), [])


class PureFiles(unittest.TestCase):
    def test_pure(self):
        """A PURE file imports no I/O, clock or randomness, nor what would import them."""
        by_name = {source.name: source for source in sources()}
        wrong = []

        def look(source, seen, chain):
            for item in source.imports:
                if item.typing_only:
                    continue
                if item.own:
                    if item.module not in seen and item.module in by_name:
                        seen.add(item.module)
                        look(by_name[item.module], seen, chain + [item.module])
                    continue
                full = item.module + ("." + item.name if item.name else "")
                if is_any(item.module, IMPURE) or full in IMPURE:
                    wrong.append("%s: %s" % (source.where(item.lineno), " -> ".join(chain + [full])))

        for source in sources():
            if source.room == "formats" or source.short in PURE_FILES:
                look(source, {source.name}, [source.short])
        self.assertEqual(wrong, [])
