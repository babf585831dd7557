# SPDX-License-Identifier: Apache-2.0
"""Ask a registry as an ImageRepository says: with its login or its cloud's, certificates and proxy."""

from __future__ import annotations

from policies.images import readiness, reference
from policies.kinds import ImageRepository
from policies.registry.clouds import Misplaced
from policies.registry.identities import IdentityInvalid
from policies.registry.pull_secrets import PullSecretInvalid
from workers.context import Context
from workers.registry import References, RegistryError, RepositoryClient, gather

_LONGEST = 300.0  # seconds of one run's requests, whatever the interval is


def open_registry(context: Context, spec: ImageRepository, image: reference.Repository) -> RepositoryClient:
    """Return a client of an image's registry with the login that its ImageRepository names.

    Raises Unauthenticated and other FairwayErrors when that comes to nothing, and ApiError.
    """
    references = References(
        namespace=spec.metadata.namespace,
        secret=spec.spec.secret_ref.name if spec.spec.secret_ref else "",
        service_account=spec.spec.service_account_name or "",
        certificates=spec.spec.cert_secret_ref.name if spec.spec.cert_secret_ref else "",
        proxy=spec.spec.proxy_secret_ref.name if spec.spec.proxy_secret_ref else "",
        provider=spec.provider,
        registry=image.registry,
        insecure=image.insecure,
        default_account=context.settings.default_service_account,
    )
    identities = context.settings.gate("ObjectLevelWorkloadIdentity")
    if problem := readiness.default_login_refusal(spec, references.default_account, identities=identities):
        raise problem
    try:
        access = gather(context.cluster, references, context.registries.clouds)
        return context.registries.open(image, access, timeout=min(spec.timeout_seconds, _LONGEST))
    except (RegistryError, PullSecretInvalid, Misplaced, IdentityInvalid) as error:
        raise readiness.unauthenticated(error) from None
