# SPDX-License-Identifier: Apache-2.0
"""The control plane is a real one: it refuses, collects and keeps what a real one does."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from sandbox.kube import ApiError, Kube, Object
from tests.fixtures.cluster import Cluster

T = TypeVar("T")
_numbers = itertools.count(1)


@pytest.fixture
def kube(cluster: Cluster) -> Kube:
    return Kube(cluster.kubeconfig)


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    name = f"plane-{next(_numbers)}"
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    _until(lambda: _find(kube, f"/api/v1/namespaces/{name}/serviceaccounts/default"), "a service account")
    yield name
    if _find(kube, f"/api/v1/namespaces/{name}"):
        kube.call("DELETE", f"/api/v1/namespaces/{name}")


def test_rbac_refuses_whom_nobody_allowed(kube: Kube, namespace: str) -> None:
    def may(verb: str, resource: str) -> bool:
        asked = {"namespace": namespace, "verb": verb, "resource": resource}
        spec = {"user": f"system:serviceaccount:{namespace}:default", "resourceAttributes": asked}
        review = kube.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(review["status"]["allowed"])

    assert not may("get", "configmaps")
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    kube.call("POST", f"{rbac}/roles", {"metadata": {"name": "reader"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    kube.call("POST", f"{rbac}/rolebindings", binding)
    _until(lambda: may("get", "configmaps"), "the binding in force")
    assert not may("delete", "configmaps")


def test_an_impersonated_service_account_is_refused(kube: Kube, namespace: str) -> None:
    answer = kube._pool.request(
        "GET",
        f"{kube.server}/api/v1/namespaces/{namespace}/secrets",
        headers={"impersonate-user": f"system:serviceaccount:{namespace}:default"},
    )
    assert answer.status == 403
    assert 'cannot list resource "secrets"' in json.loads(answer.data)["message"]


def test_a_custom_kind_is_served_and_its_schema_enforced(kube: Kube, namespace: str) -> None:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "crates.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "crates", "singular": "crate", "kind": "Crate"},
            "versions": [version],
        },
    }
    kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)
    path = f"/apis/example.com/v1/namespaces/{namespace}/crates"
    crate: Object = {"apiVersion": "example.com/v1", "kind": "Crate", "metadata": {"name": "one"}}
    _until(lambda: _answers(kube, path), "the kind served")
    with pytest.raises(ApiError, match=r"spec\.size"):
        kube.call("POST", path, {**crate, "spec": {"size": "large"}})
    assert kube.call("POST", path, {**crate, "spec": {"size": 3}})["spec"] == {"size": 3}


def test_what_an_object_owned_goes_with_it(kube: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    owner = kube.call("POST", path, {"metadata": {"name": "owner"}})["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    kube.call("POST", path, {"metadata": {"name": "owned", "ownerReferences": [reference]}})
    kube.call("DELETE", f"{path}/owner")
    _until(lambda: _find(kube, f"{path}/owned") is None, "the owned object gone")


def test_a_deleted_namespace_goes_with_pods_claims_and_services_in_it(kube: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    kube.call("POST", f"{path}/persistentvolumeclaims", _claim("data"))
    kube.call("POST", f"{path}/pods", _pod("web", volumes=[volume]))
    kube.call("POST", f"{path}/services", _balancer("web"))
    _until(lambda: kube.call("GET", f"{path}/pods/web")["status"]["phase"] == "Running", "a running pod")
    name = kube.call("GET", f"{path}/persistentvolumeclaims/data")["spec"]["volumeName"]
    kube.call("DELETE", path)
    _until(lambda: _find(kube, path) is None, "the namespace gone")
    _until(lambda: _find(kube, f"/api/v1/persistentvolumes/{name}") is None, "its volume gone")


def test_a_claim_is_bound_to_a_volume_of_the_default_class(kube: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    kube.call("POST", path, _claim("data"))
    _until(lambda: kube.call("GET", f"{path}/data")["status"]["phase"] == "Bound", "the claim bound")
    claim = kube.call("GET", f"{path}/data")
    volume = kube.call("GET", f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")
    assert claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"] == "standard"
    assert volume["status"]["phase"] == "Bound"
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    assert claim["status"]["capacity"] == {"storage": "1Gi"}


def test_a_claim_takes_the_volume_made_for_it_and_leaves_it_behind(kube: Kube, namespace: str) -> None:
    volumes, name = "/api/v1/persistentvolumes", f"{namespace}-disk"
    spec = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/disk"},
    }
    labels = {"disk": namespace}
    kube.call("POST", volumes, {"metadata": {"name": name, "labels": labels}, "spec": spec})
    _until(lambda: kube.call("GET", f"{volumes}/{name}")["status"]["phase"] == "Available", "it available")
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    wanted = _claim("data", storageClassName="", selector={"matchLabels": labels})
    kube.call("POST", path, wanted)
    _until(lambda: kube.call("GET", f"{path}/data")["status"].get("phase") == "Bound", "the claim bound")
    assert kube.call("GET", f"{path}/data")["spec"]["volumeName"] == name
    kube.call("DELETE", f"{path}/data")
    _until(lambda: kube.call("GET", f"{volumes}/{name}")["status"]["phase"] == "Released", "it released")
    kube.call("DELETE", f"{volumes}/{name}")
    _until(lambda: _find(kube, f"{volumes}/{name}") is None, "the volume gone")


def test_each_load_balancer_has_an_address_of_its_own(kube: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    for name in ("a", "b"):
        kube.call("POST", path, _balancer(name))
    _until(lambda: all(_ingress(kube, f"{path}/{name}") for name in ("a", "b")), "two addresses")
    first, second = (_ingress(kube, f"{path}/{name}")[0]["ip"] for name in ("a", "b"))
    assert first != second


def test_the_kubelet_goes_on_after_the_control_plane_was_killed(
    cluster: Cluster, kube: Kube, namespace: str
) -> None:
    path, server, kubelet = f"/api/v1/namespaces/{namespace}", cluster.server, cluster.kubelet_pid
    kube.call("POST", f"{path}/configmaps", {"metadata": {"name": "kept"}, "data": {"a": "1"}})
    cluster.kill()
    cluster.start()
    assert (cluster.server, cluster.kubelet_pid) == (server, kubelet)
    assert kube.call("GET", f"{path}/configmaps/kept")["data"] == {"a": "1"}
    kube.call("POST", f"{path}/pods", _pod("after"))
    _until(lambda: kube.call("GET", f"{path}/pods/after")["status"]["phase"] == "Running", "a running pod")


def _pod(name: str, **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "web:1"}], **spec}}


def _claim(name: str, **spec: object) -> Object:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name}, "spec": {**wanted, **spec}}


def _balancer(name: str) -> Object:
    return {"metadata": {"name": name}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}


def _ingress(kube: Kube, path: str) -> list[Object]:
    found: list[Object] = kube.call("GET", path)["status"]["loadBalancer"].get("ingress", [])
    return found


def _answers(kube: Kube, path: str) -> bool:
    """Say whether a kind is served: its path is unknown first, then its storage is being made (429)."""
    try:
        return _find(kube, path) is not None
    except ApiError as error:
        if error.status != 429:
            raise
        return False


def _find(kube: Kube, path: str) -> Object | None:
    try:
        return kube.call("GET", path)
    except ApiError as error:
        if error.status != 404:
            raise
        return None


def _until(look: Callable[[], T], what: str) -> T:
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within 30 s: {what}; last seen {found!r}"
        time.sleep(0.01)
    return found
