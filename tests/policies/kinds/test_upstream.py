# SPDX-License-Identifier: Apache-2.0
"""Our CustomResourceDefinitions say what Flux's say, in other words."""

from __future__ import annotations

import pytest

from policies.kinds import (
    ALL,
    GitRepository,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    Kind,
    Kustomization,
    Receiver,
)
from policies.kinds.crd import document
from tests.fixtures.upstream import UpstreamCRD
from tests.policies.kinds.schemas import descriptions, differences, fields, root_schema, without_prose

FLUX = [GitRepository, Kustomization, ImageRepository, ImagePolicy, ImageUpdateAutomation, Receiver]
# Which tool wrote the file is no part of the kind.
_JUSTIFIED = ["/metadata/annotations/controller-gen.kubebuilder.io/version"]


@pytest.mark.parametrize("kind", FLUX, ids=lambda kind: kind.__name__)
def test_a_flux_kind_is_defined_as_upstream_defines_it(kind: type[Kind], upstream_crd: UpstreamCRD) -> None:
    theirs = upstream_crd(kind.definition.group, kind.definition.plural)
    found = differences(without_prose(document(kind)), without_prose(theirs))
    assert [text for text in found if not text.startswith(tuple(_JUSTIFIED))] == []


@pytest.mark.parametrize("kind", FLUX, ids=lambda kind: kind.__name__)
def test_descriptions_are_our_own_words(kind: type[Kind], upstream_crd: UpstreamCRD) -> None:
    theirs = descriptions(root_schema(upstream_crd(kind.definition.group, kind.definition.plural)))
    ours = descriptions(root_schema(document(kind)))
    assert len(theirs) > 30
    assert ours & theirs == set()


@pytest.mark.parametrize(
    "kind", sorted({*ALL, *FLUX}, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__
)
def test_every_field_is_described(kind: type[Kind]) -> None:
    # Of metadata the API server itself knows everything.
    silent = [p for p, inner in fields(root_schema(document(kind))) if not inner.get("description")]
    assert silent == ["metadata"]


def test_a_difference_is_seen_wherever_it_is() -> None:
    theirs = {"spec": {"required": ["a", "b"], "properties": {"description": {"type": "string"}}}}
    ours = {"spec": {"required": ["b"], "properties": {"description": {"type": "integer", "minimum": 1}}}}
    assert list(differences(without_prose(ours), without_prose(theirs))) == [
        "/spec/properties/description/minimum: 1, upstream has none",
        "/spec/properties/description/type: 'integer', upstream 'string'",
        "/spec/required: ['b'], upstream ['a', 'b']",
    ]


def test_only_prose_and_order_are_left_out_of_the_comparison() -> None:
    assert without_prose(
        {"description": "x", "enum": ["b", "a"], "items": {"properties": {"description": {"type": "string"}}}}
    ) == {"enum": ["a", "b"], "items": {"properties": {"description": {"type": "string"}}}}
