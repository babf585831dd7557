# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.workers.github.conftest import Place
from workers.github import Deployment, DeploymentState, DeploymentStatus, ServerError
from workers.github.calls import DEPLOYMENTS

SUCCESS = DeploymentStatus(
    DeploymentState.SUCCESS, "healthy", "https://web.example/", "https://x.example/log"
)


def wanted(place: Place, **more: Any) -> Deployment:
    return replace(Deployment(place.head, "prod/eu", "cluster/demo"), **more)


def shown(place: Place, path: str = "") -> list[Any]:
    return list(place.github.pages(place.name, f"/deployments{path}", "look", permissions=DEPLOYMENTS))


def test_a_deployment_is_made_once(able: Place) -> None:
    writer = able.github.deployments
    made = writer.ensure(able.name, wanted(able, description="web", production=True, payload={"n": 1}))
    assert writer.ensure(able.name, wanted(able)) == made
    (one,) = shown(able)
    assert (one["environment"], one["payload"]) == ("prod/eu", {"n": 1, "fairway": "cluster/demo"})
    assert (one["sha"], one["production_environment"], one["description"]) == (able.head, True, "web")
    others = [wanted(able, marker="m"), wanted(able, environment="qa")]
    assert len({made, *(writer.ensure(able.name, other) for other in others)}) == 3


def test_a_deployment_of_somebody_else_is_not_ours(able: Place) -> None:
    able.forge.allow(able.repo, "alice", "write")
    body = wanted(able).body()
    theirs = able.forge._as("alice", "POST", f"/repos/{able.name}/deployments", body)
    assert able.github.deployments.ensure(able.name, wanted(able)) != theirs["id"]


def test_a_502_after_the_deployment_was_made_makes_no_second_one(able: Place) -> None:
    able.forge.fail_after("POST", "/repos/.*/deployments")
    made = able.github.deployments.ensure(able.name, wanted(able))
    assert [one["id"] for one in shown(able)] == [made]


def test_a_502_before_it_was_made_is_for_the_caller_to_repeat(able: Place) -> None:
    able.forge.fail_before("POST", "/repos/.*/deployments")
    with pytest.raises(ServerError, match="to prod/eu"):
        able.github.deployments.ensure(able.name, wanted(able))
    assert shown(able) == []


def test_a_status_is_written_when_it_is_news(able: Place) -> None:
    writer = able.github.deployments
    made = writer.ensure(able.name, wanted(able))
    progress = DeploymentStatus(DeploymentState.IN_PROGRESS, "x" * 200)
    answers = [
        writer.ensure_status(able.name, made, status) for status in (progress, progress, SUCCESS, SUCCESS)
    ]
    assert answers == [True, False, True, False]
    newest, first = shown(able, f"/{made}/statuses")
    assert (newest["state"], newest["environment_url"]) == ("success", "https://web.example/")
    assert (first["state"], len(first["description"])) == ("in_progress", 140)


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_502_around_a_status(able: Place, after: bool) -> None:
    made = able.github.deployments.ensure(able.name, wanted(able))
    if after:
        able.forge.fail_after("POST", r"/repos/.*/deployments/\d+/statuses")
        assert able.github.deployments.ensure_status(able.name, made, SUCCESS) is True
    else:
        able.forge.fail_before("POST", r"/repos/.*/deployments/\d+/statuses")
        with pytest.raises(ServerError):
            able.github.deployments.ensure_status(able.name, made, SUCCESS)
    assert len(shown(able, f"/{made}/statuses")) == after
