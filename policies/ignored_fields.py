# SPDX-License-Identifier: Apache-2.0
"""spec.ignore of a Kustomization: fields that are left to whoever else writes them.

They do not count as drift. When the object is applied for another reason, such a field is left out if
another applier owns it, and keeps its live value if nobody but us does; at creation Git's value counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2

from policies import pointers, selectors
from policies.errors import FairwayError
from policies.objects import Object, annotations_of, labels_of, split_api_version
from policies.ownership import FIELD_MANAGER
from policies.pointers import MISSING

Matches = Callable[[Object], bool]


class InvalidIgnoreRule(FairwayError):
    """A rule of spec.ignore cannot be understood; only a change of the Kustomization helps."""

    reason = "ReconciliationFailed"
    retryable = False


class IgnoredFields:
    """The compiled rules of one Kustomization."""

    def __init__(self, rules: Iterable[Mapping[str, Any]] | None) -> None:
        self._rules = [_compile(index, rule) for index, rule in enumerate(rules or [])]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def paths(self, obj: Object) -> list[str]:
        """Return the pointers that are ignored on this object."""
        return [path for matches, paths in self._rules if matches(obj) for path in paths]

    def compared(self, live: Object, dry_run: Object) -> tuple[Object, Object]:
        """Return both objects without the ignored fields; the dry-run's answer decides which those are."""
        paths = self.paths(dry_run)
        if not paths:
            return live, dry_run
        return pointers.without(live, paths), pointers.without(dry_run, paths)

    def payload(self, desired: Object, live: Object, dry_run: Object) -> Object:
        """Return what to apply, so that the ignored fields of the live object stay as they are."""
        left_out, adopted = [], {}
        for path in self.paths(dry_run):
            value = pointers.look_up(live, path)
            if value == pointers.look_up(dry_run, path):
                continue
            if value is MISSING or _owned_by_another(live, path):
                left_out.append(path)
            else:
                adopted[path] = value
        return pointers.replaced(pointers.without(desired, left_out), adopted)


def _compile(index: int, rule: Mapping[str, Any]) -> tuple[Matches, list[str]]:
    try:
        for path in rule["paths"]:
            pointers.segments(path)
        return _target(rule.get("target") or {}), list(rule["paths"])
    except (ValueError, re2.error) as error:
        raise InvalidIgnoreRule(f"spec.ignore[{index}] is invalid: {error}") from error


def _target(target: Mapping[str, str]) -> Matches:
    patterns = {key: re2.compile(f"^(?:{target[key]})$") for key in _READ if target.get(key)}
    labels = selectors.parse(target.get("labelSelector", ""))
    annotations = selectors.parse(target.get("annotationSelector", ""))

    def matches(obj: Object) -> bool:
        return (
            all(pattern.search(_READ[key](obj)) for key, pattern in patterns.items())
            and labels(labels_of(obj))
            and annotations(annotations_of(obj))
        )

    return matches


_READ: dict[str, Callable[[Object], str]] = {
    "group": lambda obj: split_api_version(obj["apiVersion"])[0],
    "version": lambda obj: split_api_version(obj["apiVersion"])[1],
    "kind": lambda obj: str(obj["kind"]),
    "name": lambda obj: str(obj["metadata"].get("name", "")),
    "namespace": lambda obj: str(obj["metadata"].get("namespace", "")),
}


def _owned_by_another(live: Object, path: str) -> bool:
    """Tell whether a server-side applier other than us owns the field."""
    applied = [
        entry
        for entry in (live.get("metadata") or {}).get("managedFields") or []
        if entry.get("operation") == "Apply" and not entry.get("subresource")
    ]
    steps = _fields_path(live, path, [entry.get("fieldsV1") or {} for entry in applied])
    return steps is not None and any(
        entry.get("manager") != FIELD_MANAGER and _contains(entry.get("fieldsV1") or {}, steps)
        for entry in applied
    )


def _fields_path(live: Object, path: str, sets: list[Mapping[str, Any]]) -> list[str] | None:
    """Return the pointer in the terms of fieldsV1; None when a list's entry cannot be told by its keys."""
    steps: list[str] = []
    here: Any = live
    for segment in pointers.segments(path):
        if isinstance(here, list):
            here = here[int(segment)] if segment.isdigit() and int(segment) < len(here) else MISSING
            key = _merge_key(here, steps, sets)
            if key is None:
                return None
            steps.append(key)
        else:
            here = here.get(segment, MISSING) if isinstance(here, dict) else MISSING
            steps.append(f"f:{segment}")
    return steps


def _merge_key(item: Any, steps: list[str], sets: list[Mapping[str, Any]]) -> str | None:
    if not isinstance(item, dict):
        return None
    for fields in sets:
        for key in _node(fields, steps) or {}:
            if key.startswith("k:") and all(item.get(k) == v for k, v in json.loads(key[2:]).items()):
                return key
    return None


def _contains(fields: Mapping[str, Any], steps: list[str]) -> bool:
    return _node(fields, steps) is not None


def _node(fields: Mapping[str, Any], steps: list[str]) -> Mapping[str, Any] | None:
    here: Any = fields
    for step in steps:
        if not isinstance(here, Mapping) or step not in here:
            return None
        here = here[step]
    return here if isinstance(here, Mapping) else None
