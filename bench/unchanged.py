# SPDX-License-Identifier: Apache-2.0
"""What a reconcile costs that has nothing to do: 100 Kustomizations are asked for one, by requestedAt.

The harness's own part is measured first: another annotation, which nobody heeds, on the same 100 objects
under the same watch. What the API server does for that is taken off, and from both what the machine does
while nothing is asked of it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from bench.api import Object, Request
from bench.house import House, Used, running
from bench.registry import figure
from bench.rounds import WITHIN, created, warm
from bench.workload import Fleet, app_names

_COUNT, _ROUNDS = 100, 5
_IDLE, _SETTLE = 5.0, 1.0  # seconds
_REQUESTED, _UNHEEDED = "reconcile.fluxcd.io/requestedAt", "bench.fairway.dev/touched"


@dataclass(frozen=True)
class _Cost:
    controller: float
    api_server: float
    seconds: float


@figure("unchanged.controller_cpu", unit="s", target=0.5, peer="Flux, same machine", peer_value=10.6)
def controller() -> float:
    """Measure the CPU of all of Fairway's processes for 100; the median of 5."""
    return statistics.median(cost.controller for cost in _costs())


@figure("unchanged.api_server_cpu", unit="s", target=1.0, peer="Flux, same machine", peer_value=6.9)
def api_server() -> float:
    """Measure the API server's CPU for 100, above what the harness itself causes; the median of 5."""
    return statistics.median(cost.api_server for cost in _costs())


@figure("unchanged.seconds", unit="s")
def seconds() -> float:
    """Measure how long 100 take from the first request to the last answer; the median of 5."""
    return statistics.median(cost.seconds for cost in _costs())


@cache
def _costs() -> list[_Cost]:
    with running() as house:
        warm(house)
        fleet = Fleet.make(house, "unchanged", app_names(_COUNT))
        created(house, fleet, _COUNT, wait=True)
        time.sleep(_SETTLE)
        idle = _idle(house)
        return [_cost(fleet, idle, f"round-{number}") for number in range(_ROUNDS)]


def _cost(fleet: Fleet, idle: Used, token: str) -> _Cost:
    harness, _ = _annotated(fleet, _UNHEEDED, token, lambda obj: True, idle)
    used, seconds = _annotated(fleet, _REQUESTED, token, lambda obj: _handled(obj) == token, idle)
    return _Cost(used.controller, used.api_server - harness.api_server, seconds)


def _annotated(
    fleet: Fleet, annotation: str, token: str, accept: Callable[[Object], bool], idle: Used
) -> tuple[Used, float]:
    """Annotate all and wait for each; returns the CPU for that above the idle, and the seconds it took."""
    names = app_names(_COUNT)
    change = {"metadata": {"annotations": {annotation: token}}}
    requests = [Request.patch(f"{fleet.path}/{name}?fieldManager=flux", change) for name in names]
    with fleet.watching(names, token.encode(), accept) as arrivals:
        before, began = fleet.house.used(), time.monotonic()
        fleet.house.api.send(requests)
        took = arrivals.wait(WITHIN) - began
        time.sleep(_SETTLE)  # what follows from it, such as what others see of it, counts too
        used, window = fleet.house.used().since(before), time.monotonic() - began
    return used.since(idle.times(window)), took


def _idle(house: House) -> Used:
    """Return the CPU that is used in a second in which nothing is asked for."""
    before, began = house.used(), time.monotonic()
    time.sleep(_IDLE)
    return house.used().since(before).times(1 / (time.monotonic() - began))


def _handled(obj: Object) -> str:
    return str((obj.get("status") or {}).get("lastHandledReconcileAt", ""))
