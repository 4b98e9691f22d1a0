"""The corpus of server-sent events, read by a real Chromium's EventSource.

    python3 tests/integration/chromium_sse.py [--chromium chromium] [--seconds 120]

Each case's bytes are served to a headless Chromium in pieces; the events that its
EventSource dispatches (type, data, lastEventId) must be those of the corpus, which are
those of EventParser.  Needs Chromium (`apt-get install chromium`).  Exit code 0 if all
are the same.
"""

import argparse
import http.server
import json
import os
import random
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(ROOT, "tests", "data", "sse", "corpus.json")

#: Where Chromium differs from the specification.
KNOWN = {
    "BOM before blank line": "the event after a blank line behind the BOM is lost in Chromium 156",
}

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>corpus</title><script>
const types = %s, count = %d;
function one(number) {
  return new Promise(resolve => {
    const events = [], source = new EventSource("/case/" + number);
    const keep = event => {
      if (event.data !== undefined) events.push([event.type, event.data, event.lastEventId]);
    };
    types.filter(type => type != "error").forEach(type => source.addEventListener(type, keep));
    source.addEventListener("error", event => {
      keep(event);
      if (event.data === undefined) { source.close(); resolve(events); }
    });
  });
}
(async () => {
  const results = [];
  for (let number = 0; number < count; number++) results.push(await one(number));
  await fetch("/results", {method: "POST", body: JSON.stringify(results)});
})();
</script>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cases = []
    results = None
    done = threading.Event()

    def do_GET(self):
        if self.path.startswith("/case/"):
            self.send_case(int(self.path.rpartition("/")[2]))
            return
        types = sorted({event[0] for case in self.cases for event in case["events"]} | {"message", "error"})
        body = (PAGE % (json.dumps(types), len(self.cases))).encode()
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_case(self, number):
        data = self.cases[number]["input"].encode("latin-1")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        dice = random.Random(number)
        place = 0
        while place < len(data):
            size = dice.choice((1, 2, 3, 7, 50, 1000))
            piece = data[place : place + size]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            place += size
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        Handler.results = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        Handler.done.set()

    def log_message(self, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with open(CORPUS, encoding="utf-8") as file:
        Handler.cases = json.load(file)["cases"]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        browser = subprocess.Popen(
            [
                options.chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--user-data-dir=" + folder,
                "http://127.0.0.1:%d/" % server.server_port,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        came = Handler.done.wait(options.seconds)
        browser.terminate()
        browser.wait()
    server.shutdown()
    if not came:
        sys.exit("Chromium sent no results in %g seconds" % options.seconds)
    different = 0
    for case, got in zip(Handler.cases, Handler.results):
        if got != case["events"]:
            if case["name"] in KNOWN:
                print("%s: %s" % (case["name"], KNOWN[case["name"]]))
                continue
            different += 1
            print("%s:\n  Chromium %r\n  corpus   %r" % (case["name"], got, case["events"]))
    print("%d cases, %d different" % (len(Handler.cases), different))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
