# SPDX-License-Identifier: Apache-2.0
"""When each object is worked on next: at once, when what it waits for is there, or at its interval."""

from __future__ import annotations

import random
from typing import Any

from policies import clock, conditions, inventory, schedule
from policies.health import Health
from policies.kinds import Kustomization
from policies.kustomization import elsewhere, waits
from policies.objects import Object, ObjectRef
from workers.reconcile.waiting import set_of
from workers.watch.edges import is_ready
from workers.watch.health import HealthWatch
from workers.watch.named import NamedWatch
from workers.watch.state import State
from workers.workqueue import Key, Queue

_RECHECK, _LONGEST_RECHECK = 2.0, 15.0  # seconds; whether something urgent is still not being worked on
_EVALUATE_AFTER = 1.0  # seconds after a change of an object that expressions judge
_CONCLUDE_RECHECK = 5.0  # as often as Flux looks; only for what no watch covers
_LATER, _APART = 1.0, 0.004  # seconds until what a push does not touch is told of it, and between two


class Planning:
    """Sets the timers of objects, and queues what is urgent."""

    def __init__(self, state: State, health: HealthWatch, named: NamedWatch) -> None:
        self._state = state
        self._health = health
        self._named = named
        self._rechecks: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}  # runs by the clock since an object was ready
        self._asked: dict[Key, Any] = {}  # what each object was queued for last
        self._waits: dict[Key, tuple[str, float]] = {}  # each wait's transition time, and when it began

    def forget(self, key: Key) -> None:
        for known in (self._rechecks, self._failures, self._asked, self._waits):
            known.pop(key, None)
        self._named.follow((key.namespace, key.name), ())

    def plan(self, key: Key, obj: Object, *, known: bool) -> None:
        """Queue the object if it is urgent, else set its next time."""
        state = self._state
        artifact = state.artifact_for(obj)
        if schedule.urgent(obj, artifact):
            if state.at(key, "recheck") is None:
                self._rechecks[key] = _RECHECK
            # The writes of a run on its way change nothing of what it was queued for.
            if self._asked.get(key) != (asked := schedule.asked(obj, artifact)):
                self._asked[key] = asked
                state.queue(key, Queue.PUSH)
            state.after(self._rechecks.get(key, _RECHECK), key, "recheck")
            return
        self._asked.pop(key, None)
        state.cancel(key, "recheck")
        waiting = key.kind == "Kustomization" and waits(obj)
        if key.kind == "Kustomization":
            self._named.follow((key.namespace, key.name), _named(obj) if waiting else ())
        if waiting:
            self._wait(key, obj, known=known)
            return
        self._waits.pop(key, None)
        self._at_interval(key, obj, known=known)

    def later(self, key: Key, place: int) -> None:
        """Have a Kustomization told of a revision that hardly concerns it, after those it does."""
        state = self._state
        self._asked[key] = schedule.asked(state.objects[key], state.artifact_for(state.objects[key]))
        state.after(_LATER + place * _APART, key, "run")

    def run(self, key: Key, obj: Object) -> None:
        """An object's time has come."""
        self._state.queue(key, Queue.RECONCILE)
        self._failures[key] = self._failures.get(key, 0) + 1
        # Should the run leave no trace in the object, this is when the next one comes.
        self.plan(key, obj, known=True)

    def recheck(self, key: Key, obj: Object) -> None:
        """See that something urgent is being worked on; the pause between looks grows."""
        state = self._state
        urgent = schedule.urgent(obj, state.artifact_for(obj))
        if urgent or waits(obj):
            pause = min(self._rechecks.get(key, _RECHECK) * 1.5, _LONGEST_RECHECK)
            if obj["metadata"].get("deletionTimestamp"):
                pause = _RECHECK  # it may wait for what it deleted, and no event of ours tells its end
            elif not urgent and self._verdicts(key, obj) is None:
                pause = _CONCLUDE_RECHECK
            self._rechecks[key] = pause
            state.after(pause, key, "recheck")
            if not state.work.busy([key]):
                state.queue(key, Queue.PUSH)

    def health_changed(self, key: Key, obj: Object) -> None:
        """Something has happened to what a Kustomization applied: it may be what it waits for."""
        state = self._state
        if waits(obj) and not elsewhere(obj) and not schedule.urgent(obj, state.artifact_for(obj)):
            self._wait(key, obj)
            soon, at = state.elapsed() + _EVALUATE_AFTER, state.at(key, "recheck")
            if self._health.judged((key.namespace, key.name)) and (at is None or at > soon):
                state.after(_EVALUATE_AFTER, key, "recheck")

    def _at_interval(self, key: Key, obj: Object, *, known: bool) -> None:
        settings = self._state.settings
        wait = schedule.pause(
            obj,
            jitter=settings.interval_jitter_percentage / 100,
            chance=random.random(),  # noqa: S311 (spreads intervals, guards nothing)
            requeue=settings.requeue_dependency,
            retry=self._retry(key, obj),
        )
        if wait is None:
            self._state.cancel(key, "run")
            return
        if not known:
            # A new leader does not know when the last run was: unchanged objects are spread out.
            wait *= random.random() if is_ready(obj) else 1.0  # noqa: S311
        self._state.after(wait, key, "run")

    def _retry(self, key: Key, obj: Object) -> float:
        """Return how long to leave an object alone that failed as often in a row as we have seen."""
        if is_ready(obj):
            self._failures.pop(key, None)
        return schedule.backoff(
            self._failures.get(key, 0),
            shortest=self._state.settings.min_retry_delay,
            longest=self._state.settings.max_retry_delay,
        )

    def _wait(self, key: Key, obj: Object, *, known: bool = True) -> None:
        """Health is awaited: conclude when it is decided, or when its time is over."""
        state = self._state
        since, left = self._time_left(key, obj, known=known)
        if left <= 0:
            state.over[key] = since
            state.queue(key, Queue.PUSH)
        # Not at once again: until the run is over nothing changes, and asking would fill the time.
        state.after(left if left > 0 else _CONCLUDE_RECHECK, key, "run")
        verdicts = self._verdicts(key, obj)
        if verdicts is None:
            # Left where it is: objects that change all the time must not put it off.
            if state.at(key, "recheck") is None:
                state.after(_CONCLUDE_RECHECK, key, "recheck")
        elif all(h.current for h in verdicts) or any(h.failed for h in verdicts):
            state.queue(key, Queue.PUSH)
            state.after(_CONCLUDE_RECHECK, key, "recheck")

    def _time_left(self, key: Key, obj: Object, *, known: bool) -> tuple[str, float]:
        """Return since when an object waits, by its status, and how many seconds it may go on.

        A wait that begins before our eyes is timed by a clock that never jumps; only of one that another
        leader has seen begin the clock on the wall has to tell how long it lasts.
        """
        state = self._state
        since = (conditions.find(conditions.of(obj), conditions.HEALTHY) or {})["lastTransitionTime"]
        if key not in self._waits or self._waits[key][0] != since:
            gone = 0.0 if known else max(0.0, state.now() - clock.parse(since).timestamp())
            self._waits[key] = since, state.elapsed() - gone
        timeout = Kustomization.read(obj).timeout_seconds
        return since, self._waits[key][1] + timeout - state.elapsed()

    def _verdicts(self, key: Key, obj: Object) -> list[Health] | None:
        """Return how the objects are that it waits for; None when watches alone do not tell."""
        if elsewhere(obj):
            return None
        refs = None if obj["spec"].get("wait") else set_of(Kustomization.read(obj), ())
        return self._health.verdicts((key.namespace, key.name), refs)


def _named(obj: Object) -> list[ObjectRef]:
    """Return what it waits for besides what it has applied, which is watched anyway."""
    if obj["spec"].get("wait") or elsewhere(obj):
        return []
    applied = {ref.id for ref in inventory.of(obj)}
    return [ref for ref in set_of(Kustomization.read(obj), ()) if ref.id not in applied]
