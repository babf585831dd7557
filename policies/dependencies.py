# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization depends on: its source, other Kustomizations, and whether those let it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies import conditions
from policies.objects import Object

Key = tuple[str, str]  # namespace and name of a Kustomization


def source_key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return (kind, namespace, name) of the Kustomization's source; empty ones when it names none."""
    ref = obj["spec"].get("sourceRef") or {}
    return ref.get("kind", ""), ref.get("namespace") or obj["metadata"]["namespace"], ref.get("name", "")


def dependency_keys(obj: Mapping[str, Any]) -> list[Key]:
    """Return (namespace, name) of each Kustomization this one depends on."""
    own = obj["metadata"]["namespace"]
    return [(d.get("namespace") or own, d["name"]) for d in obj["spec"].get("dependsOn") or []]


def included_names(obj: Mapping[str, Any]) -> list[str]:
    """Return the names of the GitRepositories of its namespace that a GitRepository includes."""
    return [include["repository"]["name"] for include in obj["spec"].get("include") or []]


def problem(obj: Object, dependencies: Mapping[Key, Object | None], revision: str) -> str:
    """Say which dependency is not ready; empty when all are. `revision` is the source's current one."""
    for key in dependency_keys(obj):
        if what := not_ready(obj, dependencies.get(key), revision):
            return f"dependency '{key[0]}/{key[1]}' {what}"
    return ""


def not_ready(obj: Object, dependency: Object | None, revision: str) -> str:
    """Say why one dependency does not let the object go on; empty when it does."""
    if dependency is None:
        return "not found"
    status = dependency.get("status") or {}
    if status.get("observedGeneration") != dependency["metadata"].get("generation"):
        return "is not ready"
    if not conditions.is_true(conditions.of(dependency), conditions.READY):
        return "is not ready"
    same_source = source_key(dependency) == source_key(obj)
    if same_source and status.get("lastAppliedRevision") != revision:
        return "revision is not up to date"
    return ""


def cycle(obj: Object, edges: Mapping[Key, Sequence[Key]]) -> str:
    """Name the way on which an object depends on itself; empty when there is none."""
    own = (obj["metadata"]["namespace"], obj["metadata"]["name"])
    way = _way_back(own, {**edges, own: dependency_keys(obj)})
    if not way:
        return ""
    named = " → ".join(f"'{namespace}/{name}'" for namespace, name in way)
    return f"dependency cycle: {named}: none of them can become ready; remove one of these dependsOn"


def _way_back(own: Key, edges: Mapping[Key, Sequence[Key]]) -> list[Key]:
    seen: set[Key] = set()
    ways = [[own]]
    while ways:
        way = ways.pop()
        for following in edges.get(way[-1], ()):
            if following == own:
                return [*way, own]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []
