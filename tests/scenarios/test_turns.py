# SPDX-License-Identifier: Apache-2.0
"""Nobody waits for what is not theirs: many neighbours, a host that never answers, a cluster that is away."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from policies import conditions
from tests.fixtures.freezing import freeze
from tests.fixtures.world import Team, World, config_map, until

MANY = 150
MORE_THAN_THREADS = 24
SOON = 8.0  # seconds; each of what holds others up would take longer


@contextmanager
def silent() -> Iterator[int]:
    """Listen, accept, and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        yield server.getsockname()[1]


def pushed(team: Team, name: str) -> float:
    """Push, and return how long it took until that was applied, as its repository sees it."""
    began = time.monotonic()
    team.settled(team.push({f"app/{name}.yaml": config_map(name)}), within=60)
    return time.monotonic() - began


def unready(team: Team) -> int:
    """Count a team's Kustomizations that are not Ready, in one look."""
    client = team.world.client
    resource = client.discovery.resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
    objects, _ = client.list(resource, namespace=team.namespace)
    return sum(not conditions.is_true(conditions.of(obj), "Ready") for obj in objects)


def test_a_repository_with_many_does_not_starve_one_with_one(world: World) -> None:
    big, small = world.team(paths=()), world.team()
    big.push({f"k{n}/one.yaml": config_map(f"one-{n}") for n in range(MANY)})
    pushed(small, "before")
    worker = world.pid("worker")
    freeze(worker)
    try:
        for number in range(MANY):
            big.kustomization(f"k{number}")
        until(lambda: world.redis.zcard("fairway:waiting:push") >= MANY, what="the many to wait")
    finally:
        os.kill(worker, signal.SIGCONT)
    took = pushed(small, "meanwhile")
    assert unready(big) > MANY // 10, "the many were done before the one: nothing was shown"
    assert took < SOON
    until(lambda: not unready(big), within=120, what="the many in the end")


def test_a_git_host_that_never_answers_holds_up_only_what_comes_from_it(world: World) -> None:
    dead, alive = world.team(paths=()), world.team()
    pushed(alive, "before")
    with silent() as port:
        for number in range(MORE_THAN_THREADS):
            dead.create(
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                f"dead{number}",
                url=f"http://127.0.0.1:{port}/acme/repo{number}",
                interval="10m",
                timeout="20s",
            )
        until(lambda: world.redis.zcard(f"fairway:gate:git:127.0.0.1:{port}"), what="the host to be asked")
        assert max(pushed(alive, f"meanwhile{n}") for n in range(3)) < SOON
        gate = f"fairway:parked:git:127.0.0.1:{port}"
        assert world.redis.zcard(gate), "those beyond the host's share wait aside"
        for number in range(MORE_THAN_THREADS):
            world.client.delete(dead.ref("GitRepository", f"dead{number}"))


def test_a_cluster_that_never_answers_holds_up_only_what_lives_on_it(world: World) -> None:
    away, here = world.team(paths=()), world.team()
    pushed(here, "before")
    with silent() as port:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "away",
            "clusters": [{"name": "away", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "away", "user": {"token": "none"}}],
            "contexts": [{"name": "away", "context": {"cluster": "away", "user": "away"}}],
        }
        data = {"value": base64.b64encode(json.dumps(config).encode()).decode()}
        metadata = {"name": "away", "namespace": away.namespace}
        world.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
        away.push({"app/one.yaml": config_map("one")})
        for number in range(MORE_THAN_THREADS):
            away.kustomization(
                f"away{number}", path="./app", kubeConfig={"secretRef": {"name": "away"}}, timeout="20s"
            )
        gate = f"fairway:gate:cluster:{away.namespace}/away"
        until(lambda: world.redis.zcard(gate), what="the cluster to be asked")
        assert max(pushed(here, f"meanwhile{n}") for n in range(3)) < SOON
        for number in range(MORE_THAN_THREADS):
            world.client.delete(away.ref("Kustomization", f"away{number}"))
