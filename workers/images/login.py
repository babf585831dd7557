# SPDX-License-Identifier: Apache-2.0
"""Ask a registry as an ImageRepository says: with its login, certificates and proxy."""

from __future__ import annotations

from policies.images import readiness, reference
from policies.kinds import ImageRepository
from workers.context import Context
from workers.registry import References, RegistryError, RepositoryClient, gather

_LONGEST = 300.0  # seconds of one run's requests, whatever the interval is


def open_registry(context: Context, spec: ImageRepository, image: reference.Repository) -> RepositoryClient:
    """Return a client of an image's registry with the login that its ImageRepository names.

    Raises Unauthenticated when that comes to nothing, and ApiError.
    """
    references = References(
        namespace=spec.metadata.namespace,
        secret=spec.spec.secret_ref.name if spec.spec.secret_ref else "",
        service_account=spec.spec.service_account_name or "",
        certificates=spec.spec.cert_secret_ref.name if spec.spec.cert_secret_ref else "",
        proxy=spec.spec.proxy_secret_ref.name if spec.spec.proxy_secret_ref else "",
        provider=spec.provider,
    )
    try:
        access = gather(context.cluster, references)
        return context.registries.open(image, access, timeout=min(spec.timeout_seconds, _LONGEST))
    except RegistryError as error:
        raise readiness.unauthenticated(error) from None
