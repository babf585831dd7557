# SPDX-License-Identifier: Apache-2.0
"""What differs between two renderings of a Kustomization, object by object."""

from __future__ import annotations

from collections.abc import Iterable

from policies import field_diff
from policies.images.content import Changed
from policies.objects import Object

_Id = tuple[str, str, str, str]


def changed(before: Iterable[Object], after: Iterable[Object]) -> tuple[Changed, ...]:
    """Return the objects that are rendered otherwise, in the later order, and then what is gone."""
    old, new = ({_id(obj): obj for obj in objects} for objects in (before, after))
    found = []
    for key, obj in new.items():
        if key not in old:
            found.append(Changed(_name(obj), how="new"))
        elif fields := field_diff.compare(old[key], obj):
            found.append(Changed(_name(obj), tuple(fields)))
    found += [Changed(_name(obj), how="gone") for key, obj in old.items() if key not in new]
    return tuple(found)


def _id(obj: Object) -> _Id:
    metadata = obj.get("metadata") or {}
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return group, str(obj.get("kind", "")), str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _name(obj: Object) -> str:
    _, kind, namespace, name = _id(obj)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
