# SPDX-License-Identifier: Apache-2.0
"""Two tenants, each applied as an account of his own namespace: neither reaches what is the other's.

The API server refuses what his account may not do; what Fairway does with its own rights stays in his
namespace, and nothing that is the other's is told to him.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from policies import commit_status, inventory, views
from policies.objects import ObjectRef
from policies.ownership import GROUP, with_owner
from tests.fixtures.granting import granted
from tests.fixtures.world import config_map as manifest
from tests.workers.reconcile.conftest import config_map, deployment, made
from tests.workers.reconcile.delivery import Delivery, retried, told
from workers.cluster import Client
from workers.reconcile import parts
from workers.reconcile.report import Reporter

_numbers = itertools.count(1)
RBAC = "rbac.authorization.k8s.io"
STRICT = {"FAIRWAY_TENANCY": "strict", "FAIRWAY_NO_CROSS_NAMESPACE_REFS": "true"}


@pytest.fixture
def other(client: Client) -> str:
    """The other tenant's namespace, with a Secret, a ConfigMap, a workload and a Kustomization of his."""
    name = f"other-{next(_numbers)}"
    client.create(made("v1", "Namespace", name))
    secret = made("v1", "Secret", "keys", name, stringData={"password": "s3cret-of-the-other"})
    settings = config_map(name, "theirs", password="s3cret-of-the-other")
    web = deployment(name, "payroll", image="ghcr.io/acme/payroll-of-the-other:broken")
    for obj in (secret, settings, web):
        client.create(with_owner(obj, name="app", namespace=name))
    spec = {
        "interval": "10m",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "src"},
        "postBuild": {"substitute": {"password": "s3cret-of-the-other"}},
    }
    client.create(made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "app", name, spec=spec))
    return name


@pytest.fixture
def tenant(client: Client, deliver: Callable[..., Delivery], namespace: str) -> Delivery:
    """A tenant whose account may do everything in his namespace and nothing elsewhere."""
    client.create(made("v1", "ServiceAccount", "deployer", namespace))
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}
    binding = made(f"{RBAC}/v1", "RoleBinding", "deployer", namespace, roleRef=role, subjects=[subject])
    client.create(binding)
    granted(client, f"system:serviceaccount:{namespace}:deployer", namespace, "configmaps")
    delivery = deliver(namespace, **STRICT, FAIRWAY_DEFAULT_SERVICE_ACCOUNT="deployer")
    delivery.commit({"a.yaml": manifest("mine")})
    return delivery


def everything_told(delivery: Delivery, name: str = "app") -> str:
    """Return what anybody may read afterwards: the object, its events, the commit status and the page."""
    obj = delivery.client.get(
        ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", delivery.namespace, name)
    )
    events, _ = delivery.client.list(
        delivery.client.discovery.resource("", "v1", "Event"), namespace=delivery.namespace
    )
    applied = commit_status.Applied(obj, parts.of(delivery.context, obj))
    sha = str((obj.get("status") or {}).get("lastAttemptedRevision", "")).rpartition(":")[2]
    source = commit_status.Source(
        delivery.client.get(
            ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", delivery.namespace, "src")
        ),
        [applied],
    )
    verdict = commit_status.of_commit(sha, [source])
    page = views.commit(
        repository="acme/fleet",
        sha=sha,
        private=False,
        cluster="x",
        verdict=verdict,
        sources=[source],
        now="",
    )
    said = [e["message"] for e in events]
    return json.dumps([obj["status"], said, verdict.text, page])


def leaks_nothing(delivery: Delivery) -> None:
    said = everything_told(delivery)
    for secret in ("s3cret-of-the-other", "payroll-of-the-other", "ImagePullBackOff"):
        assert secret not in said


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        pytest.param(
            {"sourceRef": {"kind": "GitRepository", "name": "src", "namespace": "OTHER"}},
            "GitRepository/OTHER/src",
            id="sourceRef",
        ),
        pytest.param(
            {"dependsOn": [{"name": "app", "namespace": "OTHER"}]}, "Kustomization/OTHER/app", id="dependsOn"
        ),
        pytest.param(
            {
                "dependsOn": [
                    {
                        "name": "app",
                        "namespace": "OTHER",
                        "readyExpr": "dep.spec.postBuild.substitute.password.startsWith('s')",
                    }
                ]
            },
            "Kustomization/OTHER/app",
            id="dependsOn-readyExpr",
        ),
    ],
)
def test_a_reference_to_the_other_is_denied(
    tenant: Delivery, other: str, spec: dict[str, Any], named: str
) -> None:
    tenant.kustomization(**json.loads(json.dumps(spec).replace("OTHER", other)))
    status, reason, message = told(tenant.run())
    assert (status, reason) == ("False", "AccessDenied")
    assert (
        message
        == f"can't access '{named.replace('OTHER', other)}', cross-namespace references have been blocked"
    )
    assert not retried(tenant.run())
    assert tenant.config("mine") is None
    leaks_nothing(tenant)


@pytest.mark.parametrize(
    ("files", "spec"),
    [
        pytest.param({}, {"targetNamespace": "OTHER"}, id="targetNamespace"),
        pytest.param(
            {"b.yaml": manifest("theirs", "mine now").replace("metadata:", "metadata:\n  namespace: OTHER")},
            {"targetNamespace": None},
            id="namespace-in-git",
        ),
        pytest.param(
            {},
            {
                "targetNamespace": None,
                "patches": [
                    {
                        "target": {"kind": "ConfigMap"},
                        "patch": '[{"op": "add", "path": "/metadata/namespace", "value": "OTHER"}]',
                    }
                ],
            },
            id="patches",
        ),
        pytest.param(
            {}, {"targetNamespace": None, "postBuild": {"substitute": {"to": "OTHER"}}}, id="substitute"
        ),
    ],
)
def test_what_is_written_to_the_other_is_refused(
    tenant: Delivery, other: str, files: dict[str, str], spec: dict[str, Any]
) -> None:
    spec = json.loads(json.dumps(spec).replace("OTHER", other))
    files = {name: text.replace("OTHER", other) for name, text in files.items()}
    mine = manifest("mine")
    if "postBuild" in spec:
        mine = mine.replace("metadata:", "metadata:\n  namespace: ${to}")
    elif spec.get("targetNamespace", "") is None:
        mine = mine.replace("metadata:", f"metadata:\n  namespace: {tenant.namespace}")
    before = tenant.config("theirs", other)
    obj = tenant.apply({"a.yaml": mine, **files}, **spec)
    status, reason, message = told(obj)
    assert (status, reason) == ("False", "ReconciliationFailed")
    assert f"/{other}/" in message
    assert "cannot get resource" in message
    assert retried(obj)
    assert tenant.config("mine", other) is None
    assert tenant.config("theirs", other) == before
    leaks_nothing(tenant)


def test_what_was_refused_is_not_shown_either(tenant: Delivery, other: str) -> None:
    """The inventory names what was about to be applied, and the commit's page shows the inventory."""
    theirs = f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: payroll\n  namespace: {other}\n"
    obj = tenant.apply({"a.yaml": theirs}, targetNamespace=None)
    assert told(obj)[1] == "ReconciliationFailed"
    leaks_nothing(tenant)


def test_what_was_refused_does_not_stay_in_the_way(client: Client, tenant: Delivery, other: str) -> None:
    """Nothing of it was applied, so nothing of it is pruned: his account may not even look at it."""
    theirs = manifest("theirs").replace("metadata:", f"metadata:\n  namespace: {other}")
    mine = manifest("mine").replace("metadata:", f"metadata:\n  namespace: {tenant.namespace}")
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {tenant.namespace}-more\n"
    role = f"apiVersion: {RBAC}/v1\nkind: ClusterRole\nmetadata:\n  name: {tenant.namespace}\n"
    files = {"theirs.yaml": theirs, "namespace.yaml": namespace, "role.yaml": role, "mine.yaml": mine}
    assert told(tenant.apply(files, targetNamespace=None))[1] == "ReconciliationFailed"
    mended = tenant.apply({"mine.yaml": mine})
    assert told(mended)[:2] == ("True", "ReconciliationSucceeded")
    assert [ref.name for ref in inventory.of(mended)] == ["mine"]


def test_a_health_check_of_the_other_s_object_says_nothing_of_it(tenant: Delivery, other: str) -> None:
    check = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "payroll", "namespace": other}
    obj = tenant.apply({"a.yaml": manifest("mine")}, healthChecks=[check])
    assert told(obj, "Healthy")[:2] == ("Unknown", "Progressing")
    leaks_nothing(tenant)


@pytest.mark.parametrize(
    "name", ["../../OTHER/configmaps/theirs", "theirs", "..%2F..%2FOTHER%2Fconfigmaps%2Ftheirs"]
)
@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_variables_come_from_the_own_namespace_alone(
    tenant: Delivery, other: str, kind: str, name: str
) -> None:
    name = name.replace("OTHER", other)
    obj = tenant.apply(
        {"a.yaml": manifest("mine", "${password}")},
        postBuild={"substituteFrom": [{"kind": kind, "name": name}]},
    )
    status, reason, message = told(obj)
    assert (status, reason) == ("False", "BuildFailed")
    assert f"substitute from '{kind}/{name}' failed" in message
    assert tenant.config("mine") is None
    leaks_nothing(tenant)


@pytest.mark.parametrize("by", ["deployer", ""], ids=["as-his-account", "as-fairway"])
def test_a_forged_inventory_deletes_nothing_and_shows_nothing(
    client: Client, deliver: Callable[..., Delivery], tenant: Delivery, other: str, by: str
) -> None:
    tenant.kustomization(serviceAccountName=by or None)
    worker = tenant if by else deliver(tenant.namespace, **STRICT)
    worker.run()
    forged = [
        ObjectRef("", "v1", "ConfigMap", other, "theirs"),
        ObjectRef("", "v1", "Secret", other, "keys"),
        ObjectRef("apps", "v1", "Deployment", other, "payroll"),
        ObjectRef("", "v1", "Namespace", "", other),
    ]
    ref = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", tenant.namespace, "app")
    entries = inventory.status([*forged, ObjectRef("", "v1", "ConfigMap", tenant.namespace, "mine")])
    status = {"status": {"inventory": entries}}
    client.patch(ref, status, manager="tenant", subresource="status")
    if by:
        leaks_nothing(tenant)
    worker.run()
    assert all(client.find(one) for one in forged)
    client.patch(ref, status, manager="tenant", subresource="status")
    client.delete(ref)
    worker.reconcile()
    assert tenant.config("mine") is None
    assert all("deletionTimestamp" not in client.get(one)["metadata"] for one in forged)


@pytest.mark.parametrize("how", ["in-git", "commonMetadata"])
def test_forged_owner_labels_are_overwritten(tenant: Delivery, other: str, how: str) -> None:
    labels = {f"{GROUP}/name": "app", f"{GROUP}/namespace": other}
    in_git = manifest("mine").replace("metadata:", "metadata:\n  labels: " + json.dumps(labels))
    spec = {"commonMetadata": {"labels": labels}} if how == "commonMetadata" else {}
    obj = tenant.apply({"a.yaml": in_git if how == "in-git" else manifest("mine")}, **spec)
    assert told(obj)[0] == "True"
    live = tenant.config("mine")
    assert live
    assert live["metadata"]["labels"] == {**labels, f"{GROUP}/namespace": tenant.namespace}


@pytest.mark.parametrize(
    "name", ["OTHER:deployer", "deployer\r\nImpersonate-Group: system:masters", "../OTHER"]
)
def test_another_account_cannot_be_named(tenant: Delivery, other: str, name: str) -> None:
    obj = tenant.apply({"a.yaml": manifest("mine")}, serviceAccountName=name.replace("OTHER", other))
    assert told(obj)[:2] == ("False", "ReconciliationFailed")
    assert "is not the name of a service account" in told(obj)[2]
    assert not retried(obj)
    assert tenant.config("mine") is None
    leaks_nothing(tenant)


def test_a_commit_s_page_shows_only_the_namespaces_its_repository_is_bound_to(
    client: Client, tenant: Delivery, other: str
) -> None:
    """Whoever applies somebody else's source must neither turn his commits red nor be shown on them."""
    source = {"kind": "GitRepository", "name": "src", "namespace": tenant.namespace}
    theirs = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", other, "app")
    client.patch(theirs, {"spec": {"sourceRef": source}}, manager="other")
    repository = f"acme/{tenant.namespace}"
    src = ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", tenant.namespace, "src")
    url = {"spec": {"url": f"https://github.com/{repository}", "ref": {"branch": "main"}}}
    client.patch(src, url, manager="tenant")
    binding = {"repository": {"id": 4711, "owner": "acme", "name": "x"}, "namespaces": [tenant.namespace]}
    client.create(made("fairway.dev/v1alpha1", "RepositoryBinding", tenant.namespace, spec=binding))
    tenant.context.redis.set(f"fairway:repository-id:{repository}", "4711")
    tenant.kustomization()
    tenant.run()
    Reporter(tenant.context).reconcile(*repository.split("/"))
    sha = tenant.commits[-1].rpartition(":")[2]
    page = json.loads(tenant.context.redis.get(f"fairway:view:commit:{repository}/{sha}") or b"{}")
    assert {row["namespace"] for row in page["objects"]} == {tenant.namespace}
    assert page["state"] == "success"


@pytest.mark.parametrize("name", ["keys", "../../OTHER/secrets/keys"])
@pytest.mark.parametrize(
    "field",
    [
        pytest.param(lambda name: {"kubeConfig": {"secretRef": {"name": name}}}, id="kubeConfig"),
        pytest.param(
            lambda name: {"kubeConfig": {"configMapRef": {"name": name}}}, id="kubeConfig-configMap"
        ),
        pytest.param(
            lambda name: {"decryption": {"provider": "sops", "secretRef": {"name": name}}}, id="decryption"
        ),
    ],
)
def test_keys_of_the_other_cannot_be_named(
    tenant: Delivery, other: str, field: Callable[[str], dict[str, Any]], name: str
) -> None:
    """A Secret is looked for in the own namespace alone, whatever its name."""
    obj = tenant.apply({"a.yaml": manifest("mine")}, **field(name.replace("OTHER", other)))
    assert told(obj)[0] == "False"
    assert tenant.config("mine") is None
    leaks_nothing(tenant)
