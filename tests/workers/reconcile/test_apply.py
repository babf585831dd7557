# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from typing import Any

import pytest

from policies.objects import Object, ObjectRef
from policies.ownership import FIELD_MANAGER, GROUP
from tests.fixtures.granting import granted
from tests.fixtures.world import until
from tests.workers.reconcile.conftest import Apply, config_map, crd, deployment, made
from workers.cluster import Client, Forbidden, Invalid, NoMatch
from workers.reconcile.apply import Change, Done
from workers.reconcile.failures import ApplyFailed
from workers.reconcile.status import Superseded


def outcome(changes: list[Change]) -> dict[str, str]:
    return {str(change.ref): str(change.done) for change in changes}


def versions(client: Client, *objects: Object) -> list[str]:
    return [client.get(ObjectRef.of(obj))["metadata"]["resourceVersion"] for obj in objects]


def test_what_is_new_is_created_with_its_owner_and_our_manager(
    client: Client, apply: Apply, namespace: str
) -> None:
    one, two = config_map(namespace, "one", a="1"), config_map(namespace, "two")
    assert outcome(apply(one, two)) == {
        f"ConfigMap/{namespace}/one": "created",
        f"ConfigMap/{namespace}/two": "created",
    }
    live = client.get(ObjectRef.of(one))
    assert live["data"] == {"a": "1"}
    assert live["metadata"]["labels"] == {f"{GROUP}/name": "app", f"{GROUP}/namespace": namespace}
    assert [(e["manager"], e["operation"]) for e in live["metadata"]["managedFields"]] == [
        (FIELD_MANAGER, "Apply")
    ]


def test_what_is_as_wanted_is_not_written(client: Client, apply: Apply, namespace: str) -> None:
    objects = [
        config_map(namespace, "one", a="1"),
        deployment(namespace, replicas=0),
        config_map(namespace, "two"),
    ]
    apply(*objects)
    before = versions(client, objects[0], objects[2])
    changes = apply(*objects)
    assert {change.done for change in changes} == {Done.UNCHANGED}
    assert versions(client, objects[0], objects[2]) == before


def test_a_single_object_is_not_written_either(client: Client, apply: Apply, namespace: str) -> None:
    one = config_map(namespace, a="1")
    apply(one)
    before = versions(client, one)
    assert [change.done for change in apply(one)] == [Done.UNCHANGED]
    assert versions(client, one) == before


def test_only_what_differs_is_written(client: Client, apply: Apply, namespace: str) -> None:
    one, two = config_map(namespace, "one", a="1"), config_map(namespace, "two", a="1")
    apply(one, two)
    before = versions(client, one, two)
    changed = config_map(namespace, "two", a="2")
    assert [change.done for change in apply(one, changed)] == [Done.UNCHANGED, Done.CONFIGURED]
    after = versions(client, one, two)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert client.get(ObjectRef.of(two))["data"] == {"a": "2"}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"data": {"a": "theirs"}}, id="a-changed-value"),
        pytest.param({"data": {"a": None}}, id="a-removed-value"),
        pytest.param({"metadata": {"labels": {f"{GROUP}/name": "other"}}}, id="a-changed-owner"),
    ],
)
def test_what_others_did_to_our_fields_is_put_right(
    client: Client, apply: Apply, namespace: str, edit: dict[str, Any]
) -> None:
    one, two = config_map(namespace, "one", a="1"), config_map(namespace, "two")
    apply(one, two)
    client.patch(ObjectRef.of(one), edit, manager="somebody")
    assert [change.done for change in apply(one, two)] == [Done.CONFIGURED, Done.UNCHANGED]
    live = client.get(ObjectRef.of(one))
    assert (live["data"], live["metadata"]["labels"][f"{GROUP}/name"]) == ({"a": "1"}, "app")


def test_what_others_added_stays(client: Client, apply: Apply, namespace: str) -> None:
    one, two = config_map(namespace, "one", a="1"), config_map(namespace, "two")
    apply(one, two)
    client.patch(ObjectRef.of(one), {"data": {"b": "theirs"}}, manager="somebody")
    assert {change.done for change in apply(one, two)} == {Done.UNCHANGED}
    assert client.get(ObjectRef.of(one))["data"] == {"a": "1", "b": "theirs"}


def test_a_field_that_left_the_source_goes(client: Client, apply: Apply, namespace: str) -> None:
    one, two = config_map(namespace, "one", a="1", b="1"), config_map(namespace, "two")
    apply(one, two)
    apply(config_map(namespace, "one", a="1"), two)
    assert client.get(ObjectRef.of(one))["data"] == {"a": "1"}


def test_one_invalid_object_stops_its_whole_stage(client: Client, apply: Apply, namespace: str) -> None:
    good, known = config_map(namespace, "good"), config_map(namespace, "known", a="1")
    apply(known)
    before = versions(client, known)
    bad = made("v1", "Service", "bad", namespace, spec={"ports": [{"port": 0}]})
    with pytest.raises(
        ApplyFailed, match=rf"^Service/{namespace}/bad dry-run failed \(Invalid\): "
    ) as caught:
        apply(good, config_map(namespace, "known", a="2"), bad)
    assert caught.value.ref == ObjectRef.of(bad)
    assert isinstance(caught.value.cause, Invalid)
    assert client.find(ObjectRef.of(good)) is None
    assert versions(client, known) == before


def test_an_invalid_object_leaves_the_stage_before_it_applied(
    client: Client, apply: Apply, namespace: str
) -> None:
    space = made("v1", "Namespace", f"{namespace}-new")
    bad = made("v1", "Service", "bad", f"{namespace}-new", spec={"ports": [{"port": 0}]})
    with pytest.raises(ApplyFailed):
        apply(bad, space, config_map(f"{namespace}-new"))
    assert client.find(ObjectRef.of(space)) is not None
    assert client.find(ObjectRef("", "v1", "ConfigMap", f"{namespace}-new", "one")) is None


def test_a_single_invalid_object_fails_at_its_own_write(apply: Apply, namespace: str) -> None:
    bad = made("v1", "Service", "bad", namespace, spec={"ports": [{"port": 0}]})
    with pytest.raises(ApplyFailed, match=r"apply failed \(Invalid\): "):
        apply(bad)


def test_objects_are_written_in_flux_s_order(client: Client, apply: Apply, namespace: str) -> None:
    objects = [
        deployment(namespace, replicas=0),
        made("v1", "Service", "web", namespace, spec={"ports": [{"port": 80}]}),
        config_map(namespace),
        made("v1", "ServiceAccount", "web", namespace),
        made("networking.k8s.io/v1", "NetworkPolicy", "web", namespace, spec={"podSelector": {}}),
    ]
    changes = apply(*objects)
    assert [change.ref.kind for change in changes] == [
        *("ServiceAccount", "ConfigMap", "Service", "Deployment", "NetworkPolicy")
    ]
    written = [int(change.object["metadata"]["resourceVersion"]) for change in changes if change.object]
    assert written == sorted(written)


def test_a_namespace_and_what_is_in_it_come_in_one_apply(
    client: Client, apply: Apply, namespace: str
) -> None:
    inside = f"{namespace}-inside"
    changes = apply(config_map(inside), deployment(inside, replicas=0), made("v1", "Namespace", inside))
    assert outcome(changes) == {
        f"Namespace/{inside}": "created",
        f"ConfigMap/{inside}/one": "created",
        f"Deployment/{inside}/web": "created",
    }


@pytest.mark.parametrize("number", range(5))
def test_a_definition_and_an_object_of_it_come_in_one_apply(
    client: Client, fresh: Client, apply: Apply, namespace: str, number: int
) -> None:
    group = f"{namespace}.example"
    widget = made(f"{group}/v1", "Widget", "one", namespace, spec={"size": number})
    changes = apply(widget, crd(group), config_map(namespace), by=fresh)
    assert {change.done for change in changes} == {Done.CREATED}
    assert fresh.get(ObjectRef.of(widget))["spec"] == {"size": number}
    fresh.delete(ObjectRef.of(crd(group)))


def test_a_definition_is_found_though_somebody_asked_for_it_a_moment_before(
    fresh: Client, apply: Apply, namespace: str
) -> None:
    group = f"{namespace}.example"
    widget = made(f"{group}/v1", "Widget", "one", namespace)
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            fresh.find(ObjectRef.of(widget))

    other = threading.Thread(target=ask)
    other.start()
    try:
        assert {change.done for change in apply(widget, crd(group), by=fresh)} == {Done.CREATED}
    finally:
        ended.set()
        other.join()
    fresh.delete(ObjectRef.of(crd(group)))


def test_a_definition_on_its_way_out_is_made_again_when_it_is_gone(
    client: Client, fresh: Client, apply: Apply, namespace: str
) -> None:
    group = f"{namespace}.example"
    definition = ObjectRef.of(crd(group))
    held = made(f"{group}/v1", "Widget", "held", namespace, metadata={"finalizers": ["example.com/hold"]})
    apply(held, crd(group))
    before = client.get(definition)["metadata"]
    client.delete(definition)

    def let_go() -> None:
        """Let it end once it was applied, which an apply of what is going does not tell."""
        until(lambda: "changed" in client.get(definition)["metadata"].get("labels", {}), what="the apply")
        client.patch(ObjectRef.of(held), {"metadata": {"finalizers": None}}, manager="test")

    other = threading.Thread(target=let_go)
    other.start()
    labelled = crd(group)
    labelled["metadata"]["labels"] = {"changed": "yes"}
    changes = apply(labelled, made(f"{group}/v1", "Widget", "one", namespace), by=fresh)
    other.join()
    assert [change.done for change in changes] == [Done.CREATED, Done.CREATED]
    assert client.get(definition)["metadata"]["uid"] != before["uid"]
    client.delete(definition)


def test_a_definition_may_come_back_otherwise(client: Client, apply: Apply, namespace: str) -> None:
    """Our own client still has the path of before."""
    group = f"{namespace}.example"
    first, other = crd(group), crd(group)
    widget = made(f"{group}/v1", "Widget", "one", namespace)
    apply(widget, first)
    client.delete(ObjectRef.of(first))
    until(lambda: client.find(ObjectRef.of(first)) is None, what="it gone")
    other["spec"]["scope"] = "Cluster"
    del widget["metadata"]["namespace"]
    assert {change.done for change in apply(widget, other)} == {Done.CREATED}
    client.delete(ObjectRef.of(other))
    until(lambda: client.find(ObjectRef.of(other)) is None, what="it gone")
    other["spec"]["names"] |= {"plural": "widgetses", "singular": "widgets"}
    other["metadata"]["name"] = f"widgetses.{group}"
    assert {change.done for change in apply(widget, other)} == {Done.CREATED}
    client.delete(ObjectRef.of(other))


def test_a_kind_that_nobody_defines_fails_naming_the_object(apply: Apply, namespace: str) -> None:
    widget = made("nobody.example/v1", "Widget", "one", namespace)
    with pytest.raises(
        ApplyFailed, match=rf'^Widget/{namespace}/one dry-run failed .*no matches for kind "Widget"'
    ) as e:
        apply(widget, config_map(namespace))
    assert isinstance(e.value.cause, NoMatch)


def test_a_namespace_that_is_missing_fails_naming_the_object(apply: Apply, client: Client) -> None:
    with pytest.raises(ApplyFailed, match=r"^ConfigMap/no-such/one apply failed \(NotFound\): "):
        apply(config_map("no-such"))


def test_a_namespaced_object_without_namespace_says_so(apply: Apply) -> None:
    with pytest.raises(ApplyFailed, match="namespace not specified"):
        apply(made("v1", "ConfigMap", "one"))


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param({f"{GROUP}/reconcile": "disabled"}, id="reconcile-disabled"),
        pytest.param({f"{GROUP}/ssa": "Ignore"}, id="ssa-ignore"),
    ],
)
def test_what_is_marked_on_the_live_object_is_skipped(
    client: Client, apply: Apply, namespace: str, marks: dict[str, str]
) -> None:
    one = config_map(namespace, a="1")
    apply(one)
    client.patch(ObjectRef.of(one), {"metadata": {"annotations": marks}, "data": {"a": "2"}}, manager="x")
    changes = apply(config_map(namespace, a="3"), config_map(namespace, "two"))
    assert [change.done for change in changes] == [Done.SKIPPED, Done.CREATED]
    assert client.get(ObjectRef.of(one))["data"] == {"a": "2"}


def test_an_object_that_is_skipped_needs_no_dry_run_and_may_be_invalid(apply: Apply, namespace: str) -> None:
    bad = made(
        "v1",
        "Service",
        "bad",
        namespace,
        spec={"ports": [{"port": 0}]},
        metadata={"annotations": {f"{GROUP}/reconcile": "disabled"}},
    )
    assert [c.done for c in apply(bad, config_map(namespace))] == [Done.CREATED, Done.SKIPPED]


def test_the_fence_is_asked_before_every_stage_and_stops_the_rest(
    client: Client, apply: Apply, namespace: str
) -> None:
    asked = 0

    def fence() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Superseded("somebody newer")

    space, inside = made("v1", "Namespace", f"{namespace}-fence"), config_map(f"{namespace}-fence")
    with pytest.raises(Superseded):
        apply(space, inside, fence=fence)
    assert client.find(ObjectRef.of(space)) is not None
    assert client.find(ObjectRef.of(inside)) is None


def test_a_service_account_may_apply_only_what_it_is_allowed(
    client: Client, apply: Apply, namespace: str
) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch", "create"]}]
    account = {"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"}
    for obj in (
        made("v1", "ServiceAccount", "deployer", namespace),
        made("rbac.authorization.k8s.io/v1", "Role", "deployer", namespace, rules=rules),
        made(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "deployer",
            namespace,
            subjects=[account],
            roleRef=role,
        ),
    ):
        client.create(obj)
    user = f"system:serviceaccount:{namespace}:deployer"
    granted(client, user, namespace, "configmaps", verb="create")
    deployer = client.impersonate(user)
    assert [change.done for change in apply(config_map(namespace), by=deployer)] == [Done.CREATED]
    with pytest.raises(
        ApplyFailed, match=rf"^Deployment/{namespace}/web dry-run failed \(Forbidden\): "
    ) as e:
        apply(config_map(namespace, a="1"), deployment(namespace), by=deployer)
    assert isinstance(e.value.cause, Forbidden)
    assert "data" not in client.get(ObjectRef.of(config_map(namespace)))
