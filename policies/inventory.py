# SPDX-License-Identifier: Apache-2.0
"""The list of what a Kustomization has applied, as Flux stores it in status.inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policies.objects import ObjectRef
from policies.stages import sort_key

Inventory = dict[str, list[dict[str, str]]]


def of(obj: Mapping[str, Any]) -> list[ObjectRef]:
    """Read an inventory; an entry that cannot be read is left out, as nothing can be done with it."""
    entries = ((obj.get("status") or {}).get("inventory") or {}).get("entries") or []
    refs = []
    for entry in entries:
        try:
            refs.append(ObjectRef.parse(entry["id"], entry["v"]))
        except (KeyError, ValueError):
            continue
    return refs


def union(*parts: Iterable[ObjectRef]) -> list[ObjectRef]:
    """Join lists of references; of the same object in two versions the later one stays."""
    return list({ref.id: ref for part in parts for ref in part}.values())


def difference(old: Iterable[ObjectRef], new: Iterable[ObjectRef]) -> list[ObjectRef]:
    """Return what is in `old` and no longer in `new`, whatever its version, last applied first."""
    kept = {ref.id for ref in new}
    return sorted((ref for ref in old if ref.id not in kept), key=sort_key, reverse=True)


def status(refs: Iterable[ObjectRef]) -> Inventory:
    """Write references in the form of status.inventory, in the order they are applied."""
    return {"entries": [{"id": ref.id, "v": ref.version} for ref in sorted(refs, key=sort_key)]}
