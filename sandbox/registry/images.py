# SPDX-License-Identifier: Apache-2.0
"""Images that are small and real: a config with labels, one layer, a manifest, and indexes of those."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_LABEL = "org.opencontainers.image."


@dataclass(frozen=True)
class Image:
    """The blobs of an image, and its manifest as it is sent."""

    manifest: bytes
    blobs: tuple[bytes, ...]
    platform: str

    @property
    def digest(self) -> str:
        return digest(self.manifest)


def image(
    *,
    source: str = "",
    revision: str = "",
    version: str = "",
    created: str = "2026-01-01T00:00:00Z",
    labels: Mapping[str, str] | None = None,
    platform: str = "linux/amd64",
    content: str = "",
) -> Image:
    """Make an image; `source`, `revision` and so on become labels, `content` is the one file in its layer."""
    named = {"source": source, "revision": revision, "version": version, "created": created}
    system, _, architecture = platform.partition("/")
    tar = _tar(content or f"{version} {revision}")
    config = _json(
        {
            "architecture": architecture,
            "os": system,
            "created": created,
            "config": {
                "Labels": {_LABEL + name: text for name, text in named.items() if text} | {**(labels or {})}
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(tar)]},
        }
    )
    layer = gzip.compress(tar, mtime=0)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _described(config, _CONFIG),
        "layers": [_described(layer, _LAYER)],
    }
    return Image(_json(manifest), (config, layer), platform)


def index(images: Sequence[Image]) -> bytes:
    """Return an image index, such as one of an image for several platforms."""
    entries = []
    for one in images:
        system, _, architecture = one.platform.partition("/")
        platform = {"os": system, "architecture": architecture}
        entries.append({**_described(one.manifest, MANIFEST), "platform": platform})
    return _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _tar(content: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo("content")
        entry.size = len(content.encode())
        archive.addfile(entry, io.BytesIO(content.encode()))
    return written.getvalue()
