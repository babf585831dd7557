# SPDX-License-Identifier: Apache-2.0
"""Reconcile one Kustomization.

The run ends when everything is applied and pruned; health is not waited for. A Kustomization that asks for
it stays at Healthy=Unknown, `watch` sees the last object become Current and queues a run that concludes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from policies import clock, drift_mode, inventory, kustomization
from policies.errors import FairwayError
from policies.health import texts, vanishing_jobs
from policies.ignored_fields import IgnoredFields
from policies.kinds import InvalidObject, Kustomization
from policies.kustomization import AddFinalizer, Build, Conclude, Finalize, Ignore, Plan, Refuse
from policies.objects import Object, ObjectRef
from policies.ownership import FINALIZER, with_owner
from workers import decryption
from workers.context import Context
from workers.engine import BuildRequest, BuildResult
from workers.reconcile import sources, vanishing, variables
from workers.reconcile.apply import Applier, Change, Options
from workers.reconcile.configs import versions
from workers.reconcile.failures import ApplyFailed, PruneFailed
from workers.reconcile.judging import Judge
from workers.reconcile.kustomization_status import Report
from workers.reconcile.observing import KIND, observe
from workers.reconcile.prune import prune, terminating
from workers.reconcile.status import Record, Superseded
from workers.reconcile.target import Target, account_of, is_name, target_of
from workers.reconcile.waiting import Outcome, look
from workers.reconcile.waiting import set_of as health_set

log = logging.getLogger(__name__)
_BUILD_TIMEOUT = 45.0  # seconds; the engine works on one build at a time, and others wait for it


@dataclass
class _Run:
    """One run: the object under its fence, where and as whom we act, and what has to be told at the end."""

    context: Context
    record: Record
    spec: Kustomization
    report: Report

    @cached_property
    def target(self) -> Target:
        """Opened when first used: what needs no other cluster must not fail for it."""
        return target_of(self.context, self.record.obj)


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
        settings = self._context.settings
        if not settings.scope.covers(seen.obj):
            return
        plan = kustomization.decide(
            seen,
            no_cross_namespace_refs=settings.no_cross_namespace_refs,
            requeue=settings.requeue_dependency,
            object_identities=settings.gate("ObjectLevelWorkloadIdentity"),
            additive_expressions=settings.gate("AdditiveCELDependencyCheck"),
        )
        run = self._begin(seen.obj)
        try:
            self._act(run, plan)
        except Superseded as stop:
            log.info("stopped: %s", stop)
            raise
        except FairwayError as error:
            run.report.failed(error)

    def _refuse_unreadable(self, namespace: str, name: str, error: InvalidObject) -> None:
        cluster = self._context.cluster
        obj = cluster.find(ObjectRef(*KIND, namespace, name))
        if obj is None:
            return
        record, finalizers = (
            Record(cluster, obj, guard=self._context.guard("Kustomization")),
            obj["metadata"].get("finalizers", []),
        )
        if not obj["metadata"].get("deletionTimestamp"):
            record.refuse(error, clock.rfc3339(self._context.now()))
        elif FINALIZER in finalizers:
            # It does not say that anything is to be pruned, and must not hold up its namespace's end.
            record.set_finalizers([f for f in finalizers if f != FINALIZER])

    def _begin(self, obj: Object) -> _Run:
        spec = Kustomization.read(obj)
        record = Record(self._context.cluster, obj, guard=self._context.guard("Kustomization"))
        return _Run(self._context, record, spec, Report(self._context, record, spec))

    def _act(self, run: _Run, plan: Plan) -> None:
        if isinstance(plan, Build | Conclude) and (run.spec.spec.wait or run.spec.spec.health_checks):
            # Before any of it is read: what changes from now on makes the next run build again.
            run.report.configs = versions(self._context.cluster, run.record.obj)
        match plan:
            case Ignore():
                return
            case AddFinalizer():
                run.record.set_finalizers([*run.record.obj["metadata"].get("finalizers", []), FINALIZER])
                metadata = run.record.obj["metadata"]
                self.reconcile(metadata["namespace"], metadata["name"])
            case Finalize():
                self._finalize(run, plan)
            case Refuse():
                run.report.refused(plan)
            case Conclude(artifact=artifact):
                self._conclude(run, artifact)
            case Build(artifact=artifact):
                self._build_and_apply(run, artifact)

    def _build_and_apply(self, run: _Run, artifact: Mapping[str, Any]) -> None:
        report = run.report
        report.start(artifact["revision"])
        target = run.target  # as in Flux, before the build: who cannot be reached has no use for one
        built = self._build(run, artifact)
        report.built(built.digest)
        owner = run.record.obj["metadata"]
        objects = [with_owner(o, name=owner["name"], namespace=owner["namespace"]) for o in built.objects]
        old = inventory.of(run.record.obj)
        new = [ObjectRef.of(obj) for obj in objects]
        vanishing.remember(self._context.redis, run.record.ref, vanishing_jobs(objects))
        # Written before the first apply: whoever finds us dead after it knows what may exist.
        report.about_to_apply(inventory.union(old, new))
        applier = Applier(target.client, target.pool, fence=run.record.check, options=self._options(run.spec))
        changes: list[Change] = []
        try:
            if drift_mode.only_reports(run.record.obj, revision=artifact["revision"], digest=built.digest):
                report.drifted(applier.differing(objects))
            else:
                changes = applier.apply(objects)
        except ApplyFailed as error:
            # What was never applied must not be pruned one day: its account might not even be let to look.
            report.inventory = inventory.union(old, error.touched)
            files = dict(zip((ref.id for ref in new), built.origins, strict=True))
            raise error.in_file(files.get(error.ref.id, "")).without(built.secret_words) from None
        report.applied(changes)
        stale = inventory.difference(old, new)
        self._prune(run, stale, new)
        self._wait(run)

    def _options(self, spec: Kustomization) -> Options:
        rules = [rule.model_dump(by_alias=True, exclude_none=True) for rule in spec.spec.ignore or []]
        settings = self._context.settings
        return Options(
            force=bool(spec.spec.force),
            ignored=IgnoredFields(rules),
            managers=settings.override_manager,
            migrate_version=settings.gate("MigrateAPIVersion"),
            custom_kinds=frozenset(settings.custom_apply_stage_kinds),
            in_flight=settings.concurrent_ssa,
        )

    def _build(self, run: _Run, artifact: Mapping[str, Any]) -> BuildResult:
        obj = run.record.obj
        keys = decryption.keys_of(self._context.cluster, obj, self._context.settings)
        request = BuildRequest(
            artifact=sources.open_artifact(self._context.settings, artifact),
            digest=artifact["digest"],
            kustomization=obj,
            variables=variables.resolve(self._context.cluster, obj),
            strict=self._context.settings.gate("StrictPostBuildSubstitutions"),
        )
        engine, timeout = self._context.engine, min(_BUILD_TIMEOUT, run.spec.timeout_seconds)
        if keys is None:
            return engine.build(request, timeout=timeout)
        return decryption.build(engine, self._context.sops, request, keys, timeout=timeout)

    def _prune(self, run: _Run, stale: list[ObjectRef], new: list[ObjectRef]) -> None:
        owner, deleted = run.record.obj["metadata"], []
        if stale and run.spec.spec.prune:
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

    def _wait(self, run: _Run) -> None:
        waiting = health_set(run.spec, run.report.inventory, skipped=run.report.skipped)
        if not waiting:
            run.report.succeeded(checked=False)
        elif not self._settle(run, self._look(run, waiting)):
            run.report.waits()

    def _conclude(self, run: _Run, artifact: Mapping[str, Any]) -> None:
        if not run.report.resume(artifact["revision"]):
            self._build_and_apply(run, artifact)
            return
        waiting = health_set(run.spec, run.report.inventory, skipped=run.report.skipped)
        self._settle(run, self._look(run, waiting), overdue=run.report.overdue())

    def _look(self, run: _Run, waiting: list[ObjectRef]) -> Outcome:
        context, record = self._context, run.record
        judge = Judge(context.engine, record.obj["spec"], now=context.now())
        gone = vanishing.of(context.redis, record.ref)
        return look(run.target.client, run.target.pool, waiting, judge, vanishing=gone)

    def _settle(self, run: _Run, outcome: Outcome, *, overdue: bool = False) -> bool:
        """End the wait if it is over, and tell whether it was."""
        if outcome.done:
            run.report.succeeded(checked=True)
        elif outcome.failed and not self._context.settings.gate("DisableFailFastBehavior"):
            run.report.unhealthy(texts.failed_early(outcome.healths))
        elif overdue:
            run.report.unhealthy(texts.timed_out(outcome.healths))
        else:
            return False
        return True

    def _finalize(self, run: _Run, plan: Finalize) -> None:
        metadata = run.record.obj["metadata"]
        if FINALIZER not in metadata.get("finalizers", []):
            return
        refs = inventory.difference(inventory.of(run.record.obj), [])
        if plan.prune and refs and not self._prune_all(run, refs, wait=plan.wait):
            return  # `watch` looks again
        run.record.set_finalizers([f for f in metadata["finalizers"] if f != FINALIZER])
        log.info("deleted kustomization=%s/%s objects=%d", metadata["namespace"], metadata["name"], len(refs))

    def _prune_all(self, run: _Run, refs: list[ObjectRef], *, wait: bool) -> bool:
        """Delete everything that was applied; False while it is waited for."""
        if not self._account_exists(run):
            run.report.orphaned(refs)
            return True
        owner = {"name": run.record.ref.name, "namespace": run.record.ref.namespace}
        run.report.deleted(prune(run.target.client, refs, fence=run.record.check, **owner))
        if not wait or not (left := terminating(run.target.client, refs, **owner)):
            return True
        since = clock.parse(run.record.obj["metadata"]["deletionTimestamp"])
        if (self._context.now() - since).total_seconds() < run.spec.timeout_seconds:
            return False
        run.report.not_terminated(left)
        return True

    def _account_exists(self, run: _Run) -> bool:
        """Without the account they were applied as, nothing may be deleted: the objects are left behind.

        As in Flux, it is our own cluster that is asked, also for objects on another one.
        """
        account = account_of(self._context, run.record.obj)
        if not account or not is_name(account):
            return not account
        ref = ObjectRef("", "v1", "ServiceAccount", run.record.ref.namespace, account)
        return self._context.cluster.find(ref) is not None
