"""Warnings of the API: logged without values, given out with them.

Spec: https://www.mediawiki.org/wiki/API:Errors_and_warnings.  Holds: nothing.
Not here: finding them in a reply (wiki/reply.py).
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from ..errors import APIWarning
from .exchange import top_module_name, wiki_logger
from .reply import find_warnings


def caller_level() -> int:
    """Return the level, for warnings.warn, of the first frame that is not ours."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] != top_module_name():
            break
        frame = frame.f_back
        level += 1
    return level


def show_api_warnings(document: Any, *, is_write: bool, is_raised: bool) -> None:
    """Log the warnings of a reply, and give them out or raise them as APIWarning.

    Those of a write never raise, whatever the warnings filter says: it has landed, and
    an exception would say that it has not.
    """
    found = find_warnings(document)
    if not found:
        return
    logger = wiki_logger()
    for item in found:
        if logger is not None:
            # Not its text: that quotes the values of parameters.
            logger.info("API warning of module %s %s", item.module, item.code)
    text = "; ".join("%s: %s" % (item.module, item.text) for item in found)
    warning = APIWarning(text)
    warning.document = document
    if is_raised:
        raise warning
    try:
        warnings.warn(warning, stacklevel=caller_level())
    except APIWarning:
        if not is_write:
            raise
