"""web/oauth1.py: the examples of RFC 5849, and what else a signature must hold."""

import hashlib
import hmac
import pickle
import unittest
import urllib.parse
import urllib.request
from base64 import b64encode

from wikistd.web.credentials import AuthHandler
from wikistd.web.oauth1 import OAuth1Auth, oauth_base_string, oauth_query_pairs

from .openers import answer, scripted_opener


def fields_of(value):
    scheme, _, rest = value.partition(" ")
    assert scheme == "OAuth"
    pairs = [part.split("=", 1) for part in rest.split(", ")]
    return {name: urllib.parse.unquote(text.strip('"')) for name, text in pairs}


class Examples(unittest.TestCase):
    def test_base_string(self):
        """RFC 5849 3.4.1.1: query, form and header together, sorted, encoded."""
        url = "http://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"
        params = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"), ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ]
        params += oauth_query_pairs(urllib.parse.urlsplit(url).query)
        params += oauth_query_pairs("c2&a3=2+q")
        self.assertEqual(
            oauth_base_string("post", url, params),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26"
            "b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26"
            "oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D"
            "137131201%26oauth_token%3Dkkk9d7dh3k39sjv7",
        )

    def test_base_uri(self):
        """RFC 5849 3.4.1.2: default ports go, others stay, the host is lower case."""
        for url, wanted in [
            ("http://EXAMPLE.COM:80/r%20v/X?id=123", "http%3A%2F%2Fexample.com%2Fr%2520v%2FX"),
            ("https://www.example.net:8080/?q=1", "https%3A%2F%2Fwww.example.net%3A8080%2F"),
            ("https://example.net:443", "https%3A%2F%2Fexample.net%2F"),
            ("http://[::1]:8080/", "http%3A%2F%2F%5B%3A%3A1%5D%3A8080%2F"),
        ]:
            with self.subTest(url=url):
                self.assertEqual(oauth_base_string("GET", url, []).split("&")[1], wanted)

    def test_signatures(self):
        """RFC 5849 1.2: the token request and the request for the photo."""
        for method, url, token, secret, more, wanted in [
            ("POST", "https://photos.example.net/token", "hh5s93j4hdidpola", "hdhd0244k9j7ao03",
             [("oauth_timestamp", "137131201"), ("oauth_nonce", "walatlh"),
              ("oauth_verifier", "hfdp7dh39dks9884")],
             "gKgrFCywp7rO0OXSjdot/IHF7IU="),
            ("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original",
             "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00",
             [("oauth_timestamp", "137131202"), ("oauth_nonce", "chapoH")],
             "MdpQcU8iPSUjWoN/UDMsK2sui9I="),
        ]:
            auth = OAuth1Auth("dpf43f3p2l4k3l03", "kd94hf93k423kf44", token, secret)
            params = [("oauth_consumer_key", "dpf43f3p2l4k3l03"), ("oauth_token", token),
                      ("oauth_signature_method", "HMAC-SHA1")] + more
            params += oauth_query_pairs(urllib.parse.urlsplit(url).query)
            self.assertEqual(auth.sign(oauth_base_string(method, url, params)), wanted)


class Requests(unittest.TestCase):
    def auth(self, **how):
        how.setdefault("now", lambda: 1800000000.9)
        how.setdefault("random_bytes", lambda size: b"\x01" * size)
        return OAuth1Auth("ck", "c&s", "tk", "t s", **how)

    def check(self, request, auth, hash_name="sha1"):
        """Verify a signature as a server does."""
        fields = fields_of(request.unredirected_hdrs["Authorization"])
        signature = fields.pop("oauth_signature")
        fields.pop("realm", None)
        pairs = list(fields.items())
        pairs += urllib.parse.parse_qsl(urllib.parse.urlsplit(request.full_url).query, True)
        if request.data and "form" in self.content_type:
            pairs += urllib.parse.parse_qsl(request.data.decode(), True)
        quoted = sorted(
            tuple(urllib.parse.quote(text, safe="-._~") for text in pair) for pair in pairs
        )
        base = "&".join(
            urllib.parse.quote(part, safe="-._~")
            for part in (
                request.get_method(), request.full_url.partition("?")[0],
                "&".join("=".join(pair) for pair in quoted),
            )
        )
        want = hmac.new(b"c%26s&t%20s", base.encode(), getattr(hashlib, hash_name)).digest()
        self.assertEqual(signature, b64encode(want).decode())
        return fields

    def test_form(self):
        """A form is signed, with query and header."""
        self.content_type = "form"
        request = urllib.request.Request(
            "https://wiki.example/w/api.php?a=%2B&b=", data="t=caf\u00e9+x&e=".encode()
        )
        self.auth().apply(request)
        fields = self.check(request, self.auth())
        self.assertEqual(
            fields,
            {"oauth_consumer_key": "ck", "oauth_nonce": "01" * 16, "oauth_token": "tk",
             "oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": "1800000000",
             "oauth_version": "1.0"},
        )

    def test_other_bodies(self):
        """Multipart and JSON bodies are no part of the signature."""
        self.content_type = "multipart"
        request = urllib.request.Request(
            "https://wiki.example/w/api.php", data=b"a=b",
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        self.auth().apply(request)
        self.check(request, self.auth())

    def test_sha256(self):
        """HMAC-SHA256, as newer servers want it."""
        self.content_type = "form"
        request = urllib.request.Request("https://wiki.example/w/api.php?x=y")
        self.auth(signature_method="HMAC-SHA256").apply(request)
        fields = self.check(request, None, "sha256")
        self.assertEqual(fields["oauth_signature_method"], "HMAC-SHA256")

    def test_before_there_is_a_token(self):
        """Without a token there is no oauth_token; realm and further fields go along."""
        auth = OAuth1Auth("ck", "cs", realm="Photos", extra_params=[("oauth_callback", "oob")])
        fields = fields_of(auth.authorization("POST", "https://a.example/initiate"))
        self.assertNotIn("oauth_token", fields)
        self.assertEqual((fields["realm"], fields["oauth_callback"]), ("Photos", "oob"))

    def test_fresh_each_time(self):
        """Two requests never share a nonce."""
        auth = OAuth1Auth("ck", "cs")
        values = {fields_of(auth.authorization("GET", "http://a/"))["oauth_nonce"] for _ in range(9)}
        self.assertEqual(len(values), 9)

    def test_alone(self):
        """In a plain opener; a 401 is not tried again, a redirect is signed anew."""
        opener, network = scripted_opener(
            [AuthHandler(auth=("ck", "cs", "tk", "ts"))],
            answer(302, [("Location", "/b")]), answer(401, [("WWW-Authenticate", "OAuth")]),
        )
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open("http://a.example/")
        caught.exception.close()
        first, second = [fields_of(s.headers["authorization"]) for s in network.seen]
        self.assertNotEqual(first["oauth_signature"], second["oauth_signature"])

    def test_unknown_method(self):
        """What is not implemented is said at once."""
        with self.assertRaises(ValueError) as caught:
            OAuth1Auth("a", "b", signature_method="RSA-SHA1")
        self.assertEqual(
            str(caught.exception),
            "signature_method 'RSA-SHA1' is not one of HMAC-SHA1, HMAC-SHA256",
        )

    def test_no_secret_shows(self):
        """Neither repr nor pickle gives secrets away."""
        auth = OAuth1Auth("ck", "canary", "tk", "canary")
        self.assertEqual(repr(auth), "<OAuth1Auth of consumer ck, HMAC-SHA1>")
        with self.assertRaises(TypeError):
            pickle.dumps(auth)


if __name__ == "__main__":
    unittest.main()
