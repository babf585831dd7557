# SPDX-License-Identifier: Apache-2.0
"""A pull request was opened, changed, merged or closed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from policies.github.payload import SHA, Payload, branch, number, optional, text, value
from policies.github.subjects import Account, Place, account, author, installation_id, repository


class PullRequestAction(StrEnum):
    """What happens to a pull request that concerns us."""

    OPENED = "opened"
    REOPENED = "reopened"
    SYNCHRONIZE = "synchronize"
    EDITED = "edited"
    CLOSED = "closed"
    READY_FOR_REVIEW = "ready_for_review"
    CONVERTED_TO_DRAFT = "converted_to_draft"


@dataclass(frozen=True, slots=True)
class Head:
    """What would be merged; `repository_id` is None when the fork it lies in is gone."""

    ref: str
    sha: str
    repository_id: int | None


@dataclass(frozen=True, slots=True)
class Base:
    """What it would be merged into, and where that was when GitHub last looked."""

    ref: str
    sha: str


@dataclass(frozen=True, slots=True)
class PullRequest(Place):
    """A pull request changed; `old_base` is the branch it was aimed at before an edit that retargeted it.

    `merge_commit_sha` is what was merged once `merged` is true; before that, a trial merge, or None.
    """

    action: PullRequestAction
    sender: Account
    number: int
    author: Account | None
    head: Head
    base: Base
    draft: bool
    merged: bool
    merge_commit_sha: str | None
    old_base: str | None

    @property
    def from_fork(self) -> bool:
        return self.head.repository_id != self.repository.id


def pull_request(payload: Payload, action: PullRequestAction) -> PullRequest:
    """Read the event; raises MalformedEvent."""
    pull = "pull_request"
    return PullRequest(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        sender=account(payload, "sender"),
        number=number(payload, pull, "number"),
        author=author(payload, pull, "user"),
        head=Head(
            ref=branch(payload, pull, "head", "ref"),
            sha=text(payload, SHA, pull, "head", "sha"),
            repository_id=optional(
                lambda: number(payload, pull, "head", "repo", "id"), payload, pull, "head", "repo"
            ),
        ),
        base=Base(branch(payload, pull, "base", "ref"), text(payload, SHA, pull, "base", "sha")),
        draft=value(payload, bool, pull, "draft"),
        merged=value(payload, bool, pull, "merged"),
        merge_commit_sha=optional(
            lambda: text(payload, SHA, pull, "merge_commit_sha"), payload, pull, "merge_commit_sha"
        ),
        old_base=optional(
            lambda: branch(payload, "changes", "base", "ref", "from"), payload, "changes", "base"
        ),
    )
