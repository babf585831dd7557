# SPDX-License-Identifier: Apache-2.0
"""What differs between two objects, field by field, for people; a Secret's values are never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies.objects import Object

_BOOKKEEPING = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
_MASK = "*****"
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path, and its values as text, None where it is absent."""

    path: str
    live: str | None
    wanted: str | None


def compare(live: Object, wanted: Object) -> list[Field]:
    """Return the fields that differ, in the order of their paths; status does not count."""
    secret = live.get("kind") == "Secret" and live.get("apiVersion") == "v1"
    found = list(_walk("", _content(live), _content(wanted)))
    return [_shown(path, old, new, mask=secret and _is_value(path)) for path, old, new in found]


def _content(obj: Object) -> dict[str, Any]:
    metadata = {k: v for k, v in (obj.get("metadata") or {}).items() if k not in _BOOKKEEPING}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": metadata}


def _is_value(path: str) -> bool:
    return path.split(".", 1)[0] in ("data", "stringData")


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _walk(_below(path, key), old.get(key, ABSENT), new.get(key, ABSENT))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = _keyed(old), _keyed(new)
        for key in dict.fromkeys([*before, *after]):
            yield from _walk(f"{path}[{key}]", before.get(key, ABSENT), after.get(key, ABSENT))
    elif old != new:
        yield path, old, new


def _below(path: str, key: str) -> str:
    step = f'["{key}"]' if "." in key or "/" in key else f".{key}"
    return (path + step).removeprefix(".")


def _keyed(items: list[Any]) -> dict[str, Any]:
    """Tell a list's entries apart by their names where each has one of its own, else by their places."""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    if items and all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return dict(zip((f"name={name}" for name in names), items, strict=True))
    return {str(place): item for place, item in enumerate(items)}


def _shown(path: str, old: Any, new: Any, *, mask: bool) -> Field:
    if mask:
        # A whole map that came or went holds values too.
        return Field(
            path,
            None if old is ABSENT else f"{_MASK} (before)",
            None if new is ABSENT else f"{_MASK} (after)",
        )
    return Field(path, _text(old), _text(new))


def _text(value: Any) -> str | None:
    if value is ABSENT:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
