# SPDX-License-Identifier: Apache-2.0
"""What the parts of a leader share: the objects it knows, what is due when, and what is to be queued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from policies.dependencies import source_key
from policies.github.urls import repository_of
from policies.objects import Object
from policies.settings import Settings
from workers.watch.edges import artifact_of
from workers.watch.timers import Timers
from workers.workqueue import Key, Queue, Workqueue

KINDS = (
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
)
NAMES = frozenset(kind for _, _, kind in KINDS)


@dataclass(frozen=True, slots=True)
class Due:
    """A timer: the object, and what it is for."""

    key: Key
    what: str  # run | recheck | report | drift


@dataclass
class State:
    """A leader's memory; whatever of it is lost is found again in the objects' status."""

    work: Workqueue
    settings: Settings
    now: Callable[[], float]
    objects: dict[Key, Object] = field(default_factory=dict)
    timers: Timers[Due] = field(default_factory=Timers)
    served: set[str] = field(default_factory=lambda: set(NAMES))
    pending: dict[Key, Queue] = field(default_factory=dict)

    def queue(self, key: Key, lane: Queue) -> None:
        """Have an object worked on, unless somebody else is its controller."""
        if key.kind not in self.served and key.kind in NAMES:
            return
        if self.pending.get(key) is not Queue.PUSH:
            self.pending[key] = lane

    def after(self, seconds: float, key: Key, what: str) -> None:
        """Set a timer, in place of the one there was for the same."""
        self.timers.set(Due(key, what), self.now() + seconds)

    def at(self, key: Key, what: str) -> float | None:
        """Return when a timer rings."""
        return self.timers.at(Due(key, what))

    def cancel(self, key: Key, *whats: str) -> None:
        for what in whats:
            self.timers.cancel(Due(key, what))

    def artifact_for(self, obj: Object) -> Any:
        """Return the artifact that a Kustomization is made of now."""
        if obj["kind"] != "Kustomization":
            return None
        return artifact_of(self.objects.get(Key(*source_key(obj))))

    def report(self, obj: Object) -> None:
        """Have the repository reported on that an object comes from."""
        source = self.objects.get(Key(*source_key(obj))) if obj["kind"] == "Kustomization" else obj
        if source and (repository := self.repository(source)):
            self.queue(Key("Repository", *repository), Queue.REPORT)

    def repository(self, source: Object) -> tuple[str, str] | None:
        """Return (owner, name) of the GitHub repository that a source points to."""
        return repository_of(source["spec"].get("url", ""), self.settings.github_url)
