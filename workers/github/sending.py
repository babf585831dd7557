# SPDX-License-Identifier: Apache-2.0
"""One request to GitHub: within the budget, with the answer that is known already, and with typed errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from policies.budget import Urgency, price, status_of
from workers.github.budget import Budget
from workers.github.calls import Answer
from workers.github.errors import GitHubError, RateLimited, Unreachable, from_answer
from workers.github.etags import Etags

if TYPE_CHECKING:
    from github import Github


@dataclass(frozen=True)
class Request:
    """A request as `GitHub.call` takes it; the path is the API's, with its query."""

    method: str
    path: str
    what: str
    body: Mapping[str, Any] | None
    urgency: Urgency
    conditional: bool

    @property
    def plain_path(self) -> str:
        """Return the path without its query."""
        return self.path.partition("?")[0]


class Sender:
    """Send requests for the App and its installations; safe for threads."""

    def __init__(self, budget: Budget, *, now: Callable[[], datetime]) -> None:
        self._budget = budget
        self._now = now
        self._etags = Etags()

    def made(self, who: str, at: datetime) -> None:
        """Note since when there is an installation."""
        self._budget.made(who, at)

    def send(self, who: str, client: Github, request: Request) -> Answer:
        """Send a request on somebody's budget and return the answer; raises GitHubError."""
        # Asking while limited makes GitHub prolong it, and may get an App blocked.
        self._budget.take(who, price(request.method, request.plain_path), request.urgency)
        status = status_of(request.method, request.plain_path)
        if status is not None:
            self._budget.take_status(*status, str((request.body or {}).get("context")), request.urgency)
        known = self._etags.get(who, request.path) if request.conditional else None
        try:
            headers, body = _request(client, request, known[0] if known else "")
        except Exception as error:
            translated = self._translated(error, request.what)
            if isinstance(translated, RateLimited):
                self._budget.close(who, translated.retry_at)
            raise translated from None
        if known is not None and body is None:
            return known[1]
        answer = Answer(body, headers.get("link", ""))
        if request.conditional and headers.get("etag"):
            self._etags.keep(who, request.path, headers["etag"], answer)
        return answer

    def _translated(self, error: Exception, what: str) -> Exception:
        import requests
        from github import GithubException

        if isinstance(error, GithubException):
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            return from_answer(what, error.status, headers, error.data, now=self._now())
        if isinstance(error, requests.RequestException):
            reason = "it did not answer in time" if isinstance(error, requests.Timeout) else "no connection"
            return Unreachable(f"GitHub could not be reached to {what}: {reason}")
        if isinstance(error, ValueError):
            return GitHubError(f"GitHub's answer to the request to {what} is not JSON")
        return error


def _request(client: Github, request: Request, etag: str) -> tuple[dict[str, str], Any]:
    """Return the answer's headers, by lower-case names, and its JSON: None when the ETag still holds."""
    headers, body = client.requester.requestJsonAndCheck(
        request.method, request.path, input=dict(request.body) if request.body else None,
        headers={"If-None-Match": etag} if etag else None,
    )  # fmt: skip
    return headers, body
