# SPDX-License-Identifier: Apache-2.0
"""Which permissions our App lacks in a repository, and what does not work without them.

A feature that meets one goes without, the rest goes on, and the status comment names it. Whoever asks for
that comment is told of all. Only a hint in Redis: what is lost is noted again by whoever meets it next.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import cast

from policies.github.permissions import lacking
from workers.context import Context
from workers.github import GitHubError, PermissionMissing

log = logging.getLogger(__name__)
_TTL = 24 * 3600  # seconds after one was missed last


def note_missing(context: Context, repository: str, error: PermissionMissing, feature: str) -> None:
    """Note that a feature (`rollbacks`) does not work in `owner/name`, for want of a permission."""
    log.warning("without %s repository=%s: %s", feature, repository, error)
    with context.redis.pipeline(transaction=False) as pipe:
        pipe.hset(_key(repository), error.permission, feature)
        pipe.expire(_key(repository), _TTL)
        pipe.execute()


def forget_missing(context: Context, repository: str, permission: str) -> None:
    """Note that a permission is there after all."""
    context.redis.hdel(_key(repository), permission)


def note_all_missing(context: Context, repository: str, found: Mapping[str, str]) -> None:
    """Note that these permissions are missing, each with its feature, and no others."""
    with context.redis.pipeline(transaction=True) as pipe:
        pipe.delete(_key(repository))
        if found:
            pipe.hset(_key(repository), items=[part for pair in found.items() for part in pair])
            pipe.expire(_key(repository), _TTL)
        pipe.execute()


def look(context: Context, repository: str, installation_id: int = 0) -> dict[str, str] | None:
    """Return what an installation was not given, `owner/name`'s if none is named; None when nothing tells."""
    github, (owner, _, name) = context.github, repository.partition("/")
    if github is None:
        return None
    try:
        found = github.granted(installation_id or github.installation_for(owner, name).id)
    except GitHubError as error:
        log.info("permissions not looked at repository=%s: %s", repository, error)
        return None
    return lacking(found.permissions, of_organization=found.of_organization)


def missing_of(context: Context, repository: str) -> dict[str, str]:
    """Return the permissions (`contents: write`) that were missed in `owner/name`, each with its feature."""
    found = cast("dict[bytes, bytes]", context.redis.hgetall(_key(repository)))
    return {permission.decode(): feature.decode() for permission, feature in sorted(found.items())}


def _key(repository: str) -> str:
    return f"fairway:missing:{repository.lower()}"
