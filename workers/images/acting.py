# SPDX-License-Identifier: Apache-2.0
"""Open, renew, leave and close a pull request for images; each act may be done again.

A branch is only taken where it ends with what our App made, or with what a closed pull request of ours keeps.
Texts take long to compute, so they are there before anything is written, and what is open is looked at again
in between. Then the commit comes first, the text after it: what died in between still has the text of before,
and is renewed once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.budget import Urgency
from policies.images import automerge, commit_message
from policies.images import record as records
from policies.images.automation import GitOperationFailed
from policies.images.grouping import Group
from policies.images.record import Record
from policies.images.updates import Step
from policies.reference import Resolved
from policies.surface import images as texts
from policies.tenancy import Write
from workers.context import Context
from workers.git import committing
from workers.github import BranchMoved, Change, PullRequest
from workers.images import editing, updating
from workers.images.describing import Describer
from workers.images.open_pulls import OpenPulls
from workers.images.place import Place
from workers.images.pushing import Work
from workers.images.updating import Task
from workers.orders import merges

EDITED = "fairway/edited"  # the label
_EDITED_COMMENT, _CLOSED_COMMENT = "images-edited", "images-closed"


@dataclass(frozen=True)
class Made:
    """A pull request that stands as it should: its number, its head, and what was done, for an event."""

    number: int
    sha: str
    said: str


@dataclass(frozen=True)
class _Wanted:
    """What is written for a group: a commit, and the text of its pull request."""

    changes: list[Change]
    message: str
    title: str
    body: str


class Actor:
    """Acts for one automation on one commit of its base; what fails is a FairwayError."""

    def __init__(
        self,
        context: Context,
        task: Task,
        work: Work,
        place: Place,
        base: Resolved,
        describer: Describer,
    ) -> None:
        self._context, self._task, self._work = context, task, work
        self._place, self._base, self._github = place, base, place.github
        self._describer = describer

    def open(self, branch: str, group: Group, pulls: OpenPulls) -> Made | None:
        """Open a pull request; None when nothing changes.

        Raises BranchMoved where one from its branch was merged or closed since it was decided on.
        """
        if (other := pulls.aimed_elsewhere(branch)) is not None:
            raise GitOperationFailed(
                f"failed to update source: pull request #{other.number} of the branch {branch} was aimed at"
                f" {other.base_ref}, and its branch is not moved under it",
                remedy=f"aim it at {self._work.to.branch} again, or close it",
            )
        closed, head = pulls.closed(branch), self._github.git_data.head(self._place.repository, branch) or ""
        if head and head not in {one.head_sha for one in closed}:
            self._refuse_others(branch, head)
        wanted = self._wanted(group)
        if wanted is None:
            return None
        self._refuse_over(group, closed, pulls.closed_now(branch))
        sha = self._committed(branch, wanted, over=head)
        repository, to, title = self._place.repository, self._work.to.branch, wanted.title
        pull = self._github.pulls.ensure(repository, head=branch, base=to, title=title, body=wanted.body)
        self._queue_merge(pull.number, group.step)
        return Made(pull.number, sha, f"opened pull request #{pull.number} {pull.url}: {title}")

    def renew(self, pull: PullRequest, group: Group) -> Made | None:
        """Have a pull request propose this on this base, in its place.

        Raises BranchMoved where somebody was at it since it was decided on, also by closing it.
        """
        wanted = self._wanted(group)
        if wanted is None:
            return None
        self._refuse_changed(pull)
        sha = self._committed(pull.head_ref, wanted, over=pull.head_sha)
        repository, title = self._place.repository, wanted.title
        self._github.pulls.rewrite(repository, pull.number, wanted.body, title=title)
        self._queue_merge(pull.number, group.step)
        if EDITED in pull.labels:
            self._handed_back(pull)
        return Made(pull.number, sha, f"renewed pull request #{pull.number} {pull.url}: {title}")

    def leave(self, pull: PullRequest, step: Step | None, *, edited: bool) -> None:
        """Leave a pull request as it is; one that a person pushed to is told so, once."""
        if not edited:
            # Whoever made it anew may have died before the last word.
            if EDITED in pull.labels:
                self._handed_back(pull)
            self._queue_merge(pull.number, step)
        elif EDITED not in pull.labels:
            repository = self._place.repository
            self._github.comments.ensure(
                repository, pull.number, _EDITED_COMMENT, texts.edited(), urgency=Urgency.PROGRESS
            )
            # Last: while the label is missing, all of this is done again.
            self._github.labels.add(repository, pull.number, EDITED)

    def close(self, pull: PullRequest, why: str) -> str:
        """Close a pull request with a word on why, so that it declines nothing, and delete its branch.

        Raises BranchMoved where somebody was at it since it was decided on.
        """
        self._refuse_changed(pull)
        repository, number = self._place.repository, pull.number
        self._github.comments.ensure(
            repository, number, _CLOSED_COMMENT, texts.closed(why), urgency=Urgency.PROGRESS
        )
        empty = records.put(pull.body, Record(self._base.sha))
        if empty != pull.body:
            self._github.pulls.rewrite(repository, number, empty)
        # GitHub closes what has no branch any more: whoever dies here leaves no branch behind.
        self._github.git_data.delete_branch(repository, pull.head_ref, at=pull.head_sha)
        self._github.pulls.close(repository, number)
        return f"closed pull request #{number} {pull.url}: {why}"

    def _wanted(self, group: Group) -> _Wanted | None:
        """Compute all that is to be written; None when no file changes."""
        files = self._files(group)
        if not files:
            return None
        title, body = self._describer.texts(group, files)
        return _Wanted(self._changes(files), self._message(group), title, body)

    def _committed(self, branch: str, wanted: _Wanted, *, over: str) -> str:
        return self._github.git_data.commit(
            self._place.repository,
            branch,
            parent=self._base.sha,
            changes=wanted.changes,
            message=wanted.message,
            over=over,
        )

    def _refuse_over(self, group: Group, before: list[PullRequest], now: list[PullRequest]) -> None:
        """Raise BranchMoved where people have decided on this meanwhile.

        One that was merged between the fetch of the base and the listing of what is open is not open, and its
        images are not in the base.
        """
        repository, images = self._place.repository, Record.of(group, "").images
        news = {one.number for one in now} - {one.number for one in before}
        merged = any(
            one.merged_at and (record := records.read(one.body)) and images.items() <= record.images.items()
            for one in now
        )
        if news or (
            merged and self._base.sha != self._github.git_data.head(repository, self._work.to.branch)
        ):
            raise BranchMoved(f"what was to be proposed to {repository} was merged or closed meanwhile")

    def _refuse_changed(self, pull: PullRequest) -> None:
        """Raise BranchMoved for a pull request that is not what was decided on: the next run decides anew."""
        repository = self._place.repository
        now = self._github.pulls.get(repository, pull.number)
        if not now.open or _told(now) != _told(pull):
            raise BranchMoved(f"{repository}#{pull.number} is not as it was when it was looked at")

    def _files(self, group: Group) -> dict[str, bytes]:
        """Return the files with what this group changes, and nothing of the others."""
        only = {path for update in group.updates for path in update.paths}
        edits = editing.edits_of(
            self._work.remote.mirror,
            self._base.sha,
            folder=self._task.folder,
            namespace=self._task.namespace,
            images={update.policy: update.image for update in group.updates},
            known={policy["metadata"]["name"] for policy in self._task.policies},
            proposed=True,
            only=only,
        )
        return dict(edits.files)

    def _changes(self, files: dict[str, bytes]) -> list[Change]:
        modes = committing.modes_of(self._work.remote.mirror, self._base.sha, files)
        return [Change(path, content, mode=modes[path]) for path, content in files.items()]

    def _message(self, group: Group) -> str:
        changes = [change for update in group.updates for change in update.changes]
        said = updating.message(self._context, self._task, self._work, changes, commit_message.message(group))
        return commit_message.with_step(said, group.step)

    def _refuse_others(self, branch: str, head: str) -> None:
        """Raise GitOperationFailed for a branch that ends with somebody else's commit."""
        if not self._github.pulls.commit(self._place.repository, head).ours:
            raise GitOperationFailed(
                f"failed to update source: the branch {branch} ends with {head[:7]}, which Fairway's App did"
                " not make, and nothing is written over that",
                remedy="delete the branch, or give it another name",
            )

    def _handed_back(self, pull: PullRequest) -> None:
        repository = self._place.repository
        if (said := self._github.comments.named(repository, pull.number, _EDITED_COMMENT)) is not None:
            self._github.comments.remove(repository, said.id)
        self._github.labels.remove(repository, pull.number, EDITED)

    def _queue_merge(self, number: int, step: Step | None) -> None:
        """Have it merged where a rule covers this step; whether it is merged is decided at that moment."""
        rules = self._place.settings.auto_merge
        if self._place.write is Write.MERGE and not automerge.unruled(step, rules):
            merges.queue(self._context, self._place.repository, number)


def _told(pull: PullRequest) -> tuple[str, str, str]:
    """Return what a decision on a pull request rests on."""
    return pull.head_sha, pull.base_ref, pull.body
