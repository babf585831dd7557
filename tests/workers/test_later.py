# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import redis

from app.cli.redis import EmbeddedRedis
from workers.later import Later
from workers.workqueue import Addition, Key, Queue, Workqueue, open_redis

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
WEB, API = Key("Repository", "acme", "web"), Key("Repository", "acme", "api")


def waiting(client: redis.Redis, queue: Queue) -> list[str]:
    return [key.decode() for key in client.zrange(f"fairway:waiting:{queue}", 0, -1)]


def test_what_is_due_is_queued_once(redis_server: EmbeddedRedis) -> None:
    client = open_redis(redis_server.url)
    later, queue = Later(client), Workqueue(client)
    later.put(WEB, NOW + timedelta(seconds=5))
    later.put(API, NOW + timedelta(seconds=60))
    later.queue_due(queue, NOW)
    assert waiting(client, Queue.PUSH) == []
    later.queue_due(queue, NOW + timedelta(seconds=5))
    assert waiting(client, Queue.PUSH) == [str(WEB)]
    assert later.due(NOW + timedelta(seconds=59)) == []
    later.queue_due(queue, NOW + timedelta(seconds=60))
    assert waiting(client, Queue.PUSH) == [str(WEB), str(API)]


def test_what_nobody_waits_for_goes_behind(redis_server: EmbeddedRedis) -> None:
    client = open_redis(redis_server.url)
    sweep = Key("Sweep", "acme", "web")
    Later(client).put(sweep, NOW)
    Later(client).queue_due(Workqueue(client), NOW)
    assert (waiting(client, Queue.PUSH), waiting(client, Queue.RECONCILE)) == ([], [str(sweep)])


def test_what_somebody_took_and_did_not_queue_is_queued_by_the_next(redis_server: EmbeddedRedis) -> None:
    client = open_redis(redis_server.url)
    later = Later(client)
    later.put(WEB, NOW)
    assert later.due(NOW) == [Addition(WEB, Queue.PUSH)]
    later.put(WEB, NOW + timedelta(seconds=30))  # a run that failed meanwhile
    later.queue_due(Workqueue(client), NOW)
    assert waiting(client, Queue.PUSH) == [str(WEB)]
    assert later.due(NOW + timedelta(seconds=29)) == []
    assert later.due(NOW + timedelta(seconds=30)) == [Addition(WEB, Queue.PUSH)]


def test_what_was_refused_is_tried_a_few_times_each_later_than_the_time_before(
    redis_server: EmbeddedRedis,
) -> None:
    client = open_redis(redis_server.url)
    later, now, waits = Later(client), NOW, []
    while later.a_few_times(WEB, now, "a1b2c3d"):
        [(_, at)] = client.zrange("fairway:later", 0, -1, withscores=True)
        waits.append(at - now.timestamp())
        now += timedelta(seconds=waits[-1])
        assert later.due(now) == [Addition(WEB, Queue.PUSH)]
    assert waits == [2, 4, 8, 16, 32]
    later.queue_due(Workqueue(client), now)
    assert later.due(now + timedelta(hours=1)) == []
    assert later.a_few_times(WEB, now, "another commit") is True
    assert client.ttl(f"fairway:refused:{WEB}:a1b2c3d") > 0


def test_an_earlier_time_stands_against_a_later_one(redis_server: EmbeddedRedis) -> None:
    client = open_redis(redis_server.url)
    later = Later(client)
    for seconds in (30, 5, 60):
        later.put(WEB, NOW + timedelta(seconds=seconds))
    assert later.due(NOW + timedelta(seconds=5)) == [Addition(WEB, Queue.PUSH)]
    later.put(WEB, NOW)
    assert client.ttl("fairway:later") > 0
