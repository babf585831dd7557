# SPDX-License-Identifier: Apache-2.0
"""Commit statuses: written when they say something new, and never twice.

A create that ends in a 502 may have happened. So what GitHub shows is read before every write, and once
more after a write that failed; GitHub allows a thousand statuses per commit and context, and people read
the list. Whoever may write to a repository can write a status in our context, so only those count that our
App wrote: all are listed, since GitHub's combined status does not say who wrote what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from policies.budget import Urgency
from workers.github.app_auth import STATUS_PERMISSIONS
from workers.github.calls import Calls
from workers.github.errors import ServerError, Unreachable

LONGEST_DESCRIPTION = 140
_MOST_LOOKED_AT = 1000  # statuses of a commit, ten pages


class State(StrEnum):
    ERROR = "error"
    FAILURE = "failure"
    PENDING = "pending"
    SUCCESS = "success"


@dataclass(frozen=True)
class CommitStatus:
    """One context's state on a commit; the description is cut to the 140 characters that GitHub takes."""

    state: State
    context: str
    description: str = ""
    target_url: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        object.__setattr__(self, "description", shortened(self.description))

    def body(self) -> dict[str, str]:
        """Return the request's body."""
        body = {"state": self.state.value, "context": self.context, "description": self.description}
        return body | ({"target_url": self.target_url} if self.target_url else {})

    def same_as(self, shown: dict[str, Any]) -> bool:
        """Say whether GitHub shows exactly this already."""
        return (shown["state"], shown["description"] or "", shown["target_url"] or "") == (
            self.state.value,
            self.description,
            self.target_url,
        )


def shortened(text: str) -> str:
    """Return a text as one line of at most 140 characters, with an ellipsis where something is missing."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_DESCRIPTION else line[: LONGEST_DESCRIPTION - 1].rstrip() + "…"


class StatusWriter:
    """Keep the latest status of a context as it should be; what others wrote in it is no word of ours."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def ensure(self, repository: str, sha: str, status: CommitStatus) -> bool:
        """Write a status to `owner/name` unless GitHub shows it already; say whether it was written.

        A pending one is progress, which is the first to be refused when the budget is low. Raises
        GitHubError; after a retryable one, calling again is safe.
        """
        urgency = Urgency.PROGRESS if status.state is State.PENDING else Urgency.FINAL
        if self._shown(repository, sha, status):
            return False
        what = f"set the commit status {status.context} on {repository}@{sha[:7]}"
        try:
            self._calls.call(
                "POST", repository, f"/statuses/{sha}", what, status.body(), permissions=STATUS_PERMISSIONS,
                urgency=urgency,
            )  # fmt: skip
        except (ServerError, Unreachable):
            if not self._shown(repository, sha, status):
                raise
        return True

    def latest(self, repository: str, sha: str, context: str) -> dict[str, Any] | None:
        """Return the newest status of a context that our App wrote, or None; raises GitHubError."""
        return next(filter(self._ours, self._listed(repository, sha, context)), None)

    def _shown(self, repository: str, sha: str, status: CommitStatus) -> bool:
        """Say whether the newest status of a context, whoever wrote it, is this one of ours."""
        newest = next(self._listed(repository, sha, status.context), None)
        return newest is not None and self._ours(newest) and status.same_as(newest)

    def _ours(self, shown: Mapping[str, Any]) -> bool:
        return self._calls.identity().wrote(shown, by="creator")

    def _listed(self, repository: str, sha: str, context: str) -> Iterator[dict[str, Any]]:
        """Yield the statuses of a context, newest first, out of the newest thousand of a commit."""
        path, what = f"/commits/{sha}/statuses", f"list the statuses of {repository}@{sha[:7]}"
        listed = self._calls.pages(repository, path, what, permissions=STATUS_PERMISSIONS)
        for shown in islice(listed, _MOST_LOOKED_AT):
            # GitHub's contexts do not know case.
            if shown["context"].casefold() == context.casefold():
                yield dict(shown)
