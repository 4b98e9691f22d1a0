"""The head of the one file: its parts wait in it until a name of theirs is asked for.

In: the joined modules.  Out: the code that stands before them, as text.  Pure.
Not here: the modules' own texts (flatten.py).
"""

from __future__ import annotations

from typing import Sequence

from .flatten import FLAT_WIDTH, Flat

#: The line that each part of the file is indented under.
PART_GUARD = 'if "%s" in PARTS_NOW:'

#: The first code of the file; the file has no syntax that 3.7 does not know.
TOO_OLD_CODE = '''\
import sys

if sys.version_info < (3, 8):
    raise ImportError("wikistd needs Python 3.8 or newer, not %s" % sys.version[:6])

'''

WAITING_CODE = '''\
#: The parts of this file, in their order: what each needs of them, its public names.
FILE_PARTS = {
%s}

#: The parts that this run of the code defines.  Imported, the file defines none yet.
#: Its code runs again when a name is asked for, for the part with that name and the
#: parts that this one needs, in a module behind this one; when all are there, their
#: names are taken over: no thread sees a part that is half defined.
PARTS_NOW = globals().pop("PARTS_ASKED_FOR", None)
TYPE_CHECKING = False  # what type checkers take for True, without 3 ms of typing
if PARTS_NOW is None:
    PARTS_BEFORE = globals().get("PARTS_CODE")
    PARTS_CODE = sys._getframe().f_code if hasattr(sys, "_getframe") else None
    PARTS_ANEW = PARTS_BEFORE is None or PARTS_BEFORE != PARTS_CODE
    if PARTS_ANEW:
        # One for each process: a fork copies locks as held, and not who holds them.
        PARTS_LOCKS = {os.getpid(): threading.RLock()}
        PARTS_BEHIND = types.ModuleType(__name__)
        # The names that were taken over: what is put in their place later stays there.
        PARTS_TAKEN = {"PARTS_NOW"}
        PARTS_AGAIN: set[str] = globals().get("PARTS_DONE", set())
        PARTS_DONE: set[str] = set()
    # else the same file is reloaded: what is defined stays, and so do its objects

    def define_parts(wanted: set[str]) -> None:
        """Define these parts and those that they need."""
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

    if not TYPE_CHECKING:

        def __getattr__(name: str) -> object:
            """Define the part that holds `name`."""
%s            if not name.startswith("__"):
                found = [p for p in FILE_PARTS if name in FILE_PARTS[p][1].split()]
                # A name that is not public may be in any part.
                define_parts(set(found or FILE_PARTS))
                if name in globals():
                    return globals()[name]
            raise AttributeError("module %%r has no attribute %%r" %% (__name__, name))

    def __dir__() -> list[str]:
        return sorted(set(globals()) | set(__all__))

    if PARTS_ANEW:
        vars(PARTS_BEHIND).update(globals())
    if __name__ != "__main__" and PARTS_CODE and (
        vars(sys.modules.get(__name__, sys)) is globals()
    ):
        define_parts(PARTS_AGAIN.intersection(FILE_PARTS))
        PARTS_NOW = set()
    else:  # run as a script or by exec, where nobody would ask: all of it at once
        PARTS_NOW = set(FILE_PARTS)
        PARTS_DONE.update(PARTS_NOW)
'''

#: In __getattr__, where something was left out.
ASK_LEFT_OUT_CODE = '''\
            if name in LEFT_OUT:
                raise ImportError(left_out_sentence(name))
'''

LEFT_OUT_CODE = '''\
#: Names that this file was built without, and the part each went with.
LEFT_OUT = {
%s}


def left_out_sentence(name: str) -> str:
    """Return how to have `name` back."""
    return (
        "%%s is not in this file, which was built without %%r: build it again without"
        " leaving that out (python3 -m wikistd bundle)" %% (name, LEFT_OUT[name])
    )


def left_out_part(name: str) -> Any:
    """Return a stand-in that says, when used, how to have `name` back."""

    def refuse(*values: Any, **named: Any) -> Any:
        raise ImportError(left_out_sentence(name))

    return type(name, (), {"__new__": refuse, "__doc__": "Left out of this file."})


'''

#: The names of the head.  No part may define one.
WAITING_NAMES = frozenset(
    "FILE_PARTS PARTS_NOW PARTS_CODE PARTS_BEHIND PARTS_LOCKS PARTS_BEFORE PARTS_AGAIN"
    " PARTS_ANEW PARTS_TAKEN PARTS_DONE PARTS_ASKED_FOR define_parts LEFT_OUT"
    " left_out_sentence left_out_part".split()
)


def waiting_head(flat: Flat, version: str) -> str:
    """Return the code before the parts.  BundleError where a part takes its names."""
    flat.check_free(WAITING_NAMES)
    left_out = dict(flat.left_out, **flat.stand_ins)
    public = flat.exported()
    text = TOO_OLD_CODE + "import os\nimport threading\nimport types\n"
    text += "from typing import Any\n\n" if left_out else "\n"
    text += '__version__ = "%s"\n\n' % version
    text += "__all__ = [\n%s]\n\n" % "".join('    "%s",\n' % n for n in public)
    if left_out:
        table = "".join('    "%s": "%s",\n' % row for row in sorted(left_out.items()))
        text += LEFT_OUT_CODE % table
        for name in sorted(flat.stand_ins):
            text += '%s = left_out_part("%s")\n' % (name, name)
    rows = []
    for name in flat.order:
        names = [n for n in public if flat.public[n] == name]
        rows.append(part_row(name, flat.needs_of(name), names))
    ask = ASK_LEFT_OUT_CODE if left_out else ""
    return text + WAITING_CODE % ("".join(rows), ask)


def part_row(name: str, needs: Sequence[str], names: Sequence[str]) -> str:
    """Return a part's row of the table, wrapped at FLAT_WIDTH."""
    row = '    "%s": ("%s", "%s"),\n' % (name, " ".join(needs), " ".join(names))
    if len(row) <= FLAT_WIDTH:
        return row
    lines = ['    "%s": (' % name]
    for words in (needs, names):
        line = ""
        for word in words:
            if len(line) + len(word) > FLAT_WIDTH - 13:
                lines.append('        "%s "' % line)
                line = ""
            line += " " * bool(line) + word
        lines.append('        "%s",' % line)
    return "\n".join([*lines, "    ),\n"])
