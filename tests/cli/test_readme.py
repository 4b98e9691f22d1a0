"""README.rst: the commands that it shows do what it says."""

import json
import re
import shlex
import signal
import unittest

from tests.cli.test_main import ROOT, run_main, start


class ReadmeCommands(unittest.TestCase):
    def test_commands(self):
        """serve is started, the others are asked of it, all end with 0."""
        text = (ROOT / "README.rst").read_text("utf-8")
        block = text.partition("\nOn the command line\n")[2].partition("\nTaking it ")[0]
        lines = re.findall(r"^    python3 -m wikistd (.*?)(?:  +#.*)?$", block, re.M)
        commands = [shlex.split(line) for line in lines]
        self.assertEqual(commands[0], ["serve", "--port", "8080"])
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = start("serve", "--port", "0")
        finally:
            signal.signal(signal.SIGINT, before)
        with process:
            try:
                url = json.loads(process.stdout.readline().decode("utf-8"))["url"]
                for command in commands[1:]:
                    argv = [word.replace("http://127.0.0.1:8080", url) for word in command]
                    if "stream" in argv:  # it would go on for ever
                        argv += ["--count", "1", "--since", "2020-01-01"]
                    code, stdout, stderr = run_main(*argv)
                    self.assertEqual((code, stderr), (0, ""), argv)
                    self.assertTrue(stdout, argv)
                    self.assertIn(command[0], ("get", "stream", "--help"))
            finally:
                process.terminate()


if __name__ == "__main__":
    unittest.main()
