# SPDX-License-Identifier: Apache-2.0
"""Whether applying an object would change it, read off the answer to a dry-run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BOOKKEEPING = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def drifted(live: Mapping[str, Any], dry_run: Mapping[str, Any], *, fields: bool = True) -> bool:
    """Tell whether the dry-run's answer differs from the live object in anything a user wrote.

    With `fields` a change of what we own counts too, also when no value changes.
    """
    if _content(live) != _content(dry_run):
        return True
    return fields and _own_fields(live) != _own_fields(dry_run)


def _content(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in (obj.get("metadata") or {}).items() if k not in _BOOKKEEPING}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": metadata}


def _own_fields(obj: Mapping[str, Any]) -> Any:
    """Return which fields kustomize-controller owns: a change there matters even when no value does."""
    for entry in (obj.get("metadata") or {}).get("managedFields") or []:
        if (
            entry.get("manager") == "kustomize-controller"
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            return entry.get("fieldsV1")
    return None
