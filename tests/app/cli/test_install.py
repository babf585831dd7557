# SPDX-License-Identifier: Apache-2.0
"""What `fairway up` makes of kinds that somebody else has installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.cli.install import left_alone, plan, prepare
from policies.kinds import ImagePolicy
from policies.kinds.crd import document
from policies.objects import Object, ObjectRef
from tests.fixtures.cluster import Cluster
from workers.cluster import Client, connect


@pytest.fixture
def client(another_cluster: Cluster) -> Client:
    return connect(kubeconfig=str(another_cluster.kubeconfig))


@pytest.fixture
def older(client: Client) -> Iterator[Object]:
    """Flux's kind as it was before it had the version that Fairway serves."""
    made = document(ImagePolicy)
    made["spec"]["versions"][0]["name"] = "v1beta2"
    client.apply(made, manager="flux")
    yield made
    client.delete(ObjectRef.of(made))


def test_an_older_version_of_a_kind_of_flux_is_left_alone_and_said(client: Client, older: Object) -> None:
    name = older["metadata"]["name"]
    assert left_alone(client) == [("ImagePolicy", f"{name}, installed by others, has v1beta2 and no v1")]
    assert any(line.startswith("leaves every ImagePolicy alone: ") for line in plan(client, "fairway-system"))
    made = prepare(client, "fairway-system")
    assert f"CustomResourceDefinition {name}" not in made
    found = client.get(ObjectRef("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "", name))
    assert [one["name"] for one in found["spec"]["versions"]] == ["v1beta2"]
    assert not any("ImagePolicy " in line for line in plan(client, "fairway-system") if "reconciles" in line)
