# SPDX-License-Identifier: Apache-2.0
"""A worker process: its context, opened with the first task, and who works on which kind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import cache

import redis

from policies.clock import rfc3339
from policies.errors import FairwayError
from policies.kinds import RECONCILED
from policies.objects import ObjectRef
from workers.context import Context
from workers.flux_leases import FluxRuns
from workers.github import RateLimited
from workers.images.automation import ImageUpdateAutomationReconciler
from workers.images.policy import ImagePolicyReconciler
from workers.images.repository import ImageRepositoryReconciler
from workers.later import Later
from workers.orders.conversation import Comments
from workers.orders.merges import Merges
from workers.orders.sweep import Conversations
from workers.receivers.receiver import ReceiverReconciler
from workers.reconcile.followers import Followers
from workers.reconcile.gitrepository import GitRepositoryReconciler
from workers.reconcile.kustomization import KustomizationReconciler
from workers.reconcile.pull_request import PullRequests
from workers.reconcile.report import Reporter
from workers.reconcile.status import Record, Superseded
from workers.reconcile.sweep import LostDeliveries, Sweep
from workers.reconcile.telling.again import ChecksAgain
from workers.reconcile.telling.commits import CommitReporter
from workers.workqueue import Key

log = logging.getLogger(__name__)
_KINDS = {kind.definition.kind: kind.definition.names for kind in RECONCILED}
# What tells GitHub something: no object's interval brings it again.
_TELLING = frozenset({"ChecksAgain", "MergeGroup", "PullRequest", "Report", "Repository", "Sweep"})
# Who works on which kind of key.
WORK: dict[str, Callable[[Context], Callable[[str, str], None]]] = {
    "GitRepository": lambda ours: GitRepositoryReconciler(ours).reconcile,
    "Kustomization": lambda ours: KustomizationReconciler(ours).reconcile,
    "ImageRepository": lambda ours: ImageRepositoryReconciler(ours).reconcile,
    "ImagePolicy": lambda ours: ImagePolicyReconciler(ours).reconcile,
    "Receiver": lambda ours: ReceiverReconciler(ours).reconcile,
    "ImageUpdateAutomation": lambda ours: ImageUpdateAutomationReconciler(ours).reconcile,
    "Repository": lambda ours: Reporter(ours).reconcile,
    "Followers": lambda ours: Followers(ours).reconcile,
    "Report": lambda ours: CommitReporter(ours).reconcile,
    "PullRequest": lambda ours: PullRequests(ours).reconcile,
    "MergeGroup": lambda ours: PullRequests(ours).merge_group,
    "ChecksAgain": lambda ours: ChecksAgain(ours).reconcile,
    "Sweep": lambda ours: Sweep(ours).reconcile,
    "LostDeliveries": lambda ours: LostDeliveries(ours).reconcile,
    "Comment": lambda ours: Comments(ours).reconcile,
    "Conversations": lambda ours: Conversations(ours).reconcile,
    "Merge": lambda ours: Merges(ours).reconcile,
}
_lock = threading.Lock()


@cache
def _open() -> Context:
    return Context.from_environment("worker")


def context() -> Context:
    """Return this process's context; two tasks that come first at once get the same."""
    with _lock:
        return _open()


def warm() -> None:
    """Open connections and start the engine before the first task, which a person waits for."""
    ours = context()
    try:
        ours.cluster.discovery.resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        ours.engine.warm()
        if ours.github is not None:
            ours.github.warm()
    except FairwayError as error:
        log.warning("not warmed up: %s", error)


def work_on(key: Key) -> None:
    """Work on one object; whatever goes wrong is in its status or comes again by itself."""
    ours = context()
    try:
        WORK[key.kind](ours)(key.namespace, key.name)
        if key.kind in _TELLING:
            Later(ours.redis).succeeded(key)
    except FluxRuns as error:
        log.info("left alone object=%s: %s", key, error)  # `watch` says it, and queues again what is then due
        return
    except Superseded as stop:
        log.info("stopped: %s", stop)
        ours.queue.add(key)
    except RateLimited as limit:
        log.info("put off object=%s: %s", key, limit)
        Later(ours.redis).put(key, limit.retry_at)
    except FairwayError as error:
        # Not written into the object, since writing is what failed; `watch` queues it again.
        log.warning("not reconciled object=%s: %s", key, error)
        if key.kind in _TELLING and error.retryable:
            Later(ours.redis).again(key, ours.now())
    except redis.RedisError:
        raise  # nothing can be noted down: it stays marked, and `watch` revives it
    except Exception as error:
        log.exception("failed by a fault of ours object=%s", key)
        _confess(ours, key, error)


def _confess(ours: Context, key: Key, error: Exception) -> None:
    """Say in the object's status that Fairway itself failed: only how, since the text may hold anything."""
    if key.kind not in _KINDS:
        return
    try:
        obj = ours.cluster.find(ObjectRef(*_KINDS[key.kind], key.namespace, key.name))
        if obj is not None:
            what = f"internal error ({type(error).__name__}): the worker's log tells more; please report it"
            Record(ours.cluster, obj).crashed(what, rfc3339(ours.now()))
    except FairwayError as again:
        log.warning("failure not recorded object=%s: %s", key, again)
