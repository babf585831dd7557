# SPDX-License-Identifier: Apache-2.0
"""The check run `Fairway configuration`: where `.fairway.yaml` is to change, and where it is broken."""

from __future__ import annotations

import logging

from policies.repofile import NAME, narrow, read
from policies.surface import repository_file as surface
from policies.surface.check import Check
from policies.tenancy import Tenant
from workers.bindings import tenant_of
from workers.context import Context
from workers.github import Annotation, CheckRun, Conclusion, GitHub, Invalid, Level, PullRequest
from workers.reconcile.telling import features

log = logging.getLogger(__name__)
CHECK = "Fairway configuration"
PREFIX = "configuration:"  # of the external ids of these runs
_REMEMBER = 7 * 24 * 3600  # seconds
_DONE = "done"


class RepositoryFile:
    """Check a repository's `.fairway.yaml` at a commit, once; every method raises GitHubError."""

    def __init__(self, context: Context, github: GitHub) -> None:
        self._context = context
        self._github = github

    def on_pull_request(self, repository: str, pull: PullRequest) -> None:
        """Check the file at a pull request's head, if it is changed there."""
        if self._known(repository, pull.head_sha) == _DONE:
            return
        changed = self._github.pulls.changed_files(repository, pull.number)
        if NAME in changed:
            self._check(repository, pull.head_sha, pull.base_ref, even_if_fine=True)
        self._note(repository, pull.head_sha, _DONE)

    def on_branch(self, repository: str, branch: str, sha: str) -> None:
        """Check the file at the head of the default branch, and say so when it is broken."""
        if self._known(repository, sha) != _DONE:
            self._check(repository, sha, branch, even_if_fine=False)
            self._note(repository, sha, _DONE)

    def again(self, repository: str, sha: str, run_id: int) -> None:
        """Have another run check the file: a person wanted the one with this id again."""
        self._note(repository, sha, f"{PREFIX}{sha}:{run_id}")

    def _check(self, repository: str, sha: str, branch: str, *, even_if_fine: bool) -> None:
        try:
            text = self._github.git_data.read(repository, NAME, sha)
        except Invalid as error:
            log.info("no file to check repository=%s sha=%s: %s", repository, sha[:7], error)
            return
        check = self._checked(repository, text, branch)
        if not even_if_fine and check.conclusion != "failure":
            return
        features.attempt(
            self._context,
            repository,
            features.CHECKS,
            lambda: self._write(repository, sha, check),
        )

    def _checked(self, repository: str, text: bytes | None, branch: str) -> Check:
        if text is None:
            return surface.removed(branch)
        grants: Tenant = tenant_of(self._context, repository)
        owner = repository.partition("/")[0]
        return surface.check(
            narrow(grants, read(text), owner=owner, cluster=self._context.settings.cluster), branch
        )

    def _write(self, repository: str, sha: str, check: Check) -> None:
        known = self._known(repository, sha)
        run = CheckRun(
            name=CHECK,
            external_id=known if known.startswith(PREFIX) else f"{PREFIX}{sha}",
            title=check.title,
            summary=check.summary,
            conclusion=Conclusion(check.conclusion),
            annotations=tuple(
                Annotation(one.path, one.message, one.start_line, one.end_line, Level(one.level), one.title)
                for one in check.annotations
            ),
        )
        self._github.checks.ensure(repository, sha, run)
        log.info("configuration repository=%s sha=%s %s", repository, sha[:7], check.conclusion)

    def _known(self, repository: str, sha: str) -> str:
        found = self._context.redis.get(_key(repository, sha))
        return found.decode() if isinstance(found, bytes) else ""

    def _note(self, repository: str, sha: str, what: str) -> None:
        self._context.redis.set(_key(repository, sha), what, ex=_REMEMBER)


def _key(repository: str, sha: str) -> str:
    return f"fairway:configuration:{repository}:{sha}".lower()
