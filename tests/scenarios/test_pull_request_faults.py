# SPDX-License-Identifier: Apache-2.0
"""A pull request tells the truth in the end, whatever GitHub, Redis and our own processes do meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fixtures.world import World, config_map, deployment, until
from tests.scenarios.conversation import Pulls, deaf

BROKEN_IMAGE = deployment("web", image="ghcr.io/acme/web:broken")


# Celery hands out a message again a minute after its worker was killed; then its work has to be done.
_KILLED = 100.0


def one_of_each(pulls: Pulls, number: int, sha: str, *, within: float = 40.0) -> None:
    """See that there is one comment, one final status and one check run, and that all say the same."""
    pulls.says(number, f"✅ `{sha[:7]}`", within=within)
    assert pulls.team.final(sha, within=within)["state"] == "success"
    assert pulls.check(sha, within=within)["conclusion"] == "success"
    finals = [status for status in pulls.team.statuses(sha) if status["state"] != "pending"]
    assert len(finals) == 1


def test_a_502_after_the_comment_was_made_makes_no_second_one(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    world.forge.fail_after("POST", f"/repos/{pulls.team.repo.full_name}/issues/{number}/comments", times=1)
    world.forge.fail_after("POST", f"/repos/{pulls.team.repo.full_name}/check-runs", times=1)
    try:
        sha = pulls.merged(number)
        one_of_each(pulls, number, sha)
    finally:
        world.forge.clear_faults()


def test_errors_before_the_act_only_delay_it(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    world.forge.fail_before("POST", f"/repos/{pulls.team.repo.full_name}/.*", 502, times=3)
    try:
        sha = pulls.merged(number)
        one_of_each(pulls, number, sha)
    finally:
        world.forge.clear_faults()


@pytest.mark.parametrize("limit", [{"creations_per_minute": 0}, {"points_per_minute": 0}])
def test_limits_put_off_the_final_word_and_lose_it_not(world: World, limit: dict[str, int]) -> None:
    pulls = Pulls.of(world)
    installation = world.forge.install(world.forge.app("fairway"), pulls.team.repo.owner)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.before_the_merge(pulls.head(number))
    world.forge.limit(installation, **limit)
    sha = pulls.merged(number)
    until(lambda: pulls.team.config("a"), what="it is applied all the same")
    pulls.put_off(number)
    assert pulls.comments(number) == []
    world.forge.limit(installation)
    pulls.time_passes()
    one_of_each(pulls, number, sha)


def test_a_permission_that_is_missing_takes_its_part_away_and_is_named(world: World) -> None:
    pulls = Pulls.of(world)
    installation = world.forge.install(world.forge.app("fairway"), pulls.team.repo.owner)
    world.forge.set_permissions(installation, {"checks": None})
    number = pulls.opened({"app/web.yaml": BROKEN_IMAGE})
    sha = pulls.merged(number)
    pulls.says(number, "❌", "The App lacks the permission `checks: write`, which check runs need.")
    assert pulls.checks(sha) == []
    world.forge.set_permissions(installation, {"checks": "write"})
    later = pulls.merged(pulls.opened({"app/web.yaml": deployment("web")}))
    assert pulls.check(later)["conclusion"] == "success"
    assert "lacks" not in pulls.says(number, "✅")


@pytest.mark.parametrize("blow", ["flush", "kill", "both"])
def test_blows_in_between_leave_one_of_each(world: World, blow: str) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/web.yaml": deployment("web"), "app/a.yaml": config_map("a")})
    pulls.before_the_merge(pulls.head(number))
    sha = pulls.merged(number)
    if blow != "flush":
        world.kill("worker")
    if blow != "kill":
        world.redis.flushall()
    one_of_each(pulls, number, sha, within=_KILLED)
    # Once more when all is said: what is found again at GitHub is not said again.
    before = pulls.comments(number)[0]["updated_at"]
    world.redis.flushall()
    pulls.sweep()
    pulls.settled(number)
    one_of_each(pulls, number, sha, within=_KILLED)
    assert pulls.comments(number)[0]["updated_at"] == before


def test_what_no_delivery_tells_is_found_by_a_sweep(world: World) -> None:
    pulls = Pulls.of(world, files={"app/first.yaml": config_map("first")})
    with deaf(world):
        number = pulls.opened({"app/a.yaml": config_map("a")})
        head = pulls.head(number)
        assert pulls.team.statuses(head) == []
        pulls.sweep()
        assert pulls.before_the_merge(head)["state"] == "success"
        sha = pulls.merged(number)
        pulls.sweep()
        one_of_each(pulls, number, sha)


def test_lost_deliveries_are_asked_for_again(world: World) -> None:
    pulls = Pulls.of(world, files={"app/first.yaml": config_map("first")})
    with deaf(world):
        number = pulls.opened({"app/a.yaml": config_map("a")})
        head = pulls.head(number)
        sha = pulls.merged(number)
        until(
            lambda: all(d["phase"] == "done" for d in world.forge.deliveries()), what="all deliveries failed"
        )
    pulls.redeliver()
    one_of_each(pulls, number, sha)
    assert pulls.team.statuses(head) == []


def test_deliveries_in_any_order_and_number_have_one_effect(world: World) -> None:
    pulls = Pulls.of(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.before_the_merge(pulls.head(number))
    sha = pulls.merged(number)
    one_of_each(pulls, number, sha)
    told = [d["id"] for d in world.forge.deliveries() if _is_of(d, pulls) and d["event"] != "installation"]
    world.redis.delete(*world.redis.keys("fairway:delivery:*"), "none")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.forge.redeliver, [*reversed(told), *told]))
    pulls.settled(number)
    one_of_each(pulls, number, sha)


def test_a_burst_of_pull_requests_loses_none(world: World) -> None:
    pulls = Pulls.of(world)
    numbers = [pulls.opened({f"app/{n}.yaml": config_map(f"n-{n}")}) for n in range(12)]
    told = [d["id"] for d in world.forge.deliveries(event="pull_request") if _is_of(d, pulls)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.forge.redeliver, told * 4))
    for number in numbers:
        assert until(lambda n=number: pulls.team.statuses(pulls.head(n)), within=60)  # type: ignore[misc]
    for number in numbers:
        pulls.merged(number, "squash")
    for number in numbers:
        pulls.says(number, "✅", within=90)
        assert len(pulls.comments(number)) == 1


def _is_of(delivery: dict[str, object], pulls: Pulls) -> bool:
    payload = delivery["payload"]
    assert isinstance(payload, dict)
    return bool((payload.get("repository") or {}).get("full_name") == pulls.team.repo.full_name)
