# SPDX-License-Identifier: Apache-2.0
"""The check run `Fairway <cluster>`: the table of a commit's objects, and its failures on file and line."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass

from policies.commit_status import State
from policies.pull_request import Content, Fate
from policies.pull_request.annotations import candidates, places
from policies.surface import pull_request as surface
from policies.surface.markdown import shortened
from workers.context import Context
from workers.github import Annotation, CheckRun, Conclusion, GitHub, Invalid
from workers.reconcile.telling.statuses import Statuses

log = logging.getLogger(__name__)
_REMEMBER = 7 * 24 * 3600  # seconds
_CONCLUSIONS = {State.SUCCESS: Conclusion.SUCCESS, State.FAILURE: Conclusion.FAILURE}
_LONGEST_TITLE = 200


@dataclass(frozen=True)
class _Said:
    """The run that counts on a commit, by its external id, its state, and a digest of what it says."""

    external_id: str
    state: str = ""
    digest: str = ""


class Checks:
    """Keep the check run of each commit as it should be."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.name = f"Fairway {context.settings.cluster}"

    def write(self, repository: str, content: Content) -> None:
        """Say how a commit fares; a success stands, until a person wants the run again."""
        github, state = self._context.github, content.outcome.verdict.state
        if github is None:
            return
        said = self._said(github, repository, content.sha, state)
        if said.state == State.SUCCESS.word:
            return
        if said.state == State.FAILURE.word and state is State.PENDING:
            return
        run = self._run(github, repository, content, said.external_id)
        digest = _digest(run)
        if digest != said.digest:
            github.checks.ensure(repository, content.sha, run)
            log.info("check repository=%s sha=%s %s", repository, content.sha[:7], state.word)
        self._keep(repository, content.sha, _Said(said.external_id, state.word, digest))

    def again(self, repository: str, sha: str, run_id: int) -> None:
        """Have another run say how a commit fares: a person wanted the one with this id again."""
        self._keep(repository, sha, _Said(f"{sha}:{run_id}"))

    def there(self, repository: str, sha: str) -> bool:
        """Tell whether a commit has a check run of ours; raises GitHubError."""
        github = self._context.github
        return github is not None and bool(github.checks.latest(repository, sha, self.name))

    def _said(self, github: GitHub, repository: str, sha: str, state: State) -> _Said:
        stored = self._context.redis.get(_key(repository, sha))
        if stored:
            return _Said(**json.loads(stored))
        if state is State.SUCCESS:
            return _Said(sha)  # nothing that is there stands against it, and what is the same stays
        runs = github.checks.latest(repository, sha, self.name)
        if not runs:
            return _Said(sha)
        # Whether it is the one that counts, its conclusion tells; what it says is compared with the next.
        concluded = runs[0]["status"] == "completed"
        return _Said(runs[0]["external_id"] or sha, str(runs[0]["conclusion"]) if concluded else "")

    def _keep(self, repository: str, sha: str, said: _Said) -> None:
        self._context.redis.set(_key(repository, sha), json.dumps(asdict(said)), ex=_REMEMBER)

    def _run(self, github: GitHub, repository: str, content: Content, external_id: str) -> CheckRun:
        verdict = content.outcome.verdict
        return CheckRun(
            name=self.name,
            external_id=external_id,
            title=shortened(verdict.text, _LONGEST_TITLE),
            summary=surface.report(content),
            conclusion=_CONCLUSIONS.get(verdict.state),
            details_url=Statuses(self._context).address(repository, content.sha),
            annotations=self._annotations(github, repository, content),
        )

    def _annotations(self, github: GitHub, repository: str, content: Content) -> tuple[Annotation, ...]:
        """Return the failures that lie in files of this commit."""
        itself = content.outcome.fate is Fate.ITSELF
        if not itself or content.outcome.verdict.state is not State.FAILURE or not candidates(content.rows):
            return ()
        try:
            files = {entry.path for entry in github.git_data.tree(repository, content.sha)}
        except Invalid as error:
            log.info("no annotations repository=%s: %s", repository, error)
            return ()
        return tuple(
            Annotation(place.path, place.message, place.line, place.line, title=place.title)
            for place in places(content.rows, files)
        )


def _digest(run: CheckRun) -> str:
    """Return a digest of a run; of one in progress, what its title says is news enough."""
    said = repr(run) if run.conclusion else f"{run.external_id} {run.title}"
    return hashlib.sha256(said.encode()).hexdigest()


def _key(repository: str, sha: str) -> str:
    return f"fairway:check:{repository}:{sha}".lower()
