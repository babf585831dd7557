# SPDX-License-Identifier: Apache-2.0
"""Many Kustomizations are created while Redis is emptied every second; all become Ready, whole."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bench.house import House
from bench.workload import Fleet, app_names, is_ready
from tests.fixtures.world import World

_HEALED, _PER_APP = 60.0, 0.5  # seconds
_EVERY = 1.0
_NOT_OURS = {"default"}  # the service account of every namespace
_PATHS = (
    "/api/v1/namespaces/{}/serviceaccounts",
    "/api/v1/namespaces/{}/services",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
)


def flushed(
    world: World, count: int, seconds: float, tell: Callable[[int], None] = lambda ready: None
) -> list[str]:
    """Create `count` and flush for `seconds`, also after the last is Ready; returns what is wrong then."""
    house = House(world.folder, world.sandbox)
    names = app_names(count)
    fleet = Fleet.make(house, "flushed", names)
    store, stop = world.redis, threading.Event()

    def flush() -> None:
        while not stop.wait(_EVERY):
            store.flushall()

    flusher = threading.Thread(target=flush, name="flush")
    with fleet.ready(names) as arrivals:
        flusher.start()
        ending = threading.Timer(seconds, stop.set)
        ending.start()
        try:
            house.api.send(fleet.creations(names, wait=True))
            arrivals.wait(seconds + _HEALED + _PER_APP * count, tell=tell)
            flusher.join()
        except TimeoutError as error:
            return [f"flushed: {error}"]
        finally:
            stop.set()
            ending.cancel()
    return _unlike(fleet, set(names))


def _unlike(fleet: Fleet, names: set[str]) -> list[str]:
    wrong = []
    for path in _PATHS:
        found = {
            obj["metadata"]["name"] for obj in fleet.house.api.get(path.format(fleet.namespace))["items"]
        }
        for what, which in (("missing", names - found), ("left", found - names - _NOT_OURS)):
            wrong += [f"flushed: {len(which)} of {path.rpartition('/')[2]} {what}"] if which else []
    for obj in fleet.house.api.get(fleet.path)["items"]:
        entries = (obj["status"].get("inventory") or {}).get("entries") or []
        if not is_ready(obj) or len(entries) != len(_PATHS):
            wrong.append(f"flushed: {obj['metadata']['name']} has {len(entries)} entries, or is not Ready")
    return wrong
