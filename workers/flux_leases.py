# SPDX-License-Identifier: Apache-2.0
"""Hold Flux's Leases, and see whether somebody else does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from policies import flux_leases
from policies.errors import FairwayError
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers.cluster import ApiError, Client, NoMatch
from workers.watch.leader import Leader
from workers.watch.timers import elapsed

log = logging.getLogger(__name__)
_LOOKED_FOR = 2.0  # seconds a look at the Leases is good for
_COUNTED_FOR = 15.0  # seconds a look at objects of other kinds is good for


class FluxRuns(FairwayError):
    """Somebody else is the controller of a kind; nothing may be written for it."""


class FluxLeases:
    """The Leases of Flux's controllers on one cluster; shared by the threads of a process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._looked: dict[tuple[str, str], tuple[float, str]] = {}

    def check(self, kind: str, now: datetime, selector: str) -> None:
        """Raise FluxRuns when somebody else holds the Lease of a kind and shard, as of seconds ago."""
        if kind not in flux_leases.CONTROLLERS:
            return
        with self._lock:
            at, problem = self._looked.get((kind, selector), (0.0, ""))
            if time.monotonic() - at > _LOOKED_FOR:
                other = flux_leases.foreign(self.find(kind, selector), now)
                problem = flux_leases.who_holds(other) if other else ""
                self._looked[kind, selector] = time.monotonic(), problem
        if problem:
            raise FluxRuns(problem)

    def find(self, kind: str, selector: str) -> list[Object]:
        """Return the Leases of a kind's controller and shard: Flux may be installed in any namespace."""
        leases = self._client.discovery.resource("coordination.k8s.io", "v1", "Lease")
        name = flux_leases.lease_name(kind, selector)
        return self._client.list(leases, fields=f"metadata.name={name}")[0]

    def unserved(self, kind: str) -> list[str]:
        """Return what the controller of a kind serves besides, and we do not."""
        found: list[str] = []
        for group, other in flux_leases.UNSERVED[flux_leases.CONTROLLERS[kind]]:
            found += [str(ObjectRef.of(obj)) for obj in self._all(group, other)]
        return found

    def _all(self, group: str, kind: str) -> Iterator[Object]:
        for version in ("v1", "v1beta3", "v1beta2"):
            try:
                resource = self._client.discovery.resource(group, version, kind)
            except NoMatch:
                continue
            yield from self._client.list(resource)[0]
            return


class Keeper:
    """Takes and renews Flux's Leases for the leading `watch`."""

    def __init__(
        self,
        leases: FluxLeases,
        client: Client,
        settings: Settings,
        identity: str,
        *,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._elapsed = elapsed
        self._leases = leases
        self._client = client
        self._settings = settings
        self._identity = f"{flux_leases.OURS}{identity}"
        self._held: dict[ObjectRef, Leader] = {}
        self._said: dict[str, str] = {}
        self._counted: dict[str, tuple[float, list[str]]] = {}

    def step(self, now: datetime) -> dict[str, str]:
        """Renew or try to take each Lease; returns why a kind is not served, empty when it is."""
        return {kind: self._said_once(kind, self._problem(kind, now)) for kind in flux_leases.CONTROLLERS}

    def release(self, now: datetime) -> None:
        """Give all of them back, so that Flux can go on at once."""
        for leader in self._held.values():
            leader.release(now)
        self._held = {}

    def _problem(self, kind: str, now: datetime) -> str:
        try:
            leases = self._leases.find(kind, self._settings.watch_label_selector)
            if other := flux_leases.foreign(leases, now):
                namespace = other["metadata"]["namespace"]
                return f"{flux_leases.who_holds(other)}: {flux_leases.how_to_stop(namespace, kind)}"
            wanted = [ObjectRef.of(lease) for lease in leases] or self._new(kind)
            fresh = [ref for ref in wanted if ref not in self._held]
            if (fresh or not wanted) and (left := self._unserved(kind)):
                return flux_leases.what_is_left(kind, left)
            if not all(self._leader(ref).step(now) for ref in wanted):
                return (
                    f"somebody else has just taken the Lease {wanted[0].namespace}/{wanted[0].name},"
                    " or stopped without giving it back: it is taken when it has stood still for long enough"
                )
        except ApiError as error:
            return f"Flux's Leases cannot be read: {error.message}"
        return ""

    def _unserved(self, kind: str) -> list[str]:
        at, found = self._counted.get(kind, (-_COUNTED_FOR, []))
        if time.monotonic() - at >= _COUNTED_FOR:
            found = self._leases.unserved(kind)
            self._counted[kind] = time.monotonic(), found
        return found

    def _new(self, kind: str) -> list[ObjectRef]:
        """Where Flux would make the Lease, if its namespace is there."""
        namespace = self._settings.flux_namespace
        if self._client.find(ObjectRef("", "v1", "Namespace", "", namespace)) is None:
            return []
        name = flux_leases.lease_name(kind, self._settings.watch_label_selector)
        return [ObjectRef("coordination.k8s.io", "v1", "Lease", namespace, name)]

    def _leader(self, ref: ObjectRef) -> Leader:
        if ref not in self._held:
            self._held[ref] = Leader(
                self._client,
                namespace=ref.namespace,
                name=ref.name,
                identity=self._identity,
                elapsed=self._elapsed,
            )
        return self._held[ref]

    def _said_once(self, kind: str, problem: str) -> str:
        if problem != self._said.get(kind, ""):
            if problem:
                log.warning("%s", problem)
            else:
                log.info("serving kind=%s", kind)
            self._said[kind] = problem
        return problem
