# SPDX-License-Identifier: Apache-2.0
"""One account for each registry host, which all processes share in a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from tests.fixtures.registry import Hostile, Reply
from workers.registry import Budget, Limited, MemoryShelf, RedisShelf, Registries

HOST, ADA = "ghcr.io", "ada"
Make = Callable[..., Budget]


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(redis_server: EmbeddedRedis, clock: Clock) -> Make:
    """Make what a process of its own would have: another Budget on the same Redis."""

    def make_one(a_minute: int = 10) -> Budget:
        client = redis.Redis.from_url(redis_server.url)
        return Budget(RedisShelf(client), now=clock, a_minute=a_minute)

    return make_one


def granted(budget: Budget, account: str = ADA) -> int:
    for number in range(1000):
        try:
            budget.take(HOST, account, "x")
        except Limited:
            return number
    return 1000


def test_all_processes_and_logins_share_the_minute_of_a_host(make: Make, clock: Clock) -> None:
    one, other = make(), make()
    assert granted(one) == 5  # of an account that was lost, half counts as spent
    assert granted(other, "bob") == 0
    clock.pass_(61)
    assert granted(other, "bob") == 10
    with pytest.raises(Limited, match="x: the registry is not asked now, it was asked 10 times in a minute"):
        one.take(HOST, ADA, "x")
    one.take("quay.io", ADA, "x")  # another host has an account of its own


def test_many_at_once_get_no_more_than_there_is(make: Make, clock: Clock) -> None:
    make().take(HOST, ADA, "x")
    clock.pass_(61)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(granted, [make(100) for _ in range(4)])
    assert sum(found) == 100


def test_a_refusal_is_heard_by_all_and_ends_in_time(make: Make, clock: Clock) -> None:
    one, other = make(), make()
    until = one.refused(HOST, ADA, (clock.now + timedelta(seconds=90)).timestamp())
    assert until == (clock.now + timedelta(seconds=90)).timestamp()
    with pytest.raises(Limited) as refused:
        other.take(HOST, ADA, "x")
    assert refused.value.retry_at == clock.now + timedelta(seconds=90)
    other.take(HOST, "bob", "x")
    clock.pass_(90)
    other.take(HOST, ADA, "x")


def test_a_success_forgets_that_there_were_refusals(make: Make, clock: Clock) -> None:
    one, other = make(), make()
    for minutes in (1, 2, 4):
        assert one.refused(HOST, ADA, None) == (clock.now + timedelta(minutes=minutes)).timestamp()
        clock.pass_(minutes * 60)
    one.take(HOST, ADA, "x")
    one.heard(HOST, ADA, {})
    assert other.refused(HOST, ADA, None) == (clock.now + timedelta(minutes=1)).timestamp()


def test_what_is_left_of_pulls_is_kept_for_the_nodes(hostile: Hostile, clock: Clock) -> None:
    """As Docker Hub says it: so many of a limit are left, in a window of six hours."""
    registries = Registries(Budget(MemoryShelf(), now=clock), allow_loopback=True)
    left = iter(range(23, 0, -1))

    def answer(asked: object) -> Reply:
        headers = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": f"{next(left)};w=21600"}
        return Reply({"tags": ["1.0.0"]}, headers=headers)

    hostile.answer = answer
    client = registries.open(hostile.image(), timeout=20)
    client.tags()  # takes the first two: one to find out that it speaks HTTP
    client.manifest("1.0.0")
    client.manifest("1.0.0")
    with pytest.raises(
        Limited, match="20 of 100 pulls are left, which are kept for the nodes until"
    ) as refused:
        client.manifest("1.0.0")
    assert refused.value.retry_at == clock.now + timedelta(seconds=216)
    client.tags()  # counts as no pull
    registries.close()
