# SPDX-License-Identifier: Apache-2.0
"""Which hosts get a cloud's login, and for how long it is used."""

from __future__ import annotations

import base64
import json

import pytest

from policies.registry.clouds import Misplaced, ends_at, keep, login_of_ecr, place_of
from policies.registry.pull_secrets import Login

PUBLIC = "https://management.azure.com/.default"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("012345678901.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("012345678901.dkr.ecr.eu-west-1.amazonaws.com:443", "eu-west-1"),
        ("012345678901.DKR.ECR.EU-West-1.amazonaws.com", "eu-west-1"),
        ("012345678901.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("012345678901.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        ("012345678901.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
        ("012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("012345678901.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        ("012345678901.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("012345678901.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("public.ecr.aws", "us-east-1"),
    ],
)
def test_a_registry_of_aws_has_a_region(host: str, region: str) -> None:
    assert place_of("aws", host).region == region


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("acme.azurecr.io", PUBLIC),
        ("acme.azurecr.de", PUBLIC),
        ("acme.westeurope.geo.azurecr.io", PUBLIC),
        ("acme.azurecr.cn", "https://management.chinacloudapi.cn/.default"),
        ("acme.azurecr.us", "https://management.usgovcloudapi.net/.default"),
    ],
)
def test_a_registry_of_azure_has_a_scope(host: str, scope: str) -> None:
    place = place_of("azure", host)
    assert (place.host, place.scope) == (host, scope)


@pytest.mark.parametrize(
    "host", ["gcr.io", "eu.gcr.io", "mirror.gcr.io", "europe-docker.pkg.dev", "us-west1-docker.pkg.dev"]
)
def test_a_registry_of_google(host: str) -> None:
    assert place_of("gcp", host).host == host


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        # Flux looks for its pattern anywhere in the name, and would log in at the first of these.
        ("aws", "012345678901.dkr.ecr.eu-west-1.amazonaws.com.example.com"),
        ("aws", "x.012345678901.dkr.ecr.eu-west-1.amazonaws.com"),
        ("aws", "012345678901xdkr.ecr.eu-west-1.amazonaws.com"),
        ("aws", "012345678901.dkr.ecr.eu.west.amazonaws.com"),
        ("aws", "012345678901.dkr.ecr.-.amazonaws.com"),
        ("aws", "012345678901.dkr.ecr.eu-west-1.amazonaws.com:8443"),
        ("aws", "012345678901.dkr.ecr.eu-west-1.amazonaws.com.cn"),
        ("aws", "012345678901.dkr.ecr.cn-north-1.amazonaws.com"),
        ("aws", "acme.dkr.ecr.eu-west-1.amazonaws.com"),
        ("aws", "public.ecr.aws.example.com"),
        ("aws", "acme.azurecr.io"),
        ("azure", "azurecr.io"),
        ("azure", "acme.azurecr.io.example.com"),
        ("azure", "acme.azurecr.io:5000"),
        ("azure", "acmeazurecr.io"),
        ("azure", "acme.azurecr.com"),
        ("gcp", "example-gcr.io"),
        ("gcp", "gcr.io.example.com"),
        ("gcp", "docker.pkg.dev"),
        ("gcp", "-docker.pkg.dev"),
        ("gcp", "europe-docker.pkg.dev:5000"),
        ("gcp", "index.docker.io"),
    ],
)
def test_no_other_host_gets_a_login(provider: str, host: str) -> None:
    with pytest.raises(Misplaced, match=f"spec.provider {provider} cannot be used: '{host}' is no reg") as no:
        place_of(provider, host)
    assert not no.value.retryable
    assert no.value.reason == "AuthenticationFailed"
    assert "set provider generic for any other" in no.value.remedy


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("AWS:s3cret", Login("AWS", "s3cret")),
        ("AWS:s3:cret", Login("AWS", "s3:cret")),
        ("AWS:", None),
        (":s3cret", None),
        ("AWS", None),
    ],
)
def test_a_token_of_ecr_is_a_login(text: str, login: Login | None) -> None:
    assert login_of_ecr(base64.b64encode(text.encode()).decode()) == login


@pytest.mark.parametrize("text", ["", "%", "QVdT\n", "/w=="])
def test_nonsense_is_no_login(text: str) -> None:
    assert login_of_ecr(text) is None


def token(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.x"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (token({"exp": 1700000000}), 1700000000.0),
        (token({"exp": 1.5}), 1.5),
        (token({"exp": "1700000000"}), None),
        (token({"exp": True}), None),
        (token({}), None),
        (token([1]), None),
        ("no token", None),
        ("a.%.c", None),
        ("a.bm8.c", None),
    ],
)
def test_a_token_says_when_it_ends(text: str, ends: float | None) -> None:
    assert ends_at(text) == ends


@pytest.mark.parametrize(("lives", "used"), [(600.0, 480.0), (12 * 3600.0, 3600.0), (0.0, 0.0), (-5.0, 0.0)])
def test_a_login_is_used_until_shortly_before_it_ends(lives: float, used: float) -> None:
    assert keep(lives) == used
