# SPDX-License-Identifier: Apache-2.0
"""The end of a Kustomization that was deleted."""

from __future__ import annotations

import logging

from policies import clock, inventory
from policies.kustomization import Finalize
from policies.objects import ObjectRef
from policies.ownership import FINALIZER
from workers.reconcile.prune import prune, terminating
from workers.reconcile.run import Run
from workers.reconcile.target import account_of, is_name

log = logging.getLogger(__name__)


def finalize(run: Run, plan: Finalize) -> None:
    """Prune what was applied, as the plan has it, and let go of the object; or leave that to a later run."""
    metadata = run.record.obj["metadata"]
    if FINALIZER not in metadata.get("finalizers", []):
        return
    refs = inventory.difference(inventory.of(run.record.obj), [])
    if plan.prune and refs and not _prune_all(run, refs, wait=plan.wait):
        return  # `watch` looks again
    run.record.set_finalizers([f for f in metadata["finalizers"] if f != FINALIZER])
    log.info("deleted kustomization=%s/%s objects=%d", metadata["namespace"], metadata["name"], len(refs))


def _prune_all(run: Run, refs: list[ObjectRef], *, wait: bool) -> bool:
    """Delete everything that was applied; False while it is waited for."""
    if not _account_exists(run):
        run.report.orphaned(refs)
        return True
    owner = {"name": run.record.ref.name, "namespace": run.record.ref.namespace}
    run.record.confirm()
    run.report.deleted(prune(run.target.client, refs, fence=run.record.check, **owner))
    if not wait or not (left := terminating(run.target.client, refs, **owner)):
        return True
    since = clock.parse(run.record.obj["metadata"]["deletionTimestamp"])
    if (run.context.now() - since).total_seconds() < run.spec.timeout_seconds:
        return False
    run.report.not_terminated(left)
    return True


def _account_exists(run: Run) -> bool:
    """Without the account they were applied as, nothing may be deleted: the objects are left behind.

    As in Flux, it is our own cluster that is asked, also for objects on another one.
    """
    account = account_of(run.context, run.record.obj)
    if not account or not is_name(account):
        return not account
    ref = ObjectRef("", "v1", "ServiceAccount", run.record.ref.namespace, account)
    return run.context.cluster.find(ref) is not None
