# SPDX-License-Identifier: Apache-2.0
"""Order objects in Fairway's own namespace: what was ordered and what became of it.

Each has a name that says what it is, so that an order that is carried out once more finds what it did before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from policies.clock import parse
from policies.objects import Object, ObjectRef
from policies.orders.names import order_name
from workers.cluster import Conflict, NotFound
from workers.context import Context

_GROUP, _VERSION, _KIND = "fairway.dev", "v1alpha1", "Order"
_MANAGER = "fairway"
_REPOSITORY = "fairway.dev/repository-id"  # label
_KEPT = timedelta(days=7)  # far longer than an order may wait to be carried out
_LONGEST = 1024  # characters of a message


class Records:
    """Read and write Order objects; every method raises ApiError."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._namespace = context.settings.namespace

    def find(self, name: str) -> Object | None:
        """Return an object by its name."""
        return self._cluster.find(self._ref(name))

    def create(self, name: str, spec: Mapping[str, Any]) -> Object | None:
        """Make an object; None when there is one of that name."""
        labels = {_REPOSITORY: str(spec["repository"]["id"])}
        metadata = {"name": name, "namespace": self._namespace, "labels": labels}
        obj = {"apiVersion": f"{_GROUP}/{_VERSION}", "kind": _KIND, "metadata": metadata, "spec": dict(spec)}
        try:
            return self._cluster.create(obj, manager=_MANAGER)
        except Conflict:
            return None

    def write(self, obj: Object, phase: str, message: str = "") -> None:
        """Say what became of an order; one that is gone is left."""
        said = message if len(message) <= _LONGEST else None
        generation = obj["metadata"].get("generation")
        status = {"phase": phase, "message": said, "observedGeneration": generation}
        try:
            self._cluster.patch(ObjectRef.of(obj), {"status": status}, manager=_MANAGER, subresource="status")
        except NotFound:
            return

    def delete(self, name: str, uid: str) -> None:
        """Delete an object if it is still the one with this uid."""
        try:
            self._cluster.delete(self._ref(name), uid=uid)
        except (NotFound, Conflict):
            return

    def of_comment(self, repository_id: int, kind: str, comment_id: int) -> list[Object]:
        """Return the records of what was ordered in a comment or review, line by line."""
        begins = order_name(kind, comment_id, 0).removesuffix("0")
        found = [obj for obj in self._of(repository_id) if obj["metadata"]["name"].startswith(begins)]
        return sorted(found, key=lambda obj: int(obj["spec"]["comment"]["line"]))

    def tidy(self, repository_id: int, now: datetime) -> None:
        """Delete what was carried out or refused in a repository long ago."""
        for obj in self._old(repository_id, now):
            self.delete(obj["metadata"]["name"], obj["metadata"]["uid"])

    def _old(self, repository_id: int, now: datetime) -> Iterator[Object]:
        for obj in self._of(repository_id):
            if (
                phase_of(obj) in ("done", "refused")
                and parse(obj["metadata"]["creationTimestamp"]) < now - _KEPT
            ):
                yield obj

    def _of(self, repository_id: int) -> list[Object]:
        resource = self._cluster.discovery.resource(_GROUP, _VERSION, _KIND)
        labels = f"{_REPOSITORY}={repository_id}"
        return self._cluster.list(resource, namespace=self._namespace, labels=labels)[0]

    def _ref(self, name: str) -> ObjectRef:
        return ObjectRef(_GROUP, _VERSION, _KIND, self._namespace, name)


def phase_of(obj: Mapping[str, Any]) -> str:
    """Return how far an order is; pending for one of which nothing is said yet."""
    return (obj.get("status") or {}).get("phase") or "pending"


def message_of(obj: Mapping[str, Any]) -> str:
    """Return what is said of an order."""
    return (obj.get("status") or {}).get("message") or ""
