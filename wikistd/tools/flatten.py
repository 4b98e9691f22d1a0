"""Modules in, one module out: their texts in the order of their imports, as one text.

In: {path: source} of a package that keeps the rule of one file.  Out: its statements
without the imports between its modules.
Pure.  Not here: reading sources (sources.py), the rest of the file (building.py).
"""

from __future__ import annotations

import builtins
import re
from typing import (
    TYPE_CHECKING,
    Container,
    Dict,
    Iterable,
    List,
    Optional,
    Set,
    Tuple,
    Union,
)

from .scopes import bound_names, names_read
from .sources import BundleError

if TYPE_CHECKING:
    import ast

#: What `--without` takes besides a room's folder or a module's file name: parts whose
#: files lie in several rooms.
SPREAD_PARTS = {
    "mastodon": ("streams/mastodon",),
    "websocket": (
        "streams/websocket",
        "formats/frames",
        "formats/upgrade",
        "formats/deflate",
    ),
}
#: What makes files of the package, and so has nothing to do in one.
PACKAGE_ONLY = tuple(
    "tools/" + name
    for name in "building copying flatten scopes scripts waiting".split()
)
FLAT_WIDTH = 88
#: A comment or a string literal, whole: in strings, line ends are content.
STRING_OR_COMMENT = re.compile(
    r"#[^\n]*"
    r'|"{3}(?:\\.|[^\\])*?"{3}'
    r"|'{3}(?:\\.|[^\\])*?'{3}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'(?:\\.|[^'\\])*'",
    re.S,
)


class FlatModule:
    """One module on its way into the file: its text, imports and names.  One owner."""

    def __init__(self, short: str, text: str) -> None:
        import ast

        self.short = short
        self.lines = text.split("\n")
        #: (module path, name) imported from the package while it runs
        self.needs: List[Tuple[str, str]] = []
        #: the same, imported by a function when it is called
        self.late_needs: List[Tuple[str, str]] = []
        #: ("", module) or (module, name) from the standard library
        self.standard: Set[Tuple[str, str]] = set()
        self.defined: Dict[str, int] = {}
        self._drop: Set[int] = set()
        #: {line: module path} of the late imports
        self._late_lines: Dict[int, str] = {}
        #: the lines at which docstrings begin
        self._docstrings: Set[int] = set()
        # Not kept: 150 trees make the collector of garbage work for a second.
        tree = self._parsed()
        self.docstring = ast.get_docstring(tree) or ""
        if self.docstring:
            self._remove(tree.body.pop(0))
        for node in tree.body:
            self._sort(node)

    def _parsed(self) -> ast.Module:
        import ast

        try:
            return ast.parse("\n".join(self.lines), self.short)
        except SyntaxError as error:
            place = "%s:%s" % (self.short, error.lineno)
            raise BundleError("%s: %s" % (place, error.msg)) from None

    def _sort(self, node: ast.stmt, typing_only: bool = False) -> bool:
        """Note what a statement imports or defines; return whether it stays."""
        import ast

        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return self._take_import(node, typing_only=typing_only)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            # The package's own file names its modules there, and imports them lazily.
            is_root = self.short == "__init__.py"
            stay = [self._sort(part, not is_root) for part in node.body + node.orelse]
            if not any(stay):
                self._remove(node)
            return any(stay)
        for name in bound_names(node):
            self.defined[name] = node.lineno
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom) and part.level:
                self._take_import(part, is_late=True)
            elif isinstance(part, (ast.ClassDef, ast.FunctionDef)):
                if ast.get_docstring(part, clean=False) is not None:
                    self._docstrings.add(part.body[0].lineno)
        return True

    def _take_import(
        self,
        node: Union[ast.Import, ast.ImportFrom],
        *,
        typing_only: bool = False,
        is_late: bool = False,
    ) -> bool:
        """Note what is imported; return whether the statement stays."""
        import ast

        for alias in node.names:
            if alias.asname not in (None, alias.name) or alias.name == "*":
                place = "%s:%d" % (self.short, node.lineno)
                raise BundleError("%s: `as` or `*` in an import" % place)
        names = [alias.name for alias in node.names]
        source = isinstance(node, ast.ImportFrom) and node.module or ""
        if isinstance(node, ast.ImportFrom) and node.level:
            path = self._resolve(node)
            if is_late:
                self._late_lines[node.lineno] = path
            if not typing_only:
                needs = self.late_needs if is_late else self.needs
                needs += [(path, name) for name in names]
        elif source != "__future__":
            self.standard.update((source, name) for name in names)
            return True
        self._remove(node)
        return False

    def _resolve(self, node: ast.ImportFrom) -> str:
        """Return the path, without .py, of the module that a relative import names."""
        above = self.short.split("/")[: -node.level]
        return "/".join(above + (node.module or "").split("."))

    def _remove(self, node: ast.stmt) -> None:
        self._drop.update(range(node.lineno, (node.end_lineno or 0) + 1))

    def uses_at_import(self, name: str) -> bool:
        """Return whether the module's own top level needs `name` while it runs."""
        return name in names_read(self._parsed(), at_import=True)

    def body(self, indent: str = "", late: Container[str] = ()) -> str:
        """Return what stays of the text, indented, without blank lines at its ends.

        The imports of functions become definitions of those parts that are `late`.
        """
        inside = self._lines_inside_strings() if indent else set()
        for_checkers = self._typing_lines() if indent else set()
        kept: List[str] = []
        for number, line in enumerate(self.lines, 1):
            if number in self._late_lines:
                part = self._late_lines[number]
                then = 'define_parts({"%s"})' % part if part in late else "pass"
                kept.append(indent + line[: -len(line.lstrip())] + then)
            elif number in self._drop:
                continue
            elif number in for_checkers:
                if number - 1 not in for_checkers:
                    kept.append(indent + "if TYPE_CHECKING:")
                kept.append(indent * 2 + line)
            elif number in inside:
                kept.append(line)
            elif line or kept[-2:] != ["", ""]:
                kept.append(indent + line if line else "")
        return "\n".join(kept).strip("\n")

    def _typing_lines(self) -> Set[int]:
        """Return the lines of imports from typing that only annotations need."""
        import ast

        tree = self._parsed()
        used = set(names_read(tree)) - {"TYPE_CHECKING"}
        return {
            line
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "typing"
            if not used.intersection(alias.name for alias in node.names)
            for line in range(node.lineno, (node.end_lineno or 0) + 1)
        }

    def _lines_inside_strings(self) -> Set[int]:
        """Return the lines that begin inside a string, docstrings left out."""
        found: Set[int] = set()
        text = "\n".join(self.lines)
        number, seen = 1, 0
        for match in STRING_OR_COMMENT.finditer(text):
            number += text.count("\n", seen, match.start())
            seen = match.start()
            if number not in self._docstrings:
                inner = match.group().count("\n")
                found.update(range(number + 1, number + inner + 1))
        return found


def known_parts(modules: Iterable[str]) -> Dict[str, List[str]]:
    """Return {part: its modules}: rooms, modules by file name, and the spread parts."""
    parts: Dict[str, List[str]] = {}
    files: Dict[str, List[str]] = {}
    for module in modules:
        room, slash, name = module.partition("/")
        if slash:
            parts.setdefault(room, []).append(module)
            files.setdefault(name, []).append(module)
    for name, found in files.items():
        if len(found) == 1 and not name.startswith("_"):
            parts.setdefault(name, found)
    for part, starts in SPREAD_PARTS.items():
        parts[part] = [module for module in modules if module.startswith(starts)]
    return parts


def find_parts(modules: Iterable[str], without: Iterable[str]) -> Dict[str, str]:
    """Return {module: the part of `without` that it is of}.

    BundleError where there is no such part.
    """
    parts = known_parts(modules)
    for part in without:
        if part in modules and "/" not in part:
            raise BundleError("%s cannot be left out: all is built on it" % part)
        if part not in parts:
            raise BundleError(unknown_part(part, parts))
    return {module: part for part in without for module in parts[part]}


def unknown_part(part: str, parts: Dict[str, List[str]]) -> str:
    """Return a sentence on a part that there is not: the rooms, the nearest names."""
    import difflib

    rooms = sorted({path.split("/")[0] for paths in parts.values() for path in paths})
    sentence = "no part is called %r; there are %s, and the modules by their file names"
    near = difflib.get_close_matches(part, parts)
    if near:
        sentence += "; did you mean %s?" % " or ".join(near)
    return sentence % (part, ", ".join(rooms))


def parse_modules(files: Dict[str, str]) -> Dict[str, FlatModule]:
    """Return {path without .py: module} of {path: text}, sorted."""
    return {
        short[: -len(".py")]: FlatModule(short, text)
        for short, text in sorted(files.items())
    }


class Flat:
    """The package as one text, with `without` left out.  One owner.

    `only` keeps just these public names, and what they need.  BundleError where names
    clash, a part is unknown, or what is left out is needed while the file is imported.
    """

    def __init__(
        self,
        modules: Dict[str, FlatModule],
        *,
        without: Iterable[str] = (),
        only: Optional[Iterable[str]] = None,
    ) -> None:
        self.modules = modules
        self.docstring = modules["__init__"].docstring
        self.public = {name: module for module, name in modules["__init__"].needs}
        dropped = find_parts(list(modules), list(without))
        # A format that another part, still here, is made of stays with it.
        formats = {
            module
            for module, part in dropped.items()
            if part in SPREAD_PARTS and module.startswith("formats/")
        }
        wanted = self._wanted(only).difference(dropped)
        self.order = self._sorted(wanted, set(dropped) - formats)
        self.kept = [modules[name] for name in self.order]
        #: {module: all that it needs}
        self.below: Dict[str, Set[str]] = {}
        for name in self.order:
            needs = self.needs_of(name)
            self.below[name] = needs.union(*(self.below[need] for need in needs))
        self.left_out = {
            name: dropped[module]
            for name, module in self.public.items()
            if module in dropped and module not in self.order
        }
        self.stand_ins = self._stand_ins(dropped)
        self.names = self._check_names()

    def _wanted(self, only: Optional[Iterable[str]]) -> Set[str]:
        """Return the modules to begin from: those of the public names, and main's."""
        if only is not None:
            return {self.public[name] for name in only}
        commands = {
            name
            for name in self.modules
            if name.startswith(("cli/", "tools/"))
            and not name.endswith("__init__")
            and name not in PACKAGE_ONLY
        }
        return commands.union(self.public.values())

    def _sorted(self, wanted: Set[str], gone: Set[str]) -> List[str]:
        """Return what is wanted and what that needs, each after what it needs."""
        order: List[str] = []
        path: List[str] = []

        def visit(name: str) -> None:
            if name in order or name in gone:
                return
            if name in path:
                raise BundleError("import cycle: " + " -> ".join(path + [name]))
            if name not in self.modules:
                raise BundleError("%s imports %s: not there" % (path[-1], name))
            path.append(name)
            for need in sorted({module for module, _ in self.modules[name].needs}):
                visit(need)
            order.append(path.pop())

        for name in sorted(wanted, key=lambda n: (n.count("/"), n)):
            visit(name)
        gone.update(PACKAGE_ONLY)
        for name in order:  # which grows: what functions import may come behind them
            for need in sorted({module for module, _ in self.modules[name].late_needs}):
                visit(need)
        return order

    def _stand_ins(self, dropped: Dict[str, str]) -> Dict[str, str]:
        """Return {name: part} for what the rest mentions of the left-out parts."""
        found = {}
        for module in self.kept:
            for need, what in module.needs + module.late_needs:
                if need not in dropped or need in self.order:
                    continue
                if module.uses_at_import(what):
                    raise BundleError(
                        "%s is built on %s of %s: leave out both or neither"
                        % (module.short, what, dropped[need])
                    )
                found[what] = dropped[need]
        return found

    def _check_names(self) -> Set[str]:
        """Return all names; BundleError where one is bound twice or hides another."""
        owners: Dict[str, str] = {}
        imported = self.imported()
        for module in self.kept:
            for bound, line in module.defined.items():
                place = "%s:%d" % (module.short, line)
                if bound in owners:
                    raise BundleError(
                        "%s is defined twice, at %s and %s"
                        % (bound, owners[bound], place)
                    )
                if hasattr(builtins, bound) and not bound.startswith("__"):
                    raise BundleError("%s: %s hides a builtin" % (place, bound))
                if bound in imported:
                    what = "%s hides the import of %s" % (bound, imported[bound])
                    raise BundleError("%s: %s" % (place, what))
                owners[bound] = place
        return set(owners)

    def imported(self) -> Dict[str, str]:
        """Return {bound name: what it means}; BundleError where it means two things."""
        meanings: Dict[str, str] = {}
        for module in self.kept:
            for source, what in module.standard:
                bound = what if source else what.partition(".")[0]
                meaning = "%s.%s" % (source, what) if source else bound
                if meanings.setdefault(bound, meaning) != meaning:
                    raise BundleError(
                        "%s means %s and %s" % (bound, meanings[bound], meaning)
                    )
        return meanings

    def exported(self) -> List[str]:
        """Return the public names that are in the file, sorted."""
        return sorted(n for n, module in self.public.items() if module in self.order)

    def needs_of(self, name: str) -> Set[str]:
        """Return the modules in the file that module `name` imports from."""
        needs = {module for module, _ in self.modules[name].needs}
        return needs.intersection(self.order)

    def shortest_needs_of(self, name: str) -> List[str]:
        """Return what module `name` needs, but for what that needs, sorted."""
        needs = self.needs_of(name)
        return sorted(needs.difference(*(self.below[need] for need in needs)))

    def all_needs_of(self, names: Iterable[str]) -> Set[str]:
        """Return the modules in the file that hold these public names or are needed."""
        found = {self.public.get(name, "") for name in names}.intersection(self.order)
        return found.union(*(self.below[name] for name in found))

    def body(self) -> str:
        """Return the modules' texts, each under its name and docstring as comments."""
        return self.joined((name, self.modules[name].body()) for name in self.order)

    def joined(self, parts: Iterable[Tuple[str, str]]) -> str:
        """Return (module, text) pairs as one text, each under name and docstring."""
        texts = []
        for name, text in parts:
            module = self.modules[name]
            lines = ["# " + "=" * (FLAT_WIDTH - 2), "# wikistd/" + module.short, "#"]
            lines += [("# " + line).rstrip() for line in module.docstring.splitlines()]
            texts.append("\n".join([*lines, "", text] if text else lines))
        return "\n\n\n".join(texts) + "\n"
