"""One call of a session: sent as often as it takes and may be done.

Spec: https://www.mediawiki.org/wiki/API:Tokens, API:Assert.  Holds: where the call
stands.  Not here: one exchange (wiki/exchange.py), the decision to wait
(wiki/retry.py).
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ..errors import APIError, ProtocolError, StatusError, WikistdError
from .account import fetch_token, has_oauth, is_lost_session, login_again
from .address import discover_api
from .exchange import (
    file_positions,
    normalise_files,
    rewind_files,
    scrub_values,
    secret_values,
    send_call,
)
from .notices import show_api_warnings
from .params import READ_ACTIONS, TOKEN_TYPES, encode_params
from .reply import wants_token
from .retry import retry_delay
from .state import CallBudget

#: Actions of somebody who is not logged in yet, or not any more.
LOGIN_ACTIONS = frozenset(("login", "clientlogin", "logout", "createaccount"))

#: Said in its place where there never was one.
NEVER_LOGGED_IN = (
    "this session has not logged in: session.login(user, password) comes first"
    " (edit_page(..., anonymous=True) saves under the address of this machine)"
)
#: Said where a login was left behind.
COPIED_WITHOUT_LOGIN = (
    "this copy of a session came without its login: call session.login(user, password)"
    " on it, or copy session.with_options(pickle_cookies=True)"
)

#: Attempts at an address that has not shown to be an API.
FIRST_CALL_ATTEMPTS = 2

#: Characters of one attempt in the log of attempts.
MAX_NOTE_CHARACTERS = 160


def attempt_note(error: WikistdError) -> str:
    """Return what an attempt came to in short: without the start of a body."""
    text = error.sentence()
    for mark in (", beginning:", "; it says:", "; check host"):
        text = text.partition(mark)[0]
    if len(text) > MAX_NOTE_CHARACTERS:
        text = text[:MAX_NOTE_CHARACTERS] + "..."
    return text


class WikiCall:
    """A call with its tokens, renewals and retries; one owner.

    `session` is the Session (or view of one) whose login, tokens and options it uses.
    """

    def __init__(
        self,
        session: Any,
        method: str,
        params: Mapping[str, Any],
        budget: CallBudget,
        *,
        files: Optional[Mapping[str, Any]] = None,
        auth: Any = None,
        asserting: bool = True,
    ) -> None:
        self.session = session
        self.state = session._state
        self.method = method.upper()
        self.params = dict(params)
        self.budget = budget
        self.auth = auth
        action = self.params.get("action", "help")
        self.action = action if isinstance(action, str) else ""
        self.is_read = self.action in READ_ACTIONS
        self.is_write = self.method == "POST" and not self.is_read
        self.asserting = asserting and self.action not in LOGIN_ACTIONS
        self.files = normalise_files(files) if files else None
        self.positions = file_positions(self.files) if self.files else []
        self.token_type: Optional[str] = None
        if self.is_write and self.params.get("token") is None:
            known = self.state.token_types
            self.token_type = TOKEN_TYPES.get(self.action) or known.get(self.action)
        self.renewals = {"token", "login", "address"}

    def run(self) -> Any:
        """Send it until there is a document, and return that."""
        attempt = 0
        while True:
            attempt += 1
            login_count = self.state.login_count
            sent = dict(self.params)
            try:
                self._complete(sent)
                document = self._exchange(sent)
                break
            except WikistdError as error:
                scrub_values(error, secret_values(sent))
                if isinstance(error, APIError) and is_lost_session(error):
                    if self.state.user is None:
                        error.content = NEVER_LOGGED_IN
                    elif self.state.login_count == 0:
                        error.content = COPIED_WITHOUT_LOGIN
                delay = self._delay(error, attempt, sent, login_count)
                note = attempt_note(error)
                if delay:
                    note += ", waited %.1f s" % delay
                self.budget.attempts.append(note)
                if delay is None:
                    error.attempts = tuple(self.budget.attempts)
                    if self.action in LOGIN_ACTIONS:
                        error.maybe_applied = False  # Nothing of the wiki's changed.
                    raise
                self.session.clock.sleep(delay)
                if self.files and self.positions:
                    rewind_files(self.files, self.positions)
        show_api_warnings(self.session, document, is_write=self.is_write, sent=sent)
        return document

    def _complete(self, sent: Dict[str, Any]) -> None:
        """Have the wiki check who we are, and fill in token and format."""
        if self.asserting and not ("assert" in sent or "assertuser" in sent):
            if self.state.user is not None or has_oauth(self.session, self.auth):
                # Not assertuser: a token is bound to its user's session already.
                sent["assert"] = "user"
        if self.token_type is not None:
            sent["token"] = fetch_token(self.session, self.token_type, self.budget)
        if self.session.formatversion is not None:
            sent["formatversion"] = str(self.session.formatversion)
        sent["format"] = "json"

    def _exchange(self, sent: Mapping[str, Any]) -> Any:
        """Send once."""
        session = self.session
        pairs = encode_params(sent)
        if session.etiquette is None:
            document = self._send(pairs)
        else:
            user = self.state.user or ""
            with session.etiquette.slot(
                session.host,
                self.is_write and self.action not in LOGIN_ACTIONS,
                self.budget.deadline,
                user=user,
                action=self.action,
            ):
                document = self._send(pairs)
            session.etiquette.learn(session.host, user, document)
        self.state.api_is_known = self.state.has_answered = True
        self.state.learn(document)
        return document

    def _send(self, pairs: Sequence[Tuple[str, str]]) -> Any:
        return send_call(
            self.session,
            self.method,
            pairs,
            files=self.files,
            auth=self.auth,
            is_read=self.is_read,
        )

    def _delay(
        self,
        error: WikistdError,
        attempt: int,
        sent: Mapping[str, Any],
        login_count: int,
    ) -> Optional[float]:
        """Return the seconds until the next attempt, None to give up."""
        if self.positions is None:
            return None  # The file was read and cannot be rewound.
        if self._renew(error, sent, login_count):
            return 0.0
        import random  # 2 ms

        lost_attempts = self.session.lost_attempts
        if isinstance(error, ProtocolError) and not self.state.has_answered:
            return None  # What never was an API answers in its own way.
        if not self.state.api_is_known:
            lost_attempts = min(lost_attempts, FIRST_CALL_ATTEMPTS)
        return retry_delay(
            error,
            attempt,
            is_write=self.is_write,
            seconds_left=self.budget.deadline.remaining(),
            jitter=random.random(),
            lost_attempts=lost_attempts,
        )

    def _renew(
        self, error: WikistdError, sent: Mapping[str, Any], login_count: int
    ) -> bool:
        """Mend what the wiki refused the call for, each kind once; say if it did."""
        renewals = self.renewals
        if isinstance(error, APIError):
            codes = [str(item.get("code", "")) for item in error.errors]
            kind = self.token_type
            if kind is not None and "badtoken" in codes and "token" in renewals:
                renewals.discard("token")
                self.state.drop_token(kind, sent.get("token"))
                return True
            if "login" in renewals and is_lost_session(error):
                renewals.discard("login")
                return login_again(self.session, login_count, self.budget)
            if (
                kind is None
                and self.method == "POST"  # a token in an address would be in logs
                and "token" in renewals
                and wants_token(error, sent)
            ):
                renewals.discard("token")
                self.state.token_types[self.action] = self.token_type = "csrf"
                return True
        elif not self.state.api_is_known and "address" in renewals:
            if isinstance(error, (StatusError, ProtocolError)):
                renewals.discard("address")
                return discover_api(self.session, error)
        return False
