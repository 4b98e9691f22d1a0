"""wikistd.wiki.etiquette: how many at once, how many writes a minute."""

import os
import subprocess
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

from tests.support.clocks import FakeClock
from tests.wiki.conversation import Conversation, tokens
from wikistd import Etiquette, Session
from wikistd.clock import Deadline
from wikistd.errors import RetryLater
from wikistd.wiki.etiquette import effective_limit, open_lock

HOST = "https://wiki.example"


class Case(unittest.TestCase):
    def setUp(self):
        self.clock = FakeClock()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "etiquette")

    def make(self, **options):
        return Etiquette(clock=self.clock, **options)

    def deadline(self, seconds):
        return Deadline(seconds, clock=self.clock)


class Slots(Case):
    def test_no_more_than_allowed(self):
        """Threads wait for each other; each host has its own slots."""
        etiquette = self.make(connections=2)
        running, most, lock = [], [], threading.Lock()

        def work():
            with etiquette.slot(HOST, False, Deadline(None)):
                with lock:
                    running.append(1)
                    most.append(len(running))
                threading.Event().wait(0.002)
                with lock:
                    running.pop()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(max(most), 2)

    def test_none_in_time(self):
        etiquette = self.make(connections=1)
        with etiquette.slot(HOST, False, self.deadline(None)):
            with etiquette.slot("https://other.example", False, self.deadline(0)):
                pass
            with self.assertRaises(RetryLater) as caught:
                with etiquette.slot(HOST, False, self.deadline(0)):
                    pass
        self.assertEqual(
            str(caught.exception), "etiquette: no slot was free: 1 requests run already"
        )
        with etiquette.slot(HOST, False, self.deadline(0)):
            pass

    def test_freed_by_errors(self):
        etiquette = self.make(connections=1, folder=self.folder)
        for _ in range(3):
            with self.assertRaises(KeyError):
                with etiquette.slot(HOST, False, self.deadline(0)):
                    raise KeyError

    def test_shared_by_processes(self):
        """Another Etiquette on the same folder stands for another process."""
        one = self.make(connections=2, folder=self.folder)
        other = self.make(connections=2, folder=self.folder)
        with one.slot(HOST, False, self.deadline(0)):
            with other.slot(HOST, False, self.deadline(0)):
                with self.assertRaisesRegex(RetryLater, "other processes hold all"):
                    with self.make(connections=2, folder=self.folder).slot(
                        HOST, False, self.deadline(1)
                    ):
                        pass
        self.assertTrue(self.clock.slept)


class Waiting(Case):
    def call(self, **options):
        """Call a wiki while another process holds the only slot of its host."""
        wiki = Conversation(self, ({}, {"query": {}}))
        etiquette = self.make(connections=1, folder=self.folder)
        session = Session(
            HOST, session=wiki, clock=self.clock, etiquette=etiquette, **options
        )
        with self.make(connections=1, folder=self.folder).slot(
            HOST, False, self.deadline(None)
        ):
            session.get(action="query")

    def test_as_long_as_the_session_lets_it(self):
        for options, seconds in (({}, 120.0), ({"max_wait_seconds": 7}, 7.0)):
            self.clock.slept.clear()
            with self.assertRaisesRegex(RetryLater, "other processes hold all slots"):
                self.call(**options)
            self.assertAlmostEqual(sum(self.clock.slept), seconds, delta=1)

    def test_without_end(self):
        """Only where the session was told so."""
        class Patience(Exception):
            pass

        sleep = self.clock.sleep

        def sleep_for_a_day(seconds):
            sleep(seconds * 1000)
            if sum(self.clock.slept) > 86400:
                raise Patience

        self.clock.sleep = sleep_for_a_day
        with self.assertRaises(Patience):
            self.call(max_wait_seconds=None)


class Processes(Case):
    def test_one_that_is_killed_frees_its_slot(self):
        script = (
            "import sys, time, wikistd\n"
            "from wikistd.clock import Deadline\n"
            "etiquette = wikistd.Etiquette(connections=1, folder=sys.argv[1])\n"
            "with etiquette.slot(%r, False, Deadline(None)):\n"
            "    print('held', flush=True)\n"
            "    time.sleep(60)\n" % HOST
        )
        etiquette = self.make(connections=1, folder=self.folder)
        other = subprocess.Popen(
            [sys.executable, "-c", script, self.folder], stdout=subprocess.PIPE
        )
        with other:
            self.assertEqual(other.stdout.readline().strip(), b"held")
            with self.assertRaisesRegex(RetryLater, "other processes hold all"):
                with etiquette.slot(HOST, False, self.deadline(1)):
                    pass
            other.kill()
        with etiquette.slot(HOST, False, self.deadline(1)):
            pass


class Writes(Case):
    def test_pace(self):
        etiquette = self.make(writes_per_minute=30)
        for _ in range(4):
            with etiquette.slot(HOST, True, self.deadline(None)):
                pass
            with etiquette.slot(HOST, False, self.deadline(None)):
                pass
        self.assertEqual([round(s, 6) for s in self.clock.slept], [2.0, 2.0, 2.0])

        self.assertEqual(repr(etiquette), "<Etiquette 3 at once, 30 writes a minute>")
        self.assertEqual(
            repr(self.make()), "<Etiquette 3 at once, any writes a minute>"
        )

    def test_pace_of_several_processes(self):
        both = [self.make(writes_per_minute=30, folder=self.folder) for _ in range(2)]
        for etiquette in both * 2:
            with etiquette.slot(HOST, True, self.deadline(None)):
                pass
        self.assertEqual([round(s, 2) for s in self.clock.slept], [2.0, 2.0, 2.0])

    def test_a_turn_that_comes_too_late(self):
        etiquette = self.make(writes_per_minute=1)
        with etiquette.slot(HOST, True, self.deadline(None)):
            pass
        with self.assertRaises(RetryLater) as caught:
            with etiquette.slot(HOST, True, self.deadline(30)):
                pass
        self.assertEqual(caught.exception.after_seconds, 60.0)

    def test_a_clock_that_was_set_back(self):
        etiquette = self.make(writes_per_minute=60, folder=self.folder)
        with etiquette.slot(HOST, True, self.deadline(None)):
            pass
        self.clock.wall -= 9999
        with etiquette.slot(HOST, True, self.deadline(5)):
            pass
        self.assertEqual(self.clock.slept, [])

    def test_a_broken_file(self):
        """Damaged moments are none; what is no moments at all may be another version's."""
        etiquette = self.make(writes_per_minute=60, folder=self.folder)
        with open(os.path.join(self.folder, "wiki.example.write"), "w") as file:
            file.write("1.5.5 ")
        with etiquette.slot(HOST, True, self.deadline(5)):
            pass
        with open(os.path.join(self.folder, "wiki.example.write"), "w") as file:
            file.write("rubbish")
        with self.assertRaisesRegex(ValueError, "not of the format that this wikistd knows"):
            with etiquette.slot(HOST, True, self.deadline(5)):
                self.fail("not to be sent")



class LimitsOfTheWiki(Case):
    """What the wiki lets its users do, as it tells along with a token."""

    def told(self, **limits):
        return {"query": {"userinfo": {"name": "U", "ratelimits": limits}}}

    def write(self, etiquette, times, action="edit", user="U", seconds=None):
        for _ in range(times):
            with etiquette.slot(
                HOST, True, self.deadline(seconds), user=user, action=action
            ):
                pass

    def test_a_burst_and_then_a_wait(self):
        etiquette = self.make()
        limit = {"user": {"hits": 3, "seconds": 60}}
        etiquette.learn(HOST, "U", self.told(edit=limit))
        self.write(etiquette, 3)
        self.write(etiquette, 5, "move")
        self.write(etiquette, 5, user="V")
        self.assertEqual(self.clock.slept, [])
        self.write(etiquette, 4)
        self.assertEqual([round(s, 3) for s in self.clock.slept], [61.0, 61.0])
        with self.assertRaisesRegex(RetryLater, "the wiki lets 3 in 60 seconds"):
            self.write(etiquette, 3, seconds=30)

    def test_shared_by_processes(self):
        both = [self.make(folder=self.folder) for _ in range(2)]
        for etiquette in both:
            limit = {"user": {"hits": 2, "seconds": 60}}
            etiquette.learn(HOST, "U/../x", self.told(edit=limit))
        for etiquette in both * 2:
            self.write(etiquette, 1, user="U/../x")
        self.assertEqual([round(s, 2) for s in self.clock.slept], [61.0])

    def test_large_limits(self):
        """A limit of many hits is kept in portions: no more is ever sent."""
        etiquette = self.make()
        limit = {"user": {"hits": 1000, "seconds": 100}}
        etiquette.learn(HOST, "U", self.told(edit=limit))
        self.write(etiquette, 101)
        self.assertEqual([round(s, 2) for s in self.clock.slept], [11.0])

    def test_which_one_holds(self):
        for kinds, limit in (
            ({"user": (8, 60)}, (8, 60)),
            ({"user": (8, 60), "bot": (90, 60)}, (90, 60)),
            ({"user": (90, 60), "ip": (8, 60), "newbie": (2, 120)}, (2, 120)),
            ({"anon": (8, 60), "ip": (4, 60)}, (4, 60)),
        ):
            told = {
                kind: {"hits": hits, "seconds": seconds}
                for kind, (hits, seconds) in kinds.items()
            }
            self.assertEqual(effective_limit(told), limit, kinds)

    def test_what_is_no_limit(self):
        etiquette = self.make()
        limit = {"user": {"hits": 1, "seconds": 60}}
        etiquette.learn(HOST, "U", self.told(edit=limit))
        for document in ({}, [], {"query": {"userinfo": {}}}, self.told(edit=7)):
            etiquette.learn(HOST, "U", document)
        with self.assertRaises(RetryLater):
            self.write(etiquette, 2, seconds=30)
        for limits in ([], {}, {"edit": {"user": {"hits": 0, "seconds": 60}}}):
            document = {"query": {"userinfo": {"ratelimits": limits}}}
            etiquette.learn(HOST, "U", document)
            self.write(etiquette, 3, seconds=30)


class Held(Case):
    def test_by_a_process_that_was_stopped(self):
        """Whoever holds the file of the turns cannot stop others for ever."""
        etiquette = self.make(folder=self.folder, writes_per_minute=60)
        with etiquette.slot(HOST, True, self.deadline(5)):
            pass
        (name,) = [n for n in os.listdir(self.folder) if n.endswith(".write")]
        path = os.path.join(self.folder, name)
        handle = open_lock(path)
        began = self.clock.monotonic()
        with self.assertRaisesRegex(RetryLater, "another process holds .*[.]write"):
            with etiquette.slot(HOST, True, self.deadline(5)):
                self.fail("there is no turn")
        self.assertLess(self.clock.monotonic() - began, 5.1)
        os.close(handle)
        with etiquette.slot(HOST, True, self.deadline(5)):
            pass


class Folders(Case):
    def test_own(self):
        self.make(folder=self.folder)
        self.assertEqual(os.stat(self.folder).st_mode & 0o777, 0o700)
        self.make(folder=self.folder)

    @unittest.skipUnless(hasattr(os, "getuid"), "Windows has no modes")
    def test_others(self):
        """Somebody else's files would be ours to wait for."""
        os.mkdir(self.folder, 0o755)
        os.chmod(self.folder, 0o755)
        with self.assertRaisesRegex(PermissionError, "must belong to this user alone"):
            self.make(folder=self.folder)
        os.rmdir(self.folder)
        with open(self.folder, "w"):
            pass
        with self.assertRaisesRegex(NotADirectoryError, "is not a folder"):
            self.make(folder=self.folder)

    def test_locks(self):
        self.make(folder=self.folder)
        path = os.path.join(self.folder, "x")
        handle = open_lock(path)
        self.assertIsNone(open_lock(path))
        os.close(handle)
        os.close(open_lock(path))

    def test_locks_of_windows(self):
        """msvcrt locks one byte at the place where the file stands: always the first."""
        held = []

        def locking(handle, kind, count):
            where = (os.lseek(handle, 0, os.SEEK_CUR), count)
            if held and kind == "no wait":
                raise OSError("held by another")
            held.append(where)

        fake = types.ModuleType("msvcrt")
        fake.LK_NBLCK, fake.locking = "no wait", locking
        self.make(folder=self.folder)
        path = os.path.join(self.folder, "x")
        with mock.patch.dict(sys.modules, {"fcntl": None, "msvcrt": fake}):
            handle = open_lock(path)
            os.lseek(handle, 7, os.SEEK_SET)
            self.assertIsNone(open_lock(path))
            os.close(handle)
            held.clear()
            os.close(open_lock(path))
        self.assertEqual(held, [(0, 1)])

    def test_mistakes(self):
        with self.assertRaisesRegex(ValueError, "connections must be 1 or more"):
            Etiquette(connections=0)
        with self.assertRaisesRegex(ValueError, "writes_per_minute must be more than 0"):
            Etiquette(writes_per_minute=0)


class OfASession(Case):
    def test_each_exchange_takes_a_slot(self):
        etiquette = self.make(writes_per_minute=30)
        wiki = Conversation(self, *[({}, {"edit": {}})] * 3)
        session = Session(HOST, session=wiki, clock=self.clock, etiquette=etiquette)
        session.post(action="edit", token="t")
        session.get(action="query")
        session.post(action="edit", token="t")
        self.assertEqual([round(s, 6) for s in self.clock.slept], [2.0])

    def test_limits_come_with_the_token(self):
        """No request is made for them; logging in is no write."""
        told = {"edit": {"user": {"hits": 1, "seconds": 20}}}
        answer = {"query": {"tokens": {"csrftoken": "t"}, "userinfo": {"ratelimits": told}}}
        wiki = Conversation(
            self,
            tokens(login="l"),
            ({"action": "login"}, {"login": {"result": "Success", "lgusername": "U"}}),
            ({"meta": "tokens|userinfo", "uiprop": "ratelimits", "type": "csrf"}, answer),
            *[({"action": "edit"}, {"edit": {}})] * 2,
        )
        etiquette = self.make(writes_per_minute=600)
        session = Session(HOST, session=wiki, clock=self.clock, etiquette=etiquette)
        session.login("U@x", "p")
        session.post(action="edit")
        session.post(action="edit")
        self.assertEqual([round(s, 6) for s in self.clock.slept], [0.1, 20.9])
        wiki.done()
