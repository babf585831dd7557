# SPDX-License-Identifier: Apache-2.0
"""Reconcile one Receiver: see that its expressions can be read, and say where webhooks are taken."""

from __future__ import annotations

from typing import Any

import redis

from policies import clock
from policies.conditions import READY, RECONCILING, STALLED, Conditions
from policies.conditions import of as conditions_of
from policies.errors import FairwayError
from policies.kinds import InvalidObject, Receiver
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef, annotations_of
from policies.ownership import FINALIZER
from policies.receivers import paths, readiness
from workers.context import Context
from workers.engine import EngineError, Evaluation
from workers.receivers import known, secret
from workers.reconcile import events
from workers.reconcile.status import Record, Superseded

KIND = ("notification.toolkit.fluxcd.io", "v1", "Receiver")
_TIMEOUT = 15.0  # seconds; a build may hold the engine up


class ReceiverReconciler:
    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one Receiver forward by one run."""
        obj = self._context.cluster.find(ObjectRef(*KIND, namespace, name))
        if obj is None or self._context.shards.of(obj) is None:
            return
        record = Record(self._context.cluster, obj, guard=self._context.guard(obj))
        record.check()
        finalizers = obj["metadata"].get("finalizers", [])
        if obj["metadata"].get("deletionTimestamp"):  # also when it cannot be read
            if FINALIZER in finalizers:
                record.set_finalizers([one for one in finalizers if one != FINALIZER])
            return
        try:
            receiver = Receiver.read(obj)
        except InvalidObject as error:
            record.refuse(error, self._now)
            return
        if FINALIZER not in finalizers:
            record.set_finalizers([*finalizers, FINALIZER])
        if receiver.spec.suspend:
            return
        try:
            self._ready(record, receiver, self._path(receiver))
        except (Superseded, EngineError):
            raise  # the latter is no fault of the object, which stays as it is
        except FairwayError as error:
            self._failed(record, error)

    def _path(self, receiver: Receiver) -> str:
        """Return the path; raises FairwayError when webhooks cannot be taken."""
        self._check_expressions(receiver)
        token = secret.read(self._context.cluster, receiver).get("token", b"")
        return paths.webhook_path(token, receiver.metadata.name, receiver.metadata.namespace)

    def _check_expressions(self, receiver: Receiver) -> None:
        engine, found = self._context.engine, readiness.filters(receiver)
        if found:
            problems = engine.evaluate(Evaluation(list(found.values())), timeout=_TIMEOUT).problems
            for words, problem in zip(found, problems, strict=True):
                if problem:
                    raise readiness.invalid_filter(words, problem)
        if refusal := readiness.refusal(receiver):
            raise refusal
        for place, provider in enumerate(receiver.spec.oidc_providers or []):
            variables = [(one.name, one.expression) for one in provider.variables or []]
            validations = [one.expression for one in provider.validations]
            problems = engine.judge(variables, validations, None, timeout=_TIMEOUT).problems
            if refusal := readiness.invalid_provider(place, provider, problems):
                raise refusal

    def _ready(self, record: Record, receiver: Receiver, path: str) -> None:
        obj, message = record.obj, readiness.initialized(path)
        changed = self._conditions(obj).set(READY, "True", "Succeeded", message)
        status = {
            "conditions": changed.delete(RECONCILING, STALLED).sorted(),
            "observedGeneration": obj["metadata"]["generation"],
            "webhookPath": path,
            **_handled(obj),
        }
        before = receiver.status.webhook_path
        record.write(status)
        if before != path:
            self._announce(path)
            next_run = clock.go_duration(receiver.interval_seconds)
            self._event(record, "Normal", "Succeeded", f"Reconciliation finished, next run in {next_run}")

    def _announce(self, path: str) -> None:
        """Let the front door know of it at once; without Redis there is nothing that it could know."""
        try:
            known.announce(self._context.redis, path.removeprefix(paths.PREFIX))
        except redis.RedisError:
            return

    def _failed(self, record: Record, error: FairwayError) -> None:
        obj = record.obj
        changed = self._conditions(obj).set(READY, "False", error.reason, str(error))
        status: dict[str, Any] = _handled(obj)
        if error.retryable:
            changed.set(RECONCILING, "True", "ProgressingWithRetry", readiness.IN_PROGRESS).delete(STALLED)
        else:
            changed.set(STALLED, "True", error.reason, str(error)).delete(RECONCILING)
            status["observedGeneration"] = obj["metadata"]["generation"]
        if isinstance(error, readiness.TokenMissing):
            status["webhookPath"] = None
        record.write(status | {"conditions": changed.sorted()})
        # Flux has one word for all failures of the cluster, and says which it was of the object's own.
        reason = "Failed" if error.retryable else error.reason
        self._event(record, "Warning", reason, str(error))

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


def _handled(obj: Object) -> dict[str, Any]:
    """Return what says in the status that a request for a run was heard."""
    requested = annotations_of(obj).get(REQUESTED_AT)
    return {"lastHandledReconcileAt": requested} if requested else {}
