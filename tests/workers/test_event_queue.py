# SPDX-License-Identifier: Apache-2.0
"""What deliveries set off is done, whichever worker dies with it: on a real Redis, with real workers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from app.queue import TaskQueue
from policies.task_messages import OPEN, SENT
from tests.fixtures.world import until
from workers import event_queue
from workers.workqueue import open_redis

TASK = "workers.tasks.on_push"
_QUEUE = "fairway:celery:events"
# A worker whose first run of the task never ends.
_WORKER = f"""
import sys, time
import redis
from workers import event_queue
from workers.celery_app import celery_init

url = sys.argv[1]
store = redis.Redis.from_url(url)
app = celery_init(url)
app.conf.include = []

@app.task(name={TASK!r}, bind=True)
def on_push(self, **arguments):
    with event_queue.doing(store, self.request.id):
        if store.incr("runs") == 1:
            time.sleep(3600)
        store.rpush("done", arguments["delivery"])

app.worker_main(["worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--pool=threads"])
"""


@pytest.fixture
def store(redis_server: EmbeddedRedis) -> redis.Redis:
    return open_redis(redis_server.url)


@pytest.fixture
def worker(redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    script, started = tmp_path / "worker.py", []
    script.write_text(_WORKER)

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen([sys.executable, script, redis_server.url], stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def put(server: EmbeddedRedis, delivery: str = "one") -> None:
    assert TaskQueue(server.url).put(TASK, delivery)


def is_open(store: redis.Redis) -> bool:
    return bool(store.exists(OPEN, SENT))


def taken(store: redis.Redis) -> str:
    """Take a message as a worker does that is killed at once; returns the id of its task."""
    message = store.rpop(_QUEUE)
    assert isinstance(message, bytes)
    return str(json.loads(message)["headers"]["id"])


def test_what_a_killed_worker_had_taken_is_done_by_the_next(
    worker: Callable[[], subprocess.Popen[bytes]],
    redis_server: EmbeddedRedis,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_queue, "AGAIN_AFTER", 1.0)
    first = worker()
    put(redis_server)
    until(lambda: store.get("runs") == b"1", within=30, what="the first run")
    first.kill()
    worker()

    def done() -> bool:
        event_queue.send_again(store)
        return store.lrange("done", 0, -1) == [b"one"]

    until(done, within=15, what="the second run")
    until(lambda: not is_open(store), within=5, what="nothing is open")


def test_a_message_that_was_lost_before_it_was_noted_is_sent_again(
    redis_server: EmbeddedRedis, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(redis_server)
    task = taken(store)
    event_queue.send_again(store)
    assert store.llen(_QUEUE) == 0  # it may still be running
    monkeypatch.setattr(event_queue, "AGAIN_AFTER", 0)
    event_queue.send_again(store)
    assert taken(store) == task


def test_what_waits_in_the_queue_is_not_sent_again(
    redis_server: EmbeddedRedis, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_queue, "AGAIN_AFTER", 0)
    put(redis_server)
    put(redis_server, "two")
    taken(store)
    assert event_queue.send_again(store) == []
    assert store.llen(_QUEUE) == 1


def test_a_task_that_ends_every_worker_is_given_up(
    redis_server: EmbeddedRedis, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_queue, "AGAIN_AFTER", 0)
    put(redis_server)
    task = taken(store)
    for _ in range(5):
        assert event_queue.send_again(store) == []
        assert taken(store) == task
    assert event_queue.send_again(store) == [task]
    assert not is_open(store)


@pytest.mark.parametrize(
    ("error", "comes_again"), [(redis.ConnectionError, True), (ZeroDivisionError, False), (None, False)]
)
def test_a_run_ends_its_task_unless_nothing_could_be_marked(
    redis_server: EmbeddedRedis, store: redis.Redis, error: type[Exception] | None, comes_again: bool
) -> None:
    event_queue.send(store, TASK, {"ref": "refs/heads/main"})
    task = taken(store)
    with contextlib.suppress(Exception), event_queue.doing(store, task):
        if error is not None:
            raise error
    assert is_open(store) is comes_again


def test_what_is_open_runs_out_by_itself(redis_server: EmbeddedRedis, store: redis.Redis) -> None:
    put(redis_server)
    assert 0 < store.ttl(OPEN) <= 24 * 3600
    assert 0 < store.ttl(SENT) <= 24 * 3600
