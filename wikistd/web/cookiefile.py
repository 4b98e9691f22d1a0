"""Cookie files: LWP and Mozilla text, written for the owner's eyes only, and whole.

In: cookies or a path.  Out: text, cookies.  Spec: the two formats of http.cookiejar.
Holds: nothing.  Not here: what the cookies mean (setcookie.py, cookies.py).
"""

from __future__ import annotations

import calendar
import contextlib
import errno
import http.cookiejar
import os
import re
import stat
import time
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from .storedcookie import new_cookie

LWP_COOKIES_HEAD = "#LWP-Cookies-2.0\n"
MOZILLA_COOKIES_HEAD = "# Netscape HTTP Cookie File\n"

#: Where a store that was given no file name keeps its cookies, in the user's home.
COOKIE_FOLDER = ".wikistd"

#: So old is no file that another process is still writing.
LEFT_BEHIND_SECONDS = 3600.0

#: A lock is held while a file is read and written: for some milliseconds.
MAX_LOCK_SECONDS = 30.0
LOCK_POLL_SECONDS = 0.01

#: A later end (in the year 33658) is no end but damage; neither is "inf" or "nan".
MAX_COOKIE_SECONDS = 1e12

#: Patterns as text: compiling costs at import, and not all read files.
#: What stands between two semicolons of a line of an LWP file, quoted text as a whole.
LWP_PIECE = r"""(?:[^;"]|"(?:[^"\\]|\\.)*")+"""
LWP_TIME = "([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})Z"
LWP_ESCAPE = r"\\(.)"

#: What http.cookiejar writes about a cookie besides its name, value and attributes.
LWP_FIELDS = frozenset(
    "comment commenturl discard domain domain_dot expires path path_spec port "
    "port_spec secure version".split()
)

#: Characters that mean something to some file system.
UNSAFE_FILENAME_CHARACTERS = r'[/\\:*?"<>|\x00-\x20]'


def account_filename(filename: Optional[str], user: str) -> str:
    """Return the cookie file of `user`: the account's name goes before the suffix.

    "wiki.lwp" and "Example Bot" give "wiki-Example_Bot.lwp".  Without a file name it is
    "cookies.lwp" in the folder `.wikistd` of the user's home.
    """
    if not filename:
        home = os.path.expanduser("~")
        filename = os.path.join(home, COOKIE_FOLDER, "cookies.lwp")
    if not user:
        return filename
    safe = re.sub(UNSAFE_FILENAME_CHARACTERS, "_", user)
    stem, suffix = os.path.splitext(filename)
    return "%s-%s%s" % (stem, safe, suffix)


def encode_mozilla_cookies(cookies: Iterable[http.cookiejar.Cookie]) -> str:
    """Return the text of a cookies.txt file, as curl and browsers' tools read it."""
    lines = [MOZILLA_COOKIES_HEAD]
    for cookie in cookies:
        prefix = "#HttpOnly_" if cookie.has_nonstandard_attr("HttpOnly") else ""
        fields = (
            prefix + cookie.domain,
            "TRUE" if cookie.domain.startswith(".") else "FALSE",
            cookie.path,
            "TRUE" if cookie.secure else "FALSE",
            "" if cookie.expires is None else str(cookie.expires),
            cookie.name,
            cookie.value or "",
        )
        if not any("\t" in field for field in fields):  # the format has no escape
            lines.append("\t".join(fields) + "\n")
    return "".join(lines)


def parse_mozilla_cookies(text: str, filename: str) -> List[http.cookiejar.Cookie]:
    """Return the cookies of a cookies.txt file; LoadError if it is none."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        rest: Dict[str, Any] = {}
        if line.startswith("#HttpOnly_"):
            rest["HttpOnly"] = None
            line = line[len("#HttpOnly_") :]
        line = line.rstrip("\r")
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 7:
            raise http.cookiejar.LoadError(
                "%s, line %d: %d fields instead of the 7 of a cookies.txt file"
                % (filename, number, len(fields))
            )
        domain, subdomains, path, secure, expires, name, value = fields
        if subdomains == "TRUE" and not domain.startswith("."):
            domain = "." + domain
        elif subdomains == "FALSE":
            domain = domain.lstrip(".")
        # "0" is curl's way to write a session cookie, "" is http.cookiejar's.
        ends = None
        if expires not in ("", "0"):
            try:
                ends = float(expires)
            except ValueError:
                ends = float("nan")
            if not abs(ends) < MAX_COOKIE_SECONDS:
                raise http.cookiejar.LoadError(
                    "%s, line %d: its expiry is no number" % (filename, number)
                )
        found.append(
            new_cookie(
                name,
                value,
                domain,
                path,
                secure=secure == "TRUE",
                expires=ends,
                rest=rest,
            )
        )
    return found


def parse_lwp_cookies(text: str, filename: str) -> List[http.cookiejar.Cookie]:
    """Return the cookies of an LWP file; LoadError, without the line, if it is none."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        head, mark, value = line.partition("Set-Cookie3:")
        if head or not mark:
            continue
        pairs = split_lwp_pairs(value)
        fields = {name.lower(): said for name, said in pairs[1:]}
        expires = fields.get("expires") or ""
        ends = parse_lwp_time(expires)
        domain, path = fields.get("domain"), fields.get("path")
        if not pairs or not domain or not path or (expires and ends is None):
            raise http.cookiejar.LoadError(
                "%s, line %d: not a cookie as LWP files hold them" % (filename, number)
            )
        name, content = pairs[0]
        rest: Dict[str, Any] = {
            name: said for name, said in pairs[1:] if name.lower() not in LWP_FIELDS
        }
        found.append(
            new_cookie(
                name,
                content,
                domain,
                path,
                secure="secure" in fields,
                expires=ends,
                rest=rest,
            )
        )
    return found


def split_lwp_pairs(text: str) -> List[Tuple[str, Optional[str]]]:
    """Return the (name, value) pairs of a Set-Cookie3 line, None where is no value."""
    pairs: List[Tuple[str, Optional[str]]] = []
    for piece in re.findall(LWP_PIECE, text):
        name, equals, value = piece.partition("=")
        value = value.strip()
        if value.startswith('"'):
            value = re.sub(LWP_ESCAPE, r"\1", value[1:-1])
        if name.strip():
            pairs.append((name.strip(), value if equals else None))
    return pairs


def parse_lwp_time(text: str) -> Optional[int]:
    """Return the seconds since 1970 of "2027-02-10 16:33:12Z", None if it is not so."""
    match = re.fullmatch(LWP_TIME, text)
    if match is None:
        return None
    try:
        return calendar.timegm(tuple(map(int, match.groups())))
    except ValueError:  # a thirteenth month
        return None


def write_private_file(filename: str, text: str) -> None:
    """Replace a file as a whole; no moment and no crash shows half of it, or to others.

    The new file has mode 0600 from its first byte, whatever the old one's was.  A
    symbolic link stays one: what it points to is replaced.
    """
    filename = os.path.realpath(filename)
    folder = existing_folder(filename)
    remove_left_behind(filename)
    name = ".%s.%s.new" % (os.path.basename(filename), os.urandom(8).hex())
    passing = os.path.join(folder, name)
    # O_EXCL: never through a link that somebody else put there.
    handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(passing, filename)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(passing)
        raise


def existing_folder(path: str) -> str:
    """Return the folder of `path`; only that in the user's home is made, mode 0700.

    FileNotFoundError for another one: a misspelt path would keep a login somewhere.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        home = os.path.realpath(os.path.expanduser("~"))
        if folder != os.path.join(home, COOKIE_FOLDER):
            sentence = "there is no folder %s: make it first" % folder
            raise FileNotFoundError(errno.ENOENT, sentence, path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def remove_left_behind(filename: str) -> None:
    """Remove what writers of `filename` that were killed have left beside it.

    Young ones stay: another process may be at work on them.
    """
    folder, name = os.path.split(filename)
    pattern = r"\.%s\.[0-9a-f]{16}\.new" % re.escape(name)
    with contextlib.suppress(OSError):
        for each in os.listdir(folder):
            if re.fullmatch(pattern, each):
                path = os.path.join(folder, each)
                if time.time() - os.lstat(path).st_mtime > LEFT_BEHIND_SECONDS:
                    os.unlink(path)


@contextlib.contextmanager
def locked_file(filename: str, seconds: Optional[float] = None) -> Iterator[None]:
    """Keep other processes and threads out of `filename` in a with block.

    The lock is on a file beside it, `filename` + ".lock", since the file itself is
    replaced.  Where the system has no locks there is none.  BlockingIOError when it is
    held for `seconds`, MAX_LOCK_SECONDS at most, as by a process that was stopped.
    """
    path = os.path.realpath(filename) + ".lock"
    existing_folder(path)
    # Through no link that somebody else put there, and waiting for nobody.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
    try:
        lock_handle(handle, path, seconds)
        yield
    finally:
        os.close(handle)  # which ends the lock, on every system


def lock_handle(handle: int, path: str, seconds: Optional[float] = None) -> None:
    """Wait for the exclusive lock on the open file `path`."""
    if seconds is None or seconds > MAX_LOCK_SECONDS:
        seconds = MAX_LOCK_SECONDS
    until = time.monotonic() + seconds
    while not try_lock_handle(handle):
        if time.monotonic() >= until:
            sentence = "another process holds it for over %g seconds" % seconds
            raise BlockingIOError(errno.EAGAIN, sentence, path)
        time.sleep(LOCK_POLL_SECONDS)


def try_lock_handle(handle: int) -> bool:
    """Lock an open file against other processes; False when another holds it."""
    try:
        import fcntl
    except ImportError:
        return try_windows_lock(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def try_windows_lock(handle: int) -> bool:
    """Lock the first byte of an open file; True where the system has no locks."""
    try:
        import msvcrt
    except ImportError:
        return True
    locking = getattr(msvcrt, "locking")  # noqa: B009 (typed on Windows only)
    os.lseek(handle, 0, os.SEEK_SET)
    try:
        locking(handle, getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    except OSError:
        return False
    return True


def read_cookie_file(filename: str) -> List[http.cookiejar.Cookie]:
    """Return the cookies of an LWP or Mozilla file, expired ones too."""
    check_cookie_version(filename)
    with open(filename, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    if not text.startswith("#LWP-Cookies-2"):
        # Mozilla files from other tools lack the first line sometimes.
        return parse_mozilla_cookies(text, filename)
    return parse_lwp_cookies(text, filename)


def check_cookie_version(filename: str) -> None:
    """LoadError where the file is a FIFO, or of a version that is not LWP's 2.0."""
    try:
        if stat.S_ISFIFO(os.stat(filename).st_mode):
            # Opening it would wait for a writer, and it can be read once only.
            raise http.cookiejar.LoadError("%s is a FIFO, not a file" % filename)
        with open(filename, encoding="utf-8", errors="replace") as file:
            head = file.readline(80).strip()
    except FileNotFoundError:
        return
    if head.startswith("#LWP-Cookies-") and not head.startswith("#LWP-Cookies-2"):
        raise http.cookiejar.LoadError(
            "%s begins with %s, not with %s: it was left as it is"
            % (filename, head, LWP_COOKIES_HEAD.strip())
        )


def cookie_file_text(cookies: List[http.cookiejar.Cookie], filename: str) -> str:
    """Return the text of a file: Mozilla's if it is named .txt, LWP's otherwise."""
    if filename.endswith(".txt"):
        return encode_mozilla_cookies(cookies)
    writer = http.cookiejar.LWPCookieJar()
    for cookie in cookies:
        if not cookie.name:  # http.cookiejar's way to write a nameless cookie
            cookie = new_cookie(
                cookie.value or "",
                None,
                cookie.domain,
                cookie.path,
                secure=cookie.secure,
                expires=cookie.expires,
            )
        writer.set_cookie(cookie)
    return LWP_COOKIES_HEAD + writer.as_lwp_str(True, True)
