# SPDX-License-Identifier: Apache-2.0
"""How often what somebody changes on the cluster is put right: at once, then slower and slower.

Two controllers that want different things would undo each other's work for ever; the pause doubles with
each time, and the third time within ten minutes a person is told who it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policies.objects import ObjectRef
from policies.takeover import is_ours

WITHIN = 600.0  # seconds; corrections longer ago do not count
_FIRST_PAUSE = 1.0
TELL_AT = 3


def pause(times: Sequence[float], now: float, *, longest: float) -> float:
    """Return the seconds until the next correction, after those at `times`; never more than `longest`."""
    recent = [at for at in times if now - at < WITHIN]
    if not recent:
        return 0.0
    wanted: float = min(_FIRST_PAUSE * 2.0 ** (len(recent) - 1), longest)
    return max(0.0, recent[-1] + wanted - now)


def tells(times: Sequence[float], now: float) -> bool:
    """Tell whether this is the time at which a person is told: once in a row of corrections."""
    return sum(now - at < WITHIN for at in times) == TELL_AT


def changed_by(obj: Mapping[str, Any]) -> str:
    """Return the manager that wrote an object last, not counting us and status; empty when nobody did."""
    entries: Iterable[Mapping[str, Any]] = (obj.get("metadata") or {}).get("managedFields") or []
    others = [e for e in entries if not is_ours(e) and not e.get("subresource")]
    return str(max(others, key=lambda e: str(e.get("time", "")), default={}).get("manager", ""))


def message(ref: ObjectRef, manager: str) -> str:
    """Say that somebody keeps changing an object, who, and what to do."""
    who = f"manager {manager!r}" if manager else "somebody"
    return (
        f"{ref} was changed by {who} for the {TELL_AT}rd time within ten minutes and is put right each time,"
        " more slowly from now on; let only one of the two write it, or leave the field to the other with"
        " spec.ignore"
    )
