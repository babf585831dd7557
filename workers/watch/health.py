# SPDX-License-Identifier: Apache-2.0
"""The health of everything that stands in some inventory, kept up to date by watches.

One informer a kind, opened when the kind first appears in an inventory and selected by our owner label;
objects are reduced to a verdict when they arrive. While a workload is not well, the pods of its namespace
are watched too, since only they say why.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from policies import ledger
from policies.correction import changed_by
from policies.health import BY_METADATA, Health
from policies.health import status as health
from policies.health.pods import trouble
from policies.health.texts import counted
from policies.ledger import Mark
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
    """What is remembered of an object, and whose it is; expressions judge some of them."""

    owner: Owner
    entry: ledger.Seen
    judged: bool = False

    def is_news_after(self, before: Seen | None) -> bool:
        """Tell whether its health has changed, or may have: who evaluates an expression is told of all."""
        if before is None or before.owner != self.owner or self.judged:
            return before != self
        one, other = self.entry, before.entry
        return (one.health, one.count, one.left_alone) != (other.health, other.count, other.left_alone)


@dataclass(frozen=True, slots=True)
class Suspect:
    """An object whose mark has changed, its new one, and who wrote it last."""

    ref: ObjectRef
    mark: Mark | None
    manager: str
    known_before: bool


class HealthWatch:
    """Verdicts by object id; `inventory` says what each Kustomization has applied."""

    def __init__(
        self,
        client: Client,
        sink: Sink,
        *,
        managers: tuple[str, ...] = (),
        foreign: Callable[[Owner], bool] = lambda owner: False,
    ) -> None:
        self._client = client
        self._sink = sink
        self._foreign = foreign
        self._managers = managers
        self._ill: dict[str, set[str]] = defaultdict(set)  # ids of workloads that are not well, by namespace
        self._news: dict[Owner, dict[str, ledger.Seen | None]] = defaultdict(dict)
        self._suspects: list[tuple[Owner, Suspect]] = []
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

    def look_again(self, refs: Iterable[ObjectRef]) -> None:
        """List the kinds of these objects anew: they were passed over as another shard's."""
        for source in {Kind(ref.group, ref.kind) for ref in refs}:
            if informer := self._informers.pop(source, None):
                informer.stop()
                self._synced.discard(source)

    def forget(self, owner: Owner) -> None:
        self._inventories.pop(owner, None)
        self._judged.pop(owner, None)

    def verdicts(self, owner: Owner, refs: Collection[ObjectRef] | None = None) -> list[Health] | None:
        """Return how the objects are that it waits for, all or those of `refs`.

        None when some are not of its inventory, unseen, or not judged here.
        """
        if self.judged(owner):
            return None
        applied = self._inventories.get(owner, [])
        if refs is not None and not {ref.id for ref in refs} <= {ref.id for ref in applied}:
            return None
        found = []
        for ref in applied if refs is None else refs:
            if Kind(ref.group, ref.kind) not in self._synced or ref.id not in self._seen:
                return None
            if not self._seen[ref.id].entry.left_alone:
                found.append(self._seen[ref.id].entry.health)
        return found

    def news(self) -> dict[Owner, dict[str, ledger.Seen | None]]:
        """Return what was seen since the last call, by Kustomization and object; None for what is gone."""
        news, self._news = self._news, defaultdict(dict)
        return news

    def everything(self) -> dict[Owner, dict[str, ledger.Seen | None]]:
        """Return all that is known: for a memory that was lost."""
        found: dict[Owner, dict[str, ledger.Seen | None]] = defaultdict(dict)
        for identity, seen in self._seen.items():
            found[seen.owner][identity] = seen.entry
        return found

    def suspects(self) -> list[tuple[Owner, Suspect]]:
        """Return the objects that somebody, we or another, has changed since it was asked last."""
        suspects, self._suspects = self._suspects, []
        return suspects

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
            news.add(self._lost(known))
        for obj in seen.objects:
            news |= self._update(obj, gone=False)
        return news

    def close(self) -> None:
        for informer in self._informers.values():
            informer.stop()

    def _update(self, obj: Object, *, gone: bool) -> set[Owner]:
        owner = owner_of(obj)
        if owner is None or self._foreign(owner):
            return set()
        ref = ObjectRef.of(obj)
        if gone:
            return {self._lost(ref.id)} if ref.id in self._seen else set()
        entry = ledger.Seen(
            ledger.mark_of(obj, managers=self._managers),
            ledger.version_of(obj),
            health(obj),
            counted(obj),
            left_alone(obj),
        )
        now = Seen(owner, entry, ref.id in self._judged.get(owner, ()))
        before = self._seen.get(ref.id)
        self._seen[ref.id] = now
        if before is None or before.entry != entry or before.owner != owner:
            self._news[owner][ref.id] = entry
        if before is None or before.entry.mark != entry.mark:
            terminating = bool(obj["metadata"].get("deletionTimestamp"))
            if not terminating:
                who = changed_by(obj) if before else ""
                self._suspects.append((owner, Suspect(ref, entry.mark, who, before is not None)))
        # Somebody's own kind of that name may have no namespace.
        if ref.kind in _WORKLOADS and ref.namespace:
            self._count_ill(ref, ill=not entry.health.current)
        return {owner} if now.is_news_after(before) else set()

    def _lost(self, identity: str) -> Owner:
        """Forget an object that is gone; returns whose it was."""
        seen = self._seen.pop(identity)
        self._news[seen.owner][identity] = None
        ref = ObjectRef.parse(identity, "")
        self._suspects.append((seen.owner, Suspect(ref, None, "", known_before=True)))
        self._count_ill(ref, ill=False)
        return seen.owner

    def _count_ill(self, ref: ObjectRef, *, ill: bool) -> None:
        """Note how a workload is; while one of a namespace is not well, its pods are watched."""
        known = self._ill[ref.namespace]
        (known.add if ill else known.discard)(ref.id)
        source = Pods(ref.namespace)
        if bool(known) != (source in self._informers):
            self._watch_pods(source, wanted=bool(known))

    def _watch_pods(self, source: Pods, *, wanted: bool) -> None:
        if wanted:
            resource = self._client.discovery.resource("", "v1", "Pod")
            self._informers[source] = Informer(
                self._client, resource, self._sink, source=source, namespace=source.namespace
            )
        else:
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
        return {self._seen[one].owner for one in self._ill[source.namespace] if one in self._seen}

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
            self._client,
            resource,
            self._sink,
            source=source,
            labels=NAME_LABEL,
            metadata_only=(ref.group, ref.kind) in BY_METADATA,
        )


def _is(identity: str, source: Kind) -> bool:
    ref = ObjectRef.parse(identity, "")
    return (ref.group, ref.kind) == (source.group, source.kind)
