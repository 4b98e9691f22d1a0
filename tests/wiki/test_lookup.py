"""wikistd.wiki.lookup: telling one's own edit from others'."""

import unittest

from wikistd.wiki.lookup import (
    EditIntent,
    find_landed,
    is_stored_otherwise,
    judge_revision,
    revision_text,
    stored_text,
    text_digest,
)


def revision(content, revid=11, parentid=10, user="Bot", comment="why"):
    found = {"revid": revid, "parentid": parentid, "user": user, "comment": comment}
    if content is not None:
        found["slots"] = {"main": {"content": content}}
    return found


class Texts(unittest.TestCase):
    def test_as_stored(self):
        self.assertEqual(stored_text("e\u0301\r\nx \n\n"), "\u00e9\nx")
        self.assertEqual(text_digest("x\r\n"), text_digest("x"))

    def test_changed_by_saving(self):
        for text in ("~~~~", "{{subst:x}}", "{{ safesubst:x}}", "[[a (b)|]]", "[[|a]]"):
            self.assertTrue(is_stored_otherwise(text), text)
        for text in ("~~", "{{x}}", "[[a|b]]", "| ]]", "[[a]] | ]]"):
            self.assertFalse(is_stored_otherwise(text), text)

    def test_of_a_revision(self):
        self.assertEqual(revision_text(revision("x")), "x")
        self.assertEqual(revision_text({"content": "x"}), "x")
        self.assertIsNone(revision_text({"texthidden": True}))


class Judging(unittest.TestCase):
    def judge(self, intent, found):
        return judge_revision(intent, found, user="Bot", base_revid=10)

    def test_who_and_when(self):
        intent = EditIntent(text="x")
        self.assertEqual(self.judge(intent, revision("x")), "yes")
        self.assertEqual(self.judge(intent, revision("x", revid=10)), "no")
        self.assertEqual(self.judge(intent, revision("x", user="Ann")), "no")

    def test_summary(self):
        """It is cut by the wiki, and stands behind the section's name."""
        intent = EditIntent(append="x", summary="why\nso")
        self.assertEqual(
            self.judge(intent, revision("ax", comment="/* S */ why so")), "yes"
        )
        self.assertEqual(self.judge(intent, revision("ax", comment="other")), "no")
        long = EditIntent(append="x", summary="w" * 900)
        self.assertEqual(self.judge(long, revision("ax", comment="w" * 500)), "yes")
        hidden = revision("ax")
        del hidden["comment"]
        self.assertEqual(self.judge(intent, hidden), "yes")

    def test_whole_texts(self):
        intent = EditIntent(text="ours \r\n")
        self.assertEqual(self.judge(intent, revision("ours")), "yes")
        self.assertEqual(self.judge(intent, revision("other")), "no")
        merged = revision("ours and theirs", parentid=11, revid=12)
        self.assertEqual(self.judge(intent, merged), "maybe")

    def test_digest_of_a_whole_text(self):
        intent = EditIntent(text_sha1=text_digest("ours"))
        self.assertEqual(self.judge(intent, revision("ours\n")), "yes")
        self.assertEqual(self.judge(intent, revision("other")), "no")
        merged = revision("both", parentid=11, revid=12)
        self.assertEqual(self.judge(intent, merged), "maybe")

    def test_append_and_prepend(self):
        intent = EditIntent(append="\nend", prepend="start")
        self.assertEqual(self.judge(intent, revision("start, end")), "no")
        self.assertEqual(self.judge(intent, revision("start\nend")), "yes")
        self.assertEqual(self.judge(intent, revision("other\nend")), "no")

    def test_sections(self):
        intent = EditIntent(text="== S ==\nnew", section="1")
        self.assertEqual(self.judge(intent, revision("a\n== S ==\nnew\n== T ==")), "yes")
        self.assertEqual(self.judge(intent, revision("a\n== S ==\nold")), "no")
        intent = EditIntent(append="more", prepend="less", section="1")
        self.assertEqual(self.judge(intent, revision("a less b more c")), "yes")
        self.assertEqual(self.judge(intent, revision("a less b")), "no")

    def test_new_sections(self):
        """They are the end of the page, whoever edited in between."""
        intent = EditIntent(text="ok", section="new", section_title=" T ")
        for content, verdict in (
            ("a\n\n== T ==\n\nok", "yes"),
            ("a ok\n\n== T ==\n\nmore", "no"),
            ("a\n\n== U ==\n\nok", "no"),
            ("a\n\n== T ==\n\nno\nok", "no"),
        ):
            self.assertEqual(self.judge(intent, revision(content)), verdict, content)
            late = revision(content, revid=13, parentid=12)
            self.assertEqual(self.judge(intent, late), verdict, content)
        untitled = EditIntent(text="ok", section="new")
        self.assertEqual(self.judge(untitled, revision("a\n\nok")), "yes")
        signed = intent._replace(section_title="by ~~~")
        self.assertEqual(self.judge(signed, revision("a\n\n== by X ==\n\nok")), "maybe")

    def test_text_that_tells_nothing(self):
        self.assertEqual(self.judge(EditIntent(append="~~~~"), revision("x")), "maybe")
        self.assertEqual(self.judge(EditIntent(append="x"), revision(None)), "maybe")


class Finding(unittest.TestCase):
    def find(self, intent, *revisions):
        return find_landed(intent, revisions, user="Bot", base_revid=10)

    def test_sure(self):
        ours = revision("ours", revid=12, parentid=11)
        found = self.find(EditIntent(text="ours"), revision("other"), ours)
        self.assertIs(found, ours)
        self.assertIsNone(self.find(EditIntent(text="ours"), revision("other")))
        self.assertIsNone(self.find(EditIntent(text="ours")))

    def test_the_only_one(self):
        """One that may be it, right after the base or with the summary, is it."""
        signed = revision("x me")
        self.assertIs(self.find(EditIntent(append="~~~~"), signed), signed)
        later = revision("x me", revid=12, parentid=11)
        intent = EditIntent(append="~~~~", summary="why")
        self.assertIs(self.find(intent, later), later)

    def test_unknowable(self):
        later = revision("x me", revid=12, parentid=11)
        with self.assertRaisesRegex(LookupError, "1 revisions by Bot"):
            self.find(EditIntent(append="~~~~"), later)
        with self.assertRaisesRegex(LookupError, "2 revisions by Bot"):
            self.find(EditIntent(append="~~~~"), later, revision("y"))
