# SPDX-License-Identifier: Apache-2.0
"""What the logins of all clouds have in common: who logs in, what comes of it, and why it did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from policies.registry.clouds import Place
from policies.registry.identities import Identity
from policies.registry.pull_secrets import Login
from workers.registry.errors import Unconfigured, printable

CONNECT = 5.0  # seconds
STEP = 10.0  # seconds; a cloud's own services answer in much less
TRIES = 2
_LONGEST = 400
_OWN = {
    "aws": "give Fairway's pods an identity in AWS (IRSA, EKS Pod Identity, or the node's)"
    " that may ecr:GetAuthorizationToken; for a public registry ecr-public:GetAuthorizationToken"
    " and sts:GetServiceBearerToken",
    "azure": "give Fairway's pods an identity in Azure (workload identity, or a managed one)"
    " with the role AcrPull",
    "gcp": "give Fairway's pods an identity in Google Cloud (workload identity, or the node's)"
    " with the role Artifact Registry Reader",
}
_ACCOUNTS = {
    "aws": "check that the role trusts this cluster and account, and may ecr:GetAuthorizationToken",
    "azure": "check that the identity has a federated credential for this account, and the role AcrPull",
    "gcp": "check that the workload identity pool trusts this account, and its role Artifact Registry Reader",
}

_UNREACHABLE = (
    "check that Fairway's workers reach the cloud's services: DNS, the network, HTTPS_PROXY and authorities"
)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account of the cluster, namespace/name; `token` makes a token of it for an audience."""

    name: str
    identity: Identity
    token: Callable[[str], str] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Made:
    """A login, and for how many seconds it is good."""

    login: Login
    seconds: float


class LibraryMissing(Unconfigured):
    """The cloud's library is not installed: it is one of Fairway's extras."""

    retryable = False


class LoginFailed(Unconfigured):
    """The cloud, or its registry, gave no login."""


def missing(provider: str, error: ImportError) -> LibraryMissing:
    """Return the error for a library that cannot be imported."""
    return LibraryMissing(
        f"spec.provider {provider} cannot be used: the library of this cloud is not installed"
        f" ({printable(str(error), 80)})",
        remedy=f"install it where Fairway's workers run: pip install 'fairway[{provider}]'",
    )


def failed(place: Place, account: str, why: object, *, unreachable: bool = False) -> LoginFailed:
    """Return the error for a login that came to nothing; without an account it was Fairway's own identity.

    `unreachable` says that the cloud had no say in it.
    """
    who = f"as service account '{account}'" if account else "as Fairway itself"
    remedy = _UNREACHABLE if unreachable else (_ACCOUNTS if account else _OWN)[place.provider]
    return LoginFailed(f"no login at {place} {who}: {printable(str(why), _LONGEST)}", remedy=remedy)
