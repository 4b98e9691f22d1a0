"""`comms.http` of pywikibot: fetch, request, user_agent and their like.

In: URLs and sites.  Out: Responses, or the exception if nobody was to handle it.
Spec: the documentation of pywikibot.comms.http 11.  Holds: nothing (defaults.py does).
Not here: what does the work (web/).  Native code calls HttpClient.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Union

from ..errors import StatusError, WikistdError
from ..formats.headers import get_charset_from_content_type, parse_retry_after
from ..web.client import HttpClient
from ..web.credentials import find_authentication
from ..web.origins import absolute_url, header_names, origin_of, without_userinfo
from ..web.response import Response
from .agents import FAKE_USER_AGENT, is_wikimedia_host
from .defaults import CommsClient, default_client

#: The keyword arguments of `fetch` that are passed on as they are.
FETCH_PASSED = (
    "params", "data", "json", "files", "cookies", "auth", "timeout", "allow_redirects",
    "stream",
)  # fmt: skip

#: The encoding declaration of an XML document, within its first line.
XML_DECLARATION = (
    rb"""<\?xml[^>\r\n]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)

#: What a callback of `fetch` gets: the response, or what was raised instead.
FetchOutcome = Union[Response, BaseException]


def user_agent(site: Any = None, format_string: str = "") -> str:
    """Return the User-Agent of the default client, as a format with names in braces.

    Names are site, username, script, script_comments, pwb, revision, python and
    http_backend; KeyError for any other.  An empty format means the default client's.
    """
    return default_client().user_agent(site, format_string)


def get_authentication(uri: str) -> Any:
    """Return the credentials for a URL, a pair or four strings, or None.

    From the `authenticate` table of the default client: the host first, then "*." and
    shorter and shorter suffixes, then "*".  An entry of another length is warned of.
    """
    return find_authentication(default_client().authenticate, uri)[1]


def error_handling_callback(response: FetchOutcome) -> None:
    """Raise what `fetch` was given instead of a response, and for 414 and from 500 on.

    Other statuses than 200 and 207 are only logged.
    """
    if isinstance(response, BaseException):
        raise response
    status = response.status
    shown = without_userinfo(response.url)
    if status == 414:
        why = "URI is too long: %s; send it as POST" % shown
    elif status == 504:
        why = "Server %s timed out" % origin_of(response.url).host
    elif status >= 500:
        why = "%d Server Error: %s at %s" % (status, response.reason, shown)
    else:
        if status not in (200, 207):
            comms_log("HTTP response status %d of %s", status, shown)
        return
    body = b"" if response.request.stream else response.content[:4096]
    raise StatusError(
        why,
        status=status,
        url=shown,
        headers=list(response.headers.items()),
        body=body,
        response=response,
    )


def fetch(
    uri: str,
    method: str = "GET",
    headers: Optional[Mapping[str, str]] = None,
    default_error_handling: bool = True,
    use_fake_user_agent: Union[bool, str] = False,
    **kwargs: Any,
) -> Any:
    """Send a request with the default client and return the Response.

    `headers` are not changed; the default client's extra headers win over them.  A
    User-Agent that is empty or has braces is a format, see `user_agent`; without one,
    `use_fake_user_agent` decides: False for ours, True for a browser's, or a text.  No
    faked one ever goes to a Wikimedia host.

    Keyword arguments: params, data, json, files, cookies, timeout, allow_redirects and
    stream as HttpClient.request has them; `auth` (None for none; without it, what
    `get_authentication` has); `proxies`, `cert` and `verify` for this call; `charset`,
    the encoding of the text (without it the header's, else latin-1); `callbacks`, which
    get the response, or the exception, one after the other.  Unless
    `default_error_handling` is off, `error_handling_callback` is the first of them; if
    it is off, and no callback raises, an exception is returned.
    """
    return comms_fetch(
        default_client(),
        None,
        uri,
        method,
        headers,
        default_error_handling,
        use_fake_user_agent,
        **kwargs,
    )


def request(
    site: Any,
    uri: Optional[str] = None,
    headers: Optional[Mapping[str, str]] = None,
    **kwargs: Any,
) -> Response:
    """Send a request to a path of a site, with default error handling.

    `site` is a Session or a Site, whose connections, cookies and login are then used,
    or a host ("en.wikipedia.org").  `uri` is the path with its leading "/".  Keyword
    arguments are those of `fetch`, and `protocol` for the URL's scheme.
    """
    protocol = kwargs.pop("protocol", None)
    comms = default_client()
    given = dict(headers or {})
    # The text is one for this site, whatever format was given.
    text = ""
    for name in header_names(given, "user-agent"):
        text = given.pop(name)
    if not text or "{" in text:
        text = comms.user_agent(site if not isinstance(site, str) else None, text)
    given["User-Agent"] = text
    if getattr(site, "_oauth_disabled", False):
        kwargs["auth"] = None
    response: Response = comms_fetch(
        comms,
        client_of_site(site),
        site_url(site, uri or "/", protocol),
        headers=given,
        **kwargs,
    )
    throttle = getattr(site, "throttle", None)
    if throttle is not None and isinstance(response, Response):
        wait = parse_retry_after(
            response.headers.get("Retry-After"), comms.client.clock.now()
        )
        throttle.retry_after = int(wait or 0)
    return response


def client_of_site(site: Any) -> Optional[HttpClient]:
    """Return the client of a Session, or of a Site's Session, None if it has none."""
    own = getattr(site, "session", None)
    if not isinstance(own, HttpClient):
        own = getattr(own, "session", None)
    return own if isinstance(own, HttpClient) else None


def site_url(site: Any, uri: str, protocol: Optional[str]) -> str:
    """Return the URL of a path of a site, as `request` takes both."""
    if not uri.startswith("/"):
        uri = "/" + uri
    base_url = getattr(site, "base_url", None)
    if base_url is not None:
        url: str = base_url(uri, protocol)
        return url
    host = site if isinstance(site, str) else getattr(site, "host", None)
    if not isinstance(host, str) or not host:
        raise TypeError(
            "site is a Session, a Site or a host name, not %s" % type(site).__name__
        )
    scheme, _, rest = absolute_url(host).rpartition("://")
    return "%s://%s%s" % (protocol or scheme, rest.rstrip("/"), uri)


def comms_fetch(
    comms: CommsClient,
    own_client: Optional[HttpClient],
    uri: str,
    method: str = "GET",
    headers: Optional[Mapping[str, str]] = None,
    default_error_handling: bool = True,
    use_fake_user_agent: Union[bool, str] = False,
    *,
    charset: Union[codecs.CodecInfo, str, None] = None,
    callbacks: Iterable[Callable[[Any], Any]] = (),
    proxies: Any = None,
    cert: Any = None,
    verify: Any = None,
    **options: Any,
) -> Any:
    """Do what `fetch` says, with `own_client` if the site brought one."""
    for name in sorted(options):
        if name not in FETCH_PASSED:
            raise TypeError("fetch() got an unexpected keyword argument %r" % name)
    given = merged_headers(headers, comms.extra_headers)
    outcome: FetchOutcome
    try:
        choose_user_agent(comms, given, uri, use_fake_user_agent)
        if "auth" in options:
            options["auth"] = options["auth"] or False
        elif own_client is None:
            options["auth"] = find_authentication(comms.authenticate, uri)[1]
        client = own_client
        if client is None or (proxies, cert, verify) != (None, None, None):
            client = comms.for_call(proxies=proxies, cert=cert, verify=verify)
        outcome = client.request(method, uri, headers=given, **options)
        wanted = charset or accepted_charset(given)
        encoding: Any = decide_encoding(outcome, wanted)
        outcome.encoding = encoding
    except (WikistdError, ValueError) as error:
        outcome = error
    if default_error_handling:
        error_handling_callback(outcome)
    for callback in callbacks or ():
        callback(outcome)
    return outcome


def merged_headers(
    headers: Optional[Mapping[str, str]], extra: Mapping[str, str]
) -> Dict[str, str]:
    """Return the headers of a call: the extra ones win, in whatever case."""
    given = dict(headers or {})
    for name, value in extra.items():
        for other in header_names(given, name.lower()):
            del given[other]
        given[name] = value
    return given


def choose_user_agent(
    comms: CommsClient,
    headers: Dict[str, str],
    uri: str,
    use_fake_user_agent: Union[bool, str],
) -> None:
    """Put the User-Agent of a call into its headers."""
    names = header_names(headers, "user-agent")
    if names:
        for name in names:
            if not headers[name] or "{" in headers[name]:
                headers[name] = comms.user_agent(None, headers[name])
        return
    origin = origin_of(uri)
    for host in (origin.host, str(origin).partition("://")[2]):
        table = comms.fake_user_agent_exceptions
        use_fake_user_agent = table.get(host, use_fake_user_agent)
    if use_fake_user_agent is False or (
        use_fake_user_agent and is_wikimedia_host(origin.host)
    ):
        text = comms.user_agent()
    elif use_fake_user_agent is True:
        text = FAKE_USER_AGENT
    elif use_fake_user_agent and isinstance(use_fake_user_agent, str):
        text = use_fake_user_agent
        comms.honest.faked.add(text)
    else:
        raise ValueError(
            "Invalid parameter: use_fake_user_agent=%s" % (use_fake_user_agent,)
        )
    headers["User-Agent"] = text


def accepted_charset(headers: Mapping[str, str]) -> Optional[str]:
    """Return the first charset of an Accept-Charset header, None if there is none."""
    for name in header_names(headers, "accept-charset"):
        return headers[name].split(",")[0].partition(";")[0].strip() or None
    return None


def decide_encoding(
    response: Response, charset: Union[codecs.CodecInfo, str, None]
) -> Optional[str]:
    """Return the encoding of a response's text, None to guess.

    What the header says comes first if the body can be decoded so, then what the caller
    wants; without either it is latin-1, as the documentation of `fetch` says.
    """
    wanted = charset.name if isinstance(charset, codecs.CodecInfo) else charset
    if response.request.stream:
        return wanted  # the body is not there yet
    said = said_encoding(response)
    if said and wanted and said.lower() == wanted.lower():
        said = None
    if said and wanted:
        comms_log(
            "Encoding %r requested but %r received in the response header of %s",
            wanted,
            said,
            without_userinfo(response.url),
        )
    for encoding in [name for name in (said, wanted) if name] or ["latin-1"]:
        try:
            response.content.decode(encoding)
        except (LookupError, ValueError):
            comms_log("the body could not be decoded as %r", encoding)
        else:
            return encoding
    return None


def said_encoding(response: Response) -> Optional[str]:
    """Return the encoding that a response's type, or XML declaration, names."""
    content_type = response.headers.get("Content-Type") or ""
    charset = get_charset_from_content_type(content_type)
    if charset is not None:
        return charset
    if "json" in content_type:
        return "utf-8"
    if "xml" in content_type:
        match = re.match(XML_DECLARATION, response.content[:100])
        return match.group(1).decode("ascii") if match else "utf-8"
    return None


def comms_log(message: str, *values: Any) -> None:
    """Log a warning: the caller cannot see these things."""
    import logging

    logging.getLogger(__name__.partition(".")[0] + ".web").warning(message, *values)
