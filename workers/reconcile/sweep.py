# SPDX-License-Identifier: Apache-2.0
"""Look at GitHub for what its webhooks did not tell or Redis has lost: pushes, pull requests, deliveries.

Everything is read by ETag, and what was seen before sets nothing off.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import redis

from policies import fairness
from policies.budget import Urgency
from policies.commit_status import State
from policies.github.urls import repository_of
from policies.pushes import follows
from workers import heads, known_pulls
from workers.context import Context
from workers.github import GitHub, GitHubError, PermissionMissing, PullRequest
from workers.permissions import note_missing
from workers.reconcile.lost_pushes import LostPushes, lost_push
from workers.reconcile.telling import features
from workers.reconcile.telling.observing import Observed, Observer
from workers.reconcile.telling.repository_file import RepositoryFile
from workers.reconcile.telling.statuses import Statuses
from workers.workqueue import Addition, Key, Queue

log = logging.getLogger(__name__)
MERGES = "merges"  # the part of a sweep that a push sets off
_LOOK_BACK = timedelta(hours=6)
_AFTER_A_PUSH = timedelta(minutes=10)
_TRIES = 3  # times that a delivery is sent again
_MOST_DELIVERIES = 100  # sent again at once
_REMEMBER = 3 * 24 * 3600  # seconds, after which GitHub forgets deliveries


class Sweep:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._observer = Observer(context)
        self._lost = LostPushes(context)

    def reconcile(self, owner: str, name: str) -> None:
        """Sweep a repository, or just its merges (`name:merges`)."""
        short, _, part = name.partition(":")
        repository, github = f"{owner}/{short}".lower(), self._context.github
        seen = self._observer.observe(repository, judged=False)
        if not seen.sources or github is None:
            return
        try:
            if part == MERGES:
                self._merges(github, seen, _AFTER_A_PUSH, Urgency.FINAL)
                return
            self._branches(github, seen)
            self._merges(github, seen, _LOOK_BACK, Urgency.PROGRESS)
            self._open(github, seen)
        except PermissionMissing as error:
            note_missing(self._context, repository, error, features.COMMENTS)

    def _merges(self, github: GitHub, seen: Observed, since: timedelta, urgency: Urgency) -> None:
        """Queue the pull requests that were merged of late and have no final comment."""
        now = self._context.now()
        states = known_pulls.states(self._context.redis, seen.repository, now.timestamp())
        updated = github.pulls.updated(seen.repository, now - since, urgency=urgency)
        numbers = {
            pull.number
            for pull in updated
            if pull.merged_at and _is_followed(seen, pull) and states.get(pull.number) != State.SUCCESS.word
        }
        self._queue(seen, numbers | set(known_pulls.live(self._context.redis, seen.repository)))

    def _open(self, github: GitHub, seen: Observed) -> None:
        """Queue the open pull requests whose head was never told that nothing is applied yet."""
        told = Statuses(self._context).told(seen.repository)
        pulls = github.pulls.open(seen.repository, urgency=Urgency.PROGRESS)
        self._queue(seen, {pull.number for pull in pulls if pull.head_sha not in told})

    def _branches(self, github: GitHub, seen: Observed) -> None:
        """Act on the head of a branch as on a push, where its source has another commit."""
        about = github.repositories.get(seen.repository, urgency=Urgency.PROGRESS)
        heads.set_private(self._context.redis, seen.repository, private=about.private)
        branches = {(source.obj["spec"].get("ref") or {}).get("branch") for source in seen.sources}
        for branch in sorted(filter(None, branches)):
            self._lost.look(github, seen, branch)
            sha = github.git_data.head(seen.repository, branch, urgency=Urgency.PROGRESS)
            if sha is None:
                continue
            lost_push(self._context, seen, f"refs/heads/{branch}", sha)
            if branch == about.default_branch:
                RepositoryFile(self._context, github).on_branch(seen.repository, branch, sha)

    def _queue(self, seen: Observed, numbers: set[int]) -> None:
        owner, _, name = seen.repository.partition("/")
        share = fairness.of_repository(owner, name, seen.sources[0].obj["metadata"]["namespace"])
        keys = [Key("PullRequest", owner, f"{name}:{number}") for number in sorted(numbers)]
        self._context.queue.add_all([Addition(key, Queue.PUSH, share) for key in keys])


class LostDeliveries:
    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, owner: str, name: str) -> None:
        """Have GitHub send again what did not arrive since the last look; one key stands for the App."""
        github, client, now = self._context.github, self._context.redis, self._context.now()
        if github is None:
            return
        for delivery in github.deliveries.failed(self._since(client, now))[:_MOST_DELIVERIES]:
            if client.hincrby(_TRIED, delivery.guid, 1) > _TRIES:
                continue
            client.expire(_TRIED, _REMEMBER)
            log.info("delivery asked for again guid=%s event=%s", delivery.guid, delivery.event)
            try:
                github.deliveries.redeliver(delivery.id)
            except GitHubError as error:
                if error.retryable:
                    raise
                log.warning("delivery not sent again guid=%s: %s", delivery.guid, error)
        client.set(_LOOKED, repr(now.timestamp()), ex=_REMEMBER)

    def _since(self, client: redis.Redis, now: datetime) -> datetime:
        found = client.get(_LOOKED)
        last = datetime.fromtimestamp(float(found), now.tzinfo) if found else now - _LOOK_BACK
        # A delivery shows its result when it is over, and one that fails again is looked at once more.
        return last - _AFTER_A_PUSH


_LOOKED = "fairway:deliveries:looked"
_TRIED = "fairway:deliveries:tried"


def _is_followed(seen: Observed, pull: PullRequest) -> bool:
    return any(follows(source.obj, f"refs/heads/{pull.base_ref}") for source in seen.sources)


def names_of(context: Context, owner: str) -> list[tuple[str, str]]:
    """Return (owner, name) of an account's repositories that some source points to."""
    cluster = context.cluster
    found, _ = cluster.list(cluster.discovery.resource("source.toolkit.fluxcd.io", "v1", "GitRepository"))
    names = {
        repository_of(str((one.get("spec") or {}).get("url", "")), context.settings.github_url)
        for one in found
    }
    return sorted(name for name in names if name and name[0] == owner.lower())
