"""Send recorded requests to the embedded wiki and compare its answers with MediaWiki's.

What must be equal: the status, the headers that packing kept, and the whole document:
each key, each value, the order of lists.  What cannot be equal is not blanked but
paired: each recorded value stands for one of ours, the same one in the whole case.

- Ids of pages, revisions, changes, log entries and blocks that are newer than the
  wiki the case began with; tokens, session cookies, keys of stashed files, and SHA-1
  and address of files whose bytes are not in the recording.  What a pair stands for is
  put into later requests.
- A time less than ten seconds from the exchange is NOW; any older one must be equal.
- Of redirects, and of errors of the web server, the status and Location count.
- X-Request-Id, versions of PHP and SQLite: any text.
- MediaWiki keeps the ObjectName of a file by its SHA-1: one that names the stash
  lingers there after the file is published, and may be the file's name here.
- HTML for people (`html` of imageinfo, the text of action=parse) is there, no more.
- Keys that extensions of that MediaWiki add (EXTENSION_KEYS) may be missing here.

Docstrings of the fixtures (replay_fixture.py) tell what the wiki holds.
"""

from __future__ import annotations

import calendar
import gzip
import hashlib
import io
import json
import pathlib
import re
import struct
import time
import zlib
from urllib.parse import quote, unquote, urlencode, urlsplit

from wikistd.server.app import WikiApp

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures/captures.json.gz"
HOST = "127.0.0.1:8810"
#: Larger ids than these were given out after the wiki of the recordings was filled.
OLD_IDS = {"page": 5327, "revision": 7821, "change": 7838, "log": 20, "block": 0}
ID_KEYS = {
    "pageid": "page", "logpage": "page",
    "revid": "revision", "parentid": "revision", "lastrevid": "revision",
    "old_revid": "revision", "oldrevid": "revision", "newrevid": "revision",
    "last_revid": "revision",
    "rcid": "change", "logid": "log", "blockid": "block",
}
#: "id" stands for these under these keys.
PLAIN_IDS = {"block": "block", "unblock": "block", "blocks": "block",
             "revisiondelete": "revision"}
PAIRED_KEYS = ("filekey", "sessionkey", "sha1")
NEAR_SECONDS = 10
ANYTHING = {"phpversion", "dbversion", "html"}
EXTENSION_KEYS = {"citeresponsivereferences"}
EXTENSION_OPTIONS = re.compile(r"searchNs23\d\d|variant-\w+\Z")
TOKEN = re.compile(r"[0-9a-f]{32}6b00[0-9a-f]{4}\+\\\Z")
TOKEN_KINDS = {"rollback": "rollback", "patrol": "patrol", "userrights": "userrights",
               "watch": "watch", "login": "login", "clientlogin": "login",
               "createaccount": "createaccount"}
#: The names that an upload in the stash has are made up on either side.
STASH_NAMES = re.compile(
    r"NOW!(?:chunkedupload [0-9a-f]+|php\w+|[0-9a-f]{12}\.[0-9a-f]{6}\.\d+)")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def read_captures():
    """Return the packed cases by name."""
    cases = json.loads(gzip.decompress(CAPTURES.read_bytes()).decode("utf-8"))
    return {case["case"]: case["exchanges"] for case in cases}


def token_kinds(cases):
    """Return what each recorded token was for, by the actions that used it."""
    uses = {}
    for exchanges in cases.values():
        for exchange in exchanges:
            form = exchange.get("form", {})
            for name, value in form.items():
                if name.endswith("token") and TOKEN.match(str(value)):
                    uses.setdefault(value, set()).add(form.get("action"))
    kinds = {}
    for token, actions in uses.items():
        if len(actions) == 1:
            kinds[token] = TOKEN_KINDS.get(next(iter(actions)), "csrf")
        else:
            kinds[token] = "login" if actions <= {"login", "clientlogin"} else "csrf"
    return kinds


def near_page(match):
    """Return the number of a page, or NEW for one that is newer than the wiki."""
    return match.group() if int(match.group(1)) <= OLD_IDS["page"] else "curid=NEW"


class Difference(AssertionError):
    """An answer of the embedded wiki that is not MediaWiki's."""


class Replayer:
    """Replays one case on one store."""

    def __init__(self, store, kinds, sessions):
        self.store = store
        self.app = WikiApp(store, gzip_level=0)
        self.kinds = kinds
        self.sessions = sessions
        self.pairs = {}
        self.back = {}
        self.cookies = {}
        self.files = {}

    # Requests

    def session_for(self, name, value, cookies):
        """Return our session that a recorded cookie stands for."""
        known = self.cookies.get(value)
        if known is not None:
            return known
        user, app = "", ""
        if name.endswith("_BPsession"):
            user, app = self.sessions.get(value, ("BotUser", "rig"))
        elif "rigwikiUserName" in cookies and "rigwiki_BPsession" not in cookies:
            user = unquote(cookies["rigwikiUserName"])
        account = self.store.accounts.find(user) if user else 0
        session = self.store.accounts.open_session(account, app, self.store.now())
        self.cookies[value] = session
        return session

    def cookie_header(self, text):
        """Return a recorded Cookie header with our sessions in it."""
        cookies = dict(part.split("=", 1) for part in text.split("; "))
        shown = []
        for name, value in cookies.items():
            if name.endswith("session"):
                value = self.session_for(name, value, cookies)
            shown.append("%s=%s" % (name, value))
        return "; ".join(shown)

    def own_value(self, name, value, cookie):
        """Return what to send for a recorded value of a form."""
        value = str(value)
        if value == "x repeated 2048*1024+1 times":
            return "x" * (2048 * 1024 + 1)
        if TOKEN.match(value) and name.endswith("token"):
            return self.token(value, cookie)
        return str(self.pairs.get(("text", value), value))

    def token(self, value, cookie):
        """Return our token for a recorded one."""
        if ("text", value) in self.pairs:
            return self.pairs["text", value]
        session = ""
        for part in cookie.split("; "):
            name, _, text = part.partition("=")
            if name == "rigwiki_BPsession" or (name == "rigwiki_session" and not session):
                session = text
        accounts, now = self.store.accounts, self.store.now()
        requester = accounts.requester(session, "127.0.0.1", now)
        return accounts.token(requester, self.kinds.get(value, "csrf"), now)

    def environ(self, exchange):
        """Return the WSGI environ of a recorded request."""
        headers = exchange.get("headers", {})
        cookie = self.cookie_header(headers["Cookie"]) if "Cookie" in headers else ""
        target = exchange["target"]
        for (kind, recorded), own in self.pairs.items():
            if kind == "text" and isinstance(recorded, str) and len(recorded) > 16:
                target = target.replace(quote(recorded, safe=""), quote(own, safe=""))
            elif kind == "revision" and "revids=%s&" % recorded in target:
                target = target.replace("revids=%s&" % recorded, "revids=%s&" % own)
        parts = urlsplit(target)
        body, content_type = self.body(exchange, headers, cookie)
        environ = {
            "REQUEST_METHOD": exchange["method"],
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(parts.path, "latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8810",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": HOST,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if content_type:
            environ["CONTENT_TYPE"] = content_type
        if cookie:
            environ["HTTP_COOKIE"] = cookie
        for name, value in headers.items():
            if name not in ("Cookie", "Content-Type"):
                environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ

    def body(self, exchange, headers, cookie):
        """Return the bytes of a request's body and their type."""
        content_type = headers.get("Content-Type", "")
        if "body" in exchange:
            return exchange["body"].encode("utf-8"), content_type
        form = {
            name: self.own_value(name, value, cookie)
            for name, value in exchange.get("form", {}).items()
        }
        if "files" not in exchange:
            return urlencode(form).encode("ascii") if form else b"", content_type
        boundary = b"--" + content_type.partition("boundary=")[2].encode("ascii")
        parts = []
        for name, value in form.items():
            head = 'Content-Disposition: form-data; name="%s"' % name
            parts.append((head, value.encode("utf-8")))
        for name, facts in exchange["files"].items():
            data = self.files[facts["sha1"], facts["bytes"]]
            head = 'Content-Disposition: form-data; name="%s"; filename="%s"\r\n' % (
                name, facts["filename"])
            parts.append((head + "Content-Type: application/octet-stream", data))
        lines = b"".join(
            boundary + b"\r\n" + head.encode("utf-8") + b"\r\n\r\n" + data + b"\r\n"
            for head, data in parts
        )
        return lines + boundary + b"--\r\n", content_type

    def send(self, exchange):
        """Return status, headers and body of our answer."""
        started = []

        def start_response(status, headers, exc_info=None):
            started.append((int(status[:3]), headers))
            return None

        result = self.app(self.environ(exchange), start_response)
        try:
            body = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        return started[0][0], started[0][1], body

    # Comparing

    def run(self, exchange):
        """Send one request; Difference where our answer is not the recorded one."""
        self.at = exchange["at"]
        status, headers, body = self.send(exchange)
        if status != exchange["status"]:
            raise Difference("status %d, not %d" % (status, exchange["status"]))
        wanted = [each for each in exchange["answer_headers"]
                  if status < 300 or each[0] == "Location"
                  or exchange["target"].startswith("/w/api.php?")]
        self.compare_headers(wanted, headers)
        recorded = exchange["answer"]
        if exchange["method"] == "HEAD" or not recorded:
            return
        if recorded[:1] in "{[":
            own = body.decode("utf-8")
            self.compare_escapes(recorded, own)
            self.compare(json.loads(recorded), json.loads(own), "")
        elif recorded.startswith(("/**/", "<?xml", "a:")):
            self.check(recorded, body.decode("utf-8"), "body")

    def compare_escapes(self, recorded, own):
        """Compare how letters past ASCII are written: as they are, or escaped."""
        if "\\u" in own and "\\u" not in recorded:
            raise Difference("letters are escaped: %s" % own[:200])
        if recorded.isascii() and not own.isascii():
            raise Difference("letters are not escaped: %s" % own[:200])

    def compare_headers(self, recorded, headers):
        """Compare the headers that were kept, and pair session cookies."""
        ours = {}
        for name, value in headers:
            ours.setdefault(name.lower(), []).append(value)
        wanted = {}
        for name, value in recorded:
            wanted.setdefault(name.lower(), []).append(value)
        for name in ("set-cookie",):
            self.pair_cookies(wanted.pop(name, []), ours.pop(name, []))
        for name, values in wanted.items():
            for value in values:
                if name == "expires" and value.endswith("1970 00:00:00 GMT"):
                    continue  # not to be kept, as Cache-Control says too
                if name == "expires" and name in ours:
                    moment = calendar.timegm(
                        time.strptime(value, "%a, %d %b %Y %H:%M:%S GMT"))
                    own = calendar.timegm(time.strptime(
                        ours[name][0], "%a, %d %b %Y %H:%M:%S GMT"))
                    if abs(moment - own) > NEAR_SECONDS:
                        raise Difference("Expires: %r, not %r" % (ours[name], value))
                elif value not in ours.get(name, []):
                    raise Difference("%s: %r, not %r" % (name, ours.get(name), value))
        for name in ("mediawiki-api-error", "retry-after", "x-database-lag", "location"):
            if name in ours and name not in wanted:
                raise Difference("%s: %r, not there" % (name, ours[name]))

    def pair_cookies(self, recorded, own):
        """Compare the names of cookies, how long they live, and pair sessions."""
        def read(lines):
            found = {}
            for line in lines:
                name, _, rest = line.partition("=")
                value, _, attributes = rest.partition(";")
                age = re.search(r"Max-Age=(\d+)", attributes)
                found[name] = (value, age.group(1) if age else None)
            return found

        wanted, ours = read(recorded), read(own)
        if set(wanted) != set(ours):
            raise Difference("cookies %s, not %s" % (sorted(ours), sorted(wanted)))
        for name, (value, age) in wanted.items():
            if ours[name][1] != age:
                raise Difference("cookie %s for %s, not %s" % (name, ours[name][1], age))
            if (value == "deleted") != (ours[name][0] == "deleted"):
                raise Difference("cookie %s is %s" % (name, ours[name][0]))
            if name.endswith("session") and value != "deleted":
                self.cookies[value] = ours[name][0]
            elif name.endswith(("UserID", "UserName")) and value != ours[name][0]:
                raise Difference("cookie %s=%s, not %s" % (name, ours[name][0], value))

    def compare(self, recorded, own, path):
        """Compare two values of a document."""
        key = path.rpartition("/")[2]
        if key in ANYTHING or (key == "text" and path.startswith("/parse")):
            return
        if type(recorded) is not type(own):
            raise Difference("%s: %r, not %r" % (path, own, recorded))
        if isinstance(recorded, dict):
            self.compare_dicts(recorded, own, path)
        elif isinstance(recorded, list):
            if len(recorded) != len(own):
                raise Difference("%s: %d values, not %d: %.300r, not %.300r" % (
                    path, len(own), len(recorded), own, recorded))
            for position, (left, right) in enumerate(zip(recorded, own)):
                self.compare(left, right, "%s/%d" % (path, position))
        else:
            self.check(recorded, own, path)

    def compare_dicts(self, recorded, own, path):
        """Compare two objects, by key; keys of pages may be paired ids."""
        names = {}
        for name in recorded:
            if path.endswith("/pages"):
                number = self.pairs.get(("page", int(name)))
                names[name] = name if number is None else str(number)
            else:
                names[name] = name
        missing = [name for name in recorded if names[name] not in own]
        missing = [name for name in missing if name not in EXTENSION_KEYS
                   and not EXTENSION_OPTIONS.match(name)]
        more = [name for name in own if name not in names.values()]
        if missing or more:
            raise Difference("%s: missing %s, too much %s" % (
                path or "/", {name: str(recorded[name])[:200] for name in missing},
                {name: str(own[name])[:200] for name in more}))
        for name, value in recorded.items():
            if names[name] in own:
                self.compare(value, own[names[name]], "%s/%s" % (path, name))

    def kind_of(self, key, path):
        """Return what an id is the id of, or None for what is no id."""
        if key == "id":
            for name, kind in PLAIN_IDS.items():
                if "/%s" % name in path:
                    return kind
        return ID_KEYS.get(key)

    def check(self, recorded, own, path):
        """Compare two plain values, or pair them."""
        if recorded == own:
            return
        key = path.rpartition("/")[2]
        if key.isdigit():
            key = path.rpartition("/")[0].rpartition("/")[2]
        kind = self.kind_of(key, path)
        if kind is not None and isinstance(recorded, int):
            if recorded > OLD_IDS[kind]:
                self.pair(kind, recorded, own, path)
                return
        elif isinstance(recorded, str) and isinstance(own, str):
            if key.endswith("token") or key in PAIRED_KEYS:
                self.pair("text", recorded, own, path)
                return
            if path.endswith("ObjectName/value"):
                if self.plain(recorded, known=True) == "NOW!name":
                    return
            if self.plain(recorded, known=True) == self.plain(own, known=False):
                return
        raise Difference("%s: %r, not %r" % (path, own, recorded))

    def plain(self, text, *, known):
        """Return a text with times near the exchange and paired values made alike."""
        def near(match):
            when = calendar.timegm(time.strptime(match.group(), "%Y-%m-%dT%H:%M:%SZ"))
            return "NOW" if abs(when - self.at) < NEAR_SECONDS else match.group()

        text = TIMES.sub(near, text)
        stamp = time.strftime("%Y%m%d", time.gmtime(self.at))
        text = re.sub(r"\b%s\d{6}(?=!)" % stamp, "NOW", text)
        text = STASH_NAMES.sub("NOW!name", text)
        for number, ((kind, recorded), own) in enumerate(self.pairs.items()):
            value = str(recorded if known else own)
            if kind == "text" and len(value) > 12:
                text = text.replace(value, "<%d>" % number)
        text = re.sub(r"curid=(\d+)", near_page, text)
        return re.sub(r"\[[0-9a-f]{24}\]", "[request]", text)

    def pair(self, kind, recorded, own, path):
        """Note that a recorded value stands for one of ours, in both directions."""
        if self.pairs.setdefault((kind, recorded), own) != own:
            raise Difference("%s: %r stands for %r, now for %r" % (
                path, recorded, self.pairs[kind, recorded], own))
        if self.back.setdefault((kind, own), recorded) != recorded:
            raise Difference("%s: %r stands for %r, now for %r" % (
                path, own, self.back[kind, own], recorded))
        if kind != "text":
            self.pairs.setdefault(("text", str(recorded)), str(own))


# Files, of which the recordings have size and SHA-1 only


def make_png(width, height, comment, size):
    """Return a PNG of exactly `size` bytes with a Comment; most of it is padding."""
    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    rows = zlib.compress(b"\0" * (height * (1 + 3 * width)), 9)
    head = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    head += chunk(b"tEXt", b"Comment\0" + comment.encode("latin-1"))
    end = chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    padding = size - len(head) - len(end) - 12
    if padding < 0:
        raise ValueError("%d bytes are too few" % size)
    filler = hashlib.sha1(("%s %d" % (comment, size)).encode()).digest()
    data = (filler * (padding // 20 + 1))[:padding]
    return head + chunk(b"prVt", data) + end
