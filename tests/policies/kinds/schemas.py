# SPDX-License-Identifier: Apache-2.0
"""Walk and compare structural schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Lists whose order says nothing.
_UNORDERED = ("required", "enum", "categories", "shortNames", "x-kubernetes-validations")
_PROSE = ("description",)


def without_prose(node: Any, *, of_schema: bool = True) -> Any:
    """Drop descriptions, but not fields that are called so, and sort what has no order."""
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if of_schema and key in _PROSE:
            continue
        # The keys below `properties` are names of fields, whatever they look like.
        value = without_prose(value, of_schema=not (of_schema and key == "properties"))
        kept[key] = (
            sorted(value, key=str) if of_schema and key in _UNORDERED and isinstance(value, list) else value
        )
    return kept


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Name each place where two documents differ, as `path: ours, upstream theirs`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            if key not in ours:
                yield f"{path}/{key}: missing, upstream {theirs[key]!r}"
            elif key not in theirs:
                yield f"{path}/{key}: {ours[key]!r}, upstream has none"
            else:
                yield from differences(ours[key], theirs[key], f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif ours != theirs:
        yield f"{path}: {ours!r}, upstream {theirs!r}"


def root_schema(crd: dict[str, Any], version: str = "") -> dict[str, Any]:
    """Return the schema of a version, by default the stored one."""
    [found] = [
        v["schema"]["openAPIV3Schema"]
        for v in crd["spec"]["versions"]
        if (v["name"] == version if version else v["storage"])
    ]
    schema: dict[str, Any] = found
    return schema


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and schema of every field, nested ones too."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}".lstrip("."), inner
        yield from fields(inner, f"{path}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from fields(inner, f"{path}[]")


def descriptions(schema: dict[str, Any]) -> set[str]:
    """Return every description in a schema, with its white space and case evened out."""
    found = {schema.get("description", ""), *(inner.get("description", "") for _, inner in fields(schema))}
    return {" ".join(text.split()).lower().rstrip(".") for text in found} - {""}
