# SPDX-License-Identifier: Apache-2.0
"""Who a service account is in a cloud, by its annotations: the clouds' own, and Flux's where there are none.

Messages are Flux's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from policies.errors import FairwayError

ROLE = "eks.amazonaws.com/role-arn"
TENANT = "azure.workload.identity/tenant-id"
CLIENT = "azure.workload.identity/client-id"
EMAIL = "iam.gke.io/gcp-service-account"
POOL = "gcp.auth.fluxcd.io/workload-identity-provider"
_ROLE_FORM = r"^arn:aws[\w-]*:iam::[0-9]{1,30}:role/.{1,200}$"
_EMAIL_FORM = r"^[a-zA-Z0-9-]{1,100}@[a-zA-Z0-9-]{1,100}\.iam\.gserviceaccount\.com$"
_POOL_FORM = r"^projects/\d{1,30}/locations/global/workloadIdentityPools/[^/]{1,100}/providers/[^/]{1,100}$"
_NAME_FORM = r"^[A-Za-z0-9.-]{1,100}$"
_SHOWN = 100  # characters of an annotation
_LONGEST_SESSION = 64  # characters, which is STS's limit


class IdentityInvalid(FairwayError):
    """The annotations of a service account do not say who it is in the cloud."""

    reason = "AuthenticationFailed"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account is; the token that proves it is made for `audience`.

    An empty audience is that of the cluster itself, which only Google's metadata know.
    """

    audience: str = ""
    role: str = ""  # aws: the ARN
    tenant: str = ""  # azure
    client: str = ""  # azure
    email: str = ""  # gcp: the account to act as; empty for none


def identity_of(provider: str, annotations: Mapping[str, str], *, account: str) -> Identity:
    """Return who an account, namespace/name, is in a cloud; raises IdentityInvalid."""
    try:
        if provider == "aws":
            role = _fitting(annotations.get(ROLE, ""), _ROLE_FORM, "AWS role ARN", ROLE)
            return Identity("sts.amazonaws.com", role=role)
        if provider == "azure":
            tenant, client = (_wanted(annotations, key) for key in (TENANT, CLIENT))
            return Identity("api://AzureADTokenExchange", tenant=tenant, client=client)
        email, pool = annotations.get(EMAIL, ""), annotations.get(POOL, "")
        if email:
            _fitting(email, _EMAIL_FORM, f"{EMAIL} annotation", EMAIL)
        if pool:
            _fitting(pool, _POOL_FORM, f"{POOL} annotation", POOL)
        return Identity(f"//iam.googleapis.com/{pool}" if pool else "", email=email)
    except ValueError as error:
        problem, key = error.args
        raise IdentityInvalid(
            f"failed to get provider identity from service account '{account}' annotations: {problem}",
            remedy=f"correct its annotation {key}, or leave spec.serviceAccountName out",
        ) from None


def session_name(account: str, region: str) -> str:
    """Return by which name AWS' log tells of an account, namespace/name; it is Flux's."""
    namespace, _, name = account.partition("/")
    return f"{name}.{namespace}.{region}.fluxcd.io"[:_LONGEST_SESSION]


def _fitting(text: str, form: str, what: str, key: str) -> str:
    if not re.fullmatch(form, text, re.ASCII):
        raise ValueError(f"invalid {what}: '{text[:_SHOWN]}'. must match {form}", key)
    return text


def _wanted(annotations: Mapping[str, str], key: str) -> str:
    if key not in annotations:
        what = "tenant" if key == TENANT else "client"
        raise ValueError(f"azure {what} ID is not set in the service account annotation {key}", key)
    return _fitting(annotations[key], _NAME_FORM, f"{key} annotation", key)
