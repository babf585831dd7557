# SPDX-License-Identifier: Apache-2.0
"""The format as JSON Schema 2020-12: what editors check by and what problems take their words from."""

from __future__ import annotations

import functools
from typing import Any

from policies.repofile import model, verbs
from policies.repofile.positions import Path
from policies.repofile.texts import SWITCH_SCHEMA

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ORDER = ("$schema", "title", "description", "type", "const", "enum", "pattern", "default")


@functools.cache
def document() -> Schema:
    """Return the schema of `.fairway.yaml`; not to be changed."""
    generated = model.RepositoryFile.model_json_schema(by_alias=True)
    definitions = generated.pop("$defs")
    # `off` in the place of a rule is read by a validator.
    for name in ("Order", "EnvironmentOrder"):
        about = definitions[name].pop("description")
        definitions[name] = {"description": about, "anyOf": [SWITCH_SCHEMA, definitions[name]]}
    orders = generated["properties"]["orders"]
    rule = orders.pop("additionalProperties")
    orders["properties"] = {
        verb: {**rule, "description": f"Who decides on /{verb}."} for verb in sorted(verbs.ROLES)
    }
    orders["additionalProperties"] = False
    whole = {"$schema": _DIALECT, **generated, "$defs": dict(sorted(definitions.items()))}
    return {**_tidy(whole), "title": f"Fairway's {model.NAME}"}


def published() -> Schema:
    """Return the schema as it is given to others."""
    return document()


def keys(path: Path) -> tuple[str, ...]:
    """Return the keys that a mapping at a path may have; none where people choose the names."""
    return tuple(name for found in _at(path) for name in found.get("properties", ()))


def _tidy(schema: Any, *, named: bool = False) -> Any:
    """Leave out pydantic's titles and the defaults of mappings and lists; `named`: the keys are names."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {name: _tidy(inner) for name, inner in schema.items()}
    found = {
        key: _tidy(inner, named=key in ("properties", "patternProperties", "$defs"))
        for key, inner in schema.items()
        if key != "title" and not (key == "default" and isinstance(inner, list | dict))
    }
    if "description" in found:
        found["description"] = " ".join(found["description"].split())
    # What is chosen by people must fit the pattern, or the key is an error.
    if "patternProperties" in found:
        found["additionalProperties"] = False
    first = {key: found[key] for key in _ORDER if key in found}
    return first | {key: inner for key, inner in found.items() if key not in first}


def _at(path: Path) -> list[Schema]:
    """Return every schema that speaks of what stands at a path."""
    found = [document()]
    for part in path:
        found = [inner for schema in _resolved(found) for inner in _inside(schema, part)]
    return _resolved(found)


def _inside(schema: Schema, part: str | int) -> list[Schema]:
    if isinstance(part, int):
        return [schema["items"]] if "items" in schema else []
    if part in schema.get("properties", {}):
        return [schema["properties"][part]]
    return list(schema.get("patternProperties", {}).values())


def _resolved(schemas: list[Schema]) -> list[Schema]:
    """Add what schemas refer to and choose between."""
    found = []
    for schema in schemas:
        found.append(schema)
        found += _resolved(schema.get("anyOf", []))
        if reference := schema.get("$ref"):
            found += _resolved([document()["$defs"][reference.rsplit("/", 1)[-1]]])
    return found
