# SPDX-License-Identifier: Apache-2.0
"""What is reconciled: apps of a ServiceAccount, a Service, a Deployment of no replicas and an Ingress.

As in Flux's own benchmark each app has a Kustomization with post-build variables, and all live in one
namespace; here each is a folder of its own, so that a push can change one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from bench.api import Arrivals, Object, Request
from bench.house import House
from sandbox.forge.admin import Repository

READY = b'"status":"True","type":"Ready"'  # of a condition, as the API server writes it
_SOURCES = "/apis/source.toolkit.fluxcd.io/v1/namespaces/{}/gitrepositories"
_SOURCE_WITHIN = 60.0  # seconds


@dataclass
class Fleet:
    """A namespace with one GitRepository, and the repository behind it; `sha` is its newest commit."""

    house: House
    namespace: str
    repo: Repository
    sha: str

    @classmethod
    def make(cls, house: House, namespace: str, names: Iterable[str]) -> Fleet:
        """Make the namespace, a repository with a folder for each name, and a source that is Ready."""
        house.api.call(Request.create("/api/v1/namespaces", {"metadata": {"name": namespace}}))
        files: dict[str, str | bytes] = {file_of(name): manifests("1") for name in names}
        repo = house.forge.create_repository("acme", namespace, files=files)
        house.forge.install(house.forge.app("fairway"), "acme")
        sources = _SOURCES.format(namespace)
        with house.api.watching(sources, {"bench"}, hint=READY, accept=is_ready) as arrivals:
            house.api.call(Request.create(sources, _source(repo)))
            arrivals.wait(_SOURCE_WITHIN)
        return cls(house, namespace, repo, house.forge.refs(repo)["refs/heads/main"])

    @property
    def path(self) -> str:
        return kustomizations(self.namespace)

    def creations(self, names: Iterable[str], **spec: Any) -> list[Request]:
        """Return the requests that create a Kustomization for each name."""
        return [Request.create(self.path, kustomization(name, self.namespace, spec)) for name in names]

    def push(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Commit, and return the new revision's commit."""
        self.sha = self.house.forge.commit(self.repo, files, message)
        return self.sha

    def ready(self, names: Iterable[str], *, beyond: str = "") -> AbstractContextManager[Arrivals]:
        """Watch until all are Ready; at another commit than `beyond`, when one is given."""
        return self.watching(names, READY, lambda obj: is_ready(obj) and not is_at(obj, beyond))

    def watching(
        self, names: Iterable[str], hint: bytes, accept: Callable[[Object], bool]
    ) -> AbstractContextManager[Arrivals]:
        return self.house.api.watching(self.path, set(names), hint=hint, accept=accept)

    def delete(self, names: Iterable[str], within: float) -> None:
        """Delete Kustomizations with what they applied, and return when they are gone."""
        with self.watching(names, b'"type":"DELETED"', lambda obj: True) as arrivals:
            self.house.api.send([Request("DELETE", f"{self.path}/{name}") for name in names])
            arrivals.wait(within)


def kustomizations(namespace: str) -> str:
    """Return the path of a namespace's Kustomizations on the API server."""
    return f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{namespace}/kustomizations"


def kustomization(name: str, namespace: str, spec: Mapping[str, Any] | None = None) -> Object:
    """Return the Kustomization of an app; `spec` adds to what all have."""
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name},
        "spec": {
            "sourceRef": {"kind": "GitRepository", "name": "bench"},
            "path": f"./apps/{name}",
            "targetNamespace": namespace,
            "interval": "1h",
            "retryInterval": "2m",
            "timeout": "1m",
            "prune": True,
            "postBuild": {"substitute": {"NAME": name, "CPU": "1m"}},
            **(spec or {}),
        },
    }


def app_names(count: int) -> list[str]:
    return [f"app-{number:04d}" for number in range(count)]


def file_of(name: str) -> str:
    return f"apps/{name}/app.yaml"


def manifests(version: str) -> str:
    """Write an app's four objects; another version changes its Deployment."""
    return _MANIFESTS.replace("VERSION", version)


def is_ready(obj: Object) -> bool:
    """Tell whether an object is Ready as its spec is now."""
    generation, status = obj["metadata"]["generation"], obj.get("status") or {}
    return status.get("observedGeneration") == generation and any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and condition["observedGeneration"] == generation
        for condition in status.get("conditions") or []
    )


def is_at(obj: Object, sha: str) -> bool:
    """Tell whether a commit is what was applied last."""
    return bool(sha) and str(obj["status"].get("lastAppliedRevision", "")).endswith(sha)


def _source(repo: Repository) -> Object:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "bench"},
        "spec": {"url": repo.clone_url, "ref": {"branch": "main"}, "interval": "1h"},
    }


_MANIFESTS = """apiVersion: v1
kind: ServiceAccount
metadata: {name: "${NAME}"}
---
apiVersion: v1
kind: Service
metadata: {name: "${NAME}"}
spec:
  selector: {app: "${NAME}"}
  ports: [{port: 9898, name: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "${NAME}"}
spec:
  replicas: 0
  selector: {matchLabels: {app: "${NAME}"}}
  template:
    metadata:
      labels: {app: "${NAME}"}
      annotations: {version: "VERSION"}
    spec:
      serviceAccountName: "${NAME}"
      containers:
      - name: app
        image: 'ghcr.io/acme/app:6.9.0'
        ports: [{containerPort: 9898, name: http}]
        resources: {requests: {cpu: "${CPU}", memory: 32Mi}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: "${NAME}"}
spec:
  rules:
  - host: "${NAME}.example.com"
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: "${NAME}", port: {name: http}}}
"""
