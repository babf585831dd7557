# SPDX-License-Identifier: Apache-2.0
"""Objects to apply, and an applier of them as Kustomization `app` of the test's namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies.objects import Object, ObjectRef
from policies.ownership import with_owner
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.workers.reconcile.delivery import Delivery, seen_as_it_is
from tests.workers.reconcile.tenant import tenant
from workers.cluster import Client
from workers.context import Context
from workers.engine import Engine
from workers.reconcile.apply import Applier, Change, Options
from workers.reconcile.gitrepository import GitRepositoryReconciler
from workers.reconcile.kustomization import KustomizationReconciler

__all__ = ["tenant"]

Apply = Callable[..., list[Change]]


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def apply(client: Client, pool: ThreadPoolExecutor, namespace: str) -> Apply:
    """Apply objects with our owner labels, as the administrator unless told as whom."""

    def applying(
        *objects: Object,
        by: Client | None = None,
        fence: Callable[[], None] = lambda: None,
        only_look: bool = False,
        **options: Any,
    ) -> Any:
        owned = [with_owner(obj, name="app", namespace=namespace) for obj in objects]
        applier = Applier(by or client, pool, fence=fence, options=Options(**options))
        return applier.differing(owned) if only_look else applier.apply(owned)

    return applying


def made(api_version: str, kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def config_map(namespace: str, name: str = "one", *, annotations: Any = None, **data: str) -> Object:
    metadata = {"annotations": annotations} if annotations else {}
    return made("v1", "ConfigMap", name, namespace, data=data, metadata=metadata)


def deployment(
    namespace: str, name: str = "web", *, image: str = "ghcr.io/acme/web:1", replicas: int = 1
) -> Object:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    return made("apps/v1", "Deployment", name, namespace, spec=spec)


def crd(group: str) -> Object:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    return made("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"widgets.{group}", spec=spec)


@pytest.fixture(scope="session")
def _served(client: Client) -> None:
    prepare(client, "fairway-system")


@pytest.fixture
def deliver(
    client: Client,
    cluster: Cluster,
    redis_server: EmbeddedRedis,
    engine: Engine,
    tmp_path: Path,
    _served: None,
) -> Callable[..., Delivery]:
    """Give a namespace a source and a worker with these settings."""

    def give(namespace: str, **settings: str) -> Delivery:
        environment = {
            "FAIRWAY_REDIS_URL": redis_server.url,
            "FAIRWAY_DATA": str(tmp_path),
            "KUBECONFIG": str(cluster.kubeconfig),
            **settings,
        }
        context = Context(Settings.from_env(environment, lambda path: Path(path).read_text()))
        context.engine = engine
        return Delivery(context, client, namespace)

    return give


@pytest.fixture
def delivery(deliver: Callable[..., Delivery], namespace: str) -> Delivery:
    return deliver(namespace)


@pytest.fixture
def reconcile(
    client: Client, cluster: Cluster, redis_server: EmbeddedRedis, tmp_path: Path, _served: None
) -> Callable[[Object], None]:
    """Reconcile an object as a worker does."""
    environment = {
        "FAIRWAY_ALLOW_LOOPBACK": "true",
        "FAIRWAY_REDIS_URL": redis_server.url,
        "FAIRWAY_DATA": str(tmp_path),
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    context = Context(Settings.from_env(environment, lambda path: Path(path).read_text()))
    reconcilers = {
        "Kustomization": KustomizationReconciler(context),
        "GitRepository": GitRepositoryReconciler(context),
    }

    def run(obj: Object) -> None:
        seen_as_it_is(client, ObjectRef.of(obj))
        reconcilers[obj["kind"]].reconcile(obj["metadata"]["namespace"], obj["metadata"]["name"])

    return run
