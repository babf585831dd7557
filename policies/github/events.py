# SPDX-License-Identifier: Apache-2.0
"""GitHub's events as a closed set of values; nothing past this package sees raw JSON.

An event we know with an action that concerns nobody, such as a label on a pull request, is an Other: of it
only the account is read, so that GitHub may change the rest as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from policies.github import subjects
from policies.github.administration import (
    Installation,
    InstallationAction,
    Other,
    Ping,
    RepositoryAction,
    RepositoryChange,
    installation,
    other,
    repository_change,
)
from policies.github.checks import (
    CheckRun,
    CheckRunAction,
    CheckSuite,
    CheckSuiteAction,
    MergeGroup,
    MergeGroupAction,
    check_run,
    check_suite,
    merge_group,
)
from policies.github.comments import Comment, CommentAction, Review, ReviewAction, comment, review
from policies.github.payload import REF, SHA, MalformedEvent, Payload, text
from policies.github.pull_requests import PullRequest, PullRequestAction, pull_request
from policies.github.subjects import Account, Place, Repository

__all__ = [
    "KNOWN",
    "Account",
    "CheckRun",
    "CheckSuite",
    "Comment",
    "Event",
    "Installation",
    "MalformedEvent",
    "MergeGroup",
    "Other",
    "Ping",
    "Place",
    "PullRequest",
    "Push",
    "Repository",
    "RepositoryChange",
    "Review",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Push(Place):
    """A ref moved: from `before` to `after`, all zeros standing for "was not there"."""

    ref: str
    before: str
    after: str

    @property
    def deleted(self) -> bool:
        return set(self.after) == {"0"}


Event = (
    Push
    | Ping
    | PullRequest
    | Comment
    | Review
    | CheckRun
    | CheckSuite
    | MergeGroup
    | Installation
    | RepositoryChange
    | Other
)
A = TypeVar("A", bound=StrEnum)


def parse(name: str, payload: Any) -> Event | None:
    """Turn an event into a value; None for one we do not know. Raises MalformedEvent."""
    if not isinstance(payload, dict):
        raise MalformedEvent("the payload is not a JSON object")
    read = _READERS.get(name)
    return None if read is None else read(payload)


def _push(payload: Payload) -> Push:
    return Push(
        repository=subjects.repository(payload),
        installation_id=subjects.installation_id(payload),
        ref=text(payload, REF, "ref"),
        before=text(payload, SHA, "before"),
        after=text(payload, SHA, "after"),
    )


def _of(
    name: str, actions: type[A], read: Callable[[Payload, A], Event]
) -> tuple[str, Callable[[Payload], Event]]:
    def parsed(payload: Payload) -> Event:
        action = subjects.action(payload)
        return read(payload, actions(action)) if action in set(actions) else other(name, payload)

    return name, parsed


_READERS: Mapping[str, Callable[[Payload], Event]] = dict(
    [
        ("push", _push),
        ("ping", lambda payload: Ping()),
        _of("pull_request", PullRequestAction, pull_request),
        _of("issue_comment", CommentAction, comment),
        _of("pull_request_review", ReviewAction, review),
        _of("check_run", CheckRunAction, check_run),
        _of("check_suite", CheckSuiteAction, check_suite),
        _of("merge_group", MergeGroupAction, merge_group),
        _of("installation", InstallationAction, installation),
        _of("installation_repositories", InstallationAction, installation),
        _of("repository", RepositoryAction, repository_change),
    ]
)
KNOWN = frozenset(_READERS)
