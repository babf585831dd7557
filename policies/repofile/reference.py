# SPDX-License-Identifier: Apache-2.0
"""The table of keys in the documentation, written from the schema."""

from __future__ import annotations

from collections.abc import Iterator

from policies.repofile import model
from policies.repofile.schema import Schema, document

# What may stand in the place of a name that people choose, by the mapping that it is in.
_NAMES = {"instances": "CLUSTER", "environments": "ENVIRONMENT", "orders": "ORDER"}
# The same wherever somebody is named, so they have rows of their own.
_DECIDERS = tuple(model.Deciders.model_fields)


def table() -> str:
    """Return a row for each key, in Markdown."""
    rows = ["| key | value | meaning |", "|---|---|---|"]
    rows += [f"| `{path}` | {value} | {meaning} |" for path, value, meaning in _rows("", document())]
    rule = _mapping({"$ref": "#/$defs/EnvironmentOrder"})["properties"]
    rows += [f"| …`.{key}` | {_value(rule[key])} | {rule[key]['description']} |" for key in _DECIDERS]
    return "\n".join(rows) + "\n"


def _rows(path: str, schema: Schema) -> Iterator[tuple[str, str, str]]:
    whole = _mapping(schema)
    for key, inner in whole.get("properties", {}).items():
        if path == "orders":
            # All orders are alike, so one row stands for each.
            yield from _chosen(path, {"$ref": inner["$ref"]})
            return
        if key not in _DECIDERS:
            place = f"{path}.{key}".lstrip(".")
            yield place, _value(inner), _resolved(inner)["description"]
            yield from _rows(place, inner.get("items", inner))
    for inner in whole.get("patternProperties", {}).values():
        yield from _chosen(path, inner)


def _chosen(path: str, schema: Schema) -> Iterator[tuple[str, str, str]]:
    place = f"{path}.{_NAMES[path.rpartition('.')[2]]}"
    yield place, _value(schema), _resolved(schema)["description"]
    yield from _rows(place, schema)


def _value(schema: Schema) -> str:
    schema = _resolved(schema)
    if "anyOf" in schema:
        return ", or ".join(map(_value, schema["anyOf"]))
    default = schema.get("default")
    if isinstance(default, bool):
        default = "on" if default else "off"
    return _kind(schema) + ("" if default is None else f", default `{default}`")


def _kind(schema: Schema) -> str:
    match schema.get("type"):
        case "integer":
            return f"{schema['minimum']} to {schema['maximum']}"
        case "array":
            return f"list of {_value(schema['items'])}"
        case "string" if "enum" in schema:
            return ", ".join(f"`{word}`" for word in schema["enum"])
        case "string":
            return "text"
        case "object":
            return "mapping"
    return f"`{schema['const']}`" if "const" in schema else "`on`, `off`"


def _mapping(schema: Schema) -> Schema:
    schema = _resolved(schema)
    return _mapping(schema["anyOf"][-1]) if "anyOf" in schema else schema


def _resolved(schema: Schema) -> Schema:
    if reference := schema.get("$ref"):
        beside = {key: inner for key, inner in schema.items() if key != "$ref"}
        return {**document()["$defs"][reference.rpartition("/")[2]], **beside}
    return schema
