# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import views
from policies.commit_status import Applied, Part, Source, State, Verdict
from policies.health import Health
from policies.health import Verdict as Kstatus
from policies.objects import ObjectRef
from tests.policies.made import (
    OTHER_REVISION,
    READY,
    REVISION,
    SHA,
    applied,
    condition,
    failing,
    git_repository,
)

WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")
NOW = "2026-11-23T15:04:05Z"


def page(*sources: Source) -> dict[str, Any]:
    return views.commit(
        repository="acme/fleet",
        sha=SHA,
        private=True,
        cluster="prod-eu",
        verdict=Verdict(State.PENDING, "waits"),
        sources=sources,
        now=NOW,
    )


def test_a_page_says_what_it_is_about_and_how_it_stands() -> None:
    assert page() == {
        "repository": "acme/fleet",
        "sha": SHA,
        "private": True,
        "cluster": "prod-eu",
        "state": "pending",
        "description": "waits",
        "updated": NOW,
        "objects": [],
    }


def test_a_source_is_followed_by_what_applies_it() -> None:
    first, second = (
        Source(git_repository(), [Applied(applied())]),
        Source(git_repository(metadata={"name": "b"})),
    )
    rows = page(first, second)["objects"]
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("GitRepository", "fleet"),
        ("Kustomization", "web"),
        ("GitRepository", "b"),
    ]
    assert rows[1] == {
        "kind": "Kustomization",
        "namespace": "apps",
        "name": "web",
        "state": "success",
        "message": f"Applied revision: {REVISION}",
        "since": "2026-11-23 15:00:00",
        "objects": [],
    }


@pytest.mark.parametrize(
    ("source", "state"),
    [
        pytest.param(git_repository(), "success", id="fetched"),
        pytest.param(git_repository(revision=OTHER_REVISION), "pending", id="at-another-commit"),
        pytest.param(git_repository(conditions=failing("GitOperationFailed")), "failure", id="failed"),
        pytest.param(
            git_repository(conditions=failing("GitOperationFailed"), revision=OTHER_REVISION),
            "failure",
            id="failed-at-another-commit",
        ),
        pytest.param(git_repository(conditions=[condition("Ready", "Unknown")]), "pending", id="in-progress"),
        pytest.param(git_repository(conditions=[]), "pending", id="new"),
    ],
)
def test_the_state_of_a_source(source: dict[str, Any], state: str) -> None:
    (row,) = page(Source(source))["objects"]
    assert row["state"] == state


@pytest.mark.parametrize(
    ("one", "state", "message"),
    [
        pytest.param(
            Applied(applied()), "success", f"Applied revision: {REVISION}", id="success-says-ready's-words"
        ),
        pytest.param(
            Applied(applied(failing("BuildFailed", "no such file\nat line 3"))),
            "failure",
            "no such file\nat line 3",
            id="a-failure-keeps-its-whole-message",
        ),
        pytest.param(
            Applied(applied([READY]), [Part(WEB, Health(Kstatus.IN_PROGRESS, "x"), "2 of 3 ready")]),
            "pending",
            "Applied 3f2a91c, waits for Deployment apps/web (2 of 3 ready)",
            id="what-is-waited-for-goes-before-ready's-words",
        ),
        pytest.param(
            Applied(applied([])), "pending", "Kustomization apps/web is being applied", id="no-words"
        ),
    ],
)
def test_the_row_of_a_kustomization(one: Applied, state: str, message: str) -> None:
    row = page(Source(git_repository(), [one]))["objects"][1]
    assert (row["state"], row["message"]) == (state, message)


def test_an_object_without_ready_has_no_time() -> None:
    (row,) = page(Source(git_repository(conditions=[])))["objects"]
    assert (row["since"], row["message"]) == ("", "")


@pytest.mark.parametrize(
    ("verdict", "count", "trouble", "state", "message"),
    [
        pytest.param(Kstatus.CURRENT, "3 of 3 ready", "", "success", "3 of 3 ready", id="healthy"),
        pytest.param(Kstatus.CURRENT, "", "", "success", "said", id="healthy-without-count"),
        pytest.param(Kstatus.CURRENT, "3 of 3 ready", "Old", "success", "3 of 3 ready", id="healthy-again"),
        pytest.param(Kstatus.IN_PROGRESS, "2 of 3 ready", "", "pending", "2 of 3 ready", id="starting"),
        pytest.param(Kstatus.NOT_FOUND, "", "", "pending", "said", id="missing"),
        pytest.param(Kstatus.FAILED, "", "", "failure", "said", id="failed"),
        pytest.param(Kstatus.IN_PROGRESS, "0 of 3 ready", "Pull", "failure", "Pull", id="in-trouble"),
    ],
)
def test_the_row_of_an_applied_object(
    verdict: Kstatus, count: str, trouble: str, state: str, message: str
) -> None:
    part = Part(WEB, Health(verdict, "said"), count, trouble)
    (row,) = page(Source(git_repository(), [Applied(applied(), [part])]))["objects"][1]["objects"]
    assert row == {
        "kind": "Deployment",
        "namespace": "apps",
        "name": "web",
        "state": state,
        "message": message,
    }
