# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from policies.objects import Object, ObjectRef
from tests.fixtures.cluster import Cluster
from tests.fixtures.line import ApiProxy
from tests.fixtures.world import until
from workers.cluster import ApiError, Client
from workers.watch.informer import Changed, Informer, Listed


class Seen:
    """What an informer passed on, in order."""

    def __init__(self) -> None:
        self.all: list[Listed | Changed] = []

    @property
    def lists(self) -> list[set[str]]:
        return [{_name(o) for o in one.objects} for one in self.all if isinstance(one, Listed)]

    @property
    def changes(self) -> list[tuple[str, bool]]:
        return [(_name(one.object), one.gone) for one in self.all if isinstance(one, Changed)]


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def config_map(namespace: str, name: str, **labels: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def ref(namespace: str, name: str) -> ObjectRef:
    return ObjectRef("", "v1", "ConfigMap", namespace, name)


@pytest.fixture
def seen(client: Client, namespace: str) -> Iterator[Seen]:
    """Follow the ConfigMaps of the namespace that are labelled app=web."""
    found = Seen()
    client.create(config_map(namespace, "first", app="web"))
    client.create(config_map(namespace, "other", app="api"))
    resource = client.discovery.resource("", "v1", "ConfigMap")
    informer = Informer(
        client, resource, found.all.append, source="maps", namespace=namespace, labels="app=web"
    )
    until(lambda: found.lists, what="the first listing")
    yield found
    informer.stop()


def test_what_is_there_is_listed_and_what_changes_is_told(client: Client, namespace: str, seen: Seen) -> None:
    client.create(config_map(namespace, "second", app="web"))
    client.create(config_map(namespace, "unseen", app="api"))
    until(lambda: ("second", False) in seen.changes, what="the new object")
    client.patch(ref(namespace, "second"), {"data": {"a": "1"}}, manager="us")
    client.delete(ref(namespace, "first"))
    until(lambda: ("first", True) in seen.changes, what="the deletion")
    assert seen.lists == [{"first"}]
    assert seen.changes == [("second", False), ("second", False), ("first", True)]
    assert {one.source for one in seen.all} == {"maps"}
    assert all(one.object["kind"] == "ConfigMap" for one in seen.all if isinstance(one, Changed))


def test_an_object_that_loses_its_label_is_gone(client: Client, namespace: str, seen: Seen) -> None:
    client.patch(ref(namespace, "first"), {"metadata": {"labels": {"app": "api"}}}, manager="us")
    until(lambda: ("first", True) in seen.changes, what="the object to be gone")


def test_a_restart_of_the_api_server_loses_nothing(
    cluster: Cluster, client: Client, namespace: str, seen: Seen
) -> None:
    cluster.restart()
    client.create(config_map(namespace, "second", app="web"))
    until(lambda: ("second", False) in seen.changes or "second" in seen.lists[-1], what="what came after")
    assert set.union(*seen.lists) <= {"first", "second"}


def test_what_went_while_nobody_could_watch_is_missing_from_the_next_list(
    client: Client, namespace: str
) -> None:
    found = Seen()
    client.create(config_map(namespace, "first"))
    line = Client(client.server, client._pool, headers=client._headers, discovery=client.discovery)
    resource = client.discovery.resource("", "v1", "ConfigMap")
    line._pool = urllib3.HTTPSConnectionPool("127.0.0.1", 1, retries=False)
    informer = Informer(line, resource, found.all.append, source="maps", namespace=namespace)
    client.delete(ref(namespace, "first"))
    assert found.all == []
    line._pool = client._pool
    until(lambda: found.lists, what="the first listing")
    assert "first" not in found.lists[-1]
    informer.stop()


def test_a_stopped_informer_says_nothing_more(client: Client, namespace: str) -> None:
    found = Seen()
    resource = client.discovery.resource("", "v1", "ConfigMap")
    informer = Informer(client, resource, found.all.append, source="maps", namespace=namespace)
    until(lambda: found.lists, what="the first listing")
    informer.stop()
    before = len(found.all)
    client.create(config_map(namespace, "late"))
    other = Seen()
    second = Informer(client, resource, other.all.append, source="maps", namespace=namespace)
    until(lambda: other.lists, what="another's listing, which is later")
    second.stop()
    assert "late" in other.lists[0]
    assert len(found.all) == before


def test_who_asks_for_metadata_gets_nothing_else(client: Client, namespace: str) -> None:
    found = Seen()
    secret = {**config_map(namespace, "first"), "kind": "Secret", "stringData": {"a": "b"}}
    client.create(secret)
    resource = client.discovery.resource("", "v1", "Secret")
    informer = Informer(
        client, resource, found.all.append, source="x", namespace=namespace, metadata_only=True
    )
    try:
        until(lambda: found.lists, what="the first listing")
        client.create({**secret, "metadata": {"name": "second", "namespace": namespace}})
        until(lambda: ("second", False) in found.changes, what="the second")
    finally:
        informer.stop()
    objects = [o for one in found.all for o in (one.objects if isinstance(one, Listed) else [one.object])]
    assert {_name(o) for o in objects} == {"first", "second"}
    assert all(o.keys() <= {"apiVersion", "kind", "metadata"} for o in objects)


@pytest.fixture
def followed(line: ApiProxy, namespace: str) -> Iterator[Seen]:
    """Follow the ConfigMaps of the namespace over a line that can be cut."""
    found = Seen()
    client = line.client()
    client.create(config_map(namespace, "first"))
    resource = client.discovery.resource("", "v1", "ConfigMap")
    informer = Informer(client, resource, found.all.append, source="maps", namespace=namespace)
    until(lambda: line.open, what="an open watch")
    yield found
    informer.stop()


def test_a_watch_that_is_cut_goes_on_without_a_list(
    client: Client, namespace: str, line: ApiProxy, followed: Seen
) -> None:
    for number in range(3):
        line.cut()
        client.create(config_map(namespace, f"new-{number}"))
        if number:
            client.delete(ref(namespace, f"new-{number - 1}"))
        until(lambda n=number: (f"new-{n}", False) in followed.changes, what="what came meanwhile")  # type: ignore[misc]
    wanted = [("new-0", False), ("new-1", False), ("new-0", True), ("new-2", False), ("new-1", True)]
    until(lambda: len(followed.changes) >= len(wanted), what="every change")
    assert followed.changes == wanted
    assert line.lists("configmaps") == 1
    assert line.watches("configmaps") >= 4


def test_a_watch_whose_version_is_too_old_lists_again(
    client: Client, namespace: str, line: ApiProxy, followed: Seen
) -> None:
    expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    line.answer = lambda asked: (410, expired) if asked.is_watch else None
    line.cut()
    client.delete(ref(namespace, "first"))
    client.create(config_map(namespace, "second"))
    until(lambda: {"kube-root-ca.crt", "second"} in followed.lists, what="a list of what there is")
    line.answer = lambda asked: None
    client.create(config_map(namespace, "third"))
    until(
        lambda: ("third", False) in followed.changes or "third" in followed.lists[-1], what="what came after"
    )


def test_a_version_that_is_too_old_may_also_be_told_of_in_the_watch(
    client: Client, namespace: str, line: ApiProxy, followed: Seen
) -> None:
    status = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "too old"}
    line.edit = lambda event: [{"type": "ERROR", "object": status}]
    client.create(config_map(namespace, "lost"))
    until(lambda: "lost" in followed.lists[-1], what="a list that has it")


def test_lost_bookmarks_lose_no_change(
    client: Client, namespace: str, line: ApiProxy, followed: Seen
) -> None:
    line.edit = lambda event: [] if event["type"] == "BOOKMARK" else [event]
    client.create(config_map(namespace, "second"))
    until(lambda: ("second", False) in followed.changes, what="a change without bookmarks")
    line.cut()
    client.patch(ref(namespace, "second"), {"data": {"a": "1"}}, manager="us")
    until(lambda: followed.changes.count(("second", False)) == 2, what="the change after the cut")
    assert line.lists("configmaps") == 1


def test_changes_out_of_order_are_mended_by_a_list(
    client: Client, namespace: str, line: ApiProxy, followed: Seen
) -> None:
    """The deletion comes first, as if the object were still there; only a list tells that it is not."""
    held: list[dict[str, Any]] = []

    def swap(event: dict[str, Any]) -> list[dict[str, Any]]:
        if event["type"] == "BOOKMARK":
            return [event]
        held.append(event)
        return held[::-1] if len(held) == 2 else [event] if len(held) > 2 else []

    line.edit = swap
    client.create(config_map(namespace, "brief"))
    client.delete(ref(namespace, "brief"))
    until(lambda: len(followed.lists) == 2, what="a second list")
    assert followed.changes == [("brief", True), ("brief", False)]
    assert "brief" not in followed.lists[-1]
    client.create(config_map(namespace, "after"))
    until(lambda: ("after", False) in followed.changes, what="changes as ever")


@pytest.mark.parametrize("nonsense", [{}, {"type": "MODIFIED", "object": {}}, []], ids=repr)
def test_nonsense_does_not_end_the_following(
    client: Client, namespace: str, line: ApiProxy, followed: Seen, nonsense: Any
) -> None:
    line.edit = lambda event: [nonsense]
    client.create(config_map(namespace, "lost"))
    until(lambda: "lost" in followed.lists[-1], what="a list that has it")
    line.edit = lambda event: [event]
    line.cut()
    client.create(config_map(namespace, "next"))
    until(lambda: ("next", False) in followed.changes or "next" in followed.lists[-1], what="the next change")


def test_a_server_that_ends_every_watch_is_not_asked_in_circles(
    namespace: str, line: ApiProxy, followed: Seen
) -> None:
    line.answer = lambda asked: (200, b"") if asked.is_watch else None
    line.cut()
    before = line.watches("configmaps")
    until(lambda: line.watches("configmaps") >= before + 3, what="three attempts")
    assert line.watches("configmaps") < 10
    assert line.lists("configmaps") == 1


def definition(group: str, *versions: str, scope: str = "Namespaced") -> Object:
    """Define Things, kept as the last of its versions and served as all of them."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    last = versions[-1] if versions else "v1"
    served = [
        {"name": one, "served": True, "storage": one == last, "schema": {"openAPIV3Schema": schema}}
        for one in versions or ("v1",)
    ]
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": scope, "names": names, "versions": served},
    }


def test_a_definition_may_be_deleted_and_made_again_under_the_watch(
    client: Client, namespace: str, line: ApiProxy
) -> None:
    group, found = f"{namespace}.example.com", Seen()
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing"}

    def made(name: str) -> bool:
        try:
            return bool(client.create({**thing, "metadata": {"name": name, "namespace": namespace}}))
        except ApiError:
            return False

    client.create(definition(group))
    until(lambda: made("one"), what="a Thing")
    informer = Informer(
        line.client(), client.discovery.resource(group, "v1", "Thing"), found.all.append, source="things"
    )
    try:
        until(lambda: found.lists == [{"one"}], what="the first list")
        client.delete(ObjectRef.of(definition(group)))
        until(lambda: found.lists[-1] == set(), what="nothing left")
        asked = line.lists("things")
        until(lambda: line.lists("things") > asked, what="another look")
        assert len(found.lists) == 2, "that there is nothing is told once"
        until(lambda: client.find(ObjectRef.of(definition(group))) is None, what="the definition gone")
        client.create(definition(group))
        until(lambda: made("two"), what="another Thing")
        until(lambda: ("two", False) in found.changes or "two" in found.lists[-1], what="it to be seen")
    finally:
        informer.stop()
        client.delete(ObjectRef.of(definition(group)))


def test_by_metadata_alone_an_object_has_its_kind_and_nothing_it_holds(
    client: Client, namespace: str
) -> None:
    found = Seen()
    secret = {**config_map(namespace, "there"), "kind": "Secret", "stringData": {"password": "hidden"}}
    client.create(secret)
    resource = client.discovery.resource("", "v1", "Secret")
    informer = Informer(
        client, resource, found.all.append, source="secrets", namespace=namespace, metadata_only=True
    )
    try:
        until(lambda: found.lists, what="the first listing")
        later = {**secret, "metadata": {"name": "later", "namespace": namespace}}
        client.create(later)
        until(lambda: found.changes, what="the second")
    finally:
        informer.stop()
    objects = [o for one in found.all for o in (one.objects if isinstance(one, Listed) else [one.object])]
    assert {ObjectRef.of(o) for o in objects} == {
        ObjectRef("", "v1", "Secret", namespace, name) for name in ("there", "later")
    }
    assert all(o["metadata"]["managedFields"] for o in objects)
    assert not any("data" in o or "aGlkZGVu" in str(o) for o in objects)


def test_a_definition_may_come_back_with_another_version_and_scope(client: Client, namespace: str) -> None:
    group, found = f"{namespace}.example.com", Seen()
    thing = {
        "apiVersion": f"{group}/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": namespace},
    }

    def made(obj: Object) -> bool:
        try:
            return bool(client.create(obj))
        except ApiError:
            return False

    client.create(definition(group))
    until(lambda: made(thing), what="a Thing")
    informer = Informer(
        client, client.discovery.resource(group, "v1", "Thing"), found.all.append, source="things"
    )
    try:
        until(lambda: found.lists == [{"one"}], what="the first list")
        client.delete(ObjectRef.of(definition(group)))
        until(lambda: client.find(ObjectRef.of(definition(group))) is None, what="the definition gone")
        client.create(definition(group, "v2", scope="Cluster"))
        other = {"apiVersion": f"{group}/v2", "kind": "Thing", "metadata": {"name": "two"}}
        until(lambda: made(other), what="a Thing that is otherwise")
        until(lambda: ("two", False) in found.changes or "two" in found.lists[-1], what="it to be seen")
    finally:
        informer.stop()
        client.delete(ObjectRef.of(definition(group)))


def test_a_version_that_is_served_no_more_takes_no_object_along(client: Client, namespace: str) -> None:
    group, found = f"{namespace}.example.com", Seen()
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing"}

    def made(name: str) -> bool:
        try:
            return bool(client.create({**thing, "metadata": {"name": name, "namespace": namespace}}))
        except ApiError:
            return False

    client.create(definition(group, "v1", "v2"))
    until(lambda: made("one"), what="a Thing")
    informer = Informer(
        client, client.discovery.resource(group, "v1", "Thing"), found.all.append, source="things"
    )
    try:
        until(lambda: found.lists == [{"one"}], what="the first list")
        without = definition(group, "v1", "v2")["spec"]["versions"]
        without[0]["served"] = False
        client.patch(ObjectRef.of(definition(group)), {"spec": {"versions": without}}, manager="us")
        thing["apiVersion"] = f"{group}/v2"
        until(lambda: made("two"), what="a Thing of the other version")
        until(lambda: ("two", False) in found.changes or "two" in found.lists[-1], what="it to be seen")
        assert set() not in found.lists
        assert not any(gone for _, gone in found.changes)
    finally:
        informer.stop()
        client.delete(ObjectRef.of(definition(group)))
