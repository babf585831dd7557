# SPDX-License-Identifier: Apache-2.0
"""Comments on pull requests: read again what somebody wrote, and keep ours, each once.

A comment of ours begins with a hidden marker. Only what our App itself wrote counts, so nobody can have us
edit a comment by writing the marker. A create that ended in a 502 may have happened, so it is looked for
before anything is written again, and what is there twice nevertheless is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from policies.budget import Urgency
from policies.clock import parse, rfc3339
from workers.github.calls import PULL_REQUESTS, Calls
from workers.github.errors import NotFound, ServerError, Unreachable

_NAME = re.compile(r"[a-z0-9]+([:/._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Comment:
    """A comment as GitHub shows it; `ours` says that our App wrote it.

    `reacted` are the kinds of reactions that anybody gave it, by GitHub's names.
    """

    id: int
    body: str
    author: str
    author_id: int
    author_is_bot: bool
    ours: bool
    created_at: datetime
    updated_at: datetime
    url: str
    reacted: frozenset[str] = frozenset()


def marker(name: str) -> str:
    """Return the hidden line that a comment of ours begins with; raises ValueError for an odd name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a comment")
    return f"<!-- fairway:{name} -->"


class Comments:
    """Read and keep comments; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, repository: str, comment_id: int, *, urgency: Urgency = Urgency.ANSWER) -> Comment:
        """Return a comment of `owner/name`; raises NotFound when it was deleted."""
        what = f"show comment {comment_id} on {repository}"
        shown = self._calls.call(
            "GET", repository, f"/issues/comments/{comment_id}", what, permissions=PULL_REQUESTS,
            urgency=urgency, conditional=True,
        )  # fmt: skip
        return self._comment(shown)

    def of_pull(
        self,
        repository: str,
        number: int,
        *,
        since: datetime | None = None,
        urgency: Urgency = Urgency.FINAL,
    ) -> Iterator[Comment]:
        """Yield a pull request's comments, oldest first: all, or those that changed since then."""
        query = f"?since={rfc3339(since)}" if since else ""
        path, what = f"/issues/{number}/comments{query}", f"list the comments on {repository}#{number}"
        for shown in self._calls.pages(
            repository, path, what, permissions=PULL_REQUESTS, urgency=urgency, conditional=True
        ):
            yield self._comment(shown)

    def ensure(
        self,
        repository: str,
        number: int,
        name: str,
        body: str,
        *,
        urgency: Urgency,
        known: int | None = None,
        since: datetime | None = None,
    ) -> int:
        """Have exactly one comment of that name say this on a pull request, and return its id.

        `known` is its id from an earlier call, which saves listing the others; one that is gone is written
        anew. One that cannot be older than `since` is looked for among newer ones only. Raises GitHubError;
        after a retryable one, calling again is safe.
        """
        text = f"{marker(name)}\n{body}"
        there = self._known(repository, known, urgency)
        there = there or self.named(repository, number, name, since=since, urgency=urgency)
        if there is None:
            return self._create(repository, number, name, text, since, urgency)
        if there.body != text:
            what = f"edit comment {there.id} on {repository}#{number}"
            self._write("PATCH", repository, f"/issues/comments/{there.id}", what, text, urgency)
        return there.id

    def named(
        self,
        repository: str,
        number: int,
        name: str,
        *,
        since: datetime | None = None,
        urgency: Urgency = Urgency.FINAL,
    ) -> Comment | None:
        """Return our comment of that name; what is there twice is deleted."""
        listed = self.of_pull(repository, number, since=since, urgency=urgency)
        found = [comment for comment in listed if comment.ours and _is_named(comment, name)]
        for twice in found[1:]:
            self.remove(repository, twice.id, urgency=urgency)
        return found[0] if found else None

    def remove(self, repository: str, comment_id: int, *, urgency: Urgency = Urgency.FINAL) -> None:
        """Delete a comment, if it is still there."""
        what = f"delete comment {comment_id} on {repository}"
        try:
            self._calls.call(
                "DELETE", repository, f"/issues/comments/{comment_id}", what, permissions=PULL_REQUESTS,
                urgency=urgency,
            )  # fmt: skip
        except NotFound:
            return

    def _known(self, repository: str, known: int | None, urgency: Urgency) -> Comment | None:
        """Return the comment with that id if it is ours, also when somebody took its marker away."""
        if known is None:
            return None
        try:
            found = self.get(repository, known, urgency=urgency)
        except NotFound:
            return None
        return found if found.ours else None

    def _create(
        self,
        repository: str,
        number: int,
        name: str,
        text: str,
        since: datetime | None,
        urgency: Urgency,
    ) -> int:
        what = f"comment on {repository}#{number}"
        try:
            made = self._write("POST", repository, f"/issues/{number}/comments", what, text, urgency)
        except (ServerError, Unreachable):
            there = self.named(repository, number, name, since=since, urgency=urgency)
            if there is None or there.body != text:
                raise
            return there.id
        return int(made["id"])

    def _write(self, method: str, repository: str, path: str, what: str, text: str, urgency: Urgency) -> Any:
        return self._calls.call(
            method, repository, path, what, {"body": text}, permissions=PULL_REQUESTS, urgency=urgency
        )

    def _comment(self, shown: Mapping[str, Any]) -> Comment:
        # Who deleted his account is shown as nobody.
        user = shown["user"] or {"login": "ghost", "id": 0, "type": "User"}
        return Comment(
            id=int(shown["id"]),
            body=shown["body"] or "",
            author=user["login"],
            author_id=int(user["id"]),
            author_is_bot=user["type"] == "Bot",
            ours=self._calls.identity().wrote(shown),
            created_at=parse(shown["created_at"]).astimezone(UTC),
            updated_at=parse(shown["updated_at"]).astimezone(UTC),
            url=shown["html_url"],
            reacted=frozenset(
                kind
                for kind, count in (shown.get("reactions") or {}).items()
                if isinstance(count, int) and count
            ),
        )


def _is_named(comment: Comment, name: str) -> bool:
    return comment.body.startswith(marker(name))
