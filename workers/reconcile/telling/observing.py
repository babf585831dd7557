# SPDX-License-Identifier: Apache-2.0
"""What the cluster has of a repository: its sources, what they bring, and the pushes that are not done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from policies import clock
from policies.commit_status import Applied, Source
from policies.dependencies import source_key
from policies.kinds import GitRepository, Kustomization
from policies.objects import Object
from policies.pull_request import Outcome, outcome
from policies.pushes import follows, points_to
from workers import heads
from workers.bindings import tenant_of
from workers.context import Context
from workers.heads import Head
from workers.later import Later
from workers.reconcile import parts
from workers.reconcile.ancestry import Ancestry
from workers.workqueue import Key

_BACK = timedelta(seconds=5)  # until a Git host is asked again
_REMEMBER = 3600  # seconds
_GIVE_UP = 600.0  # seconds after which a commit that no source ever fetched counts as replaced


@dataclass(frozen=True)
class Observed:
    """A repository's sources in the namespaces that it is bound to, and the pushes without a final status."""

    repository: str
    sources: list[Source]
    heads: list[Head]
    private: bool
    looked: dict[str, float]  # when each source last asked its remote

    def followers(self, sha: str, ref: str) -> list[Source]:
        """Return the sources that a commit of a ref concerns; without a ref, those that are at it."""
        if not ref:
            return [source for source in self.sources if source.sha == sha]
        return [s for s in self.sources if follows(s.obj, ref) and not s.obj["spec"].get("suspend")]


class Observer:
    """Observe repositories and judge their commits."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def observe(self, repository: str, *, judged: bool = True) -> Observed:
        """Read everything afresh, without what the sources bring unless it is `judged`; raises ApiError."""
        context = self._context
        # In this order: a source that had looked, and a push that had come, are in the status read after.
        looked = heads.looked_at(context.redis, repository)
        pushed = heads.of(context.redis, repository)
        private = heads.is_private(context.redis, repository)
        return Observed(repository, self.sources(repository, judged=judged), pushed, private, looked)

    def sources(self, repository: str, *, judged: bool = True) -> list[Source]:
        """Return the sources that point to a repository, with what of theirs it is bound to, if `judged`."""
        found = sources_of(self._context, repository)
        if not found:
            return []
        cluster, grants = self._context.cluster, tenant_of(self._context, repository)
        found = [source for source in found if grants.covers(source["metadata"]["namespace"])]
        if not found:
            return []
        if not judged:
            return [Source(source, []) for source in found]
        everything, _ = cluster.list(
            cluster.discovery.resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        )
        # Who applies somebody else's source must neither colour his commits nor be shown on them.
        theirs = [one for one in everything if grants.covers(one["metadata"]["namespace"])]
        return [Source(source, self._applied(source, theirs)) for source in found]

    def outcome(self, seen: Observed, head: Head, sources: list[Source]) -> Outcome:
        """Judge a commit by the sources that it concerns."""

        def contains(source: Source) -> bool | None:
            spec = GitRepository.model_validate(source.obj)
            found = Ancestry(self._context).contains(spec, descendant=source.sha, ancestor=head.sha)
            if found is not None:
                self._context.redis.delete(_unknown_key(seen.repository, head.sha))
            return found

        def passed_by(source: Source) -> bool:
            """Tell whether the source has fetched since the push, and found another commit."""
            metadata = source.obj["metadata"]
            looked = seen.looked.get(f"{metadata['namespace']}/{metadata['name']}", 0.0)
            return looked > head.at or self._context.now().timestamp() - head.at > _GIVE_UP

        def given_up() -> bool:
            return self._is_given_up(seen.repository, head.sha)

        return outcome(head.sha, sources, contains=contains, passed_by=passed_by, given_up=given_up)

    def _is_given_up(self, repository: str, sha: str) -> bool:
        """Have a commit judged once more when its Git host may be back; True when that took too long."""
        client, now, key = self._context.redis, self._context.now(), _unknown_key(repository, sha)
        client.set(key, repr(now.timestamp()), nx=True, ex=_REMEMBER)
        if now.timestamp() - float(client.get(key) or now.timestamp()) > _GIVE_UP:
            return True
        for kind in ("Repository", "Report"):
            Later(client).put(Key(kind, *repository.split("/")), now + _BACK)
        return False

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


def _unknown_key(repository: str, sha: str) -> str:
    """Name the note of since when nobody can tell whether a commit is in its branch's history."""
    return f"fairway:history:{repository}:{sha}"


def sources_of(context: Context, repository: str) -> list[Object]:
    """Return the GitRepositories that point to `owner/name`, whether or not it is bound to them."""
    cluster, url = context.cluster, context.settings.github_url
    found, _ = cluster.list(cluster.discovery.resource("source.toolkit.fluxcd.io", "v1", "GitRepository"))
    return [source for source in found if source.get("spec") and points_to(source, repository, url)]
