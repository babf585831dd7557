# SPDX-License-Identifier: Apache-2.0
"""What is read of another cluster for the report: whatever it does, the report goes on."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli.redis import EmbeddedRedis
from policies import inventory
from policies.health import Verdict
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.fixtures.remote import Answer, Rogue, answering, kubeconfig, naming, secret
from tests.policies.made import kustomization
from workers.cluster import Client
from workers.context import Context
from workers.reconcile import parts

Look = Callable[[str, int], list[Any]]


@pytest.fixture
def look(
    client: Client, cluster: Cluster, redis_server: EmbeddedRedis, namespace: str, tmp_path: Path
) -> Look:
    """Look at ConfigMaps `0`, `1`, … over a kubeconfig."""
    environment = {
        "FAIRWAY_REDIS_URL": redis_server.url,
        "KUBECONFIG": str(cluster.kubeconfig),
        "FAIRWAY_DATA": str(tmp_path),
        "FAIRWAY_ALLOW_LOOPBACK": "true",
    }
    context = Context(Settings.from_env(environment, lambda path: Path(path).read_text()))

    def looking(text: str, count: int) -> list[Any]:
        client.create(secret(namespace, text))
        refs = [ObjectRef("", "v1", "ConfigMap", namespace, str(n)) for n in range(count)]
        spec = {"kubeConfig": {"secretRef": {"name": "prod"}}}
        obj: Object = kustomization(metadata={"namespace": namespace}, spec=spec)
        obj["status"]["inventory"] = inventory.status(refs)
        return parts.of(context, obj)

    return looking


def test_what_is_there_is_judged(client: Client, cluster: Cluster, namespace: str, look: Look) -> None:
    client.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "0", "namespace": namespace}}
    )
    found = look(kubeconfig(cluster), 2)
    assert [part.health.verdict for part in found] == [Verdict.CURRENT, Verdict.NOT_FOUND]


def test_a_kubeconfig_that_cannot_be_used_is_told(look: Look) -> None:
    (part,) = look("nonsense", 1)
    assert part.health.verdict is Verdict.UNKNOWN
    assert "KubeConfig secret" in part.health.message


def test_who_answers_nonsense_is_not_known(look: Look, rogue: Callable[[Answer], Rogue]) -> None:
    metadata = {"name": "x", "uid": "x", "resourceVersion": "1"}
    kinds = [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]
    nonsense = {"resources": kinds, "metadata": {**metadata, "generation": []}, "status": 7, "kind": {}}
    found = look(naming(rogue(answering(nonsense)).server), 3)
    assert {part.health.verdict for part in found} == {Verdict.UNKNOWN}


@pytest.mark.timeout(60)  # one wait is 5 s, and one for each object would be minutes
def test_who_does_not_answer_costs_one_wait_for_all_objects(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        # Nobody accepts: once the line is full, connecting itself takes for ever.
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        found = look(naming(f"http://127.0.0.1:{address[1]}"), 200)
        for one in waiting:
            one.close()
    assert {part.health.verdict for part in found} == {Verdict.UNKNOWN}
