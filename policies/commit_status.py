# SPDX-License-Identifier: Apache-2.0
"""What `fairway/<cluster>` says about a commit: the worst of what the commit concerns.

A Kustomization counts by the health of everything it applied, also where it does not wait for it. A final
state is not taken back to pending, and success stands: a status tells how the commit's arrival went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from policies import conditions
from policies.health import Health
from policies.kustomization import waits
from policies.objects import Object, ObjectRef
from policies.revisions import commit as sha_of
from policies.surface import status as says

_TERMINAL_REFUSALS = frozenset({"AccessDenied", "NotServed", "InvalidCELExpression"})
_WAITS_FOR_OTHERS = frozenset({"DependencyNotReady"})


class State(IntEnum):
    """The states of a commit status, the worst last."""

    SUCCESS = 0
    PENDING = 1
    FAILURE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state and its reason in a sentence."""

    state: State
    text: str

    @property
    def final(self) -> bool:
        return self.state is not State.PENDING


@dataclass(frozen=True, slots=True)
class Part:
    """One applied object as it is now; `count` is "2 of 3 ready", `trouble` what keeps its pods down."""

    ref: ObjectRef
    health: Health
    count: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A Kustomization, what it applied, and whether that had its time to become healthy."""

    obj: Object
    parts: Sequence[Part] = ()
    overdue: bool = False

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef.of(self.obj)


@dataclass(frozen=True, slots=True)
class Source:
    """A GitRepository that follows the commit's ref, and the Kustomizations that apply it."""

    obj: Object
    applied: Sequence[Applied] = field(default=())

    @property
    def sha(self) -> str:
        return sha_of(str(self.artifact.get("revision", ""))) or ""

    @property
    def artifact(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.obj.get("status") or {}).get("artifact") or {}
        return found


def short(sha: str) -> str:
    """Return a commit's first seven digits, as GitHub shows it."""
    return sha[:7]


def of_commit(sha: str, sources: Iterable[Source]) -> Verdict:
    """Judge a commit by all sources that follow its ref."""
    verdicts = [verdict for source in sources for verdict in _of_source(sha, source)]
    worst = max(verdicts, key=lambda v: v.state, default=Verdict(State.SUCCESS, ""))
    if worst.state is State.SUCCESS:
        some = any(v.text for v in verdicts)
        return Verdict(
            State.SUCCESS,
            says.healthy(short(sha)) if some else says.nothing_applies(short(sha)),
        )
    return worst


def _of_source(sha: str, source: Source) -> list[Verdict]:
    ref = ObjectRef.of(source.obj)
    if source.sha != sha:
        failed = conditions.find(conditions.of(source.obj), "FetchFailed")
        if failed and failed.get("status") == "True":
            return [Verdict(State.FAILURE, says.failed(ref, str(failed.get("message", ""))))]
        return [Verdict(State.PENDING, says.waits_for_source(ref, short(sha)))]
    return [
        of_kustomization(sha, applied) for applied in source.applied if not applied.obj["spec"].get("suspend")
    ]


def of_kustomization(sha: str, applied: Applied) -> Verdict:
    """Judge one Kustomization for a commit that its source has fetched."""
    status = applied.obj.get("status") or {}
    ready = conditions.find(conditions.of(applied.obj), conditions.READY) or {}
    ref, reason, message = applied.ref, ready.get("reason", ""), ready.get("message", "")
    if ready.get("status") == "False" and reason in _TERMINAL_REFUSALS:
        return Verdict(State.FAILURE, says.failed(ref, message))
    if ready.get("status") == "False" and reason in _WAITS_FOR_OTHERS:
        return Verdict(State.PENDING, says.waits_for_others(ref, message))
    attempted = sha_of(str(status.get("lastAttemptedRevision", ""))) == sha
    if not attempted:
        return Verdict(State.PENDING, says.waits_for(ref))
    # What was refused is news of this commit; what is broken may be so since one before it.
    refused = ready.get("status") == "False" and reason != "HealthCheckFailed"
    if not refused and (found := _broken(applied.parts)):
        return found
    if ready.get("status") == "False":
        return Verdict(State.FAILURE, _first(message, fallback=says.failed(ref, reason)))
    if ready.get("status") != "True" and not waits(applied.obj):
        return Verdict(State.PENDING, says.being_applied(ref))
    return _of_parts(sha, applied)


def _broken(parts: Iterable[Part]) -> Verdict | None:
    for part in parts:
        if part.trouble and not part.health.current:
            return Verdict(State.FAILURE, says.failed(part.ref, part.trouble))
    for part in parts:
        if part.health.failed:
            return Verdict(State.FAILURE, says.failed(part.ref, part.health.message))
    return None


def _of_parts(sha: str, applied: Applied) -> Verdict:
    waiting = [part for part in applied.parts if not part.health.current]
    if not waiting:
        if waits(applied.obj):
            return Verdict(State.PENDING, says.concludes(applied.ref, short(sha)))
        return Verdict(State.SUCCESS, "applied")
    first = waiting[0]
    detail, more = first.count or first.health.message, len(waiting) - 1
    if applied.overdue:
        return Verdict(State.FAILURE, says.not_in_time(first.ref, detail, more))
    return Verdict(State.PENDING, says.waits_for_health(short(sha), first.ref, detail, more))


def _first(message: str, *, fallback: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else fallback


def overtaken(sha: str, by: str, verdict: Verdict) -> Verdict:
    """Judge a commit that was never applied itself by the later one that contains it."""
    if not verdict.final:
        return verdict
    if verdict.state is State.SUCCESS:
        return Verdict(State.SUCCESS, says.overtaken(short(by)))
    return Verdict(verdict.state, says.overtaken_by_failure(short(by), verdict.text))


def replaced(by: str) -> Verdict:
    """Judge a commit that its branch no longer contains."""
    return Verdict(State.FAILURE, says.replaced(short(by)))


def unknown(sha: str, by: str, *, final: bool) -> Verdict:
    """Judge a commit of which nobody can tell whether the one that is there contains it."""
    if final:
        return Verdict(State.FAILURE, says.never_known(short(sha), short(by)))
    return Verdict(State.PENDING, says.waits_for_history(short(sha), short(by)))


def may_follow(old: str, new: State) -> bool:
    """Tell whether a state may be written after the one that is shown ("" for none)."""
    if old == "success":
        return False
    return not (old in ("failure", "error") and new is State.PENDING)
