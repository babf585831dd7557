# SPDX-License-Identifier: Apache-2.0
"""Which objects an entry of spec.resources means, and what their filters are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policies.expressions import Expression
from policies.kinds.receiver import OIDC, Receiver, Resource
from policies.objects import Object, split_api_version

_VERSIONS = {
    "Bucket": "source.toolkit.fluxcd.io/v1",
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "HelmChart": "source.toolkit.fluxcd.io/v1",
    "HelmRepository": "source.toolkit.fluxcd.io/v1",
    "OCIRepository": "source.toolkit.fluxcd.io/v1",
    "ImageRepository": "image.toolkit.fluxcd.io/v1",
    "ArtifactGenerator": "source.extensions.fluxcd.io/v1beta1",
}
ALL = "*"


class NoTarget(Exception):
    """An entry that names nothing; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Objects by name, or by labels with the name `*`."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    labels: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


def target(receiver: Receiver, entry: Resource, *, no_cross_namespace_refs: bool) -> Target:
    """Return what one entry means; raises NoTarget."""
    own = receiver.metadata.namespace
    namespace = entry.namespace or own
    if no_cross_namespace_refs and namespace != own:
        raise NoTarget(f"{namespace} is another namespace, and references to others are blocked for all")
    api_version = entry.api_version or _VERSIONS.get(entry.kind, "")
    if not api_version:
        raise NoTarget(f"its kind does not tell the version: give {entry.kind} an apiVersion")
    if entry.name == ALL and entry.match_labels is None:
        raise NoTarget("the name * goes with labels: set matchLabels")
    labels = ",".join(f"{key}={value}" for key, value in sorted((entry.match_labels or {}).items()))
    group, version = split_api_version(api_version)
    return Target(group, version, entry.kind, namespace, entry.name, labels if entry.name == ALL else "")


def names(receiver: Receiver) -> tuple[str, ...]:
    """Return the names that stand in a filter."""
    return ("res", "req", "claims") if receiver.spec.type == OIDC else ("res", "req")


def filters(receiver: Receiver, entry: Resource) -> list[Expression]:
    """Return the conditions an object of this entry has to meet, all of them."""
    texts = [receiver.spec.resource_filter, entry.filter]
    return [Expression(text, names(receiver)) for text in texts if text]


def has_filters(receiver: Receiver) -> bool:
    return bool(receiver.spec.resource_filter) or any(one.filter for one in receiver.spec.resources)


def shown(obj: Object) -> dict[str, Any]:
    """Return what a filter sees of an object: what identifies and describes it, with Go's numbers."""
    metadata = obj["metadata"]
    seen = {key: float(value) if isinstance(value, int) else value for key, value in metadata.items()}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": seen}
