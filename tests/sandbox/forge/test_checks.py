# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from sandbox.forge.admin import ForgeError
from tests.sandbox.forge.conftest import Api, MakeStage, Receiver, Stage
from tests.sandbox.forge.descriptions import check_event

PERMISSIONS = {"checks": "write", "contents": "read"}
EVENTS = ["push", "check_run", "check_suite"]
OUTPUT = {"title": "Two objects", "summary": "**fine**", "text": "| a |\n|---|"}
BUTTON = {"label": "Retry", "description": "Run what failed once more", "identifier": "retry"}
NOTE = {
    "path": "a.txt", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no",
}  # fmt: skip


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage(permissions=PERMISSIONS)


@pytest.fixture
def heard(make_stage: MakeStage, receiver: Receiver) -> Stage:
    stage = make_stage(webhook=receiver.url, permissions=PERMISSIONS, events=EVENTS)
    receiver.wait("installation")
    return stage


def created(api: Api, stage: Stage, **more: Any) -> Any:
    body = {"name": "fairway/demo", "head_sha": stage.head} | more
    answer = api.post(f"{stage.path}/check-runs", body)
    assert answer.status == 201, answer.body
    return answer.body


def test_a_run_is_made_changed_and_shown(stage: Stage) -> None:
    api = stage.as_installation()
    made = created(api, stage, external_id="e1", details_url="https://x.example/1", output=OUTPUT)
    assert (made["status"], made["conclusion"], made["external_id"]) == ("queued", None, "e1")
    assert made["app"]["id"] == stage.app.id
    path = f"{stage.path}/check-runs/{made['id']}"
    changed = api("PATCH", path, {"conclusion": "success"}).body
    assert (changed["status"], changed["conclusion"]) == ("completed", "success")
    assert changed["completed_at"] is not None
    assert changed["output"]["summary"] == "**fine**"
    assert api.get(path).body == changed
    assert api.get(f"{stage.path}/commits/main/check-runs").body == {
        "total_count": 1,
        "check_runs": [changed],
    }


def test_the_newest_run_of_a_name_counts_and_all_can_be_asked_for(stage: Stage) -> None:
    api = stage.as_installation()
    first, second = created(api, stage), created(api, stage, status="in_progress")
    other = created(api, stage, name="fairway/other")
    path = f"{stage.path}/commits/{stage.head}/check-runs"

    def ids(query: str) -> list[int]:
        return [run["id"] for run in api.get(path + query).body["check_runs"]]

    assert ids("") == [other["id"], second["id"]]
    assert ids("?filter=all&check_name=fairway/demo") == [second["id"], first["id"]]
    assert ids("?status=in_progress") == [second["id"]]
    assert ids(f"?app_id={stage.app.id + 1}") == []
    suite = second["check_suite"]["id"]
    assert api.get(f"{stage.path}/check-suites/{suite}/check-runs").body["total_count"] == 2


def test_annotations_are_added_by_each_update(stage: Stage) -> None:
    api = stage.as_installation()
    made = created(api, stage, output=OUTPUT | {"annotations": [NOTE] * 50})
    path = f"{stage.path}/check-runs/{made['id']}"
    more = [NOTE | {"start_column": 2, "end_column": 3, "title": "t", "raw_details": "d"}] * 2
    changed = api("PATCH", path, {"output": OUTPUT | {"annotations": more}}).body
    assert changed["output"]["annotations_count"] == 52
    listed = api.get(f"{path}/annotations?per_page=50&page=2").body
    assert [(one["start_column"], one["title"], one["raw_details"]) for one in listed] == [(2, "t", "d")] * 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"name": ""}, "name", id="no-name"),
        pytest.param({"head_sha": "0" * 40}, "head_sha", id="no-such-commit"),
        pytest.param({"status": "waiting"}, "status", id="a-status-of-actions"),
        pytest.param({"status": "completed"}, "conclusion", id="no-conclusion"),
        pytest.param({"conclusion": "stale"}, "conclusion", id="stale"),
        pytest.param({"output": {"summary": "s"}}, "output", id="no-title"),
        pytest.param({"output": OUTPUT | {"text": "x" * 65_536}}, "text", id="a-long-text"),
        pytest.param({"output": OUTPUT | {"summary": "x" * 65_536}}, "summary", id="a-long-summary"),
        pytest.param({"output": OUTPUT | {"annotations": [NOTE] * 51}}, "annotations", id="51-annotations"),
        pytest.param(
            {"output": OUTPUT | {"annotations": [NOTE | {"end_line": 2, "start_column": 1}]}},
            "start_column",
            id="columns-over-lines",
        ),
        pytest.param({"actions": [BUTTON] * 4}, "actions", id="four-buttons"),
        pytest.param({"actions": [BUTTON | {"label": "x" * 21}]}, "label", id="a-long-label"),
        pytest.param(
            {"actions": [BUTTON | {"description": "x" * 41}]}, "description", id="a-long-description"
        ),
        pytest.param({"actions": [BUTTON | {"identifier": "x" * 21}]}, "identifier", id="a-long-identifier"),
    ],
)
def test_githubs_limits(stage: Stage, body: dict[str, Any], field: str) -> None:
    asked = {"name": "c", "head_sha": stage.head} | body
    answer = stage.as_installation().post(f"{stage.path}/check-runs", asked)
    assert answer.status == 422
    assert answer.body["errors"][0]["field"] == field
    assert stage.as_installation().get(f"{stage.path}/commits/main/check-runs").body["total_count"] == 0


def test_only_an_app_writes_and_only_its_own(stage: Stage, make_stage: MakeStage) -> None:
    made = created(stage.as_installation(), stage)
    path, body = f"{stage.path}/check-runs", {"name": "c", "head_sha": stage.head}
    stage.forge.allow(stage.repo, f"eve-{stage.repo.id}", "admin")
    refused = stage.as_user(f"eve-{stage.repo.id}").post(path, body)
    assert (refused.status, refused.body["message"]) == (403, "You must authenticate via a GitHub App.")
    reader = stage.as_installation(permissions={"checks": "read"}).post(path, body)
    assert reader.headers["X-Accepted-GitHub-Permissions"] == "checks=write"
    other = stage.forge.create_app(f"other {stage.app.id}", permissions=PERMISSIONS)
    installed = stage.forge.install(other, stage.owner)
    theirs = Stage(stage.forge, stage.owner, stage.repo, other, installed, stage.head).as_installation()
    refused = theirs("PATCH", f"{path}/{made['id']}", {"conclusion": "success"})
    assert refused.status == 403
    assert "can only be modified by the GitHub App that created it" in refused.body["message"]
    assert theirs.get(f"{path}/{made['id']}").status == 200


@pytest.mark.parametrize(
    ("runs", "status", "conclusion"),
    [
        pytest.param([], "queued", None, id="none"),
        pytest.param([{"status": "in_progress"}, {"conclusion": "failure"}], "in_progress", None, id="open"),
        pytest.param(
            [{"conclusion": "success"}, {"conclusion": "skipped"}], "completed", "success", id="good"
        ),
        pytest.param(
            [{"conclusion": "success"}, {"conclusion": "failure"}], "completed", "failure", id="bad"
        ),
    ],
)
def test_a_suite_sums_up_its_runs(
    stage: Stage, runs: list[dict[str, Any]], status: str, conclusion: str | None
) -> None:
    api = stage.as_installation()
    sha = stage.forge.commit(stage.repo, {"b.txt": "b\n"}, "b")
    for number, run in enumerate(runs):
        created(api, stage, name=f"c{number}", head_sha=sha, **run)
    (suite,) = api.get(f"{stage.path}/commits/{sha}/check-suites").body["check_suites"]
    assert (suite["status"], suite["conclusion"]) == (status, conclusion)
    assert (suite["head_branch"], suite["before"]) == ("main", stage.head)
    assert api.get(f"{stage.path}/check-suites/{suite['id']}").body == suite
    assert api.post(f"{stage.path}/check-suites", {"head_sha": sha}).status == 200


def test_a_push_asks_for_checks_and_runs_are_told(heard: Stage, receiver: Receiver) -> None:
    sha = heard.forge.commit(heard.repo, {"a.txt": "two\n"}, "change", author="bob")
    asked = receiver.wait("check_suite")[-1].payload
    check_event("check_suite", "requested", asked)
    assert (asked["check_suite"]["head_sha"], asked["sender"]["login"]) == (sha, "bob")
    assert asked["check_suite"]["head_commit"]["message"] == "change"
    api = heard.as_installation()
    made = created(api, heard, head_sha=sha, actions=[BUTTON], output=OUTPUT)
    api("PATCH", f"{heard.path}/check-runs/{made['id']}", {"conclusion": "failure"})
    told = {entry.payload["action"]: entry.payload for entry in receiver.wait("check_run", 2)}
    assert set(told) == {"created", "completed"}
    for action, payload in told.items():
        check_event("check_run", action, payload)
        assert payload["check_run"]["id"] == made["id"]


def test_what_people_press_reaches_the_app(heard: Stage, receiver: Receiver) -> None:
    api, login = heard.as_installation(), f"carol-{heard.repo.id}"
    made = created(api, heard, actions=[BUTTON], conclusion="failure")
    receiver.wait("check_run", 2)
    with pytest.raises(ForgeError, match="may not write"):
        heard.forge.press(made["id"], "retry", login=login)
    heard.forge.allow(heard.repo, login, "write")
    with pytest.raises(ForgeError, match="no button 'merge'"):
        heard.forge.press(made["id"], "merge", login=login)
    heard.forge.press(made["id"], "retry", login=login)
    pressed = receiver.wait("check_run", 3)[-1].payload
    check_event("check_run", "requested_action", pressed)
    assert pressed["requested_action"] == {"identifier": "retry"}
    assert pressed["sender"]["login"] == login

    heard.forge.rerequest_check_run(made["id"], login=login)
    again = receiver.wait("check_run", 4)[-1].payload
    check_event("check_run", "rerequested", again)
    suite = made["check_suite"]["id"]
    assert api.get(f"{heard.path}/check-suites/{suite}").body["status"] == "queued"
    heard.forge.rerequest_check_suite(suite, login=login)
    check_event("check_suite", "rerequested", receiver.wait("check_suite")[-1].payload)


def test_an_app_asks_for_its_own_again(heard: Stage, receiver: Receiver) -> None:
    api = heard.as_installation()
    made = created(api, heard, conclusion="failure")
    assert api.post(f"{heard.path}/check-runs/{made['id']}/rerequest").status == 201
    assert api.post(f"{heard.path}/check-suites/{made['check_suite']['id']}/rerequest").status == 201
    receiver.wait("check_run", 3)
    receiver.wait("check_suite")


def test_an_app_without_checks_hears_of_none(make_stage: MakeStage, receiver: Receiver) -> None:
    stage = make_stage(webhook=receiver.url, events=EVENTS)
    stage.forge.commit(stage.repo, {"a.txt": "two\n"}, "change")
    receiver.wait("push")
    assert not receiver.events("check_suite")
    assert stage.as_installation().get(f"{stage.path}/commits/main/check-runs").status == 403


def test_a_run_names_the_pull_requests_whose_head_it_is_about(stage: Stage) -> None:
    stage.forge.allow(stage.repo, "alice", "write")
    sha = stage.forge.commit(stage.repo, {"b.txt": "b\n"}, "b", branch="topic")
    number = stage.forge.open_pull_request(stage.repo, "topic", "Topic")["number"]
    api = stage.as_installation()
    (named,) = created(api, stage, head_sha=sha)["pull_requests"]
    assert (named["number"], named["head"]["sha"], named["base"]["ref"]) == (number, sha, "main")
    (suite,) = api.get(f"{stage.path}/commits/{sha}/check-suites").body["check_suites"]
    assert [one["number"] for one in suite["pull_requests"]] == [number]
    assert created(api, stage)["pull_requests"] == []
