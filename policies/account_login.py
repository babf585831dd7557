# SPDX-License-Identifier: Apache-2.0
"""Read a ConfigMap that says how to log in to another cluster with a service account of ours.

The account's token is made for the other cluster's audience. A login as Fairway itself, which Flux has, is
refused: a tenant who names both the address and the audience would get a token that is good here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policies.kubeconfig import KubeconfigError, address
from policies.setting_values import dns_subdomain

_CLOUDS = frozenset({"aws", "azure", "gcp"})
GATE = "ObjectLevelWorkloadIdentity"
NO_DEFAULT_ACCOUNT = (
    "the specified default service account does not exist in the object namespace. your cluster is subject to"
    " multi-tenant workload identity lockdown, reach out to your cluster administrator for help"
)


@dataclass(frozen=True)
class AccountLogin:
    """Where to log in with a token of which account; `lockdown` when the account is the operator's choice."""

    server: str
    ca: str
    account: str
    audiences: tuple[str, ...]
    lockdown: bool


def read(data: Mapping[str, str], *, default_account: str, gate: bool) -> AccountLogin:
    """Read the ConfigMap's data; raises KubeconfigError, where Flux has the case in Flux's words.

    `gate` is Flux's feature gate ObjectLevelWorkloadIdentity.
    """
    provider = data.get("provider", "")
    if provider in _CLOUDS:
        raise KubeconfigError(
            f"provider '{provider}' is not served by Fairway yet, which has no identity in that cloud",
            remedy="use provider generic, or a kubeconfig in a Secret",
        )
    if provider != "generic":
        raise KubeconfigError(f"provider '{provider}' not implemented")
    account = data.get("serviceAccountName") or default_account
    if not account:
        raise KubeconfigError(
            "it names no serviceAccountName, and Fairway sends no token of its own to another cluster",
            remedy="set serviceAccountName, or FAIRWAY_DEFAULT_KUBECONFIG_SERVICE_ACCOUNT",
        )
    try:
        dns_subdomain(account)
    except ValueError:
        raise KubeconfigError("serviceAccountName is no name of a service account") from None
    if not gate:
        raise KubeconfigError(f"failed to get access token for cluster: {GATE} feature gate is not enabled")
    given = data.get("address", "")
    audiences = tuple(line.strip() for line in data.get("audiences", "").split("\n") if line.strip())
    return AccountLogin(
        server=_server(given),
        ca=data.get("ca.crt", ""),
        account=account,
        audiences=audiences or (given,),
        lockdown=not data.get("serviceAccountName"),
    )


def _server(given: str) -> str:
    """Return https://host:port of an address; as in Flux, a path in it does not count."""
    if not given:
        raise KubeconfigError("cluster address is required to create a REST config")
    url = given if given.startswith("http") else f"https://{given}"
    if url.startswith("http:"):
        raise KubeconfigError(f"the Kubernetes API server address '{given}' must use https scheme")
    host = address(url, "address", schemes=("https",)).removeprefix("https://").partition("/")[0].lower()
    port = host.rpartition("]")[2].partition(":")[2]
    return f"https://{host}" if port else f"https://{host}:443"
