# SPDX-License-Identifier: Apache-2.0
"""The pull requests of an automation, as GitHub shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from redis import Redis

from policies.images import commit_message
from policies.images import record as records
from policies.images.proposals import Pull
from policies.images.record import Record
from policies.images.updates import Step
from workers.github import GitHub, PullRequest

_HOUR = timedelta(hours=1)
_KEPT = 7 * 24 * 3600  # seconds for which it is remembered what a commit is
_BEHIND = frozenset({"behind", "dirty"})  # GitHub's words
_LATELY = 300  # closed ones of everybody's that are looked through, three requests


@dataclass
class OpenPulls:
    """Those from our branches into a base of one repository; every method raises GitHubError.

    `folder` is what the automation's branches begin with, `at` the commit that the base is. What is asked is
    asked once.
    """

    github: GitHub
    repository: str
    folder: str
    base: str
    at: str
    redis: Redis
    _closed: dict[str, list[PullRequest]] = field(default_factory=dict)
    _steps: dict[int, Step | None] = field(default_factory=dict)

    @cached_property
    def open(self) -> dict[int, PullRequest]:
        """Return the open ones by number; of one branch there is no more than one."""
        return {one.number: one for one in self._anywhere if one.base_ref == self.base}

    def aimed_elsewhere(self, branch: str) -> PullRequest | None:
        """Return an open one of a branch that somebody has aimed at another base."""
        found = (one for one in self._anywhere if one.head_ref == branch and one.base_ref != self.base)
        return next(found, None)

    @cached_property
    def _anywhere(self) -> list[PullRequest]:
        return [one for one in self.github.pulls.open(self.repository) if self._is_ours(one)]

    @cached_property
    def decided_on(self) -> list[Pull]:
        """Return the open ones as decisions are made on them."""
        return [self._pull(one) for one in self.open.values()]

    def closed(self, branch: str) -> list[PullRequest]:
        """Return those of a branch that are closed or merged."""
        found, all_of_them = self._lately
        if all_of_them:
            return [one for one in found if one.head_ref == branch]
        if branch not in self._closed:
            self._closed[branch] = self.closed_now(branch)
        return self._closed[branch]

    def closed_now(self, branch: str) -> list[PullRequest]:
        """Return those of a branch that are closed or merged at this moment."""
        found = self.github.pulls.closed_from(self.repository, branch, self.base)
        return [one for one in found if self._is_ours(one)]

    def declining(self, branches: Iterable[str]) -> list[Record]:
        """Return the records of those that people closed without merging them, however they are grouped.

        Which branches ours were on is not known, since an application's name may change, so all that was
        closed is looked through; of what was closed long ago, in a repository with many, that of `branches`.
        """
        found, all_of_them = self._lately
        older = [] if all_of_them else [one for branch in branches for one in self.closed(branch)]
        records_of = (records.read(one.body) for one in (*found, *older) if not one.merged_at)
        return [one for one in records_of if one is not None]

    @cached_property
    def _lately(self) -> tuple[list[PullRequest], bool]:
        """Return ours that were closed or merged lately, and whether that is all there are."""
        found = self.github.pulls.closed_into(self.repository, self.base, _LATELY)
        return [one for one in found if self._is_ours(one)], len(found) < _LATELY

    def opened(self, now: datetime) -> list[datetime]:
        """Return when those were opened that are less than an hour old, whatever became of them."""
        changed = self.github.pulls.updated(self.repository, now - _HOUR)
        return [one.created_at for one in changed if self._is_ours(one) and one.created_at]

    def step(self, number: int) -> Step | None:
        """Return how large a step an open one makes, as our commit says; None where that is not known."""
        return self._steps.get(number)

    def _pull(self, pull: PullRequest) -> Pull:
        record = records.read(pull.body) or Record("")
        return Pull(
            pull.number,
            pull.head_ref,
            record.images,
            record.base,
            edited=not self._is_our_commit(pull, record.base),
            anew=record.wants_anew(pull.head_sha),
            files=record.files,
            behind=record.base != self.at and self._is_behind(pull.number),
        )

    def _is_behind(self, number: int) -> bool:
        """Tell whether it has to be made on the newest base.

        That is so where GitHub says it (where it does not know yet, the next run hears), and where the base
        was pushed to by force: commits that it had would come back.
        """
        shown = self.github.pulls.get(self.repository, number)
        return shown.merge_state in _BEHIND or shown.commits > 1

    def _is_our_commit(self, pull: PullRequest, base: str) -> bool:
        """Tell whether all that people have not in their base, but for its own, is one commit of our App.

        What a commit is does not change, so that of each head it is asked once.
        """
        key = f"fairway:proposed:{self.repository.lower()}:{pull.head_sha}"
        known = self.redis.get(key)
        if isinstance(known, bytes):
            self._steps[pull.number] = commit_message.step_of(known.decode())
            return True
        commits = self.github.pulls.commits(self.repository, pull.number)
        found = commits[0] if len(commits) == 1 else None
        if found is None:
            # A base that was pushed to by force shows commits of its own above what it is now.
            if self.github.git_data.parents(self.repository, pull.head_sha) != [base]:
                return False
            found = self.github.pulls.commit(self.repository, pull.head_sha)
        if not found.ours or found.sha != pull.head_sha:
            return False
        step = commit_message.step_of(found.message)
        self._steps[pull.number] = step
        self.redis.set(key, commit_message.with_step("", step) if step else "", ex=_KEPT)
        return True

    def _is_ours(self, pull: PullRequest) -> bool:
        login = self.github.identity().login.casefold()
        ours = pull.author.casefold() == login and not pull.from_fork
        return ours and pull.head_ref.startswith(self.folder)
