# SPDX-License-Identifier: Apache-2.0
"""What the page of a commit shows: one row a source and Kustomization, with its objects below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from policies import commit_status, conditions
from policies.commit_status import Applied, Part, Source, State, Verdict
from policies.objects import Object, ObjectRef


def commit(
    *,
    repository: str,
    sha: str,
    private: bool,
    cluster: str,
    verdict: Verdict,
    sources: Iterable[Source],
    now: str,
) -> dict[str, Any]:
    """Return the page's content as JSON; `now` is RFC 3339."""
    rows = []
    for source in sources:
        rows.append(_source(source, sha))
        rows += [_kustomization(applied, sha) for applied in source.applied]
    return {
        "repository": repository,
        "sha": sha,
        "private": private,
        "cluster": cluster,
        "state": verdict.state.word,
        "description": verdict.text,
        "updated": now,
        "objects": rows,
    }


def _source(source: Source, sha: str) -> dict[str, Any]:
    ready = conditions.find(conditions.of(source.obj), conditions.READY) or {}
    state = {"True": State.SUCCESS, "False": State.FAILURE}.get(ready.get("status", ""), State.PENDING)
    return _row(source.obj, State.PENDING if source.sha != sha and state is State.SUCCESS else state, ready)


def _kustomization(applied: Applied, sha: str) -> dict[str, Any]:
    ready = conditions.find(conditions.of(applied.obj), conditions.READY) or {}
    verdict = commit_status.of_kustomization(sha, applied)
    row = _row(applied.obj, verdict.state, ready)
    if verdict.state is not State.SUCCESS and verdict.text not in row["message"]:
        row["message"] = verdict.text
    return {**row, "objects": [_part(part) for part in applied.parts]}


def _row(obj: Object, state: State, ready: dict[str, Any]) -> dict[str, Any]:
    ref = ObjectRef.of(obj)
    return {
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "state": state.word,
        "message": ready.get("message", ""),
        "since": str(ready.get("lastTransitionTime", "")).replace("T", " ").removesuffix("Z"),
        "objects": [],
    }


def _part(part: Part) -> dict[str, Any]:
    state = State.SUCCESS if part.health.current else State.PENDING
    if part.health.failed or (part.trouble and not part.health.current):
        state = State.FAILURE
    return {
        "kind": part.ref.kind,
        "namespace": part.ref.namespace,
        "name": part.ref.name,
        "state": state.word,
        "message": part.trouble
        if part.trouble and not part.health.current
        else part.count or part.health.message,
    }
