"""formats/checksums.py: checksums where a policy forbids them for security."""

import hashlib
import unittest
from unittest import mock

from wikistd.formats.checksums import make_checksum


class Checksums(unittest.TestCase):
    def test_same(self):
        """They are hashlib's."""
        self.assertEqual(make_checksum("sha1", b"x").digest(), hashlib.sha1(b"x").digest())
        digest = make_checksum("md5")
        digest.update(b"x")
        self.assertEqual(digest.hexdigest(), hashlib.md5(b"x").hexdigest())

    def test_forbidden(self):
        """Where they are forbidden, they are asked for without security."""
        stock = hashlib.new

        def strict(name, data=b"", **options):
            if options.pop("usedforsecurity", True):
                raise ValueError("disabled for FIPS")
            return stock(name, data)

        with mock.patch.object(hashlib, "new", strict):
            self.assertEqual(len(make_checksum("sha1", b"x").digest()), 20)

    def test_before_39(self):
        """An older Python does not know the argument."""
        stock = hashlib.new

        def old(name, data=b""):
            return stock(name, data)

        with mock.patch.object(hashlib, "new", old):
            self.assertEqual(len(make_checksum("sha1", b"x").digest()), 20)
