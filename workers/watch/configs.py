# SPDX-License-Identifier: Apache-2.0
"""The ConfigMaps and Secrets that carry the watch label, by their metadata: what they hold is not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers.cluster import Client
from workers.watch.informer import Changed, Informer, Listed, Sink


@dataclass(frozen=True, slots=True)
class Config:
    """The source name of an informer over one of the two kinds."""

    kind: str


class ConfigWatch:
    """Which of them there are, and in which version; nothing when the gate DisableConfigWatchers is on."""

    def __init__(self, client: Client, settings: Settings, sink: Sink) -> None:
        self._client = client
        self._settings = settings
        self._sink = sink
        self._versions: dict[ObjectRef, str] = {}
        self._informers: list[Informer] = []

    def start(self) -> None:
        if self._informers or self._settings.gate("DisableConfigWatchers"):
            return
        kinds = ("ConfigMap", "Secret")
        for kind, resource in [(kind, self._client.discovery.resource("", "v1", kind)) for kind in kinds]:
            self._informers.append(
                Informer(
                    self._client,
                    resource,
                    self._sink,
                    source=Config(kind),
                    namespace=self._settings.scope.namespace,
                    labels=self._settings.watch_configs_label_selector,
                    metadata_only=True,
                )
            )

    def close(self) -> None:
        for informer in self._informers:
            informer.stop()

    def knows(self, refs: Iterable[ObjectRef]) -> bool:
        """Tell whether one of these is watched."""
        return any(ref in self._versions for ref in refs)

    def handle(self, seen: Listed | Changed) -> set[ObjectRef]:
        """Take in what an informer saw; returns those that are new, changed or gone."""
        kind = seen.source.kind
        if isinstance(seen, Changed):
            ref = _ref(kind, seen.object)
            return self._update({} if seen.gone else {ref: _version(seen.object)}, {ref})
        now = {_ref(kind, obj): _version(obj) for obj in seen.objects}
        return self._update(now, {ref for ref in self._versions if ref.kind == kind} | now.keys())

    def _update(self, now: dict[ObjectRef, str], looked_at: set[ObjectRef]) -> set[ObjectRef]:
        changed = {ref for ref in looked_at if self._versions.get(ref) != now.get(ref)}
        for ref in looked_at - now.keys():
            self._versions.pop(ref, None)
        self._versions |= now
        return changed


def _ref(kind: str, obj: Object) -> ObjectRef:
    return ObjectRef("", "v1", kind, obj["metadata"]["namespace"], obj["metadata"]["name"])


def _version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])
