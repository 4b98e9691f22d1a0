"""A stream whose every connection is dropped at a random byte, over sockets."""

import unittest

from tests.streams.dropping import FIRST_OFFSET, TOPICS, DroppingServer
from tests.streams.standins import quiet_streams
from wikistd import EventStreams


def setUpModule():
    quiet_streams()


class Dropping(unittest.TestCase):
    def test_every_event_once_and_in_order_per_topic(self):
        """The small sister of the run with a million events and 1,000 drops."""
        count, drops = 600, 25
        server = DroppingServer(count, drops, mean_bytes=14000, restarts=7)
        self.addCleanup(server.close)
        with EventStreams(url=server.url, since=0, retry=1, min_delay_seconds=0.001) as stream:
            stream.set_maximum_items(2 * count)
            seen = {topic: [] for topic in TOPICS}
            for event in stream:
                seen[event["meta"]["topic"]].append(event["meta"]["offset"] - FIRST_OFFSET)
            for topic in TOPICS:
                self.assertEqual(seen[topic], list(range(count)))
            self.assertGreaterEqual(stream.source.reconnects, drops - 2)
            self.assertGreater(stream.duplicates, 0)
            self.assertEqual(stream.gaps, [])
