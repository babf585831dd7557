# SPDX-License-Identifier: Apache-2.0
"""GitHub: the App's tokens, and what Fairway reads and writes there."""

from __future__ import annotations

from workers.github.activity import Move
from workers.github.app_auth import READ_PERMISSIONS, STATUS_PERMISSIONS, AppJwt, Token
from workers.github.budget import Budget, MemoryShelf, RedisShelf
from workers.github.checks import Annotation, Button, CheckRun, Conclusion, Level
from workers.github.client import GitHub, Installation
from workers.github.comments import Comment
from workers.github.deliveries import Delivery
from workers.github.deployments import Deployment, DeploymentState, DeploymentStatus
from workers.github.errors import (
    BranchMoved,
    Conflict,
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
from workers.github.gitdata import Change, Entry
from workers.github.pull_answers import PullCommit, PullRequest, Review
from workers.github.pulls import Method
from workers.github.reactions import Reaction
from workers.github.repositories import Repository
from workers.github.statuses import CommitStatus, State, StatusWriter

__all__ = [
    "READ_PERMISSIONS",
    "STATUS_PERMISSIONS",
    "Annotation",
    "AppJwt",
    "BranchMoved",
    "Budget",
    "Button",
    "Change",
    "CheckRun",
    "Comment",
    "CommitStatus",
    "Conclusion",
    "Conflict",
    "Delivery",
    "Deployment",
    "DeploymentState",
    "DeploymentStatus",
    "Entry",
    "Forbidden",
    "GitHub",
    "GitHubError",
    "Installation",
    "Invalid",
    "Level",
    "MemoryShelf",
    "Method",
    "Move",
    "NotFound",
    "PermissionMissing",
    "PullCommit",
    "PullRequest",
    "RateLimited",
    "Reaction",
    "RedisShelf",
    "Repository",
    "Review",
    "ServerError",
    "State",
    "StatusWriter",
    "Token",
    "Unauthorized",
    "Unreachable",
]
