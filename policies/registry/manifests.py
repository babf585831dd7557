# SPDX-License-Identifier: Apache-2.0
"""Manifests: which media types we read, which image of an index speaks for it, and what its labels are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.registry.names import is_digest
from policies.registry.pages import Nonsense

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join((*_INDEXES, *_MANIFESTS))
_PREFERRED = ("linux", "amd64")
_MOST_LABELS, _LONGEST_LABEL = 200, 4096


@dataclass(frozen=True, slots=True)
class Described:
    """What a manifest points to: its digest and size, and for an image of an index where it runs."""

    digest: str
    size: int
    platform: str = ""


def is_index(manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest is one of several images."""
    return manifest.get("mediaType") in _INDEXES or "manifests" in manifest


def speaks_for(manifest: Mapping[str, Any]) -> Described:
    """Return the image of an index whose labels are taken: linux/amd64, else the first that can run.

    Raises Nonsense when there is none.
    """
    entries = manifest.get("manifests")
    found = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    # What builders attest of an image stands beside it, for a platform that does not exist.
    runnable = [entry for entry in found if _platform(entry)[0] != "unknown"]
    if not runnable:
        raise Nonsense("its index names no image")
    chosen = next((entry for entry in runnable if _platform(entry) == _PREFERRED), runnable[0])
    return described(chosen, platform="/".join(filter(None, _platform(chosen))))


def config_of(manifest: Mapping[str, Any]) -> Described:
    """Return where the config of an image is; raises Nonsense when its manifest does not say."""
    config = manifest.get("config")
    if not isinstance(config, Mapping):
        raise Nonsense("its manifest names no config")
    return described(config)


def described(entry: Mapping[str, Any], *, platform: str = "") -> Described:
    """Read a descriptor; raises Nonsense."""
    digest, size = entry.get("digest"), entry.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise Nonsense(f"{str(digest)[:40]!r} in its manifest is no digest")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise Nonsense(f"the size of {digest[:19]} in its manifest is none")
    return Described(digest, size, platform)


def labels_of(*sources: Any) -> dict[str, str]:
    """Return labels or annotations of all sources, of which a later one counts more.

    What is no text is left out, and so is what is longer than a label can sensibly be.
    """
    found: dict[str, str] = {}
    for source in sources:
        for name, text in source.items() if isinstance(source, Mapping) else ():
            if isinstance(text, str) and max(len(name), len(text)) <= _LONGEST_LABEL:
                found[name] = text
    return dict(list(found.items())[:_MOST_LABELS])


def digest_of(content: bytes, *, like: str = "sha256:") -> str:
    """Return the digest of a content, by the algorithm of another digest."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def _platform(entry: Mapping[str, Any]) -> tuple[str, str]:
    platform = entry.get("platform")
    if not isinstance(platform, Mapping):
        return "", ""
    return str(platform.get("os", ""))[:40], str(platform.get("architecture", ""))[:40]
