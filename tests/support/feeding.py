"""Feed a parser the same bytes in every way: the result must not depend on the cuts."""

import random


def every_way(data, *, max_two_way=600, random_splits=20, seed=20260101):
    """Yield lists of chunks that join to `data`.

    Whole, byte by byte, every two-way split (each n-th when `data` is longer than
    `max_two_way`), and seeded random splits.
    """
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    step = max(1, len(data) // max_two_way)
    for i in range(1, len(data), step):
        yield [data[:i], data[i:]]
    dice = random.Random(seed)
    for _ in range(random_splits if len(data) > 2 else 0):
        cuts = sorted(dice.sample(range(1, len(data)), dice.randint(1, min(9, len(data) - 1))))
        edges = [0] + cuts + [len(data)]
        yield [data[a:b] for a, b in zip(edges, edges[1:])]


def feed_every_way(test, data, run, **how):
    """Call `run(chunks)` for every way to cut `data`; assert one result and return it.

    `run` returns the outcome as a comparable value (an exception's type and text too).
    """
    first = None
    for number, chunks in enumerate(every_way(data, **how)):
        got = run(chunks)
        if number == 0:
            first = got
        elif got != first:
            shown = chunks if len(chunks) < 9 else "%d chunks" % len(chunks)
            test.fail("fed as %r:\n got %r\nwant %r" % (shown, got, first))
    return first
