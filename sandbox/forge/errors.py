# SPDX-License-Identifier: Apache-2.0
"""The errors the API answers with, in GitHub's words and shape."""

from __future__ import annotations

from typing import Any

DOCS = "https://docs.github.com/rest"


class ApiError(Exception):
    """Answer a request with a status and GitHub's error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | list[str] | None = None,
        documentation: str = DOCS,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.documentation = documentation
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return body | {"documentation_url": self.documentation, "status": str(self.status)}


def not_found() -> ApiError:
    """Say that there is nothing here, or nothing the caller may know of."""
    return ApiError(404, "Not Found")


def bad_credentials() -> ApiError:
    """Refuse a token or password that is not, or no longer, good."""
    return ApiError(401, "Bad credentials")


def unauthenticated() -> ApiError:
    """Ask for credentials."""
    return ApiError(401, "Requires authentication")


def not_permitted(permission: str, level: str) -> ApiError:
    """Refuse an installation that lacks a permission, and name it as GitHub does: in a header."""
    accepted = {"X-Accepted-GitHub-Permissions": f"{permission}={level}"}
    return ApiError(403, "Resource not accessible by integration", headers=accepted)


def invalid(resource: str, field: str, message: str) -> ApiError:
    """Refuse one field of a body."""
    error = {"resource": resource, "code": "custom", "field": field, "message": message}
    return ApiError(422, "Validation Failed", errors=[error])
