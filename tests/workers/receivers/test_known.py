# SPDX-License-Identifier: Apache-2.0
"""Which paths the front door knows: never fewer than there are."""

from __future__ import annotations

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from app.queue import TaskQueue
from policies.receivers.paths import KNOWN, KNOWN_FOR, known_as
from workers.receivers import known

FIRST, SECOND = "1" * 64, "2" * 64


@pytest.fixture
def store(redis_server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(redis_server.url)


@pytest.fixture
def door(redis_server: EmbeddedRedis) -> TaskQueue:
    return TaskQueue(redis_server.url)


def test_nothing_is_known_until_all_is(store: redis.Redis, door: TaskQueue) -> None:
    assert door.knows_hook(known_as(FIRST)) is None
    known.announce(store, FIRST)  # alone it would make the others unknown
    assert door.knows_hook(known_as(SECOND)) is None
    known.remember(store, [FIRST], since=known.changes(store))
    assert door.knows_hook(known_as(FIRST)) is True
    assert door.knows_hook(known_as(SECOND)) is False
    known.announce(store, SECOND)
    assert door.knows_hook(known_as(SECOND)) is True
    assert 0 < store.ttl(KNOWN) <= KNOWN_FOR


def test_a_list_that_was_made_before_a_path_changed_is_not_remembered(
    store: redis.Redis, door: TaskQueue
) -> None:
    since = known.changes(store)
    known.announce(store, SECOND)
    known.remember(store, [FIRST], since=since)
    assert door.knows_hook(known_as(SECOND)) is None


def test_more_than_redis_takes_at_once_are_not_remembered(store: redis.Redis, door: TaskQueue) -> None:
    since = known.changes(store)
    known.remember(store, [f"{n:064x}" for n in range(5000)], since=since)
    assert door.knows_hook(known_as(FIRST)) is None
    known.remember(store, [f"{n:064x}" for n in range(3900)], since=since)
    assert door.knows_hook(known_as(FIRST)) is False


def test_where_there_is_no_receiver_no_path_is_one(store: redis.Redis, door: TaskQueue) -> None:
    known.remember(store, [], since=known.changes(store))
    assert door.knows_hook(known_as(FIRST)) is False
