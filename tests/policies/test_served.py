# SPDX-License-Identifier: Apache-2.0
"""No field is ignored in silence: each one that the kinds know is served, or refused with its name."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from policies.kinds.gitrepository import GitRepositorySpec
from policies.kinds.kustomization import KustomizationSpec
from policies.served import unserved

URL = "https://github.com/acme/fleet"
BASE: dict[str, dict[str, Any]] = {
    "Kustomization": {"interval": "1m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "x"}},
    "GitRepository": {"interval": "1m", "url": URL},
}


def fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf field with a value for it; a choice yields each of its values."""
    for name, field in model.model_fields.items():
        yield from values(f"{path}{field.alias or name}", field.annotation)


def values(path: str, kind: Any) -> Iterator[tuple[str, Any]]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        yield from values(path, arguments[0])
    elif origin in (typing.Union, types.UnionType):
        (present,) = [one for one in arguments if one is not type(None)]
        yield from values(path, present)
    elif origin is list:
        yield from values(f"{path}[]", arguments[0])
    elif origin is Literal:
        yield from ((f"{path}={one}", one) for one in arguments)
    elif origin is dict:
        yield path, {"key": "value"}
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from fields(kind, f"{path}.")
    else:
        yield path, URL if path == "url" else {str: "x", bool: True, int: 1}[kind]


def with_field(kind: str, path: str, value: Any) -> dict[str, Any]:
    """Return the kind's smallest spec with one more field."""
    spec = {key: dict(part) if isinstance(part, dict) else part for key, part in BASE[kind].items()}
    place, (*parents, last) = spec, path.partition("=")[0].split(".")
    for part in parents:
        name = part.removesuffix("[]")
        below: dict[str, Any] = dict(place[name]) if isinstance(place.get(name), dict) else {}
        place[name] = [below] if part.endswith("[]") else below
        place = below
    place[last.removesuffix("[]")] = [value] if last.endswith("[]") else value
    return spec


KNOWN = [
    (kind, path, value)
    for kind, model in (("Kustomization", KustomizationSpec), ("GitRepository", GitRepositorySpec))
    for path, value in fields(model)
]
_TARGET = ("annotationSelector", "labelSelector", "group", "kind", "name", "namespace", "version")
SERVED = {
    "Kustomization": {
        *("buildMetadata[]=originAnnotations", "buildMetadata[]=transformerAnnotations"),
        *("commonMetadata.annotations", "commonMetadata.labels", "components[]", "ignoreMissingComponents"),
        *("decryption.provider=sops", "decryption.secretRef.name", "decryption.serviceAccountName"),
        *("deletionPolicy=MirrorPrune", "deletionPolicy=Delete", "deletionPolicy=Orphan"),
        *("deletionPolicy=WaitForTermination", "force", "ignore[].paths[]"),
        *(f"ignore[].target.{name}" for name in _TARGET),
        *("dependsOn[].name", "dependsOn[].namespace", "dependsOn[].readyExpr"),
        *(f"healthCheckExprs[].{name}" for name in ("apiVersion", "current", "failed", "inProgress", "kind")),
        *(f"healthChecks[].{name}" for name in ("apiVersion", "kind", "name", "namespace")),
        *(f"images[].{name}" for name in ("digest", "name", "newName", "newTag")),
        *("interval", "retryInterval", "timeout", "namePrefix", "nameSuffix", "targetNamespace", "path"),
        "patches[].patch",
        *(f"patches[].target.{name}" for name in _TARGET),
        *("postBuild.substitute", "postBuild.substituteFrom[].name", "postBuild.substituteFrom[].optional"),
        *("postBuild.substituteFrom[].kind=Secret", "postBuild.substituteFrom[].kind=ConfigMap"),
        *("postBuild.substituteStrategy=WithVariables", "postBuild.substituteStrategy=Always"),
        *("prune", "serviceAccountName", "suspend", "wait"),
        *("kubeConfig.configMapRef.name", "kubeConfig.secretRef.key", "kubeConfig.secretRef.name"),
        *("sourceRef.apiVersion", "sourceRef.kind=GitRepository", "sourceRef.name", "sourceRef.namespace"),
    },
    "GitRepository": {
        *("ignore", "interval", "timeout", "suspend", "secretRef.name", "url", "verify.secretRef.name"),
        *("include[].fromPath", "include[].repository.name", "include[].toPath", "proxySecretRef.name"),
        *("recurseSubmodules", "sparseCheckout[]"),
        *(f"verify.mode={mode}" for mode in ("head", "HEAD", "Tag", "TagAndHEAD")),
        *("provider=generic", "provider=github"),
        *(f"ref.{name}" for name in ("branch", "commit", "name", "semver", "tag")),
    },
}


@pytest.mark.parametrize(
    ("kind", "path", "value"), [pytest.param(*known, id=f"{known[0]}-{known[1]}") for known in KNOWN]
)
def test_a_field_is_served_or_refused_by_name(kind: str, path: str, value: Any) -> None:
    refusal = unserved(kind, with_field(kind, path, value))
    assert bool(refusal) is (path not in SERVED[kind]), refusal
    if refusal:
        top = path.partition("=")[0].partition(".")[0].removesuffix("[]")
        assert refusal.startswith(f"spec.{top}")
        assert refusal.endswith(" not served by Fairway yet")


def test_the_list_of_served_fields_names_only_fields_there_are() -> None:
    known = {(kind, path) for kind, path, _ in KNOWN}
    assert {(kind, path) for kind, paths in SERVED.items() for path in paths} <= known


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        pytest.param("Kustomization", {}, id="a-small-kustomization"),
        pytest.param("GitRepository", {}, id="a-small-git-repository"),
        pytest.param("GitRepository", {"url": "http://forge/acme/fleet"}, id="plain-http"),
        pytest.param("GitRepository", {"provider": None}, id="no-provider"),
        pytest.param("Kustomization", {"force": False, "ignore": [], "dependsOn": None}, id="switched-off"),
        pytest.param("GitRepository", {"recurseSubmodules": False, "include": []}, id="switched-off-as-well"),
        pytest.param("Bucket", {"force": True}, id="a-kind-that-is-judged-elsewhere"),
    ],
)
def test_nothing_is_refused_that_asks_for_nothing_special(kind: str, more: dict[str, Any]) -> None:
    assert unserved(kind, {**BASE.get(kind, {}), **more}) == ""


@pytest.mark.parametrize(
    ("kind", "more", "named"),
    [
        ("GitRepository", {"provider": "aws"}, "spec.provider aws"),
        ("Kustomization", {"sourceRef": {"kind": "Bucket", "name": "x"}}, "spec.sourceRef of kind Bucket"),
        ("Kustomization", {"sourceRef": None}, "spec.sourceRef of kind None"),
        ("Kustomization", {"force": True, "sourceRef": {"kind": "Bucket"}}, "spec.sourceRef of kind Bucket"),
    ],
)
def test_a_refusal_names_what_is_not_served(kind: str, more: dict[str, Any], named: str) -> None:
    assert unserved(kind, {**BASE[kind], **more}) == f"{named} not served by Fairway yet"
