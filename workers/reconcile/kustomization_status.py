# SPDX-License-Identifier: Apache-2.0
"""What one run of a Kustomization says about itself: conditions, inventory, history, events.

Everything a run learns is gathered here and written in one patch at its end. Only a run that is about to
create something new writes before that, because the inventory has to name it first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policies import clock, conditions, drift_mode, history, inventory
from policies.conditions import HEALTHY, READY, RECONCILING, STALLED, Conditions
from policies.drift_mode import DRIFTED
from policies.errors import FairwayError
from policies.kinds import Kustomization
from policies.kustomization import REQUESTED_AT, Refuse
from policies.objects import ObjectRef, annotations_of
from policies.ownership import GROUP
from workers.context import Context
from workers.reconcile import events
from workers.reconcile.apply import Change, Difference, Done, news
from workers.reconcile.status import Record

_WAIT_TTL = 24 * 3600  # seconds; without the note a wait is begun again, which costs a build


@dataclass
class Report:
    """The story of one run, written into status and events when it ends."""

    context: Context
    record: Record
    spec: Kustomization
    started: datetime = field(init=False)
    revision: str = ""
    digest: str = ""
    progress: str = ""
    inventory: list[ObjectRef] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    skipped: frozenset[str] = frozenset()  # ids of objects that are left alone, also by the wait
    drift: str = ""
    why: str = ""  # whether it was rendered anew, and for which reason
    configs: list[str] = field(default_factory=list)  # the versions of what it is made with

    def __post_init__(self) -> None:
        self.started = self.context.now()

    def start(self, revision: str) -> None:
        self.revision = revision
        self._step("Building manifests")

    def built(self, digest: str) -> None:
        self.digest = digest
        self._step("Detecting drift")

    def unchanged(self, digest: str, refs: list[ObjectRef]) -> None:
        """Nothing was built: everything stands on the cluster as it was applied."""
        self.digest, self.inventory = digest, refs

    def about_to_apply(self, refs: list[ObjectRef]) -> None:
        """Write down what may exist from now on, unless that is known already."""
        self.inventory = refs
        known = {ref.id for ref in inventory.of(self.record.obj)}
        if known >= {ref.id for ref in refs}:
            return
        changed = self._conditions()
        if not self._failed_before():  # what failed is not in between again at each retry
            changed.set(READY, "Unknown", "Progressing", "Reconciliation in progress")
            changed.set(RECONCILING, "True", "Progressing", self.progress).delete(STALLED)
        self.record.write(
            {
                "conditions": changed.sorted(),
                "inventory": inventory.status(refs),
                "lastAttemptedRevision": self.revision,
            }
        )

    def _failed_before(self) -> bool:
        obj = self.record.obj
        ready = conditions.find(conditions.of(obj), READY) or {}
        same = (obj.get("status") or {}).get("lastAttemptedRevision") == self.revision
        seen = ready.get("observedGeneration") == obj["metadata"]["generation"]
        return same and seen and ready.get("status") == "False"

    def applied(self, changes: list[Change]) -> None:
        self.changes = changes
        self.skipped = frozenset(change.ref.id for change in changes if change.done is Done.SKIPPED)
        if lines := news(changes):
            self._event("Normal", "Progressing", "\n".join(lines))

    def drifted(self, differing: list[Difference]) -> None:
        """Note what differs on the cluster and is left so."""
        missing = [str(one.ref) for one in differing if one.live is None]
        changed = [str(one.ref) for one in differing if one.live is not None]
        self.drift = drift_mode.message(missing, changed) if differing else ""

    def pruned(self, deleted: Iterable[ObjectRef], kept: list[ObjectRef]) -> None:
        self.inventory = kept
        self.deleted(deleted)

    def orphaned(self, refs: Iterable[ObjectRef]) -> None:
        """Nothing was deleted, since the account it was applied as is gone."""
        names = "\n".join(str(ref) for ref in refs)
        self._event("Warning", "PruneFailed", f"unable to prune objects: \n{names}")

    def not_terminated(self, refs: Iterable[ObjectRef]) -> None:
        names = ", ".join(str(ref) for ref in refs)
        self._event("Warning", "PruneFailed", f"failed to wait for resources termination: {names}")

    def deleted(self, refs: Iterable[ObjectRef]) -> None:
        if lines := [f"{ref} deleted" for ref in refs]:
            self._event("Normal", "Progressing", "\n".join(lines))

    def waits(self) -> None:
        """Leave the object applied, with its health being watched; its transition time starts the clock."""
        self._step("Running health checks")
        note = {
            "digest": self.digest,
            "started": self.started.timestamp(),
            "configs": self.configs,
            "skipped": sorted(self.skipped),
            "why": self.why,
        }
        self.context.redis.set(self._note_key, json.dumps(note), ex=_WAIT_TTL)
        changed = self._conditions().set(READY, "Unknown", "Progressing", "Reconciliation in progress")
        changed.set(RECONCILING, "True", "Progressing", self.progress).delete(STALLED)
        before, generation = conditions.of(self.record.obj), self.record.obj["metadata"]["generation"]
        if (conditions.find(before, HEALTHY) or {}).get("observedGeneration") != generation:
            changed.delete(HEALTHY)  # another spec's wait has its whole time, whatever it says of itself
        changed.set(HEALTHY, "Unknown", "Progressing", self.progress)
        self._write(changed)

    def resume(self, revision: str) -> bool:
        """Take up a wait that another run began.

        False when the note about it was lost, or when the configuration it is made with has changed since.
        """
        note = json.loads(self.context.redis.get(self._note_key) or b"{}")
        if note.get("configs") != self.configs:
            return False
        self.revision, self.digest = revision, note["digest"]
        self.skipped = frozenset(note.get("skipped", ()))
        self.why = note.get("why", "")
        self.started = datetime.fromtimestamp(note["started"], self.started.tzinfo)
        self.inventory = inventory.of(self.record.obj)
        return True

    def overdue(self) -> bool:
        """Tell whether the wait has lasted for the Kustomization's timeout: `watch` times it."""
        healthy = conditions.find(conditions.of(self.record.obj), HEALTHY) or {}
        owner = self.record.ref.namespace, self.record.ref.name
        return self.context.ledger.wait_is_over(owner, healthy["lastTransitionTime"])

    def succeeded(self, *, checked: bool) -> None:
        """Ready: everything is applied and, when that was `checked`, healthy."""
        news = self._news()
        took = clock.go_duration(round((self.context.now() - self.started).total_seconds(), 3))
        changed = self._conditions().set(
            READY, "True", "ReconciliationSucceeded", f"Applied revision: {self.revision}"
        )
        changed.delete(RECONCILING, STALLED, *([] if checked else [HEALTHY]))
        told = (conditions.find(conditions.of(self.record.obj), DRIFTED) or {}).get("message", "")
        if self.drift:
            changed.set(DRIFTED, "True", drift_mode.REASON, self.drift)
        else:
            changed.delete(DRIFTED)
        if checked and (news or not conditions.is_true(conditions.of(self.record.obj), HEALTHY)):
            changed.set(HEALTHY, "True", "Succeeded", f"Health check passed in {took}")
        self._write(changed, applied=True, outcome="ReconciliationSucceeded")
        if news:
            every = clock.go_duration(self.spec.interval_seconds)
            message = f"Reconciliation finished in {took}, next run in {every}"
            self._event("Normal", "ReconciliationSucceeded", message, commit_status="update")
        if self.drift and self.drift != told:
            self._event("Warning", drift_mode.REASON, self.drift)

    def unhealthy(self, message: str) -> None:
        """Not ready: applied, and something failed or did not become healthy in time."""
        changed = self._conditions().set(READY, "False", "HealthCheckFailed", message)
        changed.set(HEALTHY, "False", "HealthCheckFailed", message)
        changed.set(RECONCILING, "True", "ProgressingWithRetry", self.progress or message).delete(STALLED)
        self._write(changed, outcome="HealthCheckFailed")
        self._event("Warning", "HealthCheckFailed", message)

    def failed(self, error: FairwayError) -> None:
        """Not ready: say what went wrong; the retry comes at spec.retryInterval."""
        changed = self._conditions().set(READY, "False", error.reason, str(error))
        if error.retryable:
            changed.set(RECONCILING, "True", "ProgressingWithRetry", self.progress or str(error)).delete(
                STALLED
            )
        else:
            changed.set(STALLED, "True", error.reason, str(error)).delete(RECONCILING)
        outcome = error.reason if self.digest else ""
        self._write(changed, outcome=outcome, terminal=not error.retryable)
        self._event("Warning", error.reason, str(error))

    def refused(self, plan: Refuse) -> None:
        """Not ready: something that has to be there first is not."""
        news = (conditions.find(conditions.of(self.record.obj), READY) or {}).get("message") != plan.message
        changed = self._conditions().set(READY, "False", plan.reason, plan.message)
        if plan.terminal:
            changed.set(STALLED, "True", plan.reason, plan.message).delete(RECONCILING)
        else:
            changed.set(RECONCILING, "True", "ProgressingWithRetry", plan.message).delete(STALLED)
        self._write(changed, terminal=plan.terminal)
        if news:
            self._event(plan.severity, plan.reason, plan.message)

    def _write(
        self, changed: Conditions, *, applied: bool = False, outcome: str = "", terminal: bool = False
    ) -> None:
        obj = self.record.obj
        status: dict[str, Any] = {"conditions": changed.sorted()}
        if requested := annotations_of(obj).get(REQUESTED_AT):
            status["lastHandledReconcileAt"] = requested
        if applied or terminal:
            status["observedGeneration"] = obj["metadata"]["generation"]
        if self.revision:
            status["lastAttemptedRevision"] = self.revision
        if self.revision and self.inventory:
            status["inventory"] = inventory.status(self.inventory)
        elif self.revision and self.digest:
            status["inventory"] = {"entries": []}
        if applied:
            status["lastAppliedRevision"] = self.revision
        if outcome:
            status["history"] = self._history(outcome)
        self.record.write(status)

    def _history(self, outcome: str) -> list[history.Entry]:
        now = self.context.now()
        before = (self.record.obj.get("status") or {}).get("history") or []
        why = self.why or history.built(before, self.revision)
        return history.upsert(
            before,
            digest=self.digest,
            status=outcome,
            duration=clock.go_duration(now - self.started),
            now=clock.rfc3339(now),
            metadata={"revision": self.revision} | ({history.BUILD: why} if why else {}),
        )

    def _news(self) -> bool:
        """Tell whether this run brought anything a person would want to read."""
        obj = self.record.obj
        written = any(c.done in (Done.CREATED, Done.CONFIGURED) for c in self.changes)
        was_ready = conditions.is_true(conditions.of(obj), READY)
        status = obj.get("status") or {}
        return written or not was_ready or status.get("lastAppliedRevision") != self.revision

    def _conditions(self) -> Conditions:
        obj = self.record.obj
        now = clock.rfc3339(self.context.now())
        return Conditions(conditions.of(obj), generation=obj["metadata"]["generation"], now=now)

    def _step(self, what: str) -> None:
        timeout = clock.go_duration(self.spec.timeout_seconds)
        self.progress = f"{what} for revision {self.revision} with a timeout of {timeout}"

    def _event(self, severity: str, reason: str, message: str, **metadata: str) -> None:
        notes = {f"{GROUP}/{key}": value for key, value in metadata.items()}
        if self.revision:
            notes[f"{GROUP}/revision"] = self.revision
        events.record(
            self.context.cluster,
            self.record.obj,
            severity=severity,
            reason=reason,
            message=message,
            now=self.context.now(),
            annotations=notes,
        )

    @property
    def _note_key(self) -> str:
        return f"fairway:waits:{self.record.ref.namespace}/{self.record.ref.name}"
