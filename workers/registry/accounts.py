# SPDX-License-Identifier: Apache-2.0
"""Service accounts of the object's own namespace, and the tokens that prove them to a cloud."""

from __future__ import annotations

from policies.objects import Object, ObjectRef, annotations_of
from policies.registry.identities import identity_of
from workers.cluster import ApiError, Client
from workers.registry.clouds import Account
from workers.registry.errors import Unconfigured


def find_account(client: Client, namespace: str, name: str) -> Object:
    """Return a service account; raises Unconfigured when there is none, and ApiError."""
    found = client.find(ObjectRef("", "v1", "ServiceAccount", namespace, name))
    if found is None:
        raise Unconfigured(
            f"serviceaccount '{namespace}/{name}' not found",
            remedy="create it, or correct spec.serviceAccountName",
        )
    return found


def cloud_account(client: Client, provider: str, namespace: str, name: str) -> Account:
    """Return who a service account is in a cloud; raises Unconfigured, IdentityInvalid and ApiError."""
    found = find_account(client, namespace, name)
    full = f"{namespace}/{name}"
    identity = identity_of(provider, annotations_of(found), account=full)

    def token(audience: str) -> str:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        try:
            made = client.request("POST", path, body={"spec": {"audiences": [audience]}})
        except ApiError as error:
            raise Unconfigured(
                f"failed to create kubernetes token for service account '{full}': {error.message}",
                remedy="let Fairway create tokens of service accounts",
            ) from error
        return str(made["status"]["token"])

    return Account(full, identity, token)
