# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies.settings import Settings
from sandbox.forge.admin import Forge
from tests.fixtures.cluster import Cluster
from tests.workers.github.conftest import EVERYTHING
from tests.workers.orders.scene import Scene
from workers.cluster import Client
from workers.context import Context

_numbers = itertools.count(1)
_CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {0}\ndata:\n  value: '{1}'\n"
MakeScene = Callable[..., Scene]


def config(name: str, value: str = "1") -> str:
    return _CONFIG.format(name, value)


@pytest.fixture(scope="session")
def _served(client: Client) -> None:
    prepare(client, "fairway-system")


@pytest.fixture
def make_scene(
    forge: Forge,
    cluster: Cluster,
    client: Client,
    redis_server: EmbeddedRedis,
    tmp_path: Path,
    namespace: str,
    _served: None,
) -> Iterator[MakeScene]:
    opened: list[Scene] = []

    def make(
        *,
        environments: list[dict[str, Any]] | None = None,
        permissions: dict[str, str] = EVERYTHING,
        private: bool = True,
        cluster_name: str = "demo",
        of: Scene | None = None,
        in_namespace: str = "",
        **binding: Any,
    ) -> Scene:
        """Make a repository that is bound to a namespace, or (`of`) another Fairway on the same one."""
        number, where = next(_numbers), in_namespace or namespace
        app = forge.create_app(f"orders {number}", permissions=permissions)
        files = {"prod/web.yaml": config("web"), "staging/web.yaml": config("web"), "README.md": "Fleet\n"}
        repo = (
            of.repo
            if of
            else forge.create_repository(f"crew-{number}", "fleet", private=private, files=files)
        )
        installation = forge.install(app, repo.owner)
        environment = {
            "FAIRWAY_REDIS_URL": redis_server.url,
            "FAIRWAY_DATA": str(tmp_path),
            "FAIRWAY_CLUSTER": cluster_name,
            "FAIRWAY_TENANCY": "strict",
            "FAIRWAY_GITHUB_URL": forge.url,
            "FAIRWAY_GITHUB_API_URL": forge.api_url,
            "FAIRWAY_GITHUB_ACCOUNTS": repo.owner,
            "FAIRWAY_ALLOW_LOOPBACK": "true",
            "KUBECONFIG": str(cluster.kubeconfig),
        }
        context = Context(Settings.from_env(environment, lambda path: Path(path).read_text()))
        scene = Scene(forge, repo, app, installation, context, client, where)
        context.now = scene.now
        scene.reconnect()
        opened.append(scene)
        if of:
            scene.number = of.number
            return scene
        metadata = {"name": scene.staging}
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        _bind(client, scene, environments, binding)
        _follow(client, scene)
        for login, role in (("alice", "write"), ("bob", "write"), ("carol", "read")):
            forge.allow(repo, login, role)
        scene.number = scene.opened({"prod/web.yaml": config("web", "2")}, "topic")
        return scene

    yield make
    for one in opened:
        one.disconnect()


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    """Environments prod and staging, each with a namespace."""
    return make_scene()


def _bind(
    client: Client, scene: Scene, environments: list[dict[str, Any]] | None, binding: dict[str, Any]
) -> None:
    repo = scene.repo
    each = [("prod", scene.namespace), ("staging", scene.staging)]
    declared = [{"name": name, "namespaces": [namespace]} for name, namespace in each]
    spec = {
        "repository": {"owner": repo.owner, "name": repo.name, "id": repo.id},
        "namespaces": [scene.namespace, scene.staging],
        "environments": declared if environments is None else environments,
        **binding,
    }
    metadata = {"name": f"{repo.owner}-{scene.namespace}"}
    api_version = "fairway.dev/v1alpha1"
    client.create(
        {"apiVersion": api_version, "kind": "RepositoryBinding", "metadata": metadata, "spec": spec}
    )


def _follow(client: Client, scene: Scene) -> None:
    """Have a source follow the repository, and a Kustomization of each folder."""
    source = {"url": scene.repo.clone_url, "interval": "10m", "ref": {"branch": "main"}}
    namespace = scene.namespace
    client.create(made("source.toolkit.fluxcd.io/v1", "GitRepository", "src", namespace, source))
    for name, where in (("prod", namespace), ("staging", scene.staging)):
        spec = {
            "sourceRef": {"kind": "GitRepository", "name": "src", "namespace": namespace},
            "path": f"./{name}",
            "interval": "10m",
            "prune": True,
        }
        client.create(made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, where, spec))


def made(api_version: str, kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
