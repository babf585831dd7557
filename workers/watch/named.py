# SPDX-License-Identifier: Apache-2.0
"""Objects that healthChecks name and their Kustomization has not applied, followed while it waits for them.

Each is watched by its name alone. What is seen only tells when to look: the run reads the object itself, as
the Kustomization's own account.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from policies.health import Health
from policies.health import status as health
from policies.objects import Object, ObjectRef
from workers.cluster import ApiError, Client
from workers.watch.health import Owner
from workers.watch.informer import Changed, Informer, Listed, Sink

log = logging.getLogger(__name__)
_MOST = 64  # watches, each a thread and a connection; what is beyond is looked at now and then


@dataclass(frozen=True, slots=True)
class Named:
    """The source name of an informer over one object."""

    ref: ObjectRef


class NamedWatch:
    """One informer an object, however many Kustomizations wait for it."""

    def __init__(self, client: Client, sink: Sink) -> None:
        self._client = client
        self._sink = sink
        self._wanted: dict[ObjectRef, set[Owner]] = defaultdict(set)
        self._informers: dict[ObjectRef, Informer] = {}
        self._seen: dict[ObjectRef, Health | None] = {}

    def follow(self, owner: Owner, refs: Iterable[ObjectRef]) -> None:
        """Watch these objects for a Kustomization, and no longer what it waited for before."""
        wanted = set(refs)
        for ref in [ref for ref, owners in self._wanted.items() if owner in owners and ref not in wanted]:
            self._wanted[ref].discard(owner)
            if not self._wanted[ref]:
                self._close(ref)
        for ref in wanted:
            self._wanted[ref].add(owner)
            if ref not in self._informers and len(self._informers) < _MOST:
                self._open(ref)

    def handle(self, seen: Listed | Changed) -> set[Owner]:
        """Take in what an informer saw; returns the Kustomizations that should look at their objects."""
        ref: ObjectRef = seen.source.ref
        if ref not in self._informers:
            return set()
        now = _of(seen)
        known, before = ref in self._seen, self._seen.get(ref)
        self._seen[ref] = now
        # What is seen first may have come about since it was looked at.
        news = now != before if known else now is not None and (now.current or now.failed)
        return set(self._wanted[ref]) if news else set()

    def close(self) -> None:
        for ref in list(self._informers):
            self._close(ref)

    def _open(self, ref: ObjectRef) -> None:
        try:
            resource = self._client.discovery.resource(ref.group, ref.version, ref.kind)
        except ApiError as error:
            log.info("%s not watched yet: %s", ref, error.message)
            return
        namespace = ref.namespace if resource.namespaced else ""
        fields = f"metadata.name={ref.name}"
        self._informers[ref] = Informer(
            self._client, resource, self._sink, source=Named(ref), namespace=namespace, fields=fields
        )

    def _close(self, ref: ObjectRef) -> None:
        self._wanted.pop(ref, None)
        self._seen.pop(ref, None)
        if informer := self._informers.pop(ref, None):
            informer.stop()


def _of(seen: Listed | Changed) -> Health | None:
    objects: list[Object] = seen.objects if isinstance(seen, Listed) else [] if seen.gone else [seen.object]
    return health(objects[0]) if objects else None
