# SPDX-License-Identifier: Apache-2.0
"""How the health of several objects reads: Flux's sentences for conditions, short ones for statuses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Mapping
from typing import Any

from policies.health.fields import integer
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
    """Say how many of a workload's pods are ready, or nothing where that has no meaning.

    All may be ready, and not for long enough (`minReadySeconds`): then how many are available.
    """
    match obj.get("kind"):
        case "Deployment" | "StatefulSet" | "ReplicaSet":
            wanted = integer(obj, "spec.replicas", 1)
            names = ("readyReplicas", "availableReplicas", "updatedReplicas", "replicas")
            old = obj["kind"] == "ReplicaSet" or _keeps_old_pods(obj)
        case "DaemonSet":
            wanted = integer(obj, "status.desiredNumberScheduled", 0)
            names = ("numberReady", "numberAvailable", "updatedNumberScheduled", "currentNumberScheduled")
            old = _keeps_old_pods(obj)
        case "Job":
            return f"{integer(obj, 'status.succeeded', 0)} of {integer(obj, 'spec.completions', 1)} done"
        case _:
            return ""
    ready, available, updated, present = (integer(obj, f"status.{name}", 0) for name in names)
    if not old:
        ready, available = (_of_the_present(count, updated, present) for count in (ready, available))
    if available < ready == wanted and integer(obj, "spec.minReadySeconds", 0):
        return f"{available} of {wanted} available"
    return f"{ready} of {wanted} ready"


def _of_the_present(count: int, updated: int, present: int) -> int:
    """Return how many of the pods that are counted (as ready, as available) are of the present template.

    Those of the version before do not make the new one ready; which are ready is not told, so the old ones
    are taken to be.
    """
    return min(updated, max(0, count - max(0, present - updated)))


def _keeps_old_pods(obj: Mapping[str, Any]) -> bool:
    """Tell whether pods of an older template are wanted to stay."""
    strategy = (obj.get("spec") or {}).get("updateStrategy") or {}
    return strategy.get("type") == "OnDelete" or bool((strategy.get("rollingUpdate") or {}).get("partition"))
