# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from policies.errors import SettingsError
from tests.workers.github.conftest import Clock, MakePlace, Place
from workers.github import (
    READ_PERMISSIONS,
    STATUS_PERMISSIONS,
    AppJwt,
    GitHub,
    NotFound,
    PermissionMissing,
    Unauthorized,
)
from workers.github.app_auth import InstallationTokens
from workers.github.calls import DEPLOYMENTS, PULL_REQUESTS


def show_status(place: Place) -> tuple[str, str, str, str]:
    return "GET", place.name, "/commits/main/status", "show the statuses"


def test_the_installation_of_a_repository_is_found(place: Place) -> None:
    found = place.github.installation_for(place.repo.owner, place.repo.name)
    assert (found.id, found.account) == (place.installation, place.repo.owner)


def test_a_repository_without_the_app_is_not_found(place: Place, make_place: MakePlace) -> None:
    other = make_place()
    with pytest.raises(NotFound, match=f"installation on {other.name}") as raised:
        place.github.installation_for(other.repo.owner, other.repo.name)
    assert "installed on the repository" in raised.value.remedy


def test_a_token_opens_one_repository_with_the_least_permissions(place: Place) -> None:
    other = place.forge.create_repository(place.repo.owner, "other", private=True, files={"x": "y"})
    token = place.github.token_for(place.repo.owner, place.repo.name)
    assert token.permissions == READ_PERMISSIONS
    headers = {"Authorization": f"Bearer {token.value}"}
    for name, status in ((place.name, 200), (other.full_name, 404)):
        url = f"{place.forge.api_url}/repos/{name}"
        assert urllib3.request("GET", url, headers=headers).status == status
    url = f"{place.forge.api_url}/repos/{place.name}/statuses/{place.head}"
    assert urllib3.request("POST", url, headers=headers, json={"state": "success"}).status == 403


def test_a_token_is_used_until_five_minutes_before_it_ends(place: Place) -> None:
    clock, asked = Clock(), []

    def call(*request: Any) -> Any:
        asked.append(request)
        return place.github.call_as_app(*request)

    tokens = InstallationTokens(call, now=clock)
    first = tokens.get(place.installation, place.name, READ_PERMISSIONS)
    clock.ahead = timedelta(minutes=54)
    assert tokens.get(place.installation, place.name, READ_PERMISSIONS) == first
    clock.ahead = timedelta(minutes=55, seconds=5)
    assert tokens.get(place.installation, place.name, READ_PERMISSIONS).value != first.value
    assert len(asked) == 2


def test_other_permissions_are_another_token(place: Place) -> None:
    reading = place.github.token_for(place.repo.owner, place.repo.name)
    writing = place.github.token_for(place.repo.owner, place.repo.name, permissions=STATUS_PERMISSIONS)
    assert reading.value != writing.value


def test_all_parts_are_spoken_of_with_one_token(able: Place) -> None:
    able.github.call(*show_status(able))
    able.github.call("GET", able.name, "/pulls", "show pull requests", permissions=PULL_REQUESTS)
    able.github.call("GET", able.name, "/deployments", "show the deployments", permissions=DEPLOYMENTS)
    assert len(able.github._clients) == 1


def test_a_part_that_was_taken_away_takes_no_other_with_it(able: Place) -> None:
    able.github.installation_for(able.repo.owner, able.repo.name)
    able.forge.set_permissions(able.installation, {"deployments": None})
    assert able.github.call(*show_status(able))["sha"] == able.head
    with pytest.raises(PermissionMissing, match="deployments: write"):
        able.github.call("GET", able.name, "/deployments", "show the deployments", permissions=DEPLOYMENTS)
    able.github.call("GET", able.name, "/pulls", "show pull requests", permissions=PULL_REQUESTS)
    assert all("deployments" not in token.permissions for token in able.github._clients)


def test_threads_that_need_a_token_at_once_ask_for_one(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: place.github.token_for(place.repo.owner, "fleet").value, range(16)))
    assert len(set(tokens)) == 1


def test_a_permission_that_was_not_granted_is_named(make_place: MakePlace) -> None:
    place = make_place(permissions={"contents": "read"})
    with pytest.raises(PermissionMissing, match="lacks the permission statuses: write") as raised:
        place.github.token_for(place.repo.owner, place.repo.name, permissions=STATUS_PERMISSIONS)
    assert raised.value.permission == "statuses: write"
    assert not raised.value.retryable


def test_an_app_that_was_installed_anew_is_found_again(place: Place) -> None:
    assert place.github.installation_for(place.repo.owner, place.repo.name).id == place.installation
    place.forge.uninstall(place.installation)
    anew = place.forge.install(place.app, place.repo.owner)
    assert place.github.token_for(place.repo.owner, place.repo.name).installation_id == anew


def test_a_revoked_token_is_replaced_by_the_next_call(place: Place) -> None:
    show = show_status(place)
    place.github.call(*show)
    [token] = place.github._clients
    headers = {"Authorization": f"Bearer {token.value}"}
    urllib3.request("DELETE", f"{place.forge.api_url}/installation/token", headers=headers)
    with pytest.raises(Unauthorized):
        place.github.call(*show)
    assert place.github.call(*show)["sha"] == place.head


def test_a_key_that_is_not_the_apps_is_unauthorized(place: Place, make_place: MakePlace) -> None:
    stolen = AppJwt(str(place.app.id), make_place().app.private_key_pem)
    github = GitHub(stolen, api_url=place.forge.api_url, allow_loopback=True)
    with pytest.raises(Unauthorized, match="JSON web token could not be decoded") as raised:
        github.installation_for(place.repo.owner, place.repo.name)
    assert "private key" in raised.value.remedy


@pytest.mark.parametrize(
    "key", ["", "nonsense", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(SettingsError, match="not an unencrypted RSA key") as raised:
        AppJwt("1", key)
    assert raised.value.__cause__ is None
    assert not key or key not in str(raised.value)


def test_secrets_do_not_show(place: Place) -> None:
    token = place.github.token_for(place.repo.owner, place.repo.name)
    assert token.value not in repr(token)
    assert "PRIVATE" not in repr(place.github._app)


def test_git_clones_with_the_apps_credentials(place: Place, tmp_path: Path) -> None:
    user, password = place.github.git_credentials(place.repo.owner, place.repo.name)
    assert user == "x-access-token"
    url = place.repo.clone_url.replace("://", f"://{user}:{password}@")
    subprocess.run(["git", "clone", "-q", url, str(tmp_path / "clone")], check=True)
    assert (tmp_path / "clone" / "a.txt").read_text() == "one\n"


def test_threads_that_share_a_client_get_their_own_answers(place: Place) -> None:
    shas = [place.forge.commit(place.repo, {"a.txt": f"{n}\n"}, f"{n}") for n in range(8)]

    def shown(sha: str) -> str:
        return str(place.github.call("GET", place.name, f"/commits/{sha}", "show a commit")["sha"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shown, shas * 10)) == shas * 10
