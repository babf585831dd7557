# SPDX-License-Identifier: Apache-2.0
"""What every answer has: rate limits, entity tags, credentials."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.fixtures.forge import running_forge
from tests.sandbox.forge.conftest import Api, Stage


def test_an_unchanged_answer_is_304_and_free(stage: Stage) -> None:
    api = stage.as_installation()
    first = api.get(f"{stage.path}/commits")
    again = api.get(f"{stage.path}/commits", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, None)
    assert again.headers["X-RateLimit-Used"] == first.headers["X-RateLimit-Used"]
    stage.forge.commit(stage.repo, {"a.txt": "two\n"}, "change")
    assert api.get(f"{stage.path}/commits", headers={"If-None-Match": first.headers["ETag"]}).status == 200


def test_requests_are_counted_per_installation_and_asking_is_free(stage: Stage) -> None:
    api = stage.as_installation()
    api.get(stage.path)
    other_token = stage.as_installation()
    assert other_token.get(stage.path).headers["X-RateLimit-Used"] == "2"
    body = other_token.get("/rate_limit").body
    assert body["resources"]["core"]["used"] == 2
    assert body["rate"]["remaining"] == body["rate"]["limit"] - 2


def test_a_spent_budget_is_403_until_it_resets(tmp_path: Path) -> None:
    with running_forge(tmp_path, "--hourly-limit", "3") as forge:
        app = forge.create_app("bot")
        repo = forge.create_repository("acme", "fleet", files={"a": "b"})
        stage = Stage(
            forge, "acme", repo, app, forge.install(app, "acme"), forge.refs(repo)["refs/heads/main"]
        )
        api = stage.as_installation()
        for _ in range(3):
            assert api.get(stage.path).status == 200
        refused = api.get(stage.path)
        assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
        assert refused.body["message"].startswith("API rate limit exceeded")


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer nope",
        "token nope",
        "Basic !!!",
        "Negotiate x",
        "Bearer a.b.c",
        "Basic " + base64.b64encode(b"a:b").decode(),
    ],
)
def test_credentials_that_are_none_are_401(stage: Stage, authorization: str) -> None:
    assert Api(stage.forge, authorization).get("/rate_limit").status == 401
