# SPDX-License-Identifier: Apache-2.0
"""Several `watch` processes that share a cluster by Flux's label: each queues its own, and refers to all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies import inventory
from policies.objects import Object, ObjectRef
from policies.ownership import with_owner
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.fixtures.world import until
from tests.policies.made import READY, kustomization
from workers.cluster import Client
from workers.ledger import Ledger
from workers.shards import Shards
from workers.watch.loop import Loop
from workers.workqueue import Key, Workqueue, open_redis

LABEL = "sharding.fluxcd.io/key"
MAIN, FIRST = f"!{LABEL}", f"{LABEL}=one"


def settings_of(redis_url: str, selector: str = "") -> Settings:
    environment = {"FAIRWAY_REDIS_URL": redis_url, "FAIRWAY_WATCH_LABEL_SELECTOR": selector}
    return Settings.from_env(environment, str)


class Shard:
    """A leader's loop over the objects of one selector, and what it has queued of our namespace."""

    def __init__(self, client: Client, redis_url: str, namespace: str, selector: str) -> None:
        self.redis = open_redis(redis_url)
        self.ledger = Ledger(self.redis)
        settings = settings_of(redis_url, selector)
        self.now = 1_790_000_000.0
        self.loop = Loop(
            client,
            Workqueue(self.redis),
            self.ledger,
            settings,
            now=lambda: self.now,
            elapsed=lambda: self.now,
        )
        self._namespace = namespace
        self.loop.start()

    def knows(self, name: str, kind: str = "Kustomization") -> Object | None:
        self.loop.step(wait=0.02)
        return self.loop._objects.get(Key(kind, self._namespace, name))

    def queued(self) -> set[str]:
        """Return the names of what is marked in our namespace, of whoever marked it."""
        self.loop.step(wait=0.02)
        keys = [Key.parse(text.decode()) for text in self.redis.hkeys("fairway:dirty")]
        return {key.name for key in keys if key.namespace == self._namespace}


@pytest.fixture
def shards(
    client: Client, cluster: Cluster, redis_server: EmbeddedRedis, namespace: str
) -> Iterator[tuple[Shard, Shard]]:
    prepare(client, "fairway-system")
    main, first = (Shard(client, redis_server.url, namespace, selector) for selector in (MAIN, FIRST))
    yield main, first
    main.loop.stop()
    first.loop.stop()


def created(client: Client, namespace: str, name: str, *, shard: str = "", **spec: Any) -> Object:
    labels = {LABEL: shard} if shard else {}
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    obj = kustomization([], metadata=metadata, spec={"interval": "1h", **spec})
    obj["metadata"].pop("finalizers", None)
    return client.create({**obj, "status": {}})


def ready(client: Client, obj: Object, **status: Any) -> Object:
    now = client.get(ObjectRef.of(obj))
    found = {"conditions": [READY], "observedGeneration": now["metadata"]["generation"], **status}
    return client.patch(ObjectRef.of(obj), {"status": found}, manager="test", subresource="status")


def test_each_queues_its_own_and_what_nobody_selects_is_left(
    client: Client, namespace: str, shards: tuple[Shard, Shard]
) -> None:
    main, first = shards
    for name, shard in (("plain", ""), ("ours", "one"), ("nobodys", "two")):
        created(client, namespace, name, shard=shard)
    until(lambda: all(main.knows(n) for n in ("plain", "ours", "nobodys")), what="main to know all")
    assert main.queued() == {"plain"}
    main.redis.flushall()
    until(lambda: all(first.knows(n) for n in ("plain", "ours", "nobodys")), what="the shard to know all")
    assert first.queued() == {"ours"}


def test_what_becomes_ready_in_another_shard_wakes_who_depends_on_it(
    client: Client, namespace: str, shards: tuple[Shard, Shard]
) -> None:
    _, first = shards
    base = created(client, namespace, "base")
    waiting = {**READY, "status": "False", "reason": "DependencyNotReady", "message": "waits"}
    app = created(client, namespace, "app", shard="one", dependsOn=[{"name": "base"}])
    ready(client, app, conditions=[waiting])
    until(lambda: ((first.knows("app") or {}).get("status") or {}).get("conditions"), what="the wait")
    until(lambda: first.knows("base"), what="its dependency")
    first.redis.flushall()
    ready(client, base, lastAppliedRevision="main@sha1:abc")
    until(lambda: "app" in first.queued(), what="the dependent")


def test_an_artifact_of_another_shard_is_news(
    client: Client, namespace: str, shards: tuple[Shard, Shard]
) -> None:
    _, first = shards
    source = client.create(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"namespace": namespace, "name": "fleet"},
            "spec": {"url": "https://git.example/acme/fleet", "interval": "1h"},
        }
    )
    app = created(client, namespace, "app", shard="one", sourceRef={"kind": "GitRepository", "name": "fleet"})
    ready(client, app, lastAppliedRevision="main@sha1:old")
    until(lambda: first.knows("fleet", "GitRepository"), what="the source")
    until(lambda: (first.knows("app") or {}).get("status"), what="the app's state")
    first.redis.flushall()
    artifact = {
        "digest": f"sha256:{'0' * 64}",
        "lastUpdateTime": "2026-11-23T15:00:00Z",
        "path": "p",
        "revision": "main@sha1:new",
        "url": "http://nowhere/p",
    }
    client.patch(
        ObjectRef.of(source), {"status": {"artifact": artifact}}, manager="test", subresource="status"
    )
    until(lambda: "app" in first.queued(), what="who follows it")
    assert "fleet" not in first.queued()


def test_what_comes_over_from_another_shard_is_taken_on_with_all_it_has_applied(
    client: Client, namespace: str, shards: tuple[Shard, Shard]
) -> None:
    _, first = shards
    app = created(client, namespace, "app")
    ref = ObjectRef("", "v1", "ConfigMap", namespace, "config")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config", "namespace": namespace}}
    client.create(with_owner(config, name="app", namespace=namespace))
    ready(client, app, inventory=inventory.status([ref]))
    until(lambda: (first.knows("app") or {}).get("status"), what="the app as another's")
    # A Kustomization of its own makes the shard watch the kind.
    own = created(client, namespace, "own", shard="one")
    ready(client, own, inventory=inventory.status([ObjectRef("", "v1", "ConfigMap", namespace, "none")]))

    def seen() -> bool:
        first.loop.step(wait=0.02)
        return ref.id in first.ledger.of((namespace, "app")).seen

    until(lambda: first.knows("own") and first.loop._health._synced, what="the kind to be watched")
    assert not seen(), "another's objects are passed over"
    client.patch(ObjectRef.of(app), {"metadata": {"labels": {LABEL: "one"}}}, manager="test")
    until(seen, what="its objects to be seen")
    client.patch(ObjectRef.of(app), {"metadata": {"labels": {LABEL: None}}}, manager="test")
    until(lambda: first.knows("app") and first.loop._state.is_foreign((namespace, "app")), what="it to leave")


def test_workers_serve_what_is_announced_and_nothing_else(redis_server: EmbeddedRedis) -> None:
    def obj(**labels: str) -> Object:
        return {"metadata": {"namespace": "apps", "name": "web", "labels": labels}}

    client = open_redis(redis_server.url)
    client.flushall()

    def worker() -> Shards:
        return Shards(client, settings_of(redis_server.url))

    assert worker().of(obj()) == "", "nobody has announced anything: it goes by its own selector"
    for selector in (MAIN, FIRST):
        Shards(client, settings_of(redis_server.url, selector)).announce()
    assert worker().of(obj()) == MAIN
    assert worker().of(obj(**{LABEL: "one"})) == FIRST
    assert worker().of(obj(**{LABEL: "two"})) is None
    narrow = Shards(client, settings_of(redis_server.url, FIRST))
    assert narrow.of(obj()) is None, "a worker with a selector of its own serves no more than that"
    Shards(client, settings_of(redis_server.url, FIRST)).withdraw()
    assert worker().of(obj(**{LABEL: "one"})) is None


def test_an_announcement_runs_out(redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_redis(redis_server.url)
    client.flushall()
    monkeypatch.setattr("workers.shards._LOOKED_FOR", 0.0)
    monkeypatch.setattr("workers.shards.TTL", 1.0)
    Shards(client, settings_of(redis_server.url, FIRST)).announce()
    worker = Shards(client, settings_of(redis_server.url))
    plain: Object = {"metadata": {"namespace": "apps", "name": "web"}}
    assert worker.of(plain) is None
    until(lambda: worker.of(plain) == "", what="the dead shard to be forgotten")
