# SPDX-License-Identifier: Apache-2.0
"""The clusters that Secrets name: opened once, opened anew when the Secret changes, and let go."""

from __future__ import annotations

import re
from typing import Any

import pytest

from policies.kubeconfig import KubeconfigError
from policies.objects import ObjectRef
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.fixtures.remote import kubeconfig, naming, secret
from workers.cluster import Client, RemoteClusters, remote_clusters

REFERENCE = {"secretRef": {"name": "prod"}}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def remotes(client: Client, clock: Clock) -> RemoteClusters:
    return RemoteClusters(client, Settings(allow_loopback=True), clock)


def sockets(remote: remote_clusters.Remote) -> int:
    return len(remote.client._pool.pools)


@pytest.mark.parametrize("key", ["value", "value.yaml", "mine"])
def test_a_kubeconfig_is_found_under_its_key(
    client: Client, cluster: Cluster, namespace: str, remotes: RemoteClusters, key: str
) -> None:
    client.create(secret(namespace, kubeconfig(cluster), key=key))
    reference = {"secretRef": {"name": "prod", **({"key": key} if key == "mine" else {})}}
    there = remotes.open(namespace, reference).client
    assert there.get(ObjectRef("", "v1", "Namespace", "", namespace))


def test_a_client_is_kept_while_its_secret_stays(
    client: Client, namespace: str, remotes: RemoteClusters
) -> None:
    made = client.create(secret(namespace, naming("https://10.0.0.1")))
    first = remotes.open(namespace, REFERENCE)
    assert remotes.open(namespace, REFERENCE) is first
    client.patch(
        ObjectRef.of(made), {"data": secret(namespace, naming("https://10.0.0.2"))["data"]}, manager="t"
    )
    second = remotes.open(namespace, REFERENCE)
    assert (first.client.server, second.client.server) == ("https://10.0.0.1", "https://10.0.0.2")
    client.delete(ObjectRef.of(made))
    with pytest.raises(KubeconfigError, match="unable to read KubeConfig secret"):
        remotes.open(namespace, REFERENCE)
    client.create(secret(namespace, naming("https://10.0.0.2")))
    assert remotes.open(namespace, REFERENCE) is not second


def test_connections_of_what_is_let_go_are_closed(
    client: Client, cluster: Cluster, namespace: str, remotes: RemoteClusters, clock: Clock
) -> None:
    client.create(secret(namespace, kubeconfig(cluster)))
    first = remotes.open(namespace, REFERENCE)
    first.client.request("GET", "/version")
    assert sockets(first) == 1
    clock.now += 601
    second = remotes.open(namespace, REFERENCE)
    assert second is not first
    assert sockets(first) == 0
    assert first.client.request("GET", "/version"), "a run that began with it can go on"


def test_only_so_many_are_held_open(
    client: Client, namespace: str, remotes: RemoteClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_clusters, "_MOST", 2)
    for name in "abc":
        client.create(secret(namespace, naming("https://10.0.0.1"), name=name))

    def open_(name: str) -> Any:
        return remotes.open(namespace, {"secretRef": {"name": name}})

    a, b = open_("a"), open_("b")
    assert open_("a") is a
    c = open_("c")  # `b` was used longest ago
    assert open_("a") is a
    assert open_("c") is c
    assert open_("b") is not b


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (None, None, "unable to read KubeConfig secret '{}/prod' error: secrets \"prod\" not found"),
        ("x: 1", "other", "KubeConfig secret '{}/prod' does not contain a 'other' key with a kubeconfig"),
        ("", None, "KubeConfig secret '{}/prod' cannot be used: it is empty"),
        (
            "x: 1",
            None,
            "KubeConfig secret '{}/prod' cannot be used: no current-context is set:"
            " set it to the name of one of its contexts",
        ),
    ],
)
def test_a_secret_that_holds_no_kubeconfig_is_named(
    client: Client, namespace: str, remotes: RemoteClusters, text: str | None, key: str | None, message: str
) -> None:
    if text is not None:
        client.create(secret(namespace, text))
    with pytest.raises(KubeconfigError, match=f"^{re.escape(message.format(namespace))}$"):
        remotes.open(namespace, {"secretRef": {"name": "prod", "key": key}})
