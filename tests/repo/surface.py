"""The public surface as text: frozen signatures, and the reference page.

    python3 -m tests.repo.surface        rewrite tests/data/signatures.txt and
                                         docs/reference.rst, and docs/cli.rst below
                                         its mark, from the package
"""

import argparse
import inspect
import pathlib
import re
import sys

import wikistd
from wikistd.cli.main import make_parser
from wikistd.cli.output import Output

from .source import ROOT, sources

SIGNATURES = ROOT / "tests" / "data" / "signatures.txt"
REFERENCE = ROOT / "docs" / "reference.rst"
COMMANDS = ROOT / "docs" / "cli.rst"
#: In docs/cli.rst the line after which everything is made here.
MADE_BELOW = ".. What follows is made by ``python3 -m tests.repo.surface``.\n"
#: Sections of the reference, in reading order: room -> (title, what it is)
SECTIONS = (
    ("wiki", "A wiki's API", "One wiki, logged in or not: reading, writing, transferring."),
    ("streams", "Streams", "What never ends: recent changes, Mastodon, WebSockets."),
    ("web", "HTTP", "One exchange over kept-alive connections, with everything around it."),
    ("formats", "Formats", "Bytes in, values out.  Nothing here reads, writes or waits."),
    ("server", "The embedded wiki", "A small wiki to work against, and a server for any WSGI application."),
    ("compat", "For those who migrate", "Names of other tools that stand for something above."),
    ("errors", "Errors", "Split by who must act."),
    ("clock", "Time", "One budget handed down a call chain."),
)
HEAD = """\
Reference
=========

Every public name.  All of them are attributes of the package itself:
``from wikistd import Session``.

.. This page is made by ``python3 -m tests.repo.surface``.

.. contents::
   :local:
   :depth: 1
"""


def public_names():
    """Return {name: (room, dotted module)} for every public name."""
    found = {}
    for source in sources():
        if source.name != "wikistd":
            continue
        for item in source.imports:
            if item.own:
                found[item.name] = (item.module.split(".")[1], item.module)
    return found


def parameter_text(parameter):
    """Return a parameter without its annotation: annotations may become wider."""
    text = parameter.name
    if parameter.kind is parameter.VAR_POSITIONAL:
        return "*" + text
    if parameter.kind is parameter.VAR_KEYWORD:
        return "**" + text
    if parameter.default is not parameter.empty:
        default = parameter.default
        plain = isinstance(default, (type(None), bool, int, float, str, bytes, tuple))
        shown = repr(default) if plain else "..."
        if isinstance(default, type):
            shown = default.__name__
        text += "=" + shown
    return text


def signature_text(function):
    """Return `(a, *, b=None)` of a function."""
    parts, keyword_only = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword_only = True
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        parts.append(parameter_text(parameter))
    return "(%s)" % ", ".join(parts)


def members(kind):
    """Yield (name, object) of the public methods and properties of our classes."""
    seen = set()
    for base in kind.__mro__:
        if base.__module__.split(".")[0] != wikistd.__name__.split(".")[0]:
            continue
        for name, value in sorted(vars(base).items()):
            if name in seen or name.startswith("_"):
                continue
            seen.add(name)
            yield name, value


def describe(name, value):
    """Yield the lines of one public name."""
    if not inspect.isclass(value):
        if callable(value):
            yield name + signature_text(value)
        else:
            yield "%s: %s" % (name, type(value).__name__)
        return
    bases = ", ".join(
        base.__name__ for base in value.__bases__ if base is not object
    )
    shown = "class %s" % name + ("(%s)" % bases if bases else "")
    yield shown
    fields = getattr(value, "_fields", None)
    if isinstance(fields, tuple):
        yield "%s.fields: %s" % (name, ", ".join(fields))
    elif "__init__" in vars(value) or any(
        "__init__" in vars(base) and base.__module__.split(".")[0] == "wikistd"
        for base in value.__mro__
    ):
        yield "%s.__init__%s" % (name, signature_text(value.__init__))
    for member, thing in sorted(members(value)):
        if isinstance(fields, tuple) and member in fields:
            continue
        if isinstance(thing, property):
            yield "%s.%s: property" % (name, member)
        elif isinstance(thing, (staticmethod, classmethod)):
            yield "%s.%s%s" % (name, member, signature_text(thing.__func__))
        elif inspect.isfunction(thing):
            yield "%s.%s%s" % (name, member, signature_text(thing))


def surface():
    """Return the frozen text: one line for each name, method and property."""
    lines = []
    for name in sorted(wikistd.__all__):
        lines.extend(describe(name, getattr(wikistd, name)))
    return "\n".join(lines) + "\n"


def directive(name, value):
    """Return the autodoc directive of one public name."""
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        return ".. %s:: wikistd.%s\n   :members:\n" % (kind, name)
    if callable(value):
        return ".. autofunction:: wikistd.%s\n" % name
    return ".. autodata:: wikistd.%s\n" % name


def reference():
    """Return the reference page."""
    rooms = {}
    for name, (room, module) in public_names().items():
        rooms.setdefault(room, {}).setdefault(module, []).append(name)
    parts = [HEAD]
    for room, title, what in SECTIONS:
        if room not in rooms:
            continue
        parts.append("%s\n%s\n\n%s\n" % (title, "-" * len(title), what))
        for module in sorted(rooms[room]):
            for name in sorted(rooms[room][module], key=str.lower):
                parts.append(directive(name, getattr(wikistd, name)))
    return "\n".join(parts)


def literal(text):
    """Return a help text as reST: stars, bars and backslashes mean themselves."""
    return re.sub(r"([*|`\\])", r"\\\1", text.replace("%%", "%"))


def option_lines(action):
    """Yield the lines of one option or argument of a command."""
    if action.option_strings:
        name = ", ".join(action.option_strings)
        if action.nargs != 0:
            name += " " + (action.metavar or action.dest.upper())
    else:
        name = action.metavar or action.dest
        if action.nargs in ("*", "+"):
            name += " ..."
    yield "``%s``" % name
    yield "   " + (literal(action.help) if action.help else "see the example")


def commands():
    """Return the page of commands: what was written by hand, then each command."""
    kept, _, _ = COMMANDS.read_text("utf-8").partition(MADE_BELOW)
    parser = make_parser(Output())
    parts = [kept.rstrip("\n"), "", MADE_BELOW]
    children = next(a for a in parser._actions if hasattr(a, "choices") and a.choices)
    for name, child in children.choices.items():
        parts += [name, "-" * len(name), "", literal(child.description), "", "::", ""]
        example = child.epilog.partition("Example: ")[2]
        parts += ["   " + line.strip() for line in example.splitlines()] + [""]
        for action in child._actions:
            if action.help != argparse.SUPPRESS and action.dest != "help":
                parts += option_lines(action)
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def main():
    pathlib.Path(COMMANDS).write_text(commands(), encoding="utf-8")
    pathlib.Path(SIGNATURES).write_text(surface(), encoding="utf-8")
    pathlib.Path(REFERENCE).write_text(reference(), encoding="utf-8")
    print("wrote signatures.txt, reference.rst, cli.rst", file=sys.stderr)


if __name__ == "__main__":
    main()
