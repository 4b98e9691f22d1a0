"""web/credentials.py: who is sent which credentials, and when."""

import threading
import unittest
import urllib.request
import warnings

from wikistd.web.credentials import (
    MAX_REMEMBERED_LOGINS,
    AuthHandler,
    as_auth,
    find_authentication,
)
from wikistd.web.digest import DigestAuth
from wikistd.web.logins import BearerAuth, FunctionAuth, PasswordAuth
from wikistd.web.oauth1 import OAuth1Auth
from wikistd.web.redirects import RedirectHandler

from .openers import BASIC, DIGEST, answer, basic, guard, shown, talk

class Pair(unittest.TestCase):
    def test_prefers_digest(self):
        """A pair answers Digest where it is offered, and not Basic after it failed."""

        def step(seen):
            return answer(401, [BASIC, DIGEST])

        visit, network = talk([AuthHandler(auth=("u", "p"))], step, step)
        self.assertEqual(visit("http://a.example/"), 401)
        first, second = shown(network)
        self.assertIsNone(first)
        self.assertTrue(second.startswith("Digest "))

    def test_falls_back_to_basic(self):
        """Basic is answered where Digest is not offered or not understood."""
        for challenge in [BASIC, ("WWW-Authenticate", 'Digest realm="x", nonce="n", algorithm=X, Basic realm="y"')]:
            visit, network = talk([AuthHandler(auth=("u", "p"))], *[guard(challenge=challenge)] * 3)
            self.assertEqual([visit("http://a.example/"), visit("http://a.example/")], [200, 200])
            self.assertEqual(len(network.seen), 3)

    def test_of_a_call(self):
        """A pair given with each call is remembered: the second call does not wait."""
        visit, network = talk([AuthHandler()], *[guard()] * 3)
        for _ in range(2):
            request = urllib.request.Request("http://a.example/")
            request.call_auth = ("u", "p")
            self.assertEqual(visit(request), 200)
        self.assertEqual(len(network.seen), 3)

    def test_memory_is_bounded(self):
        """Passwords of calls are remembered up to a number."""
        handler = AuthHandler()
        for i in range(MAX_REMEMBERED_LOGINS + 9):
            handler._remember("place", ("user", str(i)))
        self.assertEqual(len(handler._remembered), MAX_REMEMBERED_LOGINS)

    def test_in_the_url(self):
        """User name and password of the URL are taken out of it and used."""
        visit, network = talk([AuthHandler(auth=("other", "x"))], *[guard("u", "p@")] * 2)
        self.assertEqual(visit("http://u:p%40@a.example:8080/x?y"), 200)
        self.assertEqual([s.url for s in network.seen], ["http://a.example:8080/x?y"] * 2)
        self.assertEqual(network.seen[1].headers["host"], "a.example:8080")

    def test_in_the_url_and_the_call(self):
        """What the call says comes before what the URL says, none at all too."""
        for call_auth, wanted in [(BearerAuth("t"), "Bearer t"), (False, None)]:
            visit, network = talk([AuthHandler()], answer())
            request = urllib.request.Request("http://u:p@a.example/")
            request.call_auth = call_auth
            visit(request)
            self.assertEqual((shown(network), network.seen[0].url), ([wanted], "http://a.example/"))

    def test_body_is_sent_again(self):
        """The body goes with the second request too; one that cannot does not."""
        visit, network = talk([AuthHandler(auth=("u", "p"))], *[guard()] * 3)
        self.assertEqual(visit(urllib.request.Request("http://a.example/", data=b"x")), 200)
        self.assertEqual([s.body for s in network.seen], [b"x", b"x"])
        visit, network = talk([AuthHandler(auth=("u", "p"))], *[guard()] * 3)
        once = urllib.request.Request("http://a.example/", data=iter([b"x"]), headers={"Content-Length": "1"})
        self.assertEqual(visit(once), 401)
        self.assertEqual(len(network.seen), 1)


class Origins(unittest.TestCase):
    def test_bound_to_the_first(self):
        """`auth` of a client is for the first origin and no other, in any spelling."""
        handler = AuthHandler(auth=BearerAuth("t"))
        visit, network = talk([handler], *[answer()] * 6)
        for url in ["http://a.example/", "http://A.example:80/x", "https://a.example/",
                    "http://a.example:81/", "http://b.example/", "http://a.example/"]:
            visit(url)
        self.assertEqual(
            shown(network), ["Bearer t", "Bearer t", None, None, None, "Bearer t"]
        )

    def test_redirects(self):
        """Credentials of client and call are not sent to where a redirect leads."""
        for where in ["http://b.example/", "https://a.example/", "http://a.example:81/"]:
            for how in ["client", "call"]:
                handler = AuthHandler(auth=BearerAuth("t") if how == "client" else None)
                visit, network = talk(
                    [handler, RedirectHandler()],
                    answer(302, [("Location", where)]), answer(401, [BASIC, DIGEST]),
                )
                request = urllib.request.Request("http://a.example/")
                if how == "call":
                    request.call_auth = BearerAuth("t")
                self.assertEqual(visit(request), 401)
                self.assertEqual(shown(network), ["Bearer t", None])

    def test_same_origin_redirect(self):
        """To the same origin they go along."""
        visit, network = talk(
            [AuthHandler(auth=BearerAuth("t")), RedirectHandler()],
            answer(302, [("Location", "/x")]), answer(),
        )
        visit("http://a.example/")
        self.assertEqual(shown(network), ["Bearer t", "Bearer t"])

    def test_none_at_all(self):
        """`call_auth` of False sends none, whatever the client has; not after a 401 either."""
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.add_password("wiki", "http://a.example/", "u", "p", is_authenticated=True)
        handler = AuthHandler(manager, auth=BearerAuth("t"), authenticate={"*": ("u", "p")})
        visit, network = talk([handler], guard())
        request = urllib.request.Request("http://a.example/")
        request.call_auth = False
        self.assertEqual(visit(request), 401)
        self.assertEqual(shown(network), [None])

    def test_own_header(self):
        """The caller's own Authorization header stays as it is."""
        for give in ("add_header", "add_unredirected_header"):
            visit, network = talk([AuthHandler(auth=("u", "p"))], guard())
            request = urllib.request.Request("http://a.example/")
            getattr(request, give)("authorization", "Mine")
            self.assertEqual(visit(request), 401)
            self.assertEqual(shown(network), ["Mine"])


class Patterns(unittest.TestCase):
    TABLE = {
        "a.b.c": ("exact", ""), "*.b.c": ("b", ""), "*.c": ("c", ""), "*": ("all", ""),
        "https://s.b.c": ("tls", ""), "p.b.c:8080": ("port", ""), "*.d:81": ("wild port", ""),
    }

    def test_found(self):
        """The exact host, then shorter and shorter suffixes, then everything."""
        for url, wanted in [
            ("https://a.b.c/x", "exact"), ("http://a.b.c", "exact"), ("http://x.b.c", "b"),
            ("http://u@a.b.c/", "exact"), ("http://x.y.b.c/", "b"), ("http://b.c", "c"),
            ("http://x.c", "c"), ("http://other", "all"), ("https://s.b.c/", "tls"),
            ("http://s.b.c/", "b"), ("http://p.b.c:8080/", "port"), ("http://a.b.c:8080", "all"),
            ("http://a.b.c:80", "exact"), ("http://q.d:81/", "wild port"), ("http://A.B.C", "exact"),
        ]:
            with self.subTest(url=url):
                self.assertEqual(find_authentication(self.TABLE, url)[1][0], wanted)

    def test_not_found(self):
        """A pattern of one domain does not cover the domain itself, or a lookalike."""
        table = {"*.b.c": ("x", "y")}
        for url in ["http://b.c/", "http://xb.c/", "http://x.b.c.d/", "http://x.b.c:81/", "nonsense"]:
            self.assertEqual(find_authentication(table, url), ("", None))

    def test_wrong_length(self):
        """A tuple of another length is warned of, and the next pattern taken."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = find_authentication({"a.b": ("1", "2", "canary"), "*": ("u", "p")}, "http://a.b/")
        self.assertEqual(got, ("*", ("u", "p")))
        self.assertEqual(
            [str(w.message) for w in caught],
            ["authenticate['a.b'] has 3 items, not 2 or 4, and is not used"],
        )

    def test_used(self):
        """The handler uses them, each at its own hosts, and remembers by pattern."""
        handler = AuthHandler(authenticate={"*.a.example": ("u", "p"), "b.example": BearerAuth("t")})
        visit, network = talk([handler], *[guard()] * 6)
        self.assertEqual(
            [visit("http://%s/" % h) for h in ["x.a.example", "b.example", "c.example"]],
            [200, 401, 401],
        )
        self.assertEqual(shown(network), [None, basic("u", "p"), "Bearer t", None])

    def test_after_a_redirect(self):
        """Another origin gets what is meant for it."""
        handler = AuthHandler(authenticate={
            "a.example": BearerAuth("a"), "b.example": BearerAuth("b")})
        visit, network = talk(
            [handler, RedirectHandler()], answer(302, [("Location", "http://b.example/")]), answer()
        )
        visit("http://a.example/")
        self.assertEqual(shown(network), ["Bearer a", "Bearer b"])


class Managers(unittest.TestCase):
    def manager(self, uri, realm="wiki", kind=urllib.request.HTTPPasswordMgr):
        manager = kind()
        manager.add_password(realm, uri, "u", "p")
        return manager

    def outcome(self, manager, url, challenge=BASIC):
        visit, network = talk([AuthHandler(manager)], *[guard(challenge=challenge)] * 3)
        return visit(url), len(network.seen)

    def test_origin(self):
        """A password is given out for the very scheme, host and port it was added for."""
        for added, asked, wanted in [
            ("http://h.example/", "http://h.example/x", 200),
            ("http://h.example/", "http://h.example:80/x", 200),
            ("http://h.example:80/", "http://h.example/x", 200),
            ("https://h.example/spam", "http://h.example/spam", 401),
            ("http://h.example/", "https://h.example/", 401),
            ("http://h.example/", "http://h.example:8080/", 401),
            ("http://h.example/", "http://h.example:443/", 401),
            ("https://h.example/", "http://h.example:443/", 401),
            ("http://h.example:8080/", "http://h.example:8080/", 200),
            ("h.example", "http://h.example/", 200),
            ("h.example", "https://h.example/", 200),
            ("h.example:8080", "http://h.example:8080/", 200),
            ("h.example", "http://h.example:8080/", 401),
            ("h.example", "http://h.example:443/", 401),
            ("http://h.example/spam", "http://h.example/spammy", 401),
            ("http://[::1]/", "http://[::1]/", 200),
        ]:
            with self.subTest(added=added, asked=asked):
                self.assertEqual(self.outcome(self.manager(added), asked)[0], wanted)

    def test_realm(self):
        """The realm must be the one it was added for, or any with the default realm."""
        self.assertEqual(self.outcome(self.manager("http://h.example/", "other"), "http://h.example/")[0], 401)
        manager = self.manager("http://h.example/", None, urllib.request.HTTPPasswordMgrWithDefaultRealm)
        self.assertEqual(self.outcome(manager, "http://h.example/")[0], 200)
        self.assertEqual(self.outcome(manager, "http://h.example/", ("WWW-Authenticate", 'Bearer realm="wiki"'))[0], 401)

    def test_add_password(self):
        """The handler's own add_password works, and the second request does not wait."""
        handler = AuthHandler()
        handler.add_password("wiki", "http://h.example/", "u", "p")
        visit, network = talk([handler], *[guard()] * 4)
        self.assertEqual([visit("http://h.example/"), visit("http://h.example/x")], [200, 200])
        self.assertEqual(len(network.seen), 3)

    def test_digest(self):
        """They answer Digest too."""
        visit, network = talk(
            [AuthHandler(self.manager("http://h.example/"))], answer(401, [DIGEST]), answer()
        )
        self.assertEqual(visit("http://h.example/"), 200)
        self.assertTrue(shown(network)[1].startswith("Digest "))

    def test_prior(self):
        """HTTPPasswordMgrWithPriorAuth sends at once, to its own scheme and port only."""
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.add_password(None, "https://h.example/", "u", "p", is_authenticated=True)
        visit, network = talk([AuthHandler(manager)], *[answer()] * 4)
        for url in ["https://h.example/", "http://h.example/", "https://i.example/", "https://[::1]/"]:
            visit(url)
        self.assertEqual(shown(network), [basic("u", "p"), None, None, None])

    def test_prior_without_password(self):
        """A manager that has nothing for it sends nothing."""
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.update_authenticated("https://h.example:443/", True)
        visit, network = talk([AuthHandler(manager)], answer())
        visit("https://h.example/")
        self.assertEqual(shown(network), [None])

    def test_path(self):
        """Below another path of the same host another user may be known."""
        manager = self.manager("http://h.example/a/")
        manager.add_password("wiki", "http://h.example/b/", "u2", "p2")
        visit, network = talk([AuthHandler(manager)], guard(), guard(), guard("u2", "p2"), guard("u2", "p2"), answer(401))
        self.assertEqual([visit("http://h.example/a/x"), visit("http://h.example/b/y")], [200, 200])
        self.assertEqual(visit("http://h.example/c"), 401)
        self.assertEqual(shown(network), [None, basic("u", "p"), None, basic("u2", "p2"), None])


class Several(unittest.TestCase):
    def test_two_handlers(self):
        """One that has no credentials, or other ones, leaves those of the other alone."""
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, "http://b.example/", "u2", "p2")
        handlers = [AuthHandler(auth=("u", "p")), AuthHandler(manager)]
        visit, network = talk(handlers, *[guard()] * 3, *[guard("u2", "p2")] * 3, guard())
        self.assertEqual([visit("http://a.example/") for _ in range(2)], [200, 200])
        self.assertEqual([visit("http://b.example/") for _ in range(2)], [200, 200])
        self.assertEqual(visit("http://a.example/"), 200)
        first, second = basic("u", "p"), basic("u2", "p2")
        self.assertEqual(shown(network), [None, first, first, None, second, second, first])


class Input(unittest.TestCase):
    def test_kinds(self):
        """What callers write, and what it means."""
        bearer = BearerAuth("t")
        for given, kind in [
            (("u", "p"), PasswordAuth), (["u", "p"], PasswordAuth),
            (("a", "b", "c", "d"), OAuth1Auth), (bearer, BearerAuth),
            (lambda request: request, FunctionAuth), (DigestAuth("u", "p"), DigestAuth),
        ]:
            self.assertIsInstance(as_auth(given), kind)
        self.assertIs(as_auth(bearer), bearer)
        self.assertIs(as_auth(None), None)
        self.assertIs(as_auth(False), False)

    def test_wrong(self):
        """Anything else is a TypeError without the value."""
        for given, why in [
            (("canary",), "auth has 1 items: give (user, password), or the four keys of OAuth 1.0a"),
            ("canary", "auth is a str: give (user, password), an object such as "
                       "BearerAuth(token), or a callable"),
        ]:
            with self.assertRaises(TypeError) as caught:
                as_auth(given)
            self.assertEqual(str(caught.exception), why)



class Threads(unittest.TestCase):
    def test_first_origin_once(self):
        """Threads that begin together agree on one first origin."""
        handler = AuthHandler(auth=BearerAuth("t"))
        results = []

        def work(number):
            request = urllib.request.Request("http://h%d.example/" % number)
            handler.http_request(request)
            results.append("Authorization" in request.unredirected_hdrs)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results.count(True), 1)


if __name__ == "__main__":
    unittest.main()
