# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.cli.redis import EmbeddedRedis
from workers.later import Later
from workers.workqueue import Addition, Key, Queue, open_redis

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
WEB, API = Key("Repository", "acme", "web"), Key("Repository", "acme", "api")


def test_what_is_due_is_taken_once(redis_server: EmbeddedRedis) -> None:
    later = Later(open_redis(redis_server.url))
    later.put(WEB, NOW + timedelta(seconds=5))
    later.put(API, NOW + timedelta(seconds=60))
    assert later.due(NOW) == []
    assert later.due(NOW + timedelta(seconds=5)) == [Addition(WEB, Queue.PUSH)]
    assert later.due(NOW + timedelta(seconds=59)) == []
    assert later.due(NOW + timedelta(seconds=60)) == [Addition(API, Queue.PUSH)]


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
