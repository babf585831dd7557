# SPDX-License-Identifier: Apache-2.0
"""Reconcile one ImageRepository: list the image's tags when it is time, and say so in its status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policies import clock
from policies.conditions import Conditions
from policies.conditions import of as conditions_of
from policies.errors import FairwayError
from policies.images import readiness, reference, scans
from policies.images.scans import Scan, Turn
from policies.kinds import ImageRepository, InvalidObject
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, annotations_of
from policies.ownership import FINALIZER
from workers.context import Context
from workers.images import login
from workers.images.tags import Owner, Tags
from workers.reconcile import events
from workers.reconcile.status import Record, Superseded
from workers.registry import RegistryError, RepositoryClient

KIND = ("image.toolkit.fluxcd.io", "v1", "ImageRepository")


@dataclass
class _Run:
    record: Record
    spec: ImageRepository
    image: reference.Repository

    @property
    def owner(self) -> Owner:
        return self.record.ref.namespace, self.record.ref.name


class ImageRepositoryReconciler:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._tags = Tags(context.redis)

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one ImageRepository forward by one run."""
        record = login.record_of(self._context, KIND, namespace, name)
        if record is None:
            return
        finalizers = record.obj["metadata"].get("finalizers", [])
        if record.obj["metadata"].get("deletionTimestamp"):  # also when it cannot be read
            if FINALIZER in finalizers:
                self._tags.forget((namespace, name))
                record.set_finalizers([one for one in finalizers if one != FINALIZER])
            return
        try:
            spec = ImageRepository.read(record.obj)
        except InvalidObject as error:
            record.refuse(error, self._now)
            return
        if FINALIZER not in finalizers:
            record.set_finalizers([*finalizers, FINALIZER])
        if spec.spec.suspend:
            return
        try:
            image = reference.parse(spec.spec.image, insecure=bool(spec.spec.insecure))
            self._look(_Run(record, spec, image))
        except Superseded:
            raise
        except FairwayError as error:
            self._failed(record, error)

    def _look(self, run: _Run) -> None:
        # As in Flux a login that comes to nothing is said also when no scan is due.
        images = login.open_registry(self._context, run.spec, run.image)
        if self._turn(run).reason:
            self._scanned(run, self._scan(run, images))
            return
        if last := run.spec.status.last_scan_result:
            message = readiness.scanned(last.tag_count, last.revision or "")
            obj = run.record.obj
            run.record.write(self._status(obj, readiness.succeeded(self._conditions(obj), message)))

    def _turn(self, run: _Run) -> Turn:
        last, requested = (
            run.spec.status.last_scan_result,
            annotations_of(run.record.obj).get(REQUESTED_AT, ""),
        )
        at_hand = (
            last is not None and self._tags.of(run.owner, run.image.name, last.revision or "") is not None
        )
        now = self._context.now()
        return scans.turn(run.spec, run.image.name, requested=requested, at_hand=at_hand, now=now)

    def _scan(self, run: _Run, images: RepositoryClient) -> Scan:
        try:
            listed = images.tags()
        except RegistryError as error:
            raise readiness.scan_failed(error) from None
        found = scans.kept(listed, run.spec.exclusions)
        # First, since the status has policies look for them.
        self._tags.keep(run.owner, run.image.name, found.revision, found.tags)
        return found

    def _scanned(self, run: _Run, found: Scan) -> None:
        obj, before = run.record.obj, run.spec.status.last_scan_result
        message = readiness.scanned(len(found.tags), found.revision)
        status = self._status(obj, readiness.succeeded(self._conditions(obj), message))
        status |= {
            "canonicalImageName": run.image.name,
            "observedExclusionList": list(run.spec.exclusions),
            "lastScanResult": {
                "latestTags": list(found.latest) or None,
                "revision": found.revision,
                "scanTime": self._now,
                "tagCount": len(found.tags),
            },
        }
        run.record.write(status)
        if before is None or before.revision != found.revision:
            self._event(run.record, "Normal", "Succeeded", message)

    def _failed(self, record: Record, error: FairwayError) -> None:
        obj = record.obj
        status: dict[str, Any] = login.handled(obj)
        status["conditions"] = readiness.failed(self._conditions(obj), error).sorted()
        if not error.retryable:
            status["observedGeneration"] = obj["metadata"]["generation"]
        record.write(status)
        self._event(record, "Warning", error.reason, str(error))

    def _status(self, obj: Object, changed: Conditions) -> dict[str, Any]:
        generation = obj["metadata"]["generation"]
        return {"conditions": changed.sorted(), "observedGeneration": generation, **login.handled(obj)}

    def _conditions(self, obj: Object) -> Conditions:
        return Conditions(conditions_of(obj), generation=obj["metadata"]["generation"], now=self._now)

    @property
    def _now(self) -> str:
        return clock.rfc3339(self._context.now())

    def _event(self, record: Record, severity: str, reason: str, message: str) -> None:
        events.record(
            self._context.cluster, record.obj, severity=severity, reason=reason, message=message,
            now=self._context.now(),
        )  # fmt: skip
