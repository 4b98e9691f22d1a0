"""Which names code binds and reads, and in which scope.

In: syntax trees.  Out: names, nodes.  Pure.  Not here: what follows from them for the
package's modules (flatten.py) or a user's script (scripts.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Container, Iterator, List, Set

if TYPE_CHECKING:
    import ast

#: {syntax: its field with a name that it binds, or None}; 3.8 has no `match`.
NAMING_NODES = {
    "ExceptHandler": "name",
    "MatchAs": "name",
    "MatchStar": "name",
    "MatchMapping": "rest",
}


def bound_names(node: ast.AST, skip: Container[ast.AST] = ()) -> Iterator[str]:
    """Yield the names that a statement of a module's top level binds.

    What is in `skip` is not looked at.
    """
    import ast

    if node in skip:
        return
    yield from names_bound_by(node)
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        # It has names of its own, but for what `:=` binds.
        for part in ast.walk(node):
            if isinstance(part, ast.NamedExpr):
                yield from names_bound_by(part.target)
        return
    is_scope = has_scope(node)
    for child in parts_outside(node) if is_scope else ast.iter_child_nodes(node):
        yield from bound_names(child, skip)


def names_bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds where it stands, and no node in it."""
    import ast

    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif type(node).__name__ in NAMING_NODES:
        name = getattr(node, NAMING_NODES[type(node).__name__])
        if name:
            yield name


def names_read(tree: ast.AST, *, at_import: bool = False) -> Iterator[str]:
    """Yield the names that code reads when it runs, or already while it is imported."""
    import ast

    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Name):
            yield node.id
        # Annotations are not evaluated.
        fields = dict(ast.iter_fields(node), annotation=None, returns=None)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            del fields["body"]
        if at_import and isinstance(node, (ast.FunctionDef, ast.Lambda)):
            # Decorators run; a default may be a stand-in for what was left out.
            fields = {"decorators": getattr(node, "decorator_list", [])}
        for field in fields.values():
            parts = field if isinstance(field, list) else [field]
            nodes += [part for part in parts if isinstance(part, ast.AST)]


def parts_outside(scope: ast.AST) -> List[ast.AST]:
    """Return what of a scope is evaluated around it, such as defaults."""
    import ast

    args = getattr(scope, "args", None)
    generators = getattr(scope, "generators", None)
    found: List[ast.AST] = []
    for field in ("decorator_list", "returns", "bases", "keywords"):
        value = getattr(scope, field, None) or []
        found += value if isinstance(value, list) else [value]
    if isinstance(args, ast.arguments):
        found += args.defaults + [value for value in args.kw_defaults if value]
        for part in ast.walk(args):
            if isinstance(part, ast.arg) and part.annotation:
                found.append(part.annotation)
    if generators:
        found.append(generators[0].iter)
    return found


def has_scope(node: ast.AST) -> bool:
    """Return whether a piece of syntax has names of its own."""
    import ast

    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    loops = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return isinstance(node, scopes + loops)


def nodes_in_scope(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes whose names are those of a scope; of scopes in it, what is so."""
    import ast

    outside = parts_outside(scope)
    nodes = list(ast.iter_child_nodes(scope))
    while nodes:
        node = nodes.pop()
        if node not in outside:
            yield node
            is_scope = has_scope(node)
            nodes += parts_outside(node) if is_scope else ast.iter_child_nodes(node)


def package_reads(
    scope: ast.AST, imports: Container[ast.AST], inherited: Set[str]
) -> Iterator[ast.Name]:
    """Yield where names that mean the package are read, in a scope and those in it.

    `inherited` are such names of the scopes around it.
    """
    import ast

    nodes = list(nodes_in_scope(scope))
    own: Set[str] = set()
    ours: Set[str] = set()
    for node in nodes:
        own.update(names_bound_by(node))
        if isinstance(node, ast.Import) and node in imports:
            named = [alias for alias in node.names if alias.name == "wikistd"]
            ours.update(alias.asname or alias.name for alias in named)
    for node in nodes:
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            own.difference_update(node.names)
    if isinstance(scope, ast.Module):
        own.clear()  # a function may bind these, by `global`
    meaning = ours | (inherited - own)
    around = inherited if isinstance(scope, ast.ClassDef) else meaning
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in meaning:
                yield node
        elif has_scope(node):
            yield from package_reads(node, imports, around)
