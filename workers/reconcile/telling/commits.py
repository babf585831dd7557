# SPDX-License-Identifier: Apache-2.0
"""Say at length how a repository's commits fare: a check run, and a deployment for each environment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from policies.commit_status import Source
from policies.pull_request import Content, Outcome, content
from policies.repofile import Narrowed
from policies.tenancy import Environment
from workers import untold
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import GitHubError, RateLimited
from workers.heads import Head
from workers.later import Later
from workers.permissions import missing_of
from workers.reconcile.telling import features
from workers.reconcile.telling.checks import Checks
from workers.reconcile.telling.deployments import Deployments, by_environment
from workers.reconcile.telling.observing import Observed, Observer
from workers.reconcile.telling.statuses import Statuses
from workers.workqueue import Key

log = logging.getLogger(__name__)
_FIRST = 1.5  # seconds after a push until it is told how far that is: most are done by then


class CommitReporter:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._observer = Observer(context)
        self._checks = Checks(context)
        self._deployments = Deployments(context)
        self._statuses = Statuses(context)

    def reconcile(self, owner: str, name: str) -> None:
        """Bring check runs and deployments of one repository's commits up to date.

        Raises GitHubError for what has to be done again; each commit has had its try by then.
        """
        repository = f"{owner}/{name}".lower()
        seen = self._observer.observe(repository)
        if not seen.sources or self._context.github is None:
            return
        narrowed = narrowed_of(self._context, repository)
        errors: list[GitHubError] = []
        for head in untold.of(self._context.redis, repository):
            try:
                if self._report(seen, head, narrowed):
                    untold.remove(self._context.redis, repository, head.sha)
            except GitHubError as error:
                self._failed(repository, head, error, errors)
        if errors:
            raise next((error for error in errors if isinstance(error, RateLimited)), errors[0])

    def _failed(self, repository: str, head: Head, error: GitHubError, errors: list[GitHubError]) -> None:
        if error.retryable:
            errors.append(error)
            return
        log.warning("no report repository=%s sha=%s: %s", repository, head.sha[:7], error)
        key = Key("Report", *repository.split("/"))
        if not Later(self._context.redis).a_few_times(key, self._context.now(), head.sha):
            untold.remove(self._context.redis, repository, head.sha)

    def _report(self, seen: Observed, head: Head, narrowed: Narrowed) -> bool:
        """Tell all of one commit; True when it is final."""
        sources = seen.followers(head.sha, head.ref)
        if not sources:
            return True
        outcome = self._observer.outcome(seen, head, sources)
        if not outcome.final and self._soon(seen.repository, head):
            return False
        parts: dict[str, Callable[[], None]] = {}
        said = self._content(seen.repository, head, outcome, sources, narrowed)
        if narrowed.shows.checks:
            parts[features.CHECKS] = lambda: self._checks.write(seen.repository, said)
        if narrowed.shows.status_per_object:
            parts[features.STATUSES] = lambda: self._statuses.write_objects(seen.repository, head.sha, said)
        found: list[tuple[Environment, Outcome]] = []
        if narrowed.shows.deployments:
            found += [
                (environment, self._observer.outcome(seen, head, there))
                for environment, there in by_environment(narrowed, sources)
            ]
            parts[features.DEPLOYMENTS] = lambda: self._deployments.write(seen.repository, head.sha, found)
        errors = []
        for feature, act in parts.items():
            try:
                features.attempt(self._context, seen.repository, feature, act)
            except GitHubError as error:
                errors.append(error)
        if errors:
            raise next((error for error in errors if error.retryable), errors[0])
        return outcome.final and all(one.final for _, one in found)

    def _soon(self, repository: str, head: Head) -> bool:
        """Tell whether a commit is so new that it may be done in a moment, and come back to it then."""
        at = datetime.fromtimestamp(head.at + _FIRST, UTC)
        if at <= self._context.now():
            return False
        Later(self._context.redis).put(Key("Report", *repository.split("/")), at)
        return True

    def _content(
        self, repository: str, head: Head, outcome: Outcome, sources: list[Source], narrowed: Narrowed
    ) -> Content:
        return content(
            outcome,
            sources,
            cluster=self._context.settings.cluster,
            sha=head.sha,
            narrowed=narrowed,
            missing=missing_of(self._context, repository),
        )
