"""Where a wiki is, and the HTTP client that reaches it.

Spec: https://www.mediawiki.org/wiki/API:Etiquette, Really Simple Discovery (EditURI).
Holds: nothing.  Not here: the calls (wiki/session.py).
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import SplitResult, urljoin, urlsplit

from ..errors import StatusError, WikistdError
from ..web.client import HttpClient
from ..web.request import plain_url_parts
from .exchange import bound_reply
from .params import check_texts

DEFAULT_API_PATH = "/w/api.php"

#: Keywords of Session that go to the HTTP client.
SESSION_PARAMS = (
    "auth",
    "cookies",
    "headers",
    "proxies",
    "verify",
    "cert",
    "max_redirects",
    "trust_env",
)

#: Of a page; the link stands near its beginning.
MAX_LINK_SEARCH = 100_000

#: Searched for once, where the usual path does not answer: not compiled ahead.
_edit_uri_link = r"""(?i)<link\b[^>]{0,300}\brel=["']EditURI["'][^>]{0,1000}>"""
_edit_uri_href = r"""(?i)\bhref=["']([^"']{1,1000})["']"""


def split_host_url(host: str) -> Optional[SplitResult]:
    """Return the parts of an address, None where they cannot be told apart."""
    try:
        parts = urlsplit(host.strip())
        return None if parts.port == 0 else parts
    except ValueError:
        return None  # Its text may show a password.


def check_host(host: str) -> Tuple[str, str]:
    """Return (scheme://host, path) of `host`; ValueError when it is no address."""
    check_texts(host=host)
    plain = plain_url_parts(host)
    if plain is not None and "?" not in plain[3]:
        return "%s://%s%s" % plain[:3], plain[3] or "/"
    parts = split_host_url(host)
    if parts is not None and "@" in parts.netloc:
        raise ValueError(
            "host must not hold a user name or password: give auth=(user, password)"
        )
    # What else holds an "@" may be a mistyped one of these: it is not shown.
    shown = host.partition("?")[0].partition("#")[0]
    got = "" if "@" in host else ", got %r" % shown
    if parts is None:
        raise ValueError("host is no address: its host name or its port is malformed")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            "host must include http:// or https://, for example "
            "https://en.wikipedia.org" + got
        )
    if not parts.netloc.isprintable() or " " in parts.netloc:
        raise ValueError("host holds a blank" + got)
    if parts.query or parts.fragment:
        raise ValueError("host must end before ? and #" + got)
    return "%s://%s" % (parts.scheme, parts.netloc), parts.path or "/"


def find_api_url(page: str, page_url: str) -> Optional[str]:
    """Return the address of api.php that a wiki page names (EditURI), or None.

    An address of another scheme or host is not followed: a session's cookies and
    passwords go there.
    """
    link = re.search(_edit_uri_link, page[:MAX_LINK_SEARCH])
    href = re.search(_edit_uri_href, link.group(0)) if link else None
    if href is None:
        return None
    from html import unescape  # 3 ms

    found = urljoin(page_url, unescape(href.group(1))).partition("?")[0]
    ours, theirs = urlsplit(page_url), urlsplit(found)
    if theirs.hostname != ours.hostname:
        return None
    if theirs.scheme != ours.scheme or theirs.port != ours.port:
        # Wikis behind a TLS proxy name themselves by another scheme or port.
        found = theirs._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()
    return found


def discover_api(session: Any, error: WikistdError) -> bool:
    """Find the API's address in the wiki's page; True when it is another.

    `error` is what the usual address came to: a server in trouble is not asked.
    """
    status = error.status if isinstance(error, StatusError) else 200
    if status not in (200, 301, 302, 403, 404, 405, 410):
        return False
    client = session.session
    options: Dict[str, Any] = {"timeout": session.timeout}
    if session.auth is not None:
        options["auth"] = session.auth
    is_ours = isinstance(client, HttpClient)
    if is_ours:
        options["stream"] = True  # To bound the page before it is read.
    page_url = session.host + session._page_path
    try:
        response = client.request(
            "GET", page_url, headers=dict(session.headers), **options
        )
        if is_ours:
            bound_reply(response)
        found = find_api_url(response.text, str(response.url))
    except (WikistdError, OSError):
        return False  # The first error says more.
    if found is None or found == session.api_url:
        return False
    parts = urlsplit(found)
    session._state.host = "%s://%s" % (parts.scheme, parts.netloc)
    session._state.api_path = parts.path
    return True


def check_client_params(session_params: Mapping[str, Any]) -> None:
    """Refuse what an HttpClient that is there already cannot be given any more."""
    for name in session_params:
        if name not in ("auth", "headers"):
            raise TypeError(
                "Session() got %r beside an HttpClient, which has its own: give it to "
                "HttpClient(), or leave out session" % name
            )


def make_client(
    user_agent: Optional[str], timeout: Any, session_params: Mapping[str, Any]
) -> HttpClient:
    """Return an HttpClient from the arguments that requests' users know."""
    given = {name: value for name, value in session_params.items() if value is not None}
    verify, cert = given.pop("verify", True), given.pop("cert", None)
    given.pop("trust_env", None)
    options = dict(given, timeout=timeout)
    if user_agent is not None:
        options["user_agent"] = user_agent
    if not session_params.get("trust_env", True):
        options.setdefault("proxies", {})
    if verify is False:
        options["ssl_context"] = trusting_context(cert)
    else:
        options["client_cert"] = cert
        if verify is not True:
            options["ca_file"] = os.fspath(verify)
    return HttpClient(**options)


def trusting_context(cert: Any) -> Any:
    """Return a TLS context that believes every certificate (verify=False)."""
    import ssl  # 10 ms, and missing from some Pythons

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    return context
