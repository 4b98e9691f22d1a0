"""One call of the API: who asks for what, and the reply as it is put together.

In: an ApiRequest.  Out: an ApiReply.  Holds: the state of that one call.
Spec: MediaWiki 1.39's ApiMain.  Not here: the modules (the other actions_*.py).
"""

from __future__ import annotations

import os
import re
from typing import (
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)
from urllib.parse import quote

from .actions import ActionFailure, ApiMessage, ApiReply, ApiRequest, refuse
from .actions_formats import encode_reply, format_errors, format_warnings
from .actions_params import (
    DEPRECATION_HELP,
    ParamReader,
    format_number,
    missing_param,
    require_one,
)
from .exchange import http_date
from .markup import escape_html
from .records import Actor, PageRow
from .store import PageStore
from .titles import InvalidTitle, Title, parse_title, quote_title

#: How long the cookies that only name the user are kept ($wgCookieExpiration).
NAME_COOKIE_SECONDS = 30 * 86400
REMEMBER_COOKIE_SECONDS = 180 * 86400


class ActionModule(NamedTuple):
    """One action: what the main module must know of it, and what runs it.

    What `run` returns is the result under the action's name, unless it is None.
    """

    name: str
    run: Callable[[ActionCall, Dict[str, Any]], Any]
    params: str = ""
    token: str = ""
    must_post: bool = False
    is_write: bool = False


def write_action(
    name: str,
    run: Callable[[ActionCall, Dict[str, Any]], Any],
    params: str = "",
    token: str = "csrf",
) -> ActionModule:
    """Return an action that changes something."""
    return ActionModule(name, run, params, token, must_post=True, is_write=True)


class ActionCall:
    """One call.  One owner, and one store that others use too.

    `result` becomes the reply; `module` is the path of the module that runs.
    """

    def __init__(self, store: PageStore, request: ApiRequest) -> None:
        self.store = store
        self.request = request
        self.now = store.now()
        self.values: Dict[str, str] = dict([*request.query, *request.form])
        self.reader = ParamReader(self.values, self.now)
        self.result: Dict[str, Any] = {}
        self.plain_result: Any = None
        self.redirects: List[Dict[str, Any]] = []
        #: The modules of action=query, for other actions that go through pages.
        self.query_table: Dict[str, Any] = {}
        #: What the main module takes, and what each action does: for descriptions.
        self.main_params = ""
        self.action_table: Dict[str, ActionModule] = {}
        self.headers: List[Tuple[str, str]] = []
        self.module = "main"
        self.version = 1
        self.error_format = "bc"
        self.format = "jsonfm"
        self.is_public = False
        self.cache_seconds = 0
        self.result_bytes = 0
        self._find_requester()

    def _find_requester(self) -> None:
        """Take the call for one of the open session that the client has a cookie of."""
        if (
            "callback" in self.values
            or self.values.get("origin") == "*"
            or self.request.headers.get("treat-as-untrusted")
        ):
            # Another site's page may read the answer: then nobody is logged in.
            self.headers.append(("MediaWiki-Login-Suppressed", "true"))
            return self._become("")
        for suffix in ("_BPsession", "_session"):
            session = self.request.cookies.get(self.cookie_name(suffix), "")
            if session not in ("", "deleted"):
                self._become(session)
                if self.requester.session:
                    return None
                if suffix == "_BPsession":
                    self.drop_cookie(suffix)
        return self._become("")

    def _become(self, session: str) -> None:
        """Take the call for one of that session, "" for nobody's, from here on."""
        address = self.request.remote_address
        self.requester = self.store.accounts.requester(session, address, self.now)
        self.reader.has_high_limits = self.requester.may("apihighlimits")

    def cookie_name(self, suffix: str) -> str:
        """Return the full name of one of the wiki's cookies."""
        return self.store.site.wiki_id + suffix

    # What the client may do

    @property
    def actor(self) -> Actor:
        """Who the call's changes are by."""
        return Actor(self.requester.account, self.requester.name)

    def may(self, right: str) -> bool:
        """Return whether the client has `right`."""
        return self.requester.may(right)

    def require_posted(self, names: Sequence[str]) -> None:
        """Refuse secrets in the address, where logs would keep them."""
        query = {name for name, _ in self.request.query}
        wrong = [name for name in names if name in query]
        if wrong:
            plural = len(wrong) > 1
            raise refuse(
                "mustpostparams",
                "The following parameter%s found in the query string, but must be in "
                "the POST body: %s."
                % ("s were" if plural else " was", ", ".join(wrong)),
            )

    def check_token(self, kind: str, name: str, token: Optional[str]) -> None:
        """Refuse what was sent as `name` unless this session was given that token."""
        if token is None:
            raise missing_param(name)
        self.require_posted([name])
        if not self.store.accounts.is_token(self.requester, kind, token):
            raise refuse("badtoken", "Invalid CSRF token.")

    # Sessions and cookies

    def ensure_session(self) -> None:
        """Start a session where the client has none."""
        if not self.requester.session:
            session = self.store.accounts.open_session(0, "", self.now)
            self._become(session)
            self.set_cookie("_session", session)

    def enter(self, account: int, app: str, *, is_remembered: bool = False) -> None:
        """Log the client in: a new session and its cookies."""
        old = self.requester.session
        session = self.store.accounts.open_session(account, app, self.now)
        self._become(session)
        if app:
            self.set_cookie("_BPsession", session)
            return
        self.store.accounts.close_session(old)
        seconds = REMEMBER_COOKIE_SECONDS if is_remembered else NAME_COOKIE_SECONDS
        self.set_cookie("_session", session)
        self.set_cookie("UserID", str(account), seconds)
        self.set_cookie("UserName", quote(self.requester.name, safe=""), seconds)
        if is_remembered:
            self.set_cookie("Token", os.urandom(16).hex(), seconds)
        elif self.cookie_name("Token") in self.request.cookies:
            self.drop_cookie("Token")

    def leave(self) -> None:
        """Log the client out and take its cookies back."""
        self.store.accounts.close_session(self.requester.session)
        own = ("_session", "UserID", "Token")
        for suffix in ("_BPsession",) if self.requester.app else own:
            self.drop_cookie(suffix)
        self._become("")

    def set_cookie(
        self, suffix: str, value: str, seconds: Optional[int] = None
    ) -> None:
        """Send a cookie, for the session or for some time."""
        life = ""
        if seconds is not None:
            when = http_date(self.now + seconds if seconds else 1)
            life = "; expires=%s; Max-Age=%d" % (when, seconds)
        text = "%s=%s%s; path=/; HttpOnly" % (self.cookie_name(suffix), value, life)
        self.headers.append(("Set-Cookie", text))

    def drop_cookie(self, suffix: str) -> None:
        """Take a cookie back."""
        self.set_cookie(suffix, "deleted", 0)

    # Results

    def warn(self, code: str, text: str) -> None:
        """Add a warning of the module that runs."""
        self.reader.warn(self.module, ApiMessage(code, text))

    def add_bytes(self, count: int) -> bool:
        """Count bytes of the reply; False, and a warning, where they are too many."""
        limit = self.store.site.max_result_bytes
        if self.result_bytes + count > limit:
            text = (
                "This result was truncated because it would otherwise be larger than "
                "the limit of %s bytes." % format_number(limit)
            )
            self.reader.warn("result", ApiMessage("truncatedresult", text))
            return False
        self.result_bytes += count
        return True

    def text_key(self, name: str) -> str:
        """Return the name of a value that formatversion 1 calls "*"."""
        return name if self.version >= 2 else "*"

    def find_page_by_id(self, number: int) -> PageRow:
        """Return the page of that number, or refuse it."""
        page = self.store.find_pages_by_id([number]).get(number)
        if page is None:
            raise refuse("nosuchpageid", "There is no page with ID %d." % number)
        return page

    def find_title(
        self,
        args: Dict[str, Any],
        names: Tuple[str, str] = ("title", "pageid"),
        prefix: str = "",
    ) -> Title:
        """Return the title that one of two parameters names, a title or a number."""
        given = require_one(args, prefix, names)
        if given == names[1]:
            return self.find_page_by_id(args[given]).title
        return self.read_title(args[given])

    def read_title(self, text: str) -> Title:
        """Return the title that a parameter names, without a section, or refuse it."""
        try:
            title = parse_title(text)
            if title.interwiki:
                raise InvalidTitle("a page of another wiki")
        except InvalidTitle as error:
            raise refuse("invalidtitle", 'Bad title "%s".' % text) from error
        return title._replace(fragment="")

    def page_url(self, title: str) -> str:
        """Return the address of the page with that full title."""
        return "%s/wiki/%s" % (self.request.host_url, quote_title(title))

    def reply(self) -> ApiReply:
        """Return the reply of a call that went well."""
        if self.plain_result is not None:
            return self._encode(self.plain_result, 200)
        return self._encode({**self.result, **self._warnings()}, 200)

    def _warnings(self) -> Dict[str, Any]:
        found, form = self.reader.warnings, self.error_format
        return {"warnings": format_warnings(found, form, self.version)} if found else {}

    def reply_refused(self, failure: ActionFailure) -> ApiReply:
        """Return the reply of a call that was refused."""
        text = "See %s/w/api.php for API usage. %s"
        help_text = text % (self.request.host_url, escape_html(DEPRECATION_HELP))
        document = self._warnings()
        for name in ("requestid", "curtimestamp"):
            if name in self.result:
                document[name] = self.result[name]
        document.update(
            format_errors(
                failure.messages,
                self.module if failure.module is None else failure.module,
                self.error_format,
                self.version,
                help_text,
            )
        )
        codes = ", ".join(dict.fromkeys(each.code for each in failure.messages))
        self.headers += [*failure.headers, ("MediaWiki-API-Error", codes)]
        return self._encode(document, failure.status)

    def _encode(self, document: Any, status: int) -> ApiReply:
        is_ascii = "ascii" in self.values or (
            self.version < 2 and "utf8" not in self.values
        )
        kind, name, body = encode_reply(
            document,
            self.format,
            self.version,
            is_ascii=is_ascii,
            callback=re.sub(
                r"[^A-Za-z0-9_.$\[\]]", "", self.values.get("callback", "")
            ),
        )
        headers = [
            ("Content-Type", kind),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Content-Disposition", "inline; filename=" + name),
            *self._cache_headers(),
            *cors_headers(self.values.get("origin"), self.request),
            *self.headers,
            ("X-Request-Id", os.urandom(12).hex()),
        ]
        return ApiReply(status, headers, body)

    def _cache_headers(self) -> List[Tuple[str, str]]:
        ages = []
        for name in ("smaxage", "maxage"):
            value = self.values.get(name, "")
            ages.append(int(value) if re.match(r"[0-9]{1,9}\Z", value) else 0)
        text = "s-maxage=%d, max-age=%d, public"
        if self.cache_seconds:
            ages = [self.cache_seconds] * 2
            text = "max-age=%d, s-maxage=%d, public"
        elif (
            not any(ages)
            or self.request.method == "POST"
            or self.requester.account
            or not self.is_public
        ):
            return [("Cache-Control", "private, must-revalidate, max-age=0")]
        expires = http_date(self.now + min(filter(None, ages)))
        return [("Cache-Control", text % tuple(ages)), ("Expires", expires)]


def cors_headers(
    origin: Optional[str], request: ApiRequest, *, is_preflight: bool = False
) -> List[Tuple[str, str]]:
    """Return what lets a page of another origin read the reply.

    This wiki knows no other origin by name: only anonymous calls (`origin=*`) may.
    """
    if origin is None:
        return []
    if origin != "*":
        return [("MediaWiki-CORS-Rejection", "Origin mismatch")]
    headers = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Credentials", "false"),
    ]
    if not is_preflight:
        names = (
            "MediaWiki-API-Error, Retry-After, X-Database-Lag, "
            "MediaWiki-Login-Suppressed"
        )
        return [*headers, ("Access-Control-Expose-Headers", names)]
    headers.append(("Access-Control-Allow-Methods", "POST, GET"))
    wanted = request.headers.get("access-control-request-headers", "")
    if re.match(r"[A-Za-z0-9, -]+\Z", wanted):
        headers.append(("Access-Control-Allow-Headers", wanted))
    return headers
