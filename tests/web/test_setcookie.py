"""web/setcookie.py: what a Set-Cookie header asks for, and who may ask it."""

import calendar
import time
import unittest

from wikistd.web.setcookie import (
    MAX_COOKIE_AGE_SECONDS,
    SetCookie,
    default_cookie_path,
    domain_matches,
    host_chain,
    is_registry,
    is_trustworthy,
    parse_cookie_date,
    parse_max_age,
    parse_set_cookie,
    path_matches,
    resolve_cookie,
)

NOW = 1_800_000_000.0


class NameAndValue(unittest.TestCase):
    def test_pairs(self):
        """Everything before the first semicolon counts, split at the first equals sign."""
        for text, wanted in [
            ("a=b", ("a", "b")),
            ("a=", ("a", "")),
            ("a=b=c==", ("a", "b=c==")),
            (" \ta \t= \tb \t;", ("a", "b")),
            ('a="b c"', ("a", '"b c"')),
            ('a="b;c"', ("a", '"b')),
            ("a=b, c=d", ("a", "b, c=d")),
            ('"a=b', ('"a', "b")),
            ("a b=c d", ("a b", "c d")),
            ("a\tb=c\td", ("a\tb", "c\td")),
            ("$Version=1; a=b", ("$Version", "1")),
            ("a=caf\xc3\xa9", ("a", "caf\xc3\xa9")),
            ("\xe6\x98\xa5=x", ("\xe6\x98\xa5", "x")),
            ("!#$%&'*+-.^_`|~()/:<>?@[]{}=x", ("!#$%&'*+-.^_`|~()/:<>?@[]{}", "x")),
        ]:
            with self.subTest(text=text):
                got = parse_set_cookie(text, NOW)
                self.assertEqual((got.name, got.value), wanted)
                self.assertEqual(got[2:], (None, "", "", False, {}))

    def test_ignored(self):
        """No name, a control character or more than 4096 bytes: there is no cookie."""
        for text in [
            "", " ", ";", "a", "a; b=c", "=", "=b", " =b", "==b", "; a=b", '"a;b"=c',
            "a=b\x00", "a=\x1fb", "a\x7f=b", "a=b; Path=/\r", "a=b\nc",
            "a" * 4096 + "=b", "a=" + "b" * 4096,
        ]:
            with self.subTest(text=text[:20]):
                self.assertIsNone(parse_set_cookie(text, NOW))

    def test_largest(self):
        """4096 bytes of name and value are kept."""
        self.assertIsNotNone(parse_set_cookie("a=" + "b" * 4095, NOW))


class Attributes(unittest.TestCase):
    def parse(self, attributes):
        return parse_set_cookie("a=b;" + attributes, NOW)

    def test_flags(self):
        """Secure and HttpOnly count in any case and whatever their value."""
        for text in ["Secure", "secure", "SECURE=no", " secure = x ", "x; Secure;y"]:
            with self.subTest(text=text):
                self.assertTrue(self.parse(text).secure)
        for text in ["Secure x", '"Secure"', "Securely", "x=Secure", ""]:
            with self.subTest(text=text):
                self.assertFalse(self.parse(text).secure)
        self.assertEqual(self.parse("httponly=0").attributes, {"HttpOnly": None})

    def test_path(self):
        """The last Path counts; one that does not begin with a slash means none."""
        for text, wanted in [
            ("Path=/x", "/x"), ("path =\t/x ", "/x"), ("Path=/x; Path=/y", "/y"),
            ("Path=/x; Path=", ""), ("Path=/x; Path", ""), ("Path=; Path=/x", "/x"),
            ("Path=x", ""), ('Path="/x"', ""), ("Path=/" + "x" * 1024, ""),
            ("Path=/X%2f?#", "/X%2f?#"),
        ]:
            with self.subTest(text=text[:20]):
                self.assertEqual(self.parse(text).path, wanted)

    def test_domain(self):
        """The last Domain counts; one leading dot goes; case does not matter."""
        for text, wanted in [
            ("Domain=a.example", "a.example"), ("Domain=.A.Example", "a.example"),
            ("Domain=..a.example", ".a.example"), ("Domain= .a.example ", "a.example"),
            ("Domain=a.example; Domain=b.example", "b.example"),
            ("Domain=a.example; Domain=", ""), ("Domain", ""), ("Domain=.", ""),
        ]:
            with self.subTest(text=text):
                self.assertEqual(self.parse(text).domain, wanted)

    def test_same_site(self):
        """SameSite is kept in its usual spelling; the last one counts."""
        for text, wanted in [
            ("SameSite=lax", {"SameSite": "Lax"}),
            ("samesite=STRICT", {"SameSite": "Strict"}),
            ("SameSite=None; SameSite=x", {}),
            ("SameSite", {}), ("SameSites=Lax", {}), ("x=None", {}),
        ]:
            with self.subTest(text=text):
                self.assertEqual(self.parse(text).attributes, wanted)

    def test_unknown(self):
        """What is not known changes nothing: Version, Comment, commas, junk."""
        for text in ["Version=1000", "Comment=x; Max-Ages=0", ",,, ===,x,=;", "bar=b,az"]:
            with self.subTest(text=text):
                self.assertEqual(self.parse(text), SetCookie("a", "b", None, "", "", False, {}))

    def test_max_age(self):
        """Max-Age is a number of seconds from now, 400 days at most; else it is ignored."""
        for text, wanted in [
            ("60", 60), ("0", 0), ("-1", 0), ("-", None), ("", None), ("1.5", None),
            ("50,399", None), ("+5", None), ("1_0", None), ("\u0663", None), ("--1", None),
            ("5x", None), ("9" * 5000, MAX_COOKIE_AGE_SECONDS), ("-" + "9" * 5000, 0),
            ("0000000000060", 60),
        ]:
            with self.subTest(text=text[:20]):
                self.assertEqual(parse_max_age(text), wanted)
        self.assertEqual(self.parse("Max-Age=60").expires, NOW + 60)
        self.assertEqual(self.parse("Max-Age=-60").expires, 0)
        self.assertEqual(self.parse("Max-Age=1.5").expires, None)

    def test_max_age_comes_first(self):
        """Max-Age beats Expires, in either order."""
        past = "Expires=Thu, 10 Apr 1980 16:33:12 GMT"
        self.assertEqual(self.parse("Max-Age=60; " + past).expires, NOW + 60)
        self.assertEqual(self.parse(past + "; Max-Age=60").expires, NOW + 60)
        self.assertEqual(self.parse("Max-Age=x; " + past).expires, 324232392.0)

    def test_nobody_is_remembered_for_ever(self):
        """An expiry in a thousand years is 400 days."""
        got = self.parse("Expires=Fri, 01 Jan 3000 00:00:00 GMT")
        self.assertEqual(got.expires, NOW + 400 * 86400)


class Dates(unittest.TestCase):
    def test_understood(self):
        """The tokens of a date may come in any order and form."""
        wanted = calendar.timegm((2027, 3, 9, 8, 4, 5))
        for text in [
            "Tue, 09 Mar 2027 08:04:05 GMT", "Tue, 09-Mar-27 08:04:05 GMT",
            "Tue Mar  9 08:04:05 2027", "9 mar 2027 8:4:5", "2027 march 9 08:04:05",
            "08:04:05 9 MARCH 2027 UTC", "Tuesday, 9-Mar-2027 08:04:05", "9/Mar/2027;08:04:05",
            "9xyz Marx 2027y 08:04:05.123", "garbage 9 Mar 27 8:04:05 +0100", "09 Mar 27 08:04:05",
        ]:
            with self.subTest(text=text):
                self.assertEqual(parse_cookie_date(text), wanted)

    def test_edges(self):
        """The last second of a day, the first year, the first and last day count."""
        for text, wanted in [
            ("31 Dec 2027 23:59:59", (2027, 12, 31, 23, 59, 59)), ("1 Jan 1601 00:00:00", (1601, 1, 1, 0, 0, 0)),
        ]:
            self.assertEqual(parse_cookie_date(text), calendar.timegm(wanted))

    def test_two_digits(self):
        """Two-digit years are 1970 to 2069."""
        for year, wanted in [("70", 1970), ("99", 1999), ("00", 2000), ("69", 2069), ("099", 1999)]:
            got = parse_cookie_date("1 Jan %s 00:00:00" % year)
            self.assertEqual(time.gmtime(got).tm_year, wanted)

    def test_not_understood(self):
        """Out of range or incomplete: no date."""
        for text in [
            "", "tomorrow", "Tue, 09 Mar 2027", "09 2027 08:04:05", "Mar 2027 08:04:05",
            "09 Mar 08:04:05", "31 Feb 2027 08:04:05", "00 Mar 2027 08:04:05",
            "32 Mar 2027 08:04:05", "9 Mar 1600 08:04:05", "9 Mar 20270 08:04:05",
            "9 Mar 2027 24:00:00", "9 Mar 2027 08:60:00", "9 Mar 2027 08:04:60",
            "9 Mar 2027 008:04:05", "9 Mar 2027 08:04", "\u0669 Mar 2027 08:04:05",
            "9 Mar 0 08:04:05",
        ]:
            with self.subTest(text=text):
                self.assertIsNone(parse_cookie_date(text))

    def test_leap_day(self):
        """29 February exists in leap years only."""
        self.assertIsNotNone(parse_cookie_date("29 Feb 2028 00:00:00"))
        self.assertIsNone(parse_cookie_date("29 Feb 2027 00:00:00"))


class Matching(unittest.TestCase):
    def test_paths(self):
        """A cookie's path covers itself and what is below it, not what only begins so."""
        for path, cookie, wanted in [
            ("/", "/", True), ("/x", "/", True), ("/any", "/any", True),
            ("/any/more", "/any", True), ("/anybad", "/any", False), ("/any", "/any/", False),
            ("/any/", "/any/", True), ("/any//x", "/any/", True), ("/Any", "/any", False),
            ("/", "/any", False), ("/a%2fb", "/a", False), ("/foo/bar", "/f%6Fo", False),
        ]:
            with self.subTest(path=path, cookie=cookie):
                self.assertEqual(path_matches(path, cookie), wanted)

    def test_default_path(self):
        """Without Path it is the folder of the request."""
        for path, wanted in [("/", "/"), ("/x", "/"), ("/x/", "/x"), ("/x/y", "/x"), ("", "/"), ("*", "/")]:
            with self.subTest(path=path):
                self.assertEqual(default_cookie_path(path), wanted)

    def test_domains(self):
        """A domain covers itself and names below it; addresses have nothing below them."""
        for host, domain, wanted in [
            ("a.example.org", "example.org", True), ("example.org", "example.org", True),
            ("badexample.org", "example.org", False), ("example.org", "a.example.org", False),
            ("1.2.3.4", "3.4", False), ("1.2.3.4", "1.2.3.4", True), ("a.b", "", False),
        ]:
            with self.subTest(host=host, domain=domain):
                self.assertEqual(domain_matches(host, domain), wanted)

    def test_chain(self):
        """Where cookies for a host may be stored: itself, and each domain above it."""
        self.assertEqual(
            host_chain("a.b.org"), ["a.b.org", ".a.b.org", ".b.org", ".org"]
        )
        self.assertEqual(host_chain("wiki"), ["wiki", ".wiki"])
        self.assertEqual(host_chain("127.0.0.1"), ["127.0.0.1", ".127.0.0.1"])
        self.assertEqual(host_chain("::1"), ["::1", ".::1"])

    def test_registries(self):
        """Names under which anybody can have one are nobody's domain."""
        for domain in ["org", "localhost", "co.uk", "com.au", "ac.jp"]:
            self.assertTrue(is_registry(domain), domain)
        for domain in ["example.org", "t.co", "example.co.uk", "wikipedia.org", "com.example"]:
            self.assertFalse(is_registry(domain), domain)

    def test_trustworthy(self):
        """https is, and this very machine, as in browsers."""
        for scheme, host in [("https", "a"), ("wss", "a"), ("http", "localhost"),
                             ("http", "x.localhost"), ("http", "127.1.2.3"), ("http", "::1")]:
            self.assertTrue(is_trustworthy(scheme, host), host)
        for host in ["a.example", "localhost.example", "127.example.org", "10.0.0.1"]:
            self.assertFalse(is_trustworthy("http", host), host)


class Permission(unittest.TestCase):
    def ask(self, header, url=("https", "en.example.org", "/w/api.php")):
        return resolve_cookie(parse_set_cookie(header, NOW), *url)

    def test_place(self):
        """Where a cookie goes: the host alone, or the domain it names."""
        for header, wanted in [
            ("a=b", ("en.example.org", True, "/w")),
            ("a=b; Path=/", ("en.example.org", True, "/")),
            ("a=b; Domain=example.org", ("example.org", False, "/w")),
            ("a=b; Domain=en.example.org", ("en.example.org", False, "/w")),
            ("a=b; Domain=EXAMPLE.org", ("example.org", False, "/w")),
            ("a=b; Domain=x.org; Domain=", ("en.example.org", True, "/w")),
        ]:
            with self.subTest(header=header):
                self.assertEqual(self.ask(header), wanted)

    def test_refused(self):
        """Foreign domains, registries, ports, empty labels, quoted names are refused."""
        for domain in [
            "example.com", "de.example.org", "a.en.example.org", "ple.org", "org", "..example.org",
            "example.org.", "example..org", "example.org:443", '"example.org"', ". example.org",
            "\xff.org", "\xc3\xa9" * 300 + ".org", "en.example.org .",
        ]:
            with self.subTest(domain=domain[:20]):
                self.assertIsNone(self.ask("a=b; Domain=" + domain))

    def test_registry_itself(self):
        """A registry's own host may keep a cookie, for itself alone."""
        self.assertEqual(
            self.ask("a=b; Domain=co.uk", ("https", "co.uk", "/")), ("co.uk", True, "/")
        )
        self.assertIsNone(self.ask("a=b; Domain=co.uk", ("https", "x.co.uk", "/")))
        self.assertEqual(
            self.ask("a=b; Domain=localhost", ("http", "localhost", "/")), ("localhost", True, "/")
        )

    def test_addresses(self):
        """A cookie for an address is for it alone."""
        url = ("http", "10.0.0.1", "/")
        self.assertEqual(self.ask("a=b; Domain=10.0.0.1", url), ("10.0.0.1", True, "/"))
        self.assertIsNone(self.ask("a=b; Domain=0.0.1", url))

    def test_international_domain(self):
        """A Domain beyond ASCII is compared by its IDNA name."""
        url = ("https", "xn--bcher-kva.example", "/")
        name = "b\u00fccher.example".encode().decode("latin-1")
        self.assertEqual(self.ask("a=b; Domain=" + name, url), (url[1], False, "/"))

    def test_secure_needs_https(self):
        """Secure cannot be set over http, but on this very machine."""
        self.assertIsNone(self.ask("a=b; Secure", ("http", "en.example.org", "/")))
        self.assertIsNotNone(self.ask("a=b; Secure", ("http", "localhost", "/")))

    def test_same_site_none(self):
        """SameSite=None without Secure is refused."""
        self.assertIsNone(self.ask("a=b; SameSite=None"))
        self.assertIsNotNone(self.ask("a=b; SameSite=None; Secure"))

    def test_prefixes(self):
        """__Secure- and __Host- hold what they promise, in any case."""
        for header, wanted in [
            ("__Secure-a=b; Secure", True), ("__Secure-a=b", False), ("__SECURE-a=b", False),
            ("__Host-a=b; Secure; Path=/", True), ("__Host-a=b; Secure", False),
            ("__Host-a=b; Path=/", False), ("__host-a=b; Secure; Path=/w", False),
            ("__Host-a=b; Secure; Path=/; Domain=en.example.org", False),
            ("__Secure-a=b; Secure; Domain=example.org", True),
        ]:
            with self.subTest(header=header):
                self.assertEqual(self.ask(header) is not None, wanted)


if __name__ == "__main__":
    unittest.main()
