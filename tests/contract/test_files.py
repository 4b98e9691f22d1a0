"""Uploads and downloads on any wiki."""

import hashlib
import io
import os
import tempfile
import time

from tests.contract.world import ContractCase, Losing
from tests.support.clocks import FakeClock
from wikistd import download_file, upload_file
from wikistd.errors import APIError


def noise(size, seed):
    """Bytes that look like no known type of file, the same for the same seed."""
    return hashlib.shake_256(str(seed).encode("ascii")).digest(size)


class Files(ContractCase):
    def setUp(self):
        super().setUp()
        self.name = self.prefix + ".bin"
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.target = os.path.join(self.folder.name, "got.bin")

    def there(self, session, name=None):
        """Download the file and return its bytes."""
        result = download_file(session, name or self.name, self.target)
        with open(self.target, "rb") as file:
            data = file.read()
        self.assertEqual(result.sha1, hashlib.sha1(data).hexdigest())
        self.assertEqual(os.listdir(self.folder.name), ["got.bin"])
        return data

    def versions(self, session, name=None):
        document = session.get(
            action="query",
            titles="File:" + (name or self.name),
            prop="imageinfo",
            iiprop="sha1",
            iilimit="max",
        )
        return len(document["query"]["pages"][0].get("imageinfo", []))


class Uploads(Files):
    def test_bytes(self):
        session = self.session("bot")
        data = noise(70000, self.prefix)
        seen = []
        result = upload_file(
            session,
            data,
            self.name,
            comment="why",
            text="A file.",
            on_progress=lambda done, total: seen.append((done, total)),
        )
        self.assertEqual(result.sha1, hashlib.sha1(data).hexdigest())
        self.assertEqual((result.filename, result.size), (self.name, 70000))
        self.assertEqual((seen[-1], result.found), ((70000, 70000), False))
        self.assertEqual(self.there(session), data)
        self.assertEqual(self.text_of(session, "File:" + self.name), "A file.")

    def test_sources(self):
        """A path, an open file from where it stands, and a stream that cannot seek."""
        session = self.session("bot")
        data = noise(5000, self.prefix)
        path = os.path.join(self.folder.name, "source")

        class Pipe(io.BytesIO):
            def seekable(self):
                return False

        for number in range(3):
            content = bytes([number]) + data
            with open(path, "wb") as file:
                file.write(b"xx" + content if number == 1 else content)
            name = "%s %d.bin" % (self.prefix, number)
            with open(path, "rb") as file:
                file.seek(2)
                source = (path, file, Pipe(content))[number]
                upload_file(session, source, name)
            os.remove(path)
            self.assertEqual(self.there(session, name), content)

    def test_files_of_calls(self):
        """Whatever form a file of a call may have; one that is open is not read whole."""
        session = self.session("bot")
        reads = []

        class Watched(io.BytesIO):
            def read(self, size=-1):
                reads.append(size)
                return super().read(size)

        for number, form in enumerate(
            (
                bytes,
                bytearray,
                io.BytesIO,
                Watched,
                lambda data: ("n\u00e4me", data),
                lambda data: ("name.bin", io.BytesIO(data), "application/x-thing"),
            )
        ):
            data = noise(300000, "%s %d" % (self.prefix, number))
            params = {"action": "upload", "filename": "%s %d.bin" % (self.prefix, number)}
            if number % 2:
                document = session.request("POST", params, files={"file": form(data)})
            else:
                document = session.post(upload_file=form(data), **params)
            sha1 = document["upload"]["imageinfo"]["sha1"]
            self.assertEqual(sha1, hashlib.sha1(data).hexdigest(), number)
        if "WIKISTD_TEST_CLIENT" not in os.environ:
            self.assertTrue(all(0 < size <= 1 << 18 for size in reads), reads)

    def test_from_an_address(self):
        """The wiki fetches the file itself, where it may."""
        self.world.live(self, globals={"wgAllowCopyUploads": True})
        session = self.session("admin")
        data = noise(3000, self.prefix)
        first = upload_file(session, data, self.name)
        name = self.prefix + " fetched.bin"
        result = upload_file(session, first.url, name, ignore_warnings=["duplicate"])
        self.assertEqual(result.sha1, hashlib.sha1(data).hexdigest())
        self.assertEqual(self.there(session, name), data)

    def test_in_the_background(self):
        """The wiki assembles and publishes by its job queue, and is asked until it has."""
        if not self.world.is_embedded:
            queue = {"wgEnableAsyncUploads": True, "wgJobTypesExcludedFromDefaultQueue": []}
            self.world.live(self, globals=queue)
        session = self.session("bot")
        clock = session.clock = FakeClock()
        rest = clock.sleep
        data = noise(9000, self.prefix)

        def sleep(seconds):
            rest(seconds)
            if not self.world.is_embedded:
                self.world.mediawiki("run", "runJobs")

        clock.sleep = sleep
        result = upload_file(session, data, self.name, chunk_size=4096, asynchronous=True)
        self.assertEqual(result.sha1, hashlib.sha1(data).hexdigest())
        self.assertTrue(clock.slept)
        self.assertEqual(self.there(session), data)

    def test_chunks(self):
        session = self.session("bot")
        data = noise(10000, self.prefix)
        seen = []
        result = upload_file(
            session,
            data,
            self.name,
            chunk_size=4096,
            on_progress=lambda done, total: seen.append(done),
        )
        self.assertEqual(result.sha1, hashlib.sha1(data).hexdigest())
        self.assertEqual(seen, [4096, 8192, 10000])
        self.assertEqual(self.there(session), data)

    def test_warnings(self):
        """All in one exception; those that are named are ignored."""
        session = self.session("bot")
        data = noise(2000, self.prefix)
        upload_file(session, data, self.name)
        with self.assertRaises(APIError) as caught:
            upload_file(session, data, self.name)
        error = caught.exception
        self.assertEqual(error.code, "uploadwarning")
        self.assertEqual([item["code"] for item in error.errors], ["exists", "nochange"])
        self.assertIn("exists (", str(error))
        other = data + b"!"
        with self.assertRaises(APIError):
            upload_file(session, other, self.name, ignore_warnings=["duplicate"])
        if not self.world.is_embedded:
            time.sleep(1.1)  # MediaWiki names old versions by the second.
        upload_file(session, other, self.name, ignore_warnings="exists")
        self.assertEqual(self.there(session), other)
        copy = "%s copy.bin" % self.prefix
        upload_file(session, other, copy, ignore_warnings=True, chunk_size=1024)
        self.assertEqual(self.there(session, copy), other)

    def test_refusals(self):
        session = self.session("bot")
        with self.assertRaises(APIError) as caught:
            upload_file(session, b"", self.name)
        self.assertEqual(caught.exception.code, "empty-file")
        with self.assertRaises(APIError) as caught:
            upload_file(session, "https://example.org/x.png", self.name)
        self.assertEqual(caught.exception.code, "copyuploaddisabled")
        with self.assertRaises(APIError) as caught:
            upload_file(self.session(), b"x", self.name)
        self.assertIn(caught.exception.code, ("mustbeloggedin", "permissiondenied"))


class LostAnswers(Files):
    """Nothing is uploaded twice, nothing is published half."""

    def losing(self, *fates):
        self.plan = Losing("'upload'", *fates)
        return self.session("bot", plan=self.plan, clock=FakeClock())

    def test_one_shot(self):
        for number, fate in enumerate(("after", "before", "503")):
            session = self.losing(fate)
            name = "%s %d.bin" % (self.prefix, number)
            data = noise(3000, name)
            result = upload_file(session, data, name)
            self.assertEqual(result.found, fate != "before")
            self.assertEqual(self.versions(session, name), 1)
            self.assertEqual(self.there(session, name), data)

    def test_chunks(self):
        """Each answer of a chunk is lost once, before and after."""
        for number, fate in enumerate(("after", "before", "garbage")):
            name = "%s c%d.bin" % (self.prefix, number)
            data = noise(5000, name)
            for at in range(4):
                session = self.losing(*[None] * at + [fate])
                if at == 3:
                    # Publishing has no file in it: it goes as a plain form.
                    self.plan.word = "filename="
                    self.plan.fates = [fate]
                one = "%d %s" % (at, name)
                result = upload_file(session, bytes([at]) + data, one, chunk_size=2000)
                self.assertEqual(result.size, 5001)
                self.assertEqual(self.plan.fates, [])
                self.assertEqual(self.versions(session, one), 1)
                self.assertEqual(self.there(session, one), bytes([at]) + data)


    def test_prefix(self):
        """A name is taken as that of the file's page too, an answer lost or not."""
        for number, prefix in enumerate(("File:", "image: ", "FILE_:")):
            name = "%d %s" % (number, self.name)
            session = self.losing(*["after"] * number)
            result = upload_file(session, noise(90, name), prefix + name)
            self.assertEqual((result.filename, result.found), (name, number > 0))
            self.assertEqual(self.versions(session, name), 1)
        with self.assertRaisesRegex(TypeError, "filename must be str, not bytes"):
            upload_file(session, b"x", b"x.bin")


class Downloads(Files):
    def setUp(self):
        super().setUp()
        self.bot = self.session("bot")
        self.data = noise(50000, self.prefix)
        upload_file(self.bot, self.data, self.name)

    def test_resumes(self):
        """What an earlier attempt has left is gone on with."""
        with open(self.target + ".part", "wb") as file:
            file.write(self.data[:20000])
        seen = []
        download_file(
            self.bot, self.name, self.target, on_progress=lambda d, t: seen.append((d, t))
        )
        self.assertGreater(seen[0][0], 20000)
        self.assertEqual(self.there(self.bot), self.data)

    def test_damaged_parts(self):
        """A part of another version, or too long, is thrown away."""
        for part in (b"x" * 20000, b"y" * 60000, b"z" * 50000):
            with open(self.target + ".part", "wb") as file:
                file.write(part)
            self.assertEqual(self.there(self.bot), self.data)

    def test_a_folder(self):
        """A target that cannot be is told before anything is fetched."""
        folder = self.folder.name
        for path in (folder, os.path.join(folder, "")):
            with self.assertRaisesRegex(IsADirectoryError, "is a folder: name a file in it"):
                download_file(self.session(), "File:None.bin", path)
        with self.assertRaisesRegex(FileNotFoundError, "there is no folder .*none: make"):
            download_file(self.session(), "File:None.bin", os.path.join(folder, "none", "f"))
        self.assertEqual(os.listdir(folder), [])

    def test_no_such_file(self):
        with self.assertRaises(APIError) as caught:
            download_file(self.bot, "File:%s none.bin" % self.prefix, self.target)
        self.assertEqual(caught.exception.code, "nofile")
        self.assertEqual(os.listdir(self.folder.name), [])
