"""Cookies: a store that any urllib opener can use, right by today's rules, and fast.

In: requests and responses of urllib.  Out: Cookie headers, files.
Spec: RFC 6265bis 5.7 and 5.8, with http.cookiejar's classes and files.
Holds: the cookies, and Cookie headers made from them.
Not here: parsing and matching (setcookie.py), one cookie (storedcookie.py), files
(cookiefile.py), the handler of an opener (cookiehandler.py).
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import threading
import time
import urllib.request
from typing import Any, Callable, ContextManager, Dict, List, Optional, Tuple

from .cookiefile import (
    account_filename,
    check_cookie_version,
    cookie_file_text,
    locked_file,
    read_cookie_file,
    write_private_file,
)
from .cookieheader import (
    has_cookie_fields,
    merged_cookies,
    own_cookie_header,
    pairs_and_header,
)
from .origins import header_names
from .setcookie import (
    MAX_COOKIE_AGE_SECONDS,
    domain_matches,
    host_chain,
    is_trustworthy,
    parse_max_age,
    path_matches,
)
from .storedcookie import (
    cookie_key,
    cookies_set_by,
    has_expired,
    lives_as_long,
    url_place,
)

#: RFC 6265bis 6.1 asks for 50 at least; browsers keep 180.
MAX_COOKIES_PER_DOMAIN = 180
#: Room for a bot on every wiki of a large farm; a host cannot fill memory.
MAX_COOKIES = 20000
#: Ready-made Cookie headers kept: one for each host and path in use.
MAX_COOKIE_HEADERS = 512

#: Each Max-Age of a Set-Cookie line, as it stands there.
COOKIE_MAX_AGE = re.compile(r";[ \t]*max-age[ \t]*=([^;]*)", re.IGNORECASE)


class CookieStore(http.cookiejar.LWPCookieJar):
    """An http.cookiejar.LWPCookieJar by the rules of RFC 6265bis.  Thread-safe.

    Works wherever a CookieJar does.  What differs: host-only cookies stay with their
    host, name prefixes and Secure are honoured, "set, then delete" in one answer
    deletes, session cookies are saved, and the cost of a request does not depend on how
    many other domains there are.  A `policy`, if given, is asked after these rules, and
    can only refuse more.

    Files are LWP's; one whose name ends in ".txt" is Mozilla's, as curl has it.
    `load(user=...)` and `save()` keep one file an account; see there.
    """

    #: http.cookiejar's own: cookies by domain, path and name, and their lock.
    _cookies: Dict[str, Dict[str, Dict[str, http.cookiejar.Cookie]]]
    _cookies_lock: ContextManager[Any]

    def __init__(
        self,
        filename: Optional[str] = None,
        delayload: bool = False,
        policy: Optional[http.cookiejar.CookiePolicy] = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        if filename is not None:
            filename = os.fspath(filename)
        super().__init__(filename, delayload, policy)
        self._base_filename = filename
        self._given_policy = policy
        self._current_time = now
        self._version = 0
        self._created = 0
        self._cookie_count = 0
        self._ready_headers: Dict[
            str, Tuple[int, float, List[Tuple[str, str]], str]
        ] = {}
        self._seen_lines: Dict[
            Tuple[Tuple[str, str, str], str], Tuple[http.cookiejar.Cookie, int]
        ] = {}
        self._was_loaded = False
        self._on_disk: Dict[Tuple[str, str, str], Optional[str]] = {}

    def __repr__(self) -> str:
        where = " in %s" % self.filename if self.filename else ""
        return "<%s of %d cookies%s>" % (type(self).__name__, len(self), where)

    __str__ = __repr__

    def __getstate__(self) -> Dict[str, Any]:
        fields = dict(vars(self))
        del fields["_cookies_lock"]
        return fields

    def __setstate__(self, fields: Dict[str, Any]) -> None:
        vars(self).update(fields, _cookies_lock=threading.RLock())

    # -- what is in it -----------------------------------------------------------

    def set_policy(self, policy: http.cookiejar.CookiePolicy) -> None:
        """Ask `policy` too, after the rules of RFC 6265bis."""
        with self._cookies_lock:
            super().set_policy(policy)
            self._given_policy = policy
            self._version += 1

    def set_cookie(self, cookie: http.cookiejar.Cookie) -> None:
        """Put a cookie in, as it is; one of the same name, domain and path goes."""
        if cookie.value is None:  # http.cookiejar's way to write a nameless cookie
            cookie.name, cookie.value = "", cookie.name
        cookie.domain = cookie.domain.lower()
        with self._cookies_lock:
            paths = self._cookies.setdefault(cookie.domain, {})
            names = paths.setdefault(cookie.path, {})
            old = names.get(cookie.name)
            self._created += 1
            # RFC 6265bis 5.7 step 23: a changed cookie keeps its age, and its place.
            age = self._created if old is None else vars(old).get("created", 0)
            vars(cookie)["created"] = age
            names[cookie.name] = cookie
            if old is None:
                self._cookie_count += 1
                self._version += 1
                self._make_room(cookie.domain)
            elif (
                old.value != cookie.value
                or old.secure != cookie.secure
                or not lives_as_long(cookie, old)
                or has_expired(old, self._current_time())
            ):
                self._version += 1

    def _make_room(self, domain: str) -> None:
        """Drop the oldest cookies beyond the limits, those that ended first."""
        paths = self._cookies[domain]
        if sum(map(len, paths.values())) > MAX_COOKIES_PER_DOMAIN:
            self._drop_oldest([c for names in paths.values() for c in names.values()])
        if self._cookie_count > MAX_COOKIES:
            # Many at once: sorting them all for each new one would be quadratic.
            self._drop_oldest(list(self), MAX_COOKIES // 10)

    def _drop_oldest(
        self, cookies: List[http.cookiejar.Cookie], count: int = 1
    ) -> None:
        """Remove so many of `cookies`."""
        now = self._current_time()
        # RFC 6265bis 5.7: expired ones first, then those without Secure, then by age.
        cookies.sort(
            key=lambda cookie: (
                not has_expired(cookie, now),
                cookie.secure,
                vars(cookie).get("created", 0),
            )
        )
        for cookie in cookies[:count]:
            self.clear(cookie.domain, cookie.path, cookie.name)

    def clear(
        self,
        domain: Optional[str] = None,
        path: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        """Remove all cookies, those of a domain, of a path in it, or one."""
        with self._cookies_lock:
            super().clear(domain, path, name)
            table = self._cookies
            if domain is not None and path is not None:
                # Empty shelves would stay for ever.
                if not table[domain].get(path, True):
                    del table[domain][path]
                if not table[domain]:
                    del table[domain]
            self._version += 1
            if name is not None:
                self._cookie_count -= 1
            else:
                self._cookie_count = len(self)

    def clear_expired_cookies(self) -> None:
        """Remove the cookies whose time is over."""
        now = self._current_time()
        with self._cookies_lock:
            for cookie in list(self):
                if has_expired(cookie, now):
                    self.clear(cookie.domain, cookie.path, cookie.name)

    # -- requests ------------------------------------------------------------------

    def _find_cookies(
        self, host: str, path: str, trusted: bool
    ) -> List[http.cookiejar.Cookie]:
        """Return the cookies for a host and path: longer paths, then older ones."""
        now = self._current_time()
        with self._cookies_lock:
            found = [
                cookie
                for domain in host_chain(host)
                for cookie_path, names in self._cookies.get(domain, {}).items()
                if path_matches(path, cookie_path)
                for cookie in names.values()
                if (trusted or not cookie.secure) and not has_expired(cookie, now)
            ]
        found.sort(key=lambda c: (-len(c.path), vars(c).get("created", 0)))
        return found

    def _cookie_pairs(
        self, request: urllib.request.Request
    ) -> Tuple[List[Tuple[str, str]], str]:
        """Return the (name, value) pairs for a request, and their Cookie header."""
        place = request.full_url.partition("?")[0]
        now = self._current_time()
        # 2 microseconds instead of 100 for 20 cookies: the header is made once.
        ready = self._ready_headers.get(place)
        if ready is not None and ready[0] == self._version and now < ready[1]:
            return ready[2], ready[3]
        scheme, host, path = url_place(request.full_url)
        key = (host, path, is_trustworthy(scheme, host))
        if self._given_policy is not None:
            found = self._find_cookies(*key)
            return pairs_and_header([c for c in found if self._returns(c, request)])
        version = self._version
        cookies = self._find_cookies(*key)
        ends = min(
            (float(c.expires) for c in cookies if c.expires is not None),
            default=float("inf"),
        )
        pairs, header = pairs_and_header(cookies)
        if len(self._ready_headers) >= MAX_COOKIE_HEADERS:
            self._ready_headers.clear()
        self._ready_headers[place] = (version, ends, pairs, header)
        return pairs, header

    def _returns(
        self, cookie: http.cookiejar.Cookie, request: urllib.request.Request
    ) -> bool:
        """Return whether the given policy lets a cookie go out."""
        policy: Any = self._given_policy
        self._tell_policy_time(policy)
        return bool(
            policy.domain_return_ok(cookie.domain, request)
            and policy.path_return_ok(cookie.path, request)
            and policy.return_ok(cookie, request)
        )

    def _tell_policy_time(self, policy: http.cookiejar.CookiePolicy) -> None:
        """Set what DefaultCookiePolicy expects its jar to set."""
        vars(policy)["_now"] = int(self._current_time())

    def add_cookie_header(self, request: urllib.request.Request) -> None:
        """Give a request its Cookie header, as one that no redirect takes along.

        A Cookie header of the caller's own, and `request.call_cookies`, stay and win
        over cookies of the same name in the store.  Calling it again starts anew.
        """
        pairs: List[Tuple[str, str]] = []
        header = ""
        if self._cookie_count:
            pairs, header = self._cookie_pairs(request)
        if not header and not has_cookie_fields(request):
            return
        own = own_cookie_header(request)
        if own:
            header = merged_cookies(own, pairs)
        for name in header_names(request.unredirected_hdrs, "cookie"):
            del request.unredirected_hdrs[name]
        if header:
            request.unredirected_hdrs["Cookie"] = header

    # -- responses -----------------------------------------------------------------

    def extract_cookies(self, response: Any, request: urllib.request.Request) -> None:
        """Take in the Set-Cookie headers of a response, one by one in their order."""
        lines = response.info().get_all("Set-Cookie")
        if not lines:
            return
        if self._given_policy is not None:
            for cookie in self.make_cookies(response, request):
                self.set_cookie_if_ok(cookie, request)
            return
        place = url_place(request.full_url)
        for line in lines:
            # Servers repeat themselves: 1 microsecond instead of 10 for a line that was
            # taken in before and whose cookie is still there as it was stored then.
            if self._is_stored(*self._seen_lines.get((place, line), (None, 0))):
                continue
            now = self._current_time()
            for cookie in cookies_set_by([line], request.full_url, now):
                self.set_cookie_if_ok(cookie, request)
                self._remember_line(place, line, cookie)

    def _is_stored(self, cookie: Optional[http.cookiejar.Cookie], age: int) -> bool:
        """Return whether this very cookie is in the store and has time left.

        If it has an `age` it begins anew.
        """
        if cookie is None:
            return False
        now = self._current_time()
        names = self._cookies.get(cookie.domain, {}).get(cookie.path, {})
        if names.get(cookie.name) is not cookie or has_expired(cookie, now):
            return False
        if age:
            cookie.expires = max(cookie.expires or 0, int(now) + age)
        return True

    def _remember_line(
        self, place: Tuple[str, str, str], line: str, cookie: http.cookiejar.Cookie
    ) -> None:
        """Keep a Set-Cookie line that would mean just the same a moment later."""
        if len(line) > 1024:
            return
        latest = self._current_time() + MAX_COOKIE_AGE_SECONDS - 1
        if cookie.expires is not None and cookie.expires >= latest:
            return  # it was cut to 400 days, and each new answer moves them
        ages = COOKIE_MAX_AGE.findall(line)
        age = parse_max_age(ages[0].strip(" \t")) if ages else 0
        if len(ages) > 1 or age is None or (ages and not age):
            return
        if len(self._seen_lines) >= MAX_COOKIE_HEADERS:
            self._seen_lines.clear()
        self._seen_lines[place, line] = (cookie, age)

    def make_cookies(
        self, response: Any, request: urllib.request.Request
    ) -> List[http.cookiejar.Cookie]:
        """Return the cookies that a response may set, without storing them."""
        lines = response.info().get_all("Set-Cookie") or []
        return list(cookies_set_by(lines, request.full_url, self._current_time()))

    def set_cookie_if_ok(
        self, cookie: http.cookiejar.Cookie, request: urllib.request.Request
    ) -> None:
        """Store, change or delete one cookie that `request` was answered with.

        The given policy may refuse it.
        """
        with self._cookies_lock:
            policy = self._given_policy
            if policy is not None:
                self._tell_policy_time(policy)
                if not policy.set_ok(cookie, request):
                    return
            if not cookie.secure and self._hides_secure_cookie(cookie, request):
                return
            if not has_expired(cookie, self._current_time()):
                self.set_cookie(cookie)
                return
            names = self._cookies.get(cookie.domain, {}).get(cookie.path, {})
            if cookie.name in names:
                self.clear(cookie.domain, cookie.path, cookie.name)

    def _hides_secure_cookie(
        self, cookie: http.cookiejar.Cookie, request: urllib.request.Request
    ) -> bool:
        """Return whether an unprotected answer would overlay a Secure cookie."""
        scheme, host, _ = url_place(request.full_url)
        if is_trustworthy(scheme, host):
            return False
        ours = cookie.domain.lstrip(".")
        for domain, paths in self._cookies.items():
            theirs = domain.lstrip(".")
            if not (domain_matches(theirs, ours) or domain_matches(ours, theirs)):
                continue
            for path, names in paths.items():
                old = names.get(cookie.name)
                if old is not None and old.secure and path_matches(cookie.path, path):
                    return True
        return False

    # -- files -----------------------------------------------------------------------

    def load(  # type: ignore[override]
        self,
        user: str = "",
        filename: Optional[str] = None,
        ignore_discard: bool = True,
        ignore_expires: bool = False,
    ) -> None:
        """Read the cookies of an account, and remember its file for `save`.

        The account's name becomes part of the file's: "wiki.lwp" is "wiki-Example.lwp"
        for `user="Example"`.  The cookies of the file read before leave the store: two
        accounts never mix.  A file that does not exist is an empty one; one that is
        damaged raises http.cookiejar.LoadError.  LWP and Mozilla files are told apart
        by their first line.
        """
        if filename is None:
            filename = account_filename(self._base_filename, user)
        filename = os.fspath(filename)
        with self._cookies_lock:
            if self._was_loaded and self.filename != filename:
                self.clear()
            self.filename = filename
            self._was_loaded = True
            self._on_disk = {}
            try:
                cookies = read_cookie_file(filename)
            except FileNotFoundError:
                return
            now = self._current_time()
            for cookie in cookies:
                if cookie.discard and not ignore_discard:
                    continue
                if ignore_expires or not has_expired(cookie, now):
                    self.set_cookie(cookie)
                    self._on_disk[cookie_key(cookie)] = cookie.value

    def revert(
        self,
        filename: Optional[str] = None,
        ignore_discard: bool = True,
        ignore_expires: bool = False,
    ) -> None:
        """Forget all and read the file again; if that fails, all stays as it was."""
        filename = self._known_filename(filename)
        with self._cookies_lock:
            read_cookie_file(filename)  # If that raises, nothing has been forgotten.
            self.clear()
            self.load("", filename, ignore_discard, ignore_expires)

    def _known_filename(self, filename: Optional[str]) -> str:
        filename = filename or self.filename
        if filename is None:
            raise ValueError("a filename was not supplied; load() must be called first")
        return os.fspath(filename)

    def save(
        self,
        filename: Optional[str] = None,
        ignore_discard: bool = True,
        ignore_expires: bool = False,
        *,
        max_wait_seconds: Optional[float] = None,
    ) -> None:
        """Write the cookies to the account's file, session cookies too.

        The file is replaced as a whole, with mode 0600 from its first byte, under a
        lock between processes.  What another process changed in it since we read it is
        taken over first, unless it changed here as well.  ValueError before a file is
        known; http.cookiejar.LoadError for a file of another version, which stays;
        BlockingIOError when another process holds the lock for `max_wait_seconds`, at
        most for half a minute.
        """
        filename = self._known_filename(filename)
        # The file's lock first, the store's inside it: nobody waits for the other while
        # holding what the other waits for, and requests go on meanwhile.
        with locked_file(filename, max_wait_seconds), self._cookies_lock:
            check_cookie_version(filename)
            if filename == self.filename:
                self._take_over_changes(filename)
            now = self._current_time()
            cookies = [
                cookie
                for cookie in self
                if (ignore_discard or not cookie.discard)
                and (ignore_expires or not has_expired(cookie, now))
            ]
            cookies.sort(key=lambda cookie: vars(cookie).get("created", 0))
            write_private_file(filename, cookie_file_text(cookies, filename))
            if filename == self.filename:
                self._on_disk = {cookie_key(c): c.value for c in cookies}

    def _take_over_changes(self, filename: str) -> None:
        """Apply what another process did to the file since we last read or wrote it."""
        try:
            theirs = {cookie_key(c): c for c in read_cookie_file(filename)}
        except (OSError, http.cookiejar.LoadError):
            return  # no file yet, or one that is about to be replaced by a sound one
        ours = {cookie_key(c): c.value for c in self}
        for key in set(theirs) | set(self._on_disk):
            base = self._on_disk.get(key)
            new = theirs[key].value if key in theirs else None
            if new == base or ours.get(key) != base:
                continue
            if new is None:
                self.clear(*key)
            else:
                self.set_cookie(theirs[key])
