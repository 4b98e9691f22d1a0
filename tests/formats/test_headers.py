"""Header values: media types, dates, challenges, links, and what may be sent."""

import email.message
import time
import unittest

from wikistd.formats.headers import (
    Challenge,
    PartHeaders,
    check_fields,
    check_header,
    check_token,
    get_charset_from_content_type,
    is_token,
    known_charset,
    parse_challenges,
    parse_content_type,
    parse_http_date,
    parse_link,
    parse_mimetype,
    parse_retry_after,
    quote_string,
)


class MediaTypes(unittest.TestCase):
    def test_parse_mimetype(self):
        cases = [
            (None, ("", "", "", {})),
            ("", ("", "", "", {})),
            ("*", ("*", "*", "", {})),
            ("wrong", ("wrong", "", "", {})),
            ("application/json", ("application", "json", "", {})),
            (
                "application/json;  charset=utf-8",
                ("application", "json", "", {"charset": "utf-8"}),
            ),
            (
                "application/json;  charset=utf-8;",
                ("application", "json", "", {"charset": "utf-8"}),
            ),
            (
                'ApPlIcAtIoN/JSON;ChaRseT="UTF-8"',
                ("application", "json", "", {"charset": "UTF-8"}),
            ),
            ("application/rss+xml", ("application", "rss", "xml", {})),
            ("application/a+b+json", ("application", "a+b", "json", {})),
            ("text/plain;base64", ("text", "plain", "", {"base64": ""})),
            (
                'a/b; c="x;\\"y"; d = z ;;e',
                ("a", "b", "", {"c": 'x;"y', "d": "z", "e": ""}),
            ),
            ('a/b; c="x" junk; d=z', ("a", "b", "", {"c": "x", "d": "z"})),
            ('a/b; c="x; d', ("a", "b", "", {"c": "x; d"})),
            ("a/b; c=1; C=2", ("a", "b", "", {"c": "1"})),
            ("a/b; =1", ("a", "b", "", {})),
        ]
        for text, want in cases:
            with self.subTest(text=text):
                self.assertEqual(parse_mimetype(text), want)

    def test_parse_content_type(self):
        self.assertEqual(parse_content_type("wrong"), ("application/octet-stream", {}))
        self.assertEqual(parse_content_type("a/b/c"), ("application/octet-stream", {}))
        self.assertEqual(parse_content_type(None), ("application/octet-stream", {}))
        self.assertEqual(parse_content_type("a/b+c; d=e"), ("a/b+c", {"d": "e"}))
        self.assertEqual(parse_content_type("a/b"), ("a/b", {}))

    def test_charset(self):
        cases = [
            (None, None),
            ("text/html", None),
            ("text/html; charset=", None),
            ("text/html; charset=UTF-8", "utf-8"),
            ("text/html; charset='utf-8'", "utf-8"),
            ('text/html; charset="iso-8859-1"', "iso-8859-1"),
            ("text/html; charset=windows-1251", "cp1251"),
            ("text/html; charset=win1251", "cp1251"),
            ("text/html; charset=cp-1252", "cp1252"),
            ("text/html; charset=x-euc-jp", "euc_jp"),
            ("text/html; charset=ascii1", "ascii1"),
            ("text/html; charset=cpx", "cpx"),
        ]
        for text, want in cases:
            with self.subTest(text=text):
                self.assertEqual(get_charset_from_content_type(text), want)

    def test_known_charset(self):
        """Codecs that are no charsets, or cost too much, are not for the network."""
        good = (
            "utf-8 UTF_16 utf-32 iso-8859-2 latin1 l1 us-ascii ascii windows-1251 cp1252 "
            "koi8-u gb2312 gbk big5 shift_jis sjis euc-jp euc_kr iso2022_jp tis-620 "
            "mac_cyrillic"
        )
        for name in good.split():
            self.assertEqual(known_charset(name), name)
        bad = ("utf-7", "punycode", "idna", "hex", "utf-8\0", "utf8x", "cp\xe9", "")
        for name in bad:
            self.assertIsNone(known_charset(name), name)


class Dates(unittest.TestCase):
    def test_three_forms(self):
        for text in (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sun, 6 nov 1994 08:49:37 utc",
        ):
            self.assertEqual(parse_http_date(text, 1.7e9), 784111777.0)

    def test_every_month_and_leap_years(self):
        years = "1600 1601 1700 1701 1900 1901 1969 1970 1973 1999 2000 2001 2023 2024"
        for year in map(int, (years + " 2025 2100 2101 2400 2401").split()):
            for month in "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split():
                for day in (1, 28):
                    text = "Xxx, %02d %s %d 23:59:59 GMT" % (day, month, year)
                    stamp = parse_http_date(text, 0)
                    back = time.gmtime(stamp)
                    shown = time.strftime("%d %b %Y %H:%M:%S", back)
                    self.assertEqual(shown, "%02d %s %d 23:59:59" % (day, month, year))
        self.assertIsNotNone(parse_http_date("X, 29 Feb 2024 00:00:00 GMT", 0))
        self.assertIsNone(parse_http_date("X, 29 Feb 2023 00:00:00 GMT", 0))
        self.assertIsNone(parse_http_date("X, 29 Feb 1900 00:00:00 GMT", 0))
        self.assertIsNotNone(parse_http_date("X, 29 Feb 2000 00:00:00 GMT", 0))

    def test_century(self):
        """A year of two digits more than 50 years ahead is of the past century."""
        now = parse_http_date("X, 01 Jul 2026 00:00:00 GMT", 0)
        for short, year in (("26", 2026), ("76", 2076), ("77", 1977), ("00", 2000)):
            text = "Xday, 01-Jul-%s 00:00:00 GMT" % short
            self.assertEqual(time.gmtime(parse_http_date(text, now))[0], year)

    def test_broken(self):
        for text in (
            "",
            "tomorrow",
            "Sun, 06 Nov 1994",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1599 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, x6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, \u0666 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT" + " " * 60,
        ):
            with self.subTest(text=text):
                self.assertIsNone(parse_http_date(text, 0))
        self.assertIsNotNone(parse_http_date("Sun, 06 Nov 1994 23:59:60 GMT", 0))

    def test_retry_after(self):
        cases = [
            (None, None),
            ("", None),
            ("5", 5.0),
            (" 5.5 ", 5.5),
            ("0", 0.0),
            ("-3", 0.0),
            ("1_0", None),
            ("1.2.3", None),
            ("-", None),
            ("soon", None),
            ("9" * 65, None),
            ("nan", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37.0),
            ("Sun, 06 Nov 1994 08:48:37 GMT", 0.0),
        ]
        for text, want in cases:
            with self.subTest(text=text):
                self.assertEqual(parse_retry_after(text, 784111740.0), want)


class Challenges(unittest.TestCase):
    def test_challenges(self):
        cases = [
            ("", []),
            (" , ,", []),
            ('Basic realm="x"', [("basic", "", {"realm": "x"})]),
            ("Basic", [("basic", "", {})]),
            (
                'Negotiate, Basic charset="UTF-8", realm="a\\"b,c"',
                [
                    ("negotiate", "", {}),
                    ("basic", "", {"charset": "UTF-8", "realm": 'a"b,c'}),
                ],
            ),
            ("NTLM TlRM==", [("ntlm", "TlRM==", {})]),
            ("NTLM TlRM== , X a", [("ntlm", "TlRM==", {}), ("x", "a", {})]),
            (
                'Digest Realm = "r" , qop="auth,auth-int", stale=TRUE,Bearer',
                [
                    (
                        "digest",
                        "",
                        {"realm": "r", "qop": "auth,auth-int", "stale": "TRUE"},
                    ),
                    ("bearer", "", {}),
                ],
            ),
            ("Basic realm=a, realm=b", [("basic", "", {"realm": "a"})]),
            ('Basic realm=a, realm2="b', [("basic", "", {"realm": "a"})]),
            ("realm=x", []),
            ("(junk) Basic, Bearer a=b", [("bearer", "", {"a": "b"})]),
            ("Basic a b", [("basic", "", {}), ("a", "b", {})]),
        ]
        for text, want in cases:
            with self.subTest(text=text):
                got = parse_challenges(text)
                self.assertEqual(got, [Challenge(*item) for item in want])


class Links(unittest.TestCase):
    def test_links(self):
        cases = [
            ("", []),
            ("<>", [("", {})]),
            (
                '<https://a/?x=1,2>; rel="next"; title="a;b,c"',
                [("https://a/?x=1,2", {"rel": "next", "title": "a;b,c"})],
            ),
            (
                "</a>;rel=next , </b> ; REL = prev;rel=up;nofollow",
                [
                    ("/a", {"rel": "next"}),
                    ("/b", {"rel": "prev", "nofollow": ""}),
                ],
            ),
            ("</a>; title*=UTF-8''%c3%a4", [("/a", {"title*": "\xe4"})]),
            ("</a>; title*=UTF-8''%c3; x=1", [("/a", {"x": "1"})]),
            ("junk, </a>", [("/a", {})]),
            ("</a> junk, </b>", [("/a", {}), ("/b", {})]),
            ("</a", []),
            ('</a>; rel="x, </b>', [("/a", {})]),
            ("</a>; ; rel=x", [("/a", {"rel": "x"})]),
        ]
        for text, want in cases:
            with self.subTest(text=text):
                self.assertEqual(parse_link(text), want)


class Sending(unittest.TestCase):
    def test_token(self):
        for text in ("a", "X-CSRF-Token", "!#$%&'*+-.^_`|~09azAZ"):
            self.assertTrue(is_token(text))
            check_token(text, "method")
        for text in ("", " ", "a b", "a\n", "\xe9", "a\0", "a:b", "(", "a/b", '"a"'):
            self.assertFalse(is_token(text), text)
        with self.assertRaises(ValueError) as caught:
            check_token("a b", "method")
        self.assertEqual(
            str(caught.exception), "method 'a b' is not a token (RFC 9110 5.6.2)"
        )

    def test_header(self):
        for value in ("", "a b\tc", "caf\xe9 \x80\xff", "~"):
            check_header("X", value)
        for code in list(range(32)) + [127]:
            if code != 9:
                with self.assertRaises(ValueError) as caught:
                    check_header("X-Y", "secret" + chr(code))
                self.assertEqual(
                    str(caught.exception),
                    "value of header X-Y has the control character %r at offset 6"
                    % chr(code),
                )
        with self.assertRaises(ValueError) as caught:
            check_header("X", "\xff\u0100")
        self.assertEqual(
            str(caught.exception),
            "value of header X has '\u0100' at offset 1, which latin-1 cannot encode",
        )
        with self.assertRaises(ValueError):
            check_header("a:b", "x")

    def test_fields(self):
        """All fields of a head are checked as one, and refused as each would be."""
        check_fields([], [])
        check_fields(["A", "B"], ["", "caf\xe9\tx"])
        for name, value in (
            ("", "x"), ("a b", "x"), ("a\r\nb", "x"), ("X", "a\r\nY: b"), ("X", "a\0"),
            ("X", "\x7f"), ("X", "\u0100"),
        ):
            with self.assertRaises(ValueError):
                check_fields(["A", name], ["b", value])
        with self.assertRaisesRegex(TypeError, "^value of header X is int, not a str$"):
            check_fields(["X"], [5])
        with self.assertRaises(ValueError) as caught:
            check_fields(["X"], ["secret \u0142"])
        self.assertEqual(
            str(caught.exception),
            "value of header X holds characters beyond latin-1: percent-encode it",
        )

    def test_quote_string(self):
        self.assertEqual(quote_string('a"b\\c'), '"a\\"b\\\\c"')
        with self.assertRaises(ValueError):
            quote_string("a\r\nb")


class Fields(unittest.TestCase):
    def test_reading(self):
        fields = PartHeaders([("A", "1"), ("b", "2"), ("a", "3")])
        self.assertEqual(fields["a"], "1")
        self.assertEqual(fields.getall("A"), ["1", "3"])
        self.assertEqual(list(fields), ["A", "b"])
        self.assertEqual(len(fields), 2)
        self.assertIn("B", fields)
        self.assertNotIn("c", fields)
        self.assertIsNone(fields.get("c"))
        self.assertEqual(repr(fields), "<PartHeaders A, b, a>")
        fields.add("Content-Type", "text/plain")
        self.assertEqual(repr(fields), "<PartHeaders A, b, a, Content-Type: text/plain>")

    def test_changing(self):
        fields = PartHeaders({"A": "1"})
        fields["x"] = "y"
        fields.add("a", "2")
        fields.add("a", "3")
        fields["a"] = "4"
        self.assertEqual(fields.pairs, [("a", "4"), ("x", "y")])
        del fields["X"]
        self.assertEqual(fields.pairs, [("a", "4")])
        with self.assertRaises(KeyError):
            del fields["x"]
        with self.assertRaises(KeyError):
            fields["x"]

    def test_sources(self):
        """Mappings, pairs, messages, other fields; nothing at all."""
        message = email.message.Message()
        message["A"] = "1"
        message["A"] = "2"
        for source in (message, [("A", "1"), ("A", "2")], PartHeaders(message).pairs):
            self.assertEqual(PartHeaders(source).getall("a"), ["1", "2"])
        self.assertEqual(PartHeaders(None).pairs, [])


class HostileText(unittest.TestCase):
    def test_linear(self):
        """16 KB of anything parses in milliseconds."""
        seeds = [
            ",", " ", ";", "=", '"', "\\", '\\"', "a", "a=", 'a="', "a=b;", "a=b,", "<",
            "<a>,", "<a>;", '<a>;b="', "a ", "a a=,", "%", "'", "''", "\xa0", "*", "*0=",
            'a="\\a', '="";', "a==", "filename*0=a;", "x*=''%41;", "-1", "0", "Jan ",
            "a\t", 'a="b"', '";', "+", "/",
        ]  # fmt: skip
        for seed in seeds:
            for lead in ("", "a/b;", "Basic ", "<x>;"):
                text = lead + seed * (16384 // len(seed))
                began = time.process_time()
                parse_mimetype(text)
                parse_challenges(text)
                parse_link(text)
                parse_retry_after(text, 0)
                self.assertLess(time.process_time() - began, 0.5, (lead, seed))


class LoneValues(unittest.TestCase):
    def test_only_equals_signs_end_them(self):
        """RFC 9110 11.2: a token68 ends with equals signs; else it is a parameter."""
        for text, want in (
            ("Negotiate abc=", ("negotiate", "abc=", {})),
            ("Digest nc=X", ("digest", "", {"nc": "X"})),
            ("Digest nc=X, qop=auth", ("digest", "", {"nc": "X", "qop": "auth"})),
            ("Bearer abc= x", ("bearer", "", {"abc": "x"})),
        ):
            self.assertEqual(parse_challenges(text), [Challenge(*want)], text)


if __name__ == "__main__":
    unittest.main()
