# SPDX-License-Identifier: Apache-2.0
"""From a push to Ready, and to the final status: one app of four objects, as a person would wait for it.

Measured from outside, on a whole Fairway on a sandbox: the clock runs from before the commit is sent to the
forge until a watch shows Ready, or, in other pushes, until the forge shows the status.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from functools import cache

from bench.api import Object
from bench.house import House, running
from bench.registry import figure
from bench.workload import READY, is_at, is_ready, kustomizations
from sandbox.forge.admin import Forge, Repository
from workers.cluster import Client, connect

_PUSHES = 20
_WITHIN = 30.0  # seconds
_APART = 2.0  # seconds between two; what is said of 36 pushes is all that GitHub takes in a minute
_POLL = 0.005


@dataclass
class _Times:
    """Seconds of each push."""

    ready: list[float] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)


@figure("push.ready.median", unit="s", target=0.5, peer="Flux, at its first look at health", peer_value=0.6)
def ready() -> float:
    """Measure the median over 20 pushes until the Kustomization, with `wait`, is Ready."""
    return statistics.median(_times().ready)


@figure("push.ready.worst", unit="s", target=1.0, peer="Flux, at its second", peer_value=5.6)
def worst_ready() -> float:
    """Measure the worst of them."""
    return max(_times().ready)


@figure("push.success.median", unit="s", target=0.8)
def median() -> float:
    """Measure the median over 20 other pushes until the commit has its success."""
    return statistics.median(_times().success)


@figure("push.success.worst", unit="s", target=1.5)
def worst() -> float:
    """Measure the worst of them."""
    return max(_times().success)


@figure("push.pending.worst", unit="s", target=1.0)
def pending() -> float:
    """Measure how long the first status takes, the worst of them."""
    return max(_times().pending)


@cache
def _times() -> _Times:
    with running() as house:
        forge, client = house.forge, connect(kubeconfig=house.sandbox.kubeconfig, context="fairway-sandbox")
        repo = _follow(forge, client)
        _reported(forge, repo, 0)
        times = _Times()
        before = forge.refs(repo)["refs/heads/main"]
        for number in range(1, _PUSHES + 1):
            time.sleep(_APART)
            took, before = _ready(house, repo, number, before)
            times.ready.append(took)
        for number in range(_PUSHES + 1, 2 * _PUSHES + 1):
            time.sleep(_APART)
            success, first = _reported(forge, repo, number)
            times.success.append(success)
            times.pending.append(first)
    return times


def _ready(house: House, repo: Repository, number: int, before: str) -> tuple[float, str]:
    """Push once; returns the seconds until it is applied and Ready, and the commit."""
    path = kustomizations("bench")

    def accept(obj: Object) -> bool:
        return is_ready(obj) and not is_at(obj, before)

    with house.api.watching(path, {"bench"}, hint=READY, accept=accept) as arrivals:
        started = time.monotonic()
        sha = _commit(house.forge, repo, number)
        return arrivals.wait(_WITHIN) - started, sha


def _commit(forge: Forge, repo: Repository, number: int) -> str:
    files = {"app/web.yaml": _DEPLOYMENT.replace("VERSION", str(number))}
    return forge.commit(repo, files, f"Version {number}")


def _reported(forge: Forge, repo: Repository, number: int) -> tuple[float, float]:
    """Push once; returns the seconds to the success and to the first status."""
    started, first = time.monotonic(), 0.0
    sha = _commit(forge, repo, number)
    while (now := time.monotonic()) - started < _WITHIN:
        statuses = forge.statuses(repo, sha)
        if statuses and not first:
            first = now - started
        if statuses and statuses[-1]["state"] == "success":
            return time.monotonic() - started, first
        if statuses and statuses[-1]["state"] in ("failure", "error"):
            raise RuntimeError(f"push {number} failed: {statuses[-1]['description']}")
        time.sleep(_POLL)
    raise RuntimeError(f"push {number} had no final status within {_WITHIN:.0f} s")


def _follow(forge: Forge, client: Client) -> Repository:
    repo = forge.create_repository("acme", "bench", files={"app/others.yaml": _OTHERS})
    forge.install(forge.app("fairway"), "acme")
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}})
    metadata = {"name": "bench", "namespace": "bench"}
    client.create(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": metadata,
            "spec": {"url": repo.clone_url, "ref": {"branch": "main"}, "interval": "10m"},
        }
    )
    client.create(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": {
                "sourceRef": {"kind": "GitRepository", "name": "bench"},
                "path": "./app",
                "targetNamespace": "bench",
                "interval": "10m",
                "prune": True,
                "wait": True,
            },
        }
    )
    return repo


_DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
      - {name: web, image: 'ghcr.io/acme/web:VERSION'}
"""
_OTHERS = """apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: web, port: {number: 80}}}
"""
