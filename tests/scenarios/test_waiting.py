# SPDX-License-Identifier: Apache-2.0
"""Waiting for health takes nobody's place, and ends with what it was for."""

from __future__ import annotations

from policies.objects import ObjectRef
from tests.fixtures.world import World, config_map, deployment, until
from tests.scenarios.test_kustomization import KIND, condition, patch

BROKEN = "ghcr.io/acme/web:broken"  # an image that no kubelet can pull
MORE_THAN_THREADS = 20


def test_stuck_workloads_hold_nothing_else_up(world: World) -> None:
    team = world.team(wait=True)
    names = [f"stuck{n}" for n in range(MORE_THAN_THREADS)]
    team.push({f"{name}/web.yaml": deployment(name, image=BROKEN) for name in names})
    for name in names:
        team.kustomization(name, wait=True, timeout="5m")
    for name in names:
        until(lambda name=name: condition(team, "Healthy", name).get("status") == "Unknown", what="a wait")
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    assert all(condition(team, "Healthy", name)["status"] == "Unknown" for name in names)


def test_a_new_revision_ends_the_wait_for_the_old_one(world: World) -> None:
    team = world.team(wait=True)
    stuck = team.push({"app/web.yaml": deployment("web", image=BROKEN)})
    until(lambda: condition(team, "Healthy").get("status") == "Unknown", what="a wait")
    assert team.final(stuck)["state"] == "failure"
    sha = team.push({"app/web.yaml": deployment("web")})
    team.settled(sha)
    assert condition(team, "Healthy")["status"] == "True"
    assert team.final(sha)["state"] == "success"


def test_who_no_longer_depends_waits_no_longer(world: World) -> None:
    team = world.team(wait=True, paths=("api", "web"))
    team.settled(sha := team.push({"api/second.yaml": config_map("second")}), "web")
    web = ObjectRef(*KIND, team.namespace, "web")
    patch(team, web, spec={"dependsOn": [{"name": "api"}]})
    sha = team.push({"api/api.yaml": deployment("api", image=BROKEN), "web/second.yaml": config_map("third")})
    until(lambda: condition(team, "Ready", "web").get("reason") == "DependencyNotReady", what="it waiting")
    assert team.config("third") is None
    patch(team, web, spec={"dependsOn": None})
    team.settled(sha, "web")
