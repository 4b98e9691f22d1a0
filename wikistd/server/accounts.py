"""Accounts of the embedded wiki: passwords, groups, rights, sessions, tokens.

In: names, passwords, cookies.  Out: who asks, and what they may do.
Holds: nothing but the database.  Spec: MediaWiki's default groups and grants.
Not here: the API modules that log in (actions_login.py).
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from .schema import WikiDatabase
from .titles import parse_title, upper_first

#: PBKDF2 rounds.  MediaWiki uses 30,000 to 100,000; this wiki holds no real accounts,
#: and a test that logs in a hundred times should not take a minute.
PASSWORD_ROUNDS = 1000
#: A session that nobody uses ends after so long ($wgObjectCacheSessionExpiry).
SESSION_SECONDS = 3600
TOKEN_SUFFIX = "+\\"

#: What each group may do, in MediaWiki's order.
GROUP_RIGHTS: Dict[str, List[str]] = {
    group: rights.split()
    for group, rights in {
        "*": (
            "createaccount read edit createpage createtalk writeapi viewmywatchlist "
            "editmywatchlist viewmyprivateinfo editmyprivateinfo editmyoptions "
            "abusefilter-view abusefilter-log"
        ),
        "user": (
            "move move-subpages move-rootuserpages move-categorypages movefile read "
            "edit createpage createtalk writeapi upload reupload reupload-shared "
            "minoredit editmyusercss editmyuserjson editmyuserjs editmyuserjsredirect "
            "purge applychangetags changetags editcontentmodel spamblacklistlog"
        ),
        "autoconfirmed": "autoconfirmed editsemiprotected",
        "bot": (
            "bot autoconfirmed editsemiprotected nominornewtalk autopatrol "
            "suppressredirect apihighlimits writeapi noratelimit"
        ),
        "sysop": (
            "block createaccount delete bigdelete deletedhistory deletedtext undelete "
            "editinterface editsitejson edituserjson import importupload move "
            "move-subpages move-rootuserpages move-categorypages patrol autopatrol "
            "protect editprotected rollback upload reupload reupload-shared "
            "unwatchedpages autoconfirmed editsemiprotected ipblock-exempt blockemail "
            "markbotedits apihighlimits browsearchive noratelimit movefile unblockself "
            "suppressredirect mergehistory managechangetags deletechangetags "
            "deleterevision deletelogentry abusefilter-log-detail "
            "abusefilter-view-private abusefilter-log-private abusefilter-modify "
            "abusefilter-modify-restricted abusefilter-revert nuke tboverride "
            "titleblacklistlog"
        ),
        "interface-admin": (
            "editinterface editsitecss editsitejson editsitejs editusercss "
            "edituserjson edituserjs"
        ),
        "bureaucrat": "userrights noratelimit renameuser",
        "suppress": (
            "hideuser suppressrevision viewsuppressed suppressionlog deleterevision "
            "deletelogentry abusefilter-hidden-log abusefilter-hide-log"
        ),
    }.items()
}
IMPLICIT_GROUPS = ("*", "user", "autoconfirmed")
_rights_editing = "edit minoredit applychangetags changetags "
#: What each grant of a bot password adds to the basic rights, which all keep.
GRANT_RIGHTS = {
    "basic": (
        "autoconfirmed autocreateaccount editsemiprotected nominornewtalk patrolmarks "
        "read unwatchedpages autopatrol ipblock-exempt writeapi abusefilter-view "
        "abusefilter-log purge skipcaptcha torunblocked"
    ),
    "highvolume": "bot apihighlimits noratelimit markbotedits",
    "import": "import importupload",
    "mergehistory": "mergehistory",
    "editpage": _rights_editing,
    "editprotected": _rights_editing + "editprotected",
    "editmycssjs": _rights_editing + "editmyusercss editmyuserjson editmyuserjs",
    "editmyoptions": "editmyoptions editmyuserjson",
    "editinterface": _rights_editing + "editinterface edituserjson editsitejson",
    "createeditmovepage": _rights_editing
    + "createpage createtalk delete-redirect move move-rootuserpages move-subpages "
    "move-categorypages suppressredirect editcontentmodel",
    "uploadfile": "upload reupload-own",
    "uploadeditmovefile": "upload reupload reupload-shared movefile",
    "patrol": "patrol",
    "rollback": "rollback",
    "blockusers": "block blockemail",
    "viewdeleted": "browsearchive deletedhistory deletedtext",
    "viewrestrictedlogs": "suppressionlog spamblacklistlog titleblacklistlog",
    "delete": _rights_editing
    + "browsearchive deletedhistory deletedtext delete bigdelete deletelogentry "
    "deleterevision undelete",
    "protect": _rights_editing + "editprotected protect",
    "viewmywatchlist": "viewmywatchlist",
    "editmywatchlist": "editmywatchlist",
    "privateinfo": "viewmyprivateinfo",
    "createaccount": "createaccount",
}


class Requester(NamedTuple):
    """Who sent a request.  Immutable.

    `account` is 0 for somebody not logged in, whose `name` is the network address.
    `app` names the bot password in use; `session` is the cookie's value, or "".
    """

    account: int
    name: str
    groups: Tuple[str, ...]
    rights: FrozenSet[str]
    app: str = ""
    session: str = ""

    def may(self, right: str) -> bool:
        """Return whether the requester has `right`."""
        return right in self.rights


def canonical_user_name(name: str) -> Optional[str]:
    """Return a user name as the wiki spells it, or None where it cannot be one."""
    text = " ".join(name.replace("_", " ").split())
    if not text or any(sign in text for sign in "#<>[]|{}/@:=") or is_address(text):
        return None
    try:
        if parse_title(text).namespace != 0:
            return None
    except ValueError:
        return None
    return upper_first(text)


def is_address(text: str) -> bool:
    """Return whether `text` is an IPv4 or IPv6 address, or a range of them."""
    import ipaddress  # 4 ms of import; only names with dots or colons come here

    if "." not in text and ":" not in text:
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def hash_password(
    password: str, salt: Optional[bytes] = None, rounds: int = PASSWORD_ROUNDS
) -> str:
    """Return `password` in the form that is stored: rounds, salt and digest."""
    if not isinstance(password, str):
        raise TypeError("a password must be a str, not " + type(password).__name__)
    salt = os.urandom(16) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), salt, rounds)
    return "pbkdf2:%d:%s:%s" % (rounds, salt.hex(), digest.hex())


def is_password(password: str, stored: str) -> bool:
    """Return whether `password` is the one that was stored; never where none was."""
    if not stored:
        return False
    _, rounds, salt, _ = stored.split(":")
    given = hash_password(password, bytes.fromhex(salt), int(rounds))
    return is_same_secret(given, stored)


def is_same_secret(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing of them."""
    import hmac  # 1 ms of import, for those who log in

    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))


class AccountBook:
    """The accounts in one database.  Thread-safe."""

    def __init__(self, db: WikiDatabase) -> None:
        self.db = db

    def create(
        self, name: str, password: str, groups: Iterable[str], now: int
    ) -> Tuple[int, str]:
        """Make an account; return its id and name.  ValueError where it cannot be."""
        canonical = canonical_user_name(name)
        if canonical is None:
            raise ValueError("%r is not a valid user name" % (name,))
        with self.db.transaction():
            if self.find(canonical) is not None:
                raise ValueError("the user %s exists already" % canonical)
            account = self.db.insert(
                "account",
                name=canonical,
                password=hash_password(password) if password else "",
                secret=os.urandom(16).hex(),
                registered=now,
            )
            for group in groups:
                self.add_group(account, group)
        return account, canonical

    def find(self, name: str) -> Optional[int]:
        """Return the id of the account of that name, however it is spelled, or None."""
        account: Optional[int] = self.db.value(
            "SELECT id FROM account WHERE name = ?", (canonical_user_name(name),)
        )
        return account

    def name(self, account: int) -> str:
        """Return the name of an account; KeyError without one."""
        name = self.db.value("SELECT name FROM account WHERE id = ?", (account,))
        if name is None:
            raise KeyError(account)
        return str(name)

    def add_group(self, account: int, group: str, expiry: Optional[int] = None) -> None:
        """Put an account into a group, until `expiry`.  ValueError without one."""
        if group not in GROUP_RIGHTS or group in IMPLICIT_GROUPS:
            raise ValueError("there is no group %r" % (group,))
        self.db.run(
            "INSERT OR REPLACE INTO membership VALUES (?, ?, ?)",
            (account, group, expiry),
        )

    def remove_group(self, account: int, group: str) -> None:
        """Take an account out of a group."""
        self.db.run(
            "DELETE FROM membership WHERE account = ? AND name = ?", (account, group)
        )

    def memberships(self, account: int, now: int) -> List[Tuple[str, Optional[int]]]:
        """Return the groups an account was put into, and when each ends."""
        rows = self.db.all(
            "SELECT name, expiry FROM membership WHERE account = ?"
            " AND (expiry IS NULL OR expiry > ?) ORDER BY name",
            (account, now),
        )
        return [(str(name), expiry) for name, expiry in rows]

    def set_password(self, account: int, password: str) -> None:
        """Give an account another password."""
        self.db.update("account", account, password=hash_password(password))

    def check_password(self, account: int, password: str) -> bool:
        """Return whether `password` is the account's own."""
        stored = self.db.value("SELECT password FROM account WHERE id = ?", (account,))
        return is_password(password, stored)

    def create_bot_password(
        self,
        account: int,
        app: str,
        password: str,
        grants: Optional[Iterable[str]],
        addresses: str = "",
    ) -> None:
        """Make or replace a bot password; all grants unless some are named.

        `addresses` is a list of the networks it works from, separated by blanks.
        """
        chosen = list(GRANT_RIGHTS) if grants is None else ["basic", *grants]
        for grant in chosen:
            if grant not in GRANT_RIGHTS:
                raise ValueError("there is no grant %r" % (grant,))
        self.db.run(
            "INSERT OR REPLACE INTO bot_password VALUES (?, ?, ?, ?, ?)",
            (account, app, hash_password(password), " ".join(chosen), addresses),
        )

    def check_bot_password(
        self, account: int, app: str, password: str, address: str
    ) -> bool:
        """Return whether `password` is the application's, and works from `address`."""
        row = self.db.one(
            "SELECT password, addresses FROM bot_password"
            " WHERE account = ? AND app = ?",
            (account, app),
        )
        if row is None or not is_password(password, row[0]):
            return False
        return not row[1] or is_inside(address, row[1].split())

    def open_session(self, account: int, app: str, now: int) -> str:
        """Start a session and return its id, the value of the cookie."""
        session = os.urandom(16).hex()
        data = {"secret": os.urandom(16).hex()}
        self.db.run(
            "DELETE FROM session WHERE touched < ?", (now - SESSION_SECONDS * 24,)
        )
        self.db.run(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?)",
            (session, account, app, json.dumps(data), now),
        )
        return session

    def close_session(self, session: str) -> None:
        """End a session; harmless when there is none."""
        self.db.run("DELETE FROM session WHERE id = ?", (session,))

    def session_data(self, session: str) -> Dict[str, Any]:
        """Return what is kept for a session; {} without one."""
        data = self.db.value("SELECT data FROM session WHERE id = ?", (session,))
        return dict(json.loads(data)) if data else {}

    def keep_session_data(self, session: str, **values: Any) -> None:
        """Keep further values for a session; None removes one."""
        with self.db.transaction():
            data = self.session_data(session)
            data.update(values)
            kept = {name: value for name, value in data.items() if value is not None}
            self.db.run(
                "UPDATE session SET data = ? WHERE id = ?", (json.dumps(kept), session)
            )

    def requester(self, session: str, address: str, now: int) -> Requester:
        """Return whose an open session is; without one, somebody at `address`."""
        sql = "SELECT account, app, touched FROM session WHERE id = ?"
        row = self.db.one(sql, (session,)) if session else None
        if row is None or row[2] < now - SESSION_SECONDS:
            session, row = "", (0, "", now)
        elif row[2] < now - 60:  # not for each request: a read should not write
            self.db.run("UPDATE session SET touched = ? WHERE id = ?", (now, session))
        account, app, _ = row
        groups: Tuple[str, ...] = ("*",)
        name = address
        if account:
            explicit = [group for group, _ in self.memberships(account, now)]
            groups, name = (*explicit, *IMPLICIT_GROUPS), self.name(account)
        rights = frozenset(list_rights(groups))
        if app:
            grants = self.db.value(
                "SELECT grants FROM bot_password WHERE account = ? AND app = ?",
                (account, app),
            )
            granted = [GRANT_RIGHTS[grant] for grant in (grants or "").split()]
            rights &= frozenset(" ".join(granted).split())
        return Requester(account, name, groups, rights, app, session)

    def token(self, requester: Requester, kind: str, now: int) -> str:
        """Return a token of that kind; everybody not logged in has the same."""
        if not requester.account and kind not in ("login", "createaccount"):
            return TOKEN_SUFFIX
        # Without a session there is no token that anybody could know.
        data = self.session_data(requester.session)
        secret = data.get("secret") or os.urandom(16).hex()
        import hmac  # 1 ms of import, for those who log in

        # As long as MediaWiki's, which is an MD5: no FIPS mode gives that.
        text = "%s|%d" % (kind, now)
        digest = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()[:32]
        return "%s%08x%s" % (digest, now, TOKEN_SUFFIX)

    def is_token(self, requester: Requester, kind: str, token: str) -> bool:
        """Return whether `token` is one that this session was given."""
        try:
            given = int(token[32:-2] or "0", 16)
        except ValueError:
            return False
        return is_same_secret(self.token(requester, kind, given), token)


def is_inside(address: str, networks: Iterable[str]) -> bool:
    """Return whether an address is in one of `networks`."""
    import ipaddress  # 4 ms of import; only bot passwords bound to networks need it

    try:
        own = ipaddress.ip_address(address)
        return any(own in ipaddress.ip_network(each, strict=False) for each in networks)
    except ValueError:
        return False


def list_rights(groups: Iterable[str]) -> List[str]:
    """Return the rights of all `groups` together, in order, each once."""
    rights: Dict[str, None] = {}
    for group in groups:
        rights.update(dict.fromkeys(GROUP_RIGHTS[group]))
    return list(rights)
