# SPDX-License-Identifier: Apache-2.0
"""A repository on a Git host, and remotes that keep their mirrors in this test's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.githost import GitHost, HostedRepository
from workers.git import Auth, Remote

Connect = Callable[..., Remote]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def connect(data_dir: Path) -> Connect:
    def make(url: str, auth: Auth | None = None, **options: Any) -> Remote:
        return Remote(url, auth or Auth(), data_dir=data_dir, allow_loopback=True, **options)

    return make


@pytest.fixture
def app(githost: GitHost) -> HostedRepository:
    return githost.create("app")
