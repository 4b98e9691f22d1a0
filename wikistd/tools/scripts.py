"""A user's script on its way into one file with the parts of wikistd that it uses.

In: the script's text.  Out: the public names that it uses, and its text without the
imports that the one file answers.  Pure.  Not here: the package's modules (flatten.py).
"""

from __future__ import annotations

import builtins
import re
import sys
from typing import TYPE_CHECKING, Container, Dict, List, Set, Tuple, Union

from .flatten import STRING_OR_COMMENT, Flat, FlatModule, bound_names
from .sources import BundleError

if TYPE_CHECKING:
    import ast


def is_standard_module(name: str) -> bool:
    """Return whether `name` is a module of the standard library, of any platform."""
    names = getattr(sys, "stdlib_module_names", None)  # from Python 3.10 on
    if names is not None:
        return name in names
    if name in sys.builtin_module_names:
        return True
    import importlib.util
    import sysconfig  # only who builds with a script comes here

    spec = importlib.util.find_spec(name)
    origin = (spec and spec.origin) or ""
    is_installed = "site-packages" in origin or "dist-packages" in origin
    home = sysconfig.get_paths()["stdlib"]
    return origin == "frozen" or (origin.startswith(home) and not is_installed)


def docstring_text(tree: ast.Module, text: str) -> str:
    """Return a script's docstring, as it stands there if that is one literal, alone."""
    import ast

    first = tree.body[0]
    end = getattr(first, "end_lineno", None) or first.lineno
    found = "\n".join(text.split("\n")[first.lineno - 1 : end])
    if STRING_OR_COMMENT.fullmatch(found) and len(ast.parse(found).body) == 1:
        return found
    return repr(ast.get_docstring(tree, clean=False))


def place_in_text(found: Tuple[ast.stmt, bool]) -> Tuple[int, int]:
    """Return where an import begins."""
    return found[0].lineno, found[0].col_offset


def text_around(node: ast.stmt, lines: List[str]) -> Tuple[str, str]:
    """Return what stands in the lines of a statement before it and behind it."""
    first = lines[node.lineno - 1].encode("utf-8")  # columns are those of bytes
    last = lines[(getattr(node, "end_lineno", None) or node.lineno) - 1].encode("utf-8")
    behind = last[getattr(node, "end_col_offset", None) or len(last) :]
    return first[: node.col_offset].decode("utf-8"), behind.decode("utf-8")


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
        #: {public name: name in the script}
        self.names: Dict[str, Set[str]] = {}
        self.warnings: List[str] = []
        self._beside = beside
        self._problems: List[str] = []
        self._imports: List[Tuple[ast.stmt, bool]] = []
        self.docstring = '"""%s: a script, and what it uses of wikistd."""' % name
        if ast.get_docstring(self.tree):
            self.docstring = docstring_text(self.tree, self.text)
        for node in ast.walk(self.tree):
            self._look_at_import(node)
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in self.modules
            ):
                self.names.setdefault(node.attr, set())
            elif isinstance(node, ast.Name) and node.id == "__file__":
                self._warn(node, "__file__ is not there where the file is piped in")
            elif isinstance(node, ast.Call):
                for given in node.args:
                    if isinstance(given, ast.Name) and given.id in self.modules:
                        what = "what is taken of %s here is not seen: write %s.NAME"
                        self._warn(given, what % (given.id, given.id))

    def _look_at_import(self, node: ast.AST) -> None:
        import ast

        if isinstance(node, ast.Import):
            ours = [a for a in node.names if a.name.split(".")[0] == "wikistd"]
            for alias in node.names:
                self._look_at_module(node, alias.name)
            if not ours:
                return
            if len(ours) != len(node.names):
                self._refuse(node, "import wikistd in a line of its own")
            for alias in ours:
                if alias.name != "wikistd":
                    self._refuse(node, "write `from wikistd import NAME`")
                self.modules.add(alias.asname or "wikistd")
            self._imports.append((node, True))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            top = (node.module or "").split(".")[0]
            self._look_at_module(node, top)
            if node.module == "__future__":
                self._imports.append((node, False))
            if top != "wikistd":
                return
            for alias in node.names:
                if alias.name == "*":
                    self._refuse(node, "name what you import instead of *")
                    continue
                self.names.setdefault(alias.name, set()).add(alias.asname or alias.name)
            self._imports.append((node, True))
        elif isinstance(node, ast.ImportFrom):
            self._refuse(node, "a script in one file is in no package: no leading dots")

    def _look_at_module(self, node: ast.stmt, name: str) -> None:
        """Tell of a module that will not be where the one file is."""
        top = name.split(".")[0]
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
        wanted = []
        for name in sorted(self.names):
            if name.startswith("__"):
                continue
            if name not in public:
                self._problems.append(
                    "%s uses wikistd.%s, which there is not" % (self.name, name)
                )
            wanted.append(name)
        self._raise_problems()
        if not wanted and not self._imports:
            raise BundleError("%s does not use wikistd" % self.name)
        return wanted

    def after(self, flat: Flat) -> str:
        """Return the script's text as it follows the flat package."""
        lines = self.text.split("\n")
        top = set(self.tree.body)
        # From the end: what stands before an import stays where it is.
        for node, ours in sorted(self._imports, key=place_in_text, reverse=True):
            first = node.lineno - 1
            last = getattr(node, "end_lineno", None) or node.lineno
            before, behind = text_around(node, lines)
            # A block inside a function must not become empty.
            stay = "" if node in top or not ours else before + "pass"
            if before.strip() or behind.lstrip()[:1] == ";":
                stay = before + "pass" + behind
            lines[first:last] = [stay] + [""] * (last - first - 1)
        self._check(flat)
        head = ["# " + "=" * 86, "# " + self.name, ""]
        for alias in sorted(self.modules):
            members = [
                "    %s = %s" % (name, name)
                for name in sorted(self.names)
                if name in flat.names
            ]
            # `exec` and pipes have no module to hand out: a class holds the names.
            head += ["", "class %s:" % alias, '    """What the script uses."""', ""]
            head += ["    __version__ = __version__"] + members + ["", ""]
        for name, asked in sorted(self.names.items()):
            head += ["%s = %s" % (other, name) for other in sorted(asked - {name})]
        return "\n".join(head + lines)

    def _check(self, flat: Flat) -> None:
        """BundleError where the script's names and the package's own would meet."""
        import ast

        imported = flat.imported()
        for node in self.tree.body:
            if any(node is known for known, _ in self._imports):
                continue
            same: Set[str] = set()
            if isinstance(node, ast.Import):
                same = {a.name.partition(".")[0] for a in node.names if not a.asname}
            elif isinstance(node, ast.ImportFrom):
                same = {
                    a.name
                    for a in node.names
                    if imported.get(a.name) == "%s.%s" % (node.module, a.name)
                }
            for name in sorted(set(bound_names(node)) - same):
                if name in flat.names:
                    self._refuse(node, name + " is a name of wikistd's own: rename it")
                elif name in imported:
                    self._refuse(node, name + " hides an import of wikistd: rename it")
                elif hasattr(builtins, name) and not name.startswith("__"):
                    self._refuse(node, name + " hides a builtin: rename it")
        for part in ast.walk(self.tree):
            if isinstance(part, ast.Global):
                clash = sorted(set(part.names) & (flat.names | set(imported)))
                if clash:
                    self._refuse(part, "%s is a name of wikistd's own" % clash[0])
        self._raise_problems()
