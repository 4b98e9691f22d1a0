"""The wiki that the recorded cases began with, as far as their answers tell of it.

`build_wiki` reads the recorded answers to questions that change nothing and writes the
pages, revisions, changes, log entries, users and files they show, with their ids and
times, into a store. Where an answer shows a page without its text, links and
categories are written as rows; where it shows the text, the store's own reading of it
makes them. Titles and ids that only a `continue` token names are there too.
"""

from __future__ import annotations

import calendar
import hashlib
import html
import json
import re
import time
from urllib.parse import parse_qs, urlsplit

from wikistd.server.markup import find_links, sort_url
from wikistd.server.store import PageStore
from wikistd.server.titles import parse_title, title_text

from .replaying import OLD_IDS

NOW = 1795166980
BOT_PASSWORD = "rig0bot0password0000000000000001"
USERS = (
    (1, "Admin", "rig-Admin-pw-2026", "bureaucrat interface-admin sysop"),
    (2, "MediaWiki default", "", ""),
    (4, "Abuse filter", "", "sysop"),
    (5, "BotUser", "rig-BotUser-pw-2026", "bot"),
    (6, "PlainUser", "rig-PlainUser-pw-2026", ""),
    (7, "Ünï Côdé ボット", "rig-Ünï-pw-2026", ""),
)


def seconds(text):
    """Return the seconds of an ISO time or of 14 digits."""
    form = "%Y%m%d%H%M%S" if text.isdigit() else "%Y-%m-%dT%H:%M:%SZ"
    return calendar.timegm(time.strptime(text, form))


class Facts:
    """What the answers tell."""

    def __init__(self):
        self.pages = {}
        self.titles = {}
        self.revisions = {}
        self.changes = {}
        self.logs = {}
        self.links = {}
        self.members = {}
        self.categories = {}
        self.texts = {}
        self.redirects = {}
        self.files = {}
        self.outlinks = {}
        self.taken = set()
        self.old_pages = {}
        self.found = {}

    def spare(self, kind):
        """Return an id that no answer names."""
        used = {"page": self.pages, "revision": self.revisions}[kind]
        number = next(each for each in range(OLD_IDS[kind], 0, -1) if each not in used
                      and each not in self.taken)
        self.taken.add(number)
        return number

    def note_page(self, entry):
        """Take in any object with pageid, ns and title."""
        number, title = entry.get("pageid"), entry.get("title")
        if not number or title is None or number > OLD_IDS["page"]:
            return
        page = self.pages.setdefault(number, {"title": title})
        self.titles[title] = number
        for name in ("touched", "lastrevid", "length", "new", "redirect"):
            if name in entry:
                page[name] = entry[name]
        for revision in entry.get("revisions", ()):
            self.note_revision(number, revision)
        for link in entry.get("links", ()):
            self.links.setdefault(number, set()).add((link["ns"], link["title"]))
        for category in entry.get("categories", ()):
            self.members.setdefault(category["title"], {})[number] = {}

    def note_revision(self, page, entry):
        """Take in one revision of a page."""
        number = entry.get("revid")
        if not number or number > OLD_IDS["revision"]:
            return
        revision = self.revisions.setdefault(number, {"page": page})
        if page is not None:
            revision["page"] = page
        for name, value in entry.items():
            if name not in ("slots", "content", "*"):
                revision[name] = value
        slot = entry.get("slots", {}).get("main", {})
        for holder in (entry, slot):
            for name in ("content", "*"):
                if name in holder:
                    revision["text"] = holder[name]
        if "minor" in revision and revision["minor"] == "":
            revision["minor"] = True

    def walk(self, value, name=""):
        """Take in everything below one value of an answer."""
        if isinstance(value, dict):
            self.note_page(value)
            if "rcid" in value and value["rcid"] <= OLD_IDS["change"]:
                self.changes.setdefault(value["rcid"], {}).update(value)
            if "logid" in value and "logtype" not in value:
                if value["logid"] <= OLD_IDS["log"]:
                    self.logs.setdefault(value["logid"], {}).update(value)
            for key, each in value.items():
                self.walk(each, key)
        elif isinstance(value, list):
            for each in value:
                if name == "usercontribs":
                    self.note_revision(each["pageid"], dict(each, newest=each.get("top")))
                if name == "redirects" and isinstance(each, dict):
                    self.redirects[each["from"]] = each["to"]
                if name == "exturlusage":
                    self.outlinks.setdefault(each["pageid"], []).append(each["url"])
                if name == "search":
                    self.note_found(each)
                if name == "results" and "timestamp" in each:
                    self.old_pages[each["title"]] = each["timestamp"]
                if name == "allcategories" and "category" in each:
                    self.categories.setdefault(each["category"], {}).update(each)
                if name == "allimages":
                    self.files.setdefault(each["name"], {}).update(each)
                self.walk(each, name)

    def note_found(self, entry):
        """Take in a page that a search found, with words of its text."""
        number = entry["pageid"]
        self.note_page(entry)
        page = self.pages[number]
        if "timestamp" in entry:
            page.update(length=entry["size"], found_at=entry["timestamp"])
            words = re.sub(r"</?span[^>]*>", "", entry["snippet"])
            words = html.unescape(words)
            count = entry["wordcount"] - len(re.findall(r"\w+", words))
            page["text"] = words + "w " * count

    def read(self, exchange):
        """Take in one recorded answer to a GET."""
        if exchange["method"] != "GET" or not exchange["answer"].startswith("{"):
            return
        document = json.loads(exchange["answer"])
        query = document.get("query")
        if not isinstance(query, dict):
            return
        self.walk(query)
        params = parse_qs(urlsplit(exchange["target"]).query)
        self.note_params(params, query)
        for name, token in document.get("continue", {}).items():
            self.note_token(name, str(token), params)

    def note_params(self, params, query):
        """Take in what only the question tells of an answer."""
        title = params.get("cmtitle", params.get("gcmtitle", [""]))[0]
        entries = query.get("categorymembers")
        if entries is None and "gcmtitle" in params:
            pages = query.get("pages", {})
            entries = list(pages.values()) if isinstance(pages, dict) else pages
        for entry in entries or () if title else ():
            members = self.members.setdefault(title, {})
            members.setdefault(entry["pageid"], {}).update(
                {name: entry[name] for name in ("timestamp",) if name in entry})
        if "srsearch" in params:
            self.found[params["srsearch"][0]] = query["searchinfo"]["totalhits"]
        for position, entry in enumerate(query.get("alllinks", ())):
            link = (entry["ns"], entry["title"])
            self.links.setdefault(2 + position, set()).add(link)
        for entry in query.get("embeddedin", ()):
            template = parse_title(params["eititle"][0])
            self.links.setdefault(("template", entry["pageid"]), set()).add(
                (template.namespace, title_text(10, template.key)))
        for entry in query.get("allimages", ()):
            self.files.setdefault(entry["name"], {}).update(entry)
        pages = query.get("pages", [])
        for page in pages.values() if isinstance(pages, dict) else pages:
            for info in page.get("imageinfo", ()):
                name = page["title"].partition(":")[2].replace(" ", "_")
                self.files.setdefault(name, {}).update(info)

    def note_token(self, name, token, params):
        """Take in what comes next."""
        parts = token.split("|")
        if name in ("apcontinue", "gapcontinue"):
            self.titles.setdefault(token.replace("_", " "), None)
        elif name == "accontinue":
            self.categories.setdefault(token.replace("_", " "), {})
        elif name == "aicontinue":
            self.files.setdefault(token, {})
        elif name == "plcontinue" and len(parts) == 3:
            link = (int(parts[1]), parts[2].replace("_", " "))
            self.links.setdefault(int(parts[0]), set()).add(link)
        elif name in ("cmcontinue", "gcmcontinue"):
            title = params.get("cmtitle", params.get("gcmtitle"))[0]
            sortkey = bytes.fromhex(parts[1]).decode("utf-8")
            self.members.setdefault(title, {}).setdefault(int(parts[2]), {})["key"] = sortkey
        elif name == "rccontinue":
            change = self.changes.setdefault(int(parts[1]), {})
            change["when"] = seconds(parts[0])
            if params.get("rctype", ["log"])[0].startswith("edit|nope"):
                change["type"] = "edit"
        elif name in ("uccontinue", "arvcontinue"):
            entry = {"revid": int(parts[1]), "timestamp": parts[0]}
            if name == "uccontinue":
                entry["user"] = params["ucuser"][0]
            self.note_revision(None, entry)
        elif name == "lecontinue":
            self.logs.setdefault(int(parts[1]), {})["when"] = seconds(parts[0])
        elif name == "alcontinue":
            link = (0, parts[0].replace("_", " "))
            self.links.setdefault(int(parts[1]), set()).add(link)
        elif name == "eucontinue":
            url = re.sub(r"//org\.example\./", "//example.org/", parts[0])
            self.outlinks.setdefault(int(parts[1]), []).append(url)
        elif name == "eicontinue":
            template = parse_title(params["eititle"][0])
            self.links.setdefault(("template", int(parts[1])), set()).add(
                (10, title_text(10, template.key)))


def collect_facts(cases, names):
    """Return what the answers of the named cases tell."""
    facts = Facts()
    for name in names:
        for exchange in cases.get(name, ()):
            facts.read(exchange)
    return facts


def build_wiki(facts):
    """Return a store that holds what the facts say."""
    store = PageStore(now=lambda: NOW)
    db = store.db
    with db.transaction():
        write_users(store)
        write_pages(store, facts)
        write_changes(store, facts)
        write_files(store, facts)
        for table, last in (("page", OLD_IDS["page"]), ("revision", OLD_IDS["revision"]),
                            ("change", OLD_IDS["change"]), ("log", OLD_IDS["log"])):
            db.run("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            db.run("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, last))
    store.site.name = "Rig Wiki"
    store.site.wiki_id = "rigwiki"
    store.site.generator = "MediaWiki 1.39.17"
    store.site.login_throttle = (5000, 300)
    store.site.max_upload_bytes = 1024 ** 3
    store.changes.announce()
    return store


def write_users(store):
    """Write the accounts and the bot passwords of the recordings."""
    db = store.db
    for number, name, password, groups in USERS:
        when = 1795166620 if number <= 2 else 1795166622
        store.accounts.create(name, "", groups.split(), when)
        db.run("UPDATE membership SET account = ? WHERE account ="
               " (SELECT id FROM account WHERE name = ?)", (number + 1000, name))
        db.run("UPDATE account SET id = ? WHERE name = ?", (number + 1000, name))
        if password:
            store.accounts.set_password(number + 1000, password)
    db.run("UPDATE account SET id = id - 1000")
    db.run("UPDATE membership SET account = account - 1000")
    db.run("UPDATE account SET edits = 3896 WHERE name = 'BotUser'")
    db.run("UPDATE account SET edits = 1161 WHERE id = 7")
    store.create_bot_password("BotUser", "rig", BOT_PASSWORD)
    store.create_bot_password("BotUser", "readonly", BOT_PASSWORD[:-1] + "2",
                              addresses="192.0.2.0/24")
    store.create_bot_password("BotUser", "basic", BOT_PASSWORD[:-1] + "3", grants=[])
    store.create_bot_password("PlainUser", "rig", BOT_PASSWORD[:-1] + "4")


def write_pages(store, facts):
    """Write pages, their revisions and what they link to."""
    db = store.db
    number_of = {title: number for title, number in facts.titles.items() if number}
    for title in sorted(facts.titles):
        if facts.titles[title] is None and title not in number_of:
            number = facts.spare("page")
            facts.pages[number] = {"title": title}
            number_of[title] = number
    texts = [each["text"] for each in facts.revisions.values() if "text" in each]
    for template in {each for text in texts for each in find_links(text).templates}:
        store.db.run("INSERT INTO page VALUES (?, 10, ?, NULL, 0, 0, ?, 0, 'wikitext')",
                     (facts.spare("page"), template.key, NOW))
    for title, when in facts.old_pages.items():
        facts.pages[facts.spare("page")] = {"title": title, "found_at": when}
    for words, hits in facts.found.items():
        known = sum(words in page["title"].lower() for page in facts.pages.values())
        for position in range(hits - known):
            facts.pages[facts.spare("page")] = {"title": "🧿 %s %d" % (words, position)}
    upper = {}
    for links in facts.links.values():
        for _, target in links:
            upper[target.upper()] = target
    for members in facts.members.values():
        for number, entry in members.items():
            if number not in facts.pages and "key" in entry:
                title = upper.get(entry["key"], entry["key"].capitalize())
                facts.pages[number] = {"title": title}
    facts.taken |= {page["lastrevid"] for page in facts.pages.values()
                    if "lastrevid" in page}
    for number, revision in sorted(facts.revisions.items()):
        if revision["page"] is None:
            spare = facts.spare("page")
            facts.pages[spare] = {"title": "🧿 spare %d" % number, "lastrevid": number}
            revision["page"] = spare
    latest = {}
    for number, revision in sorted(facts.revisions.items()):
        latest[revision["page"]] = number
    owners = [key[1] if isinstance(key, tuple) else key for key in facts.links]
    for owner in [*owners, *facts.outlinks]:
        if owner not in facts.pages:
            facts.pages[owner] = {"title": "🧿 linking %d" % owner}
    for number, page in sorted(facts.pages.items()):
        write_page(store, facts, number, page, latest.get(number))
    write_memberships(store, facts)
    for number, links in facts.links.items():
        kind, owner = number if isinstance(number, tuple) else ("page", number)
        for namespace, title in links:
            key = parse_title(title).key
            db.run("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?, 0)",
                   (kind, owner, namespace, key))


def write_page(store, facts, number, page, newest):
    """Write one page with its newest revision, with others that are known."""
    db = store.db
    title = parse_title(page["title"])
    last = page.get("lastrevid") or newest or facts.spare("revision")
    own = {key: each for key, each in facts.revisions.items() if each["page"] == number}
    own.setdefault(last, {"page": number})
    if "found_at" in page:
        own[last].setdefault("timestamp", page["found_at"])
    text = own[last].get("text", page.get("text"))
    redirect = facts.redirects.get(page["title"])
    if text is None and redirect is not None:
        text = "#REDIRECT [[%s]]" % redirect
    touched = seconds(page["touched"]) if "touched" in page else NOW - 5 * 86400
    size = page.get("length", len((text or "").encode("utf-8")))
    is_new = "new" in page or "touched" not in page
    db.run("INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'wikitext')",
           (number, title.namespace, title.key, redirect, last, size, touched,
            int(is_new)))
    for key, revision in sorted(own.items()):
        write_revision(store, number, key, revision, text if key == last else None)
    if text is not None:
        store.links.update(number, title, find_links(text), touched)
    for position, url in enumerate(facts.outlinks.get(number, ())):
        db.run("INSERT OR IGNORE INTO outlink VALUES (?, ?, ?, ?)",
               (number, 100 + position, url, sort_url(url)))


def write_revision(store, page, number, revision, text):
    """Write one revision."""
    body = revision.get("text", text) or ""
    data = body.encode("utf-8")
    content = store.db.run("INSERT INTO content (body) VALUES (?)", (body,))
    user = revision.get("user", "BotUser")
    account = {name: key for key, name, *_ in USERS}.get(user, 0)
    when = revision.get("timestamp")
    if when is None:
        when = store.db.value("SELECT touched FROM page WHERE id = ?", (page,))
    else:
        when = seconds(when)
    store.db.run(
        "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'wikitext', ?, '', ?)",
        (number, page, revision.get("parentid", 0), when, account, user,
         revision.get("comment", ""), int(bool(revision.get("minor"))),
         revision.get("size", len(data)),
         revision.get("sha1", hashlib.sha1(data).hexdigest()), content, ""))


def write_memberships(store, facts):
    """Write who is in which category, and how many each has."""
    db = store.db
    for title, members in facts.members.items():
        key = parse_title(title).key
        for number, entry in members.items():
            page = facts.pages.get(number)
            if page is None:
                continue
            sortkey = entry.get("key", parse_title(page["title"]).text.upper())
            when = entry.get("timestamp", "2026-11-20T09:24:17Z")
            db.run("INSERT OR REPLACE INTO category_member VALUES (?, ?, 'page', ?, '', ?)",
                   (number, key, sortkey, seconds(when)))
    for name, entry in facts.categories.items():
        key = name.replace(" ", "_")
        db.run("INSERT OR REPLACE INTO category VALUES (?, ?, 0, 0)",
               (key, entry.get("size", 1)))


def write_changes(store, facts):
    """Write recent changes and log entries."""
    db = store.db
    for number, change in sorted(facts.changes.items()):
        title = parse_title(change.get("title", "🧿 spare change"))
        when = seconds(change["timestamp"]) if "timestamp" in change else change["when"]
        db.run(
            "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?, ?,"
            " ?, ?, ?, ?)",
            (number, when, change.get("type", "new"), title.namespace, title.key,
             change.get("pageid", 0), change.get("revid", 0), change.get("old_revid", 0),
             change.get("userid", 5), change.get("user", "BotUser"),
             change.get("comment", ""), int(bool(change.get("bot"))),
             change.get("oldlen"), change.get("newlen"), change.get("logid", 0),
             change.get("logtype", ""), change.get("logaction", ""),
             json.dumps(change.get("logparams", {})), " ".join(change.get("tags", ()))))
        if change.get("sha1"):
            db.run("UPDATE revision SET sha1 = ? WHERE id = ?",
                   (change["sha1"], change["revid"]))
    for number, entry in sorted(facts.logs.items()):
        title = parse_title(entry.get("title", "🧿 spare log"))
        when = seconds(entry["timestamp"]) if "timestamp" in entry else entry["when"]
        db.run("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               (number, when, entry.get("type", "upload"), entry.get("action", "upload"),
                title.namespace, title.key, entry.get("logpage", 0), 5, "BotUser",
                entry.get("comment", ""), json.dumps(entry.get("params", {})),
                " ".join(entry.get("tags", ()))))


def write_files(store, facts):
    """Write the files, without their bytes."""
    for name, entry in sorted(facts.files.items()):
        comment = ""
        for part in entry.get("metadata") or ():
            if part["name"] == "metadata":
                comment = part["value"][0]["value"][0]["value"]
        metadata = {"frameCount": 0, "loopCount": 1, "duration": 0, "bitDepth": 8,
                    "colorType": "truecolour", "comment": comment}
        when = seconds(entry.get("timestamp", "2026-11-20T09:23:59Z"))
        store.db.run(
            "INSERT INTO file VALUES (?, ?, 1, '', ?, ?, ?, 8, 'image/png', 'BITMAP', ?,"
            " ?, 5, 'BotUser', ?, x'')",
            (name, when, entry.get("size", 0), entry.get("width", 1),
             entry.get("height", 1), json.dumps(metadata), entry.get("sha1", ""),
             entry.get("comment", "")))

