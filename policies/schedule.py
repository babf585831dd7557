# SPDX-License-Identifier: Apache-2.0
"""When an object has to be worked on next.

`urgent` looks at the object alone: what is desired differs from what was observed. `pause` says how long to
wait after a run that left nothing urgent. Times are seconds; chance is handed in as a number from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies import conditions
from policies.kinds import GitRepository, Kustomization, Receiver
from policies.kinds.imagepolicy import ImagePolicy
from policies.kinds.imagerepository import ImageRepository
from policies.kinds.imageupdateautomation import ImageUpdateAutomation
from policies.kustomization import REQUESTED_AT, due_now, waits
from policies.objects import annotations_of
from policies.ownership import FINALIZER

_SHORTEST = 1.0
_REFUSED = frozenset({"DependencyNotReady", "AccessDenied", "NotServed"})
_OTHERS = frozenset({"DependencyNotReady", "AccessDenied"})  # what others have to bring
_IMAGES = frozenset({"ImageRepository", "ImagePolicy", "ImageUpdateAutomation"})


def urgent(obj: Mapping[str, Any], artifact: Mapping[str, Any] | None = None) -> str:
    """Say why the object has to be worked on now; empty when it has not."""
    metadata = obj["metadata"]
    if _unreadable(obj):
        return ""
    ours = FINALIZER in metadata.get("finalizers", [])
    if metadata.get("deletionTimestamp"):
        return "deletion" if ours else ""
    if not ours:
        return "finalizer"
    if obj["spec"].get("suspend"):
        return ""
    if obj["kind"] == "Kustomization":
        reason = due_now(obj, artifact)
        # Refused for what others have to bring: their events wake it, or the pause below.
        return "" if reason == "revision" and _refused(obj) else reason
    return _source_urgent(obj)


def asked(obj: Mapping[str, Any], artifact: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
    """Return what a run is asked for: as long as it is the same, one run is enough."""
    metadata = obj["metadata"]
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        bool(metadata.get("deletionTimestamp")),
        annotations_of(obj).get(REQUESTED_AT, ""),
        (artifact or {}).get("revision"),
        obj["spec"].get("suspend"),
    )


def pause(
    obj: Mapping[str, Any], *, jitter: float, chance: float, requeue: float = 30.0, retry: float = 0.0
) -> float | None:
    """Return how many seconds to wait before the next run; None when only a change can help.

    `jitter` is the part (0 to 1) by which a successful object's interval is varied, either way; `requeue`
    is the pause of what waits for a dependency or an artifact, `retry` that of a source that could not be
    fetched. An interval
    of nothing is, as in Flux, never; nothing comes more often than every second.
    """
    wanted = _wanted_pause(obj, jitter, chance, requeue, retry)
    return max(wanted, _SHORTEST) if wanted else None


def _wanted_pause(
    obj: Mapping[str, Any], jitter: float, chance: float, requeue: float, retry: float
) -> float | None:
    if obj["spec"].get("suspend"):
        return None
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    stalled = conditions.is_true(conditions.of(obj), conditions.STALLED)
    if obj["kind"] in _IMAGES:
        return _image_pause(obj, ready, stalled, jitter, chance, requeue, retry)
    if obj["kind"] == "Receiver":
        if ready.get("status") == "False":
            return None if stalled else retry
        return _varied(Receiver.read(obj).interval_seconds, jitter, chance)
    if obj["kind"] == "GitRepository":
        if conditions.is_true(conditions.of(obj), "IncludeUnavailable"):
            return requeue
        if ready.get("status") == "False" and not stalled and retry:
            return retry
        return _varied(GitRepository.read(obj).interval_seconds, jitter, chance)
    spec = Kustomization.read(obj)
    if ready.get("status") == "True" or stalled:
        return _varied(spec.interval_seconds, jitter, chance)
    if ready.get("reason") == "DependencyNotReady" or _without_artifact(ready):
        return requeue
    return spec.retry_interval_seconds


def _image_pause(
    obj: Mapping[str, Any],
    ready: Mapping[str, Any],
    stalled: bool,
    jitter: float,
    chance: float,
    requeue: float,
    retry: float,
) -> float | None:
    """What a scan or a change brings needs no clock; a policy without an interval has none."""
    if ready.get("status") == "False" and not stalled:
        return requeue if ready.get("reason") in _OTHERS else retry
    if obj["kind"] == "ImageRepository":
        return _varied(ImageRepository.read(obj).interval_seconds, jitter, chance)
    if obj["kind"] == "ImageUpdateAutomation":
        every: float | None = ImageUpdateAutomation.read(obj).interval_seconds
    else:
        every = ImagePolicy.read(obj).interval_seconds
    return _varied(every, jitter, chance) if every and not stalled else None


def backoff(failures: int, *, shortest: float, longest: float) -> float:
    """Return the pause after so many failures in a row, in seconds: it doubles with each."""
    return min(shortest * 2.0 ** min(failures, 60), longest)


def _varied(seconds: float, jitter: float, chance: float) -> float:
    return seconds * (1 + jitter * (2 * chance - 1))


def _unreadable(obj: Mapping[str, Any]) -> bool:
    """Tell whether the object was found to make no sense as it is: it is left until it changes."""
    stalled = conditions.find(conditions.of(obj), conditions.STALLED) or {}
    return (
        stalled.get("reason") == "ValidationFailed"
        and stalled.get("observedGeneration") == obj["metadata"].get("generation")
        and not obj["metadata"].get("deletionTimestamp")
    )


def _refused(obj: Mapping[str, Any]) -> bool:
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    return ready.get("status") == "False" and ready.get("reason") in _REFUSED


def _without_artifact(ready: Mapping[str, Any]) -> bool:
    return ready.get("reason") == "ArtifactFailed" and "artifact not found" in ready.get("message", "")


def _source_urgent(obj: Mapping[str, Any]) -> str:
    status, metadata = obj.get("status") or {}, obj["metadata"]
    requested = annotations_of(obj).get(REQUESTED_AT, "")
    if requested and requested != status.get("lastHandledReconcileAt", ""):
        return "requested"
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    return "generation" if ready.get("observedGeneration", 0) != metadata.get("generation", 0) else ""


__all__ = ["asked", "backoff", "pause", "urgent", "waits"]
