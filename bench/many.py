# SPDX-License-Identifier: Apache-2.0
"""Many Kustomizations created at once, and a push that changes every one.

The clock runs from the first request, or the push, to the last Ready.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cache

from bench import progress
from bench.house import running
from bench.registry import figure
from bench.rounds import WITHIN, Round, created, updated, warm
from bench.workload import Fleet, app_names

_PEER = "Flux, same machine"
_ROUNDS = 3


@dataclass(frozen=True)
class _Hundred:
    waited: list[Round]
    updated: list[Round]
    unwaited: list[Round]


@cache
def _hundred() -> _Hundred:
    found = _Hundred([], [], [])
    with running() as house, progress.task("many.100") as show:
        warm(house)
        for number in range(_ROUNDS):
            show("rounds", number, _ROUNDS)
            fleet = Fleet.make(house, f"wait-{number}", app_names(100))
            found.waited.append(created(house, fleet, 100, wait=True))
            found.updated.append(updated(house, fleet, 100, "2"))
            fleet.delete(app_names(100), WITHIN + 100)
            fleet = Fleet.make(house, f"nowait-{number}", app_names(100))
            found.unwaited.append(created(house, fleet, 100, wait=False))
            fleet.delete(app_names(100), WITHIN + 100)
    for name, rounds in (("wait", found.waited), ("update", found.updated), ("no_wait", found.unwaited)):
        for one in rounds:
            progress.say(f"many.100.{name}: {one}")
    return found


@cache
def _thousand() -> Round:
    with running() as house, progress.task("many.1000") as show:
        warm(house)
        show("commit", 0, 0)
        fleet = Fleet.make(house, "thousand", app_names(1000))
        one = created(house, fleet, 1000, wait=True, tell=lambda count: show("Ready", count, 1000))
        progress.say(f"many.1000: {one}")
        return one


def _seconds(rounds: list[Round]) -> float:
    return statistics.median(one.seconds for one in rounds)


@figure("many.100.wait", unit="s", target=3.0, peer=_PEER, peer_value=25.2)
def waited() -> float:
    """Measure 100 with `wait`, from the first create to the last Ready; the median of 3."""
    return _seconds(_hundred().waited)


@figure("many.100.update", unit="s", target=3.0, peer=_PEER, peer_value=20.1)
def update() -> float:
    """Measure a push that changes each of 100 with `wait`; the median of 3."""
    return _seconds(_hundred().updated)


@figure("many.100.no_wait", unit="s", target=3.0, peer=f"{_PEER}, at best", peer_value=13.0)
def unwaited() -> float:
    """Measure 100 without `wait`; the median of 3."""
    return _seconds(_hundred().unwaited)


@figure("many.100.controller_cpu", unit="ms each", target=15.0, peer=_PEER, peer_value=105.0)
def controller_cpu() -> float:
    """Measure the CPU of all of Fairway's processes for each Kustomization created with `wait`."""
    return statistics.median(one.controller for one in _hundred().waited)


@figure("many.100.api_server_cpu", unit="ms each", target=25.0, peer=_PEER, peer_value=83.0)
def api_server_cpu() -> float:
    """Measure the CPU of the API server and etcd for the same, the harness's creates and watch included."""
    return statistics.median(one.api_server for one in _hundred().waited)


@figure("many.100.harness_cpu", unit="ms each")
def harness_cpu() -> float:
    """Measure the harness's own CPU for the same: requests that it sends, events that it reads."""
    return statistics.median(one.harness for one in _hundred().waited)


@figure("many.1000.wait", unit="s", target=30.0, peer="Flux 2.9, 16 cores, published", peer_value=253.0)
def thousand() -> float:
    """Measure 1,000 with `wait`, once."""
    return _thousand().seconds


@figure("many.1000.controller_cpu", unit="ms each", target=15.0)
def thousand_controller_cpu() -> float:
    return _thousand().controller


@figure("many.1000.api_server_cpu", unit="ms each", target=25.0)
def thousand_api_server_cpu() -> float:
    return _thousand().api_server


@figure("many.scaling", unit="ratio", target=1.0)
def scaling() -> float:
    """Compare the seconds for each of 1,000 with those for each of 100."""
    return _thousand().seconds / 1000 / (_seconds(_hundred().waited) / 100)
