# SPDX-License-Identifier: Apache-2.0
"""Drift that is only reported: `fairway.dev/drift: warn` on a Kustomization.

What somebody changed on the cluster by hand stays until Git, the Kustomization or one of its variables
changes; until then a condition and an event say what differs. `correct`, the default, puts it right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.objects import annotations_of

ANNOTATION = "fairway.dev/drift"
DRIFTED = "Drifted"  # the condition, as helm-controller has it
REASON = "DriftDetected"
_MODES = ("correct", "warn")


def problem(obj: Mapping[str, Any]) -> str:
    """Say what is wrong with the annotation; empty when nothing is."""
    mode = annotations_of(obj).get(ANNOTATION, "correct")
    if mode in _MODES:
        return ""
    return f"annotation {ANNOTATION}: {mode!r} is not one of {', '.join(_MODES)}"


def only_reports(obj: Mapping[str, Any], *, revision: str, digest: str) -> bool:
    """Tell whether a run that rendered `digest` of `revision` may only look: all of that was applied."""
    if annotations_of(obj).get(ANNOTATION) != "warn":
        return False
    status, metadata = obj.get("status") or {}, obj["metadata"]
    applied: Mapping[str, Any] = next(
        (
            e
            for e in status.get("history") or []
            if e.get("lastReconciledStatus") == "ReconciliationSucceeded"
        ),
        {},
    )
    return bool(
        status.get("lastAppliedRevision") == revision
        and status.get("observedGeneration") == metadata.get("generation")
        and applied.get("digest") == digest
    )


def message(missing: list[str], changed: list[str]) -> str:
    """Say what differs, an object a line, and what to do."""
    lines = [f"{name} missing" for name in missing] + [f"{name} changed" for name in changed]
    remedy = f"commit a change to overwrite it, or remove the annotation {ANNOTATION}"
    return "\n".join([*lines, remedy])
