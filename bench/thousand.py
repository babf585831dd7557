# SPDX-License-Identifier: Apache-2.0
"""Life with 1,000 Kustomizations: a push that changes one of them, and the memory of all processes."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from functools import cache

from bench import progress
from bench.api import Object
from bench.house import House, running
from bench.registry import figure
from bench.rounds import WITHIN, created, warm
from bench.workload import READY, Fleet, app_names, file_of, is_at, is_ready, manifests
from policies.history import built

_COUNT, _SINGLE, _ROUNDS, _CHANGED = 1000, 5, 20, 10
_TOLD_WITHIN = 120.0  # seconds until all have been told of a revision that does not concern them
_SETTLE = 5.0
_NAMES = app_names(_COUNT)


@dataclass
class _Life:
    """What was seen: seconds of single changes, how many others were rebuilt, and memory in MiB.

    Memory is that when all were created, when a few pushes have warmed everything up, and in the end.
    """

    single: list[float] = field(default_factory=list)
    rebuilt: list[int] = field(default_factory=list)
    at_first: float = 0.0
    warmed_up: float = 0.0
    in_the_end: float = 0.0


@figure("one_of_1000.ready.worst", unit="s", target=1.0)
def ready() -> float:
    """Measure from a push of one changed file to that one Ready; the worst of 5."""
    return max(_life().single)


@figure("one_of_1000.ready.median", unit="s")
def usually_ready() -> float:
    return statistics.median(_life().single)


@figure("one_of_1000.others_rebuilt", unit="Kustomizations", target=0.0)
def rebuilt() -> float:
    """Count those of the other 999 that say in their history that they were built; the most of 5 pushes."""
    return float(max(_life().rebuilt))


@figure("memory.1000", unit="MiB", target=600.0, peer="Flux 2.9, two controllers", peer_value=316.0)
def memory() -> float:
    """Measure the PSS of all of Fairway's processes with 1,000 Ready."""
    return _life().at_first


@figure("memory.1000.after_20_rounds", unit="MiB", target=600.0)
def memory_in_the_end() -> float:
    """Measure it again after 20 more pushes that change ten each."""
    return _life().in_the_end


@figure("memory.1000.growth", unit="MiB", target=30.0)
def growth() -> float:
    """Measure the difference to what it was after the first 5 pushes; a twentieth of the limit is noise."""
    return _life().in_the_end - _life().warmed_up


@cache
def _life() -> _Life:
    life = _Life()
    with running() as house, progress.task("thousand") as show:
        warm(house)
        fleet = Fleet.make(house, "thousand", _NAMES)
        created(house, fleet, _COUNT, wait=True, tell=lambda count: show("Ready", count, _COUNT))
        life.at_first = _memory(house)
        for number in range(_SINGLE):
            show("pushes that change one", number, _SINGLE)
            took, rebuilt = _changed(fleet, [_NAMES[100 * number]], f"single-{number}")
            life.single.append(took)
            life.rebuilt.append(rebuilt)
        life.warmed_up = _memory(house)
        for number in range(_ROUNDS):
            show("pushes that change ten", number, _ROUNDS)
            names = _NAMES[number :: _COUNT // _CHANGED]
            with fleet.ready(names, beyond=fleet.sha) as arrivals:
                _push(fleet, names, f"round-{number}")
                arrivals.wait(WITHIN)
        _changed(fleet, _NAMES[:1], "last")
        life.in_the_end = _memory(house)
    return life


def _changed(fleet: Fleet, names: list[str], version: str) -> tuple[float, int]:
    """Push a change to some; returns when the last of them was Ready, and how many others were built.

    Returns only when all have been told of the new revision.
    """
    why: dict[str, str] = {}

    def has_been_told(obj: Object) -> bool:
        if not is_ready(obj) or is_at(obj, before):
            return False
        status = obj["status"]
        why[obj["metadata"]["name"]] = built(status["history"], status["lastAppliedRevision"])
        return True

    before = fleet.sha
    with fleet.watching(_NAMES, READY, has_been_told) as arrivals:
        began = time.monotonic()
        _push(fleet, names, version)
        arrivals.wait(_TOLD_WITHIN)
    others = sum(why[name].startswith("rebuilt") for name in _NAMES if name not in names)
    return max(arrivals.at[name] for name in names) - began, others


def _push(fleet: Fleet, names: list[str], version: str) -> None:
    fleet.push({file_of(name): manifests(version) for name in names})


def _memory(house: House) -> float:
    time.sleep(_SETTLE)
    each = house.memory()
    said = ", ".join(f"{name} {mebibytes:.0f}" for name, mebibytes in each.items())
    progress.say(f"memory in MiB: {said}")
    return sum(each.values())
