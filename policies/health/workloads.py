# SPDX-License-Identifier: Apache-2.0
"""The health of what runs pods, read off its status counters as kstatus does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies import conditions
from policies.health.verdict import Health, current, failed, in_progress

_NO_DEADLINE = 2**31 - 1


def deployment(obj: Mapping[str, Any]) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    found = conditions.of(obj)
    progressing = conditions.find(found, "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return failed("Progress deadline exceeded")
    wanted, have = spec.get("replicas", 1), status.get("replicas", 0)
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    available = status.get("availableReplicas", 0)
    if wanted > have:
        return in_progress(f"replicas: {have}/{wanted}")
    if wanted > updated:
        return in_progress(f"Updated: {updated}/{wanted}")
    if have > wanted:
        return in_progress(f"Pending termination: {have - wanted}")
    if updated > available:
        return in_progress(f"Available: {available}/{updated}")
    if wanted > ready:
        return in_progress(f"Ready: {ready}/{wanted}")
    unlimited = spec.get("progressDeadlineSeconds", _NO_DEADLINE) == _NO_DEADLINE
    if not unlimited and progressing.get("status") != "True":
        return in_progress("ReplicaSet not Available")
    if not conditions.is_true(found, "Available"):
        return in_progress("Deployment not Available")
    return current(f"Deployment is available. Replicas: {have}")


def replica_set(obj: Mapping[str, Any]) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if conditions.is_true(conditions.of(obj), "ReplicaFailure"):
        return in_progress("Replica Failure condition. Check Pods")
    wanted, have = spec.get("replicas", 1), status.get("replicas", 0)
    for name, count in (
        ("Labelled", status.get("fullyLabeledReplicas", 0)),
        ("Available", status.get("availableReplicas", 0)),
        ("Ready", status.get("readyReplicas", 0)),
    ):
        if wanted > count:
            return in_progress(f"{name}: {count}/{wanted}")
    if have > wanted:
        return in_progress(f"Pending termination: {have - wanted}")
    return current(f"ReplicaSet is available. Replicas: {have}")


def stateful_set(obj: Mapping[str, Any]) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return current("StatefulSet is using the ondelete update strategy")
    wanted, have = spec.get("replicas", 1), status.get("replicas", 0)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if wanted > have:
        return in_progress(f"Replicas: {have}/{wanted}")
    if wanted > ready:
        return in_progress(f"Ready: {ready}/{wanted}")
    if have > wanted:
        return in_progress(f"Pending termination: {have - wanted}")
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    if partition > 0:
        if updated < wanted - partition:
            return in_progress(f"updated: {updated}/{wanted - partition}")
        return current(f"Partition rollout complete. updated: {updated}")
    if wanted > status.get("currentReplicas", 0):
        return in_progress(f"current: {status.get('currentReplicas', 0)}/{wanted}")
    if status.get("currentRevision") != status.get("updateRevision"):
        return in_progress("Waiting for updated revision to match current")
    return current(f"All replicas scheduled as expected. Replicas: {have}")


def daemon_set(obj: Mapping[str, Any]) -> Health:
    status = obj.get("status") or {}
    wanted = status.get("desiredNumberScheduled")
    if wanted is None or "observedGeneration" not in status:
        return in_progress("Missing .status.desiredNumberScheduled")
    for name, count in (
        ("Current", status.get("currentNumberScheduled", 0)),
        ("Updated", status.get("updatedNumberScheduled", 0)),
        ("Available", status.get("numberAvailable", 0)),
        ("Ready", status.get("numberReady", 0)),
    ):
        if wanted > count:
            return in_progress(f"{name}: {count}/{wanted}")
    return current(f"All replicas scheduled as expected. Replicas: {wanted}")


def job(obj: Mapping[str, Any]) -> Health:
    """A running Job is in progress: Flux differs from kstatus here, which calls it current."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    wanted = spec.get("completions", spec.get("parallelism", 1))
    succeeded, lost = status.get("succeeded", 0), status.get("failed", 0)
    found = conditions.of(obj)
    if conditions.is_true(found, "Complete"):
        return current(f"Job Completed. succeeded: {succeeded}/{wanted}")
    if conditions.is_true(found, "Failed"):
        return failed(f"Job Failed. failed: {lost}/{wanted}")
    if not status.get("startTime"):
        return in_progress("Job not started")
    return in_progress(
        f"Job in progress. success:{succeeded}, active: {status.get('active', 0)}, failed: {lost}"
    )
