# SPDX-License-Identifier: Apache-2.0
"""Objects that changed under us: found by their mark, put right at once, and more slowly each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from policies import correction
from policies.ledger import Applied
from workers.ledger import Ledger
from workers.watch.health import Owner, Suspect


@dataclass(frozen=True, slots=True)
class Drift:
    """One Kustomization is to be run in `after` seconds; `tell` is what a person should know about it."""

    after: float
    tell: str = ""


class Drifts:
    """Suspects by Kustomization, and when each was put right."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._suspects: dict[Owner, dict[str, Suspect]] = defaultdict(dict)
        self._times: dict[Owner, list[float]] = {}

    def suspect(self, owner: Owner, found: Suspect) -> None:
        self._suspects[owner][found.ref.id] = found

    def judge(
        self, owners: Sequence[Owner], now: float, *, longest: Callable[[Owner], float]
    ) -> dict[Owner, Drift]:
        """Compare the suspects of these with what was applied, and return the drifts. Raises RedisError.

        `longest` is the longest pause between corrections of one, in seconds.
        """
        suspected = [owner for owner in owners if owner in self._suspects]
        found = {}
        for owner, applied in self._ledger.applied(suspected).items():
            if drift := self._judge(owner, applied, now, longest):
                found[owner] = drift
        return found

    def _judge(
        self, owner: Owner, applied: Mapping[str, Applied], now: float, longest: Callable[[Owner], float]
    ) -> Drift | None:
        suspects = self._suspects[owner]
        changed = [s for one, s in suspects.items() if _differs(s, applied.get(one))]
        if not changed:
            del self._suspects[owner]
            return None
        times = self._times.setdefault(owner, [])
        after = correction.pause(times, now, longest=longest(owner))
        if after > 0:
            return Drift(after)
        del self._suspects[owner]
        times[:] = [*(at for at in times if now - at < correction.WITHIN), now]
        tell = correction.message(changed[0].ref, changed[0].manager) if correction.tells(times, now) else ""
        return Drift(0.0, tell)

    def forget(self, owner: Owner) -> None:
        self._suspects.pop(owner, None)
        self._times.pop(owner, None)


def _differs(suspect: Suspect, applied: Applied | None) -> bool:
    """Without a note of its apply an object was changed only if a watch saw it otherwise before."""
    return suspect.mark != applied.mark if applied else suspect.known_before
