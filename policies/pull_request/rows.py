# SPDX-License-Identifier: Apache-2.0
"""The rows of a table: sources that lack the commit, Kustomizations, and what of them is unwell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from policies import commit_status, conditions
from policies.commit_status import Applied, Part, Source, State, Verdict, short
from policies.health.texts import named
from policies.kustomization import waits
from policies.objects import Object, ObjectRef
from policies.pull_request.content import Mark, Row
from policies.revisions import commit as sha_of
from policies.surface import rows as says
from policies.surface import status

_MARKS = {State.SUCCESS: Mark.DONE, State.PENDING: Mark.WAITS, State.FAILURE: Mark.FAILED}


def of(sha: str, sources: Sequence[Source]) -> list[Row]:
    """Return a row for each object worth one, the worst first, for a commit that the sources follow."""
    found = [row for source in sources for row in _of_source(sha, source)]
    return sorted(found, key=lambda row: (row.mark.badness, row.ref.kind, row.ref.namespace, row.ref.name))


def _of_source(sha: str, source: Source) -> Iterable[Row]:
    if source.sha != sha:
        yield _not_fetched(sha, source.obj)
    for applied in source.applied:
        if applied.obj["spec"].get("suspend"):
            yield Row(Mark.PAUSED, applied.ref, says.suspended())
        elif source.sha == sha:
            yield from _of_kustomization(sha, applied)


def _not_fetched(sha: str, source: Object) -> Row:
    ref = ObjectRef.of(source)
    failed = conditions.find(conditions.of(source), "FetchFailed") or {}
    if failed.get("status") == "True":
        return Row(Mark.FAILED, ref, *_failure(str(failed.get("message", ""))), _since(failed))
    if source["spec"].get("suspend"):
        return Row(Mark.PAUSED, ref, says.source_suspended(short(sha)))
    return Row(Mark.WAITS, ref, says.not_fetched(short(sha)))


def _of_kustomization(sha: str, applied: Applied) -> Iterable[Row]:
    verdict = commit_status.of_kustomization(sha, applied)
    ready = conditions.find(conditions.of(applied.obj), conditions.READY) or {}
    failed = verdict.state is State.FAILURE and ready.get("status") == "False"
    state, since = _state(sha, applied, verdict), _changed(applied, verdict, ready)
    unwell = [part for part in applied.parts if not part.health.current]
    # Of a single one the Kustomization's own row tells; what was refused is worse than all of them.
    told = len(unwell) > 1 and _is_of_health(sha, applied, verdict, ready)
    if told:
        well = len(applied.parts) - len(unwell)
        state = says.partly_healthy(short(sha), well, len(applied.parts))
    message = str(ready.get("message", "")) if failed else ""
    yield Row(_MARKS[verdict.state], applied.ref, state, since, message)
    yield from map(_of_part, unwell if told else ())


def _is_of_health(sha: str, applied: Applied, verdict: Verdict, ready: dict[str, Any]) -> bool:
    """Tell whether a Kustomization is as it is because of the health of what it applied."""
    attempted = str((applied.obj.get("status") or {}).get("lastAttemptedRevision", ""))
    refused = ready.get("status") == "False" and ready.get("reason") != "HealthCheckFailed"
    begins = ready.get("status") not in ("True", "False") and not waits(applied.obj)
    return verdict.state is not State.SUCCESS and sha_of(attempted) == sha and not refused and not begins


def _state(sha: str, applied: Applied, verdict: Verdict) -> str:
    """Say what a Kustomization does, without naming it: its row does that."""
    name, text = named(applied.ref), verdict.text
    if verdict.state is State.SUCCESS:
        return says.healthy(short(sha))
    if text == status.waits_for(applied.ref):
        return says.not_applied(short(sha))
    for begun in (f"{name}: ", f"{name} ", f"Kustomization {applied.ref.name} "):
        if text.startswith(begun):
            return text.removeprefix(begun)
    # In the middle of a row no sentence begins.
    text = f"applied{text.removeprefix('Applied')}" if text.startswith("Applied ") else text
    return text.replace(f", {name} concludes", ", concludes")


def _changed(applied: Applied, verdict: Verdict, ready: dict[str, Any]) -> str:
    """Return since when a Kustomization is as it is; empty when nothing tells."""
    if waits(applied.obj):
        return _since(conditions.find(conditions.of(applied.obj), conditions.HEALTHY) or {})
    tells = {State.SUCCESS: "True", State.FAILURE: "False"}.get(verdict.state)
    return _since(ready) if tells is None or ready.get("status") == tells else ""


def _of_part(part: Part) -> Row:
    failed = bool(part.trouble) or part.health.failed
    return Row(
        Mark.FAILED if failed else Mark.WAITS,
        part.ref,
        *_failure(part.trouble or part.count or part.health.message or says.not_healthy()),
    )


def _failure(message: str) -> tuple[str]:
    """Return the first line of a message that may have many."""
    return (next(iter(message.strip().splitlines()), says.failed()),)


def _since(condition: dict[str, Any]) -> str:
    return str(condition.get("lastTransitionTime", ""))
