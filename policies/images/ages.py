# SPDX-License-Identifier: Apache-2.0
"""How old an image is: when it was made, as far as one can believe that, or when it was chosen."""

from __future__ import annotations

from datetime import UTC, datetime

from policies import clock, conditions
from policies.objects import Object

# Builds that are to be the same whenever they are made say 1970, 1980 or the year 1.
_FIRST = datetime(2013, 1, 1, tzinfo=UTC)


def made(created: str, now: datetime) -> datetime | None:
    """Return when an image says that it was made; None when that cannot be."""
    try:
        at = clock.parse(_to_the_microsecond(created))
    except ValueError:
        return None
    return at.astimezone(UTC) if _FIRST <= at <= now else None


def chosen(policy: Object) -> datetime | None:
    """Return when a policy's status last changed, which is when it chose its image, or later."""
    times = [
        str(entry.get("time") or "")
        for entry in policy["metadata"].get("managedFields") or []
        if entry.get("subresource") == "status"
    ]
    ready = conditions.find(conditions.of(policy), conditions.READY) or {}
    for text in (max(times, default=""), str(ready.get("lastTransitionTime") or "")):
        try:
            return clock.parse(text).astimezone(UTC)
        except ValueError:
            continue
    return None


def _to_the_microsecond(text: str) -> str:
    """Leave out what Go writes of a second beyond microseconds."""
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{whole}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}" if dot and digits else text
