# SPDX-License-Identifier: Apache-2.0
"""A pull request tells the truth in the end, whatever GitHub, Redis and our own processes do meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fixtures.world import World, config_map, deployment, until
from tests.scenarios.conversation import Pulls, deaf

BROKEN_IMAGE = deployment("web", image="ghcr.io/acme/web:broken")


# Celery hands out a message again a minute after its worker was killed; then its work has to be done.
_KILLED = 100.0


_FILE = "version: 1\nenvironments:\n  prod:\n    namespaces: [NAMESPACE]\n"


def standing(world: World, **options: Any) -> Pulls:
    """Make a team whose namespace is an environment, so that there are deployments, too."""
    return Pulls.of(world, file=_FILE, **options)


def one_of_each(pulls: Pulls, number: int, sha: str, *, within: float = 40.0) -> None:
    """See that there is one comment, final status, check run and deployment, and that all say the same."""
    pulls.says(number, f"✅ `{sha[:7]}`", within=within)
    assert pulls.team.final(sha, within=within)["state"] == "success"
    assert pulls.check(sha, within=within)["conclusion"] == "success"
    finals = [status for status in pulls.team.statuses(sha) if status["state"] != "pending"]
    assert len(finals) == 1
    said = pulls.deployment(sha, "prod", final="success", within=within)
    assert [one["state"] for one in said].count("success") == 1


def test_a_502_after_the_comment_was_made_makes_no_second_one(world: World) -> None:
    pulls = standing(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    world.forge.fail_after("POST", f"/repos/{pulls.team.repo.full_name}/issues/{number}/comments", times=1)
    world.forge.fail_after("POST", f"/repos/{pulls.team.repo.full_name}/check-runs", times=1)
    try:
        sha = pulls.merged(number)
        one_of_each(pulls, number, sha)
    finally:
        world.forge.clear_faults()


def test_errors_before_the_act_only_delay_it(world: World) -> None:
    pulls = standing(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    world.forge.fail_before("POST", f"/repos/{pulls.team.repo.full_name}/.*", 502, times=3)
    try:
        sha = pulls.merged(number)
        one_of_each(pulls, number, sha)
    finally:
        world.forge.clear_faults()


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("issues/{number}/comments", 403),
        ("issues/{number}/comments", 404),
        ("check-runs", 404),
        ("check-runs", 422),
        ("deployments", 422),
        (r"deployments/\d+/statuses", 404),
        ("statuses/[0-9a-f]+", 404),
        ("statuses/[0-9a-f]+", 422),
    ],
)
def test_what_github_refuses_once_is_said_nevertheless(world: World, what: str, status: int) -> None:
    pulls = standing(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.before_the_merge(pulls.head(number))
    path = f"/repos/{pulls.team.repo.full_name}/{what.format(number=number)}"
    world.forge.fail_before("POST", path, status)
    try:
        sha = pulls.merged(number)
        one_of_each(pulls, number, sha)
    finally:
        left = world.forge.clear_faults()
    assert left == 0, "it was refused"


@pytest.mark.parametrize(
    "limit", [{"creations_per_minute": 0}, {"points_per_minute": 0}, {"requests_per_hour": 0}]
)
def test_limits_put_off_the_final_word_and_lose_it_not(world: World, limit: dict[str, int]) -> None:
    pulls = standing(world)
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
    pulls = standing(world)
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


def test_status_names_every_permission_that_is_missing_also_those_nothing_has_met(world: World) -> None:
    pulls = standing(world)
    installation = world.forge.install(world.forge.app("fairway"), pulls.team.repo.owner)
    world.forge.set_permissions(installation, {"deployments": None, "merge_queues": None})
    number = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.before_the_merge(pulls.head(number))
    world.forge.comment(pulls.team.repo, number, "/status")
    for permission in ("deployments: write", "merge_queues: read"):
        until(lambda p=permission: f"lacks the permission `{p}`" in status_of(pulls, number), what=permission)  # type: ignore[misc]
    world.forge.set_permissions(installation, {"deployments": "write", "merge_queues": "read"})
    world.forge.comment(pulls.team.repo, number, "/status")
    until(lambda: "lacks" not in status_of(pulls, number), what="nothing is missing any more")


def status_of(pulls: Pulls, number: int) -> str:
    """Return the status comment, beside which there may be answers to orders."""
    found = [one["body"] for one in pulls.comments(number) if "fairway:pull-request/" in one["body"]]
    assert len(found) < 2
    return found[0] if found else ""


@pytest.mark.parametrize("blow", ["flush", "kill", "both"])
def test_blows_in_between_leave_one_of_each(world: World, blow: str) -> None:
    pulls = standing(world)
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
    pulls = standing(world, files={"app/first.yaml": config_map("first")})
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
    pulls = standing(world, files={"app/first.yaml": config_map("first")})
    with deaf(world):
        number = pulls.opened({"app/a.yaml": config_map("a")})
        head = pulls.head(number)
        sha = pulls.merged(number)
        until(
            lambda: all(d["phase"] == "done" for d in world.forge.deliveries()),
            within=60,
            what="all deliveries failed",
        )
    pulls.redeliver()
    one_of_each(pulls, number, sha)
    assert pulls.team.statuses(head) == []


def test_deliveries_in_any_order_and_number_have_one_effect(world: World) -> None:
    pulls = standing(world)
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
    pulls = standing(world)
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
