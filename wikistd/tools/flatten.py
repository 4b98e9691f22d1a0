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
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
    Union,
)

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
PACKAGE_ONLY = ("tools/building", "tools/flatten", "tools/scripts", "tools/waiting")
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
        # Not kept: 150 trees make the collector of garbage work for a second.
        tree = self._parsed()
        #: (module path, name) imported from the package while it runs
        self.needs: List[Tuple[str, str]] = []
        #: the same, imported by a function when it is called
        self.late_needs: List[Tuple[str, str]] = []
        #: ("", module) or (module, name) from the standard library
        self.standard: Set[Tuple[str, str]] = set()
        self.docstring = ast.get_docstring(tree) or ""
        self.defined: Dict[str, int] = {}
        self._drop: Set[int] = set()
        #: {line: module path} of the late imports
        self._late_lines: Dict[int, str] = {}
        self._docstrings = set(docstring_lines(tree))
        if self.docstring:
            self._remove(tree.body[0])
        for node in tree.body[bool(self.docstring) :]:
            self._sort(node)
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                for part in ast.walk(node):
                    if isinstance(part, ast.ImportFrom) and part.level:
                        self._take_import(part, is_late=True)

    def _parsed(self) -> ast.Module:
        import ast

        try:
            return ast.parse("\n".join(self.lines), self.short)
        except SyntaxError as error:
            place = "%s:%s" % (self.short, error.lineno)
            raise BundleError("%s: %s" % (place, error.msg)) from None

    def _sort(self, node: ast.stmt) -> None:
        import ast

        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._take_import(node)
        elif (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
        ):
            # The package's own file names its modules there, and imports them lazily.
            is_root = self.short.startswith("__init__")
            kept = [
                part
                for part in node.body
                if not isinstance(part, (ast.Import, ast.ImportFrom))
                or self._take_import(part, typing_only=not is_root)
            ]
            if not kept:
                self._remove(node)
        else:
            for name in bound_names(node):
                self.defined[name] = node.lineno

    def _take_import(
        self,
        node: Union[ast.Import, ast.ImportFrom],
        *,
        typing_only: bool = False,
        is_late: bool = False,
    ) -> bool:
        """Note what is imported; return whether the statement stays."""
        import ast

        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    raise BundleError(
                        "%s:%d: `import ... as`" % (self.short, node.lineno)
                    )
                self.standard.add(("", alias.name))
            return True
        for alias in node.names:
            if alias.asname not in (None, alias.name) or alias.name == "*":
                raise BundleError(
                    "%s:%d: `as` or `*` in an import" % (self.short, node.lineno)
                )
            if node.level and not typing_only:
                needs = self.late_needs if is_late else self.needs
                needs.append((self._resolve(node), alias.name))
            elif not node.level and node.module != "__future__":
                self.standard.add((node.module or "", alias.name))
        if not node.level and node.module != "__future__":
            return True
        self._remove(node)
        if is_late:
            self._late_lines[node.lineno] = self._resolve(node)
        return False

    def _resolve(self, node: ast.ImportFrom) -> str:
        """Return the path, without .py, of the module that a relative import names."""
        folder = self.short.split("/")[:-1]
        folder = folder[: len(folder) - (node.level - 1)]
        return "/".join(folder + (node.module or "").split("."))

    def _remove(self, node: ast.stmt) -> None:
        end = getattr(node, "end_lineno", None) or node.lineno
        self._drop.update(range(node.lineno, end + 1))

    def uses_at_import(self, name: str) -> bool:
        """Return whether the module's own top level needs `name` while it runs."""
        return any(name in names_used_at_import(node) for node in self._parsed().body)

    def body(self, indent: str = "", late: Container[str] = ()) -> str:
        """Return what stays of the text, indented, without blank lines at its ends.

        The imports of functions become definitions of those parts that are `late`.
        """
        inside = self._lines_inside_strings() if indent else set()
        kept: List[str] = []
        for number, line in enumerate(self.lines, 1):
            if number in self._late_lines:
                part = self._late_lines[number]
                spaces = line[: len(line) - len(line.lstrip())]
                then = 'define_parts({"%s"})' % part if part in late else "pass"
                kept.append(indent + spaces + then)
            if number in self._drop:
                continue
            if number in inside:
                kept.append(line)
            elif line or kept[-2:] != ["", ""]:
                kept.append(indent + line if line else line)
        return "\n".join(kept).strip("\n")

    def _lines_inside_strings(self) -> Set[int]:
        """Return the lines that begin inside a string, docstrings left out."""
        found: Set[int] = set()
        text = "\n".join(self.lines)
        number, seen = 1, 0
        for match in STRING_OR_COMMENT.finditer(text):
            inner = match.group().count("\n")
            if inner:
                number += text.count("\n", seen, match.start())
                seen = match.start()
                if number not in self._docstrings:
                    found.update(range(number + 1, number + inner + 1))
        return found


def docstring_lines(node: ast.AST) -> Iterator[int]:
    """Yield the lines at which docstrings begin."""
    import ast

    for part in getattr(node, "body", []) + getattr(node, "orelse", []):
        if isinstance(part, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(part, clean=False) is not None:
                yield part.body[0].lineno
        yield from docstring_lines(part)


def bound_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement of a module's top level binds."""
    import ast

    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    # A comprehension has names of its own.
    if isinstance(
        node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    ):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    for child in ast.iter_child_nodes(node):
        yield from bound_names(child)


def names_used_at_import(node: ast.AST) -> Iterator[str]:
    """Yield the names read while the statement runs, function bodies left out."""
    import ast

    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        # Annotations are not evaluated; decorators are.  Defaults may be a stand-in.
        for decorator in node.decorator_list:
            yield from names_used_at_import(decorator)
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from names_used_at_import(node.value)
        return
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from names_used_at_import(child)


def known_parts(paths: Iterable[str]) -> Dict[str, List[str]]:
    """Return {part: its files}: rooms, modules by file name, and the spread parts."""
    parts: Dict[str, List[str]] = {}
    stems: Dict[str, List[str]] = {}
    for short in paths:
        room, slash, rest = short.partition("/")
        if slash:
            parts.setdefault(room, []).append(short)
            stems.setdefault(rest[: -len(".py")], []).append(short)
    for stem, files in stems.items():
        if len(files) == 1 and stem not in parts and not stem.startswith("_"):
            parts[stem] = files
    for part, starts in SPREAD_PARTS.items():
        parts[part] = [
            short
            for short in paths
            if short.startswith(starts) and short.endswith(".py")
        ]
    return parts


def check_parts(paths: Iterable[str], without: Iterable[str]) -> Dict[str, List[str]]:
    """Return known_parts(paths).  BundleError where `without` names another."""
    parts = known_parts(list(paths))
    for part in without:
        if part not in parts:
            raise BundleError(unknown_part(part, parts))
    return parts


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
        root = self.modules["__init__"]
        self.public = dict((name, module) for module, name in root.needs)
        self.docstring = root.docstring
        self.left_out: Dict[str, str] = {}
        paths = [module.short for module in modules.values()]
        dropped = self._dropped(paths, list(without))
        wanted = self._wanted(dropped, only)
        self.order = self._sorted(wanted, dropped)
        self.stand_ins = self._stand_ins(dropped)
        self._check_names()

    def _dropped(self, paths: List[str], without: List[str]) -> Dict[str, str]:
        """Return {module: the part it is left out with}."""
        parts = check_parts(paths, without)
        dropped = {}
        for part in without:
            for short in parts[part]:
                dropped[short[: -len(".py")]] = part
        # A format that another part, still here, is made of stays with it.
        while True:
            needed = {
                need
                for name, module in self.modules.items()
                if name not in dropped and name != "__init__"
                for need, _ in module.needs + module.late_needs
            }
            stay = [
                name
                for name, part in dropped.items()
                if part in SPREAD_PARTS
                and name.startswith("formats/")
                and name in needed
            ]
            if not stay:
                break
            for name in stay:
                del dropped[name]
        for name, module in self.public.items():
            if module in dropped:
                self.left_out[name] = dropped[module]
        return dropped

    def _wanted(
        self, dropped: Dict[str, str], only: Optional[Iterable[str]]
    ) -> List[str]:
        """Return the modules to begin from: those of the public names, and main's."""
        if only is None:
            wanted = [m for m in self.public.values() if m not in dropped]
            for room in ("cli", "tools"):
                wanted += [
                    name for name in self.modules
                    if name.startswith(room + "/") and name not in dropped
                    and not name.endswith("__init__") and name not in PACKAGE_ONLY
                ]
            return wanted
        wanted = []
        for name in only:
            module = self.public.get(name)
            if module is None:
                raise BundleError("wikistd has no public name %r" % name)
            wanted.append(module)
        return wanted

    def _sorted(self, wanted: List[str], dropped: Dict[str, str]) -> List[str]:
        """Return what is wanted and what that needs, each after what it needs."""
        order: List[str] = []
        path: List[str] = []

        def visit(name: str) -> None:
            if name in order or name in dropped:
                return
            if name in path:
                raise BundleError("import cycle: " + " -> ".join(path + [name]))
            if name not in self.modules:
                raise BundleError("%s imports %s: not there" % (path[-1], name))
            path.append(name)
            for need in sorted({module for module, _ in self.modules[name].needs}):
                visit(need)
            order.append(path.pop())

        for name in sorted(set(wanted), key=lambda n: (n.count("/"), n)):
            visit(name)
        for name in order:  # which grows: what functions import may come behind them
            for need in sorted({module for module, _ in self.modules[name].late_needs}):
                if need not in PACKAGE_ONLY:
                    visit(need)
        return order

    def _stand_ins(self, dropped: Dict[str, str]) -> Dict[str, str]:
        """Return {name: part} for what the rest mentions of the left-out parts."""
        found = {}
        for name in self.order:
            module = self.modules[name]
            for need, what in module.needs + module.late_needs:
                if need not in dropped:
                    continue
                if module.uses_at_import(what):
                    raise BundleError(
                        "%s is built on %s of %s: leave out both or neither"
                        % (module.short, what, dropped[need])
                    )
                found[what] = dropped[need]
        return found

    def _check_names(self) -> None:
        """BundleError where two modules, or a module and an import, bind one name."""
        owners: Dict[str, str] = {}
        for name in self.order:
            module = self.modules[name]
            for bound, line in module.defined.items():
                place = "%s:%d" % (module.short, line)
                if bound in owners:
                    raise BundleError(
                        "%s is defined twice, at %s and %s"
                        % (bound, owners[bound], place)
                    )
                if hasattr(builtins, bound) and not bound.startswith("__"):
                    raise BundleError("%s: %s hides a builtin" % (place, bound))
                owners[bound] = place
        for bound, meaning in self.imported().items():
            if bound in owners:
                raise BundleError(
                    "%s: %s hides the import of %s" % (owners[bound], bound, meaning)
                )
        self.names = set(owners)

    def check_free(self, names: Iterable[str]) -> None:
        """BundleError where a module defines one of `names`."""
        taken = sorted(self.names.intersection(names))
        if taken:
            raise BundleError("%s is a name of the one file's own" % taken[0])

    def imported(self) -> Dict[str, str]:
        """Return {bound name: what it means}; BundleError where it means two things."""
        meanings: Dict[str, str] = {}
        for name in self.order:
            module = self.modules[name]
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

    def needs_of(self, name: str) -> List[str]:
        """Return the modules in the file that module `name` imports from, sorted."""
        needs = {module for module, _ in self.modules[name].needs}
        return sorted(needs & set(self.order))

    def all_needs_of(self, names: Iterable[str]) -> Set[str]:
        """Return the modules in the file that hold these public names or are needed."""
        found = {self.public[name] for name in names if name in self.public}
        for name in reversed(self.order):
            if name in found:
                found.update(self.needs_of(name))
        return found.intersection(self.order)

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
