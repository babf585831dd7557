# SPDX-License-Identifier: Apache-2.0
"""What to do next with a Kustomization: one decision from what was observed.

`decide` returns a plan and never a verdict on health; `refusal` texts and reasons are Flux's own, since
scripts and people match on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policies import conditions
from policies.objects import Object, annotations_of
from policies.ownership import FINALIZER
from policies.served import unserved

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
DEPENDENCY_RETRY = "30s"  # Flux's --requeue-dependency


@dataclass(frozen=True, slots=True)
class Observation:
    """A Kustomization, its source (None when there is none) and the Kustomizations it depends on."""

    obj: Object
    source: Object | None
    dependencies: Mapping[tuple[str, str], Object | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Suspended: leave everything, the status too, as it is."""


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Make sure that nothing is applied which a deletion could orphan."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """Deleted: prune what was applied, unless told to leave it, and let go."""

    prune: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not possible as things are; `terminal` when only a change of the object can help."""

    reason: str
    message: str
    terminal: bool = False
    severity: str = "Warning"


@dataclass(frozen=True, slots=True)
class Conclude:
    """Applied already, health is being watched: see whether the wait is over."""

    artifact: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Build:
    """Build this artifact and apply it."""

    artifact: Mapping[str, Any]


Plan = Ignore | AddFinalizer | Finalize | Refuse | Conclude | Build


def decide(seen: Observation, *, no_cross_namespace_refs: bool = False) -> Plan:
    """Return the next step for a Kustomization."""
    obj, spec = seen.obj, seen.obj["spec"]
    if obj["metadata"].get("deletionTimestamp"):
        return Finalize(prune=not spec.get("suspend") and _deletes(spec))
    if FINALIZER not in obj["metadata"].get("finalizers", []):
        return AddFinalizer()
    if spec.get("suspend"):
        return Ignore()
    if missing := unserved("Kustomization", spec):
        return Refuse("NotServed", missing, terminal=True)
    if no_cross_namespace_refs and (away := _foreign_source(obj)):
        return Refuse("AccessDenied", away, terminal=True)
    artifact: Mapping[str, Any] = ((seen.source or {}).get("status") or {}).get("artifact") or {}
    if refusal := _source_refusal(seen, artifact) or _dependency_refusal(seen, artifact):
        return refusal
    if waits(obj) and not due_now(obj, artifact):
        return Conclude(artifact)
    return Build(artifact)


def waits(obj: Mapping[str, Any]) -> bool:
    """Tell whether the objects are applied and their health is being watched."""
    found = conditions.of(obj)
    healthy = conditions.find(found, conditions.HEALTHY) or {}
    reconciling = conditions.find(found, conditions.RECONCILING) or {}
    # A run that failed later leaves Healthy as it was and says ProgressingWithRetry.
    return healthy.get("status") == "Unknown" and reconciling.get("reason") == "Progressing"


def due_now(obj: Mapping[str, Any], artifact: Mapping[str, Any] | None) -> str:
    """Say why the object has to be reconciled at once, whatever its interval; empty when it has not."""
    status, metadata = obj.get("status") or {}, obj["metadata"]
    requested = annotations_of(obj).get(REQUESTED_AT, "")
    if requested and requested != status.get("lastHandledReconcileAt", ""):
        return "requested"
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    if ready.get("observedGeneration", 0) != metadata.get("generation", 0):
        return "generation"
    if artifact and artifact.get("revision") != status.get("lastAttemptedRevision"):
        return "revision"
    if ready.get("status") == "Unknown" and not waits(obj):
        return "interrupted"
    return ""


def source_key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return (kind, namespace, name) of the Kustomization's source; empty ones when it names none."""
    ref = obj["spec"].get("sourceRef") or {}
    return ref.get("kind", ""), ref.get("namespace") or obj["metadata"]["namespace"], ref.get("name", "")


def dependency_keys(obj: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (namespace, name) of each Kustomization this one depends on."""
    own = obj["metadata"]["namespace"]
    return [(d.get("namespace") or own, d["name"]) for d in obj["spec"].get("dependsOn") or []]


def _deletes(spec: Mapping[str, Any]) -> bool:
    match spec.get("deletionPolicy") or "MirrorPrune":
        case "Delete" | "WaitForTermination":
            return True
        case "Orphan":
            return False
        case _:
            return bool(spec.get("prune"))


def _foreign_source(obj: Mapping[str, Any]) -> str:
    kind, namespace, name = source_key(obj)
    if namespace == obj["metadata"]["namespace"]:
        return ""
    return f"can't access '{kind}/{namespace}/{name}', cross-namespace references have been blocked"


def _source_refusal(seen: Observation, artifact: Mapping[str, Any]) -> Refuse | None:
    kind, namespace, name = source_key(seen.obj)
    if seen.source is None:
        return Refuse("ArtifactFailed", f"Source '{kind}/{namespace}/{name}' not found")
    if not artifact:
        return Refuse(
            "ArtifactFailed",
            f"Source artifact not found, retrying in {DEPENDENCY_RETRY}",
            severity="Normal",
        )
    return None


def _dependency_refusal(seen: Observation, artifact: Mapping[str, Any]) -> Refuse | None:
    for key in dependency_keys(seen.obj):
        problem = _dependency_problem(seen, seen.dependencies.get(key), artifact)
        if problem:
            message = f"dependency '{key[0]}/{key[1]}' {problem}"
            return Refuse("DependencyNotReady", message, severity="Normal")
    return None


def _dependency_problem(seen: Observation, dependency: Object | None, artifact: Mapping[str, Any]) -> str:
    if dependency is None:
        return "not found"
    status = dependency.get("status") or {}
    if status.get("observedGeneration") != dependency["metadata"].get("generation"):
        return "is not ready"
    if not conditions.is_true(conditions.of(dependency), conditions.READY):
        return "is not ready"
    same_source = source_key(dependency) == source_key(seen.obj)
    if same_source and status.get("lastAppliedRevision") != artifact.get("revision"):
        return "revision is not up to date"
    return ""
