# SPDX-License-Identifier: Apache-2.0
"""What a workload's pods tell about it that its own status does not, or not until a deadline is over.

kstatus fails a ReplicaSet or StatefulSet in progress when a pod of it has failed; a Deployment it lets run
into its progress deadline, ten minutes by default. `terminal_reason` is for people: it names at once what
no waiting will mend, while the verdict stays Flux's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policies.health.core import unschedulable
from policies.health.fields import integer, text
from policies.health.status import status
from policies.health.verdict import Health, Verdict, failed

# The reasons a kubelet gives for a container that waits and will go on waiting. ErrImagePull is not among
# them: it is the first attempt, often of a slow registry, and becomes ImagePullBackOff when it lasts.
_TERMINAL = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "PostStartHookError",
        "PreCreateHookError",
        "PreStartHookError",
        "RunContainerError",
        "SignatureValidationFailed",
    }
)
# Set by the controllers, so that pods of one version of the template can be told from those of another.
_TEMPLATE_LABELS = ("pod-template-hash", "controller-revision-hash")


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """Why a pod will not become ready: `reason` is the kubelet's, `detail` its words or the exit code."""

    pod: str
    container: str
    image: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        """`ImagePullBackOff for ghcr.io/acme/web:6.9.1`"""
        return f"{self.reason} for {self.image}"


def terminal_reason(pod: Mapping[str, Any]) -> PodTrouble | None:
    """Return what no waiting will mend in this pod, or None; init containers come first, as they start."""
    images = {
        text(container, "name"): text(container, "image")
        for field in ("initContainers", "containers")
        for container in _list(pod, "spec", field)
    }
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in _list(pod, "status", field):
            reason = text(container, "state.waiting.reason")
            if reason in _TERMINAL:
                name = text(container, "name")
                # The status names the image as the runtime resolved it, the spec as a person wrote it.
                image = images.get(name) or text(container, "image")
                return PodTrouble(text(pod, "metadata.name"), name, image, reason, _detail(container))
    return None


def trouble(pod: Mapping[str, Any]) -> str:
    """Return the terminal reason as a person reads it, or nothing."""
    return str(terminal_reason(pod) or "")


def first_trouble(pods: Iterable[Mapping[str, Any]], *, revision: str = "") -> str:
    """Return the trouble of the pods a workload is moving to; those it leaves behind no longer matter."""
    return next((found for pod in newest(pods, revision=revision) if (found := trouble(pod))), "")


def newest(pods: Iterable[Mapping[str, Any]], *, revision: str = "") -> list[Mapping[str, Any]]:
    """Return the pods of a workload's newest template, oldest first.

    They are those with this `revision` (a StatefulSet's status.updateRevision), without one those that share
    the template of the pod created last. Pods that are being deleted are left out.
    """
    living = [pod for pod in pods if not text(pod, "metadata.deletionTimestamp")]
    by_age = sorted(
        living, key=lambda pod: (text(pod, "metadata.creationTimestamp"), text(pod, "metadata.name"))
    )
    wanted = revision or (_template(by_age[-1]) if by_age else "")
    return [pod for pod in by_age if not wanted or _template(pod) == wanted]


def with_pods(health: Health, pods: Iterable[Mapping[str, Any]], *, now: datetime | None = None) -> Health:
    """Judge a ReplicaSet or StatefulSet with its pods: in progress becomes failed when one of them failed.

    Pods that are being deleted, or for which a node may still come, count for nothing.
    """
    if health.verdict is not Verdict.IN_PROGRESS:
        return health
    lost = sum(_lost(pod, now) for pod in pods)
    return failed(f"{lost} pods have failed", "PodsFailed") if lost else health


def _lost(pod: Mapping[str, Any], now: datetime | None) -> bool:
    # The items of a list carry neither kind nor version.
    health = status({**pod, "apiVersion": "v1", "kind": "Pod"}, now=now)
    return health.failed and not unschedulable(pod)


def _detail(container: Mapping[str, Any]) -> str:
    """Say how the container ended the last time, or what the kubelet says of it."""
    code = integer(container, "lastState.terminated.exitCode", 0)
    if not code:
        return text(container, "state.waiting.message")
    why = text(container, "lastState.terminated.reason", "Error")
    return f"exit code {code}" if why == "Error" else f"exit code {code} ({why})"


def _template(pod: Mapping[str, Any]) -> str:
    labels = (pod.get("metadata") or {}).get("labels") or {}
    return next((labels[name] for name in _TEMPLATE_LABELS if name in labels), "")


def _list(pod: Mapping[str, Any], part: str, field: str) -> Sequence[Mapping[str, Any]]:
    return (pod.get(part) or {}).get(field) or []
