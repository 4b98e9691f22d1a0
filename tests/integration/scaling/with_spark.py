"""5,000 pages by Spark: two workers, one of them killed on the way.

Runs where only pyspark and the one file wikistd.py are: with_spark.py URL PAGES
"""

import os
import signal
import sys

from pyspark import SparkContext


def read_range(url, first, after, killed):
    """Return the titles of the pages from `first` up to, not including, `after`."""
    import wikistd

    if first.endswith("01000") and not os.path.exists(killed):
        open(killed, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    session = wikistd.Session(url, user_agent="scaling/1 (me@example.org)")
    with session:
        return [
            page["title"]
            for page in wikistd.query_pages(
                session, generator="allpages", gapfrom=first, gapto=after,
                prop="revisions", rvprop="content", rvslots="main",
            )
            if first <= page["title"] < after
        ]


def main(url, pages):
    killed = os.path.join(os.getcwd(), "killed")
    starts = ["Page %05d" % first for first in range(0, pages, 250)] + ["Page 99999"]
    # local[2, 4]: two workers, four tries for a task
    context = SparkContext("local[2, 4]", "scaling")
    try:
        context.addPyFile("wikistd.py")
        jobs = context.parallelize(list(zip(starts, starts[1:])), len(starts) - 1)
        titles = jobs.flatMap(lambda pair: read_range(url, pair[0], pair[1], killed)).collect()
    finally:
        context.stop()
    assert os.path.exists(killed), "no worker was killed"
    return titles


if __name__ == "__main__":
    found = main(sys.argv[1], int(sys.argv[2]))
    assert len(found) == len(set(found)) == int(sys.argv[2]), (len(found), len(set(found)))
    print("spark: %d pages, each once" % len(found))
