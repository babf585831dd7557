# SPDX-License-Identifier: Apache-2.0
"""The health of what runs pods, read off its status counters as kstatus does.

The order of the rules is part of the answer: of several reasons to wait, the first is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.health.fields import conditions, integer, lookup, required_integer, text
from policies.health.verdict import Health, current, failed, in_progress

_NO_DEADLINE = 2**31 - 1  # how the deployment controller spells "no deadline": it then reports no progress


def deployment(obj: Mapping[str, Any]) -> Health:
    progressing = integer(obj, "spec.progressDeadlineSeconds", _NO_DEADLINE) == _NO_DEADLINE
    available = False
    for condition in conditions(obj):
        if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded":
            return failed("Progress deadline exceeded", condition.reason)
        done = condition.status == "True" and condition.reason == "NewReplicaSetAvailable"
        progressing = progressing or (condition.type == "Progressing" and done)
        available = available or (condition.type == "Available" and condition.status == "True")
    if waiting := _deployment_counts(obj):
        return waiting
    if not progressing:
        return in_progress("ReplicaSet not Available", "ReplicaSetNotAvailable")
    if not available:
        return in_progress("Deployment not Available", "DeploymentNotAvailable")
    return current(f"Deployment is available. Replicas: {integer(obj, 'status.replicas', 0)}")


def _deployment_counts(obj: Mapping[str, Any]) -> Health | None:
    wanted, have = integer(obj, "spec.replicas", 1), integer(obj, "status.replicas", 0)
    updated = integer(obj, "status.updatedReplicas", 0)
    return (
        _fewer("Replicas", have, wanted, "LessReplicas")
        or _fewer("Updated", updated, wanted, "LessUpdated")
        or _extra(have, wanted)
        or _fewer("Available", integer(obj, "status.availableReplicas", 0), updated, "LessAvailable")
        or _fewer("Ready", integer(obj, "status.readyReplicas", 0), wanted, "LessReady")
    )


def replica_set(obj: Mapping[str, Any]) -> Health:
    if any(c.type == "ReplicaFailure" and c.status == "True" for c in conditions(obj)):
        return in_progress("Replica Failure condition. Check Pods", "ReplicaFailure")
    wanted, have = integer(obj, "spec.replicas", 1), integer(obj, "status.replicas", 0)
    return (
        _fewer("Labelled", integer(obj, "status.fullyLabeledReplicas", 0), wanted, "LessLabelled")
        or _fewer("Available", integer(obj, "status.availableReplicas", 0), wanted, "LessAvailable")
        or _fewer("Ready", integer(obj, "status.readyReplicas", 0), wanted, "LessReady")
        or _extra(have, wanted)
        or current(f"ReplicaSet is available. Replicas: {have}")
    )


def stateful_set(obj: Mapping[str, Any]) -> Health:
    if text(obj, "spec.updateStrategy.type") == "OnDelete":
        return current("StatefulSet is using the ondelete update strategy")
    wanted, have = integer(obj, "spec.replicas", 1), integer(obj, "status.replicas", 0)
    ready = integer(obj, "status.readyReplicas", 0)
    waiting = (
        _fewer("Replicas", have, wanted, "LessReplicas")
        or _fewer("Ready", ready, wanted, "LessReady")
        or _extra(have, wanted)
    )
    if waiting:
        return waiting
    # The API server fills in a partition of 0, and a count of -1 is no partition to kstatus.
    partition = integer(obj, "spec.updateStrategy.rollingUpdate.partition", -1)
    if partition != -1:
        return _partition(integer(obj, "status.updatedReplicas", 0), wanted - partition)
    if less := _fewer("current", integer(obj, "status.currentReplicas", 0), wanted, "LessCurrent"):
        return less
    if text(obj, "status.currentRevision") != text(obj, "status.updateRevision"):
        return in_progress("Waiting for updated revision to match current", "RevisionMismatch")
    return current(f"All replicas scheduled as expected. Replicas: {have}")


def _partition(updated: int, wanted: int) -> Health:
    waiting = _fewer("updated", updated, wanted, "PartitionRollout")
    return waiting or current(f"Partition rollout complete. updated: {updated}")


def daemon_set(obj: Mapping[str, Any]) -> Health:
    # Everywhere else a missing generation is let pass; here it means that nobody has looked yet.
    if required_integer(obj, "metadata.generation") is None:
        return in_progress(f"{obj.get('kind')} metadata.generation not found", "NoGeneration")
    if required_integer(obj, "status.observedGeneration") is None:
        return in_progress(f"{obj.get('kind')} status.observedGeneration not found", "NoObservedGeneration")
    wanted = integer(obj, "status.desiredNumberScheduled", -1)
    if wanted == -1:
        return in_progress("Missing .status.desiredNumberScheduled", "NoDesiredNumber")
    return (
        _fewer("Current", integer(obj, "status.currentNumberScheduled", 0), wanted, "LessCurrent")
        or _fewer("Updated", integer(obj, "status.updatedNumberScheduled", 0), wanted, "LessUpdated")
        or _fewer("Available", integer(obj, "status.numberAvailable", 0), wanted, "LessAvailable")
        or _fewer("Ready", integer(obj, "status.numberReady", 0), wanted, "LessReady")
        or current(f"All replicas scheduled as expected. Replicas: {wanted}")
    )


def job(obj: Mapping[str, Any]) -> Health:
    """Judge a Job: to kstatus one that runs is current, to Flux only one that is done or suspended."""
    if _suspended(obj):
        return current("Job is suspended")
    parallelism = integer(obj, "spec.parallelism", 1)
    wanted = integer(obj, "spec.completions", parallelism)
    succeeded, lost = integer(obj, "status.succeeded", 0), integer(obj, "status.failed", 0)
    for condition in conditions(obj):
        match condition.type, condition.status:
            case "Complete", "True":
                return current(f"Job Completed. succeeded: {succeeded}/{wanted}")
            case "Failed", "True":
                return failed(f"Job Failed. failed: {lost}/{wanted}", "JobFailed")
    if not text(obj, "status.startTime"):
        return in_progress(f"Job not started. active: 0/{parallelism}", "JobNotStarted")
    active = integer(obj, "status.active", 0)
    message = f"Job in progress. success:{succeeded}, active: {active}, failed: {lost}"
    return in_progress(message, "JobInProgress")


def _suspended(obj: Mapping[str, Any]) -> bool:
    spec = obj.get("spec")
    return isinstance(spec, Mapping) and lookup(spec, "suspend")[0] is True


def _fewer(what: str, count: int, wanted: int, reason: str) -> Health | None:
    return in_progress(f"{what}: {count}/{wanted}", reason) if wanted > count else None


def _extra(have: int, wanted: int) -> Health | None:
    return in_progress(f"Pending termination: {have - wanted}", "ExtraPods") if have > wanted else None
