# SPDX-License-Identifier: Apache-2.0
"""Pushes that nobody told of, or whose last word was not written yet when Redis was lost.

GitHub remembers who moved a branch. What was pushed there and has no final status of ours gets it, also when
it was overtaken long ago. But what was pushed before we looked after a repository stays as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
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


class LostPushes:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._statuses = Statuses(context)

    def look(self, github: GitHub, seen: Observed, branch: str) -> None:
        """Remember each push to a branch that still has to have its final status; raises GitHubError.

        What was found stays so, whatever becomes of the look: the next one goes on from there.
        """
        if not seen.followers("", f"refs/heads/{branch}"):
            return
        look = _Look(self._context, self._statuses, github, seen, f"refs/heads/{branch}")
        try:
            look.through(github.activity.of_branch(seen.repository, branch))
        except PermissionMissing as error:
            note_missing(self._context, seen.repository, error, features.STATUSES)
        finally:
            if look.lost:
                _report(self._context, seen)
            elif look.recent:
                # All was said in short; nobody waits for whether it was at length, too.
                self._context.queue.add(Key("Report", *seen.repository.split("/")))


class _Look:
    """One look at a branch's moves, the newest first."""

    def __init__(
        self, context: Context, statuses: Statuses, github: GitHub, seen: Observed, ref: str
    ) -> None:
        self._context, self._statuses, self._github = context, statuses, github
        self._seen, self._ref = seen, ref
        self._heard = {head.sha for head in seen.heads}
        self._silent: list[Move] = []  # older ones without a word of ours, until one with a word comes
        self.lost = self.recent = False

    def through(self, moves: Iterable[Move]) -> None:
        """Look at one after the other, until it is clear that we were not there before."""
        followers = self._seen.followers("", self._ref)
        since = min(clock.parse(source.obj["metadata"]["creationTimestamp"]) for source in followers)
        strange = self._strange()
        for move in moves:
            if move.after in strange:
                self._told()  # what came after it came when we were there
            if move.at < since or move.after in strange:
                break
            self._at(move)
            if len(self._silent) == _STRANGERS:
                break
        if self._silent:
            key = _strange_key(self._seen.repository)
            self._context.redis.sadd(key, *(move.after for move in self._silent))
            self._context.redis.expire(key, _REMEMBER)

    def _at(self, move: Move) -> None:
        repository, now = self._seen.repository, self._context.now()
        if move.after in self._heard or self._statuses.is_final(repository, move.after):
            self._told()
            return
        state, at = self._statuses.shown(self._github, repository, move.after)
        if not state and now - move.at > _RECENT:
            self._silent.append(move)
            return
        if state:
            self._told()
        if state in ("", "pending"):
            self._lost(move)
        elif at and now - at < _RECENT:
            untold.add(self._context.redis, repository, _head(move, self._ref))
            self.recent = True

    def _told(self) -> None:
        """Something was said of this push, so that those after it are ours, too."""
        for move in self._silent:
            self._lost(move)
        self._silent = []

    def _lost(self, move: Move) -> None:
        client, repository = self._context.redis, self._seen.repository
        log.info("push to look after repository=%s ref=%s sha=%s", repository, self._ref, move.after[:7])
        private = heads.is_private(client, repository)
        heads.add(client, repository, _head(move, self._ref), private=private, unless_known=True)
        self.lost = True

    def _strange(self) -> set[str]:
        found = cast("set[bytes]", self._context.redis.smembers(_strange_key(self._seen.repository)))
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
        heads.add(context.redis, seen.repository, head, private=seen.private, unless_known=True)
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
