# SPDX-License-Identifier: Apache-2.0
"""Images with the whole of Fairway: a scan wakes the policies that choose from it, and nobody else."""

from __future__ import annotations

import re
import time
from typing import Any

from click.testing import CliRunner

from app.cli import cli
from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.world import Team, World, config_map, until

GROUP = "image.toolkit.fluxcd.io"


def made(team: Team, kind: str, name: str, **spec: Any) -> ObjectRef:
    team.create(f"{GROUP}/v1", kind, name, **spec)
    return ObjectRef(GROUP, "v1", kind, team.namespace, name)


def chosen(world: World, ref: ObjectRef) -> str:
    status = world.client.get(ref).get("status") or {}
    return str((status.get("latestRef") or {}).get("tag", ""))


def request(world: World, ref: ObjectRef, token: str) -> None:
    note = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
    world.client.patch(ref, note, manager="test")


def is_ready(obj: Object) -> bool:
    return conditions.is_true(conditions.of(obj), "Ready")


def test_a_new_tag_is_chosen_as_soon_as_it_is_scanned(world: World) -> None:
    team, registry = world.team(paths=()), world.registry
    path = f"acme/{team.namespace}"
    registry.push(path, "1.0.0")
    # The policy first: it waits for its repository, and is woken by the scan.
    policy = made(
        team, "ImagePolicy", "web", imageRepositoryRef={"name": "web"}, policy={"semver": {"range": "1.x"}}
    )
    until(lambda: conditions.find(conditions.of(world.client.get(policy)), "Ready"), what="a first word")
    web = made(team, "ImageRepository", "web", image=f"{registry.host}/{path}", interval="1h")
    until(lambda: is_ready(world.client.get(web)), what="the scan")
    until(lambda: chosen(world, policy) == "1.0.0", within=5, what="the policy woken by the scan")
    registry.push(path, "1.1.0")
    began = time.monotonic()
    request(world, web, "the webhook")
    until(lambda: chosen(world, policy) == "1.1.0", what="the new tag")
    assert time.monotonic() - began < 5
    # What Redis has lost is scanned again by whoever misses it.
    world.redis.flushall()
    registry.push(path, "1.2.0")
    request(world, policy, "after a flush")
    until(lambda: chosen(world, policy) == "1.2.0", what="the tag that only a new scan can find")


def test_they_are_deleted_without_a_trace(world: World) -> None:
    team, registry = world.team(paths=()), world.registry
    path = f"acme/{team.namespace}"
    registry.push(path, "1.0.0")
    web = made(team, "ImageRepository", "web", image=f"{registry.host}/{path}", interval="1h")
    until(lambda: is_ready(world.client.get(web)), what="the scan")
    world.client.delete(web)
    until(lambda: world.client.find(web) is None, what="it gone")
    assert not world.redis.exists(f"fairway:tags:{team.namespace}/web")


def test_a_new_tag_is_committed_and_runs(world: World) -> None:
    team, registry = world.team(), world.registry
    path = f"acme/{team.namespace}"
    registry.push(path, "1.0.0")
    repository = {"id": team.repo.id, "owner": team.repo.owner, "name": team.repo.name}
    world.client.create(
        {
            "apiVersion": "fairway.dev/v1alpha1",
            "kind": "RepositoryBinding",
            "metadata": {"name": team.namespace},
            "spec": {"repository": repository, "namespaces": [team.namespace], "write": "merge"},
        }
    )
    mark = f'# {{"$imagepolicy": "{team.namespace}:web:tag"}}'
    team.settled(team.push({"app/web.yaml": config_map("web").replace("'1'", f"1.0.0 {mark}")}))
    web = made(team, "ImageRepository", "web", image=f"{registry.host}/{path}", interval="1h")
    made(team, "ImagePolicy", "web", imageRepositoryRef={"name": "web"}, policy={"semver": {"range": "1.x"}})
    commit = {
        "author": {"email": "bot@example.com"},
        "messageTemplate": "Run {{ range .Changed.Changes }}{{ .NewValue }}{{ end }}",
    }
    auto = made(
        team, "ImageUpdateAutomation", "auto", interval="1h", git={"commit": commit},
        sourceRef={"kind": "GitRepository", "name": "src"},
    )  # fmt: skip

    def written() -> str:
        status = world.client.get(auto).get("status") or {}
        return str(((status.get("observedPolicies") or {}).get("web") or {}).get("tag", ""))

    until(lambda: is_ready(world.client.get(auto)) and written() == "1.0.0", what="nothing to do yet")
    before = world.forge.refs(team.repo)["refs/heads/main"]
    registry.push(path, "1.1.0")
    request(world, web, "the webhook")
    until(lambda: running(team) == "1.1.0", what="the new tag applied")
    sha = world.forge.refs(team.repo)["refs/heads/main"]
    team.settled(sha)
    assert team.final(sha)["state"] == "success"
    # The push that GitHub tells of is our own: it sets nothing off.
    until(
        lambda: world.client.get(auto)["status"].get("lastPushCommit") == sha, what="the push in the status"
    )
    request(world, auto, "again")
    until(
        lambda: world.client.get(auto)["status"].get("lastHandledReconcileAt") == "again", what="another look"
    )
    assert world.forge.refs(team.repo)["refs/heads/main"] == sha != before


def running(team: Team) -> str:
    return str(((team.config("web") or {}).get("data") or {}).get("value", ""))


def test_the_commands_that_flux_has_for_images(world: World) -> None:
    team, registry = world.team(paths=()), world.registry
    path = f"acme/{team.namespace}"
    registry.push(path, "1.0.0")
    web = made(team, "ImageRepository", "web", image=f"{registry.host}/{path}", interval="1h")
    made(team, "ImagePolicy", "web", imageRepositoryRef={"name": "web"}, policy={"semver": {"range": "1.x"}})
    until(lambda: is_ready(world.client.get(web)), what="the scan")
    place = ["--kubeconfig", world.sandbox.kubeconfig, "-n", team.namespace]

    def run(*arguments: str) -> str:
        told = CliRunner().invoke(cli, [*arguments, *place])
        assert told.exit_code == 0, told.output
        return told.output

    assert "scan fetched 1 tags" in run("reconcile", "image", "repository", "web")
    assert f"selected ref {registry.host}/{path}:1.0.0" in run("reconcile", "image", "policy", "web")
    rows = [re.split(r"\s*\t", line) for line in run("get", "images", "policy").splitlines()]
    assert rows[0] == ["NAME", "IMAGE", "TAG", "READY", "MESSAGE"]
    assert rows[1][:4] == ["web", f"{registry.host}/{path}", "1.0.0", "True"]
    assert "imagerepository/web" in run("get", "all")
    run("suspend", "image", "repository", "web")
    assert world.client.get(web)["spec"]["suspend"] is True
    run("resume", "image", "repository", "web", "--wait")
    assert not world.client.get(web)["spec"].get("suspend")
