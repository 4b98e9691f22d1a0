"""Modules in, one module out: their texts in the order of their imports, as one text.

In: {path: source} of a package that keeps the rule of one file.  Out: its statements
without the imports between its modules, and one block of standard imports.
Pure.  Not here: reading sources (sources.py), the head of the file (bundle.py).
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Optional, Set, Tuple

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
FLAT_WIDTH = 88


class FlatModule:
    """One module on its way into the file: its text, imports and names.  One owner."""

    def __init__(self, short: str, text: str) -> None:
        import ast

        self.short = short
        self.lines = text.splitlines()
        try:
            self.tree = ast.parse(text, short)
        except SyntaxError as error:
            raise BundleError("%s:%s: %s" % (short, error.lineno, error.msg)) from None
        #: (module path, name) imported from the package, for use and for types only
        self.needs: List[Tuple[str, str]] = []
        #: ("", module) or (module, name) from the standard library
        self.standard: Set[Tuple[str, str]] = set()
        self.typing_only: Set[Tuple[str, str]] = set()
        self.docstring = ast.get_docstring(self.tree) or ""
        self.defined: Dict[str, int] = {}
        self._drop: Set[int] = set()
        for node in self.tree.body:
            self._sort(node)

    def _sort(self, node: ast.stmt) -> None:
        import ast

        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._take_import(node, self.standard)
            self._remove(node)
        elif (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
        ):
            # The package's own file names its modules there, and imports them lazily.
            is_root = self.short.startswith("__init__")
            kind = self.standard if is_root else self.typing_only
            for part in node.body:
                if isinstance(part, (ast.Import, ast.ImportFrom)):
                    self._take_import(part, kind)
            self._remove(node)
        elif node is self.tree.body[0] and self.docstring:
            self._remove(node)
        else:
            for name in bound_names(node):
                self.defined[name] = node.lineno

    def _take_import(self, node: ast.stmt, standard: Set[Tuple[str, str]]) -> None:
        import ast

        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    raise BundleError(
                        "%s:%d: `import ... as`" % (self.short, node.lineno)
                    )
                standard.add(("", alias.name))
            return
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            if alias.asname not in (None, alias.name) or alias.name == "*":
                raise BundleError(
                    "%s:%d: `as` or `*` in an import" % (self.short, node.lineno)
                )
            if not node.level:
                if node.module != "__future__":
                    standard.add((node.module or "", alias.name))
            elif standard is self.standard:
                self.needs.append((self._resolve(node), alias.name))

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
        return any(name in names_used_at_import(node) for node in self.tree.body)

    def body(self) -> str:
        """Return what stays of the text, without blank lines at its ends."""
        kept = [
            line
            for number, line in enumerate(self.lines, 1)
            if number not in self._drop
        ]
        return "\n".join(kept).strip("\n")


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
            known = ", ".join(sorted(parts))
            raise BundleError("no part is called %r; there are %s" % (part, known))
    return parts


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
                for need, _ in module.needs
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
                    and not name.endswith("__init__")
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
        return order

    def _stand_ins(self, dropped: Dict[str, str]) -> Dict[str, str]:
        """Return {name: part} for what the rest mentions of the left-out parts."""
        found = {}
        for name in self.order:
            module = self.modules[name]
            for need, what in module.needs:
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

    def imported(self) -> Dict[str, str]:
        """Return {bound name: what it means}; BundleError where it means two things."""
        meanings: Dict[str, str] = {}
        for name in self.order:
            module = self.modules[name]
            for source, what in module.standard | module.typing_only:
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

    def imports(self, also: Iterable[Tuple[str, str]] = ()) -> str:
        """Return the block of standard imports, with those of `also`."""
        standard: Set[Tuple[str, str]] = set(also)
        typing_only: Set[Tuple[str, str]] = set()
        for name in self.order:
            standard |= self.modules[name].standard
            typing_only |= self.modules[name].typing_only
        typing_only -= standard
        if typing_only:
            standard.add(("typing", "TYPE_CHECKING"))
        else:
            standard.discard(("typing", "TYPE_CHECKING"))
        text = import_block(standard, "")
        if typing_only:
            text += "\nif TYPE_CHECKING:\n" + import_block(typing_only, "    ")
        return text

    def body(self) -> str:
        """Return the modules' texts, each under its name and docstring as comments."""
        parts = []
        for name in self.order:
            module = self.modules[name]
            lines = ["# " + "=" * (FLAT_WIDTH - 2), "# wikistd/" + module.short, "#"]
            lines += [("# " + line).rstrip() for line in module.docstring.splitlines()]
            text = module.body()
            parts.append("\n".join(lines) + "\n\n" + text if text else "\n".join(lines))
        return "\n\n\n".join(parts) + "\n"


def import_block(names: Set[Tuple[str, str]], indent: str) -> str:
    """Return sorted import statements, wrapped at FLAT_WIDTH."""
    plain = sorted(what for source, what in names if not source)
    lines = ["%simport %s" % (indent, what) for what in plain]
    for source in sorted({source for source, _ in names if source}):
        wanted = sorted(what for name, what in names if name == source)
        line = "%sfrom %s import %s" % (indent, source, ", ".join(wanted))
        if len(line) > FLAT_WIDTH:
            inner = "".join("%s    %s,\n" % (indent, what) for what in wanted)
            line = "%sfrom %s import (\n%s%s)" % (indent, source, inner, indent)
        lines.append(line)
    return "\n".join(lines) + "\n"
