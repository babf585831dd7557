# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.expressions import Expression
from policies.kinds import Receiver
from policies.receivers import readiness
from tests.policies.kinds.objects import changed
from tests.policies.kinds.receiver_objects import FULL_RECEIVER, OIDC_RECEIVER, PROVIDER, RECEIVER

PREFIX = "Reconciliation failed terminally due to configuration error: "
HOOK = {"name": "hook"}


def receiver(spec: dict[str, Any]) -> Receiver:
    return Receiver.read({"metadata": {"name": "web", "namespace": "apps"}, "spec": spec})


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (RECEIVER, ""),
        (FULL_RECEIVER, ""),
        (OIDC_RECEIVER, ""),
        (
            changed(OIDC_RECEIVER, "oidcProviders", []),
            "generic-oidc receiver requires at least one oidcProvider",
        ),
        (
            {**RECEIVER, "oidcProviders": [PROVIDER]},
            "oidcProviders can only be set when type is generic-oidc",
        ),
        ({**OIDC_RECEIVER, "secretRef": HOOK}, "secretRef cannot be set when type is generic-oidc"),
        (changed(RECEIVER, "secretRef", drop=True), "secretRef is required when type is not generic-oidc"),
        (
            changed(OIDC_RECEIVER, "oidcProviders", [PROVIDER, PROVIDER]),
            f'oidcProviders[1]: duplicate issuerURL "{PROVIDER["issuerURL"]}"',
        ),
    ],
    ids=["small", "full", "tokens", "no provider", "providers elsewhere", "a Secret", "none", "twice"],
)
def test_what_an_older_definition_lets_pass_is_refused_in_fluxs_words(spec: dict[str, Any], why: str) -> None:
    found = readiness.refusal(receiver(spec))
    if not why:
        assert found is None
        return
    assert found is not None
    assert (found.reason, str(found), found.retryable) == ("ValidationFailed", PREFIX + why, False)


def test_each_filter_is_asked_with_the_names_its_type_has() -> None:
    found = readiness.filters(receiver(FULL_RECEIVER))
    assert found == {
        "invalid resourceFilter expression": Expression(FULL_RECEIVER["resourceFilter"], ("res", "req")),
        'invalid filter expression for resources[0] (kind="ImageRepository", name="*")': Expression(
            "true", ("res", "req")
        ),
    }
    [asked] = readiness.filters(receiver({**OIDC_RECEIVER, "resourceFilter": "true"})).values()
    assert asked.variables == ("res", "req", "claims")
    assert readiness.filters(receiver(RECEIVER)) == {}


@pytest.mark.parametrize(
    ("problems", "why"),
    [
        (["", ""], ""),
        (["bad", "worse"], 'variable "owner": bad'),
        (["", "bad"], 'validation "not one of acme\'s": bad'),
    ],
)
def test_the_first_expression_that_cannot_be_read_is_named(problems: list[str], why: str) -> None:
    [provider] = receiver(OIDC_RECEIVER).spec.oidc_providers or []
    found = readiness.invalid_provider(3, provider, problems)
    assert (found is None) == (why == "")
    if found is not None:
        issuer = PROVIDER["issuerURL"]
        assert str(found) == f'{PREFIX}oidcProviders[3] (issuerURL="{issuer}"): invalid expression for {why}'
        assert found.reason == "InvalidCELExpression"
