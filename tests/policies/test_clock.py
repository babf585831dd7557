# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import clock
from policies.kinds.meta import seconds


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, "0s"),
        (1e-7, "0s"),
        (0.0000015, "2µs"),
        (0.000999, "999µs"),
        (0.0012345, "1.234ms"),
        (0.25, "250ms"),
        (0.9999999, "1s"),
        (1.5, "1.5s"),
        (59.9999999, "1m0s"),
        (90, "1m30s"),
        (3599.9999999, "1h0m0s"),
        (3600, "1h0m0s"),
        (86400.123456, "24h0m0.123456s"),
        (-1.5, "-1.5s"),
        (timedelta(minutes=5), "5m0s"),
        (timedelta(days=2, milliseconds=70), "48h0m0.07s"),
    ],
)
def test_durations_read_as_go_prints_them(span: timedelta | float, expected: str) -> None:
    assert clock.go_duration(span) == expected


@given(st.integers(1000, 10**13))
def test_a_duration_that_is_written_reads_back(microseconds: int) -> None:
    assert round(seconds(clock.go_duration(timedelta(microseconds=microseconds))) * 1e6) == microseconds


def test_moments_are_written_in_utc_to_the_second() -> None:
    moment = datetime(2026, 3, 1, 13, 0, 0, 999_999, timezone(timedelta(hours=1)))
    assert clock.rfc3339(moment) == "2026-03-01T12:00:00Z"
    assert clock.rfc3339_micro(moment) == "2026-03-01T12:00:00.999999Z"


@pytest.mark.parametrize(
    "text", ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00.000000Z"]
)
def test_what_kubernetes_writes_is_read(text: str) -> None:
    assert clock.parse(text) == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-13-01T12:00:00Z"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month|time zone"):
        clock.parse(text)


def test_digits_below_the_microsecond_are_dropped() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    assert clock.parse("2026-03-01T12:00:00.123456789Z") == moment
