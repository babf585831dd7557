# SPDX-License-Identifier: Apache-2.0
"""Which objects are to be looked at because another one changed, among those that `watch` knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from policies import conditions
from policies.config_refs import config_refs
from policies.dependencies import (
    dependency_keys,
    included_names,
    repository_key,
    source_key,
    tested_keys,
)
from policies.objects import Object, ObjectRef
from workers.workqueue import Key

Target = Key | ObjectRef
_SOURCES = frozenset({"GitRepository", "ImageRepository", "ImagePolicy"})


class Edges:
    """Who refers to what, kept by both ends: one change among thousands of objects costs what it touches."""

    def __init__(self, objects: Mapping[Key, Object]) -> None:
        self._objects = objects
        self._pointing: dict[Target, dict[Key, None]] = defaultdict(dict)
        self._targets: dict[Key, frozenset[Target]] = {}

    def update(self, key: Key, obj: Object | None) -> None:
        """Take in what an object refers to now; None when it is gone, and all its edges with it."""
        before, now = self._targets.pop(key, frozenset()), _targets(key, obj) if obj else frozenset()
        for target in before - now:
            self._pointing[target].pop(key, None)
            if not self._pointing[target]:
                del self._pointing[target]
        for target in now - before:
            self._pointing[target][key] = None
        if now:
            self._targets[key] = now

    def followers(self, source: Key) -> list[Key]:
        """Return the Kustomizations that a source is applied by, and the sources that include it.

        Of an ImageRepository these are the policies that choose from it, of `any_policy` the automations that
        write the images of policies.
        """
        return [key for key in self._to(source) if source.kind in _SOURCES]

    def made_with(self, configs: set[ObjectRef]) -> set[Key]:
        """Return what is made with one of the ConfigMaps and Secrets: Kustomizations and Receivers."""
        return {key for config in configs for key in self._to(config)}

    def waiting_for(self, dependency: Key, *, ready: bool) -> Iterator[Key]:
        """Yield what waits for a Kustomization that became `ready`, or that may fit an expression now."""
        owner = (dependency.namespace, dependency.name)
        for key in self._to(dependency):
            obj = self._objects[key]
            if (ready or owner not in tested_keys(obj)) and _is_refused(_word_of(obj)):
                yield key

    def _to(self, target: Target) -> list[Key]:
        return list(self._pointing.get(target, ()))


def _targets(key: Key, obj: Object) -> frozenset[Target]:
    if key.kind == "ImageRepository":
        return frozenset()
    if key.kind == "Receiver":
        return frozenset(config_refs(obj))
    if key.kind == "ImagePolicy":
        return frozenset({Key("ImageRepository", *repository_key(obj))})
    if key.kind == "GitRepository":
        return frozenset(Key("GitRepository", key.namespace, name) for name in included_names(obj))
    if key.kind == "ImageUpdateAutomation":
        return frozenset({Key(*source_key(obj)), any_policy(key.namespace)})
    depended = {Key("Kustomization", *owner) for owner in dependency_keys(obj)}
    return frozenset({Key(*source_key(obj)), *depended, *config_refs(obj)})


_REFERRED_TO = ("url", "sourceRef", "image", "accessFrom")


def outline(obj: Object) -> Object:
    """Return what others may go by of an object that is not ours: the rest may be large."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {k: metadata[k] for k in ("namespace", "name", "generation", "labels") if k in metadata},
        "spec": {k: obj["spec"][k] for k in _REFERRED_TO if k in obj["spec"]},
        "status": {k: v for k, v in status.items() if k not in ("inventory", "history")},
    }


def key_of(obj: Object) -> Key:
    return Key(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])


def artifact_of(obj: Object | None) -> Any:
    """Return a source's artifact, None when there is no source or it has none."""
    return ((obj or {}).get("status") or {}).get("artifact")


def scan_of(obj: Object | None) -> Any:
    """Return what policies go by of an ImageRepository: its tags, its name, and who may use it."""
    status, spec = (obj or {}).get("status") or {}, (obj or {}).get("spec") or {}
    found = status.get("lastScanResult") or {}
    return found.get("revision"), found.get("scanTime"), spec.get("image"), spec.get("accessFrom")


def any_policy(namespace: str) -> Key:
    """Return what stands for all ImagePolicies of a namespace: an automation names none of them."""
    return Key("ImagePolicy", namespace, "")


def image_of(policy: Object | None) -> Any:
    """Return the image that a policy has chosen, as an automation's status has it; None when it has none."""
    latest = ((policy or {}).get("status") or {}).get("latestRef")
    return {key: latest[key] for key in ("name", "tag", "digest") if latest.get(key)} if latest else None


def has_written(automation: Object, policy: Object) -> bool:
    """Tell whether an automation's last run has seen the image that a policy has chosen."""
    written = ((automation.get("status") or {}).get("observedPolicies") or {}).get(policy["metadata"]["name"])
    return bool(written == image_of(policy))


def is_ready(obj: Object) -> bool:
    """Tell whether an object is Ready as it is specified now."""
    status = obj.get("status") or {}
    current = status.get("observedGeneration") == obj["metadata"].get("generation")
    return current and conditions.is_true(conditions.of(obj), conditions.READY)


def was_refused(before: Object | None, now: Object) -> bool:
    """Tell whether a run has just said that an object waits for a dependency."""
    return _is_refused(word := _word_of(now)) and (before is None or _word_of(before) != word)


def _is_refused(ready: Mapping[str, Any]) -> bool:
    """Tell whether a Ready condition says that a dependency is waited for."""
    return ready.get("reason") == "DependencyNotReady"


def _word_of(obj: Object) -> Mapping[str, Any]:
    return conditions.find(conditions.of(obj), conditions.READY) or {}


def became_ready(before: Object | None, now: Object) -> bool:
    """Tell whether an object has become Ready, or is so at another revision, which others may wait for."""
    if not is_ready(now):
        return False
    applied = [((obj or {}).get("status") or {}).get("lastAppliedRevision") for obj in (before, now)]
    return before is None or not is_ready(before) or applied[0] != applied[1]


def story_of(obj: Object | None) -> Any:
    """Return what a commit's status tells of an object: another one is news for GitHub."""
    status = (obj or {}).get("status") or {}
    told = [
        (c.get("type"), c.get("status"), c.get("reason"), c.get("message"))
        for c in status.get("conditions") or []
    ]
    return (
        told,
        status.get("lastAppliedRevision"),
        status.get("lastAttemptedRevision"),
        status.get("artifact"),
    )
