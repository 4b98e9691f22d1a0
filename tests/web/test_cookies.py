"""web/cookies.py: the store."""

import copy
import http.cookiejar
import os
import pickle
import stat
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from email.message import Message

from wikistd.web.cookies import (
    MAX_COOKIE_HEADERS,
    MAX_COOKIES_PER_DOMAIN,
    CookieStore,
)
from wikistd.web.storedcookie import new_cookie

from .openers import answer, scripted_opener

POSIX = os.name == "posix"


class Clock:
    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class Answer:
    """The least that CookieJar.extract_cookies wants of a response."""

    def __init__(self, *lines):
        self.message = Message()
        for line in lines:
            self.message["Set-Cookie"] = line

    def info(self):
        return self.message


def receive(store, url, *lines):
    store.extract_cookies(Answer(*lines), urllib.request.Request(url))


def sent(store, url, **headers):
    request = urllib.request.Request(url, headers=headers)
    store.add_cookie_header(request)
    return request.unredirected_hdrs.get("Cookie", "")


def new_store(*args, **how):
    how.setdefault("now", Clock())
    return CookieStore(*args, **how)


HOME = "http://home.example.org/"


class Conversation(unittest.TestCase):
    """What a server says, and what it is told the next time."""

    def check(self, lines, wanted, to=HOME, first=HOME):
        store = new_store()
        for line in lines:
            receive(store, first, line)
        together = new_store()
        receive(together, first, *lines)
        self.assertEqual(sent(store, to), wanted)
        self.assertEqual(sent(together, to), wanted)

    def test_conversations(self):
        """Order, replacement, deletion and expiry, in one answer or in several."""
        for lines, wanted in [
            (["a=b"], "a=b"),
            (["a=b", "z=y"], "a=b; z=y"),
            (["z=y", "a=b"], "z=y; a=b"),
            (["a=1", "b=2", "a=3"], "a=3; b=2"),
            (["a=b", "=", "c=d"], "a=b; c=d"),
            (["a=b", "nameless", "=x", "c=d"], "a=b; c=d"),
            (["a=", "b=c"], "a=; b=c"),
            (["a=b; Max-Age=0"], ""),
            (["a=b; Max-Age=-1"], ""),
            (["a=b", "a=; Max-Age=0"], ""),
            (["a=b", "c=d; Max-Age=60", "c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "a=b"),
            (["a=; Max-Age=0", "a=b"], "a=b"),
            (["a=b; Path=/x", "a=; Max-Age=0"], ""),
            (["a=b; Expires=Thu, 10 Apr 1980 16:33:12 GMT"], ""),
            (["a=b; Expires=Thu, 10 Apr 2980 16:33:12 GMT"], "a=b"),
            (["a=b; Expires=soon"], "a=b"),
            (["a=b; Secure"], ""),
            (["a=b; Max-Age=60; Version=1; Comment=x"], "a=b"),
            (["a=b; Domain=other.example.org", "c=d"], "c=d"),
            (["__Host-a=b; Path=/", "c=d"], "c=d"),
            (["A=b", "a=c"], "A=b; a=c"),
        ]:
            with self.subTest(lines=lines):
                self.check(lines, wanted)

    def test_paths(self):
        """Longer paths go first, then older cookies."""
        deep = HOME + "w/deep/page"
        for lines, to, wanted in [
            (["a=1; Path=/", "b=2; Path=/w"], deep, "b=2; a=1"),
            (["b=2; Path=/w", "a=1; Path=/"], deep, "b=2; a=1"),
            (["a=1; Path=/w", "a=2; Path=/w/"], deep, "a=2; a=1"),
            (["a=1; Path=/w", "a=2; Path=/w/deep", "a=3; Path=/x"], deep, "a=2; a=1"),
            (["a=1; Path=/w"], HOME + "wiki", ""),
            (["a=1; Path=/w"], HOME + "W", ""),
            (["a=1; Path=/w/"], HOME + "w", ""),
            (["a=1; Path=/w?x"], HOME + "w?x", ""),
            (["a=1; Path=/w"], HOME + "w?x#y", "a=1"),
            (["a=1; Domain=example.org", "a=2"], deep, "a=1; a=2"),
        ]:
            with self.subTest(lines=lines, to=to):
                self.check(lines, wanted, to=to)

    def test_default_path(self):
        """Without Path a cookie stays in the folder that set it."""
        first = HOME + "w/api.php?x=/"
        self.check(["a=b"], "a=b", first=first, to=HOME + "w/index.php")
        self.check(["a=b"], "", first=first, to=HOME + "wiki/Main")

    def test_domains(self):
        """Host-only cookies stay with their host, the others go to what they name."""
        for line, to, wanted in [
            ("a=b", "http://home.example.org:8080/", "a=b"),
            ("a=b", "http://HOME.Example.ORG/", "a=b"),
            ("a=b", "http://home.example.org./", "a=b"),
            ("a=b", "http://sub.home.example.org/", ""),
            ("a=b", "http://example.org/", ""),
            ("a=b; Domain=home.example.org", "http://sub.home.example.org/", "a=b"),
            ("a=b; Domain=.example.org", "http://sibling.example.org/", "a=b"),
            ("a=b; Domain=example.org", "http://badexample.org/", ""),
            ("a=b; Domain=example.org", "http://example.org/", "a=b"),
            ("a=b; Domain=example.org; Domain=home.example.org", "http://sibling.example.org/", ""),
            ("a=b; Domain=example.com; Domain=example.org", "http://sibling.example.org/", "a=b"),
        ]:
            with self.subTest(line=line, to=to):
                self.check([line], wanted, to=to)

    def test_secure(self):
        """Secure cookies go to https, and to this machine."""
        store = new_store()
        receive(store, "https://a.example/", "s=1; Secure", "p=2")
        self.assertEqual(sent(store, "https://a.example/"), "s=1; p=2")
        self.assertEqual(sent(store, "http://a.example/"), "p=2")
        receive(store, "http://localhost/", "s=1; Secure")
        self.assertEqual(sent(store, "http://localhost/"), "s=1")

    def test_secure_is_left_alone(self):
        """An answer over http neither replaces nor overlays a Secure cookie."""
        store = new_store()
        receive(store, "https://en.example.org/", "s=good; Secure; Path=/")
        receive(store, "http://en.example.org/", "s=bad; Path=/")
        receive(store, "http://en.example.org/", "s=bad; Path=/login")
        receive(store, "http://en.example.org/", "s=bad; Domain=example.org")
        receive(store, "http://evil.example.org/", "s=bad; Domain=example.org")
        receive(store, "http://en.example.org/", "s=; Max-Age=0; Path=/")
        self.assertEqual(sent(store, "https://en.example.org/login"), "s=good")
        receive(store, "http://en.example.org/", "other=fine")
        receive(store, "http://de.example.org/", "s=mine")
        self.assertEqual(sent(store, "http://de.example.org/"), "s=mine")
        receive(store, "https://en.example.org/", "s=new; Path=/")
        self.assertEqual(sent(store, "https://en.example.org/"), "s=new; other=fine")

    def test_bytes_are_kept(self):
        """A value beyond ASCII comes back byte for byte."""
        value = "\u6625\u8282".encode().decode("latin-1")
        self.check(["a=" + value], "a=" + value)

    def test_set_then_delete_of_a_login(self):
        """What MediaWiki sends at logout, each cookie set and deleted, leaves nothing."""
        store = new_store()
        receive(
            store, "https://wiki.example/w/api.php",
            "wiki_session=abc; path=/; secure; HttpOnly",
            "wikiUserID=1; path=/; secure", "wikiUserID=deleted; Max-Age=0; path=/; secure",
            "wiki_session=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/; secure",
        )
        self.assertEqual(len(store), 0)


class Time(unittest.TestCase):
    def test_expiry(self):
        """A cookie ends when its time is over, ready-made header or not."""
        clock = Clock()
        store = new_store(now=clock)
        receive(store, HOME, "a=b; Max-Age=60", "c=d")
        self.assertEqual(sent(store, HOME), "a=b; c=d")
        clock.now += 59
        self.assertEqual(sent(store, HOME), "a=b; c=d")
        clock.now += 1
        self.assertEqual(sent(store, HOME), "c=d")
        self.assertEqual(len(store), 2)
        store.clear_expired_cookies()
        self.assertEqual(len(store), 1)

    def test_longer_life(self):
        """The same cookie again with a longer life lives longer."""
        clock = Clock()
        store = new_store(now=clock)
        receive(store, HOME, "a=b; Max-Age=60")
        self.assertEqual(sent(store, HOME), "a=b")
        clock.now += 50
        version = store._version
        receive(store, HOME, "a=b; Max-Age=60")
        self.assertEqual(store._version, version)
        clock.now += 50
        self.assertEqual(sent(store, HOME), "a=b")

    def test_shorter_life(self):
        """The same cookie again with a shorter life lives shorter."""
        clock = Clock()
        store = new_store(now=clock)
        receive(store, HOME, "a=b")
        self.assertEqual(sent(store, HOME), "a=b")
        receive(store, HOME, "a=b; Max-Age=5")
        self.assertEqual(sent(store, HOME), "a=b")
        clock.now += 5
        self.assertEqual(sent(store, HOME), "")


    def test_secure_changes(self):
        """A cookie that becomes Secure, or stops being it, changes what is sent."""
        store = new_store()
        receive(store, "https://a.example/", "a=b")
        self.assertEqual(sent(store, "http://a.example/"), "a=b")
        receive(store, "https://a.example/", "a=b; Secure")
        self.assertEqual(sent(store, "http://a.example/"), "")
        receive(store, "https://a.example/", "a=b")
        self.assertEqual(sent(store, "http://a.example/"), "a=b")

    def test_repeated_lines(self):
        """A line that is repeated is taken in again when its cookie changed meanwhile."""
        store = new_store()
        line = "a=b; Path=/"
        receive(store, HOME, line)
        version = store._version
        receive(store, HOME, line)
        self.assertEqual(store._version, version)
        receive(store, HOME, "a=c; Path=/")
        receive(store, HOME, line)
        self.assertEqual(sent(store, HOME), "a=b")
        store.clear()
        receive(store, HOME, line)
        self.assertEqual(sent(store, HOME), "a=b")
        for i in range(MAX_COOKIE_HEADERS + 5):
            receive(store, HOME, "a=%d" % i)
        self.assertLessEqual(len(store._seen_lines), MAX_COOKIE_HEADERS)
        before = len(store._seen_lines)
        receive(store, HOME, "c=d; Expires=Fri, 01 Jan 3000 00:00:00 GMT", "e=f; Max-Age=x",
                "e=f; Max-Age=5; max-age=7", "e=f; Max-Age=0", "e=" + "f" * 1100)
        self.assertEqual(len(store._seen_lines), before)

    def test_repeated_ages(self):
        """A repeated line with Max-Age begins its cookie's time anew."""
        clock = Clock()
        store = new_store(now=clock)
        for _ in range(5):
            receive(store, HOME, "a=b; MAX-AGE = 60")
            self.assertEqual(sent(store, HOME), "a=b")
            clock.now += 50
        clock.now += 10
        self.assertEqual(sent(store, HOME), "")
        receive(store, HOME, "a=b; MAX-AGE = 60")
        self.assertEqual(sent(store, HOME), "a=b")


class OwnCookies(unittest.TestCase):
    def test_merge(self):
        """A Cookie header of the caller's stays and wins; the store adds the others."""
        store = new_store()
        receive(store, HOME, "a=store", "b=store")
        self.assertEqual(sent(store, HOME, Cookie="a=mine; c=mine"), "a=mine; c=mine; b=store")

    def test_every_spelling(self):
        """However it is spelt and given; and asking twice adds nothing."""
        store = new_store()
        receive(store, HOME, "b=store")
        request = urllib.request.Request(HOME)
        request.headers["COOKIE"] = "a=1"
        request.unredirected_hdrs["cookie"] = "c=3"
        for _ in range(3):
            store.add_cookie_header(request)
            self.assertEqual(request.unredirected_hdrs, {"Cookie": "c=3; a=1; b=store"})

    def test_call_cookies(self):
        """Cookies of the call win too."""
        store = new_store()
        receive(store, HOME, "a=store", "b=store")
        request = urllib.request.Request(HOME)
        request.call_cookies = {"a": "call", "n": 1}
        store.add_cookie_header(request)
        self.assertEqual(request.unredirected_hdrs["Cookie"], "a=call; n=1; b=store")

    def test_call_cookies_are_checked(self):
        """What would be more than one cookie, or a header, is a ValueError."""
        store = new_store()
        for name, value, why in [
            ("a;b", "c", "cookie name 'a;b' holds ';'"),
            ("a=", "c", "cookie name 'a=' holds '='"),
            ("a\r", "c", "cookie name 'a\\r' holds '\\r'"),
            ("a", "b;c", "the value of cookie 'a' holds ';'"),
            ("a", "b\nc", "the value of cookie 'a' holds '\\n'"),
        ]:
            request = urllib.request.Request(HOME)
            request.call_cookies = {name: value}
            with self.assertRaises(ValueError) as caught:
                store.add_cookie_header(request)
            self.assertEqual(str(caught.exception), why)

    def test_nothing(self):
        """No cookies, no header."""
        self.assertEqual(sent(new_store(), HOME), "")


class Jar(unittest.TestCase):
    """Whatever can do with a http.cookiejar.CookieJar can do with a CookieStore."""

    def test_is_one(self):
        """It is an LWPCookieJar, and stock handlers take it."""
        store = new_store()
        self.assertIsInstance(store, http.cookiejar.LWPCookieJar)
        opener, network = scripted_opener(
            [urllib.request.HTTPCookieProcessor(store)],
            answer(headers=[("Set-Cookie", "a=b")]), answer(),
        )
        opener.open(HOME).close()
        opener.open(HOME).close()
        self.assertEqual(network.seen[1].headers["cookie"], "a=b")

    def test_methods(self):
        """make_cookies, set_cookie_if_ok, clear, iteration and len work as there."""
        store = new_store()
        request = urllib.request.Request(HOME)
        made = store.make_cookies(Answer("a=b; HttpOnly", "c=d; Domain=example.org", "x"), request)
        self.assertEqual([c.name for c in made], ["a", "c"])
        self.assertEqual(store.make_cookies(Answer(), request), [])
        self.assertTrue(made[0].has_nonstandard_attr("HttpOnly"))
        for cookie in made:
            store.set_cookie_if_ok(cookie, request)
        self.assertEqual(sorted(c.name for c in store), ["a", "c"])
        self.assertEqual(sent(store, HOME), "a=b; c=d")
        store.clear("home.example.org", "/", "a")
        self.assertEqual(len(store), 1)
        with self.assertRaises(KeyError):
            store.clear("home.example.org", "/", "a")
        store.clear(".example.org", "/")
        self.assertEqual((len(store), store._cookie_count), (0, 0))
        receive(store, HOME, "a=b")
        store.clear("home.example.org")
        receive(store, HOME, "a=b; Max-Age=9", "c=d")
        store.clear_session_cookies()
        self.assertEqual([c.name for c in store], ["a"])
        store.clear()
        self.assertEqual(len(store), 0)

    def test_cookies_made_elsewhere(self):
        """A stock cookie without a value is a nameless one."""
        store = new_store()
        stock = http.cookiejar.CookieJar()
        stock.extract_cookies(Answer("lonely"), urllib.request.Request("https://home.example.org/"))
        for cookie in stock:
            store.set_cookie(cookie)
        self.assertEqual(sent(store, HOME), "lonely")

    def test_domains_in_capitals(self):
        """A cookie made by hand may have its domain in capitals; without one it is nobody's."""
        store = new_store()
        store.set_cookie(new_cookie("a", "b", ".Example.ORG", "/"))
        store.set_cookie(new_cookie("c", "d", "", "/"))
        self.assertEqual(sent(store, HOME), "a=b")

    def test_copies(self):
        """A store can be copied and pickled; the copy is on its own."""
        store = CookieStore()
        receive(store, HOME, "a=b")
        for other in (copy.deepcopy(store), pickle.loads(pickle.dumps(store))):
            receive(other, HOME, "c=d")
            self.assertEqual((sent(other, HOME), sent(store, HOME)), ("a=b; c=d", "a=b"))

    def test_repr(self):
        """The repr counts and names no cookie."""
        store = new_store("x.lwp")
        receive(store, HOME, "a=canary")
        self.assertEqual(repr(store), "<CookieStore of 1 cookies in x.lwp>")
        self.assertEqual(str(new_store()), "<CookieStore of 0 cookies>")


class Policy(unittest.TestCase):
    def test_asked_after_ours(self):
        """A policy of the caller's can refuse what ours allows, and nothing else."""

        class Picky(http.cookiejar.DefaultCookiePolicy):
            asked = []

            def set_ok(self, cookie, request):
                self.asked.append(cookie.name)
                return cookie.name != "track"

            def return_ok(self, cookie, request):
                return cookie.name != "mute"

        store = new_store(policy=Picky())
        receive(store, HOME, "a=b", "track=me", "mute=x", "s=t; Domain=example.com")
        self.assertEqual(Picky.asked, ["a", "track", "mute"])
        self.assertEqual(sent(store, HOME), "a=b")

    def test_set_policy(self):
        """set_policy works later too."""
        store = new_store()
        receive(store, HOME, "a=b")
        self.assertEqual(sent(store, HOME), "a=b")
        store.set_policy(http.cookiejar.DefaultCookiePolicy(blocked_domains=["example.org", ".example.org", "home.example.org"]))
        receive(store, HOME, "c=d")
        self.assertEqual(sent(store, HOME), "")


class Limits(unittest.TestCase):
    def test_per_domain(self):
        """One domain keeps 180 cookies; expired and oldest ones go first."""
        store = new_store()
        receive(store, "https://home.example.org/", "precious=1; Secure")
        for i in range(MAX_COOKIES_PER_DOMAIN + 20):
            receive(store, HOME, "c%d=x" % i)
        self.assertEqual(len(store), MAX_COOKIES_PER_DOMAIN)
        names = {c.name for c in store}
        self.assertIn("precious", names)
        self.assertNotIn("c0", names)
        self.assertIn("c199", names)

    def test_in_all(self):
        """A host with many names cannot fill memory."""
        import wikistd.web.cookies as module

        before = module.MAX_COOKIES
        module.MAX_COOKIES = 100
        try:
            store = new_store()
            for i in range(500):
                receive(store, "http://h%d.example.org/" % i, "a=b")
                self.assertLessEqual(len(store), 100)
            self.assertEqual(len(store), store._cookie_count)
            self.assertEqual(sent(store, "http://h499.example.org/"), "a=b")
        finally:
            module.MAX_COOKIES = before

    def test_ready_headers(self):
        """The ready-made headers are few, whatever paths are asked for."""
        store = new_store()
        receive(store, HOME, "a=b; Path=/")
        for i in range(MAX_COOKIE_HEADERS * 2 + 5):
            self.assertEqual(sent(store, HOME + str(i)), "a=b")
        self.assertLessEqual(len(store._ready_headers), MAX_COOKIE_HEADERS)

    def test_other_domains_cost_nothing(self):
        """No other domain is looked at when a request is made."""

        class Watched(dict):
            looked = 0

            def get(self, *args):
                Watched.looked += 1
                return super().get(*args)

            def __iter__(self):
                raise AssertionError("went through all domains")

            items = values = keys = __iter__

        store = new_store()
        for i in range(1000):
            receive(store, "http://h%d.example.com/" % i, "a=b")
        store._cookies = Watched(store._cookies)
        self.assertEqual(sent(store, "http://h7.example.com/"), "a=b")
        self.assertLessEqual(Watched.looked, 5)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "wiki.lwp")

    def filled(self, *args):
        store = new_store(*args)
        receive(
            store, "https://en.example.org/w/api.php",
            "session=1; path=/; secure; HttpOnly; SameSite=Lax",
            "shared=2; path=/; Domain=example.org",
            'odd="a b;c=d; Max-Age=100',
            "kept=caf\xc3\xa9; Expires=Thu, 10 Feb 2027 16:33:12 GMT",
        )
        return store

    def table(self, store):
        return sorted(
            (c.domain, c.path, c.name, c.value, c.secure, c.expires, c.domain_specified)
            for c in store
        )

    def test_round_trip(self):
        """Both formats keep value, host-only, path, Secure, expiry, session cookies."""
        for name in ["wiki.lwp", "wiki.txt"]:
            with self.subTest(name=name):
                path = os.path.join(self.folder, name)
                store = self.filled(path)
                store.save()
                other = new_store(path)
                other.load()
                self.assertEqual(self.table(other), self.table(store))
                self.assertTrue(
                    [c for c in other if c.name == "session"][0].has_nonstandard_attr("HttpOnly")
                )
                self.assertEqual(sent(other, "https://sub.en.example.org/"), "shared=2")

    def test_stock_jars_read_them(self):
        """http.cookiejar reads what we wrote, and we what it wrote."""
        store = self.filled(self.path)
        store.save()
        stock = http.cookiejar.LWPCookieJar(self.path)
        stock.load(ignore_discard=True)
        self.assertEqual(len(stock), 4)
        stock.save(ignore_discard=True)
        again = new_store(self.path)
        again.load()
        self.assertEqual(self.table(again), self.table(store))
        text = os.path.join(self.folder, "c.txt")
        store.save(text)
        mozilla = http.cookiejar.MozillaCookieJar(text)
        mozilla.load(ignore_discard=True)
        self.assertGreaterEqual(len(mozilla), 3)  # 3.8 and 3.9 skip #HttpOnly_ lines
        mozilla.save(ignore_discard=True)
        again = new_store(text)
        again.load()
        self.assertEqual(len(again), len(mozilla))

    def test_nameless(self):
        """A nameless cookie of elsewhere survives."""
        store = new_store(self.path)
        stock = http.cookiejar.CookieJar()
        stock.extract_cookies(Answer("lonely"), urllib.request.Request("https://home.example.org/"))
        for cookie in stock:
            store.set_cookie(cookie)
        store.save()
        other = new_store(self.path)
        other.load()
        self.assertEqual(sent(other, HOME), "lonely")

    def test_accounts(self):
        """The account's name is in the file's; two accounts never mix."""
        store = new_store(self.path)
        store.load(user="Example Bot/x")
        self.assertEqual(store.filename, os.path.join(self.folder, "wiki-Example_Bot_x.lwp"))
        receive(store, HOME, "a=bot")
        store.save()
        store.load(user="Other")
        self.assertEqual(len(store), 0)
        receive(store, HOME, "a=other")
        store.save()
        store.load("Example Bot/x")
        self.assertEqual(sent(store, HOME), "a=bot")
        store.load()
        self.assertEqual((len(store), store.filename), (0, self.path))

    def test_cookies_before_the_first_load(self):
        """What came before any file was loaded belongs to no account and stays."""
        store = new_store(self.path)
        receive(store, HOME, "a=b")
        store.load(user="Example")
        self.assertEqual(len(store), 1)

    def test_save_before_load(self):
        """Without a file there is nothing to save to."""
        for call in (CookieStore().save, CookieStore().revert):
            with self.assertRaises(ValueError) as caught:
                call()
            self.assertEqual(
                str(caught.exception), "a filename was not supplied; load() must be called first"
            )

    def test_home(self):
        """A store without a file name keeps its files in the user's home."""
        before = dict(os.environ)
        os.environ["HOME"] = os.environ["USERPROFILE"] = self.folder
        try:
            store = new_store()
            store.load(user="Example")
            receive(store, HOME, "a=b")
            store.save()
            wanted = os.path.join(self.folder, ".wikistd", "cookies-Example.lwp")
            self.assertEqual(store.filename, wanted)
            self.assertTrue(os.path.exists(wanted))
            if POSIX:
                mode = os.stat(os.path.dirname(wanted)).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o700)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def test_session_cookies_can_be_left_out(self):
        """ignore_discard and ignore_expires mean what they mean in http.cookiejar."""
        clock = Clock()
        store = new_store(self.path, now=clock)
        receive(store, HOME, "a=b", "c=d; Max-Age=60")
        store.save(ignore_discard=False)
        other = new_store(self.path)
        other.load()
        self.assertEqual([c.name for c in other], ["c"])
        store.save()
        other.load("", None, False)
        clock.now += 60
        store.save()
        late = new_store(self.path, now=clock)
        late.load()
        self.assertEqual([c.name for c in late], ["a"])
        store.save(ignore_expires=True)
        late.load("", self.path, True, True)
        self.assertEqual(sorted(c.name for c in late), ["a", "c"])
        fresh = new_store(self.path, now=clock)
        fresh.load()
        self.assertEqual([c.name for c in fresh], ["a"])

    def test_another_file(self):
        """load and save take another file too; only the loaded one is remembered."""
        other = os.path.join(self.folder, "other.lwp")
        store = new_store(self.path)
        receive(store, HOME, "a=b")
        store.save(other)
        self.assertFalse(os.path.exists(self.path))
        fresh = new_store(self.path)
        fresh.load(filename=other)
        self.assertEqual((fresh.filename, sent(fresh, HOME)), (other, "a=b"))

    def test_session_cookies_can_be_passed_over(self):
        """load(ignore_discard=False) leaves session cookies in the file."""
        store = new_store(self.path)
        receive(store, HOME, "a=b", "c=d; Max-Age=60")
        store.save()
        other = new_store(self.path)
        other.load(ignore_discard=False)
        self.assertEqual([c.name for c in other], ["c"])

    def test_damaged(self):
        """A damaged file is a LoadError that names the line, not a crash or silence."""
        for text, why in [
            ("garbage\n", "%s, line 1: 1 fields instead of the 7 of a cookies.txt file"),
            ("#LWP-Cookies-2.0\nSet-Cookie3: a=b\n", "%s, line 2: not a cookie as LWP files hold them"),
            ('#LWP-Cookies-2.0\nSet-Cookie3: a=b; domain="x"; path="/"; expires="soon"\n',
             "%s, line 2: not a cookie as LWP files hold them"),
            ('#LWP-Cookies-2.0\nSet-Cookie3: a=b; domain="x"; path="/"; expires="2027-13-01 00:00:00Z"\n',
             "%s, line 2: not a cookie as LWP files hold them"),
            ("x\tTRUE\t/\tFALSE\tinf\ta\tb\n", "%s, line 1: its expiry is no number"),
            ("x\tTRUE\t/\tFALSE\tnan\ta\tb\n", "%s, line 1: its expiry is no number"),
            ("#LWP-Cookies-2.0\n\nSet-Cookie3:\n", "%s, line 3: not a cookie as LWP files hold them"),
            ("#HttpOnly_x\tTRUE\t/\tFALSE\tnever\ta\tb\n", "%s, line 1: its expiry is no number"),
        ]:
            with open(self.path, "w") as file:
                file.write(text)
            with self.assertRaises(http.cookiejar.LoadError) as caught:
                new_store(self.path).load()
            self.assertEqual(str(caught.exception), why % self.path)

    def test_revert(self):
        """revert reads the file again; if that fails all stays as it was."""
        store = self.filled(self.path)
        store.save()
        receive(store, HOME, "new=1")
        store.load()
        store.revert()
        self.assertNotIn("new", [c.name for c in store])
        with open(self.path, "w") as file:
            file.write("garbage\n")
        before = self.table(store)
        with self.assertRaises(http.cookiejar.LoadError):
            store.revert()
        self.assertEqual(self.table(store), before)

    @unittest.skipUnless(POSIX, "modes are POSIX's")
    def test_mode(self):
        """0600 whatever the file, its link and the umask were before."""
        with open(self.path, "w") as file:
            file.write("#LWP-Cookies-2.0\n")
        os.chmod(self.path, 0o644)
        link = os.path.join(self.folder, "link.lwp")
        os.symlink(self.path, link)
        before = os.umask(0)
        try:
            self.filled(link).save()
        finally:
            os.umask(before)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        for name in os.listdir(self.folder):
            if name != "link.lwp":
                mode = os.stat(os.path.join(self.folder, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o600, name)

    def test_two_programs(self):
        """What another program changed in the file is not lost by our saving."""
        one = new_store(self.path)
        receive(one, HOME, "a=1", "b=1", "c=1")
        one.save()
        two = new_store(self.path)
        two.load()
        receive(two, HOME, "a=2", "d=2", "b=; Max-Age=0")
        two.save()
        receive(one, HOME, "c=one")
        one.save()
        self.assertEqual(sent(one, HOME), "a=2; c=one; d=2")
        two.load()
        self.assertEqual(sent(two, HOME), "a=2; c=one; d=2")

    def test_a_damaged_file_is_replaced(self):
        """Saving over a file that nobody can read makes a sound one."""
        with open(self.path, "w") as file:
            file.write("garbage\n")
        self.filled(self.path).save()
        other = new_store(self.path)
        other.load()
        self.assertEqual(len(other), 4)

    def test_many_writers(self):
        """Writers at the same time leave one whole file with all they wrote."""

        def write(number):
            store = new_store(self.path)
            store.load()
            receive(store, HOME, "w%d=x" % number)
            store.save()

        threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        other = new_store(self.path)
        other.load()
        self.assertEqual(sorted(c.name for c in other), ["w%d" % i for i in range(8)])
        self.assertEqual(sorted(os.listdir(self.folder)), ["wiki.lwp", "wiki.lwp.lock"])


class Threads(unittest.TestCase):
    def test_hammer(self):
        """Threads that set, send, clear and count do not trip over each other."""
        store = CookieStore()
        errors = []
        ends = time.monotonic() + 0.3

        def work(number):
            try:
                i = 0
                while time.monotonic() < ends:
                    i += 1
                    url = "http://h%d.example.org/" % (i % 7)
                    receive(store, url, "c%d=%d" % (number, i), "d=; Max-Age=0")
                    sent(store, url)
                    len(store)
                    if i % 50 == 0:
                        store.clear()
            except Exception as error:
                errors.append(error)

        switch = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
        finally:
            sys.setswitchinterval(switch)
        self.assertEqual(errors, [])
        self.assertEqual(store._cookie_count, len(store))


if __name__ == "__main__":
    unittest.main()
