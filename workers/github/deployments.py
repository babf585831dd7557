# SPDX-License-Identifier: Apache-2.0
"""Deployments and their statuses: one per commit, environment and marker, however often it is asked for.

The marker stands in the payload; only deployments that our App made count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import DEPLOYMENTS, Calls
from workers.github.errors import ServerError, Unreachable
from workers.github.statuses import shortened

_MARKER = "fairway"
_TASK = "deploy"


class DeploymentState(StrEnum):
    ERROR = "error"
    FAILURE = "failure"
    INACTIVE = "inactive"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    QUEUED = "queued"
    SUCCESS = "success"


_UNDER_WAY = {DeploymentState.IN_PROGRESS, DeploymentState.PENDING, DeploymentState.QUEUED}


@dataclass(frozen=True)
class Deployment:
    """A commit in an environment; `marker` tells it from others of the same commit there."""

    sha: str
    environment: str
    marker: str
    description: str = ""
    production: bool = False
    transient: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def body(self) -> dict[str, Any]:
        """Return the request's body; GitHub is to check and merge nothing by itself."""
        return {
            "ref": self.sha,
            "task": _TASK,
            "auto_merge": False,
            "required_contexts": [],
            "payload": {**self.payload, _MARKER: self.marker},
            "environment": self.environment,
            "description": shortened(self.description),
            "production_environment": self.production,
            "transient_environment": self.transient,
        }


@dataclass(frozen=True)
class DeploymentStatus:
    """How a deployment goes; the description is cut to the 140 characters that GitHub takes."""

    state: DeploymentState
    description: str = ""
    environment_url: str = ""
    log_url: str = ""

    def body(self) -> dict[str, str]:
        """Return the request's body."""
        body = {"state": self.state.value, "description": shortened(self.description)}
        urls = {"environment_url": self.environment_url, "log_url": self.log_url}
        return body | {name: url for name, url in urls.items() if url}

    def same_as(self, shown: Mapping[str, Any]) -> bool:
        """Say whether GitHub shows exactly this already."""
        wanted = {"environment_url": "", "log_url": ""} | self.body()
        return all((shown.get(name) or "") == value for name, value in wanted.items())


class DeploymentWriter:
    """Keep deployments and the newest status of each as they should be."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def ensure(self, repository: str, deployment: Deployment, *, urgency: Urgency = Urgency.FINAL) -> int:
        """Make a deployment of `owner/name` unless there is one, and return its id; raises GitHubError."""
        found = self.find(repository, deployment, urgency=urgency)
        if found is not None:
            return found
        what = f"deploy {repository}@{deployment.sha[:7]} to {deployment.environment}"
        try:
            made = self._calls.call(
                "POST", repository, "/deployments", what, deployment.body(), permissions=DEPLOYMENTS,
                urgency=urgency,
            )  # fmt: skip
        except (ServerError, Unreachable):
            found = self.find(repository, deployment, urgency=urgency)
            if found is None:
                raise
            return found
        return int(made["id"])

    def ensure_status(
        self, repository: str, deployment_id: int, status: DeploymentStatus, *, urgency: Urgency | None = None
    ) -> bool:
        """Write a deployment's status unless GitHub shows it already; say whether it was written.

        Without a word about urgency one that is under way is progress. Raises GitHubError; after a
        retryable one, calling again is safe.
        """
        urgency = urgency or (Urgency.PROGRESS if status.state in _UNDER_WAY else Urgency.FINAL)
        if self._shows(repository, deployment_id, status, urgency):
            return False
        path = f"/deployments/{deployment_id}/statuses"
        what = f"say how deployment {deployment_id} of {repository} goes"
        try:
            self._calls.call(
                "POST", repository, path, what, status.body(), permissions=DEPLOYMENTS, urgency=urgency
            )
        except (ServerError, Unreachable):
            if not self._shows(repository, deployment_id, status, urgency):
                raise
        return True

    def find(
        self, repository: str, deployment: Deployment, *, urgency: Urgency = Urgency.FINAL
    ) -> int | None:
        """Return the id of a deployment, or None when it was not made; raises GitHubError."""
        identity = self._calls.identity()
        environment = quote(deployment.environment, safe="")
        query = f"sha={deployment.sha}&environment={environment}&task={_TASK}"
        what = f"list the deployments of {repository}@{deployment.sha[:7]}"
        found = self._calls.pages(
            repository, f"/deployments?{query}", what, permissions=DEPLOYMENTS, urgency=urgency
        )
        ours = [
            int(shown["id"])
            for shown in found
            if identity.wrote(shown, by="creator") and _marker(shown["payload"]) == deployment.marker
        ]
        # Had two processes made one each, both go on with the first.
        return min(ours, default=None)

    def _shows(self, repository: str, deployment_id: int, status: DeploymentStatus, urgency: Urgency) -> bool:
        path = f"/deployments/{deployment_id}/statuses?per_page=1"
        what = f"list the statuses of deployment {deployment_id} of {repository}"
        shown = self._calls.call("GET", repository, path, what, permissions=DEPLOYMENTS, urgency=urgency)
        return bool(shown) and status.same_as(shown[0])


def _marker(payload: Any) -> str | None:
    """Return the marker in a payload, which GitHub gives back as it came or as text."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return None
    found = payload.get(_MARKER) if isinstance(payload, dict) else None
    return found if isinstance(found, str) else None
