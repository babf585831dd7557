# SPDX-License-Identifier: Apache-2.0
"""Commit statuses: written when they say something new, and never twice.

A create that ends in a 502 may have happened. So what GitHub shows is read before every write, and once
more after a write that failed; GitHub allows a thousand statuses per commit and context, and people read
the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from policies.budget import Urgency
from workers.github.errors import ServerError, Unreachable

LONGEST_DESCRIPTION = 140
_PER_PAGE = 100


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


class Call(Protocol):
    """Send a request about a repository; see `GitHub.call`."""

    def __call__(
        self,
        method: str,
        repository: str,
        path: str,
        what: str,
        body: dict[str, str] | None = None,
        /,
        *,
        urgency: Urgency = ...,
    ) -> Any: ...


class StatusWriter:
    """Keep the latest status of a context as it should be."""

    def __init__(self, call: Call) -> None:
        self._call = call

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
            self._call("POST", repository, f"/statuses/{sha}", what, status.body(), urgency=urgency)
        except (ServerError, Unreachable):
            if not self._shown(repository, sha, status):
                raise
        return True

    def latest(self, repository: str, sha: str, context: str) -> dict[str, Any] | None:
        """Return the newest status of a context as GitHub shows it, or None; raises GitHubError."""
        what, page = f"show the statuses of {repository}@{sha[:7]}", 1
        while True:
            path = f"/commits/{sha}/status?per_page={_PER_PAGE}&page={page}"
            answer = self._call("GET", repository, path, what)
            for shown in answer["statuses"]:
                # GitHub's contexts do not know case.
                if shown["context"].casefold() == context.casefold():
                    return dict(shown)
            if len(answer["statuses"]) < _PER_PAGE:
                return None
            page += 1

    def _shown(self, repository: str, sha: str, status: CommitStatus) -> bool:
        shown = self.latest(repository, sha, status.context)
        return shown is not None and status.same_as(shown)
