# SPDX-License-Identifier: Apache-2.0
"""A hundred Kustomizations wait for health while a process that would see the end of it is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies import conditions
from policies.objects import ObjectRef
from sandbox.processes import Process
from tests.fixtures.cluster import Cluster
from tests.fixtures.freezing import freeze
from tests.fixtures.line import ApiProxy, Asked
from tests.fixtures.world import HEALED, Team, World, config_map, deployment, until
from tests.scenarios.test_kustomization import KIND, patch

pytestmark = pytest.mark.timeout(300)
NAMES = [f"app{n}" for n in range(100)]


@contextlib.contextmanager
def without_kubelet(world: World) -> Iterator[None]:
    """Hold the kubelet still: until it goes on no pod becomes ready."""
    facts = Process(world.folder, "kubelet").facts()
    assert facts
    freeze(facts["pid"])
    try:
        yield
    finally:
        os.kill(facts["pid"], signal.SIGCONT)


def in_state(world: World, team: Team, state: str) -> int:
    """Return how many of the hundred have a condition Healthy of this status."""
    found, _ = world.client.list(world.client.discovery.resource(*KIND), namespace=team.namespace)
    healths = [
        (conditions.find(conditions.of(obj), "Healthy") or {}).get("status")
        for obj in found
        if obj["metadata"]["name"] in NAMES
    ]
    return healths.count(state)


def a_hundred_waiting(world: World) -> Team:
    team = world.team(paths=("other",), interval="1h")
    team.settled(team.push({"other/second.yaml": config_map("second")}), "other")
    team.push({f"{name}/web.yaml": deployment(name) for name in NAMES})
    for name in NAMES:
        team.kustomization(name, wait=True, interval="1h", timeout="5m")
    until(lambda: in_state(world, team, "Unknown") == len(NAMES), within=90, what="all of them waiting")
    return team


@contextlib.contextmanager
def standby(world: World, line: ApiProxy, folder: Path) -> Iterator[Path]:
    """Run a second `watch` whose requests go over `line`; yields its log once it stands by.

    It looks at no wait every now and then: what ends one there is what it has seen.
    """
    named = {"KUBECONFIG": str(line.kubeconfig(folder / "kubeconfig")), "FAIRWAY_CONTEXT": "line"}
    log = folder / "watch.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.unpolled"],
            env=world.environment() | named,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "standing by" in log.read_text(), what="it standing by")
        yield log
    finally:
        process.terminate()
        process.wait(20)


def what(asked: Asked) -> tuple[str, ...]:
    """Return which part of a kind was asked for, listed or watched."""
    return (asked.path, *(asked.query.get(one, "") for one in ("labelSelector", "fieldSelector")))


def test_a_new_leader_lists_each_kind_once_and_misses_nothing(world: World, tmp_path: Path) -> None:
    line = ApiProxy(Cluster(world.folder))
    try:
        with standby(world, line, tmp_path) as log:
            with without_kubelet(world):
                team = a_hundred_waiting(world)
                world.kill("watch")
                sha = team.push({"other/second.yaml": config_map("second", "2")})
                until(lambda: sha in team.source()["status"]["artifact"]["revision"], what="the push fetched")
                first = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
                patch(team, first, data={"value": "theirs"})
                patch(team, ObjectRef(*KIND, team.namespace, NAMES[0]), spec={"prune": False})
                assert "leading" not in log.read_text(), "all of this is to happen while nobody leads"
            until(lambda: "leading" in log.read_text(), within=HEALED, what="another leader")
            team.settled(sha, "other")
            until(lambda: in_state(world, team, "True") == len(NAMES), within=60, what="every wait concluded")
            until(lambda: (team.config("first") or {})["data"] == {"value": "1"}, what="the edit put right")
            one = team.applied(NAMES[0])
            assert one["status"]["observedGeneration"] == one["metadata"]["generation"]
            assert (team.config("second") or {})["data"] == {"value": "2"}
            with without_kubelet(world):
                team.push({f"{n}/web.yaml": deployment(n, image="ghcr.io/acme/web:2") for n in NAMES[:20]})
                until(lambda: in_state(world, team, "Unknown") == 20, what="the changed ones waiting again")
            until(lambda: in_state(world, team, "True") == len(NAMES), what="their waits concluded")
        watched = {what(asked) for asked in line.asked if asked.is_watch}
        lists = Counter(what(asked) for asked in line.asked if asked.method == "GET" and not asked.is_watch)
        assert {path.rpartition("/")[2] for path, *_ in watched} >= {
            "gitrepositories",
            "kustomizations",
            "configmaps",
            "deployments",
        }
        assert {one: lists[one] for one in watched} == dict.fromkeys(watched, 1)
    finally:
        line.close()


def test_workers_killed_while_a_hundred_wait_and_while_they_end_leave_none_behind(world: World) -> None:
    with without_kubelet(world):
        team = a_hundred_waiting(world)
        world.kill("worker")
    for share in (1, 30, 60):
        until(lambda share=share: in_state(world, team, "True") >= share, within=60, what="some concluded")  # type: ignore[misc]
        world.kill("worker")
    until(lambda: in_state(world, team, "True") == len(NAMES), within=60, what="every wait concluded")
    assert in_state(world, team, "Unknown") == 0
