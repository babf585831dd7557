# SPDX-License-Identifier: Apache-2.0
"""Repositories of the kind people have, applied whole, and then changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.world import HEALED, Team, World, config_map, until

FOLDERS = Path(__file__).parents[1] / "repositories"
KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")


def fleet(world: World, folder: str, namespace: str) -> Team:
    """Push one of the repositories, and have its clusters/prod applied as one would bootstrap it."""
    root = FOLDERS / folder
    files: dict[str, str | bytes] = {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }
    world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    team = Team(world, namespace, world.forge.create_repository("acme", folder, files=files))
    team.create(
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
        "fleet",
        url=team.repo.clone_url,
        interval="10m",
        ref={"branch": "main"},
    )
    source = {"kind": "GitRepository", "name": "fleet"}
    team.create(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        "fleet",
        interval="10m",
        retryInterval="2s",
        path="./clusters/prod",
        prune=True,
        sourceRef=source,
    )
    return team


def head(world: World, team: Team) -> str:
    source = ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", team.namespace, "fleet")
    artifact = (world.client.get(source).get("status") or {}).get("artifact") or {}
    return str(artifact.get("revision", ""))


def ready(world: World, namespace: str, name: str) -> dict[str, Any]:
    obj = world.client.find(ObjectRef(*KUSTOMIZATION, namespace, name)) or {}
    return conditions.find(conditions.of(obj), "Ready") or {}


def at(world: World, revision: str, *names: tuple[str, str]) -> None:
    """Wait until Kustomizations have applied a revision and are ready."""

    def there() -> bool:
        for namespace, name in names:
            obj = world.client.find(ObjectRef(*KUSTOMIZATION, namespace, name)) or {}
            applied = (obj.get("status") or {}).get("lastAppliedRevision", "")
            if not applied.endswith(revision) or ready(world, namespace, name).get("status") != "True":
                return False
        return True

    until(there, within=2 * HEALED, what=f"{names} at {revision}")


def live(world: World, group: str, version: str, kind: str, namespace: str, name: str) -> Object | None:
    return world.client.find(ObjectRef(group, version, kind, namespace, name))


def test_a_monorepo_with_bases_overlays_and_components(world: World) -> None:
    team = fleet(world, "monorepo", "mono")
    until(lambda: head(world, team), what="the first artifact")
    first = head(world, team).rpartition(":")[2]
    at(world, first, ("mono", "fleet"), ("mono", "apps"))
    web = live(world, "apps", "v1", "Deployment", "mono-apps", "prod-web") or {}
    api = live(world, "apps", "v1", "Deployment", "mono-apps", "prod-api") or {}
    pod, container = web["spec"]["template"], web["spec"]["template"]["spec"]["containers"][0]
    assert (web["spec"]["replicas"], container["image"]) == (2, "ghcr.io/acme/web:3")
    assert pod["metadata"]["annotations"] == {"example.com/patched": "by the Kustomization"}
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert web["metadata"]["labels"]["example.com/cluster"] == "prod"
    container = api["spec"]["template"]["spec"]["containers"][0]
    assert (api["spec"]["replicas"], container["image"]) == (2, "ghcr.io/acme/api:7")
    values = {entry["name"]: entry["value"] for entry in container["env"]}
    assert values == {"HOST": "shop.example", "REGION": "eu-west-1", "LITERAL": "${KEPT}"}
    generated = web["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    settings = live(world, "", "v1", "ConfigMap", "mono-apps", generated) or {}
    assert settings["data"] == {"MODE": "prod", "motd.txt": "welcome\n"}
    assert live(world, "", "v1", "Secret", "mono-apps", "prod-login")
    assert live(world, "", "v1", "Service", "mono-apps", "prod-web")

    sha = team.push(
        {
            "apps/overlays/prod/motd.txt": "hello\n",
            "apps/base/web/service.yaml": None,
            "apps/base/web/kustomization.yaml": "resources: [deployment.yaml]\n",
        }
    )
    at(world, sha, ("mono", "apps"))
    assert team.final(sha)["state"] == "success"
    assert live(world, "", "v1", "Service", "mono-apps", "prod-web") is None
    assert live(world, "", "v1", "ConfigMap", "mono-apps", generated) is None, "a generated name that is gone"
    again = live(world, "apps", "v1", "Deployment", "mono-apps", "prod-web") or {}
    assert (
        again["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"] != generated
    )


def test_infrastructure_before_apps(world: World) -> None:
    team = fleet(world, "platform", "platform")
    until(lambda: head(world, team), what="the first artifact")
    first = head(world, team).rpartition(":")[2]
    at(world, first, *(("platform", name) for name in ("fleet", "crds", "configs", "apps")))
    queue = live(world, "platform.example.com", "v1", "Queue", "platform-apps", "orders") or {}
    assert queue["spec"] == {"size": 3}
    assert live(world, "apps", "v1", "Deployment", "platform-apps", "shop")
    assert team.final(first)["state"] == "success"

    # What the definition forbids stops its Kustomization, and whatever depends on it stays where it is.
    path = "infrastructure/configs/all.yaml"
    good = (FOLDERS / "platform" / path).read_text()
    bad = team.push(
        {
            path: good.replace("size: 3", "size: 0"),
            "apps/more.yaml": config_map("more").replace(
                "name: more", "name: more\n  namespace: platform-apps"
            ),
        }
    )
    assert team.final(bad)["state"] == "failure"
    assert "Queue/platform-apps/orders" in team.final(bad)["description"]
    assert ready(world, "platform", "apps")["reason"] == "DependencyNotReady"
    assert live(world, "", "v1", "ConfigMap", "platform-apps", "more") is None
    mended = team.push({path: good.replace("size: 3", "size: 5")})
    at(world, mended, ("platform", "configs"), ("platform", "apps"))
    assert live(world, "", "v1", "ConfigMap", "platform-apps", "more")

    gone = team.push({"clusters/prod/apps.yaml": None, "apps/shop.yaml": None, "apps/more.yaml": None})
    at(world, gone, ("platform", "fleet"))
    until(
        lambda: live(world, "apps", "v1", "Deployment", "platform-apps", "shop") is None, what="the apps gone"
    )
    assert live(world, "platform.example.com", "v1", "Queue", "platform-apps", "orders")


def test_tenants_apply_as_their_own_accounts(world: World) -> None:
    team = fleet(world, "tenants", "tenants")
    until(lambda: head(world, team), what="the first artifact")
    first = head(world, team).rpartition(":")[2]
    at(world, first, ("tenants", "fleet"), ("tenant-blue", "apps"), ("tenant-green", "apps"))
    for tenant in ("blue", "green"):
        app = live(world, "apps", "v1", "Deployment", f"tenant-{tenant}", "app") or {}
        assert app["spec"]["template"]["spec"]["containers"][0]["image"] == f"ghcr.io/acme/{tenant}:1"

    # Green grants itself the cluster: refused as its own account, while blue goes on.
    role = """apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: green-owns-it}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: deployer, namespace: tenant-green}]
"""
    blue = (FOLDERS / "tenants/tenants/blue/app.yaml").read_text()
    sha = team.push(
        {"tenants/green/grab.yaml": role, "tenants/blue/app.yaml": blue.replace("blue:1", "blue:2")}
    )
    at(world, sha, ("tenant-blue", "apps"))
    until(lambda: ready(world, "tenant-green", "apps").get("status") == "False", what="green refused")
    refused = ready(world, "tenant-green", "apps")["message"]
    assert refused.startswith("ClusterRoleBinding/green-owns-it dry-run failed (Forbidden")
    assert "system:serviceaccount:tenant-green:deployer" in refused
    assert live(world, "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "", "green-owns-it") is None
    green = world.client.get(ObjectRef(*KUSTOMIZATION, "tenant-green", "apps"))
    assert [entry["id"] for entry in green["status"]["inventory"]["entries"]] == [
        "tenant-green_app_apps_Deployment"
    ]
    assert team.final(sha)["state"] == "failure"
    assert "green-owns-it" in team.final(sha)["description"]
    mended = team.push({"tenants/green/grab.yaml": None})
    at(world, mended, ("tenant-green", "apps"), ("tenant-blue", "apps"))
    assert team.final(mended)["state"] == "success"
