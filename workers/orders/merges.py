# SPDX-License-Identifier: Apache-2.0
"""Merge a pull request that Fairway opened, where the binding lets it and GitHub would let a person.

A rollback has somebody who ordered it; new images have a rule of the repository's own file.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from policies import fairness, merging, rollback
from policies.errors import FairwayError
from workers.bindings import tenant_of
from workers.context import Context
from workers.github import (
    Conflict,
    GitHub,
    Method,
    NotFound,
    PermissionMissing,
    PullRequest,
    RateLimited,
)
from workers.later import Later
from workers.orders.mergeable import proposal_of
from workers.permissions import note_missing
from workers.workqueue import Addition, Key, Queue

log = logging.getLogger(__name__)
KIND = "Merge"  # of keys
_GIVEN_UP_AFTER = timedelta(days=1)  # without a change of the pull request


def addition(repository: str, number: int) -> Addition:
    """Return what has a pull request of ours merged as soon as it may be."""
    owner, _, name = repository.lower().partition("/")
    key = Key(KIND, owner, f"{name}:{number}")
    return Addition(key, Queue.PUSH, fairness.of_repository(owner, name, owner))


def queue(context: Context, repository: str, number: int) -> None:
    """Have a pull request of ours merged as soon as it may be."""
    context.queue.add_all([addition(repository, number)])


class Merges:
    """Merges one pull request, or looks again later."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, owner: str, rest: str) -> None:
        """Merge `name:number` if it may be merged now."""
        name, _, number = rest.partition(":")
        repository, key = f"{owner}/{name}", Key(KIND, owner, rest)
        github = self._context.github
        if github is None or not self._context.settings.allows_account(owner):
            return
        if not tenant_of(self._context, repository).bound:
            log.info("left to people pull=%s#%s: the repository is not bound", repository, number)
            return
        try:
            again = self._merge(github, repository, int(number))
        except NotFound:
            again = False
        except PermissionMissing as error:
            note_missing(self._context, repository, error, "the merging of pull requests")
            again = False
        except RateLimited:
            raise
        except FairwayError as error:
            # A person was told that it is merged; no sweep would find it again.
            log.warning("not merged pull=%s#%s: %s", repository, number, error)
            again = error.retryable
        if again:
            Later(self._context.redis).again(key, self._context.now())
        else:
            Later(self._context.redis).succeeded(key)

    def _merge(self, github: GitHub, repository: str, number: int) -> bool:
        """Say whether to look again."""
        pull = github.pulls.get(repository, number)
        if not pull.open or pull.from_fork or pull.author.casefold() != github.identity().login.casefold():
            return False
        old = pull.updated_at < self._context.now() - _GIVEN_UP_AFTER
        if old and rollback.undone(pull.head_ref):
            return False
        if (proposal := proposal_of(self._context, github, repository, pull)) is None:
            return False
        match merging.decide(proposal):
            case merging.LeaveIt(why):
                log.info("left to people pull=%s#%d: %s", repository, number, why)
                return False
            case merging.Wait():
                return not old  # images are looked at again with each run of their automation
        return self._merged(github, repository, pull)

    def _merged(self, github: GitHub, repository: str, pull: PullRequest) -> bool:
        squash = github.repositories.get(repository).squash_only
        method = Method.SQUASH if squash else Method.MERGE
        try:
            sha = github.pulls.merge(repository, pull.number, pull.head_sha, method=method)
        except Conflict as error:
            log.info("not merged yet pull=%s#%d: %s", repository, pull.number, error)
            return True
        log.info("merged pull=%s#%d sha=%s", repository, pull.number, sha[:7])
        return False
