# SPDX-License-Identifier: Apache-2.0
"""Reconcile one Receiver: see that its expressions can be read, and say where webhooks are taken."""

from __future__ import annotations

from typing import Any

import redis

from policies import clock
from policies.errors import FairwayError
from policies.kinds import Receiver
from policies.receivers import paths, readiness
from workers.engine import EngineError, Evaluation
from workers.receivers import known, secret
from workers.reconcile.plain import Plain
from workers.reconcile.status import Record

KIND = Receiver.definition.names
_TIMEOUT = 15.0  # seconds; a build may hold the engine up


class ReceiverReconciler(Plain[Receiver]):
    model = Receiver
    passed_on = (EngineError,)  # the object stays as it is
    in_progress = readiness.IN_PROGRESS

    def _run(self, record: Record, receiver: Receiver) -> None:
        path, before = self._path(receiver), receiver.status.webhook_path
        self._succeeded(record, readiness.initialized(path), webhookPath=path)
        if before != path:
            self._announce(path)
            next_run = clock.go_duration(receiver.interval_seconds)
            self._event(record, "Normal", "Succeeded", f"Reconciliation finished, next run in {next_run}")

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

    def _announce(self, path: str) -> None:
        """Let the front door know of it at once; without Redis there is nothing that it could know."""
        try:
            known.announce(self._context.redis, path.removeprefix(paths.PREFIX))
        except redis.RedisError:
            return

    def _failed(self, record: Record, error: FairwayError, **status: Any) -> None:
        gone = {"webhookPath": None} if isinstance(error, readiness.TokenMissing) else {}
        super()._failed(record, error, **status, **gone)

    def _reason(self, error: FairwayError) -> str:
        # Flux has one word for all failures of the cluster, and says which it was of the object's own.
        return "Failed" if error.retryable else error.reason
