# SPDX-License-Identifier: Apache-2.0
"""The budget that processes share in Redis, and GitHub's own limits on the forge."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from policies.budget import Price, Urgency, price
from tests.sandbox.forge.descriptions import OPENAPI, fetched
from tests.workers.github.conftest import EVERYTHING, Clock, MakePlace, Place
from workers.github import AppJwt, Budget, GitHub, Invalid, MemoryShelf, RateLimited, RedisShelf

COMMENT = Price(points=5, creations=1)


@pytest.fixture
def client(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as found:
        yield found


@pytest.fixture
def make_budget(redis_server: EmbeddedRedis) -> Iterator[Callable[[], Budget]]:
    """Each budget has a connection of its own, as another process has."""
    opened: list[redis.Redis] = []
    clock = Clock()

    def make() -> Budget:
        opened.append(redis.Redis.from_url(redis_server.url))
        return Budget(RedisShelf(opened[-1]), now=clock)

    yield make
    for one in opened:
        one.close()


def granted(budget: Budget, urgency: Urgency, *, who: str = "installation 1") -> int:
    count = 0
    try:
        while True:
            budget.take(who, COMMENT, urgency)
            count += 1
    except RateLimited:
        return count


def test_many_processes_share_one_bucket(make_budget: Callable[[], Budget]) -> None:
    budgets = [make_budget() for _ in range(8)]
    together = threading.Barrier(len(budgets))

    def run(budget: Budget) -> int:
        together.wait()
        return granted(budget, Urgency.ANSWER)

    with ThreadPoolExecutor(len(budgets)) as pool:
        counts = list(pool.map(run, budgets))
    # Half full, and what comes back in the moment that this takes.
    assert 40 <= sum(counts) <= 44
    assert granted(make_budget(), Urgency.ANSWER, who="installation 2") >= 40


def test_progress_stops_first_and_answers_last(make_budget: Callable[[], Budget]) -> None:
    budget = make_budget()
    assert 16 <= granted(budget, Urgency.PROGRESS) <= 18
    assert 16 <= granted(budget, Urgency.FINAL) <= 18
    assert 8 <= granted(budget, Urgency.ANSWER) <= 10


def test_who_is_refused_hears_when_to_come_again(make_budget: Callable[[], Budget]) -> None:
    budget = make_budget()
    granted(budget, Urgency.ANSWER)
    with pytest.raises(RateLimited, match="80 creations of content a minute") as raised:
        budget.take("installation 1", COMMENT, Urgency.PROGRESS)
    assert raised.value.retryable
    assert timedelta(0) < raised.value.retry_at - datetime.now(UTC) <= timedelta(seconds=62)
    budget.take("installation 1", price("GET", "/repos/o/r"), Urgency.FINAL)


def test_a_flush_makes_nobody_overdraw(make_budget: Callable[[], Budget], client: redis.Redis) -> None:
    first, second = make_budget(), make_budget()
    for _ in range(10):
        first.take("installation 1", COMMENT, Urgency.ANSWER)
    client.flushall()
    # It counts again from the middle, also for who remembers what was there.
    assert 40 <= granted(first, Urgency.ANSWER) <= 42
    assert granted(second, Urgency.ANSWER) <= 1


def test_who_is_new_has_asked_nothing_yet(make_budget: Callable[[], Budget]) -> None:
    budget = make_budget()
    budget.made("installation 1", datetime.now(UTC))
    assert granted(budget, Urgency.ANSWER) == 80
    assert granted(make_budget(), Urgency.ANSWER) == 0
    budget.made("installation 2", datetime.now(UTC) - timedelta(days=1))
    assert 40 <= granted(budget, Urgency.ANSWER, who="installation 2") <= 42


def test_nothing_is_kept_for_ever(make_budget: Callable[[], Budget], client: redis.Redis) -> None:
    budget = make_budget()
    budget.take("installation 1", COMMENT, Urgency.ANSWER)
    budget.take_status("o/r", "a" * 40, "fairway/demo", Urgency.FINAL)
    keys = list(client.scan_iter("fairway:budget:*"))
    assert len(keys) == 2
    assert all(0 < client.ttl(key) <= 7 * 24 * 3600 for key in keys)


def test_the_last_statuses_of_a_context_are_for_how_it_ends(make_budget: Callable[[], Budget]) -> None:
    budget = make_budget()

    def written(urgency: Urgency, context: str = "fairway/demo") -> int:
        count = 0
        with contextlib.suppress(Invalid):
            while count < 2000:
                budget.take_status("o/r", "a" * 40, context, urgency)
                count += 1
        return count

    # A count that is not known begins at 500.
    assert (written(Urgency.PROGRESS), written(Urgency.FINAL)) == (200, 300)
    assert written(Urgency.FINAL, "FAIRWAY/demo") == 0
    assert written(Urgency.PROGRESS, "fairway/other") == 200
    with pytest.raises(Invalid, match="GitHub takes 1000"):
        budget.take_status("o/r", "a" * 40, "fairway/demo", Urgency.ANSWER)


def test_without_redis_a_process_keeps_its_own(place: Place) -> None:
    budget = Budget(MemoryShelf(), now=place.clock)
    assert granted(budget, Urgency.ANSWER) == 80
    place.clock.ahead = timedelta(seconds=62)
    assert granted(budget, Urgency.ANSWER) == 80


@pytest.fixture
def second(able: Place, redis_server: EmbeddedRedis) -> Iterator[GitHub]:
    """Another process of the same App, on the same Redis as `able` after `shared`."""
    with redis.Redis.from_url(redis_server.url) as connection:
        key = AppJwt(str(able.app.id), able.app.private_key_pem, now=able.clock)
        github = GitHub(
            key, api_url=able.forge.api_url, allow_loopback=True, now=able.clock, shelf=RedisShelf(connection)
        )
        yield github
        github.close()


@pytest.fixture
def able(make_place: MakePlace, client: redis.Redis) -> Iterator[Place]:
    place = make_place(permissions=EVERYTHING)
    key = AppJwt(str(place.app.id), place.app.private_key_pem, now=place.clock)
    place.github = GitHub(
        key, api_url=place.forge.api_url, allow_loopback=True, now=place.clock, shelf=RedisShelf(client)
    )
    yield place
    place.github.close()


def comment(github: GitHub, place: Place, number: int, name: str) -> int:
    return github.comments.ensure(place.name, number, name, "text", urgency=Urgency.ANSWER)


@pytest.mark.parametrize("limit", ["creations_per_minute", "points_per_minute"])
def test_what_github_refuses_to_one_process_no_other_asks_for(
    able: Place, second: GitHub, limit: str
) -> None:
    number = able.pull()
    comment(second, able, number, "first")
    able.forge.limit(able.installation, **{limit: 0})
    with pytest.raises(RateLimited) as raised:
        comment(able.github, able, number, "a")
    assert timedelta(seconds=0) <= raised.value.retry_at - able.clock() <= timedelta(seconds=62)
    able.forge.limit(able.installation)
    for github in (second, able.github):
        with pytest.raises(RateLimited, match="GitHub's rate limit is used up until"):
            comment(github, able, number, "b")
    assert able.forge.most(able.installation)["points_per_minute"] == 0
    able.clock.ahead = timedelta(seconds=63)
    assert comment(second, able, number, "b") == comment(able.github, able, number, "b")


def test_within_our_budget_github_refuses_nothing(able: Place, second: GitHub) -> None:
    number = able.pull()
    able.forge.limit(
        able.installation, creations_per_minute=80, creations_per_hour=500, points_per_minute=900
    )
    made = 0
    with contextlib.suppress(RateLimited):
        while made < 200:
            comment(second if made % 2 else able.github, able, number, f"n{made}")
            made += 1
    # The installation is new; what comes back meanwhile depends on how long it takes.
    assert 75 <= made <= 90
    assert able.forge.most(able.installation)["creations_per_minute"] == made
    assert len(able.forge.comments(able.repo, number)) == made


def test_what_github_says_notifies_people_counts_as_created() -> None:
    ours = {
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        "/repos/{owner}/{repo}/pulls",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
    }
    paths = fetched(*OPENAPI)["paths"]
    for template in ours:
        for method in ("post", "put"):
            if paths[template].get(method, {}).get("x-github", {}).get("triggersNotification"):
                path = template.replace("{owner}/{repo}", "o/r").replace("{issue_number}", "1")
                assert price(method.upper(), path.replace("{pull_number}", "1")).creations == 1
                break
        else:
            raise AssertionError(f"GitHub says nothing of notifications about {template}")


def test_tokens_are_as_urgent_as_what_needs_them(able: Place, client: redis.Redis) -> None:
    number = able.pull()
    budget, app = Budget(RedisShelf(client), now=able.clock), f"app {able.app.id}"
    with contextlib.suppress(RateLimited):
        for _ in range(900):  # the App's other repositories have all asked for theirs
            budget.take(app, Price(points=1), Urgency.FINAL)
    with pytest.raises(RateLimited):
        able.github.comments.ensure(able.name, number, "a", "text", urgency=Urgency.FINAL)
    assert able.github.comments.ensure(able.name, number, "a", "text", urgency=Urgency.ANSWER)
