"""WebSocket frames: every case fed every way, both sides, limits."""

import unittest

from tests.support.feeding import feed_every_way
from wikistd import (
    CLOSE_NO_STATUS,
    MSG_BINARY,
    MSG_CLOSE,
    MSG_CONTINUATION,
    MSG_PING,
    MSG_PONG,
    MSG_TEXT,
    LimitExceeded,
    Message,
    WebSocketError,
    WebSocketParser,
    WebSocketWriter,
)
from wikistd.formats import frames
from wikistd.formats.frames import apply_mask, is_close_code

MASK = b"\x37\xfa\x21\x3d"


def outcome(chunks, **options):
    """Feed `chunks`; return the messages, and the error or what else can be seen."""
    parser = WebSocketParser(**options)
    messages = []
    try:
        for chunk in chunks:
            messages += parser.feed(chunk)
        messages += parser.feed(b"")
    except WebSocketError as error:
        return [tuple(message) for message in messages], error.code, error.message
    except LimitExceeded as error:
        return [tuple(message) for message in messages], error.name, error.limit
    return [tuple(message) for message in messages], parser.is_closed


def frame(first, data, mask=b"", length=None):
    """Return a frame, right or wrong."""
    size = len(data) if length is None else length
    flag = 0x80 if mask else 0
    if size < 126:
        head = bytes([first, flag | size])
    elif size < 65536:
        head = bytes([first, flag | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, flag | 127]) + size.to_bytes(8, "big")
    return head + mask + (apply_mask(data, mask) if mask else data)


class Reading(unittest.TestCase):
    def check(self, data, messages, is_closed=False):
        """As a client unmasked, as a server masked, in every cut."""
        for is_client in (True, False):
            wire = b"".join(frame(first, part, b"" if is_client else MASK) for first, part in data)
            got = feed_every_way(self, wire, lambda chunks: outcome(chunks, is_client=is_client))
            self.assertEqual(got, ([tuple(message) for message in messages], is_closed))

    def fails(self, data, code, text, messages=()):
        for is_client in (True, False):
            wire = b"".join(frame(first, part, b"" if is_client else MASK) for first, part in data)
            got = feed_every_way(self, wire, lambda chunks: outcome(chunks, is_client=is_client))
            self.assertEqual(got, ([tuple(message) for message in messages], code, text))

    def test_examples_of_the_specification(self):
        """RFC 6455 5.7."""
        for wire, is_client, messages in (
            (b"\x81\x05Hello", True, [(MSG_TEXT, "Hello", "")]),
            (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", False, [(MSG_TEXT, "Hello", "")]),
            (b"\x01\x03Hel\x80\x02lo", True, [(MSG_TEXT, "Hello", "")]),
            (b"\x89\x05Hello", True, [(MSG_PING, b"Hello", "")]),
            (b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", False, [(MSG_PONG, b"Hello", "")]),
        ):
            got = feed_every_way(self, wire, lambda chunks: outcome(chunks, is_client=is_client))
            self.assertEqual(got, (messages, False))

    def test_messages(self):
        """Text, binary, empty ones, several at once, control frames in between."""
        self.check([(0x81, b""), (0x82, b"")], [Message(MSG_TEXT, ""), Message(MSG_BINARY, b"")])
        self.check([(0x81, "é€𐍈".encode()), (0x82, b"\xff")], [Message(MSG_TEXT, "é€𐍈"), Message(MSG_BINARY, b"\xff")])
        self.check(
            [(0x01, b"\xe2"), (0x89, b"p"), (0x00, b"\x82"), (0x00, b""), (0x8A, b""), (0x80, b"\xac")],
            [Message(MSG_PING, b"p"), Message(MSG_PONG, b""), Message(MSG_TEXT, "€")],
        )
        self.check([(0x02, b"a"), (0x00, b""), (0x80, b"b")], [Message(MSG_BINARY, b"ab")])

    def test_lengths(self):
        """Around the places where the length changes its form."""
        for size in (125, 126, 127, 200):
            self.check([(0x82, b"x" * size)], [Message(MSG_BINARY, b"x" * size)])
        for size in (65535, 65536, 70001):
            data = frame(0x81, b"y" * size)
            for cut in (1, 2, 3, 5, 9, 10, 11, 5000, size):
                self.assertEqual(outcome([data[:cut], data[cut:]], is_client=True)[0], [(MSG_TEXT, "y" * size, "")])

    def test_closing(self):
        """The code, the reason, none of them; and nothing is read after it."""
        self.check([(0x88, b"")], [Message(MSG_CLOSE, CLOSE_NO_STATUS)], True)
        self.check([(0x88, b"\x03\xe8"), (0x81, b"x")], [Message(MSG_CLOSE, 1000)], True)
        self.check([(0x88, b"\x0f\xa0\xc3\xa9"), (0xFF, b"")], [Message(MSG_CLOSE, 4000, "é")], True)

    def test_codes(self):
        """RFC 6455 7.4."""
        good = [code for code in range(0, 6000) if is_close_code(code)]
        expected = [1000, 1001, 1002, 1003] + list(range(1007, 1015)) + list(range(3000, 5000))
        self.assertEqual(good, expected)
        names = (
            "OK GOING_AWAY PROTOCOL_ERROR UNSUPPORTED_DATA NO_STATUS ABNORMAL INVALID_TEXT "
            "POLICY_VIOLATION MESSAGE_TOO_BIG MANDATORY_EXTENSION INTERNAL_ERROR"
        )
        codes = [getattr(frames, "CLOSE_" + name) for name in names.split()]
        self.assertEqual(codes, [1000, 1001, 1002, 1003, *range(1005, 1012)])

    def test_what_breaks_the_protocol(self):
        """The close code that answers it, after the messages before it."""
        text = Message(MSG_TEXT, "a")
        for data, problem in (
            ([(0x91, b"")], "reserved bits 0x10 are set"),
            ([(0xC1, b"")], "reserved bits 0x40 are set"),
            ([(0xA9, b"")], "reserved bits 0x20 are set"),
            ([(0x83, b"")], "opcode 0x3 is reserved"),
            ([(0x8B, b"")], "opcode 0xb is reserved"),
            ([(0x09, b"")], "fragmented control frame"),
            ([(0x89, b"x" * 126)], "control frame of 126 bytes, 125 are allowed"),
            ([(0x80, b"")], "continuation frame without a message to continue"),
            ([(0x01, b"a"), (0x81, b"b")], "new message in the middle of a fragmented one"),
            ([(0x88, b"\x03")], "close frame with the code 3"),
            ([(0x88, b"\x03\xed")], "close frame with the code 1005"),
        ):
            self.fails(data, 1002, problem)
            self.fails([(0x81, b"a")] + data, 1002, problem, [text])

    def test_text_that_is_none(self):
        """Also over fragments, in a reason, and before the frame is whole."""
        for data in (
            [(0x81, b"\xff")], [(0x81, b"\xc3")], [(0x01, b"\xe2\x82"), (0x80, b"a")],
            [(0x01, b"\xe2\x82"), (0x80, b"")], [(0x81, b"\xed\xa0\x80")], [(0x88, b"\x03\xe8\xff")],
        ):
            self.fails(data, 1007, "text is not UTF-8")
        parser = WebSocketParser(is_client=True)
        parser.feed(b"\x81\x7e\x40\x00good")
        with self.assertRaises(WebSocketError) as caught:
            parser.feed(b"\xff")
        self.assertEqual(caught.exception.code, 1007)
        with self.assertRaises(WebSocketError):
            parser.feed(b"more")

    def test_lengths_that_are_not_minimal(self):
        """Or past 63 bits."""
        for wire, size in (
            (b"\x81\x7e\x00\x05Hello", 5),
            (b"\x82\x7f" + (65535).to_bytes(8, "big"), 65535),
            (b"\x82\x7f\x80" + b"\0" * 7, 1 << 63),
        ):
            got = feed_every_way(self, wire, lambda chunks: outcome(chunks, is_client=True))
            self.assertEqual(got, ([], 1002, "length of %d bytes is not minimal" % size))

    def test_masks(self):
        """A server's frames have none, a client's must."""
        got = feed_every_way(self, frame(0x81, b"x", MASK), lambda c: outcome(c, is_client=True))
        self.assertEqual(got, ([], 1002, "masked frame from a server"))
        got = feed_every_way(self, frame(0x81, b"x"), lambda c: outcome(c))
        self.assertEqual(got, ([], 1002, "frame from a client is not masked"))

    def test_limits(self):
        """One frame, many fragments; the message before arrives."""
        for data in (
            frame(0x81, b"ok") + frame(0x81, b"x" * 11),
            frame(0x81, b"ok") + frame(0x02, b"x" * 6) + frame(0x80, b"x" * 5),
        ):
            got = feed_every_way(self, data, lambda c: outcome(c, is_client=True, max_message_bytes=10))
            self.assertEqual(got, ([(MSG_TEXT, "ok", "")], "max_message_bytes", 10))
        huge = b"\x82\x7f" + (1 << 40).to_bytes(8, "big")
        self.assertEqual(outcome([huge], is_client=True)[1], "max_message_bytes")


class Writing(unittest.TestCase):
    def test_what_is_written_is_what_is_read(self):
        """Both roles, all sizes, all kinds."""
        for use_mask in (True, False):
            writer = WebSocketWriter(use_mask=use_mask)
            parser = WebSocketParser(is_client=not use_mask)
            mask = MASK if use_mask else b""
            for size in (0, 1, 125, 126, 2047, 2048, 2049, 65535, 65536):
                text = "é" * size
                got = parser.feed(writer.send(text) + writer.send(b"\xff" * size))
                self.assertEqual(got, [Message(MSG_TEXT, text), Message(MSG_BINARY, b"\xff" * size)])
            got = parser.feed(
                writer.send("é", binary=True) + writer.send(bytearray(b"a")) + writer.ping("p") + writer.pong(b"q")
                + frame(MSG_TEXT, b"\xc3", mask) + frame(0x80 | MSG_CONTINUATION, b"\xa9", mask)
                + writer.close(1001, "bye")
            )
            self.assertEqual(
                [tuple(message) for message in got],
                [
                    (MSG_BINARY, "é".encode(), ""), (MSG_BINARY, b"a", ""), (MSG_PING, b"p", ""),
                    (MSG_PONG, b"q", ""), (MSG_TEXT, "é", ""), (MSG_CLOSE, 1001, "bye"),
                ],
            )

    def test_the_bytes(self):
        """RFC 6455 5.7, with the mask of the example."""
        self.assertEqual(WebSocketWriter().send("Hello"), b"\x81\x05Hello")
        writer = WebSocketWriter(use_mask=True, random_bytes=lambda count: MASK)
        self.assertEqual(writer.send("Hello"), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
        self.assertEqual(WebSocketWriter().close(), b"\x88\x02\x03\xe8")
        self.assertEqual(WebSocketWriter().close(CLOSE_NO_STATUS), b"\x88\x00")

    def test_a_writer_below(self):
        """Gets every frame."""
        sent = []

        class Transport:
            write = staticmethod(sent.append)

        writer = WebSocketWriter(Transport())
        self.assertEqual(sent, [] if writer.ping() is None else [b"\x89\x00"])

    def test_what_no_frame_can_hold(self):
        """ValueError."""
        writer = WebSocketWriter()
        for code in (0, 999, 1004, 1006, 1015, 2999, 5000):
            with self.assertRaisesRegex(ValueError, "%d is no close code that may be sent" % code):
                writer.close(code)
        with self.assertRaisesRegex(ValueError, "1005 is no close code"):
            writer.close(CLOSE_NO_STATUS, "reason")
        with self.assertRaisesRegex(ValueError, "control frame of 126 bytes, 125 are allowed"):
            writer.ping(b"x" * 126)
        with self.assertRaisesRegex(ValueError, "control frame of 126 bytes"):
            writer.close(1000, "x" * 124)


class Masking(unittest.TestCase):
    def test_against_the_definition(self):
        """Every size up to some tables, and undone by itself."""
        for size in list(range(40)) + [2046, 2047, 2048, 2049, 2050, 2051, 5000]:
            data = bytes(i * 7 & 255 for i in range(size))
            masked = apply_mask(data, MASK)
            self.assertEqual(masked, bytes(byte ^ MASK[i & 3] for i, byte in enumerate(data)))
            self.assertEqual(apply_mask(masked, MASK), data)
