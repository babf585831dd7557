# SPDX-License-Identifier: Apache-2.0
"""Live objects in every state the health rules know, with the answer each must get."""

from __future__ import annotations

from typing import Any, NamedTuple

Object = dict[str, Any]
NOW = "2026-03-01T12:00:00Z"
_ABSENT: Any = object()


class Case(NamedTuple):
    id: str
    obj: Object
    verdict: str
    message: str
    reason: str = ""


def live(kind: str, status: Any = None, spec: Object | None = None, **metadata: Any) -> Object:
    api_version, _, kind = kind.rpartition("/")
    named = {"name": "web", "namespace": "apps", "generation": 3, **metadata}
    obj: Object = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {key: value for key, value in named.items() if value is not _ABSENT},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **(spec or {})},
    }
    if status is not None:
        obj["status"] = status
    return obj


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def deployment(
    *conditions: Object, replicas: int | None = 2, deadline: int | None = 600, **counts: int
) -> Object:
    spec = {"replicas": replicas, "progressDeadlineSeconds": deadline}
    names = {"have": "replicas"} | {n: f"{n}Replicas" for n in ("updated", "ready", "available")}
    counters = {name: counts.get(short, 2) for short, name in names.items()}
    return live(
        "apps/v1/Deployment",
        {"observedGeneration": 3, "conditions": list(conditions), **counters},
        {k: v for k, v in spec.items() if v is not None},
    )


def stateful_set(spec: Object | None = None, **counts: Any) -> Object:
    counters = {f"{n}Replicas": counts.pop(n, 2) for n in ("ready", "current", "updated")}
    status = {"observedGeneration": 3, "replicas": counts.pop("have", 2), **counters, **counts}
    return live("apps/v1/StatefulSet", status, {"replicas": 2, **(spec or {})})


def daemon_set(**counts: int) -> Object:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    full = dict.fromkeys((*names, "numberReady"), 3)
    return live("apps/v1/DaemonSet", {"observedGeneration": 3, **full, **counts})


def pod(phase: str = "Running", *conditions: Object, waiting: str = "", created: str = NOW) -> Object:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {
        "phase": phase,
        "conditions": list(conditions),
        "containerStatuses": [{"name": "web", "image": "web:1", "state": state}],
    }
    return live("v1/Pod", status, creationTimestamp=created)


AVAILABLE = condition("Available", "True")
ROLLED_OUT = condition("Progressing", "True", "NewReplicaSetAvailable")
UNSCHEDULABLE = condition("PodScheduled", "False", "Unschedulable")
_BOUND = {"phase": "Bound"}
_STARTED = {"startTime": NOW, "active": 1, "failed": 2}
_ROLLING = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}
_ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}
_MAX = 2**31 - 1
_CUSTOM = "example.com/v1/Gadget"
_CRD = "apiextensions.k8s.io/v1/CustomResourceDefinition"
_CURRENT, _WAITS, _FAILED, _UNKNOWN = "Current", "InProgress", "Failed", "Unknown"

DEPLOYMENTS = [
    Case("rolled out", deployment(AVAILABLE, ROLLED_OUT), _CURRENT, "Deployment is available. Replicas: 2"),
    Case("no status yet", live("apps/v1/Deployment"), _WAITS, "Replicas: 0/1", "LessReplicas"),
    Case("too few", deployment(have=1), _WAITS, "Replicas: 1/2", "LessReplicas"),
    Case("too few of the new", deployment(updated=1), _WAITS, "Updated: 1/2", "LessUpdated"),
    Case("old ones left", deployment(have=3), _WAITS, "Pending termination: 1", "ExtraPods"),
    Case("not available", deployment(available=0), _WAITS, "Available: 0/2", "LessAvailable"),
    Case("not ready", deployment(ready=1), _WAITS, "Ready: 1/2", "LessReady"),
    Case(
        "progress not reported",
        deployment(AVAILABLE, condition("Progressing", "True", "ReplicaSetUpdated")),
        _WAITS,
        "ReplicaSet not Available",
        "ReplicaSetNotAvailable",
    ),
    Case(
        "no condition Available",
        deployment(ROLLED_OUT),
        _WAITS,
        "Deployment not Available",
        "DeploymentNotAvailable",
    ),
    Case(
        "no deadline, no progress",
        deployment(AVAILABLE, deadline=_MAX),
        _CURRENT,
        "Deployment is available. Replicas: 2",
    ),
    Case(
        "deadline exceeded",
        deployment(AVAILABLE, condition("Progressing", "False", "ProgressDeadlineExceeded"), ready=0),
        _FAILED,
        "Progress deadline exceeded",
        "ProgressDeadlineExceeded",
    ),
    Case(
        "scaled to nothing",
        deployment(AVAILABLE, ROLLED_OUT, replicas=0, have=0, updated=0, ready=0, available=0),
        _CURRENT,
        "Deployment is available. Replicas: 0",
    ),
]

REPLICA_SETS = [
    Case("no status yet", live("apps/v1/ReplicaSet"), _WAITS, "Labelled: 0/1", "LessLabelled"),
    Case(
        "not available",
        live("apps/v1/ReplicaSet", {"fullyLabeledReplicas": 1, "replicas": 1}),
        _WAITS,
        "Available: 0/1",
        "LessAvailable",
    ),
    Case(
        "not ready",
        live("apps/v1/ReplicaSet", {"fullyLabeledReplicas": 1, "availableReplicas": 1}),
        _WAITS,
        "Ready: 0/1",
        "LessReady",
    ),
    Case(
        "too many",
        live("apps/v1/ReplicaSet", {"replicas": 2}, {"replicas": 0}),
        _WAITS,
        "Pending termination: 2",
        "ExtraPods",
    ),
    Case(
        "cannot make pods",
        live("apps/v1/ReplicaSet", {"conditions": [condition("ReplicaFailure", "True")]}),
        _WAITS,
        "Replica Failure condition. Check Pods",
        "ReplicaFailure",
    ),
    Case(
        "complete",
        live("apps/v1/ReplicaSet", {"replicas": 0}, {"replicas": 0}),
        _CURRENT,
        "ReplicaSet is available. Replicas: 0",
    ),
]

STATEFUL_SETS = [
    Case("complete", stateful_set(), _CURRENT, "All replicas scheduled as expected. Replicas: 2"),
    Case(
        "updated by hand",
        stateful_set(_ON_DELETE, ready=0),
        _CURRENT,
        "StatefulSet is using the ondelete update strategy",
    ),
    Case("too few", stateful_set(have=1), _WAITS, "Replicas: 1/2", "LessReplicas"),
    Case("not ready", stateful_set(ready=1), _WAITS, "Ready: 1/2", "LessReady"),
    Case("too many", stateful_set(have=3), _WAITS, "Pending termination: 1", "ExtraPods"),
    Case("partition behind", stateful_set(_ROLLING, updated=0), _WAITS, "updated: 0/1", "PartitionRollout"),
    Case(
        "partition done",
        stateful_set(_ROLLING, updated=1),
        _CURRENT,
        "Partition rollout complete. updated: 1",
    ),
    Case("few of the current", stateful_set(current=1), _WAITS, "current: 1/2", "LessCurrent"),
    Case(
        "between revisions",
        stateful_set(currentRevision="a", updateRevision="b"),
        _WAITS,
        "Waiting for updated revision to match current",
        "RevisionMismatch",
    ),
]

DAEMON_SETS = [
    Case("complete", daemon_set(), _CURRENT, "All replicas scheduled as expected. Replicas: 3"),
    Case(
        "no nodes",
        daemon_set(desiredNumberScheduled=0),
        _CURRENT,
        "All replicas scheduled as expected. Replicas: 0",
    ),
    Case(
        "not looked at",
        live("apps/v1/DaemonSet"),
        _WAITS,
        "DaemonSet status.observedGeneration not found",
        "NoObservedGeneration",
    ),
    Case(
        "without generation",
        live("apps/v1/DaemonSet", {"observedGeneration": 3}, generation=_ABSENT),
        _WAITS,
        "DaemonSet metadata.generation not found",
        "NoGeneration",
    ),
    Case(
        "no counter",
        live("apps/v1/DaemonSet", {"observedGeneration": 3}),
        _WAITS,
        "Missing .status.desiredNumberScheduled",
        "NoDesiredNumber",
    ),
    Case("not made", daemon_set(currentNumberScheduled=1), _WAITS, "Current: 1/3", "LessCurrent"),
    Case("not updated", daemon_set(updatedNumberScheduled=2), _WAITS, "Updated: 2/3", "LessUpdated"),
    Case("not available", daemon_set(numberAvailable=0), _WAITS, "Available: 0/3", "LessAvailable"),
    Case("not ready", daemon_set(numberReady=2), _WAITS, "Ready: 2/3", "LessReady"),
]

JOBS = [
    Case("not started", live("batch/v1/Job"), _WAITS, "Job not started. active: 0/1", "JobNotStarted"),
    Case(
        "wide, not started",
        live("batch/v1/Job", spec={"parallelism": 4}),
        _WAITS,
        "Job not started. active: 0/4",
        "JobNotStarted",
    ),
    Case(
        "runs",
        live("batch/v1/Job", _STARTED),
        _WAITS,
        "Job in progress. success:0, active: 1, failed: 2",
        "JobInProgress",
    ),
    Case(
        "done",
        live(
            "batch/v1/Job",
            {"succeeded": 3, "conditions": [condition("Complete", "True")]},
            {"parallelism": 3},
        ),
        _CURRENT,
        "Job Completed. succeeded: 3/3",
    ),
    Case(
        "failed",
        live(
            "batch/v1/Job", {"failed": 4, "conditions": [condition("Failed", "True", "BackoffLimitExceeded")]}
        ),
        _FAILED,
        "Job Failed. failed: 4/1",
        "JobFailed",
    ),
    Case("suspended", live("batch/v1/Job", spec={"suspend": True}), _CURRENT, "Job is suspended"),
    Case(
        "done and being deleted by its TTL",
        live(
            "batch/v1/Job",
            {"succeeded": 1, "conditions": [condition("Complete", "True")]},
            deletionTimestamp=NOW,
        ),
        _CURRENT,
        "Job Completed. succeeded: 1/1",
    ),
    Case("a schedule", live("batch/v1/CronJob", {}), _CURRENT, "Resource is always ready"),
]

PODS = [
    Case("ready", pod("Running", condition("Ready", "True")), _CURRENT, "Pod is Ready"),
    Case("succeeded", pod("Succeeded"), _CURRENT, "Pod has completed successfully"),
    Case("failed", pod("Failed"), _CURRENT, "Pod has completed, but not successfully"),
    Case("runs", pod("Running"), _WAITS, "Pod is running but is not Ready", "PodRunningNotReady"),
    Case(
        "pulls",
        pod("Pending", waiting="ContainerCreating"),
        _WAITS,
        "Pod is in the Pending phase",
        "PodPending",
    ),
    Case("not seen", live("v1/Pod"), _WAITS, "Pod phase not available", "PodNotObserved"),
    Case(
        "crashes",
        pod("Running", condition("Ready", "False"), waiting="CrashLoopBackOff"),
        _FAILED,
        "Containers in CrashLoop state: web",
        "ContainerCrashLooping",
    ),
    Case(
        "finds no node",
        pod("Pending", UNSCHEDULABLE, created="2026-03-01T11:59:00Z"),
        _FAILED,
        "Pod could not be scheduled",
        "PodUnschedulable",
    ),
    Case(
        "not scheduled, other reason",
        pod("Pending", condition("PodScheduled", "False", "SchedulingGated")),
        _WAITS,
        "Pod is in the Pending phase",
        "PodPending",
    ),
    Case("an unknown phase", pod("Resting"), _UNKNOWN, "unknown phase Resting"),
]

OTHERS = [
    Case("ConfigMap", live("v1/ConfigMap"), _CURRENT, "Resource is always ready"),
    Case("Secret", live("v1/Secret"), _CURRENT, "Resource is always ready"),
    Case("Namespace", live("v1/Namespace", {"phase": "Active"}), _CURRENT, "Resource is current"),
    Case(
        "Ingress without address",
        live("networking.k8s.io/v1/Ingress", {"loadBalancer": {}}),
        _CURRENT,
        "Resource is current",
    ),
    Case("Service", live("v1/Service", spec={"type": "ClusterIP"}), _CURRENT, "Service is ready"),
    Case("Service without type", live("v1/Service"), _CURRENT, "Service is ready"),
    Case(
        "load balancer",
        live("v1/Service", spec={"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
        _CURRENT,
        "Service is ready",
    ),
    Case(
        "load balancer without address",
        live("v1/Service", spec={"type": "LoadBalancer"}),
        _WAITS,
        "ClusterIP not set. Service type: LoadBalancer",
        "NoIPAssigned",
    ),
    Case("bound claim", live("v1/PersistentVolumeClaim", _BOUND), _CURRENT, "PVC is Bound"),
    Case(
        "pending claim",
        live("v1/PersistentVolumeClaim", {"phase": "Pending"}),
        _WAITS,
        "PVC is not Bound. phase: Pending",
        "NotBound",
    ),
    Case(
        "new claim", live("v1/PersistentVolumeClaim"), _WAITS, "PVC is not Bound. phase: unknown", "NotBound"
    ),
    Case(
        "budget",
        live("policy/v1/PodDisruptionBudget", {"observedGeneration": 3}),
        _CURRENT,
        "AllowedDisruptions has been computed.",
    ),
    Case("new CRD", live(_CRD), _WAITS, "Install in progress", "Installing"),
    Case(
        "CRD",
        live(_CRD, {"conditions": [condition("NamesAccepted", "True"), condition("Established", "True")]}),
        _CURRENT,
        "CRD is established",
    ),
    Case(
        "CRD being installed",
        live(_CRD, {"conditions": [condition("Established", "False", "Installing", "soon")]}),
        _WAITS,
        "Install in progress",
        "Installing",
    ),
    Case(
        "CRD with a taken name",
        live(
            _CRD, {"conditions": [condition("NamesAccepted", "False", "PluralConflict", "gadgets is taken")]}
        ),
        _FAILED,
        "gadgets is taken",
        "PluralConflict",
    ),
    Case(
        "CRD refused",
        live(_CRD, {"conditions": [condition("Established", "False", "NotAccepted", "names differ")]}),
        _FAILED,
        "names differ",
        "NotAccepted",
    ),
]

GENERIC = [
    Case("nothing known", live(_CUSTOM), _CURRENT, "Resource is current"),
    Case(
        "being deleted",
        live(_CUSTOM, {"conditions": [condition("Ready", "True")]}, deletionTimestamp=NOW),
        "Terminating",
        "Resource scheduled for deletion",
    ),
    Case(
        "generation not observed",
        live(_CUSTOM, {"observedGeneration": 2, "conditions": [condition("Ready", "True")]}),
        _WAITS,
        "Gadget generation is 3, but latest observed generation is 2",
        "LatestGenerationNotObserved",
    ),
    Case("ready", live(_CUSTOM, {"conditions": [condition("Ready", "True")]}), _CURRENT, "Resource is Ready"),
    Case(
        "not ready",
        live(_CUSTOM, {"conditions": [condition("Ready", "False", "NotYet", "3 of 5")]}),
        _WAITS,
        "3 of 5",
        "NotYet",
    ),
    Case(
        "unknown",
        live(_CUSTOM, {"conditions": [condition("Ready", "Unknown", "Progressing", "wait")]}),
        _WAITS,
        "wait",
        "Progressing",
    ),
    Case(
        "ready in no known way",
        live(_CUSTOM, {"conditions": [condition("Ready", "Perhaps")]}),
        _CURRENT,
        "Resource is current",
    ),
    Case(
        "reconciling goes before ready",
        live(
            _CUSTOM,
            {
                "conditions": [
                    condition("Ready", "True"),
                    condition("Reconciling", "True", "Progressing", "new one"),
                ]
            },
        ),
        _WAITS,
        "new one",
        "Progressing",
    ),
    Case(
        "stalled",
        live(
            _CUSTOM,
            {
                "conditions": [
                    condition("Ready", "False"),
                    condition("Stalled", "True", "BadSpec", "no such host"),
                ]
            },
        ),
        _FAILED,
        "no such host",
        "BadSpec",
    ),
    Case(
        "no longer stalled",
        live(_CUSTOM, {"conditions": [condition("Stalled", "False")]}),
        _CURRENT,
        "Resource is current",
    ),
    Case("conditions of null", live(_CUSTOM, {"conditions": None}), _CURRENT, "Resource is current"),
]

UNREADABLE = [
    Case(
        "status is text",
        live(_CUSTOM, "fine"),
        _UNKNOWN,
        "status.observedGeneration cannot be read: 'observedGeneration' is looked for in a string",
    ),
    Case(
        "conditions are a map",
        live(_CUSTOM, {"conditions": {"Ready": True}}),
        _UNKNOWN,
        "status.conditions is an object, not a list",
    ),
    Case(
        "a condition is text",
        live(_CUSTOM, {"conditions": ["Ready"]}),
        _UNKNOWN,
        "status.conditions holds a string",
    ),
    Case(
        "a condition's status is a boolean",
        live(_CUSTOM, {"conditions": [{"type": "Ready", "status": True}]}),
        _UNKNOWN,
        "status.conditions holds a condition whose parts are not all strings",
    ),
    Case(
        "generation is text",
        live(_CUSTOM, {"observedGeneration": "3"}),
        _UNKNOWN,
        "status.observedGeneration is a string, not an integer",
    ),
    Case(
        "generation is null",
        live(_CUSTOM, {"observedGeneration": None}),
        _UNKNOWN,
        "status.observedGeneration is null, not an integer",
    ),
    Case(
        "generation is fractional",
        live(_CUSTOM, {"observedGeneration": 2.5}),
        _UNKNOWN,
        "status.observedGeneration is a number, not an integer",
    ),
    Case(
        "deleted at a number",
        live(_CUSTOM, deletionTimestamp=5),
        _UNKNOWN,
        "metadata.deletionTimestamp is a number, not a string",
    ),
]

ALL = [
    case._replace(id=f"{family}: {case.id}")
    for family, cases in {
        "Deployment": DEPLOYMENTS,
        "ReplicaSet": REPLICA_SETS,
        "StatefulSet": STATEFUL_SETS,
        "DaemonSet": DAEMON_SETS,
        "Job": JOBS,
        "Pod": PODS,
        "other": OTHERS,
        "custom": GENERIC,
        "unreadable": UNREADABLE,
    }.items()
    for case in cases
]
