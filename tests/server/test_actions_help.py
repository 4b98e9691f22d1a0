"""action=paraminfo and help: the modules described are those that answer."""

from __future__ import annotations

import unittest

from wikistd.server.actions_run import ACTION_MODULES, QUERY_MODULES

from .asking import Asker, make_wiki


class Describing(unittest.TestCase):
    """What the wiki says of its modules."""

    def setUp(self):
        self.store = make_wiki()
        self.addCleanup(self.store.close)
        self.ask = Asker(self.store).ask

    def info(self, *paths):
        """Return the descriptions of modules, by path."""
        answer = self.ask(action="paraminfo", modules=paths)
        return {each["path"]: each for each in answer["paraminfo"]["modules"]}

    def test_every_module(self):
        """Every action and every query module is described, each parameter with a type."""
        found = self.info("main", *ACTION_MODULES)
        self.assertEqual(set(found), {"main", *ACTION_MODULES})
        modules = self.info("query+*")
        self.assertEqual(len(modules), len(QUERY_MODULES))
        for path, module in {**found, **modules}.items():
            for param in module["parameters"]:
                with self.subTest(path=path, param=param["name"]):
                    self.assertTrue(param["type"])

    def test_facts(self):
        """Tokens, posting, generators, prefixes and limits are told."""
        found = self.info("edit", "login", "query+revisions", "query")
        token = found["edit"]["parameters"][-1]
        self.assertEqual((token["name"], token["tokentype"], token["required"]),
                         ("token", "csrf", True))
        self.assertTrue(found["edit"]["mustbeposted"] and found["edit"]["writerights"])
        self.assertEqual(found["login"]["prefix"], "lg")
        self.assertEqual(found["login"]["parameters"][0]["name"], "name")
        revisions = found["query+revisions"]
        self.assertTrue(revisions["generator"])
        params = {each["name"]: each for each in revisions["parameters"]}
        self.assertEqual((params["limit"]["max"], params["limit"]["highmax"]), (500, 5000))
        self.assertEqual(params["prop"]["default"], "ids|timestamp|flags|comment|user")
        params = {each["name"]: each for each in found["query"]["parameters"]}
        self.assertEqual(params["prop"]["submodules"]["info"], "query+info")

    def test_unknown(self):
        """An unknown module is a warning, in the help an error."""
        answer = self.ask(action="paraminfo", modules="nope|query+nope")
        self.assertEqual(answer["warnings"]["paraminfo"]["warnings"],
                         'The module "main" does not have a submodule "nope".\n'
                         'The module "query" does not have a submodule "nope".')
        self.assertEqual(self.ask(action="help", modules="nope")["error"]["code"],
                         "badmodule")

    def test_help(self):
        """Without an action, the names of all modules."""
        answer = self.ask()
        self.assertIn("<dt>query+allpages</dt>", answer["help"]["help"])


if __name__ == "__main__":
    unittest.main()
