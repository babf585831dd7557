# SPDX-License-Identifier: Apache-2.0
"""Apply a Kustomization's objects stage by stage, as Flux does: the whole stage is dry-run first.

One invalid object therefore stops its stage before anything of it is written. A stage in which only one
object could be written needs no dry-run: the write is its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from policies import drift, ownership, stages
from policies.health import Verdict
from policies.health import status as health
from policies.objects import Object, ObjectRef
from policies.ownership import FIELD_MANAGER, Action
from workers.cluster import ApiError, Client, NotFound
from workers.reconcile.failures import ApplyFailed

_STAGE_TIMEOUT = 60.0  # seconds a stage of definitions may take until it is established
_POLL = 0.05


class Done(StrEnum):
    """What became of an object, in the words of Flux's change log."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Change:
    ref: ObjectRef
    done: Done
    object: Object | None = None  # as the API server answered


class Applier:
    """Apply lists of objects as one user; `fence` is called before each stage and raises to stop."""

    def __init__(self, client: Client, pool: ThreadPoolExecutor, *, fence: Callable[[], None]) -> None:
        self._client = client
        self._pool = pool
        self._fence = fence

    def apply(self, objects: Iterable[Object]) -> list[Change]:
        """Apply all stages in order; raises ApplyFailed naming the object at fault."""
        changes: list[Change] = []
        planned = stages.split(objects)
        for number, stage in enumerate(planned):
            self._fence()
            changes += self._apply_stage(stage)
            if number + 1 < len(planned) and stages.waits_for_readiness(stage):
                self._wait_until_established(stage)
        return changes

    def _apply_stage(self, stage: Sequence[Object]) -> list[Change]:
        live = list(self._pool.map(self._live, stage))
        wanted = [ownership.action_for(obj, found) for obj, found in zip(stage, live, strict=True)]
        rehearse = wanted.count(Action.APPLY) > 1
        pairs = list(zip(stage, live, wanted, strict=True))
        rehearsed = list(self._pool.map(lambda pair: self._rehearse(*pair) if rehearse else None, pairs))
        return [
            self._write(obj, found, action, dry_run)
            for (obj, found, action), dry_run in zip(pairs, rehearsed, strict=True)
        ]

    def _live(self, obj: Object) -> Object | None:
        ref = ObjectRef.of(obj)
        try:
            return self._client.find(ref)
        except ApiError as error:
            raise ApplyFailed(ref, "dry-run failed", error) from error

    def _rehearse(self, obj: Object, live: Object | None, action: Action) -> Object | None:
        if action is Action.SKIP:
            return None
        try:
            return self._client.apply(obj, manager=FIELD_MANAGER, dry_run=True)
        except ApiError as error:
            raise ApplyFailed(ObjectRef.of(obj), "dry-run failed", error) from error

    def _write(self, obj: Object, live: Object | None, action: Action, dry_run: Object | None) -> Change:
        ref = ObjectRef.of(obj)
        if action is Action.SKIP:
            return Change(ref, Done.SKIPPED, live)
        if live is not None and dry_run is not None and not drift.drifted(live, dry_run):
            return Change(ref, Done.UNCHANGED, live)
        try:
            applied = self._client.apply(obj, manager=FIELD_MANAGER)
        except ApiError as error:
            raise ApplyFailed(ref, "apply failed", error) from error
        if live is None:
            return Change(ref, Done.CREATED, applied)
        # A controller may have written since we looked; the dry-run saw the object later than we did.
        before = (dry_run or live)["metadata"]["resourceVersion"]
        same = before == applied["metadata"]["resourceVersion"]
        return Change(ref, Done.UNCHANGED if same else Done.CONFIGURED, applied)

    def _wait_until_established(self, stage: Sequence[Object]) -> None:
        """Wait for definitions that the next stage needs; they are ready in moments or not at all."""
        deadline = time.monotonic() + _STAGE_TIMEOUT
        waiting = [ObjectRef.of(obj) for obj in stage]
        while waiting := [ref for ref in waiting if not self._established(ref)]:
            if time.monotonic() > deadline:
                names = ", ".join(str(ref) for ref in waiting)
                raise ApplyFailed(waiting[0], f"not established after 1m0s ({names})", None)
            time.sleep(_POLL)

    def _established(self, ref: ObjectRef) -> bool:
        try:
            live = self._client.get(ref)
            return health(live).verdict is Verdict.CURRENT and self._discovered(live)
        except NotFound:
            return False

    def _discovered(self, live: Object) -> bool:
        """Tell whether the kind of a definition can be addressed: that comes moments after it is established.

        Raises NoMatch while it is not.
        """
        if live["kind"] == "CustomResourceDefinition":
            spec = live["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    self._client.discovery.resource(spec["group"], version["name"], spec["names"]["kind"])
        return True
