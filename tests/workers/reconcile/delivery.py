# SPDX-License-Identifier: Apache-2.0
"""Files as the artifact of GitRepository `src`, and Kustomizations that a worker reconciles from it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.world import until
from tests.policies.made import AT
from workers.cluster import Client
from workers.context import Context
from workers.reconcile.kustomization import KustomizationReconciler

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
SOURCE = ("source.toolkit.fluxcd.io", "v1", "GitRepository")


@dataclass
class Delivery:
    """What a tenant has: a namespace, a source in it, and whatever Kustomizations he writes."""

    context: Context
    client: Client
    namespace: str
    commits: list[str] = field(default_factory=list)

    def commit(self, files: Mapping[str, str], *, links: Mapping[str, str] | None = None) -> str:
        """Make the files the source's artifact; returns its revision."""
        content = _packed(files, links or {})
        digest = hashlib.sha256(content).hexdigest()
        path = f"{self.namespace}-{len(self.commits)}.tar.gz"
        (Path(self.context.settings.data_dir) / path).write_bytes(content)
        revision = f"main@sha1:{hashlib.sha1(content).hexdigest()}"  # noqa: S324
        self.commits.append(revision)
        ref = ObjectRef(*SOURCE, self.namespace, "src")
        if self.client.find(ref) is None:
            spec = {"url": "https://example.com/acme/fleet", "interval": "10m"}
            self._create(ref, spec)
        artifact = {
            "url": f"http://127.0.0.1/{path}",
            "path": path,
            "digest": f"sha256:{digest}",
            "revision": revision,
            "lastUpdateTime": AT,
            "size": len(content),
        }
        self.client.patch(ref, {"status": {"artifact": artifact}}, manager="test", subresource="status")
        return revision

    def kustomization(self, name: str = "app", **spec: Any) -> ObjectRef:
        """Make a Kustomization, or change one."""
        ref = ObjectRef(*KUSTOMIZATION, self.namespace, name)
        if self.client.find(ref):
            self.client.patch(ref, {"spec": spec}, manager="test")
            return ref
        source = {"kind": "GitRepository", "name": "src"}
        whole = {
            "sourceRef": source,
            "path": "./",
            "interval": "10m",
            "prune": True,
            "targetNamespace": self.namespace,
        }
        self._create(ref, {**whole, **spec})
        return ref

    def run(self, name: str = "app") -> Object:
        """Reconcile as a worker does and return the object."""
        self.reconcile(name)
        return self.client.get(ObjectRef(*KUSTOMIZATION, self.namespace, name))

    def reconcile(self, name: str = "app") -> None:
        """Reconcile as a worker does; the object may be gone afterwards."""
        seen_as_it_is(self.client, ObjectRef(*SOURCE, self.namespace, "src"))
        seen_as_it_is(self.client, ObjectRef(*KUSTOMIZATION, self.namespace, name))
        KustomizationReconciler(self.context).reconcile(self.namespace, name)

    def apply(self, files: Mapping[str, str], **spec: Any) -> Object:
        """Commit, reconcile Kustomization `app`, and return it."""
        self.commit(files)
        self.kustomization(**spec)
        return self.run()

    def config(self, name: str, namespace: str = "") -> Object | None:
        return self.client.find(ObjectRef("", "v1", "ConfigMap", namespace or self.namespace, name))

    def _create(self, ref: ObjectRef, spec: Mapping[str, Any]) -> None:
        metadata = {"name": ref.name, "namespace": ref.namespace}
        self.client.create(
            {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, "spec": dict(spec)}
        )


def seen_as_it_is(client: Client, ref: ObjectRef) -> None:
    """Wait until a cheap read shows an object as it is: a run that sees an older one begins again."""

    def version(*, cached: bool) -> str:
        obj = client.find(ref, cached=cached) or {"metadata": {}}
        return str(obj["metadata"].get("resourceVersion"))

    until(lambda: version(cached=True) == version(cached=False), what=f"{ref} as it is")


def told(obj: Object, kind: str = "Ready") -> tuple[str, str, str]:
    """Return a condition's status, reason and message."""
    found = conditions.find(conditions.of(obj), kind) or {}
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


def retried(obj: Object) -> bool:
    """Tell whether the object says that it will be tried again; else it has to say that it is stalled."""
    reconciling = conditions.is_true(conditions.of(obj), "Reconciling")
    assert reconciling is not conditions.is_true(conditions.of(obj), "Stalled")
    return reconciling


def _packed(files: Mapping[str, str], links: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return packed.getvalue()
