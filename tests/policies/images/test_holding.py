# SPDX-License-Identifier: Apache-2.0
"""What an automation's Ready message says of pull requests that are open, and of what waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from policies.images.holding import ready_message, until
from policies.images.proposals import Decision, Held, Hold, Leave
from policies.repofile.model import Images
from tests.policies.images.made import NOW

SETTINGS = Images.model_validate({"limit": 3, "perHour": 2, "minimumAge": "72h"})


def hold(why: Held, *names: str, hours: int = 0) -> Hold:
    return Hold(
        "b", why, tuple(f"apps:{name}" for name in names), NOW + timedelta(hours=hours) if hours else None
    )


@pytest.mark.parametrize(
    ("pulls", "decisions", "wanted"),
    [
        ([], [], "fine"),
        ([12, 3], [Leave(3)], "fine; proposed in #3, #12"),
        ([1, 2, 3, 4, 5, 6, 7], [], "fine; proposed in #1, #2, #3, #4, #5 and 2 more"),
        ([], [hold("declined", "web")], "fine; held: policy web: its version was declined"),
        (
            [],
            [hold("age", "web", "api", hours=1)],
            "fine; held: policy web, api until 2026-11-27T13:00:00Z: not 72h old yet",
        ),
        (
            [],
            [hold("window", "web", hours=2)],
            "fine; held: policy web until 2026-11-27T14:00:00Z: no window is open",
        ),
        (
            [],
            [hold("grouping", "web")],
            "fine; held: policy web: whose its files are is known once their Kustomizations were built again",
        ),
        ([], [hold("open", "web")], "fine; held: policy web: the limit of open pull requests, 3, is reached"),
        (
            [1],
            [hold("per-hour", "web"), hold("unreadable", "api")],
            "fine; proposed in #1; held: policy web: the limit of those opened within an hour, 2, is reached;"
            " policy api: .fairway/declined.yaml cannot be read: mend it",
        ),
        (
            [],
            [hold("open", f"p{n}") for n in range(6)],
            "fine; held: "
            + "; ".join(f"policy p{n}: the limit of open pull requests, 3, is reached" for n in range(5))
            + "; and 1 more",
        ),
    ],
)
def test_what_is_said(pulls: list[int], decisions: list[Decision], wanted: str) -> None:
    assert ready_message("fine", pulls, decisions, SETTINGS) == wanted


def test_what_waits_comes_when_the_first_of_it_may() -> None:
    assert until([Leave(1), hold("open", "web")]) is None
    assert until([hold("age", "a", hours=3), hold("window", "b", hours=2)]) == NOW + timedelta(hours=2)
