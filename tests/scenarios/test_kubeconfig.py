# SPDX-License-Identifier: Apache-2.0
"""Kustomizations that are applied to another cluster: everything of theirs is there, their story is here."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from policies import conditions, inventory
from policies.objects import Object, ObjectRef
from tests.fixtures.cluster import Cluster
from tests.fixtures.remote import kubeconfig, naming, secret
from tests.fixtures.world import Team, World, config_map, deployment, until
from workers.cluster import Client, connect

REMOTE = {"kubeConfig": {"secretRef": {"name": "prod"}}}


@pytest.fixture(scope="session")
def there(another_cluster: Cluster) -> Client:
    return connect(kubeconfig=str(another_cluster.kubeconfig))


def ready(team: Team, name: str = "app") -> dict[str, Any]:
    return conditions.find(conditions.of(team.applied(name)), "Ready") or {}


def namespace(team: Team, client: Client) -> None:
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team.namespace}})


def in_(team: Team, client: Client, kind: str, name: str) -> Object | None:
    return client.find(ObjectRef("apps" if kind == "Deployment" else "", "v1", kind, team.namespace, name))


def test_objects_live_and_end_on_the_other_cluster(
    world: World, there: Client, another_cluster: Cluster
) -> None:
    team = world.team(paths=())
    namespace(team, there)
    world.client.create(secret(team.namespace, kubeconfig(another_cluster), key="value.yaml"))
    files: dict[str, str | None] = {"app/a.yaml": config_map("a"), "app/web.yaml": deployment("web")}
    sha = team.push(files)
    team.kustomization("app", wait=True, **REMOTE)
    team.settled(sha)
    web = in_(team, there, "Deployment", "web")
    assert web is not None
    assert web["status"]["readyReplicas"] == 1
    assert in_(team, there, "ConfigMap", "a")
    assert team.config("a") is None
    assert {ref.name for ref in inventory.of(team.applied())} == {"a", "web"}
    healthy = conditions.find(conditions.of(team.applied()), "Healthy") or {}
    assert healthy["reason"] == "Succeeded"
    assert team.final(sha)["state"] == "success"
    team.settled(team.push({"app/a.yaml": None, "app/b.yaml": config_map("b")}))
    assert in_(team, there, "ConfigMap", "b")
    assert in_(team, there, "ConfigMap", "a") is None
    world.client.delete(ObjectRef.of(team.applied()))
    until(lambda: in_(team, there, "ConfigMap", "b") is None, what="the end of what was applied")
    until(lambda: world.client.find(ObjectRef.of(_app(team))) is None, what="the end of app")


def _app(team: Team) -> Object:
    metadata = {"name": "app", "namespace": team.namespace}
    return {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata}


def test_what_is_unwell_there_is_told_here(world: World, there: Client, another_cluster: Cluster) -> None:
    team = world.team(paths=())
    namespace(team, there)
    world.client.create(secret(team.namespace, kubeconfig(another_cluster)))
    sha = team.push({"app/web.yaml": deployment("web", image="ghcr.io/acme/web:broken")})
    team.kustomization("app", **REMOTE)
    final = team.final(sha)
    assert final["state"] == "failure"
    assert final["description"].startswith(f"Deployment {team.namespace}/web: ")


def test_the_account_is_impersonated_on_the_other_cluster(
    world: World, there: Client, another_cluster: Cluster
) -> None:
    team = world.team(paths=("app",))
    namespace(team, there)
    world.client.create(secret(team.namespace, kubeconfig(another_cluster)))
    account = {"kind": "ServiceAccount", "name": "bot", "namespace": team.namespace}
    # Here the account may do everything, and there nothing yet.
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "bot", "namespace": team.namespace},
        "roleRef": role,
        "subjects": [account],
    }
    world.client.create(binding)
    world.client.patch(
        ObjectRef.of(team.applied()), {"spec": {"serviceAccountName": "bot", **REMOTE}}, manager="test"
    )
    user = f"system:serviceaccount:{team.namespace}:bot"
    until(lambda: f'User "{user}" cannot get' in ready(team).get("message", ""), what="a refusal over there")
    assert ready(team)["reason"] == "ReconciliationFailed"
    there.create(binding)
    until(lambda: in_(team, there, "ConfigMap", "first"), what="the objects over there")


def test_a_missing_secret_is_told_and_waited_for(
    world: World, there: Client, another_cluster: Cluster
) -> None:
    team = world.team(paths=())
    namespace(team, there)
    sha = team.push({"app/a.yaml": config_map("a")})
    team.kustomization("app", **REMOTE)
    missing = f"unable to read KubeConfig secret '{team.namespace}/prod' error: secrets \"prod\" not found"
    until(lambda: ready(team).get("message") == missing, what="a word on the Secret")
    assert ready(team)["reason"] == "ReconciliationFailed"
    world.client.create(secret(team.namespace, kubeconfig(another_cluster)))
    team.settled(sha)
    assert in_(team, there, "ConfigMap", "a")


def test_an_end_waits_until_the_other_cluster_can_be_reached_again(
    world: World, there: Client, another_cluster: Cluster
) -> None:
    team = world.team(paths=())
    namespace(team, there)
    made = world.client.create(secret(team.namespace, kubeconfig(another_cluster)))
    sha = team.push({"app/a.yaml": config_map("a")})
    team.kustomization("app", **REMOTE)
    team.settled(sha)
    world.client.delete(ObjectRef.of(made))
    world.client.delete(ObjectRef.of(_app(team)))
    missing = "unable to read KubeConfig secret"
    until(lambda: ready(team).get("message", "").startswith(missing), what="a word on the Secret")
    assert in_(team, there, "ConfigMap", "a")
    world.client.create(secret(team.namespace, kubeconfig(another_cluster)))
    until(lambda: world.client.find(ObjectRef.of(_app(team))) is None, what="the end of app")
    assert in_(team, there, "ConfigMap", "a") is None


def test_a_cluster_that_is_away_holds_up_only_what_uses_it(world: World) -> None:
    team = world.team(paths=())
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        world.client.create(secret(team.namespace, naming(server)))
        files: dict[str, str | None] = {f"away/{n}.yaml": config_map(f"away-{n}") for n in range(40)}
        sha = team.push({**files, "home/a.yaml": config_map("a")})
        names = [f"away-{number}" for number in range(3)]
        for name in names:
            team.kustomization(name, **{**REMOTE, "path": "./away"})
        for name in names:
            until(lambda name=name: inventory.of(team.applied(name)), what=f"{name} to begin")  # type: ignore[misc]
        team.kustomization("home")
        team.settled(sha, "home", within=5)
        later = team.push({"home/a.yaml": config_map("a", "2")})
        team.settled(later, "home", within=5)
        assert {ready(team, name)["status"] for name in names} == {"Unknown"}
        for name in names:
            ref = ObjectRef.of(team.applied(name))
            world.client.patch(ref, {"spec": {"suspend": True}}, manager="test")
            world.client.delete(ref)  # suspended, it goes without asking anybody
