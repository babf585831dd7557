# SPDX-License-Identifier: Apache-2.0
"""A namespace of its own for each test of the cluster."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from sandbox.kube import Kube
from tests.fixtures.cluster import Cluster
from tests.sandbox.cluster.live import Namespace, until

_numbers = itertools.count(1)


@pytest.fixture
def kube(cluster: Cluster) -> Kube:
    return Kube(cluster.kubeconfig)


@pytest.fixture
def namespace(kube: Kube) -> Iterator[Namespace]:
    made = Namespace(kube, f"test-{next(_numbers)}")
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": made.name}})
    until(lambda: made.find("v1", "serviceaccounts", "default"), "the default service account")
    yield made
    kube.call("DELETE", f"/api/v1/namespaces/{made.name}")
