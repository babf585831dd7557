# SPDX-License-Identifier: Apache-2.0
"""What is alike for the logins of all clouds."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from policies.registry.clouds import place_of
from policies.registry.pull_secrets import Login
from tests.fixtures.registry import Reply
from tests.fixtures.registry_clouds import ACR, ECR, GAR, Clouds, ecr, sts
from tests.workers.registry.clouds.conftest import AWS_STS, ECR_API, POOL, ROLE, account, python
from workers.registry import Access
from workers.registry.clouds import CloudLogins, LoginFailed


def test_nobody_in_any_cloud_is_told_what_to_do(nowhere: None, logins: CloudLogins) -> None:
    for provider, host in (("aws", ECR), ("azure", ACR), ("gcp", GAR)):
        with pytest.raises(LoginFailed, match="as Fairway itself: ") as error:
            logins.login(place_of(provider, host), None, Access())
        assert error.value.reason == "AuthenticationFailed"
        assert error.value.retryable
        assert "give Fairway's pods an identity in" in error.value.remedy


@pytest.mark.parametrize(
    ("provider", "host", "service", "annotations"),
    [
        ("aws", ECR, AWS_STS, {"eks.amazonaws.com/role-arn": ROLE}),
        (
            "azure",
            ACR,
            "login.microsoftonline.com",
            {"azure.workload.identity/tenant-id": "t", "azure.workload.identity/client-id": "c"},
        ),
        (
            "gcp",
            GAR,
            "sts.googleapis.com",
            {"gcp.auth.fluxcd.io/workload-identity-provider": POOL},
        ),
    ],
)
def test_a_cloud_that_is_away_is_not_told_as_a_refusal(
    clouds: Clouds, logins: CloudLogins, provider: str, host: str, service: str, annotations: dict[str, str]
) -> None:
    clouds.tunnel.ways[service] = "127.0.0.1:1"
    with pytest.raises(LoginFailed) as error:
        logins.login(place_of(provider, host), account(provider, annotations), Access())
    assert error.value.remedy.startswith("check that Fairway's workers reach the cloud's services")


def test_a_login_is_asked_for_once_by_all(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    clouds.services[ECR_API] = ecr
    other = "999999999999.dkr.ecr.eu-west-1.amazonaws.com"  # of the region, not of the account
    places = [place_of("aws", host) for host in (ECR, other)] * 20
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: logins.login(place, None, Access()), places))
    assert set(found) == {Login("AWS", "ecr-password")}
    assert len(clouds.asked(ECR_API)) == 1


def test_a_login_that_ends_is_asked_for_again(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    clouds.services[ECR_API] = lambda asked: ecr(asked, lives=-1)
    for _ in range(2):
        logins.login(place_of("aws", ECR), None, Access())
    assert len(clouds.asked(ECR_API)) == 2


def test_logins_of_others_and_of_other_ways_are_kept_apart(clouds: Clouds, logins: CloudLogins) -> None:
    clouds.services |= {AWS_STS: sts, ECR_API: ecr}
    made = account("aws", {"eks.amazonaws.com/role-arn": ROLE})
    changed = account("aws", {"eks.amazonaws.com/role-arn": f"{ROLE}-2"})
    for who, access in ((made, Access()), (changed, Access()), (made, Access(proxy="http://127.0.0.1:1"))):
        for _ in range(2):
            logins.login(place_of("aws", ECR), who, access)
    assert len(clouds.asked(AWS_STS)) == 3


def test_what_failed_is_not_asked_again_at_once(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    clouds.services[ECR_API] = lambda asked: Reply({"__type": "AccessDeniedException"}, status=400)
    said = set()
    for _ in range(3):
        with pytest.raises(LoginFailed) as error:
            logins.login(place_of("aws", ECR), None, Access())
        said.add(str(error.value))
    assert len(said) == 1
    assert len(clouds.asked(ECR_API)) == 1


@pytest.mark.parametrize(
    ("provider", "library", "host"),
    [("aws", "botocore", ECR), ("azure", "azure", ACR), ("gcp", "google.auth", GAR)],
)
def test_without_its_library_a_cloud_says_what_to_install(provider: str, library: str, host: str) -> None:
    program = (
        f"import sys\nsys.modules[{library!r}] = None\n"  # as if it were not installed
        "import workers.context, app.cli\n"
        "from workers.registry import Access\n"
        "from workers.registry.clouds import CloudLogins, LibraryMissing\n"
        "from policies.registry.clouds import place_of\n"
        "try:\n"
        f"    CloudLogins(allow_loopback=True).login(place_of({provider!r}, {host!r}), None, Access())\n"
        "except LibraryMissing as error:\n"
        "    print(error.reason, error.retryable, error)"
    )
    said = python(program, dict(os.environ))
    assert said.startswith(
        f"AuthenticationFailed False spec.provider {provider} cannot be used: the library of this cloud is"
        " not installed"
    )
    assert f"install it where Fairway's workers run: pip install 'fairway[{provider}]'" in said
