# SPDX-License-Identifier: Apache-2.0
"""Apply a Kustomization's objects stage by stage, as Flux does: the whole stage is dry-run first.

One invalid object therefore stops its stage before anything of it is written. A stage in which only one
object could be written needs no dry-run: the write is its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from policies import stages
from policies.health import Verdict
from policies.health import status as health
from policies.objects import Object, ObjectRef
from workers.cluster import Client, NotFound
from workers.reconcile.failures import ApplyFailed
from workers.reconcile.memory import Memory
from workers.reconcile.stage import Change, Difference, Done, Options, Stage, news

__all__ = ["Applier", "Change", "Difference", "Done", "Options", "news"]

_STAGE_TIMEOUT = 60.0  # seconds a stage of definitions may take until it is established
_POLL = 0.05


class Applier:
    """Apply lists of objects as one user; `fence` is called before each stage and raises to stop."""

    def __init__(
        self,
        client: Client,
        pool: ThreadPoolExecutor,
        *,
        fence: Callable[[], None],
        options: Options | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._client = client
        self._options = options or Options()
        self._memory = memory or Memory()
        self._stage = Stage(client, pool, self._options, self._memory)
        self._fence = fence

    def apply(self, objects: Iterable[Object]) -> list[Change]:
        """Apply all stages in order.

        Raises ApplyFailed naming the object at fault and what had been applied before it.
        """
        changes: list[Change] = []
        planned = stages.split(objects, custom_kinds=self._options.custom_kinds)
        try:
            for number, stage in enumerate(planned):
                self._fence()
                done = len(changes)
                self._stage.apply(stage, changes)
                if number + 1 < len(planned) and stages.waits_for_readiness(stage):
                    self._wait_until_established(stage, changes, changes[done:])
        except ApplyFailed as error:
            error.applied = news(changes)
            # A write whose answer was lost may have been carried out; what was refused was not.
            error.touched = [change.ref for change in changes] + [error.ref] * (not error.refused)
            raise
        return changes

    def differing(self, objects: Sequence[Object]) -> list[Difference]:
        """Return which objects differ from what is wanted, writing nothing."""
        return self._stage.differing(objects)

    def _wait_until_established(
        self, stage: Sequence[Object], changes: list[Change], of_it: Sequence[Change]
    ) -> None:
        """Wait for definitions that the next stage needs; they are ready in moments or not at all."""
        deadline = time.monotonic() + _STAGE_TIMEOUT
        objects = {ObjectRef.of(obj): obj for obj in stage}
        waiting = [c.ref for c in of_it if c.done is not Done.SKIPPED and not self._known_ready(c)]
        while waiting := [ref for ref in waiting if not self._established(objects[ref], changes)]:
            if time.monotonic() > deadline:
                names = ", ".join(str(ref) for ref in waiting)
                raise ApplyFailed(waiting[0], f"not established after 1m0s ({names})", None)
            time.sleep(_POLL)

    def _known_ready(self, change: Change) -> bool:
        seen = self._memory.verdict(change.ref) if change.done is Done.UNCHANGED else None
        return seen is not None and seen.current

    def _established(self, obj: Object, changes: list[Change]) -> bool:
        live = self._client.find(ObjectRef.of(obj))
        if live is None:
            self._apply_again(obj, changes)
            return False
        try:
            return health(live).verdict is Verdict.CURRENT and self._discovered(live)
        except NotFound:
            return False

    def _apply_again(self, obj: Object, changes: list[Change]) -> None:
        """Apply a definition that is gone: it was on its way out, which an apply does not stop."""
        self._fence()
        ref = ObjectRef.of(obj)
        self._memory.forget(ref)
        changes[:] = [change for change in changes if change.ref != ref]
        self._stage.apply([obj], changes)

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
