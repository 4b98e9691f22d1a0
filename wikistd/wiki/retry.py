"""Whether a call is tried again, and after how long: a decision, nothing done.

Spec: RFC 9110 10.2.3 (Retry-After),
https://www.mediawiki.org/wiki/Manual:Maxlag_parameter.  Pure.  Not here: sleeping,
sending (wiki/session.py), the pool's one replay (web/pool.py).

A write is tried again only where the wiki refused it before it did anything
(RetryLater) or where nothing was sent (ConnectFailed).  A read is tried again
whenever the trouble may pass.
"""

from __future__ import annotations

from typing import Optional

from ..errors import (
    ConnectFailed,
    LimitExceeded,
    ProtocolError,
    RetryLater,
    StatusError,
    TransportError,
)

#: Seconds before the second attempt where the far side named none; doubles each time.
FIRST_DELAY_SECONDS = {
    "maxlag": 5.0,  # what MediaWiki itself answers at least
    "readonly": 10.0,
    "ratelimited": 10.0,  # limits are counted per minute
    "http-429": 5.0,
    "http-503": 5.0,
}
FIRST_LOST_DELAY_SECONDS = 1.0
MAX_RETRY_DELAY_SECONDS = 60.0

#: Attempts at a read whose answer was lost; waiting that the wiki asks for is not
#: counted, only bounded by max_wait_seconds.
MAX_LOST_ATTEMPTS = 5
MAX_CONNECT_ATTEMPTS = 3  # a wiki that is not there is reported within 3 seconds

#: HTTP statuses of a read that may pass: gateways and servers in trouble.
RETRY_STATUSES = (500, 502, 503, 504, 408)


def _jittered(first: float, attempt: int, jitter: float) -> float:
    """Return exponential back-off, between half and the whole of its step."""
    step = min(MAX_RETRY_DELAY_SECONDS, first * 2.0 ** min(attempt - 1, 30))
    return step * (0.5 + 0.5 * jitter)


def retry_delay(
    error: BaseException,
    attempt: int,
    *,
    is_write: bool,
    seconds_left: Optional[float],
    jitter: float,
    lost_attempts: int = MAX_LOST_ATTEMPTS,
) -> Optional[float]:
    """Return the seconds to wait before trying again, or None to give up.

    `attempt` counts the attempts made, from 1; `jitter` is a random number from 0 to 1;
    `seconds_left` is what the budget still holds, None without a limit;
    `lost_attempts` bounds how often a read is asked whose answer was lost.
    """
    delay: Optional[float] = None
    if isinstance(error, RetryLater):
        delay = _jittered(
            FIRST_DELAY_SECONDS.get(error.code, 5.0), attempt, jitter
        )
        if error.after_seconds is not None:
            # Asked for: not a moment less, and not all clients at the same moment.
            delay = max(0.0, error.after_seconds) + jitter
    elif is_read_loss(error, is_write=is_write):
        is_away = isinstance(error, ConnectFailed)
        most = MAX_CONNECT_ATTEMPTS if is_away else MAX_LOST_ATTEMPTS
        if attempt < min(lost_attempts, most):
            delay = _jittered(FIRST_LOST_DELAY_SECONDS, attempt, jitter)
    if delay is None or (seconds_left is not None and delay > seconds_left):
        return None
    return delay


def is_read_loss(error: BaseException, *, is_write: bool) -> bool:
    """Return whether `error` lost a request that may be sent again unchanged."""
    if isinstance(error, ConnectFailed):
        return error.retryable
    if is_write or isinstance(error, LimitExceeded):
        return False
    if isinstance(error, TransportError):
        return error.retryable
    if isinstance(error, StatusError):
        return error.status in RETRY_STATUSES
    return isinstance(error, ProtocolError)
