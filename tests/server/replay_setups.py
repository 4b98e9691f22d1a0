"""What each recorded case needs before it, and between its exchanges.

BEFORE: cases whose requests are sent first. SETUPS: what is done to the wiki before a
case. STEPS: what is done before one exchange, by its number. SESSIONS: whose a recorded
session cookie is. READING: the cases whose answers tell what the wiki holds.
"""

from __future__ import annotations

from wikistd.server.actions_login import make_totp
from wikistd.server.custodian import block_user, delete_stored_page, protect_stored_page
from wikistd.server.records import Actor
from wikistd.server.titles import parse_title

from .replaying import make_png

READING = ("list_", "query_", "continue_", "errorformat_", "errors_", "format_", "search")

SESSIONS = {
    "0ooqaj4jb1k7daungibr93pbvdf2rcd2": ("PlainUser", "rig"),
    "r2vu4p2qacogb6q8lki4v331aa1hfa47": ("BotUser", "basic"),
}

TOTP_SECRET = "JBSWY3DPEHPK3PXP"
ADMIN = Actor(1, "Admin")


def protect_pages(store, replayer):
    """Protected pages, blacklists and recent changes that nobody patrolled."""
    store.save_page("Capture protected", "x", user="Admin")
    protect_stored_page(store, parse_title("Capture protected"),
                 [("edit", "sysop", None), ("move", "sysop", None)], ADMIN, "")
    protect_stored_page(store, parse_title("Capture uncreated"), [("create", "sysop", None)],
                 ADMIN, "")
    store.save_page("Capture page", "x", user="BotUser")
    store.site.title_blacklist = [
        "Capture blacklisted.* <errmsg=titleblacklist-forbidden-edit>"]
    store.site.spam_blacklist = ["badspam.example"]


def block_plain(store, replayer):
    """PlainUser is blocked for a day, and a range of addresses for ever."""
    now = store.now()
    block_user(store, Actor(6, "PlainUser"), ADMIN, "captured ✓", now + 86400, [])
    block_user(store, Actor(0, "192.0.2.0/24"), ADMIN, "", None,
               ["anononly", "nocreate"])


def make_act_pages(store, replayer):
    """The pages that the custodians' cases work on."""
    for title in ("Act one", "Act two", "Act three", "Talk:Act one", "Act one/Sub"):
        store.save_page(title, "text of " + title, user="Admin",
                        summary='Created page with "text of %s"' % title)


def edit_act_three(store, replayer):
    """BotUser was the last to edit Act three, after Admin."""
    make_act_pages(store, replayer)
    store.save_page("Act three", "vandalism", user="BotUser")


def name_change(store, replayer):
    """Say which of our changes is the one that the case wants to be patrolled."""
    revision = replayer.pairs["revision", 7870]
    change = store.db.value("SELECT id FROM change WHERE revision = ?", (revision,))
    replayer.pair("change", 7896, change, "the change of revision 7870")


def name_code(store, replayer):
    """Put the code of this moment into the request."""
    replayer.pairs["text", "498477"] = make_totp(TOTP_SECRET, store.now())


def limit_edits(store, replayer):
    """One edit a minute, and that one is made; the other limits as they were set."""
    store.site.rate_limits = {"edit": (1, 60), "move": (0, 60)}
    store.is_throttled("edit", "PlainUser", 1, 60)


def close_wiki(store, replayer):
    """The wiki takes no edits."""
    store.site.read_only = "The database is being moved, back at 12:00 ✓"


def lag(seconds, host):
    """Return a step that makes a replica lag."""
    def step(store, replayer):
        store.site.lag_seconds, store.site.lag_host = seconds, host

    return step


def throttle(count):
    """Return a step that allows so many wrong passwords a minute."""
    def step(store, replayer):
        store.site.login_throttle = (count, 60)

    return step


def second_step(value):
    """Return a step that sets what logging in as PlainUser needs besides."""
    def step(store, replayer):
        store.db.run("UPDATE account SET second_step = ? WHERE id = 6", (value,))

    return step


def forget_conflict(store, replayer):
    """Somebody else edits the page that the case is about."""
    store.clock_now = store.changes.clock_now = lambda later=store.now() + 1: later
    store.save_page("Capture page", "theirs", user="PlainUser")


def edit_elsewhere(title, old, new):
    """Return a step in which somebody else replaces words of a page."""
    def step(store, replayer):
        text = store.get_page(title).text
        store.save_page(title, text.replace(old, new), user="PlainUser")

    return step


def delete_as_admin(title):
    """Return a step in which a page is deleted."""
    def step(store, replayer):
        delete_stored_page(store, store.find_page(title), ADMIN, "")

    return step


def set_site(**values):
    """Return a step that turns switches of the wiki."""
    def step(store, replayer):
        for name, value in values.items():
            setattr(store.site, name, value)

    return step


UPLOADS = ("upload_success_and_warnings", "upload_errors")
BEFORE = {
    "edit_conflict": ("edit_results_and_errors",),
    "upload_errors": UPLOADS[:1],
    "upload_stash": UPLOADS,
    "file_download": UPLOADS[:1],
    "action_delete_undelete_protect": ("action_move",),
    "action_various": ("action_rollback_patrol",),
}
SETUPS = {
    "action_rollback_patrol": edit_act_three,
    "clientlogin_ui_totp": second_step(TOTP_SECRET),
    "action_move": make_act_pages,
    "permissions_anon": protect_pages,
    "permissions_plain": protect_pages,
    "permissions_blocked": block_plain,
    "permissions_blocked_partial": block_plain,
    "error_ratelimited": limit_edits,
    "error_readonly": close_wiki,
    "login_throttled": throttle(2),
    "clientlogin_ui_password_reset": second_step("reset"),
}
STEPS = {
    ("action_rollback_patrol", 4): name_change,
    ("clientlogin_ui_totp", 3): name_code,
    ("edit_conflict", 1): forget_conflict,
    ("edit_merge", 1): edit_elsewhere("Capture merge", "Paragraph 1\n", "Paragraph one\n"),
    ("edit_pagedeleted", 2): delete_as_admin("Capture deleted"),
    ("errors_maxlag", 3): lag(0, "rig-replica-1"),
    ("errors_maxlag", 5): lag(7.5, "rig-replica-1"),
    ("errors_maxlag", 9): lag(None, ""),
    ("upload_too_big_or_disabled", 0): set_site(max_upload_bytes=10000),
    ("upload_too_big_or_disabled", 2): set_site(uploads_enabled=False),
    ("clientlogin_ui_password_reset", 5): second_step("reset"),
}

#: Files of known contents, by size: a text, a picture with a script, a page.
PLAIN_FILES = {
    0: b"",
    16: b"not a picture..\n",
    38: b"<html><script>alert(1)</script></html>",
    272: (
        b"<mediawiki><page><title>Act imported</title><ns>0</ns><revision>"
        b"<timestamp>2020-01-01T00:00:00Z</timestamp><contributor><username>Someone"
        b"</username></contributor><text>imported</text></revision></page></mediawiki>"
    ),
    64: b"<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>",
}
#: Width, height and comment of the pictures, by the SHA-1 that the recordings have.
PICTURES = {
    "60209c517b6e50638c23925648995bfce5286d07": (40, 30, "rig cap0"),
    "8f96046beaa574c900c54f47ffbebc00feb7c3ee": (41, 30, "rig cap1"),
    "5fbd5a57156d192e1b4fddc1d6c6fd6630ae16b4": (42, 30, "rig cap2"),
    "24d6d3e1511d3d3ba4d6f19cfdf88664c2ee94f7": (33, 33, "rig stash"),
}
#: The whole picture of each case that sends one in chunks.
CHUNKED = {
    "upload_async": (200, 150, "rig async", 82437),
    "upload_chunked": (300, 250, "rig chunky", 208970),
    "upload_chunked_errors": (250, 260, "rig chunky2", 195899),
    "upload_too_big_or_disabled": (100, 100, "rig big", 114426),
}


def file_table(name, exchanges):
    """Return bytes for each file of a case, by its recorded SHA-1 and size."""
    table = {}
    whole = make_png(*CHUNKED[name]) if name in CHUNKED else b""
    for exchange in exchanges:
        for facts in exchange.get("files", {}).values():
            size, sha1 = facts["bytes"], facts["sha1"]
            offset = int(exchange["form"].get("offset", 0))
            if sha1 in PICTURES:
                width, height, comment = PICTURES[sha1]
                data = make_png(width, height, comment, size)
            elif size in PLAIN_FILES and not (size == 38 and whole):
                data = PLAIN_FILES[size]
            elif whole and "chunk" in exchange["files"]:
                data = whole[offset : offset + size]
                data += b"x" * (size - len(data))
            else:
                data = make_png(8, 8, "rig", size)
            table.setdefault((sha1, size), data)
    return table


