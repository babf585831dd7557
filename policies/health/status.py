# SPDX-License-Identifier: Apache-2.0
"""Judge any object: what all kinds share first, then its kind's own rules, then its Ready condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from policies import conditions
from policies.health import core, workloads
from policies.health.fields import Unreadable, required_integer, required_text
from policies.health.fields import conditions as conditions_of
from policies.health.verdict import Health, Verdict, current, failed, in_progress
from policies.objects import split_api_version

Rule = Callable[[Mapping[str, Any]], Health]

_RULES: dict[tuple[str, str], Rule] = {
    ("", "ConfigMap"): core.always_ready,
    ("", "Secret"): core.always_ready,
    ("", "Service"): core.service,
    ("", "PersistentVolumeClaim"): core.claim,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("batch", "CronJob"): core.always_ready,
    ("policy", "PodDisruptionBudget"): core.disruption_budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): core.custom_resource_definition,
}


_RBAC = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
# Kinds whose metadata tells how they are: they have neither a rule nor conditions.
BY_METADATA = frozenset(
    {
        *(("", kind) for kind in ("ConfigMap", "Secret", "ServiceAccount", "LimitRange", "ResourceQuota")),
        *(("networking.k8s.io", kind) for kind in ("Ingress", "IngressClass", "NetworkPolicy")),
        *(("rbac.authorization.k8s.io", kind) for kind in _RBAC),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    }
)


def status(obj: Mapping[str, Any], *, now: datetime | None = None) -> Health:
    """Return how a live object is.

    `now` is only asked for by pods that find no node: without it they stay in progress. An object whose
    generation or conditions cannot be read is Unknown, and its message says what is wrong with them.
    """
    try:
        return _status(obj, now)
    except Unreadable as problem:
        return Health(Verdict.UNKNOWN, str(problem))


def _status(obj: Mapping[str, Any], now: datetime | None) -> Health:
    group, _ = split_api_version(str(obj.get("apiVersion", "")))
    kind = (group, obj.get("kind", ""))
    if kind == ("batch", "Job"):
        # Flux judges a Job by its conditions alone: one that deletes itself when done is not Terminating.
        return workloads.job(obj)
    if found := _generic(obj):
        return found
    if kind == ("", "Pod"):
        return core.pod(obj, now)
    rule = _RULES.get(kind)
    return rule(obj) if rule else _by_ready(obj)


def _generic(obj: Mapping[str, Any]) -> Health | None:
    if required_text(obj, "metadata.deletionTimestamp"):
        return Health(Verdict.TERMINATING, "Resource scheduled for deletion")
    generation = required_integer(obj, "metadata.generation")
    observed = required_integer(obj, "status.observedGeneration") if generation is not None else None
    if observed is not None and observed != generation:
        message = (
            f"{obj.get('kind')} generation is {generation}, but latest observed generation is {observed}"
        )
        return in_progress(message, "LatestGenerationNotObserved")
    for condition in conditions_of(obj):
        match condition.type, condition.status:
            case conditions.RECONCILING, "True":
                return in_progress(condition.message, condition.reason)
            case conditions.STALLED, "True":
                return failed(condition.message, condition.reason)
    return None


def _by_ready(obj: Mapping[str, Any]) -> Health:
    for condition in conditions_of(obj):
        match condition.type, condition.status:
            case conditions.READY, "True":
                return current("Resource is Ready")
            case conditions.READY, "False" | "Unknown":
                return in_progress(condition.message, condition.reason)
    return current("Resource is current")
