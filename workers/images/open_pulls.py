# SPDX-License-Identifier: Apache-2.0
"""The pull requests of an automation, as GitHub shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from policies.images import record as records
from policies.images.proposals import Pull
from policies.images.record import Record
from workers.github import GitHub, PullRequest

_HOUR = timedelta(hours=1)


@dataclass
class OpenPulls:
    """Those from our branches into a base of one repository; every method raises GitHubError.

    `folder` is what the automation's branches begin with. What is asked is asked once.
    """

    github: GitHub
    repository: str
    folder: str
    base: str
    _open: dict[int, PullRequest] | None = None
    _closed: dict[str, list[PullRequest]] = field(default_factory=dict)

    @property
    def open(self) -> dict[int, PullRequest]:
        """Return the open ones by number; of one branch there is no more than one."""
        if self._open is None:
            found = self.github.pulls.open(self.repository)
            self._open = {
                one.number: one for one in found if self._is_ours(one) and one.base_ref == self.base
            }
        return self._open

    def decided_on(self) -> list[Pull]:
        """Return the open ones as decisions are made on them."""
        return [self._pull(one) for one in self.open.values()]

    def closed(self, branch: str) -> list[PullRequest]:
        """Return those of a branch that are closed or merged, the newest first."""
        if branch not in self._closed:
            found = self.github.pulls.closed_from(self.repository, branch, self.base)
            self._closed[branch] = [one for one in found if self._is_ours(one)]
        return self._closed[branch]

    def declining(self, branches: Iterable[str]) -> list[Record]:
        """Return the records of those of some branches that people closed without merging them."""
        found = (
            records.read(one.body) for branch in branches for one in self.closed(branch) if not one.merged_at
        )
        return [one for one in found if one is not None]

    def opened(self, now: datetime) -> list[datetime]:
        """Return when those were opened that are less than an hour old, whatever became of them."""
        changed = self.github.pulls.updated(self.repository, now - _HOUR)
        return [one.created_at for one in changed if self._is_ours(one) and one.created_at]

    def _pull(self, pull: PullRequest) -> Pull:
        record = records.read(pull.body) or Record("")
        return Pull(
            pull.number,
            pull.head_ref,
            record.images,
            record.base,
            edited=not self._is_our_commit(pull),
            anew=record.wants_anew(pull.head_sha),
        )

    def _is_our_commit(self, pull: PullRequest) -> bool:
        """Tell whether all there is to merge is one commit that our App made."""
        commits = self.github.pulls.commits(self.repository, pull.number)
        return len(commits) == 1 and commits[0].ours and commits[0].sha == pull.head_sha

    def _is_ours(self, pull: PullRequest) -> bool:
        login = self.github.identity().login.casefold()
        ours = pull.author.casefold() == login and not pull.from_fork
        return ours and pull.head_ref.startswith(self.folder)
