# SPDX-License-Identifier: Apache-2.0
"""From a push to the final status: four objects, one after the other, as a person would wait for it.

Measured from outside, on a whole Fairway on a sandbox: the clock runs from before the commit is sent to the
forge until the forge shows the status.
"""

from __future__ import annotations

import statistics
import time
from functools import cache

from bench.house import running
from bench.registry import figure
from sandbox.forge.admin import Forge, Repository
from workers.cluster import Client, connect

_PUSHES = 20
_WITHIN = 30.0  # seconds
_POLL = 0.005


@figure("push.success.median", unit="s", target=0.8, peer="Flux, push to Ready", peer_value=0.6)
def median() -> float:
    """Measure the median over 20 pushes."""
    return statistics.median(_times()[0])


@figure("push.success.worst", unit="s", target=1.5, peer="Flux, push to Ready", peer_value=5.6)
def worst() -> float:
    """Measure the worst of 20 pushes."""
    return max(_times()[0])


@figure("push.pending.worst", unit="s", target=1.0)
def pending() -> float:
    """Measure how long the first status takes, the worst of 20 pushes."""
    return max(_times()[1])


@cache
def _times() -> tuple[list[float], list[float]]:
    with running() as house:
        forge, client = house.forge, connect(kubeconfig=house.sandbox.kubeconfig, context="fairway-sandbox")
        repo = _follow(forge, client)
        _push(forge, repo, 0)
        measured = [_push(forge, repo, number) for number in range(1, _PUSHES + 1)]
    return [final for final, _ in measured], [first for _, first in measured]


def _push(forge: Forge, repo: Repository, number: int) -> tuple[float, float]:
    """Push once; returns the seconds to the success and to the first status."""
    files = {"app/web.yaml": _DEPLOYMENT.replace("VERSION", str(number))}
    started, first = time.monotonic(), 0.0
    sha = forge.commit(repo, files, f"Version {number}")
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
