"""A clock that tests move by hand."""


class FakeClock:
    """Stands in for wikistd.Clock: sleeping moves it, and is written down."""

    def __init__(self, now=1_800_000_000.0):
        self.wall = now
        self.ticks = 1000.0
        self.slept = []

    def now(self):
        return self.wall

    def monotonic(self):
        return self.ticks

    def advance(self, seconds):
        self.wall += seconds
        self.ticks += seconds

    def sleep(self, seconds):
        if seconds > 0:
            self.slept.append(seconds)
            self.advance(seconds)

    def wait(self, event, seconds):
        if not event.is_set():
            self.sleep(seconds)
        return event.is_set()
