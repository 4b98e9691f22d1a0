#!/usr/bin/env python3
"""A real MediaWiki on this machine, for the tests: install, start, set, stop.

    wiki.py install                  get the packages (as root; says what cannot be had)
    wiki.py up     [--dir D] [--port P] [--workers N]
    wiki.py down   [--dir D] [--purge]
    wiki.py status [--dir D]         one JSON line: running, url, accounts
    wiki.py set    [--dir D] NAME JSON      change a live setting; null takes it back
    wiki.py run    [--dir D] SCRIPT ARG...  a maintenance script, such as runJobs

Debian's packages mediawiki, php-fpm and nginx are used where they lie: everything of
this wiki (settings, SQLite files, uploads, sockets, logs) is in one folder that `down
--purge` removes.  Nothing listens but nginx on 127.0.0.1.

Live settings, read at each request: readOnly "reason", lag seconds (for maxlag), delayMs
milliseconds, rateLimits {"edit": {"user": [1, 60]}}, limitBots true, private true (nobody
reads without logging in), extensions ["ConfirmEdit"], globals {"wgName": value}.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

PACKAGES = (
    "mediawiki php-cli php-fpm php-sqlite3 php-mbstring php-xml php-intl php-curl php-gd"
    " php-apcu nginx-light"
).split()
CODE = pathlib.Path("/usr/share/mediawiki")
HERE = pathlib.Path(__file__).resolve().parent

#: name -> (password, groups).  Throw-away accounts of a wiki that only this machine sees.
ACCOUNTS = {
    "Admin": ("first-Admin-secret-77", ["sysop", "bureaucrat", "interface-admin"]),
    "Worker": ("second-Worker-secret-77", ["bot"]),
    "Plain": ("third-Plain-secret-77", []),
}
BOT_PASSWORD = "0123456789abcdefghijklmnopqrstuv"  # MediaWiki asks for 32 characters
BOT_APP = "suite"
GRANTS = (
    "basic highvolume editpage editprotected createeditmovepage uploadfile"
    " uploadeditmovefile patrol rollback delete protect viewdeleted viewmywatchlist"
    " editmywatchlist blockusers sendemail editmyoptions"
).split()


def say(text):
    print("wiki: " + text, file=sys.stderr)


def fail(text):
    say(text)
    raise SystemExit(1)


def find(*names):
    """Return the path of the first program that exists."""
    for name in names:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path:
            return path
    fail("not found: %s (wiki.py install)" % " or ".join(names))
    return ""


def installed(package):
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${Status}", package],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    return b"ok installed" in done.stdout


def install():
    missing = [package for package in PACKAGES if not installed(package)]
    if not missing:
        return
    if os.geteuid() != 0:
        fail("not root; missing: " + " ".join(missing))
    say("installing " + " ".join(missing))
    # The packages' own services must not start: this file makes apt's hook refuse.
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    try:
        for attempt in range(3):
            done = subprocess.run(
                command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode == 0:
                return
            subprocess.run(
                ["apt-get", "update"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        print(done.stdout.decode()[-2000:], file=sys.stderr)
        fail("cannot install: " + " ".join(p for p in PACKAGES if not installed(p)))
    finally:
        if ours:
            policy.unlink()


class Wiki:
    """One wiki in one folder.  Its state is what lies in the folder."""

    def __init__(self, folder, port, workers=6):
        self.dir = pathlib.Path(folder).resolve()
        saved = self.dir / "port"
        self.port = port or (int(saved.read_text()) if saved.exists() else 8810)
        self.url = "http://127.0.0.1:%d" % self.port
        self.workers = workers

    # --- programs

    def php(self, *arguments, **how):
        env = dict(
            os.environ, MW_CONFIG_FILE=str(self.dir / "LocalSettings.php"),
            PHP_INI_SCAN_DIR=":" + str(self.dir / "php.d"),
        )
        return subprocess.run(
            [find("php"), "-d", "memory_limit=1G", *arguments], env=env,
            stdin=subprocess.DEVNULL, **how
        )

    def script(self, name, *arguments):
        """Run a maintenance script; its output goes to the log, and on failure here."""
        with open(str(self.dir / "log" / "maintenance.log"), "ab") as log:
            start = log.tell()
            done = self.php(
                str(CODE / "maintenance" / (name + ".php")), *arguments,
                stdout=log, stderr=subprocess.STDOUT,
            )
        if done.returncode:
            with open(str(self.dir / "log" / "maintenance.log"), "rb") as log:
                log.seek(start)
                print(log.read().decode("utf-8", "replace")[-3000:], file=sys.stderr)
            fail("%s failed" % name)

    # --- files

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write_configuration(self):
        for name in ("log", "run", "tmp", "cache", "images", "data"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        values = {
            "DIR": str(self.dir), "PORT": str(self.port), "WORKERS": str(self.workers),
            "CODE": str(CODE),
            "ROOT_FPM": "user = root\ngroup = root" if os.geteuid() == 0 else "",
            "ROOT_NGINX": "user root root;" if os.geteuid() == 0 else "",
        }
        for template, target in (
            ("nginx.conf", "nginx.conf"), ("php-fpm.conf", "php-fpm.conf"),
            ("fastcgi.inc", "run/fastcgi.inc"),
            ("php.ini", "php.d/tests.ini"), ("settings.php", "settings.php"),
        ):
            text = (HERE / "templates" / template).read_text("utf-8")
            for name, value in values.items():
                text = text.replace("@%s@" % name, value)
            self.write(target, text)
        self.write("port", str(self.port))

    def create(self):
        """Make the wiki's database and accounts, once."""
        marker = self.dir / "data" / "complete"
        if marker.exists():
            return
        say("creating a wiki in %s" % self.dir)
        local = self.dir / "LocalSettings.php"
        if local.exists():
            local.unlink()
        self.script(
            "install", "--dbtype", "sqlite", "--dbpath", str(self.dir / "data"),
            "--dbname", "testwiki", "--scriptpath", "/w", "--server", self.url,
            "--confpath", str(self.dir), "--pass", ACCOUNTS["Admin"][0], "--lang", "en",
            "--skins", "Vector", "Test Wiki", "Admin",
        )
        with open(str(local), "a", encoding="utf-8") as file:
            file.write('\nrequire __DIR__ . "/settings.php";\n')
        grants = self.known_grants()
        for name, (password, groups) in ACCOUNTS.items():
            options = ["--force"]
            options += ["--sysop", "--bureaucrat", "--interface-admin"] if "sysop" in groups else []
            options += ["--bot"] if "bot" in groups else []
            self.script("createAndPromote", *options, name, password)
            self.script(
                "createBotPassword", "--appid", BOT_APP, "--grants", ",".join(grants), name,
                BOT_PASSWORD,
            )
        for path in sorted((self.dir / "data").glob("*.sqlite")):
            database = sqlite3.connect(str(path))  # readers do not wait for a writer
            database.execute("PRAGMA journal_mode=WAL")
            database.close()
        self.script("initSiteStats", "--update")
        self.script("rebuildLocalisationCache", "--lang", "en")
        marker.write_text("")

    def known_grants(self):
        done = self.php(
            str(CODE / "maintenance" / "createBotPassword.php"), "--showgrants",
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        known = set(done.stdout.decode().replace(",", " ").split())
        return [grant for grant in GRANTS if grant in known]

    # --- processes

    def pid(self, name):
        """Return the process id in a pid file of ours if it lives, else None."""
        try:
            number = int((self.dir / "run" / (name + ".pid")).read_text())
            command = pathlib.Path("/proc/%d/cmdline" % number).read_bytes()
        except (OSError, ValueError):
            return None
        return number if str(self.dir).encode() in command else None

    def is_running(self):
        return bool(self.pid("nginx") and self.pid("php-fpm"))

    def start(self):
        if self.is_running():
            return
        self.stop()
        env = dict(os.environ, PHP_INI_SCAN_DIR=":" + str(self.dir / "php.d"))
        minor = self.php(
            "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;", stdout=subprocess.PIPE
        ).stdout.decode()
        fpm = [find("php-fpm" + minor, "php-fpm"), "-y", str(self.dir / "php-fpm.conf")]
        fpm += ["-R"] if os.geteuid() == 0 else []
        nginx = [
            find("nginx"), "-e", str(self.dir / "log" / "nginx-error.log"), "-p",
            str(self.dir), "-c", str(self.dir / "nginx.conf"),
        ]
        with open(str(self.dir / "log" / "start.log"), "ab") as log:
            for command in (fpm, nginx):
                done = subprocess.run(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
                if done.returncode:
                    fail("%s did not start, see %s" % (command[0], log.name))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = self.url + "/w/api.php?action=query&meta=siteinfo&format=json"
        for _ in range(100):
            try:
                with opener.open(address, timeout=10) as reply:
                    json.load(reply)
                return
            except (OSError, ValueError) as error:
                problem = error
                time.sleep(0.1)
        fail("no answer on port %d: %s (see %s)" % (self.port, problem, self.dir / "log"))

    def stop(self):
        for name, number in (("nginx", signal.SIGTERM), ("php-fpm", signal.SIGTERM)):
            pid = self.pid(name)
            if not pid:
                continue
            os.kill(pid, number)
            for _ in range(100):
                if not self.pid(name):
                    break
                time.sleep(0.05)
            else:
                os.kill(pid, signal.SIGKILL)

    # --- the commands

    def up(self):
        self.write_configuration()
        self.create()
        self.start()
        self.write("accounts.json", json.dumps(self.accounts(), indent=1))

    def accounts(self):
        """Return the accounts in the form that the contract suite reads."""
        def login(name):
            return {"username": name, "password": ACCOUNTS[name][0]}

        return {
            "bot": {"username": "Worker@" + BOT_APP, "password": BOT_PASSWORD},
            "plain": login("Plain"),
            "admin": login("Admin"),
            "admin_bot": {"username": "Admin@" + BOT_APP, "password": BOT_PASSWORD},
        }

    def status(self):
        return {
            "running": self.is_running(), "url": self.url, "dir": str(self.dir),
            "api": self.url + "/w/api.php", "accounts": str(self.dir / "accounts.json"),
            "log": str(self.dir / "log" / "access.log"),
        }

    def set(self, name, value):
        path = self.dir / "live.json"
        live = json.loads(path.read_text("utf-8")) if path.exists() else {}
        live.pop(name, None)
        if value is not None:
            live[name] = value
        fresh = self.dir / "live.json.new"
        fresh.write_text(json.dumps(live), encoding="utf-8")
        fresh.replace(path)
        return live


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices="install up down status set run".split())
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    command = parser.parse_args().command
    options = argparse.ArgumentParser()
    options.add_argument("--dir", default="/tmp/wikistd-mediawiki")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--workers", type=int, default=6)
    options.add_argument("--purge", action="store_true")
    given, rest = options.parse_known_args(sys.argv[2:])
    if command == "install":
        install()
        return
    wiki = Wiki(given.dir, given.port, given.workers)
    if command == "up":
        install()
        wiki.up()
        print(json.dumps(wiki.status()))
    elif command == "down":
        wiki.stop()
        if given.purge and (wiki.dir / "port").exists():
            shutil.rmtree(str(wiki.dir))
        print(json.dumps({"running": False}))
    elif command == "status":
        print(json.dumps(wiki.status()))
        raise SystemExit(0 if wiki.is_running() else 1)
    elif command == "set":
        if len(rest) != 2:
            parser.error("set takes a name and a JSON value")
        print(json.dumps(wiki.set(rest[0], json.loads(rest[1]))))
    elif command == "run":
        wiki.script(*rest)


if __name__ == "__main__":
    main()
