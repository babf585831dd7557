# SPDX-License-Identifier: Apache-2.0
"""Objects as the API server holds them, made from the few words that matter to a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies.objects import Object
from policies.ownership import FINALIZER

SHA = "3f2a91c" + "0" * 33
OTHER = "b7d0e11" + "1" * 33
REVISION, OTHER_REVISION = f"main@sha1:{SHA}", f"main@sha1:{OTHER}"
AT = "2026-11-23T15:00:00Z"

_FILE = {
    "url": "http://here/a.tar.gz",
    "path": "a.tar.gz",
    "digest": f"sha256:{'0' * 64}",
    "lastUpdateTime": AT,
}


def condition(kind: str, status: str, reason: str = "", message: str = "", generation: int = 1) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": AT,
    }


READY = condition("Ready", "True", "ReconciliationSucceeded", f"Applied revision: {REVISION}")
WAITING = (
    condition("Ready", "Unknown", "Progressing", "Running health checks"),
    condition("Reconciling", "True", "Progressing", "Running health checks"),
    condition("Healthy", "Unknown", "Progressing", "Running health checks"),
)


def failing(reason: str, message: str = "", *, stalled: bool = False) -> list[Object]:
    """Return the conditions of an object that is not ready for this reason."""
    second = condition("Stalled" if stalled else "Reconciling", "True", "ProgressingWithRetry")
    return [condition("Ready", "False", reason, message), second]


def kustomization(
    conditions: Sequence[Mapping[str, Any]] = (),
    *,
    name: str = "web",
    metadata: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    **status: Any,
) -> Object:
    """Return a Kustomization apps/web of GitRepository apps/fleet."""
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {
            "name": name,
            "namespace": "apps",
            "generation": 1,
            "finalizers": [FINALIZER],
            **(metadata or {}),
        },
        "spec": {
            "interval": "10m",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            **(spec or {}),
        },
        "status": {"conditions": [dict(one) for one in conditions], "observedGeneration": 1, **status},
    }


def applied(conditions: Sequence[Mapping[str, Any]] = (READY,), **more: Any) -> Object:
    """Return a Kustomization that has applied REVISION."""
    revisions = {"lastAttemptedRevision": REVISION, "lastAppliedRevision": REVISION}
    return kustomization(conditions, **{**revisions, **more})


def git_repository(
    *,
    revision: str | None = REVISION,
    conditions: Sequence[Mapping[str, Any]] = (READY,),
    metadata: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    **status: Any,
) -> Object:
    """Return a GitRepository apps/fleet with this revision as its artifact (None for no artifact)."""
    artifact = {"artifact": {"revision": revision, **_FILE}} if revision else {}
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {
            "name": "fleet",
            "namespace": "apps",
            "generation": 1,
            "finalizers": [FINALIZER],
            **(metadata or {}),
        },
        "spec": {"interval": "1m", "url": "https://github.com/acme/fleet", **(spec or {})},
        "status": {"conditions": [dict(one) for one in conditions], **artifact, **status},
    }
