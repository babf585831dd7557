# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.registry.rates import Allowance, allowance, retry_at, until

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"},
            Allowance(100, 76, 21600),
        ),
        ({"ratelimit-limit": "100", "ratelimit-remaining": "0"}, Allowance(100, 0)),
        (
            {"x-ratelimit-limit": "600", "x-ratelimit-remaining": "5", "x-ratelimit-reset": "1790000030"},
            Allowance(600, 5, 0, NOW + 30),
        ),
        (
            {"ratelimit-limit": "600", "ratelimit-remaining": "5", "ratelimit-reset": "30"},
            Allowance(600, 5, 0, NOW + 30),
        ),
        (
            {"ratelimit-limit": "1", "ratelimit-remaining": "0", "ratelimit-reset": "9999999999"},
            Allowance(1, 0, 0, NOW + 24 * 3600),
        ),
        ({"ratelimit-limit": "100"}, None),
        ({"ratelimit-limit": "many", "ratelimit-remaining": "few"}, None),
        ({"ratelimit-limit": "-1", "ratelimit-remaining": "-1"}, None),
        ({}, None),
    ],
)
def test_what_is_left_is_read(headers: dict[str, str], found: Allowance | None) -> None:
    assert allowance(headers, now=NOW) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("120", NOW + 120),
        ("0", NOW),
        ("1790000060", NOW + 60),  # Docker Hub once sent the time itself
        ("Mon, 21 Sep 2026 14:13:50 GMT", NOW + 30),
        ("Mon, 21 Sep 2020 14:13:20 GMT", NOW),
        ("999999999", NOW + 24 * 3600),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_when_to_come_again_is_read(text: str, found: float | None) -> None:
    assert retry_at({"retry-after": text}, now=NOW) == found


def test_a_time_is_written_for_people() -> None:
    assert until(NOW) == "14:13:20 UTC"
