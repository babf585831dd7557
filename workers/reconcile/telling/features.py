# SPDX-License-Identifier: Apache-2.0
"""What Fairway tells in parts, each with a permission of its own: without it one rests, the others go on."""

from __future__ import annotations

from collections.abc import Callable

from workers import known_pulls
from workers.context import Context
from workers.github import PermissionMissing
from workers.permissions import forget_missing, missing_of, note_missing
from workers.workqueue import Addition, Key, Queue

CHECKS, COMMENTS, DEPLOYMENTS, STATUSES = "check runs", "comments", "deployments", "commit statuses"
ALL = (CHECKS, COMMENTS, DEPLOYMENTS, STATUSES)
_REST = 600  # seconds until a part is tried again whose permission was missing


def attempt(context: Context, repository: str, feature: str, act: Callable[[], None]) -> None:
    """Act, unless the permission for it was missing a moment ago; raises GitHubError, but not for that."""
    if context.redis.exists(_key(repository, feature)):
        return
    try:
        act()
    except PermissionMissing as error:
        news = error.permission not in missing_of(context, repository)
        note_missing(context, repository, error, feature)
        context.redis.set(_key(repository, feature), "1", ex=_REST)
        if news:
            _name_it(context, repository)
        return
    for permission, without in missing_of(context, repository).items():
        if without == feature:
            forget_missing(context, repository, permission)


def _name_it(context: Context, repository: str) -> None:
    """Have the comments say what is missing: they may have been written a moment before it was."""
    owner, _, name = repository.partition("/")
    live = known_pulls.live(context.redis, repository)
    keys = [Key("PullRequest", owner, f"{name}:{number}") for number in live]
    context.queue.add_all([Addition(key, Queue.PUSH) for key in keys])


def wake(context: Context, repository: str) -> None:
    """Have every part tried again: the App may have got permissions."""
    context.redis.delete(*(_key(repository, feature) for feature in ALL))


def _key(repository: str, feature: str) -> str:
    return f"fairway:rests:{repository.lower()}:{feature}"
