"""web/digest.py: challenges in, Authorization values out."""

import hashlib
import pickle
import re
import unittest
import urllib.parse
import urllib.request

from wikistd.formats.headers import parse_challenges
from wikistd.web.credentials import AuthHandler
from wikistd.web.digest import MAX_DIGEST_PLACES, DigestAuth, body_pieces, digest_hash
from wikistd.web.origins import Origin

from .openers import answer, scripted_opener

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def fields_of(value):
    """Return the parameters of an Authorization value, without our own parser."""
    assert value.startswith("Digest ")
    found = re.findall(r'([a-z*]+)=(?:"((?:[^"\\]|\\.)*)"|([^,"]*))(?:, |$)', value[7:])
    return {name: re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in found}


class Server:
    """A digest server by the letter of RFC 7616, written from the other side."""

    def __init__(self, password="secret", user="bot", *, qop="auth", algorithm="MD5", extra="",
                 realm="wiki", nonces=("n1", "n2", "n3", "n4"), stale=False, renew=None):
        self.password, self.user, self.realm = password, user, realm
        self.qop, self.algorithm, self.extra, self.stale = qop, algorithm, extra, stale
        self.nonces = list(nonces)
        self.good = None
        self.first = None
        self.counts = []
        self.renew = renew

    def refuse(self, stale=False):
        self.good = self.nonces.pop(0)
        self.first = None
        value = 'Digest realm="%s", nonce="%s"' % (self.realm.replace('"', '\\"'), self.good)
        if self.algorithm:
            value += ", algorithm=%s" % self.algorithm
        if self.qop:
            value += ', qop="%s"' % self.qop
        if stale:
            value += ", stale=TRUE"
        return answer(401, [("WWW-Authenticate", value + self.extra)], b"no")

    def __call__(self, seen):
        given = seen.headers.get("authorization")
        if given is None:
            return self.refuse()
        f = fields_of(given)
        if f["nonce"] != self.good:
            return self.refuse(self.stale)
        name = (self.algorithm or "MD5").upper().replace("-SESS", "")

        def h(*parts):
            return HASHES[name](":".join(parts).encode()).hexdigest()

        a1 = h(self.user, self.realm, self.password)
        if self.algorithm.upper().endswith("-SESS"):
            self.first = self.first or (f["nonce"], f["cnonce"])
            a1 = h(a1, *self.first)
        parts = urllib.parse.urlsplit(seen.url)
        target = parts.path + ("?" + parts.query if parts.query else "")
        assert f["uri"] == target, f
        a2 = [seen.method, target]
        if f.get("qop") == "auth-int":
            a2.append(HASHES[name](seen.body or b"").hexdigest())
        if self.qop:
            self.counts.append(int(f["nc"], 16))
            wanted = h(a1, f["nonce"], f["nc"], f["cnonce"], f["qop"], h(*a2))
        else:
            wanted = h(a1, f["nonce"], h(*a2))
        if f["response"] != wanted:
            return self.refuse()
        headers = []
        if self.renew:
            self.good = self.nonces.pop(0)
            self.first = self.first and (self.first[0], self.first[1])
            headers.append(("Authentication-Info", 'nextnonce="%s", qop=auth' % self.good))
        return answer(200, headers, b"in")


def visit(server, auth, *urls, data=None, handler=None):
    opener, network = scripted_opener(
        [handler or AuthHandler(auth=auth)], *[server] * (2 * len(urls) + 4)
    )
    codes = []
    for url in urls:
        request = urllib.request.Request(url, data=data)
        try:
            with opener.open(request) as response:
                codes.append(response.code)
        except urllib.error.HTTPError as error:
            codes.append(error.code)
            error.close()
    return codes, network.seen


class Conversations(unittest.TestCase):
    URLS = ["https://a.example/w/api.php?x=%2F", "https://a.example/", "https://a.example/q"]

    def test_algorithms(self):
        """MD5 and SHA-256, each with -sess, each qop: one challenge, then in advance."""
        for algorithm in ["", "MD5", "MD5-sess", "SHA-256", "SHA-256-SESS"]:
            for qop in ["auth", "auth-int", "auth,auth-int", "auth-int, auth"]:
                with self.subTest(algorithm=algorithm, qop=qop):
                    server = Server(algorithm=algorithm, qop=qop)
                    codes, seen = visit(server, DigestAuth("bot", "secret"), *self.URLS, data=b"a=b")
                    self.assertEqual(codes, [200, 200, 200])
                    self.assertEqual(len(seen), 4)
                    self.assertEqual(server.counts, [1, 2, 3])

    def test_without_qop(self):
        """A server of RFC 2069 gets neither nc nor cnonce."""
        server = Server(qop="")
        codes, seen = visit(server, DigestAuth("bot", "secret"), *self.URLS)
        self.assertEqual((codes, len(seen)), ([200, 200, 200], 4))
        fields = fields_of(seen[-1].headers["authorization"])
        self.assertEqual(sorted(fields), ["algorithm", "nonce", "realm", "response", "uri", "username"])

    def test_wrong_password(self):
        """Two requests at most, however the nonce changes; nothing in advance later."""
        server = Server(password="other", nonces=["n%d" % i for i in range(9)])
        codes, seen = visit(server, DigestAuth("bot", "secret"), *self.URLS[:2])
        self.assertEqual((codes, len(seen)), ([401, 401], 4))
        self.assertEqual(
            ["authorization" in s.headers for s in seen], [False, True, False, True]
        )

    def test_stale(self):
        """A nonce that is only too old is replaced, without an end to it."""
        server = Server(stale=True)
        auth = DigestAuth("bot", "secret")
        handler = AuthHandler(auth=auth)
        codes, seen = visit(server, None, self.URLS[0], handler=handler)
        server.good = "expired"
        codes, seen = visit(server, None, self.URLS[0], handler=handler)
        self.assertEqual((codes, len(seen)), ([200], 2))

    def test_always_stale(self):
        """A server that calls every nonce stale gets three requests, no more."""

        class Grumpy(Server):
            def __call__(self, seen):
                return self.refuse(stale=True)

        server = Grumpy(nonces=["n%d" % i for i in range(9)])
        codes, seen = visit(server, DigestAuth("bot", "secret"), self.URLS[0])
        self.assertEqual((codes, len(seen)), ([401], 3))

    def test_expired_without_a_word(self):
        """A nonce that went bad without `stale` costs one more request as well."""
        server = Server()
        handler = AuthHandler(auth=DigestAuth("bot", "secret"))
        visit(server, None, self.URLS[0], handler=handler)
        server.good = "gone"
        codes, seen = visit(server, None, self.URLS[0], handler=handler)
        self.assertEqual((codes, len(seen)), ([200], 2))

    def test_next_nonce(self):
        """nextnonce is used from the next request on, with a new count."""
        for algorithm in ["MD5", "SHA-256-sess"]:
            with self.subTest(algorithm=algorithm):
                server = Server(renew=True, algorithm=algorithm)
                codes, seen = visit(server, DigestAuth("bot", "secret"), *self.URLS)
                self.assertEqual((codes, len(seen)), ([200, 200, 200], 4))
                self.assertEqual(server.counts, [1, 1, 1])

    def test_non_ascii(self):
        """Names and passwords beyond ASCII are UTF-8; username* where it is announced."""
        for extra in ["", ', charset="UTF-8"']:
            server = Server(user="J\u00e4s\u00f8n", password="p\u00e4ss\u2603", extra=extra)
            codes, seen = visit(server, DigestAuth("J\u00e4s\u00f8n", "p\u00e4ss\u2603"), self.URLS[0])
            self.assertEqual((codes, len(seen)), ([200], 2))
            fields = fields_of(seen[1].headers["authorization"])
            if extra:
                self.assertEqual(fields["username*"], "UTF-8''J%C3%A4s%C3%B8n")
            else:
                self.assertEqual(fields["username"].encode("latin-1").decode(), "J\u00e4s\u00f8n")

    def test_quotes_in_realm(self):
        """A realm with quotes is unquoted, hashed, and quoted again."""
        server = Server(realm='the "real" wiki')
        codes, seen = visit(server, DigestAuth("bot", "secret"), self.URLS[0])
        self.assertEqual(codes, [200])
        self.assertIn('realm="the \\"real\\" wiki"', seen[1].headers["authorization"])

    def test_opaque_comes_back(self):
        """opaque comes back as it was."""
        server = Server(extra=', opaque="o\\"1"')
        _, seen = visit(server, DigestAuth("bot", "secret"), self.URLS[0])
        self.assertIn('opaque="o\\"1"', seen[1].headers["authorization"])

    def test_domain(self):
        """In advance only where `domain` says, and never to another server."""
        server = Server(extra=', domain="/w/ https://b.example/ https://:x/"')
        auth = DigestAuth("bot", "secret")
        codes, seen = visit(server, auth, "https://a.example/w/x", "https://a.example/w/y",
                            "https://a.example/else")
        self.assertEqual(codes, [200, 200, 200])
        self.assertEqual(len(seen), 5)
        self.assertIsNone(
            auth.authorization(Origin("https", "b.example", 443), "GET", "/", [])
        )

    def test_body_that_cannot_be_hashed(self):
        """auth-int needs the body at hand; without it the 401 is the answer."""
        opener, network = scripted_opener(
            [AuthHandler(auth=DigestAuth("bot", "secret"))], Server(qop="auth-int"), answer()
        )
        request = urllib.request.Request("http://a.example/", data=iter([b"x"]),
                                         headers={"Content-Length": "1"})
        request.replayable = True
        with self.assertRaises(urllib.error.HTTPError) as caught:
            opener.open(request)
        caught.exception.close()
        self.assertEqual(len(network.seen), 1)


    def test_body_that_is_read_twice(self):
        """A body that is not in memory but can be read again is hashed piece by piece."""

        class Body:
            is_replayable = True

            def pieces(self):
                yield b"ab"
                yield b"c"

        request = urllib.request.Request("http://a.example/")
        request.data = object()
        request.body = Body()
        self.assertEqual(b"".join(body_pieces(request)), b"abc")
        Body.is_replayable = False
        self.assertIsNone(body_pieces(request))


class Values(unittest.TestCase):
    def value(self, challenge, body=(), *, user="Mufasa", password="Circle Of Life",
              cnonce="0a4f113b", target="/dir/index.html"):
        auth = DigestAuth(user, password)
        auth._new_client_nonce = lambda: cnonce
        if not auth.learn("place", parse_challenges(challenge), has_body=body is not None):
            return None
        value = auth.authorization("place", "GET", target, body)
        return None if value is None else fields_of(value)

    def test_examples_of_the_rfcs(self):
        """The examples of RFC 2617 3.5 and RFC 7616 3.9.1."""
        old = ('Digest realm="testrealm@host.com", qop="auth,auth-int", '
               'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
               'opaque="5ccc069c403ebaf9f0171e9517f40e41"')
        self.assertEqual(self.value(old)["response"], "6629fae49393a05397450978507c4ef1")
        new = ('Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, '
               'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
               'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"')
        how = {"password": "Circle of Life", "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"}
        self.assertEqual(
            self.value(new % "MD5", **how)["response"], "8ca523f5e9506fed4657c9700eebdbec"
        )
        self.assertEqual(
            self.value(new % "SHA-256", **how)["response"],
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        )
        both = "%s, %s" % (new % "MD5", new % "SHA-256")
        self.assertEqual(self.value(both, **how)["algorithm"], "SHA-256")

    def test_fields(self):
        """What the server did not name does not come back."""
        got = self.value('Digest realm="r", nonce="n", qop="auth"')
        self.assertEqual(
            sorted(got), ["cnonce", "nc", "nonce", "qop", "realm", "response", "uri", "username"]
        )

    def test_userhash(self):
        """The user name is hashed where the server asks for it."""
        got = self.value('Digest realm="r", nonce="n", qop=auth, userhash=true, algorithm=SHA-256')
        self.assertEqual(got["username"], hashlib.sha256(b"Mufasa:r").hexdigest())
        self.assertEqual(got["userhash"], "true")

    def test_session_without_qop(self):
        """-sess needs the cnonce even where there is no qop."""
        got = self.value('Digest realm="r", nonce="n", algorithm=MD5-sess')
        self.assertEqual((got["cnonce"], got.get("nc")), ("0a4f113b", None))

    def test_not_understood(self):
        """Other schemes, algorithms, qops, or no nonce: nothing is answered."""
        for challenge in [
            'Basic realm="r"', 'Digest realm="r"', 'Digest realm="r", nonce="n", algorithm=SHA-1',
            'Digest realm="r", nonce="n", qop="auth-conf"', "Negotiate", "",
        ]:
            with self.subTest(challenge=challenge):
                self.assertIsNone(self.value(challenge))
        self.assertIsNone(self.value('Digest realm="r", nonce="n", qop="auth-int"', None))

    def test_missing_hash(self):
        """Where OpenSSL lacks a hash, its challenge is passed over."""
        self.assertIsNone(digest_hash("SHA-1"))
        real = hashlib.new

        def without_md5(name, *args):
            if name == "md5":
                raise ValueError("disabled")
            return real(name, *args)

        hashlib.new = without_md5
        try:
            self.assertIsNone(self.value('Digest realm="r", nonce="n", qop=auth'))
        finally:
            hashlib.new = real

    def test_auth_int_in_advance(self):
        """A body that is not at hand is not answered for in advance."""
        auth = DigestAuth("u", "p")
        auth.learn("place", parse_challenges('Digest realm="r", nonce="n", qop="auth-int"'))
        self.assertIsNone(auth.authorization("place", "POST", "/", None))

    def test_renew_unknown(self):
        """A next nonce for nobody, or none at all, changes nothing."""
        auth = DigestAuth("u", "p")
        auth.renew("place", 'nextnonce="x"')
        auth.learn("place", parse_challenges('Digest realm="r", nonce="n", qop="auth"'))
        auth.renew("place", 'rspauth="x"')
        self.assertIn('nonce="n"', auth.authorization("place", "GET", "/", []))

    def test_places_are_bounded(self):
        """A farm of hosts cannot fill memory."""
        auth = DigestAuth("u", "p")
        challenges = parse_challenges('Digest realm="r", nonce="n", qop="auth"')
        for i in range(MAX_DIGEST_PLACES + 10):
            auth.learn(i, challenges)
        self.assertEqual(len(auth._spaces), MAX_DIGEST_PLACES)

    def test_no_secret_shows(self):
        """Neither repr nor pickle gives the password away."""
        auth = DigestAuth("u", "canary")
        self.assertEqual(repr(auth), "<DigestAuth of 'u'>")
        with self.assertRaises(TypeError):
            pickle.dumps(auth)


if __name__ == "__main__":
    unittest.main()
