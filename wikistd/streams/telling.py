"""What streams tell the log, "<top package>.streams".

Holds: nothing.  Not here: what they tell the program (errors.py, the hooks).
"""

from __future__ import annotations


def log_stream(level: str, text: str, *values: object) -> None:
    """Write to the log of the streams; `level` is the name of a logger's method."""
    import logging  # 3 ms of import that a stream without trouble need not pay

    top = __name__.partition(".")[0]
    getattr(logging.getLogger(top + ".streams"), level)(text, *values)
