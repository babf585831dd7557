# SPDX-License-Identifier: Apache-2.0
"""Write a model as a CustomResourceDefinition with a structural schema.

pydantic gives a JSON schema; a structural one has no references, no alternatives with null and no titles,
and a default in it is filled in by the API server, so only those marked with `default()` are kept.
"""

from __future__ import annotations

from typing import Any

from policies.kinds.kind import Column, Definition, Kind
from policies.kinds.meta import DEFAULT_MARK

Schema = dict[str, Any]
_ORDER = ("description", "type", "format", "enum", "pattern", "default", "properties", "items", "required")


def document(kind: type[Kind]) -> Schema:
    """Return the CustomResourceDefinition of a kind, ready to be written as YAML."""
    about = kind.definition
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{about.plural}.{about.group}",
            # Descriptions may hold ${...}; a Kustomization that installs the CRDs must not fill them in.
            "annotations": {"kustomize.toolkit.fluxcd.io/substitute": "disabled"},
        },
        "spec": {
            "group": about.group,
            "names": _names(about),
            "scope": about.scope,
            "versions": [_version(kind)],
        },
    }


def _names(about: Definition) -> Schema:
    names: Schema = {
        "kind": about.kind,
        "listKind": f"{about.kind}List",
        "plural": about.plural,
        "singular": about.kind.lower(),
    }
    if about.short_names:
        names["shortNames"] = list(about.short_names)
    if about.categories:
        names["categories"] = list(about.categories)
    return names


def _version(kind: type[Kind]) -> Schema:
    about = kind.definition
    return {
        "name": about.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in about.columns],
        "schema": {"openAPIV3Schema": _root(kind)},
        "subresources": {"status": {}},
    }


def _column(column: Column) -> Schema:
    said: Schema = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return said | ({"priority": column.priority} if column.priority else {})


def _root(kind: type[Kind]) -> Schema:
    about = kind.definition
    generated = kind.model_json_schema(by_alias=True)
    definitions = generated.get("$defs", {})
    status = _structural(generated["properties"]["status"], definitions)
    if about.initial_status:
        status["default"] = dict(about.initial_status)
    root: Schema = {
        "description": _sentence(kind.__doc__),
        "type": "object",
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": "The version of the API the object is written in.",
            },
            "kind": {"type": "string", "description": f"The kind of the object: {about.kind}."},
            "metadata": {"type": "object"},
            "spec": _structural(generated["properties"]["spec"], definitions),
            "status": status,
        },
    }
    return root | ({"required": ["spec"]} if about.spec_required else {})


def _structural(schema: Schema, definitions: Schema) -> Schema:
    schema = _resolved(schema, definitions)
    schema.pop("title", None)
    schema.pop("default", None)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if DEFAULT_MARK in schema:
        schema["default"] = schema.pop(DEFAULT_MARK)
    if "description" in schema:
        schema["description"] = _sentence(schema["description"])
    if "properties" in schema:
        found = sorted(schema["properties"].items())
        schema["properties"] = {name: _structural(inner, definitions) for name, inner in found}
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            schema[inner] = _structural(schema[inner], definitions)
    if "required" in schema:
        schema["required"] = sorted(schema["required"])
    known = {key: schema[key] for key in _ORDER if key in schema}
    return known | dict(sorted((key, value) for key, value in schema.items() if key not in known))


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Put what a schema refers to in its place; what stands beside a reference goes before it."""
    schema = dict(schema)
    if "anyOf" in schema:
        [alternative] = [a for a in schema.pop("anyOf") if a.get("type") != "null"]
        schema = {**alternative, **schema}
    if "$ref" in schema:
        referred = definitions[schema.pop("$ref").rsplit("/", 1)[-1]]
        schema = {**referred, **schema}
    return schema


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())
