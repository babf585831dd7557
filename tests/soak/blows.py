# SPDX-License-Identifier: Apache-2.0
"""What is done to Fairway and its cluster: kills, stops, an emptied Redis, restarts, edits by hand."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field

from bench.house import House
from policies.objects import Object, ObjectRef
from sandbox import up as sandbox
from sandbox.processes import Process, start_time
from tests.fixtures.world import World
from tests.soak.tenant import Tenant
from workers.cluster.errors import ApiError

_MANAGER = "kubectl-edit"
_LONGEST_STOP = 5.0  # seconds
_SPARED = 15.0  # seconds between two kills of the same
_EDITS: dict[str, Object] = {
    "ConfigMap": {"data": {"value": "by hand"}},
    "Deployment": {"spec": {"replicas": 3}},
    "Service": {"spec": {"selector": {"app": "by-hand"}}},
}


@dataclass
class Blows:
    """Strikes a world; remembers who has to go on again."""

    world: World
    _stopped: list[tuple[float, int, int | None]] = field(default_factory=list)
    _restart: threading.Thread | None = None
    _killed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._redis = self.world.redis

    def edit(self, tenant: Tenant, chance: random.Random) -> str:
        """Change a live object as `kubectl edit` does."""
        ref = self._one(tenant, chance)
        with contextlib.suppress(ApiError):  # it may not be there yet, or the API server may be away
            self.world.client.patch(ref, _EDITS[ref.kind], manager=_MANAGER)
        return str(ref)

    def delete(self, tenant: Tenant, chance: random.Random) -> str:
        """Delete a live object."""
        ref = self._one(tenant, chance)
        with contextlib.suppress(ApiError):
            self.world.client.delete(ref)
        return str(ref)

    def kill(self, name: str) -> str:
        """Kill a process by its name, unless that was done a moment ago.

        The supervisor waits longer and longer before it starts again who dies again and again.
        """
        now = time.monotonic()
        if now - self._killed.get(name, -_SPARED) < _SPARED:
            return f"{name} is spared"
        self._killed[name] = now
        pids = self._pids(name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return f"{name} {pids}"

    def stop(self, name: str, chance: random.Random) -> str:
        """Stop a process for some seconds."""
        seconds = chance.uniform(0.2, _LONGEST_STOP)
        for pid in self._pids(name):
            started = start_time(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._stopped.append((time.monotonic() + seconds, pid, started))
        return f"{name} for {seconds:.1f} s"

    def flush(self) -> str:
        """Empty Redis."""
        self._redis.flushall()
        return "Redis"

    def restart_api_server(self) -> str:
        """Kill the control plane and start it again, while everything else goes on."""
        if self._restart is not None and self._restart.is_alive():
            return "already underway"
        self._restart = threading.Thread(target=self._restarted, name="restart")
        self._restart.start()
        return "control plane"

    def go_on(self, *, all_of_them: bool = False) -> None:
        """Let those go on whose time has come."""
        now = time.monotonic()
        for entry in list(self._stopped):
            until, pid, started = entry
            if all_of_them or now >= until:
                self._stopped.remove(entry)
                if start_time(pid) == started:
                    with contextlib.suppress(ProcessLookupError):  # killed just now
                        os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """Leave nobody stopped and nothing away."""
        self.go_on(all_of_them=True)
        if self._restart is not None:
            self._restart.join()

    def _restarted(self) -> None:
        control_plane = Process(self.world.folder, "cluster")
        facts = control_plane.facts()
        if facts is not None:
            os.kill(facts["pid"], signal.SIGKILL)
            control_plane.stop(5.0)
        self.world.sandbox = sandbox.up(self.world.folder)

    def _one(self, tenant: Tenant, chance: random.Random) -> ObjectRef:
        obj = chance.choice(tenant.wanted())
        group, _, version = obj["apiVersion"].rpartition("/")
        return ObjectRef(group, version, obj["kind"], tenant.team.namespace, obj["metadata"]["name"])

    def _pids(self, name: str) -> list[int]:
        return House(self.world.folder, self.world.sandbox).ours().get(name, [])
