# SPDX-License-Identifier: Apache-2.0
"""Which GitHub repository a Git URL points to.

A GitRepository belongs to a repository when its URL does; whoever could write a URL that only looks like
one of ours would get statuses and tokens that are not theirs, so anything unusual points nowhere.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22}
_OWNER = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")
_NAME = re.compile(r"[a-z0-9._-]{1,100}")
_SCP = re.compile(r"(?:[A-Za-z0-9_.-]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/].*)")


def repository_of(url: str, github_url: str) -> tuple[str, str] | None:
    """Return (owner, name) when the URL lies on this GitHub, else None.

    `https://host/owner/name(.git)`, `ssh://git@host/owner/name(.git)` and `git@host:owner/name` mean the same
    repository; GitHub knows no case in owner or name, so both come back in small letters.
    """
    if not url.isascii() or re.search(r"[\s\\%?#\x00-\x1f\x7f]", url):
        return None
    if "://" not in url:
        short = _SCP.fullmatch(url)
        if short is None or not _same_host(short["host"], github_url):
            return None
        return _named(short["path"], github_url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not _same_host(parts.hostname, github_url) or parts.scheme not in _DEFAULT_PORTS:
        return None
    # Over SSH a server has another port of its own. Otherwise scheme and port are GitHub's: a token for it
    # must not go to some other service on that host, nor out in plain text.
    if parts.scheme != "ssh" and (parts.scheme, port or _DEFAULT_PORTS[parts.scheme]) != _origin(github_url):
        return None
    return _named(parts.path.removeprefix("/"), github_url)


def _same_host(host: str | None, github_url: str) -> bool:
    own = (urlsplit(github_url).hostname or "").rstrip(".")
    found = (host or "").lower().rstrip(".")
    # GitHub serves SSH under a second name where port 22 is blocked.
    return found == own or (own == "github.com" and found in ("www.github.com", "ssh.github.com"))


def _origin(github_url: str) -> tuple[str, int]:
    here = urlsplit(github_url)
    return here.scheme, here.port or _DEFAULT_PORTS[here.scheme]


def _named(path: str, github_url: str) -> tuple[str, str] | None:
    base = urlsplit(github_url).path.strip("/").lower()
    path = path.lower().removesuffix("/")
    if base:
        if not path.startswith(base + "/"):
            return None
        path = path[len(base) + 1 :]
    owner, slash, name = path.removesuffix(".git").partition("/")
    if not (slash and _OWNER.fullmatch(owner) and _NAME.fullmatch(name)) or name in (".", ".."):
        return None
    return owner, name
