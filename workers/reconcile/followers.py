# SPDX-License-Identifier: Apache-2.0
"""After a push into a source that many Kustomizations follow: those it concerns are worked on first."""

from __future__ import annotations

import logging

from policies import fairness
from policies.dependencies import source_key
from policies.errors import FairwayError
from policies.objects import Object
from workers.context import Context
from workers.reconcile import sources
from workers.reconcile.observing import KIND
from workers.workqueue import Addition, Key, Queue

log = logging.getLogger(__name__)
_TIMEOUT = 20.0  # seconds


class Followers:
    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Queue the Kustomizations of a GitRepository that its new artifact may change.

        The others come by themselves, later: `watch` has set their time.
        """
        source = sources.find(self._context.cluster, "GitRepository", namespace, name)
        artifact = ((source or {}).get("status") or {}).get("artifact")
        if not artifact:
            return
        cluster = self._context.cluster
        everyone, _ = cluster.list(cluster.discovery.resource(*KIND), cached=True)
        wanted = ("GitRepository", namespace, name)
        mine = [obj for obj in everyone if obj.get("spec") and source_key(obj) == wanted]
        concerned, url = self._concerned(mine, artifact), self._context.settings.github_url
        self._context.queue.add_all(
            [
                Addition(
                    Key("Kustomization", *_owner(obj)),
                    Queue.PUSH,
                    fairness.of_kustomization(obj, source, url),
                )
                for obj in concerned
            ]
        )
        log.info("push concerns %d of %d source=%s/%s", len(concerned), len(mine), namespace, name)

    def _concerned(self, kustomizations: list[Object], artifact: Object) -> list[Object]:
        owners = {f"{obj['metadata']['namespace']}/{obj['metadata']['name']}": obj for obj in kustomizations}
        built = self._context.ledger.built([_owner(obj) for obj in kustomizations])
        known = {
            f"{namespace}/{name}": one.reads
            for (namespace, name), one in built.items()
            if one and one.reads is not None
        }
        try:
            path = sources.open_artifact(self._context.settings, artifact)
            changed = self._context.engine.unchanged(path, artifact["digest"], known, timeout=_TIMEOUT)
        except FairwayError as error:
            log.warning("not told whom the push concerns: %s", error)
            return kustomizations
        return [obj for owner, obj in owners.items() if owner not in known or owner in changed]


def _owner(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
