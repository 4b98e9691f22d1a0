"""Clock and Deadline: one time budget handed down a call chain.

Holds: nothing but the moment a deadline ends.  Not here: the decision to try again
(wiki/retry.py, streams/reconnect.py).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    import threading


class Clock:
    """The system's clocks and its sleep, in one place so that tests can stand in.

    Immutable and thread-safe.  Replace it with an object of the same four methods.
    """

    def now(self) -> float:
        """Return the wall-clock time in seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Do nothing for `seconds`; returns at once when it is zero or less."""
        if seconds > 0:
            time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set, `seconds` at most; return whether it is set."""
        return event.wait(max(0.0, seconds))


class Deadline:
    """The moment by which something must be done; share one between several calls.

    `Deadline(5)` ends five seconds after it was made; `Deadline(None)` never ends.
    Immutable and thread-safe.
    """

    __slots__ = ("clock", "seconds", "ends_at", "monotonic")

    def __init__(
        self, seconds: Optional[float] = None, *, clock: Optional[Clock] = None
    ) -> None:
        if seconds is not None and not seconds >= 0:
            raise ValueError("seconds must be 0 or more, or None, not %r" % (seconds,))
        self.clock = clock if clock is not None else Clock()
        # Asked at every step: the system's own function, unless somebody stands in.
        is_plain = type(self.clock) is Clock
        self.monotonic = time.monotonic if is_plain else self.clock.monotonic
        self.seconds = seconds
        self.ends_at = None if seconds is None else self.monotonic() + seconds

    def remaining(self) -> Optional[float]:
        """Return the seconds left, 0.0 when none are, None when there is no limit."""
        if self.ends_at is None:
            return None
        return max(0.0, self.ends_at - self.monotonic())

    def is_over(self) -> bool:
        """Return whether the time is used up."""
        return self.ends_at is not None and self.monotonic() >= self.ends_at

    def shorter(self, seconds: Optional[float]) -> Deadline:
        """Return a deadline at most `seconds` from now, and no later than this one."""
        left = self.remaining()
        if seconds is None or (left is not None and left <= seconds):
            return self
        return Deadline(seconds, clock=self.clock)

    def __repr__(self) -> str:
        left = self.remaining()
        return "<Deadline %s>" % ("none" if left is None else "%.3f s left" % left)
