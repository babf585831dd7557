# SPDX-License-Identifier: Apache-2.0
"""The objects a Kustomization applied, as they are now, and what keeps the unhealthy ones down."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from policies import inventory, ledger
from policies.commit_status import Part
from policies.errors import FairwayError
from policies.health import Health, Verdict, forgive_vanished, texts
from policies.health.pods import first_trouble
from policies.kustomization import elsewhere
from policies.objects import GroupKind, Object, ObjectRef
from workers.cluster import ApiError, Client, Forbidden, NotFound
from workers.context import Context
from workers.reconcile import vanishing as vanishing_jobs
from workers.reconcile.judging import Judge
from workers.reconcile.target import target_of

log = logging.getLogger(__name__)
_WITHIN = 10.0  # seconds that a look at another cluster may take; what is not read by then is not known
_WORKLOADS = frozenset(
    {*(GroupKind("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"))}
    | {GroupKind("batch", "Job")}
)


def of(context: Context, kustomization: Object) -> list[Part]:
    """Read what a Kustomization applied, on whichever cluster, and judge it; another one cannot fail us.

    It is read as the account it is applied as: an inventory also names what was tried and refused, and what
    is seen is told to whoever may see the repository.
    """
    judge = Judge(context.engine, kustomization["spec"], now=context.now())
    gone = vanishing_jobs.of(context.redis, ObjectRef.of(kustomization))
    if not elsewhere(kustomization) and (seen := _seen(context, kustomization, judge)):
        return seen
    try:
        target = target_of(context, kustomization)
    except FairwayError as error:
        return _unknown(kustomization, str(error))
    if not elsewhere(kustomization):
        return look(target.client, target.pool, kustomization, judge, vanishing=gone)
    try:
        return look(target.client, target.pool, kustomization, judge, vanishing=gone, within=_WITHIN)
    except FairwayError as error:
        return _unknown(kustomization, str(error))
    except Exception:
        # Whoever runs that server decides what it answers; the other Kustomizations' news must not end here.
        log.exception("what another cluster answered cannot be read")
        return _unknown(kustomization, "what the cluster answered cannot be read")


def _seen(context: Context, kustomization: Object, judge: Judge) -> list[Part] | None:
    """Return the parts as `watch` has seen them, if all of them are well: trouble is worth a look."""
    refs, metadata = inventory.of(kustomization), kustomization["metadata"]
    known = context.ledger.of((metadata["namespace"], metadata["name"]))
    found = []
    for ref in refs:
        health = None if judge.has_rule(ref) else ledger.verdict(known, ref.id)
        if health is None or not health.current:
            return None
        found.append(Part(ref, health, known.seen[ref.id].count))
    return found


def look(
    client: Client,
    pool: ThreadPoolExecutor,
    kustomization: Object,
    judge: Judge,
    *,
    vanishing: Collection[ObjectRef] = (),
    within: float = float("inf"),
) -> list[Part]:
    """Read everything in the inventory and judge it; after `within` seconds the rest is left unknown.

    Those Jobs that were `vanishing` may be gone.
    """
    until = time.monotonic() + within
    refs = inventory.of(kustomization)
    found = list(pool.map(lambda ref: _read(client, ref, until), refs))
    missing = {ref: one for ref, one in zip(refs, found, strict=True) if isinstance(one, Health)}
    missing = forgive_vanished(missing, vanishing)
    healths = iter(judge.healths([one for one in found if not isinstance(one, Health)]))
    judged = [
        missing[ref] if isinstance(one, Health) else (one, next(healths))
        for ref, one in zip(refs, found, strict=True)
    ]
    return list(pool.map(lambda ref, one: _part(client, ref, one, until), refs, judged))


def _unknown(kustomization: Object, why: str) -> list[Part]:
    return [Part(ref, Health(Verdict.UNKNOWN, why)) for ref in inventory.of(kustomization)]


def _read(client: Client, ref: ObjectRef, until: float) -> Object | Health:
    if time.monotonic() > until:
        return Health(Verdict.UNKNOWN, "the cluster is too slow to be asked")
    try:
        return client.get(ref)
    except NotFound:
        return Health(Verdict.NOT_FOUND, "not found")
    except ApiError as error:
        return Health(Verdict.UNKNOWN, error.message)


def _part(client: Client, ref: ObjectRef, found: Health | tuple[Object, Health], until: float) -> Part:
    if isinstance(found, Health):
        return Part(ref, found)
    (obj, health), trouble = found, ""
    if not health.current and ref.group_kind in _WORKLOADS and time.monotonic() <= until:
        # An account may be let to apply workloads and not to see their pods.
        with contextlib.suppress(Forbidden):
            trouble = _trouble(client, obj)
    return Part(ref, health, texts.counted(obj), trouble)


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
