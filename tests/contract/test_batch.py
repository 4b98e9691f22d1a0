"""run_batch on any wiki: each job once, after crashes too; undo; dry runs."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from tests.contract.world import USER_AGENT, ContractCase, Losing
from tests.support.clocks import FakeClock
from wikistd import Session, edit_page, run_batch, undo_batch
from wikistd.errors import APIError, ConnectionLost


class Crash(BaseException):
    """Ends a run where a kill would."""


class BatchCase(ContractCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = os.path.join(folder.name, "journal.jsonl")
        self.bot = self.session("bot")

    def crash(self, jobs, *fates, journal=None):
        """Run a batch that ends at the first edit whose answer is lost."""
        session = self.session("bot", plan=Losing("action=edit", *fates))
        lose = session.session.request

        def request(*arguments, **options):
            try:
                return lose(*arguments, **options)
            except ConnectionLost:
                raise Crash from None

        session.session.request = request
        with self.assertRaises(Crash):
            run_batch(session, jobs, journal=journal or self.journal)


class Batches(BatchCase):

    def jobs(self, count=3):
        return [
            {"title": self.title("j%d" % n), "append": "\nline", "summary": "batch %d" % n}
            for n in range(count)
        ]

    def texts(self, count=3):
        return [self.text_of(self.bot, self.title("j%d" % n)) for n in range(count)]

    def test_runs_once(self):
        results = []
        report = run_batch(
            self.bot, self.jobs(), journal=self.journal, on_result=results.append
        )
        self.assertEqual(report.counts, {"saved": 3})
        self.assertEqual([result.title for result in results], [j["title"] for j in self.jobs()])
        report = run_batch(self.bot, self.jobs(4), journal=self.journal)
        self.assertEqual(report.counts, {"skipped": 3, "saved": 1})
        self.assertEqual(self.texts(4), ["\nline"] * 4)
        with open(self.journal, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        self.assertEqual(records[0]["user"], self.bot.user)
        self.assertEqual(records[1]["result"], "sending")
        self.assertEqual(os.stat(self.journal).st_mode & 0o777, 0o600)

    def test_two_jobs_for_a_page(self):
        jobs = self.jobs(1) * 2 + [dict(self.jobs(1)[0], key="third")]
        run_batch(self.bot, jobs, journal=self.journal)
        self.assertEqual(run_batch(self.bot, jobs, journal=self.journal).counts, {"skipped": 3})
        self.assertEqual(self.texts(1), ["\nline\nline\nline"])

    def test_a_changed_job_is_another_one(self):
        """It is done, once; what was done is not done again, wherever it stands."""
        title = self.title("j0")
        texts = ("\none", "\ntwo")
        jobs = [{"title": title, "append": text, "summary": "day 1"} for text in texts]
        for todo, done, counts in (
            (jobs[:1], "\none", {"saved": 1}),
            (jobs[1:], "\none\ntwo", {"saved": 1}),
            (jobs, "\none\ntwo", {"skipped": 2}),
            ([dict(jobs[1], summary="day 2")], "\none\ntwo", {"skipped": 1}),
        ):
            report = run_batch(self.bot, todo, journal=self.journal)
            self.assertEqual(report.counts, counts)
            self.assertEqual(self.texts(1), [done])
        edit_page(self.bot, title, append="\nlast")
        report = undo_batch(self.bot, self.journal)
        self.assertEqual(sum(report.counts.values()), 2)  # both of them are looked at

    def test_nobody(self):
        """Without a login the batch ends at its first job, and begins after one."""
        report = []
        with self.assertRaises(APIError) as caught:
            run_batch(
                self.session(), self.jobs(), journal=self.journal, on_result=report.append
            )
        self.assertEqual((caught.exception.code, report), ("assertuserfailed", []))
        self.assertIn("session.login(user, password) comes first", str(caught.exception))
        self.assertEqual(os.path.getsize(self.journal), 0)
        run_batch(self.bot, self.jobs(), journal=self.journal)
        with self.assertRaisesRegex(ValueError, r"not of an anonymous user \(log in first\)"):
            run_batch(self.session(), self.jobs(), journal=self.journal)

    def test_anonymous(self):
        """Where every job says so; the journal is of nobody else then."""
        jobs = [dict(job, anonymous=True) for job in self.jobs(2)]
        for result in ("saved", "skipped"):
            report = run_batch(self.session(), jobs, journal=self.journal)
            self.assertEqual(report.counts, {result: 2})
        with open(self.journal, encoding="utf-8") as file:
            self.assertIsNone(json.loads(file.readline())["user"])
        with self.assertRaisesRegex(ValueError, "is of an anonymous user on .*, not of "):
            undo_batch(self.bot, self.journal)
        with self.assertRaises(APIError):
            run_batch(self.session(), [*jobs, *self.jobs(3)[2:]], journal=self.journal)

    def test_cookies_tell_who_it_is(self):
        """A session that has not logged in itself may be somebody all the same."""
        session = self.session()
        for cookie in self.bot.session.cookies:
            session.session.cookies.set_cookie(cookie)
        run_batch(session, self.jobs(1), journal=self.journal)
        run_batch(self.bot, self.jobs(2), journal=self.journal)
        self.assertEqual(self.texts(2), ["\nline"] * 2)

    def test_crash_before_and_after_the_save(self):
        """What was sent when the run ended is looked up by the next one."""
        for fate in ("before", "after"):
            journal = self.journal + fate
            jobs = [dict(job, title=job["title"] + fate) for job in self.jobs()]
            jobs[1].pop("append")
            jobs[1]["text"] = "whole"
            self.crash(jobs, None, fate, journal=journal)
            with open(journal, "ab") as file:
                file.write(b'{"key":"cut sho')
            report = run_batch(self.bot, jobs, journal=journal)
            second = "found" if fate == "after" else "saved"
            counts = {"skipped": 1, "saved": 1}
            counts[second] = counts.get(second, 0) + 1
            self.assertEqual(report.counts, counts)
            for job, text in zip(jobs, ("\nline", "whole", "\nline")):
                self.assertEqual(self.text_of(self.bot, job["title"]), text)
                self.assertEqual(len(self.revisions_of(self.bot, job["title"])), 1)

    def test_unknown_fate_ends_the_batch(self):
        plan = Losing("action=edit", *["before"] * 9)
        session = self.session("bot", plan=plan, clock=FakeClock())
        with self.assertRaises(ConnectionLost):
            run_batch(session, self.jobs(), journal=self.journal)
        report = run_batch(self.bot, self.jobs(), journal=self.journal)
        self.assertEqual(report.counts, {"skipped": 1, "saved": 2})

    def test_refusals_are_reported(self):
        jobs = [
            {"title": "Bad[title]", "text": "x"},
            {"title": self.title("none"), "text": "x", "create": "never"},
        ] + self.jobs(1)
        base = edit_page(self.bot, self.title("c"), "base").revid
        edit_page(self.session("plain"), self.title("c"), "theirs")
        jobs.append({"title": self.title("c"), "text": "ours", "base_revid": base})
        report = run_batch(self.bot, jobs, journal=self.journal)
        self.assertEqual(report.counts, {"error": 2, "saved": 1, "conflict": 1})
        self.assertEqual(
            [problem.error.partition(":")[0] for problem in report.problems],
            ["invalidtitle", "missingtitle", "editconflict"],
        )

    def test_undo(self):
        """Newest first; what others built upon goes where the wiki can."""
        for n in range(3):
            edit_page(self.bot, self.title("j%d" % n), "old %d\n\nmiddle\n\nend" % n)
        jobs = [
            {"title": self.title("j%d" % n), "transform": lambda text: text.replace("old", "new")}
            for n in range(3)
        ] + [{"title": self.title("j3"), "text": "created"}]
        run_batch(self.bot, jobs, journal=self.journal)
        plain = self.session("plain")
        edit_page(plain, self.title("j1"), append=" theirs")
        edit_page(plain, self.title("j2"), "everything else")
        report = undo_batch(self.bot, self.journal)
        self.assertEqual(report.counts, {"error": 1, "conflict": 1, "undone": 2})
        self.assertEqual(
            self.texts(),
            ["old 0\n\nmiddle\n\nend", "old 1\n\nmiddle\n\nend theirs", "everything else"],
        )
        report = undo_batch(self.bot, self.journal)
        self.assertEqual(report.counts, {"error": 1})
        with self.assertRaises(FileNotFoundError):
            undo_batch(self.bot, self.journal + "misspelt")
        self.assertIn("created this page", report.problems[0].error)

    def test_dry_run(self):
        edit_page(self.bot, self.title("j0"), "one\ntwo")
        jobs = self.jobs(1) + [
            {"title": self.title("j0"), "text": "one\ntwo"},
            {"title": self.title("j0"), "transform": str.upper},
            {"title": self.title("j0"), "text": "t", "section": "new", "section_title": "S"},
            {"title": "Bad[title]", "text": "x"},
        ]
        results = []
        report = run_batch(self.bot, jobs, dry_run=True, on_result=results.append)
        self.assertEqual(report.counts, {"diff": 3, "unchanged": 1, "error": 1})
        self.assertEqual(
            results[0].diff.split("\n")[2:], ["@@ -1,2 +1,3 @@", " one", " two", "+line"]
        )
        self.assertIn("+== S ==", results[3].diff)
        self.assertEqual(self.texts(1), ["one\ntwo"])

    def test_dry_run_of_a_new_page(self):
        """Nothing is there to be taken away; `create` says what it will say."""
        edit_page(self.bot, self.title("old"), "one")
        new, old = self.title("new"), self.title("old")
        results = []
        jobs = [
            {"title": new, "append": "\nline"},
            {"title": new, "text": "x", "create": "never"},
            {"title": old, "text": "x", "create": "only"},
            {"title": old, "text": "x", "create": "never"},
            {"title": " ", "text": "x"},
        ]
        report = run_batch(self.bot, jobs, dry_run=True, on_result=results.append)
        self.assertEqual(report.counts, {"diff": 2, "error": 3})
        self.assertEqual(
            results[0].diff.split("\n")[2:], ["@@ -0,0 +1,2 @@", "+", "+line"]
        )
        done = run_batch(self.bot, jobs[1:], journal=self.journal)
        self.assertEqual(done.counts, {"saved": 1, "error": 3})
        told = [[r.error.partition(":")[0] for r in rows] for rows in (
            report.problems, done.problems)]
        self.assertEqual(told[0], ["missingtitle", "articleexists", "invalidtitle"])
        self.assertEqual(told[1], told[0])

    def test_what_is_no_text(self):
        """A dry run refuses it too, and both say in which job."""
        fine = {"title": self.title("j0"), "text": "x"}
        for name in ("text", "append", "prepend", "summary"):
            job = {"title": self.title("j1"), name: 5}
            if name == "summary":
                job["text"] = "x"
            for options in ({"dry_run": True}, {"journal": self.journal}):
                with self.subTest(name=name, **options):
                    with self.assertRaisesRegex(TypeError, "^job 2: %s must be str" % name):
                        run_batch(self.bot, [fine, job], **options)


class Resumed(BatchCase):
    """A run that was killed while an edit was on its way."""

    def landing(self, land):
        """Return a session before whose first edit `land()` is called."""

        def plan(body):
            if "action=edit" in body and not landed:
                landed.append(body)
                land()

        landed = []
        return self.session("bot", plan=plan, clock=FakeClock())

    def test_it_lands_while_it_is_sent_again(self):
        """The wiki refuses the second, which is not taken for somebody else's."""
        for number, way in enumerate(("append", "text")):
            for base in ("", "one"):
                title = self.title("%s%s" % (way, base))
                if base:
                    edit_page(self.bot, title, base)
                job = {"title": title, way: "\ntwo", "summary": "s"}
                journal = "%s-%s-%s" % (self.journal, way, base)
                self.crash([job], "before", journal=journal)

                def land(title=title, way=way):
                    edit_page(self.bot, title, summary="s", **{way: "\ntwo"})

                session = self.landing(land)
                report = run_batch(session, [job], journal=journal)
                self.assertEqual(report.counts, {"found": 1}, report)
                wanted = base + "\ntwo" if way == "append" else "\ntwo"
                self.assertEqual(self.text_of(self.bot, title), wanted)
                self.assertEqual(
                    len(self.revisions_of(self.bot, title)), 2 if base else 1
                )

    def test_new_sections(self):
        """One that landed is found; one that may be late is left, and done later."""
        edit_page(self.bot, self.title(), "top\n\nbody")
        job = {
            "title": self.title(), "text": "body", "section": "new", "section_title": "T",
        }
        jobs = [dict(job, key="a"), dict(job, key="b", section_title="U")]
        self.crash(jobs, "after")
        self.crash(jobs, "before")
        for _ in range(2):
            report = run_batch(self.bot, jobs, journal=self.journal)
            self.assertEqual(report.counts, {"skipped": 1, "unknown": 1})
            self.assertIn("which is not there and may", report.problems[0].error)
        text = "top\n\nbody\n\n== T ==\n\nbody"
        self.assertEqual(self.text_of(self.bot, self.title()), text)
        clock = FakeClock(self.bot.clock.now() + 3601)
        report = run_batch(self.session("bot", clock=clock), jobs, journal=self.journal)
        self.assertEqual(report.counts, {"skipped": 1, "saved": 1})
        text += "\n\n== U ==\n\nbody"
        self.assertEqual(self.text_of(self.bot, self.title()), text)

    def test_a_new_section_of_a_new_page(self):
        """The wiki lets nobody create a page twice: it may be sent again."""
        job = {
            "title": self.title(), "text": "body", "section": "new", "section_title": "T",
        }
        self.crash([job], "before")
        report = run_batch(self.bot, [job], journal=self.journal)
        self.assertEqual(report.counts, {"saved": 1})

    def test_more_revisions_than_are_looked_at(self):
        """What cannot be told is reported and left."""
        for fate, result in (("after", "found"), ("before", "unknown")):
            title = self.title(fate)
            edit_page(self.bot, title, "one")
            job = {"title": title, "append": "\ntwo", "summary": "s"}
            journal = self.journal + fate
            self.crash([job], fate, journal=journal)
            for number in range(4):
                edit_page(self.bot, title, prepend="%d\n\n" % number)
            before = self.text_of(self.bot, title)
            with mock.patch("wikistd.wiki.edit.MAX_LOOKUP_REVISIONS", 3):
                report = run_batch(self.bot, [job], journal=journal)
            self.assertEqual(report.counts, {result: 1})
            self.assertEqual(self.text_of(self.bot, title), before)

    def test_deleted_meanwhile(self):
        admin = self.session("admin")
        edit_page(self.bot, self.title(), "one")
        job = {"title": self.title(), "append": "\ntwo"}
        self.crash([job], "after")
        admin.post(action="delete", title=self.title())
        report = run_batch(self.bot, [job], journal=self.journal)
        self.assertIn(list(report.counts), (["saved"], ["unknown"]))

    @unittest.skipUnless(hasattr(signal, "SIGKILL"), "Windows kills in other ways")
    def test_processes_that_are_killed(self):
        """Each job is done once, whenever SIGTERM and SIGKILL come."""
        url = self.world.served_url()
        account = self.world.accounts["bot"]
        session = Session(url, USER_AGENT, formatversion=2)
        self.addCleanup(session.close)
        session.login(account["username"], account["password"])
        jobs = [
            {"title": self.title("k%d" % (n % 3)), "append": "\n* %d." % n, "key": str(n)}
            for n in range(24)
        ]
        script = (
            "import json, sys\n"
            "from wikistd import Session, run_batch\n"
            "url, agent, name, password, journal = sys.argv[1:]\n"
            "session = Session(url, agent)\n"
            "session.login(name, password)\n"
            "run_batch(session, json.load(sys.stdin), journal=journal,\n"
            "          on_result=lambda result: print(result.result, flush=True))\n"
        )
        arguments = [url, USER_AGENT, account["username"], account["password"]]
        for number in (signal.SIGTERM, signal.SIGKILL):
            run = subprocess.Popen(
                [sys.executable, "-c", script, *arguments, self.journal],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            with run:
                run.stdin.write(json.dumps(jobs).encode("ascii"))
                run.stdin.close()
                done = 0
                while done < 4:
                    line = run.stdout.readline()
                    self.assertTrue(line, "it ended by itself")
                    done += line != b"skipped\n"
                run.send_signal(number)
            self.assertEqual(run.returncode, -number)
        report = run_batch(session, jobs, journal=self.journal)
        self.assertEqual(sum(report.counts.values()), 24)
        self.assertEqual(report.problems, [])
        for page in range(3):
            lines = ["* %d." % n for n in range(page, 24, 3)]
            text = self.text_of(self.bot, self.title("k%d" % page))
            self.assertEqual(text.strip().split("\n"), lines)

    def test_undo_whose_answer_is_lost(self):
        edit_page(self.bot, self.title(), "old")
        run_batch(self.bot, [{"title": self.title(), "text": "new"}], journal=self.journal)
        plan = Losing("undo=", "before", "after")
        session = self.session("bot", plan=plan, clock=FakeClock())
        self.assertEqual(undo_batch(session, self.journal).counts, {"undone": 1})
        self.assertEqual(plan.fates, [])
        self.assertEqual(self.text_of(self.bot, self.title()), "old")
        self.assertEqual(len(self.revisions_of(self.bot, self.title())), 3)


class Journals(ContractCase):
    def test_another_run(self):
        """Two runs cannot share a journal, nor two users or wikis."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        journal = os.path.join(folder.name, "j")
        bot = self.session("bot")
        job = {"title": self.title(), "text": "x"}

        def again(result):
            with self.assertRaisesRegex(BlockingIOError, "in use by another run"):
                run_batch(bot, [job], journal=journal)

        run_batch(bot, [job], journal=journal, on_result=again)
        with self.assertRaisesRegex(ValueError, "is of "):
            run_batch(self.session("plain"), [job], journal=journal)

    def test_other_files(self):
        with tempfile.NamedTemporaryFile(delete=False) as file:
            self.addCleanup(os.remove, file.name)
            file.write(b'{"not": "ours"}\n')
        with self.assertRaisesRegex(ValueError, "is not a journal of a batch"):
            run_batch(self.session("bot"), [], journal=file.name)
        with open(file.name, "wb") as other:
            other.write(b"hello\n")
        with self.assertRaisesRegex(ValueError, "is not a journal of a batch"):
            run_batch(self.session("bot"), [], journal=file.name)

    def test_mistakes(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = os.path.join(folder, "j")
            for job, words in (
                ({"text": "x"}, "job 1 has no title"),
                ({"title": "X"}, "job 1 has none of text, append, prepend, transform"),
                (("X", "text"), "job 1 must be a mapping, not tuple"),
                ({"title": 5, "text": "x"}, "job 1: title must be str, not int"),
                (
                    {"title": "X", "text": "x", "append": "y"},
                    "job 1 has text and append: give one",
                ),
            ):
                with self.assertRaisesRegex(TypeError, words):
                    run_batch(self.session("bot"), [job], journal=journal)
        with self.assertRaisesRegex(TypeError, "journal is missing"):
            run_batch(self.session(), [])
