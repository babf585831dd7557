# SPDX-License-Identifier: Apache-2.0
"""Objects that changed under us: found by their mark, put right at once, and more slowly each time."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import redis

from policies import correction
from policies.kinds import Kustomization
from policies.kustomization import elsewhere
from policies.ledger import Applied
from policies.objects import Object
from workers.cluster import Client
from workers.ledger import Ledger
from workers.reconcile import events
from workers.watch.health import Owner, Suspect
from workers.watch.state import State
from workers.workqueue import Key, Queue

log = logging.getLogger(__name__)
_AFTER = 0.1  # seconds in which whoever applied an object notes that down
_BUSY = 0.5  # seconds after which a Kustomization that is being run is looked at again


class Drifts:
    """Suspects by Kustomization, and when each was put right."""

    def __init__(self, state: State, ledger: Ledger, client: Client) -> None:
        self._state = state
        self._ledger = ledger
        self._client = client
        self._suspects: dict[Owner, dict[str, Suspect]] = defaultdict(dict)
        self._times: dict[Owner, list[float]] = {}

    def suspect(self, found: Iterable[tuple[Owner, Suspect]]) -> None:
        """Have a look at objects that somebody, we or another, has changed."""
        for owner, suspect in found:
            self._suspects[owner][suspect.ref.id] = suspect
            self._state.after(_AFTER, Key("Kustomization", *owner), "drift")

    def look(self, keys: Sequence[Key]) -> None:
        """Have those run whose objects somebody else has changed, unless their own run does that now.

        Raises RedisError; they are looked at again then.
        """
        try:
            self._look(keys)
        except redis.RedisError:
            for key in keys:
                self._state.after(_BUSY, key, "drift")
            raise

    def forget(self, owner: Owner) -> None:
        self._suspects.pop(owner, None)
        self._times.pop(owner, None)

    def _look(self, keys: Sequence[Key]) -> None:
        state = self._state
        busy = state.work.busy(list(keys))
        for key in busy:
            state.after(_BUSY, key, "drift")
        idle = [key for key in keys if key not in busy and key in state.objects]
        owners = [(k.namespace, k.name) for k in idle if not _left_alone(state.objects[k])]
        for owner, applied in self._ledger.applied([o for o in owners if o in self._suspects]).items():
            changed = [s for one, s in self._suspects[owner].items() if _differs(s, applied.get(one))]
            if changed:
                self._correct(owner, changed[0])
            else:
                del self._suspects[owner]

    def _correct(self, owner: Owner, found: Suspect) -> None:
        """Have what was changed put right, now or after a pause."""
        state, key, now = self._state, Key("Kustomization", *owner), self._state.elapsed()
        obj, times = state.objects[key], self._times.setdefault(owner, [])
        pause = correction.pause(times, now, longest=Kustomization.read(obj).interval_seconds)
        if pause > 0:
            state.after(pause, key, "drift")
            return
        del self._suspects[owner]
        times[:] = [*(at for at in times if now - at < correction.WITHIN), now]
        state.queue(key, Queue.PUSH)
        log.info("changed by %s kustomization=%s/%s: %s", found.manager or "somebody", *owner, found.ref)
        if correction.tells(times, now):
            events.record(
                self._client,
                obj,
                severity="Warning",
                reason="DriftDetected",
                message=correction.message(found.ref, found.manager),
                now=datetime.fromtimestamp(state.now(), UTC),
            )


def _differs(suspect: Suspect, applied: Applied | None) -> bool:
    """Without a note of its apply an object was changed only if a watch saw it otherwise before."""
    return suspect.mark != applied.mark if applied else suspect.known_before


def _left_alone(obj: Object) -> bool:
    """Tell whether nobody is to put its objects right, or no watch of ours shows them."""
    spec, metadata = obj["spec"], obj["metadata"]
    return bool(spec.get("suspend") or metadata.get("deletionTimestamp") or elsewhere(obj))
