#!/usr/bin/env python3
"""HttpClient beside other clients: CPU microseconds a request, and downloads.

    bench_http.py [--rounds 30] [--batch 100] [--megabytes 300] [--downloads 30]
                  [--no-peers] [--python PATH]

A kept-alive connection to nginx over loopback, a JSON answer of 2 KB that is parsed.  The
second table adds 29 headers like Wikimedia's, four of them Set-Cookie, and 20 cookies in
the store; the third 1,000 other domains.  Then downloads in reads of 64 KB with length and
in chunks, over a connection that each client has opened before; client and server share
one processor there.  On two, it is chance which of them is ahead and how much waits in the
buffers between: a read then costs up to twice the CPU time, of both clients.

In each round every candidate does a batch, each round begins with another one, and each
collects its own garbage.  What counts is the CPU time of the thread.  The table has
medians of it; a ratio is the median of the ratios within each round: candidates of one
round find the machine in one state, so that a slow minute does not decide.

Peers (urllib3, requests, httpx, pycurl) are installed into a throw-away environment;
--python names one that has them.  nginx must be installed.  What an import costs is in
bench_import.py.  Exit code 1 where a bound is missed.
"""

import argparse
import functools
import gc
import http.client
import http.cookiejar
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("urllib3", "requests", "httpx", "pycurl")
BOUNDS = {  # table, peer: (bound, aim)
    ("plain", "http.client"): (0.85, 0.75),
    ("plain", "urllib3"): (0.52, 0.45),
    ("plain", "requests"): (0.25, 0.22),
    ("plain", "pycurl"): (1.35, 1.15),
    ("headers", "http.client + CookieJar"): (0.45, 0.37),
    ("headers", "requests"): (0.17, 0.13),
}
AGENT = "WikistdBench/1.0 (https://example.org/bench)"
CONFIG = """
daemon off; master_process off; pid %(dir)s/nginx.pid; error_log %(dir)s/error.log;
events { worker_connections 64; }
http {
    access_log off; types { application/json json; } keepalive_requests 10000000;
    client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p;
    fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
    server {
        listen 127.0.0.1:%(port)d; root %(dir)s;
        location = /plain.json { }
        location = /headers.json { %(headers)s }
    }
}
"""
COOKIES = ["WMF-Last-Access=20-Nov-2026;Path=/;HttpOnly", "GeoIP=DE:BE:Berlin:52.5:13.4:v4; Path=/",
           "NetworkProbeLimit=0.001;Path=/;SameSite=Lax;Max-Age=3600", "session=abcdef0123456789; Path=/; HttpOnly"]


def free_port():
    """Return a port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Nginx:
    """nginx on loopback with the documents of the benchmark."""

    def __init__(self, folder):
        self.port = free_port()
        document = {"query": {"pages": [{"pageid": n, "title": "Page %d" % n} for n in range(60)]}}
        for name in ("plain", "headers"):
            (folder / (name + ".json")).write_text(json.dumps(document))
        extra = ["add_header X-Header-%d 'a value of header %d';" % (n, n) for n in range(16)]
        extra += ["add_header Set-Cookie '%s';" % cookie for cookie in COOKIES]
        config = folder / "nginx.conf"
        config.write_text(CONFIG % {"dir": folder, "port": self.port, "headers": " ".join(extra)})
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if program is None:
            sys.exit("nginx is not installed")
        self.process = subprocess.Popen([program, "-c", str(config), "-p", str(folder)])
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("nginx did not start: see %s" % (folder / "error.log"))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def jar_request(url):
    return urllib.request.Request(url)


def fill(jar, domains=0):
    """Put 20 cookies for 127.0.0.1 into a cookie jar, and some for other domains."""
    def cookie(domain, name):
        return http.cookiejar.Cookie(
            0, name, "value-of-" + name, None, False, domain, False, False, "/", True, False,
            None, True, None, None, {})
    for number in range(20):
        jar.set_cookie(cookie("127.0.0.1", "cookie%d" % number))
    for number in range(domains):
        jar.set_cookie(cookie("host%d.example.org" % number, "other"))
    return jar


class JarAnswer:
    """What extract_cookies wants of an answer."""

    def __init__(self, headers):
        self.headers = headers

    def info(self):
        return self.headers


def candidates(port, table, domains=0):
    """Return {name: callable that does one request and parses it}."""
    from wikistd import CookieStore, HttpClient

    path = "/%s.json" % ("plain" if table == "plain" else "headers")
    url = "http://127.0.0.1:%d%s" % (port, path)
    with_cookies = table != "plain"
    found = {}

    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw_request = ("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: %s\r\nAccept: */*\r\n\r\n" % (path, AGENT)).encode()

    def raw():
        sock.sendall(raw_request)
        data = sock.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head[head.index(b"Content-Length:") + 15:].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += sock.recv(65536)
        return json.loads(body)

    found["raw socket"] = raw

    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
    jar = fill(http.cookiejar.CookieJar(), domains)

    def bare():
        connection.request("GET", path, headers=headers)
        return json.loads(connection.getresponse().read())

    def with_jar():
        request = jar_request(url)
        jar.add_cookie_header(request)
        connection.request("GET", path, headers=dict(headers, Cookie=request.get_header("Cookie")))
        answer = connection.getresponse()
        jar.extract_cookies(JarAnswer(answer.headers), request)
        return json.loads(answer.read())

    found["http.client + CookieJar" if with_cookies else "http.client"] = with_jar if with_cookies else bare

    store = fill(CookieStore(), domains) if with_cookies else None
    client = HttpClient(user_agent=AGENT, cookies=store)
    found["wikistd"] = lambda: client.get(url).json()

    for name in PEERS:
        try:
            __import__(name)
        except ImportError:
            continue
        maker = globals()["make_" + name]
        found[name] = maker(url, with_cookies, domains)
    return found


def make_urllib3(url, with_cookies, domains):
    import urllib3

    pool = urllib3.PoolManager()
    headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip, deflate"}
    if with_cookies:  # it has no jar: a fixed header
        headers["Cookie"] = "; ".join("cookie%d=value-of-cookie%d" % (n, n) for n in range(20))
    return lambda: json.loads(pool.request("GET", url, headers=headers).data)


def make_requests(url, with_cookies, domains):
    import requests

    session = requests.Session()
    session.headers["User-Agent"] = AGENT
    if with_cookies:
        fill(session.cookies, domains)
    return lambda: session.get(url).json()


def make_httpx(url, with_cookies, domains):
    import httpx

    client = httpx.Client(headers={"User-Agent": AGENT}, timeout=60)
    if with_cookies:
        fill(client.cookies.jar, domains)
    return lambda: client.get(url).json()


def make_pycurl(url, with_cookies, domains):
    import io

    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.USERAGENT, AGENT)
    curl.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
    curl.setopt(pycurl.TIMEOUT, 60)
    if with_cookies:
        curl.setopt(pycurl.COOKIEFILE, "")
        for number in range(20):
            curl.setopt(pycurl.COOKIELIST, "Set-Cookie: cookie%d=value-of-cookie%d; domain=127.0.0.1; path=/" % (number, number))

    def get():
        # As every other candidate: any URL, with the status and the headers to look at.
        body = io.BytesIO()
        lines = []
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.WRITEDATA, body)
        curl.setopt(pycurl.HEADERFUNCTION, lines.append)
        curl.perform()
        if curl.getinfo(pycurl.RESPONSE_CODE) != 200:
            raise AssertionError(lines[0])
        return json.loads(body.getvalue())

    return get


def interleave(functions, rounds, batch):
    """Return {name: CPU microseconds a call in each round}, all candidates in each."""
    times = {name: [] for name in functions}
    for function in functions.values():
        for _ in range(batch):
            function()
    gc.collect()
    gc.freeze()  # the modules of all: nobody's garbage
    names = list(functions)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            function = functions[name]
            gc.collect()  # of who was before
            start = time.thread_time()
            for _ in range(batch):
                function()
            times[name].append((time.thread_time() - start) / batch * 1e6)
    gc.unfreeze()
    return times


def paired_ratio(times, others):
    """Return the median of what one takes, divided by what the other takes in a round."""
    return statistics.median(one / other for one, other in zip(times, others))


# -- downloads


def serve_download(port_file, megabytes):
    """Send `megabytes` to whoever asks: /length or /chunked (in chunks of 64 KB)."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    pathlib.Path(port_file).write_text(str(listener.getsockname()[1]))
    block = os.urandom(65536)
    pieces = {"length": block * 16, "chunked": (b"10000\r\n" + block + b"\r\n") * 16}

    def answer(sock):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return
                data += more
            line, data = data.split(b"\r\n", 1)[0], data.partition(b"\r\n\r\n")[2]
            _, kind, size = line.split()[1].decode().split("/")
            count = int(size) * 16
            if kind == "length":
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * 65536))
            else:
                sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(count // 16):
                sock.sendall(pieces[kind])
            if kind != "length":
                sock.sendall(b"0\r\n\r\n")

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=answer, args=(sock,), daemon=True).start()


def downloader(name, port):
    """Return what downloads (kind, megabytes) with one client, and returns the bytes."""
    from wikistd import Deadline, HttpClient

    client = HttpClient(user_agent=AGENT, max_body_bytes=2**40)
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def download(kind, megabytes):
        path = "/%s/%d" % (kind, megabytes)
        if name == "wikistd":
            answer = client.get("http://127.0.0.1:%d%s" % (port, path), stream=True, timeout=Deadline(600))
        else:
            connection.request("GET", path)
            answer = connection.getresponse()
        total = 0
        while True:
            data = answer.read(65536)
            if not data:
                break
            total += len(data)
        if total != megabytes << 20:
            raise AssertionError("%s got %d bytes" % (name, total))

    return download


def run_self(*arguments):
    """Run this script for one measurement in a process of its own; return its JSON."""
    output = subprocess.run([sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    return json.loads(output.stdout)


def bench_downloads(folder, megabytes, rounds):
    port_file = folder / "port"
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    server = subprocess.Popen([sys.executable, __file__, "--serve", str(port_file), "--megabytes", str(megabytes)])
    try:
        while not port_file.exists() or not port_file.read_text():
            time.sleep(0.02)
        port = int(port_file.read_text())
        table = {}
        downloads = {name: downloader(name, port) for name in ("wikistd", "http.client")}
        for kind in ("length", "chunked"):
            times = interleave(
                {name: functools.partial(function, kind, megabytes) for name, function in downloads.items()}, rounds, 1)
            small = run_self("--download", "wikistd", port, kind, max(1, megabytes // 10))["rss_kb"]
            large = run_self("--download", "wikistd", port, kind, megabytes)["rss_kb"]
            table[kind] = {
                "speed": megabytes / statistics.median(times["wikistd"]) * 1e6,
                "ratio": paired_ratio(times["http.client"], times["wikistd"]),
                "memory": (large - small) / 1024,
            }
        return table
    finally:
        server.terminate()
        server.wait()


# -- the run


def peers_python():
    """Return a Python of a new environment that has the peers."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wikistd-bench-"))
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    for peer in PEERS:
        done = subprocess.run([python, "-m", "pip", "install", "-q", peer], stderr=subprocess.PIPE)
        if done.returncode:
            print("not installed: %s" % peer, file=sys.stderr)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--downloads", type=int, default=30, help="rounds of downloads")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--python")
    parser.add_argument("--serve")
    parser.add_argument("--download", nargs=4)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if args.serve:
        return serve_download(args.serve, args.megabytes)
    if args.download:
        name, port, kind, size = args.download
        downloader(name, int(port))(kind, int(size))
        print(json.dumps({"rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
        return 0
    if not args.no_peers and not os.environ.get("WIKISTD_BENCH_INNER"):
        python = args.python or peers_python()
        environ = dict(os.environ, WIKISTD_BENCH_INNER="1")
        return subprocess.run([python, __file__, *sys.argv[1:]], env=environ).returncode
    return report(args)


def report(args):
    missed = []
    print("CPython %s, CPU microseconds a request, medians of %d rounds of %d" % (sys.version.split()[0], args.rounds, args.batch))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        nginx = Nginx(folder)
        try:
            tables = {}
            for table in ("plain", "headers"):
                tables[table] = interleave(candidates(nginx.port, table), args.rounds, args.batch)
            many = interleave(
                {domains: candidates(nginx.port, "headers", domains)["wikistd"] for domains in (0, 1000)},
                args.rounds, args.batch)
        finally:
            nginx.stop()
        for table, times in tables.items():
            print("\n%-26s %9s %7s" % (table, "us", "ratio"))
            medians = {name: statistics.median(found) for name, found in times.items()}
            for peer, median in sorted(medians.items(), key=lambda item: item[1]):
                ratio = paired_ratio(times["wikistd"], times[peer])
                bound, aim = BOUNDS.get((table, peer), (None, None))
                note = "" if bound is None else "at most %.2f, aim %.2f%s" % (bound, aim, "" if ratio <= bound else "  MISSED")
                print("%-26s %9.1f %7.2f  %s" % (peer, median, ratio, note))
                if bound is not None and ratio > bound:
                    missed.append("%s against %s" % (table, peer))
        extra = statistics.median(more - less for more, less in zip(many[1000], many[0]))
        print("\n1,000 other domains in the store: %+.1f us (at most 10)" % extra)
        if extra > 10:
            missed.append("other domains")
        for kind, row in bench_downloads(folder, args.megabytes, args.downloads).items():
            ratio = row["ratio"]
            print("%d MB, %s: %.0f MB a CPU second, %.2f of http.client (at least 0.95), %+.1f MB for ten times the size (at most 4)"
                  % (args.megabytes, kind, row["speed"], ratio, row["memory"]))
            if ratio < 0.95 or row["memory"] > 4:
                missed.append("download, " + kind)
    print("missed: " + ", ".join(missed) if missed else "all bounds held")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
