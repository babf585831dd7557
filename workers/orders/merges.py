# SPDX-License-Identifier: Apache-2.0
"""Merge a rollback that Fairway opened, where the binding lets it and GitHub would let its orderer."""

from __future__ import annotations

import logging
from datetime import timedelta

from policies import fairness, merging, rollback
from policies.budget import Urgency
from policies.errors import FairwayError
from policies.orders.locks import Hold, Lock
from policies.orders.people import Role
from policies.tenancy import Write
from workers.bindings import tenant_of
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import (
    Conflict,
    GitHub,
    Method,
    NotFound,
    PermissionMissing,
    PullCommit,
    PullRequest,
    RateLimited,
)
from workers.later import Later
from workers.permissions import note_missing
from workers.standing import standing_of
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
            note_missing(self._context, repository, error, "the merging of rollbacks")
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
        undone = rollback.undone(pull.head_ref)
        if not pull.open or undone is None or pull.author.casefold() != github.identity().login.casefold():
            return False
        if pull.updated_at < self._context.now() - _GIVEN_UP_AFTER:
            return False
        match merging.decide(self._proposal(github, repository, pull, *undone)):
            case merging.LeaveIt(why):
                log.info("left to people pull=%s#%d: %s", repository, number, why)
                return False
            case merging.Wait():
                return True
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

    def _proposal(
        self, github: GitHub, repository: str, pull: PullRequest, environment: str, number: int
    ) -> merging.Proposal:
        repository_id = github.repositories.get(repository).id
        narrowed = narrowed_of(self._context, repository, repository_id=repository_id, fresh=True)
        where = narrowed.tenant.environment(environment)
        write = narrowed.tenant.write_in(where) if where and not narrowed.unreadable else Write.NONE
        if write < Write.MERGE:
            return merging.Proposal(write, False, pull.merge_state, False, Role.NONE)
        commits = github.pulls.commits(repository, pull.number)
        return merging.Proposal(
            write=write,
            required_checks=bool(github.repositories.required_checks(repository, pull.base_ref)),
            state=pull.merge_state,
            ours=len(commits) == pull.commits and all(one.ours for one in commits),
            orderer=_orderer(github, repository, commits),
            stopped_by=self._stopped(repository_id, environment, (pull.number, number)),
        )

    def _stopped(self, repository_id: int, environment: str, numbers: tuple[int, int]) -> Lock | Hold | None:
        """Return the lock, or the hold on this pull request or on the one it takes back."""
        stands = standing_of(self._context, repository_id)
        found = (stands.stops(repository_id, environment, number) for number in numbers)
        return next((one for one in found if one), None)


def _orderer(github: GitHub, repository: str, commits: list[PullCommit]) -> Role:
    """Return the role, at this moment, of whoever ordered the first commit of ours."""
    found = next(
        (number for one in commits if one.ours and (number := rollback.ordered_by(one.message))), None
    )
    login = github.people.login_of(repository, found, urgency=Urgency.FINAL) if found else ""
    if not found or not login:
        return Role.NONE
    return Role.named(github.people.role(repository, login, found, urgency=Urgency.FINAL))
