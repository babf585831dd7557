# SPDX-License-Identifier: Apache-2.0
"""What the API server answers when it says no.

ApiError
├── Unauthorized, Forbidden, NotFound, NoMatch, Conflict, Gone, Invalid   the request must change
└── TooManyRequests, Unavailable                                          the same may go through later
"""

from __future__ import annotations

from typing import Any

from policies.errors import FairwayError


class ApiError(FairwayError):
    """The API server refused; `status` is the HTTP code, `cause` its Status reason."""

    reason = "ReconciliationFailed"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        cause: str = "",
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.cause = cause
        self.details = details or {}
        self.retry_after = retry_after


class Unauthorized(ApiError):
    pass


class Forbidden(ApiError):
    pass


class NotFound(ApiError):
    pass


class NoMatch(NotFound):
    """The cluster serves no such kind."""


class Conflict(ApiError):
    """Somebody newer wrote the object, or another field manager owns a field."""


class Gone(ApiError):
    """The resourceVersion asked for is too old: list again."""


class Invalid(ApiError):
    pass


class TooManyRequests(ApiError):
    pass


class Unavailable(ApiError):
    """The API server could not be reached, or could not answer now."""


class WatchCut(Unavailable):
    """An open watch ended in the middle: it can be gone on with from the last version it told of."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}


def from_status(status: int, body: dict[str, Any], *, retry_after: float | None = None) -> ApiError:
    """Turn an HTTP code and a Status body into the matching error."""
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else ApiError)
    message = body.get("message") or f"the API server answered {status}"
    details = body.get("details")
    return kind(
        message,
        status=status,
        cause=body.get("reason") or "",
        details=details if isinstance(details, dict) else {},
        retry_after=retry_after,
    )
