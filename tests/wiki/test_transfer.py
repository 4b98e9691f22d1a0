"""wikistd.wiki.transfer: stashes, polls and losses by script."""

import hashlib
import io
import os
import tempfile
import unittest
from unittest import mock

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, Reply, error
from wikistd import Session, upload_file
from wikistd.errors import APIError, ConnectionLost
from wikistd.wiki.sources import MIN_HASH_AHEAD_BYTES, UploadSource, WatchedFile

try:
    import tracemalloc
except ImportError:  # PyPy
    tracemalloc = None

DATA = b"0123456789"
SHA1 = hashlib.sha1(DATA).hexdigest()
LOST = ConnectionLost("cut", retryable=True)
FILE = {"": "POST", "action": "upload", "filename": "F.bin"}
CHECK = dict(FILE, checkstatus="", filekey="k1")
LOOK = {"": "GET", "prop": "imageinfo", "titles": "File:F.bin"}
GONE = error("uploadstash-file-not-found", "Key not found.")


def upload(result, **fields):
    return {"upload": dict({"result": result}, **fields)}


def success(**fields):
    return upload("Success", filename="F.bin", imageinfo={"sha1": SHA1, "size": 10}, **fields)


def there(sha1=SHA1):
    info = [{"sha1": sha1, "size": 10, "url": "u"}]
    return {"query": {"pages": [{"title": "File:F.bin", "imageinfo": info}]}}


def chunk(offset, filekey=None):
    return dict(FILE, stash="", offset=str(offset), filesize="10", filekey=filekey)


class Case(unittest.TestCase):
    def start(self, *script):
        self.wiki = Conversation(self, *script)
        self.addCleanup(self.wiki.done)
        session = Session(
            "https://wiki.example", session=self.wiki, clock=FakeClock(), formatversion=2
        )
        session._state.tokens["csrf"] = "t+\\"
        return session

    def refused(self, session, **options):
        with self.assertRaises(APIError) as caught:
            upload_file(session, DATA, "F.bin", **options)
        return caught.exception


class Chunks(Case):
    def test_resumes_where_the_wiki_says(self):
        """A chunk whose answer was lost had arrived: the wiki tells the next offset."""
        session = self.start(
            (chunk(0), upload("Continue", offset=4, filekey="k1")),
            (chunk(4, "k1"), LOST),
            (chunk(4, "k1"), error("stashfailed", "Invalid offset", offset="8")),
            (chunk(8, "k1"), success(filekey="k2")),
            (dict(FILE, filekey="k2", stash=None), success()),
        )
        result = upload_file(session, DATA, "F.bin", chunk_size=4)
        self.assertEqual(result.sha1, SHA1)
        files = [sent.files["chunk"][1] for sent in self.wiki.sent if sent.files]
        self.assertEqual(files, [b"0123", b"4567", b"4567", b"89"])

    def test_lost_first_answer(self):
        """Without a key nothing is known: it begins anew."""
        session = self.start(
            (chunk(0), LOST), (chunk(0), success(filekey="k2")), (FILE, success())
        )
        upload_file(session, DATA, "F.bin", chunk_size=99)

    def lost_last(self, *more):
        return self.start(
            (chunk(0), upload("Continue", offset=8, filekey="k1")),
            (chunk(8, "k1"), LOST),
            (chunk(8, "k1"), GONE),
            *more
        )

    def test_lost_last_answer_is_found_in_the_stash(self):
        """The assembled file has a new key; the user's stash is searched for it."""
        stashed = [
            {"filekey": "a", "size": 9, "status": "finished"},
            {"filekey": "b", "size": 10, "status": "chunks"},
            {"filekey": "c", "size": 10, "status": "finished"},
            {"filekey": "d", "size": 10, "status": "finished"},
        ]
        session = self.lost_last(
            ({"list": "mystashedfiles"}, {"query": {"mystashedfiles": stashed}}),
            ({"siifilekey": "c"}, {"query": {"stashimageinfo": [{"sha1": "other"}]}}),
            ({"siifilekey": "d"}, {"query": {"stashimageinfo": [{"sha1": SHA1}]}}),
            (dict(FILE, filekey="d"), success()),
        )
        upload_file(session, DATA, "F.bin", chunk_size=8)

    def test_stash_that_cannot_be_listed(self):
        """It begins anew, and gives up after some times."""
        turn = [
            (chunk(0), upload("Continue", offset=8, filekey="k1")),
            (chunk(8, "k1"), LOST),
            (chunk(8, "k1"), GONE),
            ({"list": "mystashedfiles"}, error("badvalue")),
        ]
        session = self.start(*turn * 3)
        got = self.refused(session, chunk_size=8)
        self.assertEqual(got.code, "stashlost")

    def test_never_arrives(self):
        session = self.start(*[(chunk(0), LOST)] * 9)
        with self.assertRaises(ConnectionLost) as caught:
            upload_file(session, DATA, "F.bin", chunk_size=8)
        self.assertFalse(caught.exception.maybe_applied)
        self.assertIn("gave up at byte 0, stash key unknown", str(caught.exception))

    def test_exception_in_the_wiki(self):
        session = self.start(
            (chunk(0), error("internal_api_error_X")),
            (chunk(0), success(filekey="k2")),
            (FILE, success()),
        )
        upload_file(session, DATA, "F.bin", chunk_size=99)

    def test_refused(self):
        session = self.start((chunk(0), error("chunk-too-small")))
        self.assertEqual(self.refused(session, chunk_size=8).code, "chunk-too-small")
        session = self.start((chunk(0), upload("Odd")))
        self.assertIn("the wiki answered Odd", str(self.refused(session, chunk_size=8)))
        session = self.start((chunk(0), error("busy", "x", [("Retry-After", "x")])))
        self.assertEqual(self.refused(session, chunk_size=8).code, "busy")

    def test_damaged_on_the_way(self):
        """Nothing is published whose SHA-1 is not ours."""
        bad = upload("Success", filekey="k2", imageinfo={"sha1": "other"})
        session = self.start((chunk(0), bad))
        got = self.refused(session, chunk_size=99)
        self.assertIn("has a file with the SHA-1 other, ours is %s" % SHA1, str(got))

    def test_asks_for_the_same_again_and_again(self):
        """An offset that is no progress is a loss: a pause, and an end."""
        for offsets in ([4], [4, 0], [4, 3, 2]):

            def answer(sent, offsets=offsets):
                return upload("Continue", offset=offsets[len(sents) % len(offsets)], filekey="k")

            session = self.start()
            sents = self.wiki.sent
            self.wiki.script = [({}, answer)] * 30
            got = self.refused(session, chunk_size=4)
            self.assertRegex(got.info, r"the wiki asks again for the bytes from \d on")
            self.assertFalse(got.maybe_applied)
            self.assertLess(len(sents), 15)
            self.assertGreater(sum(session.clock.slept), 20)
            self.wiki.script = []

    def test_tells_offsets_in_turn(self):
        """So is one that a refusal tells."""
        def answer(sent):
            return error("stashfailed", "Invalid offset", offset=str(len(self.wiki.sent) % 2 * 4))

        session = self.start((chunk(0), upload("Continue", offset=4, filekey="k1")))
        self.wiki.script += [({}, answer)] * 30
        self.assertEqual(self.refused(session, chunk_size=4).code, "stashfailed")
        self.assertLess(len(self.wiki.sent), 22)
        self.wiki.script = []

    def test_done_too_early(self):
        """A wiki that has all of it after the first chunk has not: nothing is published."""
        session = self.start((chunk(0), upload("Success", filekey="k2")))
        got = self.refused(session, chunk_size=4)
        self.assertEqual(got.info, "the wiki says that it has all of the file after 4 of 10 bytes")

    def test_sha1_is_asked_for(self):
        """Where the wiki does not tell it, the stash is looked at, before it is published."""
        last = (chunk(0), upload("Success", filekey="k2"))
        look = {"siifilekey": "k2", "siiprop": "sha1"}
        info = {"query": {"stashimageinfo": [{"sha1": SHA1}]}}
        session = self.start(last, (look, info), (dict(FILE, filekey="k2"), upload("Success")))
        result = upload_file(session, DATA, "F.bin", chunk_size=99)
        self.assertEqual((result.sha1, result.size), ("", 0))
        for told, code in (({"sha1": "other"}, "sha1mismatch"), ({}, "sha1missing")):
            info = {"query": {"stashimageinfo": [told]}}
            session = self.start(last, (look, info))
            self.assertEqual(self.refused(session, chunk_size=99).code, code)

    def test_in_the_background(self):
        session = self.start(
            (dict(chunk(0), async_=None, **{"async": ""}), upload("Poll", filekey="k1")),
            (CHECK, upload("Poll", stage="queued")),
            (CHECK, LOST),
            (CHECK, success(filekey="k2")),
            (dict(FILE, filekey="k2"), upload("Poll", filekey="k2")),
            (dict(CHECK, filekey="k2"), success()),
        )
        upload_file(session, DATA, "F.bin", chunk_size=99, asynchronous=True)

    def test_lost_after_the_background(self):
        """What was assembled in the background is published as safely as anything."""
        for code in ("internal_api_error_X", "uploadstash-bad-path"):
            session = self.start(
                (chunk(0), upload("Continue", offset=4, filekey="k1")),
                (chunk(4, "k1"), upload("Poll", filekey="k1")),
                (CHECK, error(code)),
            )
            self.assertEqual(self.refused(session, chunk_size=6).code, code)
        session = self.start(
            (chunk(0), upload("Poll", filekey="k1")),
            (CHECK, success(filekey="k2")),
            (dict(FILE, filekey="k2"), LOST),
            (LOOK, there("old")),
            (dict(FILE, filekey="k2"), success()),
        )
        self.assertFalse(upload_file(session, DATA, "F.bin", chunk_size=99).found)

    def test_background_that_hangs(self):
        """The job queue may be stuck: that is said, with the key."""
        session = self.start((chunk(0), upload("Poll", filekey="k1")))
        session.session.script += [(CHECK, upload("Poll", stage="queued"))] * 30
        got = self.refused(
            session, chunk_size=99, asynchronous=True, assembly_seconds=20
        )
        self.assertIn("is still queued after 20 seconds (stash key k1)", str(got))
        self.assertFalse(got.maybe_applied)
        session.session.script = [(chunk(0), upload("Poll", filekey="k1"))]
        session.session.script += [(CHECK, LOST)] * 30
        with self.assertRaises(ConnectionLost) as caught:
            upload_file(
                session, DATA, "F.bin", chunk_size=99, asynchronous=True, assembly_seconds=5
            )
        self.assertFalse(caught.exception.maybe_applied)
        session.session.script = []

    def test_published_in_the_background(self):
        """When nobody waits any longer, the wiki may still publish it; it is looked for."""
        poll = upload("Poll", stage="queued", filekey="k2")
        for polled, kind in ((poll, APIError), (LOST, ConnectionLost)):
            for found in (False, True):

                def answer(sent, polled=polled, found=found):
                    names = dict(sent.params)
                    if "stash" in names:
                        return success(filekey="k2")
                    if "checkstatus" in names:
                        return polled
                    return poll if sent.method == "POST" else there(SHA1 if found else "old")

                session = self.start()
                session.session.script = [({}, answer)] * 30
                options = {"chunk_size": 99, "asynchronous": True, "assembly_seconds": 20}
                if found:
                    self.assertTrue(upload_file(session, DATA, "F.bin", **options).found)
                else:
                    with self.assertRaises(kind) as caught:
                        upload_file(session, DATA, "F.bin", **options)
                    self.assertTrue(caught.exception.maybe_applied)
                posts = [sent for sent in session.session.sent if sent.method == "POST"]
                sent = [dict(post.params) for post in posts]
                self.assertEqual(len([s for s in sent if "checkstatus" not in s]), 2)
                session.session.script = []


class Draining:
    """A client that takes files in as they are sent, piece by piece."""

    def __init__(self, size):
        self.size = size
        self.sha1 = ""

    def request(self, method, url, data=None, files=None, **options):
        names = dict(data) if files else {}
        if files is None:
            info = {"sha1": self.sha1, "size": self.size}
            return Reply(upload("Success", filename="F.bin", imageinfo=info))
        content = files.get("file", files.get("chunk"))[1]
        if isinstance(content, bytes):
            offset = int(names["offset"]) + len(content)
            if offset < self.size:
                return Reply(upload("Continue", filekey="k", offset=offset))
            info = {"sha1": self.sha1, "size": self.size}
            return Reply(upload("Success", filekey="k", imageinfo=info))
        while content.read(65536):
            pass
        info = {"sha1": self.sha1, "size": self.size}
        return Reply(upload("Success", filename="F.bin", imageinfo=info))


@unittest.skipIf(tracemalloc is None, "no tracemalloc")
class Memory(unittest.TestCase):
    def peak(self, size, **options):
        client = Draining(size)
        session = Session("https://wiki.example", session=client, clock=FakeClock())
        session._state.tokens["csrf"] = "t+\\"
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            digest = hashlib.sha1()
            for _ in range(size >> 20):
                digest.update(b"\0" * (1 << 20))
            client.sha1 = digest.hexdigest()
            tracemalloc.start()
            try:
                result = upload_file(session, file, "F.bin", **options)
                self.assertEqual(result.sha1, client.sha1)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    def test_is_flat_for_any_size(self):
        """Eight times the file takes no more memory, whole or in chunks."""
        for options in ({"chunk_size": 0}, {"chunk_size": 1 << 18}):
            self.peak(1 << 20, **options)
            small = self.peak(2 << 20, **options)
            large = self.peak(16 << 20, **options)
            self.assertLess(large, small + (1 << 18), options)
            self.assertLess(large, 2 << 20, options)


class Publishing(Case):
    def test_lost_and_there(self):
        session = self.start((FILE, LOST), (LOOK, there()))
        result = upload_file(session, DATA, "F.bin", ignore_warnings=True)
        self.assertEqual((result.found, result.url), (True, "u"))

    def test_lost_and_late(self):
        """Sent again without ignoring warnings, so that the wiki tells of the first."""
        warned = upload("Warning", warnings={"exists": "F.bin", "nochange": {}}, filekey="k")
        session = self.start(
            (dict(FILE, ignorewarnings=""), LOST),
            (LOOK, there("old")),
            (dict(FILE, ignorewarnings=None), warned),
            (LOOK, there()),
        )
        result = upload_file(session, DATA, "F.bin", ignore_warnings=True)
        self.assertTrue(result.found)

    def test_lost_and_not_there(self):
        """What the warnings are about was there before."""
        warned = upload("Warning", warnings={"exists": "F.bin", "nochange": {}}, filekey="k")
        session = self.start(
            (FILE, LOST),
            (LOOK, there("old")),
            (FILE, warned),
            (LOOK, there("old")),
            (dict(FILE, filekey="k", ignorewarnings=""), success()),
        )
        self.assertFalse(upload_file(session, DATA, "F.bin", ignore_warnings=True).found)

    def test_refused_after_a_loss(self):
        """fileexists-no-change: the first one has landed after all."""
        session = self.start(
            (FILE, LOST),
            (LOOK, there("old")),
            (FILE, error("fileexists-no-change")),
            (LOOK, there()),
        )
        self.assertTrue(upload_file(session, DATA, "F.bin").found)
        session = self.start(
            (FILE, LOST), (LOOK, there("old")), (FILE, error("blocked")), (LOOK, there("old"))
        )
        self.assertTrue(self.refused(session).maybe_applied)

    def test_never_arrives(self):
        session = self.start(*[(FILE, LOST), (LOOK, there("old"))] * 9)
        with self.assertRaises(ConnectionLost) as caught:
            upload_file(session, DATA, "F.bin")
        self.assertTrue(caught.exception.maybe_applied)

    def test_cannot_be_looked_up(self):
        session = self.start((FILE, LOST), (LOOK, error("nope")))
        with self.assertRaises(ConnectionLost) as caught:
            upload_file(session, DATA, "F.bin")
        self.assertTrue(caught.exception.maybe_applied)

    def test_by_address(self):
        """Fetched by the wiki: nobody knows what it should be, so nothing is guessed."""
        session = self.start((FILE, success()))
        upload_file(session, "https://x.example/f", "F.bin")
        self.assertIn(("url", "https://x.example/f"), self.wiki.sent[0].params)
        session = self.start((FILE, LOST))
        with self.assertRaises(ConnectionLost):
            upload_file(session, "https://x.example/f", "F.bin")

    def test_odd_answers(self):
        session = self.start((FILE, {"odd": 1}))
        self.assertIn("the wiki answered no answer", str(self.refused(session)))

    def test_warns_of_what_is_ignored(self):
        """A wiki that warns again, though it was told to ignore it, is taken at its word."""
        warned = upload("Warning", warnings={"exists": "F.bin"}, filekey="k")
        session = self.start((FILE, warned), (dict(FILE, filekey="k"), warned))
        got = self.refused(session, ignore_warnings=True)
        self.assertEqual(got.code, "uploadwarning")

    def test_warnings_in_words(self):
        warned = upload("Warning", warnings={"duplicate": ["A", "B"], "x": {}})
        session = self.start((FILE, warned))
        self.assertIn("duplicate (A, B); x; name those", str(self.refused(session)))

    def test_mistakes(self):
        session = self.start()
        with self.assertRaisesRegex(TypeError, "first argument is a Session"):
            upload_file("https://x", DATA, "F.bin")
        with self.assertRaisesRegex(ValueError, "chunk_size must be 0 or more"):
            upload_file(session, DATA, "F.bin", chunk_size=-1)
        with self.assertRaisesRegex(TypeError, "source is a path, bytes, a binary file"):
            upload_file(session, 3, "F.bin")
        with self.assertRaisesRegex(TypeError, "binary mode"):
            upload_file(session, io.StringIO("x"), "F.bin")


class BrokenFile(io.BytesIO):
    def read(self, size=-1):
        raise OSError("broken")


class Sources(unittest.TestCase):
    def test_from_where_it_stands(self):
        file = io.BytesIO(b"xx" + DATA)
        file.seek(2)
        with UploadSource(file) as source:
            self.assertEqual((source.size, source.sha1()), (10, SHA1))
            self.assertEqual(source.read_at(8, 99), b"89")
        self.assertFalse(file.closed)

    def test_watched(self):
        seen = []
        with UploadSource(bytearray(DATA)) as source:
            watched = WatchedFile(source, lambda done, total: seen.append(done))
            self.assertTrue(watched.seekable())
            self.assertEqual(watched.seek(0, 2), 10)
            self.assertEqual(watched.read(3), b"")
            self.assertEqual(watched.seek(4), 4)
            self.assertEqual((watched.read(2), watched.tell()), (b"45", 6))
            self.assertEqual(watched.seek(-2, 1), 4)
            self.assertEqual(watched.read(), b"456789")
            self.assertEqual(WatchedFile(source, None).read(None), DATA)
        self.assertEqual(seen, [6, 10])

    def test_hashed_while_it_is_sent(self):
        """A large path or bytes are read a second time, in a thread."""
        large = DATA * (MIN_HASH_AHEAD_BYTES // len(DATA) + 1)
        expected = hashlib.sha1(large).hexdigest()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "f")
            with open(path, "wb") as file:
                file.write(large)
            for given in (path, large, io.BytesIO(large)):
                with UploadSource(given) as source:
                    source.begin_sha1()
                    self.assertEqual(source.read_at(0, 4), b"0123")
                    self.assertEqual(source.sha1(), expected)
                    self.assertEqual(source.sha1(), expected)
                with UploadSource(given) as source:
                    source.begin_sha1()  # Ends with the upload, whatever became of it.
            with mock.patch("threading.Thread.start", side_effect=RuntimeError):
                with UploadSource(path) as source:
                    source.begin_sha1()
                    self.assertEqual(source.sha1(), expected)

    def test_hash_that_failed(self):
        """What could not be read beside the sending is read afterwards."""
        large = DATA * (MIN_HASH_AHEAD_BYTES // len(DATA) + 1)
        with UploadSource(large) as source:
            source._again = BrokenFile
            source.begin_sha1()
            self.assertEqual(source.sha1(), hashlib.sha1(large).hexdigest())

    def test_files_that_cannot_say(self):
        """An old file object without seekable() is tried by what it has."""

        class Old:
            def __init__(self):
                self.file = io.BytesIO(DATA)
                self.read = self.file.read
                self.tell = self.file.tell
                self.seek = self.file.seek

        class Stream:
            def __init__(self):
                self.read = io.BytesIO(DATA).read

        for kind in (Old, Stream):
            with UploadSource(kind()) as source:
                self.assertEqual(source.sha1(), SHA1)
