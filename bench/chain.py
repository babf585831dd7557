# SPDX-License-Identifier: Apache-2.0
"""Six Kustomizations that depend on each other in a row, created at once: until the last is Ready."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator

from bench.api import Request
from bench.house import House, running
from bench.registry import figure
from bench.rounds import WITHIN, warm
from bench.workload import Fleet, app_names

_LENGTH, _ROUNDS = 6, 5


@figure("chain.six", unit="s", target=1.5, peer="Flux, same machine", peer_value=151.0)
def six() -> float:
    """Measure a dependsOn chain of six, each with `wait`; the median of 5."""
    with running() as house:
        warm(house)
        return statistics.median(_chained(house, f"chain-{number}") for number in range(_ROUNDS))


def _chained(house: House, namespace: str) -> float:
    names = app_names(_LENGTH)
    fleet = Fleet.make(house, namespace, names)
    requests = list(_creations(fleet, names))
    with fleet.ready(names) as arrivals:
        began = time.monotonic()
        house.api.send(requests)
        return arrivals.wait(WITHIN) - began


def _creations(fleet: Fleet, names: list[str]) -> Iterator[Request]:
    yield from fleet.creations(names[:1], wait=True)
    for before, name in itertools.pairwise(names):
        yield from fleet.creations([name], wait=True, dependsOn=[{"name": before}])
