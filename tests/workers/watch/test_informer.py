# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from policies.objects import Object, ObjectRef
from tests.fixtures.cluster import Cluster
from tests.fixtures.world import until
from workers.cluster import Client
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


def test_after_a_restart_everything_is_listed_again(
    cluster: Cluster, client: Client, namespace: str, seen: Seen
) -> None:
    cluster.restart()
    # Whatever happened while nobody was watching is in the listing, not in a change.
    until(lambda: len(seen.lists) > 1, what="a second listing")
    assert seen.lists[-1] == {"first"}
    client.create(config_map(namespace, "second", app="web"))
    until(lambda: ("second", False) in seen.changes, what="changes after the restart")


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
