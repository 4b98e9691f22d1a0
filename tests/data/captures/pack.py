"""Pack recorded exchanges with a MediaWiki into captures.json.gz, for the replay test.

python3 tests/data/captures/pack.py FOLDER
"""

from __future__ import annotations

import calendar
import gzip
import json
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
#: Headers of requests and answers that are worth keeping.
REQUEST_HEADERS = ("Content-Type", "Cookie", "Origin", "Access-Control-Request-Method",
                   "Treat-as-Untrusted", "If-Modified-Since", "If-None-Match")
ANSWER_HEADERS = ("Content-Type", "Location", "Set-Cookie", "Cache-Control", "Expires",
                  "Content-Disposition", "MediaWiki-API-Error", "Retry-After",
                  "X-Database-Lag", "MediaWiki-Login-Suppressed",
                  "Access-Control-Allow-Origin", "MediaWiki-CORS-Rejection")
NOISE_COOKIES = ("cpPosIndex", "UseDC", "UseCDNCache")


def pack_exchange(exchange):
    """Return one exchange without what the replay does not look at."""
    request, answer = exchange["request"], exchange["response"]
    headers = {name: value for name, value in request["headers"].items()
               if name in REQUEST_HEADERS}
    if "Cookie" in headers:
        kept = [part for part in headers["Cookie"].split("; ")
                if not part.startswith(NOISE_COOKIES)]
        headers["Cookie"] = "; ".join(kept)
    packed = {"method": request["method"], "target": request["target"]}
    for name in ("form", "files", "body"):
        if request.get(name):
            packed[name] = request[name]
    if headers:
        packed["headers"] = headers
    date = dict(answer["headers"])["Date"]
    packed["at"] = calendar.timegm(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT"))
    packed["status"] = answer["status"]
    packed["answer_headers"] = [
        [name, value] for name, value in answer["headers"]
        if name in ANSWER_HEADERS and not value.startswith(NOISE_COOKIES)
    ]
    packed["answer"] = answer["body"]
    return packed


def left_out():
    """Return the names of the cases that are not replayed."""
    text = (HERE.parents[1] / "server" / "replay_unsupported.py").read_text("utf-8")
    return set(re.findall(r'^    "([a-z0-9_]+)":', text, re.M))


def main(folder):
    """Write captures.json.gz from the JSON files of `folder`."""
    cases, skipped = [], left_out()
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        case = json.loads(path.read_text("utf-8"))
        if case["case"] not in skipped:
            exchanges = [pack_exchange(each) for each in case["exchanges"]]
            cases.append({"case": case["case"], "exchanges": exchanges})
    data = json.dumps(cases, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    target = HERE / "captures.json.gz"
    target.write_bytes(gzip.compress(data, 9, mtime=0))
    print("%d cases, %d bytes" % (len(cases), target.stat().st_size))


if __name__ == "__main__":
    main(sys.argv[1])
