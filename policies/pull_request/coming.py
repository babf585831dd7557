# SPDX-License-Identifier: Apache-2.0
"""What happens by itself while nobody does anything: the next try, and when a wait ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from policies import clock, commit_status, conditions
from policies.commit_status import Applied, Source, State
from policies.kinds import GitRepository, InvalidObject, Kustomization
from policies.kustomization import waits
from policies.objects import ObjectRef
from policies.pull_request.content import Coming
from policies.surface import rows as says


def coming(sha: str, sources: Iterable[Source]) -> Iterator[Coming]:
    """Yield what comes for a commit, in the order of the objects."""
    for source in sources:
        try:
            if source.sha != sha:
                yield from _fetch(source)
            for applied in source.applied if source.sha == sha else ():
                yield from _of(sha, applied)
        except InvalidObject:
            continue  # its own row says what is wrong with it


def _fetch(source: Source) -> Iterator[Coming]:
    if not source.obj["spec"].get("suspend"):
        every = GitRepository.read(source.obj).interval_seconds
        yield Coming(ObjectRef.of(source.obj), says.fetched_again(), seconds=every)


def _of(sha: str, applied: Applied) -> Iterator[Coming]:
    obj = applied.obj
    if obj["spec"].get("suspend"):
        return
    spec, found = Kustomization.read(obj), conditions.of(obj)
    verdict = commit_status.of_kustomization(sha, applied)
    if waits(obj):
        healthy = conditions.find(found, conditions.HEALTHY) or {}
        at = _later(str(healthy.get("lastTransitionTime", "")), spec.timeout_seconds)
        yield Coming(applied.ref, says.fails_at(), at)
        return
    ready = conditions.find(found, conditions.READY) or {}
    refused = verdict.state is State.FAILURE and ready.get("status") == "False"
    if refused and not conditions.is_true(found, conditions.STALLED):
        yield Coming(applied.ref, says.tried_again(), seconds=spec.retry_interval_seconds)


def _later(moment: str, seconds: float) -> str:
    try:
        return clock.rfc3339(clock.parse(moment) + timedelta(seconds=seconds))
    except ValueError:
        return ""
