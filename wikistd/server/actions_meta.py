"""What action=query tells of the wiki and of the client: siteinfo, userinfo, tokens.

In: a ModuleRun.  Out: values of the query's result.
Holds: nothing.
Spec: MediaWiki 1.39's meta modules.  Not here: logging in (actions_login.py).
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List

from .accounts import GROUP_RIGHTS, IMPLICIT_GROUPS, list_rights
from .actions_account import query_authmanagerinfo
from .actions_formats import PlainBool
from .actions_options import DEFAULT_OPTIONS, read_options
from .actions_query import ModuleRun, QueryModule
from .actions_select import pick
from .actions_users import find_block, show_block, show_memberships
from .files import MEDIA_TYPES
from .records import format_time
from .titles import (
    INTERWIKI_PREFIXES,
    NAMESPACE_ALIASES,
    NAMESPACE_NAMES,
    SPECIAL_PAGE_NAMES,
)

URL_PROTOCOLS = (
    "bitcoin: ftp:// ftps:// geo: git:// gopher:// http:// https:// irc:// ircs:// "
    "magnet: mailto: matrix: mms:// news: nntp:// redis:// sftp:// sip: sips: sms: "
    "ssh:// svn:// tel: telnet:// urn: worldwind:// xmpp: //"
).split()


def _site_general(run: ModuleRun) -> Dict[str, Any]:
    import sqlite3

    call, site = run.call, run.store.site
    host = call.request.host_url
    thumbs = [120, 150, 180, 200, 250, 300]
    sizes = "320x240 640x480 800x600 1024x768 1280x1024 2560x2048"
    shapes = [
        {"width": int(width), "height": int(height)}
        for width, height in (size.split("x") for size in sizes.split())
    ]
    is_new = call.version >= 2
    said: Dict[str, Any] = {
        "mainpage": site.main_page,
        "base": call.page_url(site.main_page),
        "sitename": site.name,
        "mainpageisdomainroot": False,
        "logo": host + "/w/resources/assets/change-your-logo.svg",
        "generator": site.generator,
        "phpversion": "8.2.0",
        "phpsapi": "fpm-fcgi",
        "dbtype": "sqlite",
        "dbversion": sqlite3.sqlite_version,
        "imagewhitelistenabled": False,
        "langconversion": True,
        "linkconversion": True,
        "titleconversion": True,
        "linkprefixcharset": "",
        "linkprefix": "",
        "linktrail": "/^([a-z]+)(.*)$/sD",
        "legaltitlechars": " %!\"$&'()*,\\-.\\/0-9:;=?@A-Z\\\\^_`a-z~\\x80-\\xFF+",
        "invalidusernamechars": "@:>",
        "allunicodefixes": False,
        "fixarabicunicode": True,
        "fixmalayalamunicode": True,
        "case": "first-letter",
        "lang": site.language,
        "fallback": [],
        "rtl": False,
        "fallback8bitEncoding": "windows-1252",
        "readonly": bool(site.read_only),
        "writeapi": True,
        "maxarticlesize": site.max_article_bytes,
        "timezone": "UTC",
        "timeoffset": 0,
        "articlepath": "/wiki/$1",
        "scriptpath": "/w",
        "script": "/w/index.php",
        "variantarticlepath": PlainBool(False),
        "server": host,
        "servername": host.partition("://")[2].rpartition(":")[0] or host,
        "wikiid": site.wiki_id,
        "time": format_time(call.now),
        "misermode": False,
        "uploadsenabled": site.uploads_enabled,
        "maxuploadsize": site.max_upload_bytes,
        "minuploadchunksize": site.min_chunk_bytes,
        "galleryoptions": {
            "imagesPerRow": 0,
            "imageWidth": 120,
            "imageHeight": 120,
            "captionLength": True,
            "showBytes": True,
            "showDimensions": True,
            "mode": "traditional",
        },
        "thumblimits": dict(enumerate(thumbs)) if is_new else thumbs,
        "imagelimits": dict(enumerate(shapes)) if is_new else shapes,
        "favicon": host + "/favicon.ico",
        "centralidlookupprovider": "local",
        "allcentralidlookupproviders": ["local"],
        "interwikimagic": True,
        "magiclinks": {"ISBN": False, "PMID": False, "RFC": False} if is_new else [],
        "categorycollation": "uppercase",
        "nofollowlinks": True,
        "nofollownsexceptions": [],
        "nofollowdomainexceptions": ["mediawiki.org"],
        "externallinktarget": False,
    }
    if site.read_only:
        said["readonlyreason"] = site.read_only
    return said


def _site_namespaces(run: ModuleRun) -> Dict[str, Any]:
    shown: Dict[str, Any] = {}
    for number, name in NAMESPACE_NAMES.items():
        entry: Dict[str, Any] = {
            "id": number,
            "case": "first-letter",
            run.call.text_key("name"): name,
            "subpages": number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15),
            "content": number == 0,
            "nonincludable": False,
        }
        if number:
            entry["canonical"] = name
        if number == 8:
            entry["namespaceprotection"] = "editinterface"
        shown[str(number)] = entry
    return shown


def _site_statistics(run: ModuleRun) -> Dict[str, Any]:
    value = run.store.db.value
    return {
        "pages": value("SELECT COUNT(*) FROM page"),
        "articles": value(
            "SELECT COUNT(*) FROM page WHERE ns = 0 AND redirect IS NULL"
        ),
        "edits": value("SELECT COUNT(*) FROM revision"),
        "images": value("SELECT COUNT(*) FROM file WHERE is_current = 1"),
        "users": value("SELECT COUNT(*) FROM account"),
        "activeusers": value(
            "SELECT COUNT(DISTINCT account) FROM change WHERE account > 0 AND time > ?",
            (run.call.now - 30 * 86400,),
        ),
        "admins": value("SELECT COUNT(*) FROM membership WHERE name = 'sysop'"),
        "jobs": 0,
    }


def query_siteinfo(run: ModuleRun) -> None:
    """Answer meta=siteinfo."""
    call = run.call
    name_key = call.text_key("name")
    values: Dict[str, Any] = {
        "namespacealiases": [
            {"id": number, call.text_key("alias"): alias[0].upper() + alias[1:]}
            for alias, number in NAMESPACE_ALIASES.items()
        ],
        "specialpagealiases": [
            {"realname": name, "aliases": [name]}
            for name in sorted(SPECIAL_PAGE_NAMES.values())
        ],
        "interwikimap": [
            {"prefix": prefix, "url": url, "protorel": False, "api": ""}
            for prefix, url in sorted(INTERWIKI_PREFIXES.items())
        ],
        "dbrepllag": [{"host": "", "lag": -1}],
        "usergroups": [
            {"name": group, "rights": list_rights([group])} for group in GROUP_RIGHTS
        ],
        "fileextensions": [{"ext": each} for each in MEDIA_TYPES],
        "rightsinfo": {"url": "", "text": ""},
        "restrictions": {
            "types": ["create", "edit", "move", "upload"],
            "levels": ["", "autoconfirmed", "sysop"],
            "cascadinglevels": ["sysop"],
            "semiprotectedlevels": ["autoconfirmed"],
        },
        "languages": [{"code": "en", "bcp47": "en", name_key: "English"}],
        "languagevariants": {},
        "skins": [{"code": "plain", "default": True, name_key: "Plain"}],
        "extensiontags": ["<pre>", "<nowiki>"],
        "protocols": URL_PROTOCOLS,
        "defaultoptions": DEFAULT_OPTIONS,
        "uploaddialog": {},
    }
    made: Dict[str, Callable[[ModuleRun], Dict[str, Any]]] = {
        "general": _site_general,
        "namespaces": _site_namespaces,
        "statistics": _site_statistics,
    }
    for name in run.args["prop"]:  # of the others there is nothing here
        shown = made[name](run) if name in made else values.get(name, [])
        run.query.result[name] = shown


def query_tokens(run: ModuleRun) -> None:
    """Answer meta=tokens."""
    call = run.call
    kinds = run.args["type"]
    if {"login", "createaccount"} & set(kinds):
        call.ensure_session()
    accounts = run.store.accounts
    run.query.result["tokens"] = {
        kind + "token": accounts.token(call.requester, kind, call.now) for kind in kinds
    }


RATE_LIMITS: Dict[str, Dict[str, Any]] = {
    "ip": {
        "edit": (8, 60),
        "upload": (8, 60),
        "mailpassword": (5, 3600),
        "emailuser": (5, 86400),
        "purge": (30, 60),
        "linkpurge": (30, 60),
        "renderfile": (700, 30),
        "renderfile-nonstandard": (70, 30),
        "stashedit": (30, 60),
        "stashbasehtml": (5, 60),
        "changetag": (8, 60),
    },
    "user": {
        "edit": (90, 60),
        "move": (8, 60),
        "rollback": (10, 60),
        "emailuser": (20, 86400),
        "changeemail": (4, 86400),
        "confirmemail": (4, 86400),
        "purge": (30, 60),
        "linkpurge": (30, 60),
        "renderfile": (700, 30),
        "renderfile-nonstandard": (70, 30),
        "editcontentmodel": (8, 60),
    },
}


def _rate_limits(run: ModuleRun) -> Dict[str, Any]:
    kind = "user" if run.call.requester.account else "ip"
    limits = dict(RATE_LIMITS[kind])
    limits.update(run.store.site.rate_limits)
    return {
        action: {kind: {"hits": hits, "seconds": seconds}}
        for action, (hits, seconds) in limits.items()
    }


def query_userinfo(run: ModuleRun) -> None:
    """Answer meta=userinfo."""
    call, requester, props = run.call, run.call.requester, run.args["prop"]
    account, store = requester.account, run.store
    edits, email, registered = store.db.one(
        "SELECT edits, email, registered FROM account WHERE id = ?", (account,)
    ) or (0, "", None)
    said: Dict[str, Any] = {"id": account, "name": requester.name}
    if not account:
        said["anon"] = True
    if "blockinfo" in props:
        said.update(show_block(call, find_block(call, account, requester.name)))
    options = {
        name: PlainBool(value) if isinstance(value, bool) else value
        for name, value in read_options(store, account).items()
    }
    limits = _rate_limits(run)
    dates = store.accounts.memberships(account, call.now)
    rights = [each for each in list_rights(requester.groups) if requester.may(each)]
    said.update(
        pick(
            props,
            groups=list(requester.groups),
            groupmemberships=show_memberships(dates),
            implicitgroups=list(IMPLICIT_GROUPS) if account else ["*"],
            rights=rights,
            changeablegroups=_changeable_groups(run),
            options=options,
            editcount=edits,
            ratelimits={} if call.may("noratelimit") else limits,
            theoreticalratelimits=limits,
            realname="",
            acceptlang=_accepted_languages(run),
            unreadcount=0,
            messages=False,
            centralids={"local": account},
            attachedlocal={"local": bool(account)},
        )
    )
    if call.may("viewmyprivateinfo"):
        said.update(pick(props, email=email))
    latest = store.db.value(
        "SELECT MAX(time) FROM revision WHERE user = ? AND account > 0",
        (requester.name,),
    )
    for name, when in (("registrationdate", registered), ("latestcontrib", latest)):
        if name in props and when is not None:
            said[name] = format_time(when)
    run.query.result["userinfo"] = said


def _changeable_groups(run: ModuleRun) -> Dict[str, List[str]]:
    groups = [each for each in GROUP_RIGHTS if each not in IMPLICIT_GROUPS]
    own = groups if run.call.may("userrights") else []
    return {"add": own, "remove": own, "add-self": [], "remove-self": []}


def _accepted_languages(run: ModuleRun) -> List[Dict[str, Any]]:
    header = run.call.request.headers.get("accept-language", "")
    return [
        {"q": float(quality) if quality else 1, run.call.text_key("code"): code}
        for code, quality in re.findall(r"([^\s,;]+)(?:;q=([0-9]+\.?[0-9]*))?", header)
    ]


META_MODULES: List[QueryModule] = [
    QueryModule(
        "meta/siteinfo",
        "si",
        query_siteinfo,
        """
        prop: any of general namespaces namespacealiases specialpagealiases \
            magicwords interwikimap dbrepllag statistics usergroups libraries \
            extensions fileextensions rightsinfo restrictions languages \
            languagevariants skins extensiontags functionhooks showhooks variables \
            protocols defaultoptions uploaddialog clientlibraries = general
        inlanguagecode: text
        """,
    ),
    QueryModule(
        "meta/userinfo",
        "ui",
        query_userinfo,
        """
        prop: starred any of blockinfo hasmsg groups groupmemberships implicitgroups \
            rights changeablegroups options editcount ratelimits \
            theoreticalratelimits email realname acceptlang registrationdate \
            unreadcount centralids latestcontrib
        """,
        is_private=True,
    ),
    QueryModule(
        "meta/tokens",
        "",
        query_tokens,
        """
        type: starred any of createaccount csrf login patrol rollback userrights \
            watch = csrf
        """,
        is_private=True,
    ),
    QueryModule(
        "meta/authmanagerinfo",
        "ami",
        query_authmanagerinfo,
        """
        securitysensitiveoperation: text
        requestsfor: one of login login-continue create create-continue link \
            link-continue change remove unlink
        mergerequestfields: flag
        messageformat: one of html wikitext raw none = wikitext
        """,
        is_private=True,
    ),
]
