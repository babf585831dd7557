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
    """Read an RFC 3339 time; raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def go_duration(span: timedelta | float) -> str:
    """Write a duration (timedelta or seconds) as Go prints it: `1.5s`, `250ms`, `1m30s`, `1h0m0s`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 0:
        return "-" + go_duration(-seconds)
    if seconds == 0:
        return "0s"
    if seconds < 1:
        micro = round(seconds * 1e6)
        return f"{_trim(micro / 1000)}ms" if micro >= 1000 else f"{micro}µs"
    total_minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(total_minutes), 60)
    tail = f"{_trim(rest)}s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


def _trim(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
