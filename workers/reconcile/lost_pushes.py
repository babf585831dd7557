# SPDX-License-Identifier: Apache-2.0
"""Pushes that nobody told of, or whose last word was not written yet when Redis was lost.

GitHub remembers who moved a branch. What was pushed there and has no final status of ours gets it, also when
it was overtaken long ago. But what was pushed before we looked after a repository stays as it is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from policies import clock, fairness
from workers import heads, untold
from workers.context import Context
from workers.github import GitHub, Move, PermissionMissing
from workers.heads import Head
from workers.permissions import note_missing
from workers.reconcile.telling import features
from workers.reconcile.telling.observing import Observed
from workers.reconcile.telling.statuses import Statuses
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)
_RECENT = timedelta(hours=1)
_STRANGERS = 5  # pushes in a row of which we said nothing: before them we were not there
_REMEMBER = 7 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class _Found:
    """Pushes to look after, newest first, and those that are final but may lack their check run."""

    lost: list[Move]
    recent: list[Move]


class LostPushes:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._statuses = Statuses(context)

    def look(self, github: GitHub, seen: Observed, branch: str) -> None:
        """Remember each push to a branch that still has to have its final status; raises GitHubError."""
        ref, client = f"refs/heads/{branch}", self._context.redis
        followers = seen.followers("", ref)
        if not followers:
            return
        since = min(clock.parse(source.obj["metadata"]["creationTimestamp"]) for source in followers)
        moves = [move for move in github.activity.of_branch(seen.repository, branch) if move.at >= since]
        try:
            found = self._found(github, seen, moves)
        except PermissionMissing as error:
            note_missing(self._context, seen.repository, error, features.STATUSES)
            return
        for move in found.recent:
            untold.add(client, seen.repository, _head(move, ref))
        private = heads.is_private(client, seen.repository)
        for move in found.lost:
            log.info("push to look after repository=%s ref=%s sha=%s", seen.repository, ref, move.after[:7])
            heads.add(client, seen.repository, _head(move, ref), private=private)
        if found.lost or found.recent:
            _report(self._context, seen)

    def _found(self, github: GitHub, seen: Observed, moves: list[Move]) -> _Found:
        heard, strange = {head.sha for head in seen.heads}, self._strange(seen.repository)
        found = _Found([], [])
        silent: list[Move] = []
        for move in moves:
            if move.after in heard or self._statuses.is_known(seen.repository, move.after):
                silent.clear()
                continue
            if move.after in strange:
                return found
            state, at = self._statuses.shown(github, seen.repository, move.after)
            if state in ("", "pending"):
                found.lost.append(move)
            elif at and self._context.now() - at < _RECENT:
                found.recent.append(move)
            silent = [*silent, move] if not state else []
            if len(silent) == _STRANGERS:
                break
        return self._without_strangers(seen.repository, found, silent)

    def _without_strangers(self, repository: str, found: _Found, silent: list[Move]) -> _Found:
        """Leave out the oldest, if nothing before them was told of either, unless they are new."""
        strangers = [move for move in silent if self._context.now() - move.at > _RECENT]
        if strangers:
            key = _strange_key(repository)
            self._context.redis.sadd(key, *(move.after for move in strangers))
            self._context.redis.expire(key, _REMEMBER)
        return _Found([move for move in found.lost if move not in strangers], found.recent)

    def _strange(self, repository: str) -> set[str]:
        found = cast("set[bytes]", self._context.redis.smembers(_strange_key(repository)))
        return {sha.decode() for sha in found}


def lost_push(context: Context, seen: Observed, ref: str, sha: str) -> None:
    """Act on the head of a branch as on a push, where sources that follow it have another commit."""
    # One that never fetched anything is at it.
    behind = [source for source in seen.followers(sha, ref) if source.sha not in ("", sha)]
    if not behind:
        return
    if sha not in {head.sha for head in seen.heads}:
        log.info("push not heard of repository=%s ref=%s sha=%s", seen.repository, ref, sha[:7])
        head = Head(sha, ref, context.now().timestamp())
        heads.add(context.redis, seen.repository, head, private=seen.private)
    for source in behind:
        metadata, url = source.obj["metadata"], context.settings.github_url
        key = Key("GitRepository", metadata["namespace"], metadata["name"])
        context.queue.add(key, Queue.PUSH, fairness.of_source(source.obj, url))
    _report(context, seen)


def _report(context: Context, seen: Observed) -> None:
    owner, _, name = seen.repository.partition("/")
    context.queue.add(Key("Repository", owner, name), Queue.PUSH)


def _head(move: Move, ref: str) -> Head:
    # To the second: whoever looked within that one may have been earlier than the push.
    return Head(move.after, ref, (move.at + timedelta(seconds=1)).timestamp())


def _strange_key(repository: str) -> str:
    return f"fairway:strangers:{repository.lower()}"
