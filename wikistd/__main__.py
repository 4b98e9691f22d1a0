"""python -m wikistd: the command line."""

from __future__ import annotations

import importlib
import sys


def run_program() -> int:
    """Run the command line; Ctrl-C while it is still being loaded ends it quietly."""
    try:
        code: int = importlib.import_module(".cli.main", __package__).main()
        return code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run_program())
