# SPDX-License-Identifier: Apache-2.0
"""Draw values that a structural schema admits."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_CHARACTERS = st.characters(codec="utf-8")


def admitted(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of the values a structural schema lets pass."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            return _objects(schema)
        case "array":
            bounds = {"min_size": schema.get("minItems", 0), "max_size": min(schema.get("maxItems", 3), 3)}
            distinct = schema.get("x-kubernetes-list-type") in ("set", "map")
            unique = {"unique_by": _key(schema)} if distinct else {}
            return st.lists(admitted(schema["items"]), **bounds, **unique)
        case "string":
            return _strings(schema)
        case "integer":
            return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))
        case "boolean":
            return st.booleans()
    raise AssertionError(f"no values are drawn for {schema}")


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "additionalProperties" in schema:
        return st.dictionaries(st.text(_CHARACTERS), admitted(schema["additionalProperties"]), max_size=2)
    fields = {name: admitted(inner) for name, inner in schema.get("properties", {}).items()}
    needed = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: fields[name] for name in needed},
        optional={name: field for name, field in fields.items() if name not in needed},
    )


def _strings(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.sampled_from(["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5+01:00"])
    if "pattern" not in schema:
        return st.text(_CHARACTERS, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 20))
    # To the API server `$` is the very end; to Python it is also before a last line feed.
    longest = schema.get("maxLength", 10_000)
    return st.from_regex(schema["pattern"].replace("$", r"\Z")).filter(lambda text: len(text) <= longest)


def _key(schema: dict[str, Any]) -> Any:
    keys = schema.get("x-kubernetes-list-map-keys")
    return (lambda item: tuple(item[key] for key in keys)) if keys else (lambda item: item)
