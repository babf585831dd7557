# SPDX-License-Identifier: Apache-2.0
"""How the health of several objects reads: Flux's sentences for conditions, short ones for statuses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Mapping
from typing import Any

from policies.health.verdict import Health, Verdict
from policies.objects import ObjectRef

_ROOM = 20_000  # characters; what Flux itself allows a condition's message


def failed_early(healths: Mapping[ObjectRef, Health]) -> str:
    """Say which objects will not come to be."""
    return f"failed early due to stalled resources: [{_list(healths, {Verdict.FAILED})}]"


def timed_out(healths: Mapping[ObjectRef, Health]) -> str:
    """Say which objects did not come to be in time."""
    return f"timeout waiting for: [{_list(healths, set(Verdict) - {Verdict.CURRENT})}]"


def _list(healths: Mapping[ObjectRef, Health], verdicts: Container[Verdict]) -> str:
    said = [_said(ref, health) for ref, health in healths.items() if health.verdict in verdicts]
    # A condition's message is limited by its schema, and one that is refused would tell nothing at all.
    shown = list(itertools.takewhile(_room(), said))
    more = len(said) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _said(ref: ObjectRef, health: Health) -> str:
    why = f": {health.message}" if health.verdict is Verdict.UNKNOWN and health.message else ""
    return f"{ref} status: '{health.verdict}'{why}"


def _room() -> Callable[[str], bool]:
    used = 0

    def fits(text: str) -> bool:
        nonlocal used
        used += len(text) + 2
        return used <= _ROOM

    return fits


def named(ref: ObjectRef) -> str:
    """Name an object as a person would: `Deployment apps/web`."""
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def counted(obj: Mapping[str, Any]) -> str:
    """Say how many of a workload's pods are ready, or nothing where that has no meaning."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    match obj.get("kind"):
        case "Deployment" | "StatefulSet" | "ReplicaSet":
            ready = status.get("readyReplicas", 0)
            if obj.get("kind") == "Deployment":
                ready = min(ready, status.get("updatedReplicas", 0))
            return f"{ready} of {spec.get('replicas', 1)} ready"
        case "DaemonSet":
            return f"{status.get('numberReady', 0)} of {status.get('desiredNumberScheduled', 0)} ready"
        case "Job":
            return f"{status.get('succeeded', 0)} of {spec.get('completions', 1)} done"
        case _:
            return ""
