# SPDX-License-Identifier: Apache-2.0
"""Read fields of objects nobody has validated: a custom resource may hold anything under any name.

A counter or name of the wrong type counts as absent, as in kstatus. What the verdict hangs on, generations
and conditions, has to be readable: `Unreadable` becomes the verdict Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Unreadable(Exception):
    """A field the verdict hangs on has another type than Kubernetes gives it."""


class Condition(NamedTuple):
    """The four parts of a condition that say something about health."""

    type: str
    status: str
    reason: str
    message: str


def lookup(obj: Mapping[str, Any], path: str) -> tuple[Any, bool]:
    """Return the value at a dotted path and whether it is there; raises Unreadable on the way."""
    value: Any = obj
    for name in path.split("."):
        if value is None:
            return None, False
        if not isinstance(value, Mapping):
            raise Unreadable(f"{path} cannot be read: {name!r} is looked for in {_kind(value)}")
        if name not in value:
            return None, False
        value = value[name]
    return value, True


def integer(obj: Mapping[str, Any], path: str, default: int) -> int:
    try:
        value, _ = lookup(obj, path)
    except Unreadable:
        return default
    return value if _is_integer(value) else default


def text(obj: Mapping[str, Any], path: str, default: str = "") -> str:
    try:
        value, _ = lookup(obj, path)
    except Unreadable:
        return default
    return value if isinstance(value, str) else default


def required_integer(obj: Mapping[str, Any], path: str) -> int | None:
    """Return an integer, or None when it is absent; raises Unreadable when it is something else."""
    value, found = lookup(obj, path)
    if found and not _is_integer(value):
        raise Unreadable(f"{path} is {_kind(value)}, not an integer")
    return value if found else None


def required_text(obj: Mapping[str, Any], path: str) -> str | None:
    """Return a string, or None when it is absent; raises Unreadable when it is something else."""
    value, found = lookup(obj, path)
    if found and not isinstance(value, str):
        raise Unreadable(f"{path} is {_kind(value)}, not a string")
    return value if found else None


def conditions(obj: Mapping[str, Any]) -> list[Condition]:
    """Return status.conditions in their order; raises Unreadable when they are none."""
    found, _ = lookup(obj, "status.conditions")
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unreadable(f"status.conditions is {_kind(found)}, not a list")
    return [_condition(entry) for entry in found]


def _condition(entry: Any) -> Condition:
    if not isinstance(entry, Mapping | None):
        raise Unreadable(f"status.conditions holds {_kind(entry)}")
    parts = [(entry or {}).get(name) for name in Condition._fields]
    if any(not isinstance(part, str | None) for part in parts):
        raise Unreadable("status.conditions holds a condition whose parts are not all strings")
    return Condition(*(part or "" for part in parts))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")
