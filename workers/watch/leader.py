# SPDX-License-Identifier: Apache-2.0
"""Leader election by Lease: at most one `watch` acts, and another takes over when it is gone.

Clocks differ between machines, and jump. The times in a Lease are therefore not looked at: a holder is gone
when its Lease has stood still for as long as it is good for, by a clock of ours that never jumps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from policies.clock import rfc3339_micro
from policies.objects import Object, ObjectRef
from workers.cluster import ApiError, Client
from workers.watch.timers import elapsed

log = logging.getLogger(__name__)
DURATION = 10  # seconds a Lease is good for without renewal
RENEW_EVERY = 2.0


class Leader:
    """Hold one Lease, or wait for it."""

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._client = client
        self._ref = ObjectRef("coordination.k8s.io", "v1", "Lease", namespace, name)
        self._identity = identity
        self._elapsed = elapsed
        self._renewed: float | None = None
        # Another's Lease, who holds it and when it was renewed, and since when it stands as it is.
        self._seen: tuple[tuple[str, str] | None, float] = (None, 0.0)

    def step(self, now: datetime) -> bool:
        """Renew or try to take the Lease; True while we lead. Called every RENEW_EVERY seconds or so."""
        asked = self._elapsed()
        try:
            held = self._take(now)
        except ApiError as error:
            log.warning("lease not renewed: %s", error.message)
            # Still ours until it has run out: nobody else takes it before. The call may have taken long.
            return self._renewed is not None and self._elapsed() - self._renewed < DURATION - RENEW_EVERY
        self._renewed = asked if held else None
        return held

    def release(self, now: datetime) -> None:
        """Give the Lease up, so that a standby takes over at once."""
        try:
            lease = self._client.find(self._ref)
            if lease and lease["spec"].get("holderIdentity") == self._identity:
                self._write(lease, now, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except ApiError as error:
            log.warning("lease not released: %s", error.message)

    def _take(self, now: datetime) -> bool:
        lease = self._client.find(self._ref)
        if lease is None:
            self._client.create(self._new(now))
            return True
        spec = lease["spec"]
        ours = spec.get("holderIdentity") == self._identity
        if not ours and spec.get("holderIdentity") and not self._stands_still(spec):
            return False
        changes: Object = {"holderIdentity": self._identity, "leaseDurationSeconds": DURATION}
        if not ours:
            changes |= {
                "acquireTime": rfc3339_micro(now),
                "leaseTransitions": spec.get("leaseTransitions", 0) + 1,
            }
        self._write(lease, now, changes)
        return True

    def _stands_still(self, spec: Object) -> bool:
        """Tell whether another has not renewed its Lease for as long as that is good for."""
        if not spec.get("renewTime"):
            return True
        found, now = (spec["holderIdentity"], spec["renewTime"]), self._elapsed()
        if self._seen[0] != found:
            if self._seen[0] is None or self._seen[0][0] != found[0]:
                log.info("standing by: %s holds %s", found[0], self._ref)
            self._seen = found, now
        return now - self._seen[1] > (spec.get("leaseDurationSeconds") or DURATION)

    def _write(self, lease: Object, now: datetime, changes: Object) -> None:
        patch = {
            "metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]},
            "spec": {**changes, "renewTime": rfc3339_micro(now)},
        }
        self._client.patch(self._ref, patch, manager="fairway")

    def _new(self, now: datetime) -> Object:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": self._ref.namespace, "name": self._ref.name},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": DURATION,
                "acquireTime": rfc3339_micro(now),
                "renewTime": rfc3339_micro(now),
                "leaseTransitions": 0,
            },
        }
