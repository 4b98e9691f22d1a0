"""Writes whose answer was lost: looked for, and sent again only where that is safe.

In: the errors of one write.  Out: what has become of it, or that it may be sent again,
or the error that tells most.  Spec: RFC 9110 9.2.2 (only what is idempotent may be
repeated unasked).  Holds: what was lost of one write.  Not here: what each kind of
write leaves behind (wiki/edit.py, wiki/logged.py, wiki/transfer.py).
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from ..clock import Clock
from ..errors import APIError, WikistdError
from .reply import SHAPE_ERRORS

#: Answers of one write that may get lost before it is given up.
MAX_LOST_ANSWERS = 4
#: Before the second sending; one more before each further one.
LOST_ANSWER_PAUSE_SECONDS = 1.0


class LostAnswers:
    """What was lost of one write, until its fate is known; one owner.

    `look_up(why)` returns what the write has become, None where it has not landed; it
    raises where that cannot be told.  `why` is "lost", or tells what followed a loss:
    "before", that by its code (one of `done_codes`) somebody was faster, which may have
    been the first one; "refused" for another code; "trouble" for no answer of the API.
    """

    def __init__(
        self,
        clock: Clock,
        look_up: Callable[[str], Any],
        *,
        most: int = MAX_LOST_ANSWERS,
        done_codes: Sequence[str] = (),
    ) -> None:
        self.clock = clock
        self.look_up = look_up
        self.most = most
        self.done_codes = done_codes
        self.error: Optional[WikistdError] = None
        self.count = 0

    def take(self, error: WikistdError) -> Any:
        """Take the error of one sending; return what was found of the write.

        None: it may be sent again.  Raises what it came to where neither is so.
        """
        if error.maybe_applied:
            self.error = error
            self.count += 1
            found = self.find("lost")
            if found is None:
                if self.count >= self.most:
                    raise error
                self.clock.sleep(LOST_ANSWER_PAUSE_SECONDS * self.count)
            return found
        if self.error is None:
            raise error
        why = "trouble"
        if isinstance(error, APIError):
            why = "before" if error.code in self.done_codes else "refused"
        found = self.find(why)
        if found is None:
            error.maybe_applied = why != "before"  # The first one may only be late.
            raise error
        return found

    def find(self, why: str) -> Any:
        """Return what was found of the write, None if nothing; raise if unsure."""
        lost = self.error
        assert lost is not None
        lost.maybe_applied = True
        try:
            return self.look_up(why)
        except WikistdError as error:
            raise lost from error
        except SHAPE_ERRORS as error:
            lost.attempts += ("looked for it: %s" % error,)
            raise lost from error
