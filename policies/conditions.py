# SPDX-License-Identifier: Apache-2.0
"""Conditions of an object's status, with the rules Flux's own runtime has for them.

A condition's transition time moves when its status, reason or message changes. Stalled, Reconciling and
Ready come first, in this order, then those observed last. Reconciling and Stalled are abnormal-true:
present only while they are True.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from policies.errors import FairwayError

Condition = dict[str, Any]
Status = Literal["True", "False", "Unknown"]

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
HEALTHY = "Healthy"
_FIRST = {STALLED: 0, RECONCILING: 1, READY: 2}
_LONGEST_MESSAGE = 32768  # the API server refuses the whole status for more


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """Return the condition of this type, if it is there."""
    return next((c for c in conditions if c.get("type") == kind), None)


def of(obj: Mapping[str, Any]) -> list[Condition]:
    """Return an object's conditions, however incomplete its status is."""
    return list((obj.get("status") or {}).get("conditions") or [])


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    return (find(conditions, kind) or {}).get("status") == "True"


class Conditions:
    """Change a list of conditions step by step; `now` is RFC 3339 in UTC, to the second."""

    def __init__(self, conditions: Iterable[Condition], *, generation: int, now: str) -> None:
        self._by_type = {c["type"]: c for c in conditions}
        self._generation = generation
        self._now = now

    def set(self, kind: str, status: Status, reason: str, message: str) -> Conditions:
        old = self._by_type.get(kind)
        new: Condition = {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": _fitting(message),
            "observedGeneration": self._generation,
            "lastTransitionTime": self._now,
        }
        if old and all(old.get(key) == new[key] for key in ("status", "reason", "message")):
            new["lastTransitionTime"] = old.get("lastTransitionTime", self._now)
        self._by_type[kind] = new
        return self

    def delete(self, *kinds: str) -> Conditions:
        for kind in kinds:
            self._by_type.pop(kind, None)
        return self

    def sorted(self) -> list[Condition]:
        return sorted(self._by_type.values(), key=_rank)


def succeeded(changed: Conditions, message: str) -> Conditions:
    """Say that a run went well."""
    return changed.set(READY, "True", "Succeeded", message).delete(RECONCILING, STALLED)


def failed(changed: Conditions, error: FairwayError, *, during: str) -> Conditions:
    """Say why a run failed; `during` is what it was at, for a failure that is tried again."""
    changed.set(READY, "False", error.reason, str(error))
    if error.retryable:
        return changed.set(RECONCILING, "True", "ProgressingWithRetry", during).delete(STALLED)
    return changed.set(STALLED, "True", error.reason, str(error)).delete(RECONCILING)


def _rank(condition: Condition) -> tuple[int, int, str]:
    first = _FIRST.get(condition["type"])
    if first is not None:
        return first, 0, ""
    return len(_FIRST), -condition.get("observedGeneration", 0), condition["type"]


def _fitting(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 3] + "..."
