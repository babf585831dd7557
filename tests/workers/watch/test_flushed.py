# SPDX-License-Identifier: Apache-2.0
"""What a leader does about a Redis that lost everything: nothing before it knows whose commits there are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies.objects import Object
from tests.fixtures.cluster import Cluster
from tests.fixtures.world import until
from workers.cluster import Client
from workers.context import Context
from workers.watch.loop import Loop
from workers.watch.main import Watch
from workers.workqueue import Key


@pytest.fixture
def context(
    client: Client, cluster: Cluster, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> Context:
    prepare(client, "fairway-system")
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setenv("FAIRWAY_REDIS_URL", redis_server.url)
    made = Context.from_environment("watch")
    return made


@pytest.fixture
def loop(context: Context) -> Iterator[Loop]:
    made = Loop(context.cluster, context.queue, context.ledger, context.settings, now=time.time)
    yield made
    made.stop()


def source(namespace: str) -> Object:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "src", "namespace": namespace},
        "spec": {"url": f"https://github.com/acme/{namespace}", "interval": "1h"},
    }


def test_lost_commits_are_looked_for_once_all_sources_have_been_listed(
    client: Client, namespace: str, context: Context, loop: Loop
) -> None:
    client.create(source(namespace))
    watch = Watch(context)
    watch._sweep(loop)
    assert watch._flushed(), "a leader whose lists are not there yet knows nobody to look after"
    loop.start()

    def knows_all() -> bool:
        loop.step(wait=0.05)
        return loop.knows_all

    until(knows_all, what="both lists")
    watch._sweep(loop)
    assert not watch._flushed()
    queued = [Key(kind, "acme", namespace) for kind in ("Repository", "Sweep", "Conversations")]
    assert context.queue.busy(queued) == set(queued)
    context.redis.delete("fairway:dirty")
    watch._sweep(loop)
    assert context.queue.busy(queued) == set(), "once is enough"
    context.redis.flushall()
    watch._sweep(loop)
    assert context.queue.busy(queued) == set(queued)
