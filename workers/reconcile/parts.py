# SPDX-License-Identifier: Apache-2.0
"""The objects a Kustomization applied, as they are now, and what keeps the unhealthy ones down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from policies import inventory
from policies.commit_status import Part
from policies.health import Health, Verdict, texts
from policies.health import status as health
from policies.health.pods import first_trouble
from policies.objects import GroupKind, Object, ObjectRef
from workers.cluster import ApiError, Client, NotFound

_WORKLOADS = frozenset(
    {*(GroupKind("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"))}
    | {GroupKind("batch", "Job")}
)


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
    trouble = "" if found.current or ref.group_kind not in _WORKLOADS else _trouble(client, obj)
    return Part(ref, found, texts.counted(obj), trouble)


def _trouble(client: Client, workload: Object) -> str:
    """Say what keeps the pods of the workload's present template down; older ones do not count."""
    status = workload.get("status") or {}
    selector = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if not selector or not _has_new_pods(workload):
        return ""
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    pods, _ = client.list(
        client.discovery.resource("", "v1", "Pod"),
        namespace=workload["metadata"]["namespace"],
        labels=labels,
    )
    wanted = _images((workload["spec"].get("template") or {}).get("spec") or {})
    # Two pods may be of the same second, so age alone does not tell whose template is newer; images may
    # be changed on admission, so they alone do not either.
    same = [pod for pod in pods if _images(pod["spec"]) == wanted]
    return first_trouble(same or pods, revision=status.get("updateRevision", ""))


def _has_new_pods(workload: Object) -> bool:
    """Tell whether the workload's controller has seen its template and made pods of it."""
    status = workload.get("status") or {}
    if workload["kind"] == "Job":
        return True
    if status.get("observedGeneration") != workload["metadata"].get("generation"):
        return False
    counts = ("updatedReplicas", "updatedNumberScheduled", "fullyLabeledReplicas")
    return any(status.get(count) for count in counts)


def _images(spec: Object) -> list[tuple[str, str]]:
    return [(c["name"], c["image"]) for c in spec.get("containers") or []]
