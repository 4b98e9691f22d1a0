"""Mutants: small seeded faults put into a copy of the package; do the tests notice?

    python3 -m tests.support.mutants [--count 200] [--seed 1] [--jobs 2] [--under formats]
                                     [--list] [--only NUMBER...]

Each mutant changes one operator, constant or branch of one file under
`wikistd/<under>/`, in a throw-away copy of the tree.  First the file's own tests run, then
those of its room, then the whole default run; the first failure (or a run that takes
`--timeout` seconds) kills it.  One line per mutant, the survivors again at the end; the
exit code is 1 where fewer than `--wanted` are killed.  Needs Python 3.9 (ast.unparse).
"""

import argparse
import ast
import concurrent.futures
import copy
import pathlib
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}
ARITHMETIC = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add,), ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,), ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,), ast.RShift: (ast.LShift,), ast.BitXor: (ast.BitAnd,),
}
SOURCE_TESTS = ("tests.repo", "tests.docs", "tests.tools")


def changed_constant(value):
    """Return other values for a constant of code; None stays what it is."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, (str, bytes)):
        mark = "X" if isinstance(value, str) else b"X"
        return [value + mark] if value else [mark]
    return []


def changed_node(node):
    """Return replacements for one node, each a fault that a programmer could make."""
    found = []

    def add(**fields):
        other = copy.copy(node)
        for name, value in fields.items():
            setattr(other, name, value)
        found.append(other)

    if isinstance(node, ast.Compare):
        for kind in COMPARISONS.get(type(node.ops[0]), ()):
            add(ops=[kind()] + node.ops[1:])
    elif isinstance(node, (ast.BinOp, ast.AugAssign)):
        is_formatting = isinstance(node.op, ast.Mod) and (
            isinstance(node, ast.BinOp)
            and isinstance(node.left, ast.Constant)
            and isinstance(node.left.value, (str, bytes))
        )
        for kind in () if is_formatting else ARITHMETIC.get(type(node.op), ()):
            add(op=kind())
    elif isinstance(node, ast.BoolOp):
        add(op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        found.append(node.operand)
    elif isinstance(node, ast.Constant):
        for value in changed_constant(node.value):
            add(value=value, kind=None)
    elif isinstance(node, (ast.If, ast.IfExp)):
        add(test=ast.Constant(True))
        add(test=ast.Constant(False))
    elif isinstance(node, ast.While):
        add(test=ast.Constant(False))
    elif isinstance(node, ast.Break):
        found.append(ast.Continue())
    elif isinstance(node, ast.Continue):
        found.append(ast.Break())
    elif isinstance(node, ast.Return) and node.value is not None:
        is_none = isinstance(node.value, ast.Constant) and node.value.value is None
        if not is_none:
            add(value=ast.Constant(None))
    return found


class Places(ast.NodeVisitor):
    """Every node of code that may be changed: no annotations, docstrings, messages."""

    def __init__(self):
        self.found = []

    def generic_visit(self, node):
        if isinstance(node, (ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr)):
            return
        self.found.append(node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "slice") and not isinstance(
                node, ast.Subscript
            ):
                continue
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and self.is_data(value):
                continue
            for item in value if isinstance(value, list) else [value]:
                is_docstring = (
                    isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
                )
                if isinstance(item, ast.AST) and not is_docstring:
                    self.visit(item)

    def visit_If(self, node):
        test = ast.unparse(node.test)
        if "TYPE_CHECKING" not in test and "__name__" not in test:
            self.generic_visit(node)

    def visit_FunctionDef(self, node):
        # What people see of an object is no behaviour of a format.
        if node.name != "__repr__":
            self.generic_visit(node)

    @staticmethod
    def is_data(value):
        """Tell tables of literals and type aliases, which are no code."""
        if isinstance(value, ast.Dict):
            return bool(value.keys) and all(
                isinstance(item, ast.Constant) for item in value.keys + value.values
            )
        return (
            isinstance(value, ast.Subscript)
            and isinstance(value.value, ast.Name)
            and value.value.id in ("Union", "Optional", "Callable", "Dict", "List", "Tuple")
        )


def all_mutants(top, files):
    """Return (file, place number, variant number) for everything that can be changed."""
    found = []
    for file in files:
        places = Places()
        places.visit(ast.parse((top / file).read_text("utf-8")))
        for number, node in enumerate(places.found):
            for variant in range(len(changed_node(node))):
                found.append((file, number, variant))
    return found


def make_mutant(top, file, number, variant):
    """Return the source with the fault in it, and a line that shows it."""
    tree = ast.parse((top / file).read_text("utf-8"))
    places = Places()
    places.visit(tree)
    old = places.found[number]
    new = changed_node(old)[variant]

    class Swap(ast.NodeTransformer):
        def visit(self, node):
            return new if node is old else self.generic_visit(node)

    before = ast.unparse(old).splitlines()[0]
    after = ast.unparse(ast.fix_missing_locations(ast.Module([ast.Expr(new)], []))
                        if isinstance(new, ast.expr) else new).splitlines()[0]
    line = "%s:%d: %s -> %s" % (file.name, old.lineno, before, after)
    return ast.unparse(ast.fix_missing_locations(Swap().visit(tree))) + "\n", line


def copy_tree(folder):
    skip = shutil.ignore_patterns(".git", "__pycache__", "*.pyc")
    for name in ("wikistd", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)


def stages(top, file, under):
    """Return lists of test modules: the file's own, its room's, each other room's."""
    names = [
        ".".join(path.relative_to(top).with_suffix("").parts)
        for path in sorted((top / "tests").rglob("test_*.py"))
        if (path.parent / "__init__.py").exists()
    ]
    room = [name for name in names if name.startswith("tests.%s." % under)]
    own = [name for name in room if file.stem in name]
    # The default values that nobody may change unnoticed.
    others = {"signatures": ["tests.repo.test_public.FrozenSignatures"]}
    for name in names:
        # Those look at the text of sources, and a mutant's has no comments.
        if name not in room and not name.startswith(SOURCE_TESTS):
            others.setdefault(name.split(".")[1], []).append(name)
    return [own, [name for name in room if name not in own]] + list(others.values())


def run_tests(folder, names, timeout):
    """Return "" if all of these pass, else what failed first."""
    if not names:
        return ""
    command = [sys.executable, "-B", "-W", "error", "-m", "unittest", "-q", "-f"]
    try:
        done = subprocess.run(
            command + names, cwd=str(folder), timeout=timeout,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    failed = [line for line in lines if line.startswith(("FAIL:", "ERROR:"))]
    return (failed or ["crash"])[0]


def run_mutant(folder, mutant, under, timeout, others):
    """Return (killed by, line); killed by is "" for a survivor."""
    source, line = make_mutant(folder, *mutant)
    target = folder / mutant[0]
    kept = target.read_bytes()
    target.write_text(source, "utf-8")
    try:
        for names in stages(folder, mutant[0], under)[:2] + others:
            killer = run_tests(folder, names, timeout)
            if killer:
                return killer, line
        return "", line
    finally:
        target.write_bytes(kept)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--under", default="formats")
    parser.add_argument("--wanted", type=int, default=180)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--list", action="store_true", help="show them, run nothing")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of mutants to run")
    given = parser.parse_args()
    # A shell starts what runs in the background with Ctrl-C ignored, and tests of Ctrl-C
    # would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutants.") as top:
        folders = queue.Queue()
        for job in range(given.jobs):
            folder = pathlib.Path(top) / str(job)
            folder.mkdir()
            copy_tree(folder)
            folders.put(folder)
        # All is taken from the copy: the tree may change meanwhile.
        paths = sorted((folder / "wikistd" / given.under).glob("*.py"))
        files = [path.relative_to(folder) for path in paths]
        mutants = all_mutants(folder, files)
        chosen = random.Random(given.seed).sample(mutants, min(given.count, len(mutants)))
        numbers = given.only or range(1, len(chosen) + 1)
        if given.list:
            for number in numbers:
                print("%3d %s" % (number, make_mutant(folder, *chosen[number - 1])[1]))
            return 0
        # Tests that fail without a fault would kill every mutant.
        own, room, *others = stages(folder, files[0], given.under)
        failed = run_tests(folder, own + room, 600)
        if failed:
            print("the tests of %s fail already: %s" % (given.under, failed))
            return 2
        useful = []
        for names in others:
            failed = run_tests(folder, names, 600)
            if failed:
                print("%s fails already and kills nothing: %s" % (names[0], failed))
            else:
                useful.append(names)

        def work(number):
            folder = folders.get()
            try:
                return run_mutant(
                    folder, chosen[number - 1], given.under, given.timeout, useful
                )
            finally:
                folders.put(folder)

        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            for number, (killer, line) in zip(numbers, pool.map(work, numbers)):
                word = "killed" if killer else "SURVIVED"
                print("%3d %-8s %s  [%s]" % (number, word, line, killer), flush=True)
                if not killer:
                    survivors.append((number, line))
    total = len(list(numbers))
    print("\n%d of %d killed (seed %d, of %d possible)"
          % (total - len(survivors), total, given.seed, len(mutants)))
    for number, line in survivors:
        print("%3d %s" % (number, line))
    return 1 if not given.only and total - len(survivors) < given.wanted else 0


if __name__ == "__main__":
    sys.exit(main())
