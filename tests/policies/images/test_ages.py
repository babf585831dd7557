# SPDX-License-Identifier: Apache-2.0
"""How old an image is, as far as one can believe what it says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.images.ages import chosen, made

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("created", "wanted"),
    [
        ("2026-11-26T08:30:00Z", AT),
        ("2026-11-26T10:30:00+02:00", AT),
        ("2026-11-26T08:30:00.123456789Z", AT.replace(microsecond=123456)),
        ("2026-11-26T08:30:00.5Z", AT.replace(microsecond=500000)),
        ("1970-01-01T00:00:00Z", None),
        ("1980-01-01T00:00:01Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-27T12:00:01Z", None),  # nothing is made tomorrow
        ("2026-11-26T08:30:00", None),  # nobody knows where
        ("yesterday", None),
        ("", None),
    ],
)
def test_when_an_image_was_made(created: str, wanted: datetime | None) -> None:
    assert made(created, NOW) == wanted


def policy(*times: str, ready: str = "") -> dict[str, Any]:
    fields = [{"subresource": "status", "time": time} for time in times]
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}] if ready else []
    managed = [{"time": "2026-11-27T11:00:00Z"}, *fields]
    return {"metadata": {"managedFields": managed}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("obj", "wanted"),
    [
        (policy("2026-11-20T00:00:00Z", "2026-11-26T08:30:00Z"), AT),
        (policy("2026-11-26T08:30:00Z", ready="2026-11-01T00:00:00Z"), AT),
        (policy(ready="2026-11-26T08:30:00Z"), AT),
        (policy(), None),
    ],
)
def test_when_an_image_was_chosen(obj: dict[str, Any], wanted: datetime | None) -> None:
    assert chosen(obj) == wanted
