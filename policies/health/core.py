# SPDX-License-Identifier: Apache-2.0
"""The health of the kinds that run nothing themselves, and of a single pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies import conditions
from policies.health.verdict import Health, current, failed, in_progress


def always_ready(obj: Mapping[str, Any]) -> Health:
    return current("Resource is always ready")


def service(obj: Mapping[str, Any]) -> Health:
    spec = obj.get("spec") or {}
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return in_progress("ClusterIP not set. Service type: LoadBalancer")
    return current("Service is ready")


def claim(obj: Mapping[str, Any]) -> Health:
    phase = (obj.get("status") or {}).get("phase", "unknown")
    return current("PVC is Bound") if phase == "Bound" else in_progress(f"PVC is not Bound. phase: {phase}")


def disruption_budget(obj: Mapping[str, Any]) -> Health:
    return current("AllowedDisruptions has been computed.")


def custom_resource_definition(obj: Mapping[str, Any]) -> Health:
    found = conditions.of(obj)
    names = conditions.find(found, "NamesAccepted") or {}
    if names.get("status") == "False":
        return failed(names.get("message", "names not accepted"))
    established = conditions.find(found, "Established") or {}
    if established.get("status") == "True":
        return current("CRD is established")
    if established.get("status") == "False" and established.get("reason") != "Installing":
        return failed(established.get("message", "not established"))
    return in_progress("Install in progress")


def pod(obj: Mapping[str, Any]) -> Health:
    status = obj.get("status") or {}
    found = conditions.of(obj)
    match status.get("phase", ""):
        case "Succeeded":
            return current("Pod has completed successfully")
        case "Failed":
            return failed("Pod has completed, but not successfully")
        case "Running":
            if conditions.is_true(found, conditions.READY):
                return current("Pod is Ready")
            if looping := _crash_looping(status):
                return failed(f"Containers in CrashLoop state: {','.join(looping)}")
            return in_progress("Pod is running but is not Ready")
        case "Pending":
            scheduled = conditions.find(found, "PodScheduled") or {}
            if scheduled.get("status") == "False":
                return in_progress("Pod has not been scheduled")
            return in_progress("Pod is in the Pending phase")
        case phase:
            return in_progress(f"Pod has unknown phase {phase}".rstrip())


def _crash_looping(status: Mapping[str, Any]) -> list[str]:
    return [
        container["name"]
        for container in status.get("containerStatuses") or []
        if ((container.get("state") or {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    ]
