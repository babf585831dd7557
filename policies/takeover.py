# SPDX-License-Identifier: Apache-2.0
"""What other managers left on an object that is ours now, and the patch that takes it over.

Fields that kubectl, an older controller or a manager named by the administrator wrote would stay for ever,
also after they were removed from Git: server-side apply takes away only what the applier itself owns. So
their entries in managedFields are given to us before the object is applied, and kubectl's and old
controllers' bookkeeping is removed. `ssa: Merge` on the object leaves all of that alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policies.objects import Object, annotations_of, labels_of
from policies.ownership import FIELD_MANAGER, says

_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
)
_LABELS = ("fluxcd.io/sync-gc-mark",)
# By the beginning of the manager's name, with its operation.
_MANAGERS = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    (FIELD_MANAGER, "Update"),
)

Patch = list[dict[str, Any]]


def takeover(
    desired: Object, live: Object, *, managers: Iterable[str] = (), migrate_version: bool = False
) -> Patch:
    """Return the JSON patch for the live object; empty when there is nothing to take over.

    `managers` are further names whose fields are taken (Flux's --override-manager); `migrate_version` also
    renames the API version of every entry (gate MigrateAPIVersion).
    """
    entries = list((live.get("metadata") or {}).get("managedFields") or [])
    wanted = entries
    if migrate_version:
        wanted = [{**entry, "apiVersion": desired["apiVersion"]} for entry in wanted]
    patch: Patch = []
    if not says("ssa", "merge", desired, live):
        patch += _removals("annotations", annotations_of(live), _ANNOTATIONS)
        patch += _removals("labels", labels_of(live), _LABELS)
        wanted = _taken(wanted, _disallowed(managers))
    if wanted != entries:
        patch.append({"op": "replace", "path": "/metadata/managedFields", "value": wanted})
    return patch


def _disallowed(managers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return _MANAGERS + tuple((name, operation) for name in managers for operation in ("Apply", "Update"))


def _removals(where: str, found: Mapping[str, str], keys: Iterable[str]) -> Patch:
    return [
        {"op": "remove", "path": f"/metadata/{where}/{key.replace('~', '~0').replace('/', '~1')}"}
        for key in keys
        if key in found
    ]


def _taken(entries: list[Any], disallowed: Iterable[tuple[str, str]]) -> list[Any]:
    """Return the entries with those of the disallowed managers merged into ours."""
    ours = next((e for e in entries if is_ours(e)), None)
    kept: list[Any] = []
    taken: list[Any] = []
    for entry in entries:
        if entry is ours:
            continue
        (taken if _matches(entry, disallowed) else kept).append(entry)
    if not taken:
        return entries
    first = ours or {**taken.pop(0), "manager": FIELD_MANAGER, "operation": "Apply"}
    fields: Mapping[str, Any] = first.get("fieldsV1") or {}
    for entry in taken:
        fields = _union(fields, entry.get("fieldsV1") or {})
    # With its own time ours would read as after our last apply, which it is not: the values are theirs.
    times = [str(entry["time"]) for entry in (first, *taken) if entry.get("time")]
    return [*kept, {**first, "fieldsV1": fields, **({"time": max(times)} if times else {})}]


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry of managedFields is our own apply of the object."""
    return (
        entry.get("manager") == FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def is_taken_over(entry: Mapping[str, Any], managers: Iterable[str] = ()) -> bool:
    """Tell whether an entry is one whose fields are given to us."""
    return _matches(entry, _disallowed(managers))


def _matches(entry: Mapping[str, Any], disallowed: Iterable[tuple[str, str]]) -> bool:
    if entry.get("subresource"):
        return False
    manager, operation = str(entry.get("manager", "")), entry.get("operation")
    return any(manager.startswith(name) and operation == how for name, how in disallowed)


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Join two field sets; the keys are field paths, the leaves empty objects."""
    joined = dict(one)
    for key, value in other.items():
        joined[key] = _union(joined.get(key) or {}, value or {})
    return joined
