# SPDX-License-Identifier: Apache-2.0
"""Write a model as a CustomResourceDefinition with a structural schema.

pydantic gives a JSON schema; a structural one has no references, no alternatives with null and no titles,
and a default in it is filled in by the API server, so only those marked with `x-default` are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
_ORDER = ("description", "type", "format", "enum", "pattern", "default", "properties", "items", "required")


@dataclass(frozen=True)
class Definition:
    """Names and columns of a kind: what a CustomResourceDefinition says besides the schema."""

    group: str
    version: str
    kind: str
    plural: str
    scope: str = "Namespaced"
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[tuple[str, str, str], ...] = ()  # name, type, jsonPath


def document(kind: Any) -> Schema:
    """Return the CustomResourceDefinition of a kind, ready to be written as YAML."""
    about: Definition = kind.definition
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
            "names": names,
            "scope": about.scope,
            "versions": [_version(kind, about)],
        },
    }


def _version(kind: Any, about: Definition) -> Schema:
    generated = kind.model_json_schema(by_alias=True)
    definitions = generated.get("$defs", {})
    properties = {
        "apiVersion": {"type": "string", "description": "The version of the API this object is written in."},
        "kind": {"type": "string", "description": f"The kind of this object: {about.kind}."},
        "metadata": {"type": "object"},
        "spec": _structural(generated["properties"]["spec"], definitions),
        "status": _structural(generated["properties"]["status"], definitions),
    }
    if about.group.endswith("fluxcd.io"):
        properties["status"]["default"] = {"observedGeneration": -1}
    return {
        "name": about.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {"name": name, "type": kind_of, "jsonPath": path} for name, kind_of, path in about.columns
        ],
        "schema": {
            "openAPIV3Schema": {
                "description": _sentence(kind.__doc__),
                "type": "object",
                "properties": properties,
            }
        },
        "subresources": {"status": {}},
    }


def _structural(schema: Schema, definitions: Schema) -> Schema:
    schema = dict(schema)
    if "anyOf" in schema:
        [alternative] = [a for a in schema.pop("anyOf") if a.get("type") != "null"]
        schema = {**alternative, **schema}
    if "$ref" in schema:
        referred = definitions[schema.pop("$ref").rsplit("/", 1)[-1]]
        schema = {**referred, **schema}
    schema.pop("title", None)
    schema.pop("default", None)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "x-default" in schema:
        schema["default"] = schema.pop("x-default")
    if "description" in schema:
        schema["description"] = _sentence(schema["description"])
    if "properties" in schema:
        schema["properties"] = {
            k: _structural(v, definitions) for k, v in sorted(schema["properties"].items())
        }
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            schema[inner] = _structural(schema[inner], definitions)
    if "required" in schema:
        schema["required"] = sorted(schema["required"])
    known = {key: schema[key] for key in _ORDER if key in schema}
    return known | dict(sorted((key, value) for key, value in schema.items() if key not in known))


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())
