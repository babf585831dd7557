# SPDX-License-Identifier: Apache-2.0
"""A run of an object that applies nothing to the cluster: what is alike for all kinds but Kustomization.

An object is taken for a run, read, given its finalizer, left alone while it is suspended, and let go of when
it was deleted. What a run comes to is one status patch, and an event where it is news.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from policies import clock, conditions
from policies.conditions import Conditions
from policies.errors import FairwayError
from policies.kinds import InvalidObject, Kind
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef, annotations_of
from policies.ownership import FINALIZER
from workers.context import Context
from workers.reconcile import events
from workers.reconcile.status import Record, Superseded

K = TypeVar("K", bound=Kind)


class Plain(ABC, Generic[K]):
    """Reconciles one kind; a subclass says what a run does."""

    model: ClassVar[type[Kind]]
    passed_on: ClassVar[tuple[type[FairwayError], ...]] = ()  # what is no fault of the object
    in_progress: ClassVar[str] = "reconciliation in progress"  # as Flux's controller of the kind words it

    def __init__(self, context: Context) -> None:
        self._context = context

    @abstractmethod
    def _run(self, record: Record, spec: K) -> None:
        """Do what the object asks for; raises FairwayError for what its status has to say."""

    def _gone(self, record: Record) -> None:
        """Remove what is left of an object that was deleted; there may be nothing."""
        return

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one object forward by one run."""
        context = self._context
        obj = context.cluster.find(ObjectRef(*self.model.definition.names, namespace, name))
        if obj is None or context.shards.of(obj) is None:
            return
        record = Record(context.cluster, obj, guard=context.guard(obj))
        record.check()
        finalizers = obj["metadata"].get("finalizers", [])
        if obj["metadata"].get("deletionTimestamp"):  # also when it cannot be read
            if FINALIZER in finalizers:
                self._gone(record)
                record.set_finalizers([one for one in finalizers if one != FINALIZER])
            return
        try:
            spec: Any = self.model.read(obj)
        except InvalidObject as error:
            record.refuse(error, self._now)
            return
        if FINALIZER not in finalizers:
            record.set_finalizers([*finalizers, FINALIZER])
        if spec.spec.suspend:
            return
        try:
            self._run(record, spec)
        except Superseded:
            raise
        except FairwayError as error:
            if isinstance(error, self.passed_on):
                raise
            self._failed(record, error)

    def _succeeded(self, record: Record, message: str, **status: Any) -> None:
        """Say that a run went well."""
        changed = conditions.succeeded(self._conditions(record.obj), message)
        generation = record.obj["metadata"]["generation"]
        said = {"conditions": changed.sorted(), "observedGeneration": generation}
        record.write({**said, **status, **handled(record.obj)})

    def _failed(self, record: Record, error: FairwayError, **status: Any) -> None:
        """Say why a run failed, and whether it is tried again."""
        changed = self._failed_conditions(record.obj, error)
        said: dict[str, Any] = {**status, **handled(record.obj)}
        if not error.retryable:
            said["observedGeneration"] = record.obj["metadata"]["generation"]
        record.write(said | {"conditions": changed.sorted()})
        self._event(record, "Warning", self._reason(error), str(error))

    def _failed_conditions(self, obj: Object, error: FairwayError) -> Conditions:
        return conditions.failed(self._conditions(obj), error, during=self.in_progress)

    def _reason(self, error: FairwayError) -> str:
        """Return the reason of the event about a failed run."""
        return error.reason

    def _conditions(self, obj: Object) -> Conditions:
        return Conditions(conditions.of(obj), generation=obj["metadata"]["generation"], now=self._now)

    @property
    def _now(self) -> str:
        return clock.rfc3339(self._context.now())

    def _event(
        self, record: Record, severity: str, reason: str, message: str, notes: Mapping[str, str] | None = None
    ) -> None:
        events.record(
            self._context.cluster, record.obj, severity=severity, reason=reason, message=message,
            now=self._context.now(), annotations=notes,
        )  # fmt: skip


def handled(obj: Object) -> dict[str, Any]:
    """Return what says in the status that a request for a run was heard."""
    requested = annotations_of(obj).get(REQUESTED_AT)
    return {"lastHandledReconcileAt": requested} if requested else {}
