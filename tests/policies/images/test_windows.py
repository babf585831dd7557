# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.images.windows import opens
from policies.repofile.model import Window


def window(begin: str, end: str, zone: str = "UTC", *days: str) -> Window:
    found: dict[str, Any] = {"from": begin, "to": end, "timeZone": zone}
    return Window.model_validate(found | ({"days": list(days)} if days else {}))


WORK = window("08:00", "16:00", "UTC", "Mon", "Tue", "Wed", "Thu", "Fri")
BERLIN = window("08:00", "16:00", "Europe/Berlin", "Mon", "Tue", "Wed", "Thu", "Fri")
NIGHT = window("22:00", "06:00", "UTC", "Fri")
ALWAYS = window("00:00", "00:00")
MONDAY = window("00:00", "00:00", "Pacific/Auckland", "Mon")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 2026-11-27 is a Friday; Berlin's clocks go back on 2026-10-25 and forward on 2026-03-29.
@pytest.mark.parametrize(
    ("windows", "now", "wanted"),
    [
        ([], "2026-11-28T03:00", "2026-11-28T03:00"),
        ([WORK], "2026-11-27T08:00", "2026-11-27T08:00"),
        ([WORK], "2026-11-27T15:59:59", "2026-11-27T15:59:59"),
        ([WORK], "2026-11-27T16:00", "2026-11-30T08:00"),
        ([WORK], "2026-11-27T07:59", "2026-11-27T08:00"),
        ([BERLIN], "2026-11-27T06:59", "2026-11-27T07:00"),
        ([BERLIN], "2026-07-03T06:00", "2026-07-03T06:00"),
        ([BERLIN], "2026-07-03T14:00", "2026-07-06T06:00"),
        ([NIGHT], "2026-11-28T05:59", "2026-11-28T05:59"),
        ([NIGHT], "2026-11-28T06:00", "2026-12-04T22:00"),
        ([NIGHT], "2026-11-27T05:00", "2026-11-27T22:00"),
        ([NIGHT, WORK], "2026-11-27T16:30", "2026-11-27T22:00"),
        ([ALWAYS], "2026-11-28T03:00", "2026-11-28T03:00"),
        ([MONDAY], "2026-11-29T10:59", "2026-11-29T11:00"),
        ([MONDAY], "2026-11-30T10:59", "2026-11-30T10:59"),
        ([MONDAY], "2026-11-30T11:00", "2026-12-06T11:00"),
        # The hour from 2 to 3 is there twice, or not at all.
        ([window("02:30", "03:30", "Europe/Berlin")], "2026-10-25T00:30", "2026-10-25T00:30"),
        ([window("02:30", "03:30", "Europe/Berlin")], "2026-10-25T02:29", "2026-10-25T02:29"),
        ([window("02:30", "03:30", "Europe/Berlin")], "2026-10-25T02:30", "2026-10-26T01:30"),
        ([window("01:00", "04:00", "Europe/Berlin")], "2026-03-29T01:59", "2026-03-29T01:59"),
        ([window("01:00", "04:00", "Europe/Berlin")], "2026-03-29T02:00", "2026-03-29T23:00"),
    ],
)
def test_a_window_opens_by_the_clock_of_its_place(windows: list[Window], now: str, wanted: str) -> None:
    assert opens(windows, at(now), ZoneInfo) == at(wanted)


def test_an_hour_that_is_there_twice_is_told_apart() -> None:
    night = [window("01:00", "02:30", "Europe/Berlin")]
    first, second = (
        datetime(2026, 10, 25, 2, 10, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold) for fold in (0, 1)
    )
    assert opens(night, first, ZoneInfo) == first
    assert opens(night, second, ZoneInfo) == at("2026-10-26T00:00")


def test_an_unknown_zone_is_not_passed_over() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        opens([window("08:00", "09:00", "Mars/Olympus")], at("2026-11-27T08:00"), ZoneInfo)


_CLOCK = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
_DAY = st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
_ZONE = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu"])


@settings(deadline=None)
@given(
    st.lists(st.builds(window, _CLOCK, _CLOCK, _ZONE, _DAY), min_size=1, max_size=3),
    st.integers(0, 400 * 1440).map(lambda minutes: at("2026-01-01T00:00") + timedelta(minutes=minutes)),
)
def test_what_opens_next_is_open_then_and_not_before(windows: list[Window], now: datetime) -> None:
    begins = opens(windows, now, ZoneInfo)
    assert now <= begins <= now + timedelta(days=8)
    assert opens(windows, begins, ZoneInfo) == begins
    between = now + (begins - now) / 2
    if begins > now:
        assert opens(windows, between, ZoneInfo) == begins
