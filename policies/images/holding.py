# SPDX-License-Identifier: Apache-2.0
"""What an automation's Ready message says of its pull requests: which are open, and what waits and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from policies.clock import rfc3339
from policies.images.proposals import Decision, Hold
from policies.repofile.model import Images

_SHOWN = 5


def until(decisions: Iterable[Decision]) -> datetime | None:
    """Return when something that waits may be opened, as far as that is known."""
    return min((one.until for one in decisions if isinstance(one, Hold) and one.until), default=None)


def ready_message(said: str, pulls: Sequence[int], decisions: Iterable[Decision], settings: Images) -> str:
    """Add to a Ready message which pull requests are open, and what is held."""
    parts = [said]
    if pulls:
        more = f" and {len(pulls) - _SHOWN} more" if len(pulls) > _SHOWN else ""
        parts.append(f"proposed in {', '.join(f'#{number}' for number in sorted(pulls)[:_SHOWN])}{more}")
    holds = [one for one in decisions if isinstance(one, Hold)]
    told = [_held(one, settings) for one in holds[:_SHOWN]]
    if told:
        more = f"; and {len(holds) - _SHOWN} more" if len(holds) > _SHOWN else ""
        parts.append(f"held: {'; '.join(told)}{more}")
    return "; ".join(parts)


def _held(hold: Hold, settings: Images) -> str:
    names = [policy.partition(":")[2] for policy in hold.policies]
    whose = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    until = f" until {rfc3339(hold.until)}" if hold.until else ""
    why = {
        "declined": "its version was declined",
        "unreadable": ".fairway/declined.yaml cannot be read: mend it",
        "age": f"not {settings.minimum_age} old yet",
        "grouping": "whose its files are is known once their Kustomizations were built again",
        "window": "no window is open",
        "open": f"the limit of open pull requests, {settings.limit}, is reached",
        "per-hour": f"the limit of those opened within an hour, {settings.per_hour}, is reached",
    }[hold.why]
    return f"policy {whose}{until}: {why}"
