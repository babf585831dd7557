# SPDX-License-Identifier: Apache-2.0
"""Why a workload's pods do not come up, when no waiting will help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_TERMINAL = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def trouble(pod: Mapping[str, Any]) -> str:
    """Return a terminal reason such as `ImagePullBackOff for ghcr.io/acme/web:6.9.1`, or nothing."""
    status = pod.get("status") or {}
    images = {c.get("name"): c.get("image", "") for c in _containers(pod)}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        reason = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
        if reason in _TERMINAL:
            return f"{reason} for {images.get(container.get('name')) or container.get('image', '')}"
    return ""


def first_trouble(pods: Iterable[Mapping[str, Any]]) -> str:
    """Return the trouble of the newest pod that has one: an older one may be of the version before."""
    newest = sorted(pods, key=lambda p: p["metadata"].get("creationTimestamp", ""), reverse=True)
    return next((found for pod in newest if (found := trouble(pod))), "")


def _containers(pod: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    spec = pod.get("spec") or {}
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
