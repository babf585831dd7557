# SPDX-License-Identifier: Apache-2.0
"""Secondary limits, and requests that a test lets fail."""

from __future__ import annotations

import pytest
import urllib3

from tests.sandbox.forge.conftest import MakeStage, Stage


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage(permissions={"deployments": "write", "contents": "read", "statuses": "write"})


DEPLOYMENT = {"ref": "main", "auto_merge": False, "required_contexts": []}


@pytest.mark.parametrize("limit", ["creations_per_minute", "creations_per_hour"])
def test_content_is_limited_and_reading_is_not(stage: Stage, limit: str) -> None:
    stage.forge.limit(stage.installation, **{limit: 2})
    api, path = stage.as_installation(), f"{stage.path}/deployments"
    assert [api.post(path, DEPLOYMENT).status for _ in range(3)] == [201, 201, 403]
    refused = api.post(path, DEPLOYMENT)
    assert "secondary rate limit and have been temporarily blocked" in refused.body["message"]
    longest = 60 if limit == "creations_per_minute" else 3600
    assert longest - 5 < int(refused.headers["Retry-After"]) <= longest + 1
    assert refused.headers["X-RateLimit-Remaining"] != "0"
    assert api.get(path).status == 200
    assert api.post(f"{stage.path}/statuses/{stage.head}", {"state": "success"}).status == 201
    assert stage.forge.most(stage.installation)[limit] == 2


def test_a_write_costs_five_points_and_a_read_one(stage: Stage) -> None:
    stage.forge.limit(stage.installation, points_per_minute=12)
    api = stage.as_installation()
    path = f"{stage.path}/statuses/{stage.head}"
    assert [api.post(path, {"state": "success"}).status for _ in range(3)] == [201, 201, 429]
    assert [api.get(stage.path).status for _ in range(3)] == [200, 200, 429]
    assert int(api.get(stage.path).headers["Retry-After"]) > 50
    assert stage.forge.most(stage.installation)["points_per_minute"] == 12
    assert stage.forge.most(stage.installation)["refused"] == 3


def test_one_installations_limits_are_not_anothers(stage: Stage, make_stage: MakeStage) -> None:
    stage.forge.limit(stage.installation, points_per_minute=1)
    assert make_stage().as_installation().get("/installation/repositories").status == 200
    stage.forge.limit(stage.installation)
    assert [stage.as_installation().get(stage.path).status for _ in range(3)] == [200] * 3


def test_an_hours_requests_are_limited_for_one_installation_and_begin_anew(
    stage: Stage, make_stage: MakeStage
) -> None:
    stage.forge.limit(stage.installation, requests_per_hour=2)
    api = stage.as_installation()
    assert [api.get(stage.path).status for _ in range(3)] == [200, 200, 403]
    refused = api.get(stage.path)
    assert refused.body["message"] == "API rate limit exceeded for installation ID."
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert "Retry-After" not in refused.headers
    assert make_stage().as_installation().get("/installation/repositories").status == 200
    stage.forge.limit(stage.installation)
    answers = [api.get(stage.path) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert int(answers[-1].headers["X-RateLimit-Limit"]) > 2


def raw(stage: Stage, method: str, path: str, body: object = None) -> int:
    headers = {"Authorization": f"token {stage.token()}"}
    return urllib3.request(method, stage.forge.api_url + path, json=body, headers=headers).status


@pytest.mark.parametrize(("after", "count"), [(True, 1), (False, 0)], ids=["after", "before"])
def test_a_request_fails_before_or_after_it_was_carried_out(stage: Stage, after: bool, count: int) -> None:
    path = f"{stage.path}/deployments"
    order = stage.forge.fail_after if after else stage.forge.fail_before
    order("POST", path, 503)
    assert raw(stage, "POST", path, DEPLOYMENT) == 503
    assert len(stage.as_installation().get(path).body) == count
    assert raw(stage, "POST", path, DEPLOYMENT) == 201


def test_a_refused_request_does_not_use_a_fault_up_and_faults_can_be_cleared(stage: Stage) -> None:
    path = f"{stage.path}/deployments"
    stage.forge.fail_after("POST", ".*/deployments", times=2)
    assert raw(stage, "POST", path, DEPLOYMENT | {"ref": "nope"}) == 422
    assert raw(stage, "POST", path, DEPLOYMENT) == 502
    stage.forge.clear_faults()
    assert raw(stage, "POST", path, DEPLOYMENT) == 201
