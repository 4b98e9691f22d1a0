"""The opening handshake, each side against the specification and against the other."""

import unittest

from wikistd import HandshakeRefused, HeaderError, Message, do_handshake
from wikistd.formats.upgrade import websocket_accept, finish_handshake, make_handshake

NONCE = b"the sample nonce"
GOOD = {
    "Host": "server.example.com",
    "Upgrade": "WebSocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class Server(unittest.TestCase):
    def test_the_example_of_the_specification(self):
        """RFC 6455 1.3."""
        self.assertEqual(websocket_accept(GOOD["Sec-WebSocket-Key"]), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        status, headers, parser, writer = do_handshake("get", GOOD)
        self.assertEqual(status, 101)
        self.assertEqual(
            headers,
            [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ],
        )
        self.assertEqual(parser.feed(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), [Message(1, "Hello")])
        self.assertEqual(writer.send("Hello"), b"\x81\x05Hello")

    def test_the_protocol(self):
        """The first of the client's that the server knows; pairs, and a field twice."""
        pairs = list(GOOD.items()) + [
            ("Sec-WebSocket-Protocol", "a, b"), ("sec-websocket-protocol", "c"),
        ]
        self.assertIn(("Sec-WebSocket-Protocol", "b"), do_handshake("GET", pairs, ("c", "b"))[1])
        self.assertEqual(len(do_handshake("GET", pairs, ("x",))[1]), 3)

    def test_refusals(self):
        """The status and the headers to answer with."""
        for change, status, text in (
            ({"Upgrade": ""}, 426, "no upgrade to WebSocket was asked for"),
            ({"Upgrade": "h2c"}, 426, "no upgrade to WebSocket was asked for"),
            ({"Connection": "close"}, 400, "Connection does not name Upgrade"),
            ({"Sec-WebSocket-Version": "7"}, 426, "version '7' of WebSocket is not supported"),
            ({"Sec-WebSocket-Key": ""}, 400, "Sec-WebSocket-Key is not 16 bytes of base64"),
            ({"Sec-WebSocket-Key": "dGhl"}, 400, "Sec-WebSocket-Key is not 16 bytes of base64"),
            ({"Sec-WebSocket-Key": "\xe9"}, 400, "Sec-WebSocket-Key is not 16 bytes of base64"),
            ({"Sec-WebSocket-Extensions": "a; b; b"}, 400, "parameter b of a stands twice (RFC 7692)"),
        ):
            with self.assertRaises(HandshakeRefused) as caught:
                do_handshake("GET", dict(GOOD, **change))
            self.assertEqual((caught.exception.status, str(caught.exception)), (status, text))
        with self.assertRaises(HandshakeRefused) as caught:
            do_handshake("POST", GOOD)
        self.assertEqual((caught.exception.status, caught.exception.headers), (405, [("Allow", "GET")]))

    def test_without_compression(self):
        """It is not accepted where the server does not want it."""
        headers = dict(GOOD, **{"Sec-WebSocket-Extensions": "permessage-deflate"})
        self.assertIn(("Sec-WebSocket-Extensions", "permessage-deflate"), do_handshake("GET", headers)[1])
        self.assertEqual(len(do_handshake("GET", headers, compress=False)[1]), 3)


class Client(unittest.TestCase):
    def shake(self, protocols=(), known=(), **options):
        headers = make_handshake(NONCE, protocols, **options)
        _, answer, parser, writer = do_handshake("GET", headers, known)
        return parser, writer, finish_handshake(NONCE, answer, protocols, **options)

    def test_against_our_own_server(self):
        """With and without compression and protocols."""
        for options in ({}, {"compress": False}):
            for known, chosen in (((), None), (("b",), "b")):
                parser, writer, (protocol, own_parser, own_writer) = self.shake(("a", "b"), known, **options)
                self.assertEqual(protocol, chosen)
                self.assertEqual(own_parser.feed(writer.send("é" * 99)), [Message(1, "é" * 99)])
                self.assertEqual(parser.feed(own_writer.send("é" * 99)), [Message(1, "é" * 99)])
                self.assertEqual(own_writer.deflate is None, bool(options))

    def test_answers_that_are_none(self):
        """HeaderError says which part."""
        answer = dict(do_handshake("GET", make_handshake(NONCE))[1])
        for change, text in (
            ({"Upgrade": "h2c"}, "the server upgrades to something else (RFC 6455 4)"),
            ({"Connection": "close"}, "Connection does not name Upgrade (RFC 6455 4)"),
            ({"Sec-WebSocket-Accept": "x"}, "Sec-WebSocket-Accept is not the answer to our key (RFC 6455 4)"),
            ({"Sec-WebSocket-Protocol": "x"}, "the server chose the protocol 'x', which was not offered (RFC 6455 4)"),
        ):
            with self.assertRaises(HeaderError) as caught:
                finish_handshake(NONCE, dict(answer, **change))
            self.assertEqual(str(caught.exception), text)
        with self.assertRaisesRegex(HeaderError, "not offered"):
            finish_handshake(NONCE, answer, compress=False)


class Strictness(unittest.TestCase):
    def test_keys_with_other_characters(self):
        """RFC 6455 4.2.1: the key is base64 of 16 bytes, with nothing in between."""
        key = GOOD["Sec-WebSocket-Key"]
        for wrong in (key[:4] + "*" + key[4:], key[:4] + "\n" + key[4:], key[:-1], key + "AAAA"):
            with self.assertRaises(HandshakeRefused) as caught:
                do_handshake("GET", dict(GOOD, **{"Sec-WebSocket-Key": wrong}))
            self.assertEqual(caught.exception.status, 400, wrong)

    def test_what_a_client_sends(self):
        """Protocols and extensions only where there are some: empty fields are wrong."""
        plain = [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        self.assertEqual(make_handshake(NONCE, compress=False), plain)
        self.assertEqual(
            make_handshake(NONCE, ("a", "b")),
            plain + [
                ("Sec-WebSocket-Protocol", "a, b"),
                ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
            ],
        )

    def test_fields_that_are_missing(self):
        """Each field that the handshake needs is needed, on both sides."""
        answer = dict(do_handshake("GET", make_handshake(NONCE))[1])
        for name in ("Upgrade", "Connection", "Sec-WebSocket-Accept"):
            with self.assertRaises(HeaderError):
                finish_handshake(NONCE, {key: answer[key] for key in answer if key != name})
        for name in ("Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"):
            with self.assertRaises(HandshakeRefused):
                do_handshake("GET", {key: GOOD[key] for key in GOOD if key != name})
