"""Warnings of the API: logged without values, given out with them.

Spec: https://www.mediawiki.org/wiki/API:Errors_and_warnings.  Holds: nothing.
Not here: finding them in a reply (wiki/reply.py).
"""

from __future__ import annotations

import warnings
from typing import Any

from ..errors import APIWarning
from ..web.useragent import caller_level
from .exchange import wiki_logger
from .reply import find_warnings


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
