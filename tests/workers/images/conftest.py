# SPDX-License-Identifier: Apache-2.0
"""Image kinds on the real API server, Redis and registry, and a worker that reconciles them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies import conditions
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from sandbox.forge.admin import App, Forge, Repository
from sandbox.registry.admin import Registry
from tests.fixtures.cluster import Cluster
from tests.workers.github.conftest import EVERYTHING
from workers.cluster import Client
from workers.context import Context, utc_now
from workers.decryption import Sops
from workers.engine import Engine
from workers.github.calls import READING
from workers.images import automation, policy, repository
from workers.images.automation import ImageUpdateAutomationReconciler
from workers.images.policy import ImagePolicyReconciler
from workers.images.repository import ImageRepositoryReconciler

_numbers = itertools.count(1)
_fleets = itertools.count(1)
RECONCILERS: dict[str, Any] = {
    "ImageRepository": ImageRepositoryReconciler,
    "ImagePolicy": ImagePolicyReconciler,
    "ImageUpdateAutomation": ImageUpdateAutomationReconciler,
}
KINDS = {
    "ImageRepository": repository.KIND,
    "ImagePolicy": policy.KIND,
    "ImageUpdateAutomation": automation.KIND,
    "GitRepository": ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
}


@dataclass
class Images:
    """A namespace, a repository `path` of the registry, and a worker whose clock a test moves."""

    client: Client
    context: Context
    namespace: str
    registry: Registry
    path: str
    ahead: timedelta = field(default_factory=timedelta)

    @property
    def image(self) -> str:
        return f"{self.registry.host}/{self.path}"

    def push(self, *tags: str) -> str:
        """Push an image under tags; returns its digest."""
        made = self.registry.push(self.path, tags[0])
        if tags[1:]:
            self.registry.tag_many(self.path, made.digest, tags[1:])
        return made.digest

    def repository(self, name: str = "web", **spec: Any) -> ObjectRef:
        """Make an ImageRepository of this image, or change one."""
        return self._make("ImageRepository", name, {"image": self.image, "interval": "5m", **spec})

    def policy(self, name: str = "web", *, of: Any = None, **spec: Any) -> ObjectRef:
        """Make an ImagePolicy on an ImageRepository, or change one."""
        chosen = spec.pop("policy", {"semver": {"range": ">=1.0.0"}})
        reference = of or {"name": "web"}
        return self._make("ImagePolicy", name, {"imageRepositoryRef": reference, "policy": chosen, **spec})

    def source(self, url: str, name: str = "src", **spec: Any) -> ObjectRef:
        """Make a GitRepository, or change one."""
        return self._make(
            "GitRepository", name, {"url": url, "interval": "1h", "ref": {"branch": "main"}, **spec}
        )

    def automation(self, name: str = "auto", *, git: Any = None, **spec: Any) -> ObjectRef:
        """Make an ImageUpdateAutomation of source `src`, or change one; `git` is added to spec.git."""
        own = dict(git or {})
        own["commit"] = {"author": {"name": "Bot", "email": "bot@example.com"}, **own.get("commit", {})}
        wanted = {"interval": "1h", "sourceRef": {"kind": "GitRepository", "name": "src"}, **spec}
        return self._make("ImageUpdateAutomation", name, {"git": own, **wanted})

    def chosen(self, *tags: str) -> None:
        """Push tags, and have policy `web` choose the highest."""
        self.push(*tags)
        ref = self.repository()
        self.request(ref, tags[-1])
        self.reconcile(ref)
        self.reconcile(self.policy())

    def reconcile(self, ref: ObjectRef) -> Object:
        """Run one as a worker does, and return it as it is then."""
        RECONCILERS[ref.kind](self.context).reconcile(ref.namespace, ref.name)
        return self.client.get(ref)

    def request(self, ref: ObjectRef, token: str) -> None:
        note = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        self.client.patch(ref, note, manager="test")

    def pass_time(self, **delta: float) -> None:
        self.ahead += timedelta(**delta)

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def _make(self, kind: str, name: str, spec: dict[str, Any]) -> ObjectRef:
        ref = ObjectRef(*KINDS[kind], self.namespace, name)
        group, version, _ = KINDS[kind]
        if self.client.find(ref) is None:
            metadata = {"name": name, "namespace": self.namespace}
            obj = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata, "spec": spec}
            self.client.create(obj)
        else:
            self.client.patch(ref, {"spec": spec}, manager="test")
        return ref


@pytest.fixture(scope="session")
def _image_kinds(client: Client) -> None:
    prepare(client, "fairway-system")


@pytest.fixture
def make_images(
    client: Client,
    cluster: Cluster,
    redis_server: EmbeddedRedis,
    engine: Engine,
    sops: Sops,
    tmp_path: Path,
    _image_kinds: None,
) -> Callable[..., Images]:
    """Give a namespace images of a registry, and a worker with these settings."""

    def make(namespace: str, registry: Registry, path: str = "", **settings: str) -> Images:
        environment = {
            "FAIRWAY_ALLOW_LOOPBACK": "true",
            "FAIRWAY_REDIS_URL": redis_server.url,
            "FAIRWAY_DATA": str(tmp_path),
            "KUBECONFIG": str(cluster.kubeconfig),
            **settings,
        }
        context = Context(Settings.from_env(environment, lambda path: Path(path).read_text()))
        made = Images(client, context, namespace, registry, path or f"acme/web-{next(_numbers)}")
        context.now = made.now
        context.engine, context.sops = engine, sops
        return made

    return make


@pytest.fixture
def images(make_images: Callable[..., Images], namespace: str, registry: Registry) -> Images:
    return make_images(namespace, registry)


@dataclass
class Fleet:
    """A repository on the forge in which an old image of ours is marked, and a worker with our App."""

    forge: Forge
    repo: Repository
    app: App
    images: Images
    installation: int

    def manifest(self, tag: str) -> str:
        return f'image: {self.images.image}:{tag} # {{"$imagepolicy": "{self.images.namespace}:web"}}\r\n'

    def bind(self, write: str) -> None:
        repository = {"id": self.repo.id, "owner": self.repo.owner, "name": self.repo.name}
        spec = {"repository": repository, "namespaces": [self.images.namespace], "write": write}
        metadata = {"name": self.images.namespace}
        kind = {"apiVersion": "fairway.dev/v1alpha1", "kind": "RepositoryBinding"}
        self.images.client.create({**kind, "metadata": metadata, "spec": spec})

    def run(self, **git: Any) -> Object:
        return self.images.reconcile(self.images.automation(git=git))

    def head(self, branch: str = "main") -> str:
        return self.forge.refs(self.repo).get(f"refs/heads/{branch}", "")

    def read(self, branch: str = "main") -> str:
        assert self.images.context.github is not None
        found = self.images.context.github.git_data.read(self.repo.full_name, "web.yaml", branch)
        return (found or b"").decode()

    def commit(self, sha: str) -> Any:
        assert self.images.context.github is not None
        return self.images.context.github.call(
            "GET", self.repo.full_name, f"/commits/{sha}", "look", permissions=READING
        )


@pytest.fixture
def fleet(
    make_images: Callable[..., Images], namespace: str, registry: Registry, forge: Forge, tmp_path: Path
) -> Fleet:
    number = next(_fleets)
    app = forge.create_app(f"fairway images {number}", permissions=EVERYTHING)
    (tmp_path / "app.pem").write_text(app.private_key_pem)
    images = make_images(
        namespace,
        registry,
        FAIRWAY_TENANCY="strict",
        FAIRWAY_GITHUB_ACCOUNTS=f"images-{number}",
        FAIRWAY_GITHUB_URL=forge.url,
        FAIRWAY_GITHUB_API_URL=forge.api_url,
        FAIRWAY_GITHUB_APP_ID=str(app.id),
        FAIRWAY_GITHUB_PRIVATE_KEY_FILE=str(tmp_path / "app.pem"),
    )
    repo = forge.create_repository(f"images-{number}", "fleet", files={"README": "x"})
    found = Fleet(forge, repo, app, images, forge.install(app, repo.owner))
    forge.commit(repo, {"web.yaml": found.manifest("1.0.0")}, "One")
    images.chosen("1.0.0", "1.1.0")
    images.source(repo.clone_url, provider="github", secretRef=None)
    return found


def ready(obj: Object) -> tuple[str, str, str]:
    """Return status, reason and message of Ready."""
    found = conditions.find(conditions.of(obj), "Ready") or {}
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")
