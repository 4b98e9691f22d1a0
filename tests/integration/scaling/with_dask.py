"""5,000 pages by dask.distributed: two workers, one of them killed on the way.

Runs where only dask and the one file wikistd.py are: with_dask.py URL PAGES
"""

import os
import signal
import sys

from dask.distributed import Client, LocalCluster

import wikistd


def main(url, pages):
    session = wikistd.Session(url, user_agent="scaling/1 (me@example.org)")
    ranges = ["Page %05d" % first for first in range(0, pages, 250)]
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster, Client(cluster) as client:
        client.upload_file("wikistd.py")
        titles = []
        for page in wikistd.query_pages(
            session, generator="allpages", ranges=ranges, executor=client.get_executor(),
            prop="revisions", rvprop="content", rvslots="main", gapprefix="Page ",
        ):
            assert page["revisions"][0]["slots"]["main"]["content"]
            titles.append(page["title"])
            if len(titles) == pages // 5:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    return titles


if __name__ == "__main__":
    found = main(sys.argv[1], int(sys.argv[2]))
    assert len(found) == len(set(found)) == int(sys.argv[2]), (len(found), len(set(found)))
    print("dask: %d pages, each once" % len(found))
