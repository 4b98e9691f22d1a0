"""Who may do what to which page: the checks before any change.

In: a call, a title, an action.  Out: nothing, or an ActionFailure with every reason.
Holds: nothing.
Spec: MediaWiki 1.39's PermissionManager.  Not here: rights as such (accounts.py).
"""

from __future__ import annotations

import json
import re
from typing import Iterator, List, Optional, Sequence

from .accounts import GROUP_RIGHTS
from .actions import ActionFailure, ApiMessage, refuse
from .actions_call import ActionCall
from .actions_params import split_values
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
    names = []
    for group, rights in GROUP_RIGHTS.items():
        if right in rights:
            page = _group_pages.get(group)
            link = "[[%s:%s|%s]]" % (call.store.site.name, page, page)
            names.append(link if page else group)
    what = "the group" if len(names) == 1 else "one of the groups"
    return ApiMessage(
        "permissiondenied",
        "The action you have requested is limited to users in %s: %s."
        % (what, ", ".join(names)),
    )


def page_problems(call: ActionCall, title: Title, action: str) -> Iterator[ApiMessage]:
    """Yield every reason why the client may not `action` the page."""
    block = find_block(call, call.requester.account, call.requester.name)
    if block is not None and _block_covers(block[9], title, call):
        info = show_block(call, block)
        yield ApiMessage(
            "blocked", "You have been blocked from editing.", {"blockinfo": info}
        )
        return
    if action in ("edit", "move"):
        yield from _namespace_problems(call, title)
        yield from _change_problems(call, title, action)
        return
    if not call.may(action):
        yield denied_message(call, action)
    yield from _namespace_problems(call, title)
    if any(_protection_problems(call, title, "edit")):
        code = "undelete-cantedit" if action == "undelete" else "cantedit"
        yield ApiMessage(
            code,
            "You cannot %s this page because you are not allowed to edit it." % action,
        )


def _change_problems(
    call: ActionCall, title: Title, action: str
) -> Iterator[ApiMessage]:
    is_denied = action == "move" and not call.may("move")
    if is_denied and not call.requester.account:
        yield ApiMessage(
            "cantmove-anon",
            "You must be a registered user and [[Special:UserLogin|logged in]] to move "
            "a page.",
        )
    yield from _protection_problems(call, title, "edit")
    if action == "move":
        yield from _protection_problems(call, title, "move")
    if is_denied:
        yield ApiMessage("cantmove", "You do not have permission to move pages.")
    is_denied = False
    if action == "edit" and call.store.find_page(title) is None:
        yield from _protection_problems(call, title, "create")
        right = "createtalk" if title.namespace % 2 else "createpage"
        is_denied = not (call.may("edit") and call.may(right))
    if is_denied or not call.may("edit"):
        yield denied_message(call, "edit")
    if is_denied:
        yield ApiMessage(
            "cantcreate", "You do not have permission to create new pages."
        )


def _block_covers(restrictions: str, title: Title, call: ActionCall) -> bool:
    if not restrictions:
        return True
    wanted = json.loads(restrictions)
    page = call.store.find_page(title)
    is_named = page is not None and page.text in wanted["pages"]
    return is_named or title.namespace in wanted["namespaces"]


def _namespace_problems(call: ActionCall, title: Title) -> Iterator[ApiMessage]:
    ending = title.key.rpartition(".")[2]
    kinds = {"js": "JavaScript", "css": "CSS", "json": "JSON"}
    if title.namespace == 8 and not call.may("editinterface"):
        yield ApiMessage(
            "protectednamespace-interface",
            "This page provides interface text for the software on this wiki, and is "
            "protected to prevent abuse. To add or change translations for all wikis, "
            "please use [https://translatewiki.net/ translatewiki.net], the MediaWiki "
            "localisation project.",
        )
    if ending not in kinds:
        return
    if title.namespace == 8 and not call.may("editsite" + ending):
        yield ApiMessage(
            "site%sprotected" % ending,
            "You do not have permission to edit this page, which all visitors run.",
        )
    owner, slash, _ = title.text.partition("/")
    if title.namespace == 2 and slash:
        is_own = call.requester.account and owner == call.requester.name
        if not call.may(("editmyuser" if is_own else "edituser") + ending):
            yield ApiMessage(
                "custom%sprotected" % ending,
                "You do not have permission to edit this %s page because it contains "
                "another user's personal settings." % kinds[ending],
            )


def _protection_problems(
    call: ActionCall, title: Title, kind: str
) -> Iterator[ApiMessage]:
    level = call.store.db.value(
        "SELECT level FROM protection WHERE ns = ? AND title = ? AND type = ?"
        " AND (expiry IS NULL OR expiry > ?)",
        (*title[:2], kind, call.now),
    )
    rights = {"sysop": "editprotected", "autoconfirmed": "editsemiprotected"}
    if level and not call.may(rights[level]):
        yield ApiMessage(
            "protectedpage",
            "This page has been protected to prevent editing or other actions.",
        )


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
        raise refuse("invalidexpiry", refusal.replace("%s", text)) from error
    if ends is not None and ends <= call.now:
        raise refuse("pastexpiry", 'Expiry time "%s" is in the past.' % text)
    return ends


def read_expiries(call: ActionCall, count: int) -> List[Optional[int]]:
    """Return when each of `count` things is to end; one time may be given for all."""
    # The values as they were sent: "infinite|infinite" has two.
    given = split_values(call.values.get("expiry", "")) or ["infinite"]
    if len(given) == 1:
        given *= count
    if len(given) != count:
        raise refuse(
            "toofewexpiries",
            "%d expiry timestamps were provided where %d were needed."
            % (len(given), count),
        )
    return [read_expiry(call, each) for each in given]


def check_page(call: ActionCall, title: Title, action: str) -> None:
    """Refuse the call unless the client may `action` the page."""
    problems = {each.code: each for each in page_problems(call, title, action)}
    if problems:
        raise ActionFailure(*problems.values())


def check_rate(call: ActionCall, action: str) -> None:
    """Refuse the call where the client does something too often."""
    limit = call.store.site.rate_limits.get(action)
    if limit is None or call.may("noratelimit"):
        return
    if call.store.is_throttled(action, call.requester.name, *limit):
        raise refuse(
            "ratelimited",
            "As an anti-abuse measure, you are limited from performing this action too "
            "many times in a short space of time, and you have exceeded this limit. "
            "Please try again in a few minutes.",
        )


def check_tags(call: ActionCall, tags: Optional[Sequence[str]]) -> List[str]:
    """Return the tags that an edit brings, or refuse those nobody may set."""
    wanted = list(tags or ())
    rows = call.store.db.all("SELECT name FROM tag WHERE is_manual = 1")
    wrong = [tag for tag in wanted if (tag,) not in rows]
    if wrong:
        text = "The following tags are not allowed to be manually applied: %s"
        if len(wrong) == 1:
            text = 'The tag "%s" is not allowed to be manually applied.'
        raise refuse("badtags", text % ", ".join(wrong), disallowedtags=wrong)
    return wanted


def check_lists(call: ActionCall, title: Title, text: str, *, is_new: bool) -> None:
    """Refuse titles and links that the wiki's blacklists name."""
    site = call.store.site
    full = str(title)
    for line in site.title_blacklist if is_new and not call.may("tboverride") else ():
        if re.fullmatch(line.partition("<")[0].strip(), full, re.IGNORECASE):
            sentence = (
                'The title "%s" has been banned from creation. It matches the '
                'following disallowed titles list entry: "%s"' % (full, line)
            )
            key = "titleblacklist-forbidden-edit"
            told = {"key": key, "params": [line, full]}
            raise refuse("titleblacklist-forbidden", sentence, message=told, line=line)
    urls = find_links(text).urls if site.spam_blacklist else ()
    for domain in site.spam_blacklist:
        if any(domain in url for url in urls):
            raise refuse(
                "spamblacklist",
                "The text you wanted to publish was blocked by the spam filter. This "
                "is probably caused by a link to a forbidden external site. The "
                "following text is what triggered our spam filter: %s" % domain,
                spamblacklist={"matches": [domain]},
            )
