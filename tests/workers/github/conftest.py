# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.forge.admin import App, Forge, Repository
from workers.github import AppJwt, GitHub

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
