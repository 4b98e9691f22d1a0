"""The one file, whose parts wait in it until a name of theirs is asked for.

In: the joined modules.  Out: the code that stands before them, and they themselves, as
code or as text that is compiled on demand.  Pure.  Not here: the modules' own texts
(flatten.py).
"""

from __future__ import annotations

from typing import Sequence

from .flatten import FLAT_WIDTH, Flat
from .scopes import bound_names
from .sources import BundleError

#: What clients use every day stands in the file as code, with all that it needs: it
#: is compiled once, into the pyc file.  What else there is stands there as text.
CODE_NAMES = ("HttpClient", "Session", "edit_page", "query_pages")

#: A part that is code.
CODE_PART = """\
if "%s" in PARTS_NOW:
%s"""

#: A part that is text, between delimiters.
TEXT_PART = """\
PARTS_TEXTS["%s"] = lambda: r%s
%s
%s"""

#: The first code of the file; the file has no syntax that 3.7 does not know.
TOO_OLD_CODE = """\
import sys

if sys.version_info < (3, 8):
    raise ImportError("wikistd needs Python 3.8 or newer, not %s" % sys.version[:6])

import os
import threading
import types

TYPE_CHECKING = False  # what type checkers take for True, without 3 ms of typing
if TYPE_CHECKING:
    from typing import Any

"""

#: Type checkers do not read texts.
TEXT_NAMES_CODE = """\
    # What stands below as text is there for type checkers by its names only.
%s
"""

WAITING_CODE = """\
#: The parts of this file: those before it that each needs, but for what these need, and
#: its public names.
FILE_PARTS = {
%s}

__all__ = sorted(" ".join(names for _, names in FILE_PARTS.values()).split())

#: The parts that this run of the code defines.  Imported, the file defines none yet.
#: Its code runs again when a name is asked for, for the part with that name and the
#: parts that this one needs, in a module behind this one; when all are there, their
#: names are taken over: no thread sees a part that is half defined.
#:
#: What clients rarely use stands below as text.  It is compiled when it is asked for,
#: in its lines of this file: a traceback or a debugger shows them.
PARTS_NOW = globals().pop("PARTS_ASKED_FOR", None)
if PARTS_NOW is None:
    PARTS_BEFORE = globals().get("PARTS_CODE")
    PARTS_CODE = sys._getframe().f_code if hasattr(sys, "_getframe") else None
    PARTS_ANEW = PARTS_BEFORE is None or PARTS_BEFORE != PARTS_CODE
    # Whether it is the text of exec(text), as in a notebook: nobody meant a command.
    PARTS_ARE_TEXT = bool(
        PARTS_CODE and PARTS_CODE.co_filename == "<string>" and sys._getframe().f_back
    )
    if PARTS_ANEW:
        # One for each process: a fork copies locks as held, and not who holds them.
        PARTS_LOCKS = {os.getpid(): threading.RLock()}
        PARTS_BEHIND = types.ModuleType(__name__)
        # The names that were taken over: what is put in their place later stays there.
        PARTS_TAKEN = {"PARTS_NOW"}
        PARTS_AGAIN: set[str] = globals().get("PARTS_DONE", set())
        PARTS_DONE: set[str] = set()
        # Functions, for the lines in which they stand.
        PARTS_TEXTS: dict[str, Any] = {}
    # else the same file is reloaded: what is defined stays, and so do its objects

    def define_parts(wanted: set[str]) -> None:
        # These, and those that they need.
        for part in reversed(list(FILE_PARTS)):
            if part in wanted:
                wanted.update(FILE_PARTS[part][0].split())
        with PARTS_LOCKS.setdefault(os.getpid(), threading.RLock()):
            missing = wanted - PARTS_DONE
            if missing and PARTS_CODE:
                vars(PARTS_BEHIND)["PARTS_ASKED_FOR"] = missing
                exec(PARTS_CODE, vars(PARTS_BEHIND))
                PARTS_DONE.update(missing)
                for name in set(vars(PARTS_BEHIND)) - PARTS_TAKEN:
                    if not name.startswith("__"):
                        globals()[name] = vars(PARTS_BEHIND)[name]
                        PARTS_TAKEN.add(name)

    def code_of_texts(parts: set[str]) -> types.CodeType:
        pieces: list[str] = []
        line, file = 1, ""
        for part in [part for part in PARTS_TEXTS if part in parts]:
            text, place = PARTS_TEXTS[part](), PARTS_TEXTS[part].__code__
            pieces += ["\\n" * (place.co_firstlineno - line), text]
            line = place.co_firstlineno + text.count("\\n")
            file = place.co_filename
        return compile("".join(pieces), file, "exec")

    if not TYPE_CHECKING:

        def __getattr__(name: str) -> object:
            # Defines the part that holds `name`.
%s            if not name.startswith("__"):
                found = {p for p in FILE_PARTS if name in FILE_PARTS[p][1].split()}
                # A name that is not public may be in any part.
                define_parts(found or {
                    part for part in FILE_PARTS
                    if part not in PARTS_TEXTS or name in PARTS_TEXTS[part]()
                })
                if name in globals():
                    return globals()[name]
            raise AttributeError("module %%r has no attribute %%r" %% (__name__, name))

    def __dir__() -> list[str]:
        return sorted(set(globals()) | set(__all__))

    if PARTS_ANEW:
        vars(PARTS_BEHIND).update(globals())
    PARTS_MODULE = sys.modules.get(__name__, sys)
    if PARTS_CODE and vars(PARTS_MODULE) is globals() and not PARTS_ARE_TEXT:
        define_parts(PARTS_AGAIN.intersection(FILE_PARTS))
        PARTS_NOW = set()
    else:  # run by exec, where nobody would ask: all of it at once
        PARTS_NOW = set(FILE_PARTS)
        PARTS_DONE.update(PARTS_NOW)
"""

#: Behind the parts.
TEXTS_NOW_CODE = """\
if PARTS_NOW.intersection(PARTS_TEXTS):
    exec(code_of_texts(PARTS_NOW))
"""

#: The end of a file with a command line.
COMMANDS_CODE = """\
if (
    __name__ == "__main__"
    and globals() is not vars(PARTS_BEHIND)
    and not PARTS_ARE_TEXT
):
    define_parts({"cli/main"})
    sys.exit(globals()["main"]())
"""

#: In __getattr__, where something was left out.
ASK_LEFT_OUT_CODE = """\
            if name in LEFT_OUT:
                raise ImportError(left_out_sentence(name))
"""

LEFT_OUT_CODE = """\
#: Names that this file was built without, and the part each went with.
LEFT_OUT = {
%s}


def left_out_sentence(name: str) -> str:
    # How to have `name` back.
    return (
        "%%s is not in this file, which was built without %%r: build it again without"
        " leaving that out (python3 -m wikistd bundle)" %% (name, LEFT_OUT[name])
    )


def left_out_part(name: str) -> Any:
    # Return a stand-in that says, when used, how to have `name` back.  It may stand
    # behind `except`, too.

    def refuse(*values: Any, **named: Any) -> Any:
        raise ImportError(left_out_sentence(name))

    about = {"__new__": refuse, "__doc__": "Left out of this file."}
    return type(name, (Exception,), about)


"""


def waiting_head(flat: Flat, version: str) -> str:
    """Return the code before the parts.  BundleError where a part takes its names."""
    import ast

    for statement in ast.parse(LEFT_OUT_CODE % "" + WAITING_CODE % ("", "")).body:
        for name in flat.names.intersection(bound_names(statement)):
            raise BundleError("%s is a name of the one file's own" % name)
    left_out = dict(flat.left_out, **flat.stand_ins)
    public = flat.exported()
    as_code = flat.all_needs_of(CODE_NAMES)
    text = TOO_OLD_CODE
    in_texts = [name for name in public if flat.public[name] not in as_code]
    if in_texts:
        text += TEXT_NAMES_CODE % "".join("    %s: Any\n" % name for name in in_texts)
    text += '__version__ = "%s"\n\n' % version
    if left_out:
        table = "".join('    "%s": "%s",\n' % row for row in sorted(left_out.items()))
        text += LEFT_OUT_CODE % table
        for name in sorted(flat.stand_ins):
            text += '%s = left_out_part("%s")\n' % (name, name)
    rows = []
    for name in flat.order:
        names = [n for n in public if flat.public[n] == name]
        rows.append(part_row(name, flat.shortest_needs_of(name), names))
    ask = ASK_LEFT_OUT_CODE if left_out else ""
    return text + WAITING_CODE % ("".join(rows), ask)


def waiting_parts(flat: Flat) -> str:
    """Return the parts, those that are code first, and what runs the texts."""
    as_code = flat.all_needs_of(CODE_NAMES)
    order = sorted(flat.order, key=lambda name: name not in as_code)
    parts = [(name, waiting_part(flat, name, name in as_code)) for name in order]
    return flat.joined(parts) + "\n\n" + TEXTS_NOW_CODE


def waiting_part(flat: Flat, name: str, is_code: bool) -> str:
    """Return a module's text, indented under its guard or as a string.

    BundleError where it cannot be a string.
    """
    text = flat.modules[name].body("    " * is_code, late=flat.order)
    if not text:
        return ""
    if is_code:
        return CODE_PART % (name, text)
    for delimiter in ("'" * 3, '"' * 3):
        if delimiter not in text:
            return TEXT_PART % (name, delimiter, text, delimiter)
    raise BundleError(
        "%s.py has strings between %s and strings or docstrings between %s, and is to"
        " be a string itself: let one of them be none" % (name, "'" * 3, '"' * 3)
    )


def part_row(name: str, needs: Sequence[str], names: Sequence[str]) -> str:
    """Return a part's row of the table, wrapped at FLAT_WIDTH."""
    import textwrap

    row = '    "%s": ("%s", "%s"),\n' % (name, " ".join(needs), " ".join(names))
    if len(row) <= FLAT_WIDTH:
        return row
    row = '    "%s": (\n' % name
    for words in (needs, names):
        lines = textwrap.wrap(" ".join(words), FLAT_WIDTH - 12) or [""]
        row += "".join('        "%s "\n' % line for line in lines[:-1])
        row += '        "%s",\n' % lines[-1]
    return row + "    ),\n"
