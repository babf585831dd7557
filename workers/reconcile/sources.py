# SPDX-License-Identifier: Apache-2.0
"""A Kustomization's source: the object, the artifact it points to, and the GitHub repository behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policies.errors import FairwayError
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers.cluster import Client

GROUP, VERSION = "source.toolkit.fluxcd.io", "v1"


class ArtifactMissing(FairwayError):
    """The source names an artifact that is not on disk; its next reconcile makes it again."""

    reason = "ArtifactFailed"


def ref(kind: str, namespace: str, name: str) -> ObjectRef:
    return ObjectRef(GROUP, VERSION, kind, namespace, name)


def find(client: Client, kind: str, namespace: str, name: str, *, cached: bool = False) -> Object | None:
    """Return the source, or None when there is none or its kind is not served."""
    return client.find(ref(kind, namespace, name), cached=cached) if kind == "GitRepository" else None


def open_artifact(settings: Settings, artifact: Mapping[str, Any]) -> Path:
    """Return the artifact's file under the data directory; raises ArtifactMissing."""
    path = Path(settings.data_dir) / str(artifact["path"])
    if not path.is_file():
        raise ArtifactMissing("Source is not ready, artifact not found, retrying in 30s")
    return path
