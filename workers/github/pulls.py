# SPDX-License-Identifier: Apache-2.0
"""Pull requests: looked at, found by commit or head branch, made once, merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice, takewhile
from typing import Any
from urllib.parse import quote

from policies.budget import Urgency
from policies.clock import parse
from workers.github.calls import MERGING, PULL_REQUESTS, READING, AppIdentity, Calls
from workers.github.errors import Conflict, Invalid, ServerError, Unreachable

_WEB = "noreply@github.com"  # the committer of what GitHub makes for others, signed with its own key


class Method(StrEnum):
    MERGE = "merge"
    REBASE = "rebase"
    SQUASH = "squash"


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


class Pulls:
    """Read, make and merge pull requests; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> PullRequest:
        """Return a pull request of `owner/name`."""
        what = f"show {repository}#{number}"
        return _pull(
            self._calls.call(
                "GET", repository, f"/pulls/{number}", what, permissions=PULL_REQUESTS, urgency=urgency,
                conditional=True,
            )
        )  # fmt: skip

    def updated(
        self, repository: str, since: datetime, *, urgency: Urgency = Urgency.FINAL
    ) -> list[PullRequest]:
        """List the pull requests that changed since then, open or not, the last changed one first."""
        query = "state=all&sort=updated&direction=desc"
        found = self._list(repository, f"/pulls?{query}", f"list the pull requests of {repository}", urgency)
        return list(takewhile(lambda pull: pull.updated_at >= since, found))

    def open(self, repository: str, *, urgency: Urgency = Urgency.FINAL) -> list[PullRequest]:
        """List the open pull requests, oldest first."""
        path = "/pulls?state=open&sort=created&direction=asc"
        return list(self._list(repository, path, f"list the open pull requests of {repository}", urgency))

    def of_commit(self, repository: str, sha: str, *, urgency: Urgency = Urgency.FINAL) -> list[PullRequest]:
        """List the pull requests that a commit came by, or that hold it while it is not merged."""
        what = f"list the pull requests of {repository}@{sha[:7]}"
        return list(self._list(repository, f"/commits/{sha}/pulls", what, urgency))

    def changed_files(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> list[str]:
        """List the paths that a pull request changes, those that it moves away from among them."""
        what = f"list the files of {repository}#{number}"
        found = self._calls.pages(
            repository, f"/pulls/{number}/files", what, permissions=PULL_REQUESTS, urgency=urgency,
            conditional=True,
        )  # fmt: skip
        paths = (path for file in found for path in (file["filename"], file.get("previous_filename")))
        return [path for path in paths if path]

    def review(
        self, repository: str, number: int, review_id: int, *, urgency: Urgency = Urgency.ANSWER
    ) -> Review:
        """Return one review; raises NotFound when it is gone."""
        path, what = f"/pulls/{number}/reviews/{review_id}", f"show a review of {repository}#{number}"
        shown = self._calls.call("GET", repository, path, what, permissions=PULL_REQUESTS, urgency=urgency)
        return _review(shown)

    def reviews(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> list[Review]:
        """List a pull request's reviews, oldest first."""
        what = f"list the reviews of {repository}#{number}"
        found = self._calls.pages(
            repository, f"/pulls/{number}/reviews", what, permissions=PULL_REQUESTS, urgency=urgency,
            conditional=True,
        )  # fmt: skip
        return [_review(shown) for shown in found]

    def commits(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> list[PullCommit]:
        """List a pull request's commits, oldest first; GitHub shows the first 250."""
        what = f"list the commits of {repository}#{number}"
        found = self._calls.pages(
            repository, f"/pulls/{number}/commits", what, permissions=PULL_REQUESTS, urgency=urgency,
            conditional=True,
        )  # fmt: skip
        return [_commit(shown, self._calls.identity()) for shown in found]

    def commit(self, repository: str, sha: str, *, urgency: Urgency = Urgency.FINAL) -> PullCommit:
        """Return one commit of `owner/name`; raises NotFound."""
        what = f"show {repository}@{sha[:7]}"
        shown = self._calls.call(
            "GET", repository, f"/commits/{sha}", what, permissions=READING, urgency=urgency
        )
        return _commit(shown, self._calls.identity())

    def from_branch(
        self, repository: str, head: str, base: str, *, urgency: Urgency = Urgency.FINAL
    ) -> PullRequest | None:
        """Return the open pull request from one branch of `owner/name` to another, if there is one."""
        owner = repository.partition("/")[0]
        query = f"state=open&head={quote(f'{owner}:{head}', safe='')}&base={quote(base, safe='')}"
        what = f"find the pull request from {head} to {base} of {repository}"
        return next(self._list(repository, f"/pulls?{query}", what, urgency), None)

    def merged_from(
        self, repository: str, head: str, base: str, *, urgency: Urgency = Urgency.FINAL
    ) -> PullRequest | None:
        """Return the newest one that was merged from one branch of `owner/name` to another, if any."""
        found = self._closed(repository, head, base, urgency)
        return next((one for one in found if one.merged_at), None)

    def closed_from(
        self, repository: str, head: str, base: str, *, urgency: Urgency = Urgency.FINAL
    ) -> list[PullRequest]:
        """List those from one branch of `owner/name` to another that are closed or merged, newest first."""
        return list(self._closed(repository, head, base, urgency))

    def closed_into(
        self, repository: str, base: str, most: int, *, urgency: Urgency = Urgency.FINAL
    ) -> list[PullRequest]:
        """List those into a branch that are closed or merged, the last changed first, `most` of them."""
        query = f"state=closed&base={quote(base, safe='')}&sort=updated&direction=desc"
        what = f"list what was merged or closed into {base} of {repository}"
        return list(islice(self._list(repository, f"/pulls?{query}", what, urgency), most))

    def ensure(
        self,
        repository: str,
        *,
        head: str,
        base: str,
        title: str,
        body: str,
        urgency: Urgency = Urgency.FINAL,
    ) -> PullRequest:
        """Have one open pull request from a branch of `owner/name` to another say this, and return it.

        Raises GitHubError; after a retryable one, calling again is safe.
        """
        there = self.from_branch(repository, head, base, urgency=urgency)
        if there is None:
            return self._create(repository, head, base, {"title": title, "body": body}, urgency)
        if (there.title, there.body) == (title, body):
            return there
        return self._change(repository, there.number, {"title": title, "body": body}, urgency)

    def rewrite(
        self,
        repository: str,
        number: int,
        body: str,
        *,
        title: str | None = None,
        urgency: Urgency = Urgency.FINAL,
    ) -> PullRequest:
        """Give a pull request another body, and another title where one is given."""
        said = {"body": body} if title is None else {"title": title, "body": body}
        return self._change(repository, number, said, urgency)

    def close(
        self, repository: str, number: int, *, body: str | None = None, urgency: Urgency = Urgency.FINAL
    ) -> PullRequest:
        """Close a pull request, with another body at the same time; one that is closed stays so."""
        said = {} if body is None else {"body": body}
        return self._change(repository, number, {"state": "closed", **said}, urgency)

    def merge(
        self,
        repository: str,
        number: int,
        sha: str,
        *,
        method: Method = Method.MERGE,
        title: str = "",
        message: str = "",
        urgency: Urgency = Urgency.ANSWER,
    ) -> str:
        """Merge a pull request whose head is still this commit, and return the commit that it became.

        Merged already, at this head, is as good. Raises Conflict with GitHub's reason when it may not be
        merged or its head has moved.
        """
        body = {"sha": sha, "merge_method": method.value}
        body |= {"commit_title": title} if title else {}
        body |= {"commit_message": message} if message else {}
        path, what = f"/pulls/{number}/merge", f"merge {repository}#{number}"
        try:
            merged = self._calls.call(
                "PUT", repository, path, what, body, permissions=MERGING, urgency=urgency
            )
        except (Conflict, ServerError, Unreachable):
            there = self.get(repository, number, urgency=urgency)
            if there.merged_at is None or there.merge_sha is None or there.head_sha != sha:
                raise
            return there.merge_sha
        return str(merged["sha"])

    def _change(
        self, repository: str, number: int, wanted: Mapping[str, str], urgency: Urgency
    ) -> PullRequest:
        path, what = f"/pulls/{number}", f"edit {repository}#{number}"
        return _pull(
            self._calls.call(
                "PATCH", repository, path, what, wanted, permissions=PULL_REQUESTS, urgency=urgency
            )
        )

    def _closed(self, repository: str, head: str, base: str, urgency: Urgency) -> Iterator[PullRequest]:
        owner = repository.partition("/")[0]
        query = f"state=closed&head={quote(f'{owner}:{head}', safe='')}&base={quote(base, safe='')}"
        what = f"find what was merged or closed from {head} to {base} of {repository}"
        return self._list(repository, f"/pulls?{query}", what, urgency)

    def _list(
        self, repository: str, path: str, what: str, urgency: Urgency = Urgency.FINAL
    ) -> Iterator[PullRequest]:
        found = self._calls.pages(
            repository, path, what, permissions=PULL_REQUESTS, urgency=urgency, conditional=True
        )
        return map(_pull, found)

    def _create(
        self, repository: str, head: str, base: str, said: dict[str, str], urgency: Urgency
    ) -> PullRequest:
        what = f"open a pull request from {head} to {base} of {repository}"
        body = said | {"head": head, "base": base}
        try:
            made = self._calls.call(
                "POST", repository, "/pulls", what, body, permissions=PULL_REQUESTS, urgency=urgency
            )
        except (Invalid, ServerError, Unreachable):
            # GitHub refuses a second one of the same branches, so somebody else may have been faster, too.
            there = self.from_branch(repository, head, base, urgency=urgency)
            if there is None:
                raise
            return there
        return _pull(made)


def _commit(shown: Mapping[str, Any], identity: AppIdentity) -> PullCommit:
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


def _pull(shown: Mapping[str, Any]) -> PullRequest:
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


def _review(shown: Mapping[str, Any]) -> Review:
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
