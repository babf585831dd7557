# SPDX-License-Identifier: Apache-2.0
"""Reconcile one ImageUpdateAutomation: set the images of policies in a repository's files, and push that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from policies import conditions, reference
from policies.errors import FairwayError
from policies.images import automation, holding, notes, switch
from policies.images.automation import Destination, SourceManagerFailed
from policies.kinds import GitRepository, ImageUpdateAutomation, InvalidObject
from policies.kinds.imageupdateautomation import GitSpec
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, annotations_of
from policies.reference import Resolved, Selection
from policies.revisions import Revision
from policies.served import unserved
from workers.git import GitError
from workers.github import GitHubError, RateLimited
from workers.images import pushing, updating
from workers.images.place import Place, place_of, prepared
from workers.images.policy import KIND as POLICY
from workers.images.proposing import Outcome, Proposer
from workers.images.pushing import Work
from workers.images.updating import Result, Task
from workers.later import Later
from workers.reconcile import sources
from workers.reconcile.plain import Plain
from workers.reconcile.remotes import remote_of
from workers.reconcile.status import Record, Superseded
from workers.workqueue import Key, Queue

KIND = ImageUpdateAutomation.definition.names
MARKERS_LEFT = "MarkersLeft"
_ROOM = timedelta(seconds=5)  # in which GitHub's budget has what a pull request takes, some 40 points
_MOVED = timedelta(seconds=2)  # after which a branch that somebody was at is looked at again


class ImageUpdateAutomationReconciler(Plain[ImageUpdateAutomation]):
    model = ImageUpdateAutomation
    passed_on = (RateLimited,)

    def _run(self, record: Record, spec: ImageUpdateAutomation) -> None:
        began = self._now
        try:
            self._update(record, spec, began)
        except Superseded:
            raise
        except RateLimited as limit:
            # The next run begins from the beginning, so that it needs more than the request that was refused.
            raise RateLimited(limit.message, retry_at=limit.retry_at + _ROOM) from limit
        except FairwayError as error:
            self._failed(record, error, lastAutomationRunTime=began)

    def _update(self, record: Record, spec: ImageUpdateAutomation, began: str) -> None:
        chosen = automation.selector(spec.spec.policy_selector)
        git = automation.git_of(spec, blocked=self._context.settings.no_cross_namespace_refs)
        policies = self._policies(spec.metadata.namespace)
        source = self._source(spec)
        checkout = automation.checkout_of(spec, source.get("spec") or {})
        to = automation.destination(spec, checkout)
        task = Task(record, spec, policies, automation.observed(policies, chosen))
        wanted = reference.choose(checkout)
        place = place_of(self._context, record.obj, str((source.get("spec") or {}).get("url") or ""))
        if place is not None:
            self._mark(record, str(source["spec"]["url"]))
            self._propose(task, self._work(task, git, source, to, writes=False), wanted, place, began)
            return
        work = self._work(task, git, source, to)
        found = updating.fetched(work, wanted)
        if not to.always and _is_current(task, found):
            self._write(record, {}, began)
            return
        self._done(task, work, updating.update(self._context, task, work, wanted, found), began)
        self._mark(record)

    def _policies(self, namespace: str) -> list[Object]:
        cluster = self._context.cluster
        return cluster.list(cluster.discovery.resource(*POLICY), namespace=namespace)[0]

    def _source(self, spec: ImageUpdateAutomation) -> Object:
        namespace, name = spec.source_key
        obj = sources.find(self._context.cluster, "GitRepository", namespace, name)
        if obj is None:
            raise SourceManagerFailed(
                "failed configuring source manager: referenced git repository does not exist:"
                f' gitrepositories.source.toolkit.fluxcd.io "{name}" not found',
                remedy="create it, or correct spec.sourceRef",
            )
        return obj

    def _work(
        self, task: Task, git: GitSpec, source: Object, to: Destination, *, writes: bool = True
    ) -> Work:
        if missing := unserved("GitRepository", source.get("spec") or {}):
            raise SourceManagerFailed(f"failed configuring source manager: {missing}")
        try:
            read = GitRepository.read(source)
            remote = remote_of(self._context, read)
            work = Work(git, read, remote, to, own=task.spec.status.last_push_commit or "")
            return pushing.prepared(self._context, task.namespace, work) if writes else work
        except RateLimited:
            raise
        except (InvalidObject, GitError, GitHubError) as error:
            raise SourceManagerFailed(
                f"failed configuring source manager: {error.message}", remedy=error.remedy
            ) from error

    def _done(self, task: Task, work: Work, result: Result, began: str) -> None:
        before, to = conditions.find(conditions.of(task.record.obj), conditions.READY) or {}, work.to
        status: dict[str, Any] = {"observedSourceRevision": result.base.revision}
        news = result.sha != (task.spec.status.last_push_commit or "") and bool(result.sha)
        if news:
            status |= {"lastPushCommit": result.sha, "lastPushTime": self._now}
        if result.sha and not to.switches:
            status["observedSourceRevision"] = str(Revision(result.sha, to.branch))
        known = (task.record.obj.get("status") or {}).get("observedPolicies")
        if known != task.observed:
            status["observedPolicies"] = automation.merged(known, task.observed)
        message = notes.ready_message(result.edits.notes)
        self._write(task.record, status, began, message)
        if news:
            self._event(task.record, "Normal", "Succeeded", automation.pushed(result.sha, to, result.message))
            source = work.source.metadata
            self._context.queue.add(Key("GitRepository", source.namespace, source.name), Queue.PUSH)
        elif before.get("status") != "True":
            self._event(task.record, "Normal", "Succeeded", automation.UP_TO_DATE)
        if result.edits.notes and message != before.get("message"):
            self._event(task.record, "Warning", MARKERS_LEFT, message)

    def _propose(self, task: Task, work: Work, wanted: Selection, place: Place, began: str) -> None:
        """Have pull requests propose what there is to write."""
        context, key = self._context, Key("ImageUpdateAutomation", task.namespace, task.spec.metadata.name)
        ready = prepared(context, task.namespace, place, work, wanted)
        outcome = Proposer(context, task, work, ready, updating.fetched(work, wanted)).propose()
        again = holding.until(outcome.decisions)
        if outcome.moved:
            again = context.now() + _MOVED
        if again is not None:
            Later(context.redis).put(key, again)
        for said in outcome.done:
            self._event(task.record, "Normal", "Succeeded", said)
        if outcome.error is not None:
            raise outcome.error
        self._proposed(task, outcome, ready, began)

    def _proposed(self, task: Task, outcome: Outcome, place: Place, began: str) -> None:
        known = (task.record.obj.get("status") or {}).get("observedPolicies")
        status: dict[str, Any] = {"observedSourceRevision": outcome.base.revision}
        if outcome.sha and outcome.sha != task.spec.status.last_push_commit:
            status |= {"lastPushCommit": outcome.sha, "lastPushTime": self._now}
        if known != task.observed:
            status["observedPolicies"] = automation.merged(known, task.observed)
        said = notes.ready_message(outcome.edits.notes)
        message = holding.ready_message(said, outcome.pulls, outcome.decisions, place.settings)
        before = conditions.find(conditions.of(task.record.obj), conditions.READY) or {}
        self._write(task.record, status, began, message)
        if message != before.get("message"):
            severity = "Warning" if outcome.edits.notes else "Normal"
            self._event(task.record, severity, MARKERS_LEFT if outcome.edits.notes else "Succeeded", message)

    def _mark(self, record: Record, url: str = "") -> None:
        """Write down that images are proposed, before any is; without an address, that none are."""
        changed = self._conditions(record.obj)
        if url:
            changed.set(switch.PROPOSING, "True", "PullRequests", switch.mark(url))
        else:
            changed.delete(switch.PROPOSING)
        record.write({"conditions": changed.sorted()})

    def _write(self, record: Record, status: dict[str, Any], began: str, message: str = "") -> None:
        """Say that all is well; without a message, as it was said before."""
        said = message or (conditions.find(conditions.of(record.obj), conditions.READY) or {})["message"]
        self._succeeded(record, said, lastAutomationRunTime=began, **status)


def _is_current(task: Task, found: Resolved) -> bool:
    """Tell whether a run that pushes, and ended well, has seen the same policies, commit and spec."""
    obj, status = task.record.obj, task.spec.status
    requested = annotations_of(obj).get(REQUESTED_AT, "")
    return (
        conditions.is_true(conditions.of(obj), conditions.READY)
        and not switch.is_marked(conditions.of(obj))
        and status.observed_generation == obj["metadata"]["generation"]
        and requested == (status.last_handled_reconcile_at or "")
        and (obj["status"].get("observedPolicies") or {}) == task.observed
        and status.observed_source_revision == found.revision
    )
