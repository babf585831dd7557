# SPDX-License-Identifier: Apache-2.0
"""The one loop: events come in, keys of objects go onto the queue, and what is due later is remembered.

The loop decides nothing about an object; it notices that desired and observed differ, that a time has come,
or that something an object waits for has changed. Whatever it forgets with its process, the next leader
finds again in the objects' status.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator
from typing import Any

import redis

from policies import clock, inventory
from policies.config_refs import config_refs
from policies.dependencies import dependency_keys, may_go_on
from policies.errors import FairwayError
from policies.health.expressions import Rules
from policies.kinds import ALL as SERVED
from policies.kinds import InvalidObject, Kustomization
from policies.kustomization import elsewhere
from policies.objects import Object
from policies.settings import Settings
from workers.cluster import Client, NoMatch
from workers.cluster.discovery import Resource
from workers.ledger import Ledger
from workers.watch import edges, images
from workers.watch.configs import Config, ConfigWatch
from workers.watch.drifts import Drifts
from workers.watch.edges import Edges, artifact_of, is_ready, key_of
from workers.watch.health import HealthWatch, Kind, Owner, Pods
from workers.watch.images import Images
from workers.watch.informer import Changed, Informer, Listed
from workers.watch.named import Named, NamedWatch
from workers.watch.planning import Planning
from workers.watch.state import KINDS, NAMES, Due, State
from workers.watch.timers import elapsed
from workers.workqueue import Key, Queue, Workqueue

log = logging.getLogger(__name__)
_GATHER = 0.005  # seconds after an event in which others mostly follow; one trip to Redis is enough for all
_AT_ONCE = 500  # events that are handled before what came of them is queued
_SETTLED_AFTER = 60.0  # seconds past its timeout that a revision's health still makes news
_CONFIGURED = frozenset({"Kustomization", "Receiver"})  # what is made with ConfigMaps and Secrets
_FEW = 16  # followers of a source that a push makes run at once, without asking whom it concerns


class Loop:
    """A leader; `step` handles what has come in and the timers that are due."""

    def __init__(
        self,
        client: Client,
        work: Workqueue,
        ledger: Ledger,
        settings: Settings,
        *,
        now: Callable[[], float],
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._inbox: queue.SimpleQueue[Listed | Changed] = queue.SimpleQueue()
        self._state = State(work, settings, now, elapsed)
        self._objects = self._state.objects
        self._edges = Edges(self._objects)
        self._health = HealthWatch(
            client, self._inbox.put, managers=settings.override_manager, foreign=self._state.is_foreign
        )
        self._configs = ConfigWatch(client, settings, self._inbox.put)
        self._named = NamedWatch(client, self._inbox.put)
        self._planning = Planning(self._state, self._health, self._named)
        self._images = Images(self._state, self._edges)
        self._drifts = Drifts(self._state, ledger, client)
        self._informers: list[Informer] = []
        self._listed_kinds: set[str] = set()

    @property
    def knows_all(self) -> bool:
        """Tell whether all objects we serve have been listed since the start."""
        return self._listed_kinds >= NAMES

    def serve(self, kinds: set[str]) -> None:
        """Queue only objects of these kinds from now on; what waited for that is looked at."""
        added, self._state.served = kinds - self._state.served, kinds
        for key in [key for key in self._objects if key.kind in added and key not in self._state.foreign]:
            self._guarded(lambda key=key: self._planning.plan(key, self._objects[key], known=False))  # type: ignore[misc]

    def start(self) -> None:
        """Begin to follow the kinds we serve."""
        self._configs.start()
        # All are found before any is followed: whoever starts again must not follow one twice.
        for resource in [self._resource(*kind) for kind in KINDS]:
            self._informers.append(
                Informer(
                    self._client,
                    resource,
                    self._inbox.put,
                    source=resource.kind,
                    namespace=self._state.settings.scope.namespace,
                )
            )

    def _resource(self, group: str, version: str, kind: str) -> Resource:
        """Find a kind; one that is not served in our version has no objects until it is."""
        try:
            return self._client.discovery.resource(group, version, kind)
        except NoMatch:
            about = next(one.definition for one in SERVED if one.definition.kind == kind)
            return Resource(group, version, kind, about.plural, namespaced=True)

    def stop(self) -> None:
        self._configs.close()
        for informer in self._informers:
            informer.stop()
        self._health.close()
        self._named.close()

    def step(self, wait: float) -> None:
        """Handle what comes in within `wait` seconds, and everything that is due by then.

        Raises RedisError when the queue cannot be reached; what is to be queued waits for the next step.
        """
        self._flush()
        timers, elapsed = self._state.timers, self._state.elapsed
        due = timers.next()
        if due is not None:
            wait = min(wait, max(0.0, due - elapsed()))
        for seen in self._arrivals(wait):
            self._guarded(lambda seen=seen: self._handle(seen))  # type: ignore[misc]
        ringing = list(timers.pop(elapsed()))
        for timer in ringing:
            self._guarded(lambda timer=timer: self._ring(timer))  # type: ignore[misc]
        self._drifts.look([timer.key for timer in ringing if timer.what == "drift"])
        self._flush()

    def _arrivals(self, wait: float) -> Iterator[Listed | Changed]:
        """Yield what has come in, waiting for the first; not for ever, since its sum is queued after it."""
        for number in range(_AT_ONCE):
            try:
                yield self._inbox.get(timeout=wait) if wait > 0 else self._inbox.get_nowait()
            except queue.Empty:
                return
            wait = _GATHER if number == 0 else 0.0

    def remember(self) -> None:
        """Write down again all that was seen: Redis has lost it."""
        self._ledger.saw(self._health.everything())

    def _guarded(self, act: Callable[[], None]) -> None:
        """Go on after a defect of ours: one object that nobody foresaw must not end the leader for all."""
        try:
            act()
        except FairwayError:
            raise  # the API server is away, which whoever runs the loop waits out
        except Exception:
            log.exception("left until it changes")

    def repositories(self) -> set[tuple[str, str]]:
        """Return (owner, name) of every GitHub repository that some source points to."""
        found = (
            self._state.repository(obj)
            for key, obj in self._objects.items()
            if key.kind == "GitRepository" and key not in self._state.foreign
        )
        return {one for one in found if one}

    def _handle(self, seen: Listed | Changed) -> None:
        if isinstance(seen.source, Kind | Pods):
            for owner in self._health.handle(seen):
                self._health_changed(owner)
        elif isinstance(seen.source, Named):
            for owner in self._named.handle(seen):
                self._state.queue(Key("Kustomization", *owner), Queue.PUSH)
        elif isinstance(seen.source, Config):
            for key in self._edges.made_with(self._configs.handle(seen)):
                self._state.queue(key, Queue.PUSH)
        elif isinstance(seen, Changed):
            self._changed(seen.object, gone=seen.gone)
        else:
            self._listed(seen.source, seen.objects)

    def _listed(self, kind: str, objects: list[Object]) -> None:
        present = {key_of(obj) for obj in objects}
        for key in [k for k in self._objects if k.kind == kind and k not in present]:
            self._changed(self._objects[key], gone=True)
        for obj in objects:
            self._changed(obj, gone=False)
        self._listed_kinds.add(kind)

    def _changed(self, obj: Object, *, gone: bool) -> None:
        # Flux's schemas admit an object without a spec; its run says so in its status.
        obj = {"spec": {}, **obj}
        key = key_of(obj)
        before = self._objects.get(key)
        if gone:
            self._gone(key)
            return
        if not self._state.settings.scope.covers(obj):
            self._foreign_changed(key, before, obj)
            return
        if key in self._state.foreign:
            before = None  # it has come over from another shard
            self._state.foreign.discard(key)
            self._health.look_again(inventory.of(obj))
        self._objects[key] = obj
        if _asks_anew(before, obj):
            self._edges.update(key, obj)
        if before is None and key.kind in _CONFIGURED and self._configs.knows(config_refs(obj)):
            self._state.queue(key, Queue.PUSH)  # as in Flux: who led before may have missed a change
        if key.kind == "Kustomization":
            self._kustomization_changed(key, before, obj)
        elif key.kind in images.KINDS:
            self._images.changed(key, before, obj)
        elif artifact_of(obj) != artifact_of(before):
            self._wake_followers(key)
        if before is not None and edges.story_of(before) != edges.story_of(obj):
            self._state.report(obj)
        try:
            self._planning.plan(key, obj, known=before is not None)
        except InvalidObject as error:
            log.info("left until it changes: %s", error)

    def _foreign_changed(self, key: Key, before: Object | None, obj: Object) -> None:
        """Another shard's object has changed: what of ours refers to it may go on."""
        if before is not None and key not in self._state.foreign:
            self._gone(key)
        self._state.foreign.add(key)
        self._objects[key] = now = edges.outline(obj)
        if key.kind == "Kustomization":
            self._wake_dependents(key, before, now)
        elif key.kind in images.KINDS:
            self._images.changed(key, before, now)
        elif artifact_of(now) != artifact_of(before):
            self._wake_followers(key)

    def _kustomization_changed(self, key: Key, before: Object | None, obj: Object) -> None:
        if _asks_anew(before, obj) or _inventory_of(before) != _inventory_of(obj):
            self._follow(key, obj)
        self._wake_dependents(key, before, obj)
        if edges.was_refused(before, obj) and self._may_go_on(obj):
            self._state.queue(key, Queue.PUSH)

    def _may_go_on(self, obj: Object) -> bool:
        """Tell whether what an object waits for, by its own word, has come meanwhile.

        It was looked for before that word was written, and it may have come between: no other event tells.
        """
        known = {owner: self._objects.get(Key("Kustomization", *owner)) for owner in dependency_keys(obj)}
        return may_go_on(obj, known, (self._state.artifact_for(obj) or {}).get("revision", ""))

    def _wake_dependents(self, key: Key, before: Object | None, obj: Object) -> None:
        if before != obj:
            ready = edges.became_ready(before, obj)
            for other in self._edges.waiting_for(key, ready=ready):
                self._state.queue(other, Queue.PUSH)

    def _follow(self, key: Key, obj: Object) -> None:
        owner = (key.namespace, key.name)
        if elsewhere(obj):
            self._health.forget(owner)  # what has these names on our own cluster is none of it
        else:
            refs = inventory.of(obj)
            self._health.follow(owner, refs, judged=Rules.of(obj["spec"]).judged(refs))

    def _gone(self, key: Key) -> None:
        self._objects.pop(key, None)
        if key in self._state.foreign:
            self._state.foreign.discard(key)
            return
        self._planning.forget(key)
        self._edges.update(key, None)
        self._state.cancel(key, "run", "recheck", "report", "drift")
        if key.kind == "Kustomization":
            owner = (key.namespace, key.name)
            self._health.forget(owner)
            self._drifts.forget(owner)
            self._ledger.forget(owner)

    def _health_changed(self, owner: Owner) -> None:
        key = Key("Kustomization", *owner)
        obj = self._objects.get(key)
        if obj is None:
            return
        self._planning.health_changed(key, obj)
        if self._makes_news(obj):
            self._state.report(obj)

    def _makes_news(self, obj: Object) -> bool:
        artifact = self._state.artifact_for(obj)
        if not artifact:
            return False
        age = self._state.now() - clock.parse(artifact["lastUpdateTime"]).timestamp()
        return age < Kustomization.read(obj).timeout_seconds + _SETTLED_AFTER

    def _ring(self, timer: Due) -> None:
        if timer.what == "tell":
            self._state.report_on(timer.key)
            return
        obj = self._objects.get(timer.key)
        if obj is None:
            return
        if timer.what == "report":
            self._state.report(obj)
        elif timer.what == "recheck":
            self._planning.recheck(timer.key, obj)
        elif timer.what == "run":
            self._planning.run(timer.key, obj)

    def _wake_followers(self, key: Key) -> None:
        """A source has a new artifact: what is made of it is next, and its commit gets a status.

        Of many, those whom the change concerns are found by a worker and run first.
        """
        followers = self._edges.followers(key)
        for other in [one for one in followers if one.kind == "GitRepository"]:
            self._state.queue(other, Queue.PUSH)
        for other in [one for one in followers if one.kind == "ImageUpdateAutomation"]:
            self._state.queue(other, Queue.RECONCILE)  # nobody waits for it, but for what is applied
        kustomizations = [one for one in followers if one.kind == "Kustomization"]
        for place, other in enumerate(kustomizations):
            obj = self._objects[other]
            timeout = Kustomization.read(obj).timeout_seconds
            self._state.after(timeout + 1, other, "report")
            if len(kustomizations) > _FEW and is_ready(obj):
                self._planning.later(other, place)
            else:
                self._planning.plan(other, obj, known=True)
        if len(kustomizations) > _FEW:
            self._state.queue(Key("Followers", key.namespace, key.name), Queue.PUSH)

    def _flush(self) -> None:
        """Write down what was seen, then queue what came of it."""
        if news := self._health.news():
            try:
                self._ledger.saw(news)
            except redis.RedisError:
                log.warning("what was seen is not written down: it will be asked of the API server")
        self._drifts.suspect(self._health.suspects())
        over = self._state.over
        while over:
            key, since = next(iter(over.items()))
            self._ledger.end_wait((key.namespace, key.name), since)
            del over[key]
        self._state.flush()


def _inventory_of(obj: Object | None) -> Any:
    return ((obj or {}).get("status") or {}).get("inventory")


def _asks_anew(before: Object | None, obj: Object) -> bool:
    """Tell whether an object is new, or specified otherwise than before."""
    return before is None or before["metadata"].get("generation") != obj["metadata"].get("generation")
