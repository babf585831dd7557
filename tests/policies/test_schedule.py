# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import schedule
from policies.kinds import InvalidObject
from policies.kustomization import REQUESTED_AT
from policies.objects import Object
from tests.policies.made import (
    OTHER_REVISION,
    READY,
    WAITING,
    applied,
    condition,
    failing,
    git_repository,
    kustomization,
)

DELETED = {"deletionTimestamp": "2026-11-23T15:00:00Z"}
ARTIFACT = git_repository()["status"]["artifact"]
NEWER = git_repository(revision=OTHER_REVISION)["status"]["artifact"]
UNREADABLE = [
    condition("Ready", "False", "ValidationFailed"),
    condition("Stalled", "True", "ValidationFailed"),
]
REQUEST = {"annotations": {REQUESTED_AT: "b"}}


@pytest.mark.parametrize(
    ("obj", "artifact", "why"),
    [
        pytest.param(applied(), ARTIFACT, "", id="as-wanted"),
        pytest.param(applied(), NEWER, "revision", id="a-newer-artifact"),
        pytest.param(applied(), None, "", id="no-artifact"),
        pytest.param(applied(metadata={"generation": 2}), ARTIFACT, "generation", id="a-new-spec"),
        pytest.param(applied(metadata=REQUEST), ARTIFACT, "requested", id="a-request"),
        pytest.param(applied([condition("Ready", "Unknown")]), ARTIFACT, "interrupted", id="half-done"),
        pytest.param(applied(WAITING), ARTIFACT, "", id="waiting-for-health"),
        pytest.param(applied(metadata=DELETED), ARTIFACT, "deletion", id="deleted"),
        pytest.param(
            applied(metadata={**DELETED, "finalizers": ["other"]}), ARTIFACT, "", id="deleted-and-let-go"
        ),
        pytest.param(applied(metadata={"finalizers": []}), ARTIFACT, "finalizer", id="without-finalizer"),
        pytest.param(
            applied(spec={"suspend": True}, metadata={"generation": 2}),
            NEWER,
            "",
            id="suspended-is-never-due",
        ),
        pytest.param(
            applied(spec={"suspend": True}, metadata=DELETED),
            ARTIFACT,
            "deletion",
            id="suspended-and-deleted",
        ),
        *(
            pytest.param(applied(failing(reason)), NEWER, "", id=f"refused-for-{reason}-waits")
            for reason in ("DependencyNotReady", "AccessDenied", "NotServed")
        ),
        pytest.param(
            applied(failing("NotServed"), metadata={"generation": 2}),
            NEWER,
            "generation",
            id="refused-and-then-changed",
        ),
        pytest.param(
            applied(failing("DependencyNotReady"), metadata=REQUEST),
            NEWER,
            "requested",
            id="refused-and-asked-for",
        ),
        pytest.param(applied(failing("BuildFailed")), NEWER, "revision", id="failed-and-a-newer-artifact"),
        pytest.param(applied(failing("BuildFailed")), ARTIFACT, "", id="failed-waits-for-its-retry"),
        pytest.param(applied(UNREADABLE), NEWER, "", id="what-cannot-be-read-is-left-until-it-changes"),
        pytest.param(
            applied(UNREADABLE, metadata={"generation": 2}),
            ARTIFACT,
            "generation",
            id="unread-and-then-changed",
        ),
        pytest.param(
            applied(UNREADABLE, metadata=DELETED), ARTIFACT, "deletion", id="unread-and-then-deleted"
        ),
        pytest.param(git_repository(), None, "", id="a-source-as-wanted"),
        pytest.param(git_repository(metadata={"generation": 2}), None, "generation", id="a-source-changed"),
        pytest.param({**git_repository(), "status": None}, None, "generation", id="a-new-source"),
        pytest.param(git_repository(metadata=REQUEST), None, "requested", id="a-source-asked-for"),
        pytest.param(
            git_repository(metadata=REQUEST, lastHandledReconcileAt="b"), None, "", id="a-source-answered"
        ),
        pytest.param(git_repository(metadata=DELETED), None, "deletion", id="a-source-deleted"),
        pytest.param(git_repository(metadata={"finalizers": []}), None, "finalizer", id="a-source-unheld"),
    ],
)
def test_what_is_worked_on_now(obj: Object, artifact: Any, why: str) -> None:
    assert schedule.urgent(obj, artifact) == why


RETRY = {"retryInterval": "45s"}
NO_ARTIFACT = failing("ArtifactFailed", "Source artifact not found, retrying in 30s")
NO_SOURCE = failing("ArtifactFailed", "Source 'GitRepository/apps/fleet' not found")


@pytest.mark.parametrize(
    ("obj", "seconds"),
    [
        pytest.param(applied(), 600, id="ready-comes-again-after-its-interval"),
        pytest.param(applied(failing("BuildFailed")), 600, id="failed-without-retry-interval-as-well"),
        pytest.param(applied(failing("BuildFailed"), spec=RETRY), 45, id="failed-after-its-retry-interval"),
        pytest.param(kustomization(spec=RETRY), 45, id="never-reconciled-after-its-retry-interval"),
        pytest.param(applied(failing("DependencyNotReady"), spec=RETRY), 30, id="a-dependency-after-30-s"),
        pytest.param(applied(NO_ARTIFACT, spec=RETRY), 30, id="no-artifact-after-30-s"),
        pytest.param(applied(NO_SOURCE, spec=RETRY), 45, id="no-source-after-its-retry-interval"),
        pytest.param(
            applied(failing("NotServed", stalled=True), spec=RETRY), 600, id="stalled-after-its-interval"
        ),
        pytest.param(git_repository(), 60, id="a-source-after-its-interval"),
        pytest.param(git_repository(conditions=failing("GitOperationFailed")), 60, id="a-failed-source-too"),
        pytest.param(applied(spec={"interval": "0s"}), None, id="an-interval-of-nothing-never"),
        pytest.param(applied(spec={"interval": "1ms"}), 1, id="at-most-every-second"),
        pytest.param(applied(failing("BuildFailed"), spec={"retryInterval": "1ms"}), 1, id="retries-too"),
        pytest.param(git_repository(spec={"interval": "0s"}), None, id="a-source-without-interval-never"),
        pytest.param(applied(spec={"suspend": True}), None, id="suspended-never"),
        pytest.param(git_repository(spec={"suspend": True}), None, id="a-suspended-source-never"),
    ],
)
def test_when_the_next_run_is(obj: Object, seconds: float | None) -> None:
    assert schedule.pause(obj, jitter=0.0, chance=0.7) == seconds


@pytest.mark.parametrize(
    ("chance", "seconds"), [(0.0, 570.0), (0.5, 600.0), (1.0, 630.0)], ids=["earliest", "mean", "latest"]
)
def test_success_is_spread_around_the_interval(chance: float, seconds: float) -> None:
    assert schedule.pause(applied([READY]), jitter=0.05, chance=chance) == pytest.approx(seconds)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_retry_is_not_spread(chance: float) -> None:
    obj = applied(failing("BuildFailed"), spec=RETRY)
    assert schedule.pause(obj, jitter=0.5, chance=chance) == 45


@pytest.mark.parametrize("make", [applied, git_repository])
def test_the_next_run_of_what_cannot_be_read_is_an_error_naming_it(make: Any) -> None:
    with pytest.raises(InvalidObject, match=r"apps/\w+ cannot be read: spec\.interval"):
        schedule.pause(make(spec={"interval": "soon"}), jitter=0, chance=0)


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 0.75), (1, 1.5), (2, 3.0), (10, 768.0), (11, 900.0), (10_000, 900.0)]
)
def test_the_pause_after_failures_doubles_up_to_a_limit(failures: int, expected: float) -> None:
    assert schedule.backoff(failures, shortest=0.75, longest=900.0) == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param(failing("GitOperationFailed"), 3.0, id="not-fetched"),
        pytest.param(failing("InvalidURL", stalled=True), 60.0, id="only-a-change-helps"),
        pytest.param(
            [*failing("NotFound"), condition("IncludeUnavailable", "True")], 30.0, id="an-include-is-missing"
        ),
        pytest.param([READY], 60.0, id="ready"),
    ],
)
def test_when_a_source_is_asked_again(conditions: list[Object], expected: float) -> None:
    obj = git_repository(conditions=conditions, spec={"interval": "1m"})
    assert schedule.pause(obj, jitter=0, chance=0.5, retry=3.0) == expected


def receiver(conditions: list[Object], **spec: Any) -> Object:
    metadata = {"name": "web", "namespace": "apps", "generation": 1, "finalizers": ["finalizers.fluxcd.io"]}
    full = {"type": "generic", "secretRef": {"name": "hook"}, "resources": [], **spec}
    status = {"conditions": conditions, "observedGeneration": 1}
    return {"kind": "Receiver", "metadata": metadata, "spec": full, "status": status}


@pytest.mark.parametrize(
    ("obj", "seconds"),
    [
        pytest.param(receiver([READY]), 600, id="ready-comes-again-after-ten-minutes"),
        pytest.param(receiver([READY], interval="1m"), 60, id="or-after-its-interval"),
        pytest.param(receiver(failing("TokenNotFound")), 3, id="a-token-is-looked-for-soon"),
        pytest.param(receiver(failing("InvalidCELExpression", stalled=True)), None, id="stalled-never"),
        pytest.param(receiver([READY], suspend=True), None, id="suspended-never"),
    ],
)
def test_when_a_receiver_reads_its_secret_again(obj: Object, seconds: float | None) -> None:
    assert schedule.pause(obj, jitter=0.0, chance=0.7, retry=3.0) == seconds
    assert schedule.urgent(obj) == ""
    assert schedule.urgent({**obj, "metadata": {**obj["metadata"], "finalizers": []}}) == "finalizer"
