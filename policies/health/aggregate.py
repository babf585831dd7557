# SPDX-License-Identifier: Apache-2.0
"""The health of several objects as one: what Flux waits for, and what to show of it first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from policies.health.fields import integer
from policies.health.verdict import Health, Verdict, current
from policies.objects import ObjectRef

_WORST_FIRST = (
    Verdict.FAILED,
    Verdict.UNKNOWN,
    Verdict.NOT_FOUND,
    Verdict.TERMINATING,
    Verdict.IN_PROGRESS,
    Verdict.CURRENT,
)


def aggregate(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on all together: one that failed fails all, one nobody can judge leaves all open.

    Nothing at all is Current; what is missing or going away counts as in progress.
    """
    found = set(verdicts)
    if Verdict.FAILED in found:
        return Verdict.FAILED
    if Verdict.UNKNOWN in found:
        return Verdict.UNKNOWN
    return Verdict.CURRENT if found <= {Verdict.CURRENT} else Verdict.IN_PROGRESS


def worst(healths: Mapping[ObjectRef, Health]) -> tuple[ObjectRef, Health] | None:
    """Return the object to name first, or None when every one is Current; of equals the first given."""
    found = min(healths.items(), key=lambda item: _WORST_FIRST.index(item[1].verdict), default=None)
    return None if found is None or found[1].current else found


def vanishing_jobs(objects: Iterable[Mapping[str, Any]]) -> frozenset[ObjectRef]:
    """Return the Jobs among rendered objects that delete themselves once they are done."""
    return frozenset(
        ObjectRef.of(obj)
        for obj in objects
        if obj.get("kind") == "Job"
        and str(obj.get("apiVersion", "")).startswith("batch/")
        and integer(obj, "spec.ttlSecondsAfterFinished", -1) >= 0
    )


def forgive_vanished(
    healths: Mapping[ObjectRef, Health], jobs: Collection[ObjectRef]
) -> dict[ObjectRef, Health]:
    """Count those Jobs as done that are gone and were to go: only a finished one is deleted by its TTL."""
    done = current("Job was deleted after it finished")
    return {
        ref: done if ref in jobs and health.verdict is Verdict.NOT_FOUND else health
        for ref, health in healths.items()
    }
