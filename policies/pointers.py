# SPDX-License-Identifier: Apache-2.0
"""JSON pointers (RFC 6901) into objects: look up, remove, replace."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from policies.objects import Object

MISSING = object()


def segments(pointer: str) -> list[str]:
    """Split a pointer into unescaped segments; raises ValueError unless it begins with a slash."""
    if not pointer.startswith("/"):
        raise ValueError(f"'{pointer}' is no JSON pointer: it must begin with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def look_up(obj: Any, pointer: str) -> Any:
    """Return the value a pointer leads to, MISSING when there is none."""
    for segment in segments(pointer):
        obj = _step(obj, segment)
        if obj is MISSING:
            return MISSING
    return obj


def without(obj: Object, pointers: list[str]) -> Object:
    """Return a copy of the object without what the pointers lead to, taken away in their order."""
    copy = deepcopy(obj)
    for pointer in pointers:
        *path, last = segments(pointer)
        parent = _walk(copy, path)
        if isinstance(parent, dict):
            parent.pop(last, None)
        elif isinstance(parent, list) and _step(parent, last) is not MISSING:
            del parent[int(last)]
    return copy


def replaced(obj: Object, values: dict[str, Any]) -> Object:
    """Return a copy with other values where the pointers lead; what is not there stays absent."""
    copy = deepcopy(obj)
    for pointer, value in values.items():
        *path, last = segments(pointer)
        parent = _walk(copy, path)
        if _step(parent, last) is not MISSING:
            parent[last if isinstance(parent, dict) else int(last)] = value
    return copy


def _walk(obj: Any, path: list[str]) -> Any:
    for segment in path:
        obj = _step(obj, segment)
    return obj


def _step(obj: Any, segment: str) -> Any:
    if isinstance(obj, dict):
        return obj.get(segment, MISSING)
    if isinstance(obj, list) and segment.isdigit() and int(segment) < len(obj):
        return obj[int(segment)]
    return MISSING
