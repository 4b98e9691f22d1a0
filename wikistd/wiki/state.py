"""What all views of one session share, and what the parts of one call share.

Holds: login, tokens, the wiki's address; the budget of a call.  Not here: using them
(wiki/session.py).
"""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Optional, Tuple

from ..clock import Clock, Deadline


class SessionState:
    """What all views of one session share: login, tokens, address.  Thread-safe."""

    def __init__(self, host: str, api_path: str) -> None:
        self.lock = threading.RLock()
        self.host = host
        self.api_path = api_path
        self.user: Optional[str] = None
        self.login_count = 0
        #: User name, password, and method of the login.
        self.credentials: Optional[Tuple[str, str, str]] = None
        self.tokens: Dict[str, str] = {}
        self.token_types: Dict[str, str] = {}
        self.is_closed = False
        self.api_is_known = False
        #: Whether the address has shown to be an API.
        self.has_answered = False
        #: How many titles one request may name: known once the wiki told the rights.
        self.batch_limit: Optional[int] = None

    def forget(self) -> None:
        """Forget the login and everything that came with it."""
        with self.lock:
            self.user = None
            self.credentials = None
            self.tokens.clear()
            self.batch_limit = None
            self.login_count += 1

    def drop_token(self, kind: str, token: object) -> None:
        """Forget a token that the wiki refused, unless there is another already."""
        with self.lock:
            if self.tokens.get(kind) == token:
                self.tokens.pop(kind, None)

    def learn(self, document: Any) -> None:
        """Note what a reply tells of the user's limits in passing."""
        if not (isinstance(document, dict) and "query" in document):
            return
        try:
            is_high = "apihighlimits" in document["query"]["userinfo"]["rights"]
        except (KeyError, TypeError, IndexError):
            return
        self.batch_limit = 500 if is_high else 50


class CallBudget:
    """One call with its nested ones: the time for all of them, and their log."""

    def __init__(self, seconds: Optional[float], clock: Clock) -> None:
        self.deadline = Deadline(seconds, clock=clock)
        self.attempts: List[str] = []
