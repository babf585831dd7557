# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import decryption
from policies.kustomization import Observation, Refuse, decide
from policies.ownership import FINALIZER

WITH_ACCOUNT = {"decryption": {"provider": "sops", "serviceAccountName": "kms"}}


@pytest.mark.parametrize(
    ("spec", "wanted", "secret"),
    [
        ({}, False, ""),
        ({"decryption": None}, False, ""),
        ({"decryption": {"provider": "sops"}}, True, ""),
        ({"decryption": {"provider": "sops", "secretRef": {"name": "keys"}}}, True, "keys"),
    ],
)
def test_what_a_spec_asks_for(spec: dict[str, Any], wanted: bool, secret: str) -> None:
    assert decryption.wanted(spec) is wanted
    assert decryption.secret_ref(spec) == secret


@pytest.mark.parametrize(
    ("entry", "key", "age"),
    [
        ("team.agekey", True, True),
        ("team.asc", True, False),
        ("sops.vault-token", True, False),
        ("sops.aws-kms", True, False),
        ("sops.azure-kv", True, False),
        ("sops.gcp-kms", True, False),
        ("other.aws-kms", False, False),
        ("password", False, False),
    ],
)
def test_which_entries_of_a_secret_are_keys(entry: str, key: bool, age: bool) -> None:
    assert decryption.is_key(entry) is key
    assert decryption.is_key(entry, age_only=True) is age


@pytest.mark.parametrize(
    ("identities", "reason", "message"),
    [
        (
            False,
            "FeatureGateDisabled",
            "to use spec.decryption.serviceAccountName for decryption authentication please enable the "
            "ObjectLevelWorkloadIdentity feature gate in the controller",
        ),
        (True, "NotServed", "spec.decryption.serviceAccountName not served by Fairway yet"),
    ],
)
def test_an_account_of_its_own_is_refused(identities: bool, reason: str, message: str) -> None:
    metadata = {"name": "app", "namespace": "apps", "finalizers": [FINALIZER]}
    obj = {
        "metadata": metadata,
        "spec": {"sourceRef": {"kind": "GitRepository", "name": "x"}, **WITH_ACCOUNT},
    }
    plan = decide(Observation(obj, None), object_identities=identities)
    assert plan == Refuse(reason, message, terminal=True)
