# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from policies.history import BUILD, Entry, built, upsert


def record(
    history: list[Entry], digest: str, *, status: str = "ReconciliationSucceeded", now: str = "t2"
) -> list[Entry]:
    return upsert(
        history,
        digest=digest,
        status=status,
        duration="1.2s",
        now=now,
        metadata={"revision": f"main@{digest}"},
    )


def test_the_first_outcome_is_recorded_whole() -> None:
    assert record([], "a", now="t1") == [
        {
            "digest": "a",
            "firstReconciled": "t1",
            "lastReconciled": "t1",
            "lastReconciledDuration": "1.2s",
            "lastReconciledStatus": "ReconciliationSucceeded",
            "totalReconciliations": 1,
            "metadata": {"revision": "main@a"},
        }
    ]


def test_the_same_outcome_is_counted_and_keeps_when_it_was_first_seen() -> None:
    (entry,) = record(record([], "a", now="t1"), "a", now="t2")
    assert (entry["firstReconciled"], entry["lastReconciled"], entry["totalReconciliations"]) == (
        "t1",
        "t2",
        2,
    )


def test_the_same_content_with_another_result_is_another_outcome() -> None:
    history = record(record([], "a"), "a", status="HealthCheckFailed")
    assert [e["lastReconciledStatus"] for e in history] == ["HealthCheckFailed", "ReconciliationSucceeded"]


def test_an_outcome_that_comes_back_moves_to_the_front() -> None:
    history: list[Entry] = []
    for digest in ("a", "b", "c", "a"):
        history = record(history, digest)
    assert [(e["digest"], e["totalReconciliations"]) for e in history] == [("a", 2), ("c", 1), ("b", 1)]


def test_five_outcomes_are_kept_and_the_oldest_goes() -> None:
    history: list[Entry] = []
    for digest in "abcdef":
        history = record(history, digest)
    assert [e["digest"] for e in history] == list("fedcb")


def test_what_came_in_is_not_changed() -> None:
    before = record([], "a", now="t1")
    record(before, "a", now="t2")
    assert before == record([], "a", now="t1")


def test_why_the_last_revision_was_built_is_told_of_that_revision_only() -> None:
    history: list[Entry] = [{"metadata": {"revision": "main@a", BUILD: "rebuilt: app changed"}}]
    assert built(history, "main@a") == "rebuilt: app changed"
    assert built(history, "main@b") == built([{"metadata": {"revision": "main@a"}}], "main@a") == ""
    assert built([], "main@a") == built([{}], "main@a") == ""
