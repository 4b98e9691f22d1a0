"""action=upload of the embedded wiki: files at once, in chunks, by way of the stash."""

from __future__ import annotations

import hashlib
import unittest

from wikistd.server.files import base36_sha1, inspect_file

from .asking import Asker, asker_for, make_wiki
from .replaying import make_png


class UploadCase(unittest.TestCase):
    """A wiki and somebody who may upload."""

    def setUp(self):
        self.now = 1_700_000_000.0
        self.store = make_wiki(now=lambda: self.now)
        self.addCleanup(self.store.close)
        self.plain = asker_for(self.store, "Plain")

    def upload(self, data=None, field="file", **params):
        """Upload and return what the wiki says, or the error's code."""
        files = None if data is None else {field: ("sent.bin", data)}
        answer = self.plain.post(action="upload", files=files, **params)
        return answer["upload"] if "upload" in answer else answer["error"]["code"]


class Whole(UploadCase):
    """A file in one request."""

    def test_new(self):
        """The bytes, the page, the log and the reply say the same."""
        data = make_png(40, 30, "words", 2000)
        done = self.upload(data, filename="some file.png", comment="c", text="page text")
        info = done["imageinfo"]
        self.assertEqual((done["result"], done["filename"]), ("Success", "Some_file.png"))
        self.assertEqual((info["size"], info["width"], info["height"], info["sha1"]),
                         (2000, 40, 30, hashlib.sha1(data).hexdigest()))
        record = self.store.get_file("Some file.png")
        self.assertEqual(self.store.files.read(record), data)
        self.assertEqual(self.store.get_page("File:Some file.png").text, "page text")
        change = self.store.changes.since(0)[-1]
        self.assertEqual((change.log_type, change.log_action, change.title),
                         ("upload", "upload", "File:Some file.png"))

    def test_versions(self):
        """A second version keeps the first one, under the time it was replaced."""
        self.upload(b"one", filename="A.txt")
        self.now += 10
        warning = self.upload(b"two", filename="A.txt")
        self.assertEqual(warning["warnings"], {"exists": "A.txt"})
        done = self.upload(filename="A.txt", filekey=warning["filekey"], ignorewarnings=True)
        self.assertEqual(done["result"], "Success")
        old = self.store.files.versions("A.txt")[1]
        self.assertEqual(old.archive, "20231114221330!A.txt")
        self.assertEqual(self.store.files.read(old), b"one")
        self.assertEqual(self.upload(b"3", filename="A.txt", ignorewarnings=True),
                         "backend-fail-alreadyexists")
        answer = self.plain.ask(action="query", titles="File:A.txt", prop="imageinfo",
                                iilimit=5, iiprop="archivename|size|url")
        sizes = [each["size"] for each in answer["query"]["pages"][0]["imageinfo"]]
        self.assertEqual(sizes, [3, 3])

    def test_warnings(self):
        """Same bytes elsewhere, a name that had to be changed, no change at all."""
        self.upload(b"same", filename="A.txt")
        self.assertEqual(self.upload(b"same", filename="B.txt")["warnings"],
                         {"duplicate": ["A.txt"]})
        self.assertEqual(self.upload(b"new", filename="b|c#d.txt")["warnings"],
                         {"badfilename": "B-c-d.txt"})
        for name in ("File:e f.txt", "image:E_f.txt"):
            self.assertEqual(self.upload(b"new", filename=name)["warnings"],
                             {"badfilename": "E_f.txt"})
        self.assertIn("nochange", self.upload(b"same", filename="A.txt")["warnings"])
        listed = self.plain.ask(action="query", list="mystashedfiles")["query"]
        self.assertEqual(len(listed["mystashedfiles"]), 5)

    def test_refusals(self):
        """What is not stored, and why."""
        self.store.site.max_upload_bytes = 100
        for data, params, code in (
            (b"", {"filename": "A.txt"}, "empty-file"),
            (b"x" * 101, {"filename": "A.txt"}, "file-too-large"),
            (b"<html>", {"filename": "A.txt"}, "verification-error"),
            (b"x", {}, "nofilename"),
            (b"x", {"filename": "\u00e9" * 121 + ".txt"}, "filename-toolong"),
            (None, {"filename": "A.txt"}, "missingparam"),
            (None, {"filename": "A.txt", "file": "text"}, "badupload"),
            (None, {"filename": "A.txt", "filekey": "none"}, "uploadstash-file-not-found"),
            (None, {"filename": "A.txt", "url": "http://x/"}, "copyuploaddisabled"),
            (None, {"checkstatus": True}, "missingparam"),
            (None, {"checkstatus": True, "filekey": "none"}, "missingresult"),
        ):
            with self.subTest(code=code):
                self.assertEqual(self.upload(data, **params), code)
        somebody = Asker(self.store)
        answer = somebody.post(action="upload", filename="A.txt", files={"file": ("a", b"x")})
        self.assertEqual(answer["error"]["code"], "mustbeloggedin")
        self.store.site.uploads_enabled = False
        self.assertEqual(self.upload(b"x", filename="A.txt"), "uploaddisabled")


class Chunks(UploadCase):
    """A file in pieces."""

    DATA = bytes(range(256)) * 20

    def chunk(self, start, end, filekey=None, **params):
        """Send one piece."""
        return self.upload(self.DATA[start:end], field="chunk", filename="C.bin", stash=True,
                           filesize=len(self.DATA), offset=start, filekey=filekey, **params)

    def test_in_order(self):
        """Each piece says where the next begins; the last one has the key to publish."""
        first = self.chunk(0, 2000)
        self.assertEqual((first["result"], first["offset"]), ("Continue", 2000))
        key = first["filekey"]
        status = self.upload(filekey=key, checkstatus=True)
        self.assertEqual(status, {"result": "Continue", "stage": "uploading", "offset": 2000})
        self.assertEqual(self.chunk(2000, 4000, key)["offset"], 4000)
        last = self.chunk(4000, 5120, key)
        self.assertEqual(last["result"], "Success")
        self.assertEqual(last["imageinfo"]["sha1"], hashlib.sha1(self.DATA).hexdigest())
        done = self.upload(filename="C.bin", filekey=last["filekey"])
        self.assertEqual(done["result"], "Success")
        self.assertEqual(self.store.files.read(self.store.get_file("C.bin")), self.DATA)
        self.assertEqual(self.upload(filename="D.bin", filekey=last["filekey"]),
                         "uploadstash-file-not-found")

    def test_wrong_place(self):
        """A piece sent again, or too early, tells where to go on."""
        key = self.chunk(0, 2000)["filekey"]
        answer = self.plain.post(
            action="upload", filename="C.bin", stash=True, filesize=5120, offset=0,
            filekey=key, files={"chunk": ("c", self.DATA[:2000])})
        self.assertEqual((answer["error"]["code"], answer["error"]["offset"]),
                         ("stashfailed", "2000"))
        self.assertEqual(self.chunk(2000, 2010, key), "chunk-too-small")
        self.assertEqual(self.chunk(4000, 5120, "none"), "uploadstash-file-not-found")

    def test_one_chunk(self):
        """A file of one piece is done at once."""
        self.assertEqual(self.chunk(0, 5120)["result"], "Success")

    def test_stash_is_private(self):
        """Nobody else can go on with an upload."""
        key = self.chunk(0, 2000)["filekey"]
        self.plain = asker_for(self.store, "Robot")
        self.assertEqual(self.chunk(2000, 4000, key), "uploadstash-file-not-found")

    def test_later(self):
        """async=1: the last step waits until somebody asks again."""
        key = self.chunk(0, 2000, None, async_=True)["filekey"]
        poll = self.chunk(2000, 5120, key, async_=True)
        self.assertEqual((poll["result"], poll["stage"]), ("Poll", "queued"))
        self.assertEqual(self.upload(filekey=key, checkstatus=True)["result"], "Poll")
        done = self.upload(filekey=key, checkstatus=True)
        self.assertEqual((done["result"], done["stage"]), ("Success", "assembling"))


class Looking(unittest.TestCase):
    """What the bytes of a file say."""

    def test_kinds(self):
        """PNG, GIF and JPEG by their first bytes, text, and the rest by name."""
        gif = b"GIF89a" + (7).to_bytes(2, "little") + (5).to_bytes(2, "little") + b"\x91"
        jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x05\x00\x07rest"
        for data, name, mime, size in (
            (make_png(9, 8, "c", 500), "x", "image/png", (9, 8)),
            (b"\x89PNG\r\n\x1a\nbroken", "x.png", "image/png", (0, 0)),
            (gif, "x", "image/gif", (7, 5)),
            (jpeg, "x", "image/jpeg", (7, 5)),
            (b"\xff\xd8\xff", "x", "image/jpeg", (0, 0)),
            (b"plain \xc3\xa9", "x.png", "text/plain", (0, 0)),
            (b"<svg/>", "x.svg", "image/svg+xml", (0, 0)),
            (b"\x00\x01", "x.pdf", "application/pdf", (0, 0)),
            (b"\x00\x01", "x.zzz", "application/octet-stream", (0, 0)),
        ):
            with self.subTest(mime=mime, data=data[:10]):
                facts = inspect_file(data, name)
                self.assertEqual((facts.mime, (facts.width, facts.height)), (mime, size))
        self.assertEqual(inspect_file(make_png(9, 8, "c", 500), "x").metadata["comment"], "c")

    def test_base36(self):
        """SHA-1 as MediaWiki's tables have it."""
        self.assertEqual(base36_sha1("da39a3ee5e6b4b0d3255bfef95601890afd80709"),
                         "phoiac9h4m842xq45sp7s6u21eteeq1")


if __name__ == "__main__":
    unittest.main()
