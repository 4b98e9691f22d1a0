"""Warnings of the API: logged without values, given out with them.

Spec: https://www.mediawiki.org/wiki/API:Errors_and_warnings.  Holds: nothing.
Not here: finding them in a reply (wiki/reply.py).
"""

from __future__ import annotations

import warnings
from typing import Any, Mapping, Optional

from ..errors import APIWarning
from ..web.useragent import caller_level
from .exchange import scrub_warnings, wiki_logger
from .reply import find_warnings


def show_api_warnings(
    session: Any,
    document: Any,
    *,
    is_write: bool = False,
    sent: Optional[Mapping[str, Any]] = None,
) -> None:
    """Log the warnings of a reply, and do with them what `api_warnings` says.

    Those of a write never raise, whatever the warnings filter says: it has landed, and
    an exception would say that it has not.  `sent` are parameters whose secrets the
    wiki may quote.
    """
    if not (isinstance(document, dict) and "warnings" in document):
        return
    if sent is not None:
        scrub_warnings(document, sent)
    if session.api_warnings == "ignore":
        return
    found = find_warnings(document)
    if not found:
        return
    logger = wiki_logger()
    if logger is not None:
        for item in found:
            # Not its text: that quotes the values of parameters.
            logger.info("API warning of module %s %s", item.module, item.code)
    text = "; ".join("%s: %s" % (item.module, item.text) for item in found)
    warning = APIWarning(text)
    warning.document = document
    if session.api_warnings == "raise" and not is_write:
        raise warning
    try:
        warnings.warn(warning, stacklevel=caller_level())
    except APIWarning:
        if not is_write:
            raise
