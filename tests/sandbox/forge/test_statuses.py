# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.forge.conftest import Stage


def test_a_status_is_written_and_shown(stage: Stage) -> None:
    api = stage.as_installation()
    wanted = {
        "state": "failure",
        "context": "fairway/demo",
        "description": "no",
        "target_url": "https://x.example/1",
    }
    written = api.post(f"{stage.path}/statuses/{stage.head}", wanted)
    assert written.status == 201
    assert {name: written.body[name] for name in wanted} == wanted
    assert written.body["creator"]["login"] == f"{stage.app.slug}[bot]"
    assert api.get(f"{stage.path}/commits/main/statuses").body == [written.body]
    assert stage.forge.statuses(stage.repo, stage.head) == [written.body]


def test_nothing_but_the_state_is_needed(stage: Stage) -> None:
    written = stage.as_installation().post(f"{stage.path}/statuses/{stage.head}", {"state": "pending"}).body
    assert (written["context"], written["description"], written["target_url"]) == ("default", None, None)


@pytest.mark.parametrize(
    ("states", "combined"),
    [
        pytest.param([], "pending", id="none"),
        pytest.param([("a", "success"), ("b", "success")], "success", id="all good"),
        pytest.param([("a", "success"), ("b", "pending")], "pending", id="one pending"),
        pytest.param([("a", "failure"), ("b", "pending")], "failure", id="one failed"),
        pytest.param([("a", "error"), ("b", "success")], "failure", id="an error is a failure"),
        pytest.param([("a", "failure"), ("a", "success")], "success", id="the newest counts"),
        pytest.param([("a", "failure"), ("A", "success")], "success", id="contexts do not know case"),
    ],
)
def test_statuses_combine(stage: Stage, states: list[tuple[str, str]], combined: str) -> None:
    api = stage.as_installation()
    for context, state in states:
        api.post(f"{stage.path}/statuses/{stage.head}", {"state": state, "context": context})
    body = api.get(f"{stage.path}/commits/{stage.head}/status").body
    assert body["state"] == combined
    assert body["sha"] == stage.head
    assert body["total_count"] == len({context.lower() for context, _ in states})


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        pytest.param({}, "state", "not included in the list", id="no state"),
        pytest.param({"state": "done"}, "state", "not included in the list", id="no such state"),
        pytest.param(
            {"state": "success", "description": "x" * 141}, "description", "maximum is 140", id="141"
        ),
        pytest.param(
            {"state": "success", "context": "x" * 256}, "context", "maximum is 255", id="long context"
        ),
        pytest.param(
            {"state": "success", "target_url": "ftp://x/"}, "target_url", "http", id="target is no page"
        ),
        pytest.param({"state": "success", "description": 1}, "description", "not a string", id="number"),
    ],
)
def test_githubs_validation(stage: Stage, body: dict[str, Any], field: str, message: str) -> None:
    answer = stage.as_installation().post(f"{stage.path}/statuses/{stage.head}", body)
    assert (answer.status, answer.body["message"]) == (422, "Validation Failed")
    (error,) = answer.body["errors"]
    assert (error["resource"], error["field"]) == ("Status", field)
    assert message in error["message"]
    assert stage.forge.statuses(stage.repo, stage.head) == []


def test_a_description_of_140_characters_is_taken_whatever_they_are(stage: Stage) -> None:
    description = "…" * 140
    body = {"state": "success", "description": description}
    assert (
        stage.as_installation().post(f"{stage.path}/statuses/{stage.head}", body).body["description"]
        == description
    )


@pytest.mark.parametrize("sha", ["0" * 40, "main", "abcdef1"])
def test_a_status_needs_a_commit_that_exists(stage: Stage, sha: str) -> None:
    answer = stage.as_installation().post(f"{stage.path}/statuses/{sha}", {"state": "success"})
    assert (answer.status, answer.body["message"]) == (422, f"No commit found for SHA: {sha}")


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"{", "Problems parsing JSON"), (b"[1]", "Body should be a JSON object")],
    ids=["no JSON", "no object"],
)
def test_a_body_that_is_no_object_is_400(stage: Stage, body: bytes, message: str) -> None:
    answer = stage.as_installation()("POST", f"{stage.path}/statuses/{stage.head}", body)
    assert (answer.status, answer.body["message"]) == (400, message)


def test_the_thousand_and_first_status_of_a_context_is_refused(stage: Stage) -> None:
    token = stage.as_installation()
    path = f"{stage.path}/statuses/{stage.head}"
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: token.post(path, {"state": "success"}).status, range(1004)))
    assert (codes.count(201), codes.count(422)) == (1000, 4)
    refused = token.post(path, {"state": "success"})
    assert "reached the maximum number of statuses" in refused.body["errors"][0]["message"]
    assert token.post(path, {"state": "success", "context": "other"}).status == 201


def test_a_person_needs_write_access(stage: Stage) -> None:
    login = f"dan-{stage.repo.id}"
    api = stage.as_user(login)
    path = f"{stage.path}/statuses/{stage.head}"
    assert api.post(path, {"state": "success"}).status == 404
    stage.forge.allow(stage.repo, login, "read")
    assert api.post(path, {"state": "success"}).status == 403
    stage.forge.allow(stage.repo, login, "write")
    assert api.post(path, {"state": "success"}).body["creator"]["login"] == login
