# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.config_refs import config_refs

MAPS: list[dict[str, Any]] = [
    {"kind": "ConfigMap", "name": "a"},
    {"kind": "Secret", "name": "b", "optional": True},
]


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, set()),
        ({"kubeConfig": None, "decryption": {"provider": "sops"}, "postBuild": {"substitute": {}}}, set()),
        ({"kubeConfig": {"secretRef": {"name": "prod"}}}, {"Secret/apps/prod"}),
        ({"kubeConfig": {"configMapRef": {"name": "prod"}}}, {"ConfigMap/apps/prod"}),
        ({"decryption": {"provider": "sops", "secretRef": {"name": "keys"}}}, {"Secret/apps/keys"}),
        ({"postBuild": {"substituteFrom": MAPS}}, {"ConfigMap/apps/a", "Secret/apps/b"}),
        ({"sourceRef": {"kind": "GitRepository", "name": "x"}, "serviceAccountName": "y"}, set()),
    ],
)
def test_what_a_kustomization_is_made_with_is_found(spec: dict[str, Any], found: set[str]) -> None:
    obj = {"metadata": {"namespace": "apps", "name": "web"}, "spec": spec}
    assert {str(ref) for ref in config_refs(obj)} == found


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"type": "generic", "secretRef": {"name": "hook"}}, {"Secret/apps/hook"}),
        ({"type": "generic-oidc", "resources": [{"kind": "Secret", "name": "x"}]}, set()),
        ({"secretRef": None}, set()),
        ({}, set()),
    ],
)
def test_what_a_receiver_is_made_with_is_found(spec: dict[str, Any], found: set[str]) -> None:
    obj = {"kind": "Receiver", "metadata": {"namespace": "apps", "name": "web"}, "spec": spec}
    assert {str(ref) for ref in config_refs(obj)} == found


def test_the_secret_of_another_kind_is_its_own_affair() -> None:
    obj = {
        "kind": "ImageRepository",
        "metadata": {"namespace": "apps"},
        "spec": {"secretRef": {"name": "login"}},
    }
    assert config_refs(obj) == frozenset()
