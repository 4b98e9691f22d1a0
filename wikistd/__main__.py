"""python -m wikistd: the command line."""

from __future__ import annotations

import importlib
import os
import sys


def run_program() -> int:
    """Run the command line; Ctrl-C while it is still being loaded ends it quietly."""
    try:
        package = __package__ or package_by_path()
        code: int = importlib.import_module(".cli.main", package).main()
        return code
    except KeyboardInterrupt:
        return 130


def package_by_path() -> str:
    """Make the package importable that is run by its path; return its name."""
    folder = os.path.dirname(os.path.abspath(__file__))
    parent, name = os.path.split(folder)
    # Python looks for modules in the folder that it runs: ours are no top-level ones.
    sys.path[:] = [parent] + [p for p in sys.path if os.path.abspath(p) != folder]
    return name


if __name__ == "__main__":
    sys.exit(run_program())
