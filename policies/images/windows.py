# SPDX-License-Identifier: Apache-2.0
"""When pull requests are opened: windows of the week in the clock of some place.

A window belongs to the day on which it begins: Fri from 22:00 to 06:00 ends on Saturday morning. One that
ends when it begins lasts a whole day. When clocks are changed, it begins and ends by the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from policies.repofile.model import Window

Zones = Callable[[str], tzinfo]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_AHEAD = 9  # days: a week, and what lies around it in other time zones


def opens(windows: Sequence[Window], now: datetime, zones: Zones) -> datetime:
    """Return when a pull request may be opened: now, or the beginning of the next window.

    Without windows that is always now. `zones` finds a time zone by its name; what it raises for one that is
    not known is passed on.
    """
    if not windows:
        return now
    spans = [span for window in windows for span in _spans(window, now, zones(window.time_zone))]
    if any(begin <= now < end for begin, end in spans):
        return now
    return min(begin for begin, _ in spans if begin > now)


def _spans(window: Window, now: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    today = now.astimezone(zone).date()
    begins, ends = time.fromisoformat(window.from_), time.fromisoformat(window.to)
    for offset in range(-1, _AHEAD):
        day = today + timedelta(days=offset)
        if window.days and _DAYS[day.weekday()] not in window.days:
            continue
        last = day if begins < ends else day + timedelta(days=1)
        # In UTC, since two times of one zone are compared by their clocks alone.
        begin, end = (
            datetime.combine(date, clock, zone).astimezone(UTC)
            for date, clock in ((day, begins), (last, ends))
        )
        yield begin, end
