# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.workers.github.conftest import MakePlace, Place
from workers.github import PermissionMissing
from workers.github.calls import PULL_REQUESTS


def account(place: Place, login: str) -> tuple[str, int]:
    place.forge.create_account(login)
    shown = place.github.call_beside(place.name, f"/users/{login}", "look", permissions=PULL_REQUESTS)
    return login, int(shown["id"])


@pytest.mark.parametrize("role", ["read", "triage", "write", "maintain", "admin"])
def test_a_role_is_of_the_account_that_is_meant(able: Place, role: str) -> None:
    login, user_id = account(able, f"dan-{able.repo.id}")
    assert able.github.people.role(able.name, login, user_id) == "none"
    able.forge.allow(able.repo, login, role)
    assert able.github.people.role(able.name, login, user_id) == role
    assert able.github.people.role(able.name, login, user_id + 1) == "none"
    able.forge.allow(able.repo, login, None)
    assert able.github.people.role(able.name, login, user_id) == "none"


def test_nobody_has_no_role(able: Place) -> None:
    assert able.github.people.role(able.name, f"nobody-{able.repo.id}", 1) == "none"
    assert able.github.people.role(able.name, "a/../b", 1) == "none"


def test_a_team_counts_its_members_by_their_ids(able: Place) -> None:
    login, user_id = account(able, f"erin-{able.repo.id}")
    slug = able.forge.create_team(able.repo.owner, "Release", login)
    team = f"{able.repo.owner}/{slug}"
    people = able.github.people
    assert people.in_team(able.name, team, login, user_id) is True
    assert people.in_team(able.name, team, login.upper(), user_id) is True
    other, other_id = account(able, f"fay-{able.repo.id}")
    assert people.in_team(able.name, team, login, other_id) is False
    assert people.in_team(able.name, team, other, other_id) is False
    assert people.in_team(able.name, f"{able.repo.owner}/nope", login, user_id) is False
    able.forge.set_team_member(able.repo.owner, slug, login, None)
    assert people.in_team(able.name, team, login, user_id) is False


def test_an_app_that_may_not_know_members_hears_which_permission_it_lacks(make_place: MakePlace) -> None:
    place = make_place(permissions={"contents": "read", "pull_requests": "write"})
    login, user_id = account(place, f"gil-{place.repo.id}")
    with pytest.raises(PermissionMissing, match="members: read"):
        place.github.people.in_team(place.name, f"{place.repo.owner}/x", login, user_id)


def test_a_permission_that_is_taken_away_is_named_also_with_a_token_in_hand(able: Place) -> None:
    login, user_id = account(able, f"hal-{able.repo.id}")
    slug = able.forge.create_team(able.repo.owner, "Ops", login)
    assert able.github.people.in_team(able.name, f"{able.repo.owner}/{slug}", login, user_id)
    able.forge.set_permissions(able.installation, {"members": None})
    with pytest.raises(PermissionMissing, match="members: read"):
        able.github.people.in_team(able.name, f"{able.repo.owner}/{slug}", login, user_id)
