# SPDX-License-Identifier: Apache-2.0
"""What a registry says of how often it may be asked: Retry-After, and the headers of its rate limits.

Times are seconds since the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_AMOUNT = re.compile(r"\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?")
_SECONDS = re.compile(r"\d{1,9}")
_LONGEST = 24 * 3600  # seconds; a registry that wants more of us is asked again after a day
_EPOCH = 1_000_000_000  # a larger number is a time, not a number of seconds


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests of a window are left of a limit; `reset` is when all are back.

    Docker Hub counts pulls this way, that is requests for a manifest's content, and names no reset.
    """

    limit: int
    remaining: int
    window: int = 0
    reset: float = 0.0


def allowance(headers: Mapping[str, str], *, now: float) -> Allowance | None:
    """Return what the headers of an answer (by lower-case names) say is left, or None."""
    for prefix in ("ratelimit", "x-ratelimit"):
        limit = _AMOUNT.match(headers.get(f"{prefix}-limit", ""))
        remaining = _AMOUNT.match(headers.get(f"{prefix}-remaining", ""))
        if limit and remaining:
            window = int(remaining[2] or limit[2] or 0)
            reset = _moment(headers.get(f"{prefix}-reset", ""), now)
            return Allowance(int(limit[1]), int(remaining[1]), window, reset or 0.0)
    return None


def retry_at(headers: Mapping[str, str], *, now: float) -> float | None:
    """Return when a registry wants to be asked again, or None when it does not say."""
    text = headers.get("retry-after", "").strip()
    found = _moment(text, now)
    if found is None and text:
        try:
            dated = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        found = (dated if dated.tzinfo else dated.replace(tzinfo=UTC)).timestamp()
    return None if found is None else min(max(found, now), now + _LONGEST)


def until(moment: float) -> str:
    """Write a time of the same day as a person reads it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")


def _moment(text: str, now: float) -> float | None:
    if not _SECONDS.fullmatch(text.strip()) and not re.fullmatch(r"\d{10,11}", text.strip()):
        return None
    number = int(text)
    return min(float(number) if number >= _EPOCH else now + number, now + _LONGEST)
