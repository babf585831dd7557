# SPDX-License-Identifier: Apache-2.0
"""GitHub: the App's tokens, and what Fairway reads and writes there."""

from __future__ import annotations

from workers.github.app_auth import READ_PERMISSIONS, STATUS_PERMISSIONS, AppJwt, Token
from workers.github.client import GitHub, Installation
from workers.github.errors import (
    Forbidden,
    GitHubError,
    Invalid,
    NotFound,
    PermissionMissing,
    RateLimited,
    ServerError,
    Unauthorized,
    Unreachable,
)
from workers.github.statuses import CommitStatus, State, StatusWriter

__all__ = [
    "READ_PERMISSIONS",
    "STATUS_PERMISSIONS",
    "AppJwt",
    "CommitStatus",
    "Forbidden",
    "GitHub",
    "GitHubError",
    "Installation",
    "Invalid",
    "NotFound",
    "PermissionMissing",
    "RateLimited",
    "ServerError",
    "State",
    "StatusWriter",
    "Token",
    "Unauthorized",
    "Unreachable",
]
