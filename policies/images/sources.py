# SPDX-License-Identifier: Apache-2.0
"""Where the makers of an image say that its source is, by its OCI label, and what of that may be told.

The label is whatever somebody built into an image: it may lead to a repository that only our App may read.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from policies.github.urls import repository_of

_LONGEST = 300  # characters of an address


def repository(source: str, github_url: str) -> str:
    """Return `owner/name` when a label leads to this GitHub, also to a place below; else nothing."""
    parts = source.removeprefix("git+").split("/")
    found = repository_of(source.removeprefix("git+"), github_url)
    if found is None and len(parts) > 5:
        found = repository_of("/".join(parts[:5]), github_url)
    return "/".join(found) if found else ""


def address(source: str) -> str:
    """Return the address that a label gives, if it is one that people can open; else nothing."""
    parts = urlsplit(source) if source.isascii() and source.isprintable() else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        return ""
    return source if len(source) <= _LONGEST else ""


def may_be_told(
    source: str, *, private: bool, to: str, to_private: bool, tenancy: Literal["single", "strict"]
) -> bool:
    """Tell whether the readers of one repository may read what another one says of its releases."""
    if not private or source.casefold() == to.casefold():
        return True
    return to_private and tenancy == "single" and _owner(source) == _owner(to)


def tags(tag: str) -> tuple[str, ...]:
    """Return what a release of an image's tag may be called."""
    return (tag, tag[1:]) if tag.startswith("v") else (tag, f"v{tag}")


def _owner(repository: str) -> str:
    return repository.partition("/")[0].casefold()
