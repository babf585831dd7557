# SPDX-License-Identifier: Apache-2.0
"""A client of a server that a team named: what is sent there, and how little it can do to us."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable

import pytest

from policies.kubeconfig import Access, KubeconfigError, read
from policies.objects import ObjectRef
from tests.fixtures.cluster import Cluster
from tests.fixtures.remote import Answer, Rogue, answering, kubeconfig, naming
from workers.cluster import Client, Forbidden, Unavailable
from workers.cluster.errors import Unauthorized
from workers.cluster.kubeconfig import connect_to
from workers.cluster.remote import Limits, RemoteClient
from workers.plain_yaml import load

Start = Callable[[Answer], Rogue]
SHORT = Limits(connect=0.3, step=0.3, away=60.0, largest=10_000)


def open_(text: str, *, limits: Limits = SHORT) -> RemoteClient:
    return connect_to(read(load(text.encode())), allow_loopback=True, limits=limits)


def test_a_client_certificate_logs_in(cluster: Cluster, namespace: str) -> None:
    there = open_(kubeconfig(cluster), limits=Limits())
    assert there.get(ObjectRef("", "v1", "Namespace", "", namespace))["metadata"]["name"] == namespace


def test_an_account_is_impersonated_there(cluster: Cluster, namespace: str) -> None:
    nobody = open_(kubeconfig(cluster), limits=Limits()).impersonate(f"system:serviceaccount:{namespace}:x")
    with pytest.raises(Forbidden, match=f'User "system:serviceaccount:{namespace}:x" cannot get'):
        nobody.get(ObjectRef("", "v1", "ConfigMap", namespace, "x"))


def test_a_token_logs_in(client: Client, cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    client.request("POST", path, body={"metadata": {"name": "bot"}})
    token = client.request("POST", f"{path}/bot/token", body={"spec": {}})["status"]["token"]
    with pytest.raises(Forbidden, match=f'User "system:serviceaccount:{namespace}:bot" cannot get'):
        open_(kubeconfig(cluster, token=token), limits=Limits()).get(
            ObjectRef("", "v1", "ConfigMap", namespace, "x")
        )
    with pytest.raises(Unauthorized):
        open_(kubeconfig(cluster, token="wrong"), limits=Limits()).request("GET", "/api/v1")


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_server_with_another_authority_is_not_trusted(cluster: Cluster) -> None:
    config = json.loads(kubeconfig(cluster, token="secret"))
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    with pytest.raises(Unavailable, match="certificate verify failed"):
        open_(json.dumps(config), limits=Limits()).request("GET", "/api/v1")
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    with pytest.raises(Unavailable, match="certificate verify failed"):
        open_(json.dumps(config), limits=Limits()).request("GET", "/api/v1")
    access = read(load(json.dumps(config).encode()))
    with pytest.raises(Unauthorized):
        connect_to(access, allow_loopback=True, insecure_tls=True).request("GET", "/api/v1")


def test_the_name_to_verify_may_be_another(cluster: Cluster) -> None:
    config = json.loads(kubeconfig(cluster))
    config["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default"
    assert open_(json.dumps(config), limits=Limits()).request("GET", "/api/v1")["resources"]
    config["clusters"][0]["cluster"]["tls-server-name"] = "api.example"
    with pytest.raises(Unavailable, match=r"certificate is not valid for 'api\.example'"):
        open_(json.dumps(config), limits=Limits()).request("GET", "/api/v1")


def test_tls_data_that_is_none_is_refused_by_field() -> None:
    pem = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n"
    access = Access("https://x", ca=pem.format("CERTIFICATE"))
    with pytest.raises(KubeconfigError, match="certificate-authority-data holds no certificate"):
        connect_to(access, allow_loopback=True)
    pair = Access("https://x", certificate=pem.format("CERTIFICATE"), key=pem.format("PRIVATE KEY"))
    with pytest.raises(KubeconfigError, match="client-certificate-data and client-key-data are no pair"):
        connect_to(pair, allow_loopback=True)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("https://169.254.169.254", "it is link-local"),
        ("http://[fd00:ec2::254]", "it is a cloud's metadata service"),
        ("https://127.0.0.1:6443", "it is this machine's own"),
        ("https://localhost:6443", "it is this machine's own"),
    ],
)
def test_what_only_this_machine_sees_is_not_called(server: str, why: str) -> None:
    there = connect_to(read(load(naming(server, token="secret").encode())), allow_loopback=False)
    with pytest.raises(Unavailable, match=why):
        there.request("GET", "/api/v1")


def test_a_proxy_is_held_to_the_same_rules() -> None:
    access = Access("https://10.0.0.1", proxy_url="http://169.254.169.254:3128")
    with pytest.raises(Unavailable, match="link-local"):
        connect_to(access, allow_loopback=True).request("GET", "/api/v1")


def test_a_proxy_is_used_with_its_login(rogue: Start) -> None:
    proxy = rogue(answering({}, status="403 Forbidden"))
    access = Access("https://10.0.0.1:6443", proxy_url=proxy.server.replace("//", "//u:p@"))
    with pytest.raises(Unavailable, match="403 Forbidden"):
        connect_to(access, allow_loopback=True).request("GET", "/api/v1")
    login = base64.b64encode(b"u:p")
    assert proxy.heard[0].startswith(b"CONNECT 10.0.0.1:6443 ")
    assert b"\r\nproxy-authorization: basic " + login.lower() in proxy.heard[0].lower()


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ({}, None),
        ({"token": "theirs"}, b"Bearer theirs"),
        ({"username": "u", "password": "p"}, b"Basic dTpw"),
    ],
)
def test_only_what_the_kubeconfig_holds_is_sent(
    rogue: Start, user: dict[str, str], sent: bytes | None
) -> None:
    server = rogue(answering({"resources": []}))
    open_(naming(server.server, **user)).request("GET", "/api/v1")
    lines = server.heard[0].split(b"\r\n")
    found = [line.partition(b": ")[2] for line in lines if line.lower().startswith(b"authorization:")]
    assert found == ([sent] if sent else [])
    assert not any(line.lower().startswith((b"cookie", b"impersonate")) for line in lines)


def test_a_redirect_is_not_followed(rogue: Start) -> None:
    target = rogue(answering({}))
    server = rogue(answering(b"", status="302 Found", headers=f"location: {target.server}\r\n"))
    with pytest.raises(Unavailable, match="is not JSON"):
        open_(naming(server.server, token="secret")).request("GET", "/api/v1")
    assert target.heard == []


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def dripping(head: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in itertools.count():
            connection.sendall(b"1")
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(silent, id="silent"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nx-long: "), id="a-header-without-end"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"), id="a-slow-body"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), id="a-slow-chunk"),
    ],
)
def test_whoever_takes_for_ever_is_cut_off_once_and_then_not_asked(rogue: Start, answer: Answer) -> None:
    server = rogue(answer)
    there = open_(naming(server.server))
    outcome: list[str] = []

    def call() -> None:
        with pytest.raises(Unavailable) as caught:
            there.request("GET", "/api/v1")
        outcome.append(caught.value.message)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(10)
    assert outcome == [f"the Kubernetes API at {server.server} did not answer in time"]
    with pytest.raises(Unavailable, match="did not answer a moment ago"):
        there.impersonate("somebody").request("GET", "/api/v1")
    assert server.connections == 1


def test_a_handshake_without_end_is_cut_off(rogue: Start) -> None:
    server = rogue(dripping(b"\x16\x03\x03\x40\x00"))  # a TLS record that says it is long
    there = open_(naming(server.server.replace("http:", "https:")))
    with pytest.raises(Unavailable, match="did not answer in time"):
        there.request("GET", "/api/v1")


def test_an_answer_may_have_only_so_many_bytes(rogue: Start) -> None:
    server = rogue(answering(b"1" * 100_000))
    with pytest.raises(Unavailable, match="answers with more than 10000 bytes at once"):
        open_(naming(server.server)).request("GET", "/api/v1")


def test_all_answers_together_may_have_only_so_many_bytes(rogue: Start) -> None:
    server = rogue(answering({"resources": [{"name": "x" * 5000}]}))
    there = open_(naming(server.server), limits=Limits(a_minute=12_000))
    for _ in range(2):
        assert there.request("GET", "/api/v1")
    with pytest.raises(Unavailable, match="or 12000 a minute"):
        there.request("GET", "/api/v1")


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "x",
        None,
        {},
        {"metadata": []},
        {"metadata": {"name": 1}},
        {"metadata": {"uid": "x"}},
        {"items": {}},
        {"resources": ["x"]},
    ],
)
def test_what_is_no_object_is_taken_for_no_answer(rogue: Start, answer: object) -> None:
    server = rogue(answering(answer))
    with pytest.raises(Unavailable, match="is no object"):
        open_(naming(server.server)).request("GET", "/api/v1/namespaces/default")


def test_what_is_packed_is_not_unpacked(rogue: Start) -> None:
    server = rogue(answering(b"\x1f\x8b", headers="content-encoding: gzip\r\n"))
    with pytest.raises(Unavailable, match="is not JSON"):
        open_(naming(server.server)).request("GET", "/api/v1")


def test_nobody_listening_is_told_at_once_each_time() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        there = open_(naming(f"http://127.0.0.1:{unused.getsockname()[1]}"))
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"cannot be reached: .*Connection refused"):
                there.request("GET", "/api/v1")
