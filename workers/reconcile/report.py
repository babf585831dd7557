# SPDX-License-Identifier: Apache-2.0
"""Say on GitHub how a repository's commits fare: one status a commit, always final in the end.

One run at a time reports on a repository, so that an older word never overwrites a newer one. Everything is
read afresh; what was said before is looked up in Redis, and at GitHub when Redis has lost it. Which commits
wait for their last word is then found by a sweep (`workers.reconcile.lost_pushes`). Check runs, deployments
and comments say the same at more length; they are queued when there is news, and hinder no status.
"""

from __future__ import annotations

import hashlib
import json
import logging

from policies import clock, fairness, views
from policies.commit_status import Source, State, Verdict, short
from policies.pushes import ref_of
from policies.surface.status import timed
from workers import heads, known_pulls, untold
from workers.context import Context
from workers.github import GitHubError, Invalid, NotFound, PermissionMissing, RateLimited
from workers.heads import Head
from workers.later import Later
from workers.permissions import note_missing
from workers.reconcile.telling import features
from workers.reconcile.telling.observing import Observed, Observer
from workers.reconcile.telling.statuses import Statuses
from workers.workqueue import Addition, Key, Queue

log = logging.getLogger(__name__)
_REMEMBER = 7 * 24 * 3600  # seconds


class Reporter:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._observer = Observer(context)
        self._statuses = Statuses(context)

    def reconcile(self, owner: str, name: str) -> None:
        """Bring the statuses of one repository's commits up to date.

        Raises GitHubError for what has to be done again; each commit has had its try by then.
        """
        repository = f"{owner}/{name}".lower()
        seen = self._observer.observe(repository)
        if not seen.sources:
            return
        known = {head.sha: head for head in seen.heads}
        current = dict.fromkeys(source.sha for source in seen.sources if source.sha)
        shown: list[object] = []
        errors: list[GitHubError] = []
        try:
            for sha in dict.fromkeys([*known, *current]):
                try:
                    self._report(seen, sha, known.get(sha), shown)
                except GitHubError as error:
                    # What GitHub refuses of one commit must not keep the others waiting.
                    errors.append(error)
        finally:
            self._spread(seen, owner, name, shown)
        if errors:
            raise next((error for error in errors if isinstance(error, RateLimited)), errors[0])

    def _report(self, seen: Observed, sha: str, head: Head | None, shown: list[object]) -> None:
        """Write the status of one commit if it is news."""
        client = self._context.redis
        sources = seen.followers(sha, head.ref if head else "")
        if not sources:
            heads.remove(client, seen.repository, [sha])
            return
        # One that nobody told us of was fetched before now; it may be overtaken like any other.
        met = head or Head(sha, ref_of(sources[0].obj), 0.0)
        verdict = self._observer.outcome(seen, met, sources).verdict
        shown.append([self._store_view(seen, sha, verdict, sources), verdict.text])
        if self._write(seen.repository, sha, self._timed(verdict, sha, head)):
            untold.add(client, seen.repository, met)
        if verdict.final:
            heads.remove(client, seen.repository, [sha])
        elif head is None:
            heads.add(client, seen.repository, met, private=seen.private, unless_known=True)

    def _write(self, repository: str, sha: str, verdict: Verdict) -> bool:
        try:
            return self._statuses.write(repository, sha, verdict)
        except PermissionMissing as error:
            note_missing(self._context, repository, error, features.STATUSES)
            return True
        except (Invalid, NotFound) as error:
            # GitHub does not have the commit yet, or any more, or takes no more statuses of it.
            key = Key("Repository", *repository.split("/"))
            if Later(self._context.redis).a_few_times(key, self._context.now(), sha):
                raise
            log.warning("no status repository=%s sha=%s: %s", repository, sha[:7], error)
            return False

    def _timed(self, verdict: Verdict, sha: str, head: Head | None) -> Verdict:
        if verdict.state is not State.SUCCESS or not (head and head.at) or "healthy" not in verdict.text:
            return verdict
        if not verdict.text.startswith(f"Applied {short(sha)}"):
            return verdict
        seconds = self._context.now().timestamp() - head.at
        return Verdict(verdict.state, timed(verdict.text, seconds))

    def _store_view(self, seen: Observed, sha: str, verdict: Verdict, sources: list[Source]) -> object:
        """Store what the commit's page shows, and return that without its time."""
        view = views.commit(
            repository=seen.repository,
            sha=sha,
            private=seen.private,
            cluster=self._context.settings.cluster,
            verdict=verdict,
            sources=sources,
            now=clock.rfc3339(self._context.now()),
        )
        key = f"fairway:view:commit:{seen.repository}/{sha}".lower()
        self._context.redis.set(key, json.dumps(view), ex=_REMEMBER)
        return view["objects"]

    def _spread(self, seen: Observed, owner: str, name: str, shown: list[object]) -> None:
        """Have the rest say it too, if anything is other than at the last look."""
        client, key = self._context.redis, f"fairway:observed:{seen.repository}"
        waiting = [head.sha for head in untold.of(client, seen.repository)]
        live = known_pulls.live(client, seen.repository)
        digest = hashlib.sha256(json.dumps([shown, waiting]).encode()).hexdigest()
        if client.get(key) == digest.encode():
            return
        share = fairness.of_repository(owner, name, seen.sources[0].obj["metadata"]["namespace"])
        keys = [Key("Report", owner, name)] if waiting else []
        keys += [Key("PullRequest", owner, f"{name}:{number}") for number in live]
        # What is looked at again because Redis was lost must not hold up what somebody waits for.
        queue = Queue.PUSH if seen.heads or live else Queue.RECONCILE
        self._context.queue.add_all([Addition(one, queue, share) for one in keys])
        # Last, so that whoever dies in between has it queued once more.
        client.set(key, digest, ex=_REMEMBER)
