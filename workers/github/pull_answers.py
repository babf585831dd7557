# SPDX-License-Identifier: Apache-2.0
"""Pull requests, their reviews and commits, as they are read from GitHub's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from policies.clock import parse
from workers.github.calls import AppIdentity

_WEB = "noreply@github.com"  # the committer of what GitHub makes for others, signed with its own key


@dataclass(frozen=True)
class PullRequest:
    """A pull request as GitHub shows it.

    `mergeable` is None and `merge_state`, GitHub's word such as clean or blocked, `unknown` until GitHub has
    found out, and in lists, which do not count `commits` or tell the login `merged_by` either. `merge_sha`
    counts once `merged_at` is set.
    `head_repository_id` is None when the fork is gone.
    """

    number: int
    title: str
    body: str
    author: str
    author_id: int
    open: bool
    draft: bool
    head_sha: str
    head_ref: str
    head_repository_id: int | None
    base_ref: str
    base_sha: str
    base_repository_id: int
    merge_sha: str | None
    merged_at: datetime | None
    mergeable: bool | None
    updated_at: datetime
    url: str
    merge_state: str = "unknown"
    commits: int = 0
    merged_by: str = ""
    created_at: datetime | None = None
    labels: frozenset[str] = frozenset()

    @property
    def from_fork(self) -> bool:
        """Say whether its commits are in another repository than the one it is to be merged into."""
        return self.head_repository_id != self.base_repository_id


@dataclass(frozen=True)
class Review:
    """A review as GitHub shows it; `state` is GitHub's word: APPROVED, CHANGES_REQUESTED, COMMENTED …"""

    id: int
    body: str
    state: str
    author: str
    author_id: int
    author_is_bot: bool
    commit: str
    submitted_at: datetime | None = None


@dataclass(frozen=True)
class PullCommit:
    """A commit of a pull request: who wrote and who committed it, as far as GitHub knows their accounts.

    `ours` says that our App made it, by GitHub's own signature.
    """

    sha: str
    people: frozenset[int]
    message: str
    ours: bool


def commit_of(shown: Mapping[str, Any], identity: AppIdentity) -> PullCommit:
    """Read a commit, and whether our App made it."""
    return PullCommit(
        sha=shown["sha"],
        people=frozenset(int(one["id"]) for role in ("author", "committer") if (one := shown[role])),
        message=shown["commit"]["message"],
        ours=identity.wrote(shown, "author") and _by_github(shown, identity),
    )


def _by_github(shown: Mapping[str, Any], identity: AppIdentity) -> bool:
    """Tell whether GitHub itself made a commit for our App: a signature vouches for the committer alone."""
    commit = shown["commit"]
    committed = identity.wrote(shown, "committer") or commit["committer"]["email"] == _WEB
    return committed and bool(commit["verification"]["verified"])


def pull_of(shown: Mapping[str, Any]) -> PullRequest:
    """Read a pull request, as shown alone or in a list."""
    head, base, user = shown["head"], shown["base"], shown["user"] or {"login": "ghost", "id": 0}
    return PullRequest(
        number=int(shown["number"]),
        title=shown["title"],
        body=shown["body"] or "",
        author=user["login"],
        author_id=int(user["id"]),
        open=shown["state"] == "open",
        draft=bool(shown.get("draft")),
        head_sha=head["sha"],
        head_ref=head["ref"],
        head_repository_id=int(head["repo"]["id"]) if head["repo"] else None,
        base_ref=base["ref"],
        base_sha=base["sha"],
        base_repository_id=int(base["repo"]["id"]),
        merge_sha=shown["merge_commit_sha"],
        merged_at=parse(shown["merged_at"]).astimezone(UTC) if shown["merged_at"] else None,
        mergeable=shown.get("mergeable"),
        updated_at=parse(shown["updated_at"]).astimezone(UTC),
        url=shown["html_url"],
        merge_state=shown.get("mergeable_state") or "unknown",
        commits=int(shown.get("commits") or 0),
        merged_by=(shown.get("merged_by") or {}).get("login", ""),
        created_at=parse(shown["created_at"]).astimezone(UTC) if shown.get("created_at") else None,
        labels=frozenset(str(label["name"]) for label in shown.get("labels") or []),
    )


def review_of(shown: Mapping[str, Any]) -> Review:
    """Read a review."""
    user = shown["user"] or {"login": "ghost", "id": 0, "type": "User"}
    return Review(
        id=int(shown["id"]),
        body=shown["body"] or "",
        state=shown["state"],
        author=user["login"],
        author_id=int(user["id"]),
        author_is_bot=user["type"] == "Bot",
        commit=shown["commit_id"] or "",
        submitted_at=parse(shown["submitted_at"]).astimezone(UTC) if shown.get("submitted_at") else None,
    )
