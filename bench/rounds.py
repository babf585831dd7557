# SPDX-License-Identifier: Apache-2.0
"""A round: act on many Kustomizations, wait for the last Ready, and see what time and CPU it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.api import Arrivals
from bench.house import House, Used
from bench.workload import Fleet, app_names, file_of, manifests

WITHIN, PER_APP = 30.0, 1.0  # seconds; whoever is slower has failed
_MS = 1000
Tell = Callable[[int], None]


def _quiet(count: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Round:
    """One measured round: its seconds, what was used meanwhile, and the harness's own CPU seconds."""

    count: int
    seconds: float
    used: Used
    own: float

    @property
    def controller(self) -> float:
        """CPU milliseconds of Fairway for each Kustomization."""
        return self._each(self.used.controller)

    @property
    def api_server(self) -> float:
        return self._each(self.used.api_server)

    @property
    def harness(self) -> float:
        return self._each(self.own)

    def __str__(self) -> str:
        """Say it all in a line: what CPU went where, in milliseconds for each."""
        parts = [self._said(self.used.ours), self._said(self.used.cluster)]
        return f"{self.seconds:.2f} s; CPU ms each: {'; '.join(parts)}; harness {self.harness:.1f}"

    def _said(self, used: Mapping[str, float]) -> str:
        each = {name: self._each(seconds) for name, seconds in used.items()}
        return ", ".join(f"{name} {value:.1f}" for name, value in each.items() if value >= 0.05)

    def _each(self, seconds: float) -> float:
        return _MS * seconds / self.count


def created(house: House, fleet: Fleet, count: int, *, wait: bool, tell: Tell = _quiet) -> Round:
    """Create all at once; `tell` hears how many are Ready."""
    names = app_names(count)
    requests = fleet.creations(names, wait=wait)
    return _measured(house, count, fleet.ready(names), lambda: house.api.send(requests), tell)


def updated(house: House, fleet: Fleet, count: int, version: str) -> Round:
    """Push a change to each."""
    names = app_names(count)
    files = {file_of(name): manifests(version) for name in names}
    return _measured(house, count, fleet.ready(names, beyond=fleet.sha), lambda: fleet.push(files), _quiet)


def warm(house: House) -> None:
    """Let every process do once what it will do, so that nothing is loaded while the clock runs."""
    fleet = Fleet.make(house, "warm", app_names(2))
    created(house, fleet, 2, wait=True)
    updated(house, fleet, 2, "2")
    fleet.delete(app_names(2), WITHIN)


def _measured(
    house: House,
    count: int,
    ready: AbstractContextManager[Arrivals],
    act: Callable[[], object],
    tell: Tell,
) -> Round:
    with ready as arrivals:
        before, own, began = house.used(), time.process_time(), time.monotonic()
        act()
        end = arrivals.wait(WITHIN + PER_APP * count, tell=tell)
        own = time.process_time() - own
        return Round(count, end - began, house.used().since(before), own)
