# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from policies.github.permissions import asked
from sandbox.forge.admin import App, Forge, Repository
from tests.sandbox.forge.conftest import Receiver, receiver, until
from workers.github import AppJwt, GitHub

__all__ = ["EVERYTHING", "Clock", "MakePlace", "Place", "Receiver", "receiver", "until"]

# What Fairway asks for when it is to do all that it can.
EVERYTHING = dict(asked())

_names = itertools.count(1)


@dataclass
class Clock:
    """The time, which a test can let pass."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Place:
    """A repository on the forge and Fairway's client of it."""

    forge: Forge
    repo: Repository
    app: App
    installation: int
    head: str
    github: GitHub
    clock: Clock

    @property
    def name(self) -> str:
        return self.repo.full_name

    @property
    def bot(self) -> str:
        return f"{self.app.slug}[bot]"

    def pull(self, branch: str = "topic", path: str = "b.txt") -> int:
        """Open a pull request of alice's and return its number."""
        self.forge.allow(self.repo, "alice", "write")
        self.forge.commit(self.repo, {path: f"{branch}\n"}, f"change {branch}", branch=branch)
        return int(self.forge.open_pull_request(self.repo, branch, f"Pull {branch}")["number"])

    def used(self) -> int:
        """Return how many requests of this hour the installation has used."""
        token = self.github.token_for(self.repo.owner, self.repo.name).value
        headers = {"Authorization": f"token {token}"}
        return int(
            urllib3.request("GET", f"{self.forge.api_url}/rate_limit", headers=headers).json()["rate"]["used"]
        )


MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(forge: Forge) -> Iterator[MakePlace]:
    opened: list[GitHub] = []

    def make(**app_options: object) -> Place:
        number = next(_names)
        app = forge.create_app(f"fairway {number}", **app_options)  # type: ignore[arg-type]
        repo = forge.create_repository(f"org-{number}", "fleet", private=True, files={"a.txt": "one\n"})
        installation = forge.install(app, repo.owner)
        clock = Clock()
        key = AppJwt(str(app.id), app.private_key_pem, now=clock)
        github = GitHub(key, api_url=forge.api_url, allow_loopback=True, now=clock)
        opened.append(github)
        head = forge.refs(repo)["refs/heads/main"]
        return Place(forge, repo, app, installation, head, github, clock)

    yield make
    for github in opened:
        github.close()


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    return make_place()


@pytest.fixture
def able(make_place: MakePlace) -> Place:
    """A place where the App may do all that it can do."""
    return make_place(permissions=EVERYTHING)
