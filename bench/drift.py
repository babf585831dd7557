# SPDX-License-Identifier: Apache-2.0
"""A live object is edited by hand: until it is again as Git says."""

from __future__ import annotations

import statistics
import time
from functools import cache

from bench.api import Object, Request
from bench.house import running
from bench.registry import figure
from bench.rounds import WITHIN, created, warm
from bench.workload import Fleet, app_names

_EDITS = 20  # each of another Kustomization's: who is undone again is undone more slowly, on purpose
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
_PEER = "Flux, at the next interval"


@figure("drift.corrected.worst", unit="s", target=1.0, peer=_PEER)
def worst() -> float:
    """Measure the worst of 20 edits."""
    return max(_times())


@figure("drift.corrected.median", unit="s")
def median() -> float:
    """Measure the median of 20 edits."""
    return statistics.median(_times())


@cache
def _times() -> list[float]:
    with running() as house:
        warm(house)
        fleet = Fleet.make(house, "drift", app_names(_EDITS))
        created(house, fleet, _EDITS, wait=True)
        return [_corrected(fleet, name) for name in app_names(_EDITS)]


def _corrected(fleet: Fleet, name: str) -> float:
    path = _DEPLOYMENTS.format(fleet.namespace)
    edit = Request.patch(f"{path}/{name}?fieldManager=kubectl-edit", _template({"version": "by hand"}))
    with fleet.house.api.watching(path, {name}, hint=b'"version":"1"', accept=_is_as_in_git) as arrivals:
        began = time.monotonic()
        fleet.house.api.call(edit)
        return arrivals.wait(WITHIN) - began


def _template(annotations: dict[str, str]) -> Object:
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


def _is_as_in_git(obj: Object) -> bool:
    return bool(obj["spec"]["template"]["metadata"]["annotations"]["version"] == "1")
