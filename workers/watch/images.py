# SPDX-License-Identifier: Apache-2.0
"""What of the image kinds is to be looked at because another one of them changed."""

from __future__ import annotations

from policies.objects import Object
from workers.watch import edges
from workers.watch.edges import Edges
from workers.watch.state import State
from workers.workqueue import Key, Queue

KINDS = frozenset({"ImageRepository", "ImagePolicy", "ImageUpdateAutomation"})


class Images:
    """Queues the policies of a scan, and the automations that write what a policy has chosen."""

    def __init__(self, state: State, around: Edges) -> None:
        self._state = state
        self._edges = around

    def changed(self, key: Key, before: Object | None, obj: Object) -> None:
        """Take in an object of KINDS, ours or of another shard; without `before` it is seen first."""
        if key.kind == "ImageRepository":
            self._scanned(key, before, obj)
        elif key.kind == "ImagePolicy":
            self._chosen(before, obj)
        elif before is None:
            self._appeared(key, obj)

    def _scanned(self, key: Key, before: Object | None, repository: Object) -> None:
        """Another scan, or another image or permission, may make policies choose otherwise."""
        if before is not None and edges.scan_of(before) != edges.scan_of(repository):
            for policy in self._edges.followers(key):
                self._state.queue(policy, Queue.PUSH)

    def _chosen(self, before: Object | None, policy: Object) -> None:
        """Another image is to be written; of a policy seen first, the automations tell whether it is."""
        if edges.image_of(before) == edges.image_of(policy):
            return
        for key in self._edges.followers(edges.any_policy(policy["metadata"]["namespace"])):
            if before is not None or not edges.has_written(self._state.objects[key], policy):
                self._state.queue(key, Queue.PUSH)

    def _appeared(self, key: Key, automation: Object) -> None:
        """Whoever led before may have missed that a policy has another image by now."""
        policies = [
            obj
            for known, obj in self._state.objects.items()
            if known.kind == "ImagePolicy" and known.namespace == key.namespace
        ]
        if any(edges.image_of(one) and not edges.has_written(automation, one) for one in policies):
            self._state.queue(key, Queue.RECONCILE)
