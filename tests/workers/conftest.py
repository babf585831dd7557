# SPDX-License-Identifier: Apache-2.0
"""What tests of the workers share: our own client of the real cluster, and a namespace for each test."""

from __future__ import annotations

import itertools
import time

import pytest

from policies.objects import ObjectRef
from tests.fixtures.cluster import Cluster
from tests.workers.queues import process
from workers.cluster import Client, connect

__all__ = ["process"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def client(cluster: Cluster) -> Client:
    """The administrator's client, with whatever it has found out so far."""
    return connect(kubeconfig=str(cluster.kubeconfig))


@pytest.fixture
def fresh(cluster: Cluster) -> Client:
    """A client that has asked nothing yet."""
    return connect(kubeconfig=str(cluster.kubeconfig))


@pytest.fixture
def namespace(client: Client) -> str:
    """A namespace of the test's own."""
    name = f"workers-{next(_numbers)}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # What the control plane puts into every namespace comes a moment later; no test shall see it come.
    root = ObjectRef("", "v1", "ConfigMap", name, "kube-root-ca.crt")
    deadline = time.monotonic() + 20
    while client.find(root) is None:
        assert time.monotonic() < deadline, f"no {root}"
        time.sleep(0.01)
    return name
