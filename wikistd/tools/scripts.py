"""A user's script on its way into one file with the parts of wikistd that it uses.

In: the script's text.  Out: the public names that it uses, and its text without the
imports that the one file answers.  Pure.  Not here: the package's modules (flatten.py).
"""

from __future__ import annotations

import builtins
import re
import sys
from typing import (
    TYPE_CHECKING,
    Container,
    Dict,
    Iterable,
    Iterator,
    List,
    Set,
    Tuple,
    Union,
)

from .flatten import Flat, FlatModule
from .scopes import bound_names, names_bound_by, package_reads
from .sources import BundleError

if TYPE_CHECKING:
    import ast

#: What stands for the package in the file, by whatever name the script imports it.
#: `exec` and pipes have no module to hand out: a class holds the names.
PACKAGE_CLASS = "wikistd_used"
PACKAGE_CODE = """\

class %s:
    # What the script uses of the package.
    __version__ = __version__
%s

"""
#: Who mentions these looks at annotations, which are strings below the file's first
#: import.  So such a script is compiled apart, in its lines of the file.
ANNOTATION_READERS = (
    "dataclass",
    "NamedTuple",
    "TypedDict",
    "get_type_hints",
    "get_annotations",
    "__annotations__",
)
APART_CODE = """\
# This script looks at annotations: it is compiled without `annotations` of __future__.
script_text = lambda: r%s
%s
%s
exec(
    compile(
        "\\n" * (script_text.__code__.co_firstlineno - 1) + script_text(),
        script_text.__code__.co_filename,
        "exec",
        dont_inherit=True,
    )
)
"""


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
        #: {public name that it uses: the line where it does so first}
        self.names: Dict[str, int] = {}
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
            elif isinstance(node, ast.Name) and node.id == "__file__":
                self._warn(node, "__file__ is not there where the file is piped in")
            elif isinstance(node, ast.expr) and is_import_by_name(node):
                self._warn(node, "only `import wikistd` finds it in the one file")
        self._look_at_reads()
        #: what the script stands between when it is compiled apart
        self._delimiter = ""
        self._look_at_annotations()

    def _look_at_reads(self) -> None:
        """Note what is read of the package; tell where it is used as a whole."""
        import ast

        parents = {
            child: node
            for node in ast.walk(self.tree)
            for child in ast.iter_child_nodes(node)
        }
        reads = package_reads(self.tree, self._imports, self._global_aliases())
        for read in sorted(reads, key=lambda read: (read.lineno, read.col_offset)):
            parent = parents[read]
            if isinstance(parent, ast.Attribute):
                self.names.setdefault(parent.attr, parent.lineno)
            elif not isinstance(parent, (ast.Compare, ast.UnaryOp, ast.If)):
                what = "what is taken of %s here is not seen: write %s.NAME"
                self._warn(read, what % (read.id, read.id))

    def _global_aliases(self) -> Set[str]:
        """Return names of the package that functions may give to the whole script."""
        import ast

        aliases = {
            name
            for node in self._imports
            if isinstance(node, ast.Import)
            for part in node.names
            for name in names_bound_by(part)
        }
        found = (node for node in ast.walk(self.tree) if isinstance(node, ast.Global))
        return aliases.intersection(name for node in found for name in node.names)

    def _look_at_annotations(self) -> None:
        """Find who looks at annotations; tell where they will be strings."""
        import ast

        nodes = list(ast.walk(self.tree))
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                if "annotations" in [alias.name for alias in node.names]:
                    return
        has_any = False
        for node in nodes:
            has_any = has_any or bool(getattr(node, "annotation", None))
            has_any = has_any or bool(getattr(node, "returns", None))
        for node in nodes if has_any else ():
            name = getattr(node, "id", getattr(node, "attr", ""))
            if isinstance(node, ast.expr) and name in ANNOTATION_READERS:
                for delimiter in ("'" * 3, '"' * 3):
                    if delimiter not in self.text:
                        self._delimiter = delimiter
                        return
                what = "%s finds strings for annotations in the one file: see whether"
                what += " the script works with `from __future__ import annotations`"
                self._warn(node, what % name)
                return

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
        if is_from and node.names[0].name == "*":
            self._refuse(node, "name what you import instead of *")
            return
        if "wikistd" not in tops:
            return
        if set(tops) != {"wikistd"}:
            self._refuse(node, "import wikistd in a line of its own")
        elif sources != tops:
            names = ", ".join(alias.name for alias in node.names) if is_from else "NAME"
            self._refuse(node, "write `from wikistd import %s`" % names)
        # At the top level the file defines it already, by its own name.
        is_nested = node not in self.tree.body
        self._imports[node] = []
        for alias in node.names:
            bound, meant = alias.asname or alias.name, alias.name
            if is_from:
                self.names.setdefault(meant, node.lineno)
            else:
                meant = PACKAGE_CLASS
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
        public.update(("__version__", "__name__", "__doc__"))
        wanted = sorted(name for name in self.names if not name.startswith("__"))
        self._problems += [
            "%s:%d: there is no wikistd.%s" % (self.name, self.names[name], name)
            for name in sorted(self.names)
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
        names = sorted(flat.names.intersection(self.names))
        rows = "".join("    %s = %s\n" % (name, name) for name in names)
        head += (PACKAGE_CODE % (PACKAGE_CLASS, rows)).split("\n")
        text = "\n".join(lines)
        if self._delimiter:
            text = APART_CODE % (self._delimiter, text, self._delimiter)
        return "\n".join(head) + "\n" + text

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
                self._check_bound(part, part.names, flat.names, imported)
        for node in self.tree.body:
            self._check_bound(node, bound_names(node, harmless), flat.names, imported)
        self._raise_problems()

    def _check_bound(
        self,
        node: ast.stmt,
        names: Iterable[str],
        taken: Container[str],
        imported: Container[str],
    ) -> None:
        """Refuse those names that a statement binds which wikistd's code reads."""
        for name in sorted(set(names)):
            if name in taken or name == PACKAGE_CLASS:
                self._refuse(node, name + " is a name of wikistd's own: rename it")
            elif name in imported:
                self._refuse(node, name + " hides an import of wikistd: rename it")
            elif hasattr(builtins, name) and not name.startswith("__"):
                self._refuse(node, name + " hides a builtin: rename it")


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


def is_import_by_name(node: ast.expr) -> bool:
    """Return whether it is like import_module("wikistd"), sys.modules["wikistd"]."""
    import ast

    place = getattr(node, "func", getattr(node, "value", None))
    name = getattr(place, "id", getattr(place, "attr", ""))
    if isinstance(node, ast.Subscript) and name == "modules":
        # Python 3.8 wraps it.
        given: List[object] = [node.slice, getattr(node.slice, "value", None)]
    elif isinstance(node, ast.Call) and name in ("import_module", "__import__"):
        given = list(node.args)
    else:
        return False
    return any(getattr(part, "value", None) == "wikistd" for part in given)
