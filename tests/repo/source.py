"""The package's sources as syntax trees: what the tests of the laws look at."""

import ast
import builtins
import gc
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wikistd"

#: Top names of the standard library on Pythons that cannot list them (before 3.10),
#: and those that later versions dropped.
STDLIB_NAMES = frozenset(
    """
    __future__ _thread _io _ssl _socket _bz2 _lzma _sqlite3 _ctypes abc aifc
    argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb
    binascii bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd
    code codecs codeop collections colorsys compileall concurrent configparser
    contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses
    datetime dbm decimal difflib dis distutils doctest email encodings ensurepip
    enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib
    functools gc genericpath getopt getpass gettext glob graphlib grp gzip
    hashlib heapq hmac html http imaplib imghdr imp importlib inspect io
    ipaddress itertools json keyword lib2to3 linecache locale logging lzma
    mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt
    multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode
    operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes
    pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty
    pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re
    readline reprlib resource rlcompleter runpy sched secrets select selectors
    shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver
    spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string
    stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny
    tarfile telnetlib tempfile termios textwrap threading time timeit tkinter
    token tokenize tomllib trace traceback tracemalloc tty turtle types typing
    unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser
    winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib
    zoneinfo
    """.split()
) | frozenset(getattr(sys, "stdlib_module_names", ()))


class Import:
    """One imported name: `import module` has name None; own modules are absolute."""

    def __init__(self, node, module, name, asname, *, own, level, typing_only, top):
        self.lineno = node.lineno
        self.module = module
        self.name = name
        self.asname = asname
        self.own = own
        self.level = level
        self.typing_only = typing_only
        self.top = top

    @property
    def bound(self):
        """The name that the import binds."""
        if self.asname:
            return self.asname
        return self.name if self.name else self.module.partition(".")[0]


class Source:
    """One module of the package: path, dotted name, tree, imports, definitions."""

    def __init__(self, path, package=PACKAGE):
        self.path = path
        relative = path.relative_to(package.parent).with_suffix("")
        parts = list(relative.parts)
        self.is_package = parts[-1] == "__init__"
        if self.is_package:
            parts.pop()
        self.name = ".".join(parts)
        self.short = str(path.relative_to(package)).replace("\\", "/")
        self.room = parts[1] if len(parts) > 1 else ""
        self.text = path.read_text(encoding="utf-8")
        # Older Pythons must come as far as saying that they are too old.
        self.tree = ast.parse(self.text, str(path), feature_version=(3, 7))
        self.imports = list(self._find_imports())
        self._nodes = []

    @property
    def nodes(self):
        """All nodes of the tree."""
        if not self._nodes:
            self._nodes.extend(ast.walk(self.tree))
        return self._nodes

    def where(self, lineno):
        return "wikistd/%s:%d" % (self.short, lineno)

    def _find_imports(self):
        def visit(statements, top, typing_only):
            for node in statements:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield from self._from_node(node, top, typing_only)
                    continue
                inside = top and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                yield from visit(
                    getattr(node, "body", ()), inside, typing_only or is_type_checking(node)
                )
                for field in ("handlers", "orelse", "finalbody"):
                    yield from visit(getattr(node, field, ()), inside, typing_only)

        return visit(self.tree.body, True, False)

    def _from_node(self, node, top, typing_only):
        how = {"top": top, "typing_only": typing_only}
        if isinstance(node, ast.Import):
            for alias in node.names:
                own = alias.name.split(".")[0] == "wikistd"
                yield Import(node, alias.name, None, alias.asname, own=own, level=0, **how)
            return
        if node.level:
            base = self.name.split(".")
            if not self.is_package:
                base = base[:-1]
            base = base[: len(base) - (node.level - 1)]
            module = ".".join(base + ([node.module] if node.module else []))
            own = True
        else:
            module = node.module
            own = module.split(".")[0] == "wikistd"
        for alias in node.names:
            yield Import(
                node, module, alias.name, alias.asname, own=own, level=node.level, **how
            )

    def definitions(self):
        """Yield (name, node) for what the module itself defines at its top level."""
        for node in top_statements(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield node.name, node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    for name in target_names(target):
                        yield name, node
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
                for name in target_names(node.target):
                    yield name, node


def is_type_checking(node):
    """Whether `node` is `if TYPE_CHECKING:`."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def top_statements(tree):
    """Yield the statements that run at import, those under if and try too."""
    for node in tree.body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for field in ("body", "orelse", "finalbody"):
                yield from top_statements(Block(getattr(node, field, [])))
            for handler in getattr(node, "handlers", []):
                yield from top_statements(Block(handler.body))


class Block:
    """A list of statements with the one field that `top_statements` reads."""

    def __init__(self, body):
        self.body = body


def target_names(node):
    """Yield the plain names that an assignment target binds."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, (ast.Tuple, ast.List)):
        for part in node.elts:
            yield from target_names(part)


_loaded = []


def sources():
    """Return every module of the package, parsed once, sorted by path."""
    if not _loaded:
        # Half a million nodes that stay: making them would start collections, and each
        # later one, some tests ask for one, would take half a second to walk them.
        gc.collect()
        gc.disable()
        _loaded.extend(Source(path) for path in sorted(PACKAGE.rglob("*.py")))
        if hasattr(gc, "freeze"):  # not in PyPy
            gc.freeze()
        gc.enable()
    return _loaded


BUILTIN_NAMES = frozenset(name for name in dir(builtins) if not name.startswith("__"))
