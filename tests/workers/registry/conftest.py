# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from policies.registry.pull_secrets import Entry, Login
from workers.registry import ANONYMOUS, Access, Budget, Limits, MemoryShelf, Registries, RepositoryClient

Open = Callable[..., RepositoryClient]


def login(host: str, username: str = "", password: str = "", **tokens: str) -> Access:
    """An access with one login for a host."""
    return Access((Entry(host, "", Login(username, password, **tokens)),))


def wall() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def registries() -> Iterator[Registries]:
    """A client of registries that has asked nothing, and gives a step half a second."""
    made = Registries(Budget(MemoryShelf(), now=wall), allow_loopback=True, limits=Limits(step=0.5))
    yield made
    made.close()


@pytest.fixture
def open_(registries: Registries) -> Open:
    """Open a repository, anonymously unless told otherwise."""

    def open_one(image: object, access: Access = ANONYMOUS, *, timeout: float = 20.0) -> RepositoryClient:
        return registries.open(image, access, timeout=timeout)  # type: ignore[arg-type]

    return open_one
