# SPDX-License-Identifier: Apache-2.0
"""spec.force, spec.ignore, and the fields that other managers left, on the real API server."""

from __future__ import annotations

from typing import Any

import pytest

from policies.ignored_fields import IgnoredFields
from policies.objects import GroupKind, Object, ObjectRef
from policies.ownership import FIELD_MANAGER, GROUP
from tests.workers.reconcile.conftest import Apply, config_map, deployment, made
from workers.cluster import Client
from workers.reconcile.apply import Done
from workers.reconcile.failures import ApplyFailed

FORCED = {f"{GROUP}/force": "Enabled"}


def immutable(namespace: str, *, annotations: Any = None, **data: str) -> Object:
    return {**config_map(namespace, "fixed", annotations=annotations, **data), "immutable": True}


def managers(obj: Object) -> list[tuple[str, str]]:
    return [(e["manager"], e["operation"]) for e in obj["metadata"]["managedFields"]]


@pytest.mark.parametrize("more", [True, False], ids=["in-a-stage", "alone"])
@pytest.mark.parametrize(
    ("force", "annotations"), [(True, None), (False, FORCED)], ids=["spec-force", "annotation"]
)
def test_an_immutable_change_is_made_anew_where_that_is_allowed(
    client: Client, apply: Apply, namespace: str, force: bool, annotations: Any, more: bool
) -> None:
    other = [config_map(namespace, "other")] if more else []
    apply(immutable(namespace, a="1"), *other)
    before = client.get(ObjectRef.of(immutable(namespace)))["metadata"]["uid"]
    changes = apply(immutable(namespace, annotations=annotations, a="2"), *other, force=force)
    assert changes[0].done is Done.CREATED
    live = client.get(ObjectRef.of(immutable(namespace)))
    assert (live["data"], live["metadata"]["uid"] == before) == ({"a": "2"}, False)


def test_without_force_an_immutable_change_is_refused(client: Client, apply: Apply, namespace: str) -> None:
    apply(immutable(namespace, a="1"))
    with pytest.raises(
        ApplyFailed, match=rf"^ConfigMap/{namespace}/fixed apply failed \(Invalid\): .*immutable"
    ):
        apply(immutable(namespace, a="2"))
    assert client.get(ObjectRef.of(immutable(namespace)))["data"] == {"a": "1"}


def test_force_deletes_nothing_for_an_object_that_is_invalid_anyway(
    client: Client, apply: Apply, namespace: str
) -> None:
    """Flux would delete the running Service and then fail to make the invalid one."""
    service = made("v1", "Service", "web", namespace, spec={"ports": [{"port": 80}]})
    apply(service, config_map(namespace))
    before = client.get(ObjectRef.of(service))["metadata"]["uid"]
    broken = made("v1", "Service", "web", namespace, spec={"ports": [{"port": 0}]})
    with pytest.raises(ApplyFailed, match=rf"^Service/{namespace}/web dry-run failed \(Invalid\)"):
        apply(broken, config_map(namespace), force=True)
    assert client.get(ObjectRef.of(service))["metadata"]["uid"] == before


def test_force_waits_until_the_old_object_is_gone(client: Client, apply: Apply, namespace: str) -> None:
    web = deployment(namespace, replicas=0)
    apply(web, config_map(namespace))
    moved = deployment(namespace, replicas=0)
    moved["spec"]["selector"]["matchLabels"] = {"app": "moved"}
    moved["spec"]["template"]["metadata"]["labels"] = {"app": "moved"}
    assert [c.done for c in apply(moved, config_map(namespace), force=True)] == [Done.UNCHANGED, Done.CREATED]
    assert client.get(ObjectRef.of(web))["spec"]["selector"] == {"matchLabels": {"app": "moved"}}


def test_fields_of_kubectl_go_with_what_is_no_longer_in_git(
    client: Client, apply: Apply, namespace: str
) -> None:
    one = config_map(namespace, a="1")
    by_hand = {**one, "data": {"a": "0", "b": "by hand"}}
    by_hand["metadata"] = {
        **one["metadata"],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "x"},
    }
    client.create(by_hand, manager="kubectl-client-side-apply")
    for _ in range(2):
        apply(one)
        live = client.get(ObjectRef.of(one))
        assert live["data"] == {"a": "1"}
        assert managers(live) == [(FIELD_MANAGER, "Apply")]
    assert "annotations" not in live["metadata"], "they were kubectl's, so they are ours, and not in Git"


def test_merge_keeps_what_others_wrote(client: Client, apply: Apply, namespace: str) -> None:
    one = config_map(namespace, annotations={f"{GROUP}/ssa": "Merge"}, a="1")
    client.create({**config_map(namespace, a="0", b="by hand")}, manager="kubectl-edit")
    apply(one, config_map(namespace, "other"))
    live = client.get(ObjectRef.of(one))
    assert live["data"] == {"a": "1", "b": "by hand"}
    assert ("kubectl-edit", "Update") in managers(live)


def test_an_edit_with_kubectl_is_undone_whole(client: Client, apply: Apply, namespace: str) -> None:
    one, other = config_map(namespace, a="1"), config_map(namespace, "other")
    apply(one, other)
    client.patch(ObjectRef.of(one), {"data": {"b": "by hand"}}, manager="kubectl-edit")
    assert [change.done for change in apply(one, other)] == [Done.CONFIGURED, Done.UNCHANGED]
    assert client.get(ObjectRef.of(one))["data"] == {"a": "1"}


def test_further_managers_may_be_overridden(client: Client, apply: Apply, namespace: str) -> None:
    one = config_map(namespace, a="1")
    apply(one)
    client.patch(ObjectRef.of(one), {"data": {"b": "x"}}, manager="legacy-tool")
    assert apply(one)[0].done is Done.UNCHANGED
    apply(one, managers=("legacy",))
    assert client.get(ObjectRef.of(one))["data"] == {"a": "1"}


REPLICAS = IgnoredFields([{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}])


@pytest.mark.parametrize("more", [True, False], ids=["in-a-stage", "alone"])
def test_an_ignored_field_is_left_to_others(client: Client, apply: Apply, namespace: str, more: bool) -> None:
    web, other = deployment(namespace, replicas=0), [config_map(namespace)] if more else []
    apply(web, *other, ignored=REPLICAS)
    ref = ObjectRef.of(web)
    assert client.get(ref)["spec"]["replicas"] == 0, "at creation Git's value counts"
    client.patch(ref, {"spec": {"replicas": 2}}, manager="scaler")
    changes = {c.ref.kind: c.done for c in apply(web, *other, ignored=REPLICAS)}
    assert changes["Deployment"] is Done.UNCHANGED
    image = deployment(namespace, replicas=0, image="ghcr.io/acme/web:2")
    changes = {c.ref.kind: c.done for c in apply(image, *other, ignored=REPLICAS)}
    assert changes["Deployment"] is Done.CONFIGURED
    live = client.get(ref)["spec"]
    assert (live["replicas"], live["template"]["spec"]["containers"][0]["image"]) == (2, "ghcr.io/acme/web:2")


def test_an_ignored_field_of_another_applier_stays_his(client: Client, apply: Apply, namespace: str) -> None:
    web = deployment(namespace, replicas=0)
    apply(web, ignored=REPLICAS)
    scaled = made("apps/v1", "Deployment", "web", namespace, spec={"replicas": 2})
    client.apply(scaled, manager="scaler")
    apply(deployment(namespace, replicas=0, image="ghcr.io/acme/web:2"), ignored=REPLICAS)
    live = client.get(ObjectRef.of(web))
    owners = {
        e["manager"]
        for e in live["metadata"]["managedFields"]
        if "f:replicas" in (e.get("fieldsV1") or {}).get("f:spec", {})
    }
    assert (live["spec"]["replicas"], owners) == (2, {"scaler"})


def test_a_look_names_what_differs_and_writes_nothing(client: Client, apply: Apply, namespace: str) -> None:
    one, two, three = (config_map(namespace, name, a="1") for name in ("one", "two", "three"))
    apply(one, two, three)
    assert apply(one, two, three, only_look=True) == []
    client.patch(ObjectRef.of(one), {"data": {"a": "2"}}, manager="somebody")
    client.delete(ObjectRef.of(two))
    seen = {one.ref.name: one.live is None for one in apply(one, two, three, only_look=True)}
    assert seen == {"one": False, "two": True}
    assert client.get(ObjectRef.of(one))["data"] == {"a": "2"}
    assert client.find(ObjectRef.of(two)) is None


def test_kinds_the_administrator_names_are_applied_before_the_rest(
    client: Client, apply: Apply, namespace: str
) -> None:
    refused = made("v1", "Service", "bad", namespace, spec={"ports": [{"port": 0}]})
    account = made("v1", "ServiceAccount", "first", namespace)
    with pytest.raises(ApplyFailed) as caught:
        apply(account, refused, custom_kinds=frozenset({GroupKind("", "ServiceAccount")}))
    assert client.find(ObjectRef.of(account)) is not None
    assert str(caught.value).splitlines()[-1] == f"ServiceAccount/{namespace}/first created"
