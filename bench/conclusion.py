# SPDX-License-Identifier: Apache-2.0
"""From the moment at which the last object is as wanted until its Kustomization says Ready."""

from __future__ import annotations

import statistics
from functools import cache

from bench.api import Object
from bench.house import running
from bench.registry import figure
from bench.rounds import WITHIN, created, warm
from bench.workload import Fleet, app_names, file_of, manifests

_TIMES = 20
_NAME = app_names(1)[0]
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
_PEER = "Flux, which looks every 5 s"


@figure("health.concluded.median", unit="s", target=0.1, peer=_PEER)
def median() -> float:
    """Measure the median of 20 pushes: the last pod of a Deployment is there, and the wait is over."""
    return statistics.median(_times())


@figure("health.concluded.worst", unit="s")
def worst() -> float:
    """Measure the worst of 20 pushes."""
    return max(_times())


@cache
def _times() -> list[float]:
    with running() as house:
        warm(house)
        fleet = Fleet.make(house, "health", [_NAME])
        fleet.push({file_of(_NAME): _manifests(0)})
        created(house, fleet, 1, wait=True)
        return [_concluded(fleet, number) for number in range(1, _TIMES + 1)]


def _concluded(fleet: Fleet, number: int) -> float:
    path, before = _DEPLOYMENTS.format(fleet.namespace), fleet.sha
    hint = f'"version":"{number}"'.encode()
    with (
        fleet.house.api.watching(path, {_NAME}, hint=hint, accept=_is_rolled_out) as rolled_out,
        fleet.ready([_NAME], beyond=before) as ready,
    ):
        fleet.push({file_of(_NAME): _manifests(number)})
        ended = ready.wait(WITHIN)
        return ended - rolled_out.wait(WITHIN)


def _manifests(number: int) -> str:
    """Have a pod, which takes longer to come than the run that applies it."""
    return manifests(str(number)).replace("replicas: 0", "replicas: 1")


def _is_rolled_out(obj: Object) -> bool:
    status, generation = obj.get("status") or {}, obj["metadata"]["generation"]
    new = status.get("observedGeneration") == generation and status.get("updatedReplicas") == 1
    return bool(new and status.get("replicas") == 1 and status.get("availableReplicas") == 1)
