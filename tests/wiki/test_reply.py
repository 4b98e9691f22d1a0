"""wikistd.wiki.reply: documents, errors of all formats, what is no answer."""

import json
import unittest

from wikistd.errors import (
    APIError,
    EditConflict,
    ProtocolError,
    RetryLater,
    StatusError,
)
from wikistd.wiki.reply import (
    MIN_PIECEWISE_BYTES,
    ReplyWarning,
    find_errors,
    find_header,
    find_warnings,
    load_document,
    parse_reply,
    show_body,
)

URL = "https://wiki.example/w/api.php"
JSON = [("Content-Type", "application/json; charset=utf-8")]


def parse(document, status=200, headers=JSON, **how):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_reply(status, headers, body, url=URL, now=0.0, **how)


class Documents(unittest.TestCase):
    def test_objects_and_lists(self):
        """opensearch answers with a list."""
        self.assertEqual(parse({"a": 1}), {"a": 1})
        self.assertEqual(parse(["x", []]), ["x", []])
        self.assertEqual(parse(b'{"a":1}', headers=[]), {"a": 1})

    def test_header_names_have_no_case(self):
        self.assertEqual(find_header([("A", "1"), ("b", "2")], "B"), "2")
        self.assertIsNone(find_header([], "B"))


class LargeDocuments(unittest.TestCase):
    """Large ones are read page by page, to the same document."""

    def check(self, document):
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        self.assertGreater(len(body), MIN_PIECEWISE_BYTES)
        self.assertEqual(load_document(body), document)

    def pages(self, count, **more):
        text = "\U0001f600 },{\"pageid\":3, \\ \n" * 300
        return [
            dict({"pageid": n, "title": "T%d" % n, "text": text}, **more)
            for n in range(count)
        ]

    def test_pages(self):
        query = {"pages": self.pages(50)}
        self.check({"batchcomplete": True, "query": query})
        self.check({"continue": {"a": "b"}, "limits": {}, "query": query, "end": [1]})
        self.check({"query": {"pages": self.pages(1, text="x" * 300000)}})

    def test_lists(self):
        changes = [
            {"type": "edit", "title": "T\U0001f600%d" % n, "tags": ["a", "b"], "x": "y" * 99}
            for n in range(3000)
        ]
        self.check({"query": {"recentchanges": changes, "more": [1]}})
        nested = [dict(change, inner=[{"type": 1}, {"type": 2}]) for change in changes]
        self.check({"batchcomplete": True, "query": {"recentchanges": nested}})

    def test_missing_pages(self):
        pages = self.pages(30) + [{"ns": 0, "title": "M", "missing": True}] * 2
        self.check({"query": {"normalized": [], "pages": pages, "redirects": []}})

    def test_pages_within_pages(self):
        """Lists of pages in a page, or other lists of that name, are read whole."""
        inner = [{"pageid": 7, "title": "x"}, {"pageid": 8, "title": "y"}]
        self.check({"query": {"pages": self.pages(30, redirects=inner)}})
        self.check({"query": {"allpages": self.pages(30)}})
        self.check({"other": {"pages": self.pages(30)}})
        self.check({"query": {"pages": []}, "other": {"pages": self.pages(30)}})
        self.check([{"pages": self.pages(30)}])

    def test_broken(self):
        body = json.dumps({"query": {"pages": self.pages(50)}}, separators=(",", ":"))
        for end in (len(body) - 1, len(body) - 3, len(body) // 2):
            with self.assertRaises(ValueError):
                load_document(body[:end].encode("utf-8"))


class Refusals(unittest.TestCase):
    def refused(self, document, kind=APIError, **how):
        with self.assertRaises(kind) as caught:
            parse(document, **how)
        self.assertIs(type(caught.exception), kind)
        return caught.exception

    def test_bc(self):
        error = self.refused({"error": {"code": "c", "info": "I.", "*": "See x"}})
        self.assertEqual((error.code, error.info, error.content), ("c", "I.", "See x"))
        self.assertEqual(str(error), "c: I. -- See x")

    def test_entities_in_bc(self):
        help = "See x. Subscribe at &lt;https://x/&gt; &amp; y."
        error = self.refused({"error": {"code": "c", "info": "I.", "*": help}})
        self.assertEqual(error.content, "See x. Subscribe at <https://x/> & y.")

    def test_bc_of_format_version_2(self):
        error = self.refused({"error": {"code": "c", "info": "I.", "docref": "See"}})
        self.assertEqual(str(error), "c: I.")
        self.assertIsNone(error.content)
        self.assertEqual(error.errors[0]["docref"], "See")

    def test_odd_shapes(self):
        self.assertEqual(str(self.refused({"error": "words"})), "unknown: words")
        self.assertEqual(str(self.refused({"error": {}})), "unknown: unknown")
        self.assertEqual(str(self.refused({"errors": ["w"]})), "unknown: w")
        self.assertEqual(str(self.refused({"error": {"code": "c", "info": 3}})), "c: 3")
        self.assertEqual(find_errors([]), [])
        self.assertEqual(find_errors({"errors": []}), [])

    def test_every_errorformat(self):
        """The same code and a text in each; all errors are kept."""
        shapes = {
            "text": {"text": "Edit conflict."},
            "*": {"*": "Edit conflict."},
            "html": {"html": "Edit <b>conflict</b>."},
        }
        for shape in shapes.values():
            more = {"code": "more", "module": "main", "data": {"extra": 1}}
            error = self.refused({"errors": [dict(shape, code="c"), more], "*": "See"})
            self.assertEqual((error.code, error.info), ("c", "Edit conflict."))
            self.assertIsNone(error.content)
            self.assertEqual(error.errors[1]["extra"], 1)
            self.assertEqual(error.errors[1]["text"], "more")

    def test_raw_and_none(self):
        raw = {
            "code": "badinteger",
            "key": "paramvalidator-badinteger",
            "params": [{"plaintext": "aplimit"}, "x", {"a": 1, "b": 2}],
        }
        error = self.refused({"errors": [raw]})
        self.assertEqual(
            error.info, "paramvalidator-badinteger(aplimit, x, {'a': 1, 'b': 2})"
        )
        self.assertEqual(self.refused({"errors": [{"code": "c"}]}).info, "c")
        odd = self.refused({"errors": [{"code": "c", "key": "k"}]})
        self.assertEqual(odd.info, "k()")

    def test_conflict(self):
        error = self.refused({"error": {"code": "editconflict"}}, EditConflict)
        self.assertEqual(str(error), "editconflict: editconflict")

    def test_come_back_later(self):
        """Refused before anything was done: with how long to wait, if it says."""
        late = JSON + [("Retry-After", "5")]
        lag = {"code": "maxlag", "info": "7.5 seconds lagged.", "lag": 7.5}
        error = self.refused({"error": lag}, RetryLater, headers=late)
        self.assertEqual(
            str(error), "maxlag: 7.5 seconds lagged. (asked to wait 5 seconds)"
        )
        data = {"readonlyreason": "Moving."}
        listed = {"code": "readonly", "text": "Read-only.", "data": data}
        error = self.refused({"errors": [listed]}, RetryLater)
        self.assertEqual(str(error), "readonly: Read-only. Moving.")
        self.assertIsNone(error.after_seconds)
        self.refused({"errors": [{"code": "c"}, {"code": "maxlag"}]}, APIError)

    def test_exception_while_saving(self):
        """An exception in the wiki may have come after the page was saved."""
        document = {"error": {"code": "internal_api_error_Error", "info": "x"}}
        self.assertFalse(self.refused(document).maybe_applied)
        self.assertTrue(self.refused(document, is_write=True).maybe_applied)


class NoAnswerOfTheApi(unittest.TestCase):
    def raised(self, kind, body, status, headers, **how):
        with self.assertRaises(kind) as caught:
            parse(body, status, headers, **how)
        return caught.exception

    def test_too_many_requests(self):
        error = self.raised(RetryLater, b"no", 429, [("retry-after", "3")])
        self.assertEqual((error.code, error.after_seconds), ("http-429", 3.0))

    def test_unavailable(self):
        """A read may come back later; a write may have been saved before the 503."""
        headers = [("Retry-After", "3"), ("Content-Type", "text/html")]
        error = self.raised(RetryLater, b"<b>busy</b>", 503, headers)
        self.assertEqual(str(error), "http-503: busy (asked to wait 3 seconds)")
        error = self.raised(StatusError, b"busy", 503, headers, is_write=True)
        self.assertTrue(error.maybe_applied)
        self.assertEqual(error.headers, headers)

    def test_status(self):
        headers = [("X-Request-Id", "r1"), ("MediaWiki-API-Error", "internal")]
        page = b"<style>x{}</style><h1>Sorry!</h1>&amp;" + b"x" * 300
        error = self.raised(StatusError, page, 500, headers)
        self.assertEqual(
            str(error),
            "the server answered with HTTP status 500 (MediaWiki-API-Error: internal; "
            "request id r1); it says: Sorry! &" + "x" * 192 + "...",
        )
        self.assertFalse(error.maybe_applied)
        error = self.raised(StatusError, b"", 404, [])
        self.assertEqual(
            str(error),
            "the server answered with HTTP status 404; there is no API: check host "
            "and api_path",
        )
        self.assertEqual(self.raised(StatusError, b"", 304, []).status, 304)

    def test_html(self):
        headers = [("Content-Type", "text/html"), ("X-Request-Id", "r1")]
        error = self.raised(ProtocolError, b"<h1>Welcome</h1>", 200, headers)
        self.assertEqual(
            str(error),
            "expected JSON from the API, got text/html of 16 bytes with HTTP status "
            "200 (request id r1), beginning: Welcome; check host and api_path, or "
            "look at that address in a browser (JSON, RFC 8259)",
        )

    def test_broken_json(self):
        error = self.raised(ProtocolError, b'{"a":', 200, JSON, is_write=True)
        self.assertIn("got broken JSON (", str(error))
        self.assertTrue(error.maybe_applied)
        deep = b"[" * 200000
        self.assertIn("got broken JSON", str(self.raised(ProtocolError, deep, 200, [])))

    def test_empty_and_scalar(self):
        error = self.raised(ProtocolError, b"", 200, [])
        self.assertIn("got an empty body with HTTP status 200;", str(error))
        error = self.raised(ProtocolError, b"null", 200, JSON)
        self.assertIn("got JSON that is neither an object nor a list", str(error))
        error = self.raised(ProtocolError, b"3", 200, JSON)
        self.assertIn("got JSON that is neither an object nor a list", str(error))

    def test_shown_on_one_line(self):
        self.assertEqual(show_body(b"a\r\n\x1b[31m b\x00"), "a [31m b")


class Warnings(unittest.TestCase):
    def test_bc(self):
        """One for each line, without the notice that warns of nothing."""
        for key in ("*", "warnings"):
            document = {
                "warnings": {
                    "main": {key: "Subscribe to the mediawiki-api-announce mailing"
                                  " list at <x>\nUnrecognized parameter: nope."},
                    "query": {key: "One.\nTwo."},
                    "odd": "Three.",
                }
            }
            self.assertEqual(
                find_warnings(document),
                [
                    ReplyWarning("main", "", "Unrecognized parameter: nope."),
                    ReplyWarning("query", "", "One."),
                    ReplyWarning("query", "", "Two."),
                    ReplyWarning("odd", "", "Three."),
                ],
            )

    def test_newer_formats(self):
        document = {
            "warnings": [
                {"code": "outofrange", "module": "query+allpages", "text": "Capped."},
                {"code": "deprecation-help", "module": "main", "text": "Subscribe"},
                "words",
            ]
        }
        self.assertEqual(
            find_warnings(document),
            [
                ReplyWarning("query+allpages", "outofrange", "Capped."),
                ReplyWarning("", "", "words"),
            ],
        )

    def test_none(self):
        self.assertEqual(find_warnings({}), [])
        self.assertEqual(find_warnings([]), [])
        self.assertEqual(find_warnings({"warnings": "odd"}), [])
