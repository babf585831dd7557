# SPDX-License-Identifier: Apache-2.0
"""A repository on the forge with a source and a Kustomization in a namespace, and a worker of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from policies.objects import ObjectRef
from sandbox.forge.admin import Forge, Repository
from tests.fixtures.world import config_map as manifest
from tests.workers.github.conftest import EVERYTHING
from tests.workers.reconcile.delivery import KUSTOMIZATION, SOURCE, Delivery, seen_as_it_is
from workers.cluster import Client
from workers.reconcile.gitrepository import GitRepositoryReconciler
from workers.reconcile.pull_request import PullRequests
from workers.reconcile.report import Reporter
from workers.reconcile.sweep import Sweep
from workers.reconcile.telling.commits import CommitReporter

_numbers = itertools.count(1)


@dataclass
class Tenant:
    """A repository on the forge with a source and a Kustomization in a namespace, and a worker."""

    forge: Forge
    repo: Repository
    delivery: Delivery
    namespace: str

    def merged(self, files: dict[str, str | bytes | None]) -> tuple[int, str]:
        """Merge a pull request and apply what it brought; returns its number and commit."""
        branch = f"topic-{next(_numbers)}"
        self.forge.commit(self.repo, files, "change", branch=branch)
        number = int(self.forge.open_pull_request(self.repo, branch, "Change")["number"])
        self.run(number)
        sha = self.forge.merge(self.repo, number)
        self.apply()
        return number, sha

    def apply(self) -> None:
        """Fetch and apply as workers do, and wait until a report sees it."""
        GitRepositoryReconciler(self.delivery.context).reconcile(self.namespace, "src")
        self.delivery.reconcile("app")
        for kind, name in ((SOURCE, "src"), (KUSTOMIZATION, "app")):
            seen_as_it_is(self.delivery.client, ObjectRef(*kind, self.namespace, name))

    def run(self, number: int) -> None:
        PullRequests(self.delivery.context).reconcile(self.repo.owner, f"{self.repo.name}:{number}")

    def sweep(self) -> None:
        """Look at GitHub for what is not said yet."""
        Sweep(self.delivery.context).reconcile(self.repo.owner, self.repo.name)

    def work(self) -> None:
        """Work off what is queued to be told, as workers do; the rest of the queue is left out."""
        context = self.delivery.context
        runs: dict[str, Callable[[str, str], None]] = {
            "Repository": Reporter(context).reconcile,
            "Report": CommitReporter(context).reconcile,
            "PullRequest": PullRequests(context).reconcile,
        }
        for _ in range(50):
            with context.queue.take() as key:
                if key is None:
                    return
                if run := runs.get(key.kind):
                    run(key.namespace, key.name)
        raise AssertionError("the queue never ends")

    def comments(self, number: int) -> list[str]:
        found = self.forge.comments(self.repo, number)
        return [str(one["body"]) for one in found if one["user"]["type"] == "Bot"]


@pytest.fixture
def tenant(
    client: Client,
    forge: Forge,
    deliver: Callable[..., Delivery],
    namespace: str,
    tmp_path: Path,
) -> Tenant:
    files = {"app/first.yaml": manifest("first")}
    repo = forge.create_repository(f"pulls-{next(_numbers)}", "fleet", files=files)
    forge.allow(repo, "alice", "write")
    delivery = deliver(namespace, **instance(forge, repo, tmp_path))
    found = Tenant(forge, repo, delivery, namespace)
    source(client, namespace, repo)
    kustomization(client, namespace, "app", namespace)
    return found


def instance(forge: Forge, repo: Repository, folder: Path) -> dict[str, str]:
    """Install an App of its own on a repository's account, and return the settings of a worker with it."""
    app = forge.create_app(f"fairway pulls {next(_numbers)}", permissions=EVERYTHING)
    forge.install(app, repo.owner)
    key = folder / f"{app.slug}.pem"
    key.write_text(app.private_key_pem)
    return {
        "FAIRWAY_TENANCY": "strict",
        "FAIRWAY_GITHUB_ACCOUNTS": repo.owner,
        "FAIRWAY_GITHUB_URL": forge.url,
        "FAIRWAY_GITHUB_API_URL": forge.api_url,
        "FAIRWAY_GITHUB_APP_ID": str(app.id),
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE": str(key),
        "FAIRWAY_ALLOW_LOOPBACK": "true",
    }


def source(client: Client, namespace: str, repo: Repository) -> None:
    spec = {"url": repo.clone_url, "interval": "10m", "ref": {"branch": "main"}}
    client.create(_made(f"{SOURCE[0]}/v1", "GitRepository", "src", namespace, spec=spec))


def kustomization(client: Client, namespace: str, name: str, of: str, **more: Any) -> None:
    spec = {
        "sourceRef": {"kind": "GitRepository", "name": "src", "namespace": of},
        "path": "./app",
        "interval": "10m",
        "prune": True,
        "targetNamespace": namespace,
        **more,
    }
    client.create(_made(f"{KUSTOMIZATION[0]}/v1", "Kustomization", name, namespace, spec=spec))


def bind(client: Client, tenant: Tenant, number: int | None = None, **more: Any) -> None:
    repository = {"id": number or tenant.repo.id, "owner": tenant.repo.owner, "name": tenant.repo.name}
    spec = {"repository": repository, "namespaces": [tenant.namespace], **more}
    client.create(_made("fairway.dev/v1alpha1", "RepositoryBinding", tenant.namespace, "", spec=spec))


def _made(api_version: str, kind: str, name: str, namespace: str, *, spec: Any) -> Any:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
