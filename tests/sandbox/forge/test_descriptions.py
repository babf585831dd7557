# SPDX-License-Identifier: Apache-2.0
"""The check against GitHub's description can fail; else it would prove nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.forge.conftest import Stage
from tests.sandbox.forge.descriptions import check_answer, check_event, examples, template_of


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda body: body.pop("sha"), id="a property is missing"),
        pytest.param(lambda body: body.update(sha=None), id="null where there is none"),
        pytest.param(lambda body: body["commit"]["tree"].update(sha=1), id="another type, deep inside"),
        pytest.param(lambda body: body["files"][0].update(status="new"), id="a value that is not listed"),
    ],
)
def test_an_answer_that_github_would_not_give_is_found(stage: Stage, broken: Any) -> None:
    path = f"{stage.path}/commits/{stage.head}"
    body = stage.as_installation().get(path).body
    broken(body)
    with pytest.raises(AssertionError, match="not as GitHub describes it"):
        check_answer("GET", path, 200, body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/repos/a/b/nope/nope", 200), ("PUT", "/app", 200), ("GET", "/app", 418)],
    ids=["path", "method", "status"],
)
def test_a_request_that_github_does_not_know_is_found(method: str, path: str, status: int) -> None:
    with pytest.raises(AssertionError, match="GitHub describes no"):
        check_answer(method, path, status, {})


def test_an_event_with_one_property_too_many_is_found() -> None:
    body = examples("push")[0]
    with pytest.raises(AssertionError, match="not as GitHub describes it"):
        check_event("push", None, body | {"surprise": 1})


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/repos/a/b/commits/feature/x/status", "/repos/{owner}/{repo}/commits/{ref}/status"),
        ("/repos/a/b/commits/feature/x", "/repos/{owner}/{repo}/commits/{ref}"),
        ("/repos/a/b/installation", "/repos/{owner}/{repo}/installation"),
        ("/app/installations/1/access_tokens", "/app/installations/{installation_id}/access_tokens"),
    ],
)
def test_a_path_is_held_against_its_own_description(path: str, template: str) -> None:
    assert template_of(path) == template
