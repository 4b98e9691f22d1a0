#!/usr/bin/env python3
"""One job of a bot by one client, in a process of its own; for bench_wiki.py.

    wiki_jobs.py CLIENT URL USER PASSWORD JOB FILE < MODULES

MODULES is a JSON list of what to import before the clock starts: what an earlier run
of that client imported only while it was at work.  Prints a JSON object: seconds, CPU
seconds, peak memory in KB, what it got, and the modules imported within the clock.
"""

import importlib
import json
import sys
import time

AGENT = "wikistd-bench/1.0 (tests; https://example.org/wikistd)"
UPLOAD_COMMENT = "a file"
TEXTS = {
    "generator": "allpages",
    "prop": "revisions",
    "rvprop": "content",
    "rvslots": "main",
}
CHANGES = {
    "list": "recentchanges",
    "rclimit": "max",
    "rcprop": "title|ids|timestamp|user|comment|sizes|flags",
}
EDITS = 30

#: Where the titles begin that a bulk read over two connections fetches on its own.
RANGES = ["", "G", "N", "T"]


def size_of(page):
    return len(page["revisions"][0]["slots"]["main"]["content"])


class Place:
    """Where a job is done: the wiki, the account, the file to upload."""

    def __init__(self, url, user, password, path):
        self.url = url
        self.user = user
        self.password = password
        self.path = path
        self.stamp = str(time.time_ns())

    def title(self, number):
        return "Bench %s %d" % (self.stamp, number)

    def filename(self):
        return "Bench %s.bin" % self.stamp


def wikistd_client(place):
    from wikistd import Session, edit_page, query_pages, upload_file

    def run(job):
        with Session(place.url, AGENT, formatversion=2) as session:
            if job != "texts_anon":
                session.login(place.user, place.password)
            if job == "login":
                return session.user
            if job == "texts_two":
                from concurrent.futures import ThreadPoolExecutor

                with ThreadPoolExecutor(2) as executor:
                    pages = query_pages(session, executor=executor, ranges=RANGES, **TEXTS)
                    return sum(map(size_of, pages))
            if job.startswith("texts"):
                return sum(map(size_of, query_pages(session, **TEXTS)))
            if job == "changes":
                ahead = session.with_options(prefetch=True)
                replies = ahead.get(continuation=True, action="query", **CHANGES)
                return sum(len(d["query"]["recentchanges"]) for d in replies)
            if job == "edits":
                for number in range(EDITS):
                    edit_page(session, place.title(number), "text", create="only")
                return EDITS
            done = upload_file(session, place.path, place.filename(), comment=UPLOAD_COMMENT)
            return done.size

    return run


def mwapi_client(place):
    import logging

    import mwapi

    logging.disable(logging.CRITICAL)

    def run(job):
        session = mwapi.Session(place.url, user_agent=AGENT, formatversion=2)
        if job != "texts_anon":
            token = session.get(action="query", meta="tokens", type="login")
            session.post(
                action="login",
                lgname=place.user,
                lgpassword=place.password,
                lgtoken=token["query"]["tokens"]["logintoken"],
            )
        if job == "login":
            return place.user
        if job.startswith("texts"):
            found = {}
            limit = 50 if job == "texts_anon" else 500
            for document in session.get(
                continuation=True, action="query", gaplimit=limit, **TEXTS
            ):
                for page in document["query"]["pages"]:
                    if "revisions" in page:
                        found[page["title"]] = size_of(page)
            return sum(found.values())
        if job == "changes":
            replies = session.get(continuation=True, action="query", **CHANGES)
            return sum(len(d["query"]["recentchanges"]) for d in replies)
        csrf = session.get(action="query", meta="tokens")["query"]["tokens"]["csrftoken"]
        if job == "edits":
            for number in range(EDITS):
                session.post(
                    action="edit", title=place.title(number), text="text", token=csrf
                )
            return EDITS
        with open(place.path, "rb") as file:
            done = session.post(
                action="upload",
                filename=place.filename(),
                upload_file=file.read(),
                ignorewarnings=True,
                comment=UPLOAD_COMMENT,
                token=csrf,
            )
        return done["upload"]["imageinfo"]["size"]

    return run


def mwclient_client(place):
    import logging
    from urllib.parse import urlsplit

    import mwclient

    logging.disable(logging.CRITICAL)

    def run(job):
        site = mwclient.Site(
            urlsplit(place.url).netloc, scheme="http", path="/w/", clients_useragent=AGENT
        )
        if job != "texts_anon":
            site.login(place.user, place.password)
        if job == "login":
            return place.user

        def replies(asked):
            last = {"continue": ""}
            while True:
                document = site.get("query", formatversion=2, **asked, **last)
                yield document
                if "continue" not in document:
                    return
                last = document["continue"]

        if job.startswith("texts"):
            found = {}
            limit = 50 if job == "texts_anon" else 500
            for document in replies(dict(TEXTS, gaplimit=limit)):
                for page in document["query"]["pages"]:
                    if "revisions" in page:
                        found[page["title"]] = size_of(page)
            return sum(found.values())
        if job == "changes":
            return sum(len(d["query"]["recentchanges"]) for d in replies(CHANGES))
        if job == "edits":
            for number in range(EDITS):
                site.pages[place.title(number)].edit("text", summary="")
            return EDITS
        site.chunk_size = 1 << 30
        with open(place.path, "rb") as file:
            done = site.upload(file, place.filename(), UPLOAD_COMMENT, ignore=True)
        return done["imageinfo"]["size"]

    return run


def pywikibot_client(place):
    # Its configuration is in PYWIKIBOT_DIR: see write_pywikibot in bench_wiki.py.
    import pywikibot

    def run(job):
        site = pywikibot.Site()
        if job != "texts_anon":
            site.login()
        if job == "login":
            return place.user
        if job.startswith("texts"):
            return sum(len(page.text) for page in site.allpages(content=True))
        if job == "changes":
            return sum(1 for _ in site.recentchanges())
        if job == "edits":
            for number in range(EDITS):
                page = pywikibot.Page(site, place.title(number))
                page.text = "text"
                page.save(summary="text", quiet=True)
            return EDITS
        page = pywikibot.FilePage(site, place.filename())
        site.upload(
            page,
            source_filename=place.path,
            summary=UPLOAD_COMMENT,
            text=UPLOAD_COMMENT,
            ignore_warnings=True,
        )
        return page.latest_file_info.size

    return run


CLIENTS = {
    "wikistd": wikistd_client,
    "mwapi": mwapi_client,
    "mwclient": mwclient_client,
    "pywikibot": pywikibot_client,
}


def main():
    client, url, user, password, job, path = sys.argv[1:7]
    run = CLIENTS[client](Place(url, user, password, path))
    for name in json.load(sys.stdin):
        try:
            importlib.import_module(name)
        except Exception:  # Parts of packages that cannot be imported by their names.
            pass
    known = set(sys.modules)
    began, cpu_began = time.perf_counter(), time.process_time()
    got = run(job)
    seconds = time.perf_counter() - began
    cpu = time.process_time() - cpu_began
    # Not ru_maxrss: that begins with the memory of the process that forked this one.
    with open("/proc/self/status") as status:
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    result = {"seconds": seconds, "cpu": cpu, "rss": rss, "got": got}
    result["late"] = sorted(set(sys.modules) - known)
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
