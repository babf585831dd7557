# SPDX-License-Identifier: Apache-2.0
"""Where a Kustomization says itself how the health of its kinds is told: spec.healthCheckExprs.

Its rules go before what we know of a kind. Flux reads Jobs in its own way before it asks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.expressions import Answer, Expression
from policies.health.verdict import Health, Verdict, current, failed, in_progress
from policies.objects import GroupKind, ObjectRef

_JOB = GroupKind("batch", "Job")
_FIELDS = ("current", "failed", "inProgress")  # in the order Flux compiles them in


@dataclass(frozen=True, slots=True)
class Rule:
    """How objects of a kind are judged; an expression that is not given is empty."""

    in_progress: str
    failed: str
    current: str

    @property
    def expressions(self) -> list[Expression]:
        """What has to be evaluated on an object before it can be judged."""
        return [Expression(text) for text in (self.in_progress, self.failed, self.current) if text]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one Kustomization by group and kind; a kind of "" stands for all of a group."""

    by_kind: Mapping[GroupKind, Rule] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Rules:
        """Read the rules of a Kustomization's spec."""
        return cls({_group_kind(check): _rule(check) for check in spec.get("healthCheckExprs") or []})

    def find(self, kind: GroupKind) -> Rule | None:
        """Return the rule for objects of a kind: its own, else that of its group, else none."""
        if kind == _JOB:
            return None
        return self.by_kind.get(kind) or self.by_kind.get(GroupKind(kind.group, ""))

    def judged(self, refs: Iterable[ObjectRef]) -> frozenset[str]:
        """Return the ids of those objects that there is a rule for."""
        return frozenset(ref.id for ref in refs if self.find(ref.group_kind)) if self.by_kind else frozenset()


def expressions(spec: Mapping[str, Any]) -> list[Expression]:
    """Return every expression of a Kustomization's health checks."""
    checks = spec.get("healthCheckExprs") or []
    return [Expression(check[name]) for check in checks for name in _FIELDS if check.get(name)]


def problem(spec: Mapping[str, Any], problems: Mapping[str, str]) -> str:
    """Say what is wrong with the first rule that is, in Flux's words; `problems` are by expression."""
    seen: set[GroupKind] = set()
    for place, check in enumerate(spec.get("healthCheckExprs") or []):
        kind = _group_kind(check)
        if kind in seen:
            return f"duplicate custom health check for GroupKind {_shown(kind)} at healthchecks[{place}]"
        seen.add(kind)
        if wrong := _problem(check, problems):
            return f"failed to create custom status evaluator for healthchecks[{place}]: {wrong}"
    return ""


def judge(rule: Rule, obj: Mapping[str, Any], answers: Mapping[Expression, Answer]) -> Health:
    """Return how an object is by its rule; an expression that cannot be evaluated leaves it Unknown."""
    generation, observed = (
        _integer(obj, "metadata", "generation"),
        _integer(obj, "status", "observedGeneration"),
    )
    if observed is not None and generation is not None and observed != generation:
        message = f"generation is {generation}, but latest observed generation is {observed}"
        return in_progress(message, "LatestGenerationNotObserved")
    for text, health in (
        (rule.in_progress, in_progress("in progress by its healthCheckExprs", "InProgress")),
        (rule.failed, failed("failed by its healthCheckExprs", "Failed")),
        (rule.current, current("current by its healthCheckExprs")),
    ):
        answer = answers[Expression(text)] if text else Answer()
        if answer.error:
            return Health(Verdict.UNKNOWN, answer.error)
        if answer.holds:
            return health
    return in_progress("not yet current by its healthCheckExprs", "InProgress")


def _group_kind(check: Mapping[str, Any]) -> GroupKind:
    # Flux takes what it cannot read as an API version for the core group, and only the group counts.
    group, slash, version = check.get("apiVersion", "").partition("/")
    return GroupKind(group if slash and "/" not in version else "", check.get("kind") or "")


def _rule(check: Mapping[str, Any]) -> Rule:
    return Rule(check.get("inProgress") or "", check.get("failed") or "", check.get("current") or "")


def _problem(check: Mapping[str, Any], problems: Mapping[str, str]) -> str:
    if not check.get("current"):
        return "expression Current not specified"
    for name in _FIELDS:
        if wrong := problems.get(check.get(name) or ""):
            return f"failed to parse the expression {name[0].upper()}{name[1:]}: {wrong}"
    return ""


def _shown(kind: GroupKind) -> str:
    return f"{kind.kind}.{kind.group}" if kind.group else kind.kind


def _integer(obj: Mapping[str, Any], part: str, name: str) -> int | None:
    within = obj.get(part)
    value = within.get(name) if isinstance(within, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
