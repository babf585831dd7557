# SPDX-License-Identifier: Apache-2.0
"""Flux's schemas let an object without spec pass: it is told so, and it can be deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies import conditions
from policies.objects import Object, ObjectRef
from policies.ownership import FINALIZER
from policies.schedule import urgent
from tests.workers.reconcile.conftest import made
from workers.cluster import Client

KINDS = [
    pytest.param("kustomize.toolkit.fluxcd.io/v1", "Kustomization", id="a-kustomization"),
    pytest.param("source.toolkit.fluxcd.io/v1", "GitRepository", id="a-git-repository"),
]


@pytest.mark.parametrize(("api_version", "kind"), KINDS)
def test_an_object_without_spec_is_told_so_once(
    client: Client, namespace: str, reconcile: Callable[[Object], None], api_version: str, kind: str
) -> None:
    obj = client.create(made(api_version, kind, "bare", namespace))
    reconcile(obj)
    told = client.get(ObjectRef.of(obj))
    ready = conditions.find(conditions.of(told), "Ready")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("False", "ValidationFailed")
    assert ready["message"].startswith(f"{kind} {namespace}/bare cannot be read: spec: field required")
    assert conditions.is_true(conditions.of(told), "Stalled")
    assert urgent({"spec": {}, **told}) == ""
    reconcile(obj)
    assert client.get(ObjectRef.of(obj)) == told


@pytest.mark.parametrize(("api_version", "kind"), KINDS)
def test_a_deleted_object_without_spec_goes(
    client: Client, namespace: str, reconcile: Callable[[Object], None], api_version: str, kind: str
) -> None:
    obj = client.create(made(api_version, kind, "bare", namespace, metadata={"finalizers": [FINALIZER]}))
    reconcile(obj)
    client.delete(ObjectRef.of(obj))
    deleted = client.get(ObjectRef.of(obj))
    assert urgent({"spec": {}, **deleted}) == "deletion"
    reconcile(obj)
    assert client.find(ObjectRef.of(obj)) is None
    reconcile(obj)


@pytest.mark.parametrize(("api_version", "kind"), KINDS)
def test_another_s_finalizer_is_left(
    client: Client, namespace: str, reconcile: Callable[[Object], None], api_version: str, kind: str
) -> None:
    metadata = {"finalizers": ["acme.example/keep", FINALIZER]}
    obj = client.create(made(api_version, kind, "bare", namespace, metadata=metadata))
    client.delete(ObjectRef.of(obj))
    reconcile(obj)
    assert client.get(ObjectRef.of(obj))["metadata"]["finalizers"] == ["acme.example/keep"]
    reconcile(obj)
    client.patch(ObjectRef.of(obj), {"metadata": {"finalizers": None}}, manager="test")
