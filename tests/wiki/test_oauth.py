"""Sessions by OAuth, on the embedded wiki behind a front that checks each signature."""

import hashlib
import hmac
import io
import os
import tempfile
import unittest
from base64 import b64encode
from urllib.parse import parse_qsl, quote, unquote

from wikistd import (
    HttpClient,
    PageStore,
    Session,
    WikiApp,
    download_file,
    edit_page,
    upload_file,
)
from wikistd.errors import APIError
from wikistd.server.local import local_connect
from wikistd.web.logins import BearerAuth
from wikistd.web.oauth1 import OAuth1Auth

HOST = "http://embedded.test"
KEYS = ("c0nsumer", "c0nsumer&secret", "t0ken", "t0ken/secret")


def encoded(text):
    return quote(text, safe="-._~")


class Front:
    """Logs in who signs as the owner; who does not is nobody, or not let in."""

    def __init__(self, app, cookie):
        self.app = app
        self.cookie = cookie
        self.kinds = []
        self.is_private = False

    def __call__(self, environ, start_response):
        scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme == "Bearer" and rest == "0wner":
            self.kinds.append("bearer")
            environ["HTTP_COOKIE"] = self.cookie
        elif scheme == "OAuth":
            kind = environ.get("CONTENT_TYPE", "").partition(";")[0]
            self.kinds.append("%s %s" % (environ["REQUEST_METHOD"], kind))
            self.check(environ, rest, kind)
            environ["HTTP_COOKIE"] = self.cookie
        elif self.is_private:
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"sign it"]
        return self.app(environ, start_response)

    def check(self, environ, header, kind):
        """Raise unless the signature of RFC 5849 3.4.2 is that of the keys."""
        given = dict(part.strip().split("=", 1) for part in header.split(","))
        given = {name: unquote(value.strip('"')) for name, value in given.items()}
        signature = given.pop("oauth_signature")
        pairs = list(given.items())
        pairs += parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if kind == "application/x-www-form-urlencoded":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            pairs += parse_qsl(body.decode("ascii"), keep_blank_values=True)
        joined = "&".join(
            sorted("%s=%s" % (encoded(name), encoded(value)) for name, value in pairs)
        )
        url = HOST + environ["SCRIPT_NAME"] + environ["PATH_INFO"]
        base = "&".join(map(encoded, (environ["REQUEST_METHOD"], url, joined)))
        key = "%s&%s" % (encoded(KEYS[1]), encoded(KEYS[3]))
        digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
        assert signature == b64encode(digest).decode(), base
        assert (given["oauth_consumer_key"], given["oauth_token"]) == (KEYS[0], KEYS[2])


class OAuthSessions(unittest.TestCase):
    def setUp(self):
        store = PageStore()
        self.addCleanup(store.close)
        store.create_user("Owner", "a-secret-of-77", groups=["bot"])
        app = WikiApp(store)
        with HttpClient(connect=local_connect(app), user_agent="a/1") as client:
            Session(HOST, session=client).login("Owner", "a-secret-of-77")
            cookie = "; ".join("%s=%s" % (c.name, c.value) for c in client.cookies)
        self.front = Front(app, cookie)

    def start(self, **options):
        client = HttpClient(connect=local_connect(self.front), user_agent="a/1")
        self.addCleanup(client.close)
        return Session(HOST, session=client, formatversion=2, **options)

    def work(self, session):
        """Read, read at length, edit, upload and download; return who did it."""
        self.front.is_private = True
        session._state.api_path = "/not/here.php"  # Found out by the wiki's page.
        info = session.get(action="query", meta="userinfo")["query"]["userinfo"]
        session.get(action="query", titles=["T%d %s" % (n, "\u00fc+x " * 20) for n in range(40)])
        self.assertTrue(edit_page(session, "A b", "~ + & = \u00fc %20", summary="a b").is_changed)
        self.assertFalse(upload_file(session, b"data" * 9, "F.bin", text="a&b").found)
        with tempfile.TemporaryDirectory() as folder:
            done = download_file(session, "F.bin", os.path.join(folder, "F.bin"))
        self.assertEqual(done.size, 36)
        return info["name"]

    def test_owner_only(self):
        """OAuth 1.0a signs address and form, and of an upload the address only."""
        self.assertEqual(self.work(self.start(auth=OAuth1Auth(*KEYS))), "Owner")
        form = "POST application/x-www-form-urlencoded"
        self.assertEqual(set(self.front.kinds), {"GET ", form, "POST multipart/form-data"})

    def test_bearer(self):
        for options in (
            {"auth": BearerAuth("0wner")}, {"headers": {"Authorization": "Bearer 0wner"}}
        ):
            self.setUp()
            self.assertEqual(self.work(self.start(**options)), "Owner")
            self.assertEqual(set(self.front.kinds), {"bearer"})

    def test_one_that_is_refused(self):
        """What the wiki does not know is nobody: nothing is written."""
        for session in (
            self.start(auth=BearerAuth("0ld")),
            self.start().with_options(auth=BearerAuth("0ld")),
            self.start().with_options(headers={"Authorization": "Bearer 0ld"}),
        ):
            for write in (
                lambda session: edit_page(session, "T", "x"),
                lambda session: session.post(action="edit", title="T", text="x"),
            ):
                with self.assertRaises(APIError) as caught:
                    write(session)
                self.assertEqual(caught.exception.code, "assertuserfailed")
