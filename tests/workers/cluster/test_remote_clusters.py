# SPDX-License-Identifier: Apache-2.0
"""The clusters that Secrets name: opened once, opened anew when the Secret changes, and let go."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from policies.kubeconfig import KubeconfigError
from policies.objects import ObjectRef
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.fixtures.remote import kubeconfig, naming, secret
from workers.cluster import Client, Forbidden, RemoteClusters, remote_clusters

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
    first.client.request("GET", "/api/v1")
    assert sockets(first) == 1
    clock.now += 601
    second = remotes.open(namespace, REFERENCE)
    assert second is not first
    assert sockets(first) == 0
    assert first.client.request("GET", "/api/v1"), "a run that began with it can go on"


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


GATE = (("ObjectLevelWorkloadIdentity", True),)


def login(namespace: str, **data: str) -> Any:
    metadata = {"name": "prod", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def account(client: Client, namespace: str, name: str = "bot") -> None:
    client.request(
        "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body={"metadata": {"name": name}}
    )


def generic(cluster: Cluster, **more: str) -> dict[str, str]:
    config = json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    ca = base64.b64decode(config["certificate-authority-data"]).decode()
    audience = "https://kubernetes.default.svc.cluster.local"
    return {
        "provider": "generic",
        "address": cluster.server,
        "ca.crt": ca,
        "audiences": audience,
        "serviceAccountName": "bot",
        **more,
    }


def test_an_account_logs_in_with_a_token_of_its_own_that_is_renewed_in_time(
    client: Client, cluster: Cluster, namespace: str, clock: Clock
) -> None:
    remotes = RemoteClusters(client, Settings(allow_loopback=True, feature_gates=GATE), clock)
    account(client, namespace)
    client.create(login(namespace, **generic(cluster)))
    remote = remotes.open(namespace, {"configMapRef": {"name": "prod"}})
    for _ in range(2):
        with pytest.raises(Forbidden, match=f'User "system:serviceaccount:{namespace}:bot" cannot get'):
            remote.client.get(ObjectRef("", "v1", "ConfigMap", namespace, "x"))
    first = remote.client._headers()
    assert remote.client._headers() == first
    clock.now += 0.8 * 3600 + 1
    assert remote.client._headers() != first


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (None, {}, 'failed to get configmap {}/prod: configmaps "prod" not found'),
        (
            {"provider": "aws"},
            {},
            "KubeConfig configmap '{}/prod' cannot be used: provider 'aws' is not served",
        ),
        (
            {},
            {"feature_gates": ()},
            "KubeConfig configmap '{}/prod' cannot be used: failed to get access token for cluster:"
            " ObjectLevelWorkloadIdentity feature gate is not enabled",
        ),
        (
            {},
            {},
            "KubeConfig configmap '{0}/prod' cannot be used: failed to get service account '{0}/bot':"
            ' serviceaccounts "bot" not found',
        ),
        (
            {"serviceAccountName": ""},
            {"default_kubeconfig_service_account": "tenant"},
            "KubeConfig configmap '{0}/prod' cannot be used: failed to get service account '{0}/tenant':"
            " the specified default service account does not exist in the object namespace.",
        ),
        (
            {"ca.crt": "nonsense"},
            {"account": "bot"},
            "KubeConfig configmap '{}/prod' cannot be used: certificate-authority-data holds no certificate",
        ),
    ],
)
def test_a_config_map_that_cannot_log_in_is_named(
    client: Client, cluster: Cluster, namespace: str, data: Any, settings: dict[str, Any], message: str
) -> None:
    settings = {"feature_gates": GATE, **settings}
    if name := settings.pop("account", ""):
        account(client, namespace, name)
    remotes = RemoteClusters(client, Settings(allow_loopback=True, **settings))
    if data is not None:
        client.create(login(namespace, **generic(cluster, **data)))
    with pytest.raises(KubeconfigError) as caught:
        remotes.open(namespace, {"configMapRef": {"name": "prod"}})
    assert str(caught.value).startswith(message.format(namespace))


def test_a_reference_cannot_lead_into_another_namespace(
    client: Client, cluster: Cluster, namespace: str, remotes: RemoteClusters
) -> None:
    client.create(secret(namespace, kubeconfig(cluster)))
    for name in (f"../../{namespace}/secrets/prod", "prod/", "%2e%2e"):
        with pytest.raises(KubeconfigError, match="invalid resource name"):
            remotes.open("default", {"secretRef": {"name": name}})
