"""Who may do what to which page: the checks before any change.

In: a call, a title, an action.  Out: nothing, or an ActionFailure with every reason.
Holds: nothing.
Spec: MediaWiki 1.39's PermissionManager.  Not here: rights as such (accounts.py).
"""

from __future__ import annotations

import json
import re
from typing import List, Optional, Sequence

from .accounts import GROUP_RIGHTS
from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall
from .actions_users import find_block, show_block
from .custodian import parse_expiry
from .markup import find_links
from .titles import Title

#: Groups by the page that tells of each, as messages name them.
_group_pages = {
    "user": "Users",
    "autoconfirmed": "Autoconfirmed users",
    "bot": "Bots",
    "sysop": "Administrators",
    "bureaucrat": "Bureaucrats",
    "interface-admin": "Interface administrators",
    "suppress": "Suppressors",
}


def denied_message(call: ActionCall, right: str) -> ApiMessage:
    """Return who has a right that the client has not."""
    groups = [group for group, rights in GROUP_RIGHTS.items() if right in rights]
    names = []
    for group in groups:
        page = _group_pages.get(group)
        site = call.store.site.name
        names.append("[[%s:%s|%s]]" % (site, page, page) if page else group)
    what = "the group" if len(names) == 1 else "one of the groups"
    text = "The action you have requested is limited to users in %s: %s."
    return ApiMessage("permissiondenied", text % (what, ", ".join(names)))


def page_problems(call: ActionCall, title: Title, action: str) -> List[ApiMessage]:
    """Return every reason why the client may not `action` the page."""
    found: List[ApiMessage] = []
    block = find_block(call, call.requester.account, call.requester.name)
    if block is not None and _block_covers(block[9], title, call):
        info = show_block(call, block)
        text = "You have been blocked from editing."
        return [ApiMessage("blocked", text, {"blockinfo": info})]
    found += _namespace_problems(call, title)
    if action in ("edit", "move"):
        return _each_once(found + _change_problems(call, title, action))
    if not call.may(action):
        found.insert(0, denied_message(call, action))
    if _protection_problems(call, title, "edit"):
        code = "undelete-cantedit" if action == "undelete" else "cantedit"
        text = "You cannot %s this page because you are not allowed to edit it."
        found.append(ApiMessage(code, text % action))
    return _each_once(found)


def _change_problems(call: ActionCall, title: Title, action: str) -> List[ApiMessage]:
    found: List[ApiMessage] = []
    is_denied = action == "move" and not call.may("move")
    if is_denied and not call.requester.account:
        text = (
            "You must be a registered user and [[Special:UserLogin|logged in]] to move "
            "a page."
        )
        found.append(ApiMessage("cantmove-anon", text))
    found += _protection_problems(call, title, "edit")
    if action == "move":
        found += _protection_problems(call, title, "move")
    if is_denied:
        text = "You do not have permission to move pages."
        found.append(ApiMessage("cantmove", text))
    is_new = action == "edit" and call.store.find_page(title) is None
    if is_new:
        found += _protection_problems(call, title, "create")
    right = "createtalk" if title.namespace % 2 else "createpage"
    is_denied = is_new and not (call.may("edit") and call.may(right))
    if is_denied or not call.may("edit"):
        found.append(denied_message(call, "edit"))
    if is_denied:
        text = "You do not have permission to create new pages."
        found.append(ApiMessage("cantcreate", text))
    return found


def _each_once(messages: Sequence[ApiMessage]) -> List[ApiMessage]:
    return list({message.code: message for message in messages}.values())


def _block_covers(restrictions: str, title: Title, call: ActionCall) -> bool:
    if not restrictions:
        return True
    page = call.store.find_page(title)
    for kind, value in json.loads(restrictions).items():
        if kind == "pages" and page is not None and page.text in value:
            return True
        if kind == "namespaces" and title.namespace in value:
            return True
    return False


def _namespace_problems(call: ActionCall, title: Title) -> List[ApiMessage]:
    found: List[ApiMessage] = []
    ending = title.key.rpartition(".")[2]
    if title.namespace == 8 and not call.may("editinterface"):
        text = (
            "This page provides interface text for the software on this wiki, and is "
            "protected to prevent abuse. To add or change translations for all wikis, "
            "please use [https://translatewiki.net/ translatewiki.net], the MediaWiki "
            "localisation project."
        )
        found.append(ApiMessage("protectednamespace-interface", text))
    if title.namespace == 8 and ending in ("js", "css", "json"):
        if not call.may("editsite" + ending):
            text = (
                "You do not have permission to edit this page, which all visitors run."
            )
            found.append(ApiMessage("site%sprotected" % ending, text))
    if title.namespace == 2 and "/" in title.key and ending in ("js", "css", "json"):
        owner = title.key.partition("/")[0].replace("_", " ")
        is_own = call.requester.account and owner == call.requester.name
        right = ("editmyuser" if is_own else "edituser") + ending
        if not call.may(right):
            kind = {"js": "JavaScript", "css": "CSS", "json": "JSON"}[ending]
            text = (
                "You do not have permission to edit this %s page because it contains "
                "another user's personal settings."
            )
            found.append(ApiMessage("custom%sprotected" % ending, text % kind))
    return found


def _protection_problems(call: ActionCall, title: Title, kind: str) -> List[ApiMessage]:
    level = call.store.db.value(
        "SELECT level FROM protection WHERE ns = ? AND title = ? AND type = ?"
        " AND (expiry IS NULL OR expiry > ?)",
        (title.namespace, title.key, kind, call.now),
    )
    rights = {"sysop": "editprotected", "autoconfirmed": "editsemiprotected"}
    if not level or call.may(rights.get(level, level)):
        return []
    text = "This page has been protected to prevent editing or other actions."
    return [ApiMessage("protectedpage", text)]


def require_right(call: ActionCall, right: str) -> None:
    """Refuse the call unless the client has `right`; say who has it."""
    if not call.may(right):
        raise ActionFailure(denied_message(call, right))


def read_expiry(
    call: ActionCall, text: str, refusal: str = 'Invalid expiry time "%s".'
) -> Optional[int]:
    """Return when something is to end, or refuse what is no such time."""
    try:
        ends = parse_expiry(text, call.now)
    except ValueError as error:
        wrong = refusal % text if "%" in refusal else refusal
        raise refuse("invalidexpiry", wrong) from error
    if ends is not None and ends <= call.now:
        raise refuse("pastexpiry", 'Expiry time "%s" is in the past.' % text)
    return ends


def check_page(call: ActionCall, title: Title, action: str) -> None:
    """Refuse the call unless the client may `action` the page."""
    problems = page_problems(call, title, action)
    if problems:
        raise ActionFailure(*problems)


def check_rate(call: ActionCall, action: str) -> None:
    """Refuse the call where the client does something too often."""
    limit = call.store.site.rate_limits.get(action)
    if limit is None or call.may("noratelimit"):
        return
    hits, seconds = limit
    if call.store.is_throttled(action, call.requester.name, hits, seconds):
        text = (
            "As an anti-abuse measure, you are limited from performing this action too "
            "many times in a short space of time, and you have exceeded this limit. "
            "Please try again in a few minutes."
        )
        raise refuse("ratelimited", text)


def check_tags(call: ActionCall, tags: Optional[Sequence[str]]) -> List[str]:
    """Return the tags that an edit brings, or refuse those nobody may set."""
    wanted = list(tags or ())
    rows = call.store.db.all("SELECT name FROM tag WHERE is_manual = 1")
    manual = {name for (name,) in rows}
    wrong = [tag for tag in wanted if tag not in manual]
    if wrong:
        if len(wrong) == 1:
            text = 'The tag "%s" is not allowed to be manually applied.' % wrong[0]
        else:
            text = "The following tags are not allowed to be manually applied: %s"
            text %= ", ".join(wrong)
        raise refuse("badtags", text, disallowedtags=wrong)
    return wanted


def check_lists(call: ActionCall, title: Title, text: str, *, is_new: bool) -> None:
    """Refuse titles and links that the wiki's blacklists name."""
    site = call.store.site
    full = str(title)
    for line in site.title_blacklist if is_new and not call.may("tboverride") else ():
        pattern = line.partition("<")[0].strip()
        if not re.fullmatch(pattern, full, re.IGNORECASE):
            continue
        key = "titleblacklist-forbidden-edit"
        sentence = (
            'The title "%s" has been banned from creation. It matches the following '
            'disallowed titles list entry: "%s"' % (full, line)
        )
        told = {"key": key, "params": [line, full]}
        raise refuse("titleblacklist-forbidden", sentence, message=told, line=line)
    for domain in site.spam_blacklist:
        matches = [url for url in find_links(text).urls if domain in url]
        if matches:
            sentence = (
                "The text you wanted to publish was blocked by the spam filter. This "
                "is probably caused by a link to a forbidden external site. The "
                "following text is what triggered our spam filter: %s" % domain
            )
            raise refuse("spamblacklist", sentence, spamblacklist={"matches": [domain]})
