# SPDX-License-Identifier: Apache-2.0
"""A delivery whose objects are watched, over a line that tells what was asked of the API server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from policies.ledger import Known, version_of
from policies.objects import Object, ObjectRef
from tests.fixtures.line import ApiProxy, Asked
from tests.fixtures.queueing import Recorded
from tests.fixtures.world import until
from tests.workers.reconcile.delivery import Delivery
from workers.watch.loop import Loop
from workers.workqueue import Key


@dataclass
class Eyes:
    """A leader that watches what Kustomization `app` has applied; its own requests are not counted.

    `elapsed` is its clock, in seconds; what it queued of the Kustomization is counted in `sent`.
    """

    delivery: Delivery
    line: ApiProxy
    elapsed: float = 0.0
    sent: int = 0
    _from: int = 0
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        context = self.delivery.context
        self.key = Key("Kustomization", self.delivery.namespace, "app")
        self.work = Recorded(context.redis, self._queued)
        self.loop = Loop(
            self.delivery.client,
            self.work,
            context.ledger,
            context.settings,
            now=time.time,
            elapsed=lambda: self.elapsed,
        )
        self.loop.start()

    def _queued(self, key: Key) -> None:
        self.sent += key == self.key

    @property
    def known(self) -> Known:
        return self.delivery.context.ledger.of((self.delivery.namespace, "app"))

    def see(self, *refs: ObjectRef) -> None:
        """Step until these are noted down as they are, None for what is gone."""

        def seen() -> bool:
            self.loop.step(wait=0.05)
            noted = {one: entry.version for one, entry in self.known.seen.items()}
            live = {ref: self.delivery.client.find(ref) for ref in refs}
            return all(noted.get(ref.id) == (version_of(obj) if obj else None) for ref, obj in live.items())

        until(seen, what="the objects as they are")

    def run(self) -> Object:
        """Reconcile as a worker does and see what came of it; what was asked before counts no longer."""
        self._from = len(self.line.asked)
        done = self.delivery.run()
        self.settle(done)
        return done

    def settle(self, obj: Object) -> None:
        """Step until the Kustomization is seen as it is, and forget what was queued until then."""
        version = obj["metadata"]["resourceVersion"]

        def seen() -> bool:
            self.loop.step(wait=0.05)
            found = self.loop._objects.get(self.key, {"metadata": {}})
            return bool(found["metadata"].get("resourceVersion") == version)

        until(seen, what="the Kustomization as it is")
        self.loop.step(wait=0)
        self.work.empty()
        self.sent = 0

    def asked(self, ref: ObjectRef) -> list[Asked]:
        """Return what the last run asked of an object."""
        path = f"/namespaces/{ref.namespace}/"
        return [
            one
            for one in self.line.asked[self._from :]
            if path in one.path
            and one.path.endswith(f"/{ref.name}")
            and "kustomizations" not in one.path
            and "gitrepositories" not in one.path
        ]

    def queues(self, *, within: float = 1.0) -> bool:
        """Let so much time pass for it, step by step, and tell whether it queued the Kustomization."""
        end = self.elapsed + within
        while self.elapsed < end and not self.sent:
            self.loop.step(wait=0.02)
            self.elapsed += 0.05
        return bool(self.sent)

    def close(self) -> None:
        self.loop.stop()
