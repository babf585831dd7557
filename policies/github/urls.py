# SPDX-License-Identifier: Apache-2.0
"""Which GitHub repository a Git URL points to."""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def repository_of(url: str, github_url: str) -> tuple[str, str] | None:
    """Return (owner, name) when the URL lies on this GitHub, else None.

    `https://host/owner/name(.git)` and `ssh://git@host/owner/name(.git)` mean the same repository; GitHub
    knows no case in owner or name, so both come back in small letters.
    """
    try:
        there, here = urlsplit(url), urlsplit(github_url)
        port, own_port = there.port, here.port
    except ValueError:
        return None
    if not there.hostname or there.hostname.casefold() != (here.hostname or "").casefold():
        return None
    if there.scheme in _DEFAULT_PORTS and (port or _DEFAULT_PORTS[there.scheme]) != (
        own_port or _DEFAULT_PORTS.get(here.scheme, 443)
    ):
        return None
    if there.scheme not in ("http", "https", "ssh"):
        return None
    base = here.path.strip("/")
    path = there.path.strip("/")
    if base:
        if not path.startswith(base + "/"):
            return None
        path = path[len(base) + 1 :]
    parts = path.removesuffix(".git").split("/")
    if len(parts) != 2 or not all(parts):
        return None
    return parts[0].lower(), parts[1].lower()
