# SPDX-License-Identifier: Apache-2.0
"""The health of everything that stands in some inventory, kept up to date by watches.

One informer a kind, opened when the kind first appears in an inventory and selected by our owner label;
objects are reduced to a verdict when they arrive. While a workload is not well, the pods of its namespace
are watched too, since only they say why.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from policies.health import Health
from policies.health import status as health
from policies.health.pods import trouble
from policies.health.texts import counted
from policies.objects import Object, ObjectRef
from policies.ownership import NAME_LABEL, left_alone, owner_of
from workers.cluster import ApiError, Client
from workers.watch.informer import Changed, Informer, Listed, Sink

log = logging.getLogger(__name__)
Owner = tuple[str, str]  # namespace and name of a Kustomization
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})


@dataclass(frozen=True, slots=True)
class Kind:
    """The source name of an informer over one kind of applied objects."""

    group: str
    kind: str


@dataclass(frozen=True, slots=True)
class Pods:
    """The source name of an informer over the pods of a namespace."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of an object.

    It is `awaited` when its health counts for its Kustomization; it has its resourceVersion where expressions
    judge it, since then any change may be news.
    """

    owner: Owner
    health: Health
    count: str
    awaited: bool = True
    version: str = ""


class HealthWatch:
    """Verdicts by object id; `inventory` says what each Kustomization has applied."""

    def __init__(self, client: Client, sink: Sink) -> None:
        self._client = client
        self._sink = sink
        self._informers: dict[Kind | Pods, Informer] = {}
        self._synced: set[Kind | Pods] = set()
        self._seen: dict[str, Seen] = {}
        self._troubles: dict[Pods, dict[str, str]] = {}
        self._inventories: dict[Owner, list[ObjectRef]] = {}
        self._judged: dict[Owner, frozenset[str]] = {}

    def follow(
        self, owner: Owner, inventory: list[ObjectRef], *, judged: frozenset[str] = frozenset()
    ) -> None:
        """Watch what a Kustomization has applied; of what its expressions judge there is no verdict here."""
        self._inventories[owner], self._judged[owner] = inventory, judged
        for ref in inventory:
            self._open(ref)

    def forget(self, owner: Owner) -> None:
        self._inventories.pop(owner, None)
        self._judged.pop(owner, None)

    def verdicts(self, owner: Owner) -> list[Health] | None:
        """Return how the objects are that it waits for; None when some are unseen, or not judged here."""
        if self.judged(owner):
            return None
        found = []
        for ref in self._inventories.get(owner, []):
            if Kind(ref.group, ref.kind) not in self._synced or ref.id not in self._seen:
                return None
            if self._seen[ref.id].awaited:
                found.append(self._seen[ref.id].health)
        return found

    def judged(self, owner: Owner) -> bool:
        """Tell whether expressions judge some of a Kustomization's objects."""
        return bool(self._judged.get(owner))

    def handle(self, seen: Listed | Changed) -> set[Owner]:
        """Take in what an informer saw; returns the Kustomizations for which it is news."""
        if isinstance(seen.source, Pods):
            return self._handle_pods(seen)
        if isinstance(seen, Changed):
            return self._update(seen.object, gone=seen.gone)
        self._synced.add(seen.source)
        news: set[Owner] = set()
        present = {ObjectRef.of(obj).id for obj in seen.objects}
        for known in [i for i, s in self._seen.items() if _is(i, seen.source) and i not in present]:
            news.add(self._seen.pop(known).owner)
        for obj in seen.objects:
            news |= self._update(obj, gone=False)
        return news

    def close(self) -> None:
        for informer in self._informers.values():
            informer.stop()

    def _update(self, obj: Object, *, gone: bool) -> set[Owner]:
        owner = owner_of(obj)
        if owner is None:
            return set()
        identity = ObjectRef.of(obj).id
        if gone:
            return {owner} if self._seen.pop(identity, None) else set()
        judged = identity in self._judged.get(owner, ())
        version = obj["metadata"]["resourceVersion"] if judged else ""
        now = Seen(owner, health(obj), counted(obj), awaited=not left_alone(obj), version=version)
        before = self._seen.get(identity)
        self._seen[identity] = now
        # Somebody's own kind of that name may have no namespace.
        if obj["kind"] in _WORKLOADS and (namespace := obj["metadata"].get("namespace")):
            self._watch_pods(namespace)
        return {owner} if before != now else set()

    def _watch_pods(self, namespace: str) -> None:
        """Open or close the pod watch of a namespace, as its workloads are."""
        ill = any(
            not seen.health.current and _namespace(identity) == namespace and _kind(identity) in _WORKLOADS
            for identity, seen in self._seen.items()
        )
        source = Pods(namespace)
        if ill and source not in self._informers:
            resource = self._client.discovery.resource("", "v1", "Pod")
            self._informers[source] = Informer(
                self._client, resource, self._sink, source=source, namespace=namespace
            )
        elif not ill and source in self._informers:
            self._informers.pop(source).stop()
            self._troubles.pop(source, None)

    def _handle_pods(self, seen: Listed | Changed) -> set[Owner]:
        source: Pods = seen.source
        if source not in self._informers:
            return set()
        known = self._troubles.setdefault(source, {})
        before = dict(known)
        pods: Iterable[Object] = [seen.object] if isinstance(seen, Changed) else seen.objects
        if isinstance(seen, Listed):
            known.clear()
        for pod in pods:
            name, why = pod["metadata"]["name"], trouble(pod)
            if why and not (isinstance(seen, Changed) and seen.gone):
                known[name] = why
            else:
                known.pop(name, None)
        if known == before:
            return set()
        return {
            s.owner
            for identity, s in self._seen.items()
            if _namespace(identity) == source.namespace and not s.health.current
        }

    def _open(self, ref: ObjectRef) -> None:
        source = Kind(ref.group, ref.kind)
        if source in self._informers:
            return
        try:
            resource = self._client.discovery.resource(ref.group, ref.version, ref.kind)
        except ApiError as error:
            log.info("%s not watched yet: %s", ref.kind, error.message)
            return
        self._informers[source] = Informer(
            self._client, resource, self._sink, source=source, labels=NAME_LABEL
        )


def _is(identity: str, source: Kind) -> bool:
    ref = ObjectRef.parse(identity, "")
    return (ref.group, ref.kind) == (source.group, source.kind)


def _namespace(identity: str) -> str:
    return identity.partition("_")[0]


def _kind(identity: str) -> str:
    return identity.rpartition("_")[2]
