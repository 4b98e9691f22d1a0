"""wikistd.wiki.retry: what is tried again, and when."""

import unittest

from wikistd.errors import (
    APIError,
    ConnectFailed,
    ConnectionLost,
    LimitExceeded,
    ProtocolError,
    RetryLater,
    StatusError,
    TransportTimeout,
)
from wikistd.wiki.retry import retry_delay


def delay(error, attempt=1, *, is_write=False, left=100.0, jitter=1.0):
    return retry_delay(
        error, attempt, is_write=is_write, seconds_left=left, jitter=jitter
    )


class RefusedBeforeAnythingWasDone(unittest.TestCase):
    def test_waits_as_long_as_asked(self):
        """Not a moment less than asked, writes too."""
        error = RetryLater("maxlag", "lagged", after_seconds=7)
        self.assertEqual(delay(error, jitter=0.0), 7.0)
        self.assertEqual(delay(error, is_write=True), 8.0)
        self.assertEqual(delay(RetryLater("x", after_seconds=-3), jitter=0.0), 0.0)

    def test_backs_off_where_nothing_was_asked(self):
        """Exponential with jitter, at most a minute."""
        error = RetryLater("ratelimited", "slow down")
        self.assertEqual([delay(error, n) for n in (1, 2, 3)], [10.0, 20.0, 40.0])
        self.assertEqual(delay(error, 2, jitter=0.0), 10.0)
        self.assertEqual(delay(error, 99), 60.0)
        self.assertEqual(delay(RetryLater("other")), 5.0)

    def test_budget(self):
        """A wait that does not fit into what is left is not begun."""
        error = RetryLater("maxlag", after_seconds=7)
        self.assertIsNone(delay(error, left=7.5))
        self.assertEqual(delay(error, left=8.0), 8.0)
        self.assertEqual(delay(error, left=None), 8.0)


class LostAnswers(unittest.TestCase):
    def test_reads_are_sent_again(self):
        for error in (
            ConnectionLost("cut", retryable=True),
            TransportTimeout("slow", retryable=True),
            StatusError("bad gateway", status=502),
            StatusError("unavailable", status=503),
        ):
            self.assertEqual([delay(error, n) for n in (1, 4)], [1.0, 8.0])
            self.assertIsNone(delay(error, 5))

    def test_writes_are_not(self):
        """A write whose fate is unknown is never resent here."""
        for error in (
            ConnectionLost("cut", retryable=True),
            TransportTimeout("slow", retryable=True),
            StatusError("bad gateway", status=502),
            ProtocolError("garbage"),
        ):
            self.assertIsNone(delay(error, is_write=True))

    def test_nothing_was_sent(self):
        """What never left may be sent again, writes too, unless it cannot pass."""
        error = ConnectFailed("refused", retryable=True)
        self.assertEqual(delay(error, is_write=True), 1.0)
        self.assertIsNone(delay(error, 3))
        self.assertIsNone(delay(ConnectFailed("no such name", phase="dns")))

    def test_garbage(self):
        self.assertEqual(delay(ProtocolError("garbage"), 4), 8.0)
        self.assertIsNone(delay(ProtocolError("garbage"), 5))
        error = ProtocolError("garbage")
        self.assertIsNone(
            retry_delay(
                error, 2, is_write=False, seconds_left=None, jitter=0.0, lost_attempts=2
            )
        )
        self.assertIsNone(delay(LimitExceeded("too long")))

    def test_answers_are_final(self):
        self.assertIsNone(delay(APIError("missingtitle")))
        self.assertIsNone(delay(StatusError("gone", status=404)))
        self.assertIsNone(delay(ConnectionLost("cut", retryable=False)))
