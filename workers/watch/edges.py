# SPDX-License-Identifier: Apache-2.0
"""Which objects are to be looked at because another one changed, among those that `watch` knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies import conditions
from policies.config_refs import config_refs
from policies.dependencies import dependency_keys, included_names, source_key, tested_keys
from policies.objects import Object, ObjectRef
from workers.workqueue import Key

Objects = Mapping[Key, Object]


def key_of(obj: Object) -> Key:
    return Key(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])


def artifact_of(obj: Object | None) -> Any:
    """Return a source's artifact, None when there is no source or it has none."""
    return ((obj or {}).get("status") or {}).get("artifact")


def is_ready(obj: Object) -> bool:
    """Tell whether an object is Ready as it is specified now."""
    status = obj.get("status") or {}
    current = status.get("observedGeneration") == obj["metadata"].get("generation")
    return current and conditions.is_true(conditions.of(obj), conditions.READY)


def became_ready(before: Object | None, now: Object) -> bool:
    """Tell whether an object has become Ready, or is so at another revision, which others may wait for."""
    if not is_ready(now):
        return False
    applied = [((obj or {}).get("status") or {}).get("lastAppliedRevision") for obj in (before, now)]
    return before is None or not is_ready(before) or applied[0] != applied[1]


def applying(objects: Objects, source: Key) -> Iterator[Key]:
    """Yield the Kustomizations that a source is applied by."""
    wanted = (source.kind, source.namespace, source.name)
    for key, obj in objects.items():
        if key.kind == "Kustomization" and source_key(obj) == wanted:
            yield key


def including(objects: Objects, source: Key) -> Iterator[Key]:
    """Yield the GitRepositories that include another one's files."""
    for key, obj in objects.items():
        same_namespace = key.kind == "GitRepository" and key.namespace == source.namespace
        if same_namespace and source.name in included_names(obj):
            yield key


def made_with(objects: Objects, configs: set[ObjectRef]) -> Iterator[Key]:
    """Yield the Kustomizations that refer to one of the ConfigMaps and Secrets."""
    for key, obj in objects.items():
        if key.kind == "Kustomization" and not configs.isdisjoint(config_refs(obj)):
            yield key


def waiting_for(objects: Objects, dependency: Key, *, ready: bool) -> Iterator[Key]:
    """Yield what waits for a Kustomization that became `ready`, or that may fit an expression now."""
    owner = (dependency.namespace, dependency.name)
    for key, obj in objects.items():
        if not obj["spec"].get("dependsOn") or owner not in dependency_keys(obj):
            continue
        if ready or owner not in tested_keys(obj):
            found = conditions.find(conditions.of(obj), conditions.READY) or {}
            if found.get("reason") == "DependencyNotReady":
                yield key
