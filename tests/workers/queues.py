# SPDX-License-Identifier: Apache-2.0
"""Processes that use the workqueue on a real Redis, each with its own client and heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.cli.redis import EmbeddedRedis
from policies.fairness import Share
from workers import workqueue
from workers.workqueue import Addition, Key, Queue, Workqueue, open_redis


class Process:
    """A process that uses the queue: its own client, its own heartbeat."""

    def __init__(self, url: str, *, threads: int = 16) -> None:
        self.redis = open_redis(url)
        self.queue = Workqueue(self.redis, threads=threads)

    @contextmanager
    def run(self, key: Key) -> Iterator[bool]:
        """Run an object, adding it unless somebody has."""
        if not self.redis.hexists("fairway:dirty", str(key)):
            self.queue.add(key)
        with self.queue.take() as found:
            assert found in (key, None)
            yield found == key

    def waiting(self) -> list[tuple[Key, Queue]]:
        """Return what waits, in the order it will be taken in."""
        return [
            (Key.parse(m.decode()), q)
            for q in Queue
            for m in self.redis.zrange(f"fairway:waiting:{q}", 0, -1)
        ]

    def messages(self) -> int:
        return int(self.redis.llen("fairway:celery:work"))


@pytest.fixture
def process(redis_server: EmbeddedRedis) -> Callable[..., Process]:
    return lambda **options: Process(redis_server.url, **options)


Start = Callable[..., Process]


def fast(monkeypatch: pytest.MonkeyPatch, *, ttl: float, heartbeat: float) -> None:
    monkeypatch.setattr(workqueue, "RUN_TTL", ttl)
    monkeypatch.setattr(workqueue, "HEARTBEAT", heartbeat)


def many(tenant: str, repository: str, count: int, *, gate: str = "") -> list[Addition]:
    share = Share(tenant, repository, gate)
    return [
        Addition(Key("Kustomization", tenant, f"{repository}-{n}"), Queue.PUSH, share) for n in range(count)
    ]
