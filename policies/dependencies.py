# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization depends on: its source, other Kustomizations, and whether those let it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies import conditions
from policies.expressions import Answer
from policies.objects import Object

Key = tuple[str, str]  # namespace and name


def source_key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return (kind, namespace, name) of the Kustomization's source; empty ones when it names none."""
    ref = obj["spec"].get("sourceRef") or {}
    return ref.get("kind", ""), ref.get("namespace") or obj["metadata"]["namespace"], ref.get("name", "")


def dependency_keys(obj: Mapping[str, Any]) -> list[Key]:
    """Return (namespace, name) of each Kustomization this one depends on."""
    own = obj["metadata"]["namespace"]
    return [(d.get("namespace") or own, d["name"]) for d in obj["spec"].get("dependsOn") or []]


def repository_key(obj: Mapping[str, Any]) -> Key:
    """Return (namespace, name) of the ImageRepository that an ImagePolicy chooses from."""
    ref = obj["spec"].get("imageRepositoryRef") or {}
    return ref.get("namespace") or obj["metadata"]["namespace"], ref.get("name", "")


def included_names(obj: Mapping[str, Any]) -> list[str]:
    """Return the names of the GitRepositories of its namespace that a GitRepository includes."""
    return [include["repository"]["name"] for include in obj["spec"].get("include") or []]


def tested_keys(obj: Mapping[str, Any]) -> list[Key]:
    """Return those dependencies that have to become Ready: expressions judge the others."""
    asked = obj["spec"].get("dependsOn") or []
    return [key for key, d in zip(dependency_keys(obj), asked, strict=True) if not d.get("readyExpr")]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a dependency lacks; `invalid` when only a change of the Kustomization can help."""

    text: str
    invalid: bool = False


def problem(
    obj: Object,
    dependencies: Mapping[Key, Object | None],
    revision: str,
    ready: Mapping[int, Answer],
    *,
    additive: bool = False,
) -> Problem | None:
    """Return what keeps the first dependency from being ready, or None when all are.

    `revision` is the source's current one, `ready` the answer of each readyExpr by its place: it stands for
    the built-in test, or with `additive` comes before it.
    """
    for place, key in enumerate(dependency_keys(obj)):
        name, dependency = f"dependency '{key[0]}/{key[1]}'", dependencies.get(key)
        if dependency is None:
            return Problem(f"{name} not found")
        answer = ready.get(place)
        if answer and (found := _by_expression(name, key, answer)):
            return found
        if (answer is None or additive) and (what := not_ready(obj, dependency, revision)):
            return Problem(f"{name} {what}")
    return None


def _by_expression(name: str, key: Key, answer: Answer) -> Problem | None:
    if answer.invalid:
        return Problem(f"failed to evaluate dependency {key[1]}: {answer.error}", invalid=True)
    if answer.error:
        return Problem(answer.error)
    return None if answer.holds else Problem(f"{name} is not ready according to readyExpr eval")


def may_go_on(obj: Object, dependencies: Mapping[Key, Object | None], revision: str) -> bool:
    """Tell whether all dependencies are there and ready, as far as no expression judges them."""
    tested = set(tested_keys(obj))
    return all(
        (dependency := dependencies.get(key)) is not None
        and (key not in tested or not not_ready(obj, dependency, revision))
        for key in dependency_keys(obj)
    )


def not_ready(obj: Object, dependency: Object, revision: str) -> str:
    """Say why one dependency does not let the object go on; empty when it does."""
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
    way = _way_back(own, {**edges, own: tested_keys(obj)})
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
