# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.health import (
    NOT_FOUND,
    Health,
    Verdict,
    aggregate,
    forgive_vanished,
    texts,
    vanishing_jobs,
    worst,
)
from policies.objects import ObjectRef
from tests.policies.health.objects import live

WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")
JOB = ObjectRef("batch", "v1", "Job", "apps", "web")
ROLE = ObjectRef("rbac.authorization.k8s.io", "v1", "ClusterRole", "", "view")
C, P, F = Verdict.CURRENT, Verdict.IN_PROGRESS, Verdict.FAILED
T, U, N = Verdict.TERMINATING, Verdict.UNKNOWN, Verdict.NOT_FOUND


def health(verdict: Verdict, message: str = "") -> Health:
    return Health(verdict, message)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], C),
        ([C, C], C),
        ([C, P], P),
        ([C, N], P),
        ([T], P),
        ([P, U, C], U),
        ([U, P, F, C], F),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else value,
)
def test_several_verdicts_make_one(verdicts: list[Verdict], expected: Verdict) -> None:
    assert aggregate(verdicts) is expected


def test_what_failed_is_named_first_and_of_equals_the_first() -> None:
    slow, bad = health(P, "Ready: 0/1"), health(F, "Progress deadline exceeded")
    assert worst({JOB: slow, WEB: bad, ROLE: bad}) == (WEB, bad)
    assert worst({ROLE: slow, JOB: slow}) == (ROLE, slow)


@pytest.mark.parametrize("healths", [{}, {WEB: health(C)}], ids=["nothing", "all current"])
def test_when_all_is_well_nothing_is_named(healths: dict[ObjectRef, Health]) -> None:
    assert worst(healths) is None


def test_jobs_with_a_time_to_live_are_found_among_rendered_objects() -> None:
    with_ttl = live("batch/v1/Job", spec={"ttlSecondsAfterFinished": 0})
    others = [live("batch/v1/Job"), live("example.com/v1/Job", spec={"ttlSecondsAfterFinished": 0})]
    assert vanishing_jobs([with_ttl, *others]) == {JOB}


def test_a_job_that_was_to_vanish_and_did_has_succeeded() -> None:
    seen = {JOB: NOT_FOUND, WEB: NOT_FOUND}
    found = forgive_vanished(seen, {JOB})
    assert (found[JOB].verdict, found[WEB]) == (C, NOT_FOUND)
    assert forgive_vanished(seen, frozenset()) == seen


def test_a_job_that_is_still_there_is_judged_although_it_may_vanish() -> None:
    assert forgive_vanished({JOB: health(F, "Job Failed")}, {JOB})[JOB].failed


def test_failing_early_names_what_failed() -> None:
    seen = {WEB: health(P), JOB: health(F), ROLE: health(F)}
    listed = "Job/apps/web status: 'Failed', ClusterRole/view status: 'Failed'"
    assert texts.failed_early(seen) == f"failed early due to stalled resources: [{listed}]"


def test_a_timeout_names_everything_that_is_not_there() -> None:
    seen = {WEB: health(P, "Ready: 0/1"), ROLE: health(C), JOB: health(U, "forbidden")}
    listed = "Deployment/apps/web status: 'InProgress', Job/apps/web status: 'Unknown': forbidden"
    assert texts.timed_out(seen) == f"timeout waiting for: [{listed}]"


def test_a_text_about_thousands_still_fits_into_a_condition() -> None:
    refs = [ObjectRef("", "v1", "ConfigMap", "apps", f"settings-{i:04}") for i in range(3000)]
    text = texts.timed_out(dict.fromkeys(refs, NOT_FOUND))
    listed = text.count("status: 'NotFound'")
    assert len(text) < 20_100
    assert text.endswith(f", and {3000 - listed} more]")
    assert 300 < listed < 3000


OLD_AND_NEW = {"replicas": 3, "updatedReplicas": 1}
SURGED = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 2}
ON_NODES = {"numberReady": 3, "desiredNumberScheduled": 4, "currentNumberScheduled": 4}


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (
            live("apps/v1/Deployment", {"readyReplicas": 3, "updatedReplicas": 1}, {"replicas": 3}),
            "1 of 3 ready",
        ),
        (
            live("apps/v1/Deployment", {"replicas": 2, "readyReplicas": 1, "updatedReplicas": 1}),
            "0 of 1 ready",
        ),
        (
            live(
                "apps/v1/Deployment",
                {"replicas": 4, "readyReplicas": 4, "updatedReplicas": 2},
                {"replicas": 3},
            ),
            "2 of 3 ready",
        ),
        (live("apps/v1/Deployment"), "0 of 1 ready"),
        (
            live("apps/v1/Deployment", {**SURGED, "availableReplicas": 1}, {"minReadySeconds": 10}),
            "0 of 1 available",
        ),
        (
            live("apps/v1/Deployment", {**SURGED, "availableReplicas": 2}, {"minReadySeconds": 10}),
            "1 of 1 ready",
        ),
        (live("apps/v1/StatefulSet", {**OLD_AND_NEW, "readyReplicas": 3}, {"replicas": 3}), "1 of 3 ready"),
        (
            live(
                "apps/v1/StatefulSet",
                {**OLD_AND_NEW, "readyReplicas": 3},
                {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
            ),
            "3 of 3 ready",
        ),
        (live("apps/v1/ReplicaSet", {"readyReplicas": 1}, {"replicas": 2}), "1 of 2 ready"),
        (live("apps/v1/DaemonSet", {**ON_NODES, "updatedNumberScheduled": 4}), "3 of 4 ready"),
        (live("apps/v1/DaemonSet", {**ON_NODES, "updatedNumberScheduled": 2}), "1 of 4 ready"),
        (live("apps/v1/DaemonSet", ON_NODES, {"updateStrategy": {"type": "OnDelete"}}), "3 of 4 ready"),
        (live("batch/v1/Job", {"succeeded": 2}, {"completions": 5}), "2 of 5 done"),
        (live("v1/ConfigMap"), ""),
        (live("example.com/v1/Job", "done", {"completions": "all"}), "0 of 1 done"),
    ],
    ids=[
        "old replicas do not count",
        "a new pod is not ready because an old one is",
        "half way through",
        "no status",
        "ready for too short a time",
        "ready for long enough",
        "old pods of a StatefulSet do not count",
        "but those its partition keeps do",
        "ReplicaSet",
        "DaemonSet",
        "old pods of a DaemonSet do not count",
        "but those it leaves until they are deleted do",
        "Job",
        "nothing to count",
        "unreadable",
    ],
)
def test_a_workload_says_how_far_it_is(obj: dict[str, object], words: str) -> None:
    assert texts.counted(obj) == words


def test_people_read_kind_and_place() -> None:
    assert [texts.named(WEB), texts.named(ROLE)] == ["Deployment apps/web", "ClusterRole view"]
