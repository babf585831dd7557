# SPDX-License-Identifier: Apache-2.0
"""What GitHub can answer instead of what was asked for.

GitHubError
├── Unauthorized        the App's key or id is wrong, or a token is no longer good
├── Forbidden           GitHub refuses
│   └── PermissionMissing   the installation lacks a permission, which is named
├── NotFound            it is not there, or the App may not see it
├── Invalid             GitHub refuses a value; nothing will change by asking again
│   └── Conflict            it does not fit what is there: a merge that is not allowed, a moved head
│       └── BranchMoved     somebody else has moved the branch; nothing was changed
├── RateLimited         ask again after `retry_at`
├── ServerError         GitHub failed; what was to be created may exist nevertheless
└── Unreachable         no answer at all; the same doubt
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.errors import FairwayError

# What GitHub's documentation asks for when a secondary limit names no time.
SECONDARY_WAIT = timedelta(minutes=1)


class GitHubError(FairwayError):
    """Say what was asked of GitHub, and what it answered."""


class Unauthorized(GitHubError):
    retryable = False


class Forbidden(GitHubError):
    retryable = False


class PermissionMissing(Forbidden):
    """`permission` is as in the App's settings: `statuses: write`."""

    def __init__(self, message: str, *, permission: str, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.permission = permission


class NotFound(GitHubError):
    retryable = False


class Invalid(GitHubError):
    retryable = False


class Conflict(Invalid):
    pass


class BranchMoved(Conflict):
    retryable = True


class RateLimited(GitHubError):
    """`retry_at` is when GitHub will listen again."""

    def __init__(self, message: str, *, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class ServerError(GitHubError):
    pass


class Unreachable(GitHubError):
    pass


def from_answer(
    what: str, status: int, headers: Mapping[str, str], body: Any, *, now: datetime
) -> GitHubError:
    """Return the error for an answer; `what` reads after "GitHub refused to", header names are lower-case."""
    said = _said(body)
    described = f"GitHub refused to {what}: {said or status}"
    limited = rate_limit_ends(status, headers, said, now=now)
    if limited is not None:
        until = limited.strftime("%H:%M:%S UTC")
        return RateLimited(
            f"GitHub's rate limit is used up, so it refused to {what} until {until}", retry_at=limited
        )
    match status:
        case 401:
            remedy = "check FAIRWAY_GITHUB_APP_ID, the private key, and this machine's clock"
            return Unauthorized(described, remedy=remedy)
        case 403 if accepted := headers.get("x-accepted-github-permissions"):
            # Alternatives are separated by semicolons; any would do, the first is the narrowest.
            return permission_missing(what, accepted.split(";")[0].split(",")[0].strip().replace("=", ": "))
        case 403:
            return Forbidden(described)
        case 404 | 410:
            remedy = "check the name, and that the App is installed on the repository"
            return NotFound(f"GitHub found nothing when asked to {what} ({said or status})", remedy=remedy)
        case 405 | 409:
            return Conflict(described)
        case 400 | 422:
            return Invalid(described)
        case _ if status >= 500:
            return ServerError(f"GitHub failed to {what}: {said or 'server error'} ({status})")
        case _:
            return GitHubError(f"{described} ({status})")


def permission_missing(what: str, permission: str) -> PermissionMissing:
    """Return the error for a permission (`statuses: write`) that the installation does not have."""
    return PermissionMissing(
        f"GitHub refused to {what}: the App's installation lacks the permission {permission}",
        permission=permission,
        remedy="grant it in the App's settings, then have the account's owner accept it",
    )


def rate_limit_ends(status: int, headers: Mapping[str, str], said: str, *, now: datetime) -> datetime | None:
    """Return when to ask again if an answer means a rate limit, primary or secondary; else None."""
    lowered = said.lower()
    spent = headers.get("x-ratelimit-remaining") == "0"
    if status not in (403, 429) or not (
        status == 429 or "retry-after" in headers or spent or "rate limit" in lowered
    ):
        return None
    if headers.get("retry-after", "").isdigit():
        return now + timedelta(seconds=int(headers["retry-after"]))
    if spent and headers.get("x-ratelimit-reset", "").isdigit():
        # The second in which the hour ends still belongs to it.
        return datetime.fromtimestamp(int(headers["x-ratelimit-reset"]) + 1, UTC)
    return now + SECONDARY_WAIT


def _said(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    parts = [str(body.get("message") or "")]
    for error in body.get("errors") or []:
        if isinstance(error, dict) and error.get("message"):
            parts.append(str(error["message"]))
        elif isinstance(error, str):
            parts.append(error)
    return ": ".join(part for part in parts if part)[:300]
