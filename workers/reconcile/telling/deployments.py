# SPDX-License-Identifier: Apache-2.0
"""GitHub's deployments: one for each commit and environment that some of its Kustomizations are in.

They leave room for everything else: what they would create is progress, the first to be put off.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass

from policies.budget import Urgency
from policies.commit_status import Source, State
from policies.pull_request import Fate, Outcome, environments, within
from policies.repofile import Narrowed
from policies.surface.status import deployed
from policies.tenancy import Environment
from workers.context import Context
from workers.github import Deployment, DeploymentState, DeploymentStatus, GitHub
from workers.reconcile.telling.statuses import Statuses

log = logging.getLogger(__name__)
_REMEMBER = 7 * 24 * 3600  # seconds
_STATES = {
    State.SUCCESS: DeploymentState.SUCCESS,
    State.PENDING: DeploymentState.IN_PROGRESS,
    State.FAILURE: DeploymentState.FAILURE,
}


@dataclass(frozen=True)
class _Said:
    """A deployment's id, and the state that was written last; 0 when there is none."""

    id: int
    state: str = ""


class Deployments:
    """Keep the deployments of each commit as they should be."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def write(self, repository: str, sha: str, outcomes: list[tuple[Environment, Outcome]]) -> None:
        """Say how a commit fares in each environment; a success stands."""
        github = self._context.github
        if github is not None:
            for environment, outcome in outcomes:
                self._write(github, repository, sha, environment, outcome)

    def _write(
        self, github: GitHub, repository: str, sha: str, environment: Environment, outcome: Outcome
    ) -> None:
        key = f"fairway:deployment:{repository}:{sha}:{environment.name}".lower()
        state = _STATES[outcome.verdict.state]
        stored = self._context.redis.get(key)
        said = _Said(**json.loads(stored)) if stored else None
        if said and (said.state in (state, DeploymentState.SUCCESS) or _goes_back(said, state)):
            return
        deployment = self._deployment(sha, environment)
        number = said.id if said else self._id(github, repository, deployment, outcome)
        if number:
            url = Statuses(self._context).address(repository, sha)
            status = DeploymentStatus(state, outcome.verdict.text, log_url=url)
            github.deployments.ensure_status(repository, number, status)
            log.info(
                "deployment repository=%s sha=%s environment=%s %s",
                repository,
                sha[:7],
                environment.name,
                state,
            )
        self._context.redis.set(key, json.dumps(asdict(_Said(number, state))), ex=_REMEMBER)

    def _id(self, github: GitHub, repository: str, deployment: Deployment, outcome: Outcome) -> int:
        """Return the deployment's id; one of a commit that never was on the cluster itself is not made."""
        if outcome.fate is not Fate.ITSELF:
            return github.deployments.find(repository, deployment) or 0
        return github.deployments.ensure(repository, deployment, urgency=Urgency.PROGRESS)

    def _deployment(self, sha: str, environment: Environment) -> Deployment:
        return Deployment(
            sha,
            environment.name,
            self._context.settings.cluster,
            description=deployed(self._context.settings.cluster),
            production=environment.protected,
        )


def by_environment(narrowed: Narrowed, sources: list[Source]) -> list[tuple[Environment, list[Source]]]:
    """Return the environments that a commit concerns, each with what of it is there."""
    return [(one, within(one, sources)) for one in environments(narrowed, sources)]


def _goes_back(said: _Said, state: DeploymentState) -> bool:
    return said.state == DeploymentState.FAILURE and state is DeploymentState.IN_PROGRESS
