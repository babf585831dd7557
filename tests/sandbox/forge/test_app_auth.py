# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from sandbox.forge.admin import Forge
from tests.sandbox.forge.conftest import Api, MakeStage, Stage


def test_an_app_is_known_by_its_jwt(stage: Stage) -> None:
    answer = stage.as_app().get("/app")
    assert answer.status == 200
    assert (answer.body["id"], answer.body["slug"]) == (stage.app.id, stage.app.slug)
    assert answer.body["installations_count"] == 1


def test_a_client_id_is_as_good_an_issuer_as_the_app_id(stage: Stage) -> None:
    assert stage.as_app(iss=stage.app.client_id).get("/app").status == 200


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        pytest.param(
            {"exp": lambda now: now - 10}, 401, "'Expiration time' claim ('exp') must be", id="expired"
        ),
        pytest.param(
            {"exp": lambda now: now + 3600}, 401, "too far in the future", id="longer than ten minutes"
        ),
        pytest.param({"exp": lambda now: None}, 401, "('exp') must be", id="no exp"),
        pytest.param(
            {"iat": lambda now: now + 300}, 401, "'Issued at' claim ('iat')", id="issued in the future"
        ),
        pytest.param({"iat": lambda now: None}, 401, "'Issued at' claim ('iat')", id="no iat"),
        pytest.param({"iss": lambda now: None}, 401, "'Issuer' claim ('iss')", id="no issuer"),
        pytest.param({"iss": lambda now: "1"}, 404, "Integration not found", id="unknown App"),
    ],
)
def test_a_jwt_that_breaks_githubs_rules_is_refused(
    stage: Stage, claims: dict[str, Any], status: int, message: str
) -> None:
    now = int(time.time())
    answer = stage.as_app(**{name: value(now) for name, value in claims.items()}).get("/app")
    assert answer.status == status
    assert message in answer.body["message"]


def test_a_jwt_signed_by_another_key_is_refused(stage: Stage, make_stage: MakeStage) -> None:
    other = make_stage()
    answer = other.as_app(iss=str(stage.app.id)).get("/app")
    assert (answer.status, answer.body["message"]) == (401, "A JSON web token could not be decoded")


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_only_rs256_is_taken(stage: Stage, algorithm: str) -> None:
    now = int(time.time())
    claims = {"iat": now, "exp": now + 60, "iss": str(stage.app.id)}
    token = jwt.encode(claims, "guess" * 8 if algorithm == "HS256" else None, algorithm)
    assert Api(stage.forge, f"Bearer {token}").get("/app").status == 401


def test_every_key_of_an_app_signs(stage: Stage) -> None:
    second = stage.forge.new_key(stage.app)
    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 60, "iss": str(stage.app.id)}, second, "RS256")
    assert Api(stage.forge, f"Bearer {token}").get("/app").status == 200
    assert stage.as_app().get("/app").status == 200


def test_an_installation_is_found_by_list_id_repository_and_account(stage: Stage) -> None:
    api = stage.as_app()
    (listed,) = api.get("/app/installations").body
    assert listed["id"] == stage.installation
    assert listed["account"]["login"] == stage.owner
    for path in (
        f"/app/installations/{stage.installation}",
        f"{stage.path}/installation",
        f"/orgs/{stage.owner}/installation",
    ):
        assert api.get(path).body["id"] == stage.installation


def test_another_apps_installation_is_not_there(stage: Stage, make_stage: MakeStage) -> None:
    other = make_stage().as_app()
    assert other.get(f"{stage.path}/installation").status == 404
    assert other.get(f"/app/installations/{stage.installation}").status == 404
    assert other.post(f"/app/installations/{stage.installation}/access_tokens").status == 404


def test_a_token_opens_the_whole_installation_for_an_hour(stage: Stage) -> None:
    path = f"/app/installations/{stage.installation}/access_tokens"
    answer = stage.as_app().post(path)
    assert answer.status == 201
    assert answer.body["permissions"] == {"metadata": "read", "contents": "read", "statuses": "write"}
    assert answer.body["repository_selection"] == "all"
    expires = time.mktime(time.strptime(answer.body["expires_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert 3500 < expires - time.time() <= 3600


@pytest.mark.parametrize("by", ["repositories", "repository_ids"])
def test_a_token_can_be_narrowed_to_one_repository(stage: Stage, by: str) -> None:
    other = stage.forge.create_repository(stage.owner, "other", private=True, files={"x": "y"})
    chosen = [stage.repo.name] if by == "repositories" else [stage.repo.id]
    api = stage.as_installation(**{by: chosen})
    assert api.get(stage.path).status == 200
    assert api.get(f"/repos/{other.full_name}").status == 404
    listed = api.get("/installation/repositories").body
    assert [repo["full_name"] for repo in listed["repositories"]] == [stage.repo.full_name]


def test_a_token_can_be_narrowed_in_its_permissions(stage: Stage) -> None:
    api = stage.as_installation(permissions={"contents": "read"})
    assert api.get(f"{stage.path}/commits").status == 200
    answer = api.post(f"{stage.path}/statuses/{stage.head}", {"state": "success"})
    assert (answer.status, answer.body["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "statuses=write"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param(
            {"permissions": {"issues": "read"}}, "permissions requested are not granted", id="not granted"
        ),
        pytest.param(
            {"permissions": {"contents": "write"}}, "permissions requested are not granted", id="more"
        ),
        pytest.param(
            {"repositories": ["nope"]}, "at least one repository that does not exist", id="unknown name"
        ),
        pytest.param({"repository_ids": [1]}, "at least one repository that does not exist", id="unknown id"),
    ],
)
def test_a_token_cannot_reach_beyond_its_installation(
    stage: Stage, asked: dict[str, Any], message: str
) -> None:
    answer = stage.as_app().post(f"/app/installations/{stage.installation}/access_tokens", asked)
    assert answer.status == 422
    assert message in answer.body["message"]


def test_an_installation_on_chosen_repositories_covers_only_those(forge: Forge, stage: Stage) -> None:
    app = forge.create_app(f"chosen {stage.app.id}")
    hidden = forge.create_repository(stage.owner, "hidden", private=True, files={"x": "y"})
    installation = forge.install(app, stage.owner, repositories=["fleet"])
    narrow = Stage(forge, stage.owner, stage.repo, app, installation, stage.head)
    assert narrow.as_app().get(f"/repos/{hidden.full_name}/installation").status == 404
    assert narrow.as_installation().get(f"/repos/{hidden.full_name}").status == 404
    assert narrow.as_installation().get(stage.path).status == 200


def test_a_revoked_token_is_bad_credentials(stage: Stage) -> None:
    api = stage.as_installation()
    assert api("DELETE", "/installation/token").status == 204
    assert (api.get(stage.path).status, api.get(stage.path).body["message"]) == (401, "Bad credentials")


def test_uninstalling_ends_the_tokens(stage: Stage) -> None:
    api = stage.as_installation()
    assert stage.as_app()("DELETE", f"/app/installations/{stage.installation}").status == 204
    assert api.get(stage.path).status == 401
    assert stage.as_app().get("/app/installations").body == []


@pytest.mark.parametrize("path", ["/app", "/app/installations", "/installation/repositories"])
def test_asking_without_credentials_is_401(stage: Stage, path: str) -> None:
    answer = stage.anonymous().get(path)
    assert (answer.status, answer.body["message"]) == (401, "Requires authentication")
