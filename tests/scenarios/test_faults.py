# SPDX-License-Identifier: Apache-2.0
"""What breaks is mended by itself: in the end the cluster equals the last commit, and the commit says so."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from policies import conditions
from policies.objects import ObjectRef
from sandbox import up as sandbox
from sandbox.processes import Process
from tests.fixtures.freezing import freeze
from tests.fixtures.world import HEALED, Team, World, config_map, deployment, until
from tests.scenarios.killed import POINTS


@contextlib.contextmanager
def paused(world: World) -> Iterator[dict[str, str]]:
    """Hold the worker still while it has nothing to do; yields its environment, for a stand-in."""
    pid, environment = world.pid("worker"), world.environment()
    until(lambda: not world.redis.keys("fairway:run:*"), what="an idle worker")
    freeze(pid)
    try:
        yield environment
    finally:
        os.kill(pid, signal.SIGCONT)


def killed_at(point: str, team: Team, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.killed", point, team.namespace, "app"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_between_two_steps_leaves_nothing_undone(world: World, point: str) -> None:
    team = world.team()
    team.settled(team.push({"app/old.yaml": config_map("old"), "app/web.yaml": deployment("web")}))
    with paused(world) as environment:
        sha = team.push({"app/old.yaml": None, "app/new.yaml": config_map("new")})
        killed_at(point, team, environment)
    team.settled(sha)
    assert team.final(sha)["state"] == "success"
    assert (bool(team.config("new")), team.config("old")) == (True, None)


@pytest.mark.parametrize("point", ["half applied", "applied"])
def test_an_object_applied_by_a_killed_worker_is_pruned_when_the_next_commit_removes_it(
    world: World, point: str
) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a")}))
    with paused(world) as environment:
        team.push({"app/0.yaml": config_map("0-short-lived")})
        killed_at(point, team, environment)
        assert team.config("0-short-lived")
        sha = team.push({"app/0.yaml": None})
    team.settled(sha)
    assert team.config("0-short-lived") is None


def test_workers_killed_at_random_lose_nothing(world: World) -> None:
    team = world.team(wait=True)
    chance = random.Random(7)
    sha = ""
    for number in range(6):
        sha = team.push(
            {"app/a.yaml": config_map("a", str(number)), f"app/{number % 2}.yaml": config_map(f"n{number}")}
        )
        time.sleep(chance.uniform(0, 0.3))
        world.kill("worker")
        until(
            lambda: world.pid("worker") and Path(f"/proc/{world.pid('worker')}").exists(), what="a new worker"
        )
    team.settled(sha, within=40)
    assert team.final(sha)["state"] == "success"
    assert (team.config("a") or {})["data"] == {"value": "5"}
    assert {n for n in range(6) if team.config(f"n{n}")} == {4, 5}


def test_a_flushed_redis_loses_nothing(world: World) -> None:
    team = world.team(interval="5s")
    team.settled(team.push({"app/a.yaml": config_map("a", "0")}))
    chance = random.Random(11)
    shas = []
    for number in range(1, 5):
        shas.append(team.push({"app/a.yaml": config_map("a", str(number))}))
        time.sleep(chance.uniform(0, 0.2))
        world.redis.flushall()
    team.settled(shas[-1])
    for sha in shas:
        assert team.final(sha, within=40)["state"] == "success"
    assert (team.config("a") or {})["data"] == {"value": "4"}


def test_a_redis_flushed_every_second_loses_nothing(world: World) -> None:
    team = world.team(wait=True, interval="5s")
    team.settled(team.push({"app/a.yaml": config_map("a", "0"), "app/web.yaml": deployment("web")}))
    first = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
    number = 0
    for second in range(15):
        if second % 3 == 0:
            number += 1
            image = f"ghcr.io/acme/web:{number}"
            sha = team.push(
                {"app/a.yaml": config_map("a", str(number)), "app/web.yaml": deployment("web", image=image)}
            )
        if second % 5 == 0:
            world.client.patch(first, {"data": {"value": "theirs"}}, manager="somebody")
        world.redis.flushall()
        time.sleep(1)
    team.settled(sha)
    assert team.final(sha, within=40)["state"] == "success"
    assert (team.config("a") or {})["data"] == {"value": str(number)}
    until(lambda: (team.config("first") or {})["data"] == {"value": "1"}, what="the edit put right")


def test_commits_that_a_flush_has_made_forgotten_are_found_once_github_is_back(world: World) -> None:
    team = world.team(paths=("first",))
    team.kustomization("app", dependsOn=[{"name": "later"}])
    files = {"app/a.yaml": config_map("a", "1"), "later/b.yaml": config_map("b")}
    shas = [team.push(files), team.push({"app/a.yaml": config_map("a", "2")})]
    for sha in shas:
        until(lambda sha=sha: team.statuses(sha), what="a pending status")
    sweep = f"Sweep/{team.repo.owner}/{team.repo.name}"
    Process(world.folder, "forge").stop(5)
    try:
        world.redis.flushall()
        until(
            lambda: world.redis.zscore("fairway:later", sweep),
            within=60,
            what="a sweep that could not ask GitHub",
        )
    finally:
        sandbox.up(world.folder)
    team.kustomization("later")
    for sha in shas:
        assert team.final(sha, within=40)["state"] == "success"


def test_a_push_flushed_before_it_was_read_comes_with_the_interval(world: World) -> None:
    team = world.team(interval="5s")
    team.settled(team.push({"app/a.yaml": config_map("a", "0")}))
    with paused(world):
        sha = team.push({"app/a.yaml": config_map("a", "1")})
        until(
            lambda: all(d["phase"] == "done" for d in world.forge.deliveries(event="push")), what="delivered"
        )
        world.redis.flushall()
    team.settled(sha, within=HEALED + 5)
    assert team.final(sha)["state"] == "success"


def test_a_killed_watch_is_followed_by_another(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a", "0")}))
    world.kill("watch")
    sha = team.push({"app/a.yaml": config_map("a", "1")})
    team.settled(sha, within=HEALED + 5)
    assert team.final(sha)["state"] == "success"


def test_the_api_server_may_be_restarted(world: World) -> None:
    team = world.team(wait=True)
    team.settled(team.push({"app/web.yaml": deployment("web")}))
    cluster = Process(world.folder, "cluster")
    facts = cluster.facts()
    assert facts
    os.kill(facts["pid"], signal.SIGKILL)
    until(lambda: cluster.facts() is None, what="the cluster gone")
    sha = team.push({"app/web.yaml": deployment("web", image="ghcr.io/acme/web:2")})
    sandbox.up(world.folder)
    team.settled(sha, within=HEALED + 10)
    assert team.final(sha)["state"] == "success"


def test_a_git_host_that_is_away_is_said_and_heals(world: World) -> None:
    team = world.team(interval="3s")
    sha = team.push({"app/a.yaml": config_map("a")})
    team.settled(sha)
    Process(world.folder, "forge").stop(5)
    try:
        obj = until(
            lambda: (o := team.source()) and conditions.is_true(conditions.of(o), "FetchFailed") and o,
            what="FetchFailed",
        )
    finally:
        sandbox.up(world.folder)
    ready = conditions.find(conditions.of(obj), "Ready")
    assert ready
    assert (ready["status"], ready["reason"]) == ("False", "GitOperationFailed")
    assert obj["status"]["artifact"]["revision"].endswith(sha)
    until(lambda: conditions.is_true(conditions.of(team.source()), "Ready"), what="Ready again")


def test_a_killed_or_hung_engine_costs_one_run_at_most(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a", "0")}))
    for number, blow in enumerate((signal.SIGKILL, signal.SIGSTOP), 1):
        sha = team.push({"app/a.yaml": config_map("a", str(number))})
        for pid in _engines(world.pid("worker")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, blow)
        team.settled(sha, within=HEALED + 5)
        until(lambda sha=sha: "success" in [s["state"] for s in team.statuses(sha)][-1:], what="success")


def test_two_workers_and_two_watches_contend_for_the_same_objects(world: World) -> None:
    team = world.team(wait=True)
    environment = world.environment()
    extra = [
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", role],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for role in ("worker", "watch")
    ]
    try:
        shas = []
        for number in range(8):
            shas.append(
                team.push({"app/a.yaml": config_map("a", str(number)), "app/w.yaml": deployment("w")})
            )
            time.sleep(0.1)
        forge = world.forge
        last = next(d for d in forge.deliveries(event="push") if d["payload"]["after"] == shas[-1])
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda _: forge.redeliver(last["id"]), range(20)))
        team.settled(shas[-1])
        for sha in shas:
            assert team.final(sha)["state"] == "success"
            assert [s["state"] for s in team.statuses(sha)].count("success") == 1
        world.kill("watch")
        sha = team.push({"app/a.yaml": config_map("a", "after")})
        team.settled(sha, within=HEALED + 5)
    finally:
        for process in extra:
            process.terminate()
        for process in extra:
            process.wait(20)


def test_redis_away_is_a_503_and_heals(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a", "0")}))
    freeze(world.pid("redis"))
    try:
        missed = team.push({"app/a.yaml": config_map("a", "1")})
        delivery = until(
            lambda: next(
                (
                    d
                    for d in world.forge.deliveries(event="push")
                    if d["payload"]["after"] == missed and d["phase"] == "done"
                ),
                None,
            ),
            what="the answer",
        )
        assert delivery["status_code"] == 503
    finally:
        os.kill(world.pid("redis"), signal.SIGCONT)
    until(lambda: _redelivered(world, delivery["id"]) == 202, what="a redelivery taken")
    team.settled(missed)
    assert team.final(missed)["state"] == "success"


def _redelivered(world: World, delivery: int) -> int:
    """Deliver again, as GitHub's users and Fairway's repair do, and return the answer's code."""
    number = world.forge.redeliver(delivery)
    return until(
        lambda: next(
            (
                d["status_code"]
                for d in world.forge.deliveries()
                if d["id"] == number and d["phase"] == "done"
            ),
            0,
        ),
        what="the answer to a redelivery",
    )


def _engines(pid: int) -> list[int]:
    """Return the engines of a worker: a git that hangs takes as long as its source's spec.timeout says."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    return [int(child) for child in children if _is_engine(child)]


def _is_engine(pid: str) -> bool:
    try:
        return "fairway-engine" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
