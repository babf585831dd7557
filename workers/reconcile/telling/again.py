# SPDX-License-Identifier: Apache-2.0
"""A person wants a check of ours again: reconcile what it is about, and say it in a new run."""

from __future__ import annotations

import logging

from policies import fairness
from policies.pushes import ref_of
from workers import untold
from workers.context import Context
from workers.github import GitHub
from workers.heads import Head
from workers.reconcile.telling.checks import Checks
from workers.reconcile.telling.observing import Observed, Observer
from workers.reconcile.telling.repository_file import CHECK, RepositoryFile
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)
REPORT, FILE, BOTH = "report", "file", "both"


class ChecksAgain:
    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, owner: str, name: str) -> None:
        """Say it again; `name` is `name:what:sha:id` of the repository, the check, the commit and the run."""
        short, what, sha, run_id = name.split(":")
        repository, github = f"{owner}/{short}".lower(), self._context.github
        seen = Observer(self._context).observe(repository)
        if not seen.sources or github is None:
            return
        if what in (FILE, BOTH):
            self._file(github, repository, sha, int(run_id))
        if what in (REPORT, BOTH) and Checks(self._context).there(repository, sha):
            self._report(seen, sha, int(run_id))

    def _file(self, github: GitHub, repository: str, sha: str, run_id: int) -> None:
        """Check the file once more where it was checked: at the head of a pull request, or of the branch."""
        (owner, _, name), file = repository.partition("/"), RepositoryFile(self._context, github)
        if not github.checks.latest(repository, sha, CHECK):
            return
        file.again(repository, sha, run_id)
        for pull in github.pulls.of_commit(repository, sha):
            if pull.open and pull.head_sha == sha:
                self._context.queue.add(Key("PullRequest", owner, f"{name}:{pull.number}"), Queue.PUSH)
        branch = github.repositories.get(repository).default_branch
        if github.git_data.head(repository, branch) == sha:
            file.on_branch(repository, branch, sha)

    def _report(self, seen: Observed, sha: str, run_id: int) -> None:
        """Run everything that the commit brought, as its Kustomizations are due now, and report on it."""
        context, url = self._context, self._context.settings.github_url
        log.info("check wanted again repository=%s sha=%s", seen.repository, sha[:7])
        Checks(context).again(seen.repository, sha, run_id)
        head = next((one for one in seen.heads if one.sha == sha), None)
        there = next((one for one in seen.sources if one.sha == sha), seen.sources[0])
        untold.add(context.redis, seen.repository, head or Head(sha, ref_of(there.obj), 0.0))
        for source in seen.sources:
            metadata = source.obj["metadata"]
            key = Key("GitRepository", metadata["namespace"], metadata["name"])
            context.queue.add(key, Queue.PUSH, fairness.of_source(source.obj, url))
            for applied in source.applied if source.sha == sha else ():
                key = Key("Kustomization", applied.ref.namespace, applied.ref.name)
                share = fairness.of_kustomization(applied.obj, source.obj, url)
                context.queue.add(key, Queue.PUSH, share)
        owner, _, name = seen.repository.partition("/")
        context.queue.add(Key("Report", owner, name), Queue.PUSH)
