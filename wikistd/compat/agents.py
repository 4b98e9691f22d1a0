"""User-Agent texts in the way of pywikibot: a format with names in braces.

In: a site, a format.  Out: header text.  Spec: `user_agent` of pywikibot.comms.http.
Holds: nothing.  Not here: sending it (defaults.py), native texts (web/useragent.py).
"""

from __future__ import annotations

import itertools
import os
import sys
import urllib.request
import warnings
from typing import Any, Callable, Dict, Iterable, Optional, Set

from ..formats.headers import check_header
from ..web.origins import WIKIMEDIA_DOMAINS, header_names, is_below, origin_of
from ..web.useragent import WIKISTD_VERSION, user_agent_username

#: What `user_agent` says unless a format is given.
USER_AGENT_FORMAT = (
    "{username}/{script} ({script_comments}) {pwb} ({revision}) {python} {http_backend}"
)

#: Names of older formats, and what they are called now.
OLD_AGENT_FIELDS = {
    "code": "site",
    "family": "site",
    "lang": "site",
    "script_product": "script",
    "version": "revision",
}

#: A browser's text, for servers that talk to browsers only.  One, and fixed: a changing
#: one would be a disguise.
FAKE_USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
)

#: Wikimedia's policy asks for true texts, and blocks others.
AGENT_POLICY_DOMAINS = (
    *WIKIMEDIA_DOMAINS,
    "toolforge.org",
    "w.wiki",
    "wikimediafoundation.org",
    "wmcloud.org",
    "wmflabs.org",
)


def is_wikimedia_host(host: str) -> bool:
    """Return whether a host is one of the Wikimedia Foundation's."""
    return is_below(host.lower().rstrip("."), AGENT_POLICY_DOMAINS)


def fake_user_agent() -> str:
    """Return the User-Agent of a browser, always the same one."""
    return FAKE_USER_AGENT


class AgentFields(Dict[str, str]):
    """What stands for the names of a format.  One owner."""

    def __init__(self, site: Any, description: str, username: Optional[str]) -> None:
        name = username or site_username(site)
        super().__init__(
            site=site_label(site),
            username=user_agent_username(name),
            script=script_name(),
            script_comments=agent_comments(site, description, name),
            pwb="wikistd/" + WIKISTD_VERSION,
            revision="",
            python="Python/" + ".".join(map(str, sys.version_info)),
            http_backend="urllib/%d.%d" % sys.version_info[:2],
        )

    def __missing__(self, key: str) -> str:
        if key not in OLD_AGENT_FIELDS:
            raise KeyError(key)
        warnings.warn(
            "{%s} value for user_agent is deprecated, use {%s} instead."
            % (key, OLD_AGENT_FIELDS[key]),
            FutureWarning,
            stacklevel=4,
        )
        return self[OLD_AGENT_FIELDS[key]]


def format_user_agent(
    format_string: str,
    site: Any = None,
    *,
    description: str = "",
    username: Optional[str] = None,
) -> str:
    """Return the text of a format; KeyError for a name in braces that is not known.

    Empty parentheses and the gaps they leave go, and so does a "/" in front when there
    is no user name.
    """
    text = format_string.format_map(AgentFields(site, description, username))
    text = " ".join(text.replace("()", "").split())
    text = text.lstrip("/ ")
    check_header("User-Agent", text)
    return text


def script_name() -> str:
    """Return the name of the running script, without its folder and ".py"."""
    name = os.path.basename(sys.argv[0] if sys.argv else "")
    if name in ("", "-", "-c", "-m"):
        return "python"
    return user_agent_username(name[:-3] if name.endswith(".py") else name)


def first_said(holders: Iterable[Any], fields: Iterable[str]) -> str:
    """Return the first of `fields` (or what it returns) that says something, or ""."""
    for holder, field in itertools.product(holders, fields):
        said = getattr(holder, field, None)
        if callable(said):
            said = said()
        if said:
            return str(said)
    return ""


def site_label(site: Any) -> str:
    """Return how a site is called: its `sitename`, else its host."""
    if isinstance(site, str):
        return site
    return first_said([site], ("sitename", "hostname", "host")).rpartition("://")[2]


def site_username(site: Any) -> str:
    """Return who is logged in at a site, or by its session, "" if not known."""
    return first_said((site, getattr(site, "session", None)), ("username", "user"))


def agent_comments(site: Any, description: str, username: str) -> str:
    """Return what stands in parentheses: description, and where the user is known."""
    comments = [description] if description else []
    label = site_label(site)
    is_wiki = label.startswith("wiki") and len(getattr(site, "code", "") or "") == 2
    base_url: Optional[Callable[[str], str]] = getattr(site, "base_url", None)
    safe = user_agent_username(username) if username else ""
    if is_wiki:
        comments.append(label)
        if safe:
            comments.append("User:" + safe)
    elif safe and base_url is not None:
        comments.append(base_url("wiki/User:" + safe))
    return "; ".join(comments)


class HonestHandler(urllib.request.BaseHandler):
    """Replace faked User-Agents on their way to a Wikimedia host.  Thread-safe.

    Also after a redirect: nothing else keeps a header from going along.
    """

    handler_order = 150

    def __init__(self, true_user_agent: Callable[[], str]) -> None:
        self.true_user_agent = true_user_agent
        self.faked: Set[str] = {FAKE_USER_AGENT}

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Look at the request before it is sent."""
        if not is_wikimedia_host(origin_of(request.full_url).host):
            return request
        for headers in (request.headers, request.unredirected_hdrs):
            for name in header_names(headers, "user-agent"):
                if headers[name] in self.faked:
                    headers[name] = self.true_user_agent()
        return request

    https_request = http_request
