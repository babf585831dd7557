# SPDX-License-Identifier: Apache-2.0
"""A registry's webhook starts a scan: from a push of an image to the policy that chooses it."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import urllib3
from click.testing import CliRunner

from app.cli import cli
from policies import conditions
from policies.objects import ObjectRef
from tests.fixtures.world import Team, World, until

RECEIVER = ("notification.toolkit.fluxcd.io", "v1", "Receiver")
IMAGES = "image.toolkit.fluxcd.io"
WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


def secret(team: Team, token: str, **labels: str) -> None:
    metadata = {"name": "hook", "namespace": team.namespace, "labels": labels}
    data = {"token": base64.b64encode(token.encode()).decode()}
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    team.world.client.apply(obj, manager="test")


def receiver(team: Team, **spec: Any) -> ObjectRef:
    ref = ObjectRef(*RECEIVER, team.namespace, "registry")
    resources = [{"kind": "ImageRepository", "name": "web"}]
    full = {"type": "generic", "secretRef": {"name": "hook"}, "resources": resources, **spec}
    team.create(ref.api_version, ref.kind, ref.name, **full)
    return ref


def path_of(world: World, ref: ObjectRef, *, but: str = "") -> str:
    """Wait for a Receiver's path, another one than it had."""

    def look() -> str:
        path = str((world.client.get(ref).get("status") or {}).get("webhookPath", ""))
        return path if path != but else ""

    return until(look, what="a path")


def front_door(world: World) -> str:
    return f"http://{world.environment()['FAIRWAY_LISTEN']}"


def test_a_pushed_image_is_chosen_without_waiting_for_the_interval(world: World) -> None:
    team, registry = world.team(paths=()), world.registry
    image = f"acme/{team.namespace}"
    registry.push(image, "1.0.0")
    policy = ObjectRef(IMAGES, "v1", "ImagePolicy", team.namespace, "web")
    team.create(f"{IMAGES}/v1", "ImageRepository", "web", image=f"{registry.host}/{image}", interval="12h")
    team.create(
        f"{IMAGES}/v1",
        "ImagePolicy",
        "web",
        imageRepositoryRef={"name": "web"},
        policy={"semver": {"range": "1.x"}},
    )

    def chosen() -> str:
        status = world.client.get(policy).get("status") or {}
        return str((status.get("latestRef") or {}).get("tag", ""))

    until(lambda: chosen() == "1.0.0", what="the first choice")
    secret(team, "correct horse")
    path = path_of(world, receiver(team))
    registry.notify([front_door(world) + path])
    try:
        began = time.monotonic()
        registry.push(image, "1.1.0")
        until(lambda: chosen() == "1.1.0", within=5, what="the new tag")
        print(f"from the push to the choice: {time.monotonic() - began:.2f} s")
    finally:
        registry.notify([])


def test_another_token_is_another_path_at_once(world: World) -> None:
    team = world.team(paths=())
    secret(team, "one", **WATCHED)
    ref = receiver(team)
    first = path_of(world, ref)
    secret(team, "two", **WATCHED)
    path_of(world, ref, but=first)
    answer = urllib3.request("POST", front_door(world) + first, retries=False, timeout=10)
    assert answer.status == 404
    world.client.delete(ref)
    until(lambda: world.client.find(ref) is None, what="it gone")


def test_a_sender_hears_at_once_what_became_of_its_webhook(world: World) -> None:
    team = world.team(paths=())
    secret(team, "one")
    ref = receiver(team, type="gitlab", resources=[])
    url = front_door(world) + path_of(world, ref)
    for headers, code in (({"X-Gitlab-Token": "one"}, 200), ({"X-Gitlab-Token": "two"}, 400)):
        answer = urllib3.request("POST", url, headers=headers, retries=False, timeout=10)
        assert (answer.status, answer.data) == (code, b"")
    assert conditions.is_true(conditions.of(world.client.get(ref)), "Ready")
    world.redis.flushall()
    answer = urllib3.request("POST", url, headers={"X-Gitlab-Token": "one"}, retries=False, timeout=10)
    assert answer.status == 200
    for log in (world.folder / "fairway" / "logs").glob("*.log"):
        assert url.rpartition("/")[2] not in log.read_text(errors="replace")


def test_the_commands_that_flux_has_for_receivers(world: World) -> None:
    team = world.team(paths=())
    secret(team, "one")
    ref = receiver(team, resources=[])
    path = path_of(world, ref)
    place = ["--kubeconfig", world.sandbox.kubeconfig, "-n", team.namespace]

    def run(*arguments: str) -> str:
        told = CliRunner().invoke(cli, [*arguments, *place])
        assert told.exit_code == 0, told.output
        return told.output

    assert "Receiver reconciliation completed" in run("reconcile", "receiver", "registry")
    rows = [re.split(r"\s*\t", line) for line in run("get", "receivers").splitlines()]
    assert rows[0] == ["NAME", "SUSPENDED", "READY", "MESSAGE"]
    assert rows[1][:3] == ["registry", "False", "True"]
    assert rows[1][3].startswith(f"Receiver initialized for path: {path[:12]}")
    assert "receiver/registry" in run("get", "all")
    run("suspend", "receiver", "registry")
    answer = urllib3.request("POST", front_door(world) + path, retries=False, timeout=10)
    assert answer.status == 503
    run("resume", "receiver", "registry", "--wait")
    answer = urllib3.request("POST", front_door(world) + path, retries=False, timeout=10)
    assert answer.status == 200
