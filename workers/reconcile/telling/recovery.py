# SPDX-License-Identifier: Apache-2.0
"""Find at GitHub what Redis has lost: commits that are still shown as pending, and those of the last hour."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import cast
from urllib.parse import quote

from policies import clock
from policies.commit_status import Source
from workers import heads, untold
from workers.context import Context
from workers.github import GitHub, GitHubError
from workers.heads import Head
from workers.reconcile.telling.statuses import Statuses

log = logging.getLogger(__name__)
_LOOK_BACK = 20  # commits that are asked for
_RECENT = timedelta(hours=1)  # of a final status, whose check run may not have been written
_REMEMBER = 7 * 24 * 3600  # seconds
# Another flush may have asked again meanwhile.
_DELETE_IF_SAME = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"


def flag(context: Context, repository: str) -> None:
    """Have the next report on `owner/name` look for what was lost."""
    context.redis.set(key_of(repository), secrets.token_hex(8), ex=_REMEMBER)


def recover(context: Context, repository: str, sources: Callable[[str], list[Source]]) -> None:
    """Look for what was lost, if the repository is flagged; `sources` returns those that point to it.

    It stays flagged until all of it was found, whoever dies or is away meanwhile.
    """
    store, key = context.redis, key_of(repository)
    wanted = store.get(key)
    if wanted is None or not _found(context, repository, sources):
        return
    store.eval(_DELETE_IF_SAME, 1, key, cast("bytes", wanted))


def _found(context: Context, repository: str, sources: Callable[[str], list[Source]]) -> bool:
    """Look for what was lost; tells whether GitHub could be asked."""
    github = context.github
    if github is None:
        return True
    try:
        private = _private(context, github, repository)
        for branch in {(source.obj["spec"].get("ref") or {}).get("branch") for source in sources(repository)}:
            if branch:
                _recover_branch(context, github, repository, branch, private=private)
    except GitHubError as error:
        log.warning("pending statuses not looked up repository=%s: %s", repository, error)
        return False
    return True


def _recover_branch(context: Context, github: GitHub, repository: str, branch: str, *, private: bool) -> None:
    query = f"/commits?sha={quote(branch, safe='')}&per_page={_LOOK_BACK}"
    for commit in github.call("GET", repository, query, f"list the commits of {repository}"):
        shown = github.statuses.latest(repository, commit["sha"], Statuses(context).name)
        if shown is None:
            continue
        at = clock.parse(shown["created_at"])
        head = Head(commit["sha"], f"refs/heads/{branch}", at.timestamp())
        if shown["state"] == "pending":
            heads.add(context.redis, repository, head, private=private)
        elif context.now() - at < _RECENT:
            untold.add(context.redis, repository, head)


def _private(context: Context, github: GitHub, repository: str) -> bool:
    private = github.repositories.get(repository).private
    heads.set_private(context.redis, repository, private=private)
    return private


def key_of(repository: str) -> str:
    """Return where it is noted that something of a repository is to be looked for."""
    return f"fairway:recover:{repository.lower()}"
