# SPDX-License-Identifier: Apache-2.0
"""The yardstick of this machine: a client that does nothing but send what 100 Kustomizations need.

Two status patches, four dry-runs and four applies for each, on 16 connections, to the API server of a
sandbox on which no Fairway runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import yaml

from bench.api import APPLY, Object, Request
from bench.house import House, bare
from bench.registry import figure
from bench.workload import app_names, kustomization, kustomizations, manifests

_COUNT, _CONNECTIONS, _ROUNDS = 100, 16, 3
_PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
}
_SINCE = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class _Sent:
    seconds: float
    own: float
    api_server: float


@figure("floor.seconds", unit="s")
def seconds() -> float:
    """Measure how long the requests of 100 take; the median of 3."""
    return _median(lambda sent: sent.seconds)


@figure("floor.client_cpu", unit="s")
def client_cpu() -> float:
    """Measure the client's own CPU for them; the median of 3."""
    return _median(lambda sent: sent.own)


@figure("floor.api_server_cpu", unit="s")
def api_server_cpu() -> float:
    """Measure the CPU of the API server and etcd for them; the median of 3."""
    return _median(lambda sent: sent.api_server)


def _median(what: Callable[[_Sent], float]) -> float:
    return statistics.median(what(sent) for sent in _rounds())


@cache
def _rounds() -> list[_Sent]:
    with bare() as house:
        _sent(house, "warm")
        return [_sent(house, f"floor-{number}") for number in range(_ROUNDS)]


def _sent(house: House, namespace: str) -> _Sent:
    names = app_names(_COUNT)
    house.api.call(Request.create("/api/v1/namespaces", {"metadata": {"name": namespace}}))
    path = kustomizations(namespace)
    house.api.send([Request.create(path, kustomization(name, namespace)) for name in names])
    batches = [needed(name, namespace) for name in names]
    before, own, began = house.used(), time.process_time(), time.monotonic()
    house.api.send_batches(batches, connections=_CONNECTIONS)
    took, own = time.monotonic() - began, time.process_time() - own
    return _Sent(took, own, house.used().since(before).api_server)


def needed(name: str, namespace: str) -> list[Request]:
    """Return what one Kustomization needs, in its order."""
    objects = [_labelled(obj, name, namespace) for obj in yaml.safe_load_all(_rendered(name))]
    status = f"{kustomizations(namespace)}/{name}/status?fieldManager=gotk-kustomize-controller"
    return [
        Request.patch(status, {"status": _status("Unknown", "Progressing", objects)}),
        *(_apply(obj, "&dryRun=All") for obj in objects),
        *(_apply(obj) for obj in objects),
        Request.patch(status, {"status": _status("True", "ReconciliationSucceeded", objects)}),
    ]


def _rendered(name: str) -> str:
    return manifests("1").replace("${NAME}", name).replace("${CPU}", "1m")


def _labelled(obj: Object, owner: str, namespace: str) -> Object:
    prefix = "kustomize.toolkit.fluxcd.io"
    labels = {f"{prefix}/name": owner, f"{prefix}/namespace": namespace}
    obj["metadata"] |= {"namespace": namespace, "labels": labels}
    return obj


def _apply(obj: Object, more: str = "") -> Request:
    path = _PATHS[obj["kind"]].format(obj["metadata"]["namespace"])
    query = f"fieldManager=kustomize-controller&force=true{more}"
    return Request.patch(f"{path}/{obj['metadata']['name']}?{query}", obj, APPLY)


def _status(ready: str, reason: str, objects: list[Object]) -> Object:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": "Applied revision: main@sha1:" + 40 * "0",
        "lastTransitionTime": _SINCE,
        "observedGeneration": 1,
    }
    entries = [
        {"id": f"{obj['metadata']['namespace']}_{obj['metadata']['name']}__{obj['kind']}", "v": "v1"}
        for obj in objects
    ]
    return {"observedGeneration": 1, "conditions": [condition], "inventory": {"entries": entries}}
