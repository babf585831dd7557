# SPDX-License-Identifier: Apache-2.0
"""Where a repository of images is, and what can be the name of something in it.

`policies.images` reads names that people write; whatever has these three fields will do here.
"""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import urlsplit

DOCKER_HUB = "index.docker.io"
# All names of Docker Hub in images and in pull secrets.
HUB_NAMES = frozenset({DOCKER_HUB, "docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_HUB_API = "registry-1.docker.io"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Repository(Protocol):
    """A repository of a registry."""

    @property
    def registry(self) -> str:
        """Return the registry's host, with its port if it has one."""
        ...

    @property
    def path(self) -> str:
        """Return the repository's name there, `library/` of Docker Hub included."""
        ...

    @property
    def may_be_plain(self) -> bool:
        """Say whether it may be asked without TLS where nobody answers with it."""
        ...


def api_host(registry: str) -> str:
    """Return the host, with its port if it has one, that serves a registry's API."""
    return _HUB_API if registry in HUB_NAMES else registry


def account_host(registry: str) -> str:
    """Return the host under which a registry's requests are counted, however its name is written."""
    return api_host(registry.lower()).removesuffix(":443").rstrip(".")


def problem_of(repository: Repository) -> str | None:
    """Return why a repository cannot be asked about at all, or None when it can."""
    try:
        parts = urlsplit(f"https://{repository.registry}/")
        valid = bool(parts.hostname) and parts.port != 0 and parts.netloc == repository.registry
    except ValueError:
        valid = False
    if not valid or "@" in repository.registry:
        return f"'{repository.registry}' is no host"
    if any(part in ("", ".", "..") for part in repository.path.split("/")):
        return f"'{repository.path}' is no name of a repository"
    return None


def is_tag(text: str) -> bool:
    """Say whether a text can be a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Say whether a text is a digest that can be checked."""
    return _DIGEST.fullmatch(text) is not None
