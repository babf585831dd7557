# SPDX-License-Identifier: Apache-2.0
"""Where the keys of a Kustomization come from."""

from __future__ import annotations

from typing import Any

import pytest

from policies.objects import Object
from policies.settings import Settings
from workers.cluster import Client
from workers.decryption import Keys, KeysUnavailable, keys_of


def kustomization(namespace: str, **decryption: Any) -> Object:
    spec = {"decryption": {"provider": "sops", **decryption}} if decryption else {}
    return {"metadata": {"name": "app", "namespace": namespace}, "spec": spec}


def secret(client: Client, namespace: str, name: str) -> None:
    data = {"a.agekey": "YQ==", "b.asc": "Yg==", "other": "Yw=="}
    metadata = {"name": name, "namespace": namespace}
    client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def test_only_keys_are_taken_from_the_secret_that_is_named(client: Client, namespace: str) -> None:
    secret(client, namespace, "keys")
    found = keys_of(client, kustomization(namespace, secretRef={"name": "keys"}), Settings())
    assert found == Keys({"a.agekey": "YQ==", "b.asc": "Yg=="}, f"sops decryption Secret '{namespace}/keys'")


def test_the_shared_secret_gives_age_keys_to_those_who_name_none(client: Client, namespace: str) -> None:
    secret(client, namespace, "shared")
    settings = Settings(namespace=namespace, sops_age_secret="shared")
    found = keys_of(client, kustomization("elsewhere", serviceAccountName=""), settings)
    assert found == Keys({"a.agekey": "YQ=="}, f"sops SOPS age decryption Secret '{namespace}/shared'")
    with pytest.raises(KeysUnavailable, match=r'^secrets "own" not found$'):
        keys_of(client, kustomization(namespace, secretRef={"name": "own"}), settings)


def test_without_decryption_no_secret_is_read(client: Client, namespace: str) -> None:
    settings = Settings(namespace=namespace, sops_age_secret="missing")
    assert keys_of(client, kustomization(namespace), settings) is None
    assert keys_of(client, kustomization(namespace, serviceAccountName=""), Settings()) == Keys()
