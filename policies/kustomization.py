# SPDX-License-Identifier: Apache-2.0
"""What to do next with a Kustomization: one decision from what was observed.

`decide` returns a plan and never a verdict on health; `refusal` texts and reasons are Flux's own, since
scripts and people match on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies import conditions, decryption, dependencies, drift_mode
from policies.clock import go_duration
from policies.dependencies import Key, source_key
from policies.expressions import Answers
from policies.health import expressions as health_expressions
from policies.objects import Object, annotations_of
from policies.ownership import FINALIZER
from policies.served import unserved

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
_TERMINAL = "Reconciliation failed terminally due to configuration error"


@dataclass(frozen=True, slots=True)
class Observation:
    """A Kustomization, its source (None when there is none) and the Kustomizations it depends on.

    `edges` are the dependencies of those among them that are not ready, and so on, to see a cycle; `answers`
    are what its expressions say.
    """

    obj: Object
    source: Object | None
    dependencies: Mapping[Key, Object | None] = field(default_factory=dict)
    edges: Mapping[Key, Sequence[Key]] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Suspended: leave everything, the status too, as it is."""


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Make sure that nothing is applied which a deletion could orphan."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """Deleted: prune what was applied, unless told to leave it, and let go, with `wait` when it is gone."""

    prune: bool
    wait: bool = False


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


def decide(
    seen: Observation,
    *,
    no_cross_namespace_refs: bool = False,
    requeue: float = 30.0,
    additive_expressions: bool = False,
    object_identities: bool = False,
) -> Plan:
    """Return the next step for a Kustomization; `requeue` is when it is tried again, in seconds.

    With `additive_expressions` a readyExpr comes on top of the built-in test of a dependency;
    `object_identities` is the gate ObjectLevelWorkloadIdentity.
    """
    obj, spec = seen.obj, seen.obj["spec"]
    if obj["metadata"].get("deletionTimestamp"):
        deletes = not spec.get("suspend") and _deletes(spec)
        return Finalize(prune=deletes, wait=deletes and spec.get("deletionPolicy") == "WaitForTermination")
    if FINALIZER not in obj["metadata"].get("finalizers", []):
        return AddFinalizer()
    if spec.get("suspend"):
        return Ignore()
    if missing := unserved("Kustomization", spec):
        return Refuse("NotServed", missing, terminal=True)
    if no_cross_namespace_refs and (away := _foreign(obj)):
        return Refuse("AccessDenied", away, terminal=True)
    if problem := health_expressions.problem(spec, seen.answers.problems):
        return _invalid_expression(problem)
    if refused := decryption.account_refusal(spec, identities=object_identities):
        return Refuse(*refused, terminal=True)
    artifact: Mapping[str, Any] = ((seen.source or {}).get("status") or {}).get("artifact") or {}
    if refusal := _source_refusal(seen, artifact, requeue):
        return refusal
    if refusal := _dependency_refusal(seen, artifact, additive=additive_expressions):
        return refusal
    if problem := drift_mode.problem(obj):
        return Refuse("InvalidAnnotation", problem, terminal=True)
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


def elsewhere(obj: Mapping[str, Any]) -> bool:
    """Tell whether the objects live on another cluster, of which our own watches show nothing."""
    return bool(obj["spec"].get("kubeConfig"))


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


def _deletes(spec: Mapping[str, Any]) -> bool:
    match spec.get("deletionPolicy") or "MirrorPrune":
        case "Delete" | "WaitForTermination":
            return True
        case "Orphan":
            return False
        case _:
            return bool(spec.get("prune"))


def _foreign(obj: Mapping[str, Any]) -> str:
    """Name what is referred to in another namespace: readyExpr reads all of a dependency, so it counts."""
    depended = [("Kustomization", *key) for key in dependencies.dependency_keys(obj)]
    for kind, namespace, name in [source_key(obj), *depended]:
        if namespace != obj["metadata"]["namespace"]:
            return f"can't access '{kind}/{namespace}/{name}', cross-namespace references have been blocked"
    return ""


def _source_refusal(seen: Observation, artifact: Mapping[str, Any], requeue: float) -> Refuse | None:
    kind, namespace, name = source_key(seen.obj)
    if seen.source is None:
        return Refuse("ArtifactFailed", f"Source '{kind}/{namespace}/{name}' not found")
    if not artifact:
        return Refuse(
            "ArtifactFailed",
            f"Source artifact not found, retrying in {go_duration(requeue)}",
            severity="Normal",
        )
    return None


def _dependency_refusal(seen: Observation, artifact: Mapping[str, Any], *, additive: bool) -> Refuse | None:
    revision, ready = artifact.get("revision", ""), seen.answers.ready
    problem = dependencies.problem(seen.obj, seen.dependencies, revision, ready, additive=additive)
    if problem is None:
        return None
    if problem.invalid:
        return _invalid_expression(problem.text)
    if cycle := dependencies.cycle(seen.obj, seen.edges):
        return Refuse("DependencyNotReady", cycle)
    return Refuse("DependencyNotReady", problem.text, severity="Normal")


def _invalid_expression(problem: str) -> Refuse:
    return Refuse("InvalidCELExpression", f"{_TERMINAL}: {problem}", terminal=True)
