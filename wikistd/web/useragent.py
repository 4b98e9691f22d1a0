"""User-Agent texts: who is asking, in a form that headers can hold.

In: names.  Out: header text.  Spec: RFC 9110 10.1.5; Wikimedia's User-Agent policy
(https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy).  Holds: nothing.
Not here: sending it (client.py).
"""

from __future__ import annotations

import os
import sys
import urllib.parse
import warnings
from typing import Optional

from ..formats.headers import check_header

#: The same as `wikistd.__version__`; modules do not import the package.
WIKISTD_VERSION = "0.1.0"

#: What begins like this names a library, not who uses it; Wikimedia may block it.
UNTELLING_USER_AGENTS = (
    "aiohttp/", "curl/", "go-http-client", "java/", "libwww-perl", "mozilla/4.0",
    "mozilla/5.0", "mwapi (python) -- default", "node-fetch", "okhttp", "python-httpx",
    "python-requests", "python-urllib", "python/", "urllib", "wget/",
)  # fmt: skip


def user_agent_username(name: Optional[str] = None) -> str:
    """Return a user name as a header can hold it: spaces are "_", the rest is quoted.

    Without a name the environment's PYWIKIBOT_USERNAME or PWB_USERNAME is taken, else
    it is "".  Names that are not ASCII, or hold "%" or a control, are percent-encoded.
    """
    if not name:
        name = os.environ.get("PYWIKIBOT_USERNAME") or os.environ.get("PWB_USERNAME")
    name = (name or "").replace(" ", "_")
    if not name.isascii() or "%" in name or not name.isprintable():
        name = urllib.parse.quote(name)
    return name


def default_user_agent(
    name: Optional[str] = None, contact: Optional[str] = None
) -> str:
    """Return a User-Agent: "MyBot (me@example.org) wikistd/0.1.0 Python/3.13.0".

    `name` is that of the bot, with its version if it has one; `contact` is where its
    operator can be reached: a mail address, a user page, a web page.  ValueError for
    what no header can hold.
    """
    library = "wikistd/" + WIKISTD_VERSION
    python = "Python/%d.%d.%d" % sys.version_info[:3]
    pieces = [name, contact and "(%s)" % contact, library, python]
    text = " ".join([piece for piece in pieces if piece])
    check_header("User-Agent", text)
    return text


def is_telling_user_agent(text: Optional[str]) -> bool:
    """Return whether a User-Agent says more than which library sent it."""
    plain = (text or "").strip().lower()
    if not plain:
        return False
    if plain.startswith("wikistd/"):
        # Ours alone, with nothing but the version of Python behind it.
        rest = [word for word in plain.split() if not word.startswith("wikistd/")]
        return any(not word.startswith("python/") for word in rest)
    return not plain.startswith(UNTELLING_USER_AGENTS)


def caller_level() -> int:
    """Return the level, for warnings.warn, of the first frame that is not ours.

    Between an opener of urllib's own and us stand frames of urllib.request.
    """
    # "wikistd.", or the name of the folder it was copied to; nothing in the one file.
    room = __name__.rpartition(".web.")[0] + "."
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        is_ours = frame.f_globals is globals() or name.startswith(room)
        if not is_ours and name != "urllib.request":
            break
        frame = frame.f_back
        level += 1
    return level


def check_user_agent(text: Optional[str]) -> None:
    """Warn if a User-Agent does not tell who asks; ValueError if it is no header."""
    if text:
        check_header("User-Agent", text)
    if not is_telling_user_agent(text):
        warnings.warn(
            "the User-Agent %r does not say who is asking, and Wikimedia and others "
            "refuse such requests: give user_agent='MyBot/1.0 "
            "(https://example.org/bot; me@example.org)'" % (text or ""),
            stacklevel=caller_level(),
        )
