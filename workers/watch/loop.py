# SPDX-License-Identifier: Apache-2.0
"""The one loop: events come in, keys of objects go onto the queue, and what is due later is remembered.

The loop decides nothing about an object; it notices that desired and observed differ, that a time has come,
or that something an object waits for has changed. Whatever it forgets with its process, the next leader
finds again in the objects' status.
"""

from __future__ import annotations

import logging
import queue
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from policies import clock, conditions, inventory, schedule
from policies.config_refs import config_refs
from policies.dependencies import source_key
from policies.errors import FairwayError
from policies.github.urls import repository_of
from policies.health import Health
from policies.health.expressions import Rules
from policies.kinds import InvalidObject, Kustomization
from policies.kustomization import elsewhere, waits
from policies.objects import Object
from policies.settings import Settings
from workers.cluster import Client
from workers.ledger import Ledger
from workers.reconcile import events
from workers.watch import edges
from workers.watch.configs import Config, ConfigWatch
from workers.watch.drifts import Drifts
from workers.watch.edges import Edges, artifact_of, is_ready, key_of
from workers.watch.health import HealthWatch, Kind, Owner, Pods
from workers.watch.informer import Changed, Informer, Listed
from workers.workqueue import Key, Queue, Workqueue

log = logging.getLogger(__name__)
KINDS = (
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
)
_NAMES = frozenset(kind for _, _, kind in KINDS)
_RECHECK, _LONGEST_RECHECK = 2.0, 15.0  # seconds; whether something urgent is still not being worked on
_EVALUATE_AFTER = 1.0  # seconds after a change of an object that expressions judge
_CONCLUDE_RECHECK = 5.0  # as often as Flux looks; only for what no watch covers
_DRIFT_AFTER = 0.1  # seconds in which whoever applied an object notes that down
_GATHER = 0.005  # seconds after an event in which others mostly follow; one trip to Redis is enough for all
_BUSY = 0.5  # seconds after which a Kustomization that is being run is looked at again
_AT_ONCE = 500  # events that are handled before what came of them is queued
_SETTLED_AFTER = 60.0  # seconds past its timeout that a revision's health still makes news


@dataclass(frozen=True, slots=True)
class Due:
    """A timer: the object, and what it is for."""

    key: Key
    what: str  # run | recheck | report | drift


class Loop:
    """State of a leader; `step` handles one event or the timers that are due."""

    def __init__(
        self,
        client: Client,
        work: Workqueue,
        ledger: Ledger,
        settings: Settings,
        *,
        now: Callable[[], float],
    ) -> None:
        from workers.watch.timers import Timers

        self._client = client
        self._work = work
        self._settings = settings
        self._now = now
        self._inbox: queue.SimpleQueue[Listed | Changed] = queue.SimpleQueue()
        self._objects: dict[Key, Object] = {}
        self._timers: Timers[Due] = Timers()
        self._rechecks: dict[Key, float] = {}
        self._served = set(_NAMES)
        self._failures: dict[Key, int] = {}  # runs by the clock since an object was ready
        self._pending: dict[Key, Queue] = {}
        self._edges = Edges(self._objects)
        self._asked: dict[Key, Any] = {}  # what each object was queued for last
        self._ledger = ledger
        self._drifts = Drifts(ledger)
        self._health = HealthWatch(client, self._inbox.put, managers=settings.override_manager)
        self._configs = ConfigWatch(client, settings, self._inbox.put)
        self._informers: list[Informer] = []

    def serve(self, kinds: set[str]) -> None:
        """Queue only objects of these kinds from now on; what waited for that is looked at."""
        added, self._served = kinds - self._served, kinds
        for key, obj in self._objects.items():
            if key.kind in added:
                self._guarded(lambda key=key, obj=obj: self._plan(key, obj, known=False))  # type: ignore[misc]

    def start(self) -> None:
        """Begin to follow the kinds we serve."""
        self._configs.start()
        # All are found before any is followed: whoever starts again must not follow one twice.
        for resource in [self._client.discovery.resource(*kind) for kind in KINDS]:
            self._informers.append(
                Informer(
                    self._client,
                    resource,
                    self._inbox.put,
                    source=resource.kind,
                    namespace=self._settings.scope.namespace,
                    labels=self._settings.scope.labels,
                )
            )

    def stop(self) -> None:
        self._configs.close()
        for informer in self._informers:
            informer.stop()
        self._health.close()

    def step(self, wait: float) -> None:
        """Handle what comes in within `wait` seconds, and everything that is due by then.

        Raises RedisError when the queue cannot be reached; what is to be queued waits for the next step.
        """
        self._flush()
        due = self._timers.next()
        if due is not None:
            wait = min(wait, max(0.0, due - self._now()))
        for seen in self._arrivals(wait):
            self._guarded(lambda seen=seen: self._handle(seen))  # type: ignore[misc]
        due_now = list(self._timers.pop(self._now()))
        for timer in due_now:
            self._guarded(lambda timer=timer: self._ring(timer))  # type: ignore[misc]
        self._look_for_drift([timer.key for timer in due_now if timer.what == "drift"])
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
        found = (self._repository(obj) for key, obj in self._objects.items() if key.kind == "GitRepository")
        return {one for one in found if one}

    def _handle(self, seen: Listed | Changed) -> None:
        if isinstance(seen.source, Kind | Pods):
            for owner in self._health.handle(seen):
                self._health_changed(owner)
        elif isinstance(seen.source, Config):
            for key in self._edges.made_with(self._configs.handle(seen)):
                self._queue(key, Queue.PUSH)
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

    def _changed(self, obj: Object, *, gone: bool) -> None:
        # Flux's schemas admit an object without a spec; its run says so in its status.
        obj = {"spec": {}, **obj}
        key = key_of(obj)
        before = self._objects.get(key)
        if gone:
            self._gone(key)
            return
        self._objects[key] = obj
        if before is None or before["metadata"]["generation"] != obj["metadata"]["generation"]:
            self._edges.update(key, obj)
        if key.kind == "Kustomization":
            self._kustomization_changed(key, before, obj)
        elif artifact_of(obj) != artifact_of(before):
            self._wake_followers(key)
        if before is not None and edges.story_of(before) != edges.story_of(obj):
            self._report(obj)
        try:
            self._plan(key, obj, known=before is not None)
        except InvalidObject as error:
            log.info("left until it changes: %s", error)

    def _kustomization_changed(self, key: Key, before: Object | None, obj: Object) -> None:
        if before is None or _inventory_of(before) != _inventory_of(obj) or _asks_anew(before, obj):
            self._follow(key, obj)
        if before is None and self._configs.knows(config_refs(obj)):
            self._queue(key, Queue.PUSH)  # as in Flux: who led before may have missed a change
        if before != obj:
            ready = edges.became_ready(before, obj)
            for other in self._edges.waiting_for(key, ready=ready):
                self._queue(other, Queue.PUSH)

    def _follow(self, key: Key, obj: Object) -> None:
        owner = (key.namespace, key.name)
        if elsewhere(obj):
            self._health.forget(owner)  # what has these names on our own cluster is none of it
        else:
            refs = inventory.of(obj)
            self._health.follow(owner, refs, judged=Rules.of(obj["spec"]).judged(refs))

    def _gone(self, key: Key) -> None:
        for known in (self._objects, self._rechecks, self._failures, self._asked):
            known.pop(key, None)
        self._edges.update(key, None)
        for what in ("run", "recheck", "report", "drift"):
            self._timers.cancel(Due(key, what))
        if key.kind == "Kustomization":
            owner = (key.namespace, key.name)
            self._health.forget(owner)
            self._drifts.forget(owner)
            self._ledger.forget(owner)

    def _plan(self, key: Key, obj: Object, *, known: bool) -> None:
        """Queue the object if it is urgent, else set its next time."""
        artifact = self._artifact_for(obj)
        if schedule.urgent(obj, artifact):
            if self._timers.at(Due(key, "recheck")) is None:
                self._rechecks[key] = _RECHECK
            # The writes of a run on its way change nothing of what it was queued for.
            if self._asked.get(key) != (asked := schedule.asked(obj, artifact)):
                self._asked[key] = asked
                self._queue(key, Queue.PUSH)
            self._timers.set(Due(key, "recheck"), self._now() + self._rechecks.get(key, _RECHECK))
            return
        self._asked.pop(key, None)
        self._timers.cancel(Due(key, "recheck"))
        if key.kind == "Kustomization" and waits(obj):
            self._watch_wait(key, obj)
            return
        wait = schedule.pause(
            obj,
            jitter=self._settings.interval_jitter_percentage / 100,
            chance=random.random(),  # noqa: S311 (spreads intervals, guards nothing)
            requeue=self._settings.requeue_dependency,
            retry=self._retry(key, obj),
        )
        if wait is None:
            self._timers.cancel(Due(key, "run"))
            return
        if not known:
            # A new leader does not know when the last run was: unchanged objects are spread out.
            wait *= random.random() if is_ready(obj) else 1.0  # noqa: S311
        self._timers.set(Due(key, "run"), self._now() + wait)

    def _retry(self, key: Key, obj: Object) -> float:
        """Return how long to leave an object alone that failed as often in a row as we have seen."""
        if is_ready(obj):
            self._failures.pop(key, None)
        return schedule.backoff(
            self._failures.get(key, 0),
            shortest=self._settings.min_retry_delay,
            longest=self._settings.max_retry_delay,
        )

    def _watch_wait(self, key: Key, obj: Object) -> None:
        """Health is awaited: conclude when it is decided, or when its time is over."""
        spec = Kustomization.read(obj)
        healthy = conditions.find(conditions.of(obj), conditions.HEALTHY) or {}
        deadline = clock.parse(healthy["lastTransitionTime"]).timestamp() + spec.timeout_seconds
        now = self._now()
        if deadline <= now:
            self._queue(key, Queue.PUSH)
        # Not at once again: until the run is over nothing changes, and asking would fill the time.
        self._timers.set(Due(key, "run"), deadline if deadline > now else now + _CONCLUDE_RECHECK)
        verdicts = self._verdicts(key, obj)
        if verdicts is None:
            # Left where it is: objects that change all the time must not put it off.
            if self._timers.at(Due(key, "recheck")) is None:
                self._timers.set(Due(key, "recheck"), self._now() + _CONCLUDE_RECHECK)
        elif all(h.current for h in verdicts) or any(h.failed for h in verdicts):
            self._queue(key, Queue.PUSH)
            self._timers.set(Due(key, "recheck"), self._now() + _CONCLUDE_RECHECK)

    def _verdicts(self, key: Key, obj: Object) -> list[Health] | None:
        """Return how the objects are that it waits for; None when watches alone do not tell."""
        if elsewhere(obj) or not obj["spec"].get("wait"):
            return None
        return self._health.verdicts((key.namespace, key.name))

    def _health_changed(self, owner: Owner) -> None:
        key = Key("Kustomization", *owner)
        obj = self._objects.get(key)
        if obj is None:
            return
        if waits(obj) and not elsewhere(obj) and not schedule.urgent(obj, self._artifact_for(obj)):
            self._watch_wait(key, obj)
            soon, at = self._now() + _EVALUATE_AFTER, self._timers.at(Due(key, "recheck"))
            if self._health.judged(owner) and (at is None or at > soon):
                self._timers.set(Due(key, "recheck"), soon)
        if self._makes_news(obj):
            self._report(obj)

    def _makes_news(self, obj: Object) -> bool:
        artifact = self._artifact_for(obj)
        if not artifact:
            return False
        age = self._now() - clock.parse(artifact["lastUpdateTime"]).timestamp()
        return age < Kustomization.read(obj).timeout_seconds + _SETTLED_AFTER

    def _ring(self, timer: Due) -> None:
        obj = self._objects.get(timer.key)
        if obj is None:
            return
        if timer.what == "report":
            self._report(obj)
        elif timer.what == "recheck":
            self._recheck(timer.key, obj)
        elif timer.what == "run":
            self._queue(timer.key, Queue.RECONCILE)
            self._failures[timer.key] = self._failures.get(timer.key, 0) + 1
            # Should the run leave no trace in the object, this is when the next one comes.
            self._plan(timer.key, obj, known=True)

    def _recheck(self, key: Key, obj: Object) -> None:
        """See that something urgent is being worked on; the pause between looks grows."""
        urgent = schedule.urgent(obj, self._artifact_for(obj))
        if urgent or waits(obj):
            pause = min(self._rechecks.get(key, _RECHECK) * 1.5, _LONGEST_RECHECK)
            if obj["metadata"].get("deletionTimestamp"):
                pause = _RECHECK  # it may wait for what it deleted, and no event of ours tells its end
            elif not urgent and self._verdicts(key, obj) is None:
                pause = _CONCLUDE_RECHECK
            self._rechecks[key] = pause
            self._timers.set(Due(key, "recheck"), self._now() + pause)
            if not self._work.busy([key]):
                self._queue(key, Queue.PUSH)

    def _look_for_drift(self, keys: list[Key]) -> None:
        """Have those run whose objects somebody else has changed, unless their own run does that now."""
        busy = self._work.busy(keys)
        for key in busy:
            self._timers.set(Due(key, "drift"), self._now() + _BUSY)
        idle = [key for key in keys if key not in busy and key in self._objects]
        owners = [(key.namespace, key.name) for key in idle if not _left_alone(self._objects[key])]
        for owner, found in self._drifts.judge(owners, self._now(), longest=self._interval_of).items():
            key = Key("Kustomization", *owner)
            if found.after > 0:
                self._timers.set(Due(key, "drift"), self._now() + found.after)
                continue
            self._queue(key, Queue.PUSH)
            if found.tell:
                self._tell_of_drift(key, found.tell)

    def _interval_of(self, owner: tuple[str, str]) -> float:
        return Kustomization.read(self._objects[Key("Kustomization", *owner)]).interval_seconds

    def _tell_of_drift(self, key: Key, message: str) -> None:
        now = datetime.fromtimestamp(self._now(), UTC)
        events.record(
            self._client,
            self._objects[key],
            severity="Warning",
            reason="DriftDetected",
            message=message,
            now=now,
        )

    def _wake_followers(self, key: Key) -> None:
        """A source has a new artifact: whatever is made of it is next, and its commit gets a status."""
        for other in self._edges.followers(key):
            if other.kind == "GitRepository":
                self._queue(other, Queue.PUSH)
                continue
            obj = self._objects[other]
            self._plan(other, obj, known=True)
            timeout = Kustomization.read(obj).timeout_seconds
            self._timers.set(Due(other, "report"), self._now() + timeout + 1)

    def _report(self, obj: Object) -> None:
        source = obj
        if obj["kind"] == "Kustomization":
            found = self._objects.get(Key(*source_key(obj)))
            if found is None:
                return
            source = found
        if repository := self._repository(source):
            self._queue(Key("Repository", *repository), Queue.REPORT)

    def _repository(self, source: Object) -> tuple[str, str] | None:
        return repository_of(source["spec"].get("url", ""), self._settings.github_url)

    def _artifact_for(self, obj: Object) -> Any:
        if obj["kind"] != "Kustomization":
            return None
        return artifact_of(self._objects.get(Key(*source_key(obj))))

    def _queue(self, key: Key, lane: Queue) -> None:
        if key.kind not in self._served and key.kind in _NAMES:
            return  # somebody else is its controller
        if self._pending.get(key) is not Queue.PUSH:
            self._pending[key] = lane

    def _flush(self) -> None:
        """Write down what was seen, then queue what came of it; a key leaves the list only when queued."""
        if news := self._health.news():
            try:
                self._ledger.saw(news)
            except redis.RedisError:
                log.warning("what was seen is not written down: it will be asked of the API server")
        for owner, suspect in self._health.suspects():
            self._drifts.suspect(owner, suspect)
            self._timers.set(Due(Key("Kustomization", *owner), "drift"), self._now() + _DRIFT_AFTER)
        while self._pending:
            key, lane = next(iter(self._pending.items()))
            self._work.add(key, lane)
            del self._pending[key]


def _inventory_of(obj: Object) -> Any:
    return (obj.get("status") or {}).get("inventory")


def _asks_anew(before: Object, obj: Object) -> bool:
    return bool(before["metadata"].get("generation") != obj["metadata"].get("generation"))


def _left_alone(obj: Object) -> bool:
    """Tell whether nobody is to put its objects right, or no watch of ours shows them."""
    return bool(obj["spec"].get("suspend") or obj["metadata"].get("deletionTimestamp") or elsewhere(obj))
