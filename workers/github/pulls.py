# SPDX-License-Identifier: Apache-2.0
"""Pull requests: looked at, found by commit or head branch, made once, merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import islice, takewhile
from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import MERGING, PULL_REQUESTS, READING, Calls
from workers.github.errors import Conflict, Invalid, ServerError, Unreachable
from workers.github.pull_answers import (
    PullCommit,
    PullRequest,
    Review,
    commit_of,
    pull_of,
    review_of,
)


class Method(StrEnum):
    MERGE = "merge"
    REBASE = "rebase"
    SQUASH = "squash"


class Pulls:
    """Read, make and merge pull requests; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> PullRequest:
        """Return a pull request of `owner/name`."""
        what = f"show {repository}#{number}"
        return pull_of(
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
        return review_of(shown)

    def reviews(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> list[Review]:
        """List a pull request's reviews, oldest first."""
        what = f"list the reviews of {repository}#{number}"
        found = self._calls.pages(
            repository, f"/pulls/{number}/reviews", what, permissions=PULL_REQUESTS, urgency=urgency,
            conditional=True,
        )  # fmt: skip
        return [review_of(shown) for shown in found]

    def commits(self, repository: str, number: int, *, urgency: Urgency = Urgency.FINAL) -> list[PullCommit]:
        """List a pull request's commits, oldest first; GitHub shows the first 250."""
        what = f"list the commits of {repository}#{number}"
        found = self._calls.pages(
            repository, f"/pulls/{number}/commits", what, permissions=PULL_REQUESTS, urgency=urgency,
            conditional=True,
        )  # fmt: skip
        return [commit_of(shown, self._calls.identity()) for shown in found]

    def commit(self, repository: str, sha: str, *, urgency: Urgency = Urgency.FINAL) -> PullCommit:
        """Return one commit of `owner/name`; raises NotFound."""
        what = f"show {repository}@{sha[:7]}"
        shown = self._calls.call(
            "GET", repository, f"/commits/{sha}", what, permissions=READING, urgency=urgency
        )
        return commit_of(shown, self._calls.identity())

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
        return pull_of(
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
        return map(pull_of, found)

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
        return pull_of(made)
