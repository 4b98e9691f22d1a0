"""wikistd.clock: one budget handed down."""

import threading
import time
import unittest

from tests.support.clocks import FakeClock
from wikistd import Clock, Deadline


class TheDeadline(unittest.TestCase):
    def test_counts_down_to_zero_and_stays_there(self):
        """remaining() is what is left; is_over() says when nothing is."""
        clock = FakeClock()
        deadline = Deadline(5, clock=clock)
        self.assertEqual(deadline.remaining(), 5)
        clock.advance(3)
        self.assertEqual(deadline.remaining(), 2)
        self.assertFalse(deadline.is_over())
        clock.advance(9)
        self.assertEqual(deadline.remaining(), 0.0)
        self.assertTrue(deadline.is_over())

    def test_without_seconds_never_ends(self):
        """Deadline(None) has no limit."""
        deadline = Deadline()
        self.assertIsNone(deadline.remaining())
        self.assertFalse(deadline.is_over())
        self.assertEqual(repr(deadline), "<Deadline none>")

    def test_shorter_never_lengthens(self):
        """A step may take less than the whole, never more."""
        clock = FakeClock()
        deadline = Deadline(5, clock=clock)
        self.assertIs(deadline.shorter(None), deadline)
        self.assertIs(deadline.shorter(9), deadline)
        self.assertEqual(deadline.shorter(2).remaining(), 2)
        self.assertEqual(Deadline(clock=clock).shorter(2).remaining(), 2)
        self.assertEqual(repr(deadline), "<Deadline 5.000 s left>")

    def test_refuses_what_is_no_time(self):
        """A negative or absurd number is the caller's mistake."""
        for wrong in (-1, float("nan")):
            with self.assertRaisesRegex(ValueError, "seconds must be 0 or more"):
                Deadline(wrong)


class TheClock(unittest.TestCase):
    def test_reads_the_system(self):
        """now() is wall time, monotonic() does not go back, sleep(0) returns."""
        clock = Clock()
        self.assertLess(abs(clock.now() - time.time()), 5)
        self.assertLessEqual(clock.monotonic(), clock.monotonic())
        clock.sleep(0)
        clock.sleep(0.001)

    def test_wait_ends_early_when_the_event_is_set(self):
        """A back-off can be woken."""
        event = threading.Event()
        self.assertFalse(Clock().wait(event, 0))
        event.set()
        self.assertTrue(Clock().wait(event, 60))


if __name__ == "__main__":
    unittest.main()
