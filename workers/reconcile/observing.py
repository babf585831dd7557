# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization's decision is made on: the object, its source, and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping

from policies import conditions, dependencies
from policies.dependencies import Key
from policies.kinds import Kustomization
from policies.kustomization import Observation
from policies.objects import Object, ObjectRef
from workers.cluster import Client
from workers.engine import Engine
from workers.reconcile import expressions, sources

KIND = Kustomization.definition.names
_MOST_EDGES = 100  # Kustomizations that are read to find a cycle


# Read as the API server remembers them: what has changed since is queued again by whoever saw it, and a
# status that was decided on something older is refused.
def observe(cluster: Client, engine: Engine, namespace: str, name: str) -> Observation | None:
    """Read a Kustomization and what it refers to; None when it is gone. Raises InvalidObject."""
    obj = _find(cluster, (namespace, name))
    if obj is None:
        return None
    Kustomization.read(obj)
    source = sources.find(cluster, *dependencies.source_key(obj), cached=True)
    depended = {key: _find(cluster, key) for key in dependencies.dependency_keys(obj)}
    answers = expressions.ask(engine, obj, [depended[key] for key in dependencies.dependency_keys(obj)])
    return Observation(obj, source, depended, _edges(cluster, depended), answers)


def _edges(cluster: Client, depended: Mapping[Key, Object | None]) -> dict[Key, list[Key]]:
    """Follow what is not ready to what it depends on in turn: only there can be a cycle."""
    edges: dict[Key, list[Key]] = {}
    open_ends = dict(depended)
    while open_ends and len(edges) < _MOST_EDGES:
        key, obj = open_ends.popitem()
        if obj is None or conditions.is_true(conditions.of(obj), conditions.READY):
            continue
        edges[key] = dependencies.tested_keys(obj)
        for following in edges[key]:
            if following not in edges and following not in open_ends:
                open_ends[following] = _find(cluster, following)
    return edges


def _find(cluster: Client, key: Key) -> Object | None:
    return cluster.find(ObjectRef(*KIND, *key), cached=True)
