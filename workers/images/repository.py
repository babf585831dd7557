# SPDX-License-Identifier: Apache-2.0
"""Reconcile one ImageRepository: list the image's tags when it is time, and say so in its status."""

from __future__ import annotations

from policies.images import readiness, reference, scans
from policies.images.scans import Scan, Turn
from policies.kinds import ImageRepository
from policies.kustomization import REQUESTED_AT
from policies.objects import annotations_of
from workers.context import Context
from workers.images.login import open_registry
from workers.images.tags import Owner, Tags
from workers.reconcile.plain import Plain
from workers.reconcile.status import Record
from workers.registry import RegistryError, RepositoryClient

KIND = ImageRepository.definition.names


class ImageRepositoryReconciler(Plain[ImageRepository]):
    model = ImageRepository

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._tags = Tags(context.redis)

    def _gone(self, record: Record) -> None:
        self._tags.forget((record.ref.namespace, record.ref.name))

    def _run(self, record: Record, spec: ImageRepository) -> None:
        """List the tags if it is time."""
        identities = self._context.settings.gate("ObjectLevelWorkloadIdentity")
        if problem := readiness.login_refusal(spec, identities=identities, of_policy=False):
            raise problem
        image = reference.parse(spec.spec.image, insecure=bool(spec.spec.insecure))
        owner = (record.ref.namespace, record.ref.name)
        # As in Flux a login that comes to nothing is said also when no scan is due.
        images = open_registry(self._context, spec, image)
        if self._turn(record, spec, image.name).reason:
            self._scanned(record, spec, image.name, self._scan(owner, spec, image.name, images))
        elif last := spec.status.last_scan_result:
            self._succeeded(record, readiness.scanned(last.tag_count, last.revision or ""))

    def _turn(self, record: Record, spec: ImageRepository, name: str) -> Turn:
        owner, last = (record.ref.namespace, record.ref.name), spec.status.last_scan_result
        at_hand = last is not None and self._tags.of(owner, name, last.revision or "") is not None
        requested = annotations_of(record.obj).get(REQUESTED_AT, "")
        return scans.turn(spec, name, requested=requested, at_hand=at_hand, now=self._context.now())

    def _scan(self, owner: Owner, spec: ImageRepository, name: str, images: RepositoryClient) -> Scan:
        try:
            listed = images.tags()
        except RegistryError as error:
            raise readiness.scan_failed(error) from None
        found = scans.kept(listed, spec.exclusions)
        # First, since the status has policies look for them.
        self._tags.keep(owner, name, found.revision, found.tags)
        return found

    def _scanned(self, record: Record, spec: ImageRepository, name: str, found: Scan) -> None:
        before, message = spec.status.last_scan_result, readiness.scanned(len(found.tags), found.revision)
        result = {
            "latestTags": list(found.latest) or None,
            "revision": found.revision,
            "scanTime": self._now,
            "tagCount": len(found.tags),
        }
        self._succeeded(
            record,
            message,
            canonicalImageName=name,
            observedExclusionList=list(spec.exclusions),
            lastScanResult=result,
        )
        if before is None or before.revision != found.revision:
            self._event(record, "Normal", "Succeeded", message)
