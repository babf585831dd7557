# SPDX-License-Identifier: Apache-2.0
"""The client against the real API server: what it says, and how its refusals arrive."""

from __future__ import annotations

import contextlib
import threading

import pytest
import urllib3

from policies.objects import Object, ObjectRef
from tests.fixtures.cluster import Cluster
from tests.fixtures.world import until
from workers.cluster import Client, Conflict, Forbidden, Gone, Invalid, NoMatch, NotFound, Unavailable
from workers.cluster.discovery import Resource
from workers.cluster.errors import Unauthorized

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps", True)


def config_map(namespace: str, name: str = "one", **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def crd(group: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [version],
        },
    }


def test_what_is_not_there_is_not_found(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "v1", "ConfigMap", namespace, "none")
    with pytest.raises(NotFound, match='configmaps "none" not found') as caught:
        client.get(ref)
    assert (caught.value.status, caught.value.cause) == (404, "NotFound")
    assert not isinstance(caught.value, NoMatch)
    assert client.find(ref) is None


@pytest.mark.parametrize("group", ["apps", "acme.example"])
def test_a_kind_that_is_not_served_is_no_match(client: Client, namespace: str, group: str) -> None:
    with pytest.raises(NoMatch, match=f'no matches for kind "Nothing" in version "{group}/v1"'):
        client.get(ObjectRef(group, "v1", "Nothing", namespace, "x"))


def test_a_name_that_is_taken_is_a_conflict(client: Client, namespace: str) -> None:
    client.create(config_map(namespace))
    with pytest.raises(Conflict) as caught:
        client.create(config_map(namespace))
    assert (caught.value.status, caught.value.cause) == (409, "AlreadyExists")


def test_a_patch_on_an_older_version_is_a_conflict_and_changes_nothing(
    client: Client, namespace: str
) -> None:
    seen = client.create(config_map(namespace, a="1"))
    ref, version = ObjectRef.of(seen), seen["metadata"]["resourceVersion"]
    fenced = {"metadata": {"resourceVersion": version}}
    newer = client.patch(ref, {**fenced, "data": {"a": "2"}}, manager="us")
    with pytest.raises(Conflict):
        client.patch(ref, {**fenced, "data": {"a": "3"}}, manager="us")
    assert client.get(ref) == newer


def test_an_object_that_breaks_its_schema_is_invalid_and_says_where(client: Client, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "namespace": namespace},
        "spec": {"ports": [{"port": 0}]},
    }
    with pytest.raises(Invalid, match=r"spec\.ports\[0\]\.port") as caught:
        client.apply(service, manager="us")
    assert caught.value.status == 422
    assert caught.value.details["causes"]


def test_an_object_that_cannot_be_read_is_invalid(client: Client, namespace: str) -> None:
    with pytest.raises(Invalid) as caught:
        client.create({**config_map(namespace), "data": ["no", "map"]})
    assert caught.value.status == 400


def test_another_user_is_let_do_only_what_he_may(client: Client, namespace: str) -> None:
    user = f"system:serviceaccount:{namespace}:nobody"
    with pytest.raises(Forbidden, match=f'User "{user}" cannot patch resource "configmaps"') as caught:
        client.impersonate(user).apply(config_map(namespace), manager="us")
    assert caught.value.status == 403
    assert client.apply(config_map(namespace), manager="us")


def test_a_token_nobody_gave_out_is_unauthorized(cluster: Cluster) -> None:
    stranger = Client(
        cluster.server,
        urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False),
        headers=lambda: {"authorization": "Bearer made-up"},
    )
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    with pytest.raises(Unauthorized):
        stranger.request("GET", "/api/v1/namespaces")


def test_applying_creates_changes_and_forces(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "v1", "ConfigMap", namespace, "one")
    created = client.apply(config_map(namespace, a="1", b="1"), manager="us")
    client.apply(config_map(namespace, a="theirs"), manager="them")
    ours = client.apply(config_map(namespace, a="2"), manager="us")
    assert created["data"] == {"a": "1", "b": "1"}
    assert ours["data"] == {"a": "2"}, "a conflict is forced, and what we no longer name goes"
    assert client.get(ref)["data"] == {"a": "2"}
    assert {e["manager"] for e in ours["metadata"]["managedFields"]} == {"us"}


def test_a_dry_run_answers_what_would_be_and_writes_nothing(client: Client, namespace: str) -> None:
    ref = ObjectRef("", "v1", "ConfigMap", namespace, "one")
    assert client.apply(config_map(namespace, a="1"), manager="us", dry_run=True)["data"] == {"a": "1"}
    assert client.find(ref) is None
    kept = client.apply(config_map(namespace, a="1"), manager="us")
    assert client.apply(config_map(namespace, a="2"), manager="us", dry_run=True)["data"] == {"a": "2"}
    assert client.get(ref) == kept


def test_only_the_object_that_was_looked_at_is_deleted(client: Client, namespace: str) -> None:
    made = client.create(config_map(namespace))
    ref = ObjectRef.of(made)
    with pytest.raises(Conflict):
        client.delete(ref, uid="00000000-0000-0000-0000-000000000000")
    assert client.get(ref) == made
    client.delete(ref, uid=made["metadata"]["uid"])
    assert client.find(ref) is None


def test_a_list_is_of_one_namespace_and_label_and_its_items_say_what_they_are(
    client: Client, namespace: str
) -> None:
    labelled = config_map(namespace, "two")
    labelled["metadata"]["labels"] = {"app": "web"}
    for obj in (config_map(namespace, "one"), labelled):
        client.create(obj)
    everything, version = client.list(CONFIG_MAPS, namespace=namespace)
    chosen, _ = client.list(CONFIG_MAPS, namespace=namespace, labels="app=web")
    by_name, _ = client.list(CONFIG_MAPS, namespace=namespace, fields="metadata.name=one")
    assert {o["metadata"]["name"] for o in everything} >= {"one", "two"}
    assert [(o["apiVersion"], o["kind"], o["metadata"]["name"]) for o in chosen] == [
        ("v1", "ConfigMap", "two")
    ]
    assert [o["metadata"]["name"] for o in by_name] == ["one"]
    assert int(version) > 0


def test_a_kind_is_found_as_soon_as_its_definition_is_served(fresh: Client, namespace: str) -> None:
    client = fresh
    ref = ObjectRef("fresh.example", "v1", "Widget", namespace, "one")
    with pytest.raises(NoMatch):
        client.resource(ref)
    definition = client.apply(crd("fresh.example"), manager="us")

    def served() -> Resource | None:
        with contextlib.suppress(NoMatch):
            return client.resource(ref)
        return None

    found = until(served, what="the new kind")
    assert found == Resource("fresh.example", "v1", "Widget", "widgets", True)
    assert client.discovery.preferred("fresh.example", "Widget") == found
    client.delete(ObjectRef.of(definition))


def test_a_kind_is_found_in_its_preferred_version(fresh: Client) -> None:
    discovery = fresh.discovery
    assert discovery.preferred("", "Pod").path("ns", "p", "status") == "/api/v1/namespaces/ns/pods/p/status"
    assert discovery.preferred("apps", "Deployment").path() == "/apis/apps/v1/deployments"
    assert discovery.preferred("", "Namespace").path("ignored", "ns") == "/api/v1/namespaces/ns"
    with pytest.raises(NoMatch, match=r'no matches for kind "X" in group "no\.such"'):
        discovery.preferred("no.such", "X")


def test_a_watch_tells_every_change_after_the_version_it_began_with(client: Client, namespace: str) -> None:
    _, version = client.list(CONFIG_MAPS, namespace=namespace)
    client.create(config_map(namespace, "seen", a="1"))
    ref = ObjectRef("", "v1", "ConfigMap", namespace, "seen")
    with client.watch(CONFIG_MAPS, resource_version=version, namespace=namespace, seconds=30) as events:
        of_ours = ((e.type, e.object) for e in events if e.object["metadata"].get("name") == "seen")
        assert next(of_ours)[0] == "ADDED"
        client.patch(ref, {"data": {"a": "2"}}, manager="us")
        kind, obj = next(of_ours)
        assert (kind, obj["data"]) == ("MODIFIED", {"a": "2"})
        client.delete(ref)
        assert next(of_ours)[0] == "DELETED"


def test_a_watch_ends_when_its_time_is_over(client: Client, namespace: str) -> None:
    _, version = client.list(CONFIG_MAPS, namespace=namespace)
    with client.watch(CONFIG_MAPS, resource_version=version, namespace=namespace, seconds=1) as events:
        assert [e.type for e in events if e.type != "BOOKMARK"] == []


def test_watching_what_is_not_allowed_is_forbidden(client: Client, namespace: str) -> None:
    nobody = client.impersonate(f"system:serviceaccount:{namespace}:nobody")
    with (
        pytest.raises(Forbidden),
        nobody.watch(CONFIG_MAPS, resource_version="0", namespace=namespace),
    ):
        pass


def test_a_restart_cuts_watches_fails_calls_and_forgets_versions(
    cluster: Cluster, client: Client, namespace: str
) -> None:
    _, version = client.list(CONFIG_MAPS, namespace=namespace)
    ended = threading.Event()

    def follow() -> None:
        with (
            contextlib.suppress(Unavailable),
            client.watch(CONFIG_MAPS, resource_version=version, namespace=namespace) as events,
        ):
            list(events)
        ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    cluster.stop()
    try:
        assert ended.wait(20), "the watch hangs on a server that is gone"
        with pytest.raises(Unavailable, match=rf"the Kubernetes API at {cluster.server} cannot be reached: "):
            client.list(CONFIG_MAPS, namespace=namespace)
    finally:
        cluster.start()
    thread.join()
    assert client.list(CONFIG_MAPS, namespace=namespace)
    with (
        pytest.raises(Gone) as caught,
        client.watch(CONFIG_MAPS, resource_version="1", namespace=namespace, seconds=5) as events,
    ):
        list(events)
    assert caught.value.status == 410


@pytest.mark.parametrize("name", ["..", ".", "../../kube-system/configmaps/x", "a%2fb", "a/b"])
def test_a_name_cannot_lead_to_another_place(client: Client, namespace: str, name: str) -> None:
    with pytest.raises(Invalid, match="may not be or contain what changes a path"):
        client.find(ObjectRef("", "v1", "ConfigMap", namespace, name))
    with pytest.raises(Invalid):
        client.find(ObjectRef("", "v1", "ConfigMap", f"{namespace}/configmaps/{name}", "x"))
    with pytest.raises(Invalid):
        client.find(ObjectRef(name, "v1", "Secret", namespace, "x"))
    with pytest.raises(Invalid):
        client.find(ObjectRef("apps", name, "Secret", namespace, "x"))


def test_a_name_cannot_become_a_query(client: Client, namespace: str) -> None:
    client.create(config_map(namespace, "seen"))
    for name in ("seen?x=y", "seen#x", "seen;x"):
        assert client.find(ObjectRef("", "v1", "ConfigMap", namespace, name)) is None
