# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.objects import Object, ObjectRef
from policies.ownership import GROUP, with_owner
from tests.fixtures.granting import granted
from tests.fixtures.world import until
from tests.workers.reconcile.conftest import Apply, config_map, crd, deployment, made
from workers.cluster import Client
from workers.reconcile.failures import PruneFailed
from workers.reconcile.prune import prune, terminating
from workers.reconcile.status import Superseded


def pruned(client: Client, namespace: str, *objects: Object, **options: Any) -> list[ObjectRef]:
    fence = options.pop("fence", lambda: None)
    return prune(client, [ObjectRef.of(o) for o in objects], name="app", namespace=namespace, fence=fence)


def test_what_is_ours_is_deleted(client: Client, apply: Apply, namespace: str) -> None:
    one, two = config_map(namespace, "one"), config_map(namespace, "two")
    apply(one, two)
    assert pruned(client, namespace, one) == [ObjectRef.of(one)]
    assert client.find(ObjectRef.of(one)) is None
    assert client.find(ObjectRef.of(two)) is not None


def test_what_a_workload_owns_goes_with_it(client: Client, apply: Apply, namespace: str) -> None:
    web = deployment(namespace)
    apply(web)
    sets = client.discovery.resource("apps", "v1", "ReplicaSet")
    until(lambda: client.list(sets, namespace=namespace)[0], what="a ReplicaSet")
    pruned(client, namespace, web)
    until(lambda: not client.list(sets, namespace=namespace)[0], what="its end")


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"labels": {f"{GROUP}/name": "other"}}, id="moved-to-another-kustomization"),
        pytest.param({"labels": {f"{GROUP}/namespace": "other"}}, id="moved-to-another-namespace"),
        pytest.param({"labels": {f"{GROUP}/name": None, f"{GROUP}/namespace": None}}, id="let-go"),
        pytest.param({"annotations": {f"{GROUP}/prune": "disabled"}}, id="prune-disabled"),
        pytest.param({"labels": {f"{GROUP}/prune": "Disabled"}}, id="prune-disabled-by-label"),
        pytest.param({"annotations": {f"{GROUP}/reconcile": "disabled"}}, id="reconcile-disabled"),
        pytest.param({"annotations": {f"{GROUP}/ssa": "Ignore"}}, id="ssa-ignore"),
    ],
)
def test_what_is_no_longer_ours_or_not_to_go_stays(
    client: Client, apply: Apply, namespace: str, edit: dict[str, Any]
) -> None:
    one = config_map(namespace)
    apply(one)
    live = client.patch(ObjectRef.of(one), {"metadata": edit}, manager="somebody")
    assert pruned(client, namespace, one) == []
    assert client.get(ObjectRef.of(one)) == live


def test_what_is_gone_already_is_no_failure(client: Client, apply: Apply, namespace: str) -> None:
    one, gone = config_map(namespace, "one"), config_map(namespace, "gone")
    widget = made("nobody.example/v1", "Widget", "one", namespace)
    apply(one)
    assert pruned(client, namespace, widget, gone, one) == [ObjectRef.of(one)]


def test_an_object_goes_with_its_definition(
    client: Client, fresh: Client, apply: Apply, namespace: str
) -> None:
    group = f"{namespace}.example"
    definition, widget = crd(group), made(f"{group}/v1", "Widget", "one", namespace)
    apply(definition, widget, by=fresh)
    pruned(fresh, namespace, definition)
    until(lambda: client.find(ObjectRef.of(definition)) is None, what="the end of the definition")
    assert pruned(fresh, namespace, widget) == []


@pytest.fixture
def deployer(client: Client, namespace: str) -> Client:
    """A service account that may do anything with ConfigMaps, and only look at ServiceAccounts."""
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]},
    ]
    subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"}
    rbac = "rbac.authorization.k8s.io/v1"
    client.create(made(rbac, "Role", "deployer", namespace, rules=rules))
    client.create(made(rbac, "RoleBinding", "deployer", namespace, subjects=[subject], roleRef=role))
    user = f"system:serviceaccount:{namespace}:deployer"
    granted(client, user, namespace, "configmaps")
    return client.impersonate(user)


def test_what_may_not_be_deleted_survives_and_is_named(
    client: Client, deployer: Client, apply: Apply, namespace: str
) -> None:
    one, account = config_map(namespace), made("v1", "ServiceAccount", "kept", namespace)
    hidden = made("v1", "Service", "hidden", namespace, spec={"ports": [{"port": 80}]})
    apply(one, account, hidden)
    with pytest.raises(PruneFailed) as caught:
        pruned(deployer, namespace, account, hidden, one)
    assert caught.value.survivors == [ObjectRef.of(account), ObjectRef.of(hidden)]
    assert caught.value.deleted == [ObjectRef.of(one)]
    first, second, _ = caught.value.message.split(";")
    assert first.startswith(f"delete failed, errors: ServiceAccount/{namespace}/kept delete failed: ")
    assert "cannot delete resource" in first
    assert "cannot get resource" in second
    assert client.find(ObjectRef.of(one)) is None, "one failure does not keep the others"
    assert client.find(ObjectRef.of(account)) is not None


def test_the_fence_is_asked_right_before(client: Client, apply: Apply, namespace: str) -> None:
    one = config_map(namespace)
    apply(one)

    def fence() -> None:
        raise Superseded("somebody newer")

    with pytest.raises(Superseded):
        pruned(client, namespace, one, fence=fence)
    assert client.find(ObjectRef.of(one)) is not None


def test_an_object_that_was_made_anew_by_somebody_else_stays(
    client: Client, apply: Apply, namespace: str
) -> None:
    one = config_map(namespace)
    apply(one)
    client.delete(ObjectRef.of(one))
    client.create(with_owner(config_map(namespace), name="other", namespace=namespace))
    assert pruned(client, namespace, one) == []
    assert client.find(ObjectRef.of(one)) is not None


def test_what_is_being_deleted_is_waited_for_and_not_deleted_again(
    client: Client, apply: Apply, namespace: str
) -> None:
    held = config_map(namespace, "held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    apply(held, config_map(namespace, "free"))
    refs = [ObjectRef.of(held), ObjectRef("", "v1", "ConfigMap", namespace, "free")]
    assert pruned(client, namespace, held, config_map(namespace, "free")) == refs
    assert terminating(client, refs, name="app", namespace=namespace) == [refs[0]]
    assert terminating(client, refs, name="another", namespace=namespace) == []
    assert pruned(client, namespace, held) == []
    client.patch(refs[0], {"metadata": {"finalizers": None}}, manager="x")
    assert terminating(client, refs, name="app", namespace=namespace) == []


def test_what_the_account_may_not_see_and_was_never_ours_is_settled(
    client: Client, deployer: Client, apply: Apply, namespace: str
) -> None:
    """As after a run that was killed before it applied what its account may not."""
    port = {"ports": [{"port": 80}]}
    never, foreign = (made("v1", "Service", name, namespace, spec=port) for name in ("never", "foreign"))
    client.create(foreign)
    assert pruned(deployer, namespace, never, foreign) == []
    assert client.find(ObjectRef.of(foreign)) is not None
