# SPDX-License-Identifier: Apache-2.0
"""Say on GitHub how a repository's commits fare: one status a commit, always final in the end.

One run at a time reports on a repository, so that an older word never overwrites a newer one. Everything
is read afresh; what was said before is looked up in Redis, and at GitHub when Redis has lost it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from policies import clock, commit_status, views
from policies.commit_status import Applied, Source, State, Verdict, short
from policies.dependencies import source_key
from policies.kinds import GitRepository, Kustomization
from policies.objects import Object
from policies.pushes import follows, points_to
from workers import heads
from workers.bindings import tenant_of
from workers.context import Context
from workers.github import CommitStatus, GitHub, GitHubError, NotFound, RateLimited
from workers.github import State as GitHubState
from workers.heads import Head
from workers.reconcile import parts
from workers.reconcile.ancestry import Ancestry

log = logging.getLogger(__name__)
_REMEMBER = 7 * 24 * 3600  # seconds
_LOOK_BACK = 20  # commits that are asked for at GitHub after Redis has lost what was pending
# Another flush may have asked again meanwhile.
_DELETE_IF_SAME = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"
_GIVE_UP = 600.0  # seconds after which a commit that no source ever fetched counts as replaced


@dataclass
class _Run:
    repository: str
    sources: list[Source]
    heads: list[Head]
    private: bool
    looked: dict[str, float]  # when each source last asked its remote


class Reporter:
    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, owner: str, name: str) -> None:
        """Bring the statuses of one repository's commits up to date."""
        run = self._observe(f"{owner}/{name}".lower())
        if not run.sources:
            return
        done = []
        current = {source.sha: None for source in run.sources if source.sha}
        for sha in dict.fromkeys([*(head.sha for head in run.heads), *current]):
            if self._report(run, sha):
                done.append(sha)
        heads.remove(self._context.redis, run.repository, done)

    def _observe(self, repository: str) -> _Run:
        context = self._context
        self._look_after_a_flush(repository)
        # In this order: a source that had looked, and a push that had come, are in the status read after.
        looked = heads.looked_at(context.redis, repository)
        pushed = heads.of(context.redis, repository)
        private = heads.is_private(context.redis, repository)
        return _Run(repository, self._sources(repository), pushed, private, looked)

    def _look_after_a_flush(self, repository: str) -> None:
        """Recover what `watch` found to be lost; it stays to be done until it is, whoever dies meanwhile."""
        store, key = self._context.redis, f"fairway:recover:{repository}"
        wanted = store.get(key)
        if wanted and self._recover(repository):
            store.eval(_DELETE_IF_SAME, 1, key, wanted)

    def _sources(self, repository: str) -> list[Source]:
        cluster, url = self._context.cluster, self._context.settings.github_url
        found, _ = cluster.list(cluster.discovery.resource("source.toolkit.fluxcd.io", "v1", "GitRepository"))
        mine = [source for source in found if source.get("spec") and points_to(source, repository, url)]
        if not mine:
            return []
        grants = tenant_of(self._context, repository)
        mine = [source for source in mine if grants.covers(source["metadata"]["namespace"])]
        if not mine:
            return []
        everything, _ = cluster.list(
            cluster.discovery.resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        )
        # Who applies somebody else's source must neither colour his commits nor be shown on them.
        theirs = [one for one in everything if grants.covers(one["metadata"]["namespace"])]
        return [Source(source, self._applied(source, theirs)) for source in mine]

    def _applied(self, source: Object, kustomizations: Iterable[Object]) -> list[Applied]:
        metadata = source["metadata"]
        key = ("GitRepository", metadata["namespace"], metadata["name"])
        return [
            self._one(source, obj) for obj in kustomizations if obj.get("spec") and source_key(obj) == key
        ]

    def _one(self, source: Object, obj: Object) -> Applied:
        found = parts.of(self._context, obj)
        artifact = (source.get("status") or {}).get("artifact") or {}
        since = clock.parse(artifact["lastUpdateTime"]) if artifact else self._context.now()
        age = (self._context.now() - since).total_seconds()
        return Applied(obj, found, overdue=age > Kustomization.model_validate(obj).timeout_seconds)

    def _report(self, run: _Run, sha: str) -> bool:
        """Write the status of one commit if it is news; True when it is final."""
        head = next((h for h in run.heads if h.sha == sha), None)
        sources = self._followers(run, sha, head)
        if not sources:
            return True
        verdict = self._verdict(run, sha, head, sources)
        self._store_view(run, sha, verdict, sources)
        self._write(run, sha, self._timed(verdict, sha, head))
        return verdict.final

    def _followers(self, run: _Run, sha: str, head: Head | None) -> list[Source]:
        if head is None:
            return [source for source in run.sources if source.sha == sha]
        return [s for s in run.sources if follows(s.obj, head.ref) and not s.obj["spec"].get("suspend")]

    def _verdict(self, run: _Run, sha: str, head: Head | None, sources: list[Source]) -> Verdict:
        elsewhere = next((s for s in sources if s.sha and s.sha != sha), None)
        if head is None or elsewhere is None:
            return commit_status.of_commit(sha, sources)
        if self._contains(elsewhere, sha):
            later = commit_status.of_commit(elsewhere.sha, sources)
            return commit_status.overtaken(sha, elsewhere.sha, later)
        if self._passed_by(run, elsewhere, head):
            return commit_status.replaced(elsewhere.sha)
        return commit_status.of_commit(sha, sources)

    def _contains(self, source: Source, sha: str) -> bool:
        spec = GitRepository.model_validate(source.obj)
        return Ancestry(self._context).contains(spec, descendant=source.sha, ancestor=sha)

    def _passed_by(self, run: _Run, source: Source, head: Head) -> bool:
        """Tell whether the source has fetched since the push, and found another commit."""
        metadata = source.obj["metadata"]
        looked = run.looked.get(f"{metadata['namespace']}/{metadata['name']}", 0.0)
        return looked > head.at or self._context.now().timestamp() - head.at > _GIVE_UP

    def _timed(self, verdict: Verdict, sha: str, head: Head | None) -> Verdict:
        if verdict.state is not State.SUCCESS or head is None or "healthy" not in verdict.text:
            return verdict
        if not verdict.text.startswith(f"Applied {short(sha)}"):
            return verdict
        seconds = self._context.now().timestamp() - head.at
        return Verdict(verdict.state, f"{verdict.text} in {_duration(seconds)}")

    def _write(self, run: _Run, sha: str, verdict: Verdict) -> None:
        github, settings = self._context.github, self._context.settings
        if github is None:
            return
        key = f"fairway:status:{run.repository}:{sha}"
        shown = self._shown(github, key, run.repository, sha)
        if not commit_status.may_follow(shown.get("state", ""), verdict.state):
            return
        if (shown.get("state"), shown.get("description")) == (verdict.state.word, verdict.text):
            return
        url = f"{settings.pages_base}/{run.repository}/commit/{sha}"
        status = CommitStatus(GitHubState(verdict.state.word), self._status_context, verdict.text, url)
        try:
            github.statuses.ensure(run.repository, sha, status)
        except RateLimited as limited:
            if verdict.final:
                raise
            log.info("status left out repository=%s sha=%s: %s", run.repository, sha[:7], limited)
            return
        said = json.dumps({"state": verdict.state.word, "description": verdict.text})
        self._context.redis.set(key, said, ex=_REMEMBER)
        log.info(
            "status repository=%s sha=%s %s: %s", run.repository, sha[:7], verdict.state.word, verdict.text
        )

    def _shown(self, github: GitHub, key: str, repository: str, sha: str) -> Mapping[str, Any]:
        stored = self._context.redis.get(key)
        if stored:
            found: Mapping[str, Any] = json.loads(stored)
            return found
        try:
            return github.statuses.latest(repository, sha, self._status_context) or {}
        except NotFound:
            return {}

    @property
    def _status_context(self) -> str:
        return f"fairway/{self._context.settings.cluster}"

    def _store_view(self, run: _Run, sha: str, verdict: Verdict, sources: list[Source]) -> None:
        view = views.commit(
            repository=run.repository,
            sha=sha,
            private=run.private,
            cluster=self._context.settings.cluster,
            verdict=verdict,
            sources=sources,
            now=clock.rfc3339(self._context.now()),
        )
        key = f"fairway:view:commit:{run.repository}/{sha}".lower()
        self._context.redis.set(key, json.dumps(view), ex=_REMEMBER)

    def _recover(self, repository: str) -> bool:
        """Find commits that GitHub still shows as pending after Redis has lost which they were.

        Returns False when GitHub could not be asked.
        """
        github = self._context.github
        if github is None:
            return True
        try:
            self._private(github, repository)
            for source in self._sources(repository):
                branch = (source.obj["spec"].get("ref") or {}).get("branch")
                if branch:
                    self._recover_branch(github, repository, branch)
        except GitHubError as error:
            log.warning("pending statuses not looked up repository=%s: %s", repository, error)
            return False
        return True

    def _recover_branch(self, github: GitHub, repository: str, branch: str) -> None:
        query = f"/commits?sha={branch}&per_page={_LOOK_BACK}"
        commits = github.call("GET", repository, query, f"list the commits of {repository}")
        for commit in commits:
            shown = github.statuses.latest(repository, commit["sha"], self._status_context) or {}
            if shown.get("state") == "pending":
                at = clock.parse(shown["created_at"]).timestamp()
                head = Head(commit["sha"], f"refs/heads/{branch}", at)
                heads.add(self._context.redis, repository, head, private=self._private(github, repository))

    def _private(self, github: GitHub, repository: str) -> bool:
        answer = github.call("GET", repository, "", f"show {repository}")
        self._context.redis.set(
            f"fairway:private:{repository}", "1" if answer.get("private", True) else "0", ex=_REMEMBER
        )
        return bool(answer.get("private", True))


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
