# SPDX-License-Identifier: Apache-2.0
"""The health of the kinds that run nothing themselves, and of a single pod."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from policies import clock
from policies.health.fields import Unreadable, conditions, text
from policies.health.verdict import Health, current, failed, in_progress

_TIME_TO_SCHEDULE = timedelta(seconds=15)  # so long an autoscaler may take before a pod counts as stuck


def always_ready(obj: Mapping[str, Any]) -> Health:
    return current("Resource is always ready")


def service(obj: Mapping[str, Any]) -> Health:
    if text(obj, "spec.type", "ClusterIP") == "LoadBalancer" and not text(obj, "spec.clusterIP"):
        return in_progress("ClusterIP not set. Service type: LoadBalancer", "NoIPAssigned")
    return current("Service is ready")


def claim(obj: Mapping[str, Any]) -> Health:
    phase = text(obj, "status.phase", "unknown")
    if phase != "Bound":
        return in_progress(f"PVC is not Bound. phase: {phase}", "NotBound")
    return current("PVC is Bound")


def disruption_budget(obj: Mapping[str, Any]) -> Health:
    return current("AllowedDisruptions has been computed.")


def custom_resource_definition(obj: Mapping[str, Any]) -> Health:
    for condition in conditions(obj):
        match condition.type, condition.status:
            case "NamesAccepted", "False":
                return failed(condition.message, condition.reason)
            case "Established", "False" if condition.reason != "Installing":
                return failed(condition.message, condition.reason)
            case "Established", "True":
                return current("CRD is established")
    return in_progress("Install in progress", "Installing")


def pod(obj: Mapping[str, Any], now: datetime | None) -> Health:
    found = conditions(obj)
    match text(obj, "status.phase"):
        case "Succeeded":
            return current("Pod has completed successfully")
        case "Failed":
            # It is over, and that is all kstatus asks of a pod; its Job or ReplicaSet judges the rest.
            return current("Pod has completed, but not successfully")
        case "Running" if any(c.type == "Ready" and c.status == "True" for c in found):
            return current("Pod is Ready")
        case "Running":
            return _running(obj)
        case "Pending" if unschedulable(obj):
            return _unscheduled(obj, now)
        case "Pending":
            return in_progress("Pod is in the Pending phase", "PodPending")
        case "":
            return in_progress("Pod phase not available", "PodNotObserved")
        case phase:
            raise Unreadable(f"unknown phase {phase}")


def unschedulable(obj: Mapping[str, Any]) -> bool:
    """Tell whether the scheduler found no node for a pod."""
    wanted = ("PodScheduled", "False")
    scheduled = next((c for c in conditions(obj) if (c.type, c.status) == wanted), None)
    return scheduled is not None and scheduled.reason == "Unschedulable"


def _running(obj: Mapping[str, Any]) -> Health:
    statuses = obj["status"].get("containerStatuses") or []
    looping = [
        text(container, "name")
        for container in statuses
        if text(container, "state.waiting.reason") == "CrashLoopBackOff"
    ]
    if looping:
        return failed(f"Containers in CrashLoop state: {','.join(looping)}", "ContainerCrashLooping")
    return in_progress("Pod is running but is not Ready", "PodRunningNotReady")


def _unscheduled(obj: Mapping[str, Any], now: datetime | None) -> Health:
    created = text(obj, "metadata.creationTimestamp")
    if now is None or (created and now - _TIME_TO_SCHEDULE < clock.parse(created)):
        return in_progress("Pod has not been scheduled", "PodNotScheduled")
    return failed("Pod could not be scheduled", "PodUnschedulable")
