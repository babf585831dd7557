# SPDX-License-Identifier: Apache-2.0
"""Who a service account is in a cloud."""

from __future__ import annotations

import pytest

from policies.registry.identities import Identity, IdentityInvalid, identity_of, session_name

ARN, TENANT, CLIENT = (
    "eks.amazonaws.com/role-arn",
    "azure.workload.identity/tenant-id",
    "azure.workload.identity/client-id",
)
EMAIL, POOL = "iam.gke.io/gcp-service-account", "gcp.auth.fluxcd.io/workload-identity-provider"
ROLE = "arn:aws:iam::012345678901:role/puller"
PROVIDER = "projects/42/locations/global/workloadIdentityPools/p/providers/k"
ACT_AS = "puller@acme.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("provider", "annotations", "identity"),
    [
        ("aws", {ARN: ROLE}, Identity("sts.amazonaws.com", role=ROLE)),
        (
            "aws",
            {ARN: "arn:aws-cn:iam::012345678901:role/a/b"},
            Identity("sts.amazonaws.com", role="arn:aws-cn:iam::012345678901:role/a/b"),
        ),
        (
            "azure",
            {TENANT: "t-1", CLIENT: "c-1"},
            Identity("api://AzureADTokenExchange", tenant="t-1", client="c-1"),
        ),
        ("gcp", {}, Identity("")),
        ("gcp", {EMAIL: ACT_AS}, Identity("", email=ACT_AS)),
        ("gcp", {POOL: PROVIDER}, Identity(f"//iam.googleapis.com/{PROVIDER}")),
        ("gcp", {POOL: PROVIDER, EMAIL: ACT_AS}, Identity(f"//iam.googleapis.com/{PROVIDER}", email=ACT_AS)),
    ],
)
def test_annotations_say_who_it_is(provider: str, annotations: dict[str, str], identity: Identity) -> None:
    assert identity_of(provider, annotations, account="apps/puller") == identity


@pytest.mark.parametrize(
    ("provider", "annotations", "problem"),
    [
        ("aws", {}, "invalid AWS role ARN: ''. must match ^arn:aws"),
        ("aws", {ARN: "arn:aws:iam::x:role/puller"}, "invalid AWS role ARN: 'arn:aws:iam::x:role/puller'."),
        ("aws", {ARN: f"{ROLE}\nx"}, "invalid AWS role ARN"),
        ("aws", {ARN: "x" * 100_000}, "invalid AWS role ARN: '" + "x" * 100 + "'."),
        ("azure", {CLIENT: "c"}, f"azure tenant ID is not set in the service account annotation {TENANT}"),
        ("azure", {TENANT: "t"}, f"azure client ID is not set in the service account annotation {CLIENT}"),
        ("azure", {TENANT: "t/../x", CLIENT: "c"}, f"invalid {TENANT} annotation: 't/../x'."),
        ("gcp", {EMAIL: "puller@example.com"}, f"invalid {EMAIL} annotation: 'puller@example.com'."),
        ("gcp", {EMAIL: f"{ACT_AS}/../x"}, f"invalid {EMAIL} annotation"),
        ("gcp", {POOL: "projects/acme"}, f"invalid {POOL} annotation: 'projects/acme'."),
    ],
)
def test_annotations_that_do_not_are_named(provider: str, annotations: dict[str, str], problem: str) -> None:
    with pytest.raises(IdentityInvalid) as error:
        identity_of(provider, annotations, account="apps/puller")
    assert error.value.reason == "AuthenticationFailed"
    before = "failed to get provider identity from service account 'apps/puller' annotations: "
    assert error.value.message.startswith(before + problem)
    assert "correct its annotation" in error.value.remedy


def test_a_session_is_named_as_by_flux_and_not_too_long() -> None:
    assert session_name("apps/puller", "eu-west-1") == "puller.apps.eu-west-1.fluxcd.io"
    assert len(session_name(f"apps/{'x' * 200}", "eu-west-1")) == 64
