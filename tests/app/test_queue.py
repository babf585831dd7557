# SPDX-License-Identifier: Apache-2.0
"""What the front door writes is what a real Celery worker, set up as ours, calls its task with."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from app.queue import QueueDown, TaskQueue
from tests.app.conftest import QUEUE, until

TASK = "workers.tasks.on_push"
_WORKER = f"""
import json, sys
import redis
from workers.celery_app import celery_init

url = sys.argv[1]
app = celery_init(url)
app.conf.include = []

@app.task(name={TASK!r}, bind=True)
def on_push(self, **arguments):
    seen = {{"id": self.request.id, "queue": self.request.delivery_info["routing_key"], **arguments}}
    redis.Redis.from_url(url).rpush("seen", json.dumps(seen))

app.worker_main(["worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--pool=threads"])
"""


@pytest.fixture
def worker(redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = tmp_path / "worker.py"
    script.write_text(_WORKER)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, script, redis_server.url], stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def test_a_worker_calls_the_task_with_what_was_put(
    worker: subprocess.Popen[bytes], redis_server: EmbeddedRedis, store: redis.Redis
) -> None:
    queue = TaskQueue(redis_server.url)
    arguments = {"repository": "acme/fleet", "private": True, "installation_id": None, "repository_id": 2**60}
    for number in range(50):
        assert queue.put(TASK, f"delivery-{number}", ref="refs/heads/ümlaut-\U0001f426", **arguments)
    until(lambda: store.llen("seen") == 50, what="all are called", but=lambda: worker.poll() is not None)
    until(
        lambda: store.llen(QUEUE) == 0 and not store.exists("fairway:celery:unacked"),
        what="all are acknowledged",
    )
    seen = [json.loads(raw) for raw in store.lrange("seen", 0, -1)]
    assert sorted(one.pop("delivery") for one in seen) == sorted(f"delivery-{n}" for n in range(50))
    assert len({one.pop("id") for one in seen}) == 50
    assert all(one == {"queue": "events", "ref": "refs/heads/ümlaut-\U0001f426", **arguments} for one in seen)


def test_a_worker_goes_on_after_a_flush(
    worker: subprocess.Popen[bytes], redis_server: EmbeddedRedis, store: redis.Redis
) -> None:
    queue = TaskQueue(redis_server.url)
    queue.put(TASK, "first")
    until(lambda: store.llen("seen") == 1, what="the first is called")
    store.flushall()
    queue.put(TASK, "second")
    until(lambda: store.llen("seen") == 1, what="the second is called")


def test_message_and_claim_come_together(redis_server: EmbeddedRedis, store: redis.Redis) -> None:
    queue = TaskQueue(redis_server.url)
    store.set(QUEUE, "not a list")
    with pytest.raises(QueueDown):
        queue.put(TASK, "one")
    assert not store.exists("fairway:delivery:one")
    store.delete(QUEUE)
    assert queue.put(TASK, "one") is True
    assert queue.put(TASK, "one") is False
    assert store.llen(QUEUE) == 1


def test_an_address_where_nobody_answers_costs_a_second_once() -> None:
    queue = TaskQueue("redis://10.255.255.1:6379")  # nobody's
    began = time.monotonic()
    for number in range(100):
        with pytest.raises(QueueDown):
            queue.put(TASK, f"delivery-{number}")
    assert time.monotonic() - began < 10
