"""A user's script on its way into one file with the parts of wikistd that it uses.

In: the script's text.  Out: the public names that it uses, and its text without the
imports that the one file answers.  Pure.  Not here: the package's modules (flatten.py).
"""

from __future__ import annotations

import builtins
import re
import sys
from typing import TYPE_CHECKING, Container, Dict, Iterator, List, Set, Tuple, Union

from .flatten import Flat, FlatModule, bound_names
from .sources import BundleError

if TYPE_CHECKING:
    import ast


def is_standard_module(name: str) -> bool:
    """Return whether `name` is a module of the standard library, of any platform."""
    names = getattr(sys, "stdlib_module_names", ())  # from Python 3.10 on
    if names or name in sys.builtin_module_names:
        return name in (*names, *sys.builtin_module_names)
    import importlib.util
    import sysconfig  # only who builds with a script comes here

    spec = importlib.util.find_spec(name)
    origin = (spec and spec.origin) or ""
    is_there = origin.startswith(sysconfig.get_paths()["stdlib"])
    return origin == "frozen" or is_there and "-packages" not in origin


def docstring_literal(text: str) -> str:
    """Return a docstring as a literal of the same lines, whatever is in them."""
    lines = [repr(line)[1:-1].replace('"', '\\"') for line in text.split("\n")]
    return '"""%s"""' % "\n".join(lines)


def place_in_text(node: ast.stmt) -> Tuple[int, int]:
    """Return where a statement begins."""
    return node.lineno, node.col_offset


def text_around(node: ast.stmt, lines: List[str]) -> Tuple[str, str]:
    """Return what stands in the lines of a statement before it and behind it."""
    first = lines[node.lineno - 1].encode("utf-8")  # columns are those of bytes
    last = lines[(node.end_lineno or node.lineno) - 1].encode("utf-8")
    behind = last[node.end_col_offset :].decode("utf-8")
    return first[: node.col_offset].decode("utf-8"), behind


class JobScript:
    """A script that imports wikistd.  One owner.

    `beside` are the modules in the script's folder: they do not go into the file.
    `warnings` are sentences on what may be missing where the file runs.
    """

    def __init__(self, text: str, name: str, beside: Container[str] = ()) -> None:
        import ast

        # It stands in comments and a docstring, which a line end or a quote would end.
        self.name = name = re.sub(r"[^\w .,()+=@-]", "?", name)
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        try:
            self.tree = ast.parse(self.text, name)
        except SyntaxError as error:
            raise BundleError("%s:%s: %s" % (name, error.lineno, error.msg)) from None
        #: names that mean the package as a whole, such as `wikistd`
        self.modules: Set[str] = set()
        #: public names that it uses
        self.names: Set[str] = set()
        self.warnings: List[str] = []
        self._beside = beside
        self._problems: List[str] = []
        #: {import that the one file answers: what stands in its place}
        self._imports: Dict[ast.stmt, List[str]] = {}
        docstring = ast.get_docstring(self.tree, clean=False)
        about = "%s: a script, and what it uses of wikistd." % name
        self.docstring = docstring_literal(docstring or about)
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._look_at_import(node)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                if getattr(node.value, "id", None) in self.modules:
                    self.names.add(node.attr)
            elif isinstance(node, ast.Name) and node.id == "__file__":
                self._warn(node, "__file__ is not there where the file is piped in")
            elif isinstance(node, ast.Call):
                for given in node.args:
                    if isinstance(given, ast.Name) and given.id in self.modules:
                        what = "what is taken of %s here is not seen: write %s.NAME"
                        self._warn(given, what % (given.id, given.id))

    def _look_at_import(self, node: Union[ast.Import, ast.ImportFrom]) -> None:
        import ast

        if isinstance(node, ast.ImportFrom) and node.level:
            self._refuse(node, "a script in one file is in no package: no leading dots")
            return
        is_from = isinstance(node, ast.ImportFrom)
        sources = [getattr(node, "module", None) or alias.name for alias in node.names]
        tops = [source.partition(".")[0] for source in sources]
        for top in sorted(set(tops)):
            self._look_at_module(node, top)
        if is_from and sources[0] == "__future__":
            self._imports[node] = []
        if "wikistd" not in tops:
            return
        if set(tops) != {"wikistd"}:
            self._refuse(node, "import wikistd in a line of its own")
        elif not is_from and sources != tops:
            self._refuse(node, "write `from wikistd import NAME`")
        # At the top level the file defines it already, by its own name.
        is_nested = node not in self.tree.body
        self._imports[node] = []
        for alias, top in zip(node.names, tops):
            bound = meant = alias.asname or alias.name
            if alias.name == "*":
                self._refuse(node, "name what you import instead of *")
                continue
            if is_from:
                meant = alias.name
                self.names.add(meant)
            elif top == "wikistd":
                self.modules.add(bound)
            if is_nested:
                self._imports[node].append('%s = globals()["%s"]' % (bound, meant))
            elif bound != meant:
                self._imports[node].append("%s = %s" % (bound, meant))

    def _look_at_module(self, node: ast.stmt, top: str) -> None:
        """Tell of a module that will not be where the one file is."""
        if top == "wikistd" or is_standard_module(top):
            return
        if top in self._beside:
            self._refuse(node, "%s is a file beside it: put its code here" % top)
        else:
            self._warn(node, "%s is not of the standard library" % top)

    def _refuse(self, node: ast.stmt, what: str) -> None:
        self._problems.append("%s:%d: %s" % (self.name, node.lineno, what))

    def _warn(self, node: Union[ast.stmt, ast.expr], what: str) -> None:
        self.warnings.append("%s:%d: %s" % (self.name, node.lineno, what))

    def _raise_problems(self) -> None:
        """BundleError that names all that was refused."""
        if self._problems:
            raise BundleError("; ".join(self._problems))

    def uses(self, modules: Dict[str, FlatModule]) -> List[str]:
        """Return the public names that it uses.  BundleError for one unknown."""
        public = {name for _, name in modules["__init__"].needs}
        wanted = sorted(name for name in self.names if not name.startswith("__"))
        self._problems += [
            "%s uses wikistd.%s, which there is not" % (self.name, name)
            for name in wanted
            if name not in public
        ]
        self._raise_problems()
        if not wanted and not self._imports:
            raise BundleError("%s does not use wikistd" % self.name)
        return wanted

    def after(self, flat: Flat) -> str:
        """Return the script's text as it follows the flat package."""
        self._check(flat)
        lines = self.text.split("\n")
        # From the end: what stands before an import stays where it is.
        for node in sorted(self._imports, key=place_in_text, reverse=True):
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            before, behind = text_around(node, lines)
            stay = "; ".join(self._imports[node])
            if before.strip() or behind.lstrip()[:1] == ";":
                stay = before + (stay or "pass") + behind
            elif stay:
                stay = before + stay
            lines[first:last] = [stay] + [""] * (last - first - 1)
        head = ["# " + "=" * 86, "# " + self.name, ""]
        for alias in sorted(self.modules):
            # `exec` and pipes have no module to hand out: a class holds the names.
            head += ["", "class %s:" % alias, '    """What the script uses."""', ""]
            head += ["    __version__ = __version__"]
            head += ["    %s = %s" % (n, n) for n in sorted(self.names & flat.names)]
            head += ["", ""]
        return "\n".join(head + lines)

    def _check(self, flat: Flat) -> None:
        """BundleError where the script's names and the package's own would meet."""
        import ast

        imported = flat.imported()
        harmless: Set[ast.AST] = set()
        for part in ast.walk(self.tree):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                harmless.update(same_imports(part, imported))
            elif isinstance(part, ast.Try) and self._imports.keys() >= set(part.body):
                # What only imports wikistd cannot fail here.
                harmless.update(part.handlers)
            elif isinstance(part, ast.Global):
                for name in sorted(flat.names.union(imported).intersection(part.names)):
                    self._refuse(part, "%s is a name of wikistd's own" % name)
        for node in self.tree.body:
            for name in sorted(set(bound_names(node, harmless))):
                if name in flat.names:
                    self._refuse(node, name + " is a name of wikistd's own: rename it")
                elif name in imported:
                    self._refuse(node, name + " hides an import of wikistd: rename it")
                elif hasattr(builtins, name) and not name.startswith("__"):
                    self._refuse(node, name + " hides a builtin: rename it")
        self._raise_problems()


def same_imports(
    node: Union[ast.Import, ast.ImportFrom], imported: Dict[str, str]
) -> Iterator[ast.alias]:
    """Yield what of an import binds a name to what it means in the package, too."""
    for alias in node.names:
        source = getattr(node, "module", None)
        meaning = "%s.%s" % (source, alias.name) if source else alias.name
        bound = alias.asname or alias.name
        if not source and not alias.asname:
            bound = meaning = alias.name.partition(".")[0]
        if meaning in (imported.get(bound), "wikistd." + bound):
            yield alias
