"""What all views of one session share, and what the parts of one call share.

Holds: login, tokens, the wiki's address; the budget of a call.  Not here: using them
(wiki/session.py).
"""

from __future__ import annotations

import threading
from typing import Dict, List, Optional, Tuple

from ..clock import Clock, Deadline


class SessionState:
    """What all views of one session share: login, tokens, address.  Thread-safe."""

    def __init__(self, host: str, api_path: str) -> None:
        self.lock = threading.RLock()
        self.host = host
        self.api_path = api_path
        self.user: Optional[str] = None
        self.login_count = 0
        self.credentials: Optional[Tuple[str, str, str]] = None
        self.tokens: Dict[str, str] = {}
        self.token_types: Dict[str, str] = {}
        self.api_is_known = False

    def forget(self) -> None:
        """Forget the login and everything that came with it."""
        with self.lock:
            self.user = None
            self.credentials = None
            self.tokens.clear()
            self.login_count += 1


class CallBudget:
    """One call with its nested ones: the time for all of them, and their log."""

    def __init__(self, seconds: Optional[float], clock: Clock) -> None:
        self.deadline = Deadline(seconds, clock=clock)
        self.attempts: List[str] = []
