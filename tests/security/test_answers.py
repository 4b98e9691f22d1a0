"""Hostile answers: every one ends in a documented error, with little memory and time."""

import gzip
import time
import unittest
import zlib

from wikistd import ConnectionLost, LimitExceeded, ProtocolError, WikistdError

from .network import Bytes, on_bytes

try:
    import tracemalloc
except ImportError:  # PyPy
    tracemalloc = None

MEGABYTE = 1 << 20


def talk(answer, **options):
    """Return (client, url): a client whose only host answers with these bytes."""
    return on_bytes(Bytes(a_example=answer), **options), "http://a.example/"


def get(answer, **options):
    client, url = talk(answer)
    with client:
        return client.get(url, **options)


def head(*lines):
    return ("HTTP/1.1 200 OK\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n").encode("latin-1")


class Memory:
    """with Memory(limit): the block allocates no more than `limit` bytes at once."""

    def __init__(self, test, limit):
        self.test, self.limit = test, limit

    def __enter__(self):
        if tracemalloc is not None:
            tracemalloc.start()

    def __exit__(self, *error):
        if tracemalloc is None:
            return
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.test.assertLess(peak, self.limit)


class Lengths(unittest.TestCase):
    def test_cve_2025_13836_huge_content_length(self):
        """CVE-2025-13836: a length of 10^12 with five bytes: an error, memory flat.

        Read as a whole it is over the limit before a byte is read; as a stream it is
        ConnectionLost, whichever way it is read.
        """
        with Memory(self, 2 * MEGABYTE):
            with self.assertRaises(LimitExceeded):
                get(head("Content-Length: 1000000000000") + b"hello")
        with Memory(self, 2 * MEGABYTE):
            with self.assertRaises(ConnectionLost) as caught:
                get(head("Content-Length: 1000000") + b"hello")
        self.assertEqual((caught.exception.received, caught.exception.expected), (5, 10**6))
        for read in [lambda r: r.read(10**12), lambda r: r.read(), lambda r: r.readline(),
                     lambda r: list(r), lambda r: [r.read(3) for _ in range(9)]]:
            client, url = talk(head("Content-Length: 1000000000000") + b"hello")
            with client, Memory(self, 2 * MEGABYTE):
                with self.assertRaises((ConnectionLost, LimitExceeded)):
                    read(client.get(url, stream=True))

    def test_cve_2023_47627_strict_framing(self):
        """CVE-2023-47627, -47641, 2024-23829, 2025-43859: lax framing is refused.

        RFC 9112 6.3; a repeated, equal length counts once.
        """
        for lines in [
            ["Content-Length: +3"], ["Content-Length: 0_3"], ["Content-Length: -1"],
            ["Content-Length: 0x3"], ["Content-Length: 3 3"], ["Content-Length: "],
            ["Content-Length: 3", "Content-Length: 5"], ["Content-Length: 3, 5"],
            ["Content-Length: \u00b3"], ["Content-Length: 3;"],
            ["Content-Length: 3", "Transfer-Encoding: gzip, chunked, chunked"],
            ["Transfer-Encoding: chunked, identity"], ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: \x0bchunked"], ["Transfer-Encoding: xchunked"],
            ["Name : v", "Content-Length: 3"], ["no colon", "Content-Length: 3"],
            [": v", "Content-Length: 3"], ["N\u00e4me: v", "Content-Length: 3"],
            [" Content-Length: 3"],
        ]:
            with self.subTest(lines=lines):
                with self.assertRaises((ProtocolError, ConnectionLost)):
                    get(head(*lines) + b"abc")
        for body in [b"0x3\r\nabc\r\n0\r\n\r\n", b"+3\r\nabc\r\n0\r\n\r\n", b"0_3\r\nabc\r\n0\r\n\r\n",
                     b"-3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcXX0\r\n\r\n", b"3 \nabc\r\n0\r\n\r\n", b"\r\nabc",
                     b"3;\x00\r\nabc\r\n0\r\n\r\n", b"g\r\nabc\r\n0\r\n\r\n", b"1" * 40 + b"\r\nabc",
                     b"3\r\nabc\r\n", b"3\r\nab"]:
            with self.subTest(body=body):
                with self.assertRaises((ProtocolError, ConnectionLost)):
                    get(head("Transfer-Encoding: chunked") + body)
        self.assertEqual(get(head("Content-Length: 3", "Content-Length: 3") + b"abc").content, b"abc")

    def test_cve_2023_47627_both(self):
        """Transfer-Encoding with Content-Length: refused, or the connection is not kept."""
        network = Bytes(a_example=[head("Content-Length: 3", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"])
        with on_bytes(network) as client:
            for _ in range(2):
                try:
                    self.assertEqual(client.get("http://a.example/").content, b"abc")
                except ProtocolError:
                    pass
        self.assertEqual(len(network.opened), 2)

    def test_h11_181_digits(self):
        """h11 PR 181, CVE-2020-10735: a length of a million digits is refused at once."""
        for digits in [19, 4000, 60000]:
            start = time.process_time()
            with self.assertRaises(ProtocolError):
                get(head("Content-Length: " + "9" * digits) + b"abc")
            self.assertLess(time.process_time() - start, 0.2)
        with self.assertRaises(WikistdError):
            get(head("Content-Length: " + "9" * MEGABYTE) + b"abc")


class Floods(unittest.TestCase):
    def flood(self, start, piece, limit=64 * MEGABYTE):
        def pieces():
            yield start
            block = piece * max(1, 65536 // len(piece))
            for _ in range(limit // len(block)):
                yield block

        client, url = talk([pieces()])
        with client, Memory(self, 4 * MEGABYTE), self.assertRaises(LimitExceeded) as caught:
            client.get(url)
        return caught.exception

    def test_ghsa_w4q2_g22w_6fr4_floods(self):
        """GHSA-w4q2-g22w-6fr4, CVE-2021-3737, 2026-22815: trailers, 1xx, headers are bounded."""
        for start, piece in [
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
            (head("Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n", b"X-T: y\r\n"),
            (head("Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n", b"x" * 65536),
            (b"HTTP/1.1 200 OK\r\n", b"X-H: y\r\n"), (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
            (b"HTTP/1.1 100 Continue\r\n", b"X-H: y\r\n"), (b"HTTP/1.1 200 ", b"y" * 65536),
            (head("Transfer-Encoding: chunked") + b"1;", b"y" * 65536),
        ]:
            with self.subTest(start=start[-30:], piece=piece[:30]):
                error = self.flood(start, piece)
                self.assertTrue(error.name and error.limit)

    def test_ghsa_w4q2_counts(self):
        """The 101st interim answer and trailer are one too many; the 100th header is not."""
        final = head("Content-Length: 2") + b"ok"
        self.assertEqual(get(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5 + final).content, b"ok")
        with self.assertRaises(LimitExceeded):
            get(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 101 + final)
        with self.assertRaises(LimitExceeded):
            get(head("Transfer-Encoding: chunked") + b"0\r\n" + b"X-T: y\r\n" * 101 + b"\r\n")

    def test_cve_2025_67725_repeated_headers(self):
        """CVE-2025-67725: ten thousand headers of one name are refused, in linear time."""
        start = time.process_time()
        with self.assertRaises(LimitExceeded):
            get(head(*["X: y"] * 10000))
        self.assertLess(time.process_time() - start, 0.5)


class Values(unittest.TestCase):
    def test_cve_2026_34520_controls_in_values(self):
        """CVE-2026-34520: NUL and other controls in an answer's headers are refused."""
        for number in [n for n in range(32) if n not in (9, 10, 13)] + [127]:
            with self.subTest(number=number):
                with self.assertRaises(ProtocolError):
                    get(head("X: a%sb" % chr(number), "Content-Length: 0"))
        for lines in ["X: a\rb", "X: a\r\r\nY: z"]:
            with self.assertRaises(ProtocolError):
                get(head(lines, "Content-Length: 0"))


class Bombs(unittest.TestCase):
    def bomb(self, megabytes):
        """Return so many megabytes of zeros, packed as fast as it goes."""
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        data = b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes))
        return data + packer.flush()

    def test_cve_2025_66471_bombs(self):
        """CVE-2025-66471, 2026-21441, -44432, -49855: what grows is bounded.

        read(1024) of a bomb takes little memory; a redirect's body is never unpacked;
        max_body_bytes counts what comes out.
        """
        data = self.bomb(64)
        plain = head("Content-Encoding: gzip", "Content-Length: %d" % len(data)) + data
        client, url = talk(plain)
        with client, Memory(self, 4 * MEGABYTE):
            with client.get(url, stream=True) as response:
                self.assertEqual(response.read(1024), bytes(1024))
        client, url = talk(plain, max_body_bytes=MEGABYTE)
        with client, Memory(self, 8 * MEGABYTE), self.assertRaises(LimitExceeded) as caught:
            client.get(url)
        self.assertEqual((caught.exception.name, caught.exception.limit), ("max_body_bytes", MEGABYTE))
        moved = (b"HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\nContent-Encoding: gzip\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(data)) + data
        network = Bytes(a_example=moved, b_example=head("Content-Length: 2") + b"ok")
        with on_bytes(network) as client, Memory(self, 4 * MEGABYTE):
            self.assertEqual(client.get("http://a.example/").content, b"ok")

    def test_cve_2025_66418_chained_codings(self):
        """CVE-2025-66418: more than five codings, one after the other, are refused."""
        data = b"x"
        for _ in range(6):
            data = gzip.compress(data)
        for value in [", ".join(["gzip"] * 6), ", ".join(["gzip"] * 1000)]:
            with self.assertRaises((LimitExceeded, ProtocolError)):
                get(head("Content-Encoding: " + value, "Content-Length: %d" % len(data)) + data)

    def test_cve_2013_1753_gzip(self):
        """CVE-2013-1753, 2026-6100: gzip is bounded without being asked; broken ends it."""
        data = gzip.compress(b"x" * 1000)
        for broken in [data[:-1], data[:-8], data[:20], data[:-4] + b"\0\0\0\0", b"\x1f\x8b" + b"\xff" * 50]:
            with self.subTest(broken=broken[-10:]):
                client, url = talk(head("Content-Encoding: gzip", "Content-Length: %d" % len(broken)) + broken)
                with client, client.get(url, stream=True) as response:
                    for _ in range(2):
                        with self.assertRaises((ProtocolError, ConnectionLost)):
                            response.read()


if __name__ == "__main__":
    unittest.main()
