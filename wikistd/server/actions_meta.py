"""What action=query tells of the wiki and of the client: siteinfo, userinfo, tokens.

In: a ModuleRun.  Out: values of the query's result.
Holds: nothing.
Spec: MediaWiki 1.39's meta modules.  Not here: logging in (actions_login.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from .accounts import GROUP_RIGHTS, IMPLICIT_GROUPS, list_rights
from .actions_account import query_authmanagerinfo
from .actions_formats import PlainBool
from .actions_options import DEFAULT_OPTIONS, read_options
from .actions_params import (
    param_choice,
    param_choices,
    param_flag,
    param_text,
)
from .actions_query import ModuleRun, QueryModule
from .actions_users import find_block, show_block
from .files import MEDIA_TYPES
from .records import format_time
from .titles import (
    INTERWIKI_PREFIXES,
    NAMESPACE_ALIASES,
    NAMESPACE_NAMES,
    SPECIAL_PAGE_NAMES,
)

TOKEN_KINDS = "createaccount csrf login patrol rollback userrights watch"
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
    images = [
        (320, 240),
        (640, 480),
        (800, 600),
        (1024, 768),
        (1280, 1024),
        (2560, 2048),
    ]
    shapes = [{"width": width, "height": height} for width, height in images]
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
    is_new = run.call.version >= 2
    for number, name in NAMESPACE_NAMES.items():
        entry: Dict[str, Any] = {
            "id": number,
            "case": "first-letter",
            "name" if is_new else "*": name,
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


def _site_aliases(run: ModuleRun) -> List[Dict[str, Any]]:
    name = "alias" if run.call.version >= 2 else "*"
    return [
        {"id": number, name: alias[0].upper() + alias[1:]}
        for alias, number in NAMESPACE_ALIASES.items()
    ]


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


def _site_usergroups(run: ModuleRun) -> List[Dict[str, Any]]:
    return [{"name": group, "rights": list_rights([group])} for group in GROUP_RIGHTS]


def _site_interwikis(run: ModuleRun) -> List[Dict[str, Any]]:
    return [
        {"prefix": prefix, "url": url, "protorel": False, "api": ""}
        for prefix, url in sorted(INTERWIKI_PREFIXES.items())
    ]


def _site_lag(run: ModuleRun) -> List[Dict[str, Any]]:
    return [{"host": "", "lag": -1}]


def _site_restrictions(run: ModuleRun) -> Dict[str, Any]:
    return {
        "types": ["create", "edit", "move", "upload"],
        "levels": ["", "autoconfirmed", "sysop"],
        "cascadinglevels": ["sysop"],
        "semiprotectedlevels": ["autoconfirmed"],
    }


def _site_specials(run: ModuleRun) -> List[Dict[str, Any]]:
    names = sorted(SPECIAL_PAGE_NAMES.values())
    return [{"realname": name, "aliases": [name]} for name in names]


def _site_languages(run: ModuleRun) -> List[Dict[str, Any]]:
    name = "name" if run.call.version >= 2 else "*"
    return [{"code": "en", "bcp47": "en", name: "English"}]


def _site_skins(run: ModuleRun) -> List[Dict[str, Any]]:
    name = "name" if run.call.version >= 2 else "*"
    return [{"code": "plain", "default": True, name: "Plain"}]


SITE_INFO: Dict[str, Callable[[ModuleRun], Any]] = {
    "general": _site_general,
    "namespaces": _site_namespaces,
    "namespacealiases": _site_aliases,
    "specialpagealiases": _site_specials,
    "magicwords": lambda run: [],
    "interwikimap": _site_interwikis,
    "dbrepllag": _site_lag,
    "statistics": _site_statistics,
    "usergroups": _site_usergroups,
    "libraries": lambda run: [],
    "extensions": lambda run: [],
    "fileextensions": lambda run: [{"ext": each} for each in MEDIA_TYPES],
    "rightsinfo": lambda run: {"url": "", "text": ""},
    "restrictions": _site_restrictions,
    "languages": _site_languages,
    "languagevariants": lambda run: {},
    "skins": _site_skins,
    "extensiontags": lambda run: ["<pre>", "<nowiki>"],
    "functionhooks": lambda run: [],
    "showhooks": lambda run: [],
    "variables": lambda run: [],
    "protocols": lambda run: URL_PROTOCOLS,
    "defaultoptions": lambda run: dict(DEFAULT_OPTIONS),
    "uploaddialog": lambda run: {},
    "clientlibraries": lambda run: [],
}


def query_siteinfo(run: ModuleRun) -> None:
    """Answer meta=siteinfo."""
    for name in run.args["prop"]:
        run.query.result[name] = SITE_INFO[name](run)


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


def _user_memberships(run: ModuleRun) -> List[Dict[str, Any]]:
    account = run.call.requester.account
    return [
        {
            "group": group,
            "expiry": "infinity" if expiry is None else format_time(expiry),
        }
        for group, expiry in run.store.accounts.memberships(account, run.call.now)
    ]


def query_userinfo(run: ModuleRun) -> None:
    """Answer meta=userinfo."""
    requester, props = run.call.requester, set(run.args["prop"])
    account = requester.account
    row = run.store.db.one(
        "SELECT edits, email, registered FROM account WHERE id = ?", (account,)
    )
    edits, email, registered = row if row else (0, "", None)
    said: Dict[str, Any] = {"id": account, "name": requester.name}
    if not account:
        said["anon"] = True
    if "blockinfo" in props:
        block = find_block(run.call, account, requester.name)
        said.update(show_block(run.call, block))
    if "hasmsg" in props:
        said["messages"] = False
    ordered = list_rights(requester.groups)
    values: Dict[str, Callable[[], Any]] = {
        "groups": lambda: list(requester.groups),
        "groupmemberships": lambda: _user_memberships(run),
        "implicitgroups": lambda: list(IMPLICIT_GROUPS) if account else ["*"],
        "rights": lambda: [each for each in ordered if requester.may(each)],
        "changeablegroups": lambda: _changeable_groups(run),
        "options": lambda: {
            name: PlainBool(value) if isinstance(value, bool) else value
            for name, value in read_options(run.store, account).items()
        },
        "editcount": lambda: edits,
        "ratelimits": lambda: {} if run.call.may("noratelimit") else _rate_limits(run),
        "theoreticalratelimits": lambda: _rate_limits(run),
        "realname": lambda: "",
        "acceptlang": lambda: _accepted_languages(run),
        "unreadcount": lambda: 0,
    }
    for name, value in values.items():
        if name in props:
            said[name] = value()
    if "email" in props and run.call.may("viewmyprivateinfo"):
        said["email"] = email
    if "registrationdate" in props and registered is not None:
        said["registrationdate"] = format_time(registered)
    if "centralids" in props:
        said["centralids"] = {"local": account}
        said["attachedlocal"] = {"local": bool(account)}
    if "latestcontrib" in props and account:
        latest = run.store.db.value(
            "SELECT MAX(time) FROM revision WHERE user = ?", (requester.name,)
        )
        if latest is not None:
            said["latestcontrib"] = format_time(latest)
    run.query.result["userinfo"] = said


def _changeable_groups(run: ModuleRun) -> Dict[str, List[str]]:
    groups = [each for each in GROUP_RIGHTS if each not in IMPLICIT_GROUPS]
    own = groups if run.call.may("userrights") else []
    return {"add": own, "remove": own, "add-self": [], "remove-self": []}


def _accepted_languages(run: ModuleRun) -> List[Dict[str, Any]]:
    shown = []
    for part in run.call.request.headers.get("accept-language", "").split(","):
        code, _, quality = part.partition(";q=")
        if code.strip():
            name = "code" if run.call.version >= 2 else "*"
            value = float(quality) if quality.replace(".", "").isdigit() else 1
            shown.append({"q": value, name: code.strip()})
    return shown


META_MODULES: List[QueryModule] = [
    QueryModule(
        "siteinfo",
        "meta",
        "si",
        {
            "prop": param_choices(" ".join(SITE_INFO), "general"),
            "filteriw": param_choice("local !local"),
            "showalldb": param_flag(),
            "numberingroup": param_flag(),
            "inlanguagecode": param_text(),
        },
        query_siteinfo,
    ),
    QueryModule(
        "userinfo",
        "meta",
        "ui",
        {
            "prop": param_choices(
                "blockinfo hasmsg groups groupmemberships implicitgroups rights "
                "changeablegroups options editcount ratelimits theoreticalratelimits "
                "email realname acceptlang registrationdate unreadcount centralids "
                "latestcontrib cancreateaccount",
                takes_all=True,
            ),
            "attachedwiki": param_text(),
        },
        query_userinfo,
        is_private=True,
    ),
    QueryModule(
        "tokens",
        "meta",
        "",
        {"type": param_choices(TOKEN_KINDS, "csrf", takes_all=True)},
        query_tokens,
        is_private=True,
    ),
    QueryModule(
        "authmanagerinfo",
        "meta",
        "ami",
        {
            "securitysensitiveoperation": param_text(),
            "requestsfor": param_choice(
                "login login-continue create create-continue link link-continue change "
                "remove unlink"
            ),
            "mergerequestfields": param_flag(),
            "messageformat": param_choice("html wikitext raw none", "wikitext"),
        },
        query_authmanagerinfo,
        is_private=True,
    ),
]
