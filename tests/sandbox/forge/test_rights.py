# SPDX-License-Identifier: Apache-2.0
"""Who may do what: collaborators, teams, organisations, branch protection, and what an App was granted."""

from __future__ import annotations

import pytest

from tests.sandbox.forge.conftest import MakeStage, Receiver, Stage
from tests.sandbox.forge.descriptions import check_event


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage(permissions={"contents": "read", "members": "read", "administration": "read"})


def permission(stage: Stage, login: str) -> tuple[str, str]:
    body = stage.as_installation().get(f"{stage.path}/collaborators/{login}/permission").body
    return body["permission"], body["role_name"]


@pytest.mark.parametrize(
    ("role", "legacy"),
    [("read", "read"), ("triage", "read"), ("write", "write"), ("maintain", "write"), ("admin", "admin")],
)
def test_a_role_is_shown_beside_its_older_name(stage: Stage, role: str, legacy: str) -> None:
    login = f"dan-{stage.repo.id}"
    stage.forge.create_account(login)
    assert permission(stage, login) == ("none", "none")
    stage.forge.allow(stage.repo, login, role)
    assert permission(stage, login) == (legacy, role)
    stage.forge.allow(stage.repo, login, None)
    assert permission(stage, login) == ("none", "none")


def test_the_highest_grant_counts_whoever_gives_it(stage: Stage) -> None:
    forge, login = stage.forge, f"erin-{stage.repo.id}"
    slug = forge.create_team(stage.owner, "Release Team", login)
    assert permission(stage, login) == ("read", "read")
    forge.allow_team(stage.repo, slug, "maintain")
    forge.allow(stage.repo, login, "triage")
    assert permission(stage, login) == ("write", "maintain")
    forge.set_member(stage.owner, login, "admin")
    assert permission(stage, login) == ("admin", "admin")
    forge.set_member(stage.owner, login, None)
    forge.set_team_member(stage.owner, slug, login, None)
    assert permission(stage, login) == ("read", "triage")
    assert stage.as_user(login).get(stage.path).body["permissions"] == {
        "pull": True, "triage": True, "push": False, "maintain": False, "admin": False,
    }  # fmt: skip


def test_somebody_who_does_not_exist_has_no_permission(stage: Stage) -> None:
    path = f"{stage.path}/collaborators/nobody-{stage.repo.id}/permission"
    assert stage.as_installation().get(path).status == 404
    assert stage.anonymous().get(path).status == 404


def test_anybody_reads_what_is_public(make_stage: MakeStage) -> None:
    stage = make_stage(private=False)
    stage.forge.create_account(f"fay-{stage.repo.id}")
    assert permission(stage, f"fay-{stage.repo.id}") == ("read", "read")


def test_an_account_is_found_by_login_and_by_its_id(stage: Stage) -> None:
    login = f"gil-{stage.repo.id}"
    stage.forge.create_account(login)
    api = stage.as_installation()
    user = api.get(f"/users/{login.upper()}").body
    assert (user["login"], user["type"]) == (login, "User")
    assert api.get(f"/user/{user['id']}").body == user
    assert api.get("/user/1").status == 404
    assert api.get(f"/users/{stage.owner}").body["type"] == "Organization"


def test_a_team_shows_who_belongs_to_it(stage: Stage) -> None:
    login, other = f"hal-{stage.repo.id}", f"ida-{stage.repo.id}"
    slug = stage.forge.create_team(stage.owner, "Platform", login)
    stage.forge.create_account(other)
    api, path = stage.as_installation(), f"/orgs/{stage.owner}/teams"
    assert [team["slug"] for team in api.get(path).body] == [slug]
    assert api.get(f"{path}/{slug}").body["members_count"] == 1
    assert [member["login"] for member in api.get(f"{path}/{slug}/members").body] == [login]
    membership = api.get(f"{path}/{slug}/memberships/{login}").body
    assert (membership["state"], membership["role"]) == ("active", "member")
    for missing in (f"{slug}/memberships/{other}", f"nope/memberships/{login}"):
        assert api.get(f"{path}/{missing}").status == 404
    assert api.get(f"/orgs/{stage.owner}/memberships/{login}").body["role"] == "member"
    assert api.get(f"/orgs/{stage.owner}/memberships/{other}").status == 404


def test_teams_are_for_those_who_may_know_them(stage: Stage, make_stage: MakeStage) -> None:
    slug = stage.forge.create_team(stage.owner, "Secret")
    path = f"/orgs/{stage.owner}/teams/{slug}"
    refused = stage.as_installation(permissions={"contents": "read"}).get(path)
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "members=read"
    assert make_stage(permissions={"members": "read"}).as_installation().get(path).status == 404
    assert stage.anonymous().get(path).status == 401
    assert stage.as_user(f"joe-{stage.repo.id}").get(path).status == 403


def test_the_teams_of_a_repository(stage: Stage) -> None:
    slug = stage.forge.create_team(stage.owner, "Ops")
    stage.forge.allow_team(stage.repo, slug, "write")
    (team,) = stage.as_installation().get(f"{stage.path}/teams").body
    assert (team["slug"], team["permission"]) == (slug, "push")


def test_a_protected_branch_says_what_it_asks_for(stage: Stage) -> None:
    api, path = stage.as_installation(), f"{stage.path}/branches/main"
    assert api.get(path).body["protected"] is False
    assert api.get(f"{path}/protection").body["message"] == "Branch not protected"
    stage.forge.protect(
        stage.repo, checks={"ci": None, "fairway/demo": stage.app.id}, approvals=2, strict=True
    )
    shown = api.get(f"{path}/protection").body
    assert shown["required_status_checks"]["checks"] == [
        {"context": "ci", "app_id": None},
        {"context": "fairway/demo", "app_id": stage.app.id},
    ]
    assert shown["required_pull_request_reviews"]["required_approving_review_count"] == 2
    branch = api.get(path).body
    assert branch["protected"] is True
    assert branch["protection"]["required_status_checks"]["contexts"] == ["ci", "fairway/demo"]
    assert api.get(f"{stage.path}/branches").body[0]["protected"] is True
    assert api.get(f"{stage.path}/rules/branches/main").body == []
    stage.forge.unprotect(stage.repo)
    assert api.get(f"{path}/protection").status == 404


def test_a_ruleset_shows_its_rules_to_everybody(stage: Stage) -> None:
    stage.forge.protect(
        stage.repo, checks={"ci": None}, approvals=1, code_owners=True, merge_queue=True, ruleset=True
    )
    api = stage.as_installation(permissions={"contents": "read"})
    rules = {rule["type"]: rule for rule in api.get(f"{stage.path}/rules/branches/main").body}
    assert set(rules) == {"required_status_checks", "pull_request", "merge_queue"}
    assert rules["pull_request"]["parameters"]["require_code_owner_review"] is True
    assert rules["merge_queue"]["ruleset_source"] == stage.repo.full_name
    assert api.get(f"{stage.path}/rules/branches/other").body == []


def test_protection_is_for_administrators(make_stage: MakeStage) -> None:
    stage = make_stage(private=False)
    path, login = f"{stage.path}/branches/main/protection", f"kim-{stage.repo.id}"
    refused = stage.as_installation().get(path)
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "administration=read"
    assert stage.as_user(login).get(path).status == 404
    stage.forge.allow(stage.repo, login, "admin")
    assert stage.as_user(login).get(path).body["message"] == "Branch not protected"


def test_a_permission_that_is_taken_away_is_gone_at_once(stage: Stage) -> None:
    api, path = stage.as_installation(), f"/orgs/{stage.owner}/teams"
    assert api.get(path).status == 200
    stage.forge.set_permissions(stage.installation, {"members": None})
    refused = api.get(path)
    assert (refused.status, refused.body["message"]) == (403, "Resource not accessible by integration")
    shown = stage.as_app().get(f"/app/installations/{stage.installation}").body
    assert "members" not in shown["permissions"]
    asked = {"permissions": {"members": "read"}}
    refused = stage.as_app().post(f"/app/installations/{stage.installation}/access_tokens", asked)
    assert refused.status == 422


def test_permissions_that_are_accepted_are_told(make_stage: MakeStage, receiver: Receiver) -> None:
    stage = make_stage(webhook=receiver.url)
    receiver.wait("installation")
    stage.forge.set_permissions(stage.installation, {"checks": "write", "statuses": "read"})
    told = receiver.wait("installation", 2)[-1].payload
    check_event("installation", "new_permissions_accepted", told)
    assert told["installation"]["permissions"]["checks"] == "write"
    stage.forge.set_permissions(stage.installation, {"checks": "read"})
    stage.forge.commit(stage.repo, {"a.txt": "two\n"}, "change")
    receiver.wait("push")
    assert len(receiver.events("installation")) == 2
