# SPDX-License-Identifier: Apache-2.0
"""Which permissions our App lacks in a repository, and what does not work without them.

A feature that meets one goes without, the rest goes on, and the status comment names it. Only a hint in
Redis: what is lost is noted again by whoever meets it next.
"""

from __future__ import annotations

import logging
from typing import cast

from workers.context import Context
from workers.github import PermissionMissing

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


def forget_all_missing(context: Context, repository: str) -> None:
    """Forget what was missing: the App was given permissions, or the repository is another one."""
    context.redis.delete(_key(repository))


def missing_of(context: Context, repository: str) -> dict[str, str]:
    """Return the permissions (`contents: write`) that were missed in `owner/name`, each with its feature."""
    found = cast("dict[bytes, bytes]", context.redis.hgetall(_key(repository)))
    return {permission.decode(): feature.decode() for permission, feature in sorted(found.items())}


def _key(repository: str) -> str:
    return f"fairway:missing:{repository.lower()}"
