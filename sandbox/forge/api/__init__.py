# SPDX-License-Identifier: Apache-2.0
"""The REST API: one blueprint under `/api/v3`, a module per part of GitHub's documentation."""

from __future__ import annotations

from sandbox.forge.api import (
    activity,
    apps,
    checks,
    collaborators,
    comments,
    commits,
    contents,
    deployments,
    forks,
    gitdata,
    hooks,
    issues,
    protection,
    pulls,
    reactions,
    refs,
    releases,
    repos,
    reviews,
    statuses,
    teams,
)
from sandbox.forge.api.blueprint import api

__all__ = [
    "activity",
    "api",
    "apps",
    "checks",
    "collaborators",
    "comments",
    "commits",
    "contents",
    "deployments",
    "forks",
    "gitdata",
    "hooks",
    "issues",
    "protection",
    "pulls",
    "reactions",
    "refs",
    "releases",
    "repos",
    "reviews",
    "statuses",
    "teams",
]
