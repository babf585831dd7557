# SPDX-License-Identifier: Apache-2.0
"""Judge any object: what all kinds share first, then its kind's own rules, then its Ready condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policies import conditions
from policies.health import core, workloads
from policies.health.verdict import Health, Verdict, current, failed, in_progress
from policies.objects import split_api_version

Rule = Callable[[Mapping[str, Any]], Health]

_RULES: dict[tuple[str, str], Rule] = {
    ("", "ConfigMap"): core.always_ready,
    ("", "Secret"): core.always_ready,
    ("", "Service"): core.service,
    ("", "Pod"): core.pod,
    ("", "PersistentVolumeClaim"): core.claim,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("batch", "Job"): workloads.job,
    ("batch", "CronJob"): core.always_ready,
    ("policy", "PodDisruptionBudget"): core.disruption_budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): core.custom_resource_definition,
}


def status(obj: Mapping[str, Any]) -> Health:
    """Return how the object is."""
    if found := _generic(obj):
        return found
    group, _ = split_api_version(obj.get("apiVersion", ""))
    rule = _RULES.get((group, obj.get("kind", "")))
    if rule is not None:
        return rule(obj)
    ready = conditions.find(conditions.of(obj), conditions.READY)
    if ready and ready.get("status") != "True":
        return in_progress(ready.get("message") or ready.get("reason") or "not ready")
    return current("Resource is current")


def _generic(obj: Mapping[str, Any]) -> Health | None:
    if obj["metadata"].get("deletionTimestamp"):
        return Health(Verdict.TERMINATING, "Resource scheduled for deletion")
    observed = (obj.get("status") or {}).get("observedGeneration")
    generation = obj["metadata"].get("generation")
    if isinstance(observed, int) and isinstance(generation, int) and observed != generation:
        return in_progress(
            f"{obj.get('kind')} generation is {generation}, but latest observed generation is {observed}"
        )
    for condition in conditions.of(obj):
        if condition.get("status") == "True":
            if condition.get("type") == conditions.RECONCILING:
                return in_progress(condition.get("message", ""))
            if condition.get("type") == conditions.STALLED:
                return failed(condition.get("message", ""))
    return None
