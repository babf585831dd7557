# SPDX-License-Identifier: Apache-2.0
"""The objects a Kustomization applied, as they are now, and what keeps the unhealthy ones down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from policies import inventory
from policies.commit_status import Part
from policies.health import Health, Verdict, texts
from policies.health import status as health
from policies.health.pods import first_trouble
from policies.objects import Object, ObjectRef
from workers.cluster import ApiError, Client, NotFound

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})


def look(client: Client, pool: ThreadPoolExecutor, kustomization: Object) -> list[Part]:
    """Read everything in the inventory and judge it."""
    return list(pool.map(lambda ref: _part(client, ref), inventory.of(kustomization)))


def _part(client: Client, ref: ObjectRef) -> Part:
    try:
        obj = client.get(ref)
    except NotFound:
        return Part(ref, Health(Verdict.NOT_FOUND, "not found"))
    except ApiError as error:
        return Part(ref, Health(Verdict.UNKNOWN, error.message))
    found = health(obj)
    trouble = "" if found.current or ref.kind not in _WORKLOADS else _trouble(client, obj)
    return Part(ref, found, texts.counted(obj), trouble)


def _trouble(client: Client, workload: Object) -> str:
    selector = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if not selector:
        return ""
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    pods, _ = client.list(
        client.discovery.resource("", "v1", "Pod"), namespace=workload["metadata"]["namespace"], labels=labels
    )
    return first_trouble(pods)
