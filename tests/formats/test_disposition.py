"""Content-Disposition: the cases of greenbytes' tc2231, continuations, forms."""

import time
import unittest
import warnings

from wikistd.formats.disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    parse_content_disposition,
)

ATT = "attachment"

#: header, type, parameters, and the file name they give
DISPOSITIONS = [
    (None, None, {}, None),
    ("", None, {}, None),
    ("inline", "inline", {}, None),
    (ATT, ATT, {}, None),
    ("ATTACHMENT", ATT, {}, None),
    ("foobar", "foobar", {}, None),
    ('inline; filename="foo.html"', "inline", {"filename": "foo.html"}, "foo.html"),
    (
        'inline; filename="Not an attachment!"',
        "inline",
        {"filename": "Not an attachment!"},
        "Not an attachment!",
    ),
    (
        'form-data; name="data"; filename="file ; name.mp4"',
        "form-data",
        {"name": "data", "filename": "file ; name.mp4"},
        "file ; name.mp4",
    ),
    (
        'form-data; name="data" ; filename="x" ',
        "form-data",
        {"name": "data", "filename": "x"},
        "x",
    ),
    (
        'attachment; filename="0000000000111111111122222"',
        ATT,
        {"filename": "0000000000111111111122222"},
        "0000000000111111111122222",
    ),
    (r'attachment; filename="f\oo.html"', ATT, {"filename": "foo.html"}, "foo.html"),
    (
        r'attachment; filename="\"quoting\" tested.html"',
        ATT,
        {"filename": '"quoting" tested.html'},
        '"quoting" tested.html',
    ),
    (
        'attachment; filename="Here\'s a semicolon;.html"',
        ATT,
        {"filename": "Here's a semicolon;.html"},
        "Here's a semicolon;.html",
    ),
    (
        'attachment; foo="bar"; filename="foo.html"',
        ATT,
        {"foo": "bar", "filename": "foo.html"},
        "foo.html",
    ),
    (
        r'attachment; foo="\"\\";filename="foo.html"',
        ATT,
        {"foo": '"\\', "filename": "foo.html"},
        "foo.html",
    ),
    ('attachment; FILENAME="foo.html"', ATT, {"filename": "foo.html"}, "foo.html"),
    ("attachment; filename=foo.html", ATT, {"filename": "foo.html"}, "foo.html"),
    ("attachment; filename='foo.html'", ATT, {"filename": "'foo.html'"}, "'foo.html'"),
    (
        'attachment; filename="foo-\xe4.html"',
        ATT,
        {"filename": "foo-\xe4.html"},
        "foo-\xe4.html",
    ),
    (
        'attachment; filename="foo-%41.html"',
        ATT,
        {"filename": "foo-%41.html"},
        "foo-%41.html",
    ),
    ('attachment; filename="50%.html"', ATT, {"filename": "50%.html"}, "50%.html"),
    (
        r'attachment; filename="foo-%\41.html"',
        ATT,
        {"filename": "foo-%41.html"},
        "foo-%41.html",
    ),
    ('attachment; name="foo-%41.html"', ATT, {"name": "foo-%41.html"}, None),
    (
        'attachment; filename="foo-%c3%a4-%e2%82%ac.html"',
        ATT,
        {"filename": "foo-%c3%a4-%e2%82%ac.html"},
        "foo-%c3%a4-%e2%82%ac.html",
    ),
    ('attachment; filename ="foo.html"', ATT, {"filename": "foo.html"}, "foo.html"),
    ("attachment; xfilename=foo.html", ATT, {"xfilename": "foo.html"}, None),
    ('attachment; filename="/foo.html"', ATT, {"filename": "foo.html"}, "foo.html"),
    ('attachment; filename="\\\\foo.html"', ATT, {"filename": "foo.html"}, "foo.html"),
    ('attachment; name="/foo"', ATT, {"name": "/foo"}, None),
    (
        'attachment; creation-date="Wed, 12 Feb 1997 16:29:51 -0500"',
        ATT,
        {"creation-date": "Wed, 12 Feb 1997 16:29:51 -0500"},
        None,
    ),
    (
        'attachment; example="filename=example.txt"',
        ATT,
        {"example": "filename=example.txt"},
        None,
    ),
    (
        "attachment; filename*=iso-8859-1''foo-%E4.html",
        ATT,
        {"filename*": "foo-\xe4.html"},
        "foo-\xe4.html",
    ),
    (
        "attachment; filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html",
        ATT,
        {"filename*": "foo-\xe4-\u20ac.html"},
        "foo-\xe4-\u20ac.html",
    ),
    (
        "attachment; filename*=''foo-%c3%a4-%e2%82%ac.html",
        ATT,
        {"filename*": "foo-\xe4-\u20ac.html"},
        "foo-\xe4-\u20ac.html",
    ),
    (
        "attachment; filename*=UTF-8''foo-a%cc%88.html",
        ATT,
        {"filename*": "foo-a\u0308.html"},
        "foo-a\u0308.html",
    ),
    (
        "attachment; filename*= UTF-8'en'foo-%c3%a4.html",
        ATT,
        {"filename*": "foo-\xe4.html"},
        "foo-\xe4.html",
    ),
    (
        "attachment; filename* =UTF-8''foo-%c3%a4.html",
        ATT,
        {"filename*": "foo-\xe4.html"},
        "foo-\xe4.html",
    ),
    (
        "attachment; filename*=UTF-8''A-%2541.html",
        ATT,
        {"filename*": "A-%41.html"},
        "A-%41.html",
    ),
    (
        "attachment; filename*=UTF-8''%5cfoo.html",
        ATT,
        {"filename*": "foo.html"},
        "foo.html",
    ),
    (
        'attachment; filename*0="foo."; filename*1="html"',
        ATT,
        {"filename*0": "foo.", "filename*1": "html"},
        "foo.html",
    ),
    (
        'attachment; filename*0="foo"; filename*1="\\b\\a\\r.html"',
        ATT,
        {"filename*0": "foo", "filename*1": "bar.html"},
        "foobar.html",
    ),
    (
        "attachment; filename*0*=UTF-8''foo-%c3%a4; filename*1=\".html\"",
        ATT,
        {"filename*0*": "UTF-8''foo-%c3%a4", "filename*1": ".html"},
        "foo-\xe4.html",
    ),
    (
        'attachment; filename*0="foo"; filename*01="bar"',
        ATT,
        {"filename*0": "foo", "filename*01": "bar"},
        "foo",
    ),
    (
        'attachment; filename*0="foo"; filename*2="bar"',
        ATT,
        {"filename*0": "foo", "filename*2": "bar"},
        "foo",
    ),
    (
        'attachment; filename*1="foo."; filename*2="html"',
        ATT,
        {"filename*1": "foo.", "filename*2": "html"},
        None,
    ),
    (
        'attachment; filename*1="bar"; filename*0="foo"',
        ATT,
        {"filename*1": "bar", "filename*0": "foo"},
        "foobar",
    ),
    (
        "attachment; filename=\"foo-ae.html\"; filename*=UTF-8''foo-%c3%a4.html",
        ATT,
        {"filename": "foo-ae.html", "filename*": "foo-\xe4.html"},
        "foo-\xe4.html",
    ),
    (
        "attachment; filename*=UTF-8''foo-%c3%a4.html; filename=\"foo-ae.html\"",
        ATT,
        {"filename": "foo-ae.html", "filename*": "foo-\xe4.html"},
        "foo-\xe4.html",
    ),
    (
        "attachment; filename*0*=ISO-8859-15''euro-sign%3d%a4; "
        "filename*=ISO-8859-1''currency-sign%3d%a4",
        ATT,
        {
            "filename*0*": "ISO-8859-15''euro-sign%3d%a4",
            "filename*": "currency-sign=\xa4",
        },
        "currency-sign=\xa4",
    ),
    (
        'attachment; foobar=x; filename="foo.html"',
        ATT,
        {"foobar": "x", "filename": "foo.html"},
        "foo.html",
    ),
    (
        'attachment; filename="=?ISO-8859-1?Q?foo-=E4.html?="',
        ATT,
        {"filename": "=?ISO-8859-1?Q?foo-=E4.html?="},
        "=?ISO-8859-1?Q?foo-=E4.html?=",
    ),
    ('form-data; name=""; filename=""', "form-data", {"name": "", "filename": ""}, ""),
]

BROKEN_HEADERS = [
    ('"inline"', "does not start with a type"),
    ('"attachment"', "does not start with a type"),
    ("filename=foo.html", "does not start with a type"),
    ("x=y; filename=foo.html", "does not start with a type"),
    ('"foo; filename=bar;baz"; filename=qux', "does not start with a type"),
    ("filename=foo.html, filename=bar.html", "does not start with a type"),
    ("; filename=foo.html", "does not start with a type"),
    (": inline; attachment; filename=foo.html", "does not start with a type"),
    ("filename=foo.html; attachment", "does not start with a type"),
    ("attachment filename=bar", "does not start with a type"),
    ("inline; attachment; filename=foo.html", "a parameter has no value"),
    ("attachment; inline; filename=foo.html", "a parameter has no value"),
    ("attachment; ;filename=foo", "a parameter has no value"),
    ("attachment; filename=foo.html ;", "a parameter has no value"),
    ("attachment; filename=foo,bar.html", "filename should be quoted"),
    ("attachment; filename=foo bar.html", "filename should be quoted"),
    ("attachment; filename=foo[1](2).html", "filename should be quoted"),
    ("attachment; filename=foo-\xe4.html", "filename should be quoted"),
    ("attachment; filename=foo-\xc3\xa4.html", "filename should be quoted"),
    ("attachment; filename=", "filename should be quoted"),
    ('attachment; filename=foo"bar;baz"qux', "filename should be quoted"),
    ("attachment; foo=foo filename=bar", "foo should be quoted"),
    ("attachment; filename=bar foo=foo", "filename should be quoted"),
    (
        "attachment; filename=foo.html, attachment; filename=bar.html",
        "filename should be quoted",
    ),
    ("attachment; filename==?ISO-8859-1?Q?foo-=E4.html?=", "should be quoted"),
    ('attachment; filename="foo.html".txt', "does not end where it should"),
    ('attachment; filename="a", attachment; filename="b"', "does not end where"),
    ('attachment; filename="bar', "does not end where it should"),
    ('attachment; filename="bar\\"', "does not end where it should"),
    ('attachment; filename="foo.html"; filename="bar.html"', "filename is given twice"),
]

BROKEN_PARAMS = [
    ("attachment; filename *=UTF-8''foo-%c3%a4.html", "its name is no token"),
    ("attachment; filename*=utf-8''foo-%E4.html", "not as RFC 8187 wants"),
    ("attachment; filename*=iso-8859-1''foo-%c3%a4-%e2%82%ac.html", "not as RFC 8187"),
    ("attachment; filename*=UTF-8''\"foo-%c3%a4.html\"", "not as RFC 8187 wants"),
    ('attachment; filename*="foo%20bar.html"', "not as RFC 8187 wants"),
    ("attachment; filename*=UTF-8'foo-%c3%a4.html", "not as RFC 8187 wants"),
    ("attachment; filename*=UTF-8''foo%", "not as RFC 8187 wants"),
    ("attachment; filename*=UTF-8''f%oo.html", "not as RFC 8187 wants"),
    ("attachment; filename*=UTF-8''f%4", "not as RFC 8187 wants"),
    ("attachment; filename*=klingon''foo", "not as RFC 8187 wants"),
    ("attachment; filename*=punycode''foo", "not as RFC 8187 wants"),
    ("attachment; filename*=", "not as RFC 8187 wants"),
    ("attachment; filename*0=foo bar", "its value is no token"),
    ("attachment; filename*1*=", "its value is no token"),
]


class ContentDisposition(unittest.TestCase):
    def test_good_headers(self):
        """Each gives its type, parameters and file name, and nothing warns."""
        for header, kind, params, filename in DISPOSITIONS:
            with self.subTest(header=header), warnings.catch_warnings():
                warnings.simplefilter("error")
                got = parse_content_disposition(header)
                self.assertEqual(got, (kind, params))
                self.assertEqual(content_disposition_filename(params), filename)

    def test_broken_headers(self):
        """Each warns once, with the reason, and is ignored whole."""
        for header, reason in BROKEN_HEADERS:
            with self.subTest(header=header), warnings.catch_warnings(record=True) as w:
                warnings.simplefilter("always")
                self.assertEqual(parse_content_disposition(header), (None, {}))
                self.assertEqual(
                    [item.category for item in w], [BadContentDispositionHeader]
                )
                self.assertIn(reason, str(w[0].message))
                self.assertEqual(w[0].filename, __file__)

    def test_broken_params(self):
        """Each warns, names the reason, and leaves the header without it."""
        for header, reason in BROKEN_PARAMS:
            with self.subTest(header=header), warnings.catch_warnings(record=True) as w:
                warnings.simplefilter("always")
                self.assertEqual(parse_content_disposition(header), (ATT, {}))
                self.assertEqual(
                    [item.category for item in w], [BadContentDispositionParam]
                )
                self.assertIn(reason, str(w[0].message))
                self.assertEqual(w[0].filename, __file__)

    def test_messages(self):
        """A broken parameter does not touch those after it; each warning says what."""
        header = (
            "attachment; a b=c; filename*=x; filename*0=d e; foo=bar; "
            "filename*1*=f; filename*2=g"
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = parse_content_disposition(header)
        self.assertEqual(
            got, (ATT, {"foo": "bar", "filename*1*": "f", "filename*2": "g"})
        )
        self.assertEqual(
            [str(item.message) for item in caught],
            [
                "parameter 'a b' ignored: its name is no token",
                "parameter filename* ignored: not as RFC 8187 wants",
                "parameter filename*0 ignored: its value is no token",
            ],
        )
        for header, reason in (
            ("a b", "it does not start with a type"),
            ("a; b", "a parameter has no value"),
            ('a; b="c" d', "a quoted value does not end where it should"),
            ("a; b=c; b=d", "b is given twice"),
            ("a; b=c d", "the value of b should be quoted"),
        ):
            with self.assertWarns(BadContentDispositionHeader) as warned:
                parse_content_disposition(header)
            self.assertEqual(
                str(warned.warning),
                "Content-Disposition %r ignored: %s" % (header, reason),
            )

    def test_form_data_keeps_backslashes(self):
        """Browsers send a backslash as it is: only two escapes count in a form."""
        got = parse_content_disposition(
            r'form-data; name="a\b\"c\\d"; filename="%22\y"', form_data=True
        )
        self.assertEqual(
            got, ("form-data", {"name": 'a\\b"c\\d', "filename": "%22\\y"})
        )

    def test_form_data_with_a_backslash_at_the_end(self):
        """A name that ends in a backslash ends there, where nothing else makes sense."""
        got = parse_content_disposition(
            'form-data; name="te\\"; filename="C:\\"', form_data=True
        )
        self.assertEqual(got, ("form-data", {"name": "te\\", "filename": "C:\\"}))
        got = parse_content_disposition('form-data; name="a\\""', form_data=True)
        self.assertEqual(got, ("form-data", {"name": 'a"'}))
        with self.assertWarns(BadContentDispositionHeader):
            parse_content_disposition('form-data; name="te\\', form_data=True)
        with self.assertWarns(BadContentDispositionHeader):
            parse_content_disposition('form-data; name="te\\"', form_data=False)

    def test_continuations(self):
        """More than ten pieces, a letter cut in two, and broken ones."""
        params = {"filename*%d" % i: str(i % 10) for i in range(12)}
        self.assertEqual(content_disposition_filename(params), "012345678901")
        params = {"filename*0*": "''%c3", "filename*1*": "%a4'", "filename*2": "%41"}
        self.assertEqual(content_disposition_filename(params), "\xe4'%41")
        params = {"filename*0*": "ISO-8859-15''%a4"}
        self.assertEqual(content_disposition_filename(params), "\u20ac")
        params = {"filename*0*": "utf-8'en'a'b%27c", "filename*1*": "'d"}
        self.assertEqual(content_disposition_filename(params), "a'b'c'd")
        params = {"filename*0*": "no-quotes%41"}
        self.assertEqual(content_disposition_filename(params), "no-quotesA")
        params = {"filename*0*": "one'quote"}
        self.assertEqual(content_disposition_filename(params), "one'quote")
        params = {"filename*0": "/\\/X", "filename*1*": "%2f"}
        self.assertEqual(content_disposition_filename(params), "X/")
        for first in ("klingon''x", "''%c3", "''%", "utf-8''%zz"):
            with self.subTest(first=first):
                broken = {"filename*0*": first}
                self.assertIsNone(content_disposition_filename(broken))


class HostileText(unittest.TestCase):
    def test_linear(self):
        """16 KB of anything parses in milliseconds."""
        for seed in (
            '"',
            "\\",
            '\\"',
            ";",
            "a=;",
            'a="',
            'a="";',
            "*=",
            "%",
            " ",
            "*0=a;",
        ):
            for lead in ("", "attachment;", 'attachment;a="', "attachment;a*=''"):
                text = lead + seed * (16384 // len(seed))
                began = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    content_disposition_filename(parse_content_disposition(text)[1])
                self.assertLess(time.process_time() - began, 0.5, (lead, seed))


if __name__ == "__main__":
    unittest.main()
