"""permessage-deflate: the terms, and compressed messages fed every way."""

import sys
import unittest
import zlib

from tests.formats.test_frames import MASK, frame, outcome
from tests.support.feeding import feed_every_way
from wikistd import (
    MSG_BINARY,
    MSG_TEXT,
    HeaderError,
    LimitExceeded,
    Message,
    WebSocketError,
    WebSocketParser,
    WebSocketWriter,
)
from wikistd.formats.deflate import (
    DeflateTerms,
    MessageDeflate,
    accept_deflate,
    agree_deflate,
    offer_deflate,
    parse_extensions,
)


def reader(**options):
    """Return a run for feed_every_way: a client that agreed on compression."""
    terms = DeflateTerms(**options.pop("terms", {}))

    def run(chunks):
        return outcome(chunks, is_client=True, deflate=MessageDeflate(terms, is_client=True), **options)

    return run


class Examples(unittest.TestCase):
    def test_of_the_specification(self):
        """RFC 7692 7.2.3: one frame, fragments, context, no compression, a last block."""
        hello = (MSG_TEXT, "Hello", "")
        for wire, count in (
            (b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 1),
            (b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", 1),
            (b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00", 2),
            (b"\xc1\x0b\x00\x05\x00\xfa\xffHello\x00", 1),
            (b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 1),
            (b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 1),
            (b"\x81\x05Hello", 1),
        ):
            got = feed_every_way(self, wire, reader())
            self.assertEqual(got, ([hello] * count, False))
        self.assertEqual(feed_every_way(self, b"\xc1\x01\x00", reader()), ([(MSG_TEXT, "", "")], False))

    def test_without_context(self):
        """Each message begins anew."""
        terms = {"server_no_context_takeover": True}
        wire = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00" * 2
        got = feed_every_way(self, wire, reader(terms=terms))
        self.assertEqual(len(got[0]), 2)


class RoundTrips(unittest.TestCase):
    def test_both_sides_and_all_terms(self):
        """What one side writes the other reads."""
        texts = ["", "a", "Hello " * 50, "é€𐍈" * 400, "Hello " * 50]
        for terms in (
            DeflateTerms(), DeflateTerms(True, True), DeflateTerms(True, False, 9, 15), DeflateTerms(False, True, 15, 10),
        ):
            for is_client in (True, False):
                writer = WebSocketWriter(use_mask=is_client, deflate=MessageDeflate(terms, is_client=is_client))
                parser = WebSocketParser(
                    is_client=not is_client, deflate=MessageDeflate(terms, is_client=not is_client)
                )
                for text in texts:
                    got = parser.feed(writer.send(text) + writer.send(text.encode()))
                    self.assertEqual(got, [Message(MSG_TEXT, text), Message(MSG_BINARY, text.encode())])

    def test_it_is_smaller(self):
        """That is what it is for; the second time it is in the window."""
        writer = WebSocketWriter(deflate=MessageDeflate(DeflateTerms(), is_client=False))
        first, second = writer.send("abc" * 300), writer.send("abc" * 300)
        self.assertLess(len(first), 40)
        self.assertLess(len(second), len(first))


class Failures(unittest.TestCase):
    def test_broken_data(self):
        """Is a protocol error, as is a marked continuation or control frame."""
        got = feed_every_way(self, frame(0xC1, b"\xff\xff\xff"), reader())
        self.assertEqual(got[1], 1007)
        self.assertIn("compressed message is broken", got[2])
        wire = b"\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9\x07\x00"
        self.assertEqual(
            feed_every_way(self, wire, reader()), ([], 1002, "continuation frame is marked as compressed")
        )
        self.assertEqual(
            feed_every_way(self, b"\xc9\x00", reader()), ([], 1002, "reserved bits 0x40 are set")
        )

    def test_a_bomb(self):
        """Is given up at the limit, however small it is."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        payload = packer.compress(b"x" * 100000) + packer.flush(zlib.Z_SYNC_FLUSH)
        wire = frame(0xC1, payload[:-4])
        got = feed_every_way(self, wire, reader(max_message_bytes=1000))
        self.assertEqual(got, ([], "max_message_bytes", 1000))
        got = feed_every_way(self, wire, reader(max_message_bytes=100000))
        self.assertEqual(len(got[0][0][1]), 100000)
        with self.assertRaises(LimitExceeded):
            parser = WebSocketParser(
                deflate=MessageDeflate(DeflateTerms(), is_client=False), max_message_bytes=10
            )
            parser.feed(frame(0xC1, payload[:-4], MASK))

    def test_a_text_that_is_none(self):
        """Is found after it was unpacked."""
        writer = WebSocketWriter(deflate=MessageDeflate(DeflateTerms(), is_client=False))
        wire = bytearray(writer.send(b"\xff\xff"))
        wire[0] = 0xC1
        with self.assertRaises(WebSocketError) as caught:
            WebSocketParser(is_client=True, deflate=MessageDeflate(DeflateTerms(), is_client=True)).feed(bytes(wire))
        self.assertEqual(caught.exception.code, 1007)


class Terms(unittest.TestCase):
    def test_reading_fields(self):
        """Names, parameters with and without values, quoted ones."""
        self.assertEqual(
            parse_extensions('a, B; c; D=1 ; e="2",,'),
            [("a", {}), ("b", {"c": "", "d": "1", "e": "2"})],
        )
        with self.assertRaisesRegex(HeaderError, "parameter c of b stands twice"):
            parse_extensions("b; c; c=1")

    def test_what_a_server_accepts(self):
        """The first offer that it understands and can meet."""
        name = "permessage-deflate"
        for offer, answer, terms in (
            (offer_deflate(), name, DeflateTerms()),
            (name, name, DeflateTerms()),
            (name + "; server_no_context_takeover; client_no_context_takeover",
             name + "; server_no_context_takeover; client_no_context_takeover", DeflateTerms(True, True)),
            (name + "; server_max_window_bits=10; client_max_window_bits=9",
             name + "; server_max_window_bits=10; client_max_window_bits=9", DeflateTerms(False, False, 10, 9)),
            (name + "; server_max_window_bits=8, " + name, name, DeflateTerms()),
            (name + "; nonsense, x-other, " + name + "; server_max_window_bits=15",
             name + "; server_max_window_bits=15", DeflateTerms()),
        ):
            self.assertEqual(accept_deflate(offer), (answer, terms))
        for offer in (
            "", "x", name + "; server_max_window_bits=16", name + "; server_max_window_bits=08",
            name + "; server_no_context_takeover=1", name + "; client_max_window_bits=7",
            name + "; server_max_window_bits",
        ):
            self.assertIsNone(accept_deflate(offer))

    def test_what_a_client_agrees_to(self):
        """What it offered, in terms that it can meet."""
        name = "permessage-deflate"
        self.assertIsNone(agree_deflate(""))
        self.assertEqual(agree_deflate(name), DeflateTerms())
        self.assertEqual(
            agree_deflate(name + "; server_max_window_bits=8; client_max_window_bits=12"),
            DeflateTerms(False, False, 8, 12),
        )
        for text in ("x", name + "," + name, name + "; a=b", name + "; client_max_window_bits"):
            with self.assertRaisesRegex(HeaderError, "extensions that were not offered"):
                agree_deflate(text)
        with self.assertRaisesRegex(HeaderError, "a window of 8 bits"):
            agree_deflate(name + "; client_max_window_bits=8")

    def test_a_window_of_8_bits_is_read(self):
        """Though zlib cannot write one."""
        deflate = MessageDeflate(DeflateTerms(server_max_window_bits=8), is_client=True)
        self.assertEqual(deflate.decompress(b"\xf2\x48\xcd\xc9\xc9\x07\x00", True, 100), b"Hello")


class WithoutZlib(unittest.TestCase):
    def test_nothing_is_offered_or_accepted(self):
        """A Python without zlib speaks WebSocket all the same."""
        from wikistd import do_handshake
        from wikistd.formats.upgrade import can_deflate

        self.assertTrue(can_deflate())
        kept = sys.modules["zlib"]
        sys.modules["zlib"] = None
        try:
            self.assertFalse(can_deflate())
            _, headers, _, writer = do_handshake(
                "GET",
                {
                    "Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                    "Sec-WebSocket-Extensions": offer_deflate(),
                },
            )
        finally:
            sys.modules["zlib"] = kept
        self.assertNotIn("Sec-WebSocket-Extensions", dict(headers))
        self.assertIsNone(writer.deflate)


class Windows(unittest.TestCase):
    def test_every_size(self):
        """RFC 7692 7.1.2: windows of 8 to 15 bits; zlib reads all, writes from 9 on."""
        name = "permessage-deflate"
        for bits in range(8, 16):
            ours = name + "; server_max_window_bits=%d" % bits
            theirs = name + "; client_max_window_bits=%d" % bits
            can_write = bits > 8
            self.assertEqual(
                accept_deflate(ours),
                (ours, DeflateTerms(False, False, bits, 15)) if can_write else None,
            )
            self.assertEqual(
                accept_deflate(theirs), (theirs, DeflateTerms(False, False, 15, bits))
            )
            self.assertEqual(agree_deflate(ours), DeflateTerms(False, False, bits, 15))
            if can_write:
                self.assertEqual(
                    agree_deflate(theirs), DeflateTerms(False, False, 15, bits)
                )
        for wrong in ("7", "16", "+9", "9 9", "1e1"):
            self.assertIsNone(accept_deflate(name + "; server_max_window_bits=" + wrong))
