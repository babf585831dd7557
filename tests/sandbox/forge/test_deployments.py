# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.forge.conftest import Api, MakeStage, Stage


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage(permissions={"deployments": "write", "statuses": "write", "contents": "read"})


def made(api: Api, stage: Stage, **more: Any) -> Any:
    body = {"ref": stage.head, "environment": "staging", "auto_merge": False, "required_contexts": []}
    answer = api.post(f"{stage.path}/deployments", body | more)
    assert answer.status == 201, answer.body
    return answer.body


def told(api: Api, stage: Stage, deployment: Any, state: str, **more: Any) -> Any:
    answer = api.post(f"{stage.path}/deployments/{deployment['id']}/statuses", {"state": state} | more)
    assert answer.status == 201, answer.body
    return answer.body


def test_a_deployment_is_made_and_listed(stage: Stage) -> None:
    api = stage.as_installation()
    one = made(api, stage, payload={"fairway": "m"}, description="d", task="deploy")
    other = made(api, stage, ref="main", environment="production", task="deploy:x")
    assert (one["sha"], one["payload"], one["creator"]["type"]) == (stage.head, {"fairway": "m"}, "Bot")
    assert one["performed_via_github_app"]["id"] == stage.app.id
    assert (one["production_environment"], other["production_environment"]) == (False, True)
    path = f"{stage.path}/deployments"
    assert api.get(f"{path}/{one['id']}").body == one

    def ids(query: str) -> list[int]:
        return [entry["id"] for entry in api.get(f"{path}?{query}").body]

    assert ids("") == [other["id"], one["id"]]
    assert ids(f"sha={stage.head}&environment=staging&task=deploy") == [one["id"]]
    assert ids("ref=main") == [other["id"]]
    assert ids("environment=nowhere") == []


def test_statuses_are_listed_newest_first(stage: Stage) -> None:
    api = stage.as_installation()
    one = made(api, stage)
    first = told(api, stage, one, "in_progress", log_url="https://x.example/log")
    second = told(api, stage, one, "success", environment_url="https://x.example/", description="fine")
    path = f"{stage.path}/deployments/{one['id']}/statuses"
    assert api.get(path).body == [second, first]
    assert api.get(f"{path}/{first['id']}").body == first
    assert (first["target_url"], second["environment_url"]) == ("https://x.example/log", "https://x.example/")


@pytest.mark.parametrize(
    ("earlier", "later", "state"),
    [
        pytest.param({}, {}, "inactive", id="the-same-environment"),
        pytest.param({}, {"environment": "qa"}, "success", id="another-environment"),
        pytest.param({"transient_environment": True}, {}, "success", id="a-transient-one"),
        pytest.param(
            {"environment": "production"}, {"environment": "production"}, "success", id="production"
        ),
    ],
)
def test_a_success_makes_earlier_ones_inactive(
    stage: Stage, earlier: dict[str, Any], later: dict[str, Any], state: str
) -> None:
    api = stage.as_installation()
    first, second = made(api, stage, **earlier), made(api, stage, **later)
    told(api, stage, first, "success")
    told(api, stage, second, "failure")
    path = f"{stage.path}/deployments/{first['id']}/statuses"
    assert api.get(path).body[0]["state"] == "success"
    told(api, stage, second, "success")
    assert api.get(path).body[0]["state"] == state


def test_inactivity_can_be_declined(stage: Stage) -> None:
    api = stage.as_installation()
    first, second = made(api, stage), made(api, stage)
    told(api, stage, first, "success")
    told(api, stage, second, "success", auto_inactive=False)
    assert api.get(f"{stage.path}/deployments/{first['id']}/statuses").body[0]["state"] == "success"


@pytest.mark.parametrize(
    ("required", "status"), [(None, 409), ([], 201), (["ci"], 409), (["lint"], 201), (["missing"], 409)]
)
def test_contexts_have_to_be_green_unless_none_is_asked_for(
    stage: Stage, required: list[str] | None, status: int
) -> None:
    api = stage.as_installation()
    for context, state in (("ci", "failure"), ("lint", "success")):
        api.post(f"{stage.path}/statuses/{stage.head}", {"state": state, "context": context})
    body = {"ref": "main", "auto_merge": False, "required_contexts": required}
    answer = api.post(f"{stage.path}/deployments", body)
    assert answer.status == status
    if status == 409:
        assert answer.body["errors"][0]["field"] == "required_contexts"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"ref": "nope"}, "ref"), ({"description": "x" * 141}, "description")],
    ids=["no-ref", "a-long-description"],
)
def test_a_deployment_that_is_refused(stage: Stage, body: dict[str, Any], field: str) -> None:
    asked = {"ref": "main", "auto_merge": False} | body
    answer = stage.as_installation().post(f"{stage.path}/deployments", asked)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "done"}, "state"),
        ({"state": "success", "description": "x" * 141}, "description"),
        ({"state": "success", "log_url": "ftp://x/"}, "log_url"),
    ],
    ids=["no-state", "a-long-description", "no-page"],
)
def test_a_status_that_is_refused(stage: Stage, body: dict[str, Any], field: str) -> None:
    api = stage.as_installation()
    path = f"{stage.path}/deployments/{made(api, stage)['id']}/statuses"
    answer = api.post(path, body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, field)
    assert api.get(path).body == []


def test_an_active_deployment_is_not_deleted_while_there_are_others(stage: Stage) -> None:
    api = stage.as_installation()
    first, second = made(api, stage), made(api, stage)
    told(api, stage, first, "success")
    path = f"{stage.path}/deployments"
    assert api("DELETE", f"{path}/{first['id']}").status == 422
    assert api("DELETE", f"{path}/{second['id']}").status == 204
    assert api("DELETE", f"{path}/{first['id']}").status == 204
    assert api.get(f"{path}/{first['id']}").status == 404
