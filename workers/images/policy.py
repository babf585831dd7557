# SPDX-License-Identifier: Apache-2.0
"""Reconcile one ImagePolicy: choose a tag of what was scanned, and say which in its status."""

from __future__ import annotations

from policies.images import access, digests, readiness, reference, selection
from policies.images.digests import Refs
from policies.kinds import ImagePolicy, ImageRepository
from policies.objects import ObjectRef
from workers.context import Context
from workers.images.login import open_registry
from workers.images.repository import KIND as REPOSITORY
from workers.images.tags import Tags
from workers.reconcile.plain import Plain
from workers.reconcile.status import Record
from workers.registry import RegistryError
from workers.workqueue import Key

KIND = ImagePolicy.definition.names


def repository_of(context: Context, policy: ImagePolicy) -> ImageRepository:
    """Return what a policy chooses from; raises FairwayError when it is not there, or not for this policy."""
    cluster, settings = context.cluster, context.settings
    if settings.no_cross_namespace_refs:
        access.refuse_blocked(policy)
    obj = cluster.find(ObjectRef(*REPOSITORY, *policy.repository_key))
    if obj is None:
        raise readiness.repository_missing(policy)
    repository = ImageRepository.read(obj)
    if access.crosses(policy):
        found = cluster.find(ObjectRef("", "v1", "Namespace", "", policy.metadata.namespace))
        labels = ((found or {}).get("metadata") or {}).get("labels") or {}
        access.refuse_stranger(policy, repository, labels)
    return repository


class ImagePolicyReconciler(Plain[ImagePolicy]):
    model = ImagePolicy

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._tags = Tags(context.redis)

    def _run(self, record: Record, policy: ImagePolicy) -> None:
        refs, before = self._choose(policy), policy.status.latest_ref
        message = readiness.chosen(refs.latest, refs.previous)
        self._succeeded(record, message, **refs.status)
        if before is None or before.identity != refs.latest.identity:
            self._event(record, "Normal", "Succeeded", message)

    def _choose(self, policy: ImagePolicy) -> Refs:
        """Return the image; raises FairwayError when there is none to choose."""
        if problem := readiness.refusal(policy):
            raise problem
        repository = repository_of(self._context, policy)
        image = reference.parse(repository.spec.image, insecure=bool(repository.spec.insecure))
        requeue = self._context.settings.requeue_dependency
        tags = self._found(repository, image.name)
        tag = selection.latest(policy.spec.policy, tags, policy.spec.filter_tags, requeue=requeue)
        name, digest = repository.spec.image, ""
        if digests.must_ask(policy.reflection, policy.status.latest_ref, name, tag):
            digest = self._digest(repository, image, tag)
        return digests.refs(policy.reflection, policy.status, name, tag, digest)

    def _found(self, repository: ImageRepository, name: str) -> list[str]:
        """Return what the last scan found; what Redis has lost is scanned again, and wakes us then."""
        last, status = repository.status.last_scan_result, repository.status
        if last is None or status.canonical_image_name != name:
            return []
        owner = (repository.metadata.namespace, repository.metadata.name)
        tags = self._tags.of(owner, name, last.revision or "")
        if tags is None:
            self._context.queue.add(Key("ImageRepository", *owner))
        return tags or []

    def _digest(self, repository: ImageRepository, image: reference.Repository, tag: str) -> str:
        identities = self._context.settings.gate("ObjectLevelWorkloadIdentity")
        if problem := readiness.login_refusal(repository, identities=identities, of_policy=True):
            raise problem
        try:
            return open_registry(self._context, repository, image).digest(tag)
        except RegistryError as error:
            raise readiness.digest_unknown(repository.spec.image, tag, error) from None
