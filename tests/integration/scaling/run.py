#!/usr/bin/env python3
"""The one file on engines that spread work: dask.distributed and Spark.

    run.py [--pages 5000] [--venv DIR] [dask] [spark]

Installs the engines from the registry into a throw-away environment, builds wikistd.py,
fills an embedded wiki, and has each engine read all pages by title range with two
workers, one of which is killed on the way: every page must come once.  Spark also needs
a Java runtime.  What cannot be had is named.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PACKAGES = {"dask": "dask[distributed]", "spark": "pyspark"}

SERVE = """
import sys, wikistd
with wikistd.serve_wiki() as wiki:
    for number in range(int(sys.argv[1])):
        wiki.store.save_page("Page %05d" % number, "Text %d" % number, user=wiki.user)
    print(wiki.url, flush=True)
    sys.stdin.read()
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engines", nargs="*", default=["dask", "spark"])
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--venv", metavar="DIR", help="an environment to use and to keep")
    given = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        venv = pathlib.Path(given.venv or os.path.join(temporary, "venv"))
        if not venv.exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        python = str(venv / "bin" / "python")
        place = os.path.join(temporary, "place")
        os.mkdir(place)
        subprocess.run(
            [sys.executable, "-m", "wikistd", "bundle", "-o", os.path.join(place, "wikistd.py")],
            cwd=str(ROOT), check=True,
        )
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(given.pages)], cwd=str(ROOT),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        try:
            url = server.stdout.readline().decode().strip()
            for engine in given.engines:
                if engine == "spark" and not shutil.which("java"):
                    print("note: no Java here: nothing was run on Spark")
                    continue
                done = subprocess.run(
                    [python, "-m", "pip", "install", "-q", PACKAGES[engine]],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
                if done.returncode:
                    print("note: %s cannot be had: nothing was run on it" % PACKAGES[engine])
                    continue
                script = "with_%s.py" % engine
                shutil.copy(str(HERE / script), place)
                env = dict(
                    os.environ, no_proxy="127.0.0.1", PYSPARK_PYTHON=python,
                    SPARK_LOCAL_IP="127.0.0.1",
                )
                done = subprocess.run(
                    [python, script, url, str(given.pages)], cwd=place, env=env,
                    stdin=subprocess.DEVNULL, timeout=600,
                )
                if done.returncode:
                    failed.append(engine)
        finally:
            server.stdin.close()
            server.wait()
            server.stdout.close()
    print("note: failed: %s" % (" ".join(failed) or "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
