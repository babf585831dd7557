# SPDX-License-Identifier: Apache-2.0
"""Flux's own leader Leases: whoever holds one is the only controller of its kinds.

Fairway takes them like any candidate of Flux's, and serves a kind only while nobody else holds its Lease.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from policies.clock import parse
from policies.objects import Object

OURS = "fairway_"  # how the holder's name begins when it is a Fairway
CONTROLLERS: Mapping[str, str] = {
    "GitRepository": "source-controller",
    "Kustomization": "kustomize-controller",
    "ImageRepository": "image-reflector-controller",
    "ImagePolicy": "image-reflector-controller",
    "Receiver": "notification-controller",
    "ImageUpdateAutomation": "image-automation-controller",
}
# What the same controller serves and Fairway does not yet: taking its Lease would leave these alone.
UNSERVED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "source-controller": tuple(
        ("source.toolkit.fluxcd.io", kind)
        for kind in ("OCIRepository", "HelmRepository", "HelmChart", "Bucket", "ExternalArtifact")
    ),
    "kustomize-controller": (),
    "image-reflector-controller": (),
    "notification-controller": tuple(
        ("notification.toolkit.fluxcd.io", kind) for kind in ("Alert", "Provider")
    ),
    "image-automation-controller": (),
}
_DEFAULT_DURATION = 15.0  # seconds


def lease_name(kind: str, selector: str = "") -> str:
    """Return the name of the Lease of a kind's controller; that of a shard has a hash in it."""
    base = f"{CONTROLLERS[kind]}-leader-election"
    return f"{base}-{hashlib.sha256(selector.encode()).hexdigest()[:8]}" if selector else base


def is_held(lease: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether a Lease is somebody's now."""
    spec = lease.get("spec") or {}
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return False
    age = (now - parse(spec["renewTime"])).total_seconds()
    return age < float(spec.get("leaseDurationSeconds") or _DEFAULT_DURATION)


def foreign(leases: Iterable[Object], now: datetime) -> Object | None:
    """Return the first Lease that somebody other than a Fairway holds."""
    for lease in leases:
        if is_held(lease, now) and not lease["spec"]["holderIdentity"].startswith(OURS):
            return lease
    return None


def who_holds(lease: Mapping[str, Any]) -> str:
    """Say that Flux is at work."""
    metadata = lease["metadata"]
    return (
        f"Flux reconciles this cluster: {lease['spec']['holderIdentity']} holds the Lease"
        f" {metadata['namespace']}/{metadata['name']}"
    )


def how_to_stop(namespace: str, kind: str) -> str:
    """Say how Flux's controller of a kind is stopped, and started again, with those it works with."""
    together = ("kustomize-controller", "source-controller")
    names = together if CONTROLLERS[kind] in together else (CONTROLLERS[kind],)
    return (
        "two controllers must not reconcile the same objects. Stop Flux's first, which touches no"
        f" workload: kubectl -n {namespace} scale deployment {' '.join(names)}"
        " --replicas=0. The same with --replicas=1 gives the cluster back"
    )


def what_is_left(kind: str, names: Iterable[str]) -> str:
    """Say which objects would be left without a controller; `names` are Kind/namespace/name."""
    shown = sorted(names)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return (
        f"no {kind} is served: Flux's {CONTROLLERS[kind]} also has {', '.join(shown[:5])}{more}, of kinds"
        " that Fairway does not serve yet. Leave the cluster to Flux until it does, or delete these objects"
    )
