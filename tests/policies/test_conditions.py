# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import conditions
from policies.conditions import Conditions
from tests.policies.made import AT, condition

LATER = "2026-11-23T16:00:00Z"


@pytest.mark.parametrize(
    ("status", "reason", "message", "transition"),
    [
        pytest.param("True", "Succeeded", "fine", AT, id="the-same-state-keeps-its-time"),
        pytest.param("False", "Succeeded", "fine", LATER, id="another-status-is-a-transition"),
        pytest.param("True", "Progressing", "fine", LATER, id="another-reason-is-a-transition"),
        pytest.param("True", "Succeeded", "better", LATER, id="another-message-is-a-transition"),
    ],
)
def test_a_transition_is_a_change_of_state(
    status: conditions.Status, reason: str, message: str, transition: str
) -> None:
    before = [condition("Ready", "True", "Succeeded", "fine", generation=1)]
    (after,) = Conditions(before, generation=2, now=LATER).set("Ready", status, reason, message).sorted()
    assert after == {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 2,
        "lastTransitionTime": transition,
    }


def test_a_condition_without_a_time_gets_one_though_its_state_is_the_same() -> None:
    before = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": ""}
    (after,) = Conditions([before], generation=1, now=LATER).set("Ready", "True", "Succeeded", "").sorted()
    assert after["lastTransitionTime"] == LATER


def test_what_came_in_is_not_changed() -> None:
    before = [condition("Ready", "True", "Succeeded")]
    Conditions(before, generation=2, now=LATER).set("Ready", "False", "Failed", "no").delete("Ready")
    assert before == [condition("Ready", "True", "Succeeded")]


def test_stalled_reconciling_and_ready_come_first_then_what_was_observed_last_then_names() -> None:
    found = [
        condition("ArtifactInStorage", "True", generation=1),
        condition("Zebra", "True", generation=2),
        condition("Ready", "True", generation=1),
        {"type": "Unobserved", "status": "True"},
        condition("Healthy", "True", generation=2),
        condition("Reconciling", "True", generation=2),
        condition("Stalled", "True", generation=1),
    ]
    order = [c["type"] for c in Conditions(found, generation=2, now=LATER).sorted()]
    assert order == [
        *("Stalled", "Reconciling", "Ready"),
        *("Healthy", "Zebra", "ArtifactInStorage", "Unobserved"),
    ]


def test_deleting_takes_every_named_condition_and_minds_none_that_is_missing() -> None:
    found = [condition("Ready", "True"), condition("Reconciling", "True"), condition("Stalled", "True")]
    left = Conditions(found, generation=1, now=LATER).delete("Reconciling", "Stalled", "Healthy").sorted()
    assert [c["type"] for c in left] == ["Ready"]


@pytest.mark.parametrize(
    ("length", "end"),
    [
        pytest.param(32768, "x", id="what-the-schema-allows-stays"),
        pytest.param(32769, "...", id="more-is-cut-and-says-so"),
    ],
)
def test_no_message_is_longer_than_the_schema_allows(length: int, end: str) -> None:
    changed = Conditions([], generation=1, now=LATER).set("Ready", "False", "BuildFailed", "x" * length)
    (after,) = changed.sorted()
    assert len(after["message"]) == 32768
    assert after["message"].endswith(end)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param({}, [], id="no-status"),
        pytest.param({"status": None}, [], id="empty-status"),
        pytest.param({"status": {"conditions": None}}, [], id="no-conditions"),
        pytest.param({"status": {"conditions": [{"type": "Ready"}]}}, [{"type": "Ready"}], id="one"),
    ],
)
def test_an_incomplete_status_has_no_conditions(obj: dict[str, Any], expected: list[Any]) -> None:
    assert conditions.of(obj) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [("True", True), ("False", False), ("Unknown", False), (None, False)],
)
def test_only_true_is_true(status: str | None, expected: bool) -> None:
    found = [condition("Ready", status)] if status else []
    assert conditions.is_true(found, "Ready") is expected


def test_a_condition_is_found_by_its_type() -> None:
    found = [condition("Ready", "True"), condition("Healthy", "False")]
    assert conditions.find(found, "Healthy") == condition("Healthy", "False")
    assert conditions.find(found, "Stalled") is None
