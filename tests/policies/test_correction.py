# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies import correction
from policies.objects import ObjectRef

NOW = 10_000.0


@pytest.mark.parametrize(
    ("times", "pause"),
    [
        ([], 0.0),
        ([NOW], 1.0),
        ([NOW - 0.4], 0.6),
        ([NOW - 5], 0.0),
        ([NOW - 3, NOW], 2.0),
        ([NOW] * 5, 16.0),
        ([NOW] * 30, 60.0),
        ([NOW - correction.WITHIN], 0.0),
    ],
    ids=[
        "the-first",
        "the-second",
        "part-of-it-is-over",
        "long-enough",
        "doubled",
        "again",
        "the-longest",
        "old",
    ],
)
def test_the_pause_before_a_correction_doubles(times: list[float], pause: float) -> None:
    assert correction.pause(times, NOW, longest=60.0) == pytest.approx(pause)


def test_a_person_is_told_the_third_time_and_not_again_in_that_row() -> None:
    told = [correction.tells([NOW - 1] * count, NOW) for count in range(1, 6)]
    assert told == [False, False, True, False, False]


def test_who_wrote_last_is_named() -> None:
    entries = [
        {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-23T15:09:00Z"},
        {"manager": "old", "operation": "Update", "time": "2026-11-23T15:00:00Z"},
        {"manager": "hpa", "operation": "Update", "time": "2026-11-23T15:08:00Z"},
        {
            "manager": "kubelet",
            "operation": "Update",
            "time": "2026-11-23T15:10:00Z",
            "subresource": "status",
        },
    ]
    assert correction.changed_by({"metadata": {"managedFields": entries}}) == "hpa"
    assert correction.changed_by({"metadata": {}}) == ""
    ref = ObjectRef("apps", "v1", "Deployment", "apps", "web")
    assert "Deployment/apps/web was changed by manager 'hpa'" in correction.message(ref, "hpa")
    assert "by somebody" in correction.message(ref, "")
