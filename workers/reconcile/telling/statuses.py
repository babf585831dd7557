# SPDX-License-Identifier: Apache-2.0
"""The commit status `fairway/<cluster>`: on commits how they fare, on what is not merged that it waits."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from policies import clock, commit_status
from policies.commit_status import Verdict
from policies.pull_request import Content, Mark
from policies.surface.status import nothing_yet
from workers.context import Context
from workers.github import CommitStatus, GitHub, NotFound, RateLimited, State
from workers.reconcile.telling.observing import Observed

log = logging.getLogger(__name__)
_REMEMBER = 7 * 24 * 3600  # seconds
_STATES = {
    Mark.DONE: State.SUCCESS,
    Mark.FAILED: State.FAILURE,
    Mark.PAUSED: State.SUCCESS,  # it keeps nothing from being done
    Mark.WAITS: State.PENDING,
}


class Statuses:
    """Write commit statuses that say something new."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.name = f"fairway/{context.settings.cluster}"

    def write(self, repository: str, sha: str, verdict: Verdict) -> bool:
        """Say how a commit fares, unless that is known; tell whether it was, or may have been, news."""
        github = self._context.github
        if github is None:
            return False
        stored = self._context.redis.get(_key(repository, sha))
        shown = json.loads(stored) if stored else self._shown(github, repository, sha)
        news = not stored
        if news and shown.get("state", "pending") != State.PENDING:
            self._remember(repository, sha, shown["state"], shown.get("description") or "")
        if not commit_status.may_follow(shown.get("state", ""), verdict.state):
            return news
        if (shown.get("state"), shown.get("description")) == (verdict.state.word, verdict.text):
            return news
        status = CommitStatus(
            State(verdict.state.word), self.name, verdict.text, self.address(repository, sha)
        )
        try:
            github.statuses.ensure(repository, sha, status)
        except RateLimited as limited:
            if verdict.final:
                raise
            log.info("status left out repository=%s sha=%s: %s", repository, sha[:7], limited)
            return news
        self._remember(repository, sha, verdict.state.word, verdict.text)
        log.info("status repository=%s sha=%s %s: %s", repository, sha[:7], verdict.state.word, verdict.text)
        return True

    def write_objects(self, repository: str, sha: str, content: Content) -> None:
        """Say how each object of a commit's table fares, by a context of its own."""
        github = self._context.github
        if github is None:
            return
        key = f"fairway:object-statuses:{repository}:{sha}".lower()
        said = cast("dict[bytes, bytes]", self._context.redis.hgetall(key))
        for row in content.rows:
            context = f"{self.name}/{row.ref}"
            status = CommitStatus(_STATES[row.mark], context, row.state, self.address(repository, sha))
            shown = f"{status.state} {status.description}".encode()
            if said.get(context.encode()) != shown:
                github.statuses.ensure(repository, sha, status)
                self._context.redis.hset(key, context, shown)
                self._context.redis.expire(key, _REMEMBER)

    def nothing_yet(self, seen: Observed, sha: str) -> None:
        """Say on the head of a pull request, or on a merge queue's commit, that nothing of it is applied.

        Where there is a status already, the commit is on a branch that something follows, or was told.
        """
        github, client = self._context.github, self._context.redis
        if github is None or client.hexists(_told_key(seen.repository), sha):
            return
        applied = {head.sha for head in seen.heads} | {source.sha for source in seen.sources}
        if sha not in applied and github.statuses.latest(seen.repository, sha, self.name) is None:
            status = CommitStatus(State.SUCCESS, self.name, nothing_yet())
            github.statuses.ensure(seen.repository, sha, status)
            log.info("status repository=%s sha=%s: %s", seen.repository, sha[:7], nothing_yet())
        with client.pipeline(transaction=False) as pipe:
            pipe.hset(_told_key(seen.repository), sha, str(int(self._context.now().timestamp())))
            pipe.expire(_told_key(seen.repository), _REMEMBER)
            pipe.execute()

    def is_final(self, repository: str, sha: str) -> bool:
        """Tell whether it is remembered that a commit has its final status."""
        stored = self._context.redis.get(_key(repository, sha))
        return stored is not None and json.loads(stored)["state"] != State.PENDING

    def shown(self, github: GitHub, repository: str, sha: str) -> tuple[str, datetime | None]:
        """Return the state that GitHub shows, empty for none, and since when; it is remembered."""
        shown = self._shown(github, repository, sha)
        if not shown:
            return "", None
        self._remember(repository, sha, shown["state"], shown["description"] or "")
        return str(shown["state"]), clock.parse(shown["created_at"])

    def told(self, repository: str) -> set[str]:
        """Return the heads of pull requests that have their status; what is old is forgotten."""
        found = cast("dict[bytes, bytes]", self._context.redis.hgetall(_told_key(repository)))
        since = self._context.now().timestamp() - _REMEMBER
        old = [sha for sha, at in found.items() if float(at) < since]
        if old:
            self._context.redis.hdel(_told_key(repository), *old)
        return {sha.decode() for sha in found.keys() - set(old)}

    def address(self, repository: str, sha: str) -> str:
        """Return the address of a commit's page."""
        return f"{self._context.settings.pages_base}/{repository}/commit/{sha}"

    def _remember(self, repository: str, sha: str, state: str, description: str) -> None:
        said = json.dumps({"state": state, "description": description})
        self._context.redis.set(_key(repository, sha), said, ex=_REMEMBER)

    def _shown(self, github: GitHub, repository: str, sha: str) -> Mapping[str, Any]:
        """Return what GitHub shows; that nothing was applied before the merge is no word on the commit."""
        try:
            shown = github.statuses.latest(repository, sha, self.name) or {}
        except NotFound:
            return {}
        return {} if shown.get("description") == nothing_yet() else shown


def _key(repository: str, sha: str) -> str:
    return f"fairway:status:{repository}:{sha}"


def _told_key(repository: str) -> str:
    return f"fairway:before-merge:{repository.lower()}"
