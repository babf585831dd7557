# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from policies.registry.identities import identity_of
from tests.fixtures.registry import Hostile
from tests.fixtures.registry_clouds import Clouds
from workers.registry import Access
from workers.registry.clouds import Account, CloudLogins

ROOT = Path(__file__).resolve().parents[4]
POOL = "projects/42/locations/global/workloadIdentityPools/p/providers/k"
ROLE = "arn:aws:iam::012345678901:role/puller"
ECR_API, AWS_STS = "api.ecr.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"


def account(provider: str, annotations: Mapping[str, str]) -> Account:
    """A service account with these annotations, whose tokens say for whom they are."""
    identity = identity_of(provider, annotations, account="apps/puller")
    return Account("apps/puller", identity, lambda audience: f"token for {audience}")


def python(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def logins() -> CloudLogins:
    return CloudLogins(allow_loopback=True)


@pytest.fixture
def aws_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")


@pytest.fixture
def way(clouds: Clouds) -> Access:
    """How an object behind a proxy asks its registry."""
    return Access(proxy=clouds.tunnel.url)


@pytest.fixture
def metadata(nowhere: None) -> Iterator[Hostile]:
    """A server in the place of the one that tells a machine of a cloud who it is."""
    running = Hostile()
    yield running
    running.stop()
