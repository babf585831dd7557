# SPDX-License-Identifier: Apache-2.0
"""What both image kinds do alike: take an object for a run, and ask a registry as an ImageRepository says."""

from __future__ import annotations

from policies.images import readiness, reference
from policies.kinds import ImageRepository
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef, annotations_of
from workers.context import Context
from workers.reconcile.status import Record
from workers.registry import References, RegistryError, RepositoryClient, gather

_LONGEST = 300.0  # seconds of one run's requests, whatever the interval is


def record_of(context: Context, kind: tuple[str, str, str], namespace: str, name: str) -> Record | None:
    """Return an object for one run; None when there is none, or it is nobody's here."""
    obj = context.cluster.find(ObjectRef(*kind, namespace, name))
    if obj is None or context.shards.of(obj) is None:
        return None
    record = Record(context.cluster, obj, guard=context.guard(obj))
    record.check()
    return record


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


def handled(obj: Object) -> dict[str, str]:
    """Return what says in the status that a request for a run was heard."""
    requested = annotations_of(obj).get(REQUESTED_AT)
    return {"lastHandledReconcileAt": requested} if requested else {}
