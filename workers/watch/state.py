# SPDX-License-Identifier: Apache-2.0
"""What the parts of a leader share: the objects it knows, what is due when, and what is to be queued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from policies import fairness
from policies.dependencies import repository_key, source_key
from policies.fairness import Share
from policies.github.urls import repository_of
from policies.images.errors import InvalidImage
from policies.images.reference import parse
from policies.kinds import RECONCILED
from policies.objects import Object
from policies.settings import Settings
from workers.watch.edges import artifact_of
from workers.watch.timers import Timers
from workers.workqueue import Addition, Key, Queue, Workqueue

KINDS = tuple(kind.definition.names for kind in RECONCILED)
_PAUSE, _PAUSE_EACH = 0.2, 0.002  # seconds between reports, and for each object there is
NAMES = frozenset(kind for _, _, kind in KINDS)


@dataclass(frozen=True, slots=True)
class Due:
    """A timer: the object, and what it is for."""

    key: Key
    what: str  # run | recheck | report | drift | tell


@dataclass
class State:
    """A leader's memory; whatever of it is lost is found again in the objects' status."""

    work: Workqueue
    settings: Settings
    now: Callable[[], float]  # seconds since the epoch, as in an object's status; it may jump
    elapsed: Callable[[], float]  # seconds of a clock that never jumps: what timers go by
    objects: dict[Key, Object] = field(default_factory=dict)
    foreign: set[Key] = field(default_factory=set)  # of another shard: ours may refer to them
    timers: Timers[Due] = field(default_factory=Timers)
    served: set[str] = field(default_factory=lambda: set(NAMES))
    pending: dict[Key, Queue] = field(default_factory=dict)
    over: dict[Key, str] = field(default_factory=dict)  # waits whose time is over: since when they waited
    reported: dict[Key, float] = field(default_factory=dict)
    tenants: dict[Key, str] = field(default_factory=dict)  # of repositories: a namespace with a source of it

    def queue(self, key: Key, queue: Queue) -> None:
        """Have an object worked on, unless somebody else is its controller."""
        if key in self.foreign or (key.kind not in self.served and key.kind in NAMES):
            return
        if self.pending.get(key) is not Queue.PUSH:
            self.pending[key] = queue

    def is_foreign(self, owner: tuple[str, str]) -> bool:
        """Tell whether the Kustomization of this namespace and name is known to be another shard's."""
        return Key("Kustomization", *owner) in self.foreign

    def flush(self) -> None:
        """Queue what is pending; raises RedisError, and all of it is queued the next time."""
        if self.pending:
            self.work.add_all([Addition(key, queue, self._share(key)) for key, queue in self.pending.items()])
            self.pending.clear()

    def after(self, seconds: float, key: Key, what: str) -> None:
        """Set a timer, in place of the one there was for the same."""
        self.timers.set(Due(key, what), self.elapsed() + seconds)

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
            key = Key("Repository", *repository)
            self.tenants[key] = source["metadata"]["namespace"]
            self.report_on(key)

    def report_on(self, repository: Key) -> None:
        """Have a repository reported on, at once or when a moment has passed since the last time.

        A report looks at everything that the repository brings, so the pause grows with that.
        """
        last, now = self.reported.get(repository), self.elapsed()
        wait = last + _PAUSE + _PAUSE_EACH * len(self.objects) - now if last is not None else 0.0
        if wait <= 0:
            self.reported[repository] = now
            self.queue(repository, Queue.PUSH)
        elif self.at(repository, "tell") is None:
            self.after(wait, repository, "tell")

    def _share(self, key: Key) -> Share | None:
        """Return whose turn an object takes; None when nothing tells, and it keeps the one it had."""
        url = self.settings.github_url
        if key.kind == "Repository":
            return fairness.of_repository(key.namespace, key.name, self.tenants.get(key, key.namespace))
        obj = self.objects.get(
            Key("GitRepository", key.namespace, key.name) if key.kind == "Followers" else key
        )
        if obj is None:
            return None
        if key.kind in ("ImageRepository", "ImagePolicy"):
            owner = obj if key.kind == "ImageRepository" else self.objects.get(_scanned_by(obj))
            return fairness.of_image(obj, _registry(owner) if owner else "")
        if key.kind == "Receiver":
            return Share(key.namespace)
        if key.kind == "ImageUpdateAutomation":
            return fairness.of_automation(obj, self.objects.get(Key(*source_key(obj))), url)
        if key.kind == "Kustomization":
            return fairness.of_kustomization(obj, self.objects.get(Key(*source_key(obj))), url)
        share = fairness.of_source(obj, url)
        # It asks no host, only an engine.
        return replace(share, gate="") if key.kind == "Followers" else share

    def repository(self, source: Object) -> tuple[str, str] | None:
        """Return (owner, name) of the GitHub repository that a source points to."""
        return repository_of(source["spec"].get("url", ""), self.settings.github_url)


def _scanned_by(policy: Object) -> Key:
    return Key("ImageRepository", *repository_key(policy))


def _registry(repository: Object) -> str:
    try:
        return parse(str(repository["spec"].get("image", ""))).registry
    except InvalidImage:
        return ""
