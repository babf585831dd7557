# SPDX-License-Identifier: Apache-2.0
"""The name of an image without tag, such as `alpine` or `ghcr.io/acme/web`, as go-containerregistry reads it.

The first part is a registry when it has a dot or a colon; Docker Hub is what is meant without one, and its
images of one part are in `library`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from policies.images.errors import InvalidImage

DOCKER_HUB = "index.docker.io"
_ALIAS = "docker.io"
_LIBRARY = "library"
_REPOSITORY = re.compile(r"[a-z0-9_\-./]{2,255}")
_TAG = re.compile(r"[A-Za-z0-9_\-.]{1,128}")
_DIGEST = re.compile(r"sha256:([a-f0-9]{64})")
# Upstream takes whatever Go's URLs take for a host, quotes and two ports too: no registry can be called so.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::[0-9]*)?")
_PLAIN = re.compile(r"^localhost:|\.localhost(?::[0-9]{1,5})?$|127\.0\.0\.1|::1")
_PRIVATE = re.compile(r"(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.")
_REMEDY = "name the image without scheme and tag, such as ghcr.io/acme/web"


@dataclass(frozen=True, slots=True)
class Repository:
    """All tags of one image: the registry's host with its port, and the path there."""

    registry: str
    path: str
    insecure: bool = False

    @property
    def name(self) -> str:
        """The canonical name, with everything that was left out; it is what statuses show."""
        return f"{self.registry}/{self.path}"

    @property
    def may_be_plain(self) -> bool:
        """Whether the registry may be spoken to without TLS: told so, or an address of one's own network."""
        return self.insecure or bool(_PLAIN.search(self.registry)) or _is_private(self.registry)


def parse(image: str, *, insecure: bool = False) -> Repository:
    """Read `spec.image`; raises InvalidImage with upstream's words."""
    scheme, separator, _ = image.partition("://")
    if separator:
        raise _invalid(f"image '{image}' should not include URL scheme; remove '{scheme}://'")
    found = _tagged(image) or _pinned(image)
    if found is None:
        raise _invalid(f"could not parse reference: {image}")
    registry, path = found
    _, tagged, rest = image.removeprefix(registry).partition(":")
    if tagged:
        raise _invalid(f"image '{image}' should not include a tag; remove ':{rest.partition(':')[0]}'")
    if registry == DOCKER_HUB and "/" not in path:
        path = f"{_LIBRARY}/{path}"
    return Repository(registry, path, insecure)


def _tagged(image: str) -> tuple[str, str] | None:
    base, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:  # the colon is that of a port
        return _split(image)
    return _split(base) if _TAG.fullmatch(tag) else None


def _pinned(image: str) -> tuple[str, str] | None:
    base, at, digest = image.partition("@")
    return _tagged(base) if at and _DIGEST.fullmatch(digest) else None


def _split(name: str) -> tuple[str, str] | None:
    """Return registry and path; None when they cannot be those of an image."""
    first, slash, rest = name.partition("/")
    registry, path = (first, rest) if slash and ("." in first or ":" in first) else ("", name)
    if not _REPOSITORY.fullmatch(path) or not _HOST.fullmatch(registry):
        return None
    return (DOCKER_HUB if registry in ("", _ALIAS) else registry), path


def _is_private(registry: str) -> bool:
    numbers = registry.partition(":")[0].split(".")
    return (
        len(numbers) == 4
        and all(number.isdecimal() and int(number) < 256 for number in numbers)
        and bool(_PRIVATE.match(registry))
    )


def _invalid(message: str) -> InvalidImage:
    return InvalidImage(message, remedy=_REMEDY)
