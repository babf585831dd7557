# SPDX-License-Identifier: Apache-2.0
"""Reconcile one Kustomization.

The run ends when everything is applied and pruned; health is not waited for. A Kustomization that asks for
it stays at Healthy=Unknown, `watch` sees the last object become Current and queues a run that concludes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from policies import clock, drift_mode, inventory, kustomization, ledger
from policies.errors import FairwayError
from policies.health import texts, vanishing_jobs
from policies.kinds import InvalidObject, Kustomization
from policies.kustomization import (
    AddFinalizer,
    Build,
    Conclude,
    Finalize,
    Ignore,
    Observation,
    Plan,
    Refuse,
    elsewhere,
)
from policies.objects import Object, ObjectRef
from policies.ownership import FINALIZER, with_owner
from workers.context import Context
from workers.reconcile import vanishing
from workers.reconcile.apply import Applier, Change
from workers.reconcile.building import Builder
from workers.reconcile.configs import Configs
from workers.reconcile.failures import ApplyFailed, PruneFailed
from workers.reconcile.finalizing import finalize
from workers.reconcile.judging import Judge
from workers.reconcile.kustomization_status import Report
from workers.reconcile.observing import KIND, observe
from workers.reconcile.prune import prune
from workers.reconcile.run import Run
from workers.reconcile.status import Record, Superseded
from workers.reconcile.waiting import Outcome, look
from workers.reconcile.waiting import set_of as health_set

log = logging.getLogger(__name__)


class KustomizationReconciler:
    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one Kustomization forward by one run; raises what a later run may mend by itself."""
        try:
            seen = observe(self._context.cluster, self._context.engine, namespace, name)
        except InvalidObject as error:
            self._refuse_unreadable(namespace, name, error)
            return
        if seen is None:
            return
        if self._context.shards.of(seen.obj) is None:
            return
        run = self._begin(seen.obj)
        run.record.check()
        plan = self._decide(seen)
        try:
            if isinstance(plan, AddFinalizer):
                run.record.set_finalizers([*run.record.obj["metadata"].get("finalizers", []), FINALIZER])
                plan = self._decide(replace(seen, obj=run.record.obj))
            self._act(run, plan)
        except Superseded as stop:
            log.info("stopped: %s", stop)
            raise
        except FairwayError as error:
            run.report.failed(error)

    def _decide(self, seen: Observation) -> Plan:
        settings = self._context.settings
        return kustomization.decide(
            seen,
            no_cross_namespace_refs=settings.no_cross_namespace_refs,
            requeue=settings.requeue_dependency,
            object_identities=settings.gate("ObjectLevelWorkloadIdentity"),
            additive_expressions=settings.gate("AdditiveCELDependencyCheck"),
        )

    def _refuse_unreadable(self, namespace: str, name: str, error: InvalidObject) -> None:
        cluster = self._context.cluster
        obj = cluster.find(ObjectRef(*KIND, namespace, name))
        if obj is None or self._context.shards.of(obj) is None:
            return
        record = Record(cluster, obj, guard=self._context.guard(obj))
        finalizers = obj["metadata"].get("finalizers", [])
        if not obj["metadata"].get("deletionTimestamp"):
            record.refuse(error, clock.rfc3339(self._context.now()))
        elif FINALIZER in finalizers:
            # It does not say that anything is to be pruned, and must not hold up its namespace's end.
            record.set_finalizers([f for f in finalizers if f != FINALIZER])

    def _begin(self, obj: Object) -> Run:
        spec = Kustomization.read(obj)
        record = Record(self._context.cluster, obj, guard=self._context.guard(obj))
        configs = Configs(self._context.cluster)
        return Run(self._context, record, spec, Report(self._context, record, spec), configs)

    def _act(self, run: Run, plan: Plan) -> None:
        if isinstance(plan, Build | Conclude) and (run.spec.spec.wait or run.spec.spec.health_checks):
            # Before any of it is read: what changes from now on makes the next run build again.
            run.report.configs = run.configs.versions(run.record.obj)
        match plan:
            case Ignore() | AddFinalizer():
                return
            case Finalize():
                finalize(run, plan)
            case Refuse():
                run.report.refused(plan)
            case Conclude(artifact=artifact):
                self._conclude(run, artifact)
            case Build(artifact=artifact):
                self._bring_about(run, artifact)

    def _bring_about(self, run: Run, artifact: Mapping[str, Any]) -> None:
        report = run.report
        report.start(artifact["revision"])
        builder = Builder(self._context, run.record.obj, artifact, run.configs)
        old = inventory.of(run.record.obj)
        built = builder.unchanged(run.known, [ref.id for ref in old])
        log.info(
            "%s kustomization=%s/%s revision=%s: %s",
            "not rebuilt" if built else "rebuilt",
            run.record.ref.namespace,
            run.record.ref.name,
            artifact["revision"],
            builder.why,
        )
        if built != run.known.built or not built:  # else the reason of the run before holds
            report.why = ("not rebuilt: " if built else "rebuilt: ") + builder.why
        if built:
            if built != run.known.built:
                run.remember(run.memory(old), built=built)
            report.unchanged(built.digest, old)
            self._wait(run)
            return
        target = run.target  # as in Flux, before the build: who cannot be reached has no use for one
        rendered = builder.build()
        report.built(rendered.digest)
        owner = run.record.obj["metadata"]
        objects = [with_owner(o, name=owner["name"], namespace=owner["namespace"]) for o in rendered.objects]
        new = [ObjectRef.of(obj) for obj in objects]
        vanishing.remember(self._context.redis, run.record.ref, vanishing_jobs(objects))
        # Written before the first apply: whoever finds us dead after it knows what may exist.
        report.about_to_apply(inventory.union(old, new))
        memory = run.memory(old)
        options = run.options
        applier = Applier(target.client, target.pool, fence=run.record.check, options=options, memory=memory)
        changes: list[Change] = []
        try:
            if drift_mode.only_reports(run.record.obj, revision=artifact["revision"], digest=rendered.digest):
                report.drifted(applier.differing(objects))
            else:
                changes = applier.apply(objects)
        except ApplyFailed as error:
            # What was never applied must not be pruned one day: its account might not even be let to look.
            report.inventory = inventory.union(old, error.touched)
            run.remember(memory)
            run.looked(rendered.reads)
            files = dict(zip((ref.id for ref in new), rendered.origins, strict=True))
            raise error.in_file(files.get(error.ref.id, "")).without(rendered.secret_words) from None
        report.applied(changes)
        stale = inventory.difference(old, new)
        note = builder.note(rendered, [ref.id for ref in new])
        run.remember(memory, stale, note)
        if note is None:
            run.looked(rendered.reads)
        self._prune(run, stale, new)
        self._wait(run, changes)

    def _prune(self, run: Run, stale: list[ObjectRef], new: list[ObjectRef]) -> None:
        owner, deleted = run.record.obj["metadata"], []
        if stale and run.spec.spec.prune:
            run.record.confirm()
            try:
                deleted = prune(
                    run.target.client,
                    stale,
                    name=owner["name"],
                    namespace=owner["namespace"],
                    fence=run.record.check,
                )
            except PruneFailed as error:
                run.report.pruned(error.deleted, inventory.union(error.survivors, new))
                raise
        run.report.pruned(deleted, new)

    def _wait(self, run: Run, changes: Sequence[Change] = ()) -> None:
        waiting = health_set(run.spec, run.report.inventory, skipped=run.report.skipped)
        if not waiting:
            run.report.succeeded(checked=False)
        elif not self._settle(run, self._look(run, waiting, changes)):
            run.report.waits()

    def _conclude(self, run: Run, artifact: Mapping[str, Any]) -> None:
        if not run.report.resume(artifact["revision"]):
            self._bring_about(run, artifact)
            return
        waiting = health_set(run.spec, run.report.inventory, skipped=run.report.skipped)
        if not self._settle(run, outcome := self._look(run, waiting)) and run.report.overdue():
            run.report.unhealthy(texts.timed_out(outcome.healths))

    def _look(self, run: Run, waiting: list[ObjectRef], changes: Sequence[Change] = ()) -> Outcome:
        """Judge what is waited for, asking the API server only for what nobody has seen since its apply."""
        context, record = self._context, run.record
        judge = Judge(context.engine, record.obj["spec"], now=context.now())
        gone = vanishing.of(context.redis, record.ref)
        answers = {c.ref.id: c.object for c in changes if c.object}
        verdicts = {}
        if run.spec.spec.wait and not elsewhere(record.obj):
            seen = {ref: ledger.verdict(run.known, ref.id) for ref in waiting if not judge.has_rule(ref)}
            verdicts = {ref: health for ref, health in seen.items() if health}
        return look(
            run.target.client,
            run.target.pool,
            waiting,
            judge,
            vanishing=gone,
            answers=answers,
            verdicts=verdicts,
        )

    def _settle(self, run: Run, outcome: Outcome) -> bool:
        """End the wait if it is over, and tell whether it was."""
        if outcome.done:
            run.report.succeeded(checked=True)
        elif outcome.failed and not self._context.settings.gate("DisableFailFastBehavior"):
            run.report.unhealthy(texts.failed_early(outcome.healths))
        else:
            return False
        return True
