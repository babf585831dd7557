# SPDX-License-Identifier: Apache-2.0
"""Times as Kubernetes and Go write them; the clock itself is always handed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC to the second, as Kubernetes does in status."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: datetime) -> str:
    """Write a moment in UTC to the microsecond, as Leases want it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """Read an RFC 3339 time, to the microsecond; raises ValueError, also for a time without its zone."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say in which time zone it is")
    return moment


def go_duration(span: timedelta | float) -> str:
    """Write a duration (timedelta or seconds) as Go prints it: `1.5s`, `250ms`, `1m30s`, `1h0m0s`.

    It is rounded to the microsecond first: what rounds up to a minute has to read as one.
    """
    micros = round((span.total_seconds() if isinstance(span, timedelta) else span) * 1e6)
    if micros < 0:
        return "-" + go_duration(-micros / 1e6)
    if micros < 1_000_000:
        return f"{_decimal(micros, 1000)}ms" if micros >= 1000 else f"{micros}µs" if micros else "0s"
    minutes, rest = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{_decimal(rest, 1_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = str(rest).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
