"""Runs inside WebAssembly; the last expression is the exit code."""

import json
import sys
import unittest
import warnings

sys.path.insert(0, "/repo")
sys.dont_write_bytecode = True
warnings.simplefilter("error")

import wikistd  # noqa: E402

REPLIES = {
    "siteinfo": {"query": {"general": {"sitename": "In a browser"}}},
    "tokens": {"query": {"tokens": {"csrftoken": "t+\\", "logintoken": "l+\\"}}},
    "edit": {"edit": {"result": "Success", "newrevid": 7}},
}


def transport(method, url, headers, body, timeout):
    """Answers as a wiki would, without a network: the page that hosts us has none."""
    text = url + (body if isinstance(body, bytes) else b"".join(body or ())).decode()
    for word, reply in REPLIES.items():
        if word in text:
            break
    return 200, [("Content-Type", "application/json")], json.dumps(reply).encode()


class Transported(unittest.TestCase):
    def test_session(self):
        """A session reads and writes over a transport."""
        client = wikistd.HttpClient(
            transport=transport, user_agent="wasm/1 (me@example.org)"
        )
        session = wikistd.Session("https://wiki.example", session=client, formatversion=2)
        reply = session.get(action="query", meta="siteinfo")
        self.assertEqual(reply["query"]["general"]["sitename"], "In a browser")
        reply = session.post(action="edit", title="Sandbox", text="x")
        self.assertEqual(reply["edit"]["newrevid"], 7)
        session.close()


#: JSON nested 100,000 deep ends this runtime itself ("Maximum call stack size exceeded").
NOT_HERE = ("test_json",)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        elif not test.id().endswith(NOT_HERE):
            yield test


def run():
    loader = unittest.defaultTestLoader
    suite = unittest.TestSuite()
    suite.addTests(loader.loadTestsFromTestCase(Transported))
    suite.addTests(loader.discover("/repo/tests/formats", top_level_dir="/repo"))
    suite.addTests(loader.loadTestsFromNames(["tests.test_errors", "tests.test_clock"]))
    print("note: Python %s in WebAssembly" % sys.version.split()[0])
    done = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(
        unittest.TestSuite(flat(suite))
    )
    return 0 if done.wasSuccessful() and done.testsRun else 1


run()
