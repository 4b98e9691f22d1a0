"""server/app.py, views.py and forms.py: the wiki at its addresses."""

import gzip
import hashlib
import html
import io
import json
import random
import re
import unittest
import warnings
import wsgiref.util
import wsgiref.validate
from urllib.parse import quote

from tests.support.clocks import FakeClock
from wikistd.errors import ProtocolError
from wikistd.server.app import WikiApp, find_range, takes_gzip
from wikistd.server.files import file_path
from wikistd.server.forms import read_api_request, read_cookies
from wikistd.server.local import local_connect
from wikistd.server.serving import serve_wiki
from wikistd.server.store import PageStore
from wikistd.web.client import HttpClient

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


class AppCase(unittest.TestCase):
    def setUp(self):
        self.store = PageStore(now=FakeClock(now=1_700_000_000).now)
        self.addCleanup(self.store.close)
        self.store.create_user("Ann", "a long password")
        self.app = WikiApp(self.store)

    def ask(self, target, *, method="GET", body=b"", **fields):
        """Return (status code, headers, body) through the PEP 3333 validator."""
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode("utf-8").decode("latin-1"),
            "QUERY_STRING": query,
            "HTTP_HOST": "wiki.test",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(body),
        }
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        environ.update(fields)
        wsgiref.util.setup_testing_defaults(environ)
        seen = []

        def start_response(status, headers, exc_info=None):
            seen.append((int(status[:3]), {k.lower(): v for k, v in headers}))
            return lambda data: None

        result = wsgiref.validate.validator(self.app)(environ, start_response)
        data = b"".join(result)
        result.close()
        return seen[0][0], seen[0][1], data

    def page(self, target, status=200):
        got, headers, body = self.ask(target)
        self.assertEqual(got, status, body[:300])
        self.assertEqual(headers["content-type"], "text/html; charset=UTF-8")
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        return body.decode("utf-8")

    def save(self, title, text, **more):
        return self.store.save_page(title, text, user="Ann", **more)


class Pages(AppCase):
    def test_view(self):
        """A page is shown with its text, escaped, and links to its history."""
        self.save(
            "Zürich",
            "<script>alert(1)</script>\n\n'''Grüezi''' [[Bern]] [[Special:AllPages]]",
        )
        self.save("Bern", "Bär")
        text = self.page("/wiki/Zürich")
        self.assertIn('<h1 id="firstHeading">Zürich</h1>', text)
        self.assertIn("&lt;script&gt;alert(1)", text)
        self.assertNotIn("<script", text)
        self.assertIn("<b>Grüezi</b>", text)
        self.assertIn('<a href="/wiki/Bern" title="Bern">Bern</a>', text)
        self.assertNotIn("redlink", text)
        self.assertIn("/w/index.php?title=Z%C3%BCrich&amp;action=history", text)
        self.assertEqual(
            self.ask("/wiki/Zürich")[1]["last-modified"],
            "Tue, 14 Nov 2023 22:13:20 GMT",
        )

    def test_index_php(self):
        """index.php is the long way to say it."""
        self.save("Main Page", "Hello")
        for target in ("/w/index.php?title=Main_Page", "/w/index.php"):
            self.assertIn("Hello", self.page(target))

    def test_missing(self):
        """What is not there is 404, and says so."""
        self.assertIn("no page with this title", self.page("/wiki/Nowhere", 404))
        self.page("/w/index.php?title=Nowhere&action=history", 404)

    def test_red_link(self):
        """A link to what is not there leads to how it is made, not to an empty source."""
        self.save("Here", "[[Nowhere]]")
        path = re.search('href="([^"]*redlink=1)"', self.page("/wiki/Here")).group(1)
        status, headers, _ = self.ask(html.unescape(path))
        self.assertEqual(status, 302)
        self.assertEqual(headers["location"], "http://wiki.test/wiki/Nowhere")
        text = self.page("/wiki/Nowhere", 404)
        self.assertIn("no page with this title", text)
        self.assertIn("session.login(", text)

    def test_bad_title(self):
        """A title that cannot be is 400, its text escaped."""
        text = self.page("/wiki/<b>", 400)
        self.assertNotIn("<b>", text)

    def test_canonical_address(self):
        """Other spellings of a title lead to the one."""
        self.save("Main Page", "Hello")
        for path in ("/", "/wiki/main_Page", "/wiki/Main__Page", "/wiki/_Main_Page"):
            status, headers, body = self.ask(path)
            self.assertEqual(status, 301, path)
            self.assertEqual(headers["location"], "http://wiki.test/wiki/Main_Page")

    def test_empty_wiki(self):
        """Without a main page the front page lists what there is, for the time being."""
        status, headers, _ = self.ask("/")
        self.assertEqual(status, 302)
        self.assertEqual(headers["location"], "http://wiki.test/wiki/Special:AllPages")
        text = self.page("/wiki/Special:AllPages")
        self.assertIn("This wiki has no pages yet.", text)
        code = (
            "from wikistd import Session\n\n"
            "with Session('http://wiki.test') as session:\n"
            '    session.login("Demo@bot", "its password")\n'
            "    session.post(action=\"edit\", title='Main Page', text=\"Hello\")\n"
        )
        self.assertIn("<pre>%s</pre>" % html.escape(code), text)

    def test_first_page(self):
        """What the page of a missing page tells to do makes the page."""
        with serve_wiki() as wiki:
            client = HttpClient(user_agent="tests/1", proxies={})
            response = client.get(wiki.url + "/wiki/It's_\"new\"")
            self.assertEqual(response.status, 404)
            code = re.search("(?s)<pre>(.*)</pre>", response.text).group(1)
            code = html.unescape(code).replace("its password", wiki.bot_password)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a User-Agent that names nobody
                exec(compile(code, "the page", "exec"), {})
            page = wiki.store.get_page("It's \"new\"")
            self.assertEqual(page.text, "Hello")
            # As soon as there is a page, the list is one.
            response = client.get(wiki.url + "/wiki/Special:AllPages")
            self.assertNotIn("no pages yet", response.text)
            client.close()

    def test_titles_in_location_are_quoted(self):
        """Whatever a title holds, Location is one header."""
        status, headers, _ = self.ask("/wiki/ä%0D%0Ab".replace("%0D%0A", "__"))
        self.assertEqual(headers["location"], "http://wiki.test/wiki/%C3%84_b")

    def test_old_versions(self):
        """oldid shows what was, if it is this page's."""
        first = self.save("A", "first")
        self.save("A", "second")
        other = self.save("B", "other")
        text = self.page("/w/index.php?title=A&oldid=%d" % first)
        self.assertIn("An old version", text)
        self.assertIn("first", text)
        self.page("/w/index.php?title=A&oldid=%d" % other, 404)
        self.page("/w/index.php?title=A&oldid=99999", 404)

    def test_hidden_revisions(self):
        """What was hidden is shown nowhere."""
        first = self.save("A", "hidden words", summary="hidden summary")
        self.save("A", "second")
        self.store.db.run(
            "UPDATE revision SET hidden = 'comment text user' WHERE id = ?", (first,)
        )
        self.page("/w/index.php?title=A&oldid=%d" % first, 404)
        self.assertEqual(self.ask("/w/index.php?action=raw&oldid=%d" % first)[0], 404)
        for target in ("/w/index.php?title=A&action=history", "/wiki/Special:RecentChanges"):
            self.assertNotIn("hidden", self.page(target))

    def test_history(self):
        """The history lists the revisions, newest first."""
        self.save("A", "1", summary="the <first>")
        self.save("A", "22")
        text = self.page("/w/index.php?title=A&action=history")
        self.assertIn("the &lt;first&gt;", text)
        self.assertLess(text.index("2 bytes"), text.index("1 bytes"))

    def test_other_models(self):
        """Code is shown as it is."""
        self.save("MediaWiki:Common.css", "a > b {}")
        self.assertIn("<pre>a &gt; b {}</pre>", self.page("/wiki/MediaWiki:Common.css"))

    def test_category(self):
        """A category lists its members."""
        self.save("A", "[[Category:Things]]")
        self.save("Category:Things", "All things")
        text = self.page("/wiki/Category:Things")
        self.assertIn('<li><a href="/wiki/A">A</a></li>', text)

    def test_category_without_a_page(self):
        """So does one that has members and no page of its own; one of neither is 404."""
        self.save("A", "[[Category:Things]]")
        text = self.page("/wiki/Category:Things")
        self.assertIn('<li><a href="/wiki/A">A</a></li>', text)
        self.assertIn("There is no page with this title yet.", text)
        self.page("/wiki/Category:Nothing", 404)
        self.page("/w/index.php?title=Category:Things&oldid=99999", 404)

    def test_edit(self):
        """action=edit shows the source, and says where it can be changed."""
        first = self.save("A", "<b>first</b></textarea>")
        self.save("A", "second")
        text = self.page("/w/index.php?title=A&action=edit")
        self.assertRegex(text, r"<textarea [^>]*readonly[^>]*>\nsecond</textarea>")
        self.assertIn("/w/api.php", text)
        text = self.page("/w/index.php?title=A&action=submit&oldid=%d" % first)
        self.assertIn("&lt;b&gt;first&lt;/b&gt;&lt;/textarea&gt;</textarea>", text)
        text = self.page("/w/index.php?title=Nothing+here&action=edit")
        self.assertIn(">\n</textarea>", text)
        self.page("/w/index.php?title=A&action=edit&oldid=99999", 404)
        self.store.db.run(
            "UPDATE revision SET hidden = 'text' WHERE id = ?", (first,)
        )
        self.page("/w/index.php?title=A&action=edit&oldid=%d" % first, 404)

    def test_favicon(self):
        """What every browser asks for is no error."""
        status, headers, body = self.ask("/favicon.ico")
        self.assertEqual((status, body), (204, b""))
        self.assertNotIn("content-length", headers)

    def test_lists(self):
        """All pages, recent changes and files can be looked through."""
        self.save("A & B", "text", summary="why <not>")
        self.save("A", "text")
        self.assertIn("A &amp; B", self.page("/wiki/Special:AllPages"))
        text = self.page("/wiki/Special:AllPages?from=A_%26")
        self.assertNotIn('<li><a href="/wiki/A">', text)
        self.assertIn("None.", self.page("/wiki/Special:AllPages?namespace=10"))
        text = self.page("/wiki/Special:RecentChanges")
        self.assertIn("why &lt;not&gt;", text)
        self.assertIn("newusers/create", text)
        self.assertIn("None.", self.page("/wiki/Special:ListFiles"))
        self.page("/wiki/Special:Nothing", 404)

    def test_long_lists_go_on(self):
        """A list that is too long says where it goes on."""
        with self.store.db.transaction():
            for number in range(501):
                self.save("P%04d" % number, "x")
        self.assertIn("from=P0500", self.page("/wiki/Special:AllPages"))

    def test_raw(self):
        """action=raw is the text itself."""
        self.save("A", "text ü")
        status, headers, body = self.ask("/w/index.php?title=A&action=raw")
        self.assertEqual((status, body.decode()), (200, "text ü"))
        self.assertEqual(headers["content-type"], "text/x-wiki; charset=UTF-8")
        status, headers, body = self.ask("/w/index.php?title=Nope&action=raw")
        self.assertEqual((status, body), (404, b""))
        headers = self.ask("/w/index.php?title=A&action=raw&ctype=text/html")[1]
        self.assertEqual(headers["content-type"], "text/x-wiki; charset=UTF-8")
        self.assertEqual(self.ask("/w/index.php?title=Special:X&action=raw")[0], 404)

    def test_nothing_here(self):
        """Other addresses and methods are refused in plain text."""
        self.assertEqual(self.ask("/w/nope.php")[0], 404)
        status, headers, _ = self.ask("/wiki/A", method="DELETE")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD, POST"))

    def test_head(self):
        """HEAD has the length and no body."""
        self.save("A", "text")
        length = self.ask("/wiki/A")[1]["content-length"]
        status, headers, body = self.ask("/wiki/A", method="HEAD")
        self.assertEqual((headers["content-length"], body), (length, b""))


class Files(AppCase):
    def setUp(self):
        super().setUp()
        actor = self.store.actor("Ann")
        for data in (PNG[:100], PNG):
            self.store.files.publish("Ä picture.png", data, actor, "", self.store.now())
        self.path = "/w/images/" + file_path("Ä_picture.png")

    def get(self, **fields):
        return self.ask(self.path.replace("%C3%84", "Ä"), **fields)

    def test_download(self):
        """The bytes, with what a later request can ask by."""
        status, headers, body = self.get()
        self.assertEqual((status, body), (200, PNG))
        self.assertEqual(headers["content-type"], "image/png")
        self.assertEqual(headers["accept-ranges"], "bytes")
        self.assertEqual(headers["etag"], '"6553f100-408"')
        digest = hashlib.md5("Ä_picture.png".encode()).hexdigest()
        self.assertEqual(
            self.path, "/w/images/%s/%s/%%C3%%84_picture.png" % (digest[0], digest[:2])
        )

    def test_not_modified(self):
        """An ETag or a date that still holds is 304."""
        for fields in (
            {"HTTP_IF_NONE_MATCH": '"x", W/"6553f100-408"'},
            {"HTTP_IF_NONE_MATCH": "*"},
            {"HTTP_IF_MODIFIED_SINCE": "Tue, 14 Nov 2023 22:13:20 GMT"},
        ):
            status, headers, body = self.get(**fields)
            self.assertEqual((status, body), (304, b""))
            self.assertNotIn("content-type", headers)
        self.assertEqual(self.get(HTTP_IF_NONE_MATCH='"x"')[0], 200)

    def test_ranges(self):
        """A part, with where it belongs."""
        for wanted, status, shown, data in (
            ("bytes=0-9", 206, "bytes 0-9/1032", PNG[:10]),
            ("bytes=1030-", 206, "bytes 1030-1031/1032", PNG[1030:]),
            ("bytes=1030-5000", 206, "bytes 1030-1031/1032", PNG[1030:]),
            ("bytes=-2", 206, "bytes 1030-1031/1032", PNG[-2:]),
            ("bytes=1032-", 416, "bytes */1032", b""),
            ("bytes=-0", 416, "bytes */1032", b""),
            ("bytes=9-3", 200, None, PNG),
            ("bytes=0-1,4-5", 200, None, PNG),
            ("bytes=-", 200, None, PNG),
            ("lines=1-2", 200, None, PNG),
        ):
            with self.subTest(wanted):
                got, headers, body = self.get(HTTP_RANGE=wanted)
                self.assertEqual((got, body), (status, data))
                self.assertEqual(headers.get("content-range"), shown)

    def test_if_range(self):
        """A part only of what it was a part of."""
        tag = self.get()[1]["etag"]
        for condition, status in ((tag, 206), ('"other"', 200)):
            got = self.get(HTTP_RANGE="bytes=0-9", HTTP_IF_RANGE=condition)
            self.assertEqual(got[0], status)

    def test_old_versions(self):
        """Older versions are in the archive."""
        old = self.store.files.versions("Ä picture.png")[1]
        path = "/w/images/" + file_path(old.name, old.archive)
        path = path.replace("%C3%84", "Ä")
        status, _, body = self.ask(path)
        self.assertEqual((status, body), (200, PNG[:100]))

    def test_wrong_addresses(self):
        """A file has one address."""
        for path in (
            "0/00/Ä_picture.png",
            "Ä_picture.png",
            "archive/0/00/x",
            "",
            "../x",
        ):
            self.assertEqual(self.ask("/w/images/" + path)[0], 404, path)

    def test_page_of_a_file(self):
        """The page of a file shows it; special pages lead to it."""
        self.save("File:Ä picture.png", "A picture")
        text = self.page("/wiki/File:Ä_picture.png")
        self.assertIn('<img src="%s"' % self.path, text)
        self.assertIn("SHA-1 " + hashlib.sha1(PNG).hexdigest(), text)
        self.assertIn("File:Ä picture.png", self.page("/wiki/Special:ListFiles"))
        for path, status in (
            ("/wiki/Special:Redirect/file/Ä_picture.png", 301),
            ("/wiki/Special:FilePath/Ä_picture.png", 302),
        ):
            got, headers, _ = self.ask(path)
            self.assertEqual(got, status)
            self.assertEqual(headers["location"], "http://wiki.test" + self.path)
        self.page("/wiki/Special:FilePath/None.png", 404)


class Api(AppCase):
    def test_get(self):
        """The API answers JSON, gzipped for those who take it."""
        target = "/w/api.php?action=query&meta=siteinfo&format=json&formatversion=2"
        status, headers, body = self.ask(target)
        self.assertEqual(
            (status, headers["content-type"][:16]), (200, "application/json")
        )
        name = json.loads(body.decode())["query"]["general"]["sitename"]
        self.assertEqual(name, self.store.site.name)
        self.assertRegex(headers["x-request-id"], "^[0-9a-f]{24}$")
        status, headers, packed = self.ask(target, HTTP_ACCEPT_ENCODING="br, GZIP")
        self.assertEqual(headers["content-encoding"], "gzip")
        self.assertLess(len(packed), len(body))
        got = json.loads(gzip.decompress(packed).decode())["query"]["general"]
        self.assertEqual(got["sitename"], name)

    def test_path_info(self):
        """Text after api.php leads back."""
        status, headers, body = self.ask(
            "/w/api.php/extra/path?action=query&format=json"
        )
        self.assertEqual(status, 301)
        self.assertEqual(
            headers["location"], "http://wiki.test/w/api.php?action=query&format=json"
        )
        self.assertIn(b"does not support", body)

    def test_put(self):
        """Other methods are the API's to refuse."""
        status, headers, _ = self.ask("/w/api.php?format=json", method="PUT")
        self.assertEqual(
            (status, headers["mediawiki-api-error"]), (405, "invalidmethod")
        )

    def test_broken_form(self):
        """A form that cannot be read is 400 and a sentence."""
        status, _, body = self.ask(
            "/w/api.php",
            method="POST",
            body=b"x",
            CONTENT_TYPE="multipart/form-data; boundary=b",
        )
        self.assertEqual(status, 400)
        self.assertNotEqual(body, b"")

    def test_stream(self):
        """/v2/stream is the feed's; close() ends it."""
        self.app.close()
        status, headers, body = self.ask("/v2/stream/recentchange")
        self.assertEqual((status, body), (200, b":ok\n\n"))


class Fuzz(AppCase):
    PATHS = (
        "/wiki/", "/w/index.php", "/w/api.php", "/w/images/", "/w/images/archive/", "/",
        "/w/", "/w/api.php/", "/v2/stream/x",
    )  # fmt: skip
    PIECES = (
        "A", "Special:", "AllPages", "Redirect/file/", "F.png", "Category:C", "File:F.png",
        "²", "\udcff", "%", "/", "..", "?", "#", "<", ">", "|", "[", "{", "\0", "\n", " ",
        "_", ":", "User:", "ü", "مرحبا", "𝔘", "a" * 300, "en:", "~~~", "raw", "history",
        "view", "edit", "query", "json", "1", "-1", "9" * 30, "allpages", "siteinfo",
        "revisions", "info", "phpfm", "login",
    )  # fmt: skip
    KEYS = (
        "title", "oldid", "action", "namespace", "from", "ctype", "format", "titles",
        "formatversion", "list", "meta", "prop", "maxlag", "errorformat", "revids",
        "generator", "gaplimit", "continue",
    )  # fmt: skip

    def test_nothing_breaks(self):
        """2,000 odd requests, the same each time: none is a fault of ours."""
        dice = random.Random(20261120)

        def pieces(count):
            chosen = "".join(dice.choice(self.PIECES) for _ in range(count))
            return chosen.encode("utf-8", "surrogateescape")

        self.save("A", "[[B]]")
        connect = local_connect(self.app)
        for _ in range(2000):
            target = dice.choice(self.PATHS) + quote(pieces(dice.randrange(3)))
            pairs = [
                dice.choice(self.KEYS) + "=" + quote(pieces(dice.choice((1, 1, 1, 2))))
                for _ in range(dice.randrange(5))
            ]
            method = dice.choice(("GET", "GET", "GET", "HEAD", "POST", "PUT"))
            line = "%s %s?%s HTTP/1.1\r\n" % (method, target, "&".join(pairs))
            fields = "Host: h\r\nRange: bytes=%s-\r\nCookie: %s\r\n\r\n" % (
                dice.choice(("0", "5", "-", "\xb2")),
                dice.choice(("=", "a=%ff", ";;")),
            )
            sock = connect("h", 80)
            sock.sendall((line + fields).encode("latin-1"))
            status = sock.makefile("rb").readline()
            self.assertNotEqual(status[9:12], b"500", line + fields)


class Forms(unittest.TestCase):
    def read(self, body=b"", content_type="", method="POST", query="", **fields):
        environ = {
            "REQUEST_METHOD": method,
            "QUERY_STRING": query,
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **fields,
        }
        wsgiref.util.setup_testing_defaults(environ)
        return read_api_request(environ)

    def test_query_and_form(self):
        """Pairs in order, from the address and the body."""
        got = self.read(
            b"a=%C3%BC&b=1+2&a=", "application/x-www-form-urlencoded", query="x=y&x=z"
        )
        self.assertEqual(got.query, [("x", "y"), ("x", "z")])
        self.assertEqual(got.form, [("a", "ü"), ("b", "1 2"), ("a", "")])
        self.assertEqual(
            got.headers["content-type"], "application/x-www-form-urlencoded"
        )

    def test_bytes_that_are_not_utf_8(self):
        """They stay what they were: the API tells people."""
        got = self.read(method="GET", query="titles=%FF")
        self.assertEqual(got.query, [("titles", "\udcff")])

    def test_other_bodies_hold_no_fields(self):
        """As in PHP, JSON is no form, and neither is the body of a PUT."""
        self.assertEqual(self.read(b'{"a": 1}', "application/json").form, [])
        got = self.read(b"a=b", "application/x-www-form-urlencoded", method="PUT")
        self.assertEqual((got.form, got.method), ([], "PUT"))
        self.assertEqual(self.read(method="HEAD").method, "GET")

    def test_multipart(self):
        """Fields and files; names are raw UTF-8, a quote is escaped as PHP undoes it."""
        body = (
            (
                '--b\r\nContent-Disposition: form-data; name="comment"\r\n\r\nGrüezi\r\n'
                '--b\r\nContent-Disposition: form-data; name="file"; filename="ä\\"%22.png"'
                "\r\nContent-Type: image/png\r\n\r\n"
            ).encode()
            + PNG
            + b"\r\n--b--\r\n"
        )
        got = self.read(body, "multipart/form-data; boundary=b")
        self.assertEqual(got.form, [("comment", "Grüezi")])
        upload = got.files["file"]
        self.assertEqual(
            (upload.filename, upload.content_type, upload.data),
            ('ä"%22.png', "image/png", PNG),
        )

    def test_broken_multipart(self):
        """A body that breaks off is no form."""
        start = b'--b\r\nContent-Disposition: form-data; name="a"\r\n'
        for body in (b"", b"x", start, start + b"\r\nvalue"):
            with self.subTest(body), self.assertRaises(ProtocolError):
                self.read(body, "multipart/form-data; boundary=b")
        with self.assertRaises(ProtocolError):
            self.read(start + b"\r\nx\r\n--b--", "multipart/form-data")

    def test_too_many_fields(self):
        """Fields past a thousand are dropped, as PHP drops them."""
        body = b"&".join(b"a%d=" % number for number in range(1200))
        got = self.read(body, "application/x-www-form-urlencoded")
        self.assertEqual(len(got.form), 1000)

    def test_length_that_is_none(self):
        """A server that lets a malformed length pass does not break the app."""
        kind = "application/x-www-form-urlencoded"
        for length in ("-1", "x", "\xb2", "1" * 30):
            with self.assertRaises(ProtocolError):
                self.read(b"a=b", kind, CONTENT_LENGTH=length)

    def test_where_from(self):
        """Host and address of the client."""
        got = self.read(HTTP_HOST="a:1", REMOTE_ADDR="10.0.0.9")
        self.assertEqual((got.host_url, got.remote_address), ("http://a:1", "10.0.0.9"))
        got = self.read(SERVER_NAME="b", SERVER_PORT="2", HTTP_HOST="")
        self.assertEqual(got.host_url, "http://b:2")

    def test_host_that_is_none(self):
        """A server that lets a malformed Host pass does not get it into addresses."""
        with self.assertRaises(ProtocolError) as caught:
            self.read(HTTP_HOST="a/<b>")
        self.assertEqual(str(caught.exception), "the Host header is malformed")

    def test_cookies(self):
        """The first of a name counts, values are decoded."""
        got = read_cookies('a=1; b=x%20y; a=2; broken; =x; c="q"')
        self.assertEqual(got, {"a": "1", "b": "x y", "c": '"q"'})


class Headers(unittest.TestCase):
    def test_accept_encoding(self):
        """gzip, unless it is weighed as nothing."""
        for text, expected in (
            ("gzip", True),
            ("deflate, x-gzip;q=0.5", True),
            ("gzip;q=0", False),
            ("gzip; q=0.000", False),
            ("br", False),
            ("", False),
        ):
            self.assertEqual(takes_gzip(text), expected, text)

    def test_ranges_of_nothing(self):
        """An empty file has no part."""
        self.assertEqual(find_range("bytes=0-0", 0), (0, 0))
        self.assertEqual(find_range("bytes=-5", 0), (0, 0))
