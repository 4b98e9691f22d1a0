"""Injection: what would be two headers, two requests or another host is refused first."""

import contextlib
import unittest

from wikistd import (
    BearerAuth,
    CookieStore,
    FormData,
    HttpClient,
    MultipartWriter,
    ProxySettings,
    WikistdError,
    default_user_agent,
    parse_proxy,
)
from wikistd.web.proxies import ProxyAuth

from .network import Bytes, on_bytes

#: Every C0 control, DEL and space.
CONTROLS = [chr(number) for number in list(range(33)) + [127]]
#: What some parsers take for the end of a line, or drop.
FURTHER = ["\r\n", "\n\t", "\r\n ", "\x85", "\u2028", "\r\nX: y\r\n\r\nGET /evil HTTP/1.1"]


class Refused(unittest.TestCase):
    def setUp(self):
        self.network = Bytes(a_example=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.client = on_bytes(self.network)
        self.addCleanup(self.client.close)

    @contextlib.contextmanager
    def refused(self, *kinds):
        """The block raises, and no connection is made."""
        with self.assertRaises(kinds or (ValueError,)):
            yield
        self.assertEqual(self.network.opened, [])

    def test_cve_2016_5699_urls_and_headers(self):
        """CVE-2016-5699, 2019-9740, -9947, -18348, 2022-0391, 2019-11236, 2020-11078.

        Every C0 control, DEL and space in URL, host, header or parameter: ValueError
        before a connection is made.  (In a parameter they are encoded.)
        """
        for bad in CONTROLS + FURTHER[:3] + FURTHER[5:]:
            for url in ["http://a.example/%s", "http://a.example/?q=%s", "http://a%sexample/",
                        "http://%sa.example/", "http://u%s@a.example/", "http://a.example:8%s0/",
                        "%shttp://a.example/", "http:%s//a.example/", "http://a.example/#%s"]:
                with self.subTest(bad=bad, url=url), self.refused():
                    self.client.get(url % bad)
        for bad in [c for c in CONTROLS if c not in " \t"] + ["\r\n", "\n\t", FURTHER[5], "\u2028", "\u0100"]:
            for headers in [{"X-Y": "a%sb"}, {"Cookie": "a=%s"}, {"User-Agent": "%sx"},
                            {"Authorization": "x%s"}, {"Host": "a%s"}, {"Content-Type": "a/%s"}]:
                with self.subTest(bad=bad, headers=headers), self.refused():
                    self.client.get("http://a.example/", headers={n: v % bad for n, v in headers.items()})
        for bad in CONTROLS + [":", "\u00e9", "(", ""]:
            with self.subTest(name=bad), self.refused():
                self.client.get("http://a.example/", headers={bad if not bad else "X" + bad + "Y": "z"})
        for name in ["a;b", "a\r\n", "a=b", "a b"]:
            with self.refused():
                self.client.get("http://a.example/", cookies={name: "x"})
        for value in ["x;y", "x\r\ny", "x\x00"]:
            with self.refused():
                self.client.get("http://a.example/", cookies={"n": value})
        for bad in ["a\r\nb", "a\x00b", "a\x7fb"]:
            with self.refused():
                HttpClient(user_agent=bad)
            with self.refused():
                default_user_agent(bad)
            with self.refused():
                BearerAuth(bad)
            with self.refused():
                HttpClient(auth=("u", bad)).get("http://u:%s@a.example/" % bad)

    def test_cve_2016_5699_parameters(self):
        """A control in a parameter is encoded, and stays one parameter."""
        response = self.client.get("http://a.example/", params={"q": "a\r\nX: y\x00"})
        self.assertEqual(response.status, 200)
        line = self.network.sent["a.example"].partition(b"\r\n")[0]
        self.assertEqual(line, b"GET /?q=a%0D%0AX%3A+y%00 HTTP/1.1")

    def test_cve_2020_26116_method(self):
        """CVE-2020-26116, -26137, 2023-49081, -49082: a method is an RFC 9110 token."""
        for bad in CONTROLS:
            with self.subTest(bad=bad), self.refused():
                self.client.request("GE%sT" % bad, "http://a.example/")
        for method in ["", "GET /evil", "GET\r\nX: y", "G\u00c9T", "GET:", "(GET)"]:
            with self.subTest(method=method), self.refused():
                self.client.request(method, "http://a.example/")

    def test_cve_2026_1502_connect(self):
        """CVE-2026-1502: nothing breaks out of a CONNECT request."""
        for bad in ["\r\n", "\r", "\n", "\x00", " ", "\t"]:
            with self.assertRaises(ValueError):
                parse_proxy("http://p%sq.example:1" % bad)
            with self.assertRaises(ValueError):
                parse_proxy("http://user%s:x@p.example:1" % bad)
            network = Bytes(p_example=b"HTTP/1.1 200 OK\r\n\r\n")
            with on_bytes(network, proxies={"https": "http://p.example:1"}) as client:
                with self.assertRaises(ValueError):
                    client.get("https://a%sb.example/" % bad)
                with self.assertRaises(ValueError):
                    client.get("https://a.example/", headers={"User-Agent": "x%sy" % bad if bad.strip(" \t") else "\x01"})
            self.assertEqual(network.opened, [])
        for encoded in ["%0d%0a", "%00", "%7f"]:
            with self.assertRaises(ValueError):
                ProxySettings({"https": "http://u:a%sb@p.example" % encoded}).find("https", "a", 443)
        value = ProxyAuth().authorization(parse_proxy("http://u:%C3%A9@p"), "CONNECT", "a:443")
        self.assertTrue(value.isprintable())

    def test_cve_2026_34514_form_data(self):
        """CVE-2026-34514, -50269: CR, LF or NUL anywhere in a part's headers: ValueError."""
        for bad in ["\r\n", "\r", "\n", "\x00", "\r\n\r\n"]:
            for fields in [{"name": "a%sb"}, {"filename": "a%sb"}, {"content_type": "a/b%sc"},
                           {"content_type": "a/b; x=%s"}]:
                given = {"name": "field", "value": b"data"}
                given.update({key: value % bad for key, value in fields.items()})
                name, value = given.pop("name"), given.pop("value")
                with self.subTest(bad=bad, fields=fields):
                    with self.assertRaises(ValueError):
                        form = FormData()
                        form.add_field(name, value, **given)
                        b"".join(form.serialize())
            with self.assertRaises(ValueError):
                writer = MultipartWriter()
                writer.append(b"x", {"X-Y": "a%sb" % bad})
                b"".join(writer.serialize())
            with self.assertRaises(ValueError):
                MultipartWriter(boundary="a%sb" % bad)

    def test_cve_2025_15282_other_writers(self):
        """CVE-2025-15282, 2026-0672, -3644, -0865, -1299, 2024-6923: stdlib's writers.

        data: URLs, Morsel, wsgiref's and email's header writers are used nowhere.
        """
        import wikistd

        with self.refused():
            self.client.get("data:text/plain\r\nX: y,z")
        used = set()
        for module in list(vars(wikistd).values()):
            code = getattr(module, "__init__", None)
            for function in [module, code]:
                names = getattr(getattr(function, "__code__", None), "co_names", ())
                used.update(names)
        for name in ["SimpleCookie", "Morsel", "DataHandler", "Generator", "BytesGenerator"]:
            self.assertNotIn(name, used)

    def test_what_a_server_sets(self):
        """A cookie cannot carry a header into the next request."""
        store = CookieStore()
        from email.message import Message

        class Answer:
            def info(self):
                message = Message()
                message["Set-Cookie"] = "a=b\x00c"
                message["Set-Cookie"] = "d=e\x7f"
                message["Set-Cookie"] = "f=g"
                return message

        import urllib.request

        request = urllib.request.Request("http://a.example/")
        store.extract_cookies(Answer(), request)
        store.add_cookie_header(request)
        self.assertEqual(request.unredirected_hdrs, {"Cookie": "f=g"})

    def test_what_a_redirect_says(self):
        """A Location with a control is refused."""
        for bad in ["/a\x01b", "/a\x0bb", "http://b\x00.example/"]:
            network = Bytes(a_example=("HTTP/1.1 302 X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % bad).encode())
            with on_bytes(network) as client:
                with self.assertRaises((WikistdError, ValueError)):
                    client.get("http://a.example/")
            self.assertEqual(len(network.opened), 1)


if __name__ == "__main__":
    unittest.main()
